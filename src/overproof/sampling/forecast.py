"""What the run will cost: the most before it starts, an interval once its first problems are done."""

from __future__ import annotations

import math
from decimal import Decimal

import msgspec

from overproof.records import Usage
from overproof.sampling.progress import Forecast
from overproof.teacher.budget import Amount, show_money

FEWEST_PROBLEMS = 10
"""Finished problems before a forecast is made."""
_Z95 = 1.96


class Outlook(msgspec.Struct, frozen=True):
    """What a run may come to before its first call: printed before money is spent, and by `--dry-run`."""

    problems: int
    problems_done: int
    """Problems that already have all the traces they want, those that want none included."""
    problems_unfit: int
    """Problems that repeat another or stand in a benchmark: selection rejects every trace of them, so none is asked."""
    requests_least: int
    """Requests that are surely still to be made."""
    requests_most: int
    """Requests to be made at the most; equal to the least unless sampling is adaptive. Retries come on top."""
    worst: Usage
    """Most tokens of those requests; completion_tokens None when nothing bounds a reply."""
    worst_cost: Decimal | None
    """Most money they can cost; None without prices or without a bound."""
    spent: Amount
    """What earlier sessions have spent."""
    currency: str
    list_cost: str = ""
    """The worst case by the provider's list prices, with their date, where the config gives none."""
    expected: str = ""
    """What the rest will come to if it goes on like what is there; empty while there is nothing."""

    def lines(self) -> list[str]:
        """The outlook for people, a line a fact."""
        unfit = f" ({self.problems_unfit:,} duplicates or contaminated, not asked)" if self.problems_unfit else ""
        requests = f"{self.requests_most:,}"
        if self.requests_least != self.requests_most:
            requests = f"{self.requests_least:,} to {self.requests_most:,}"
        prompt, reply = self.worst.prompt_tokens or 0, self.worst.completion_tokens
        tokens = "no bound on the reply" if reply is None else f"{prompt + reply:,} tokens at the very most"
        done = f"{self.problems_done:,} of them done{unfit}"
        told = [f"{self.problems:,} problems, {done}; {requests} requests to make", tokens]
        if self.worst_cost is not None:
            told.append(f"{show_money(self.worst_cost, self.currency)} at the very most")
        elif reply is None:
            told.append("no bound on the cost (set teacher.thinking_budget)")
        elif self.list_cost:
            told.append(f"{self.list_cost} at the very most (budget.input_price and output_price win)")
        else:
            told.append("no prices given (budget.input_price, budget.output_price)")
        if self.expected:
            told.append(self.expected)
        if self.spent.tokens:
            told.append(f"{self.spent.tokens:,} tokens spent so far" + _money_part(self.spent.cost, self.currency))
        return told


class Forecaster:
    """Projects the cost of the whole run from the problems that were started first.

    Only an unbroken row of finished problems, in the order in which they were started, counts: whatever finishes
    first is shorter and easier than the rest, and a mean over it would promise too little.
    """

    def __init__(self) -> None:
        """Begin with nothing finished."""
        self._waiting: dict[int, tuple[int, Amount]] = {}
        self._next = 0
        self._count = 0
        self._units = 0
        self._unit_squares = 0
        self._totals = (0.0, 0.0)
        self._squares = [0.0, 0.0]
        self._products = [0.0, 0.0]

    def finished(self, order: int, units: int, amount: Amount) -> None:
        """The problem started as number `order` took `units` (requests, or one for the problem) and this amount."""
        self._waiting[order] = (units, amount)
        while self._next in self._waiting:
            self._add(*self._waiting.pop(self._next))
            self._next += 1

    def forecast(self, before: Amount, units: int) -> Forecast | None:
        """What a session of so many `units` adds to what was spent before it; None before enough problems are done."""
        if self._count < FEWEST_PROBLEMS:
            return None
        tokens = self._project(0, units, float(before.tokens))
        cost = self._project(1, units, float(before.cost))
        mean, low, high = (Decimal(str(round(value, 6))) for value in cost)
        return Forecast(int(tokens[0]), int(tokens[1]), int(tokens[2]), mean, low, high, self._count)

    def _add(self, units: int, amount: Amount) -> None:
        if not units:
            return
        values = (float(amount.tokens), float(amount.cost))
        self._count += 1
        self._units += units
        self._unit_squares += units * units
        self._totals = (self._totals[0] + values[0], self._totals[1] + values[1])
        for i, value in enumerate(values):
            self._squares[i] += value * value
            self._products[i] += value * units

    def _project(self, which: int, units: int, before: float) -> tuple[float, float, float]:
        """Ratio estimate with a 95 % interval: the rate's own error, and the scatter of what is left."""
        done = before + self._totals[which]
        left = max(0, units - self._units)
        rate = self._totals[which] / self._units
        squares = self._squares[which] - 2 * rate * self._products[which] + rate * rate * self._unit_squares
        variance = max(0.0, squares) / self._units * (self._count / (self._count - 1))
        error = math.sqrt(variance * left * (1 + left / self._units))
        total = done + rate * left
        return total, max(done, total - _Z95 * error), total + _Z95 * error


def _money_part(cost: Decimal, currency: str) -> str:
    return f", {show_money(cost, currency)}" if cost else ""
