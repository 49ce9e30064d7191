"""The rewards as TRL calls them: plain and conversational completions, any columns, from any thread."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from overproof.config.rewards import RewardsConfig
from overproof.errors import InputError
from overproof.rewards.rl import Sampler, reward_functions, reward_weights, to_traces

THOUGHT = "First we add two and two, and so we get four in all. That is the number that we need."
RIGHT = f"<think>\n{THOUGHT}\n</think>\n<answer>4</answer>"
WRONG = RIGHT.replace("<answer>4", "<answer>5")
BROKEN = f"{THOUGHT} So it is <answer>4</answer>"
PROMPT = [{"role": "system", "content": "Think first."}, {"role": "user", "content": "What is 2 + 2?"}]
# What GRPOTrainer passes beside prompts, completions and the dataset's columns.
FROM_TRL: dict[str, Any] = {"trainer_state": object(), "log_extra": print, "log_metric": print}


def measure(completions: list[Any], config: RewardsConfig | None = None, **columns: Any) -> dict[str, Any]:
    """The value of each reward of each completion, all to one prompt."""
    given = {"reference": ["4"] * len(completions), "completion_ids": [[1] * 30] * len(completions)}
    options = {"sampler": columns.pop("sampler")} if "sampler" in columns else {}
    prompts = columns.pop("prompts", [PROMPT] * len(completions))
    functions = reward_functions(config or RewardsConfig(), contract="think_answer", **options)
    return {
        function.__name__: function(prompts=prompts, completions=completions, **given | columns, **FROM_TRL)
        for function in functions
    }


def as_messages(content: str, **fields: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": content, **fields}]


def test_each_listed_reward_is_a_function_of_its_name_with_its_weight() -> None:
    config = RewardsConfig.model_validate({"accuracy": {"weight": 2}, "repetition": {"weight": 0.5}})
    names = [function.__name__ for function in reward_functions(config)]
    assert names == ["accuracy", "think_format", "language_consistency", "repetition"]
    assert reward_weights(config) == [2.0, 1.0, 1.0, 0.5]


@pytest.mark.parametrize("wrap", [str, as_messages])
def test_plain_and_conversational_completions_are_worth_the_same(wrap: Any) -> None:
    assert measure([wrap(RIGHT), wrap(WRONG), wrap(BROKEN), wrap("")]) == {
        "accuracy": [1.0, 0.0, 1.0, 0.0],
        "think_format": [1.0, 1.0, 0.0, 0.0],
        "language_consistency": [1.0, 1.0, 0.0, 0.0],
    }


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "thinking"])
def test_reasoning_that_the_tokenizer_has_parsed_out_counts_as_the_block(field: str) -> None:
    found = measure([as_messages("<answer>4</answer>", **{field: THOUGHT})])
    assert found == {"accuracy": [1.0], "think_format": [1.0], "language_consistency": [1.0]}


def test_content_may_be_a_list_of_parts_or_nothing() -> None:
    parts = [{"role": "assistant", "content": [{"type": "text", "text": RIGHT}, {"type": "image"}]}]
    assert measure([parts, as_messages("")])["think_format"] == [1.0, 0.0]
    assert measure([[{"role": "assistant", "content": None}], []])["think_format"] == [0.0, 0.0]


def test_without_a_reference_accuracy_is_unknown() -> None:
    assert measure([RIGHT, RIGHT], reference=[None, "4"])["accuracy"] == [None, 1.0]


def test_a_batch_without_any_reference_is_an_error_that_names_the_columns() -> None:
    with pytest.raises(
        InputError, match="columns are gold, reference; name the one with the answers reference, answer"
    ):
        measure([RIGHT], reference=[None], gold=["4"])


@pytest.mark.parametrize("column", ["reference", "answer", "solution"])
def test_the_reference_may_stand_in_any_of_the_usual_columns(column: str) -> None:
    accuracy = reward_functions()[0]
    assert accuracy(prompts=[PROMPT], completions=[as_messages("\\boxed{4}")], **{column: ["4"]}) == [1.0]


def test_an_answer_that_cannot_be_decided_earns_nothing_and_an_unreadable_reference_is_no_value() -> None:
    logged: dict[str, float] = {}
    odd = RIGHT.replace("4</answer>", "\\operatorname{Foo}(\\aleph_7)</answer>")
    accuracy = reward_functions(contract="think_answer")[0]
    values = accuracy([PROMPT] * 2, [odd, RIGHT], reference=["4", ""], log_metric=logged.__setitem__)
    assert values == [0.0, None]
    assert logged["unreadable_references"] == 0.5
    assert set(logged) == {"undecided_answers", "unreadable_references"}


def test_a_reply_that_was_cut_or_never_left_its_reasoning_earns_nothing() -> None:
    sampler = Sampler(max_tokens=30, end_ids=frozenset({2}))
    assert measure([RIGHT, RIGHT], sampler=sampler, completion_ids=[[1] * 30, [1] * 29 + [2]])["accuracy"] == [0.0, 1.0]
    opened = Sampler(opens_reasoning=True)
    endless = f"{THOUGHT} So it is \\boxed{{4}} and then"
    closed = f"{THOUGHT}</think><answer>4</answer>"
    found = measure([endless, closed], sampler=opened)
    assert (found["accuracy"], found["think_format"]) == ([0.0, 1.0], [0.0, 1.0])
    assert measure([endless], prompts=["User: 2 + 2?\nAssistant: <think>"])["accuracy"] == [0.0]


def test_the_language_comes_from_its_column_or_from_the_question() -> None:
    assert measure([RIGHT], language=["zh"])["language_consistency"] == [0.0]
    assert measure([RIGHT], question=["二加二等于多少？请算出结果。"])["language_consistency"] == [0.0]
    assert measure([RIGHT], prompts=["What is the sum of two and two?"])["language_consistency"] == [1.0]


def test_completions_of_one_prompt_are_compared_with_each_other_only() -> None:
    config = RewardsConfig.model_validate({"self_consistency": {}, "kimi_length": {}})
    other = [{"role": "user", "content": "And 3 + 3?"}]
    found = measure(
        [RIGHT, RIGHT, WRONG, WRONG, WRONG.replace("First", "Now")],
        config,
        prompts=[PROMPT, other, PROMPT, other, PROMPT],
        reference=["4", "5", "4", "5", "4"],
        completion_ids=[[1] * 10, [1] * 10, [1] * 20, [1] * 20, [1] * 30],
    )
    assert found["self_consistency"] == [0.0, None, 1.0, None, 1.0]
    assert found["kimi_length"] == [0.5, 0.0, 0.0, -0.5, -0.5]


def test_the_length_of_a_completion_is_that_of_its_token_ids() -> None:
    config = RewardsConfig.model_validate({"overlong": {"max_tokens": 40, "cache_tokens": 20}})
    assert measure([RIGHT], config)["overlong"] == [-0.5]
    assert measure([RIGHT], config, completion_ids=None)["overlong"] == [None]


def test_answers_that_are_written_differently_agree() -> None:
    config = RewardsConfig.model_validate({"self_consistency": {}})
    halves = [RIGHT.replace("4</", f"{half}</") for half in ("1/2", "0.5", "\\frac{1}{2}", "2")]
    assert measure(halves, config)["self_consistency"] == [1.0, 1.0, 1.0, 0.0]


def test_worker_threads_get_the_same_values() -> None:
    completions = [RIGHT, WRONG, BROKEN, "", "<think>", "\\boxed{4}"] * 5
    expected = measure(completions)
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda _: measure(completions), range(16))) == [expected] * 16


def test_a_problem_is_known_by_its_prompt() -> None:
    traces = to_traces([PROMPT, "What is 2 + 2?"], [RIGHT, RIGHT], {})
    assert [trace.problem.question for trace in traces] == ["What is 2 + 2?"] * 2
    assert traces[0].problem.id != traces[1].problem.id
