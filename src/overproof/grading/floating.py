r"""Floating-point evaluation of trees with a running bound on the rounding error.

What overflows, underflows or loses its digits raises `UndefinedError`. Time is linear in the tree.

    >>> from overproof.grading.reader import read
    >>> value, error = evaluate(read("\\sqrt{2}+x"), {"x": 1.0})
    >>> round(value, 6), error < 1e-14
    (2.414214, True)
    >>> log_size(read("e^{e^{100}}")) > 1e43
    True
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Mapping

from overproof.grading.exact import exact_value
from overproof.grading.tree import Node

UNIT = 2.3e-16
"""Relative rounding error of one operation."""

Scalar = float | complex
Bounded = tuple[Scalar, float]
"""A value and a bound on its absolute error."""


class UndefinedError(ArithmeticError):
    """The tree has no value at this point, or none that floating point can hold."""


def real_value(node: Node) -> float | None:
    """The value of a tree without variables, where it is real and finite."""
    try:
        value, error = evaluate(node, {})
    except (UndefinedError, OverflowError, ZeroDivisionError, ValueError):
        return None
    if isinstance(value, complex) or not math.isfinite(value) or not math.isfinite(error):
        return None
    return value


def evaluate(node: Node, point: Mapping[str, float], *, real: bool = False) -> Bounded:
    """The value of a tree at a point and a bound on its error. With `real`, every intermediate value must be real.

    Raises UndefinedError (and what `math` raises) where there is no value.
    """
    if node.op == "sym":
        try:
            return point[str(node.value)], 0.0
        except KeyError:
            raise UndefinedError(f"no value for {node.value}") from None
    if not node.args or node.op == "num":
        return _leaf(node)
    operation = _OPERATIONS.get(node.op)
    if operation is None:
        raise UndefinedError(f"{node.op} has no numeric value")
    result = operation(node, [evaluate(part, point, real=real) for part in node.args])
    if isinstance(result[0], complex):
        if abs(result[0].imag) <= result[1]:
            return result[0].real, result[1]
        if real:
            raise UndefinedError("not real")
    return result


def log_size(node: Node) -> float | None:
    """The logarithm of the absolute value of a constant tree, infinite where even that is beyond floating point.

    It tells a power tower from a number without evaluating either. None where cancellation could make it wrong.
    """
    value = real_value(node)
    if value:
        return math.log(abs(value))
    if node.op == "neg" or (node.op == "fn" and node.value in {"floor", "ceil", "abs"}):
        return log_size(node.args[0])
    size = _LOG_SIZES.get(str(node.value) if node.op == "fn" else node.op)
    if size is None:
        return None
    sizes = [log_size(part) for part in node.args]
    known = [part for part in sizes if part is not None]
    return size(node, known) if len(known) == len(sizes) else None


def _log_size_of_sum(node: Node, sizes: list[float]) -> float | None:
    """Of a sum without minus signs: the largest term's, to within the logarithm of how many there are."""
    return max(sizes) if not any(part.op == "neg" for part in node.args) and max(sizes) > LARGE else None


def _log_size_of_power(node: Node, sizes: list[float]) -> float | None:
    base, exponent = sizes
    exact = exact_value(node.args[1])
    if exact is not None and exact < 0:
        return None
    return base * _exp_or_infinity(exponent) if base > 0 else None


def _log_size_of_factorial(_node: Node, sizes: list[float]) -> float | None:
    """Stirling: log n! is n log n - n and a little more."""
    n = _exp_or_infinity(sizes[0])
    return n * (sizes[0] - 1) if n > LARGE else None


