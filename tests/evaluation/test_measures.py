"""Which replies count and for what, and the figures that come of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from building import make_problem, make_score, make_trace, write_run

from overproof.errors import RunFolderError
from overproof.estimators import Estimate
from overproof.evaluation.measures import Evaluation, Measures, count_uncounted, measure, show_estimate
from overproof.evaluation.outcomes import ProblemOutcome, read_outcomes
from overproof.records import PreparedProblem, Score, Trace, Usage
from overproof.runfolder import Manifest, RunFolder

Reply = tuple[dict[str, Any], dict[str, Any]]
"""Fields of a trace, and arguments of its score."""


def write_answers(root: Path, answers: Sequence[tuple[PreparedProblem, Sequence[Reply]]]) -> RunFolder:
    """A scored run in which each problem has these replies."""
    traces: list[Trace] = []
    scores: list[Score] = []
    for problem, replies in answers:
        for index, (fields, judged) in enumerate(replies):
            traces.append(make_trace(problem, index, **fields))
            scores.append(make_score(traces[-1], **judged))
    folder = write_run(root, [problem for problem, _ in answers], traces, scores)
    folder.write_manifest(Manifest({}, 1, {}, {}))
    return folder


def outcomes_of(root: Path, *replies: Reply, **problem: Any) -> list[ProblemOutcome]:
    return list(read_outcomes(write_answers(root, [(make_problem(**problem), replies)]), approximate="correct"))


RIGHT: Reply = ({}, {})
WRONG: Reply = ({}, {"verdict": "incorrect", "extracted": "5"})


@pytest.mark.parametrize(
    ("reply", "passed"),
    [
        (RIGHT, True),
        (WRONG, False),
        (({}, {"verdict": "approximate"}), True),
        (({"finish_reason": "length"}, {}), False),
        (({"finish_reason": None}, {}), False),
        (({}, {"verdict": "incorrect", "extracted": None}), False),
        (({}, {"think_format": 0.0}), True),
        (({}, {"verdict": "unverifiable"}), False),
        (({"error": "content_filter", "content": ""}, {"verdict": None}), None),
    ],
    ids=["right", "wrong", "rounded", "cut", "unfinished", "answerless", "malformed", "undecided", "refused"],
)
def test_only_what_says_nothing_of_the_model_leaves_the_denominator(
    tmp_path: Path, reply: Reply, *, passed: bool | None
) -> None:
    (outcome,) = outcomes_of(tmp_path, reply)
    assert [sample.passed for sample in outcome.samples] == ([] if passed is None else [passed])
    assert sum(outcome.uncounted.values()) == (passed is None)


def test_rounded_answers_fail_where_the_policy_says_so(tmp_path: Path) -> None:
    folder = write_answers(tmp_path, [(make_problem(), [({}, {"verdict": "approximate"})])])
    (outcome,) = read_outcomes(folder, approximate="incorrect")
    assert [sample.passed for sample in outcome.samples] == [False]


@pytest.mark.parametrize(
    ("problem", "why"),
    [({"reference": None}, "no_reference"), ({"reference_issue": "no closing brace"}, "unverifiable_reference")],
)
def test_a_problem_that_nothing_can_be_graded_against_is_in_no_figure(
    tmp_path: Path, problem: dict[str, Any], why: str
) -> None:
    outcomes = outcomes_of(tmp_path, RIGHT, ({"finish_reason": "length"}, {}), **problem)
    assert count_uncounted(outcomes) == {why: 2}
    assert measure(outcomes, [1])["all"].pass_at[1].value is None


def test_samples_beyond_those_that_are_asked_for_are_not_looked_at(tmp_path: Path) -> None:
    folder = write_answers(tmp_path, [(make_problem(), [RIGHT, WRONG, WRONG])])
    (outcome,) = read_outcomes(folder, approximate="correct", most=1)
    assert [sample.passed for sample in outcome.samples] == [True]


def test_a_run_without_scores_says_which_command_makes_them(tmp_path: Path) -> None:
    folder = write_answers(tmp_path, [(make_problem(), [RIGHT])])
    folder.scores(0).unlink()
    with pytest.raises(RunFolderError, match="is not scored"):
        list(read_outcomes(folder, approximate="correct"))
    with pytest.raises(RunFolderError, match="holds no run"):
        list(read_outcomes(RunFolder(tmp_path / "nothing"), approximate="correct"))


def figures(root: Path, answers: Sequence[Sequence[Reply]], ks: Sequence[int] = (1, 2, 4)) -> Measures:
    problems = [(make_problem(f"p{number}"), replies) for number, replies in enumerate(answers)]
    return measure(list(read_outcomes(write_answers(root, problems), approximate="correct")), ks)["all"]


def test_pass_at_1_is_the_mean_over_problems_and_samples_and_pass_at_k_the_unbiased_one(tmp_path: Path) -> None:
    made = figures(tmp_path, [[RIGHT] * 4, [RIGHT, WRONG, WRONG, WRONG], [WRONG] * 4])
    assert made.pass_at[1].value == pytest.approx((1 + 0.25 + 0) / 3)
    assert made.pass_at[2].value == pytest.approx((1 + 0.5 + 0) / 3)
    assert made.pass_at[4].value == pytest.approx(2 / 3)
    assert (made.pass_at[1].problems, made.pass_at[1].samples) == (3, 12)


def test_the_majority_is_by_equal_answers_and_not_by_equal_texts(tmp_path: Path) -> None:
    def says(answer: str, verdict: str) -> Reply:
        return {}, {"verdict": verdict, "extracted": answer}

    votes = [says("1/2", "correct"), says("0.5", "correct"), says(r"\frac{2}{4}", "correct")]
    made = figures(tmp_path, [[*votes, says("3", "incorrect"), says("3", "incorrect")]], ks=[5])
    assert made.majority_at[5].value == 1


def test_a_cut_reply_has_no_vote(tmp_path: Path) -> None:
    cut: Reply = ({"finish_reason": "length"}, {"verdict": "incorrect", "extracted": "5"})
    made = figures(tmp_path, [[RIGHT, cut, cut]], ks=[3])
    assert made.majority_at[3].value == 1


def test_with_fewer_than_k_samples_there_is_a_reason_and_no_number(tmp_path: Path) -> None:
    made = figures(tmp_path, [[RIGHT] * 2, [WRONG] * 2])
    for estimates in (made.pass_at, made.majority_at):
        assert estimates[4].value is None
        assert show_estimate(estimates[4]) == "– (needs 4 samples of a problem; there are 2)"
    assert made.pass_at[2].value == pytest.approx(0.5)


def test_problems_that_lack_samples_leave_only_the_larger_k(tmp_path: Path) -> None:
    made = figures(tmp_path, [[RIGHT] * 4, [WRONG] * 2])
    assert (made.pass_at[2].problems, made.pass_at[4].problems) == (2, 1)


def test_breaks_and_lengths_are_shares_of_the_replies_where_they_could_be_told(tmp_path: Path) -> None:
    broken: Reply = ({"finish_reason": "length", "usage": Usage(completion_tokens=90)}, {"think_format": 0.0})
    foreign: Reply = ({"usage": Usage()}, {"language_consistency": 0.5})
    untold: Reply = ({}, {"language_consistency": None})
    made = figures(tmp_path, [[RIGHT, broken], [foreign, untold]])
    assert made.format_breaks.value == pytest.approx(0.25)
    assert made.truncations.value == pytest.approx(0.25)
    assert made.language_breaks.value == pytest.approx((0 + 1) / 2)
    assert made.tokens.value == pytest.approx((30 + 90 + 30) / 3)


def test_groups_are_by_source_level_and_language_where_there_are_several(tmp_path: Path) -> None:
    problems = [make_problem(f"p{number}") for number in range(3)]
    made = [
        msgspec.structs.replace(
            one,
            language="zh" if number else "en",
            problem=msgspec.structs.replace(one.problem, metadata={"level": str(number)}),
        )
        for number, one in enumerate(problems)
    ]
    folder = write_answers(tmp_path, [(made[0], [RIGHT]), (made[1], [WRONG]), (made[2], [RIGHT])])
    groups = measure(list(read_outcomes(folder, approximate="correct")), [1])
    assert list(groups) == ["all", "level:0", "level:1", "level:2", "language:en", "language:zh"]
    assert groups["language:zh"].pass_at[1].value == pytest.approx(0.5)


def test_the_lines_for_a_terminal_name_what_is_in_no_figure(tmp_path: Path) -> None:
    problems = [(make_problem(f"p{number}"), replies) for number, replies in enumerate([[RIGHT] * 4, [WRONG] * 2])]
    outcomes = list(read_outcomes(write_answers(tmp_path, problems), approximate="correct"))
    groups = measure(outcomes, [1, 4], are_all_there=False)
    evaluation = Evaluation("student", "tiny", {}, 2, 4, {"given_up": 3, "refused": 0}, 5, groups)
    lines = evaluation.lines()
    assert lines[0] == "student: 4 replies to 2 problems"
    assert lines[1].split() == ["pass@1", "50.0%", "[0.0%,", "100.0%]", "so", "far"]
    assert "so far  on 1 of 2 problems, the others lack replies; 50.0% if those failed" in lines[2]
    assert any("rates lean upwards" in line for line in lines)
    assert lines[-1] == "in no figure: missing 5, given up 3"
    assert show_estimate(Estimate(12.5, None, None, 1, 1), "{:.1f}") == "12.5"


@pytest.mark.parametrize(
    ("content", "broken"),
    [
        ("The answer is 4.", False),
        ("<think>\n\n</think>\n\nThe answer is 4.", False),
        ("<think>\nTwo and two.\n</think>\n\nThe answer is 4.", True),
        ("</think>\n\nThe answer is 4.", True),
        ("", True),
    ],
)
def test_a_reply_that_was_to_have_no_reasoning_breaks_its_form_when_it_has_some(
    tmp_path: Path, content: str, *, broken: bool
) -> None:
    fields = {"content": content, "reasoning": None}
    folder = write_answers(tmp_path, [(make_problem(), [(fields, {"think_format": 0.0})])])
    folder.write_manifest(Manifest({"teacher": {"thinking": False}}, 1, {}, {}))
    ((sample,),) = (outcome.samples for outcome in read_outcomes(folder, approximate="correct"))
    assert sample.is_broken is broken
