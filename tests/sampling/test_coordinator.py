"""What several sessions share adds up: shares, budget, troubles and progress."""

from __future__ import annotations

import math
import random
from decimal import Decimal

import msgspec
import pytest

from overproof.config.endpoint import BudgetConfig
from overproof.records import Usage
from overproof.sampling.coordinator import Ledger, Standing, standing_start
from overproof.sampling.progress import Progress
from overproof.teacher.budget import Amount
from overproof.teacher.governor import Governor

START = standing_start(problems=40, problems_done=4, samples=80, samples_done=8, spent=Amount(100, Decimal(1)))


def new_ledger(**budget: int) -> Ledger:
    return Ledger(BudgetConfig.model_validate(budget), 10, START)


def at(done: int = 0, in_flight: int = 0, *, starved: bool = False, **news: dict[str, object]) -> Standing:
    """A worker with a shard of 10 problems and 20 samples, 2 of them from before, that has brought `done` samples."""
    progress = msgspec.structs.replace(
        START,
        problems=10,
        problems_done=1 + done // 2,
        samples=20,
        samples_done=2 + done,
        samples_new=done,
        in_flight=in_flight,
        usage=Usage(completion_tokens=done),
        failures={"throttled": 1} if done else {},
    )
    return msgspec.convert(
        {"troubles": {}, "pauses": {}, **news, "progress": progress, "is_starved": starved}, Standing
    )


def test_the_first_worker_has_everything() -> None:
    assert new_ledger().meet("a", 0, at()).fraction == 1.0


def test_a_second_worker_gets_what_the_first_has_given_up() -> None:
    ledger = new_ledger()
    ledger.meet("a", 0, at())
    assert ledger.meet("b", 1, at()).fraction == 0.0
    assert ledger.meet("a", 0, at()).fraction == 0.5
    assert ledger.meet("b", 1, at()).fraction == 0.0  # the first may have started more before it heard that
    assert ledger.meet("a", 0, at(in_flight=5)).fraction == 0.5
    assert ledger.meet("b", 1, at()).fraction == 0.5


def test_who_has_more_in_flight_than_its_share_starts_nothing_until_it_has_ended() -> None:
    ledger = new_ledger()
    ledger.meet("a", 0, at())
    ledger.meet("b", 1, at())
    assert ledger.meet("a", 0, at(in_flight=10)).fraction == 0.5
    assert ledger.meet("a", 0, at(in_flight=10)).fraction == 0.5
    assert ledger.meet("b", 1, at()).fraction == 0.0
    assert ledger.meet("a", 0, at(in_flight=7)).fraction == 0.5
    assert ledger.meet("b", 1, at()).fraction == pytest.approx(0.3)


def test_a_worker_with_nothing_to_start_keeps_what_is_in_flight_alone() -> None:
    ledger = new_ledger()
    for _ in range(3):
        ledger.meet("a", 0, at())
        ledger.meet("b", 1, at())
    for _ in range(2):
        assert ledger.meet("a", 0, at(in_flight=2, starved=True)).fraction == 0.2
    assert ledger.meet("b", 1, at()).fraction == 0.8


