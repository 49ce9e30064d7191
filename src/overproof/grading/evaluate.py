r"""What a tree is worth: exactly, as a ball of real or complex numbers, at sample points. One row an operator.

Exact values are rational numbers of bounded size. Balls (python-flint's arb and acb) carry a rigorous error bound: two
that do not overlap are proof of a difference; two that overlap at high precision are equal for all we know. What has no
value at a point, or none that is small enough to tell, is None.

>>> from overproof.grading.grammar import parse
>>> exact_value(parse("2^{10}/3!"))
Fraction(512, 3)
>>> same_value(parse("\\frac{1+\\sqrt{5}}{2}"), parse("2\\cos(\\pi/5)"))
True
>>> same_value(parse("\\sqrt{x^2}"), parse("x")), same_value(parse("1/2004!"), parse("1/2006!"))
(False, False)
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

import flint
from flint import acb, arb, fmpq

from overproof.grading.tree import Node, replaced, symbols

MAX_BITS = 40_000
"""Exact numbers with more bits than this are not written down."""
MAX_FACTORIAL = 2_000
MAX_TERMS = 200
"""A sum or product of more terms is left to SymPy."""
PRECISION, HIGH_PRECISION, HIGHEST_PRECISION = 128, 1024, 6000
"""Bits of a ball at a sample point, and of a constant that must be told from another."""
SHARP = 60
"""A ball with fewer correct bits than this says nothing."""
EXTREME_BITS = 50
"""Beside a number of more bits, or as many times smaller, another term may be lost."""
MAX_NAMES = 8


class UndefinedError(ArithmeticError):
    """The tree has no value here, or none that can be told."""


class _TooLargeError(ArithmeticError):
    """An exact number beyond MAX_BITS."""


Ball = arb | acb
Exact = Callable[[list[Fraction]], Fraction | None]
Balls = Callable[[list[Any]], Any]


class Operator(NamedTuple):
    """One operator: its value over rationals, over balls, and its name in SymPy."""

    exact: Exact | None
    ball: Balls
    sympy: str | None


# --- exact


@lru_cache(maxsize=8192)
def exact_value(node: Node) -> Fraction | None:
    """The value of a tree that is a rational number of at most MAX_BITS bits; None for any other."""
    try:
        return _exact(node)
    except _TooLargeError:
        return _exact_gcd(node)


def _exact(node: Node) -> Fraction | None:
    if node.op == "num":
        value: Fraction = node.value
        return value
    if node.op == "based":
        return Fraction(int(*node.value))
    if node.op in {"sum", "prod"}:
        terms = _terms(node)
        return None if terms is None else _exact(Node("add" if node.op == "sum" else "mul", terms))
    row = OPERATORS.get(node.op)
    if row is None or row.exact is None or not node.args:
        return None
    args: list[Fraction] = []
    for part in node.args:
        value_ = _exact(part)
        if value_ is None:
            return None
        args.append(value_)
    result = row.exact(args)
    if result is not None and result.numerator.bit_length() + result.denominator.bit_length() > MAX_BITS:
        raise _TooLargeError
    return result


def _exact_gcd(node: Node) -> Fraction | None:
    """Gcd with a number too large to write down, from its remainder alone."""
    for large, small in (node.args, node.args[::-1]) if node.op == "gcd" and len(node.args) == 2 else ():
        modulus = exact_value(small)
        if modulus is not None and modulus.denominator == 1 and modulus > 0:
            remainder = _modulo(large, modulus.numerator)
            return None if remainder is None else Fraction(math.gcd(remainder, modulus.numerator))
    return None


def _terms(node: Node) -> tuple[Node, ...] | None:
    """The terms of a sum or product over few whole numbers."""
    body, variable, low, high = node.args
    first, last = exact_value(low), exact_value(high)
    if first is None or last is None or first.denominator != 1 or last.denominator != 1 or last - first > MAX_TERMS:
        return None
    name = str(variable.value)
    return tuple(replaced(body, {name: Node("num", (), Fraction(k))}) for k in range(int(first), int(last) + 1)) or (
        Node("num", (), Fraction(0 if node.op == "sum" else 1)),
    )


def _exact_sum(args: list[Fraction]) -> Fraction:
    if all(value.denominator == 1 for value in args):
        return Fraction(sum(value.numerator for value in args))
    return sum(args, Fraction(0))


def _exact_product(args: list[Fraction]) -> Fraction:
    product = Fraction(1)
    for value in args:
        product *= value
        if product.numerator.bit_length() > MAX_BITS:
            raise _TooLargeError
    return product


def _exact_power(args: list[Fraction]) -> Fraction | None:
    base, exponent = args
    if exponent.denominator != 1:
        root = _exact_root([base, Fraction(exponent.denominator)])
        return None if root is None else _exact_power([root, Fraction(exponent.numerator)])
    if base == 0:
        return Fraction(0) if exponent > 0 else Fraction(1) if exponent == 0 else None
    if base in {1, -1}:
        return base if exponent.numerator % 2 else Fraction(1)
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(exponent.numerator) * max(size - 1, 1) > MAX_BITS:
        raise _TooLargeError
    return base**exponent.numerator


def _exact_root(args: list[Fraction]) -> Fraction | None:
    """The exact real root, where there is one."""
    value, degree_ = args
    if degree_.denominator != 1 or not 0 < degree_ <= 1000:
        return None
    degree = degree_.numerator
    if value < 0:
        root = _exact_root([-value, degree_]) if degree % 2 else None
        return None if root is None else -root
    if degree == 2:
        parts = [math.isqrt(value.numerator), math.isqrt(value.denominator)]
    elif value.numerator.bit_length() < 1000 and value.denominator.bit_length() < 1000:
        parts = [round(value.numerator ** (1 / degree)), round(value.denominator ** (1 / degree))]
    else:
        return None
    root_ = Fraction(parts[0], parts[1]) if parts[1] else Fraction(0)
    return root_ if root_**degree == value else None


def _exact_factorial(args: list[Fraction]) -> Fraction | None:
    value = args[0]
    if value.denominator != 1 or value < 0:
        return None
    if value > MAX_FACTORIAL:
        raise _TooLargeError
    return Fraction(math.factorial(value.numerator))


def _exact_double_factorial(args: list[Fraction]) -> Fraction | None:
    value = args[0]
    if value.denominator != 1 or value < 0:
        return None
    if value > MAX_FACTORIAL:
        raise _TooLargeError
    return Fraction(_double_factorial(value.numerator))


def _double_factorial(number: int) -> int:
    """The product of every second number from one downwards."""
    if not 0 <= number <= MAX_FACTORIAL:
        raise UndefinedError("a double factorial that is not written down")
    return math.prod(range(number, 0, -2))


def _integers(function: Callable[..., int]) -> Exact:
    def apply(args: list[Fraction]) -> Fraction | None:
        if any(value.denominator != 1 for value in args):
            return None
        return Fraction(function(*(value.numerator for value in args)))

    return apply


def _exact_choices(function: Callable[[int, int], int]) -> Exact:
    def apply(args: list[Fraction]) -> Fraction | None:
        n, k = args
        if n.denominator != 1 or k.denominator != 1 or n < 0 or k < 0:
            return None
        if min(k, n - k) > MAX_FACTORIAL or n > 10**9:
            raise _TooLargeError
        return Fraction(function(n.numerator, k.numerator))

    return apply


# --- balls


def ball_of(node: Node, point: Mapping[str, Ball], *, real: bool = False) -> Ball:
    """The value of a tree at a point, with its error. Raises UndefinedError where there is none.

    With `real`, every value on the way must be real.
    """
    op = node.op
    if op == "num":
        return arb(fmpq(node.value.numerator, node.value.denominator))
    if op == "sym":
        try:
            return point[node.value]
        except KeyError:
            raise UndefinedError(f"no value for {node.value}") from None
    if op == "const":
        if node.value == "pi":
            return arb.pi()
        if node.value == "e":
            return arb.const_e()
        if node.value == "i":
            return acb(0, 1)
        raise UndefinedError("infinity")
    if op == "call":
        return _opaque(node, [ball_of(part, point, real=real) for part in node.args])
    if op == "based":
        return arb(int(*node.value))
    if op in {"sum", "prod"}:
        terms = _terms(node)
        if terms is None:
            raise UndefinedError("a long sum")
        return ball_of(Node("add" if op == "sum" else "mul", terms), point, real=real)
    row = OPERATORS.get(op)
    if row is None or not node.args:
        raise UndefinedError(f"{op} has no numeric value")
    result = row.ball([ball_of(part, point, real=real) for part in node.args])
    if type(result) is arb:
        if result.is_finite():
            return result
        raise UndefinedError("not finite")
    if result.imag.is_zero():
        return _finite(result.real)
    if real:
        raise UndefinedError("not real")
    return _finite(result)


def _finite(value: Ball) -> Ball:
    if not value.is_finite():
        raise UndefinedError("not finite")
    return value


def _opaque(node: Node, args: list[Ball]) -> Ball:
    """A function that nothing is known of: a fixed smooth one of its own for each name."""
    total: Ball = arb(0)
    for number, value in enumerate(args):
        seed = zlib.crc32(f"{node.value}/{len(args)}/{number}".encode())
        total = total + ((value * (1 + seed % 97)) / 31 + seed % 13).sin() * (2 + seed % 7)
    return total + 11


def _ball_power(args: list[Any]) -> Any:
    base, exponent = args
    if type(exponent) is arb and exponent.is_integer():
        if base.is_zero() and not exponent > 0:
            if exponent.is_zero():
                return arb(1)
            raise UndefinedError("power of zero")
        return base**exponent if type(base) is arb else base ** acb(exponent)
    if type(base) is acb or type(exponent) is acb:
        return acb(base) ** acb(exponent)
    if base > 0:
        return base**exponent
    if base.is_zero() and exponent > 0:
        return arb(0)
    if base < 0:
        return _odd_power(base, exponent)
    raise UndefinedError("power near zero")


def _odd_power(base: arb, exponent: arb) -> Any:
    """A negative base: the real root where the exponent has a small odd denominator, else the principal one."""
    for denominator in (3, 5, 7, 9, 11):
        scaled = exponent * denominator
        whole = scaled.mid().floor() if scaled.mid() - scaled.mid().floor() < 0.5 else scaled.mid().ceil()
        if scaled.overlaps(whole) and scaled.rad() < 1e-20:
            value = (-base) ** exponent
            return value if (whole / 2).is_integer() else -value
    return acb(base) ** acb(exponent)


def _ball_root(args: list[Any]) -> Any:
    base, degree = args
    if type(degree) is acb or not degree.is_integer() or not degree > 0:
        raise UndefinedError("degree of a root")
    n = int(degree.unique_fmpz())
    if type(base) is arb:
        if base.is_zero():
            return base
        if base > 0:
            return base.root(n) if n < 10_000 else base ** (1 / degree)
        if base < 0 and n % 2:
            return -((-base).root(n) if n < 10_000 else (-base) ** (1 / degree))
        if base < 0 and n == 2:
            return acb(0, (-base).sqrt())
        if not base < 0:
            raise UndefinedError("root near zero")
    return acb(base) ** acb(1 / degree)


def _divide(args: list[Any]) -> Any:
    top, bottom = args
    if is_zero(bottom):
        raise UndefinedError("division by zero")
    return top / bottom


def _smooth(name: str, *, positive: bool = False, within_one: bool = False) -> Balls:
    """A function with a method of the same name on both kinds of balls."""

    def apply(args: list[Any]) -> Any:
        value = args[0]
        if len(args) != 1:
            raise UndefinedError("several arguments")
        if type(value) is arb and ((positive and not value > 0) or (within_one and not (abs(value) <= 1))):
            if value.overlaps(arb(0)) and positive:
                raise UndefinedError("logarithm near zero")
            value = acb(value)
        return getattr(value, name)()

    return apply


def _logarithm(args: list[Any]) -> Any:
    """Log x is natural; log with two arguments has its base last."""
    natural = _smooth("log", positive=True)
    return natural(args) if len(args) == 1 else _divide([natural(args[:1]), natural(args[1:])])


def _whole(name: str) -> Balls:
    def apply(args: list[Any]) -> Any:
        value = args[0]
        if type(value) is acb:
            raise UndefinedError("rounding a complex number")
        result = getattr(value, name)()
        if not result.is_exact():
            raise UndefinedError("rounding at an edge")
        return result

    return apply


def _ball_sign(args: list[Any]) -> Any:
    value = args[0]
    if type(value) is acb or (value.overlaps(arb(0)) and not value.is_zero()):
        raise UndefinedError("sign of zero")
    return value.sgn()


def _extreme(name: str) -> Balls:
    def apply(args: list[Any]) -> Any:
        if any(type(value) is acb for value in args):
            raise UndefinedError("complex numbers have no order")
        result = args[0]
        for value in args[1:]:
            result = getattr(result, name)(value)
        return result

    return apply


def _gamma(value: Any) -> Any:
    if (type(value) is arb and value.overlaps(arb(0))) or (
        type(value) is arb and value < 0 and value.contains_integer()
    ):
        raise UndefinedError("a pole")
    return value.gamma()


def _ball_binomial(args: list[Any]) -> Any:
    """C(n, k) by the gamma function, at real arguments too."""
    n, k = args
    return _gamma(n + 1) / (_gamma(k + 1) * _gamma(n - k + 1))


def _ball_remainder(args: list[Any]) -> Any:
    value, modulus = args
    return value - modulus * _whole("floor")([_divide([value, modulus])])


def _whole_numbers(function: Callable[..., int]) -> Balls:
    def apply(args: list[Any]) -> Any:
        if any(type(value) is acb or not value.is_integer() or abs(value) > 10**30 for value in args):
            raise UndefinedError("not whole numbers")
        return arb(function(*(int(value.unique_fmpz()) for value in args)))

    return apply


def _sum_of(args: list[Any]) -> Any:
    total = args[0]
    for value in args[1:]:
        total = total + value
    return total


def _product_of(args: list[Any]) -> Any:
    total = args[0]
    for value in args[1:]:
        total = total * value
    return total


OPERATORS: dict[str, Operator] = {
    "add": Operator(_exact_sum, _sum_of, "Add"),
    "mul": Operator(_exact_product, _product_of, "Mul"),
    "neg": Operator(lambda args: -args[0], lambda args: -args[0], None),
    "div": Operator(lambda args: args[0] / args[1] if args[1] else None, _divide, None),
    "pow": Operator(_exact_power, _ball_power, "Pow"),
    "root": Operator(_exact_root, _ball_root, "root"),
    "fact2": Operator(_exact_double_factorial, _whole_numbers(_double_factorial), "factorial2"),
    "fact": Operator(_exact_factorial, lambda args: _gamma(args[0] + 1), "factorial"),
    "mod": Operator(lambda args: args[0] % args[1] if args[1] else None, _ball_remainder, "Mod"),
    "abs": Operator(lambda args: abs(args[0]), lambda args: abs(args[0]), "Abs"),
    "floor": Operator(lambda args: Fraction(math.floor(args[0])), _whole("floor"), "floor"),
    "ceil": Operator(lambda args: Fraction(math.ceil(args[0])), _whole("ceil"), "ceiling"),
    "sign": Operator(lambda args: Fraction((args[0] > 0) - (args[0] < 0)), _ball_sign, "sign"),
    "min": Operator(min, _extreme("min"), "Min"),
    "max": Operator(max, _extreme("max"), "Max"),
    "gcd": Operator(_integers(math.gcd), _whole_numbers(math.gcd), "gcd"),
    "lcm": Operator(_integers(math.lcm), _whole_numbers(math.lcm), "lcm"),
    "binom": Operator(_exact_choices(math.comb), _ball_binomial, "binomial"),
    "perm": Operator(_exact_choices(math.perm), lambda args: _gamma(args[0] + 1) / _gamma(args[0] - args[1] + 1), None),
    "ln": Operator(None, _smooth("log", positive=True), "log"),
    "log": Operator(None, _logarithm, "log"),
    "exp": Operator(lambda args: Fraction(1) if args[0] == 0 else None, _smooth("exp"), "exp"),
    **{
        name: Operator(None, _smooth(name), name)
        for name in ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "coth", "sech", "csch", "erf")
    },
    "cis": Operator(None, lambda args: acb(args[0]).cos() + acb(0, 1) * acb(args[0]).sin(), None),
    "arcsin": Operator(None, _smooth("asin", within_one=True), "asin"),
    "arccos": Operator(None, _smooth("acos", within_one=True), "acos"),
    "arctan": Operator(None, _smooth("atan"), "atan"),
    "arccot": Operator(None, lambda args: arb.pi() / 2 - args[0].atan(), "acot"),
    "arcsec": Operator(None, lambda args: _smooth("acos", within_one=True)([_divide([arb(1), args[0]])]), "asec"),
    "arccsc": Operator(None, lambda args: _smooth("asin", within_one=True)([_divide([arb(1), args[0]])]), "acsc"),
    "arcsinh": Operator(None, _smooth("asinh"), "asinh"),
    "arccosh": Operator(
        None, lambda args: (args[0] if type(args[0]) is arb and args[0] >= 1 else acb(args[0])).acosh(), "acosh"
    ),
    "arctanh": Operator(None, _smooth("atanh", within_one=True), "atanh"),
}


# --- sample points

# Irrational-looking values apart from each other; positive first, where principal branches agree; then of both signs,
# read over the reals; then far out, beyond the jumps of |x-20| and max(x, 5); then whole numbers.
_POSITIVE = (
    "731058 1381966 2236067 414213 1772453 3059111 577215 2665144",
    "2708050 312868 1144122 3535533 886226 1539284 4123105 267949",
    "211324 894427 534522 632455 154303 948683 755928 308606",
    "453553 169030 365148 204124 935414 707196 597614 816496",
    "5385164 7280109 6480740 9110433 8306623 5916079 7681145 6244997",
)
_SIGNED = (
    "-1224744 707106 -2121320 1581138 -447213 2915475 -3316624 979795",
    "-516397 -1870828 683130 -258239 2366431 -1095445 836660 -2529822",
    "1802775 -339031 1019803 -2738612 645497 -1449137 2073644 -774596",
    "137345017 -61408211 25339114 -91772001 48110093 -19220071 77610377 -33180047",
    "-24618033 43710939 -12590501 17710203 -58330177 36940881 -29310577 13770421",
)
_WHOLE = (
    "3 2 4 5 7 6 8 9", "4 3 2 6 5 8 7 10", "7 5 3 2 4 9 6 8", "6 4 5 3 8 2 9 7",
)  # fmt: skip


def _rows(table: tuple[str, ...], scale: int) -> list[list[arb]]:
    return [[arb(fmpq(int(word), scale)) for word in row.split()] for row in table]


flint.ctx.prec = PRECISION
_POINTS = [
    *((row, False) for row in _rows(_POSITIVE[:2], 10**6)),
    *((row, True) for row in _rows(_SIGNED, 10**6)),
    *((row, False) for row in _rows(_POSITIVE[2:], 10**6)),
    *((row, False) for row in _rows(_WHOLE, 1)),
]
_WHOLE_POINTS = [(row, False) for row in _rows(_WHOLE, 1)]
ENOUGH = 3
"""How many points must agree before two trees are called the same function."""


def points(names: list[str], *, whole: bool = False) -> list[tuple[dict[str, Ball], bool]]:
    """Sample points for some names, each with whether it is to be read over the reals only."""
    if len(names) > MAX_NAMES:
        return []
    return [(dict(zip(names, row, strict=False)), real) for row, real in (_WHOLE_POINTS if whole else _POINTS)]


def value_at(node: Node, point: Mapping[str, Ball], *, real: bool = False) -> Ball | None:
    """The value of a tree at a point; None where there is none that can be told."""
    try:
        return ball_of(node, point, real=real)
    except (UndefinedError, ArithmeticError, ValueError, TypeError, OverflowError):
        return None


def real_value(node: Node) -> float | None:
    """The value of a tree without variables as a float, where it is real and finite."""
    value = value_at(node, {})
    if value is None or type(value) is not arb:
        return None
    number = float(value.mid())
    return number if math.isfinite(number) else None


def same_value(one: Node, other: Node, *, whole: bool = False) -> bool | None:
    """Whether two trees have the same value wherever both have one; None when that cannot be told.

    With `whole`, variables are sampled at whole numbers only.
    """
    names = sorted(symbols(one) | symbols(other))
    if not names:
        return _same_constant(one, other)
    agreed = 0
    flint.ctx.prec = PRECISION
    for point, real in points(names, whole=whole):
        verdict = _same_at(point, one, other, real=real)
        if verdict is False:
            return False
        agreed += verdict is True
    if agreed < ENOUGH:
        return None
    return _same_closely(one, other, names) if _has_extremes(one) or _has_extremes(other) else True


def _has_extremes(node: Node) -> bool:
    """Whether a number so large or small stands in a tree that another term can vanish beside it: 2^2020 + x."""
    if node.op == "num":
        value: Fraction = node.value
        return value.numerator.bit_length() + value.denominator.bit_length() > EXTREME_BITS
    if node.op in {"pow", "exp", "fact", "binom"} and not symbols(node):
        size = real_value(node)
        return size is None or not 2.0**-EXTREME_BITS < abs(size) < 2.0**EXTREME_BITS
    return any(map(_has_extremes, node.args))


def _same_closely(one: Node, other: Node, names: list[str]) -> bool | None:
    """Whether two trees agree to thousands of bits: at a lower precision a small term is lost beside a huge one."""
    try:
        flint.ctx.prec = HIGHEST_PRECISION
        for point, _ in points(names)[:ENOUGH]:
            left, right = value_at(one, point), value_at(other, point)
            if left is None or right is None or not overlap(left, right):
                return None if left is None or right is None else False
            if float(abs(acb(left) - acb(right)).upper()) > 2.0**-SHARP:
                return None
    finally:
        flint.ctx.prec = PRECISION
    return True


def _same_at(point: Mapping[str, Ball], one: Node, other: Node, *, real: bool) -> bool | None:
    left, right = value_at(one, point, real=real), value_at(other, point, real=real)
    if left is None or right is None:
        return None
    complex_values = type(left) is acb or type(right) is acb
    if complex_values and real:
        return None
    if complex_values:
        left, right = acb(left), acb(right)
    if overlap(left, right):
        return True if _is_sharp(left, right) else None
    # Away from the reals two correct forms may lie on different branches.
    return None if complex_values and (_has_branches(one) or _has_branches(other)) else False


def _has_branches(node: Node) -> bool:
    """Whether a tree has roots, logarithms, inverse functions or powers that are several-valued off the reals."""
    if node.op in {"root", "ln", "log"} or node.op.startswith("arc"):
        return True
    if node.op == "pow":
        base, exponent = node.args
        positive = base.op in {"const", "num"} and base.value != "i" and (base.op == "const" or base.value > 0)
        whole = exact_value(exponent)
        if not positive and (whole is None or whole.denominator != 1):
            return True
    return any(map(_has_branches, node.args))


def overlap(one: Ball, other: Ball) -> bool:
    """Whether two balls share a value."""
    if isinstance(one, arb) and isinstance(other, arb):
        return one.overlaps(other)
    return acb(one).overlaps(acb(other))


def is_zero(value: Ball) -> bool:
    """Whether a ball holds zero."""
    return value.overlaps(arb(0)) if isinstance(value, arb) else value.overlaps(acb(0))


def _is_sharp(left: Any, right: Any) -> bool:
    """Whether two overlapping balls are small enough for their overlap to mean equality."""
    difference = left - right
    size = max(float(abs(left).mid()), float(abs(right).mid()))
    radius = float(abs(difference).upper())
    return radius <= size * 2.0**-SHARP or radius < 2.0 ** -(SHARP + 20)


def _same_constant(one: Node, other: Node) -> bool | None:
    """Two constants: at a low precision first, then at one where agreement is no coincidence."""
    verdict: bool | None = None
    for precision in (PRECISION, HIGH_PRECISION, HIGHEST_PRECISION):
        if verdict and precision == HIGHEST_PRECISION:
            break
        flint.ctx.prec = precision
        try:
            left, right = value_at(one, {}), value_at(other, {})
            if left is None or right is None:
                verdict = None
                break
            if type(left) is acb or type(right) is acb:
                left, right = acb(left), acb(right)
            if not overlap(left, right):
                verdict = False
                break
            bits = min(_bits(left), _bits(right))
            verdict = True if bits > precision // 3 else None
        finally:
            flint.ctx.prec = PRECISION
        if verdict and _is_huge(left):
            return same_modulo_primes(one, other)
    return same_modulo_primes(one, other) if verdict is None else verdict


def _bits(value: Any) -> int:
    """How many bits of a ball are right; all of a zero's, and of a tiny ball around zero."""
    if value.is_zero():
        return HIGH_PRECISION
    if is_zero(value):
        radius = abs(value).upper()
        return HIGH_PRECISION if radius < arb(2) ** -(flint.ctx.prec // 2) else 0
    return int(value.rel_accuracy_bits())


def _is_huge(value: Any) -> bool:
    """Whether a constant is so large that it can agree in all its bits with another whole number."""
    return not abs(value) < arb(2) ** (HIGH_PRECISION // 3)


# --- numbers too large to write down

IMMENSE_EXPONENT = 10_000


def is_immense(node: Node) -> bool:
    """Whether a constant is beyond any that is written down, by its outermost power or factorial alone."""
    if node.op in {"neg", "abs", "floor", "ceil"}:
        return is_immense(node.args[0])
    if node.op == "mul":
        sizes = [real_value(part) for part in node.args]
        return any(map(is_immense, node.args)) and all(
            is_immense(part) or (size is not None and abs(size) >= 1)
            for part, size in zip(node.args, sizes, strict=True)
        )
    if node.op in {"pow", "exp", "fact"}:
        base = 2.0 if node.op != "pow" else real_value(node.args[0]) or (2.0 if is_immense(node.args[0]) else 0.0)
        exponent = real_value(node.args[-1])
        return base >= 1.5 and (is_immense(node.args[-1]) or (exponent is not None and exponent > IMMENSE_EXPONENT))
    return False


_PRIMES = (2_305_843_009_213_693_951, 2_305_843_009_213_693_921, 2_305_843_009_213_693_907)


def same_modulo_primes(one: Node, other: Node) -> bool | None:
    """Whether two rational numbers too large to write down are equal, from their remainders; None where unknown.

    Different remainders are a proof of difference; equal ones for three primes of 61 bits leave a chance of 2^-180.
    """
    if one == other:
        return True
    for prime in _PRIMES:
        left, right = _modulo(one, prime), _modulo(other, prime)
        if left is None or right is None:
            return None
        if left != right:
            return False
    return True


def _modulo(node: Node, modulus: int) -> int | None:
    """A tree modulo a prime, without its value."""
    if node.op in {"add", "mul", "neg", "div"}:
        parts = [_modulo(part, modulus) for part in node.args]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        if node.op == "div":
            return known[0] * pow(known[1], -1, modulus) % modulus if math.gcd(known[1], modulus) == 1 else None
        return (math.prod(known) if node.op == "mul" else sum(known) * (-1 if node.op == "neg" else 1)) % modulus
    if node.op == "pow":
        base, exponent = _modulo(node.args[0], modulus), exact_value(node.args[1])
        if base is None or exponent is None or exponent.denominator != 1 or exponent < 0:
            return None
        return pow(base, exponent.numerator, modulus)
    value = exact_value(node)
    if value is None or math.gcd(value.denominator, modulus) > 1:
        return None
    return value.numerator * pow(value.denominator, -1, modulus) % modulus
