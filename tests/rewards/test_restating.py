import itertools

from building import make_trace
from hypothesis import given
from hypothesis import strategies as st

from overproof.rewards.restating import WINDOW, find_repeated_stretches, repetition

SENTENCE = (
    "We take the sum of the first ten numbers and look whether it is right, because it may be wrong, and then go on to "
    "the next line, where the same is done for the numbers from eleven to twenty and for all that come after them. "
)


def test_the_second_and_every_later_time_is_found() -> None:
    text = f"{SENTENCE}Now something else is said for once. {SENTENCE}{SENTENCE}"
    ((start, end),) = find_repeated_stretches(text)
    assert text[start:end].lstrip(". ") == (SENTENCE * 2).strip()


def test_a_loop_in_chinese_is_found() -> None:
    text = "我们把前十个数加起来再看一看结果是不是正确因为它可能是错的然后继续下去。" * 3
    assert find_repeated_stretches(text) == [(len(text) // 3, len(text))]


def test_what_is_said_once_is_no_repeat() -> None:
    assert find_repeated_stretches(" ".join(str(number) for number in range(1000))) == []
    assert find_repeated_stretches("a short text") == []


@given(st.lists(st.sampled_from("abc de,。中"), max_size=200).map("".join))
def test_there_are_repeats_just_where_the_reward_is_below_one(text: str) -> None:
    value = repetition(make_trace(reasoning=None, answer=text)).value
    stretches = find_repeated_stretches(f"\n{text}")
    assert bool(stretches) == (value is not None and value < 1)
    assert all(start < end for start, end in stretches)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(stretches))
    assert all(len(text) >= WINDOW for _ in stretches)
