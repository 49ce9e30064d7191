"""The window of an endpoint, second by second, without waiting."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overproof.teacher.governor import JITTER, LONGEST_PAUSE_SECONDS, SICK_AFTER, Governor


def make(ceiling: int = 512, start: int = 32, **options: float) -> Governor:
    return Governor(ceiling=ceiling, start=start, generator=random.Random(0), **options)


def fill(governor: Governor, now: float) -> int:
    """Start all that may start; how many there are."""
    count = 0
    while governor.may_start(now):
        governor.started(now, 0.0)
        count += 1
    return count


def drain(governor: Governor) -> None:
    while governor.in_flight:
        governor.ended()
        governor.succeeded()


def test_the_window_doubles_each_second_that_was_full_and_clean() -> None:
    governor = make()
    assert [fill(governor, float(second)) for second in range(6)] == [32, 32, 64, 128, 256, 0]
    assert governor.in_flight == governor.ceiling


def test_a_window_that_is_not_full_does_not_grow() -> None:
    governor = make()
    for second in range(10):
        assert governor.may_start(float(second))
        governor.started(float(second), 0.0)
        governor.ended()
    assert governor.limit == 32


@pytest.mark.parametrize(("turned_away", "left"), [(1, 510), (28, 477), (400, 256)])
def test_a_burst_of_throttles_cuts_the_window_by_what_was_turned_away(turned_away: int, left: int) -> None:
    governor = make()
    for second in range(5):
        fill(governor, float(second))
    for number in range(turned_away):
        governor.ended()
        assert governor.throttled(5.0, 4.0, retry_after=2.0) == (number == 0)
    drain(governor)
    resumed = governor.paused_until
    grown = [fill(governor, resumed + second) for second in range(6)]
    assert grown[0] == 32
    assert abs(governor.in_flight - left) <= 16  # up to there by doubling, and then slowly


def test_a_throttle_pauses_for_as_long_as_it_says_and_begins_again_from_the_start() -> None:
    governor = make()
    for second in range(5):
        fill(governor, float(second))
    governor.ended()
    assert governor.throttled(5.0, 4.0, retry_after=2.0)
    drain(governor)
    assert not governor.may_start(6.9)
    resumed = governor.paused_until
    assert 7.0 <= resumed <= 5.0 + 2.0 * (1 + JITTER)
    assert [fill(governor, resumed + second) for second in range(4)] == [32, 32, 64, 128]


def test_the_burst_that_was_in_flight_at_a_throttle_pauses_only_once() -> None:
    governor = make()
    fill(governor, 0.0)
    assert governor.throttled(0.5, 0.0, None)
    assert [governor.throttled(0.6, 0.0, None) for _ in range(31)] == [False] * 31
    assert governor.throttles == 32
    drain(governor)
    assert 16 <= fill(governor, governor.paused_until) <= 18


def test_throttles_that_keep_coming_but_seldom_cost_a_place_each_and_pause_nobody() -> None:
    governor = make(ceiling=64, start=64)
    assert governor.throttled(0.0, 0.0, 1.0), "the first one pauses all"
    now = governor.paused_until
    for _ in range(20):
        now += 0.01
        for _ in range(19):
            governor.succeeded()
        before = governor.limit
        assert not governor.throttled(now, now, 1.0)
        assert governor.may_start(now)
        assert before - 1.5 <= governor.limit <= before


def test_a_long_wait_is_meant_for_all_even_where_throttles_are_strays() -> None:
    governor = make()
    governor.throttled(0.0, 0.0, 1.0)
    for _ in range(19):
        governor.succeeded()
    assert governor.throttled(5.0, 5.0, 60.0)
    assert not governor.may_start(60.0)


def test_a_limit_that_is_met_in_earnest_pauses_all_again() -> None:
    governor = make()
    governor.throttled(0.0, 0.0, 1.0)
    governor.succeeded()
    assert any(governor.throttled(5.0 + number / 100, 5.0, 1.0) for number in range(8))
    assert not governor.may_start(5.5)


def test_pauses_without_retry_after_grow_until_something_succeeds() -> None:
    governor = make(start=1)
    waits, now = [], 0.0
    for _ in range(9):
        governor.throttled(now, now, None)
        waits.append(governor.paused_until - now)
        now = governor.paused_until
    assert all(later > earlier for earlier, later in itertools.pairwise(waits[:6]))
    assert max(waits) <= LONGEST_PAUSE_SECONDS * (1 + JITTER)
    governor.succeeded()
    governor.throttled(now, now, None)
    assert governor.paused_until - now < 2


def test_two_clients_that_were_told_the_same_wait_do_not_come_back_together() -> None:
    one, two = (Governor(ceiling=8, start=8, generator=random.Random(seed)) for seed in (1, 2))
    for governor in (one, two):
        governor.throttled(0.0, 0.0, 600.0)
    assert abs(one.paused_until - two.paused_until) > 1
    assert min(one.paused_until, two.paused_until) >= 600


def test_an_endpoint_that_fails_in_a_row_is_tried_by_one_request_until_it_answers() -> None:
    governor = make()
    fill(governor, 0.0)
    assert [governor.failed(0.1, 0.0) for _ in range(SICK_AFTER)] == [False] * (SICK_AFTER - 1) + [True]
    while governor.in_flight:
        governor.ended()
    assert not governor.may_start(0.2)
    now = governor.paused_until
    assert fill(governor, now) == 1
    assert fill(governor, now + 5) == 0
    drain(governor)
    assert [fill(governor, now + second) for second in (6, 7, 8, 9)] == [2, 2, 4, 8]


def test_an_endpoint_that_fails_the_request_that_tries_it_again_is_rested_for_longer_each_time() -> None:
    governor = make()
    for _ in range(SICK_AFTER):
        governor.failed(0.1, 0.0)
    assert not governor.failed(governor.paused_until + 1, 0.0), "it had started before the rest and tells nothing new"
    waits = []
    for _ in range(7):
        now = governor.paused_until
        assert governor.failed(now, now)
        waits.append(governor.paused_until - now)
    assert all(later > earlier for earlier, later in itertools.pairwise(waits[:5]))
    assert max(waits) <= LONGEST_PAUSE_SECONDS * (1 + JITTER)


@pytest.mark.parametrize("per_minute", [6.0, 60.0, 600.0])
def test_a_rate_is_neither_lost_nor_gained_where_it_is_shared_anew_twice_a_second(per_minute: float) -> None:
    governor, generator = make(requests_per_minute=per_minute), random.Random(0)
    started, due, fraction = 0, 0.0, 0.0
    for step in range(20 * 600):
        now = step / 20
        if step % 10 == 0:
            fraction = generator.choice([0.0, 0.25, 0.5, 1.0])
            governor.share(fraction, now)
        due += fraction / 20 * per_minute / 60
        started += fill(governor, now)
        drain(governor)
    assert 0.95 * due - 1 <= started <= due + 1


def test_a_rate_ceiling_is_kept_within_each_second_and_nothing_is_saved_up() -> None:
    governor = make(requests_per_minute=600.0)
    started = sum(fill(governor, step / 100) for step in range(100))
    assert 10 <= started <= 11
    assert started + fill(governor, 1.05) <= 11
    assert governor.wakes_at(1.05) <= 1.15
    assert fill(governor, 100.0) <= 2


def test_tokens_used_beyond_what_was_expected_are_paid_for_by_waiting() -> None:
    governor = make(tokens_per_minute=6000.0)
    governor.started(0.0, 100.0)
    assert not governor.may_start(0.0)
    assert governor.may_start(1.0)
    governor.started(1.0, 50.0)
    governor.ended(500.0)
    assert not governor.may_start(5.0)
    assert governor.may_start(7.0)


@given(st.lists(st.sampled_from(["start", "end", "throttle", "fail", "second"]), max_size=200), st.integers(1, 50))
def test_whatever_happens_the_window_lets_somebody_in_again_and_never_passes_the_ceiling(
    events: list[str], ceiling: int
) -> None:
    governor = Governor(ceiling=ceiling, start=8, generator=random.Random(0))
    now = 0.0
    for event in events:
        if event == "start" and governor.may_start(now):
            governor.started(now, 0.0)
        elif event == "end" and governor.in_flight:
            governor.ended()
            governor.succeeded()
        elif event == "throttle":
            governor.throttled(now, now, None)
        elif event == "fail":
            governor.failed(now, now)
        elif event == "second":
            now += 1.0
        assert governor.in_flight <= ceiling
        assert 1 <= governor.limit <= ceiling
        assert governor.wakes_at(now) > now
    drain(governor)
    assert governor.may_start(max(now, governor.paused_until))


@pytest.mark.parametrize("start", [1, 7, 600])
def test_the_start_size_never_passes_the_ceiling(start: int) -> None:
    assert fill(make(ceiling=100, start=start), 0.0) == min(start, 100)
