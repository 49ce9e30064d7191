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


def estimate_rate(outcomes: Sequence[tuple[int, int]], *, seed: int = 0) -> Estimate:
    """Mean over problems of each problem's share of passes, with its interval.

    `outcomes` holds (passes, samples) for each problem; problems without samples do not count. The interval is the
    percentile bootstrap over problems with 2,000 resamples, the same for the same seed.
    """
    counts = np.array([pair for pair in outcomes if pair[1] > 0], dtype=np.float64).reshape(-1, 2)
    if not len(counts):
        return Estimate(None, None, None, 0, 0)
    rates = counts[:, 0] / counts[:, 1]
    generator = np.random.default_rng(seed)
    means = np.array([rates[generator.integers(0, len(rates), len(rates))].mean() for _ in range(RESAMPLES)])
    low, high = np.quantile(means, [0.025, 0.975])
    return Estimate(float(rates.mean()), float(low), float(high), len(rates), int(counts[:, 1].sum()))
