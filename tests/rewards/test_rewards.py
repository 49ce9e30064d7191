"""Scoring a trace: which rewards are taken, what they are worth together, and when there is no saying."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from overproof.config.rewards import REWARDS, RewardsConfig
from overproof.records import Grade, Problem, Reward, Trace, Usage, Verdict, decode, encode
from overproof.records import Score as ScoreRecord
from overproof.rewards import accuracy, is_correct, language_consistency, score_problem, score_trace

REASONING = "First we add two and two, and so we get four. That is the number that we need."
TRACE = Trace(
    Problem("p", "What is 2 + 2?", "4"),
    0,
    "f" * 64,
    "teacher",
    "generic",
    [],
    {},
    f"<think>\n{REASONING}\n</think>\n\nIt is \\boxed{{4}}.",
    finish_reason="stop",
    usage=Usage(completion_tokens=30),
)
RIGHT = Grade(Verdict.CORRECT, "4", "exact", "equal")
WRONG = Grade(Verdict.INCORRECT, "5", "exact", "differs")
EVERYTHING = RewardsConfig.model_validate(
    {
        "foreign_run": {},
        "self_consistency": {},
        "repetition": {},
        "kimi_length": {},
        "cosine_length": {"max_tokens": 100},
        "overlong": {"max_tokens": 100, "cache_tokens": 20},
        "reasoning_markers": {},
        "mixed_paragraphs": {},
        "code_blocks": {},
        "long_paragraphs": {},
        "asked_form": {},
        "thought_share": {},
    }
)


@pytest.mark.parametrize(
    ("verdict", "layer", "approximate", "expected", "reward"),
    [
        (Verdict.CORRECT, "number", "correct", True, 1.0),
        (Verdict.CORRECT, "number", "incorrect", True, 1.0),
        (Verdict.INCORRECT, "number", "correct", False, 0.0),
        (Verdict.APPROXIMATE, "rounding", "correct", True, 1.0),
        (Verdict.APPROXIMATE, "rounding", "incorrect", False, 0.0),
        (Verdict.UNVERIFIABLE, "formula", "correct", False, None),
        (Verdict.UNVERIFIABLE, "reference", "correct", None, None),
        (Verdict.UNVERIFIABLE, "reply", "correct", None, None),
        (Verdict.UNVERIFIABLE, "backstop", "correct", None, None),
        (None, "", "correct", None, None),
    ],
)
def test_a_grade_counts_as_passed_or_not_and_an_undecided_answer_is_not_passed_though_its_reward_is_unknown(
    verdict: Verdict | None, layer: str, approximate: str, *, expected: bool | None, reward: float | None
) -> None:
    policy = RewardsConfig.model_validate({"accuracy": {"approximate": approximate}}).accuracy.approximate
    grade = Grade(verdict, "4", layer, "") if verdict else None
    assert is_correct(grade, policy) is expected
    assert accuracy(grade, policy).value == reward


def test_r1s_three_rewards_are_taken_by_default_and_summed() -> None:
    score = score_trace(TRACE, RIGHT, RewardsConfig(), language="en", contract="think_boxed")
    assert {name: reward.value for name, reward in score.rewards.items()} == {
        "accuracy": 1.0,
        "think_format": 1.0,
        "language_consistency": 1.0,
    }
    assert score.total == 3.0
    assert score.trace_id == TRACE.id


def test_weights_scale_the_total_and_a_weight_of_zero_only_measures() -> None:
    config = RewardsConfig.model_validate(
        {"accuracy": {"weight": 2}, "think_format": {"weight": 0.5}, "language_consistency": {"weight": 0}}
    )
    score = score_trace(TRACE, RIGHT, config, language="zh", contract="think_boxed")
    assert score.rewards["language_consistency"].value == 0.0
    assert score.total == 2.5


def test_an_unmeasured_reward_leaves_no_total_unless_it_weighs_nothing() -> None:
    unknown = score_trace(TRACE, None, RewardsConfig(), language="en", contract="think_boxed")
    assert unknown.rewards["accuracy"] == Reward(None, "not_graded")
    assert unknown.total is None
    config = RewardsConfig.model_validate({"accuracy": {"weight": 0}})
    assert score_trace(TRACE, None, config, language="en", contract="think_boxed").total == 2.0


def test_a_broken_form_does_not_touch_the_other_rewards() -> None:
    broken = replace(TRACE, content=f"{TRACE.content}</think>4")
    score = score_trace(broken, RIGHT, RewardsConfig(), language="en", contract="think_boxed")
    values = {name: reward.value for name, reward in score.rewards.items()}
    assert values == {"accuracy": 1.0, "think_format": 0.0, "language_consistency": 1.0}


def test_the_configured_target_goes_before_the_questions_language() -> None:
    config = RewardsConfig.model_validate({"language_consistency": {"target": "zh"}})
    score = score_trace(TRACE, RIGHT, config, language="en", contract="think_boxed")
    assert score.rewards["language_consistency"].value == 0.0


@pytest.mark.parametrize(
    ("trace", "target", "reason"),
    [
        (TRACE, None, "unknown_language"),
        (replace(TRACE, content="The answer is four."), "en", "no_reasoning"),
        (replace(TRACE, content="<think>$x = 4$</think>\\boxed{4}"), "en", "too_little_text"),
        (replace(TRACE, content="", error="content_filter"), "en", "no_reasoning"),
    ],
)
def test_language_is_not_measured_without_reason(trace: Trace, target: str | None, reason: str) -> None:
    assert language_consistency(trace, target) == Reward(None, reason)


def test_the_language_of_reasoning_through_a_field_of_its_own_is_measured_too() -> None:
    trace = replace(TRACE, content="It is \\boxed{4}.", reasoning="先把两个数相加，再除以三，就得到答案。")
    reward = language_consistency(trace, "en")
    assert reward.value == 0.0
    assert reward.evidence is not None
    assert set(reward.evidence["foreign"]) == {"zh"}


def test_a_long_foreign_stretch_shows_where_its_share_does_not() -> None:
    config = RewardsConfig.model_validate({"foreign_run": {}})
    slip = "首先我们把这两个数相加，然后得到答案。"
    mixed = replace(TRACE, content=TRACE.content.replace(REASONING, f"{REASONING} {slip} {REASONING * 9}"))
    plain, rewards = (
        score_trace(trace, RIGHT, config, language="en", contract="think_boxed").rewards for trace in (TRACE, mixed)
    )
    assert (plain["foreign_run"].value, rewards["foreign_run"].value) == (1.0, 0.0)
    assert (rewards["language_consistency"].value or 0) > 0.9
    assert rewards["foreign_run"].evidence == {"words": 10.2, "excerpt": slip.removesuffix("。")}


def test_replies_that_all_agree_put_a_doubtful_name_of_the_question_in_doubt() -> None:
    question = "Blorp the frumious kilometer vort."
    traces = [replace(TRACE, problem=Problem("p", question, "4"), index=index) for index in range(3)]
    scores = score_problem(traces, [RIGHT] * 3, RewardsConfig(), language="da", contract="think_boxed")
    assert {score.rewards["language_consistency"].reason for score in scores} == {"doubtful_target"}
    sure = [replace(trace, problem=Problem("p", "Hvad er det, og hvor mange er der af dem?", "4")) for trace in traces]
    scores = score_problem(sure, [RIGHT] * 3, RewardsConfig(), language="fr", contract="think_boxed")
    assert {score.rewards["language_consistency"].value for score in scores} <= {0.0, None}


def test_every_measure_that_is_listed_is_taken() -> None:
    (score,) = score_problem([TRACE], [RIGHT], EVERYTHING, language="en", contract="think_boxed")
    assert set(score.rewards) == set(REWARDS)


def test_measures_that_compare_traces_enter_the_total() -> None:
    config = RewardsConfig.model_validate({"self_consistency": {"weight": 0.5}})
    traces = [replace(TRACE, index=index, content=f"{TRACE.content} ({index})") for index in range(3)]
    grades = [RIGHT, RIGHT, WRONG]
    scores = score_problem(traces, grades, config, language="en", contract="think_boxed")
    assert [score.rewards["self_consistency"].value for score in scores] == [1.0, 1.0, 0.0]
    assert [score.total for score in scores] == [3.5, 3.5, 2.0]


def test_answers_that_nothing_can_grade_have_their_majority_too() -> None:
    config = RewardsConfig.model_validate({"self_consistency": {}})
    unasked = replace(TRACE, problem=replace(TRACE.problem, reference=None))
    traces = [replace(unasked, index=n, content=f"\\boxed{{{answer}}}") for n, answer in enumerate(["1/2", "0.5", "2"])]
    scores = score_problem(traces, [None] * 3, config, language="en", contract="think_boxed")
    assert [score.rewards["self_consistency"].value for score in scores] == [1.0, 1.0, 0.0]


@given(
    st.text(),
    st.none() | st.text(),
    st.sampled_from([None, "en", "zh", "xx"]),
    st.sampled_from([None, RIGHT, WRONG]),
    st.none() | st.integers(0, 200),
)
def test_any_reply_gets_values_in_range_and_the_same_ones_again(
    content: str, reasoning: str | None, language: str | None, grade: Grade | None, tokens: int | None
) -> None:
    trace = replace(TRACE, content=content, reasoning=reasoning, usage=Usage(completion_tokens=tokens))
    first, second = (
        score_problem([trace], [grade], EVERYTHING, language=language, contract="think_boxed")[0] for _ in range(2)
    )
    assert first == second
    assert decode(encode(first), ScoreRecord) == first
    for name, reward in first.rewards.items():
        least, most = {
            "kimi_length": (-0.5, 0.5),
            "cosine_length": (-1, 1),
            "overlong": (-1, 0),
            "reasoning_markers": (0, len(content) + len(reasoning or "")),
        }.get(name, (0, 1))
        assert reward.value is None or least <= reward.value <= most, name
        assert reward.value is not None or reward.reason, name
