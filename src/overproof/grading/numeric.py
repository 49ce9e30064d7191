r"""Floating-point evaluation of trees with a running error bound, and identity testing at fixed points.

Each value comes with a bound on its rounding error, so that two values are called equal only when they agree to within
a bound that is itself small, and different only when they differ by more than it. What overflows, underflows or loses
its digits is left undecided (`None`), for the deep layer to settle with more precision. Time is linear in the tree.

    >>> from overproof.grading.reader import read
    >>> same_value(read("\\frac{1+\\sqrt{5}}{2}"), read("2\\cos(\\pi/5)"))
    True
    >>> same_value(read("\\sqrt{x^2}"), read("x"))
    False
    >>> same_value(read("1/2004!"), read("1/2006!")) is None
    True
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

from overproof.grading.floating import UndefinedError, evaluate
from overproof.grading.tree import Node, symbols, walk

RELATIVE = 1e-9
"""Two values are called equal only where their error bound is below this share of their magnitude."""

LARGEST_MODEST, HIGHEST_MODEST = 1_000_000, 6
"""Larger numbers and higher powers can agree in all the digits of floating point without being equal."""


# Points at which identities are tested: irrational-looking, apart from each other, of both signs. The first row of
# each pair is positive, so that principal branches agree there; the second mixes signs and is read over the reals.
POSITIVE = (
    (0.731058, 1.381966, 2.236067, 0.414213, 1.772453, 3.059111, 0.577215, 2.665144),
    (2.708050, 0.312868, 1.144122, 3.535533, 0.886226, 1.539284, 4.123105, 0.267949),
    (0.211324, 0.894427, 0.534522, 0.632455, 0.154303, 0.948683, 0.755928, 0.308606),
    (0.453553, 0.169030, 0.365148, 0.204124, 0.935414, 0.707196, 0.597614, 0.816496),
    (5.385164, 7.280109, 6.480740, 9.110433, 8.306623, 5.916079, 7.681145, 6.244997),
)
MIXED = (
    (-1.224744, 0.707106, -2.121320, 1.581138, -0.447213, 2.915475, -3.316624, 0.979795),
    (-0.516397, -1.870828, 0.683130, -0.258239, 2.366431, -1.095445, 0.836660, -2.529822),
    (1.802775, -0.339031, 1.019803, -2.738612, 0.645497, -1.449137, 2.073644, -0.774596),
)  # fmt: skip
INTEGERS = (
    (3.0, 2.0, 4.0, 5.0, 7.0, 6.0, 8.0, 9.0),
    (4.0, 3.0, 2.0, 6.0, 5.0, 8.0, 7.0, 10.0),
    (7.0, 5.0, 3.0, 2.0, 4.0, 9.0, 6.0, 8.0),
    (6.0, 4.0, 5.0, 3.0, 8.0, 2.0, 9.0, 7.0),
)
_ENOUGH = 4
"""How many points must agree before two trees are called the same function."""


def same_value(left: Node, right: Node, tolerance: float = 0.0) -> bool | None:
    """Whether two scalar trees have the same value wherever both have one; None when that cannot be told here.

    With a `tolerance`, values count as the same that differ by no more than that share of the larger one.
    """
    names = sorted(symbols(left) | symbols(right))
    if not names:
        verdict = _same_at({}, left, right, tolerance, real=False)
        return None if verdict and not (tolerance or (_is_modest(left) and _is_modest(right))) else verdict
    if len(names) > len(POSITIVE[0]):
        return None
    agreed = 0
    for row, real in (
        *((row, False) for row in POSITIVE[:2]),
        *((row, True) for row in MIXED),
        *((row, False) for row in POSITIVE[2:]),
        *((row, False) for row in INTEGERS),
    ):
        if row is INTEGERS[0] and agreed >= _ENOUGH:
            break
        verdict = _same_at(dict(zip(names, row, strict=False)), left, right, tolerance, real=real)
        if verdict is False:
            return False
        agreed += verdict is True
    return True if agreed >= _ENOUGH - 1 else None


def _is_modest(node: Node) -> bool:
    """Whether the numbers in a constant tree are small enough for an agreement of all digits to be no coincidence."""
    for part in walk(node):
        exact = part.value if part.op == "num" else None
        if isinstance(exact, Fraction) and max(abs(exact.numerator), exact.denominator) > LARGEST_MODEST:
            return False
        if part.op == "fact" or (part.op == "pow" and part.args[1].op == "num" and part.args[1].value > HIGHEST_MODEST):  # type: ignore[operator] # a num holds a Fraction
            return False
    return True


def _same_at(point: Mapping[str, float], left: Node, right: Node, tolerance: float, *, real: bool) -> bool | None:
    """Whether two trees agree at one point; None where either has no trustworthy value there."""
    try:
        one, one_error = evaluate(left, point, real=real)
        other, other_error = evaluate(right, point, real=real)
    except (UndefinedError, OverflowError, ZeroDivisionError, ValueError):
        return None
    error = one_error + other_error
    size = max(abs(one), abs(other))
    difference = abs(one - other)
    if not math.isfinite(size) or not math.isfinite(error):
        return None
    if difference > 4 * error + tolerance * size:
        # Away from the reals two correct forms may lie on different branches.
        return None if point and (isinstance(one, complex) or isinstance(other, complex)) else False
    return True if error <= RELATIVE * size or difference == error == 0 else None