def _exp_or_infinity(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf


def _leaf(node: Node) -> Bounded:
    if node.op == "const" and node.value in _CONSTANTS:
        return _CONSTANTS[str(node.value)]
    exact = exact_value(node)
    if exact is None:
        raise UndefinedError(f"{node.op} has no numeric value")
    value = float(exact)  # raises OverflowError beyond the range
    if exact and not value:
        raise UndefinedError("underflow")
    return value, 0.0 if exact.denominator == 1 and abs(value) < 2**53 else UNIT * abs(value)


def _rounded(value: Scalar, error: float) -> Bounded:
    return value, error + UNIT * abs(value)


def _sum(_node: Node, args: list[Bounded]) -> Bounded:
    total: Scalar = 0.0
    error = 0.0
    for value, bound in args:
        total += value
        error += bound + UNIT * abs(total)
    return total, error


def _multiply(_node: Node, args: list[Bounded]) -> Bounded:
    product, error = args[0]
    for value, bound in args[1:]:
        error = abs(product) * bound + abs(value) * error + bound * error
        if product and value and not product * value:
            raise UndefinedError("underflow")
        product, error = _rounded(product * value, error)
    return product, error


def _divide(_node: Node, args: list[Bounded]) -> Bounded:
    (top, top_error), (bottom, bottom_error) = args
    if abs(bottom) <= 2 * bottom_error:
        raise UndefinedError("division by zero")
    quotient = top / bottom
    if top and not quotient:
        raise UndefinedError("underflow")
    return _rounded(quotient, 2 * (top_error + abs(quotient) * bottom_error) / abs(bottom))


def _ratio(node: Node, args: list[Bounded]) -> Bounded:
    if len(args) != 2:
        raise UndefinedError("a ratio of several terms")
    return _divide(node, args)


def _negate(_node: Node, args: list[Bounded]) -> Bounded:
    return -args[0][0], args[0][1]


def _power(node: Node, args: list[Bounded]) -> Bounded:
    (base, base_error), (exponent, exponent_error) = args
    if not base:
        if base_error or isinstance(exponent, complex) or exponent <= 0:
            raise UndefinedError("power of zero")
        return 0.0, 0.0
    value = _principal_power(node, base, exponent)
    if not value:
        raise UndefinedError("underflow")
    slope = abs(exponent) * base_error / abs(base) + abs(cmath.log(base)) * exponent_error
    return value, abs(value) * (slope + UNIT * (2 + abs(exponent) * abs(cmath.log(base))))


def _principal_power(node: Node, base: Scalar, exponent: Scalar) -> Scalar:
    """The power; a negative base with a rational exponent of odd denominator has its real root."""
    if isinstance(base, complex) or isinstance(exponent, complex):
        return complex(base) ** exponent
    if base > 0 or exponent == int(exponent):
        return float(base**exponent)
    ratio = exact_value(node.args[1])
    if ratio is not None and ratio.denominator % 2:
        return math.copysign(1, (-1) ** ratio.numerator) * float((-base) ** exponent)
    return complex(base) ** exponent


def _root(_node: Node, args: list[Bounded]) -> Bounded:
    (base, error), (degree, degree_error) = args
    if degree_error or isinstance(degree, complex) or degree < 1:
        raise UndefinedError("degree of a root")
    if not base:
        if error:
            raise UndefinedError("root near zero")
        return 0.0, 0.0
    if abs(base) <= 2 * error:
        raise UndefinedError("root near zero")
    value: Scalar
    if isinstance(base, complex):
        value = base ** (1 / degree)
    elif base > 0:
        value = math.sqrt(base) if degree == 2 else base ** (1 / degree)
    elif degree % 2 == 1:
        value = -((-base) ** (1 / degree))
    else:
        value = complex(base) ** (1 / degree)
        value = complex(0, value.imag) if degree == 2 else value
    return value, abs(value) * (error / (abs(base) * degree) * 2 + 4 * UNIT)


def _factorial(_node: Node, args: list[Bounded]) -> Bounded:
    value, error = args[0]
    if isinstance(value, complex):
        raise UndefinedError("factorial of a complex number")
    result = math.gamma(value + 1)
    return result, abs(result) * (1e-14 + error * (1 + abs(math.log(abs(value) + 2))))


def _degree(_node: Node, args: list[Bounded]) -> Bounded:
    value, error = args[0]
    return _rounded(value * math.pi / 180, error / 57 + 2 * UNIT * abs(value))


def _percent(_node: Node, args: list[Bounded]) -> Bounded:
    return _rounded(args[0][0] / 100, args[0][1] / 100)


def _remainder(_node: Node, args: list[Bounded]) -> Bounded:
    (value, error), (modulus, modulus_error) = args
    if error or modulus_error or isinstance(value, complex) or isinstance(modulus, complex):
        raise UndefinedError("remainder of an inexact number")
    return value % modulus, 0.0


def _single(_node: Node, args: list[Bounded]) -> Bounded:
    if len(args) != 1:
        raise UndefinedError("several values")
    return args[0]


def _function(node: Node, args: list[Bounded]) -> Bounded:
    name = str(node.value)
    if name in _SMOOTH and len(args) == 1:
        return _smooth(name, *args[0])
    special = _SPECIAL.get(name)
    if special is None:
        raise UndefinedError(f"{name} has no numeric value")
    return special(args)


def _smooth(name: str, value: Scalar, error: float) -> Bounded:
    """A function of one variable and its error from the derivative."""
    function, derivative = _SMOOTH[name]
    result = function(value)
    if isinstance(result, complex) and not isinstance(value, complex) and result.imag == 0:
        result = result.real
    slope = abs(derivative(value)) if error else 0.0
    return result, 2 * error * slope + 4 * UNIT * max(abs(result), UNIT if name in _VANISHING else 0.0) + (
        4 * UNIT * abs(value) * abs(derivative(value)) if name in _VANISHING else 0.0
    )


def _log(args: list[Bounded]) -> Bounded:
    """Log x is natural; log with two arguments has its base last."""
    if len(args) == 1:
        return _smooth("ln", *args[0])
    return _divide(Node("div"), [_smooth("ln", *args[0]), _smooth("ln", *args[1])])


def _step(function: Callable[[float], int]) -> Callable[[list[Bounded]], Bounded]:
    def apply(args: list[Bounded]) -> Bounded:
        value, error = args[0]
        if (
            isinstance(value, complex)
            or abs(value) > 2**50
            or function(value - 2 * error) != function(value + 2 * error)
        ):
            raise UndefinedError("rounding at an edge")
        return float(function(value)), 0.0

    return apply


def _absolute(args: list[Bounded]) -> Bounded:
    return abs(args[0][0]), args[0][1]


def _sign(args: list[Bounded]) -> Bounded:
    value, error = args[0]
    if isinstance(value, complex) or abs(value) <= error:
        raise UndefinedError("sign of zero")
    return math.copysign(1.0, value), 0.0


def _extreme(choose: Callable[[list[float]], float]) -> Callable[[list[Bounded]], Bounded]:
    def apply(args: list[Bounded]) -> Bounded:
        values = [value for value, _ in args if not isinstance(value, complex)]
        if len(values) < len(args):
            raise UndefinedError("complex numbers have no order")
        return choose(values), max(error for _, error in args)

    return apply


def _binomial(args: list[Bounded]) -> Bounded:
    """C(n, k) by the gamma function, at real arguments too."""
    (n, n_error), (k, k_error) = args
    if isinstance(n, complex) or isinstance(k, complex):
        raise UndefinedError("binomial of complex numbers")
    result = math.gamma(n + 1) / (math.gamma(k + 1) * math.gamma(n - k + 1))
    return result, abs(result) * (1e-13 + 10 * (n_error + k_error))


def _reciprocal(function: Callable[[Scalar], Scalar]) -> Callable[[Scalar], Scalar]:
    return lambda value: 1 / function(value)


def _lift(name: str) -> Callable[[Scalar], Scalar]:
    """The function from `math` where it is defined over the reals, else from `cmath`."""
    real: Callable[[float], float] = getattr(math, name)
    wide: Callable[[complex], complex] = getattr(cmath, name)

    def apply(value: Scalar) -> Scalar:
        if not isinstance(value, complex):
            try:
                return real(value)
            except ValueError:
                if value == 0:
                    raise
        return wide(value)

    return apply


_CONSTANTS: dict[str, Bounded] = {
    "pi": (math.pi, UNIT * math.pi),
    "e": (math.e, UNIT * math.e),
    "i": (1j, 0.0),
}
_sin, _cos, _tan, _log_e, _exp = _lift("sin"), _lift("cos"), _lift("tan"), _lift("log"), _lift("exp")
_sinh, _cosh, _tanh = _lift("sinh"), _lift("cosh"), _lift("tanh")
_VANISHING = frozenset({"sin", "cos", "tan", "cot", "sec", "csc", "ln"})
_SMOOTH: dict[str, tuple[Callable[[Scalar], Scalar], Callable[[Scalar], Scalar]]] = {
    "sin": (_sin, lambda value: abs(_cos(value)) + 1e-9),
    "cos": (_cos, lambda value: abs(_sin(value)) + 1e-9),
    "tan": (_tan, lambda value: 1 + abs(_tan(value)) ** 2),
    "cot": (_reciprocal(_tan), lambda value: 1 + 1 / abs(_tan(value)) ** 2),
    "sec": (_reciprocal(_cos), lambda value: abs(_sin(value)) / abs(_cos(value)) ** 2),
    "csc": (_reciprocal(_sin), lambda value: abs(_cos(value)) / abs(_sin(value)) ** 2),
    "sinh": (_sinh, _cosh),
    "cosh": (_cosh, lambda value: abs(_sinh(value)) + 1e-9),
    "tanh": (_tanh, lambda value: 1 - abs(_tanh(value)) ** 2),
    "coth": (_reciprocal(_tanh), lambda value: 1 / abs(_sinh(value)) ** 2),
    "arcsin": (_lift("asin"), lambda value: 1 / math.sqrt(abs(1 - value**2) + 1e-16)),
    "arccos": (_lift("acos"), lambda value: 1 / math.sqrt(abs(1 - value**2) + 1e-16)),
    "arctan": (_lift("atan"), lambda value: 1 / abs(1 + value**2)),
    "arccot": (lambda value: math.pi / 2 - _lift("atan")(value), lambda value: 1 / abs(1 + value**2)),
    "arcsinh": (_lift("asinh"), lambda value: 1 / math.sqrt(abs(1 + value**2) + 1e-16)),
    "arccosh": (_lift("acosh"), lambda value: 1 / math.sqrt(abs(value**2 - 1) + 1e-16)),
    "arctanh": (_lift("atanh"), lambda value: 1 / abs(1 - value**2)),
    "ln": (_log_e, lambda value: 1 / abs(value)),
    "exp": (_exp, lambda value: abs(_exp(value))),
}
_SPECIAL: dict[str, Callable[[list[Bounded]], Bounded]] = {
    "log": _log,
    "abs": _absolute,
    "floor": _step(math.floor),
    "ceil": _step(math.ceil),
    "sign": _sign,
    "min": _extreme(min),
    "max": _extreme(max),
    "binom": _binomial,
}
LARGE = 50.0
"""Sizes above this are far enough from 1 for the rough rules of `log_size`."""
_LOG_SIZES: dict[str, Callable[[Node, list[float]], float | None]] = {
    "add": _log_size_of_sum,
    "mul": lambda _node, sizes: sum(sizes),
    "div": lambda _node, sizes: sizes[0] - sizes[1] if math.inf not in sizes else None,
    "pow": _log_size_of_power,
    "fact": _log_size_of_factorial,
    "exp": lambda _node, sizes: _exp_or_infinity(sizes[0]),
    "ln": lambda _node, sizes: math.log(sizes[0]) if LARGE < sizes[0] < math.inf else None,
}
_OPERATIONS: dict[str, Callable[[Node, list[Bounded]], Bounded]] = {
    "add": _sum,
    "mul": _multiply,
    "neg": _negate,
    "div": _divide,
    "pow": _power,
    "root": _root,
    "fact": _factorial,
    "degree": _degree,
    "percent": _percent,
    "mod": _remainder,
    "paren": _single,
    "ratio": _ratio,
    "where": lambda _node, args: args[0],
    "fn": _function,
}
