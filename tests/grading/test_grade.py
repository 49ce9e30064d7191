"""The public face of grading: what a verdict says, and that it says the same for one row and for many."""

import pytest

from overproof.grading import Row, answer_classes, equivalent, grade, grade_many, type_reference
from overproof.records import Verdict


@pytest.mark.parametrize(
    ("completion", "reference", "verdict", "layer"),
    [
        (r"<think>\boxed{4}</think>So it is $\boxed{\tfrac12}$.", "0.5", Verdict.CORRECT, "number"),
        (r"<think>\boxed{5}</think>The answer is $7$.", "5", Verdict.INCORRECT, "number"),
        (r"<think>so \boxed{5}", "5", Verdict.INCORRECT, "extraction"),
        ("", "5", Verdict.INCORRECT, "extraction"),
        (r"\boxed{5}", None, Verdict.UNVERIFIABLE, "reference"),
        (r"\boxed{\frac{542}{3}}", "180.67", Verdict.APPROXIMATE, "rounding"),
        ("故选 D。", "D", Verdict.CORRECT, "choice"),
        (r"\boxed{Anna}", "Petya will receive the last token.", Verdict.UNVERIFIABLE, "text"),
    ],
)
def test_a_verdict_names_the_layer_that_decided(completion: str, reference: str, verdict: Verdict, layer: str) -> None:
    result = grade(completion, reference)
    assert (result.verdict, result.layer) == (verdict, layer)
    assert result.reason


def test_many_rows_get_the_verdicts_of_single_rows_in_order() -> None:
    rows = [Row(rf"\boxed{{{number % 7}}}", "3") for number in range(600)]
    assert [g.verdict for g in grade_many(rows)] == [grade(row.completion, row.reference).verdict for row in rows]


def test_equivalent_answers_fall_into_one_class_and_no_answer_into_none() -> None:
    assert answer_classes([r"\frac12", "0.5", "2", None, "50\\%", "x=2"]) == [0, 0, 1, None, 0, 1]
    assert equivalent("1, 2", r"\{2,1\}")
    assert not equivalent("(1,2)", "(2,1)")


LONG = ", ".join(map(str, range(400)))


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (LONG, LONG, True),
        (LONG, LONG.replace(",", " , "), True),
        (LONG, f"{LONG}, 7", False),
        (LONG, LONG.replace("399", "398"), False),
        (LONG, "5", False),
        ("1" * 600, "1" * 599 + "2", False),
        ("1" * 600, "1" * 601, False),
    ],
    ids=["the same", "spaced", "longer", "another end", "a short one", "another digit", "another digit more"],
)
def test_long_answers_are_one_class_where_the_whole_of_them_agrees(one: str, other: str, *, together: bool) -> None:
    answers = [grade(rf"\boxed{{{answer}}}", "5").extracted for answer in (one, other)]
    assert all(answer is not None and len(answer) < 600 for answer in answers)
    assert answer_classes(answers) == ([0, 0] if together else [0, 1])
    assert equivalent(*map(str, answers)) is (True if together else None)


def test_a_reference_is_typed_with_its_kind_and_its_issue() -> None:
    assert type_reference("15 cm").kind == "quantity"
    assert type_reference(" ").issue == "the reference is empty"
    assert type_reference("Both are right, since the sum is even.").kind == "prose"
