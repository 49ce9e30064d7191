r"""What the question adds to a comparison: its variables, its units, whether it asks for an order or for rounding.

>>> sorted(scope_of("If $x>0$ and $\\sin\\theta = 1$, find $n$.").known)
['\\theta', 'n', 'x']
>>> scope_of("则 a = ____，b = ____。").ordered
True
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from fractions import Fraction
from functools import cached_property, lru_cache

from overproof.grading.evaluate import same_value
from overproof.grading.grammar import parse
from overproof.grading.lexicon import number_of
from overproof.grading.spelling import spell
from overproof.grading.tree import Node, UnreadableError, symbols
from overproof.grading.units import NONE, POWER_WORDS, UNITS, Dimension, Unit, unit_named

MAX_QUESTION_CHARS = 20_000
MAX_FORMULAS = 40
MAX_FORMULA_CHARS = 60
"""Longer formulas of a question are not what it asks for the value of."""

_BLANK = re.compile(r"_{2,}|\\_\\_+|\\underline *\{ *(?:\\[a-z]+(?:\{[^{}]*\})? *)*\}|\((?:\s|\\q?quad|　)*\)")
_IN_ORDER = re.compile(
    r"respectively|in (?:that|this|the|increasing|decreasing|ascending|descending) order|\border(?:ed)? from|arrange|"
    r"分别|依次|ordered (?:pair|triple|tuple)|"
    r"from (?:least|greatest|smallest|largest|youngest|oldest|lowest|highest|lightest|heaviest|shortest|longest|first)|"
    r"顺序|从小到大|从大到小|排列为|what (?:is|are) its \w+ and (?:its |the )?\w+",
    re.IGNORECASE,
)
_ROUNDED = re.compile(
    r"\bapproximat|\bnearest|\bround(?:ed|ing|s)?\b|\bestimat|\bcorrect to|decimal place|significant (?:figure|digit)|"
    r"\babout how|\broughly|sig\.? ?fig|近似|大约|约为|约是|精确到|保留|四舍五入|≈|\\approx",
    re.IGNORECASE,
)
_EXACT = re.compile(r"\bexact(?:ly)?\b|simplest (?:radical )?form|common fraction|准确值", re.IGNORECASE)
_PERCENT = re.compile(r"%|percent|百分", re.IGNORECASE)
_DEGREES = re.compile(
    r"°|\\circ|degree|\bangle|\\angle|∠|[内外夹斜锐钝直面线心周向位偏俯仰]角(?!形|三)|角(?:的)?(?:大小|度)"
    r"|(?:多少|几|\d) ?度|度数",
    re.IGNORECASE,
)
_SCORE = re.compile(r"\bscore\b|比分", re.IGNORECASE)
_RATIO = re.compile(r"\bratio\b|\bodds\b|比(?:是|为|例|值)|之比|的比", re.IGNORECASE)
_MONEY = re.compile(
    r"\b(?:cost|price|pa(?:y|id|ys)|spen[dt]|money|earn|profit|salar|wage|sell|sold|bu(?:y|ys)|bought|charge|worth"
    r"|sav(?:e|ed|ing)|fee|rent|bill|budget|change|tip)|[钱价费元付买卖售利润工资]",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<!\d)[.](?=\s|$)|[?？。！!;；]|\n")
MAX_ASKED_CHARS, MIN_ASKED_CHARS = 400, 12
"""The end of a question that says what is asked: its last two sentences, bare remains of one not counted."""
_BASE = re.compile(r"\bbase[ -$]*(\w+)|([\d零一二三四五六七八九十]+)进制", re.IGNORECASE)
_DOMAIN = re.compile(r"domain|range of|取值范围|定义域|自变量", re.IGNORECASE)
_RESIDUES = re.compile(
    r"remainder|modulo|\bmod\b|\\[pb]?mod|congruen\w+ (?:class|to \$?\d)|余数|同余|\\equiv", re.IGNORECASE
)
_INTEGERS = re.compile(r"\binteger|\bwhole number|\bnatural number|整数|自然数", re.IGNORECASE)
_VARIABLE = re.compile(
    r"(\\(?:alpha|beta|gamma|delta|theta|lambda|mu|omega|phi|psi|rho|sigma|tau|ell))|(?<![A-Za-z\\])([A-Za-z])(?![A-Za-z])"
)
_FORMULA = re.compile(r"\$([^$]*)\$|\\\((.*?)\\\)|\\\[(.*?)\\\]", re.DOTALL)
_WORD = re.compile(r"[A-Za-zµΩ]+|[\u4e00-\u9fff]+|[¤$€£¥%°]")
_POWERED = re.compile(r"\b(square|sq\.?|cubic|cu\.?)[- ]([A-Za-z]+)", re.IGNORECASE)
_QUOTIENT = re.compile(r"(?<![A-Za-z])([A-Za-z]{1,3})\}? ?/ ?(?:\\[a-z]+ ?\{[~ ]?)?([A-Za-z]{1,4})(?![A-Za-z])")
"""km/h, cm/s: both sides may be a single letter."""
_EXPONENT = re.compile(r"(?<![A-Za-z])([A-Za-z]{1,3})[)}]? ?(\^ ?\{? ?[23] ?\}?|[²³])")
_HOW_MANY = re.compile(
    r"\bhow many ([a-z]+)|多少(?:个)?([\u4e00-\u9fff]{1,3})|几(?:个)?([\u4e00-\u9fff]{1,3})", re.IGNORECASE
)
_VECTORS = re.compile(r"vector|\bpoint|coordinate|ordered pair|向量|坐标|点", re.IGNORECASE)
_BARE_DOLLARS = re.compile(r"(?<!\$)\$\d[\d,.]*(?![^$]*\$)")
_RARELY_UNITS = frozenset({"in", "second", "bit", "bar", "mole", "rad", "rev", "pt", "ha", "yard", "henry"})
"""Words of prose that are units only behind a number, a stroke or "per"."""
_BEFORE_UNIT = re.compile(r"(?:\d|[/{]|\bper|\beach|\bevery|\ba) ?(?:\\[a-z]+\{)?[~\- ]?\Z", re.IGNORECASE)
_ASKED_NAME = re.compile(
    r"(?:\b(?:find|determine|compute|evaluate)(?: the value of)?|\bvalue of|\bwhat is|求) ?\$ ?([A-Za-z]) ?\$"
    r"(?= ?(?:[.?,;。？，]|$))",
    re.IGNORECASE,
)
"""A single letter whose value is asked for."""
_IN_POWERS = re.compile(r"\bin (?:square|cubic|sq|cu)\b|\bin \$?(?:\\\w+ ?\{[~ ]?)?[a-z]{1,3}\}? ?[\^²³]")
"""An answer is wanted in square or cubic units."""
_THINGS = re.compile(
    r"\bhow many((?: [a-z-]+){1,4})|(?:多少|几)(?P<han>[\u4e00-\u9fff]{1,4})|\bhow (?!many)[a-z]+|\bwhat\b",
    re.IGNORECASE,
)
_MEASURE_WORDS = frozenset("个只本人名棵支枝条张辆朵颗瓶套件头把组位排层座家间双盆盒袋包箱次种场页盏台架艘粒串束幅")
"""Chinese words between a number and what is counted, none of them a unit."""
_HAN_LETTERS = "|".join(name for name in UNITS if len(name) == 1 and "\u4e00" <= name <= "\u9fff")
_COUNTED = re.compile(f"[\\d几少每一二三四五六七八九十百千万两半个] ?({_HAN_LETTERS})")
"""A Chinese unit of one character, which counts as one only behind a number or a word for one."""
_HAN_UNITS = sorted((name for name in UNITS if "\u4e00" <= name[0] <= "\u9fff"), key=len, reverse=True)


class Scope:
    """What is known about a comparison beside the two answers; each fact is looked up when it is first asked for."""

    def __init__(self, text: str = "", *, ordered: bool | None = None) -> None:
        """`ordered` overrules what the question says of its parts' order."""
        self.text = text
        self._ordered = ordered

    @cached_property
    def known(self) -> frozenset[str] | None:
        """Variables that the question names; None without a question."""
        if not self.text:
            return None
        return frozenset(name or letter for name, letter in _VARIABLE.findall(_without_prose(self.text)))

    @cached_property
    def asked(self) -> str:
        """Its last two sentences, which say what is asked for."""
        parts = [part for part in _SENTENCE.split(self.text) if len(part.strip()) >= MIN_ASKED_CHARS]
        return " ".join(parts[-2:])[-MAX_ASKED_CHARS:] if parts else self.text

    @cached_property
    def money(self) -> bool:
        """Whether it speaks of prices, wages and the like."""
        return _MONEY.search(self.text) is not None

    @cached_property
    def ordered(self) -> bool:
        """Whether the question asks for its parts in order (two blanks, "respectively")."""
        if self._ordered is not None:
            return self._ordered
        return len(_BLANK.findall(self.text)) > 1 or _IN_ORDER.search(self.text) is not None

    @cached_property
    def rounded(self) -> bool:
        """Whether the question asks for a rounded or approximate answer."""
        return _ROUNDED.search(self.text) is not None

    @cached_property
    def exact(self) -> bool:
        """Whether it asks for an exact one."""
        return _EXACT.search(self.text) is not None

    @cached_property
    def percent(self) -> bool:
        """Whether it speaks of percent; true without a question."""
        return not self.text or _PERCENT.search(self.asked) is not None

    @cached_property
    def degrees(self) -> bool:
        """Whether it speaks of angles; true without a question."""
        return not self.text or _DEGREES.search(self.asked) is not None

    @cached_property
    def score(self) -> bool:
        """Whether it asks for a score, which is not a ratio."""
        return _SCORE.search(self.text) is not None

    @cached_property
    def ratio(self) -> bool:
        """Whether it speaks of ratios."""
        return _RATIO.search(self.asked) is not None

    @cached_property
    def base(self) -> int | None:
        """The base it asks a number to be written in."""
        match = _BASE.search(self.text)
        word = (match[1] or match[2] or "") if match else ""
        base = Fraction(word) if word.isdecimal() and len(word) < 3 else number_of(word) if word else None
        return None if base is None else int(base)

    @cached_property
    def domain(self) -> bool:
        """Whether it asks where a function is defined."""
        return _DOMAIN.search(self.text) is not None

    @cached_property
    def residues(self) -> bool:
        """Whether it speaks of remainders."""
        return _RESIDUES.search(self.text) is not None

    @cached_property
    def integers(self) -> bool:
        """Whether it speaks of whole numbers."""
        return _INTEGERS.search(self.text) is not None

    @cached_property
    def vectors(self) -> bool:
        """Whether it speaks of vectors or points, so that [1, 2] may be one."""
        return _VECTORS.search(self.text) is not None

    @cached_property
    def asked_unit(self) -> Unit | None:
        """The unit behind its last "how many", in which a bare number is meant."""
        for match in [*_HOW_MANY.finditer(self.text)][::-1]:
            word = next(group for group in match.groups() if group)
            for length in range(len(word), 0, -1) if not word.isascii() else (len(word),):
                if (unit := unit_named(word[:length])) is not None:
                    return unit
        return None

    @cached_property
    def _asked_names(self) -> frozenset[str]:
        """The single letters that it says are to be found."""
        return frozenset(_ASKED_NAME.findall(self.text))

    def asks_for_another(self, name: str) -> bool:
        """Whether it plainly asks for another thing than a name of its own: for y, not x; for (x,y), not (y,x)."""
        if name.startswith("("):
            text = self.text.replace(" ", "")
            turned = (f"({','.join(order)})" for order in itertools.permutations(name.strip("()").split(",")[:4]))
            return name not in text and any(other in text for other in turned)
        return len(self._asked_names) == 1 and name not in self._asked_names and name in (self.known or ())

    @cached_property
    def counts(self) -> bool:
        """Whether what it asks last is how many things there are, so that no unit belongs to the answer."""
        asked = [*_THINGS.finditer(self.asked)]
        if not asked:
            return False
        if (han := asked[-1]["han"]) is not None:
            return han[0] in _MEASURE_WORDS and not any(han.startswith(name) for name in _HAN_UNITS)
        words = (asked[-1][1] or "").split()
        return bool(words) and not any(unit_named(word) or word.lower() in POWER_WORDS for word in words)

    @cached_property
    def units(self) -> frozenset[Unit]:
        """The units that the question speaks of."""
        return _units_in(self.text)

    @cached_property
    def measured(self) -> frozenset[str]:
        """The base quantities (length, time, …) that the question's units are made of."""
        return frozenset(name for unit in self.units for name, _ in unit.dimension or ())

    def speaks_of(self, unit: Unit) -> bool:
        """Whether the question speaks of this very unit, by any of its names."""
        return any(other.dimension == unit.dimension and other.factor == unit.factor for other in self.units)

    def means_unit(self, unit: Unit) -> bool:
        """Whether a letter is a unit beyond doubt: the question speaks of the unit, and no formula has the letter."""
        formulas = " ".join("".join(groups) for groups in _FORMULA.findall(self.text))
        return bool(self.text) and self.speaks_of(unit) and unit.name not in formulas

    def spans(self, unit: Unit) -> bool:
        """Whether the question's units make up a unit: square feet out of feet, but no square inches."""
        names = unit.dimension or ()
        if not {name for name, _ in names} <= self.measured:
            return False
        if len(names) > 1:
            return True  # of newtons and the like only the quantities are looked at
        ((name, power),) = names
        if power == 1 and _IN_POWERS.search(self.asked):
            return False  # an area is no length, however the length's unit makes up the area's
        pure = [other for other in self.units if other.dimension and {name} == {found for found, _ in other.dimension}]
        return not pure or any(other.factor**power == unit.factor ** (other.dimension or names)[0][1] for other in pure)

    def asks_for(self, node: Node) -> bool:
        """Whether one of its formulas is an expression: V/π, where it asks for the value of V/π."""
        names = symbols(node)
        for match in itertools.islice(_FORMULA.finditer(self.text), MAX_FORMULAS):
            formula = next((part for part in match.groups() if part), "")
            if len(formula) > MAX_FORMULA_CHARS or not any(name in formula for name in names):
                continue
            try:
                tree = parse(spell(formula))
            except UnreadableError:
                continue
            if symbols(tree) == names and same_value(tree, node):
                return True
        return False

    def measures(self, dimension: Dimension | None) -> bool:
        """Whether the question speaks of a unit of a dimension."""
        return any(other.dimension == dimension for other in self.units)


