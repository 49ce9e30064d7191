r"""Equations and inequalities between unknowns: whether two of them hold at the same points.

A multiple of an equation, or the equation solved for a variable, is the same one; a solution of one that is none of the
other is proof of a difference.

>>> from overproof.grading.grammar import parse
>>> compare_equations(parse("xy=6"), parse("y=6/x")).same
True
>>> compare_equations(parse("x+y=1"), parse("x+y=2")).same
False
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from flint import acb, arb

from overproof.grading.evaluate import ENOUGH, exact_value, is_zero, overlap, points, same_value, value_at
from overproof.grading.finding import Finding, different, same, undecided
from overproof.grading.polynomials import same_zeros
from overproof.grading.scalars import free_letter
from overproof.grading.scope import Scope
from overproof.grading.tree import Node, number, rename, replaced, symbols
from overproof.grading.values import Relation

_GRID = [step / 2 - 10.03 for step in range(41)]
BISECTIONS = 40
ROOT_DISTANCE = 1e-4
"""Roots further apart than this are different ones."""
MAX_POINTS = 5


def compare_equations(reference: Node, answer: Node) -> Finding:
    """Whether two equations have the same solutions."""
    if len(reference.args) != 2 or len(answer.args) != 2:
        return undecided("equation", "a chain of equalities")
    one, other = _difference(reference), _difference(answer)
    names, others = symbols(one), symbols(other)
    if names != others:
        if len(names) == len(others) and len(names - others) == 1:
            return undecided("equation", "one variable has another name")
        return different("equation", "the equations have different variables")
    ratio = _constant_ratio(one, other)
    if ratio is not None:
        return same("equation", "one equation is a multiple of the other")
    if len(names) == 1 and same_zeros(one, other, min(names)) is False:
        return different("equation", "polynomials with other zeros")
    agrees = _solved_agrees(reference, one, answer, other)
    if agrees is None and (_solutions_differ(one, other) or _solutions_differ(other, one)):
        agrees = False
    verdict = {None: undecided, True: same, False: different}[agrees]
    return verdict("equation", _SOLVED_REASONS[agrees])


_SOLVED_REASONS = {
    None: "not multiples of each other",
    True: "the same equation solved for a variable",
    False: "a solution of one does not satisfy the other",
}


def compare_inequalities(reference: Node, answer: Node) -> Finding:
    """Whether two inequalities hold at the same points: multiples of one another do, a counterexample shows not."""
    reference, answer = _rising(reference), _rising(answer)
    operators = str(reference.value).split(), str(answer.value).split()
    if reference == answer:
        return same("relation", "the same relation")
    if len(reference.args) == len(answer.args) > 2 or not (symbols(reference) or symbols(answer)):
        return _compare_chains(reference, answer)
    if any(len(chain) != 1 or chain[0] not in {"<", ">", "<=", ">="} for chain in operators):
        return undecided("relation", "relations that are not compared")
    if symbols(reference) != symbols(answer) or not symbols(reference):
        return undecided("relation", "different variables")
    (left,), (right,) = operators
    one, other = _difference(reference), _difference(answer)
    if (ratio := _constant_ratio(one, other)) is not None:
        turned = (left[0] != right[0]) == bool(ratio < 0)
        if turned and ("=" in left) == ("=" in right):
            return same("relation", "one inequality is a multiple of the other")
        return different("relation", "the other side of the same boundary, or one without its points")
    for point, _ in points(sorted(symbols(one))):
        a, b = value_at(one, point), value_at(other, point)
        if type(a) is not arb or type(b) is not arb or is_zero(a) or is_zero(b):
            continue
        if ((a > 0) == (left[0] == ">")) != ((b > 0) == (right[0] == ">")):
            return different("relation", "one holds at a point where the other does not")
    return undecided("relation", "not multiples of each other")


def _rising(node: Node) -> Node:
    """An inequality or a chain of them with its smallest side first."""
    operators = str(node.value).split()
    if node.op == "rel" and set(operators) <= {">", ">="}:
        return Node("rel", node.args[::-1], " ".join(operators[::-1]).replace(">", "<"))
    return node


def _compare_chains(reference: Node, answer: Node) -> Finding:
    """Chains, and statements about numbers or unknown functions: the same sides in the same order."""
    if reference.value != answer.value or len(reference.args) != len(answer.args):
        if set(reference.args) == set(answer.args):
            return different("relation", "another relation between the same sides")
        return undecided("relation", "chains of other relations")
    if reference.args != answer.args and reference.args == answer.args[::-1]:
        return different("relation", "the other way round")
    sides = [same_value(one, other) for one, other in zip(reference.args, answer.args, strict=True)]
    if all(sides):
        return same("relation", "the same sides in the same order")
    if False in sides:
        return different("relation", "another side")
    return undecided("relation", "sides that are not compared")


def _difference(node: Node) -> Node:
    return Node("add", (node.args[0], Node("neg", (node.args[1],))))


def _constant_ratio(one: Node, other: Node) -> Any:
    """The quotient of two trees where it is one and the same real number at every sample point."""
    ratios: list[Any] = []
    for point, _ in points(sorted(symbols(one) | symbols(other))):
        left, right = value_at(one, point), value_at(other, point)
        if left is None or right is None:
            continue
        zero = is_zero(left), is_zero(right)
        if zero[0] != zero[1]:
            return None
        if zero[0]:
            continue
        ratios.append(acb(left) / acb(right))
        if not ratios[0].overlaps(ratios[-1]):
            return None
    return ratios[0].real if len(ratios) >= ENOUGH else None


def _solved_agrees(reference: Node, one: Node, answer: Node, other: Node) -> bool | None:
    """For an equation solved for a variable in which the other one is linear: does the solution satisfy the other?"""
    for solved, equation in ((reference, other), (answer, one)):
        for variable, value in (solved.args, solved.args[::-1]):
            if variable.op != "sym" or variable.value in symbols(value):
                continue
            verdict = _satisfies(str(variable.value), value, equation)
            if verdict is None and _has_other_root(str(variable.value), value, equation):
                return False
            if verdict is not None:
                return verdict
    return None


def _real_points(names: list[str]) -> list[dict[str, Any]]:
    return [point for point, _ in points(names)][:MAX_POINTS] if names else [{}]


def _has_other_root(name: str, value: Node, equation: Node) -> bool:
    """Whether a tree vanishes for another real value of the name than the given one: y = √(1-x²) is half a circle."""
    others = sorted(symbols(value) | symbols(equation) - {name})
    for point in _real_points(others):
        root = _real(value, point)
        if root is not None and any(abs(other - root) > ROOT_DISTANCE for other in _roots(equation, point, name)):
            return True
    return False


def _solutions_differ(one: Node, other: Node) -> bool:
    """Whether a real solution of one equation, found by a change of sign, is plainly none of the other."""
    names = sorted(symbols(one))
    if not names:
        return False
    *others, name = names
    for point in _real_points(others):
        for root in _roots(one, point, name):
            here, beside = (_real(other, {**point, name: arb(place)}) for place in (root, root + ROOT_DISTANCE))
            if here is not None and beside is not None and abs(here) > 100 * abs(beside - here) + ROOT_DISTANCE:
                return True
    return False


def _roots(equation: Node, point: dict[str, Any], name: str) -> Iterator[float]:
    """Values of a name between -10 and 10 at which a tree passes through zero, not over a pole."""
    values = [(place, _real(equation, {**point, name: arb(place)})) for place in _GRID]
    for (low, left), (high, right) in itertools.pairwise(values):
        if left is not None and right is not None and left * right < 0:
            root = _bisected(equation, point, name, low, high, left)
            if root is not None:
                yield root


def _bisected(  # noqa: PLR0917 - one bracket of one equation
    equation: Node, point: dict[str, Any], name: str, low: float, high: float, left: float
) -> float | None:
    """The zero between two values of opposite sign; None at a pole, where the tree grows instead of vanishing."""
    value: float | None = left
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        value = _real(equation, {**point, name: arb(middle)})
        if value is None:
            return None
        low, high = (middle, high) if value * left > 0 else (low, middle)
    return low if value is not None and abs(value) < abs(left) / 1000 else None


def _real(node: Node, point: dict[str, Any]) -> float | None:
    """The value of a tree at a point, where it is real."""
    value = value_at(node, point)
    return float(value.mid()) if type(value) is arb else None


def _satisfies(name: str, value: Node, equation: Node) -> bool | None:
    """Whether `name = value` makes a tree vanish that is linear in the name; None where that is not known."""
    others = sorted(symbols(value) | symbols(equation) - {name})
    agreed = 0
    for point in _real_points(others):
        root = value_at(value, point)
        if type(root) is not arb:
            continue
        at = [value_at(equation, {**point, name: arb(place)}) for place in (0, 1, 3)]
        rest = value_at(equation, {**point, name: root})
        if any(type(part) is not arb for part in at) or type(rest) is not arb:
            continue
        start, next_, third = at
        slope = next_ - start  # type: ignore[operator] # balls, as was just checked
        if is_zero(slope) or not overlap(third - start, 3 * slope):  # type: ignore[operator]
            return None
        if not is_zero(rest):
            return False
        agreed += 1
    return True if agreed >= min(ENOUGH, MAX_POINTS if others else 1) else None


# --- with what the question knows


def unsolved(node: Node, scope: Scope) -> Finding:
    """An equation or inequality that has the reference's solutions, but does not name them; x - 3 = 0 nearly does."""
    if scope.text and not _counts_once(node):
        return undecided("equation", "not solved for its variable")
    return same("equation", "it has the same solutions")


