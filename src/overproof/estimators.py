"""Rates and how sure one can be of them; only this module holds statistics.

The unit that repeats is the problem, not the row: traces of one problem rise and fall together, so every interval
here resamples problems with all their traces (a bootstrap clustered by problem).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

RESAMPLES = 2000


class Estimate(msgspec.Struct, frozen=True):
    """A rate with its 95 % interval and what it rests on. All None where there is nothing to measure."""

    value: float | None
    low: float | None
    high: float | None
    problems: int
    samples: int


def estimate_rate(outcomes: Sequence[tuple[float, int]], *, seed: int = 0) -> Estimate:
    """Mean over problems of each problem's share of passes, with its interval.

    `outcomes` holds (passes, samples) for each problem, passes in fractions where the rate is an estimate; problems
    without samples do not count. The interval is the percentile bootstrap over problems with 2,000 resamples, the same
    for the same seed.

    A resample of problems is drawn as how often each distinct rate occurs in it, which follows the multinomial
    distribution: the same bootstrap, in a time that does not grow with the number of problems.
    """
    counts = np.array([pair for pair in outcomes if pair[1] > 0], dtype=np.float64).reshape(-1, 2)
    problems = len(counts)
    if not problems:
        return Estimate(None, None, None, 0, 0)
    rates, occurrences = np.unique(counts[:, 0] / counts[:, 1], return_counts=True)
    draws = np.random.default_rng(seed).multinomial(problems, occurrences / problems, size=RESAMPLES)
    low, high = np.quantile(draws @ rates / problems, [0.025, 0.975])
    mean = float(occurrences @ rates / problems)
    return Estimate(mean, float(low), float(high), problems, int(counts[:, 1].sum()))


class PassRate(msgspec.Struct, frozen=True):
    """A problem's estimated chance of a correct reply."""

    value: float | None
    """None when no verdict counts."""
    estimator: str
    """fixed, probe, inverse, exhausted or unfinished."""
    draws: int
    """Verdicts the estimate rests on."""


def fixed_pass_rate(verdicts: Sequence[bool | None]) -> PassRate:
    """Pass rate where the number of draws did not depend on the verdicts: the mean of those that are not None."""
    counted = [verdict for verdict in verdicts if verdict is not None]
    return PassRate(sum(counted) / len(counted) if counted else None, "fixed", len(counted))


def stopped_pass_rate(verdicts: Sequence[bool | None], *, probe: int, want_correct: int, most: int) -> PassRate:
    """Pass rate where draws went on until `want_correct` were correct, at least `probe` and at most `most`.

    `verdicts` are in order of the draws' index; None (unverifiable, refused) is left out as if it had not been drawn.
    Draws beyond the one at which the rule stops, made because several were under way at once, do not count. The
    estimate is the unbiased one of Girshick, Mosteller and Savage (1946) for this plan, the number of paths to the
    stopping point that begin with a success over the number of all:

        stopped at the probe with x correct             x / probe
        stopped later, at draw N, by correct c          (c − 1) / (N − 1); 0 for c = 1, so that it equals the probe's
        never stopped, with k correct of all draws      k / draws

    With want_correct = 1 this is the share of correct ones in the probe alone: a first success found late says
    nothing unbiased.
    """
    counted = [verdict for verdict in verdicts[:most] if verdict is not None]
    if not counted:
        return PassRate(None, "unfinished", 0)
    correct = sum(counted[:probe])
    if len(counted) <= probe or correct >= want_correct or want_correct == 1:
        draws = min(probe, len(counted))
        return PassRate(correct / draws, "probe", draws)
    for draw in range(probe, len(counted)):
        correct += counted[draw]
        if correct == want_correct:
            return PassRate((want_correct - 1) / draw, "inverse", draw + 1)
    # Without the None verdicts the plan may have ended at `most` with fewer counted draws.
    is_finished = len(verdicts) >= most
    return PassRate(correct / len(counted), "exhausted" if is_finished else "unfinished", len(counted))
