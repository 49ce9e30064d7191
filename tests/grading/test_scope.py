"""What a question adds to a comparison."""

import pytest

from overproof.grading.grammar import parse
from overproof.grading.scope import Scope
from overproof.grading.spelling import spell
from overproof.grading.units import unit_named


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("Give the ordered pair.", "ordered"),
        ("Round to two decimal places.", "rounded"),
        ("What percent is left?", "percent"),
        ("What is the remainder?", "residues"),
        ("Find the ratio of the sides.", "ratio"),
        ("Find the vector.", "vectors"),
        ("What is the domain?", "domain"),
    ],
)
def test_a_question_says_what_it_asks_for(question: str, fact: str) -> None:
    assert getattr(Scope(question), fact) is True


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("It has congruent faces. How many?", "residues"),
        ("A ball on the ground rolls around. How far?", "rounded"),
        ("Find the sum of the sides.", "ratio"),
    ],
)
def test_words_that_only_look_alike_say_nothing(question: str, fact: str) -> None:
    assert getattr(Scope(question), fact) is False


def test_square_feet_are_no_feet_and_no_square_inches() -> None:
    scope = Scope("How many square feet is the floor?")
    assert scope.speaks_of(unit_named("ft").times(unit_named("ft")))  # type: ignore[union-attr,arg-type]
    inch = unit_named("in")
    assert inch is not None
    assert not scope.spans(inch.times(inch))


@pytest.mark.parametrize(
    ("question", "unit"), [("How many minutes is it?", "min"), ("需要多少千克？", "千克"), ("How far?", None)]
)
def test_a_bare_number_is_meant_in_the_unit_that_is_asked_for(question: str, unit: str | None) -> None:
    asked = Scope(question).asked_unit
    known = None if unit is None else unit_named(unit)
    assert (asked and (asked.dimension, asked.factor)) == (known and (known.dimension, known.factor))


def test_an_expression_of_the_question_is_asked_for() -> None:
    scope = Scope(r"If $V$ is the volume, compute $V / \pi$.")
    assert scope.asks_for(parse(spell(r"\frac{V}{\pi}")))
    assert not scope.asks_for(parse("2V"))
