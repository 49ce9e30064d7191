r"""Arbitrary constants: what two antiderivatives or general solutions have in common beside the C of each.

>>> from overproof.grading.grammar import parse
>>> from overproof.grading.scope import scope_of
>>> asked = scope_of("Find the indefinite integral.")
>>> compare_up_to_constants(parse("\\sin^2 x + C"), parse("-\\cos^2 x + C"), asked).same
True
"""

from __future__ import annotations

import itertools
import re

from flint import arb

from overproof.grading.evaluate import ENOUGH, overlap, points, same_value, value_at
from overproof.grading.finding import QUESTION, Finding, same, undecided
from overproof.grading.scope import Scope
from overproof.grading.tree import Node, number, rename, replaced, symbols

_CONSTANT = re.compile(r"[A-DKa-dk]|[A-DKck]_\d")
"""How arbitrary constants are called."""
_ADDED = re.compile(r"[CcK](?:_\d)?")
"""How the constant of an antiderivative is called."""
MAX_CONSTANTS = 4


def compare_up_to_constants(reference: Node, answer: Node, scope: Scope) -> Finding | None:
    """Two expressions with arbitrary constants that are not equal as they stand; None where they have none.

    What is asked for tells whether a constant is one: an antiderivative has one, and so has the solution of a
    differential equation; where nothing is asked, it may be one.
    """
    one, other = _without_constant(reference), _without_constant(answer)
    if (one is not None or other is not None) and (scope.integrates or not scope.text):
        gap = _gap(one or reference, other or answer)
        if gap == CONSTANT and one is not None and other is not None and scope.integrates:
            return same("family", "they differ by a constant")
        if gap is not None:
            return undecided(QUESTION, "they may differ by a constant")
    only, others = symbols(reference) - symbols(answer), symbols(answer) - symbols(reference)
    if (
        not scope.text
        and only
        and are_constants(only | others)
        and symbols(reference) & symbols(answer)
        and renamed_alike(reference, answer)
    ):
        return undecided(QUESTION, "constants that may be arbitrary")
    if scope.solves_differentials and _may_be_one_family(reference, answer):
        return undecided("family", "constants that may be arbitrary")
    return None


def _may_be_one_family(one: Node, other: Node) -> bool:
    """Whether two solutions with one constant each may be one family: not where only what has no constant differs."""
    constants = [{name for name in symbols(side) if _ADDED.fullmatch(name)} for side in (one, other)]
    if any(len(names) != 1 for names in constants):
        return False
    (left,), (right,) = constants
    if symbols(one) - {left} != symbols(other) - {right}:
        return False
    zero, step, twice = (
        [replaced(side, {name: number(value)}) for side, name in ((one, left), (other, right))] for value in range(3)
    )
    slopes = [_less(after, before) for after, before in zip(step, zero, strict=True)]
    if not all(same_value(_less(end, after), slope) for end, after, slope in zip(twice, step, slopes, strict=True)):
        return True  # e^{x+C}
    ratio = Node("div", (slopes[0], slopes[1]))
    return same_value(slopes[0], slopes[1]) is False and _gap(ratio, number(0)) is not None


def _less(one: Node, other: Node) -> Node:
    return Node("add", (one, Node("neg", (other,))))


def are_constants(names: frozenset[str]) -> bool:
    """Whether all names are such as arbitrary constants have."""
    return all(map(_CONSTANT.fullmatch, names))


def renamed_alike(reference: Node, answer: Node) -> Node | None:
    """The answer with the reference's letters in place of its own, in the order in which they are equal; else None."""
    only, others = symbols(reference) - symbols(answer), symbols(answer) - symbols(reference)
    if len(only) != len(others) or not 0 < len(only) < MAX_CONSTANTS:
        return None
    for order in itertools.permutations(sorted(others)):
        turned = rename(answer, dict(zip(order, sorted(only), strict=True)))
        if same_value(reference, turned):
            return turned
    return None


CONSTANT, WHERE_REAL = "constant", "where both are real"


def _without_constant(node: Node) -> Node | None:
    """A sum without its one term that is a constant's letter; None where it has none."""
    if node.op != "add":
        return None
    rest = [part for part in node.args if not (part.op == "sym" and _ADDED.fullmatch(str(part.value)))]
    if len(rest) != len(node.args) - 1 or not rest:
        return None
    return rest[0] if len(rest) == 1 else Node("add", tuple(rest))


def _gap(one: Node, other: Node) -> str | None:
    """How the difference of two trees is one number: wherever they have values, or only where both are real."""
    names = sorted(symbols(one) | symbols(other))
    values = [(value_at(one, point), value_at(other, point)) for point, _ in points(names)]
    gaps = [left - right for left, right in values if type(left) is arb and type(right) is arb]
    if not names or len(gaps) < ENOUGH or not all(overlap(gaps[0], gap) for gap in gaps[1:]):
        return None
    return CONSTANT if all((type(left) is arb) == (type(right) is arb) for left, right in values) else WHERE_REAL
