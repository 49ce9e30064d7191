"""Forecasts of a run's cost: not misled by what finishes first, and right as often as they say."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest
from simulated import forecast_once

from overproof.sampling.forecast import FEWEST_PROBLEMS, Forecaster
from overproof.teacher.budget import Amount, show_money

NOTHING = Amount()


def amount(tokens: int) -> Amount:
    return Amount(tokens, Decimal(tokens) / 1000)


def test_nothing_is_forecast_from_a_handful_of_problems() -> None:
    forecaster = Forecaster()
    for order in range(FEWEST_PROBLEMS - 1):
        forecaster.finished(order, 1, amount(100))
        assert forecaster.forecast(NOTHING, 1000) is None
    forecaster.finished(FEWEST_PROBLEMS - 1, 1, amount(100))
    found = forecaster.forecast(NOTHING, 1000)
    assert found is not None
    assert (found.tokens, found.tokens_low, found.tokens_high, found.problems) == (100_000, 100_000, 100_000, 10)
    assert found.cost == Decimal(100)


def test_short_problems_that_finish_first_do_not_make_the_run_look_cheap() -> None:
    """Ten tokens a second: half of the problems take one second, the others a hundred and are still under way."""
    now = [0.0]
    forecaster = Forecaster(clock=lambda: now[0])
    for order in range(40):
        forecaster.started(order)
    now[0] = 1.0
    for order in range(1, 40, 2):
        forecaster.finished(order, 1, amount(10))
    now[0] = 50.0
    early = forecaster.forecast(NOTHING, 40)
    assert early is not None
    assert early.tokens > 20 * 10 + 20 * 500  # each of the others has had 500 tokens already
    now[0] = 100.0
    for order in range(0, 40, 2):
        forecaster.finished(order, 1, amount(1000))
    found = forecaster.forecast(NOTHING, 40)
    assert found is not None
    assert found.tokens == 20_200


@pytest.mark.parametrize(("share", "bias"), [(0.2, 0.12), (0.5, 0.05)])
def test_a_forecast_in_the_middle_of_a_run_is_right_though_the_long_replies_are_still_under_way(
    share: float, bias: float
) -> None:
    """A mean over what has finished is 16 to 32 % too low at a fifth of the time, and its interval holds a third."""
    found = [forecast_once(seed, share=share) for seed in range(60)]
    made = [one for one in found if one is not None]
    assert len(made) > 50
    assert abs(sum(off for off, _ in made) / len(made)) < bias
    assert sum(holds for _, holds in made) / len(made) > 0.84  # .93 within chance


def test_what_earlier_sessions_spent_is_part_of_the_whole() -> None:
    forecaster = Forecaster()
    for order in range(10):
        forecaster.finished(order, 2, amount(200))
    found = forecaster.forecast(amount(5000), 30)
    assert found is not None
    assert found.tokens == 5000 + 3000


def test_problems_that_took_nothing_do_not_count() -> None:
    forecaster = Forecaster()
    for order in range(20):
        forecaster.finished(order, order % 2, amount(100 if order % 2 else 0))
    found = forecaster.forecast(NOTHING, 10)
    assert found is not None
    assert (found.problems, found.tokens) == (10, 1000)


@pytest.mark.parametrize("samples", [1, 8])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(samples: int) -> None:
    generator = random.Random(0)
    hits = 0
    for _ in range(200):
        rates = [generator.lognormvariate(6, 0.5) for _ in range(400)]  # as skewed as lengths of reasoning are
        costs = [int(sum(rate * generator.uniform(0.5, 1.5) for _ in range(samples))) for rate in rates]
        forecaster = Forecaster()
        for order in range(60):
            forecaster.finished(order, samples, amount(costs[order]))
        found = forecaster.forecast(NOTHING, 400 * samples)
        assert found is not None
        hits += found.tokens_low <= sum(costs) <= found.tokens_high
    assert 0.88 <= hits / 200 <= 1.0


def test_money_is_shown_with_as_many_digits_as_it_takes() -> None:
    assert show_money(Decimal("1234.567"), "CNY") == "1,234.57 CNY"
    assert show_money(Decimal("0.0123"), "USD") == "0.0123 USD"
    assert show_money(Decimal(0), "USD") == "0.00 USD"
