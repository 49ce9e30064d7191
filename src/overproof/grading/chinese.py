"""Numbers in Chinese characters: whole and decimal ones, also in the digits of banks.

Only this module knows the numerals; fractions (三分之二), mixed numbers (一又三分之二) and shares (百分之三十) are put
together by `grammar` from the numbers on both sides, which may be in digits.

>>> han_number("两千零五"), han_number("一百五"), han_number("三点一四"), han_number("贰拾")
(Fraction(2005, 1), Fraction(150, 1), Fraction(157, 50), Fraction(20, 1))
"""

from __future__ import annotations

import re
from fractions import Fraction

_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {
    "两": 2, "〇": 0,
    **{digit: value for value, digit in enumerate("壹贰叁肆伍陆柒捌玖", 1)},
}  # fmt: skip
_PLACES = {"十": 10, "百": 100, "千": 1000, "拾": 10, "佰": 100, "仟": 1000}
_LARGE = {"万": 10**4, "亿": 10**8}
_FORMAL = frozenset("壹贰叁肆伍陆柒捌玖拾佰仟")
"""Digits of banks: alone they are words (陆地), so that only several of them are a number."""
_HALF = frozenset({"半", "一半"})
NUMERAL = re.compile(f"[{''.join({**_DIGITS, **_PLACES, **_LARGE})}点半]+")
_THOUSAND_OF_UNIT = re.compile("千[克米瓦卡帕焦伏赫牛升]")
"""五千克 are five kilograms; behind ten thousands, 千 is a digit's place (一万五千克)."""
NO_NUMERAL = re.compile(
    "零下|一[共起样般定直致切些]|十分(?!之|钟)|万一|千万别"
    "|[一二三四五六七八九十]+(?:角[形函星]|边形|棱[柱锥台]|面体|次[函方多项曲]|元[一二三四五]次|项[式展]|等[奖边腰]|维|阶)"
)
"""Words that begin as a numeral does: 十分 (very), 三角形, 一次函数."""
MAX_NUMERAL = 30


def han_numeral(run: str) -> tuple[Fraction, int] | None:
    """The number that a run of characters begins with, and how many of them it takes; None where it begins with none.

    The longest one: 五 of 五分, 三点五 of 三点五倍.
    """
    match = NUMERAL.match(run)
    if match is None or NO_NUMERAL.match(run):
        return None
    for end in range(min(match.end(), MAX_NUMERAL), 0, -1):
        if _THOUSAND_OF_UNIT.match(run, end - 1) and not _LARGE.keys() & set(run[:end]):
            continue
        if (value := han_number(run[:end])) is not None:
            return value, end
    return None


def han_number(word: str) -> Fraction | None:
    """二十, 二点五, 一半; None for anything else."""
    if not word or len(word) > MAX_NUMERAL or (len(word) == 1 and word in _FORMAL):
        return None
    if word in _HALF:
        return Fraction(1, 2)
    whole, point, decimals = word.partition("点")
    integer = _whole(whole)
    if integer is None or not point:
        return None if integer is None else Fraction(integer)
    digits = [_DIGITS.get(digit) for digit in decimals]
    if not digits or any(digit is None for digit in digits):
        return None
    return integer + Fraction(int("".join(map(str, digits))), 10 ** len(digits))


def han_fraction(word: str) -> Fraction | None:
    """A number with its fraction, all in characters: 三分之二, 负一又二分之一, 百分之五十."""
    if word.startswith("负"):
        value = han_fraction(word[1:])
        return None if value is None else -value
    bottom, over, top = word.partition("分之")
    if not over:
        return han_number(word)
    whole, joint, bottom = bottom.rpartition("又")
    denominator, numerator = han_number(bottom), han_fraction(top)
    if not denominator or numerator is None or (joint and not whole):
        return None
    before = han_number(whole) if whole else Fraction(0)
    return None if before is None else before + numerator / denominator


def _whole(word: str) -> int | None:
    """A whole number; digits side by side are read one by one (二〇二四), the last may leave its place out (一百五)."""
    if not word:
        return None
    if len(word) > 1 and all(character in _DIGITS for character in word):
        return int("".join(str(_DIGITS[character]) for character in word))
    total = section = digit = 0
    place = 1
    for character in word:
        if character in _DIGITS:
            if digit:
                return None
            digit = _DIGITS[character]
            place = 1 if not digit else place
        elif character in _PLACES:
            if 0 < section < _PLACES[character]:
                return None  # places go down: 三十九千 is no number
            place = _PLACES[character]
            section, digit = section + (digit or 1) * place, 0
        elif character in _LARGE:
            place = _LARGE[character]
            total, section, digit = (total + section + digit or 1) * place, 0, 0
        else:
            return None
    return total + section + digit * (place // 10 if place >= 100 else 1)
