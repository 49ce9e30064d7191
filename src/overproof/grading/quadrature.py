r"""Definite integrals by Arb's own quadrature, whose balls hold the value: two that do not overlap are different.

It may take long, and so only runs in a worker.

>>> from overproof.grading.grammar import parse
>>> [same_integrals(parse(f"\\int_0^1 x^{power} dx"), parse("1/3")) for power in (2, 1)]
[True, False]
"""

from __future__ import annotations

from collections.abc import Mapping

import flint
from flint import acb, arb

from overproof.grading.evaluate import PRECISION, Ball, UndefinedError, ball_of, exact_value, overlap, value_at
from overproof.grading.tree import BINDERS, Node, substituted, walk

EVALUATIONS, DEPTH = 3_000, 60
SHARP = 200
"""So many bits of two values that overlap are no coincidence."""
FINE = 3 * PRECISION

_JUMPING = frozenset(
    {"abs", "floor", "ceil", "sign", "min", "max", "mod", "gcd", "lcm", "call", "fact", "binom", "perm"}
)


def same_integrals(one: Node, other: Node) -> bool | None:
    """Whether two constants with integrals in them are equal; None where their balls do not tell."""
    if any(part.op in BINDERS - {"int"} for part in (*walk(one), *walk(other))):
        return None
    try:
        if _agreeing_bits(one, other, PRECISION) is None:
            return False
        bits = _agreeing_bits(one, other, FINE)
    except (UndefinedError, ArithmeticError, ValueError):
        return None
    finally:
        flint.ctx.prec = PRECISION
    return False if bits is None else True if bits > SHARP else None


def _agreeing_bits(one: Node, other: Node, precision: int) -> int | None:
    """How many bits two values that overlap at a precision are known to; None where they do not overlap."""
    flint.ctx.prec = precision
    left, right = _value(one), _value(other)
    return min(left.rel_accuracy_bits(), right.rel_accuracy_bits()) if overlap(left, right) else None


def _value(node: Node) -> Ball:
    """The value of a tree, its integrals worked out first."""
    known: dict[Node, Node] = {}
    values: dict[str, Ball] = {}
    for place, part in enumerate(walk(node)):
        if part.op == "int":
            known[part] = Node("sym", (), f"integral {place}")
            values[f"integral {place}"] = _integral(part)
    return ball_of(substituted(node, known), values)


def _integral(node: Node) -> Ball:
    """A definite integral with finite ends of a function that is analytic beside them."""
    body, variable, *ends = node.args
    low, high = (acb(ball_of(end, {})) for end in ends)
    name = str(variable.value)

    def integrand(place: acb, analytic: bool) -> acb:  # noqa: FBT001 - the signature that Arb calls
        here = {name: place}
        value = None if analytic and not _is_analytic(body, here) else value_at(body, here)
        return acb("nan") if value is None else acb(value)

    result = acb.integral(integrand, low, high, eval_limit=EVALUATIONS, depth_limit=DEPTH)
    if not result.is_finite():
        raise UndefinedError("not integrated")
    return result.real if result.imag.overlaps(arb(0)) else result


def _is_analytic(node: Node, point: Mapping[str, Ball]) -> bool:
    """Whether a tree is analytic on a ball: no jump and no branch cut of a root, logarithm or power touches it."""
    if node.op in _JUMPING:
        return False
    if node.op in {"root", "ln", "log", "pow"} and node.args:
        exponent = exact_value(node.args[-1]) if node.op == "pow" else None
        base = value_at(node.args[0], point)
        if (exponent is None or exponent.denominator != 1) and (base is None or not acb(base).real > 0):
            return False
    if node.op in {"arcsin", "arccos", "arctan", "arctanh"}:
        inner = value_at(node.args[0], point)
        if inner is None or not abs(inner) < 1:
            return False
    return all(_is_analytic(part, point) for part in node.args)
