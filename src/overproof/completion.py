"""Reply → reasoning and answer; only this module knows where the one ends and the other begins.

Reasoning comes in a field of its own (vLLM, DeepSeek, DashScope, …) or inside the content between `<think>` or
`<thinking>` tags, however they are spelled. A chat template may have supplied the opening tag, so a reply that starts
without one and has a closing tag is whole. A block that is never closed has no answer after it, whoever opened it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from overproof.lettering import JOINERS, WITHOUT_WIDTH, is_plain
from overproof.records import Message, Trace

_INNER = r"\s?(?:think|thinking)(?:\s[^<>\n=]{0,20}=[^<>\n]{0,80})?\s?>"
"""A tag is known in any case, with spaces and attributes: what a reader takes for reasoning is read as reasoning."""
OPENING_TAG = re.compile(f"<{_INNER}", re.IGNORECASE)
CLOSING_TAG = re.compile(f"<\\s?/{_INNER}", re.IGNORECASE)

_OPENED = re.compile(f"<{_INNER}\\s*\\Z", re.IGNORECASE)
_INVISIBLE = re.compile(r"<!--(?:[^-]|-(?!->))*+(?:-->|\Z)|[" + WITHOUT_WIDTH + JOINERS + "]+")

_HIDDEN = re.compile(
    r"\\(?:[hv]?phantom\s?|(?:text)?color\s?\{white\}\s?)\{(?:[^{}]|\{(?:[^{}]|\{[^{}]{0,200}+\}){0,200}+\}){0,200}+\}"
    r"|<(\w{1,20})\s[^<>]{0,200}?\b(?:display:\s?none|visibility:\s?hidden|hidden\b(?!=))[^<>]{0,200}>.{0,2000}?</\1>",
    re.DOTALL | re.IGNORECASE,
)
_HIDES = ("phantom", "{white}", "display:", "visibility:", "hidden")
"""What any text has that is hidden so, in lower case: a look for these takes a tenth of the time."""


class Completion(msgspec.Struct, frozen=True):
    """A reply in its two parts."""

    reasoning: str | None
    """Text of the reasoning without its tags, stripped; None when the reply has no reasoning block at all."""
    answer: str
    """What follows the reasoning, stripped; empty when the reasoning never ends."""


def read_completion(trace: Trace) -> Completion:
    """The two parts of a trace's reply."""
    return split_completion(trace.content, trace.reasoning, is_opened=opens_reasoning(trace.messages))


def opens_reasoning(messages: Sequence[Message]) -> bool:
    """Whether a prompt ends with an opening tag, so that its reply begins within the reasoning."""
    return bool(messages) and _OPENED.search(messages[-1].content) is not None


def split_completion(content: str, reasoning: str | None = None, *, is_opened: bool = False) -> Completion:
    """Split a reply. `reasoning` is what came through a field of its own, None when there was no such field.

    The answer begins after the last closing tag, so that a tag quoted within the reasoning does not end it early.
    `is_opened` says that the prompt has opened the reasoning: without a closing tag all of the reply is reasoning then.
    """
    if reasoning is not None:
        return Completion(reasoning.strip(), content.strip())
    opening = OPENING_TAG.search(content)
    closing = None
    for closing in CLOSING_TAG.finditer(content):  # noqa: B007 - the last match is what is wanted
        pass
    if closing is not None:
        start = opening.end() if opening and opening.end() <= closing.start() else 0
        return Completion(content[start : closing.start()].strip(), content[closing.end() :].strip())
    if opening is not None:
        return Completion(content[opening.end() :].strip(), "")
    return Completion(content.strip(), "") if is_opened else Completion(None, content.strip())


def show_visible(text: str) -> str:
    """A text without what no reader sees: comments and hidden elements of HTML, phantoms, characters without width."""
    if "<!--" in text or not is_plain(text):
        text = _INVISIBLE.sub("", text)
    lowered = text.lower()
    return _HIDDEN.sub("", text) if any(word in lowered for word in _HIDES) else text
