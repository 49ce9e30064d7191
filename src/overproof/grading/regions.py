r"""Sets of real numbers: intervals, inequalities, set-builders and their unions as one list of pieces.

>>> from overproof.grading.grammar import parse
>>> show_region(region_of(parse("\\{x|-1<x\\le 3\\}")))
'(-1, 3]'
>>> show_region(region_of(parse("2x>2 \\text{ or } x<-1")))
'(-inf, -1) ∪ (1, inf)'
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from fractions import Fraction

import msgspec

from overproof.grading.evaluate import exact_value, real_value
from overproof.grading.polynomials import real_roots
from overproof.grading.tree import INFINITY, Node, number, replaced, symbols

MAX_PIECES = 40


class Piece(msgspec.Struct, frozen=True):
    """An interval, a ray, the line or a single point; an end is closed when it belongs to the piece."""

    low: Node
    high: Node
    low_closed: bool
    high_closed: bool


Region = tuple[Piece, ...]

MINUS_INFINITY = Node("neg", (INFINITY,))
LINE: Region = (Piece(MINUS_INFINITY, INFINITY, low_closed=False, high_closed=False),)
_CLOSED = {"paren": (False, False), "square": (True, True), "openleft": (False, True), "openright": (True, False)}
_MIRROR = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!="}
_REALS = {"\\mathbb(R)", "R"}


def region_of(node: Node) -> Region | None:
    """The set of real numbers that a tree describes, in ascending order; None when it describes none."""
    if node.op == "sym":
        return LINE if node.value in _REALS else None
    describe = _DESCRIPTIONS.get(node.op)
    return describe(node) if describe is not None else None


def _joined(node: Node) -> Region | None:
    pieces: list[Piece] = []
    for part in node.args:
        region = region_of(part)
        if region is None:
            return None
        pieces.extend(region)
    return _union(pieces)


def _builder(node: Node) -> Region | None:
    """{x | …} as the condition says; {x ∈ R | …} drops the domain."""
    variable = node.args[0]
    if variable.op == "rel" and variable.value == "in":
        if variable.args[1].value not in _REALS:
            return None
        variable = variable.args[0]
    return region_of(node.args[1]) if variable.op == "sym" else None


def _set_minus(node: Node) -> Region | None:
    if not _is_set_minus(node):
        return None
    return _minus(region_of(node.args[0]), region_of(node.args[1].args[0]))


def _is_set_minus(node: Node) -> bool:
    """A − B written with a minus sign between sets."""
    return (
        node.op == "add"
        and len(node.args) == 2
        and node.args[1].op == "neg"
        and node.args[1].args[0].op == "brace"
        and (is_region(node.args[0]) or node.args[0].op == "sym")
    )


def is_region(node: Node) -> bool:
    """Whether a tree can only be a set of reals: an inequality, a half-open interval, a union, an infinite end."""
    if node.op in {"union", "intersection", "difference", "builder", "openleft", "openright"} or _is_set_minus(node):
        return True
    if node.op == "sym":
        return str(node.value) == "\\mathbb(R)"
    if node.op == "rel":
        operators = set(str(node.value).split())
        return operators <= {"<", ">", "<=", ">=", "!="} or ("in" in operators and is_region_like(node.args[-1]))
    if node.op in {"or", "and", "list"}:
        return bool(node.args) and all(is_region(part) for part in node.args)
    return _is_pair(node) and any(_is_infinite(end) for end in node.args)


def _is_pair(node: Node) -> bool:
    """Whether a tree is two parts in brackets: an interval, or a tuple."""
    return node.op in _CLOSED and len(node.args) == 2


def is_region_like(node: Node) -> bool:
    """Whether a tree may be an interval or a union of some."""
    return _is_pair(node) or node.op == "brace" or is_region(node)


def _is_infinite(node: Node) -> bool:
    return node in {INFINITY, MINUS_INFINITY}


def _interval(node: Node) -> Region | None:
    if len(node.args) != 2 or any(part.op in {"rel", "list"} for part in node.args):
        return None
    low, high = node.args
    closed_low, closed_high = _CLOSED[node.op]
    return (Piece(low, high, closed_low, closed_high),)


def _points(node: Node) -> Region | None:
    if any(part.op in {"rel", "paren"} for part in node.args):
        return None
    return _union([Piece(part, part, low_closed=True, high_closed=True) for part in node.args])


def _relation(node: Node) -> Region | None:
    """A < x ≤ b, x ≠ 3, x ∈ [0, 1], 2x > 4: the variable must stand alone or in a linear form."""
    operators = str(node.value).split()
    if operators == ["in"]:
        return region_of(node.args[1]) if node.args[0].op == "sym" else None
    if not set(operators) <= set(_MIRROR):
        return None
    region: Region | None = LINE
    for left, operator, right in zip(node.args, operators, node.args[1:], strict=False):
        region = _cut(region, _half_line(left, operator, right))
    return region


def _half_line(left: Node, operator: str, right: Node) -> Region | None:
    """One comparison as a region of the one variable in it."""
    if left.op == "sym" and left.value not in symbols(right):
        return _side(operator, right)
    if right.op == "sym" and right.value not in symbols(left):
        return _side(_MIRROR[operator], left)
    for part, sign, end in ((left, operator, right), (right, _MIRROR[operator], left)):
        if part.op == "abs" and part.args[0].op == "sym" and not symbols(end):
            return _absolute(_side(sign, end))
        if part.op == "abs" and not symbols(end) and sign not in {"=", "!="} and (exact_value(end) or 0) > 0:
            turned = _half_line(part.args[0], _MIRROR[sign], Node("neg", (end,)))
            straight = _half_line(part.args[0], sign, end)
            return _joined_regions(straight, turned) if ">" in sign else _cut(straight, turned)
    return _linear(left, operator, right) or _polynomial(left, operator, right)


def _joined_regions(one: Region | None, other: Region | None) -> Region | None:
    return None if one is None or other is None else _union([*one, *other])


def _polynomial(left: Node, operator: str, right: Node) -> Region | None:
    """x² > 4 and the like, with rational or quadratic zeros: the pieces between them that have the right sign."""
    names = symbols(left) | symbols(right)
    if len(names) != 1 or operator == "!=":
        return None
    name, difference = min(names), Node("add", (left, Node("neg", (right,))))
    roots = real_roots(difference, name)
    if roots is None:
        return None
    wanted, pieces = -1 if "<" in operator else 1, []
    if "=" in operator:
        pieces += [Piece(root, root, low_closed=True, high_closed=True) for root in roots]
    if operator != "=":
        for low, high in itertools.pairwise([MINUS_INFINITY, *roots, INFINITY]):
            inside = exact_value(replaced(difference, {name: number(_between(low, high))}))
            if inside is None:
                return None
            if inside * wanted > 0:
                pieces.append(Piece(low, high, low_closed=False, high_closed=False))
    return _union(pieces)


def _between(low: Node, high: Node) -> Fraction:
    """A number between two ends."""
    start, end = _key(low), _key(high)
    assert start is not None
    assert end is not None
    if math.isinf(start) and math.isinf(end):
        return Fraction(0)
    if math.isinf(start) or math.isinf(end):
        return Fraction(end) - 1 if math.isinf(start) else Fraction(start) + 1
    return Fraction((start + end) / 2)


def _absolute(region: Region | None) -> Region | None:
    """Where |x| lies in a region: its part above zero, and that part mirrored."""
    above = _cut(region, (Piece(number(0), INFINITY, low_closed=True, high_closed=False),))
    if above is None:
        return None
    mirrored = [
        Piece(_negative(piece.high), _negative(piece.low), piece.high_closed, piece.low_closed) for piece in above
    ]
    return _union([*above, *mirrored])


def _negative(end: Node) -> Node:
    return MINUS_INFINITY if end == INFINITY else Node("neg", (end,))


def _side(operator: str, end: Node) -> Region | None:
    if end.op in {"rel", "list", "paren"}:
        return None
    if end.op == "plusminus" and operator == "!=":
        inside = end.args[0]
        return _cut(_side("!=", inside), _side("!=", Node("neg", (inside,))))
    low, high = MINUS_INFINITY, INFINITY
    if operator == "!=":
        return (
            Piece(low, end, low_closed=False, high_closed=False),
            Piece(end, high, low_closed=False, high_closed=False),
        )
    if operator == "=":
        return (Piece(end, end, low_closed=True, high_closed=True),)
    if "<" in operator:
        return (Piece(low, end, low_closed=False, high_closed=operator == "<="),)
    return (Piece(end, high, low_closed=operator == ">=", high_closed=False),)


def _linear(left: Node, operator: str, right: Node) -> Region | None:
    """a·x + b against c·x + d with rational coefficients, solved for x."""
    names = symbols(left) | symbols(right)
    if len(names) != 1:
        return None
    name = min(names)
    values: list[Fraction] = []
    for point in (0, 1, -2, 5):
        one, other = (exact_value(replaced(side, {name: number(point)})) for side in (left, right))
        if one is None or other is None:
            return None
        values.append(one - other)
    slope = values[1] - values[0]
    if slope == 0 or values[2] != values[0] - 2 * slope or values[3] != values[0] + 5 * slope:
        return None
    return _side(operator if slope > 0 else _MIRROR[operator], number(-values[0] / slope))


# --- unions, intersections, differences: ends must be comparable as numbers


def _key(end: Node) -> float | None:
    """Where an end lies on the line."""
    if end == INFINITY:
        return float("inf")
    if end == MINUS_INFINITY:
        return float("-inf")
    return real_value(end)


def _union(pieces: list[Piece]) -> Region | None:
    """Pieces in ascending order, merged where they touch; in the order given when an end has no numeric value."""
    if len(pieces) > MAX_PIECES:
        return None
    keyed = [(_key(piece.low), _key(piece.high), piece) for piece in pieces]
    if any(low is None or high is None for low, high, _ in keyed):
        return tuple(pieces)
    merged: list[Piece] = []
    for _, _, piece in sorted(keyed, key=lambda entry: (entry[0], not entry[2].low_closed, entry[1])):
        if merged and _touch(merged[-1], piece):
            last = merged.pop()
            longer = last if (_key(last.high), last.high_closed) >= (_key(piece.high), piece.high_closed) else piece
            piece = Piece(last.low, longer.high, last.low_closed, longer.high_closed)  # noqa: PLW2901 - grows as it merges
        merged.append(piece)
    return tuple(merged)


def _touch(left: Piece, right: Piece) -> bool:
    end, start = _key(left.high), _key(right.low)
    assert end is not None
    assert start is not None
    return start < end or (start == end and (left.high_closed or right.low_closed))


def _all(node: Node) -> Region | None:
    region: Region | None = LINE
    for part in node.args:
        region = _cut(region, region_of(part))
    if not region and node.op == "list":  # x < -1, x > 1: no number is both, so either is meant
        return _joined(node)
    return region


def _cut(one: Region | None, other: Region | None) -> Region | None:
    """The intersection of two regions."""
    if one is None or other is None:
        return None
    if one == LINE:
        return other
    if other == LINE:
        return one
    pieces: list[Piece] = []
    for left in one:
        for right in other:
            piece = _overlap(left, right)
            if piece is None:
                return None
            pieces.extend(piece)
    return _union(pieces)


def _overlap(left: Piece, right: Piece) -> list[Piece] | None:
    """What two pieces share. Ends without a numeric value are taken as they come (a < x < b)."""
    low, low_closed = _inner(left.low, left.low_closed, right.low, right.low_closed, upper=False) or (None, False)
    high, high_closed = _inner(left.high, left.high_closed, right.high, right.high_closed, upper=True) or (None, False)
    if low is None or high is None:
        return None
    start, end = _key(low), _key(high)
    if start is not None and end is not None and (start > end or (start == end and not (low_closed and high_closed))):
        return []
    return [Piece(low, high, low_closed, high_closed)]


def _inner(one: Node, one_closed: bool, other: Node, other_closed: bool, *, upper: bool) -> tuple[Node, bool] | None:  # noqa: FBT001 - ends and whether they are closed
    if _is_infinite(one):
        return other, other_closed
    if _is_infinite(other):
        return one, one_closed
    left, right = _key(one), _key(other)
    if left is None or right is None:
        return None
    if left == right:
        return one, one_closed and other_closed
    return (one, one_closed) if (left < right) == upper else (other, other_closed)


def _minus(one: Region | None, other: Region | None) -> Region | None:
    """A region without single points or intervals of another."""
    if one is None or other is None:
        return None
    for piece in other:
        outside: list[Piece] = []
        if not _is_infinite(piece.low):
            outside.append(Piece(MINUS_INFINITY, piece.low, low_closed=False, high_closed=not piece.low_closed))
        if not _is_infinite(piece.high):
            outside.append(Piece(piece.high, INFINITY, low_closed=not piece.high_closed, high_closed=False))
        cut = _cut(one, tuple(outside))
        if cut is None:
            return None
        one = cut
    return one


def at_whole_numbers(region: Region) -> Region:
    """A set of whole numbers with its ends closed: n > 2 is n ≥ 3."""
    return tuple(
        Piece(
            number(low + 1) if (low := _whole(piece.low)) is not None and not piece.low_closed else piece.low,
            number(high - 1) if (high := _whole(piece.high)) is not None and not piece.high_closed else piece.high,
            low_closed=piece.low_closed or low is not None,
            high_closed=piece.high_closed or high is not None,
        )
        for piece in region
    )


MAX_WHOLE = 200
"""Sets of more whole numbers are not listed."""


def whole_numbers_in(region: Region, least: int | None = None) -> list[int] | None:
    """The whole numbers in a region, of those from `least` on; None where they are many or an end is not known."""
    found: list[int] = []
    for piece in region:
        low, high = (exact_value(end) for end in (piece.low, piece.high))
        if low is None and least is not None and piece.low == MINUS_INFINITY:
            low = Fraction(least)
        if low is None or high is None or high - low > MAX_WHOLE:
            return None
        for value in range(math.ceil(low), math.floor(high) + 1):
            inside = (piece.low_closed or value > low) and (piece.high_closed or value < high)
            if inside and (least is None or value >= least):
                found.append(value)
    return found if len(found) <= MAX_WHOLE else None


def _whole(node: Node) -> Fraction | None:
    value = exact_value(node)
    return value if value is not None and value.denominator == 1 else None


def show_region(region: Region | None) -> str:
    """A region with numeric ends, for messages."""
    if region is None:
        return "no region"
    return " ∪ ".join(_show_piece(piece) for piece in region)


def _show_piece(piece: Piece) -> str:
    opening, closing = "[" if piece.low_closed else "(", "]" if piece.high_closed else ")"
    return f"{opening}{_show_end(piece.low)}, {_show_end(piece.high)}{closing}"


def _show_end(end: Node) -> str:
    value = _key(end)
    return "…" if value is None else f"{value:g}"


_DESCRIPTIONS: dict[str, Callable[[Node], Region | None]] = {
    **dict.fromkeys(_CLOSED, _interval),
    **dict.fromkeys(["union", "or"], _joined),
    **dict.fromkeys(["intersection", "and", "list"], _all),
    "brace": _points,
    "builder": _builder,
    "rel": _relation,
    "difference": lambda node: _minus(region_of(node.args[0]), region_of(node.args[1])),
    "add": _set_minus,
}
