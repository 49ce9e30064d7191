"""Exact rational arithmetic on trees, with a limit on the size of every number it makes.

>>> from overproof.grading.reader import read
>>> exact_value(read("2^{10}-1/2"))
Fraction(2047, 2)
>>> exact_value(read("9^{9^{9^9}}")) is None
True
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache

from overproof.grading.tree import Node

MAX_BITS = 80_000
MAX_FACTORIAL = 5_000


# Three primes of 61 bits.
_PRIMES = (2305843009213693951, 2305843009213693921, 2305843009213693907)


class _TooLargeError(Exception):
    """A number would grow beyond MAX_BITS."""


@lru_cache(maxsize=8192)
def exact_value(node: Node) -> Fraction | None:
    """The value of a tree that is a rational number of at most MAX_BITS bits; None for any other."""
    try:
        return _evaluate(node)
    except _TooLargeError:
        return _shortcut(node)


def _evaluate(node: Node) -> Fraction | None:
    if node.op == "num":
        assert isinstance(node.value, Fraction)
        return node.value
    evaluate = _OPERATIONS.get(node.op)
    if evaluate is None:
        return None
    args: list[Fraction] = []
    for part in node.args:
        value = _evaluate(part)
        if value is None:
            return None
        args.append(value)
    result = evaluate(node, args)
    if result is not None and result.numerator.bit_length() + result.denominator.bit_length() > MAX_BITS:
        raise _TooLargeError
    return result


def _sum(_node: Node, args: list[Fraction]) -> Fraction:
    if all(value.denominator == 1 for value in args):
        return Fraction(sum(value.numerator for value in args))
    return sum(args, Fraction(0))


def _multiply(_node: Node, args: list[Fraction]) -> Fraction:
    product = Fraction(1)
    for value in args:
        product *= value
        if product.numerator.bit_length() > MAX_BITS:
            raise _TooLargeError
    return product


def _divide(_node: Node, args: list[Fraction]) -> Fraction | None:
    return args[0] / args[1] if args[1] else None


def _power(_node: Node, args: list[Fraction]) -> Fraction | None:
    base, exponent = args
    if exponent.denominator != 1:
        root = _root_of(base, exponent.denominator)
        return None if root is None else _power(_node, [root, Fraction(exponent.numerator)])
    if base == 0:
        return Fraction(0) if exponent > 0 else None
    if base in {1, -1}:
        return base if exponent.numerator % 2 else Fraction(1)
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(exponent.numerator) * max(size - 1, 1) > MAX_BITS:
        raise _TooLargeError
    return base**exponent.numerator


def _root(_node: Node, args: list[Fraction]) -> Fraction | None:
    degree = args[1]
    return _root_of(args[0], degree.numerator) if degree.denominator == 1 and degree > 0 else None


def _root_of(value: Fraction, degree: int) -> Fraction | None:
    """The exact real root, where there is one."""
    if value < 0:
        root = _root_of(-value, degree) if degree % 2 else None
        return None if root is None else -root
    if degree == 2:
        parts = [math.isqrt(value.numerator), math.isqrt(value.denominator)]
    elif value.numerator.bit_length() < 1000 and value.denominator.bit_length() < 1000:
        parts = [round(value.numerator ** (1 / degree)), round(value.denominator ** (1 / degree))]
    else:
        return None
    if degree > 1000:
        return value if value in {0, 1} else None
    root = Fraction(parts[0], parts[1]) if parts[1] else Fraction(0)
    return root if root**degree == value else None


def _factorial(_node: Node, args: list[Fraction]) -> Fraction | None:
    value = args[0]
    if value.denominator != 1 or value < 0:
        return None
    if value > MAX_FACTORIAL:
        raise _TooLargeError
    return Fraction(math.factorial(value.numerator))


def _remainder(_node: Node, args: list[Fraction]) -> Fraction | None:
    return args[0] % args[1] if args[1] else None


def _based(node: Node, _args: list[Fraction]) -> Fraction | None:
    """`204_5` in its base; None where a digit does not belong to it."""
    digits, _, base = str(node.value).partition("_")
    try:
        return Fraction(int(digits, int(base)))
    except ValueError:
        return None


def _function(node: Node, args: list[Fraction]) -> Fraction | None:
    evaluate = _FUNCTIONS.get(str(node.value))
    return None if evaluate is None else evaluate(args)


def _integers(function: Callable[..., int]) -> Callable[[list[Fraction]], Fraction | None]:
    def apply(args: list[Fraction]) -> Fraction | None:
        if any(value.denominator != 1 for value in args):
            return None
        return Fraction(function(*(value.numerator for value in args)))

    return apply


def _binomial(args: list[Fraction]) -> Fraction | None:
    n, k = args
    if n.denominator != 1 or k.denominator != 1 or n < 0 or k < 0:
        return None
    if min(k, n - k) > MAX_FACTORIAL or n > 10**9:
        raise _TooLargeError
    return Fraction(math.comb(n.numerator, k.numerator))


def _shortcut(node: Node) -> Fraction | None:
    """Gcd with a number too large to write down, from its remainder alone."""
    if node.op != "fn" or node.value != "gcd" or len(node.args) != 2:
        return None
    for large, small in (node.args, node.args[::-1]):
        try:
            modulus = _evaluate(small)
        except _TooLargeError:
            continue
        if modulus is not None and modulus.denominator == 1 and modulus > 0:
            remainder = _modulo(large, modulus.numerator)
            return None if remainder is None else Fraction(math.gcd(remainder, modulus.numerator))
    return None


def same_modulo_primes(one: Node, other: Node) -> bool | None:
    """Whether two rational numbers too large to write down are equal, from their remainders; None where unknown.

    Different remainders are a proof of difference; equal ones for three primes of 61 bits leave a chance of 2^-180.
    """
    for prime in _PRIMES:
        left, right = _modulo(one, prime), _modulo(other, prime)
        if left is None or right is None:
            return None
        if left != right:
            return False
    return True


def _modulo(node: Node, modulus: int) -> int | None:
    """A tree modulo a number, without its value."""
    if node.op in {"add", "mul", "neg"}:
        parts = [_modulo(part, modulus) for part in node.args]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        return (math.prod(known) if node.op == "mul" else sum(known) * (-1 if node.op == "neg" else 1)) % modulus
    if node.op == "pow":
        return _modulo_power(node, modulus)
    if node.op == "div":
        return _modulo_quotient(node.args[0], node.args[1], modulus)
    value = exact_value(node)
    if value is None:
        return None
    return value.numerator * pow(value.denominator, -1, modulus) % modulus if value.denominator % modulus else None


def _modulo_power(node: Node, modulus: int) -> int | None:
    base = _modulo(node.args[0], modulus)
    exponent = exact_value(node.args[1])
    if base is None or exponent is None or exponent.denominator != 1 or exponent < 0:
        return None
    return pow(base, exponent.numerator, modulus)


def _modulo_quotient(top: Node, bottom: Node, modulus: int) -> int | None:
    numerator, denominator = _modulo(top, modulus), _modulo(bottom, modulus)
    if numerator is None or not denominator or math.gcd(denominator, modulus) > 1:
        return None
    return numerator * pow(denominator, -1, modulus) % modulus


_FUNCTIONS: dict[str, Callable[[list[Fraction]], Fraction | None]] = {
    "gcd": _integers(math.gcd),
    "lcm": _integers(math.lcm),
    "binom": _binomial,
    "abs": lambda args: abs(args[0]),
    "floor": lambda args: Fraction(math.floor(args[0])),
    "ceil": lambda args: Fraction(math.ceil(args[0])),
    "min": min,
    "max": max,
}
_OPERATIONS: dict[str, Callable[[Node, list[Fraction]], Fraction | None]] = {
    "add": _sum,
    "mul": _multiply,
    "neg": lambda _node, args: -args[0],
    "div": _divide,
    "ratio": lambda node, args: _divide(node, args) if len(args) == 2 else None,
    "pow": _power,
    "root": _root,
    "fact": _factorial,
    "mod": _remainder,
    "percent": lambda _node, args: args[0] / 100,
    "based": _based,
    "fn": _function,
    "paren": lambda _node, args: args[0] if len(args) == 1 else None,
}
