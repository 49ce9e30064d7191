r"""References typed once: what kind of answer one is, how many parts it has, why none can be graded against it.

>>> type_reference("15\\mbox{ cm}^2").kind
'quantity'
>>> type_reference("(-\\infty,-4)\\cup(0,+\\infty)").kind
'union'
>>> type_reference("Petya will receive the last token.").issue
'prose: only the same words would match it'
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal, get_args

import msgspec

from overproof.grading.boxes import boxes_in_reference
from overproof.grading.choices import asks_to_choose, is_choice, letters_of, parse_options
from overproof.grading.grammar import MAX_CHARS
from overproof.grading.lexicon import is_prose
from overproof.grading.reading import readings
from overproof.grading.spelling import has_substance, spell
from overproof.grading.statements import without_rejected
from overproof.grading.tree import symbols, walk
from overproof.grading.units import DEGREE, PERCENT
from overproof.grading.values import (
    Based,
    Clock,
    Collection,
    Date,
    Guarded,
    Interval,
    Matrix,
    Named,
    Piecewise,
    Quantity,
    Range,
    Ratio,
    Relation,
    Residue,
    Scalar,
    Unknown,
    Value,
    Words,
    as_interval,
)

_NAME = re.compile("[A-Z]{3,}")
"""Letters that name a figure, where the question lists no options: ABCD is no ACBD."""
AnswerType = Literal[
    "number", "expression", "equation", "interval", "choice", "true_false", "ordered_list", "unordered_list", "text"
]
"""What a dataset may say of a reference; it is obeyed."""


def answer_type_of(metadata: Mapping[str, Any]) -> AnswerType | None:
    """What a problem's `answer_type` column says, where it is one of those known."""
    said = str(metadata.get("answer_type") or "").strip().lower().replace("/", "_")
    known: dict[str, AnswerType] = {name: name for name in get_args(AnswerType)}
    return known.get(said)


class Reference(msgspec.Struct, frozen=True):
    """A reference as it is graded against."""

    text: str
    kind: str
    """number, expression, quantity, percentage, angle, ratio, clock, date, range, list, set, tuple, interval, union,
    inequality, equation, relation, matrix, cases, residue, choice, text, prose, formula (not read), none."""
    answer: str = ""
    """What of the text is graded against: its boxes, or what stands behind ####, or all of it."""
    spelled: str = ""
    values: tuple[Value, ...] = ()
    """Its readings, the likeliest first."""
    letters: str | None = None
    parts: int = 1
    issue: str | None = None
    """Why no answer can be graded against it, or None."""
    answer_type: AnswerType | None = None


@lru_cache(maxsize=16_384)
def type_reference(text: str | None, question: str | None = None, answer_type: AnswerType | None = None) -> Reference:
    """The typed reference. Never raises; what is wrong with it stands in `issue`."""
    if text is None or not text.strip():
        return Reference(text or "", "none", issue="the reference is empty")
    if len(text) > MAX_CHARS:
        return Reference(text, "none", issue=f"the reference is longer than {MAX_CHARS} characters")
    answer = _answer_of(text)
    spelled = spell(answer)
    may_name = question is not None and _NAME.fullmatch(spelled) is not None
    is_name = may_name and not (parse_options(question) or asks_to_choose(question))
    if answer_type in {None, "choice"} and is_choice(answer, question) and not (is_name and answer_type is None):
        return Reference(text, "choice", answer, spelled, letters=letters_of(answer), answer_type=answer_type)
    if not has_substance(spelled):
        return Reference(text, "none", issue="the reference holds no text")
    if answer_type == "text":
        return Reference(text, "text", answer, spelled, (Words(spelled),), answer_type=answer_type)
    values = _of_type(readings(without_rejected(spelled) or answer), answer_type)
    first = values[0]
    kind = kind_of(first)
    issue = None
    if isinstance(first, Unknown | Words) and is_prose(spelled):
        kind, issue = "prose", "prose: only the same words would match it"
    elif isinstance(first, Unknown) and not _balanced(spelled):
        issue = f"unreadable: {first.why}"
    return Reference(text, kind, answer, spelled, values, parts=part_count(first), issue=issue, answer_type=answer_type)


def _of_type(values: tuple[Value, ...], answer_type: AnswerType | None) -> tuple[Value, ...]:
    """The readings that are of a type, where there are any: a pair as an interval, `1,234` as a list."""
    if answer_type == "interval":
        values = tuple(as_interval(value) or value for value in values)
    wanted = _TYPES.get(answer_type or "")
    return tuple(value for value in values if wanted is not None and isinstance(value, wanted)) or values


_TYPES: dict[str, tuple[type[Value], ...]] = {
    "number": (Scalar, Quantity, Based, Ratio, Clock), "expression": (Scalar,), "equation": (Relation, Named),
    "interval": (Interval,), "ordered_list": (Collection,), "unordered_list": (Collection,), "true_false": (Words,),
}  # fmt: skip


def kind_of(value: Value) -> str:
    """The kind of answer that a value is."""
    if isinstance(value, Scalar):
        return "expression" if symbols(value.node) or any(part.op == "call" for part in walk(value.node)) else "number"
    if isinstance(value, Quantity):
        marks = {PERCENT: "percentage", DEGREE: "angle"}
        return marks.get(value.unit, "quantity" if value.unit.dimension is not None else "number")
    if isinstance(value, Interval):
        return "inequality" if value.name else "interval" if len(value.pieces) == 1 else "union"
    if isinstance(value, Relation) and value.node.op == "rel":
        return "equation" if value.node.value == "=" else "relation"
    if isinstance(value, Collection):
        return {"tuple": "tuple", "square": "tuple", "set": "set"}.get(value.form, "list")
    if isinstance(value, Named):
        return "equation"
    if isinstance(value, Guarded):
        return kind_of(value.value)
    return _KINDS.get(type(value), "formula")


_KINDS: dict[type[Value], str] = {
    Words: "text", Interval: "region", Relation: "relation", Matrix: "matrix", Piecewise: "cases", Residue: "residue",
    Ratio: "ratio", Clock: "clock", Date: "date", Range: "range", Based: "number", Unknown: "formula",
}  # fmt: skip


def part_count(value: Value) -> int:
    """How many boxes an answer to this reference may use: the parts of a list, else 1."""
    if isinstance(value, Guarded):
        return part_count(value.value)
    return len(value.items) if isinstance(value, Collection) and value.form in {"list", "or", "and", "set"} else 1


def _answer_of(text: str) -> str:
    """The reference itself, or its boxes, or what stands behind #### where it is a whole solution."""
    if (boxed := boxes_in_reference(text)) is not None:
        return boxed
    if "####" in text:
        return text.rsplit("####", 1)[1].strip() or text
    return text


def _balanced(spelled: str) -> bool:
    """Whether braces are balanced and the text ends in no dangling operator."""
    return spelled.count("{") == spelled.count("}") and not spelled.rstrip().endswith(
        ("^", "_", "\\", "=", "+", "\\cdot")
    )
