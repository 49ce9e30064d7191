r"""Sums and products with an ellipsis: the terms that the written ones leave no doubt of.

>>> from overproof.grading.grammar import parse
>>> [exact_value(whole) for whole in written_out(parse("1^2+2^2+\\ldots+10^2"))]
[Fraction(385, 1)]
>>> len(written_out(parse("2+4+\\ldots+64"))), len(written_out(parse("1+3+7+\\ldots+100")))
(2, 0)
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction

from overproof.grading.evaluate import exact_value
from overproof.grading.tree import Node, number, product, replaced, symbols

MAX_TERMS = 3_000
"""More terms than this are not written out."""
MAX_POWER = 200
"""Nor are powers beyond this looked at."""

_INDEX = Node("sym", (), "\u2026")
"""The letter of a term's place, which no text has."""
_BOUND = {"add": "sum", "mul": "prod"}
Step = tuple[Node, Fraction | Node]
"""A number of the terms as a function of the place, and the place of the last term."""


def written_out(node: Node) -> list[Node]:
    """What a sum or product with one ellipsis may be, by its first terms and its last; none where they show no rule."""
    marks = [place for place, part in enumerate(node.args) if part.op == "ellipsis"]
    if node.op not in _BOUND or len(marks) != 1 or marks[0] < 2 or marks[0] != len(node.args) - 2:
        return []
    first, last = list(node.args[: marks[0]]), node.args[-1]
    return [_whole(node.op, *step) for rule in (_arithmetic, _geometric) for step in _unified(first, last, rule)]


def _whole(op: str, term: Node, end: Fraction | Node) -> Node:
    if isinstance(end, Node):
        return Node(_BOUND[op], (term, _INDEX, number(0), end))
    return Node(op, tuple(replaced(term, {str(_INDEX.value): number(place)}) for place in range(int(end) + 1)))


def _unified(first: list[Node], last: Node, rule: Callable[[list[Fraction], Node], list[Step]]) -> list[Step]:
    """The terms as one tree of their place: what they share stands, the numbers that change follow a rule."""
    if all(part == first[0] for part in (*first[1:], last)):
        return [(first[0], Fraction(-1))]
    shapes = {(part.op, None if part.op == "num" else part.value, len(part.args)) for part in (*first, last)}
    if not last.args or len(shapes) > 1:
        values = [value for part in first if (value := exact_value(part)) is not None]
        return rule(values, last) if len(values) == len(first) else []
    columns = [
        _unified(list(column), end, rule)
        for *column, end in zip(*(part.args for part in first), last.args, strict=True)
    ]
    found = [column[0] for column in columns if len(column) == 1]
    ends = {end for _, end in found} - {Fraction(-1)}
    if len(found) < len(columns) or len(ends) != 1:
        return []
    return [(Node(last.op, tuple(part for part, _ in found), last.value, last.decimals), ends.pop())]


def _arithmetic(values: list[Fraction], last: Node) -> list[Step]:
    """1, 2, …, 100 and 1, 2, …, n."""
    step = values[1] - values[0]
    if len(values) == 2 and step not in {1, values[0]}:
        return []  # 1 + 4 + … + 100 may be of squares
    if not step or any(after - before != step for before, after in itertools.pairwise(values)):
        return []
    term = Node("add", (number(values[0]), Node("mul", (number(step), _INDEX))))
    value = exact_value(last)
    if value is None:
        shift = Node("add", (last, number(-values[0])))
        return [(term, Node("div", (shift, number(step))))] if symbols(last) and step == 1 else []
    return _ending(term, (value - values[0]) / step, len(values))


def _geometric(values: list[Fraction], last: Node) -> list[Step]:
    """1, 2, 4, …, 64."""
    value = exact_value(last)
    ratio = values[1] / values[0] if values[0] else Fraction(0)
    if value is None or abs(ratio) in {0, 1}:
        return []
    if any(after != before * ratio for before, after in itertools.pairwise(values)):
        return []
    term = product([number(values[0]), Node("pow", (number(ratio), _INDEX))])
    place = next((place for place in range(MAX_POWER) if values[0] * ratio**place == value), -1)
    return _ending(term, Fraction(place), len(values))


def _ending(term: Node, place: Fraction, written: int) -> list[Step]:
    """A rule that meets the last term behind those that are written out."""
    return [(term, place)] if place.denominator == 1 and written <= place <= MAX_TERMS else []
