"""A reply as it came → one reasoning and one answer; only this module knows the markers of other models.

Endpoints put the same reasoning in a field, between tags of many spellings, in both places at once, or leave a stray
tag or an end-of-turn token behind. `mend` turns all of these into the two forms that `completion` reads: text in a
field of its own, or one `<think>` block at the head of the content. What it did stands in marks; it only moves text
and takes markers away, and whatever it does not recognise it leaves as it came.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

MARKERS: tuple[tuple[str, str], ...] = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("◁think▷", "◁/think▷"),  # Kimi
    ("<seed:think>", "</seed:think>"),  # Seed-OSS
    ("[THINK]", "[/THINK]"),  # Magistral
    ("<thought>", "</thought>"),  # Gemini's compatible API, EXAONE
    ("<thoughts>", "</thoughts>"),
    ("<thought_process>", "</thought_process>"),
    ("<reasoning>", "</reasoning>"),
    ("<reason>", "</reason>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),  # Sky-T1, Bespoke-Stratos
    ("<|START_THINKING|>", "<|END_THINKING|>"),  # Command A Reasoning
    ("<|think|>", "<|/think|>"),
    ("<|channel>thought", "<channel|>"),  # Gemma 4
    ("<unused94>thought", "<unused95>"),  # MedGemma
    ("Here is my thought process:", "Here is my response:"),  # Granite 3
    ("Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]"),  # Apriel
)
"""Opening and closing marker of reasoning, in whatever case. A profile adds its own (`reasoning_markers`)."""
MARKS = {
    "other_markers": "the reasoning stood between another model's markers",
    "reasoning_twice": "the reasoning came in a field and in the content; one is kept",
    "reasoning_split": "the reasoning came half in a field, half in the content; it is joined",
    "answer_in_reasoning": "the answer came at the end of the reasoning's field",
    "stray_tag": "a reasoning tag was left without its fellow",
    "end_token": "a control token of the chat template was left at an end of the text",
}
"""Marks of what was mended, with their meaning."""

_KEPT_AS_THEY_ARE = {"<think>", "<thinking>"}
"""Openings that formats are defined by; any other is rewritten to the first."""
_SPELT_OUT = re.compile(r"here (?:is|are) ")
"""Markers that are plain English: they count only where both stand."""
_TAIL = 80
"""Characters at an end in which a control token is looked for; none is longer."""
_CONTROL = (
    r"(?:<\|[\w.\-▁/]{1,60}\|?>|<｜[^｜<>\n]{1,60}｜>|<(?:turn|channel)\|>"
    r"|</?s>|<(?:bos|eos|pad|end_of_turn|start_of_turn|end_of_utterance)>|\[/?INST\])"
)
_LAST_TOKEN = re.compile(_CONTROL + r"\s*\Z")
_FIRST_TOKEN = re.compile(r"\s*" + _CONTROL)
_MOST_TOKENS = 8
"""Control tokens in a row that are taken away; more are no accident of a template."""
_ANY_OPENING = re.compile(r"\s*<think(?:ing)?>")
_ANY_CLOSING = re.compile(r"</think(?:ing)?>")
_CHANNEL = re.compile(
    r"<\|channel\|>\s*(\w+)[^<]*<\|message\|>(.*?)(?=<\|end\|>|<\|return\|>|<\|call\|>|<\|start\|>|<\|channel\|>|\Z)",
    re.DOTALL,
)
"""A message of OpenAI's harmony format: channels analysis, commentary and final."""
_ROLE = re.compile(r"<\|start\|>\w*\s*\Z")
_BARE_HARMONY = re.compile(r"\s*(?:assistant)?(?:analysis(.*?))?assistantfinal(.*)\Z", re.DOTALL)
"""The same where the server has dropped the control tokens and left the words between them."""


class Mended(NamedTuple):
    """A reply in one of the two forms."""

    content: str
    reasoning: str | None
    """Text of a field of its own, None when any reasoning is inside `content`."""
    marks: list[str]
    """What was mended, by the names of MARKS."""

    @property
    def has_inline_reasoning(self) -> bool:
        """Whether the content holds a reasoning block."""
        return bool(_ANY_OPENING.match(self.content) or _ANY_CLOSING.search(self.content))


def mend(content: str, reasoning: str | None, own_markers: Sequence[tuple[str, str]] = ()) -> Mended:
    """Bring a reply into one of the two forms; `own_markers` are looked for before MARKERS.

    A block counts where it begins the content, or where only its closing marker stands (a chat template may have
    supplied the opening). Tags that are quoted later in the text are left alone.
    """
    marks: list[str] = []
    if reasoning is not None and not reasoning.strip():
        reasoning = None
    content = _note(marks, "other_markers", content, _rewrite_harmony(content))
    content = _note(marks, "end_token", content, _without_tokens(content))
    content = _note(marks, "other_markers", content, _rewrite_markers(content, (*own_markers, *MARKERS)))
    if reasoning is not None:
        reasoning = _note(marks, "end_token", reasoning, _without_tokens(reasoning))
        reasoning = _rewrite_markers(reasoning, (*own_markers, *MARKERS))
        content, reasoning = _mend_field(content, reasoning, marks)
        content, reasoning = _merge(content, reasoning, marks)
    return Mended(content, reasoning, list(dict.fromkeys(marks)))


