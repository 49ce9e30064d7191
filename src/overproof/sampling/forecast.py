"""What the run will cost: the most before it starts, an interval once its first problems are done."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import NamedTuple

import msgspec

from overproof.estimators import t_quantile
from overproof.records import Usage
from overproof.sampling.progress import Forecast
from overproof.teacher.budget import Amount, show_money, show_spent

FEWEST_PROBLEMS = 10
"""Finished problems before a forecast is made."""


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
    samples_done: int = 0
    """Wanted traces that are in the journal already."""

    def lines(self) -> list[str]:
        """The outlook for people, a line a fact."""
        unfit = f" ({self.problems_unfit:,} duplicates or contaminated, not asked)" if self.problems_unfit else ""
        requests = f"{self.requests_most:,}"
        if self.requests_least != self.requests_most:
            requests = f"{self.requests_least:,} to {self.requests_most:,}"
        there = f"; {self.samples_done:,} traces are there, {self.problems_done:,} problems have all of theirs"
        told = [f"{self.problems:,} problems{unfit}{there if self.samples_done else ''}; {requests} requests to make"]
        told += [*self._at_most()] if self.requests_most else []
        if self.expected:
            told.append(self.expected)
        if self.spent.tokens:
            told.append(f"spent so far: {show_spent(self.spent, self.currency)}")
        return told

    def _at_most(self) -> Iterator[str]:
        """What the requests can come to."""
        prompt, reply = self.worst.prompt_tokens or 0, self.worst.completion_tokens
        yield "no bound on the reply" if reply is None else f"{prompt + reply:,} tokens at the very most"
        if self.worst_cost is not None:
            yield f"{show_money(self.worst_cost, self.currency)} at the very most"
        elif reply is None:
            yield "no bound on the cost (set teacher.thinking_budget)"
        elif self.list_cost:
            yield f"{self.list_cost} (budget.input_price and output_price win)"
        else:
            yield "no prices given (budget.input_price, budget.output_price)"


_COHORT = 1000
"""Problems that a forecast rests on: the first to be started, so that in the end none of them is missing."""
_UNSEEN = 0.5
"""Problems that are taken to be longer than any seen, while some are under way: the longest that has finished is not
the longest there is."""
_RESIDUAL = 3.0
"""Variance of what a problem still has before it, in squares of its mean: 1 of an exponential tail, but lengths have
heavier ones. With 1 and nothing unseen, forecasts at four fifths of a run held the truth in 89 %, and so in 95 %."""


class _Taken(NamedTuple):
    """What a finished problem took."""

    seconds: float
    units: int
    tokens: float
    cost: float


class Forecaster:
    """Projects the cost of the whole run from the problems that were started first.

    What has finished is shorter than what has not, so a mean over it promises too little. Problems still under way are
    therefore counted as what they are: known to take longer than they have so far. Finished ones are weighted by Kaplan
    and Meier's estimate (1958), and what lies beyond the longest of them by an exponential tail.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing started; `clock` tells seconds."""
        self._clock = clock
        self._began: dict[int, float] = {}
        self._done: list[_Taken] = []
        self._units = 0
        self._totals = (0.0, 0.0)

    def started(self, order: int) -> None:
        """The problem with this number, from 0, is asked from now on."""
        if order < _COHORT:
            self._began[order] = self._clock()

    def finished(self, order: int, units: int, amount: Amount) -> None:
        """The problem started as number `order` took `units` (requests, or one for the problem) and this amount."""
        tokens, cost = float(amount.tokens), float(amount.cost)
        self._units += units
        self._totals = (self._totals[0] + tokens, self._totals[1] + cost)
        began = self._began.pop(order, None)
        if units and order < _COHORT:
            seconds = 0.0 if began is None else self._clock() - began
            self._done.append(_Taken(seconds, units, tokens, cost))

    def forecast(self, before: Amount, units: int) -> Forecast | None:
        """What a session of so many `units` adds to what was spent before it; None before enough problems are done."""
        if len(self._done) < FEWEST_PROBLEMS:
            return None
        now = self._clock()
        waiting = sorted(now - began for began in self._began.values())
        done = sorted(self._done)
        lived = _Lived(done, waiting, max(0, units - self._units))
        tokens = lived.project([one.tokens for one in done], float(before.tokens) + self._totals[0])
        cost = lived.project([one.cost for one in done], float(before.cost) + self._totals[1])
        mean, low, high = (Decimal(str(round(value, 6))) for value in cost)
        return Forecast(int(tokens[0]), int(tokens[1]), int(tokens[2]), mean, low, high, len(done))


