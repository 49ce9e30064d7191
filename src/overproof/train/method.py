"""What one way of training a student does otherwise than another; the session around it is the same for all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from overproof.config.training import TrainConfig
from overproof.runfolder import RunFolder
from overproof.train.arguments import Machine
from overproof.train.training_rows import Survey, TrainingRows

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Method(Protocol):
    """A way of training: from rows to one of TRL's trainers."""

    key: ClassVar[str]
    """The key of `train` that holds TRL's own keys."""
    unit: ClassVar[str]
    """What a row is called."""
    pairs: ClassVar[bool]
    """Whether a row is a pair of replies."""

    def output(self, folder: RunFolder) -> Path:
        """Where the student goes unless the config says otherwise."""

    def build_arguments(self, config: TrainConfig, output: Path, machine: Machine) -> Any:
        """TRL's config. Raises ConfigError for what TRL does not know or refuses."""

    def tokenise(
        self, config: TrainConfig, datasets: list[Path], tokenizer: PreTrainedTokenizerBase, target: Path, split: str
    ) -> Survey:
        """Write the rows of a split as TRL's trainer takes them."""

    def build_trainer(
        self, config: TrainConfig, tokenizer: PreTrainedTokenizerBase, arguments: Any, rows: TrainingRows
    ) -> Any:
        """TRL's trainer over the rows that were written."""

    def inspect(self, trainer: Any, survey: Survey) -> None:
        """Raise OverproofError when the loss would not cover what it should."""
