"""Whole texts that are no mathematics: times of day, dates, spans, amounts of several units, shares, remainders.

>>> [value.minutes for value in everyday("half past 8")]
[510]
>>> [value.unit.name for value in everyday("1h45min")]
['h']
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from fractions import Fraction

from overproof.grading.lexicon import CHANGING_HAN, fraction_of_words, number_of, number_of_words
from overproof.grading.tree import Node, number
from overproof.grading.units import PRIME, UNITS, Unit
from overproof.grading.values import (
    DAY_OR_MONTH,
    DECIMAL_COMMA,
    INDEX,
    LOOSE_WORD,
    MAGNITUDE_LETTER,
    ROMAN,
    Based,
    Clock,
    Collection,
    Date,
    Named,
    Quantity,
    Range,
    Ratio,
    Scalar,
    Value,
)

MAX_CHARS = 40
"""Longer texts are none of these."""
HALF_A_DAY = 12

_CLOCK = re.compile(
    r"(?P<han>上午|早上|凌晨|下午|晚上)? ?(?P<hours>\d{1,2}):(?P<minutes>\d\d)(?::\d\d)?"
    r"(?: ?(?P<half>am|pm|noon|o'clock))?|(?P<whole>\d{1,2}) ?(?P<mark>am|pm|noon|o'clock)",
    re.IGNORECASE,
)
_CLOCK_WORD = re.compile(r"(?:at )?(noon|midday|midnight|正午|中午|午夜)", re.IGNORECASE)
_PAST = re.compile(
    r"(?P<part>half|(?:a )?quarter|(?P<minutes>\d{1,2}|[a-z]{3,6}(?:-[a-z]+)?)) (?P<said>minutes? )?(?P<turn>past|to) "
    r"(?P<hour>\d{1,2}|[a-z]{3,6})(?: o'clock)?",
    re.IGNORECASE,
)
_HAN_TO = re.compile(
    r"差 ?(?P<m>\d{1,2}|[一二两三四五六七八九十]{1,3}|一刻) ?分?钟? ?(?P<h>\d{1,2}|[一二两三四五六七八九十]{1,3}) ?点"
    r"|(?P<h2>\d{1,2}|[一二两三四五六七八九十]{1,3}) ?点 ?差 ?(?P<m2>\d{1,2}|[一二两三四五六七八九十]{1,3}|一刻) ?分?"
)
_HAN_CLOCK = re.compile(
    r"(?P<half>上午|早上|凌晨|下午|晚上)?(?P<hour>\d{1,2}|[一二两三四五六七八九十]{1,3}) ?[点时]钟? ?"
    r"(?:(?P<minutes>半|[一三]刻|\d{1,2}|[零一二三四五六七八九十]{1,3}) ?(?P<mark>分)?)?(?P<sharp>整)?"
)
_MONTHS = [
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
]  # fmt: skip
_MONTH = "|".join(f"{name}|{name[:3]}\\.?" for name in _MONTHS)
_DATE = re.compile(
    rf"(?:(?P<m>{_MONTH}) (?P<d>\d{{1,2}})(?:st|nd|rd|th)?"
    rf"|(?P<d2>\d{{1,2}})(?:st|nd|rd|th)? (?:of )?(?P<m2>{_MONTH}))"
    r"(?:,? (?P<y>\d{4}))?|(?:(?P<y3>\d{4}) ?年)? ?(?P<m3>\d{1,2}) ?月 ?(?P<d3>\d{1,2}) ?[日号]"
    r"|(?P<y4>\d{4})(?P<joint>[-/.])(?P<m4>\d\d?)(?P=joint)(?P<d4>\d\d?)",
    re.IGNORECASE,
)
_NUMERIC_DATE = re.compile(r"(\d\d?)(?P<joint>[-/.])(\d\d?)(?P=joint)(\d{4})")
"""4/3/2024: the day or the month may come first."""
_SHORT_DATE = re.compile(r"(\d\d?)/(\d\d?)")
_MAGNITUDE_LETTERS = {"k": 10**3, "K": 10**3, "M": 10**6, "B": 10**9}
_MAGNITUDE_LETTER = re.compile(r"(¤?)(\d+(?:\.\d+)?) ?([kKMB])")
_PREFIXED = re.compile(r"0(?:[xX](?P<x>[0-9A-Fa-f]{1,16})|[bB](?P<b>[01]{1,64})|[oO](?P<o>[0-7]{1,24}))")
_BASE_OF_PREFIX = {"x": 16, "b": 2, "o": 8}
_ROMAN = re.compile(r"(?=[MDCLXVI])(M{0,3})(CM|CD|D?C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})")
_ROMAN_DIGITS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_LOOSE_WORD = re.compile(r"(?:a )?(?P<two>pair|couple)|(?P<one>once)|(?P<twice>twice)|(?P<three>thrice)", re.IGNORECASE)
_LOOSE_WORDS = {"two": 2, "one": 1, "twice": 2, "three": 3}
_YEAR = re.compile(
    r"(?:in )?(?:(?P<era>AD|CE|BC|BCE|公元前?) ?(?P<year>\d{1,4})|(?P<said>\d{1,4}) (?P<behind>AD|CE|BCE?))年?"
)
_RANGE = re.compile(r"(\d+(?:\.\d+)?) ?- ?(\d+(?:\.\d+)?)(?: ?- ?(\d+))?")
_SPAN = re.compile(
    r"(?:(?:between|from) )?(?P<a>-?\d+(?:\.\d+)?) ?(?P<joint>to|\\text\{ ?to ?\}|and|到|至|和|与|比) ?"
    r"(?P<b>-?\d+(?:\.\d+)?)(?P<behind>之间)?(?: to (?P<c>\d+))?"
)
_TIME_UNITS = ("h|hr|hrs|hours?|小时|时", "m|min|mins|minutes?|分钟|分", "s|sec|secs|seconds?|秒钟?")
_DURATION = re.compile("(?: ?and ?| ?)".join(rf"(?:(\d+) ?(?:{names}))?" for names in _TIME_UNITS))
_FEET = re.compile(r"(\d+) ?(?:'|ft\.?|feet|foot) ?(\d+(?:\.\d+)?) ?(?:\"|''|in\.?|inch(?:es)?)")
_DECORATED = re.compile(r"-?\d+(?:\.\d+)?(?:('{1,2})|_\{?[a-zA-Z]\}?)")
_BASED = re.compile(r"([0-9A-Fa-f]+)_\{? ?(\d\d)\}?")
_BASE_IN_BRACKETS = re.compile(r"(\d{2,40})\((\d\d?)\)")
_CHOOSE = re.compile(r"(?:\{ ?\} ?)?[_^]? ?\{? ?(\d{1,3}) ?\}? ?([CP]) ?_? ?\{? ?(\d{1,3}) ?\}?")
_EACH = re.compile(r"每 ?([^\d\s每]{1,3}?)(?:走|行)? ?(\d+(?:\.\d+)?) ?([^\d\s]{1,4})")
_POINT = re.compile(r"([A-Z]) ?\( ?(-?\d+(?:\.\d+)?(?: ?, ?-?\d+(?:\.\d+)?)+) ?\)")
_WORDS = re.compile(r"[A-Za-z]+(?:[ -][A-Za-z]+){0,7}")
_SHARE_IN_WORDS = re.compile(r"([a-z-]+(?: [a-z]+)?) (?:out of|in) ([a-z-]+(?: [a-z]+)?)", re.IGNORECASE)
_PART_OF_UNIT = re.compile(
    r"(?:an?|one) (?P<whole>[a-z]+) and (?:a|one) (?P<more>half|quarter)"
    r"|(?:an? |one )?(?P<part>half|quarter|three quarters) of an? (?P<of>[a-z]+)|half an? (?P<half>[a-z]+)",
    re.IGNORECASE,
)
_PARTS_IN_WORDS = {"half": Fraction(1, 2), "quarter": Fraction(1, 4), "three quarters": Fraction(3, 4)}
_SPACED_LIST = re.compile(r"-?\d+(?: -?\d+)+")
_DECIMAL_COMMA = re.compile(r"-?\d+,(?:\d{1,2}|\d{4,})")
_PRICE_WITH_COMMA = re.compile(r"(?P<before>[¤€£¥])? ?(?P<whole>\d+),(?P<cents>\d\d) ?(?P<behind>[€£¥]|euros?)?")
_HALF_MORE = re.compile(
    r"(?P<whole>\d{1,6}|[一二三四五六七八九十百两]{1,5}) ?(?:(?P<unit>小时|天|年|周|千?米|公里|公斤|千?克|斤|吨|升|元"
    r"|分钟|倍|圈|圆)半|[个块年天月斤]?半 ?(?P<behind>[\u4e00-\u9fff]{1,3})?)"
)
"""两个半, 两个半小时, 一小时半."""
_SHARE = re.compile(r"(\d+) (?:out of|in every|in|of) (\d+)")
_SAID_TWICE = re.compile(r"([A-Za-z][A-Za-z -]*?) ?\((\d[\d,]*)\)")
"""Five (5)."""
_REMAINDER = re.compile(r"(\d+) *(?:r|R|remainder|余|\\ldots|\.\.\.|…)+ *(\d+)")


def everyday(spelled: str) -> Iterator[Value]:
    """The readings of a whole text that is no mathematics, none for any other."""
    if not spelled or len(spelled) > MAX_CHARS:
        return
    if match := _CLOCK_WORD.fullmatch(spelled):
        yield Clock(0 if match[1].lower() in {"midnight", "午夜"} else HALF_A_DAY * 60, open_half=False)
    in_digits = any(character.isdigit() for character in spelled)
    for pattern, read in _FORMS if in_digits else _IN_CHARACTERS if not spelled.isascii() else ():
        if (match := pattern.fullmatch(spelled)) is not None:
            yield from read(match)
    if in_digits:
        yield from _lists(spelled)
    elif spelled.isascii():
        yield from _in_words(spelled)


def _in_words(spelled: str) -> Iterator[Value]:
    """A number, a time or a Roman number in letters alone."""
    if _WORDS.fullmatch(spelled) and (value := fraction_of_words(spelled)) is not None:
        yield Scalar(number(value))
    count, _, name = spelled.rpartition(" ")
    if count and (unit := UNITS.get(name)) is not None and (value := fraction_of_words(count)) is not None:
        yield Quantity(number(value), unit)
    if (match := _SHARE_IN_WORDS.fullmatch(spelled)) is not None:
        top, bottom = (number_of_words(part.lower().split()) for part in match.groups())
        if top is not None and bottom:
            yield Scalar(number(top / bottom))
    if (match := _PART_OF_UNIT.fullmatch(spelled)) is not None:
        yield from _part_of_unit(match)
    if (match := _PAST.fullmatch(spelled)) is not None:
        yield from _past(match)
    if (match := _LOOSE_WORD.fullmatch(spelled)) is not None:
        yield Scalar(number(_LOOSE_WORDS[match.lastgroup or ""]), guessed=LOOSE_WORD)
    numeral = spelled.upper() if len(spelled) > 1 else spelled
    if numeral.isupper() and (spelled in {numeral, numeral.lower()}) and _ROMAN.fullmatch(numeral):
        digits = [_ROMAN_DIGITS[letter] for letter in numeral]
        signs = [-1 if digit < after else 1 for digit, after in zip(digits, [*digits[1:], 0], strict=True)]
        yield Scalar(number(sum(map(operator.mul, digits, signs))), guessed=ROMAN)


def _part_of_unit(match: re.Match[str]) -> Iterator[Quantity]:
    """Half an hour, a quarter of an hour, an hour and a half."""
    unit = UNITS.get(match["whole"] or match["of"] or match["half"])
    part = _PARTS_IN_WORDS[(match["more"] or match["part"] or "half").lower()]
    if unit is not None:
        yield Quantity(number(part + bool(match["whole"])), unit)


def _lists(spelled: str) -> Iterator[Value]:
    """`1 2 3` as a list; `3,5` as a list and as a number with a decimal comma."""
    if _SPACED_LIST.fullmatch(spelled):
        yield Collection(tuple(Scalar(number(int(piece))) for piece in spelled.split(" ")), "list")
    if _DECIMAL_COMMA.fullmatch(spelled):
        whole, _, decimals = spelled.partition(",")
        if len(decimals) < MAX_CHARS:
            yield Collection((Scalar(number(int(whole))), Scalar(number(int(decimals)))), "list")
            yield Scalar(number(Fraction(f"{whole}.{decimals}"), len(decimals)), guessed=DECIMAL_COMMA)


# --- times of day


def _clock(match: re.Match[str]) -> Iterator[Value]:
    half = (match["half"] or match["mark"] or _half_of(match["han"])).lower()
    hours, minutes = int(match["hours"] or match["whole"]), int(match["minutes"] or 0)
    yield from _time(hours, minutes, {"noon": "pm", "o'clock": ""}.get(half, half))


def _half_of(word: str | None) -> str:
    return "" if word is None else "pm" if word in {"下午", "晚上"} else "am"


def _time(hours: int, minutes: int, half: str) -> Iterator[Clock]:
    """A time of day; without a half named, hours up to twelve may be of either."""
    if (hours, minutes) == (2 * HALF_A_DAY, 0):
        hours = 0
    if hours >= 2 * HALF_A_DAY or minutes > 59 or (half and not 0 < hours <= HALF_A_DAY):
        return
    if half:
        hours = hours % HALF_A_DAY + (HALF_A_DAY if half == "pm" else 0)
    yield Clock(hours * 60 + minutes, not half and 0 < hours <= HALF_A_DAY)


def _past(match: re.Match[str]) -> Iterator[Clock]:
    """Half past 8, quarter to four, twenty past 7; `3 to 4` in digits is a ratio unless it says minutes."""
    to = match["turn"].lower() == "to"
    part = match["part"].lower()
    if to and (part == "half" or (part.isdecimal() and not match["said"])):
        return
    minutes = Fraction(30) if part == "half" else Fraction(15) if part.endswith("quarter") else _number(part)
    hour = _number(match["hour"])
    if minutes is not None and hour is not None and 0 < hour <= HALF_A_DAY and minutes < 60:
        yield Clock(int(hour * 60 + (-minutes if to else minutes)) % (24 * 60), open_half=True)


def _han_to(match: re.Match[str]) -> Iterator[Clock]:
    """差5分4点, 四点差一刻."""
    minutes = _minutes(match["m"] or match["m2"])
    hours = _number(match["h"] or match["h2"])
    if hours is not None and minutes is not None and 0 < minutes < 60:
        yield from _time(int(hours - 1) % (2 * HALF_A_DAY), 60 - int(minutes), "")


def _minutes(text: str) -> Fraction | None:
    """Minutes in digits or characters: a quarter and a half are their own."""
    return {"半": Fraction(30), "一刻": Fraction(15), "三刻": Fraction(45)}.get(text) or _number(text)


def _han_clock(match: re.Match[str]) -> Iterator[Value]:
    """下午3点20分, 三点半; 三点五 is a decimal unless something says that it is a time."""
    said = match["half"] or match["mark"] or match["sharp"] or (match["minutes"] or "").endswith(("半", "刻"))
    if not (said or match["hour"].isdecimal()):
        return
    half = _half_of(match["half"])
    hours, minutes = _number(match["hour"]), _minutes(match["minutes"] or "0")
    if hours is not None and minutes is not None:
        yield from _time(int(hours), int(minutes), half)


def _number(text: str) -> Fraction | None:
    return Fraction(text) if text.isdecimal() else number_of(text)


def _date(match: re.Match[str]) -> Iterator[Date]:
    parts = match.groupdict()
    name = parts["m"] or parts["m2"]
    shortened = [month[:3] for month in _MONTHS]
    month = shortened.index(name[:3].lower()) + 1 if name else int(parts["m3"] or parts["m4"])
    year = parts["y"] or parts["y3"] or parts["y4"]
    day = int(parts["d"] or parts["d2"] or parts["d3"] or parts["d4"])
    if 0 < month <= len(_MONTHS) and 0 < day <= 31:
        yield Date(int(year) if year else None, month, day)


def _numeric_date(match: re.Match[str]) -> Iterator[Date]:
    one, other, year = int(match[1]), int(match[3]), int(match[4])
    for month, day in dict.fromkeys([(one, other), (other, one)]):
        if 0 < month <= len(_MONTHS) and 0 < day <= 31:
            doubt = DAY_OR_MONTH if max(one, other) <= len(_MONTHS) and one != other else ""
            yield Date(year, month, day, doubt)


def _short_date(match: re.Match[str]) -> Iterator[Date]:
    """3/5: a fraction, unless the other side is a day of the year."""
    one, other = int(match[1]), int(match[2])
    for month, day in dict.fromkeys([(one, other), (other, one)]):
        if 0 < month <= len(_MONTHS) and 0 < day <= 31:
            yield Date(None, month, day, DAY_OR_MONTH)


# --- spans and amounts


def _with_magnitude(match: re.Match[str]) -> Iterator[Value]:
    """25k is 25,000 or 25 times k; behind a sign of money it is the former."""
    value = number(Fraction(match[2]) * _MAGNITUDE_LETTERS[match[3]])
    yield Quantity(value, UNITS["¤"]) if match[1] else Scalar(value, guessed=MAGNITUDE_LETTER)


def _prefixed(match: re.Match[str]) -> Iterator[Based]:
    """0xFF, 0b101, 0o17: the sign before the digits names their base."""
    kind = match.lastgroup or ""
    yield Based(match[kind].upper().lstrip("0") or "0", _BASE_OF_PREFIX[kind])


def _year(match: re.Match[str]) -> Iterator[Scalar]:
    """1997 AD, 公元前221年: years before the era count backwards."""
    year = int(match["year"] or match["said"])
    yield Scalar(number(-year if (match["era"] or match["behind"]) in {"BC", "BCE", "公元前"} else year))


def _price_with_comma(match: re.Match[str]) -> Iterator[Quantity]:
    """€3,50: a sign of money makes the comma a decimal one, perhaps."""
    if sign := match["before"] or match["behind"]:
        value = number(Fraction(f"{match['whole']}.{match['cents']}"), 2)
        yield Quantity(value, UNITS[sign], guessed=DECIMAL_COMMA)


def _range(match: re.Match[str]) -> Iterator[Range]:
    yield Range(tuple(Fraction(group) for group in match.groups() if group))


def _span(match: re.Match[str]) -> Iterator[Value]:
    """`between 3 and 4`, `10和11之间`: a span; `3 to 4` may be a ratio too, `3比4` is one."""
    ends = tuple(Fraction(end) for end in (match["a"], match["b"], match["c"]) if end)
    between = match[0].startswith("between") or match["behind"] is not None
    if match["joint"] in {"and", "和", "与"} and not between:
        return
    if ("to" in match["joint"] and not match[0].startswith(("from", "between"))) or match["joint"] == "比":
        yield Ratio(tuple(number(end) for end in ends))
    if len(ends) == 2 and match["joint"] != "比":
        yield Range(ends)


def _duration(match: re.Match[str]) -> Iterator[Quantity]:
    amounts = [
        (int(group), UNITS[name]) for group, name in zip(match.groups(), ("h", "min", "s"), strict=True) if group
    ]
    if len(amounts) > 1:
        unit = amounts[0][1]
        total = sum((count * other.factor / unit.factor for count, other in amounts), Fraction(0))
        yield Quantity(number(total), unit)


def _feet(match: re.Match[str]) -> Iterator[Quantity]:
    yield Quantity(number(Fraction(match[1]) + Fraction(match[2]) / 12), UNITS["ft"])


def _decorated(match: re.Match[str]) -> Iterator[Value]:
    """5_n is a number in a base or a name, and 5' an amount in feet (5'' in inches): neither is the number itself."""
    if match[1]:
        yield Quantity(number(Fraction(match[0].rstrip("'"))), PRIME if match[1] == "'" else UNITS["in"])
    else:
        yield Scalar(Node("sym", (), match[0]))


