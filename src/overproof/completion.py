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

_TURN = re.compile(r"(?:[|｜]>|\b(?:assistant|model)\b[|｜:>]*|\[/INST\])\s*\Z", re.IGNORECASE)
"""What a prompt written out as text has before the reply that it begins: a special token, a role, "Assistant:"."""
_LONGEST_TURN = 60
_INVISIBLE = re.compile(r"<!--(?:[^-]|-(?!->))*+(?:-->|\Z)|[" + WITHOUT_WIDTH + JOINERS + "]+")

_BRACED = r"\{(?:[^{}]|\{(?:[^{}]|\{[^{}]{0,200}+\}){0,200}+\}){0,200}+\}"
_STYLE = (
    r"display:\s?none|visibility:\s?hidden|hidden\b(?!=)|(?:opacity|font-size):\s?0(?![\d.]*[1-9])"
    r"|color:\s?(?:transparent|white|#fff(?:fff)?\b)"
)
_HIDDEN = re.compile(
    rf"\\(?:[hv]?phantom\s?|(?:text)?color\s?\{{white\}}\s?|scalebox\s?\{{0\}}\s?){_BRACED}"
    rf"|\{{\s{{0,9}}\\color\s?\{{white\}}(?:[^{{}}]|{_BRACED}){{0,200}}+\}}"
    r"|\\(?:color\s?\{white\}|transparent\s?\{0\})(?:(?!\\color\b|\\transparent\b).)*+"  # to the next, or the end
    r"|\\iffalse\b.{0,2000}?\\fi\b"
    rf"|<(\w{{1,20}})\s[^<>]{{0,200}}?\b(?:{_STYLE})[^<>]{{0,200}}>.{{0,2000}}?</\1>"
    r"|<(script|style|template)\b[^<>]{0,200}>.{0,2000}?</\2>"
    r"|^\[//\]:\s?#\s?\([^\n]*\)$",
    re.DOTALL | re.IGNORECASE | re.MULTILINE,
)
_HIDES = (
    *("phantom", "white", "transparent", "scalebox", "\\iffalse", "display:", "visibility:", "hidden", "opacity:"),
    *("font-size:", "#fff", "<script", "<style", "<template", "[//]:"),
)
"""What any text has that is hidden so, in lower case: a look for these takes a tenth of the time."""


class Completion(msgspec.Struct, frozen=True):
    """A reply in its two parts."""

    reasoning: str | None
    """Text of the reasoning without its tags, stripped; None when the reply has no reasoning block at all."""
    answer: str
    """What follows the reasoning, stripped; empty when the reasoning never ends."""

    @property
    def text(self) -> str:
        """Reasoning and answer in one: what two replies share that say the same, however each came."""
        return f"{self.reasoning or ''}\n{self.answer}"


def read_completion(trace: Trace) -> Completion:
    """The two parts of a trace's reply."""
    return split_completion(trace.content, trace.reasoning, is_opened=opens_reasoning(trace.messages))


def opens_reasoning(messages: Sequence[Message]) -> bool:
    """Whether a prompt opens a block that it does not close, so that its reply begins within the reasoning.

    It does so at its end, or at the begin of the reply that it starts; a user who only speaks of a tag opens nothing.
    """
    if not messages or "think" not in messages[-1].content.lower():
        return False
    text = show_visible(messages[-1].content)
    opening = None
    for opening in OPENING_TAG.finditer(text):  # noqa: B007 - the last match is what is wanted
        pass
    if opening is None or CLOSING_TAG.search(text, opening.end()):
        return False
    begins = messages[-1].role == "assistant" or not text[opening.end() :].strip()
    return begins or _TURN.search(text[max(0, opening.start() - _LONGEST_TURN) : opening.start()]) is not None


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
