"""Two systems on the same problems: how far apart they are, how sure one can be, and whether it could be chance.

What a difference is uncertain by is one variance of two parts: the problems happen to be these (their gaps scatter),
and the trainings happen to be these (runs of one side scatter beyond what chance on the problems explains). Both go
into one Student's t, whose degrees of freedom are Satterthwaite's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from overproof.estimators.intervals import LEVEL, Floats, pseudo_mean
from overproof.estimators.students_t import t_quantile, two_sided_p

PERMUTATIONS = 10_000
"""Random exchanges behind a p-value."""
SMALLEST_P = 1 / (PERMUTATIONS + 1)
"""Least p-value that random exchanges can show: a smaller one is printed as no larger than this."""
ALPHA = 0.05
"""Chance of calling noise a difference, over all comparisons of a table together."""
_LEAST_PSEUDO, _MOST_PSEUDO = 0.3, 0.6
"""The pseudo-problems of a difference lie on both sides of 0 as far as the largest gap that was seen, within these
bounds. At .6 whatever was seen, intervals of 30 problems with 64 samples are half as wide again as they need be; at
±.3 those of 10 problems with one sample hold the truth in 90 %; at the gap itself, with no bounds, those of 5 problems
in as little as 46 %. So they hold it in 94 % and more (`tests/bench/bench_statistics.py`)."""
_MOST_FREEDOM = 3
"""Degrees of freedom of an interval, at most, for each run beyond the first of a side. Where two runs happen to lie
close, Satterthwaite's count says that trainings hardly scatter, which two runs cannot show: of 500 problems at two
points of scatter intervals of a side held the truth in 89.5 %, and with this bound in 96.7 %, 4 % wider; those of a
difference between two runs and one in 90.5 %, and with it in 94.2 %."""


class Difference(msgspec.Struct, frozen=True):
    """How far apart two systems are on the same problems: second minus first, with its interval."""

    value: float
    low: float
    high: float
    p_value: float
    """Chance of a difference at least as large if the two systems were alike: by exchange of every problem's two
    values, and by Student's t, which knows the scatter of runs; the larger of both."""
    problems: int
    covers_training: bool = True
    """Whether the scatter of trainings is known: one run a side says nothing of what another training would give."""
    error: float = 0.0
    """Standard error."""
    freedom: float = 1.0
    """Degrees of freedom of the standard error."""

    def at_level(self, level: float) -> Difference:
        """The same difference with an interval of another level, such as one of several that shall hold together."""
        reach = t_quantile(round(level, 9), self.freedom) * self.error
        return msgspec.structs.replace(self, low=max(-1.0, self.value - reach), high=min(1.0, self.value + reach))

    @property
    def detectable(self) -> float:
        """The smallest true difference that a comparison like this one would have found in four of five tries."""
        # 80 % power adds the 60 % two-sided quantile, which is the 80 % one-sided
        return (t_quantile(LEVEL, self.freedom) + t_quantile(0.6, self.freedom)) * self.error

    @property
    def noise(self) -> str:
        """What a difference that could be chance is at the most, and what would have been seen, in words."""
        most = max(-self.low, self.high)
        return f"no larger than ±{100 * most:.1f} (could find {100 * self.detectable:.1f})"


def estimate_difference(first: Sequence[float] | Floats, second: Sequence[float] | Floats) -> Difference:
    """Mean over problems of second − first, paired by problem, with its 95 % interval and p-value.

    Each side is one value in [0, 1] a problem, or a (runs, problems) matrix when a side was trained or sampled several
    times. A side with a single run is taken to scatter as the other does. Raises ValueError when the two sides do not
    have the same problems, or none, or hold what is no number.
    """
    sides = [np.atleast_2d(np.asarray(side, dtype=np.float64)) for side in (first, second)]
    problems = sides[0].shape[1]
    if problems != sides[1].shape[1] or not problems:
        raise ValueError(f"a paired difference needs the same problems, not {problems} and {sides[1].shape[1]}")
    if not all(np.isfinite(side).all() for side in sides):
        raise ValueError("a difference needs numbers; some value is none")
    gaps = sides[1].mean(axis=0) - sides[0].mean(axis=0)
    value = float(gaps.mean())
    error, freedom, covers = _standard_error(gaps, sides)
    p_value = max(permutation_test(gaps), two_sided_p(value / error, freedom))
    whole = Difference(value, -1.0, 1.0, p_value, problems, covers, error, freedom)
    return whole.at_level(LEVEL)


