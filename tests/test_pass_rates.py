"""Pass rates under the stopping rules of sampling: unbiased by enumeration of every outcome."""

from __future__ import annotations

import itertools
import math

import pytest

from overproof.config.endpoint import SamplingConfig
from overproof.estimators import fixed_pass_rate, stopped_pass_rate
from overproof.sampling.plan import wanted_samples


def drawn(outcomes: tuple[bool, ...], config: SamplingConfig) -> list[bool | None]:
    """The part of the outcomes that sampling would have drawn."""
    verdicts: dict[int, bool | None] = {}
    while (wanted := wanted_samples(verdicts, config)) > len(verdicts):
        verdicts = dict(enumerate(outcomes[:wanted]))
    return [verdicts[index] for index in range(len(verdicts))]


@pytest.mark.parametrize("chance", [0.0, 0.05, 0.3, 0.5, 0.9, 1.0])
@pytest.mark.parametrize(("probe", "want", "most"), [(2, 1, 8), (2, 2, 10), (1, 2, 8), (3, 2, 9), (4, 3, 12)])
def test_the_estimate_is_unbiased_whatever_the_rule_and_the_chance(
    chance: float, probe: int, want: int, most: int
) -> None:
    config = SamplingConfig.model_validate({"probe": probe, "want_correct": want, "max": most})
    expectation = 0.0
    for outcomes in itertools.product((False, True), repeat=most):
        weight = math.prod(chance if outcome else 1 - chance for outcome in outcomes)
        rate = stopped_pass_rate(drawn(outcomes, config), probe=probe, want_correct=want, most=most)
        assert rate.value is not None
        expectation += weight * rate.value
    assert expectation == pytest.approx(chance, abs=1e-12)


@pytest.mark.parametrize(
    ("verdicts", "value", "estimator"),
    [
        ([True, True], 1.0, "probe"),
        ([True, False, True], 1 / 2, "inverse"),
        ([False, False, True, True], 1 / 3, "inverse"),
        ([False, False, True, True, True], 1 / 3, "inverse"),
        ([False] * 8, 0.0, "exhausted"),
        ([False] * 7 + [True], 1 / 8, "exhausted"),
        ([None, True, True], 1.0, "inverse"),
        ([None, False, True, True], 1 / 2, "inverse"),
        ([False, False, False], 0.0, "unfinished"),
        ([None, None], None, "unfinished"),
        ([], None, "unfinished"),
    ],
)
def test_the_estimator_depends_on_where_the_draws_stopped(
    verdicts: list[bool | None], value: float | None, estimator: str
) -> None:
    rate = stopped_pass_rate(verdicts, probe=2, want_correct=2, most=8)
    assert rate.value == (None if value is None else pytest.approx(value))
    assert rate.estimator == estimator


def test_a_first_success_that_is_all_that_was_wanted_leaves_the_probes_share() -> None:
    rate = stopped_pass_rate([False, False, False, True], probe=2, want_correct=1, most=8)
    assert (rate.value, rate.estimator, rate.draws) == (0.0, "probe", 2)


def test_a_fixed_number_of_draws_gives_the_mean_of_those_that_can_be_told() -> None:
    rate = fixed_pass_rate([True, None, False, True])
    assert (rate.value, rate.estimator, rate.draws) == (2 / 3, "fixed", 3)
    assert fixed_pass_rate([None]).value is None
