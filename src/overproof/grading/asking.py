r"""What a question asks for: its sentence that asks, the units it speaks of, and those it wants the answer in.

Only this module reads a question's sentences; `scope` says what follows for a comparison.

>>> [unit.name for unit in demanded_units("How many kilowatt-hours are used?")]
['kilowatt·hours']
>>> asking_sentence("Find $x$. It does not matter how many steps he makes.")
'Find $x$.'
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from overproof.grading.grammar import parse
from overproof.grading.spelling import spell
from overproof.grading.tree import UnreadableError
from overproof.grading.units import NONE, PERMILLE, POWER_WORDS, UNITS, Unit, unit_named

_SENTENCE = re.compile(r"(?<!\d)(?<!\.[A-Z])[.](?=\s|$)|[?？。！!;；]|\n")
_SENTENCE_KEPT = re.compile(r"(?:[^.?？。！!;；\n]|(?<=\d)[.]|[.](?!\s|$)|(?<=\.[A-Z])[.])+[?？.。！!]?")
"""A sentence with the sign at its end."""
MAX_ASK_SCAN = 4_000
MAX_ASKED_CHARS, MIN_ASKED_CHARS = 400, 12
"""The end of a question that says what is asked: its last two sentences, bare remains of one not counted."""
_ASKS = re.compile(
    r"\?|？|\b(?:what|which|find|determine|compute|calculate|evaluate|solve|give|express|state"
    r"|how (?:many|much|far|long|old))\b|^\W*(?:arrange|order|sort|rank|list|write(?! \$)|who|when|where)\b"
    r"|求|多少|几|什么|哪|^\W*[请把将].{0,30}(?:排列|排序)|顺序[是为]|写出|_{2,}|[(（][\s　]*[)）]",
    re.IGNORECASE,
)
"""A sentence that asks, or tells what to do."""
_NOT_ASKED = re.compile(
    r"\b(?:do(?:es)?(?: not|n't) (?:count|matter|ask|need|consider)|regardless|ignor(?:e|ing)|no matter)\b"
    r"|不(?:必|用|需|重要|考虑|计|管)",
    re.IGNORECASE,
)
"""It says what is not asked."""
_WORD = re.compile(r"[A-Za-zµΩ]+|[\u4e00-\u9fff]+|[¤$€£¥%°]")
_POWERED = re.compile(r"\b(square|sq\.?|cubic|cu\.?)[- ]([A-Za-z]+)", re.IGNORECASE)
_QUOTIENT = re.compile(r"(?<![A-Za-z])([A-Za-z]{1,3})\}? ?/ ?(?:\\[a-z]+ ?\{[~ ]?)?([A-Za-z]{1,4})(?![A-Za-z])")
"""km/h, cm/s: both sides may be a single letter."""
_EXPONENT = re.compile(r"(?<![A-Za-z])([A-Za-z]{1,3})[)}]? ?(\^ ?\{? ?[23] ?\}?|[²³])")
_BARE_DOLLARS = re.compile(r"(?<!\$)\$\d[\d,.]*(?![^$]*\$)")
_RARELY_UNITS = frozenset({"in", "second", "bit", "bar", "mole", "rad", "rev", "pt", "ha", "yard", "henry"})
"""Words of prose that are units only behind a number, a stroke or "per"."""
_BEFORE_UNIT = re.compile(r"(?:\d|[/{]|\bper|\beach|\bevery|\ba) ?(?:\\[a-z]+\{)?[~\- ]?\Z", re.IGNORECASE)
_NOUNS_END = (
    r"(?! ?(?:did|do|does|is|are|was|were|will|would|can|could|should|must|has|have|had|if|when|that|which|who|it"
    r"|he|she|they|we|you|to|from|at|with|there|then|while)\b)"
)
_HOW_MANY = re.compile(
    rf"\bhow (?:many|much)(?P<words>(?:{_NOUNS_END} [A-Za-z][A-Za-z.-]*){{0,7}})"
    r"|(?:多少|几)个?(?P<han>[\u4e00-\u9fff]{1,5})",
    re.IGNORECASE,
)
"""What is counted or measured: the words between "how many" and the verb."""
_STATED_IN = re.compile(
    r"\b(?:in|\(|expressed in|units? of)(?: the)?(?: units? of)? ?(?P<words>[$\\A-Za-z°µΩ][^.,;?()\n]{0,40})"
    r"|(?:单位|以|用)(?:[:：是为]|(?=[\u4e00-\u9fffA-Za-z])) ?(?P<han>[\u4e00-\u9fff]{1,5}|[A-Za-zµΩ/^²³·]{1,8})"
    r"|(?:_{2,}|\\_\\_+|[(（][\s　]*[)）])[$ ]{0,2}(?P<behind>[\u4e00-\u9fff]{1,5}|\\?[A-Za-zµΩ][^.,;?()\n，。]{0,24})",
    re.IGNORECASE,
)
"""In which unit an answer is wanted: "in square feet", （单位：千米）, a unit behind the blank."""
MAX_UNIT_WORDS = 4
_MEASURE_WORDS = frozenset("个只本人名棵支枝条张辆朵颗瓶套件头把组位排层座家间双盆盒袋包箱次种场页盏台架艘粒串束幅")
"""Chinese words between a number and what is counted, none of them a unit."""
# Words that speak of a quantity without its unit: an answer in one of its units is no answer of another kind.
_QUANTITIES = {
    name: re.compile(words, re.IGNORECASE)
    for name, words in {
        "length": r"\b(?:far|long|longer|tall|wide|deep|high|close|dist|length|height|width|depth|perimeter|radi|diamet"
        r"|circumfer|side|edge|thick|displace|altitude|walk|run|r[ao]n|travel|dr[io]ve|swim|swam|rope|ribbon|path|road"
        r"|wave|area|surface|volume|capacity|hold|land|field|speed|veloc|fast|rate)"
        r"|[长宽高深厚远近距半直边路容速波]|面积|体积",
        "time": r"\b(?:long|time|old|age[ds]?\b|young|year|month|week|day|hour|minute|seconds|when|clock|dur|period"
        r"|fast|slow|speed|rate|veloc|acceler|freq|late|early|ago|until|takes?\b|took|spen[dt]|work|sleep|slept)"
        r"|[时久岁龄天年月周日]|速|频|多长|分钟|秒",
        "mass": r"\b(?:weigh|mass|heav|light|load|force|energy|dens)|[重轻斤]|质量|力|能|密度",
        "celsius": r"\b(?:temp|hot|cold|warm|cool|heat|melt|boil|freez)|温|[冷热度]",
        "fahrenheit": r"\b(?:temp|hot|cold|warm|cool|heat|melt|boil|freez)|温|[冷热度]",
        "temperature": r"\b(?:temp|hot|cold|warm|cool|heat|melt|boil|freez|gas)|温|[冷热度]",
    }.items()
}
_YEAR = UNITS["year"]
_NEVER_ASKED = frozenset({"in", "a", "at", "as", "min", "bar", "mole", "second", "bit", "yard", "henry"})
"""Words that are seldom the unit of an answer when they stand alone."""
_AGE = re.compile(r"\b(?:how old|ages?\b|years? old|older|younger)|岁|年龄", re.IGNORECASE)
_HAN_LETTERS = "|".join(name for name in UNITS if len(name) == 1 and "\u4e00" <= name <= "\u9fff")
_COUNTED = re.compile(f"[\\d几少每一二三四五六七八九十百千万两半个] ?({_HAN_LETTERS})")
"""A Chinese unit of one character, which counts as one only behind a number or a word for one."""
_HAN_UNIT = re.compile("|".join(
    sorted((name for name in UNITS if "\u4e00" <= name[0] <= "\u9fff" and len(name) > 1), key=len, reverse=True)
))  # fmt: skip


def asking_sentence(text: str) -> str:
    """The last sentence of a text that asks, without those in passing behind it."""
    parts = _SENTENCE_KEPT.findall(text[-MAX_ASK_SCAN:])
    asks = (part for part in reversed(parts) if _ASKS.search(part) and not _NOT_ASKED.search(part))
    return str(next(asks, parts[-1] if parts else "")[-MAX_ASKED_CHARS:].strip())


def asking_text(text: str, ask: str) -> str:
    """The last two sentences of a text and the one that asks, which together say what is asked for."""
    parts = [part for part in _SENTENCE.split(text) if len(part.strip()) >= MIN_ASKED_CHARS]
    last = " . ".join(parts[-2:])[-MAX_ASKED_CHARS:] if parts else text
    return last if ask in last else f"{ask} . {last}"


def demanded_units(asked: str) -> tuple[Unit, ...]:
    """The units in which an answer is wanted: "how many hours", "in square feet", 多少千米, a unit behind the blank."""
    found: dict[Unit, None] = {}
    for pattern in (_HOW_MANY, _STATED_IN):
        for match in pattern.finditer(asked):
            groups = match.groupdict()
            words = groups["han"] or groups["words"] or groups.get("behind") or ""
            han = "\u4e00" <= words[:1] <= "\u9fff"
            unit = _unit_of_han(words) if han else _unit_of_words(words, anywhere=pattern is _HOW_MANY)
            if unit is not None:
                found[unit] = None
    return tuple(found)


def asks_for_count(asked: str) -> bool:
    """Whether what is asked last is how many things there are."""
    found = [*_HOW_MANY.finditer(asked)]
    if not found:
        return False
    if found[-1]["han"] is not None:
        return found[-1][0].removeprefix("多少").removeprefix("几")[0] in _MEASURE_WORDS
    return bool(found[-1]["words"]) and "many" in found[-1][0].lower()


def is_age(unit: Unit, asked: str) -> bool:
    """Whether a unit is the year, and an age is asked for."""
    return unit.dimension == _YEAR.dimension and unit.factor == _YEAR.factor and _AGE.search(asked) is not None


def may_speak_of(quantity: str, text: str) -> bool:
    """Whether a text has a word for a base quantity; of those that have no list of words it always may."""
    return quantity not in _QUANTITIES or _QUANTITIES[quantity].search(text) is not None


def units_in(text: str) -> frozenset[Unit]:
    """The units that a text speaks of."""
    found: set[Unit] = set()
    for word, power in _EXPONENT.findall(text):
        if (unit := unit_named(word)) is not None:
            found.add(NONE.times(unit, {"²": 2, "³": 3}.get(power[-1]) or int(power.strip("^{} "))))
    text = _EXPONENT.sub(" ", text)
    for over, under in _QUOTIENT.findall(text):
        units = unit_named(over), unit_named(under)
        if units[0] is not None and units[1] is not None:
            found.update((NONE.times(units[0]).times(units[1], -1), units[0], units[1]))
    for power, word in _POWERED.findall(text):
        if (unit := unit_named(word)) is not None:
            found.add(NONE.times(unit, POWER_WORDS[power.lower().rstrip(".")]))
    text = _POWERED.sub(" ", text)
    found.update(_units_in_words(text))
    found.update(UNITS[name] for name in _COUNTED.findall(text))
    if "千分" in text or "‰" in text:
        found.add(PERMILLE)
    if "\\$" in text or _BARE_DOLLARS.search(text):
        found.add(UNITS["dollar"])
    return frozenset(found)


def _unit_of_han(text: str) -> Unit | None:
    """The unit that a run of Chinese characters begins with, in its longest name; or letters, as in a bracket."""
    if text.isascii() or text[0] < "\u4e00":
        return _unit_of_words(text, anywhere=False)
    for start in range(min(2, len(text))):
        for end in range(len(text), start, -1):
            if (unit := UNITS.get(text[start:end])) is not None and (start == 0 or text[0] in "个多"):
                return unit
    return None


@lru_cache(maxsize=512)
def _unit_of_words(text: str, *, anywhere: bool) -> Unit | None:
    r"""The unit that words are, with its powers and divisions: `square feet of carpet`, `$\text{km/h}$`, `kWh is used`.

    With `anywhere` it may stand behind other words (`more hours`); else they begin with it.
    """
    words = spell(text).replace("}", "} ").split(" ")
    words = [word for word in words if word]
    for start in range(len(words) if anywhere else min(1, len(words))):
        for end in range(min(len(words), start + MAX_UNIT_WORDS), start, -1):
            if (unit := _whole_unit(" ".join(words[start:end]))) is not None:
                return unit
    return None


def _whole_unit(text: str) -> Unit | None:
    """The unit of known dimension that a text is; None for any other text."""
    bare = text.replace("\\text", "").strip("{}. ")
    if not bare or bare.lower() in _NEVER_ASKED or not (bare[0].isalpha() or bare[0] in "\\°"):
        return None
    try:
        tree = parse(f"1 \\text{{{bare}}}" if "\\" not in bare else f"1 {bare}")
    except UnreadableError:
        return None
    unit = tree.value if tree.op == "quantity" else None
    known = isinstance(unit, Unit) and unit.dimension and not unit.note
    return unit if known else None


def _units_in_words(text: str) -> Iterator[Unit]:
    """The units among the words of a text, each word looked at once."""
    for word in dict.fromkeys(_WORD.findall(text)):
        if "\u4e00" <= word[0] <= "\u9fff":
            yield from (UNITS[name] for name in _HAN_UNIT.findall(word))
            continue
        unit = unit_named(word) if word != "$" and (len(word) > 1 or not word.isalpha()) else None
        if unit is not None and (word.lower() not in _RARELY_UNITS or _stands_as_unit(word, text)):
            yield unit


def _stands_as_unit(word: str, text: str) -> bool:
    """Whether a word of prose stands behind a number, a stroke or "per" anywhere in a text."""
    places = (match.start() for match in _WORD.finditer(text) if match[0] == word)
    return any(_BEFORE_UNIT.search(text, max(0, place - 12), place) for place in places)