ANYWHERE = Scope()


@lru_cache(maxsize=2048)
def scope_of(question: str | None) -> Scope:
    """The scope that a question sets."""
    return Scope(question[:MAX_QUESTION_CHARS]) if question else ANYWHERE


def _units_in(text: str) -> frozenset[Unit]:
    found: set[Unit] = set()
    for word, power in _EXPONENT.findall(text):
        if (unit := unit_named(word)) is not None:
            found.add(NONE.times(unit, {"²": 2, "³": 3}.get(power[-1]) or int(power.strip("^{} "))))
    text = _EXPONENT.sub(" ", text)
    for over, under in _QUOTIENT.findall(text):
        units = unit_named(over), unit_named(under)
        if units[0] is not None and units[1] is not None:
            found.update((NONE.times(units[0]).times(units[1], -1), units[0], units[1]))
    found.update(_units_in_words(text))
    found.update(UNITS[name] for name in _COUNTED.findall(text))
    for power, word in _POWERED.findall(text):
        if (unit := unit_named(word)) is not None:
            found.add(NONE.times(unit, POWER_WORDS[power.lower().rstrip(".")]))
    if "\\$" in text or _BARE_DOLLARS.search(text):
        found.add(UNITS["dollar"])
    return frozenset(found)


def _units_in_words(text: str) -> Iterator[Unit]:
    for match in _WORD.finditer(text):
        word = match[0]
        if word.lower() in _RARELY_UNITS and not _BEFORE_UNIT.search(text, max(0, match.start() - 12), match.start()):
            continue
        if "\u4e00" <= word[0] <= "\u9fff":
            yield from (UNITS[name] for name in _HAN_UNITS if name in word and len(name) > 1)
        elif word != "$" and (unit := unit_named(word)) is not None and (len(word) > 1 or not word.isalpha()):
            yield unit


def _without_prose(text: str) -> str:
    """The formulas of a question; all of it when it has none. `a` and `I` in prose name no variable."""
    formulas = [next((part for part in match if part), "") for match in _FORMULA.findall(text)]
    if not formulas:
        return re.sub(r"(?<![\w\\])[aAI](?= [a-z])", " ", text)
    return " ".join(formulas)
