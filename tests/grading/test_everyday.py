"""Times, dates, spans and amounts that are whole texts: which values they may be."""

from fractions import Fraction

import pytest

from overproof.grading.everyday import everyday
from overproof.grading.values import Based, Clock, Date, Quantity, Range, Ratio, Scalar, Value


@pytest.mark.parametrize(
    ("text", "minutes", "either"),
    [
        ("9:05", 545, True),
        ("9:05 pm", 1265, False),
        ("21:05", 1265, False),
        ("noon", 720, False),
        ("midnight", 0, False),
        ("quarter to 6", 345, True),
        ("20 past 7", 440, True),
        ("下午4点半", 990, False),
        ("7时45分", 465, True),
    ],
)
def test_a_time_of_day_is_minutes_of_one_half_or_of_either(text: str, minutes: int, *, either: bool) -> None:
    assert Clock(minutes, either) in list(everyday(text))


@pytest.mark.parametrize("text", ["25:00", "9:61", "13:30 pm", "May 32", "2031-13-02"])
def test_what_is_no_time_and_no_date_is_none(text: str) -> None:
    assert not any(isinstance(value, Clock | Date) for value in everyday(text))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2031-04-09", Date(2031, 4, 9)),
        ("9th of April", Date(None, 4, 9)),
        ("2031年4月9日", Date(2031, 4, 9)),
        ("between 6 and 8", Range((Fraction(6), Fraction(8)))),
        ("6到8", Range((Fraction(6), Fraction(8)))),
        ("1F_{16}", Based("1F", 16)),
    ],
)
def test_a_whole_text_has_its_value(text: str, value: Value) -> None:
    assert value in list(everyday(text))


@pytest.mark.parametrize(("text", "worth"), [("2h15min", "9/4"), ("3 min 30 s", "7/2"), ("5 ft 6 in", "11/2")])
def test_amounts_of_several_units_are_one_amount_in_the_first(text: str, worth: str) -> None:
    (value,) = (value for value in everyday(text) if isinstance(value, Quantity))
    assert value.node.value == Fraction(worth)


def test_three_to_four_may_be_a_ratio_or_a_span() -> None:
    assert {type(value) for value in everyday("3 to 4")} == {Ratio, Range}


@pytest.mark.parametrize(("text", "worth"), [("three quarters", "3/4"), ("one and a half", "3/2"), ("fifth", "5")])
def test_parts_in_words_are_numbers(text: str, worth: str) -> None:
    (value,) = everyday(text)
    assert isinstance(value, Scalar)
    assert value.exact == Fraction(worth)
