r"""Amounts against amounts: units, percent, money, times, dates, spans, ratios, digits in a base, words.

>>> from overproof.grading.reading import readings
>>> from overproof.grading.scope import ANYWHERE
>>> compare_quantities(readings("2 km")[0], readings("2000 metres")[0], ANYWHERE).same
True
"""

from __future__ import annotations

from fractions import Fraction

from overproof.grading.evaluate import exact_value, real_value
from overproof.grading.finding import QUESTION, Finding, all_of, different, same, undecided
from overproof.grading.lexicon import DENYING_HAN, DIRECTIONS, phrase_of, place_of, same_words, says_none
from overproof.grading.scalars import compare_scalars
from overproof.grading.scope import ANYWHERE, Scope
from overproof.grading.tree import Node, number
from overproof.grading.units import (
    DEGREE,
    PERCENT,
    PRIME,
    UNITS,
    Dimension,
    Unit,
    called_beside,
    has_unit_of,
    same_noun,
)
from overproof.grading.values import Based, Clock, Date, Quantity, Range, Ratio, Scalar, Value, Words


def compare_quantities(reference: Quantity, answer: Quantity, scope: Scope) -> Finding:
    """Amounts in units of one dimension are compared in the reference's unit; nouns must be the same noun."""
    one, other = reference.unit, answer.unit
    if not directions_agree(one, other, scope):
        both = all(DIRECTIONS & set(f"{unit.name} {unit.note}".lower().split()) for unit in (one, other))
        return different("unit", "another direction") if both else undecided("unit", "a direction on one side only")
    if one.dimension is None or other.dimension is None:
        finding = compare_scalars(reference.node, answer.node, scope)
        if finding.same and not same_noun(one.name, other.name):
            return undecided("unit", f"{other.name} may not be {one.name}")
        return finding
    if one.dimension != other.dimension:
        if (turned := _as_degrees(reference, answer)) is not None:
            return compare_quantities(*turned, scope)
        for unit, value in ((one, answer), (other, reference)):
            if (meant := called_beside(value.unit, unit)) is not None:
                pair = (
                    (reference, Quantity(value.node, meant)) if unit is one else (Quantity(value.node, meant), answer)
                )
                return compare_quantities(*pair, scope)
        return _compare_temperatures(reference, answer, scope) or _other_dimension(reference, answer, scope)
    if one.factor == other.factor:
        return compare_scalars(reference.node, answer.node, scope)
    scale = number(other.factor / one.factor)
    if DEGREE in {one, other}:
        return compare_scalars(in_radians(reference), in_radians(answer), scope)
    finding = compare_scalars(reference.node, Node("mul", (scale, answer.node)), scope, scaled=True)
    if finding.same is False:  # 12 eV are 1.92e-18 J, rounded there
        back = compare_scalars(answer.node, Node("div", (reference.node, scale)), scope, scaled=True)
        return back if back.same else finding
    return finding


def _as_degrees(reference: Quantity, answer: Quantity) -> tuple[Quantity, Quantity] | None:
    """30' beside an angle, where a prime is a sixtieth of a degree and two are one of that; None for other amounts."""
    parts = {PRIME: 60, UNITS["in"]: 3600}
    sides = [reference, answer]
    for place in (0, 1):
        if sides[place].unit in parts and sides[1 - place].unit == DEGREE:
            sides[place] = Quantity(Node("div", (sides[place].node, number(parts[sides[place].unit]))), DEGREE)
            return sides[0], sides[1]
    return None


def directions_agree(one: Unit | None, other: Unit | None, scope: Scope) -> bool:
    """Whether words like north, early and left stand on both sides, or are the question's own."""
    found = [
        set() if unit is None else DIRECTIONS & set(f"{unit.name} {unit.note}".lower().split()) for unit in (one, other)
    ]
    extra = found[0] ^ found[1]
    return not extra or (bool(scope.text) and all(word in scope.text.lower() for word in extra))


def in_radians(value: Quantity) -> Node:
    """The angle in radians, degrees multiplied with π."""
    if value.unit == DEGREE:
        return Node("mul", (value.node, Node("div", (Node("const", (), "pi"), number(180)))))
    return Node("mul", (value.node, number(value.unit.factor)))


# What is added to a temperature of a scale, and what it is then multiplied with, to make kelvins.
_SCALES: dict[Dimension, tuple[Fraction, Fraction]] = {
    (("celsius", 1),): (Fraction(5463, 20), Fraction(1)),
    (("fahrenheit", 1),): (Fraction(45967, 100), Fraction(5, 9)),
    (("temperature", 1),): (Fraction(0), Fraction(1)),
}
HALF_A_DEGREE = 0.5


