"""Rates and how sure one can be of them; only this module holds statistics.

The unit that repeats is the problem, not the row: traces of one problem rise and fall together, so every interval
here resamples problems with all their traces (a bootstrap clustered by problem).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

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


def estimate_rate(outcomes: Iterable[tuple[float, int]], *, seed: int = 0) -> Estimate:
    """Mean over problems of each problem's share of passes, with its interval.

    `outcomes` holds (passes, samples) for each problem, passes in fractions where the rate is an estimate; problems
    without samples do not count. For the interval see `estimate_mean`.
    """
    counts = Counter(outcomes)
    values: Counter[float] = Counter()
    for (passes, samples), problems in counts.items():
        if samples:
            values[passes / samples] += problems
    drawn = sum(samples * problems for (_, samples), problems in counts.items())
    return estimate_mean(values, drawn, seed=seed)


def estimate_mean(values: Mapping[float, int], samples: int, *, seed: int = 0) -> Estimate:
    """Mean of one value in [-1, 1] a problem, with its interval; `values` says how many problems have each value.

    The interval is the percentile bootstrap over problems with 2,000 resamples, the same for the same seed. Where
    every problem has the value 0, or every one 1, resampling shows no doubt at all, which a few problems do not
    justify: the interval is then Clopper and Pearson's for so many independent problems. `samples` is what the values
    rest on, for the reader.

    A resample of problems is drawn as how often each distinct value occurs in it, which follows the multinomial
    distribution: the same bootstrap, in a time that does not grow with the number of problems.
    """
    problems = sum(values.values())
    if not problems:
        return Estimate(None, None, None, 0, 0)
    value = np.array(sorted(values))
    count = np.array([values[one] for one in value.tolist()])
    mean = float(value @ count / problems)
    if len(value) == 1 and mean in {0.0, 1.0}:
        doubt = 1 - 0.025 ** (1 / problems)
        return Estimate(mean, max(0.0, mean - doubt), min(1.0, mean + doubt), problems, samples)
    drawn = np.random.default_rng(seed).multinomial(problems, count / problems, size=RESAMPLES)
    low, high = np.quantile(drawn @ value / problems, [0.025, 0.975])
    return Estimate(mean, float(low), float(high), problems, samples)


class ShareSums(msgspec.Struct, frozen=True):
    """What a share of rows needs of each problem, summed over problems, so that sums of parts can be added."""

    problems: int
    """Problems with at least one row."""
    passes: int
    rows: int
    squares: tuple[int, int, int]
    """Sums of passes², passes × rows and rows²."""


def estimate_share(sums: ShareSums) -> Estimate:
    """Share of rows that pass, where problems have different numbers of rows, with its interval.

    The interval is the ratio estimate's for clusters (Cochran, Sampling Techniques, chapter 6), clipped to [0, 1];
    where no row or every row passes it is Clopper and Pearson's for so many independent problems.
    """
    if not sums.rows:
        return Estimate(None, None, None, 0, 0)
    share = sums.passes / sums.rows
    if share in {0.0, 1.0} or sums.problems == 1:
        doubt = 1 - 0.025 ** (1 / sums.problems)
    else:
        passes, cross, rows = sums.squares
        scatter = max(0.0, passes - 2 * share * cross + share * share * rows)
        doubt = 1.96 * math.sqrt(scatter * sums.problems / (sums.problems - 1)) / sums.rows
    return Estimate(share, max(0.0, share - doubt), min(1.0, share + doubt), sums.problems, sums.rows)


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
