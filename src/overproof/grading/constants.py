r"""Arbitrary constants: what two antiderivatives or general solutions have in common beside the constants of each.

>>> from overproof.grading.grammar import parse
>>> from overproof.grading.scope import scope_of
>>> asked = scope_of("Find the indefinite integral.")
>>> compare_up_to_constants(parse("\\sin^2 x + C"), parse("-\\cos^2 x + C"), asked).same
True
>>> asked = scope_of("Find the general solution.")
>>> compare_up_to_constants(parse("A\\cosh x + B\\sinh x"), parse("C_1 e^x + C_2 e^{-x}"), asked).same
True
"""

from __future__ import annotations

import itertools
import re
from typing import Any

from flint import arb

from overproof.grading.evaluate import ENOUGH, overlap, points, same_value, value_at
from overproof.grading.finding import QUESTION, Finding, same, undecided
from overproof.grading.scope import Scope
from overproof.grading.tree import Node, negative, number, rename, replaced, symbols

_CONSTANT = re.compile(r"[A-DKa-dk]|[A-DKck]_\d")
"""How arbitrary constants are called."""
_OF_SOLUTION = re.compile(r"[A-CKc]|[Cc]_\d")
"""How those of a general solution are called; one that the question names is none."""
_ADDED = re.compile(r"[CcK](?:_\d)?")
"""How the constant of an antiderivative is called."""
MAX_CONSTANTS = 4
TRIED = ((1, 0, 2, 3), (3, 2, 0, 1), (2, -1, 1, 0))
"""Values of constants at which one solution is looked for among those of another family."""


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
    if scope.solves_differentials and (verdict := _same_solutions(reference, answer, scope)) is not False:
        return _as_solutions(scope, told=bool(verdict))
    return None


def _as_solutions(scope: Scope, *, told: bool) -> Finding:
    """The same solutions where a question asks for them; where none does, or it cannot be told, a doubt."""
    if told and scope.text:
        return same("family", "the same solutions for all constants")
    return undecided("family", "constants that may be arbitrary")


def compare_solutions(reference: Node, answer: Node, scope: Scope) -> Finding | None:
    """Two equations with an arbitrary constant each, as ln|y| = x + C and y = Ce^x; None where they are no solutions.

    Both are solved for their constants: the curves are the same where one value is a function of the other.
    """
    if not scope.solves_differentials or any(node.op != "rel" or len(node.args) != 2 for node in (reference, answer)):
        return None
    sides = [_less(*node.args) for node in (reference, answer)]
    names = [_constants_of(side, scope) for side in sides]
    rest = [symbols(side) - found for side, found in zip(sides, names, strict=True)]
    if any(len(found) != 1 for found in names) or rest[0] != rest[1] or len(rest[0]) != 2:
        return None
    levels = [_solved_for(min(found), side) for side, found in zip(sides, names, strict=True)]
    if levels[0] is None or levels[1] is None:
        return undecided("family", "constants that may be arbitrary")
    if not _have_same_curves(levels[0], levels[1], sorted(rest[0])):
        return None
    return _as_solutions(scope, told=_differ_by_scale(levels[0], levels[1]))


def _constants_of(node: Node, scope: Scope) -> frozenset[str]:
    """The names in a tree that may be arbitrary constants."""
    return frozenset(name for name in symbols(node) - (scope.known or frozenset()) if _OF_SOLUTION.fullmatch(name))


def _less(one: Node, other: Node) -> Node:
    return Node("add", (one, Node("neg", (other,))))


# --- explicit solutions: the functions that their constants multiply


def _same_solutions(one: Node, other: Node, scope: Scope) -> bool | None:
    """Whether two expressions run through the same functions as their constants run; None where that is not known."""
    names = _constants_of(one, scope), _constants_of(other, scope)
    variables = symbols(one) - names[0]
    if not names[0] or not names[1] or max(map(len, names)) > MAX_CONSTANTS:
        return False
    if variables != symbols(other) - names[1] or not variables:
        return False
    left, right = (_parts(side, sorted(found)) for side, found in zip((one, other), names, strict=True))
    if left is None and right is None:
        return None if len(names[0]) == len(names[1]) else False
    if left is None or right is None:
        bent, letters, straight = (one, sorted(names[0]), right) if left is None else (other, sorted(names[1]), left)
        return None if straight is not None and _runs_within(bent, letters, straight) else False
    shift = _less(left[0], right[0])
    ranks = [_rank(functions) for functions in (left[1:], right[1:], [*left[1:], *right[1:], shift])]
    return None if None in ranks else ranks[0] == ranks[1] == ranks[2]