def _counts_once(node: Node) -> bool:
    """Whether the only variable of a relation stands there once, with the factor one."""
    names = symbols(node)
    if len(names) != 1 or len(node.args) != 2:
        return False
    sides = [[exact_value(replaced(side, {min(names): number(place)})) for side in node.args] for place in (0, 1, 5)]
    values = [left - right for left, right in sides if left is not None and right is not None]
    return len(values) == 3 and abs(values[1] - values[0]) == 1 and values[2] - values[0] == 5 * (values[1] - values[0])


def is_free_name(one: str, other: str, scope: Scope) -> bool:
    """Whether the question names neither of two letters."""
    return scope.known is not None and bool(scope.known) and one not in scope.known and other not in scope.known


def compare_relations(reference: Relation, answer: Relation, scope: Scope) -> Finding:
    """Equations, inequalities and statements against their like."""
    one, other = reference.node, answer.node
    if one.op != "rel" or other.op != "rel":
        return undecided("relation", "sets that are not compared")
    if set(str(one.value).split()) == set(str(other.value).split()) == {"="}:
        finding = compare_equations(one, other)
        if finding.same is not None:
            return finding
        only, others = symbols(one) - symbols(other), symbols(other) - symbols(one)
        if len(only) == len(others) == 1 and free_letter(min(only), min(others), one, other, scope):
            return compare_equations(one, rename(other, {min(others): min(only)}))
        if len(only) == len(others) == 1 and _told_apart(min(only), min(others), scope):
            return different("equation", f"{min(others)} is not {min(only)}")
        return finding
    if (
        str(one.value) == str(other.value)
        and len(one.args) == len(other.args)
        and not set(str(one.value).split()) & {"<", ">", "<=", ">="}
    ):
        return _statements(one, other, scope)
    return compare_inequalities(one, other)


def _told_apart(one: str, other: str, scope: Scope) -> bool:
    """Whether two names are certainly of different things: the question knows one, or an index says so."""
    known = scope.known or frozenset()
    indexed = "_" in one and "_" in other and one.partition("_")[0] == other.partition("_")[0]
    return indexed or one in known or other in known


def _statements(one: Node, other: Node, scope: Scope) -> Finding:
    """△ABC ≅ △DEF and the like: the same sides, as written."""
    if one == other:
        return same("relation", "the same statement")
    pairs = [same_value(a, b) for a, b in zip(one.args, other.args, strict=True) if symbols(a) == symbols(b)]
    if len(pairs) == len(one.args) and all(pairs):
        return same("relation", "the same statement")
    if all(not part.args for part in (*one.args, *other.args)):
        return different("relation", "about something else")
    return undecided("relation", "statements that are not compared")
