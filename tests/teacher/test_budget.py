"""Prices, reservations and caps."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from overproof.config.endpoint import BudgetConfig
from overproof.errors import ConfigError
from overproof.records import Usage
from overproof.teacher.budget import Amount, Answer, Budget, Prices, add_usage, check_budget


def budget(**fields: Any) -> BudgetConfig:
    return BudgetConfig.model_validate(fields)


def test_tokens_cost_what_the_four_prices_say() -> None:
    prices = Prices(budget(input_price="2", output_price="8", cached_price="0.5", reasoning_price="4"))
    usage = Usage(prompt_tokens=1000, completion_tokens=500, reasoning_tokens=300, cached_tokens=400)
    expected = (600 * Decimal(2) + 400 * Decimal("0.5") + 200 * Decimal(8) + 300 * Decimal(4)) / 1_000_000
    assert prices.of(usage) == Amount(1500, expected)


def test_without_prices_of_their_own_cached_and_reasoning_tokens_cost_like_the_rest() -> None:
    prices = Prices(budget(input_price="0.55", output_price="2.19"))
    assert prices.of(Usage(100, 200, 150, 50)) == prices.of(Usage(100, 200))
    assert prices.of(Usage(100, 200)).cost == Decimal("0.000493")


def test_without_any_price_only_tokens_are_counted() -> None:
    assert Prices(budget()).of(Usage(10, 20)) == Amount(30, Decimal(0))


def test_a_reservation_is_at_least_what_any_split_of_its_tokens_costs() -> None:
    prices = Prices(budget(input_price=2, output_price=8, cached_price=3, reasoning_price=9))
    worst = prices.of_worst(Usage(100, 50)).cost
    assert worst >= max(
        prices.of(Usage(100, 50, reasoning, cached)).cost for reasoning in (0, 50) for cached in (0, 100)
    )


def test_what_is_set_aside_counts_until_it_is_settled() -> None:
    purse = Budget(budget(max_tokens=100))

    def reserve(tokens: int) -> Answer:
        return asyncio.run(purse.reserve(Amount(tokens)))

    assert [reserve(60), reserve(41), reserve(40)] == ["yes", "wait", "yes"]
    purse.settle(Amount(60), Amount(10))
    assert [reserve(51), reserve(50)] == ["wait", "yes"]
    assert purse.spent == Amount(10)


def test_what_earlier_sessions_spent_counts() -> None:
    purse = Budget(budget(max_cost=1, input_price=1, output_price=1), Amount(5, Decimal("0.9")))
    assert asyncio.run(purse.reserve(Amount(1, Decimal("0.11")))) == "capped"
    assert asyncio.run(purse.reserve(Amount(1, Decimal("0.1")))) == "yes"


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=60))
def test_a_cap_is_never_passed_while_replies_keep_within_their_reservations(requests: list[tuple[int, int]]) -> None:
    purse = Budget(budget(max_tokens=200))
    held: list[tuple[int, int]] = []
    for worst, used in requests:
        if asyncio.run(purse.reserve(Amount(worst))) == "yes":
            held.append((worst, min(used, worst)))
        elif held:
            reserved, charged = held.pop(0)
            purse.settle(Amount(reserved), Amount(charged))
        assert purse.spent.tokens + purse.reserved.tokens <= 200


def test_a_cap_without_a_bound_on_the_reply_is_refused() -> None:
    with pytest.raises(ConfigError, match="thinking_budget"):
        check_budget(budget(max_tokens=100), None)
    check_budget(budget(max_tokens=100), 50)
    check_budget(budget(), None)


@pytest.mark.parametrize(
    "fields",
    [{"max_cost": 5}, {"input_price": 1}, {"output_price": 1}, {"input_price": -1, "output_price": 1}],
)
def test_prices_that_do_not_fit_together_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        budget(**fields)


def test_usages_add_up_and_unknown_stays_unknown() -> None:
    assert add_usage([Usage(1, 2), Usage(None, 3), Usage(reasoning_tokens=4)]) == Usage(1, 5, 4)
    assert add_usage([Usage(), Usage()]) == Usage()
