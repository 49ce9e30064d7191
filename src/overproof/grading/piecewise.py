r"""Functions that are defined by cases, as functions: their values at sample points and at the ends of the cases.

>>> from overproof.grading.reading import readings
>>> absolute = readings(r"\begin{cases} x & x \ge 0 \\ -x & x < 0 \end{cases}")[0]
>>> compare_functions(absolute, readings("|x|")[0]).same, compare_functions(absolute, readings("x")[0]).same
(True, False)
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from flint import arb, fmpq

from overproof.grading.evaluate import ENOUGH, exact_value, overlap, value_at
from overproof.grading.finding import Finding, different, same, undecided
from overproof.grading.tree import INFINITY, Node, symbols, walk
from overproof.grading.values import Condition, Guarded, Interval, Piecewise, Scalar

_GRID = [Fraction(2 * step - 41, 4) for step in range(42)]
BESIDE = Fraction(3, 8)
"""How far from the end of a case its sides are looked at."""
Branch = tuple[Node, Interval | None]
"""An expression and where it holds; None where no other case does."""


def compare_functions(reference: Piecewise | Scalar, answer: Piecewise | Scalar) -> Finding | None:
    """Whether two functions of one variable, one at least by cases, have the same values; None where that is open."""
    one, other = _branches(reference), _branches(answer)
    if one is None or other is None:
        return None
    names = frozenset[str]().union(*(symbols(node) for node, _ in (*one, *other)))
    named = {where.name for _, where in (*one, *other) if where is not None}
    if len(names | named) != 1:
        return None
    (name,) = names | named
    agreed, apart = 0, False
    for place in _places([*one, *other]):
        left, right = _value(one, name, place), _value(other, name, place)
        apart = apart or (left is None) != (right is None)
        if left is not None and right is not None:
            if not overlap(left, right):
                return different("cases", f"they differ at {name} = {place}")
            agreed += 1
    if apart or agreed < ENOUGH:
        return undecided("cases", "not defined at the same places")
    return same("cases", "the same values everywhere")


def _branches(value: Piecewise | Scalar) -> list[Branch] | None:
    if isinstance(value, Scalar):
        return [(value.node, None)]
    found = [_branch(case) for case in value.cases]
    return [branch for branch in found if branch is not None] if None not in found else None


def _branch(case: Guarded) -> Branch | None:
    """A case with an expression for numbers in a set with known ends; None for any other."""
    where = _where(case.condition)
    if not isinstance(case.value, Scalar) or where is None:
        return None
    return case.value.node, where if isinstance(where, Interval) else None


def _where(condition: Condition) -> Interval | str | None:
    if condition.words == "otherwise":
        return condition.words
    if condition.words or len(condition.parts) != 1:
        return None
    part = condition.parts[0]
    if not isinstance(part, Interval) or not part.name:
        return None
    return part if all(exact_value(end) is not None or INFINITY in walk(end) for end in _ends(part)) else None


def _ends(where: Interval) -> list[Node]:
    return [end for piece in where.pieces for end in (piece.low, piece.high)]


def _places(branches: Sequence[Branch]) -> list[Fraction]:
    """Sample points: a grid, the ends of the cases, and both sides of each."""
    ends = {value for _, where in branches if where for end in _ends(where) if (value := exact_value(end)) is not None}
    return [*_GRID, *(place for end in sorted(ends) for place in (end - BESIDE, end, end + BESIDE))]


def _value(branches: Sequence[Branch], name: str, place: Fraction) -> arb | None:
    """The real value of a function at a place; None where it has none."""
    for node, where in branches:
        if where is None or _holds(where, place):
            value = value_at(node, {name: arb(fmpq(place.numerator, place.denominator))})
            return value if type(value) is arb else None
    return None


def _holds(where: Interval, place: Fraction) -> bool:
    for piece in where.pieces:
        low, high = exact_value(piece.low), exact_value(piece.high)
        above = low is None or place > low or (place == low and piece.low_closed)
        below = high is None or place < high or (place == high and piece.high_closed)
        if above and below:
            return True
    return False
