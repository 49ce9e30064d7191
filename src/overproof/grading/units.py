r"""Units: what stands behind a number, what it measures and how much of the base unit it is.

A unit is only split off where it cannot be a variable: inside `\text{}`, as a listed name of two letters or more, as
Chinese, or as plain words behind a plain number. `2m` is two times m; `2\text{ m}` is two metres.

    >>> split_unit("5.8厘米")
    ('5.8', Unit(name='厘米', dimension=(('length', 1),), factor=Fraction(1, 100)))
    >>> split_unit("2m")
    ('2m', None)
"""

from __future__ import annotations

import re
from fractions import Fraction

import msgspec

from overproof.grading.words import DENIALS

MAX_CHARS = 400
"""Longer answers are not searched for a unit."""
MAX_TOKENS = 8
"""No unit has more words and signs than this."""


class Unit(msgspec.Struct, frozen=True):
    """A unit of measure; `dimension` is None for a noun that measures nothing known (`apples`)."""

    name: str
    dimension: tuple[tuple[str, int], ...] | None = None
    factor: Fraction = Fraction(1)

    @property
    def telling(self) -> frozenset[str]:
        """Words in it that change what is said: north, profit, pm."""
        return _TELLING & set(re.findall(r"[a-z]+", self.name.lower()))


_ROWS: list[tuple[str, int, str, str]] = [
    ("length", 1, "1", "m meter meters metre metres 米"),
    ("length", 1, "1000", "km kilometer kilometers kilometre kilometres 千米 公里"),
    ("length", 1, "1/100", "cm centimeter centimeters centimetre centimetres 厘米"),
    ("length", 1, "1/1000", "mm millimeter millimeters millimetre millimetres 毫米"),
    ("length", 1, "1/10", "dm decimeter decimeters decimetre decimetres 分米"),
    ("length", 1, "254/10000", "inch inches"),
    ("length", 1, "3048/10000", "ft foot feet"),
    ("length", 1, "9144/10000", "yd yard yards"),
    ("length", 1, "1609344/1000", "mi mile miles"),
    ("length", 1, "1852", "海里"),
    ("length", 2, "1", "平方米"), ("length", 2, "1/10000", "平方厘米"), ("length", 2, "1/100", "平方分米"),
    ("length", 2, "1000000", "平方千米 平方公里"), ("length", 2, "10000", "hectare hectares 公顷"),
    ("length", 3, "1", "立方米"), ("length", 3, "1/1000000", "立方厘米 ml mL milliliter milliliters 毫升"),
    ("length", 3, "1/1000", "立方分米 l L liter liters litre litres 升"),
    ("mass", 1, "1", "kg kilogram kilograms 千克 公斤"), ("mass", 1, "1/1000", "g gram grams 克"),
    ("mass", 1, "1/1000000", "mg milligram milligrams 毫克"), ("mass", 1, "1000", "t ton tons tonne tonnes 吨"),
    ("mass", 1, "45359237/100000000", "lb lbs pound pounds"),
    ("mass", 1, "28349523125/1000000000000", "oz ounce ounces"),
    ("time", 1, "1", "s sec second seconds secs 秒"), ("time", 1, "60", "min minute minutes mins 分钟 分"),
    ("time", 1, "3600", "h hr hrs hour hours 小时 时"), ("time", 1, "86400", "d day days 天 日"),
    ("time", 1, "604800", "week weeks 周 星期"), ("time", 1, "2629746", "month months 个月 月"),
    ("time", 1, "31556952", "yr year years 年"), ("time", 1, "1/1000", "ms millisecond milliseconds 毫秒"),
    ("money", 1, "1", "dollar dollars usd USD bucks"), ("money", 1, "1/100", "cent cents"),
    ("yuan", 1, "1", "yuan 元 rmb RMB 块"), ("yuan", 1, "10000", "万元"), ("yuan", 1, "1/10", "角"),
    ("yuan", 1, "100000000", "亿元"),
    ("force", 1, "1", "N newton newtons 牛 牛顿"), ("energy", 1, "1", "J joule joules 焦 焦耳"),
    ("energy", 1, "1000", "kJ kilojoule kilojoules"), ("power", 1, "1", "W watt watts 瓦"),
    ("power", 1, "1000", "kW kilowatt kilowatts 千瓦"), ("voltage", 1, "1", "V volt volts 伏"),
    ("current", 1, "1", "A amp amps ampere amperes 安"), ("resistance", 1, "1", "\\Omega ohm ohms 欧"),
    ("pressure", 1, "1", "Pa pascal pascals 帕"), ("pressure", 1, "1000", "kPa"),
    ("frequency", 1, "1", "Hz hertz 赫兹"), ("frequency", 1, "1000", "kHz"), ("frequency", 1, "1000000", "MHz"),
    ("amount", 1, "1", "mol mole moles 摩尔"), ("temperature", 1, "1", "K kelvin"),
    ("celsius", 1, "1", "°C 摄氏度"), ("fahrenheit", 1, "1", "°F"),
    ("capacity", 1, "1/1000000", "\\mu F microfarad microfarads"), ("capacity", 1, "1", "F farad farads"),
    ("angle", 1, "1", "rad radian radians 弧度"), ("length?", 1, "1", "unit units 单位 个单位"),
    ("speed", 1, "1", "mph"), ("speed?", 1, "1", "kmph kph"),
]  # fmt: skip
"""Quantity, power, factor to the base unit, names."""