def _note(marks: list[str], mark: str, before: str, after: str) -> str:
    if after != before:
        marks.append(mark)
    return after


def _rewrite_harmony(content: str) -> str:
    """Harmony's channels as one think block and the answer; any other text as it is."""
    start = content.find("<|channel|>")
    if start >= 0 and (messages := list(_CHANNEL.finditer(content))):
        lead = _without_tokens(_ROLE.sub("", content[:start]))
        thoughts = [lead, *(found[2] for found in messages if found[1] != "final")]
        answer = "".join(found[2] for found in messages if found[1] == "final")
        thought = "\n".join(one.strip() for one in thoughts if one.strip())
        if not any(found[1] == "final" for found in messages):
            return f"<think>{thought}"
        return f"<think>{thought}</think>{answer}" if thought else answer
    if "assistantfinal" in content and (bare := _BARE_HARMONY.match(content)):
        return f"<think>{bare[1]}</think>{bare[2]}" if bare[1] else bare[2]
    return content


def _rewrite_markers(text: str, markers: Sequence[tuple[str, str]]) -> str:
    """The text with its one block between `<think>` tags, whatever markers it came with."""
    folded = text.lower()
    if len(folded) != len(text):  # a letter whose small form is longer: positions would not agree
        folded = text
    head = len(text) - len(text.lstrip())
    for opening, closing in markers:
        low_opening, low_closing = opening.lower(), closing.lower()
        opens = folded.startswith(low_opening, head)
        close = folded.rfind(low_closing)
        if opens and (close >= 0 or not _SPELT_OUT.match(low_opening)):
            return _rewritten(text, head, opening, closing, close)
        if close >= 0 and low_opening not in folded and not _SPELT_OUT.match(low_opening):
            return _rewritten(text, None, opening, closing, close)
    return text


def _rewritten(text: str, head: int | None, opening: str, closing: str, close: int) -> str:
    """The text with its opening at `head` (None: not there) and its closing at `close` (below 0: not there)."""
    kept = opening.lower() if opening.lower() in _KEPT_AS_THEY_ARE else "<think>"
    start = "" if head is None else text[:head] + kept
    after = 0 if head is None else head + len(opening)
    if close < after:
        return start + text[after:]
    answer = text[close + len(closing) :]
    if kept != opening.lower():
        answer = _without_first_token(answer)  # some wrap the answer in tokens of its own
    return f"{start}{text[after:close]}{kept.replace('<', '</')}{answer}"


def _without_tokens(text: str) -> str:
    """The text without control tokens at its ends; untouched where there are none."""
    for _ in range(_MOST_TOKENS):
        found = _LAST_TOKEN.search(text, max(0, len(text.rstrip()) - _TAIL))
        if found is None or _is_marker(found.group().strip()):
            break
        text = text[: found.start()]
    return _without_first_token(text)


def _without_first_token(text: str) -> str:
    found = _FIRST_TOKEN.match(text)
    return text[found.end() :] if found is not None and not _is_marker(found.group().strip()) else text


def _is_marker(token: str) -> bool:
    return any(token.lower() in {opening.lower(), closing.lower()} for opening, closing in MARKERS)


def _mend_field(content: str, reasoning: str, marks: list[str]) -> tuple[str, str]:
    """Take the tags out of a field that is reasoning anyway, and the answer where it came at the field's end."""
    opening = _ANY_OPENING.match(reasoning)
    start = opening.end() if opening is not None else 0
    closings = list(_ANY_CLOSING.finditer(reasoning, start))
    inside = reasoning[start : closings[-1].start()] if closings else reasoning[start:]
    after = reasoning[closings[-1].end() :] if closings else ""
    if not opening and not closings:
        return content, reasoning
    if not after.strip():
        marks.append("stray_tag")
        return content, inside
    if not content.strip():
        marks.append("answer_in_reasoning")
        return after, inside
    if _are_alike(after, content):
        marks.append("reasoning_twice")
        return content, inside
    return content, reasoning


def _merge(content: str, reasoning: str, marks: list[str]) -> tuple[str, str]:
    """One reasoning from a field and what the content holds of it; both as they are where they contradict."""
    opening = _ANY_OPENING.match(content)
    closings = list(_ANY_CLOSING.finditer(content))
    if opening is None and (not closings or _ANY_OPENING.search(content)):
        return content, reasoning
    start = opening.end() if opening is not None else 0
    if not closings:  # the content ends within a block, or holds nothing but a tag
        inside, answer = content[start:], ""
    else:
        inside, answer = content[start : closings[-1].start()], content[closings[-1].end() :]
    if not inside.strip():
        marks.append("stray_tag")
        return answer, reasoning
    if not closings and not _are_alike(inside, reasoning):
        return content, reasoning
    if _are_alike(inside, reasoning):
        marks.append("reasoning_twice")
        return answer, max(reasoning, inside, key=len)
    if opening is None:
        marks.append("reasoning_split")
        return answer, f"{reasoning.rstrip()}\n{inside.lstrip()}"
    return content, reasoning


def _are_alike(one: str, other: str) -> bool:
    """Whether two texts are the same but for spaces, or one is a part of the other."""
    shorter, longer = sorted(("".join(one.split()), "".join(other.split())), key=len)
    return shorter in longer
