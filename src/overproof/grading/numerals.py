r"""Numerals: decimals, thousands, e-notation, mixed numbers, repeating decimals and numbers in a base.

>>> from overproof.grading.tree import Node
>>> read_numeral("11", "11 5/6", 2)[0].value
Fraction(71, 6)
>>> read_numeral("0.1", "0.1\\overline{6}", 3)[0].value
Fraction(1, 6)
"""

from __future__ import annotations

import re
from fractions import Fraction

from overproof.grading.tree import INFINITY, Node, number

MAX_DIGITS = 20_000

_EXPONENT = re.compile(r"[eE]([+-]?\d{1,5})(?![\d.A-Za-z])")
_FRACTION = re.compile(r" +(\d+) */ *(\d+)(?![\d.!^])| *\\frac *(?:\{(\d+)\}|(\d))(?: *\{(\d+)\}|(\d))")
_REPEATING = re.compile(r"\\overline *\{(\d+)\}|\\dot *\{?(\d)\}?(?:(\d*)\\dot *\{?(\d)\}?)?")
_ELLIPSIS = re.compile(r" *(?:\.\.\.|\\ldots)")
_BASE = re.compile(r"_\{?(\d{1,2})\}?(?!\d)")


class TooManyDigitsError(ValueError):
    """A numeral longer than MAX_DIGITS."""


def read_numeral(token: str, text: str, end: int) -> tuple[Node, int]:
    """The number that begins with a token of digits which ends at `end`, and where the whole numeral ends."""
    digits = token.replace(",", "")
    if len(digits) > MAX_DIGITS:
        raise TooManyDigitsError
    whole, point, decimals = digits.partition(".")
    value = Fraction(_integer(whole or "0"))
    if decimals:
        value += Fraction(_integer(decimals), 10 ** len(decimals))
    if match := _EXPONENT.match(text, end):
        return _scientific(value, int(match[1]), len(decimals)), match.end()
    if point:
        return _repeating(value, decimals, text, end) or (number(value, len(decimals)), end)
    return _mixed(value, text, end) or _based(digits, text, end) or (number(value), end)


def _integer(digits: str) -> int:
    """A run of digits as an integer, whatever limit the interpreter sets on such conversions."""
    if len(digits) <= 4000:
        return int(digits)
    tail = len(digits) // 2
    return _integer(digits[:-tail]) * int(10**tail) + _integer(digits[-tail:])


def _scientific(value: Fraction, power: int, places: int) -> Node:
    if abs(power) > MAX_DIGITS:
        return INFINITY
    return number(value * Fraction(10) ** power, max(0, places - power))


def _mixed(value: Fraction, text: str, end: int) -> tuple[Node, int] | None:
    r"""`11 5/6`, `1\frac12`: a whole number and a proper fraction."""
    match = _FRACTION.match(text, end)
    if match is None:
        return None
    top, bottom = (int(group) for group in match.groups() if group is not None)
    return (number(value + Fraction(top, bottom)), match.end()) if 0 < top < bottom else None


def _based(digits: str, text: str, end: int) -> tuple[Node, int] | None:
    """`204_5`: its value is worked out by `exact`, where digits and base are checked against each other."""
    match = _BASE.match(text, end)
    return (Node("based", (), f"{digits}_{match[1]}"), match.end()) if match else None


def _repeating(value: Fraction, decimals: str, text: str, end: int) -> tuple[Node, int] | None:
    r"""`0.1\overline{6}`, `0.\dot{3}`, `0.333…`: the fraction that the decimal stands for."""
    shift = 10 ** len(decimals)
    if match := _REPEATING.match(text, end):
        period = match[1] or f"{match[2]}{match[3] or ''}{match[4] or ''}"
        return number(value + Fraction(int(period), (10 ** len(period) - 1) * shift)), match.end()
    match = _ELLIPSIS.match(text, end)
    for length in range(1, len(decimals) // 2 + 1) if match else ():
        period = decimals[-length:]
        if match and decimals.endswith(period * (3 if length == 1 else 2)):
            return number(value + Fraction(int(period), (10**length - 1) * shift)), match.end()
    return None
