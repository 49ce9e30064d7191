"""Options outside a question: which columns hold them, which answers name one, and which questions list them."""

from __future__ import annotations

from typing import Any

import pytest

from overproof.problems.outside import find_options, is_place, list_options, missing_options, names_option

FOUR = {"A": "1", "B": "2", "C": "3", "D": "4"}
OPTIONS = ["40", "41", "42", "43"]
POINTS = ["(a, -b)", "(-a, b)", "(b, a)", "(-a, -b)"]
ASKED = "What is 6*7?"


@pytest.mark.parametrize(
    ("values", "reference"),
    [
        ({"a": 1, "b": -3, "c": 2}, "2"),
        ({"a": "1", "b": "-3", "c": "2"}, "3"),
        ({"a": 1, "b": -3, "c": 2}, "b"),
        ({"A": 1, "B": -3, "C": 2}, "3"),
        ({"A": 40, "B": 2}, "2"),
        ({"a": "red", "b": "blue"}, "red"),
        ({"a": "red", "b": "blue"}, "a+b"),
        ({"A": "red", "B": "blue"}, "D"),
        ({"options": OPTIONS}, "44"),
        ({"options": None}, "B"),
    ],
)
def test_a_row_whose_answer_names_no_option_lacks_none(values: dict[str, Any], reference: str) -> None:
    assert missing_options(values, ASKED, reference) == ()


@pytest.mark.parametrize(
    "reference",
    ["B", "(b)", "Option B", "option_b", "choice_B", "选项B", "The answer is B", "B. 41", "(B) 41", r"\boxed{B}",
     "A and B", "A、B", "AB", r"$\text{(B)}$"],
)  # fmt: skip
@pytest.mark.parametrize(
    "values",
    [{"options": OPTIONS}, dict(zip("ABCD", OPTIONS, strict=True)), dict(zip("abcd", "xyzu", strict=True)),
     {f"option_{letter}": text for letter, text in zip("abcd", OPTIONS, strict=True)}],
)  # fmt: skip
def test_an_answer_names_options_in_many_words(values: dict[str, Any], reference: str) -> None:
    assert missing_options(values, ASKED, reference) == tuple(values)
    assert names_option(values, tuple(values), reference)


@pytest.mark.parametrize(
    ("values", "reference", "is_named"),
    [
        ({"options": OPTIONS}, "2", False),
        ({"options": OPTIONS}, "option3", False),
        ({"options": OPTIONS}, "42", False),
        ({"option1": "40", "option2": "42"}, "option2", True),
        ({"choices": {"text": ["40", "42"], "label": ["1", "2"]}}, "1", True),
        ({"option_a": "40", "option_b": "42"}, "42", False),
        ({"A": "red", "B": "blue"}, "blue", False),
        ({"A": "40", "B": "", "C": "42", "D": "43"}, "D", True),
        ({"A": "40", "B": float("nan"), "C": "42", "D": None}, "C", True),
    ],
)
def test_an_answer_that_is_or_counts_an_option_asks_for_them_and_names_none(
    values: dict[str, Any], reference: str, *, is_named: bool
) -> None:
    assert missing_options(values, ASKED, reference) == tuple(values) == find_options(values)
    assert names_option(values, tuple(values), reference) == is_named


@pytest.mark.parametrize(
    ("question", "values", "is_listed"),
    [
        ("What is 12+34 mod 5?", FOUR, False),
        ("If x+2y=3 and x<1, which is larger?", {"options": ["y", "x"]}, False),
        ("What is 1+2+3+4? A. 1 B. 2 C. 3 D. 4", FOUR, True),
        ("What?\n(a) 1\n(b) 2\n(c) 3\n(d) 4", FOUR, True),
        (r"What? $\textbf{(A)}\ 1\qquad\textbf{(B)}\ 2\qquad\textbf{(C)}\ 3\qquad\textbf{(D)}\ 4$", FOUR, True),
        ("Which is prime: 1, 2, 3 or 4?", FOUR, False),
        ("哪个?(Ａ)1 (Ｂ)2 (Ｃ)3 (Ｄ)4", FOUR, True),
        ("What? A. 1 B. 2 C. 3", FOUR, False),
        ("Which? (A) two (B) three", {"options": ["A. two", "B. three"]}, True),
        ("Which? (A) two (B) four", {"options": ["A. two", "B. three"]}, False),
        ("哪个?A.红色 B.蓝色", {"options": ["红色", "蓝色"]}, True),
    ],
)  # fmt: skip
def test_an_answer_that_is_a_letter_needs_a_question_that_lists_the_letters(
    question: str, values: dict[str, Any], *, is_listed: bool
) -> None:
    assert (missing_options(values, question, "A") == ()) == is_listed


@pytest.mark.parametrize(
    ("question", "options", "is_listed"),
    [
        ("Which is prime: 1, 2, 3 or 4?", ["1", "2", "3", "4"], True),
        ("Which is prime: 1, 2, 3 or 44?", ["1", "2", "3", "4"], False),
        ("What is 12+34 mod 5?", ["1", "2", "3", "4"], False),
        ("Say if the first holds, a square is a rectangle. And the second, a circle is round.",
         ["a square is a rectangle", "a circle is round"], True),
    ],
)  # fmt: skip
def test_an_answer_that_is_an_option_needs_them_side_by_side(
    question: str, options: list[str], *, is_listed: bool
) -> None:
    assert (missing_options({"options": options}, question, options[0]) == ()) == is_listed


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        (POINTS, [f"{letter}. {point}" for letter, point in zip("ABCD", POINTS, strict=True)]),
        (["(a, b)", "(b, a)"], ["A. (a, b)", "B. (b, a)"]),
        (["a:b", "b:a"], ["A. a:b", "B. b:a"]),
        (["(A) 3", "(B) 4"], ["(A) 3", "(B) 4"]),
        (["a) 3", "b) 4"], ["a) 3", "b) 4"]),
        (["B. 3", "A. 4"], ["A. B. 3", "B. A. 4"]),
        ({"A": "A. 3", "B": "B. 4"}, ["A. 3", "B. 4"]),
        ({"text": ["3", "4"], "label": ["1", "2"]}, ["1. 3", "2. 4"]),
        ({"A": "3", "B": None, "C": "4"}, ["A. 3", "C. 4"]),
    ],
)
def test_options_have_their_own_labels_or_letters_in_their_order(value: Any, lines: list[str]) -> None:
    assert [option.line for option in list_options(value)] == lines


@pytest.mark.parametrize(
    ("values", "appended", "reference", "is_number"),
    [
        ({"choices": OPTIONS}, ("choices",), "2", True),
        ({"choices": OPTIONS}, ("choices",), "option3", True),
        ({"choices": OPTIONS}, ("choices",), "42", False),
        ({"context": "Let it be.", "a": 1, "b": -3, "c": 5}, ("context",), "2", False),
        ({"context": ["Let it be.", "And this."]}, ("context",), "2", False),
        ({"a": 1, "b": -3, "c": 5}, ("a", "b", "c"), "2", False),
        ({"choices": {"text": ["3", "4"], "label": ["1", "2"]}}, ("choices",), "1", False),
    ],
)
def test_an_answer_counts_only_options_that_follow_the_question(
    values: dict[str, Any], appended: tuple[str, ...], reference: str, *, is_number: bool
) -> None:
    assert is_place(values, appended, reference) == is_number