UNITS = {
    name: (quantity, power, Fraction(factor))
    for quantity, power, factor, names in _ROWS
    for name in names.replace("\\mu F", "\\mu_F").split()
}
"""Name → (quantity, power, factor to the base unit)."""
_SINGLE = frozenset(name for name in UNITS if len(name) == 1 and name.isascii())
_MATH_WORDS = frozenset({
    "sin", "cos", "tan", "cot", "sec", "csc", "log", "exp", "abs", "sqrt", "max", "min", "gcd", "lcm", "mod", "and",
    "or", "pi", "inf", "infty", "not", "union", "where", "for", "if", "from", "to", "is", "are", "alpha", "beta",
    "gamma", "delta", "theta", "lambda", "sigma", "omega", "phi", "psi", "rho", "tau", "det", "arcsin", "arccos",
    "arctan",
})  # fmt: skip
_BOUNDS = DENIALS | {"less", "more", "fewer", "greater", "least", "most", "than", "between", "or"}
_TELLING = frozenset({
    "north", "south", "east", "west", "left", "right", "up", "down", "upward", "downward", "above", "below",
    "clockwise", "counterclockwise", "profit", "loss", "gain", "increase", "decrease", "ahead", "behind", "before",
    "after", "am", "pm", "bc", "ad",
})  # fmt: skip
_TAIL_TOKEN = re.compile(
    r" *(?:(?P<text>\\text\{[^{}]*\})|(?P<word>(?<![A-Za-z\\])[A-Za-z]+(?:'s)?\.?)|(?P<han>[\u4e00-\u9fff]+)"
    r"|(?P<greek>\\Omega|\\mu ?\\text\{F\}|\\mu ?F|°[CF])|(?P<joint>/|\\cdot|-))(?P<power> *\^ *\{? *-?\d *\}?)? *$"
)
_ORDINAL = re.compile(r"(?<=\d) *(?:\^ *\{? *)?(?:\\text\{ *)?(?:st|nd|rd|th)(?: *\})?(?: *\})?(?= |$)")
_VALUE_END = re.compile(r"(?:[\d)}\]°%!]|\\pi|[a-z]|\\infty) *$")
_PLAIN_NUMBER = re.compile(
    r"[-+]?(?:[\d,]*\.?\d+|\d{1,2}:\d\d|\\frac *\{\d+\} *\{\d+\}|\d+ *\d*/\d+|\d+ *\\frac *\{?\d+\}? *\{?\d+\}?) *"
)
_APPROXIMATELY = re.compile(
    r"^(?:\\approx|\\sim|~|约为|大约|约|近似|approximately|approx\.?|about|roughly|around"
    r"|\\text\{(?:approximately|about|约) *\}) *"
)
_CURRENCY = re.compile(r"^(?:[€£¥￥₹]|USD|RMB|US) *(?=[\d.])")
_AFTER_NAMED_UNIT = re.compile(r"(?:[A-Za-z]{2}|\}) */ *$|(?<=\d) +m */ *$")
_METRES_PER = re.compile(r"(?<=\d) +m(?= */ *s(?: *\^ *\{? *2 *\}?)? *$)")
_AREA = {"square": 2, "sq": 2, "cubic": 3, "平方": 2, "立方": 3}
_HAN_STOP = re.compile("[或和且与不无第若则是为之间]")
_HAN_NUMERAL = {"万": Fraction(10_000), "亿": Fraction(100_000_000)}


