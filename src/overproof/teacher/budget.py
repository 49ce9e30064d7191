"""Tokens and money: what replies cost, what may still be spent, and the promise that no cap is passed.

Each request reserves its worst case before it starts and is settled with what it used, so that the caps hold
whatever comes back. Both paid stages of a run share one budget, each with prices of its own. What a session has spent
on samples that it could not finish is known to that session alone: the journal has no line of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal, Protocol

import msgspec

from overproof.config.endpoint import BudgetConfig, PricesConfig
from overproof.errors import ConfigError
from overproof.records import Trace, Usage

_PER = Decimal(1_000_000)


Answer = Literal["yes", "capped", "wait", "stopped"]
"""To a reservation: it is made; it will never fit under a cap, since nothing is set aside that could be given back; not
now, but it may fit once others have settled; the run is ending and nothing is to be started."""


class Amount(msgspec.Struct, frozen=True):
    """Tokens of prompt and reply, and what they cost (0 without prices)."""

    tokens: int = 0
    cost: Decimal = Decimal(0)
    unreported_tokens: int = 0
    """Of the tokens those that no endpoint has counted: what is charged for them is a bound or an estimate."""
    unreported_cost: Decimal = Decimal(0)

    @property
    def least_tokens(self) -> int:
        """What endpoints have reported."""
        return self.tokens - self.unreported_tokens

    @property
    def least_cost(self) -> Decimal:
        """What endpoints have reported, in money."""
        return self.cost - self.unreported_cost

    @property
    def is_bound(self) -> bool:
        """Whether a part was never reported, so that all of it is no more than a bound."""
        return self.unreported_tokens > 0

    def __add__(self, other: Amount) -> Amount:
        """Both together."""
        return Amount(
            self.tokens + other.tokens,
            self.cost + other.cost,
            self.unreported_tokens + other.unreported_tokens,
            self.unreported_cost + other.unreported_cost,
        )

    def __sub__(self, other: Amount) -> Amount:
        """The rest."""
        return Amount(
            self.tokens - other.tokens,
            self.cost - other.cost,
            self.unreported_tokens - other.unreported_tokens,
            self.unreported_cost - other.unreported_cost,
        )


class Prices:
    """What tokens cost at one endpoint."""

    def __init__(self, config: PricesConfig) -> None:
        """Take the prices per million tokens; without prices everything costs 0."""
        self.is_given = config.has_prices
        self.input = (config.input_price or Decimal(0)) / _PER
        self.output = (config.output_price or Decimal(0)) / _PER
        self.cached = self.input if config.cached_price is None else config.cached_price / _PER
        self.reasoning = self.output if config.reasoning_price is None else config.reasoning_price / _PER

    def of(self, usage: Usage) -> Amount:
        """The amount of a usage; what is None counts as nothing."""
        prompt, reply = usage.prompt_tokens or 0, usage.completion_tokens or 0
        if not self.is_given:
            return Amount(prompt + reply)
        cached = min(usage.cached_tokens or 0, prompt)
        reasoning = min(usage.reasoning_tokens or 0, reply)
        cost = (
            (prompt - cached) * self.input
            + cached * self.cached
            + (reply - reasoning) * self.output
            + reasoning * self.reasoning
        )
        return Amount(prompt + reply, cost)

    def of_trace(self, trace: Trace) -> Amount:
        """All that a trace is charged for: its reply, its failed attempts, and the worst case of what is unknown."""
        return self.of(trace.usage) + self.of(trace.retried_usage) + self.of_unreported(trace.unreported_usage)

    def of_unreported(self, usage: Usage) -> Amount:
        """`of_worst` for tokens that may have been billed and that nobody has reported."""
        worst = self.of_worst(usage)
        return Amount(worst.tokens, worst.cost, worst.tokens, worst.cost)

    def of_worst(self, usage: Usage) -> Amount:
        """The amount of a reservation: every reply token at the dearer of the two prices."""
        prompt, reply = usage.prompt_tokens or 0, usage.completion_tokens or 0
        return Amount(prompt + reply, prompt * max(self.input, self.cached) + reply * max(self.output, self.reasoning))


class Purse(Protocol):
    """What a paid stage spends from: this process's `Budget`, or a share of one that lies elsewhere."""

    @property
    def spent(self) -> Amount:
        """What the run has been charged for, over all stages and sessions, as far as is known here."""

    async def reserve(self, amount: Amount) -> Answer:
        """Set the amount aside, or say why not; a cap holds for all that is set aside together."""

    def settle(self, reserved: Amount, charged: Amount) -> None:
        """Give a reservation back and charge what was used."""


class Budget:
    """The caps of a run, what it has spent and what is set aside for requests in flight."""

    def __init__(self, config: BudgetConfig, spent: Amount | None = None) -> None:
        """Begin with what earlier sessions of the run have spent."""
        self._spent = spent or Amount()
        self.reserved = Amount()
        self._most_cost = config.max_cost
        self._most_tokens = config.max_tokens

    @property
    def spent(self) -> Amount:
        """What the run has been charged for."""
        return self._spent

    async def reserve(self, amount: Amount) -> Answer:
        """Set the amount aside, or say that it does not fit under a cap together with all that is set aside."""
        return self.answer(amount)

    def answer(self, amount: Amount) -> Answer:
        """`reserve` for callers that serve others."""
        if self.set_aside(amount):
            return "yes"
        return "wait" if self.reserved.tokens else "capped"

    def set_aside(self, amount: Amount) -> bool:
        """Set the amount aside if it fits; returns whether it did."""
        bound = self._spent + self.reserved + amount
        if self._most_cost is not None and bound.cost > self._most_cost:
            return False
        if self._most_tokens is not None and bound.tokens > self._most_tokens:
            return False
        self.reserved += amount
        return True

    def settle(self, reserved: Amount, charged: Amount) -> None:
        """Give a reservation back and charge what was used."""
        self.reserved -= reserved
        self._spent += charged


def check_budget(config: BudgetConfig, most_reply_tokens: int | None) -> None:
    """Raise ConfigError when there is a cap but nothing bounds the length of a reply, so that no cap could hold."""
    if config.is_capped and most_reply_tokens is None:
        raise ConfigError(
            "budget: a cap needs a bound on the whole reply, and this provider's max_tokens leaves the reasoning out. "
            "Set teacher.thinking_budget too."
        )


def add_usage(usages: Iterable[Usage]) -> Usage:
    """The sum of usages, field by field; None only where every one is None."""
    totals: dict[str, int] = {}
    for usage in usages:
        for field in Usage.__struct_fields__:
            count = getattr(usage, field)
            if count is not None:
                totals[field] = totals.get(field, 0) + count
    return Usage(**totals)


def show_spent(spent: Amount, currency: str) -> str:
    """Tokens and money for people; a bound is never shown as if it had been measured."""
    tokens, cost = f"{spent.tokens:,} tokens", show_money(spent.cost, currency)
    if not spent.is_bound:
        return f"{tokens}, {cost}" if spent.cost else tokens
    if not spent.least_tokens:
        return f"at most {tokens}{f', {cost}' if spent.cost else ''}, none of them reported"
    told = f"{spent.least_tokens:,} tokens reported, at most {spent.tokens:,}"
    if not spent.cost:
        return told
    return f"{told}; {show_money(spent.least_cost, currency)} reported, at most {cost}"


def show_money(cost: Decimal, currency: str) -> str:
    """An amount of money for people: cents, and more digits where cents would say 0."""
    digits = 2 if cost >= 1 or not cost else 4
    return f"{cost:,.{digits}f} {currency}"