def _choose(match: re.Match[str]) -> Iterator[Scalar]:
    """5C2, ^5C_2: how many ways to choose, or with P to arrange."""
    if int(match[1]) >= int(match[3]):
        yield Scalar(Node("binom" if match[2] == "C" else "perm", (number(int(match[1])), number(int(match[3])))))


def _each(match: re.Match[str]) -> Iterator[Quantity]:
    """每小时60千米: an amount of one unit for each of another."""
    per, unit = UNITS.get(match[1]), UNITS.get(match[3])
    if per is not None and unit is not None:
        yield Quantity(number(Fraction(match[2])), unit.times(per, -1))


def _point(match: re.Match[str]) -> Iterator[Named]:
    """A(1,2): a point with its name."""
    parts = tuple(Scalar(number(Fraction(piece.strip()))) for piece in match[2].split(","))
    yield Named(Node("sym", (), match[1]), Collection(parts, "tuple"))


def _half_more(match: re.Match[str]) -> Iterator[Value]:
    """两个半小时: a whole number and a half of what stands around it."""
    whole = _number(match["whole"])
    name = (match["unit"] or match["behind"] or "").removeprefix("个")
    if whole is None:
        return
    value = number(whole + Fraction(1, 2))
    if not name:
        yield Scalar(value)
    elif (unit := UNITS.get(name)) is not None or not CHANGING_HAN.search(name):
        yield Quantity(value, unit or Unit(name))


