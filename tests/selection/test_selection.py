"""Selection: every trace gets one decision with one reason, whatever the order in which traces came."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from building import make_config, make_problem, make_score, make_trace, write_run
from msgspec.structs import replace

from overproof.config.endpoint import SamplingConfig
from overproof.config.selection import SelectionConfig
from overproof.errors import ConfigError
from overproof.estimators import Prior
from overproof.records import PreparedProblem, Reward, Score, Trace
from overproof.selection import decide, select_shard
from overproof.selection.scored import ScoredProblem

PROBLEM = make_problem()
SAMPLING = SamplingConfig()


def together(items: Sequence[tuple[Trace, Score | None]]) -> ScoredProblem:
    """The problem of these tests with these traces and their scores."""
    return ScoredProblem(PROBLEM, [trace for trace, _ in items], [score for _, score in items])


def reason_for(
    trace: Trace, score: Score | None, problem: PreparedProblem | None = PROBLEM, **config: Any
) -> tuple[bool, str]:
    (decision,) = decide(ScoredProblem(problem, [trace], [score]), SelectionConfig(**config), SAMPLING)
    return decision.kept, decision.reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"error": "content_filter", "finish_reason": None}, "refused"),
        ({"finish_reason": "length"}, "truncated"),
        ({"finish_reason": None}, "incomplete"),
        ({"finish_reason": "content_filter"}, "incomplete"),
        ({"reasoning": None}, "no_reasoning"),
        ({"reasoning": "  "}, "no_reasoning"),
        ({"answer": ""}, "no_answer"),
        ({"answer": "4 </think> 4", "content": "<think>a</think>b</think>4"}, "stray_think_tag"),
        ({"reasoning": "they want <think> tags"}, "stray_think_tag"),
        ({"answer": "4<|im_end|>"}, "control_token"),
        ({"reasoning": "so <｜end▁of▁sentence｜> ends"}, "control_token"),
        ({"answer": "[/INST] 4"}, "control_token"),
        ({"answer": "four\x00"}, "damaged_text"),
        ({"reasoning": "bytes \ufffd lost"}, "damaged_text"),
    ],
)
def test_a_right_answer_that_cannot_be_a_row_of_chat_is_rejected_with_its_reason(
    changes: dict[str, Any], reason: str
) -> None:
    trace = make_trace(PROBLEM, **changes)
    assert reason_for(trace, make_score(trace)) == (False, reason)
    assert reason_for(trace, make_score(trace), policy="all") == (False, reason)


@pytest.mark.parametrize(
    ("verdict", "correct", "every"),
    [
        ("correct", (True, "correct"), (True, "correct")),
        ("approximate", (True, "correct"), (True, "correct")),
        ("incorrect", (False, "incorrect"), (True, "any_answer")),
        ("unverifiable", (False, "unverifiable"), (True, "unverified")),
        (None, (False, "no_reference"), (True, "unverified")),
    ],
)
def test_the_policy_decides_what_a_verdict_is_worth(
    verdict: str | None, correct: tuple[bool, str], every: tuple[bool, str]
) -> None:
    trace = make_trace(PROBLEM)
    score = make_score(trace, verdict)
    assert reason_for(trace, score) == correct
    assert reason_for(trace, score, policy="all") == every


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (None, "problem_gone"),
        (make_problem(duplicate_of="earlier"), "problem_duplicate"),
        (make_problem(contamination=[{"benchmark": "held", "benchmark_id": "1"}]), "problem_contaminated"),
    ],
)
def test_traces_of_a_problem_that_may_not_be_trained_on_are_rejected(
    problem: PreparedProblem | None, reason: str
) -> None:
    trace = make_trace()
    assert reason_for(trace, make_score(trace), problem) == (False, reason)


def test_a_reward_below_what_is_required_rejects_and_one_that_could_not_be_measured_passes() -> None:
    trace = make_trace(PROBLEM)
    assert reason_for(trace, make_score(trace, language_consistency=0.79)) == (False, "below_language_consistency")
    assert reason_for(trace, make_score(trace, language_consistency=None)) == (True, "correct")
    assert reason_for(trace, make_score(trace, think_format=0.0)) == (False, "below_think_format")


def test_a_trace_without_a_score_is_rejected_as_not_scored() -> None:
    assert reason_for(make_trace(PROBLEM), None) == (False, "not_scored")


@pytest.mark.parametrize(("order", "kept"), [("shortest", [0, 1]), ("longest", [2, 3])])
def test_k_per_problem_keeps_the_first_k_in_the_chosen_order(order: str, kept: list[int]) -> None:
    traces = [make_trace(PROBLEM, index, reasoning="word " * (index + 1)) for index in range(4)]
    scored = [(trace, make_score(trace)) for trace in traces]
    config = SelectionConfig.model_validate({"k_per_problem": 2, "order": order})
    decisions = decide(together(scored), config, SAMPLING)
    assert [index for index, decision in enumerate(decisions) if decision.kept] == kept
    assert {decision.reason for decision in decisions if not decision.kept} == {"over_k"}


def measured(index: int, words: int, spare: int | None, verdict: str = "correct") -> tuple[Trace, Score]:
    """A trace of so many words of reasoning, of which so many characters are not thought."""
    trace = make_trace(PROBLEM, index, reasoning="word " * words)
    score = make_score(trace, verdict)
    reward = (
        Reward(None) if spare is None else Reward(0.5, "beside_thought", {"spare": spare}) if spare else Reward(1.0)
    )
    return trace, replace(score, rewards=score.rewards | {"thought_share": reward})


@pytest.mark.parametrize(
    ("spare", "words", "verdicts", "first"),
    [
        ([30, 20, 10], [1, 2, 3], "ccc", 2),  # the least that is not thought, though the longest
        ([30, 0, 10], [1, 2, 3], "ccc", 1),
        ([10, 10, 10], [3, 2, 4], "ccc", 1),  # then the shortest
        ([10, 10, 10], [3, 3, 3], "ccc", 0),  # then the first
        ([0, 0, 10], [1, 2, 3], "iic", 2),  # a right answer before any other
        ([None, 40, None], [1, 2, 3], "ccc", 1),  # what nobody measured comes last
        ([None, None, None], [3, 1, 2], "ccc", 1),
    ],
)
def test_the_efficient_order_takes_right_answers_with_the_least_that_is_not_thought(
    spare: list[int | None], words: list[int], verdicts: str, first: int
) -> None:
    names = {"c": "correct", "i": "incorrect"}
    made = zip(range(3), words, spare, [names[letter] for letter in verdicts], strict=True)
    scored = [measured(*one) for one in made]
    config = SelectionConfig(policy="all", order="efficient", k_per_problem=1)
    for items in (scored, scored[::-1]):
        kept = [one.trace_id for one in decide(together(items), config, SAMPLING) if one.kept]
        assert kept == [scored[first][0].id]


def test_the_random_order_depends_on_the_seed_and_not_on_the_order_of_arrival() -> None:
    traces = [make_trace(PROBLEM, index) for index in range(12)]
    scored = [(trace, make_score(trace)) for trace in traces]

    def kept(items: list[tuple[Trace, Score]], seed: int) -> set[str]:
        config = SelectionConfig(k_per_problem=3, seed=seed)
        return {decision.trace_id for decision in decide(together(items), config, SAMPLING) if decision.kept}

    assert kept(scored, 0) == kept(scored[::-1], 0)
    assert len({frozenset(kept(scored, seed)) for seed in range(8)}) > 1


def decide_all(config: SelectionConfig, *traces: tuple[Trace, Score | None]) -> list[str]:
    """The reasons of the decisions on one problem's traces."""
    decisions = decide(together(traces), config, SAMPLING)
    return [decision.reason for decision in decisions]


