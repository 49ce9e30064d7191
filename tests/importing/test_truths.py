"""Columns that say whether a reply is right are told from those that say what would be."""

from __future__ import annotations

from typing import Any

import pytest

from overproof.importing.candidates import find_traits
from overproof.rows.row import SourceRow

ADD = "What is 2 + 2?"
WHETHER = "Is 7 a prime number?"
TWO = ["It is \\boxed{2}."] * 2
UNBOXED = ["It is so."] * 2
SCORES = [0.75, 0.25, 0.1, 0.2, 1.0, 0.0, 0.5, 0.5]


def test_a_verdict_within_another_column_is_one_too() -> None:
    rows = [
        SourceRow(f"x:{n}", {"question": ADD, "response": TWO[0], "reward_model": {"ground_truth": value}})
        for n, value in enumerate([True, False])
    ]
    assert find_traits(rows).verdicts == {"reward_model.ground_truth"}


def judge(name: str, values: list[Any], question: str = ADD, replies: list[str] = TWO) -> str:
    """What a column is taken for: a verdict, a reference, or one to ask the user of."""
    rows = [
        SourceRow(f"x:{n}", {"question": question, "response": replies[n % len(replies)], name: value})
        for n, value in enumerate(values)
    ]
    traits = find_traits(rows)
    return "verdict" if name in traits.verdicts else "asked" if name in traits.doubtful else "reference"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("label", [True, False]),
        ("labels", [[True, False], [False]]),
        ("labels", ["[True, False]"]),
        ("label", [[1, 0], [0, 1]]),
        ("label", [1, -1]),
        ("label", [1, 0, 0, 1, 1, 0, 1, 1]),
        ("label", ["T", "F"]),
        ("label", ["y", "n"]),
        ("label", ["✓", "✗"]),
        ("label", ["Correct.", "Incorrect."]),
        ("label", ["对", "错"]),
        ("label", SCORES),
        ("target", [0, 1] * 4),
        ("answer", [True, False]),
        ("ground_truth", ["True", "False"]),
        ("correct_answer", ["Yes", "Yes"]),
    ],
)
def test_truth_values_and_scores_that_no_reply_ends_in_are_verdicts(name: str, values: list[Any]) -> None:
    assert judge(name, values) == "verdict"


@pytest.mark.parametrize(
    ("name", "values", "question", "replies"),
    [
        ("gold", ["Yes", "No"], WHETHER, UNBOXED),
        ("label", ["yes", "no"], WHETHER, UNBOXED),
        ("label", ["对", "错"], "判断:7是质数。", UNBOXED),
        ("answer", ["×", "√"], "7是质数吗?", UNBOXED),
        ("label", [True, True], WHETHER, ["So \\boxed{\\text{Yes}}."]),
        ("label", [2, 2], ADD, TWO),
        ("label", [1, 1], ADD, ["It is \\boxed{1}."]),
        ("label", ["4"], ADD, TWO),
        ("label", ["B", "A"], ADD, TWO),
        ("answer", ["x", "y"], ADD, ["It is \\boxed{x}."]),
        ("answer", ["t", "n"], ADD, UNBOXED),
        ("answer", [0.5, 0.25], ADD, TWO),
        ("target", [0, 1], ADD, TWO),
    ],
)
def test_what_questions_ask_for_and_replies_end_in_is_a_reference(
    name: str, values: list[Any], question: str, replies: list[str]
) -> None:
    assert judge(name, values, question, replies) == "reference"


@pytest.mark.parametrize(
    ("name", "values", "question", "replies"),
    [
        ("label", [1, 0], ADD, TWO),
        ("label", [0.75, 0.25], ADD, TWO),
        ("label", ["Yes", "No"], WHETHER, ["So \\boxed{Yes}."]),
        ("answer", ["No", "Yes"], ADD, UNBOXED),
    ],
)
def test_of_what_may_be_either_the_user_is_asked(
    name: str, values: list[Any], question: str, replies: list[str]
) -> None:
    assert judge(name, values, question, replies) == "asked"
