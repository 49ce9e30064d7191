r"""Units: what a unit measures and how much of the base unit it is; prefixes are rules, not rows.

Percent and degree signs, currencies and durations are units like any other. A unit of unknown dimension is a noun
(`apples`).

>>> unit_named("kWh")
Unit(name='kWh', dimension=(('length', 2), ('mass', 1), ('time', -2)), factor=Fraction(3600000, 1), note='')
>>> unit_named("µm").factor == Fraction(1, 1000000)
True
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

import msgspec

Dimension = tuple[tuple[str, int], ...]


class Unit(msgspec.Struct, frozen=True):
    """A unit of measure; `dimension` is None for a noun that measures nothing known (`apples`)."""

    name: str
    dimension: Dimension | None = None
    factor: Fraction = Fraction(1)
    note: str = ""
    """Words behind the unit that say of what: long, early, left."""

    def times(self, other: Unit, power: int = 1) -> Unit:
        """The product of two units, the second one raised to a power."""
        sign = {1: "·", -1: "/"}.get(power, f"·^{power} ")
        name = f"{self.name}{sign}{other.name}" if self.name else other.name
        if self.dimension is None or other.dimension is None:
            return Unit(name)
        powers, factor = dict(self.dimension), self.factor * other.factor**power
        for quantity, exponent in other.dimension:
            powers[quantity] = powers.get(quantity, 0) + exponent * power
        for scale in _DEGREES.keys() & powers.keys() if len(powers) > 1 or power != 1 else ():
            factor *= _DEGREES[scale] ** powers[scale]  # beside other units a degree is a difference: J/(g·°C)
            powers["temperature"] = powers.get("temperature", 0) + powers.pop(scale)
        dimension = tuple(sorted((quantity, exponent) for quantity, exponent in powers.items() if exponent))
        return Unit(name, dimension, factor)


_DEGREES = {"celsius": Fraction(1), "fahrenheit": Fraction(5, 9)}
"""How many kelvins a degree of each scale is."""
NONE = Unit("", ())

# base quantities of each dimension, as `quantity^power` words
_DIMENSIONS = {
    "length": "length", "area": "length^2", "volume": "length^3", "mass": "mass", "time": "time",
    "force": "mass length time^-2", "energy": "mass length^2 time^-2", "power": "mass length^2 time^-3",
    "pressure": "mass length^-1 time^-2", "frequency": "time^-1", "current": "current", "charge": "current time",
    "voltage": "mass length^2 time^-3 current^-1", "resistance": "mass length^2 time^-3 current^-2",
    "capacity": "mass^-1 length^-2 time^4 current^2", "field": "mass time^-2 current^-1",
    "inductance": "mass length^2 time^-2 current^-2",
    "flux": "mass length^2 time^-2 current^-1", "amount": "amount", "temperature": "temperature",
    "concentration": "amount length^-3", "celsius": "celsius", "fahrenheit": "fahrenheit", "angle": "angle",
    "share": "share", "dollar": "dollar", "euro": "euro", "sterling": "sterling", "yuan": "yuan", "yen": "yen",
    "rupee": "rupee", "speed": "length time^-1", "information": "information", "unit": "unit", "light": "light",
    "decibel": "decibel",
}  # fmt: skip
# Dimension, factor to the SI base unit, symbols that take prefixes, names that take prefixes, names without prefix.
_ROWS: list[tuple[str, str, str, str, str]] = [
    ("length", "1", "m", "meter meters metre metres", "米"),
    ("length", "1000", "", "", "千米 公里"), ("length", "1/100", "", "", "厘米"), ("length", "1/10", "", "", "分米"),
    ("length", "1/1000", "", "", "毫米"), ("length", "1852", "", "", "海里 nmi"),
    ("length", "254/10000", "", "", "in inch inches 英寸"), ("length", "3048/10000", "", "", "ft foot feet 英尺"),
    ("length", "9144/10000", "", "", "yd yard yards 码"), ("length", "1609344/1000", "", "", "mi mile miles 英里"),
    ("length", "1/10000000000", "", "", "Å angstrom angstroms"),
    ("length", "9460730472580800", "", "", "ly lightyear lightyears"), ("length", "149597870700", "", "", "AU"),
    ("area", "1", "", "", "平方米 m²"), ("area", "1/10000", "", "", "平方厘米"), ("area", "1/100", "", "", "平方分米"),
    ("area", "1000000", "", "", "平方千米 平方公里"), ("area", "10000", "", "", "ha hectare hectares 公顷"),
    ("area", "40468564224/10000000", "", "", "acre acres"), ("area", "2000/3", "", "", "亩"),
    ("volume", "1", "", "", "立方米"), ("volume", "1/1000000", "", "", "立方厘米 cc 毫升"),
    ("volume", "1/1000", "L l", "liter liters litre litres", "立方分米 升"),
    ("volume", "473176473/125000000000", "", "", "gal gallon gallons"),
    ("volume", "473176473/500000000000", "", "", "qt quart quarts"),
    ("volume", "473176473/1000000000000", "", "", "pt pint pints"),
    ("mass", "1/1000", "g", "gram grams gramme grammes", "克"), ("mass", "1", "", "", "千克 公斤"),
    ("mass", "1/1000000", "", "", "毫克"), ("mass", "1/2", "", "", "斤"),
    ("mass", "1000", "", "", "t ton tons tonne tonnes 吨"),
    ("mass", "45359237/100000000", "", "", "lb lbs lbm pound pounds 磅"),
    ("mass", "28349523125/1000000000000", "", "", "oz ounce ounces"),
    ("time", "1", "s", "second seconds", "sec secs 秒 秒钟"), ("time", "60", "", "", "min minute minutes mins 分钟"),
    ("time", "3600", "", "", "h hr hrs hour hours 小时 时"), ("time", "86400", "", "", "d day days 天"),
    ("time", "604800", "", "", "week weeks 周 星期"), ("time", "2629746", "", "", "month months 个月"),
    ("time", "31556952", "", "", "yr yrs year years 年 a"),
    ("force", "1", "N", "newton newtons", "牛 牛顿"), ("energy", "1", "J", "joule joules", "焦 焦耳"),
    ("force", "4448222/1000000", "", "", "lbf"), ("force", "1/100000", "", "", "dyn dyne dynes"),
    ("energy", "1602176634/10000000000000000000000000000", "eV", "", ""),
    ("energy", "4184/1000", "cal", "calorie calories", "卡"), ("energy", "3600", "Wh", "", "度电"),
    ("power", "1", "W", "watt watts", "瓦 瓦特"), ("power", "1000", "", "", "千瓦"),
    ("pressure", "1", "Pa", "pascal pascals", "帕"), ("pressure", "100000", "bar", "", "bars"),
    ("pressure", "101325", "", "", "atm atmosphere atmospheres"), ("pressure", "20265/152", "", "", "Torr torr mmHg"),
    ("pressure", "6894757/1000", "", "", "psi"),
    ("frequency", "1", "Hz", "hertz", "赫兹 赫"), ("current", "1", "A", "ampere amperes amp amps", "安 安培"),
    ("charge", "1", "C", "coulomb coulombs", "库仑"), ("voltage", "1", "V", "volt volts", "伏 伏特"),
    ("resistance", "1", "Ω \\Omega ohm", "ohms", "欧 欧姆"), ("capacity", "1", "F", "farad farads", ""),
    ("field", "1", "T", "tesla teslas", ""), ("inductance", "1", "H", "henry henries", ""),
    ("flux", "1", "Wb", "weber webers", ""),
    ("amount", "1", "mol", "mole moles", "摩尔"), ("temperature", "1", "K", "kelvin kelvins", ""),
    ("concentration", "1000", "M", "", ""), ("celsius", "1", "", "", "°C 摄氏度 celsius centigrade"),
    ("fahrenheit", "1", "", "", "°F fahrenheit"), ("angle", "1", "", "", "rad radian radians 弧度"),
    ("angle", "6.283185307179586", "", "", "revolution revolutions rev"), ("share", "1/100", "", "", "%"),
    ("share", "1/1000", "", "", "‰"), ("share", "1/10", "", "", "折 成"),
    ("share", "1/100", "", "", "百分点 个百分点 percentage-point percentage-points"),
    *(
        ("share", f"1/{bottom}", "", "", name)
        for name, bottom in {
            "halves": 2, "thirds": 3, "fourths": 4, "fifths": 5, "sixths": 6, "sevenths": 7, "eighths": 8, "ninths": 9,
            "tenths": 10, "twelfths": 12, "hundredths": 100, "thousandths": 1000,
        }.items()
    ),
    ("share", "10", "", "", "tens"), ("share", "100", "", "", "hundreds"), ("share", "1000", "", "", "thousands"),
    ("share", "1000000", "", "", "millions"),
    ("dollar", "1", "", "", "¤ dollar dollars usd USD bucks 美元"), ("dollar", "1/100", "", "", "cent cents ¢"),
    ("euro", "1", "", "", "€ euro euros EUR"), ("sterling", "1", "", "", "£ GBP"),
    ("sterling", "1/100", "", "", "pence"), ("yen", "1", "", "", "yen JPY 日元"),
    ("yuan", "1", "", "", "¥ yuan 元 rmb RMB 块 块钱 元钱"), ("yuan", "10000", "", "", "万元"),
    ("yuan", "1/10", "", "", "角"),
    ("yuan", "1/100", "", "", "分"), ("yuan", "100000000", "", "", "亿元"), ("rupee", "1", "", "", "₹ rupee rupees"),
    ("speed", "1397/3125", "", "", "mph"), ("speed", "5/18", "", "", "kmph kph"),
    ("speed", "463/900", "", "", "knot knots"),
    ("information", "1", "", "", "bit bits"), ("information", "8", "B", "byte bytes", ""),
    ("unit", "1", "", "", "unit units 单位 个单位"), ("light", "1", "", "", "cd candela"),
    ("decibel", "1", "", "", "dB"),
]  # fmt: skip
_PREFIXES = {
    "p": -12, "n": -9, "µ": -6, "u": -6, "\\mu": -6, "m": -3, "c": -2, "d": -1, "h": 2, "k": 3, "M": 6, "G": 9, "T": 12,
}  # fmt: skip
_PREFIX_WORDS = {
    "pico": -12, "nano": -9, "micro": -6, "milli": -3, "centi": -2, "deci": -1, "hecto": 2, "kilo": 3, "mega": 6,
    "giga": 9, "tera": 12,
}  # fmt: skip
# Where a prefixed symbol means something else: minutes, feet, picas …
_NOT_PREFIXED = frozenset(
    {"min", "ft", "pt", "cd", "Pa", "mol", "nm²", "ha", "hh", "dd", "cm²", "pm", "dg", "hL", "ph", "dA", "mM"}
)
POWER_WORDS = {"square": 2, "sq": 2, "cubic": 3, "cu": 3, "平方": 2, "立方": 3}


def _dimension(name: str) -> Dimension:
    powers: list[tuple[str, int]] = []
    for word in _DIMENSIONS[name].split():
        quantity, _, power = word.partition("^")
        powers.append((quantity, int(power or 1)))
    return tuple(sorted(powers))


def _table() -> dict[str, Unit]:
    units: dict[str, Unit] = {}
    for dimension_name, factor_text, symbols, prefixed, names in _ROWS:
        dimension, factor = _dimension(dimension_name), Fraction(factor_text)
        for name in f"{symbols} {prefixed} {names}".split():
            units[name] = Unit(name, dimension, factor)
        for table, stems in ((_PREFIXES, symbols), (_PREFIX_WORDS, prefixed)):
            for stem in stems.split():
                for prefix, power in table.items():
                    name = prefix + stem
                    if name not in _NOT_PREFIXED or name == "pm":
                        units.setdefault(name, Unit(name, dimension, factor * Fraction(10) ** power))
    units.pop("pm", None)  # the afternoon
    return units


UNITS = _table()
"""Name → unit."""
SINGLE = frozenset(name for name in UNITS if len(name) == 1 and name.isascii() and name.isalpha())
"""Units that are one letter, which may as well be a variable."""
_FACTORS: dict[Dimension, set[Fraction]] = {}
for _unit in UNITS.values():
    _FACTORS.setdefault(_unit.dimension or (), set()).add(_unit.factor)
_LOWER = {name.lower(): unit for name, unit in UNITS.items() if len(name) > 3}
PERCENT, PERMILLE, DEGREE = UNITS["%"], UNITS["‰"], Unit("°", (("angle", 1),), Fraction(3141592653589793, 180 * 10**15))
"""The factor of a degree is not exact; what compares angles multiplies with π."""
PRIME = Unit("\u2032", UNITS["ft"].dimension, UNITS["ft"].factor)
"""5': feet, where a question speaks of them, and else an unknown decoration."""
MONEY = frozenset({"dollar", "euro", "sterling", "yuan", "yen", "rupee"})


