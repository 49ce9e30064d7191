"""Repetition, length and readability: tables of replies in English and Chinese with the values they should get."""

import random

import pytest
from msgspec.structs import replace

from overproof.config.rewards import CosineLengthConfig, LongParagraphsConfig, OverlongConfig
from overproof.records import Problem, Trace, Usage
from overproof.rewards.length import cosine_length, kimi_length, overlong
from overproof.rewards.readability import code_blocks, long_paragraphs, mixed_paragraphs, reasoning_markers
from overproof.rewards.restating import WINDOW, repetition

TRACE = Trace(Problem("p", "What is 2 + 2?"), 0, "f" * 64, "teacher", "generic", [], {}, "")
PROSE = """We want the number of ways to seat four guests round a table so that the two sisters sit apart. Fix one
sister. The other may take any seat but the two beside her, which leaves one. The two remaining guests fill the seats in
two orders, so there are two ways. To check, count all circular orders, which are six, and take away those with the
sisters together: glue them, order three blocks in two ways, and swap the pair. That gives four, and six less four is
two again."""
CHINESE = """我们要求四位客人围坐一圈且两姐妹不相邻的坐法。先固定姐姐的位置，妹妹不能坐在她左右，只剩对面一个座位。
其余两位客人在剩下的两个座位上有两种排法，所以一共有两种。再验算一次：环形排列总数是六，姐妹相邻时把她们看成一个整体，
三个整体的环形排列有两种，内部再交换得四种，六减四等于二，结果一致。"""


def reply(reasoning: str, answer: str = "\\boxed{4}") -> Trace:
    return replace(TRACE, content=f"<think>\n{reasoning}\n</think>\n{answer}")


def of_length(tokens: int | None) -> Trace:
    return replace(TRACE, usage=Usage(completion_tokens=tokens))


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        (PROSE, 1, 1),
        (CHINESE, 1, 1),
        (PROSE + "Wait, let me check again. " * 200, 0, 0.15),
        (CHINESE + "等等，让我再检查一遍。" * 200, 0, 0.15),
        ("哈" * 500, 0, 0.01),
        ("1, " * 500, 0, 0.01),
        ("So x = 2x - 1, that is x = 1.\n" * 60, 0, 0.05),
        (PROSE + "\n\n" + PROSE, 0.45, 0.65),
        (CHINESE + "\n\n" + CHINESE, 0.45, 0.65),
        (" ".join(f"Case {n}: we take {n} apples." for n in range(100)), 1, 1),
        ("Перебираем случаи по очереди и ещё раз. " * 50, 0, 0.05),
    ],
)
def test_loops_and_copies_lower_repetition_and_sound_text_keeps_it_at_one(text: str, low: float, high: float) -> None:
    value = repetition(replace(TRACE, content=text)).value
    assert value is not None
    assert low <= value <= high


def test_repetition_names_what_is_repeated_most() -> None:
    evidence = repetition(replace(TRACE, content=PROSE + " Wait, let me check again." * 50)).evidence
    assert evidence is not None
    assert "let me check again" in evidence["most_repeated"]
    assert evidence["times"] > 40


def test_a_reply_shorter_than_a_window_is_not_measured_and_one_window_is() -> None:
    assert repetition(replace(TRACE, content="word " * (WINDOW - 1))).value is None
    assert repetition(replace(TRACE, content="word " * WINDOW)).value == 1.0


def test_repetition_counts_distinct_windows_exactly() -> None:
    drawn = random.Random(0)
    for _ in range(20):
        tokens = [str(drawn.randrange(3)) for _ in range(drawn.randrange(WINDOW, 4 * WINDOW))] * 2
        windows = [tuple(tokens[start : start + WINDOW]) for start in range(len(tokens) - WINDOW + 1)]
        value = repetition(replace(TRACE, content=" ".join(tokens))).value
        assert value == round(len(set(windows)) / len(windows), 4)


def test_reasoning_in_its_own_field_is_searched_for_loops_too() -> None:
    value = repetition(replace(TRACE, content="\\boxed{4}", reasoning="let me see. " * 300)).value
    assert value is not None
    assert value < 0.05


