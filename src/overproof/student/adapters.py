"""The `lora` table → adapters as peft wants them described; it keeps them off what is not to be trained."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from overproof.config.training import LoraConfig
from overproof.errors import MissingExtraError
from overproof.student.architecture import find_towers

if TYPE_CHECKING:
    import peft


def build_adapter(lora: LoraConfig | None, student: str) -> peft.LoraConfig | None:
    """Adapters for the language model of a student; None when every weight is trained.

    Raises MissingExtraError without peft, ConfigError for a student that transformers cannot read.
    """
    if lora is None:
        return None
    if find_spec("peft") is None:
        raise MissingExtraError("Training low-rank adapters (lora)", "train")
    import peft

    return peft.LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,  # type: ignore[arg-type] # a scale; peft computes with fractions too
        lora_dropout=lora.dropout,
        target_modules=lora.target_modules,
        exclude_modules=find_towers(student),
        task_type="CAUSAL_LM",
    )
