r"""Equations: names for values (`x = 5`, `f(x) = x+1`), chains, and whether two equations have the same solutions.

>>> from overproof.grading.reader import read
>>> split_name(read("f(x)=x+1"))[0]
'f(x)'
>>> compare_equations(read("xy=6"), read("y=6/x")).same
True
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from overproof.grading.finding import Finding, all_of, different, same, undecided
from overproof.grading.floating import UndefinedError, evaluate
from overproof.grading.numeric import same_value
from overproof.grading.scalars import compare_scalars
from overproof.grading.tree import Node, rename, symbols, walk

_POINTS = (
    (0.7310585786, 1.3819660113, 2.2360679775, 0.4142135624, 1.7724538509, 3.0591112345),
    (2.7080502011, 0.3128689301, 1.1441228057, 3.5355339059, 0.8862269255, 1.5392840112),
    (-1.2247448714, 0.7071067812, -2.1213203436, 1.5811388301, -0.4472135955, 2.9154759474),
    (1.8027756377, -0.3390317190, 1.0198039027, -2.7386127875, 0.6454972244, -1.4491376746),
    (-0.5163977795, -1.8708286934, 0.6831300511, -0.2582398927, 2.3664319132, -1.0954451150),
)
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_GRID = [step / 2 - 10.03 for step in range(41)]
BISECTIONS = 40
ROOT_DISTANCE = 1e-4
"""Roots further apart than this are different ones."""
NEEDED = 3
"""How many points must agree before two equations are called proportional."""


def is_equation(node: Node) -> bool:
    """Whether a tree is an equation or a chain of equalities, approximate ones included."""
    return node.op == "rel" and set(str(node.value).split()) <= {"=", "~"}


def split_name(node: Node) -> tuple[str, Node] | None:
    """Name and value of `x = 5`, `5 = x`, `f(x) = x + 1`, `x = y = 2`; None where there is no name, or no one value.

    The name of a chain is its first part; every numeric part of the chain must agree with the last (`5 = 7` has no
    value at all).
    """
    if not is_equation(node):
        return None
    args = _without_approximation(node)
    if len(args) > 1 and is_name(args[-1]) and not is_name(args[0]):
        args = args[::-1]
    if len(args) == 1:
        return "", args[0]
    if not is_name(args[0]):
        return ("", args[-1]) if _is_identity(args) else None
    value = args[-1]
    rest = [part for part in args[1:-1] if not is_name(part)]
    if any(_contradicts(part, value) for part in rest):
        return None
    return name_of(args[0]), value


def _is_identity(args: list[Node]) -> bool:
    """Whether all parts of a chain are one and the same expression, written in several ways: (a^2)^5 = a^{10}."""
    return bool(symbols(args[-1])) and all(same_value(part, args[-1]) for part in args[:-1])


def chain_value(node: Node) -> Node | None:
    """The last part of a chain of values that all agree: 7-2 = 5 gives 5, 5 = 7 gives nothing."""
    if not is_equation(node):
        return None
    args = _without_approximation(node)
    if any(symbols(part) for part in args) or any(_contradicts(part, args[-1]) for part in args[:-1]):
        return None
    return args[-1]


def _without_approximation(node: Node) -> list[Node]:
    """The parts of a chain without what follows an approximation sign, since the exact value stands before it."""
    operators = str(node.value).split()
    args = list(node.args)
    if "~" in operators and len(args) > 1:
        position = operators.index("~")
        if position == 0 and is_name(args[0]):
            return [args[0], args[1]] if len(args) == 2 else args
        return args[: position + 1]
    return args


def _contradicts(part: Node, value: Node) -> bool:
    return same_value(part, value) is False if part.op not in {"paren", "brace", "list"} else False


def is_name(node: Node) -> bool:
    """Whether a tree names a quantity: x, x_1, f(x), P(A), |AB|, sin A, AB, (x, y), a:b, S_1 : S_2."""
    if node.op in {"sym", "text"}:
        return True
    if node.op == "const":
        return node.value in {"e", "i"}
    if node.op in {"paren", "list"}:
        return bool(node.args) and all(is_name(part) for part in node.args)
    if node.op in {"fn", "ratio", "degree"}:
        return bool(symbols(node)) and all(is_name(part) or part.op == "num" for part in node.args)
    if node.op == "mul":
        return node.args[0].op == "sym" and all(_is_argument(part) for part in node.args)
    return False


def _is_argument(node: Node) -> bool:
    """A factor of a name: a letter, or what stands between the brackets of f(…)."""
    return node.op in {"sym", "const", "num", "paren"} or (node.op in {"div", "mul", "neg"} and not _is_long(node))


def _is_long(node: Node) -> bool:
    return sum(1 for _ in walk(node)) > 8


def name_of(node: Node) -> str:
    """A name as text, for comparison: f(x) and f(t) differ, see `same_names`."""
    if node.op == "mul":
        return name_of(node.args[0]) + "".join(
            name_of(part) if len(node.args) > 2 and part.op == "sym" else f"({name_of(part)})" for part in node.args[1:]
        )
    if node.args:
        inner = ",".join(name_of(part) for part in node.args)
        return f"({inner})" if node.op == "paren" else f"{node.value or node.op}({inner})"
    return str(node.value)


def compare_equations(reference: Node, answer: Node) -> Finding:
    """Whether two equations, neither of them a plain `name = value` for the other, have the same solutions."""
    if len(reference.args) != 2 or len(answer.args) != 2:
        return undecided("equation", "a chain of equalities")
    one, other = _difference(reference), _difference(answer)
    names, others = symbols(one), symbols(other)
    if names != others:
        if len(names) == len(others) and len(names - others) == 1:
            return undecided("equation", "one variable has another name")
        return different("equation", "the equations have different variables")
    if _proportional(one, other):
        return same("equation", "one equation is a multiple of the other")
    agrees = _solved_agrees(reference, one, answer, other)
    if agrees is None and _solutions_differ(one, other):
        agrees = False
    verdict = {None: undecided, True: same, False: different}[agrees]
    return verdict("equation", _SOLVED_REASONS[agrees])


_SOLVED_REASONS = {
    None: "not multiples of each other",
    True: "the same equation solved for a variable",
    False: "a solution of one does not satisfy the other",
}


def _difference(node: Node) -> Node:
    return Node("add", (node.args[0], Node("neg", (node.args[1],))))


def _proportional(one: Node, other: Node) -> bool:
    """Whether the quotient of two trees is one and the same number at every sample point."""
    ratios = _ratios(one, other)
    return len(ratios) >= NEEDED and all(abs(ratio - ratios[0]) <= 1e-9 * abs(ratios[0]) for ratio in ratios)


def _ratios(one: Node, other: Node) -> list[float | complex]:
    """The quotients of two trees at the sample points where both have a value well away from zero."""
    names = sorted(symbols(one) | symbols(other))
    ratios: list[float | complex] = []
    for row in _POINTS if len(names) <= len(_POINTS[0]) else ():
        point = dict(zip(names, row, strict=False))
        try:
            (left, left_error), (right, right_error) = evaluate(one, point), evaluate(other, point)
        except (UndefinedError, OverflowError, ZeroDivisionError, ValueError):
            continue
        if abs(left) > 1e6 * left_error and abs(right) > 1e6 * right_error:
            ratios.append(left / right)
    return ratios


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


def _has_other_root(name: str, value: Node, equation: Node) -> bool:
    """Whether a tree vanishes for another real value of the name than the given one: y = √(1-x²) is half a circle."""
    others = sorted(symbols(value) | symbols(equation) - {name})
    for row in _POINTS if len(others) <= len(_POINTS[0]) else ():
        point = dict(zip(others, row, strict=False))
        root = _real(value, point)
        if root is not None and any(abs(other - root) > ROOT_DISTANCE for other in _roots(equation, point, name)):
            return True
    return False


def _solutions_differ(one: Node, other: Node) -> bool:
    """Whether a real solution of one equation, found by a change of sign, is plainly none of the other."""
    names = sorted(symbols(one))
    if not names:  # an equation of numbers has no solutions to compare
        return False
    *others, name = names
    for row in _POINTS if len(others) <= len(_POINTS[0]) else ():
        point = dict(zip(others, row, strict=False))
        for root in _roots(one, point, name):
            here, beside = (_real(other, {**point, name: place}) for place in (root, root + ROOT_DISTANCE))
            if here is not None and beside is not None and abs(here) > 100 * abs(beside - here) + ROOT_DISTANCE:
                return True
    return False


def _roots(equation: Node, point: dict[str, float], name: str) -> Iterator[float]:
    """Values of a name between -10 and 10 at which a tree passes through zero, not over a pole."""
    values = [(place, _real(equation, {**point, name: place})) for place in _GRID]
    for (low, left), (high, right) in itertools.pairwise(values):
        if left is not None and right is not None and left * right < 0:
            root = _bisected(equation, point, name, low, high, left)
            if root is not None:
                yield root


def _bisected(  # noqa: PLR0917 - one bracket of one equation
    equation: Node, point: dict[str, float], name: str, low: float, high: float, left: float
) -> float | None:
    """The zero between two values of opposite sign; None at a pole, where the tree grows instead of vanishing."""
    value: float | None = left
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        value = _real(equation, {**point, name: middle})
        if value is None:
            return None
        low, high = (middle, high) if value * left > 0 else (low, middle)
    return low if value is not None and abs(value) < abs(left) / 1000 else None


def _real(node: Node, point: dict[str, float]) -> float | None:
    """The value of a tree at a point, where it is real."""
    try:
        value, _ = evaluate(node, point)
    except (UndefinedError, OverflowError, ZeroDivisionError, ValueError):
        return None
    return None if isinstance(value, complex) else value


def _satisfies(name: str, value: Node, equation: Node) -> bool | None:
    """Whether `name = value` makes a tree vanish that is linear in the name; None where that is not known."""
    others = sorted(symbols(value) | symbols(equation) - {name})
    agreed = 0
    for row in _POINTS:
        if len(others) > len(row):
            return None
        point = dict(zip(others, row, strict=False))
        try:
            root, _ = evaluate(value, point)
            at = [evaluate(equation, {**point, name: place}) for place in (0.0, 1.0, 3.0)]
            rest, error = evaluate(equation, {**point, name: root})  # type: ignore[dict-item] # a real root is checked below
        except (UndefinedError, OverflowError, ZeroDivisionError, ValueError):
            continue
        slope = at[1][0] - at[0][0]
        size = abs(at[0][0]) + abs(slope) * (1 + abs(root))
        if isinstance(root, complex) or abs(at[2][0] - at[0][0] - 3 * slope) > 1e-9 * size or abs(slope) <= 1e-9 * size:
            return None
        if abs(rest) > 1e-9 * size + 4 * error:
            return False
        agreed += 1
    return True if agreed >= NEEDED else None


def is_inequality(node: Node) -> bool:
    """Whether a tree is one inequality between two sides."""
    return node.op == "rel" and node.value in _FLIPPED


def compare_inequalities(reference: Node, answer: Node) -> Finding:
    """Whether two inequalities hold at the same points: multiples of one another do, a counterexample shows not."""
    if symbols(reference) != symbols(answer):
        return undecided("relation", "different variables")
    if not symbols(reference):
        return _compare_statements(reference, answer)
    one, other = _difference(reference), _difference(answer)
    strict = ("=" in str(reference.value)) == ("=" in str(answer.value))
    ratios = _ratios(one, other)
    if len(ratios) >= NEEDED and all(abs(ratio - ratios[0]) <= 1e-9 * abs(ratios[0]) for ratio in ratios):
        ratio = ratios[0].real if isinstance(ratios[0], complex) else ratios[0]
        turned = (str(reference.value)[0] != str(answer.value)[0]) == (ratio < 0)
        if turned and strict:
            return same("relation", "one inequality is a multiple of the other")
        return different("relation", "the other side of the same boundary, or one without its points")
    signs = [ratio.real > 0 for ratio in ratios]
    if len(set(signs)) > 1 or (signs and signs[0] == (str(reference.value)[0] != str(answer.value)[0])):
        return different("relation", "one holds at a point where the other does not")
    return undecided("relation", "not multiples of each other")


def _compare_statements(reference: Node, answer: Node) -> Finding:
    """Relations between numbers hold or not for ever; they are the same only when written with the same numbers."""
    if reference.value != answer.value:
        return undecided("relation", "different relations between numbers")
    sides = zip(reference.args, answer.args, strict=True)
    return all_of([compare_scalars(one, other) for one, other in sides], "relation", "side")


def same_names(one: str, other: str) -> bool:
    """Whether two names may name the same thing: equal, none on one side, or f of another letter (f(x), f(t))."""
    if one == other or not one or not other:
        return True
    return one.partition("(")[0] == other.partition("(")[0] and _is_of_letter(one) and _is_of_letter(other)


def _is_of_letter(name: str) -> bool:
    """Whether a name is a function of one letter: f(x), not f(2) and not (x, y)."""
    function, _, argument = name.partition("(")
    return bool(function) and len(argument) == 2 and argument[0].isalpha()


def rename_argument(reference_name: str, answer_name: str, value: Node) -> Node:
    """The value of `f(t) = …` written in the letter of `f(x)`, when the two names differ in that letter."""
    old, new = answer_name.partition("(")[2].rstrip(")"), reference_name.partition("(")[2].rstrip(")")
    return rename(value, {old: new}) if old and new and old != new else value