def _share(match: re.Match[str]) -> Iterator[Scalar]:
    if int(match[2]):
        yield Scalar(number(Fraction(int(match[1]), int(match[2]))))


def _remainder(match: re.Match[str]) -> Iterator[Collection]:
    rest = Named(Node("words", (), "remainder"), Scalar(number(int(match[2]))))
    yield Collection((Scalar(number(int(match[1]))), rest), "tuple")


def _based(match: re.Match[str]) -> Iterator[Based]:
    """1A_{16}: digits above nine, which the grammar would read as a name."""
    digits, base = match[1].upper(), int(match[2])
    if not digits.isdigit() and base <= 36 and all(int(digit, 36) < base for digit in digits):
        yield Based(digits.lstrip("0"), base, guessed=INDEX if len(digits) == 1 else "")


def _said_twice(match: re.Match[str]) -> Iterator[Scalar]:
    """A number in words and again in figures, where both are the same."""
    value = fraction_of_words(match[1].lower())
    if value is not None and value == int(match[2].replace(",", "")):
        yield Scalar(number(value))


def _base_in_brackets(match: re.Match[str]) -> Iterator[Based]:
    """1010(2): ten in base two, or a product."""
    if int(match[2]) <= 10 and all(int(digit) < int(match[2]) for digit in match[1]):
        yield Based(match[1], int(match[2]), guessed=INDEX)


_IN_CHARACTERS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Iterator[Value]]], ...] = (
    (_HAN_CLOCK, _han_clock),
    (_HAN_TO, _han_to),
    (_HALF_MORE, _half_more),
)
_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Iterator[Value]]], ...] = (
    (_CLOCK, _clock),
    (_PAST, _past),
    (_DATE, _date),
    (_NUMERIC_DATE, _numeric_date),
    (_SHORT_DATE, _short_date),
    (_MAGNITUDE_LETTER, _with_magnitude),
    (_PREFIXED, _prefixed),
    (_YEAR, _year),
    (_PRICE_WITH_COMMA, _price_with_comma),
    (_RANGE, _range),
    (_SPAN, _span),
    (_DURATION, _duration),
    (_FEET, _feet),
    (_BASED, _based),
    (_BASE_IN_BRACKETS, _base_in_brackets),
    (_DECORATED, _decorated),
    (_CHOOSE, _choose),
    (_EACH, _each),
    (_POINT, _point),
    (_SHARE, _share),
    (_SAID_TWICE, _said_twice),
    (_REMAINDER, _remainder),
    *_IN_CHARACTERS,
)
