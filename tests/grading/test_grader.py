"""The order of the layers: one boundary around them all, and what a dataset says of a reference, obeyed everywhere."""

import pytest

from overproof.grading import Row, _given_up, _settled, grade_many
from overproof.grading.grader import Pending, exact_grade
from overproof.grading.protocol import Answer
from overproof.records import Grade, Verdict

TYPED = Row(r"\boxed{2, 1}", "1, 2", answer_type="ordered_list")


def test_a_fault_while_settling_is_a_verdict_too() -> None:
    broken = Pending(7, "5", "7", None, "a doubt")  # type: ignore[arg-type] # what a fault of ours would look like
    result = _settled(broken, Answer(None, "verifier timeout"))
    assert (result.verdict, result.layer) == (Verdict.UNVERIFIABLE, "fault")


def test_a_type_is_obeyed_in_the_caller_in_workers_and_where_a_worker_gave_up() -> None:
    assert [grade.verdict for grade in grade_many([TYPED])] == [Verdict.INCORRECT]
    assert [grade.verdict for grade in grade_many([TYPED], workers=1)] == [Verdict.INCORRECT]
    assert _given_up(TYPED, Answer(None, "verifier out of memory")).verdict is Verdict.INCORRECT
    assert exact_grade(TYPED.completion, TYPED.reference) != _given_up(TYPED, Answer())


@pytest.mark.parametrize(
    ("answer", "question", "verdict"),
    [
        (r"\boxed{x^2 > 9}", "Solve $x^2 > 9$.", Verdict.UNVERIFIABLE),
        (r"\boxed{x > 3 \text{ or } x < -3}", "Solve $x^2 > 9$.", Verdict.CORRECT),
        (r"\boxed{x^2 > 9}", None, Verdict.CORRECT),
    ],
)
def test_a_question_given_back_unsolved_is_not_accepted(answer: str, question: str | None, verdict: Verdict) -> None:
    result = exact_grade(answer, "x > 3 or x < -3", question)
    assert (result.verdict if isinstance(result, Grade) else Verdict.UNVERIFIABLE) is verdict