def test_never_is_more_in_flight_than_may_be_however_long_words_are_on_their_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Workers start and end requests at any moment, also between what they tell and what they hear for it."""
    generator = random.Random(0)
    now = [0.0]
    monkeypatch.setattr("overproof.sampling.coordinator.time.monotonic", lambda: now[0])
    ledger = new_ledger()
    in_flight: dict[str, int] = {}
    most: dict[str, int] = {}
    sent: dict[str, Standing] = {}
    heard: dict[str, int] = {}
    for step in range(20_000):
        now[0] += 0.05 * generator.random()  # nobody is silent for long
        name = f"w{generator.randrange(6)}"
        in_flight.setdefault(name, 0)
        match generator.choice(["start", "start", "end", "tell", "arrive", "hear", "leave"]):
            case "start" if in_flight[name] < most.get(name, 0):
                in_flight[name] += 1
            case "end" if in_flight[name]:
                in_flight[name] -= 1
            case "tell" if name not in sent and name not in heard:
                sent[name] = at(in_flight=in_flight[name], starved=generator.random() < 0.3)
            case "arrive" if name in sent:
                share = ledger.meet(name, int(name[1:]), sent.pop(name))
                heard[name] = int(share.fraction * 10 + 1e-9)
            case "hear" if name in heard:
                most[name] = heard.pop(name)
            case "leave" if name not in sent and name not in heard and generator.random() < 0.05:
                ledger.leave(name)
                in_flight[name] = most[name] = 0
        assert sum(in_flight.values()) <= 10, step
    assert max(most.values()) > 1


def test_a_worker_that_is_silent_gives_its_share_back(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("overproof.sampling.coordinator.time.monotonic", lambda: now[0])
    ledger = new_ledger()
    ledger.meet("a", 0, at())
    now[0] = 20.0
    assert ledger.meet("b", 1, at()).fraction == 1.0
    assert ledger.meet("a", 0, at()).fraction == 0.0  # back, but not yet let in
    assert [ledger.meet("b", 1, at()).fraction for _ in range(2)] == [0.5, 0.5]
    assert ledger.meet("a", 0, at()).fraction == 0.5


def test_a_cap_holds_over_all_workers_and_settling_makes_room() -> None:
    ledger = new_ledger(max_tokens=150)
    ledger.meet("a", 0, at())
    ledger.meet("b", 1, at())
    assert ledger.reserve("a", Amount(40)) == "yes"
    assert ledger.reserve("a", Amount(40)) == "wait"  # all may use less than they have reserved
    assert ledger.reserve("b", Amount(40)) == "wait"
    ledger.settle("a", Amount(40), Amount(5))
    assert ledger.reserve("b", Amount(40)) == "yes"
    ledger.settle("b", Amount(40), Amount(40))
    assert ledger.reserve("a", Amount(40)) == "capped"  # nobody has anything reserved: the budget is used up


def test_what_a_dead_worker_had_in_flight_counts_as_spent_at_its_worst() -> None:
    ledger = new_ledger(max_tokens=1000)
    ledger.meet("a", 0, at())
    assert ledger.reserve("a", Amount(300)) == "yes"
    ledger.forget(0)
    ledger.settle("a", Amount(300), Amount(1))  # it was alive after all, and is not heard any more
    assert ledger.view().progress.spent.tokens == 400


def test_a_worker_takes_the_place_of_an_earlier_one_of_its_shard() -> None:
    ledger = new_ledger()
    ledger.meet("a", 0, at(in_flight=5))
    assert ledger.meet("b", 0, at()).fraction == 1.0


def test_what_one_worker_learns_of_an_endpoint_all_are_told() -> None:
    ledger = new_ledger()
    ledger.meet("a", 0, at(troubles={"http://x": "no money"}, pauses={"http://y": 30.0}))
    share = ledger.meet("b", 1, at())
    assert share.troubles == {"http://x": "no money"}
    assert share.pauses["http://y"] == pytest.approx(30, abs=1)


def test_stopping_reaches_everybody_and_reserves_no_more() -> None:
    ledger = new_ledger()
    assert not ledger.meet("a", 0, at()).is_stopped
    ledger.stop()
    assert ledger.meet("a", 0, at()).is_stopped
    assert ledger.reserve("a", Amount(1)) == "stopped"  # which is no word about the budget


def test_a_worker_that_was_given_up_is_stopped_and_not_told_of_a_cap() -> None:
    ledger = new_ledger()
    ledger.meet("a", 0, at())
    ledger.forget(0)
    assert ledger.reserve("a", Amount(1)) == "stopped"


def test_those_who_stop_are_told_how_long_to_wait() -> None:
    ledger = new_ledger()
    ledger.stop(20.0)
    patience = ledger.meet("a", 0, at()).patience
    assert patience is not None
    assert 15 < patience <= 20


def test_progress_adds_up_over_workers_that_run_ended_and_died() -> None:
    ledger = new_ledger()
    ledger.meet("a", 0, at())
    ledger.meet("a", 0, at(1, in_flight=1))
    ledger.leave("a", at(4).progress)  # what came after it was last heard of counts too
    ledger.meet("b", 1, at())
    ledger.meet("b", 1, at(6, in_flight=3))
    ledger.meet("c", 2, at())
    ledger.forget(2)
    seen: Progress = ledger.view().progress
    assert (seen.problems, seen.problems_done) == (40, 4 + 2 + 3)
    assert (seen.samples, seen.samples_done, seen.samples_new) == (80, 8 + 4 + 6, 10)
    assert (seen.in_flight, seen.usage.completion_tokens, seen.failures) == (3, 10, {"throttled": 2})


def test_a_notice_is_told_once_whoever_says_it() -> None:
    ledger = new_ledger()
    for _ in range(3):
        ledger.notify("it is throttling")
    assert ledger.view().notices == ["it is throttling"]
    assert ledger.view().notices == []


def test_a_governor_keeps_its_part_of_the_ceilings() -> None:
    governor = Governor(ceiling=40, start=20, requests_per_minute=600)
    governor.share(0.25, 0.0)
    assert (governor.ceiling, governor.limit) == (10, 5)
    started, now = 0, 0.0
    while now < 10:
        if governor.may_start(now):
            governor.started(now, 0)
            governor.ended()
            governor.succeeded()
            started += 1
        now += 0.01
    assert started <= math.ceil(0.25 * 10 * 10)
    governor.share(1.0, now)
    assert governor.ceiling == 40