def test_the_kimi_reward_runs_from_the_shortest_to_the_longest_and_never_pays_for_wrong_answers() -> None:
    traces = [of_length(tokens) for tokens in (100, 150, 200, 100, 200, None, 150)]
    right = [True, True, True, False, False, True, None]
    values = [reward.value for reward in kimi_length(traces, right)]
    assert values == [0.5, 0.0, -0.5, 0.0, -0.5, None, None]


def test_the_kimi_reward_is_zero_when_all_are_of_one_length() -> None:
    rewards = kimi_length([of_length(9), of_length(9)], [True, False])
    assert [reward.value for reward in rewards] == [0.0, 0.0]


@pytest.mark.parametrize(
    ("tokens", "right", "value"),
    [
        (0, True, 1.0),
        (500, True, 0.75),
        (999, True, 0.5),
        (0, False, -1.0),
        (500, False, -0.75),
        (999, False, -0.5),
        (1000, True, -2.0),
        (5000, False, -2.0),
        (None, True, None),
        (500, None, None),
    ],
)
def test_the_cosine_reward_runs_between_its_bounds(
    tokens: int | None, *, right: bool | None, value: float | None
) -> None:
    config = CosineLengthConfig(max_tokens=1000, exceeded=-2.0)
    found = cosine_length(of_length(tokens), config, right=right).value
    assert found == (None if value is None else pytest.approx(value, abs=1e-4))


@pytest.mark.parametrize(
    ("tokens", "value"), [(0, 0.0), (800, 0.0), (900, -0.5), (1000, -1.0), (9000, -1.0), (None, None)]
)
def test_the_overlong_punishment_begins_before_the_limit(tokens: int | None, value: float | None) -> None:
    assert overlong(of_length(tokens), OverlongConfig(max_tokens=1000, cache_tokens=200)).value == value


def test_markers_are_counted_by_kind_in_both_languages() -> None:
    english = "Wait, that is wrong. Hmm. Let me check: perhaps 4. Alternatively 5. I will verify. The waiter waited."
    chinese = "等等，不对。让我检查一下，也许是四。换一种方法，再验算一遍。"
    for text in (english, chinese):
        reward = reasoning_markers(reply(text))
        assert reward.evidence == {"reflection": 2, "verification": 2, "alternative": 1, "uncertainty": 1}
        assert reward.value == 6


def test_a_reply_without_reasoning_has_no_readability() -> None:
    bare = replace(TRACE, content="The answer is four.")
    measured = [reasoning_markers(bare), mixed_paragraphs(bare, "en"), code_blocks(bare)]
    measured.append(long_paragraphs(bare, LongParagraphsConfig()))
    assert [(reward.value, reward.reason) for reward in measured] == [(None, "no_reasoning")] * 4


@pytest.mark.parametrize(
    ("text", "target", "value"),
    [
        (PROSE, "en", 1.0),
        (CHINESE, "zh", 1.0),
        (CHINESE, "en", 0.0),
        (f"{PROSE}\n\n{CHINESE}", "en", 0.5714),
        (
            "So the sum of the two numbers is five. 所以这两个数的和等于五。\n\nThat is the final answer to it.",
            "en",
            0.5,
        ),
        ("4\n\n5", "en", None),
    ],
)
def test_paragraphs_that_are_not_in_the_target_are_told(text: str, target: str, value: float | None) -> None:
    assert mixed_paragraphs(reply(text), target).value == value


def test_fenced_code_in_the_reasoning_is_told_and_in_the_answer_is_not() -> None:
    code = "```python\nprint(4)\n```"
    assert code_blocks(reply(f"Let me run it.\n{code}")).value == 0.0
    assert code_blocks(reply("The sign ``` is a fence in Markdown.")).value == 1.0
    assert code_blocks(reply("Two and two.", code)).value == 1.0


@pytest.mark.parametrize(
    ("text", "value"), [("short\nlines", 1.0), ("a" * 300 + "\n" + "b" * 100, 0.25), ("c" * 200, 1.0), ("", None)]
)
def test_text_in_long_paragraphs_is_measured(text: str, value: float | None) -> None:
    assert long_paragraphs(reply(text), LongParagraphsConfig(max_characters=200)).value == value
