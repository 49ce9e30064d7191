"""What one problem's traces say together: the majority and the advantages."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overproof.rewards.group import advantages, self_consistency


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


@pytest.mark.parametrize(
    ("totals", "expected"),
    [
        ([1.0, 0.0], [1.0, -1.0]),
        ([1.0, 0.0, 0.0, 0.0], [math.sqrt(3), *[-1 / math.sqrt(3)] * 3]),
        ([2.0, 2.0, 2.0], [0.0, 0.0, 0.0]),
        ([0.1 + 0.2, 0.3, 0.3], [0.0, 0.0, 0.0]),
        ([0.0, 0.0], [0.0, 0.0]),
        ([1.0, None, 0.0], [1.0, None, -1.0]),
        ([1.0, None], [0.0, None]),
        ([None, None], [None, None]),
        ([], []),
    ],
)
def test_advantages_are_deviations_from_the_groups_mean(
    totals: list[float | None], expected: list[float | None]
) -> None:
    found = advantages(totals)
    assert [value is None for value in found] == [value is None for value in expected]
    assert [value for value in found if value is not None] == pytest.approx(
        [value for value in expected if value is not None]
    )


@given(st.lists(st.floats(-100, 100), min_size=2))
def test_advantages_have_mean_zero_and_deviation_one_or_are_all_zero(totals: list[float]) -> None:
    values = [value for value in advantages(totals) if value is not None]
    assert math.fsum(values) / len(values) == pytest.approx(0, abs=1e-6)
    spread = math.sqrt(math.fsum(value**2 for value in values) / len(values))
    assert spread == pytest.approx(1, rel=1e-6) or set(values) == {0.0}
