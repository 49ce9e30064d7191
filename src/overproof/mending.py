"""A reply as it came → one reasoning and one answer; only this module knows the markers of other models.

Endpoints put the same reasoning in a field, between tags of many spellings, in both places at once, or leave a stray
tag or an end-of-turn token behind. `mend` turns all of these into the two forms that `completion` reads: text in a
field of its own, or one `<think>` block at the head of the content. What it did stands in marks; it only moves text
and takes markers away, and whatever it does not recognise it leaves as it came.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

TAGS = (
    "think",
    "thinking",
    "thought",  # Gemini's compatible API, EXAONE
    "thoughts",
    "thought_process",
    "inner_thought",
    "inner_thoughts",
    "reasoning",
    "reason",
    "rationale",
    "reflection",
    "scratchpad",
    "analysis",
    "deliberation",
    "monologue",
    "cot",
    "chain_of_thought",
    "思考",
    "思考过程",
    "推理",
)
"""Names of tags around reasoning, in whatever case, behind a prefix (`seed:think`, `longcat_think`, `antThinking`) and
with attributes or not."""
MARKERS: tuple[tuple[str, str], ...] = (
    ("◁think▷", "◁/think▷"),  # Kimi
    ("[THINK]", "[/THINK]"),  # Magistral
    ("<|begin_of_thought|>", "<|end_of_thought|>"),  # Sky-T1, Bespoke-Stratos
    ("<|START_THINKING|>", "<|END_THINKING|>"),  # Command A Reasoning
    ("<|think|>", "<|/think|>"),
    ("<|channel>thought", "<channel|>"),  # Gemma 4
    ("<unused94>thought", "<unused95>"),  # MedGemma
    ("<think_start>", "<think_end>"),
    ("Here is my thought process:", "Here is my response:"),  # Granite 3
    ("Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]"),  # Apriel
)
"""Other openings and closings of reasoning, in whatever case. A profile adds its own (`reasoning_markers`)."""
MARKS = {
    "other_markers": "the reasoning stood between another model's markers",
    "reasoning_twice": "the reasoning came in a field and in the content; one is kept",
    "reasoning_split": "the reasoning came half in a field, half in the content; it is joined",
    "answer_in_reasoning": "the answer came at the end of the reasoning's field",
    "stray_tag": "a reasoning tag was left without its fellow",
    "end_token": "a control token of the chat template was left at an end of the text",
}
"""Marks of what was mended, with their meaning."""

_NOTHING_NEW = re.compile(r"</?think(?:ing)?>|\s+")
_PLAIN_TAG = re.compile(r"</?(think|thinking)>")
"""Tags that formats are defined by; any other is rewritten to the first."""
_CLOSING_NAME = re.compile(r"<\s*/\s*(?:\w+:)?(\w+)")
_PREFIX = r"(?:\w+[:_]|(?-i:[a-z]+(?=[A-Z])))?"
_LEFT, _RIGHT = (r"(?:<\||[<＜\[{◁【]|&lt;|\\u003c)\s*", r"\s*(?:\|>|[>＞\]}▷】]|&gt;|\\u003e)")
"""Brackets of all kinds around the name of a tag."""
_FOLDED_BLOCK = r"<details\s[^<>]*\breasoning\b[^<>]*>(?:\s*<summary>[^<>]*</summary>)?"
"""How Open WebUI hides reasoning in a page."""
_EMPTY_TAG = re.compile(r"\s*<\s*think(?:ing)?\s*/\s*>")
_SPELT_OUT = re.compile(r"Here\\? (?:is|are)\\? ")
"""Markers that are plain English: they count only where both stand."""
_TAIL = 80
"""Characters at an end in which a control token is looked for; none is longer."""
_CONTROL = (
    r"(?:<\|[\w.\-▁/]{1,60}\|?>|<｜[^｜<>\n]{1,60}｜>|<(?:turn|channel)\|>|<\w+:[be]os>|\[\|\w{1,60}\|\]"
    r"|\[e~\[|\]~b\]\w*|\[UNUSED_TOKEN_\d+\]|\[(?:BEGIN|END) FINAL RESPONSE\]"
    r"|</?s>|<(?:bos|eos|pad|end_of_turn|start_of_turn|end_of_utterance)>|\[/?INST\])"
)
_LAST_TOKEN = re.compile(_CONTROL + r"\s*\Z")
_ROLE_TOKENS = r"<\|(?:im_start|start|start_header_id)\|>\s*assistant\b\s*(?:<\|end_header_id\|>)?"
_FIRST_TOKEN = re.compile(rf"\s*(?:{_ROLE_TOKENS}|{_CONTROL})")
_MOST_TOKENS = 8
"""Control tokens in a row that are taken away; more are no accident of a template."""
_ANY_OPENING = re.compile(r"\s*<think(?:ing)?>")
_ANY_CLOSING = re.compile(r"</think(?:ing)?>")
_CHANNEL = re.compile(
    r"<\|channel\|?>\s*(\w+)[^<]*(?:<\|constrain\|?>[^<]*)?<\|message\|?>"
    r"(.*?)(?=<\|(?:end|return|call|start|channel)\|?>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
"""A message of OpenAI's harmony format: channels analysis, commentary and final."""
_ROLE = re.compile(r"<\|start\|?>\w*\s*\Z", re.IGNORECASE)
_LOST_CHANNEL = re.compile(r"\s*(?=(?:analysis|commentary|final)\s*<\|message\|?>)", re.IGNORECASE)
"""The same where the server has dropped the first token alone."""
_BARE_HARMONY = re.compile(r"\s*(?:assistant)?(?:analysis(.*?))?assistantfinal(.*)\Z", re.DOTALL)
"""The same where the server has dropped the control tokens and left the words between them."""


