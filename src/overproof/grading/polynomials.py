r"""Polynomials in one variable with rational coefficients: where they are zero and which sign they have in between.

>>> from overproof.grading.grammar import parse
>>> [root.value for root in real_roots(parse("x^2-4"), "x")]
[Fraction(-2, 1), Fraction(2, 1)]
>>> real_roots(parse("x^5-x-1"), "x") is None
True
"""

from __future__ import annotations

from fractions import Fraction

from flint import fmpq, fmpq_poly

from overproof.grading.evaluate import exact_value, real_value
from overproof.grading.tree import Node, number

MAX_DEGREE = 12


def real_roots(node: Node, name: str) -> list[Node] | None:
    """The real zeros in rising order, each once, as exact trees; None for what is no polynomial or has others."""
    polynomial = polynomial_of(node, name)
    if polynomial is None or not 0 < polynomial.degree() <= MAX_DEGREE:
        return None
    roots: list[Node] = []
    for factor, _ in polynomial.factor()[1]:
        found = _roots_of(fmpq_poly(factor))
        if found is None:
            return None
        roots += found
    return sorted(roots, key=lambda root: real_value(root) or 0.0)


def same_zeros(one: Node, other: Node, name: str) -> bool | None:
    """Whether two polynomials vanish at the same complex numbers, however often; None for what is no polynomial."""
    left, right = polynomial_of(one, name), polynomial_of(other, name)
    if left is None or right is None or left.degree() < 1 or right.degree() < 1:
        return None
    return _simple(left) == _simple(right)


def _simple(polynomial: fmpq_poly) -> fmpq_poly:
    """The polynomial with each zero once, and one as its leading coefficient."""
    once = polynomial // polynomial.gcd(polynomial.derivative())
    return once / once.leading_coefficient()


def _roots_of(factor: fmpq_poly) -> list[Node] | None:
    """The real zeros of an irreducible factor of degree one or two."""
    coefficients = [Fraction(int(one.p), int(one.q)) for one in map(fmpq, factor.coeffs())]
    if len(coefficients) == 2:
        return [number(-coefficients[0] / coefficients[1])]
    if len(coefficients) != 3:
        return None
    constant, linear, square = coefficients
    discriminant = linear * linear - 4 * square * constant
    if discriminant < 0:
        return []
    middle, half = number(-linear / (2 * square)), number(1 / (2 * abs(square)))
    reach = Node("mul", (half, Node("root", (number(discriminant), number(2)))))
    return [Node("add", (middle, Node("neg", (reach,)))), Node("add", (middle, reach))]


def polynomial_of(node: Node, name: str) -> fmpq_poly | None:
    """A tree as a polynomial in a name; None where it is none, or one of too high a degree."""
    if node.op == "num":
        return fmpq_poly([fmpq(node.value.numerator, node.value.denominator)])
    if node.op == "sym":
        return fmpq_poly([0, 1]) if node.value == name else None
    if node.op == "pow":
        base, exponent = polynomial_of(node.args[0], name), exact_value(node.args[1])
        if base is None or exponent is None or exponent.denominator != 1 or not 0 <= exponent <= MAX_DEGREE:
            return None
        return base ** int(exponent) if base.degree() * exponent <= MAX_DEGREE else None
    if node.op not in {"add", "mul", "neg", "div"}:
        value = exact_value(node)
        return None if value is None else fmpq_poly([fmpq(value.numerator, value.denominator)])
    parts = [polynomial_of(part, name) for part in node.args]
    known = [part for part in parts if part is not None]
    return _combined(node.op, known) if len(known) == len(parts) else None


def _combined(op: str, parts: list[fmpq_poly]) -> fmpq_poly | None:
    total = parts[0]
    if op == "neg":
        return -total
    if op == "div":
        return total / parts[1].coeffs()[0] if parts[1].degree() == 0 else None
    for part in parts[1:]:
        total = total + part if op == "add" else total * part
        if total.degree() > MAX_DEGREE:
            return None
    return total
