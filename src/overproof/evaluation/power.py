"""How large a comparison must be to see a difference, told with what it costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from overproof.config import parse_config
from overproof.errors import ConfigError
from overproof.estimators import ComparisonPlan, fit_prior, plan_comparison
from overproof.evaluation.measures import LEANS
from overproof.evaluation.outcomes import read_outcomes, read_sampling
from overproof.runfolder import Manifest, RunFolder
from overproof.sampling.settings import Settings
from overproof.teacher.budget import Amount, Prices, show_money

_APART = 0.1
"""Standard deviation of a problem's true difference where two models are good at different problems."""


class Difficulty(msgspec.Struct, frozen=True):
    """How pass rates spread over problems, and what a reply takes."""

    shape: tuple[float, float] = (1.0, 1.0)
    """Beta distribution of pass rates; (1, 1) takes all of them for equally likely."""
    tokens: float | None = None
    """Tokens that a reply is charged for, its prompt included; None where nothing was sampled yet."""
    cost: Decimal | None = None
    """Money for a reply; None without prices."""
    currency: str = ""
    price_note: str = ""
    """Where the prices come from when the config gives none."""
    so_far: bool = False
    """Whether the run lacks replies, so that problems seem easier and replies shorter than they are."""

    @property
    def mean(self) -> float:
        """The mean pass rate."""
        return self.shape[0] / sum(self.shape)


def difficulty_of(pass_rate: float | None) -> Difficulty:
    """How pass rates may spread where only their mean is known, in percent; evenly where not even that is.

    Raises ConfigError for what is no mean of pass rates.
    """
    if pass_rate is None:
        return Difficulty()
    if not 0 < pass_rate < 100:
        raise ConfigError(f"--pass-rate {pass_rate:g}: a mean pass rate lies between 0 and 100 %")
    return Difficulty((pass_rate / 50, 2 - pass_rate / 50))


def read_difficulty(folder: RunFolder) -> Difficulty:
    """What an earlier run, or the evaluation in its folder, found. Raises RunFolderError without scores."""
    answers = folder.evaluation if folder.evaluation.holds_run() else folder
    counts: Counter[tuple[int, int]] = Counter()
    sampling, is_whole = read_sampling(answers), True
    for outcome in read_outcomes(answers, approximate="correct"):
        is_whole &= outcome.has_all_samples(sampling)
        if outcome.samples:
            counts[sum(sample.passed for sample in outcome.samples), len(outcome.samples)] += 1
    prior = fit_prior(counts)
    found = Difficulty((prior.a, prior.b), so_far=not is_whole)
    manifest = answers.read_manifest()
    return found if manifest is None else _with_prices(found, answers, manifest)


def _with_prices(found: Difficulty, answers: RunFolder, manifest: Manifest) -> Difficulty:
    """What a reply of the run came to, by the config's prices, or else the provider's list."""
    config = parse_config(dict(manifest.config), str(answers.config))
    listed = Settings(config).list_price
    prices = Prices(listed.prices if listed is not None else config.budget)
    spent, replies = Amount(), 0
    for shard in range(manifest.shards):
        for _, traces in answers.read_groups(shard):
            spent = sum((prices.of_trace(trace) for trace in traces), spent)
            replies += len(traces)
    if not replies:
        return found
    return msgspec.structs.replace(
        found,
        tokens=spent.tokens / replies,
        cost=spent.cost / replies if prices.is_given else None,
        currency=listed.currency if listed is not None else config.budget.currency,
        price_note=listed.note if listed is not None else "",
    )


def plan_lines(points: float, samples: Sequence[int], difficulty: Difficulty) -> list[str]:
    """A line for each number of samples a problem: how many problems show `points` of difference, and what is asked.

    Raises ConfigError where no such comparison exists.
    """
    try:
        plans = [plan_comparison(points / 100, n, difficulty=difficulty.shape) for n in samples]
        apart = plan_comparison(points / 100, max(samples), difficulty=difficulty.shape, scatter=_APART)
    except ValueError as error:
        raise ConfigError(f"{points:g} points cannot be planned for: {error}") from None
    easy = f"where the mean pass rate is {difficulty.mean:.0%}"
    lines = [f"to see a difference of {points:g} points in four of five tries, {easy}:"]
    lines += [_describe(plan, difficulty) for plan in plans]
    lines.append(
        f"where one is better on some problems and worse on others (by ±{100 * _APART:g} points), samples do not help "
        f"against that: {apart.problems:,} problems x {apart.samples}"
    )
    lines += [f"money {difficulty.price_note}"] if difficulty.price_note else []
    return [*lines, LEANS] if difficulty.so_far else lines


def _describe(plan: ComparisonPlan, difficulty: Difficulty) -> str:
    line = f"{plan.problems:>9,} problems x {plan.samples:<3} on each side: {plan.replies:,} replies"
    if difficulty.tokens is not None:
        line += f", about {plan.replies * difficulty.tokens:,.0f} tokens"
    if difficulty.cost is not None:
        line += f", {show_money(plan.replies * difficulty.cost, difficulty.currency)}"
    return line
