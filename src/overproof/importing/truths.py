"""Which columns say of each reply whether it is right; only this module knows how such a word differs from an answer.

A verdict that is taken for a reference grades every reply against "True". So a column that anybody might take for a
reference is read as one only where its truth values and scores can be answers: replies end in them, or yes-or-no
questions ask for them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from overproof.importing.held import read_held, texts_in
from overproof.importing.layouts import GENERAL, find_written
from overproof.problems.cells import as_messages
from overproof.problems.presets import last_boxed
from overproof.problems.usual import asks_whether
from overproof.rows.columns import MISSING, look_up, read_cell
from overproof.rows.row import SourceRow

_LABELS = {"label", "labels", "标签"}
_YES = {
    *("true", "yes", "right", "correct", "good", "chosen", "positive", "pass", "passed", "accept", "accepted"),
    *("对", "是", "正确"),
}
_NO = {
    *("false", "no", "wrong", "incorrect", "bad", "rejected", "negative", "fail", "failed", "reject"),
    *("错", "否", "错误", "不是", "不正确"),
}
_TICKS = {"✓": "yes", "✔": "yes", "√": "yes", "✅": "yes", "✗": "no", "✘": "no", "×": "no", "❌": "no"}
_LETTERS = {"t": "yes", "y": "yes", "f": "no", "n": "no", "x": "no"}
"""What says so in a column of labels alone: elsewhere it is a variable."""
_ZEROS_AND_ONES = {"0", "1", "-1"}
_FEWEST = 8
"""Rows of 0 and 1, or of scores, that are hardly all answers."""
_MARKS = re.compile(r"\\(?:text|mathrm|textbf|mathbf)\b|[{}$.!。!\s\ufe0f]")
"""What may stand around such a word, in a box or alone."""


class _Said(NamedTuple):
    """What a column says beside one row's texts."""

    values: tuple[str, ...]
    """yes, no, 0, 1 or the text of each value."""
    is_answered: bool | None
    """Whether a text of the row ends in one of them; None where none ends in anything."""
    asks_whether: bool


def find_verdicts(
    names: Sequence[str], rows: Sequence[SourceRow], may_be_reference: Callable[[str], bool]
) -> dict[str, bool | None]:
    """For each column whether it says of the replies that they are right; None where that cannot be told."""
    beside = [(_find_ends(row), _asks_whether(row)) for row in rows]
    found: dict[str, bool | None] = {}
    for name in names:
        is_label = _is_label(name)
        said = [
            _Said(tuple(_as_truth(value, is_label=is_label) for value in values), _are_ends(values, ends), asks)
            for row, (ends, asks) in zip(rows, beside, strict=True)
            if (values := _values_of(look_up(row.values, name)))
        ]
        answered = [one.is_answered for one in said if one.is_answered is not None]
        if not said or sum(answered) * 2 > len(answered):
            found[name] = False
        elif all({"yes", "no"}.issuperset(one.values) for one in said):
            found[name] = _are_truths(said, is_label=is_label, is_compared=bool(answered))
        else:
            twin = is_label and _has_twin(name, rows, may_be_reference)
            found[name] = _are_scores(said, is_label=is_label, is_compared=bool(answered), has_twin=twin)
    return found


def _is_label(name: str) -> bool:
    return _LABELS.issuperset(re.findall(r"[^\W_]+", name.casefold())[-1:])


def _are_truths(said: Sequence[_Said], *, is_label: bool, is_compared: bool) -> bool | None:
    """Whether words for yes and no, which few replies end in, are verdicts; None where they may be answers."""
    are_lists = any(len(one.values) > 1 for one in said)
    if sum(one.asks_whether for one in said) * 2 > len(said) and not are_lists:
        return None if is_compared else False
    return True if is_label or is_compared or are_lists else None


def _are_scores(said: Sequence[_Said], *, is_label: bool, is_compared: bool, has_twin: bool) -> bool | None:
    """Whether numbers, which few replies end in, are verdicts; None where they may be answers."""
    each = {value for one in said for value in one.values}
    are_many = len(said) >= _FEWEST
    if not is_label and not (is_compared and are_many):
        return False
    if each <= _ZEROS_AND_ONES:
        are_lists = any(len(one.values) > 1 for one in said)
        return True if are_many or are_lists or "-1" in each or has_twin else None
    if all(_is_score(value) for value in each):
        return True if is_compared and are_many else None
    return False


def _values_of(value: Any) -> tuple[Any, ...]:
    """What a cell says, or each value of a list in it."""
    value = None if value is MISSING else read_cell(value) if isinstance(value, str) else value
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(one for one in value if one not in (None, ""))
    return () if value in (None, "") or value != value else (value,)  # noqa: PLR0124 - NaN


def _are_ends(values: Sequence[Any], ends: frozenset[str]) -> bool | None:
    """Whether one of the values, or another word for it, is among what texts end in."""
    forms = [{str(value).strip().casefold(), _bare(str(value)), *_spellings(value)} for value in values]
    return any(not form.isdisjoint(ends) for form in forms) if ends else None


def _as_truth(value: Any, *, is_label: bool = False) -> str:
    """What a value says as yes, no, 0 or 1; else its text."""
    text = _bare(str(value))
    text = _TICKS.get(text, _LETTERS.get(text, text) if is_label else text)
    return "yes" if text in _YES else "no" if text in _NO else str(value).strip().removesuffix(".0")


def _spellings(value: Any) -> set[str]:
    """What else a text may end in that says this."""
    said = _as_truth(value)
    return _YES if said == "yes" else _NO if said == "no" else {said.casefold()}


def _bare(text: str) -> str:
    return _MARKS.sub("", text).casefold()


def _is_score(value: str) -> bool:
    try:
        return 0 <= float(value) <= 1
    except ValueError:
        return False


def _find_ends(row: SourceRow) -> frozenset[str]:
    """The last boxes of all texts of a row."""
    boxes = (last_boxed(text) for value in row.values.values() for text in texts_in(read_held(value)))
    return frozenset(form for box in boxes if box is not None for form in (box.strip().casefold(), _bare(box)))


def _asks_whether(row: SourceRow) -> bool:
    """Whether a row's question may be answered by yes or no."""
    for name in find_written(row.values, (*GENERAL.question, *GENERAL.chat)):
        value = look_up(row.values, name)
        turns = as_messages(value)
        asked = [text for role, text in turns if role in {"user", "human"}] if turns else [value]
        if any(isinstance(text, str) and asks_whether(text) for text in asked):
            return True
    return False


def _has_twin(name: str, rows: Sequence[SourceRow], may_be_reference: Callable[[str], bool]) -> bool:
    """Whether a column that is no reference says the same in other words."""
    others = {str(other) for row in rows for other in row.values if other != name and not may_be_reference(str(other))}
    mine = [_as_truth(row.values.get(name)) for row in rows]
    as_words = [{"1": "yes", "0": "no", "-1": "no"}.get(one, one) for one in mine]
    return any([_as_truth(row.values.get(other)) for row in rows] in (mine, as_words) for other in others)
