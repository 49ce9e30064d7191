"""Rates and how sure one can be of them; only this module holds statistics.

The unit that repeats is the problem, not the row: traces of one problem rise and fall together, so every interval
here resamples problems with all their traces (a bootstrap clustered by problem). Resamples are seeded: the same
outcomes give the same interval. `tests/test_estimators.py` measures by simulation how often the intervals hold the
truth.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import NormalDist

import msgspec
import numpy as np
import numpy.typing as npt

RESAMPLES = 2000
"""Resamples behind an interval."""
PERMUTATIONS = 10_000
"""Random exchanges behind a p-value."""
_MOST_CELLS = 1 << 22
"""Numbers drawn at once, so that memory stays small however many problems there are."""

Floats = npt.NDArray[np.float64]


class Estimate(msgspec.Struct, frozen=True, omit_defaults=True):
    """A rate with its 95 % interval and what it rests on. All None where there is nothing to measure."""

    value: float | None
    low: float | None
    high: float | None
    problems: int
    samples: int
    reason: str = ""
    """Why there is no value; empty where there is one."""


class Difference(msgspec.Struct, frozen=True):
    """How far apart two systems are on the same problems: second minus first, with its 95 % interval."""

    value: float
    low: float
    high: float
    p_value: float
    """Chance of a difference at least as large if the two systems were exchangeable on every problem."""
    problems: int


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
    return estimate_mean(values, sum(samples * problems for (_, samples), problems in counts.items()), seed=seed)


def estimate_mean(values: Mapping[float, int], samples: int, *, seed: int = 0) -> Estimate:
    """Mean of one value in [0, 1] a problem (a pass rate, a pass@k), or of a difference of such, with its interval.

    `values` says how many problems have each value; `samples` is what the values rest on, for the reader. The interval
    is the bootstrap's over problems (`_interval`). Where every problem has the value 0, or every one 1, resampling
    shows no doubt at all, which a few problems do not justify: the interval is then Clopper and Pearson's for so many
    independent problems. One problem alone says nothing of others.
    """
    problems = sum(values.values())
    if not problems:
        return Estimate(None, None, None, 0, 0, "no sample counts")
    value = np.array(sorted(values))
    count = np.array([values[one] for one in value.tolist()])
    mean = float(value @ count / problems)
    if problems == 1:
        return Estimate(mean, -1.0 if mean < 0 else 0.0, 1.0, 1, samples)
    if len(value) == 1 and mean in {0.0, 1.0}:
        doubt = 1 - 0.025 ** (1 / problems)
        return Estimate(mean, max(0.0, mean - doubt), min(1.0, mean + doubt), problems, samples)
    # how often each distinct value occurs in a resample is multinomial: the bootstrap in a time free of P
    drawn = np.random.default_rng(seed).multinomial(problems, count / problems, size=RESAMPLES)
    low, high = _interval(drawn @ value / problems, problems)
    return Estimate(mean, low, high, problems, samples)


def estimate_ratio(totals: Sequence[tuple[float, float]], *, seed: int = 0) -> Estimate:
    """Sum over all problems of the first numbers, over that of the second ones, with its interval.

    For what is counted by reply and not by problem, such as tokens per reply: `totals` holds (tokens, replies) of
    each problem; problems without replies do not count.
    """
    sums = np.array([pair for pair in totals if pair[1] > 0], dtype=np.float64).reshape(-1, 2).T
    problems, samples = sums.shape[1], int(sums[1].sum())
    if not problems:
        return Estimate(None, None, None, 0, 0, "no sample counts")
    value = float(sums[0].sum() / sums[1].sum())
    if problems == 1:
        return Estimate(value, None, None, 1, samples)
    drawn = _resampled_sums(sums, seed)
    low, high = _interval(drawn[0] / drawn[1], problems)
    return Estimate(value, low, high, problems, samples)


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
        return Estimate(None, None, None, 0, 0, "no sample counts")
    share = sums.passes / sums.rows
    if share in {0.0, 1.0} or sums.problems == 1:
        doubt = 1 - 0.025 ** (1 / sums.problems)
    else:
        passes, cross, rows = sums.squares
        scatter = max(0.0, passes - 2 * share * cross + share * share * rows)
        doubt = 1.96 * math.sqrt(scatter * sums.problems / (sums.problems - 1)) / sums.rows
    return Estimate(share, max(0.0, share - doubt), min(1.0, share + doubt), sums.problems, sums.rows)


def estimate_proportion(passes: int, draws: int) -> Estimate:
    """Share of independent draws that pass, with its 95 % score interval (Wilson 1927, JASA 22)."""
    if not draws:
        return Estimate(None, None, None, 0, 0, "no sample counts")
    z, share = NormalDist().inv_cdf(0.975), passes / draws
    centre = (share + z * z / (2 * draws)) / (1 + z * z / draws)
    reach = z / (1 + z * z / draws) * math.sqrt(share * (1 - share) / draws + z * z / (4 * draws * draws))
    return Estimate(share, max(0.0, centre - reach), min(1.0, centre + reach), draws, draws)


def pass_at_k(samples: int, correct: int, k: int) -> float | None:
    """Chance that at least one of k replies is correct, estimated from `samples` replies; None with fewer than k.

    The unbiased estimator of Chen et al. 2021 (arXiv 2107.03374, equation 1): the share of all choices of k among the
    samples that hold a correct one.
    """
    if samples < k:
        return None
    return 1 - math.comb(samples - correct, k) / math.comb(samples, k)


def majority_at_k(classes: Sequence[int | str | None], correct: Sequence[bool], k: int) -> float | None:
    """Chance that the answer given most often among k replies is correct; None with fewer than k replies.

    `classes` names the class of equal answers that each reply belongs to, None where it gives no answer and so does
    not vote. Averaged exactly over every choice of k among the replies, and evenly over answers that are given equally
    often; k replies without any answer count as not correct. A class with both right and wrong members, which rounding
    can make, counts by its share of right ones.
    """
    if len(classes) < k:
        return None
    sizes = Counter(name for name in classes if name is not None)
    right = Counter(name for name, passed in zip(classes, correct, strict=True) if passed and name is not None)
    silent = len(classes) - sizes.total()
    chances = (
        _chance_to_win(sizes[name], [size for other, size in sizes.items() if other != name], silent, k)
        * (right[name] / sizes[name])
        for name in right
    )
    return min(1.0, math.fsum(chances))


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


def estimate_difference(
    first: Sequence[float] | Floats, second: Sequence[float] | Floats, *, seed: int = 0
) -> Difference:
    """Mean over problems of second − first, paired by problem, with its interval and a permutation p-value.

    Each side is one value a problem, or a (runs, problems) matrix when a side was trained or sampled several times;
    such runs are averaged, and their scatter beyond what chance on the problems explains widens the interval. Raises
    ValueError when the two sides do not have the same problems, or none.
    """
    sides = [np.atleast_2d(np.asarray(side, dtype=np.float64)) for side in (first, second)]
    problems = sides[0].shape[1]
    if problems != sides[1].shape[1] or not problems:
        raise ValueError(f"a paired difference needs the same problems, not {problems} and {sides[1].shape[1]}")
    gaps = sides[1].mean(axis=0) - sides[0].mean(axis=0)
    value = float(gaps.mean())
    drawn = _resampled_sums(gaps[None], seed)[0] / problems
    spread = math.sqrt(sum(_variance_of_runs(side) / len(side) for side in sides))
    if spread:  # known from few runs, so Student's t and not the normal distribution
        freedom = sum(len(side) - 1 for side in sides)
        drawn = drawn + spread * np.random.default_rng([seed, 1]).standard_t(freedom, len(drawn))
    low, high = _interval(drawn, problems) if problems > 1 else (-1.0, 1.0)
    return Difference(value, low, high, permutation_test(gaps, seed=seed), problems)


def permutation_test(differences: Sequence[float] | Floats, *, seed: int = 0) -> float:
    """Two-sided p-value of a mean of paired differences under random exchange of each pair.

    Exchanging a problem's two values turns the sign of its difference. With few problems every choice of signs is
    tried, otherwise 10,000 random ones; the observed choice is counted, so that the p-value is never 0
    (Phipson and Smyth 2010).
    """
    gaps = np.asarray(differences, dtype=np.float64)
    gaps = gaps[gaps != 0]
    if not len(gaps):
        return 1.0
    observed = abs(gaps.sum()) * (1 - 1e-12)
    if 2 ** len(gaps) <= PERMUTATIONS:
        signs = (np.arange(2 ** len(gaps))[:, None] >> np.arange(len(gaps))) & 1
        return float((np.abs((2 * signs - 1) @ gaps) >= observed).mean())
    generator = np.random.default_rng(seed)
    reached, left = 1, PERMUTATIONS
    while left:
        count = min(left, max(1, _MOST_CELLS // len(gaps)))
        signs = generator.integers(0, 2, (count, len(gaps)), dtype=np.int8)
        reached += int((np.abs((2 * signs - 1) @ gaps) >= observed).sum())
        left -= count
    return reached / (PERMUTATIONS + 1)


def adjust_p_values(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) adjustment for several tests at once: each at most α keeps the chance of any false alarm at α."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for place, number in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, p_values[number] * (len(p_values) - place)))
        adjusted[number] = largest
    return adjusted


def _resampled_sums(columns: Floats, seed: int) -> Floats:
    """(C, P) columns of one number a problem → (C, RESAMPLES) sums over P problems drawn with replacement."""
    problems = columns.shape[1]
    generator = np.random.default_rng(seed)
    step = max(1, _MOST_CELLS // problems)
    parts = []
    for start in range(0, RESAMPLES, step):
        drawn = generator.integers(0, problems, (min(step, RESAMPLES - start), problems))
        parts.append(np.stack([column[drawn].sum(axis=1) for column in columns]))
    return np.concatenate(parts, axis=1)


def _interval(drawn: Floats, problems: int) -> tuple[float, float]:
    """The 95 % interval of resampled values: percentiles, set wider where problems are few.

    The expanded percentile interval of Hesterberg (2015, The American Statistician 69, section 5): plain percentiles
    are too narrow by sqrt((P - 1) / P) and by the step from Student's t to the normal distribution.
    """
    level = NormalDist().cdf(-math.sqrt(problems / (problems - 1)) * _student_t(problems - 1))
    low, high = np.quantile(drawn, [level, 1 - level])
    return float(low), float(high)


def _student_t(freedom: int) -> float:
    """The 97.5 % point of Student's t by its expansion in 1 / freedom (Abramowitz and Stegun 26.7.5)."""
    z = NormalDist().inv_cdf(0.975)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return math.fsum(term / freedom**power for power, term in enumerate(terms))


