r"""Typed values: what an answer is, and how one with ± or one that may be an interval is written out.

Only `reading` makes them from text. Nothing is dropped on the way: a condition, a modulus, a name, a unit, a base or a
relation is part of the value, and text that the grammar cannot place is `Unknown`.
"""

from __future__ import annotations

from fractions import Fraction

import msgspec

from overproof.grading.evaluate import exact_value
from overproof.grading.regions import Piece
from overproof.grading.regions import Region as Pieces
from overproof.grading.tree import Node, walk
from overproof.grading.units import Unit

# Why a reading is only one of several that a text allows. One that is not borne out decides nothing.
DECIMAL_COMMA = "a decimal comma that may part two numbers"
GROUPED = "a comma of thousands that may part two numbers"
LETTER_UNIT = "a letter that may be a unit"
MAGNITUDE_LETTER = "a letter that may stand for thousands"
ROMAN = "letters that may be a Roman number"
LOOSE_WORD = "a word that may stand for a number"
DAY_OR_MONTH = "a day and a month that may be the other way round"
INDEX = "digits and an index that may be a number and its base, or not"
STATEMENTS = "numbers in brackets that may be factors or the numbers of statements"

MAX_SIGNS = 4
"""A ± b ± … with more signs than this is not written out."""


class Value(msgspec.Struct, frozen=True):
    """What an answer is."""


class Unknown(Value, frozen=True):
    """Text that cannot be placed; `prose` when words stand in it."""

    text: str
    why: str
    prose: bool = False
    false: bool = False
    """It contradicts itself: 5 = 7."""


class Words(Value, frozen=True):
    """Plain words: a name, a set phrase."""

    text: str


class Scalar(Value, frozen=True):
    """A number or an expression."""

    node: Node
    guessed: str = ""
    """Why this is only one of several readings; empty for one that needs no bearing out."""

    @property
    def exact(self) -> Fraction | None:
        """Its rational value, if it has one."""
        return exact_value(self.node)


class Quantity(Value, frozen=True):
    """A number with what it counts or measures: a unit, a percent or degree sign, a currency, a noun."""

    node: Node
    unit: Unit
    guessed: str = ""
    """Why this is only one of several readings."""


class Clock(Value, frozen=True):
    """A time of day in minutes; `half` when neither am nor pm nor 24 hours tell which half of the day."""

    minutes: int
    open_half: bool


class Date(Value, frozen=True):
    """A day of the year."""

    year: int | None
    month: int
    day: int
    guessed: str = ""
    """Why this is only one of several readings."""


class Range(Value, frozen=True):
    """15-20: a class, a score, a span."""

    ends: tuple[Fraction, ...]


class Ratio(Value, frozen=True):
    """3 : 4 : 5."""

    terms: tuple[Node, ...]


class Based(Value, frozen=True):
    """A number written in a base."""

    digits: str
    base: int
    guessed: str = ""
    """Why this is only one of several readings."""


class Named(Value, frozen=True):
    """A value with its name: x = 5, f(x) = 2x, area 32."""

    name: Node
    value: Value
    node: Node | None = None
    """The equation, where it is one."""


class Collection(Value, frozen=True):
    """Several values; `form` is list, or, and, tuple, square, set or arrow."""

    items: tuple[Value, ...]
    form: str


class Interval(Value, frozen=True):
    """A set of real numbers, of a name where one is given."""

    pieces: Pieces
    name: str = ""
    node: Node | None = None
    """The inequality, where it is one."""


class Relation(Value, frozen=True):
    """An equation to be solved, an inequality between several unknowns, a statement like AB ⊥ CD."""

    node: Node


class Matrix(Value, frozen=True):
    """Rows of cells."""

    rows: tuple[tuple[Node, ...], ...]


class Condition(Value, frozen=True):
    """What must hold: relations, and words."""

    parts: tuple[Value, ...]
    words: str


class Guarded(Value, frozen=True):
    """A value under a condition."""

    value: Value
    condition: Condition


class Piecewise(Value, frozen=True):
    """Values, each with its condition."""

    cases: tuple[Guarded, ...]


class Residue(Value, frozen=True):
    """Whole numbers in some classes modulo another: 1, 3 (mod 8), x ≡ 9 (mod 10)."""

    name: str
    residues: tuple[Fraction, ...]
    modulus: Fraction


def guess_of(value: Value) -> str:
    """Why a value is only one of several readings, which must be borne out before it earns a verdict; else empty."""
    return value.guessed if isinstance(value, Scalar | Quantity | Date | Based) else ""


def as_interval(value: Value) -> Interval | None:
    """A pair in brackets as an interval; None for anything else."""
    if not isinstance(value, Collection) or value.form not in {"tuple", "square"} or len(value.items) != 2:
        return None
    low, high = value.items
    if not isinstance(low, Scalar) or not isinstance(high, Scalar):
        return None
    closed = value.form == "square"
    return Interval((Piece(low.node, high.node, low_closed=closed, high_closed=closed),))


def written_out(value: Value) -> tuple[Value, ...]:
    """A value with its ± written out: ±2 is 2 and -2; in a tuple each sign is free, in a value they go together."""
    if isinstance(value, Scalar):
        return tuple(Scalar(node) for node in both_signs(value.node))
    if isinstance(value, Quantity):
        return tuple(Quantity(node, value.unit, value.guessed) for node in both_signs(value.node))
    if isinstance(value, Named):
        return tuple(Named(value.name, inner) for inner in written_out(value.value))
    if isinstance(value, Guarded):
        return tuple(Guarded(inner, value.condition) for inner in written_out(value.value))
    if isinstance(value, Collection) and value.form in {"tuple", "square"}:
        choices: list[tuple[Value, ...]] = [()]
        for item in value.items:
            choices = [(*start, one) for start in choices for one in written_out(item)]
            if len(choices) > 2**MAX_SIGNS:
                return (value,)
        return tuple(Collection(items, value.form) for items in choices)
    return (value,)


def both_signs(node: Node) -> list[Node]:
    """A tree with its ± as plus and as minus; itself where it has none, or too many."""
    signs = sum(1 for part in walk(node) if part.op == "plusminus")
    if not signs or signs > MAX_SIGNS:
        return [node]
    return [_with_sign(node, plus=True), _with_sign(node, plus=False)]


def _with_sign(node: Node, *, plus: bool) -> Node:
    if node.op == "plusminus":
        inner = _with_sign(node.args[0], plus=plus)
        return inner if (node.value == "+") == plus else Node("neg", (inner,))
    if not node.args:
        return node
    return Node(node.op, tuple(_with_sign(part, plus=plus) for part in node.args), node.value, node.decimals)
