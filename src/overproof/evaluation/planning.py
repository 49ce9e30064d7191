"""How large a comparison must be to see a difference, told with what it costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from overproof.errors import ConfigError
from overproof.estimators import Plan, fit_prior, plan_comparison
from overproof.evaluation.outcomes import read_outcomes
from overproof.runfolder import RunFolder


class Difficulty(msgspec.Struct, frozen=True):
    """How pass rates spread over problems, and how long replies are."""

    shape: tuple[float, float] = (1.0, 1.0)
    """Beta distribution of pass rates; (1, 1) takes all of them for equally likely."""
    tokens: float | None = None
    """Tokens of a reply; None where nothing was sampled yet."""

    @property
    def mean(self) -> float:
        """The mean pass rate."""
        return self.shape[0] / sum(self.shape)


def read_difficulty(folder: RunFolder) -> Difficulty:
    """What an earlier run, or the evaluation in its folder, found. Raises RunFolderError without scores."""
    answers = folder.evaluation if folder.evaluation.holds_run() else folder
    counts: Counter[tuple[int, int]] = Counter()
    tokens: list[int] = []
    for outcome in read_outcomes(answers, approximate="correct"):
        if outcome.samples:
            counts[sum(sample.passed for sample in outcome.samples), len(outcome.samples)] += 1
            tokens += [sample.tokens for sample in outcome.samples if sample.tokens is not None]
    prior = fit_prior(counts)
    return Difficulty((prior.a, prior.b), sum(tokens) / len(tokens) if tokens else None)


def plan_lines(points: float, samples: Sequence[int], difficulty: Difficulty) -> list[str]:
    """A line for each number of samples a problem: how many problems show `points` of difference, and what is asked.

    Raises ConfigError where no such comparison exists.
    """
    try:
        plans = [plan_comparison(points / 100, n, difficulty=difficulty.shape) for n in samples]
    except ValueError as error:
        raise ConfigError(f"{points:g} points cannot be planned for: {error}") from None
    easy = f"where the mean pass rate is {difficulty.mean:.0%}"
    heading = f"to see a difference of {points:g} points in four of five tries, {easy}:"
    return [heading, *(_describe(plan, difficulty.tokens) for plan in plans)]


def _describe(plan: Plan, tokens: float | None) -> str:
    asked = f"{plan.problems:>9,} problems x {plan.samples:<3} on each side: {plan.replies:,} replies"
    return asked if tokens is None else f"{asked}, about {plan.replies * tokens:,.0f} tokens"