class _Lived:
    """How long problems take: finished ones in the order of their seconds, and those under way by their age."""

    def __init__(self, done: list[_Taken], waiting: list[float], units_left: int) -> None:
        self.done = done
        self.waiting = waiting
        self.units_each = sum(one.units for one in done) / len(done)
        self.unstarted = max(0.0, units_left / self.units_each - len(waiting))
        """Problems that nobody has asked yet."""
        self.weights = _kaplan_meier([one.seconds for one in done], waiting)
        unseen = _UNSEEN / (len(done) + 1) if waiting else 0.0
        self.tail = max(unseen, 1 - math.fsum(self.weights))
        self.weights = [weight * (1 - self.tail) / math.fsum(self.weights) for weight in self.weights]
        """Share of problems that take longer than any that has finished."""

    def project(self, values: list[float], spent: float) -> tuple[float, float, float]:
        """The total of a value and its 95 % interval in logarithms: the mean's own error, the scatter of the rest."""
        beyond = self._beyond(values)
        mean = math.fsum(weight * value for weight, value in zip(self.weights, values, strict=True))
        mean += self.tail * beyond
        under_way, scatter = self._under_way(values, beyond)
        rest = self.unstarted * mean + under_way
        if rest <= 0:
            return spent, spent, spent
        squares = math.fsum(weight * (value - mean) ** 2 for weight, value in zip(self.weights, values, strict=True))
        variance = squares + 2 * self.tail * beyond**2  # an exponential tail scatters by its own mean
        problems = self.unstarted + len(self.waiting)
        error = math.sqrt(variance * (self.unstarted + problems**2 / len(values)) + scatter)
        reach = t_quantile(0.95, len(values) - 1) * error / rest
        return spent + rest, spent + rest * math.exp(-reach), spent + rest * math.exp(reach)

    def _beyond(self, values: list[float]) -> float:
        """What a problem comes to that takes longer than all that have finished, at the pace of the longer half."""
        half = 3 * len(self.done) // 4
        seconds = math.fsum(one.seconds for one in self.done[half:])
        if not seconds:
            return max(values)
        middle, finished = self.done[half].seconds, len(self.done) - half
        exposure = seconds - finished * middle + math.fsum(max(0.0, age - middle) for age in self.waiting)
        return (self.done[-1].seconds + exposure / finished) * math.fsum(values[half:]) / seconds

    def _under_way(self, values: list[float], beyond: float) -> tuple[float, float]:
        """What the problems under way will come to, each given that it has taken so long already, and its variance."""
        share, total = self.tail, self.tail * beyond
        pace = math.fsum(values) / (math.fsum(one.seconds for one in self.done) or math.inf)
        place, sums, scatter = len(values), 0.0, 0.0
        for age in reversed(self.waiting):
            while place and self.done[place - 1].seconds > age:
                place -= 1
                share += self.weights[place]
                total += self.weights[place] * values[place]
            whole = total / share if share > 1e-9 else beyond  # the oldest may have outlived all that finished
            sums += whole
            scatter += _RESIDUAL * max(0.0, whole - age * pace) ** 2
        return sums, scatter


def _kaplan_meier(finished: list[float], waiting: list[float]) -> list[float]:
    """The share of all that each finished one stands for (Kaplan and Meier 1958); both lists ascend."""
    weights, share, gone, at_risk = [], 1.0, 0, len(finished) + len(waiting)
    for seconds in finished:
        while gone < len(waiting) and waiting[gone] < seconds:
            gone += 1
            at_risk -= 1
        weights.append(share / at_risk)
        share -= share / at_risk
        at_risk -= 1
    return weights