def answering(index: int, answer: str, verdict: str | None, **fields: Any) -> tuple[Trace, Score]:
    """A trace that boxes this answer, with its score."""
    trace = make_trace(PROBLEM, index, answer=f"It is \\boxed{{{answer}}}.", **fields)
    return trace, make_score(trace, verdict, answer)


def test_the_majority_is_kept_where_nothing_can_be_graded_against() -> None:
    config = SelectionConfig(policy="correct_or_majority")
    without = [answering(n, answer, None) for n, answer in enumerate(["0.5", "\\frac12", "3", "1/2"])]
    assert decide_all(config, *without) == ["majority", "majority", "minority", "majority"]
    tied = [answering(n, answer, None) for n, answer in enumerate(["3", "4", "3", "4"])]
    assert decide_all(config, *tied) == ["no_majority"] * 4
    graded = [answering(0, "4", "correct"), answering(1, "3", "incorrect"), answering(2, "3", "incorrect")]
    assert decide_all(config, *graded) == ["correct", "incorrect", "incorrect"]
    unread = [answering(n, answer, "unverifiable") for n, answer in enumerate(["3", "4", "3"])]
    assert decide_all(config, *unread) == ["majority", "minority", "majority"]


def test_a_cut_trace_has_no_say_in_the_majority() -> None:
    config = SelectionConfig(policy="correct_or_majority")
    cut = [answering(n, "9", None, finish_reason="length") for n in range(3)]
    whole = [answering(n, "4", None) for n in range(3, 5)]
    assert decide_all(config, *cut, *whole) == ["truncated"] * 3 + ["majority"] * 2