class MendedReply(NamedTuple):
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


def mend(content: str, reasoning: str | None, own_markers: Sequence[tuple[str, str]] = ()) -> MendedReply:
    """Bring a reply into one of the two forms; `own_markers` are looked for before MARKERS.

    A block counts where it begins the content, or where only its closing marker stands (a chat template may have
    supplied the opening). Tags that are quoted later in the text are left alone.
    """
    marks: list[str] = []
    markers = _compile(tuple((opening, closing) for opening, closing in own_markers))
    if reasoning is not None and not reasoning.strip():
        reasoning = None
    content = _note(marks, "other_markers", content, _rewrite_harmony(content))
    content = _note(marks, "end_token", content, _without_tokens(content, markers))
    content = _note(marks, "stray_tag", content, _without_empty_tag(content))
    content = _rewrite_markers(content, markers, marks)
    if reasoning is not None:
        reasoning = _rewrite_harmony(reasoning)
        reasoning = _note(marks, "end_token", reasoning, _without_tokens(reasoning, markers))
        reasoning = _rewrite_markers(reasoning, markers, [])
        content, reasoning = _mend_field(content, reasoning, marks)
        content, reasoning = _merge(content, reasoning, marks)
    return MendedReply(content, reasoning, list(dict.fromkeys(marks)))


class _Marker(NamedTuple):
    """One pair of markers, to be found in any text."""

    opening: re.Pattern[str]
    """All of them where several stand in a row."""
    closing: re.Pattern[str]
    name: str
    """Of a tag in small letters, or all of another closing, so that most texts need not be searched."""
    needs_both: bool
    """Whether it is of a form that other texts hold too, and counts only where both stand."""


@lru_cache(16)
def _compile(own: tuple[tuple[str, str], ...]) -> tuple[_Marker, ...]:
    """The markers of a profile and those of all, in the order in which they are looked for."""
    tags = [_pair(rf"<\s*{_PREFIX}{tag}(?:\s[^<>]*)?>", rf"<\s*/\s*{_PREFIX}{tag}(?:\s[^<>]*)?>", tag) for tag in TAGS]
    literal = [_pair(re.escape(opening), re.escape(closing), closing.lower()) for opening, closing in (*own, *MARKERS)]
    folded = _pair(_FOLDED_BLOCK, r"</details\s*>", "details")
    return (*literal[: len(own)], *tags, folded, *literal[len(own) :], *map(_dress, TAGS))


def _dress(tag: str) -> _Marker:
    """A tag between other brackets, or with its side in words: `[THINK]`, `<|begin_of_think|>`, `&lt;think&gt;`.

    Such words may stand in any text, so that both sides have to.
    """
    opening = rf"{_LEFT}(?:(?:begin|start)(?:_of)?_)?{tag}(?:_(?:begin|start))?{_RIGHT}"
    closing = rf"{_LEFT}(?:[/／]\s*|end(?:_of)?_(?=\w)|(?=\w+_(?:end|stop)\b)){tag}(?:_(?:end|stop))?{_RIGHT}"
    return _pair(opening, closing, tag, needs_both=True)


def _pair(opening: str, closing: str, name: str, *, needs_both: bool = False) -> _Marker:
    several = re.compile(rf"{opening}(?:\s*{opening})*", re.IGNORECASE)
    is_plain_english = _SPELT_OUT.match(opening) is not None
    return _Marker(several, re.compile(closing, re.IGNORECASE), name, needs_both or is_plain_english)


