"""Suspect references: only where most traces agree with each other and not with the reference."""

import pytest
from building import make_problem, make_score, make_trace

from overproof.hygiene.references import SuspectReference, find_suspect_reference
from overproof.records import Score

PROBLEM = make_problem(reference="5")


def find(*answers: tuple[str, str | None], finish_reason: str = "stop") -> SuspectReference | None:
    """What is found when the traces' verdicts and extracted answers are these."""
    traces = [make_trace(PROBLEM, index, finish_reason=finish_reason) for index in range(len(answers))]
    scores: dict[str, Score] = {
        trace.id: make_score(trace, verdict, extracted)
        for trace, (verdict, extracted) in zip(traces, answers, strict=True)
    }
    return find_suspect_reference(traces, scores)


def test_a_reference_that_all_traces_contradict_with_one_voice_is_suspect() -> None:
    found = find(("incorrect", "1/2"), ("incorrect", "\\frac{1}{2}"), ("incorrect", "0.5"))
    assert found == SuspectReference("p", "5", "1/2", 3, 3)
    found = find(("correct", "5"), *[("incorrect", "4")] * 3, ("unverifiable", "?"))
    assert found == SuspectReference("p", "5", "4", 3, 4)


@pytest.mark.parametrize(
    "answers",
    [
        [("incorrect", "4"), ("incorrect", "4")],
        [("incorrect", "4"), ("incorrect", "4"), ("incorrect", "6")],
        [*[("incorrect", "4")] * 3, *[("incorrect", "6")] * 3],
        [*[("incorrect", "4")] * 3, *[("correct", "5")] * 3],
        [*[("incorrect", "4")] * 3, ("approximate", "5.0001"), ("correct", "5"), ("correct", "5")],
        [("incorrect", "4"), ("incorrect", "4"), ("unverifiable", "4")],
        [("incorrect", None), ("incorrect", None), ("incorrect", None)],
        [],
    ],
)
def test_a_reference_is_not_suspect_where_traces_are_few_or_divided(
    answers: list[tuple[str, str | None]],
) -> None:
    assert find(*answers) is None


def test_traces_that_were_cut_or_gave_no_answer_have_no_say() -> None:
    assert find(*[("incorrect", "4")] * 4, finish_reason="length") is None
    found = find(("incorrect", "4"), ("incorrect", None), ("incorrect", "4"), ("incorrect", "4"))
    assert found is not None
    assert found.agreeing == 3
