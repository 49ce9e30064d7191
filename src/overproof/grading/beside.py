"""A number against another, and against an amount with a unit or a ratio, which it may be without saying so.

>>> from overproof.grading.reading import readings
>>> from overproof.grading.scope import scope_of
>>> amount_and_other(readings("5 kg")[0], readings("5")[0], scope_of("How many kilograms is it?"), True).same
True
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from overproof.grading.amounts import (
    compare_percent,
    compare_quantities,
    directions_agree,
    in_radians,
    is_scaled,
    with_unit_added,
)
from overproof.grading.domains import is_domain_name
from overproof.grading.finding import QUESTION, Finding, different, same, undecided
from overproof.grading.matching import unordered
from overproof.grading.scalars import compare_scalars
from overproof.grading.scope import Scope
from overproof.grading.tree import PI, Node, number, symbols, walk
from overproof.grading.units import DEGREE, PERCENT, PRIME, Unit
from overproof.grading.values import (
    Date,
    Interval,
    Matrix,
    Quantity,
    Ratio,
    Residue,
    Scalar,
    Value,
    Words,
    written_out,
)

DOMAIN_MARKS = re.compile(r"\\mathbb|[()]")
"""What stands around the letter of a set of numbers."""
T = TypeVar("T")


def compare_numbers(reference: Scalar, answer: Scalar, scope: Scope) -> Finding:
    """Two numbers or expressions; one with ± is two of them."""
    if is_domain_name(reference.node) and is_domain_name(answer.node):
        letters = {DOMAIN_MARKS.sub("", str(value.node.value)) for value in (reference, answer)}
        if len(letters) == 1:
            return same("text", "the same set of numbers")
    if any(part.op == "plusminus" for value in (reference, answer) for part in walk(value.node)):
        return unordered(list(written_out(reference)), list(written_out(answer)), _compare_nodes(scope))
    return compare_scalars(reference.node, answer.node, scope)


def _compare_nodes(scope: Scope) -> Callable[[Value, Value], Finding]:
    def compare(one: Value, other: Value) -> Finding:
        assert isinstance(one, Scalar)
        assert isinstance(other, Scalar)
        return compare_scalars(one.node, other.node, scope)

    return compare


def amount_and_other(quantity: Quantity, other: Value, scope: Scope, is_reference: bool) -> Finding:
    """An amount against a bare number: the unit may be left out, and may be added where the question speaks of it."""
    if not isinstance(other, Scalar):
        if isinstance(other, Words | Interval | Matrix | Residue | Date):
            return different("kind", "an amount is none of these")
        return undecided("unit", "an amount against something else")
    if quantity.unit == PRIME and is_reference and not scope.speaks_of(PRIME):
        return undecided("unit", "a prime that may be a unit")
    if not directions_agree(quantity.unit, None, scope):
        return undecided("unit", f"a direction that only one side has: {quantity.unit.note or quantity.unit.name}")
    plain = compare_numbers(*_sides(Scalar(quantity.node), other, is_reference), scope)
    if quantity.guessed and not (_is_meant(quantity.unit, scope) and not (plain.same and is_reference)):
        layer = QUESTION if plain.same and _may_be_measured(quantity, scope) else "unit"
        return undecided(layer, quantity.guessed)
    if quantity.unit.dimension == PERCENT.dimension:
        return compare_percent(quantity, other, scope, plain, is_reference)
    if quantity.unit == DEGREE:
        return _angle_and_number(quantity, other, scope, is_reference, plain)
    asked = scope.asked_unit
    if asked is not None and asked.dimension == quantity.unit.dimension and not (plain.same and not is_reference):
        return _in_asked_unit(quantity, other, asked, scope, is_reference, plain)
    if not plain.same and not scope.text and is_scaled(quantity, other):
        return undecided(QUESTION, f"a number that may be in another unit than {quantity.unit.name}")
    if not plain.same or quantity.unit.dimension is None or is_reference:
        return plain
    return with_unit_added(quantity.unit, scope, plain)


def _sides(one: T, other: T, is_reference: bool) -> tuple[T, T]:
    """The reference and the answer, of which the first given is the reference or not."""
    return (one, other) if is_reference else (other, one)


def _is_meant(unit: Unit, scope: Scope) -> bool:
    """Whether the question speaks of a unit, or asks for one of what it measures, and has no such variable."""
    asked = scope.asked_unit
    wanted = asked is not None and asked.dimension == unit.dimension and unit.name not in (scope.known or ())
    return scope.means_unit(unit) or wanted


def _angle_and_number(
    angle: Quantity,
    other: Scalar,
    scope: Scope,
    is_reference: bool,
    plain: Finding,
) -> Finding:
    """Degrees against a bare number, which may be radians; where rounding is asked for, against degrees too."""
    if plain.same and (is_reference or scope.degrees) and PI not in walk(angle.node):
        return plain
    turned = compare_scalars(*_sides(in_radians(angle), other.node, is_reference), scope)
    if not turned.same and scope.rounded:
        degrees = Node("mul", (other.node, Node("div", (number(180), PI))))
        rounded = compare_scalars(*_sides(angle.node, degrees, is_reference), scope)
        turned = rounded if rounded.same else turned
    if turned.same or plain.same is False:
        return turned
    if scope.speaks_of_turns and PI not in walk(angle.node):
        return undecided(QUESTION, "the question may not ask for degrees")
    return different("unit", "degrees that nothing asks for")


def _in_asked_unit(  # noqa: PLR0917 - two sides and what the question asks of them
    quantity: Quantity, other: Scalar, asked: Unit, scope: Scope, is_reference: bool, plain: Finding
) -> Finding:
    """A bare number is in the unit that the question asks for; a reference in another one leaves a doubt."""
    bare = Quantity(other.node, asked)
    finding = compare_quantities(*((quantity, bare) if is_reference else (bare, quantity)), scope)
    if plain.same and not finding.same:
        return undecided(QUESTION, f"the question asks for {asked.name}, the reference is in {quantity.unit.name}")
    return finding


def _may_be_measured(quantity: Quantity, scope: Scope) -> bool:
    """Whether a number with a letter may be an amount: the question has no such variable, and may ask in such units."""
    if quantity.unit.name in (scope.known or ()) or symbols(quantity.node):
        return False
    if not scope.text:
        return True
    return scope.wants(quantity.unit) if scope.demanded else not scope.is_silent_about(quantity.unit)


def ratio_and_other(ratio: Ratio, other: Value, scope: Scope, is_reference: bool) -> Finding:
    """A ratio of two against its quotient; a score is none."""
    if isinstance(other, Scalar) and len(ratio.terms) == 2 and not scope.score:
        value = Scalar(Node("div", ratio.terms))
        finding = compare_numbers(*_sides(value, other, is_reference), scope)
        if not finding.same or is_reference or scope.ratio:
            return finding
    return undecided("ratio", "a ratio against something else")