def split_unit(text: str, *, letters: bool = False) -> tuple[str, Unit | None]:
    """A spelled answer as value and unit; the unit is None when nothing there can only be one.

    With `letters`, a bare letter counts as a unit too (`5 m`): only for an answer whose counterpart has a unit.
    """
    text = _CURRENCY.sub("", _APPROXIMATELY.sub("", text))
    if not text or len(text) > MAX_CHARS or (text[-1] in "0123456789)]}%" and "\\text" not in text and "^" not in text):
        return text, None
    value, tokens = _cut_tail(_METRES_PER.sub(r" \\text{m}", _ORDINAL.sub("", text)), letters=letters)
    if not tokens:
        return (text, None) if tokens is None else (value, None)
    unit = _unit(tokens)
    if unit is None or tokens[0] in {"-", "\\cdot"} or not _VALUE_END.search(value):
        return text, None
    return (value, unit) if unit.dimension is not None or _is_noun(unit.name, value) else (text, None)


def _cut_tail(value: str, *, letters: bool) -> tuple[str, list[str] | None]:
    """A value and the tokens behind it that may be a unit; None for the tokens when one of them cannot be."""
    tokens: list[str] = []
    while len(tokens) < MAX_TOKENS and (match := _TAIL_TOKEN.search(value)):
        tokens.insert(0, match[0].strip())
        value = value[: match.start()]
        if match["word"] and not _may_be_unit(match["word"].rstrip("."), value, letters=letters):
            return value, None
    return value.strip(), tokens


def _may_be_unit(word: str, before: str, *, letters: bool) -> bool:
    """Whether a bare word behind a value can be (part of) a unit rather than a product of variables."""
    if word.lower() in _MATH_WORDS or word.lower() in _BOUNDS:
        return False
    if len(word) == 1:
        return _AFTER_NAMED_UNIT.search(before) is not None or (letters and word in _SINGLE)
    return word in UNITS or len(word) > 2 or word in {"of", "by"}


def _is_noun(name: str, value: str) -> bool:
    """Words that measure nothing known count only behind a plain number, and only when they deny nothing."""
    if any(character.isdigit() for character in name) or _HAN_STOP.search(name):
        return False
    words = re.findall(r"[A-Za-z]+", name)
    if any(word.lower() in _BOUNDS for word in words):
        return False
    return _PLAIN_NUMBER.fullmatch(value) is not None


def _unit(tokens: list[str]) -> Unit | None:
    """The unit that a run of tokens names; None when it cannot be one."""
    flat = " ".join(tokens).replace("\\text{", " ").replace("}", " ").replace("\\cdot", " ").replace("{", "")
    flat = re.sub(r" *\^ *", "^", flat).replace("\\mu F", "\\mu_F").replace("\\mu  F", "\\mu_F")
    name = " ".join(flat.split())
    if not name:
        return None
    dimensions: dict[str, int] = {}
    factor = Fraction(1)
    sign, scale = 1, 1
    for word in re.findall(r"/|[^\s/]+", name):
        if word in {"/", "per", "每"}:
            sign = -1
            continue
        if word.rstrip(".") in _AREA:
            scale = _AREA[word.rstrip(".")]
            continue
        stem, _, power = word.partition("^")
        known = UNITS.get(stem.rstrip(".")) or UNITS.get(stem.lower())
        if known is None or not re.fullmatch(r"-?\d|", power):
            return Unit(name)
        exponent = sign * scale * known[1] * int(power or 1)
        dimensions[known[0]] = dimensions.get(known[0], 0) + exponent
        factor *= known[2] ** (sign * scale * int(power or 1))
        scale = 1
    return Unit(name, tuple(sorted(dimensions.items())), factor) if dimensions else Unit(name)
