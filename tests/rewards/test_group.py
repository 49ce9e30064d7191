"""What one problem's traces say together: the majority."""

import pytest

from overproof.rewards.group import self_consistency


@pytest.mark.parametrize(
    ("classes", "values", "reason"),
    [
        ([0, 0, 1], [1, 1, 0], None),
        ([2, 2, 2], [1, 1, 1], None),
        ([0, None, 0, 1], [1, 0, 1, 0], None),
        ([0, 1], [None, None], "no_majority"),
        ([0, 0, 1, 1, 2], [None] * 5, "no_majority"),
        ([0], [None], "too_few_answers"),
        ([0, None, None], [None] * 3, "too_few_answers"),
        ([None, None], [None, None], "too_few_answers"),
        ([], [], None),
    ],
)
def test_a_trace_agrees_with_the_majority_or_not(
    classes: list[int | None], values: list[float | None], reason: str | None
) -> None:
    rewards = self_consistency(classes)
    assert [reward.value for reward in rewards] == values
    if reason:
        assert {reward.reason for reward in rewards} == {reason}


def test_a_trace_without_an_answer_says_so() -> None:
    reward = self_consistency([0, 0, None])[2]
    assert (reward.value, reward.reason, reward.evidence) == (0.0, "no_answer", {"votes": 0, "answered": 2})
