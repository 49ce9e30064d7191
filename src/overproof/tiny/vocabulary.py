"""The tiny models' tokenizer: byte-level BPE of 1,024 tokens with Qwen's way of cutting text into words."""

from __future__ import annotations

import itertools
import json

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from overproof.tiny.chat import SPECIAL_TOKENS, THINK_TOKENS, render_prompt
from overproof.tiny.corpus import TEACHER_NOISE, write_corpus

VOCABULARY_SIZE = 1024

_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""Qwen2's and Qwen3's pre-tokenisation; each digit is a word of its own."""


_EXAMPLES = 20_000
_SEED = 1_000_000


def train_tokenizer() -> Tokenizer:
    """The tokenizer of both models, learned from the teacher's corpus; it comes out the same every time.

    Every Unicode text encodes, and decodes to itself.
    """
    examples = itertools.islice(write_corpus(TEACHER_NOISE, seed=_SEED), _EXAMPLES)
    texts = (render_prompt(example.messages) + example.reply for example in examples)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        special_tokens=[*SPECIAL_TOKENS, *THINK_TOKENS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return _with_visible_think_tokens(tokenizer)


def _with_visible_think_tokens(tokenizer: Tokenizer) -> Tokenizer:
    """The think tokens as Qwen has them: single tokens that decoding keeps as text."""
    state = json.loads(tokenizer.to_str())
    for token in state["added_tokens"]:
        token["special"] = token["content"] not in THINK_TOKENS
    return Tokenizer.from_str(json.dumps(state))
