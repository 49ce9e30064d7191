"""Student's t and the beta distribution, for parameters that need not be whole; only this module computes them.

Both are the regularised incomplete beta function I(x; a, b), by its continued fraction (NIST Digital Library of
Mathematical Functions, 8.17.22); the two-sided tail of t is I(ν / (ν + t²); ν / 2, 1 / 2). `tests/test_estimators.py`
holds all of it against SciPy, which is not needed to run.
"""

from __future__ import annotations

import functools
import math

_STEPS = 300
"""Steps of the continued fraction; it needs about the square root of the larger parameter, of `_NORMAL_FROM` / 2."""
_NORMAL_FROM = 50_000.0
"""Degrees of freedom from which the normal distribution is the same to six digits."""
_TINY = 1e-300


def two_sided_p(t: float, freedom: float) -> float:
    """Chance of a value at least as far from 0 as `t`. Raises ValueError for NaN or no degrees of freedom."""
    if math.isnan(t) or not freedom > 0:
        raise ValueError(f"Student's t needs a number and degrees of freedom above 0, not {t} and {freedom}")
    if math.isinf(t):
        return 0.0
    if freedom >= _NORMAL_FROM:
        return math.erfc(abs(t) / math.sqrt(2))
    return beta_below(freedom / (freedom + t * t), freedom / 2, 0.5)


@functools.lru_cache(4096)
def t_quantile(level: float, freedom: float) -> float:
    """How far from 0 a share `level` of all values reaches on both sides: 12.71 for .95 and one degree of freedom."""
    if not 0 < level < 1:
        raise ValueError(f"a level lies between 0 and 1, not {level}")
    low, high = 0.0, 2.0
    while two_sided_p(high, freedom) > 1 - level:
        low, high = high, 4 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if two_sided_p(middle, freedom) > 1 - level else (low, middle)
    return (low + high) / 2


def beta_quantile(share: float, a: float, b: float) -> float:
    """The value below which a share of the beta distribution (a, b) lies."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if beta_below(middle, a, b) < share else (low, middle)
    return (low + high) / 2


def beta_below(x: float, a: float, b: float) -> float:
    """Chance that a value of the beta distribution (a, b) lies below `x`."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(x, a, b) / a
    return 1 - front * _fraction(1 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction by the modified method of Lentz."""
    upper, lower = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    value = lower
    for step in range(1, _STEPS):
        even = step * (b - step) * x / ((a + 2 * step - 1) * (a + 2 * step))
        odd = -(a + step) * (a + b + step) * x / ((a + 2 * step) * (a + 2 * step + 1))
        for term in (even, odd):
            lower = 1 / _away(1 + term * lower)
            upper = _away(1 + term / upper)
            value *= upper * lower
        if abs(upper * lower - 1) < 1e-14:
            break
    return value


def _away(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
