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


def test_a_reference_is_typed_with_its_kind_and_its_issue() -> None:
    assert type_reference("15 cm").kind == "quantity"
    assert type_reference(" ").issue == "the reference is empty"
    assert type_reference("Both are right, since the sum is even.").kind == "prose"
