"""What a message holds, in whatever form → texts, each with its kind; only this module knows typed content parts.

A field may be a string, an object with a text, or a list of parts that say what they are: Mistral's and Anthropic's
`thinking`, OpenRouter's `reasoning.text`, `reasoning.summary` and `reasoning.encrypted`, OpenAI's `summary_text`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from overproof.teacher.words import fold

Kind = Literal["text", "reasoning", "summary", "encrypted"]
"""text: of the answer; reasoning: of a chain of thought; summary: somebody's summary of one; encrypted: unreadable."""

_TEXT_KEYS = ("text", "content", "thinking", "reasoning", "refusal", "reasoningContent", "reasoningText")
"""Where an object keeps its text, likeliest first."""
_REASONING_KEYS = frozenset({"thinking", "reasoningContent", "reasoningText"})
"""Keys of text that is reasoning where nothing else says what it is (Anthropic; Bedrock)."""
_SEALED_KEYS = ("data", "encrypted_content")
"""Where it keeps what nobody can read."""
_KINDS_OF_TYPE: tuple[tuple[str, Kind], ...] = (
    ("summary", "summary"),
    ("encrypted", "encrypted"),
    ("redacted", "encrypted"),
    ("think", "reasoning"),
    ("thought", "reasoning"),
    ("reason", "reasoning"),
)
"""Parts of a type's name, and the kind that they tell of; the first that is found counts."""


def read_parts(value: Any, kind: Kind) -> Iterator[tuple[Kind, str]]:
    """Every text in `value` with its kind; `kind` is that of the field it stands in. Encrypted parts come as empty."""
    if isinstance(value, str):
        if value:
            yield kind, value
    elif isinstance(value, Mapping):
        yield from _read_object(value, _kind_of(value.get("type"), kind))
    elif isinstance(value, Sequence):
        for part in value:
            yield from read_parts(part, kind)


def _read_object(value: Mapping[str, Any], kind: Kind) -> Iterator[tuple[Kind, str]]:
    if value.get("summary"):
        yield from read_parts(value["summary"], "summary")
    key = next((key for key in _TEXT_KEYS if value.get(key)), None)
    if key is not None and kind != "encrypted":
        yield from read_parts(value[key], "reasoning" if key in _REASONING_KEYS and kind == "text" else kind)
    elif kind == "encrypted" or any(value.get(sealed) for sealed in _SEALED_KEYS):
        yield "encrypted", ""


def _kind_of(name: Any, kind: Kind) -> Kind:
    """The kind that a part's type tells of; what a summary holds is a summary."""
    if not isinstance(name, str) or kind == "summary":
        return kind
    folded = fold(name)
    return next((told for part, told in _KINDS_OF_TYPE if part in folded), kind)