def test_one_trace_is_kept_of_each_class_of_equivalent_answers() -> None:
    config = SelectionConfig(policy="all", one_per_answer_class=True, order="shortest")
    answers = ["0.5", "\\frac{1}{2}", "3", "1/2", "3.0"]
    traces = [answering(n, answer, "incorrect", reasoning="so " * (9 - n)) for n, answer in enumerate(answers)]
    assert decide_all(config, *traces) == ["same_answer", "same_answer", "same_answer", "any_answer", "any_answer"]


def test_the_diverse_order_takes_what_is_least_alike_first() -> None:
    words = [f"add the two numbers to get four and we are done now{end}" for end in (".", "!", ";")] + [
        "count fingers on both hands then stop at four"
    ]
    traces = [make_trace(PROBLEM, n, reasoning=text) for n, text in enumerate(words)]
    config = SelectionConfig(k_per_problem=2, order="diverse")
    reasons = decide_all(config, *((trace, make_score(trace)) for trace in traces))
    assert reasons[3] == "correct"
    assert reasons.count("over_k") == 2


def test_no_two_traces_of_one_problem_are_kept_that_are_the_same_word_for_word() -> None:
    reasonings = ["so it is four", "it is four", "so it is four", "so it is four and no more"]
    traces = [make_trace(PROBLEM, n, reasoning=text) for n, text in enumerate(reasonings)]
    in_a_field = replace(make_trace(PROBLEM, 4), content="The answer is \\boxed{4}.", reasoning="so it is four")
    scored = [(trace, make_score(trace)) for trace in [*traces, in_a_field]]
    for policy in ("correct", "all", "correct_or_majority"):
        for order in ("random", "shortest", "longest", "diverse", "efficient"):
            reasons = decide_all(SelectionConfig(policy=policy, order=order), *scored)
            assert reasons.count("identical") == 2, (policy, order)
            assert [reasons[1], reasons[3]] == ["correct", "correct"]


def test_near_identical_traces_are_dropped_where_a_selection_asks_for_it() -> None:
    same = "first we add two and two and then we see that it is four which we write down as the answer"
    texts = [same, same.upper(), same.replace("write", "note"), "count fingers on both hands then stop at four"]
    traces = [make_trace(PROBLEM, n, reasoning=text) for n, text in enumerate(texts)]
    scored = [(trace, make_score(trace)) for trace in traces]
    assert decide_all(SelectionConfig(), *scored) == ["correct"] * 4
    assert sorted(decide_all(SelectionConfig(max_similarity=1), *scored)) == ["correct"] * 3 + ["near_identical"]
    assert sorted(decide_all(SelectionConfig(max_similarity=0.5), *scored)) == ["correct"] * 2 + ["near_identical"] * 2