def _variance_of_runs(values: Floats) -> float:
    """Variance of the runs' own effects in a (runs, problems) layout without repetition, 0 where none is to be seen.

    The scatter of the runs' means holds their own effects and what chance on the problems adds; the second is known
    from the residuals and taken off (the method of moments of a two-way analysis of variance).
    """
    runs, problems = values.shape
    if runs < 2 or problems < 2:
        return 0.0
    means = values.mean(axis=1)
    residuals = values - means[:, None] - values.mean(axis=0) + values.mean()
    noise = (residuals**2).sum() / ((runs - 1) * (problems - 1))
    return max(0.0, float(means.var(ddof=1) - noise / problems))


def _chance_to_win(size: int, others: list[int], silent: int, k: int) -> float:
    """Chance that a class of `size` replies is the largest among k drawn; level with t others it counts 1 / (t + 1).

    For every number of replies that the class may have among the k, the choices of the others are counted by the
    product of their generating functions: powers of x count replies, powers of y count classes that are level.
    """
    every = math.log(math.comb(size + sum(others) + silent, k))
    chance = 0.0
    for own in range(1, min(size, k) + 1):
        rest = k - own
        ways = np.zeros((rest + 1, rest // own + 1))  # [replies of others, classes that are level]
        choices, scale = _binomials(silent, rest)
        ways[: len(choices), 0] = choices
        scale += math.log(math.comb(size, own)) - every
        for other in others:
            ways, grown = _add_class(ways, other, own)
            scale += grown
        if won := float((ways[rest] / np.arange(1, ways.shape[1] + 1)).sum()):
            chance += math.exp(scale + math.log(won))
    return chance


def _add_class(ways: Floats, size: int, most: int) -> tuple[Floats, float]:
    """The counts with a further class of which at most `most` are drawn, over a factor whose logarithm follows."""
    replies = ways.shape[0]
    choices, scale = _binomials(size, min(most, replies - 1))
    grown = np.zeros_like(ways)
    for count, choice in enumerate(choices):
        if count < most:
            grown[count:] += choice * ways[: replies - count]
        else:  # level with the class in question
            grown[count:, 1:] += choice * ways[: replies - count, :-1]
    peak = float(grown.max())
    return grown / peak, scale + math.log(peak)


def _binomials(size: int, most: int) -> tuple[Floats, float]:
    """C(size, 0 … most), as far as not zero, divided by the largest of them, and the logarithm of that."""
    exact = [math.comb(size, count) for count in range(min(size, most) + 1)]
    peak = max(exact)
    return np.array([one / peak for one in exact]), math.log(peak)
