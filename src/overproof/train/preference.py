"""Direct preference optimisation on pairs of a right and a wrong reply, by TRL's DPOTrainer.

Rafailov et al. 2023 (arXiv 2305.18290). The student as it was is the reference that it may not leave too far behind.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from overproof.config.training import TrainConfig
from overproof.runfolder import RunFolder
from overproof.student.adapters import build_adapter
from overproof.student.checkpoint import find_student
from overproof.train.arguments import Machine, build_preference_arguments
from overproof.train.inspection import check_pairs
from overproof.train.resuming import rows_folder
from overproof.train.training_rows import Survey, TrainingRows, open_rows, tokenise_pairs

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase
    from trl.trainer.dpo_config import DPOConfig


class Preference:
    """`overproof dpo`."""

    key: ClassVar[str] = "dpo"
    unit: ClassVar[str] = "pairs"
    pairs: ClassVar[bool] = True

    def output(self, folder: RunFolder) -> Path:
        """Beside the run's student."""
        return folder.preferred

    def build_arguments(self, config: TrainConfig, output: Path, machine: Machine) -> DPOConfig:
        """TRL's DPOConfig."""
        return build_preference_arguments(config, output, machine)

    def tokenise(
        self, config: TrainConfig, datasets: list[Path], tokenizer: PreTrainedTokenizerBase, target: Path, split: str
    ) -> Survey:
        """Tokens of each prompt and of its two replies; an empty think block is always part of the prompt."""
        del config
        return tokenise_pairs(datasets, tokenizer, target, split)

    def build_trainer(
        self, config: TrainConfig, tokenizer: PreTrainedTokenizerBase, arguments: Any, rows: TrainingRows
    ) -> Any:
        """TRL's trainer over the pairs, which it neither renders nor cuts."""
        from trl.trainer.dpo_trainer import DPOTrainer

        class PairTrainer(DPOTrainer):
            """DPOTrainer over tokens; its own preparation renders and tokenises once more."""

            def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
                return dataset

        cache = rows_folder(Path(str(arguments.output_dir)))
        arguments.max_length = None
        student = find_student(config.student)
        return PairTrainer(
            model=student,
            args=arguments,
            train_dataset=open_rows(cache / "train.arrow", rows.limit),
            eval_dataset=open_rows(cache / "validation.arrow", rows.limit) if arguments.eval_strategy != "no" else None,
            processing_class=tokenizer,
            peft_config=build_adapter(config.lora, student),
        )

    def inspect(self, trainer: Any, survey: Survey) -> None:
        """Both replies of a pair are compared whole, and the right one is the one that is to gain."""
        check_pairs(trainer, survey.digests)
