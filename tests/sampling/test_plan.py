"""The stopping rule of adaptive sampling."""

from __future__ import annotations

import random
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from overproof.config.endpoint import SamplingConfig
from overproof.sampling.plan import wanted_samples


def rule(probe: int, want_correct: int, most: int) -> SamplingConfig:
    return SamplingConfig.model_validate({"probe": probe, "want_correct": want_correct, "max": most})


def play(outcomes: Sequence[bool | None], config: SamplingConfig) -> list[int]:
    """The rounds that a problem with these outcomes goes through: samples wanted after each."""
    rounds = [wanted_samples({}, config)]
    while True:
        verdicts = dict(enumerate(outcomes[: rounds[-1]]))
        wanted = wanted_samples(verdicts, config)
        if wanted == rounds[-1]:
            return rounds
        rounds.append(wanted)


def test_n_alone_means_exactly_n() -> None:
    assert wanted_samples({}, SamplingConfig(n=8)) == 8
    assert wanted_samples({0: True, 5: None}, SamplingConfig(n=8)) == 8


def test_an_easy_problem_costs_its_probe() -> None:
    assert play([True] * 16, rule(2, 2, 16)) == [2]


def test_a_problem_that_needs_two_more_gets_two_at_once() -> None:
    assert play([False, False, True, True] + [False] * 12, rule(2, 2, 16)) == [2, 4]


def test_a_hard_problem_goes_on_to_the_limit_in_few_rounds() -> None:
    rounds = play([False] * 64, rule(2, 1, 64))
    assert rounds[-1] == 64
    assert len(rounds) < 32
    assert rounds[:10] == [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]


def test_verdicts_that_nobody_can_tell_cost_but_do_not_count() -> None:
    assert play([None, True, True] + [None] * 13, rule(2, 2, 16)) == [2, 3]


def test_nothing_is_decided_while_a_sample_before_it_is_missing() -> None:
    config = rule(4, 1, 8)
    assert wanted_samples({0: True, 1: True, 3: True}, config) == 4
    assert wanted_samples({1: False, 2: False, 3: False, 5: True}, config) == 4


@given(st.lists(st.booleans(), min_size=32, max_size=32), st.integers(1, 4), st.integers(1, 4), st.randoms())
def test_an_interrupted_problem_ends_where_an_uninterrupted_one_does(
    outcomes: list[bool], probe: int, want: int, generator: random.Random
) -> None:
    config = rule(probe, want, 32)
    expected = play(outcomes, config)[-1]
    verdicts: dict[int, bool | None] = {}
    while True:
        missing = [index for index in range(wanted_samples(verdicts, config)) if index not in verdicts]
        if not missing:
            break
        index = generator.choice(missing)  # arrivals in any order, with a stop after each
        verdicts[index] = outcomes[index]
    assert len(verdicts) == expected
    assert sum(map(bool, verdicts.values())) >= want or expected == 32
