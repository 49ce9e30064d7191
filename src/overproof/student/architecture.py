"""A student's class and shapes, from its config.json alone: only this module builds a model that has no weights."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from overproof.errors import ConfigError

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel


def read_architecture(student: str) -> PreTrainedConfig:
    """The config of a student. Raises ConfigError when transformers cannot read it."""
    from transformers import AutoConfig

    try:
        config: PreTrainedConfig = AutoConfig.from_pretrained(student)
    except (OSError, ValueError) as error:
        raise ConfigError(f"student: {student} is no checkpoint that transformers can read: {error}") from None
    return config


def count_positions(student: str) -> int | None:
    """Positions that the student's config promises; None when it says nothing."""
    positions = getattr(read_architecture(student).get_text_config(), "max_position_embeddings", None)
    return positions if isinstance(positions, int) else None


def count_vocabulary(student: str) -> int | None:
    """Tokens that the student's config has an embedding for; None when it says nothing."""
    size = getattr(read_architecture(student).get_text_config(), "vocab_size", None)
    return size if isinstance(size, int) else None


def build_empty(config: PreTrainedConfig, **keys: Any) -> PreTrainedModel:
    """A model of the class that TRL trains, on whatever device is the default; only its shapes mean anything."""
    import transformers

    named: Any = getattr(transformers, (config.architectures or [""])[0], None)
    general: Any = transformers.AutoModelForCausalLM
    model: PreTrainedModel = (
        named._from_config(config, **keys) if named is not None else general.from_config(config, **keys)  # noqa: SLF001
    )
    return model


def find_towers(student: str) -> str | None:
    """A pattern for the names of all modules outside the language model; None for a student that only reads."""
    import torch

    config = read_architecture(student)
    if config.get_text_config() is config:
        return None
    with torch.device("meta"):
        model: Any = build_empty(config)
    language = model.get_decoder()
    prefix = next(name for name, module in model.named_modules() if module is language)
    return rf"(?!{re.escape(prefix)}\.).*"