def _parts(node: Node, constants: list[str]) -> list[Node] | None:
    """What stands without constants and what each of them multiplies; None where they do not only multiply."""
    nothing = dict.fromkeys(constants, number(0))
    start = replaced(node, nothing)
    parts = [_less(replaced(node, {**nothing, name: number(1)}), start) for name in constants]
    for values in TRIED:
        at = dict(zip(constants, map(number, values), strict=False))
        told = [Node("mul", (at[name], part)) for name, part in zip(constants, parts, strict=True)]
        if not same_value(replaced(node, at), Node("add", (start, *told))):
            return None
    return [start, *parts]


def _runs_within(node: Node, constants: list[str], parts: list[Node]) -> bool:
    """Whether a solution, at some values of its constants, is one of a family that is given by its parts."""
    among = _rank(parts[1:])
    for values in TRIED:
        chosen = replaced(node, dict(zip(constants, map(number, values), strict=False)))
        if among is None or _rank([*parts[1:], _less(chosen, parts[0])]) != among:
            return False
    return True


def _rank(functions: list[Node]) -> int | None:
    """How many functions are independent of each other, by their values at sample points; None with too few of them."""
    names = sorted(frozenset[str]().union(*map(symbols, functions)))
    table = [[value_at(function, point) for function in functions] for point, _ in points(names)]
    rows = [[value for value in row if type(value) is arb] for row in table]
    rows = [row for row in rows if len(row) == len(functions)]
    if len(rows) < len(functions) + ENOUGH:
        return None
    rank = 0
    for column in range(len(functions)):
        lead = max(rows, key=lambda row: float(abs(row[column]).mid()))
        if lead[column].contains(0):
            continue
        rows = [_without(row, lead, column) for row in rows if row is not lead]
        rank += 1
    return rank


def _without(row: list[arb], lead: list[arb], column: int) -> list[arb]:
    """A row less the multiple of another that has its value in a column."""
    share = row[column] / lead[column]
    return [entry - share * other for entry, other in zip(row, lead, strict=True)]


# --- implicit solutions: the constant as a function of the variables


def _solved_for(name: str, node: Node) -> Node | None:
    """The value of a constant at which a tree vanishes; None where the tree is not linear in it."""
    zero, step, twice = (replaced(node, {name: number(value)}) for value in range(3))
    slope = _less(step, zero)
    if not same_value(_less(twice, step), slope):
        return None
    return negative(Node("div", (zero, slope)))


STEP = arb(2) ** -40
PARALLEL = 1e-9
"""Two slopes that differ by a smaller share of them are one."""


def _have_same_curves(one: Node, other: Node, names: list[str]) -> bool:
    """Whether two functions of two variables rise in the same direction wherever both have values."""
    agreed = 0
    for point, _ in points(names):
        slopes = [_slope(level, point, name) for level in (one, other) for name in names]
        if any(slope is None for slope in slopes):
            continue
        a, b, c, d = (slope for slope in slopes if slope is not None)
        if abs(a * d - b * c) > PARALLEL * (abs(a * d) + abs(b * c)):
            return False
        agreed += 1
    return agreed >= ENOUGH


def _slope(node: Node, point: dict[str, Any], name: str) -> float | None:
    ends = [value_at(node, {**point, name: point[name] + step}) for step in (STEP, -STEP)]
    if type(ends[0]) is not arb or type(ends[1]) is not arb:
        return None
    return float(((ends[0] - ends[1]) / (2 * STEP)).mid())


def _differ_by_scale(one: Node, other: Node) -> bool:
    """Whether one value is another times a number plus a number, so that each constant of one is one of the other."""
    names = sorted(symbols(one) | symbols(other))
    values = [(value_at(one, point), value_at(other, point)) for point, _ in points(names)]
    known = [(left, right) for left, right in values if type(left) is arb and type(right) is arb]
    start, base = known[0] if known else (arb(0), arb(0))
    ratios = [(left - start) / (right - base) for left, right in known if not (right - base).contains(0)]
    return len(ratios) >= ENOUGH and all(overlap(ratios[0], ratio) for ratio in ratios[1:])


# --- constants by their letters


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
