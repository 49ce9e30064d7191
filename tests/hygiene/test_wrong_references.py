"""Suspect references: only where most traces agree with each other and not with the reference."""

import random
from collections import Counter
from collections.abc import Sequence

import pytest
from building import make_problem, make_score, make_trace

from overproof.hygiene.wrong_references import Agreement, SuspectReference, find_candidate
from overproof.records import Grade, Score, Verdict

PROBLEM = make_problem(reference="5")


def find(*answers: tuple[str, str | None], finish_reason: str = "stop") -> SuspectReference | None:
    """What is found when the traces' verdicts and extracted answers are these."""
    traces = [make_trace(PROBLEM, index, finish_reason=finish_reason) for index in range(len(answers))]
    scores: dict[str, Score] = {
        trace.id: make_score(trace, verdict, extracted)
        for trace, (verdict, extracted) in zip(traces, answers, strict=True)
    }
    return find_candidate(traces, scores)


def test_a_reference_that_all_traces_contradict_with_one_voice_is_a_candidate() -> None:
    found = find(("incorrect", "1/2"), ("incorrect", "\\frac{1}{2}"), ("incorrect", "0.5"))
    assert found == SuspectReference("p", "5", "1/2", 3, 3)
    found = find(("correct", "5"), *[("incorrect", "4")] * 3, ("unverifiable", "?"))
    assert found == SuspectReference("p", "5", "4", 3, 4, supporting=1)


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
def test_a_reference_is_no_candidate_where_traces_are_few_or_divided(
    answers: list[tuple[str, str | None]],
) -> None:
    assert find(*answers) is None


def test_traces_that_were_cut_or_gave_no_answer_have_no_say() -> None:
    assert find(*[("incorrect", "4")] * 4, finish_reason="length") is None
    found = find(("incorrect", "4"), ("incorrect", None), ("incorrect", "4"), ("incorrect", "4"))
    assert found is not None
    assert found.agreeing == 3


def answer(skill: float, likely: Sequence[str], right: str, draws: int, chance: random.Random) -> list[str]:
    return [right if chance.random() < skill else chance.choice(likely) for _ in range(draws)]


def judge_made_run(
    draws: int, seed: int, planted: float, likely: Sequence[str] = "abc"
) -> tuple[set[int], set[int], set[int]]:
    """Wrong references of a made run, those that most traces contradict, and those that are called suspect."""
    chance = random.Random(seed)
    agreement = Agreement()
    wrong: set[int] = set()
    candidates: list[SuspectReference] = []
    for number in range(1500):
        reference = chance.choice([*likely, "misprint"]) if chance.random() < planted else "right"
        wrong |= {number} if reference != "right" else set()
        said = answer(chance.uniform(0.2, 1), likely, "right", draws, chance)
        supporting, others = said.count(reference), [one for one in said if one != reference]
        agreement.note(
            [Grade(Verdict.CORRECT if one == reference else Verdict.INCORRECT, one, "test", "made") for one in said]
        )
        top, agreeing = Counter(others).most_common(1)[0] if others else ("", 0)
        if agreeing >= 3 and 2 * agreeing > draws:
            candidates.append(SuspectReference(str(number), reference, top, agreeing, draws, supporting))
    tallies = Counter(one.tally for one in candidates)
    suspect = {int(one.problem_id) for one in agreement.find_suspects(candidates, tallies)}
    assert len(suspect) == agreement.count_suspects(tallies)
    return wrong, {int(one.problem_id) for one in candidates}, suspect


@pytest.mark.parametrize("draws", [8, 16])
def test_most_wrong_references_that_traces_contradict_are_suspect_and_few_right_ones(draws: int) -> None:
    for seed in range(3):
        wrong, candidates, suspect = judge_made_run(draws, seed, planted=0.05)
        assert len(suspect & wrong) >= 0.6 * len(candidates & wrong)
        assert len(suspect - wrong) <= 0.01 * 1500
        assert suspect <= candidates


def test_a_run_whose_references_are_right_has_no_suspects_to_speak_of() -> None:
    assert all(len(judge_made_run(8, seed, planted=0)[2]) <= 4 for seed in range(3))


def test_three_that_agree_by_chance_are_not_suspect_where_wrong_answers_often_agree() -> None:
    _, candidates, suspect = judge_made_run(3, 0, planted=0.02, likely="a")
    assert candidates
    assert not suspect


def test_where_a_run_says_little_one_voice_of_eight_is_suspect_and_one_of_three_is_not() -> None:
    for answered, expected in ((3, 0), (8, 1)):
        agreement = Agreement()
        agreement.note_counts(0, answered)
        one = SuspectReference("p", "5", "4", answered, answered)
        assert len(agreement.find_suspects([one], Counter([one.tally]))) == expected


@pytest.mark.parametrize(
    ("judged", "checked", "expected"),
    [(0, (0, 0), 0), (1, (0, 0), 1), (1, (48, 50), 1), (1, (20, 50), 0), (-1, (48, 50), 0), (1, (3, 50), 0)],
)
def test_a_judge_counts_as_far_as_it_is_right_where_that_is_known(
    judged: int, checked: tuple[int, int], expected: int
) -> None:
    agreement = Agreement()
    for right, wrong, problems in ((4, 0, 20), (2, 2, 20), (1, 3, 10)):
        agreement.note_counts(right, wrong, problems)
    agreement.checked = checked
    one = SuspectReference("p", "5", "4", 4, 4, judged=judged)
    found = agreement.find_suspects([one], Counter([one.tally]))
    assert len(found) == expected == agreement.count_suspects(Counter([one.tally]))