def _note(marks: list[str], mark: str, before: str, after: str) -> str:
    if after != before:
        marks.append(mark)
    return after


def _without_empty_tag(content: str) -> str:
    """The content without a tag at its head that opens and closes at once."""
    empty = _EMPTY_TAG.match(content)
    return content[empty.end() :] if empty is not None else content


def _rewrite_harmony(content: str) -> str:
    """Harmony's channels as one think block and the answer; any other text as it is."""
    if lost := _LOST_CHANNEL.match(content):
        content = f"<|channel|>{content[lost.end() :]}"
    messages = list(_CHANNEL.finditer(content)) if "<|channel" in content.lower() else []
    if messages:
        lead = content[: messages[0].start()]
        lead = _without_tokens(_ROLE.sub("", lead), ())
        thoughts = [lead, *(found[2] for found in messages if found[1].lower() != "final")]
        answers = [found[2] for found in messages if found[1].lower() == "final"]
        thought = "\n".join(one.strip() for one in thoughts if one.strip())
        if not answers:
            return f"<think>{thought}"
        return f"<think>{thought}</think>{''.join(answers)}" if thought else "".join(answers)
    if "assistantfinal" in content and (bare := _BARE_HARMONY.match(content)):
        return f"<think>{bare[1]}</think>{bare[2]}" if bare[1] else bare[2]
    return content


def _rewrite_markers(text: str, markers: Sequence[_Marker], marks: list[str]) -> str:
    """The text with its one block between `<think>` tags, whatever markers it came with, and how often."""
    folded = text.lower()
    head = len(text) - len(text.lstrip())
    closing_tags = set(_CLOSING_NAME.findall(folded)) if "</" in folded or "< /" in folded else set()
    for marker in markers:
        opened = marker.opening.match(text, head)
        if opened is None and marker.needs_both:
            continue
        is_hinted = marker.needs_both or (
            any(name.endswith(marker.name) for name in closing_tags)
            if marker.name.isidentifier()
            else marker.name in folded
        )
        if opened is None and not is_hinted:
            continue
        closed = list(marker.closing.finditer(text, opened.end() if opened else 0)) if is_hinted else []
        if marker.needs_both and not (opened and closed):
            continue
        if opened is None and (not closed or marker.opening.search(text)):
            continue
        return _rewritten(text, opened, closed, marks)
    return text


def _rewritten(text: str, opened: re.Match[str] | None, closed: Sequence[re.Match[str]], marks: list[str]) -> str:
    """The text with plain tags where its markers are; `closed` are all closings after the opening."""
    start = opened.end() if opened is not None else 0
    if not closed:
        inside, answer, last = text[start:], "", ""
    else:
        end = closed[-1].start()
        for one in reversed(closed[:-1]):  # closings in a row are one
            if text[one.end() : end].strip():
                break
            end = one.start()
        inside, answer, last = text[start:end], text[closed[-1].end() :], closed[-1].group()
    name = _plain_name(opened.group() if opened is not None else last)
    name = name or "think"
    answer = _without_first_token(answer, ())  # some wrap the answer in tokens of their own
    made = f"{text[: opened.start()]}<{name}>{inside}" if opened is not None else inside
    made += f"</{name}>{answer}" if closed else ""
    if made != text:
        is_plain = _NOTHING_NEW.sub("", made) == _NOTHING_NEW.sub("", text)
        marks.append("stray_tag" if is_plain else "other_markers")
    return made


def _plain_name(tag: str) -> str | None:
    """The name of a tag that formats are defined by; None for any other."""
    found = _PLAIN_TAG.match(tag)
    return found[1] if found is not None else None


def _without_tokens(text: str, markers: Sequence[_Marker]) -> str:
    """The text without control tokens at its ends; untouched where there are none."""
    for _ in range(_MOST_TOKENS):
        found = _LAST_TOKEN.search(text, max(0, len(text.rstrip()) - _TAIL))
        if found is None or any(marker.closing.fullmatch(found.group().strip()) for marker in markers):
            break
        text = text[: found.start()]
    return _without_first_token(text, markers)


def _without_first_token(text: str, markers: Sequence[_Marker]) -> str:
    found = _FIRST_TOKEN.match(text)
    if found is None:
        return text
    head = len(text) - len(text.lstrip())
    if any(marker.opening.match(text, head) or marker.closing.match(text, head) for marker in markers):
        return text
    return text[found.end() :]


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
