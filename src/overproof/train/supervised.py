"""Supervised fine-tuning: the loss on the reply of each row, by TRL's SFTTrainer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from overproof.config.training import TrainConfig
from overproof.runfolder import RunFolder
from overproof.student.adapters import build_adapter
from overproof.student.checkpoint import find_student
from overproof.train.arguments import Machine, build_arguments
from overproof.train.inspection import check_isolation, check_labels
from overproof.train.resuming import rows_folder
from overproof.train.training_rows import Survey, TrainingRows, open_rows, tokenise_rows

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase
    from trl.trainer.sft_config import SFTConfig

_MUCH_PADDING = 0.1
"""Share of padding from which rows are ordered by length."""


class Supervised:
    """`overproof sft`."""

    key: ClassVar[str] = "sft"
    unit: ClassVar[str] = "rows"
    pairs: ClassVar[bool] = False

    def output(self, folder: RunFolder) -> Path:
        """The run's student."""
        return folder.student

    def build_arguments(self, config: TrainConfig, output: Path, machine: Machine) -> SFTConfig:
        """TRL's SFTConfig."""
        return build_arguments(config, output, machine)

    def tokenise(
        self, config: TrainConfig, datasets: list[Path], tokenizer: PreTrainedTokenizerBase, target: Path, split: str
    ) -> Survey:
        """Tokens and labels of each row."""
        return tokenise_rows(datasets, tokenizer, target, split, empty_block_in_loss=config.empty_block_in_loss)

    def build_trainer(
        self, config: TrainConfig, tokenizer: PreTrainedTokenizerBase, arguments: Any, rows: TrainingRows
    ) -> Any:
        """TRL's trainer over the rows. Nothing can be cut: rows that are too long are gone already."""
        from trl.trainer.sft_trainer import SFTTrainer

        cache = rows_folder(Path(str(arguments.output_dir)))
        arguments.max_length = rows.limit if arguments.packing else None
        _order_by_length(config, arguments, rows)
        student = find_student(config.student)
        trainer = SFTTrainer(
            model=student,
            args=arguments,
            train_dataset=open_rows(cache / "train.arrow", rows.limit),
            eval_dataset=open_rows(cache / "validation.arrow", rows.limit) if arguments.eval_strategy != "no" else None,
            processing_class=tokenizer,
            peft_config=build_adapter(config.lora, student),
        )
        if arguments.packing:
            check_isolation(trainer)
        return trainer

    def inspect(self, trainer: Any, survey: Survey) -> None:
        """The loss covers the replies, their ends of turn, and nothing else."""
        check_labels(trainer, survey.digests)


def _order_by_length(config: TrainConfig, arguments: SFTConfig, rows: TrainingRows) -> None:
    """Put rows of like length into one batch where batches of any rows would be padded much and nothing packs them.

    Not where there are two modes: length would sort them by mode, and steps would pull the student one way in turn.
    """
    key = "train_sampling_strategy"
    free = hasattr(arguments, key) and key not in config.sft and not arguments.packing
    if free and rows.padding > _MUCH_PADDING and len(rows.modes) < 2:
        setattr(arguments, key, "group_by_length")
