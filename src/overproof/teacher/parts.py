"""What a message holds, in whatever form → texts, each with its kind; only this module knows typed content parts.

A field may be a string, an object with a text, or a list of parts that say what they are: Mistral's and Anthropic's
`thinking`, OpenRouter's `reasoning.text`, `reasoning.summary` and `reasoning.encrypted`, OpenAI's `summary_text`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from overproof.teacher.words import fold, names_reasoning

Kind = Literal["text", "reasoning", "summary", "encrypted"]
"""text: of the answer; reasoning: of a chain of thought; summary: somebody's summary of one; encrypted: unreadable."""

_TEXT_KEYS = ("text", "content", "reasoning", "refusal", "value", "steps", "parts")
"""Where an object keeps its text, likeliest first; after these under any name that tells of reasoning."""
_KIND_KEYS = ("type", "role", "channel", "phase", "kind")
"""Where a part or a message says what its text is."""
_FLAGS = frozenset({"thinking", "reasoning", "isthinking", "isreasoning", "isthought"})
"""Keys that are true where the text beside them is reasoning."""
_SEALED_KEYS = ("data", "encrypted_content")
"""Where it keeps what nobody can read."""
_KINDS_OF_TYPE: tuple[tuple[str, Kind], ...] = (
    ("summary", "summary"),
    ("encrypted", "encrypted"),
    ("redacted", "encrypted"),
    ("think", "reasoning"),
    ("thought", "reasoning"),
    ("reason", "reasoning"),
    ("analysis", "reasoning"),
    ("commentary", "reasoning"),
)
"""Parts of a type's name, and the kind that they tell of; the first that is found counts."""


def read_parts(value: Any, kind: Kind) -> Iterator[tuple[Kind, str]]:
    """Every text in `value` with its kind; `kind` is that of the field it stands in. Encrypted parts come as empty."""
    if isinstance(value, str):
        if value:
            yield kind, value
    elif isinstance(value, Mapping):
        yield from _read_object(value, kind)
    elif isinstance(value, Sequence):
        for part in value:
            yield from read_parts(part, kind)


def read_kind(holder: Mapping[str, Any], kind: Kind) -> Kind:
    """What a part or a message says of its own text; `kind` where it says nothing.

    A part that Google marks as a thought is a summary of one (ai.google.dev, thinking).
    """
    if holder.get("thought") is True:
        return "summary"
    if any(value is True and fold(key) in _FLAGS for key, value in holder.items()):
        return "reasoning"
    for key in _KIND_KEYS:
        told = _kind_of(holder.get(key), kind)
        if told != kind:
            return told
    return kind


def _read_object(value: Mapping[str, Any], kind: Kind) -> Iterator[tuple[Kind, str]]:
    kind = read_kind(value, kind)
    if value.get("summary"):
        yield from read_parts(value["summary"], "summary")
    held = {key: one for key, one in value.items() if one and isinstance(one, str | Mapping | list)}
    key = next((key for key in _TEXT_KEYS if key in held), None)
    if key is None or key == "reasoning":
        named = next((one for one in held if one not in _KIND_KEYS and names_reasoning(one)), key)
        key, kind = named, "reasoning" if named is not None and kind == "text" else kind
    if key is not None and kind != "encrypted":
        yield from read_parts(value[key], kind)
    elif kind == "encrypted" or any(value.get(sealed) for sealed in _SEALED_KEYS):
        yield "encrypted", ""


def _kind_of(name: Any, kind: Kind) -> Kind:
    """The kind that a part's type tells of; what a summary holds is a summary."""
    if not isinstance(name, str) or kind == "summary":
        return kind
    folded = fold(name)
    return next((told for part, told in _KINDS_OF_TYPE if part in folded), kind)
