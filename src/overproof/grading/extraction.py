r"""Completion → the answer it gives.

In this order, each taking the last of its kind, so that a self-correction counts:

    box         \boxed{…}, brace-balanced; boxes that share one answer are grouped; a "Final answer: …" behind the last
                box takes its place
    bare        a completion that is nothing but an answer
    marker      <answer>, ####, 【答案】, "the answer is", **Answer:**, 答案为, "A: 18"
    choice      故选 B, option (C): only where a letter is asked for
    conclusion  the formula or bold text at the end of a last sentence that concludes ("Thus … is **73**"), or its
                only number ("Therefore, Anna had 64 stamps")

Only text after the last `</think>` or `</thinking>` counts; a think block that is never closed has no answer. A number
in prose that nothing marks is never taken. All scans are linear in the length of the completion.

    >>> extract(r"<think>\boxed{4}</think>So it is $\boxed{5}$.")
    Extraction(answer='5', method='box')
    >>> extract("maybe 3. Or maybe 4. I do not know") is None
    True
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from overproof.grading.boxes import boxed_answer
from overproof.grading.choices import letters_of
from overproof.grading.markers import (
    HEDGE,
    MARKER,
    MATH,
    SENTENCE_END,
    concluded_answer,
    final_answer,
    marked_answer,
    marked_letters,
)

MAX_ANSWER_CHARS = 30_000
"""An answer longer than this is no answer."""
MAX_SCAN = 100_000
"""Without a box, an answer is looked for in this many characters at the end."""
MAX_BARE_CHARS = 400
"""A completion longer than this says more than an answer, unless it is one formula."""
MAX_BARE_WORDS = 14


class Extraction(msgspec.Struct, frozen=True):
    """What a completion gives as its answer, and how that was found."""

    answer: str
    method: str


_OPENING = re.compile(r"<think(?:ing)?>")
_CLOSING = re.compile(r"</think(?:ing)?>")
_STOP_TOKEN = re.compile(r"<\|(?:im_start|im_end|endoftext|end_of_text|eot_id|eot)\|>|<｜end▁of▁sentence｜>")
_WORD = re.compile(r"(?<!\\)\b[A-Za-z]{2,}")
_SENTENCE_WORD = re.compile(r"\bI\b|\b(?i:we|you|my|hence|therefore|thus|so|here|is|are|was)\b(?!\})|因此|所以")
_PROSE_IN_LATEX = re.compile(r"(?<!\\)\b(?!begin|end)[a-z]{4,} [a-z]{2,}")


def visible(completion: str) -> str | None:
    """The text that counts: what follows the reasoning. None when the reasoning is never closed."""
    completion = _STOP_TOKEN.split(completion, maxsplit=1)[0]
    closings = list(_CLOSING.finditer(completion))
    if closings:
        return completion[closings[-1].end() :].strip()
    return None if _OPENING.search(completion) else completion.strip()


def extract(completion: str, *, parts: int = 1, choice: bool = False, answer_only: bool = False) -> Extraction | None:
    """The answer of a completion, or None. `parts` is how many the reference has, `choice` that it names options.

    With `answer_only` the text is known to be an answer and no more: it is taken as it stands unless it has a box.
    """
    text = visible(completion)
    if not text:
        return None
    if (answer := boxed_answer(text, parts)) is not None:
        later = final_answer(text[text.rfind("boxed") :])
        return _extraction(later or answer, "marker" if later else "box")
    if answer_only:
        return _extraction(text, "bare")
    text = text[-MAX_SCAN:]
    for method, find in _finders(text, choice=choice):
        if (answer := find(text)) is not None:
            return _extraction(answer, method)
    return None


def _finders(text: str, *, choice: bool) -> list[tuple[str, Callable[[str], str | None]]]:
    """The ways to find an answer that has no box, in the order to try them."""
    finders: list[tuple[str, Callable[[str], str | None]]] = [("marker", marked_answer)]
    if choice:
        if letters_of(text) is not None:
            return [("choice", marked_letters), ("bare", str)]
        finders.append(("choice", marked_letters))
    if is_bare(text):
        finders.insert(len(finders) if choice else 0, ("bare", str))
    return [*finders, ("conclusion", concluded_answer)]


def _extraction(answer: str, method: str) -> Extraction | None:
    answer = answer.strip(" \n")
    return Extraction(answer, method) if answer and len(answer) <= MAX_ANSWER_CHARS else None


def is_bare(text: str) -> bool:
    """Whether a completion is nothing but an answer: one line, no sentence."""
    stripped = text.strip().rstrip(".。")
    if (len(text) > MAX_BARE_CHARS or "\n" in stripped) and not _is_one_formula(stripped):
        return False
    if HEDGE.search(stripped) or MARKER.search(stripped) or SENTENCE_END.search(stripped):
        return False
    return len(_WORD.findall(stripped)) <= MAX_BARE_WORDS and not _SENTENCE_WORD.search(stripped)


def _is_one_formula(text: str) -> bool:
    """Whether a text is one formula, of whatever length: LaTeX in dollars, or an environment without prose."""
    if MATH.fullmatch(text) is not None:
        return True
    return "\\begin" in text and not _PROSE_IN_LATEX.search(text)