def _compare_temperatures(reference: Quantity, answer: Quantity, scope: Scope) -> Finding | None:
    """Temperatures of two scales, which measure the same from other zeros; None for anything else.

    A difference of temperatures knows no zero, so that 5 K may be 5 °C; 298 K may be meant for 25 °C.
    """
    one, other = _SCALES.get(reference.unit.dimension or ()), _SCALES.get(answer.unit.dimension or ())
    if one is None or other is None:
        return _without_scale(reference, answer, scope) if DEGREE in {reference.unit, answer.unit} else None
    scale = number(other[1] * answer.unit.factor / one[1] / reference.unit.factor)
    zero = number(other[0] * other[1] / one[1] - one[0])
    scaled = Node("mul", (scale, answer.node))
    turned = Node("add", (scaled, zero))
    as_difference = compare_scalars(reference.node, scaled, scope)
    finding = compare_scalars(reference.node, turned, scope)
    if scope.asks_for_change and (finding.same or as_difference.same):  # and not: to what did it rise?
        return as_difference if as_difference.same else undecided(QUESTION, "a temperature where a change is asked for")
    if finding.same:
        return finding
    gap = real_value(Node("add", (turned, Node("neg", (reference.node,)))))
    if as_difference.same or (gap is not None and abs(gap) < HALF_A_DEGREE):
        return undecided(QUESTION, "a temperature that may be a difference, or rounded")
    return different("unit", f"another temperature: {finding.reason}")


def _without_scale(reference: Quantity, answer: Quantity, scope: Scope) -> Finding | None:
    """Degrees that do not say of which scale, against a temperature; None beside anything else."""
    named = answer.unit if reference.unit == DEGREE else reference.unit
    if (named.dimension or ()) not in _SCALES or named.dimension == (("temperature", 1),):
        return None
    finding = compare_scalars(reference.node, answer.node, scope)
    if finding.same and not scope.speaks_of(named):
        return undecided(QUESTION, f"degrees that may not be {named.name}")
    return finding


def _other_dimension(reference: Quantity, answer: Quantity, scope: Scope) -> Finding:
    """Units of different dimensions differ; a bare `unit` may be any length, and a square unit any area."""
    generic = [any(name == "unit" for name, _ in quantity.unit.dimension or ()) for quantity in (reference, answer)]
    if any(generic) and not all(generic):
        return compare_scalars(reference.node, answer.node, scope)
    if reference.guessed or answer.guessed:
        return undecided("unit", "a letter that may be a unit")
    return different("unit", f"{answer.unit.name} does not measure what {reference.unit.name} measures")


def is_scaled(quantity: Quantity, bare: Scalar) -> bool:
    """Whether a bare number is an amount in another unit of its dimension: 20 is 72 km/h in metres a second."""
    amount, count = exact_value(quantity.node), bare.exact
    if not amount or not count or not quantity.unit.dimension or amount == count:
        return False
    return has_unit_of(quantity.unit.dimension, amount * quantity.unit.factor / count)


def compare_percent(quantity: Quantity, other: Scalar, scope: Scope, plain: Finding, is_reference: bool) -> Finding:
    """A percentage against a number: the share, or the number before the sign where the question asks for percent."""
    share = Node("div", (quantity.node, number(1 / quantity.unit.factor)))
    finding = compare_scalars(
        *((share, other.node) if is_reference else (other.node, share)), scope, percent=is_reference
    )
    count = exact_value(other.node)
    if finding.same and not plain.same and scope.asks_for_percent and count and count.denominator == 1:
        return undecided(QUESTION, "a number that may be in percent")
    if finding.same or (not plain.same):
        return finding
    if is_reference or (scope.percent if quantity.unit == PERCENT else scope.speaks_of(quantity.unit)):
        return plain
    if scope.speaks_of_shares:
        return undecided(QUESTION, "the question may not ask for a percentage")
    return different("unit", "a percentage is not the number before its sign")


def with_unit_added(unit: Unit, scope: Scope, plain: Finding) -> Finding:
    """A unit that the reference leaves out: the one that the question wants, else a doubt.

    Of another kind than the reference is only an amount of what the question says nothing of.
    """
    if unit == PRIME and not scope.speaks_of(unit):
        return different("unit", "a prime behind the number")
    if not scope.text or any(name == "unit" for name, _ in unit.dimension or ()) or scope.wants(unit):
        return plain
    if (asked := scope.asked_unit) is not None:
        return different("kind", f"the question asks for {asked.name}, not for {unit.name}")
    if scope.is_silent_about(unit):
        return different("kind", f"nothing in the question is measured in {unit.name}")
    return undecided(QUESTION, f"the question may not ask for {unit.name}")


