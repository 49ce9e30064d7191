r"""What the question adds to a comparison: its variables, its units, whether it asks for an order or for rounding.

>>> sorted(scope_of("If $x>0$ and $\\sin\\theta = 1$, find $n$.").known)
['\\theta', 'n', 'x']
>>> scope_of("则 a = ____，b = ____。").ordered
True
"""

from __future__ import annotations

import itertools
import re
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Literal

from overproof.grading.asking import (
    asking_sentence,
    asking_text,
    asks_for_count,
    demanded_units,
    is_age,
    may_speak_of,
    units_in,
)
from overproof.grading.evaluate import same_value
from overproof.grading.grammar import parse
from overproof.grading.lexicon import TURN_OF_CHANGE, number_of
from overproof.grading.spelling import spell
from overproof.grading.tree import Node, UnreadableError, symbols
from overproof.grading.units import MONEY, Dimension, Unit
from overproof.grading.values import (
    DAY_OR_MONTH,
    DECIMAL_COMMA,
    GROUPED,
    INDEX,
    LOOSE_WORD,
    MAGNITUDE_LETTER,
    ROMAN,
    STATEMENTS,
)

MAX_QUESTION_CHARS = 20_000
MAX_FORMULAS = 40
MAX_FORMULA_CHARS = 60
"""Longer formulas of a question are not what it asks for the value of."""

