r"""Completion → the answers it gives, best first; it never sees the reference.

In this order, so that a self-correction counts and an explicit answer outranks what is said around it:

    marker      behind the last box: "Final answer: …", `#### 5`, "The answer is 5", which take the box's place
    box         \boxed{…}, brace-balanced, the last ones together where only a comma or an "and" separates them; one
                that is taken back ("\boxed{5} is wrong") is none
    tag         what stands in <answer>, read as a completion of its own
    json        {"answer": …}
    bare        a completion that is nothing but an answer
    marker      ####, 【答案】, "the answer is", **Answer:**, 答案为, 答：, "A: 18", a heading `### Answer`
    letters     故选 B, "I choose (C)", "option D is correct": an answer only where options are asked for
    conclusion  the formula or bold text at the end of a last sentence that concludes ("Thus … is **73**"), or its
                only number ("Therefore, Anna had 64 stamps")

Only text after the reasoning counts; reasoning that is never closed has no answer. A number in prose that nothing marks
is never taken, and what qualifies a value (a sign, "at least", "million") is never cut off. All scans are linear in the
length of the completion.

    >>> [candidate.text for candidate in extract(r"<think>\boxed{4}</think>So it is $\boxed{5}$.")]
    ['5']
    >>> list(extract("maybe 3. Or maybe 4. I do not know"))
    []
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

import msgspec

from overproof.completion import split_completion
from overproof.grading.boxes import Box, find_boxes, joined_boxes, near_boxes, text_of_boxes
from overproof.grading.choices import letters_of
from overproof.grading.markers import (
    MARKER,
    MATH,
    SENTENCE_END,
    chosen_letters,
    concluded_answer,
    json_answer,
    marked_answer,
    marked_sentence,
    superseding_answer,
    tagged_text,
)
from overproof.grading.phrases import BOX_DENIED, CONCLUDES, GIVEN_UP, HEDGE, RETRACTED

MAX_ANSWER_CHARS = 30_000
"""An answer longer than this is no answer."""
MAX_SCAN = 100_000
"""Without a box, an answer is looked for in this many characters at the end."""
MAX_TAIL = 4_000
"""Behind the last box, what takes its place is looked for in this many characters at the end."""
MAX_DENIAL = 24
"""A word that denies a box stands at most so many characters before it."""
MAX_BARE_CHARS = 400
"""A completion longer than this says more than an answer, unless it is one formula."""
MAX_BARE_WORDS = 14


class Candidate(msgspec.Struct, frozen=True):
    """One answer that a completion gives."""

    text: str
    found: str
    """How: box, tag, json, bare, marker, letters, conclusion."""
    sentence: str = ""
    """For a marker: the rest of its sentence, from which the text was taken."""
    parts: tuple[str, ...] = ()
    """For a box: the contents of the boxes that may share one answer with it, in order, itself the last."""


_STOP_TOKEN = re.compile(r"<\|(?:im_start|im_end|endoftext|end_of_text|eot_id|eot)\|>|<｜end▁of▁sentence｜>")
_BOX_TOKENS = re.compile(r"<\|begin_of_box\|>(.{0,4000}?)<\|end_of_box\|>", re.DOTALL)
"""Special tokens that some models write for a box."""
_ITEM_JOINT = re.compile(r",(?!\d{3}(?!\d))|;|，|；|、|\band\b|\bor\b")
_WORD = re.compile(r"(?<!\\)\b[A-Za-z]{2,}")
_SENTENCE_WORD = re.compile(r"\bI\b|\b(?i:we|you|my|hence|therefore|thus|so|here|is|are|was)\b(?!\})|因此|所以")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_PROSE_IN_LATEX = re.compile(r"(?<!\\)\b(?!begin|end)[a-z]{4,} [a-z]{2,}")


def visible(completion: str) -> str | None:
    """The text that counts: what follows the reasoning. None when the reasoning is never closed."""
    split = split_completion(_STOP_TOKEN.split(completion, maxsplit=1)[0])
    return None if split.reasoning is not None and not split.answer else split.answer


def extract(completion: str, *, answer_only: bool = False) -> Iterator[Candidate]:
    """The answers that a completion gives, best first, each looked for when it is asked for; none when it gives none.

    With `answer_only` the text is known to be an answer and no more: it is taken as it stands unless it has a box.
    """
    text = visible(_BOX_TOKENS.sub(r"\\boxed{\1}", completion) if "begin_of_box" in completion else completion)
    return _ranked(text, answer_only=answer_only) if text else iter(())


def choose(candidates: Iterable[Candidate], *, letters: bool = False, parts: int = 1) -> Candidate | None:
    """The candidate that answers the question: the first, of those that name options where it asks for `letters`.

    With `parts`, the number of values asked for, a single box is joined by those before it that may share its answer.
    """
    first = None
    for candidate in candidates:
        if letters and letters_of(candidate.text) is not None:
            return candidate
        if first is None and candidate.found != "letters":
            first = candidate
        if first is not None and not letters:
            break
    if first is None or parts == 1 or len(first.parts) < parts or _items(first.text) >= parts:
        return first
    return msgspec.structs.replace(first, text=", ".join(first.parts[-parts:]))


def _items(text: str) -> int:
    """How many values stand in one box."""
    return len(_ITEM_JOINT.findall(text)) + 1


def _ranked(text: str, *, answer_only: bool) -> Iterator[Candidate]:
    boxes = find_boxes(text)
    if boxes:
        if affirmed := [box for box in boxes if not BOX_DENIED.search(text, max(0, box[0] - MAX_DENIAL), box[0])]:
            yield from _boxed(text, affirmed)
        return
    if answer_only:
        yield from _candidate(text, "bare")
        return
    text = text[-MAX_SCAN:]
    if (content := tagged_text(text)) is not None:
        yield from _tagged(content)
        return
    for found, find in _FINDERS:
        if (answer := find(text)) is not None:
            yield from _candidate(answer, found) if isinstance(answer, str) else _sentence(*answer)


def _boxed(text: str, boxes: list[Box]) -> Iterator[Candidate]:
    """The last boxes, or what behind them takes their place; none that are taken back."""
    tail = text[max(boxes[-1][1], len(text) - MAX_TAIL) :]
    later = superseding_answer(tail)
    if later is not None:
        yield from _candidate(later, "marker")
        return
    if RETRACTED.match(text, boxes[-1][1]) or GIVEN_UP.search(tail[-200:]):
        return
    near = tuple(content.strip(" \n") for _, _, content in near_boxes(text, boxes))
    for candidate in _candidate(text_of_boxes(text, joined_boxes(text, boxes)), "box"):
        yield msgspec.structs.replace(candidate, parts=near)


def _tagged(content: str) -> Iterator[Candidate]:
    """What an answer tag holds: an answer, or a completion with an answer in it."""
    if MARKER.search(content):
        marked = marked_answer(content)
        yield from _candidate(content if marked is None else marked, "tag")
    else:
        yield from _candidate(content, "tag")


def _candidate(answer: str, found: str) -> Iterator[Candidate]:
    answer = answer.strip(" \n")
    if answer and len(answer) <= MAX_ANSWER_CHARS:
        yield Candidate(answer, found)


def _sentence(answer: str, sentence: str) -> Iterator[Candidate]:
    for candidate in _candidate(answer, "marker"):
        yield msgspec.structs.replace(candidate, sentence=sentence)


def _bare(text: str) -> str | None:
    for _ in range(_MOST_DRESSES):
        dressed = _DRESSED.fullmatch(text.strip())
        if dressed is None:
            break
        text = dressed["fenced"] or dressed["tagged"] or dressed["centred"] or ""
    return text if is_bare(text) else None


_DRESSED = re.compile(
    r"```\w{0,10}\n(?P<fenced>[^`]{1,400})```"
    r"|<(?P<tag>b|i|u|em|strong|mark|center|p|div|span|details)>(?P<tagged>.{1,400})</(?P=tag)>"
    r"|\\begin\{center\}(?P<centred>.{1,400})\\end\{center\}",
    re.DOTALL,
)
"""An answer set apart from nothing: in a fence, in a tag of HTML. `> 4` and `- 4` are none, they mean something."""
_MOST_DRESSES = 3


_FINDERS: tuple[tuple[str, Callable[[str], str | tuple[str, str] | None]], ...] = (
    ("json", json_answer),
    ("bare", _bare),
    ("marker", marked_sentence),
    ("letters", chosen_letters),
    ("conclusion", concluded_answer),
)


def is_bare(text: str) -> bool:
    """Whether a completion is nothing but an answer: one line, no sentence."""
    stripped = text.strip().rstrip(".。")
    if (len(text) > MAX_BARE_CHARS or "\n" in stripped) and not _is_one_formula(stripped):
        return False
    if HEDGE.search(stripped) or MARKER.search(stripped) or SENTENCE_END.search(stripped):
        return False
    if _CHINESE.search(stripped) and CONCLUDES.search(stripped, 0, len(stripped) if "，" in stripped else 3):
        return False
    return len(_WORD.findall(stripped)) <= MAX_BARE_WORDS and not _SENTENCE_WORD.search(stripped)


def _is_one_formula(text: str) -> bool:
    """Whether a text is one formula, of whatever length: LaTeX in dollars, or an environment without prose."""
    if MATH.fullmatch(text) is not None:
        return True
    return "\\begin" in text and not _PROSE_IN_LATEX.search(text)