@lru_cache(maxsize=4096)
def unit_named(word: str) -> Unit | None:
    """The unit of a name, in any case where the name is a word, also of two joined by a hyphen; None for another."""
    word = word.rstrip(".")
    unit = UNITS.get(word) or (_LOWER.get(word.lower()) if len(word) > 3 else None)
    if unit is None and "-" in word:
        one, other = (unit_named(part) for part in word.split("-", 1))
        unit = one.times(other) if one is not None and other is not None else None
    return unit


def has_unit_of(dimension: Dimension, factor: Fraction) -> bool:
    """Whether a unit of a dimension has a factor: the base unit itself, or one with a name."""
    return factor == 1 or factor in _FACTORS.get(dimension, ())


_CALLED = {"pound": "£", "pounds": "£", "cent": "€", "cents": "€", "p": "pence", "分": "分钟"}
"""Names that are another unit's beside an amount of what that measures."""


def called_beside(name: Unit, beside: Unit) -> Unit | None:
    """The unit that a name means beside another amount: pounds beside £, cents beside €, 分 beside a time."""
    meant = UNITS.get(_CALLED.get(name.name, ""))
    if meant is None or meant.dimension != beside.dimension:
        return None
    return Unit("eurocent", meant.dimension, meant.factor / 100) if name.name.startswith("cent") else meant


def same_noun(one: str, other: str) -> bool:
    """Whether two nouns are one, in singular or plural."""
    return one == other or one.rstrip("s") == other.rstrip("s") or _stem(one) == _stem(other)


def _stem(noun: str) -> str:
    return noun.removesuffix("es").removesuffix("s").removesuffix("ie").removesuffix("y")