_BLANK = re.compile(r"_{2,}|\\_\\_+|\\underline *\{ *(?:\\[a-z]+(?:\{[^{}]*\})? *)*\}|\((?:\s|\\q?quad|　)*\)")
_IN_ORDER = re.compile(
    r"respectively|in (?:that|this|the|what|which|increasing|decreasing|ascending|descending) order|\bin order from|"
    r"\border(?:ed)? from|arrange|"
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
_PLACE_NAMES = {
    "whole number": 0, "integer": 0, "whole": 0, "unit": 0, "degree": 0, "tenth": 1, "hundredth": 2,
    "thousandth": 3, "cent": 2, "个位": 0, "整数": 0, "十分位": 1, "百分位": 2, "千分位": 3,
}  # fmt: skip
_DECIMALS = re.compile(
    rf"(?:nearest |精确到|保留)(?P<place>{'|'.join(_PLACE_NAMES)})(?![a-z])|(?:nearest |精确到) ?(?P<step>0\.0*1)(?!\d)"
    r"|\b(?P<count>\d|one|two|three|four|five|six) decimal|保留(?P<han>[\d一两二三四五六])位小数",
    re.IGNORECASE,
)
_EXACT = re.compile(
    r"\bexact (?:value|answer|form|number|expression|result|solution|length|area|volume|fraction)|\bexactly[.,]? *$"
    r"|(?:answers?|values?|it)(?: must be| should be| is)? exact(?:ly)?\b|simplest (?:radical )?form|common fraction"
    r"|准确值|精确值",
    re.IGNORECASE | re.MULTILINE,
)
_PERCENT = re.compile(r"%|percent|百分", re.IGNORECASE)
_ASKED_PERCENT = re.compile(r"\b(?:as|in) (?:a )?percent|what percent|百分之(?:几|多少)|百分[率比]", re.IGNORECASE)
_DEGREES = re.compile(
    r"°|\\circ|degree|\bangle|\\angle|∠|[内外夹斜锐钝直面线心周向位偏俯仰]角(?!形|三)|角(?:的)?(?:大小|度)"
    r"|(?:多少|几|\d) ?度|度数",
    re.IGNORECASE,
)
_SHARE = re.compile(
    r"%|‰|percent|\brate|\binterest|probab|\bchance|likel|proportion|\bshare|discount|\b(?:in|de)crease[sd]?\b"
    r"|efficien|commission|\btax|[率]|百分|千分|几分|[几打\d一二两三四五六七八九][折成]|比例|折扣|占(?![地用领])",
    re.IGNORECASE,
)
"""What may be said in percent, whether or not the question says so."""
_TURNS = re.compile(
    r"angl|∠|\\angle|°|\\circ|degree|rotat|\bturn|direction|bearing|latitud|longitud|temp|slope|inclin|triang|\\triangle"
    r"|polygon|\barc\b|sector|\btheta|\\theta|[角度转弧温]|三角",
    re.IGNORECASE,
)
"""What may be said in degrees."""
_SCORE = re.compile(r"\bscore\b|比分", re.IGNORECASE)
_RATIO = re.compile(r"\bratio\b|\bodds\b|比(?:是|为|例|值)|之比|的比", re.IGNORECASE)
_MONEY = re.compile(
    r"\b(?:cost|price|pa(?:y|id|ys)|spen[dt]|money|earn|profit|salar|wage|sell|sold|bu(?:y|ys)|bought|charge|worth"
    r"|sav(?:e|ed|ing)|fee|rent|bill|budget|change|tip)|[钱价费元付买卖售利润工资]",
    re.IGNORECASE,
)
_BASE = re.compile(r"\bbase[ -$]*(\w+)|([\d零一二三四五六七八九十]+)进制", re.IGNORECASE)
_BASES = {"binary": 2, "octal": 8, "hexadecimal": 16, "ternary": 3}
_NAMED_BASE = re.compile("|".join(_BASES), re.IGNORECASE)
_INTO_TEN = re.compile(
    r"\b(?:to|into|in|as an?) (?:a )?(?:decimal|denary|base[ -](?:10|ten))\b"
    r"|[为成到]十进制|十进制(?:数|表示)?(?:是|为)",
    re.IGNORECASE,
)
"""The usual base is asked for; of a question that speaks of no other one this says nothing."""
_TERMS = re.compile(
    r"通项|数列|第 ?\$?n\$? ?[项个]|前 ?\$?n\$? ?项|\bsequence|\bprogression|\b(?:general|n(?:-?th)?) term"
    r"|\$?n\$?-?th\b|\bformula for|\b[aS]_\{?n\b",
    re.IGNORECASE,
)
"""What is asked for depends on n: another n is another value."""
_WHOLE_DAY = re.compile(r"\b24[ -]?hours?\b|\bmilitary time|24 ?小?时(?:制|计时)", re.IGNORECASE)
_PI = r"(?:\$?\\pi\$?|π|\bpi\b|圆周率)"
_ABOUT_PI = r"(3(?:\.\d+)?|22/7|355/113|\\[dt]?frac ?\{(?:22\} ?\{7|355\} ?\{113)\})"
_GIVEN_PI = re.compile(
    rf"{_PI} ?(?:取值?为?|按|用|\\approx|≈|=|as|to be|is taken (?:as|to be)) ?\$?{_ABOUT_PI}(?![\d/])"
    rf"|\b(?:use|take|using|taking) \$?{_ABOUT_PI}\$? (?:for|as)(?: the value of)? ?{_PI}",
    re.IGNORECASE,
)
_CHANGE = re.compile(
    r"\b(?:ris|r[oi]se|increas|decreas|drop|fall|fell|chang|differ|warm|cool)|by how (?:much|many)|[升降]|温差|变化"
    r"|相差",
    re.IGNORECASE,
)
_MOST = re.compile(r"\bmost\b|\bmaximum|\b(?:larg|great|high)est|[最至][多大高]", re.IGNORECASE)
_LEAST = re.compile(r"\bleast\b|\bminimum|\b(?:small|few|low)est|[最至][少小低]", re.IGNORECASE)
_INTEGRATES = re.compile(
    r"\bintegra(?:l|te)|antiderivative|primitive|\\int(?![a-z_])(?! ?_)|不定积分|原函数", re.IGNORECASE
)
_DIFFERENTIAL = re.compile(
    r"differential|general solution|\bd\^?2?[a-z]\s?/\s?d[a-z]|\\frac ?\{d|[a-z]''?(?![a-z])|微分方程|通解",
    re.IGNORECASE,
)
_NUMBER_OF = re.compile(r"\bnumber of\b|\bhow many\b|有[几多]|个数", re.IGNORECASE)
_EXISTS = re.compile(r"\bexists?\b|\bis there\b|\bpossible\b|存在|可能吗", re.IGNORECASE)
_DIRECTION = re.compile(r"direction|which way|north|south|east|west|方向|[东南西北]", re.IGNORECASE)
_DOMAIN = re.compile(r"domain|range of|取值范围|定义域|自变量", re.IGNORECASE)
_RESIDUES = re.compile(
    r"remainder|modulo|\bmod\b|\\[pb]?mod|congruen\w+ (?:class|to \$?\d)|余数|同余|\\equiv", re.IGNORECASE
)
_INTEGERS = re.compile(r"\binteger|\bwhole number|\bnatural number|整数|自然数", re.IGNORECASE)
_VARIABLE = re.compile(
    r"(\\(?:alpha|beta|gamma|delta|theta|lambda|mu|omega|phi|psi|rho|sigma|tau|ell))|(?<![A-Za-z\\])([A-Za-z])(?![A-Za-z])"
)
_FORMULA = re.compile(r"\$([^$]*)\$|\\\((.*?)\\\)|\\\[(.*?)\\\]", re.DOTALL)
_VECTORS = re.compile(r"vector|\bpoint|coordinate|ordered pair|向量|坐标|点", re.IGNORECASE)
_ASKED_NAME = re.compile(
    r"(?:\b(?:find|determine|compute|evaluate)(?: the value of)?|\bvalue of|\bwhat is|求) ?(?:\$ ?([A-Za-z]) ?\$"
    r"|([B-HJ-Zb-z])(?![A-Za-z]))(?= ?(?:[.?,;。？，:：]|$|is\b|equals\b|[=是为等_(（]))",
    re.IGNORECASE,
)
"""A single letter whose value is asked for."""
_COMMA_LANGUAGE = re.compile(
    r"[àâäéèêëîïôöùûüßñçãõа-яąęłżśćń¿]|\b(?:quel(?:le)?s?|combien|wie viele?|berechne|cu[aá]nt[oa]s?|quant[oia])\b",
    re.IGNORECASE,
)
_PLACES = re.compile(
    r"(?:\b(?:find|determine|compute|calculate|give|state|what (?:is|are))|求)[^.?。？]{0,80}?"
    r"(?:\b(?!all\b)[a-z]{3,} and (?:the |its |their )?[a-z]{3,}|[\u4e00-\u9fff][和与及][\u4e00-\u9fff])"
    r"|\b(?:first|next|last) (?:\w+ )?terms?\b|[前后]\w{1,2}项|\b(?:sort|arrange|rank|ascending|descending)\b",
    re.IGNORECASE,
)
"""Two things that are asked for, or terms of a sequence, or a list to be put in order."""
_SEVERAL = re.compile(
    r"\bboth (?:possible )?(?:values|roots|solutions|numbers|answers)\b"
    r"|\b(?:find|list|give|what are|determine)(?: the)?(?: two)? (?:roots|solutions|zeros|factors|divisors)\b"
    r"|[两二]个?(?:值|根|解)|_{2,}.+_{2,}",
    re.IGNORECASE,
)
"""Several values are asked for."""
# What in a question says that one of several readings is meant.
_BEARS_OUT = {
    MAGNITUDE_LETTER: _MONEY,
    ROMAN: re.compile(r"quadrant|roman|象限|罗马", re.IGNORECASE),
    LOOSE_WORD: re.compile(r"\bhow (?:many|often)\b", re.IGNORECASE),
    INDEX: re.compile(f"{_BASE.pattern}|{_NAMED_BASE.pattern}", re.IGNORECASE),
}
_NEVER_BORNE_OUT = frozenset({DAY_OR_MONTH, STATEMENTS})
_EXTREMES = re.compile(r"\b(?:max|min|largest|smallest|greatest|least)|最[大小值]", re.IGNORECASE)
"""Which of two numbers is which, their size tells."""
MAX_LABELS = 4
_TUPLE_SPACES = re.compile(r"\\left|\\right|\\[,;:! ]|[~\s]")
_ASKED_TUPLE = re.compile(
    r"(?:pair|triple|tuple|as|find|determine|give|compute|solvefor|求|数对)[$\\(]{0,4}(?=\()",
    re.IGNORECASE,
)
"""Before a tuple of letters, without spaces: the answer is wanted in its order."""
MAX_BEFORE_TUPLE = 20


def _says(
    pattern: re.Pattern[str], where: Literal["text", "ask", "asked"] = "text", *, unasked: bool = False
) -> cached_property[bool]:
    """Whether a pattern is found in the question, its sentence that asks, or what it asks for.

    `unasked` is the answer without a question.
    """

    def search(scope: Scope) -> bool:
        return (unasked and not scope.text) or pattern.search(getattr(scope, where)) is not None

    return cached_property(search)


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
    def ask(self) -> str:
        """The last of its sentences that asks, without those in passing behind it."""
        return asking_sentence(self.text)

    @cached_property
    def asked(self) -> str:
        """Its last two sentences and the last one that asks, which together say what is asked for."""
        return asking_text(self.text, self.ask)

    @cached_property
    def demands_order(self) -> bool:
        """Whether the order of the parts is what it asks for, where other orders are only mentioned."""
        blanks = len(_BLANK.findall(self.text)) > 1
        return self._ordered or blanks or _IN_ORDER.search(self.ask) is not None

    money = _says(_MONEY)
    """Whether it speaks of prices, wages and the like."""

    @cached_property
    def ordered(self) -> bool:
        """Whether the question asks for its parts in order (two blanks, "respectively")."""
        if self._ordered is not None:
            return self._ordered
        return len(_BLANK.findall(self.text)) > 1 or _IN_ORDER.search(self.text) is not None

    rounded = _says(_ROUNDED)
    """Whether the question asks for a rounded or approximate answer."""

    @cached_property
    def decimals(self) -> int | None:
        """To how many decimals it wants the answer rounded, where it says so."""
        match = _DECIMALS.search(self.text)
        if match is None:
            return None
        if (place := match["place"]) is not None:
            return _PLACE_NAMES[place.lower()]
        if (step := match["step"]) is not None:
            return len(step.partition(".")[2])
        value = number_of(match["count"] or match["han"]) if not (match["count"] or match["han"]).isdecimal() else None
        return int(value if value is not None else match["count"] or match["han"])

    exact = _says(_EXACT)
    """Whether it asks for an exact one."""

    percent = _says(_PERCENT, "asked", unasked=True)
    """Whether it speaks of percent; true without a question."""

    asks_for_percent = _says(_ASKED_PERCENT, "ask")
    """Whether the sentence that asks wants a percentage."""

    degrees = _says(_DEGREES, "asked", unasked=True)
    """Whether it speaks of angles; true without a question."""

    score = _says(_SCORE)
    """Whether it asks for a score, which is not a ratio."""

    ratio = _says(_RATIO, "asked")
    """Whether it speaks of ratios."""

    @cached_property
    def base(self) -> int | None:
        """The base it asks a number to be written in."""
        if _INTO_TEN.search(self.ask) is not None:
            return None
        if (named := _NAMED_BASE.search(self.ask)) is not None:
            return _BASES[named[0].lower()]
        match = _BASE.search(self.text)
        word = (match[1] or match[2] or "") if match else ""
        base = Fraction(word) if word.isdecimal() and len(word) < 3 else number_of(word) if word else None
        return None if base is None else int(base)

    @cached_property
    def speaks_of_bases(self) -> bool:
        """Whether it speaks of numbers in bases; true without a question."""
        return not self.text or _BASE.search(self.text) is not None or _NAMED_BASE.search(self.text) is not None

    @cached_property
    def pi(self) -> Fraction | None:
        """The number that it says π is to be taken for."""
        match = None if self.exact else _GIVEN_PI.search(self.text)
        said = "" if match is None else re.sub(r"\\[dt]?frac ?|[{ ]", "", match[1] or match[2])
        return Fraction(said.strip("}").replace("}", "/")) if said else None

    asks_for_terms = _says(_TERMS)
    """Whether it speaks of terms that depend on their number, so that no letter just runs through the whole ones."""

    has_whole_days = _says(_WHOLE_DAY)
    """Whether it counts a day's hours to 24, so that 3:00 is in the night."""

    asks_extreme = _says(_EXTREMES, "asked")
    """Whether it asks for the greatest or the least of something, which is attained somewhere."""

    asks_for_change = _says(_CHANGE, "ask")
    """Whether it asks how far something changed, or two things are apart: not for the place of either."""

    asks_for_most = _says(_MOST, "ask")
    """Whether it asks how many at most."""

    asks_for_least = _says(_LEAST, "ask")
    """Whether it asks how many at least."""

    integrates = _says(_INTEGRATES)
    """Whether it asks for an antiderivative, which has a constant of its own."""

    solves_differentials = _says(_DIFFERENTIAL, unasked=True)
    """Whether it asks for the solutions of a differential equation; it may where nothing is asked."""

    @cached_property
    def turns_of_change(self) -> frozenset[str]:
        """Which turns of a change the sentence that asks speaks of."""
        return frozenset(turn for turn, words in TURN_OF_CHANGE.items() if words.search(self.ask))

    asks_direction = _says(_DIRECTION, "asked")
    """Whether it asks in which direction."""

    asks_whether_exists = _says(_EXISTS, "ask")
    """Whether it asks if something exists, or is possible."""

    domain = _says(_DOMAIN)
    """Whether it asks where a function is defined."""

    residues = _says(_RESIDUES)
    """Whether it speaks of remainders."""

    integers = _says(_INTEGERS)
    """Whether it speaks of whole numbers."""

    asks_for_integers = _says(_INTEGERS, "ask")
    """Whether the sentence that asks speaks of whole numbers."""

    vectors = _says(_VECTORS)
    """Whether it speaks of vectors or points, so that [1, 2] may be one."""

    @cached_property
    def _asked_names(self) -> frozenset[str]:
        """The single letters that it says are to be found."""
        return frozenset(one or other for one, other in _ASKED_NAME.findall(self.text))

    decimal_commas = _says(_COMMA_LANGUAGE)
    """Whether it is in a language that writes decimals with a comma."""

    @cached_property
    def asks_for_places(self) -> bool:
        """Whether the parts of an answer may each have a place: area and perimeter, the next terms, the sorted list."""
        return _PLACES.search(self.ask) is not None and not _EXTREMES.search(self.ask)

    asks_for_several = _says(_SEVERAL, "ask")
    """Whether it asks for several values, so that a comma parts two of them."""

    def bears_out(self, guess: str) -> bool:
        """Whether one of several readings is the one that it means; of unit letters a comparison asks itself."""
        if guess == GROUPED:
            return not self.asks_for_several
        if guess == DECIMAL_COMMA:
            return self.decimal_commas
        if guess in _NEVER_BORNE_OUT:
            return False
        asked = _BEARS_OUT.get(guess)
        return asked is None or asked.search(self.text) is not None

    def order_of(self, labels: list[str]) -> list[int] | None:
        """In which order it names the parts of a tuple: (x, y) for values of y and x; None where it does not."""
        text = _TUPLE_SPACES.sub("", self.text)
        for order in itertools.permutations(range(len(labels))) if len(labels) <= MAX_LABELS else ():
            if f"({','.join(labels[place] for place in order)})" in text:
                return list(order)
        return None

    def asks_only_for(self, name: str) -> bool:
        """Whether a single letter is the one thing whose value it asks for."""
        return self._asked_names == {name}

    def asks_for_another(self, name: str) -> bool:
        """Whether it seems to ask for another thing than a name of its own: for y, not x; for (x,y), not (y,x)."""
        if not name.startswith("("):
            return len(self._asked_names) == 1 and name not in self._asked_names and name in (self.known or ())
        return _asks_for_turned(name, self.text)

    def demands_another(self, name: str) -> bool:
        """Whether the sentence that asks leaves no doubt of that: N and n may be one."""
        if name.startswith("("):
            return _asks_for_turned(name, self.ask)
        asked = {one or other for one, other in _ASKED_NAME.findall(self.ask)}
        return asked == self._asked_names and name.lower() not in {letter.lower() for letter in asked}

    @cached_property
    def demanded(self) -> tuple[Unit, ...]:
        """The units in which its last sentences want the answer: "how many hours", "in square feet", 多少千米."""
        return demanded_units(self.asked)

    @cached_property
    def asked_unit(self) -> Unit | None:
        """The one unit that the sentence that asks wants the answer in, and no other is wanted."""
        units = demanded_units(self.ask)
        return units[0] if len(units) == len(self.demanded) == 1 else None

    @cached_property
    def counts(self) -> bool:
        """Whether what it asks last is how many things there are, so that no unit belongs to the answer."""
        return not self.demanded and asks_for_count(self.asked)

    @cached_property
    def may_count(self) -> bool:
        """Whether it asks for a number of things, so that none of them is zero."""
        return self.counts or _NUMBER_OF.search(self.asked) is not None

    def wants(self, unit: Unit) -> bool:
        """Whether a unit that the reference leaves out is the question's own, or follows from those it speaks of."""
        names = {name for name, _ in unit.dimension or ()}
        priced = any(name in MONEY for other in self.demanded for name, _ in other.dimension or ())
        if unit.name == "¤" and not priced:
            return True  # a dollar sign may be left over from a formula's
        if self.demanded:
            return any(other.dimension == unit.dimension and other.factor == unit.factor for other in self.demanded)
        if self.counts:
            return False
        in_money = bool(names & {"dollar", "yuan"}) and unit.factor == 1 and self.money
        if self.speaks_of(unit) or in_money or is_age(unit, self.asked):
            return True
        return not self.measures(unit.dimension) and self.spans(unit)

    def is_silent_about(self, unit: Unit) -> bool:
        """Whether nothing in it could be measured in a unit: no unit of those quantities, and no word for them."""
        names = {name for name, _ in unit.dimension or ()}
        if names & self.measured or (names & MONEY and self.money):
            return False
        return not any(may_speak_of(name, self.text) for name in names)

    speaks_of_shares = _says(_SHARE)
    """Whether anything in it may be said in percent."""

    speaks_of_turns = _says(_TURNS)
    """Whether anything in it may be said in degrees."""

    @cached_property
    def without_question(self) -> Scope:
        """What is known of the same comparison without the question: what equals there is at most doubted here."""
        return _Unasked("", ordered=self._ordered)

    @cached_property
    def units(self) -> frozenset[Unit]:
        """The units that the question speaks of."""
        return units_in(self.text)

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
            if tree == node or (symbols(tree) == names and same_value(tree, node)):
                return True
        return False

    def measures(self, dimension: Dimension | None) -> bool:
        """Whether the question speaks of a unit of a dimension."""
        return any(other.dimension == dimension for other in self.units)


class _Unasked(Scope):
    """No question, read strictly: a percentage is its share, an angle its radians."""

    percent = degrees = False  # known beforehand, where a scope looks them up


ANYWHERE = Scope()


@lru_cache(maxsize=2048)
def scope_of(question: str | None) -> Scope:
    """The scope that a question sets."""
    return Scope(question[:MAX_QUESTION_CHARS]) if question else ANYWHERE


def _asks_for_turned(name: str, text: str) -> bool:
    """Whether a text asks for the letters of a tuple in another order, and nowhere has them in this one."""
    text = _TUPLE_SPACES.sub("", text)
    turned = (f"({','.join(order)})" for order in itertools.permutations(name.strip("()").split(",")[:4]))
    return name not in text and any(
        _ASKED_TUPLE.search(text, max(0, place - MAX_BEFORE_TUPLE), place + 1) is not None
        for other in turned
        if (place := text.find(other)) >= 0
    )


def _without_prose(text: str) -> str:
    """The formulas of a question; all of it when it has none. `a` and `I` in prose name no variable."""
    formulas = [next((part for part in match if part), "") for match in _FORMULA.findall(text)]
    if not formulas:
        return re.sub(r"(?<![\w\\])[aAI](?= [a-z])", " ", text)
    return " ".join(formulas)