def compare_words(reference: Words, answer: Words, scope: Scope) -> Finding:
    """Words against words."""
    if same_words(reference.text, answer.text):
        return same("text", "the same words")
    one, other = phrase_of(reference.text), phrase_of(answer.text)
    if one != other and {one, other} <= {"no", "nosolution", "impossible"}:
        if scope.asks_whether_exists:
            return same("text", "it does not exist")
        none = scope.text and "impossible" not in {one, other}
        return different("text", f"{other} is not {one}") if none else undecided("text", "either may say that none is")
    if one is not None and other is not None:
        return different("text", f"{other} is not {one}")
    if {one, other} & {"yes", "no"}:
        return undecided("text", "yes or no against other words")
    asked, told = _content(reference.text), _content(answer.text)
    wanted, given = set(asked), set(told)
    if asked == told:
        return same("text", "the same words")
    if sorted(asked) == sorted(told):
        return undecided("text", "the same words in another order")
    if reference.text.isascii() != answer.text.isascii():
        return undecided("text", "words of two languages")
    if (
        _holds_the_other(reference.text, answer.text)
        or _are_akin(wanted, given)
        or (says_none(reference.text) and says_none(answer.text))
    ):
        return undecided("text", "words that may be others for the same")
    if wanted and len(wanted) <= 3 and not wanted & given:
        return different("text", "other words")
    if one is None and other is None and len(wanted) == len(given) <= 3 and wanted != given:
        return different("text", "other words")
    return undecided("text", "not the words of the reference")


def _content(text: str) -> list[str]:
    """The words that say something; numbers of a place (second, II) as digits."""
    words = (word for word in text.lower().replace("-", " ").split() if word not in _IDLE_WORDS)
    return [str(place_of(word) or word) for word in words]


_IDLE_WORDS = frozenset({"the", "a", "an", "of", "is", "are", "it"})
STEM = 5
"""Words that begin with as many equal letters are forms of one: divergent, diverges."""


def _holds_the_other(one: str, other: str) -> bool:
    """Whether one Chinese text has the other in it, and nothing beside it that denies: 小明, 小明先到."""
    short, long = sorted((one.replace(" ", ""), other.replace(" ", "")), key=len)
    return not short.isascii() and short in long and DENYING_HAN.search(long.replace(short, "", 1)) is None


def _are_akin(wanted: set[str], given: set[str]) -> bool:
    """Whether a Chinese text holds the other one, or single words are forms of one."""
    wanted, given = wanted - given, given - wanted
    if len(wanted) != 1 or len(given) != 1:
        return False
    one, other = min(wanted), min(given)
    if not one.isascii():
        return one in other or other in one
    return len(one) > STEM < len(other) and one[:STEM] == other[:STEM]


def compare_clocks(reference: Clock, answer: Clock, scope: Scope) -> Finding:
    """Times of day; one that may be of either half of the day equals both, where hours are not counted to 24."""
    gap = abs(reference.minutes - answer.minutes)
    if gap == 720 and 0 in {reference.minutes, answer.minutes}:
        return undecided("clock", "twelve, which may be midnight or noon")
    if gap == 0 or (gap == 720 and not scope.has_whole_days and (reference.open_half or answer.open_half)):
        return same("clock", "the same time of day")
    return different("clock", "another time of day")


def compare_dates(reference: Date, answer: Date, _scope: Scope) -> Finding:
    """Days of the year; the year may be left out."""
    years = {reference.year, answer.year} - {None}
    if (reference.month, reference.day) == (answer.month, answer.day) and len(years) < 2:
        return same("date", "the same day")
    return different("date", "another day")


def compare_ranges(reference: Range, answer: Range, _scope: Scope) -> Finding:
    """Spans by their ends."""
    if reference.ends == answer.ends:
        return same("range", "the same range")
    return different("range", "another range")


def compare_ratios(reference: Ratio, answer: Ratio, scope: Scope) -> Finding:
    """Ratios by cross products; scores term by term."""
    one, other = reference.terms, answer.terms
    if len(one) != len(other):
        return different("ratio", "ratios of different lengths")
    if scope.score:
        return all_of([compare_scalars(a, b, scope) for a, b in zip(one, other, strict=True)], "ratio", "term")
    crossed = [
        compare_scalars(Node("mul", (one[0], b)), Node("mul", (other[0], a)), ANYWHERE)
        for a, b in zip(one[1:], other[1:], strict=True)
    ]
    return all_of(crossed, "ratio", "term")


def compare_based(reference: Based, answer: Based, scope: Scope) -> Finding:
    """Numbers in a base: the same digits in the same base."""
    if (reference.digits, reference.base) == (answer.digits, answer.base):
        return same("number", "the same digits in the same base")
    if int(reference.digits, reference.base) == int(answer.digits, answer.base):
        if 10 in {reference.base, answer.base} and scope.base is None:
            return same("number", "the same number in base ten")
        return undecided("number", "the same number in another base")
    return different("number", "another number")


def based_beside(based: Based, other: Value, scope: Scope, is_reference: bool) -> Finding:
    """Digits in a base against bare digits: the base must be ten's, or the one that the question asks for."""
    if not isinstance(other, Scalar) or (value := other.exact) is None:
        return (
            different("kind", "a number in a base") if not isinstance(other, Scalar) else undecided("number", "a base")
        )
    if scope.base == based.base:
        return same("number", "the same digits") if str(value) == based.digits else different("number", "other digits")
    if int(based.digits, based.base) == value:
        return same("number", "the same number in base ten")
    if str(value) == based.digits and scope.base is None and scope.speaks_of_bases:
        return undecided(QUESTION, "the same digits, in a base that only one side names")
    return different("number", f"{based.digits} in base {based.base} is another number")
