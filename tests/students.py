"""Student folders for tests: a real byte-level tokenizer with Qwen's control tokens, and TRL's chat templates."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

CONTROL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
THINK_TOKENS = ["<think>", "</think>"]


def trl_template(name: str) -> str:
    """A chat template as TRL ships it; skips the test where TRL is not installed."""
    spec = importlib.util.find_spec("trl")
    if spec is None or spec.origin is None:
        pytest.skip("trl is not installed, which holds the chat templates")
    return (Path(spec.origin).parent / "chat_templates" / f"{name}.jinja").read_text(encoding="utf-8")


def make_student(folder: Path, template: str | None, *, eos_token: str = "<|im_end|>") -> str:
    """Save a tokenizer with this template and name its folder; skips the test where transformers is not installed."""
    transformers = pytest.importorskip("transformers")
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, special_tokens=CONTROL_TOKENS)
    tokenizer.train_from_iterator(["two and two make four"], trainer)
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in THINK_TOKENS])
    saved = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=eos_token, pad_token="<|endoftext|>"
    )
    saved.chat_template = template
    saved.save_pretrained(folder)
    return str(folder)