def estimate_side(values: Floats) -> tuple[float, float, float]:
    """The mean of a (runs, problems) matrix of values in [0, 1] and its 95 % interval, the scatter of runs included."""
    runs, problems = values.shape
    means = values.mean(axis=0)
    mean = float(means.mean())
    centre, variance, freedom = pseudo_mean(problems, float(means.sum()), float((means**2).sum()))
    error, freedom = _joined(variance, freedom, _runs_variance([values]), 1 / runs)
    reach = t_quantile(LEVEL, freedom) * error
    return mean, max(0.0, min(centre - reach, mean)), min(1.0, max(centre + reach, mean))


def pseudo_gap(largest: float) -> float:
    """How far from 0 the pseudo-problems of a difference lie, given the largest gap of a problem."""
    return min(_MOST_PSEUDO, max(_LEAST_PSEUDO, largest))


def _standard_error(gaps: Floats, sides: Sequence[Floats]) -> tuple[float, float, bool]:
    """Standard error of the mean gap, its degrees of freedom, and whether the scatter of runs is in it."""
    count = len(gaps) + 2
    centre = float(gaps.sum()) / count
    scatter = float(((gaps - centre) ** 2).sum()) + 2 * (pseudo_gap(float(np.abs(gaps).max())) ** 2 + centre**2)
    runs = _runs_variance(sides)
    weight = sum(1 / len(side) for side in sides)
    error, freedom = _joined(scatter / (count - 1) / count, count - 1, runs, weight)
    return error, freedom, runs is not None


def _joined(
    variance: float, freedom: float, runs: tuple[float, float, int] | None, weight: float
) -> tuple[float, float]:
    """Standard error and Satterthwaite's degrees of freedom of the problems' and the runs' variance together.

    The degrees of freedom count the runs' whole mean square, not what is left when chance on the problems is taken
    off: what is taken off is uncertain too, and with it left out false alarms at a point of scatter were 8 to 13 %.
    """
    if runs is None:
        return math.sqrt(variance), freedom
    excess, whole, runs_freedom = runs
    joined = variance + excess * weight
    doubt = variance**2 / freedom + (whole * weight) ** 2 / runs_freedom
    return math.sqrt(joined), min(max(1.0, joined**2 / doubt), _MOST_FREEDOM * runs_freedom)


def _runs_variance(sides: Sequence[Floats]) -> tuple[float, float, int] | None:
    """Variance of the runs' own effects over all sides, their mean square and its degrees of freedom.

    None where every side is a single run.

    The scatter of runs' means holds their own effects and what chance on the problems adds; the second is known from
    the residuals of the (runs, problems) layout and taken off (the method of moments of an analysis of variance).
    """
    several = [side for side in sides if len(side) > 1 and side.shape[1] > 1]
    freedom = sum(len(side) - 1 for side in several)
    if not freedom:
        return None
    whole = sum((len(side) - 1) * float(side.mean(axis=1).var(ddof=1)) for side in several) / freedom
    noise = 0.0
    for side in several:
        residuals = side - side.mean(axis=1)[:, None] - side.mean(axis=0) + side.mean()
        noise += float((residuals**2).sum()) / (side.shape[1] - 1) / side.shape[1]
    return max(0.0, whole - noise / freedom), whole, freedom


def show_p(p_value: float) -> str:
    """A p-value; one that random exchanges could not show smaller is given as a bound."""
    return f"≤ {SMALLEST_P:.4f}" if p_value <= SMALLEST_P else f"{p_value:.4f}"


