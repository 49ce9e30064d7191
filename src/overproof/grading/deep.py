"""What only runs in a worker process: mpmath at high precision, then Math-Verify and SymPy.

Only this module uses those libraries. It may take any time and any memory; the pool kills it when it takes too much.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from overproof.grading.compare import compare
from overproof.grading.exact import exact_value
from overproof.grading.latex import UnwritableError, to_latex
from overproof.grading.numeric import INTEGERS, MIXED, POSITIVE
from overproof.grading.reader import read
from overproof.grading.scanner import UnreadableError
from overproof.grading.scope import scope_of
from overproof.grading.tree import Node, symbols

DIGITS = 50
"""Decimal digits of the first evaluation; the second, which must agree, has twice as many."""
MAX_EXPONENT_BITS = 100_000
"""A power or factorial whose size takes more bits than this to write down is not evaluated."""
PARSED = 2
"""What Math-Verify can read comes back as an expression and its text; what it cannot, as less."""
MAX_LATEX_CHARS = 4_000
"""Math-Verify is not asked about longer texts."""


class TooLargeError(Exception):
    """A number beyond what is evaluated."""


def decide(reference: str, answer: str, question: str | None = None) -> tuple[bool | None, str]:
    """Whether two spelled answers are the same, and why; None when neither library can tell."""
    one, other = _tree(reference), _tree(answer)
    if one is not None and other is not None:
        scope = msgspec.structs.replace(scope_of(question), settle=same_to_many_digits)
        try:
            finding = compare(one, other, scope)
        except TooLargeError:
            return None, "too large to evaluate"
        if finding.same is not None:
            return finding.same, f"{finding.reason} (to {DIGITS} digits)"
    if max(len(reference), len(answer)) > MAX_LATEX_CHARS:
        return None, f"longer than {MAX_LATEX_CHARS} characters"
    return _math_verify(_for_math_verify(one, reference), _for_math_verify(other, answer))


def _tree(text: str) -> Node | None:
    try:
        return read(text)
    except UnreadableError:
        return None


# --- mpmath


def same_to_many_digits(one: Node, other: Node) -> bool | None:
    """Like `numeric.same_value`, with many digits and without bounds on the exponent."""
    names = sorted(symbols(one) | symbols(other))
    if len(names) > len(POSITIVE[0]):
        return None
    rows = [()] if not names else [*POSITIVE, *MIXED, *INTEGERS]
    agreed = 0
    for row in rows:
        verdict = _same_at(dict(zip(names, row, strict=False)), one, other, real=row in MIXED)
        if verdict is False:
            return False
        agreed += verdict is True
    return True if agreed >= (3 if names else 1) else None


def _same_at(point: Mapping[str, float], one: Node, other: Node, *, real: bool) -> bool | None:
    import mpmath

    values = [_settled_value(node, point) for node in (one, other)]
    if any(value is None for value in values):
        return None
    with mpmath.workdps(2 * DIGITS):
        left, right = values
        size = max(abs(left), abs(right))
        if (real or point) and any(abs(mpmath.im(value)) > size * mpmath.mpf(10) ** -DIGITS for value in values):
            return None
        if not point and size > mpmath.mpf(10) ** (DIGITS - 10):
            return None if abs(left - right) <= size * mpmath.mpf(10) ** -DIGITS else False
        return bool(abs(left - right) <= size * mpmath.mpf(10) ** -DIGITS)


def _settled_value(node: Node, point: Mapping[str, float]) -> Any:
    """The value at a point, the same at both precisions: zero where it shrinks as digits are added; None if unsure."""
    import mpmath

    values: list[Any] = []
    for digits in (DIGITS, 2 * DIGITS):
        with mpmath.workdps(digits):
            try:
                values.append(_evaluate(node, point))
            except (ArithmeticError, ValueError, TypeError, KeyError, mpmath.libmp.NoConvergence):
                return None
    early, late = values
    if not mpmath.isfinite(late):
        return None
    with mpmath.workdps(2 * DIGITS):
        if abs(late) <= abs(early) * mpmath.mpf(10) ** (-DIGITS // 2):
            return mpmath.mpf(0)
        return late if abs(early - late) <= abs(late) * mpmath.mpf(10) ** (-DIGITS // 2) else None


def _evaluate(node: Node, point: Mapping[str, float]) -> Any:
    import mpmath

    if node.op == "sym":
        return mpmath.mpf(point[str(node.value)])
    if node.op == "const":
        return {"pi": mpmath.pi, "e": mpmath.e, "i": mpmath.mpc(0, 1)}[str(node.value)] * 1
    if not node.args:
        exact = exact_value(node)
        if exact is None:
            raise ValueError(node.op)
        return mpmath.mpf(exact.numerator) / exact.denominator
    args = [_evaluate(part, point) for part in node.args]
    return _operation(node)(node, args, mpmath)


def _operation(node: Node) -> Callable[[Node, list[Any], Any], Any]:
    if node.op == "fn":
        return _FUNCTIONS[str(node.value)]
    return _OPERATIONS[node.op]


def _power(node: Node, args: list[Any], mpmath: Any) -> Any:
    base, exponent = args
    if abs(exponent) * (abs(mpmath.log(abs(base))) + 1) > mpmath.mpf(2) ** MAX_EXPONENT_BITS if base else False:
        raise TooLargeError
    ratio = exact_value(node.args[1])
    if ratio is not None and ratio.denominator % 2 == 1 and ratio.denominator > 1 and mpmath.im(base) == 0 and base < 0:
        return (-1) ** (ratio.numerator % 2) * mpmath.power(-base, exponent)
    return mpmath.power(base, exponent)


def _factorial(_node: Node, args: list[Any], mpmath: Any) -> Any:
    if abs(args[0]) > mpmath.mpf(2) ** 300:
        raise TooLargeError
    return mpmath.gamma(args[0] + 1)


def _root(_node: Node, args: list[Any], mpmath: Any) -> Any:
    base, degree = args
    if mpmath.im(base) == 0 and base < 0 and int(degree) % 2 == 1:
        return -mpmath.power(-base, 1 / degree)
    return mpmath.sqrt(base) if degree == 2 else mpmath.power(base, 1 / degree)


def _by_name(name: str) -> Callable[[Node, list[Any], Any], Any]:
    return lambda _node, args, mpmath: getattr(mpmath, name)(*args)


_OPERATIONS: dict[str, Callable[[Node, list[Any], Any], Any]] = {
    "add": lambda _node, args, mpmath: mpmath.fsum(args),
    "mul": lambda _node, args, mpmath: mpmath.fprod(args),
    "neg": lambda _node, args, _mpmath: -args[0],
    "div": lambda _node, args, _mpmath: args[0] / args[1],
    "pow": _power,
    "root": _root,
    "fact": _factorial,
    "percent": lambda _node, args, _mpmath: args[0] / 100,
    "degree": lambda _node, args, mpmath: args[0] * mpmath.pi / 180,
    "where": lambda _node, args, _mpmath: args[0],
}
_FUNCTIONS: dict[str, Callable[[Node, list[Any], Any], Any]] = {
    **{
        name: _by_name(name)
        for name in ["sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "coth", "exp", "floor", "ceil"]
    },
    **{f"arc{name}": _by_name(f"a{name}") for name in ["sin", "cos", "tan", "sinh", "cosh", "tanh"]},
    "ln": _by_name("log"),
    "log": _by_name("log"),
    "abs": lambda _node, args, _mpmath: abs(args[0]),
    "binom": _by_name("binomial"),
    "min": lambda _node, args, _mpmath: min(args),
    "max": lambda _node, args, _mpmath: max(args),
}


# --- Math-Verify


def _for_math_verify(tree: Node | None, text: str) -> str:
    if tree is not None:
        try:
            return to_latex(tree)
        except UnwritableError:
            pass
    return text


def _math_verify(reference: str, answer: str) -> tuple[bool | None, str]:
    """Math-Verify's verdict, the reference wrapped as it must be. Its own alarms are off: the pool has the clock."""
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

    config = [LatexExtractionConfig(boxed_match_priority=0), ExprExtractionConfig()]
    parsed = [
        parse(f"\\boxed{{{text}}}", extraction_config=config, parsing_timeout=None, extraction_mode="any_match")
        for text in (reference, answer)
    ]
    if len(parsed[0]) < PARSED:
        return None, "Math-Verify cannot read the reference"
    if len(parsed[1]) < PARSED:
        return False, "the answer cannot be read"
    if verify(parsed[0], parsed[1], timeout_seconds=None, allow_set_relation_comp=True):
        return True, "equal by Math-Verify"
    return False, "not equal by Math-Verify"


# --- Warming up

_WARM_UP = (
    (r"\begin{cases} x<a, & a<1 \end{cases}", r"(-\infty, \min(1, a)) \cup (\max(1, a), \infty)"),
    (r"\int_0^1 2x\,dx", "1"),
    (r"\sum_{k=1}^{3} k", "5"),
)


def warm_up() -> None:
    """Load what Math-Verify and SymPy would else load in the middle of the first comparisons."""
    for reference, answer in _WARM_UP:
        decide(reference, answer)