@pytest.mark.parametrize(
    ("right", "band", "reason"),
    [
        (0, {"min_pass_rate": 0.1}, "incorrect"),
        (1, {"min_pass_rate": 0.2}, "too_hard"),
        (8, {"max_pass_rate": 0.9}, "too_easy"),
        (4, {"min_pass_rate": 0.1, "max_pass_rate": 0.9}, "correct"),
    ],
)
def test_problems_outside_the_band_of_pass_rates_are_dropped(right: int, band: dict[str, float], reason: str) -> None:
    traces = [answering(n, "4", "correct" if n < right else "incorrect") for n in range(8)]
    reasons = decide_all(SelectionConfig(**band), *traces)
    assert reasons[0] == reason
    assert reasons[-1] == ("incorrect" if right < 8 else reason)


def test_refusals_and_unverifiable_answers_leave_the_pass_rate_and_cut_replies_count_against_it() -> None:
    passed = [answering(n, "4", "correct") for n in range(2)]
    cut = [answering(n, "4", "correct", finish_reason="length") for n in range(2, 5)]
    refused = [answering(n, "4", "unverifiable", error="content_filter", finish_reason=None) for n in range(5, 8)]
    config = SelectionConfig(min_pass_rate=0.5)
    assert decide_all(config, *passed, *cut, *refused) == ["too_hard"] * 2 + ["truncated"] * 3 + ["refused"] * 3
    assert decide_all(config, *passed, cut[0], *refused)[:2] == ["pass_rate_unknown"] * 2


def test_a_band_weighs_the_draws_of_adaptive_sampling_against_how_hard_the_other_problems_are() -> None:
    sampling = SamplingConfig(probe=2, want_correct=2, max=16)
    config = SelectionConfig(min_pass_rate=0.3)
    drawn = [answering(n, "4", "correct" if n in {1, 4} else "incorrect") for n in range(5)]
    decisions = decide(together(drawn), config, sampling)
    hard, easy = Prior(1, 5), Prior(5, 1)
    decisions = decide(together(drawn), config, sampling, hard)
    assert [decision.reason for decision in decisions if decision.reason != "incorrect"] == ["too_hard"] * 2
    assert [decision.kept for decision in decide(together(drawn), config, sampling, easy)].count(True) == 2
    decisions = decide(together(drawn[1:2] + drawn[4:]), config, sampling, hard)
    assert [decision.kept for decision in decisions] == [True, True]  # 2/2 in the probe


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (
            {"sampling": {"n": 3}, "selection": {"max_pass_rate": 0.9}},
            "selection: a band of pass rates needs at least 4",
        ),
        (
            {"sampling": {"probe": 2, "want_correct": 1, "max": 8}, "selection": {"max_pass_rate": 0.9}},
            "sampling.probe; it is 2",
        ),
        ({"selections": {"hard": {"require": {"think_fromat": 1}}}}, "hard.require: there is no reward"),
        ({"selection": {"min_pass_rate": 0.9, "max_pass_rate": 0.1}}, "'selection': min_pass_rate is above"),
        ({"selection": {"polcy": "all"}}, "unknown key 'selection.polcy'. Did you mean 'policy'?"),
        ({"selections": {"hard": {"polcy": "all"}}}, "unknown key 'selections.hard.polcy'. Did you mean 'policy'?"),
        ({"selections": {"jsonl": {}}}, "neither jsonl nor parquet"),
        ({"selections": {"../up": {}}}, "a selection's name is of a-z"),
    ],
)
def test_a_selection_that_cannot_be_made_is_refused_with_the_config(tables: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_config(**tables)
    assert message in str(caught.value)


def test_named_selections_are_written_beside_the_unnamed_one(tmp_path: Path) -> None:
    traces = [make_trace(PROBLEM, index) for index in range(3)]
    scores = [make_score(trace, "incorrect" if trace.index else "correct") for trace in traces]
    folder = write_run(tmp_path, [PROBLEM], traces, scores)
    counts = select_shard(make_config(selections={"all": {"policy": "all"}}), folder, 0).reasons
    assert counts == {None: {"correct": 1, "incorrect": 2}, "all": {"correct": 1, "any_answer": 2}}
    assert [decision.kept for decision in folder.read_decisions(0)] == [True, False, False]
    assert [decision.kept for decision in folder.read_decisions(0, "all")] == [True, True, True]