def permutation_test(differences: Sequence[float] | Floats) -> float:
    """Two-sided p-value of a mean of paired differences under random exchange of each pair.

    Exchanging a problem's two values turns the sign of its difference. Where every difference is −1, 0 or 1 (one
    sample a side) it is McNemar's exact test by its mid-p-value, which is not as timid (Fagerland and others 2013, BMC
    Medical Research Methodology 13:91). Otherwise with few problems every choice of signs is tried, and else 10,000
    random ones from a fixed seed; the observed choice is counted, so that the p-value is never 0 (Phipson and Smyth
    2010). Raises ValueError for what is no number.
    """
    gaps = np.asarray(differences, dtype=np.float64)
    if not np.isfinite(gaps).all():
        raise ValueError("a test needs numbers; some difference is none")
    gaps = gaps[gaps != 0]
    if not len(gaps):
        return 1.0
    if (np.abs(gaps) == 1).all():
        return _mid_p(int((gaps > 0).sum()), len(gaps))
    observed = abs(gaps.sum()) * (1 - 1e-12)
    if 2 ** len(gaps) <= PERMUTATIONS:
        signs = (np.arange(2 ** len(gaps))[:, None] >> np.arange(len(gaps))) & 1
        return float((np.abs((2 * signs - 1) @ gaps) >= observed).mean())
    reached = int((np.abs(_signed_sums(np.random.default_rng(0), gaps)) >= observed).sum())
    return (reached + 1) / (PERMUTATIONS + 1)


_ALIKE = 500
"""Equal differences to one size from which it is quicker to draw how many of them turn than to turn each."""
_MANY = 10_000
"""Differences of many sizes beyond which their signed sum is as good as normal."""


def _signed_sums(generator: np.random.Generator, gaps: Floats) -> Floats:
    """Sums of the differences with random signs, `PERMUTATIONS` of them."""
    sizes, repeats = np.unique(np.abs(gaps), return_counts=True)
    if _ALIKE * len(sizes) <= len(gaps):  # how many of equal ones turn is binomial
        sums = np.zeros(PERMUTATIONS)
        for size, repeated in zip(sizes.tolist(), repeats.tolist(), strict=True):
            sums += size * (2.0 * generator.binomial(repeated, 0.5, PERMUTATIONS) - repeated)
        return sums
    if len(gaps) > _MANY:
        return np.asarray(generator.normal(0.0, math.sqrt(float((gaps**2).sum())), PERMUTATIONS))
    # eight at a time: a random byte chooses one of the 256 sums that eight differences have with and without each
    eights = np.resize(gaps, (math.ceil(len(gaps) / 8), 8))
    eights.flat[len(gaps) :] = 0.0
    subsets = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.float64)
    chosen = np.zeros(PERMUTATIONS)
    for sums in eights @ subsets.T:
        chosen += sums[generator.integers(0, 256, PERMUTATIONS, dtype=np.uint8)]
    return np.asarray(2.0 * chosen - gaps.sum(), dtype=np.float64)


def hold_together(differences: Sequence[Difference]) -> list[tuple[Difference, float]]:
    """Several differences of one table, each with its p-value by Holm and an interval that agrees with it.

    A difference's interval is of the level at which Holm tests it; where the p-value says that it could be chance the
    interval holds 0, and where not it leaves 0 out, so that a table never says both.
    """
    adjusted = adjust_p_values([one.p_value for one in differences])
    order = sorted(range(len(differences)), key=lambda number: differences[number].p_value)
    tests = {number: len(differences) - place for place, number in enumerate(order)}
    made = []
    for number, (one, p_value) in enumerate(zip(differences, adjusted, strict=True)):
        held = one.at_level(1 - ALPHA / tests[number])
        if p_value > ALPHA:
            held = msgspec.structs.replace(held, low=min(held.low, 0.0), high=max(held.high, 0.0))
        made.append((held, p_value))
    return made


def _mid_p(wins: int, pairs: int) -> float:
    """Two-sided mid-p-value of `wins` among `pairs` fair throws."""
    fewer = min(wins, pairs - wins)
    scale = -pairs * math.log(2)
    chances = [
        math.exp(math.lgamma(pairs + 1) - math.lgamma(one + 1) - math.lgamma(pairs - one + 1) + scale)
        for one in range(fewer + 1)
    ]
    if 2 * fewer == pairs:
        return 1 - chances[-1] / 2
    return 2 * math.fsum(chances) - chances[-1]


def adjust_p_values(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) adjustment for several tests at once: each at most α keeps the chance of any false alarm at α."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for place, number in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, p_values[number] * (len(p_values) - place)))
        adjusted[number] = largest
    return adjusted
