"""Simulations with a known truth: how often intervals hold it, how far estimates are off, how often noise alarms.

`grid` is every statistic that Overproof prints, over problems, samples, shapes of difficulty, rules of sampling and
scatter of seeds; the benchmark runs all of it, the test suite a part.
"""

from __future__ import annotations

import functools
import heapq
import itertools
import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from scipy import stats

from overproof.estimators import (
    ALPHA,
    Difference,
    Estimate,
    Floats,
    ShareSums,
    estimate_difference,
    estimate_mean,
    estimate_proportion,
    estimate_ratio,
    estimate_share,
    estimate_side,
    fit_prior,
    hold_together,
    majority_at_k,
    pass_at_k,
    plan_comparison,
    share_inside,
    stopped_pass_rate,
)
from overproof.hygiene.wrong_references import Agreement
from overproof.sampling.forecast import Forecaster
from overproof.teacher.budget import Amount

SHAPES = {"even": (0.6, 0.6), "hard": (0.25, 3.0), "easy": (4.0, 0.4)}
"""Beta distributions of pass rates over problems."""
COVERAGE, ALARMS, BIAS, POWER = 0.93, 0.06, 0.01, 0.8
"""Targets: intervals that hold the truth at least so often, false alarms and bias at most, differences found that a
plan promises to find."""
CHANCE = 3.0
"""Standard errors of a simulated figure by which it may lie beyond its target."""

Generator = np.random.Generator


class Cell(NamedTuple):
    """One statistic in one situation; a figure that it does not have is None."""

    statistic: str
    situation: str
    trials: int
    coverage: float | None = None
    bias: float | None = None
    """Mean estimate minus truth; of tokens and forecasts as a share of the truth."""
    error: float = 0.0
    """Standard error of the bias."""
    alarms: float | None = None
    """Share of trials in which noise was called a difference."""
    power: float | None = None
    """Share of trials in which a true difference was found."""
    promised: bool = False
    """The difference is one that `plan` says is found in four of five tries."""

    def misses(self) -> list[str]:
        """The targets that it misses by more than chance."""
        found = []
        if self.coverage is not None and self.coverage < COVERAGE - self._chance(COVERAGE):
            found.append("coverage")
        if self.alarms is not None and self.alarms > ALARMS + self._chance(ALARMS):
            found.append("false alarms")
        if self.bias is not None and abs(self.bias) > BIAS + CHANCE * self.error:
            found.append("bias")
        if self.promised and self.power is not None and self.power < POWER - self._chance(POWER):
            found.append("power")
        return found

    def _chance(self, share: float) -> float:
        return float(CHANCE * (share * (1 - share) / self.trials) ** 0.5)


Made = tuple[float, float, float, float]
"""An estimate, both ends of its interval, and the value of the very problems that were drawn: its mean over trials is
the truth too, and taken off it leaves the bias with less chance in it."""


def _cell(statistic: str, situation: str, truth: float, made: Sequence[Made]) -> Cell:
    value, low, high, drawn = np.array(made).T
    held = (low <= truth + 1e-12) & (truth - 1e-12 <= high)
    error = float((value - drawn).std() / len(made) ** 0.5)
    return Cell(statistic, situation, len(made), float(held.mean()), float((value - drawn).mean()), error)


def _numbers(estimate: Estimate, drawn: float) -> Made:
    assert estimate.value is not None
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.value, estimate.low, estimate.high, drawn


def _draw(generator: Generator, shape: str, problems: int) -> Floats:
    return generator.beta(*SHAPES[shape], problems)


def mean_of(shape: str) -> float:
    a, b = SHAPES[shape]
    return a / (a + b)


def pass_rate(generator: Generator, shape: str, problems: int, n: int, trials: int) -> Cell:
    made = []
    for _ in range(trials):
        chances = _draw(generator, shape, problems)
        values = Counter((generator.binomial(n, chances) / n).tolist())
        made.append(_numbers(estimate_mean(values, problems * n), float(chances.mean())))
    return _cell("pass rate", f"{shape}, {problems} problems, n {n}", mean_of(shape), made)


def rare_breaks(generator: Generator, problems: int, n: int, trials: int) -> Cell:
    """Format breaks, cuts and breaks of language: a few problems have nearly all of them."""
    made = []
    for _ in range(trials):
        chances = generator.beta(0.1, 2.9, problems)
        values = Counter((generator.binomial(n, chances) / n).tolist())
        made.append(_numbers(estimate_mean(values, problems * n), float(chances.mean())))
    return _cell("share of breaks", f"rare, {problems} problems, n {n}", 0.1 / 3, made)


def pass_at_4(generator: Generator, shape: str, problems: int, n: int, trials: int) -> Cell:
    a, b = SHAPES[shape]
    truth = 1 - float(np.prod([(b + step) / (a + b + step) for step in range(4)]))
    made = []
    for _ in range(trials):
        chances = _draw(generator, shape, problems)
        values = Counter(pass_at_k(n, int(one), 4) or 0.0 for one in generator.binomial(n, chances))
        made.append(_numbers(estimate_mean(values, problems * n), float((1 - (1 - chances) ** 4).mean())))
    return _cell("pass@4", f"{shape}, {problems} problems, n {n}", truth, made)


WRONG = (0.5, 0.3)
"""Of wrong replies, shares that give the first and the second wrong answer; the rest gives none."""


@functools.cache
def _majority(counts: tuple[int, ...], k: int) -> float:
    """maj@k of so many right replies, replies of two wrong answers, and replies without one."""
    classes = [name for name, count in zip(("a", "b", "c", None), counts, strict=True) for _ in range(count)]
    return majority_at_k(classes, [name == "a" for name in classes], k) or 0.0


def _true_majority(chances: Floats) -> Floats:
    """The chance that the majority of four replies is right, summed over all that four replies can be."""
    wrong = 1 - chances
    shares = np.stack([chances, WRONG[0] * wrong, WRONG[1] * wrong, (1 - sum(WRONG)) * wrong])
    total = np.zeros_like(chances)
    for counts in itertools.product(range(5), repeat=4):
        if sum(counts) == 4 and (won := _majority(counts, 4)):
            ways = 24 / np.prod([math.factorial(one) for one in counts])
            total += won * ways * np.prod(shares ** np.array(counts)[:, None], axis=0)
    return total


def majority_at_4(generator: Generator, shape: str, problems: int, n: int, trials: int) -> Cell:
    a, b = SHAPES[shape]
    truth = float(_true_majority(stats.beta.ppf((np.arange(20_000) + 0.5) / 20_000, a, b)).mean())
    made = []
    for _ in range(trials):
        chances = _draw(generator, shape, problems)
        right = generator.binomial(n, chances)
        first = generator.binomial(n - right, WRONG[0])
        second = generator.binomial(n - right - first, WRONG[1] / (1 - WRONG[0]))
        counts = zip(right.tolist(), first.tolist(), second.tolist(), strict=True)
        values = Counter(_majority((x, y, z, n - x - y - z), 4) for x, y, z in counts)
        made.append(_numbers(estimate_mean(values, problems * n), float(_true_majority(chances).mean())))
    return _cell("maj@4", f"{shape}, {problems} problems, n {n}", truth, made)


def _stop(generator: Generator, chance: float, lost: float) -> float | None:
    """One problem's rate with a probe of 2, until 2 are correct, at most 16; a share `lost` does not count."""
    verdicts: list[bool | None] = []
    while len(verdicts) < 2 or (verdicts.count(True) < 2 and len(verdicts) < 16):
        verdicts.append(None if generator.random() < lost else bool(generator.random() < chance))
    return stopped_pass_rate(verdicts, probe=2, want_correct=2, most=16).value


def adaptive_rate(generator: Generator, shape: str, problems: int, lost: float, trials: int) -> Cell:
    made = []
    for _ in range(trials):
        chances = _draw(generator, shape, problems)
        found = [(_stop(generator, chance, lost), chance) for chance in chances.tolist()]
        known = [(value, chance) for value, chance in found if value is not None]
        if known:
            values = Counter(value for value, _ in known)
            made.append(_numbers(estimate_mean(values, len(known)), sum(chance for _, chance in known) / len(known)))
    return _cell("adaptive rate", f"{shape}, {problems} problems, {lost:.0%} lost", mean_of(shape), made)


def share_of_rows(generator: Generator, shape: str, problems: int, trials: int) -> Cell:
    """As in bins of lengths: problems have different numbers of rows."""
    made = []
    for _ in range(trials):
        rows, chances = generator.integers(1, 9, problems), _draw(generator, shape, problems)
        passes = generator.binomial(rows, chances)
        squares = int((passes**2).sum()), int((passes * rows).sum()), int((rows**2).sum())
        sums = ShareSums(problems, int(passes.sum()), int(rows.sum()), squares)
        made.append(_numbers(estimate_share(sums), float(chances @ rows / rows.sum())))
    return _cell("share of rows", f"{shape}, {problems} problems", mean_of(shape), made)


def tokens(generator: Generator, problems: int, trials: int) -> Cell:
    """Long-tailed lengths that differ by problem: log-normal, both over problems and within one."""
    within = float(np.exp(0.5**2 / 2))
    truth = float(np.exp(8 + 0.6**2 / 2)) * within
    made = []
    for _ in range(trials):
        centres = generator.normal(8, 0.6, problems)
        totals = np.exp(centres[:, None] + generator.normal(0, 0.5, (problems, 4))).sum(axis=1)
        estimate = estimate_ratio([(float(one), 4.0) for one in totals])
        value, low, high, drawn = _numbers(estimate, float(np.exp(centres).mean() * within))
        made.append((value / truth, low / truth, high / truth, drawn / truth))
    return _cell("tokens a reply", f"{problems} problems", 1.0, made)


def proportion(draws: int) -> Cell:
    """Agreement of the judge: the least coverage over all true shares, by counting every outcome and not by chance."""
    found = [estimate_proportion(passes, draws) for passes in range(draws + 1)]
    low, high = np.array([(one.low, one.high) for one in found]).T
    shares = np.linspace(0.001, 0.999, 999)
    held = (low[:, None] <= shares) & (shares <= high[:, None])
    chances = stats.binom.pmf(np.arange(draws + 1)[:, None], draws, shares)
    return Cell("judge agreement", f"{draws} draws", 10**9, float((held * chances).sum(axis=0).min()), 0.0)


def _compared(
    statistic: str, situation: str, truth: float, found: Sequence[tuple[Difference, float]], *, promised: bool = False
) -> Cell:
    """Differences with the value that the very problems drawn have."""
    cell = _cell(statistic, situation, truth, [(one.value, one.low, one.high, drawn) for one, drawn in found])
    seen = sum(one.p_value < ALPHA for one, _ in found) / len(found)
    if truth:
        return cell._replace(power=seen, promised=promised)
    return cell._replace(alarms=seen)


def difference(  # noqa: PLR0917 - a grid's coordinates
    generator: Generator, shape: str, problems: int, n: int, gap: float, trials: int
) -> Cell:
    """One model is better on a third of the problems by three times the gap, or not at all."""
    found = []
    for _ in range(trials):
        first = 0.8 * _draw(generator, shape, problems)
        second = first + generator.choice([0.0, 0.0, 3 * gap], problems)
        made = estimate_difference(generator.binomial(n, first) / n, generator.binomial(n, second) / n)
        found.append((made, float((second - first).mean())))
    return _compared("difference", f"{shape}, {problems} problems, n {n}, gap {100 * gap:g}", gap, found)


def fixed_and_adaptive(generator: Generator, shape: str, problems: int, trials: int) -> Cell:
    """The same teacher sampled four times, and until two replies were correct."""
    found = []
    for _ in range(trials):
        chances = _draw(generator, shape, problems)
        fixed = generator.binomial(4, chances) / 4
        stopped = [_stop(generator, chance, 0.0) or 0.0 for chance in chances.tolist()]
        found.append((estimate_difference(fixed, stopped), 0.0))
    return _compared("fixed to adaptive", f"{shape}, {problems} problems", 0.0, found)


def seeds(  # noqa: PLR0917 - a grid's coordinates
    generator: Generator, problems: int, runs: tuple[int, int], spread: float, gap: float, trials: int
) -> Iterator[Cell]:
    """Two sides of 8 samples a problem whose runs differ by `spread` (standard deviation); and one side by itself."""
    found, sides = [], []
    for _ in range(trials):
        chances = 0.15 + 0.6 * generator.beta(1.0, 1.5, problems)
        made = [
            generator.binomial(8, np.clip(chances + shift + generator.normal(0, spread, (count, 1)), 0, 1)) / 8
            for shift, count in zip((0.0, gap), runs, strict=True)
        ]
        found.append((estimate_difference(made[0], made[1]), gap))
        if runs[0] > 1:
            sides.append((*estimate_side(made[0]), float(chances.mean())))
    situation = f"{problems} problems, runs {runs[0]}:{runs[1]}, spread {100 * spread:g}"
    yield _compared("seeds", f"{situation}, gap {100 * gap:g}", gap, found)
    if sides and not gap:
        yield _cell("side of seeds", situation, 0.15 + 0.6 * 0.4, sides)


def several(generator: Generator, statistic: str, problems: Sequence[int], trials: int) -> Cell:
    """Equal models in one table (several students, or one pair by source): whether any line alarms, and all hold."""
    alarms = held = 0
    for _ in range(trials):
        made = []
        for count in problems:
            chances = _draw(generator, "even", count)
            made.append(estimate_difference(generator.binomial(4, chances) / 4, generator.binomial(4, chances) / 4))
        together = hold_together(made)
        alarms += any(p_value <= ALPHA for _, p_value in together)
        held += all(one.low <= 0 <= one.high for one, _ in together)
    situation = f"{len(problems)} lines of {min(problems)} to {max(problems)} problems"
    return Cell(statistic, situation, trials, held / trials, alarms=alarms / trials)


def planned(generator: Generator, shape: str, points: float, n: int, trials: int) -> Cell:
    """A comparison of the size that `plan` gives, for a difference of so many points."""
    a, b = SHAPES[shape]
    plan = plan_comparison(points / 100, n, difficulty=(a, b))
    found = []
    for _ in range(trials):
        first = np.minimum(_draw(generator, shape, plan.problems), 1 - points / 100)
        second = first + points / 100
        made = estimate_difference(generator.binomial(n, first) / n, generator.binomial(n, second) / n)
        found.append((made, points / 100))
    situation = f"{shape}, {points:g} points, {plan.problems:,} problems x {n}"
    return _compared("planned", situation, points / 100, found, promised=True)


def inside_band(generator: Generator, shape: str, problems: int, n: int, trials: int) -> Cell:
    """Of problems kept because their pass rate is rather in [.2, .8] than not, the share that is: foretold and true."""
    off = []
    for _ in range(trials):
        chances = _draw(generator, shape, problems)
        passes = generator.binomial(n, chances).tolist()
        prior = fit_prior(Counter((one, n) for one in passes))
        kept = {one for one in set(passes) if prior.chance_inside(one, n, 0.2, 0.8) >= 0.5}
        truly = [0.2 <= chance <= 0.8 for one, chance in zip(passes, chances.tolist(), strict=True) if one in kept]
        foretold = share_inside(prior, Counter((one, n) for one in passes if one in kept), 0.2, 0.8)
        if foretold is not None:
            off.append((foretold - sum(truly) / len(truly)) * len(truly) / problems)
    error = float(np.std(off) / len(off) ** 0.5)
    return Cell("inside a band", f"{shape}, {problems} problems, n {n}", len(off), None, float(np.mean(off)), error)


def suspect_references(generator: Generator, shape: str, n: int, trials: int) -> Cell:
    """Right references of 200 problems, each with a mistake of its own that wrong replies share more or less."""
    flagged = 0
    for _ in range(trials):
        agreement, tallies = Agreement(), Counter[tuple[int, int, int, int]]()
        for chance, shared in zip(_draw(generator, shape, 200), generator.beta(1, 2, 200), strict=True):
            right = int(generator.binomial(n, chance))
            common = int(generator.binomial(n - right, shared))
            wrong = ["common"] * common + [str(number) for number in range(n - right - common)]
            agreement.note_counts(right, len(wrong))
            if agreement.wants_wrong(right, len(wrong)):
                agreement.note_wrong(wrong)
            if common >= 3 and 2 * common > n:
                tallies[n, common, right, 0] += 1
        flagged += agreement.count_suspects(tallies)
    return Cell("suspect reference", f"{shape}, n {n}, all right", 200 * trials, alarms=flagged / (200 * trials))


def forecast_once(
    seed: int, *, problems: int = 200, samples: int = 4, slots: int = 48, share: float
) -> tuple[float, bool] | None:
    """Forecast over truth − 1 at a share of the run's time, and whether the interval holds it; tokens take time."""
    generator, clock = random.Random(seed), [0.0]
    forecaster = Forecaster(clock=lambda: clock[0])
    means = [generator.lognormvariate(7, 0.9) for _ in range(problems)]
    lengths = [[mean * generator.lognormvariate(0, 0.4) for _ in range(samples)] for mean in means]
    total = sum(map(sum, lengths))
    waiting = [(number, index) for number in range(problems) for index in range(samples)][::-1]
    left, running = [samples] * problems, list[tuple[float, int]]()
    while running or waiting:
        while waiting and len(running) < slots:
            number, index = waiting.pop()
            if index == 0:
                forecaster.started(number)
            heapq.heappush(running, (clock[0] + lengths[number][index], number))
        ends, number = heapq.heappop(running)
        if ends > share * total / slots:
            clock[0] = share * total / slots
            found = forecaster.forecast(Amount(), problems * samples)
            if found is None:
                return None
            return found.tokens / total - 1, found.tokens_low <= total <= found.tokens_high
        clock[0] = ends
        left[number] -= 1
        if not left[number]:
            whole = int(sum(lengths[number]))
            forecaster.finished(number, samples, Amount(whole, Decimal(whole) / 1000))
    return None


def forecast(share: float, trials: int) -> Cell:
    made = [one for seed in range(trials) if (one := forecast_once(seed, share=share)) is not None]
    off, held = np.array(made, dtype=float).T
    error = float(off.std() / len(made) ** 0.5)
    return Cell("forecast", f"at {share:.0%} of the time", len(made), float(held.mean()), float(off.mean()), error)


def grid(
    generator: Generator, trials: int, sizes: Sequence[int], ns: Sequence[int], large: Sequence[int] = ()
) -> Iterator[Cell]:
    """Every statistic over problems, samples and shapes of difficulty; `large` are the problems of runs with seeds."""
    for shape, problems in itertools.product(SHAPES, sizes):
        for n in ns:
            yield pass_rate(generator, shape, problems, n, trials)
            for gap in (0.0, 0.05):
                yield difference(generator, shape, problems, n, gap, trials)
            if n >= 4:
                yield pass_at_4(generator, shape, problems, n, trials)
                yield majority_at_4(generator, shape, problems, n, trials)
        yield share_of_rows(generator, shape, problems, trials)
        for lost in (0.0, 0.2):
            yield adaptive_rate(generator, shape, problems, lost, trials)
        yield fixed_and_adaptive(generator, shape, problems, trials)
    for problems in sizes:
        yield tokens(generator, problems, trials)
        yield proportion(problems)
        yield rare_breaks(generator, problems, max(ns), trials)
    runs = ((2, 1), (2, 2), (3, 1), (3, 3))
    for problems, (first, second), spread in itertools.product((*sizes, *large), runs, (0.0, 0.01, 0.02)):
        yield from seeds(generator, problems, (first, second), spread, 0.0, trials)
    yield from _tables(generator, trials, sizes)


def _tables(generator: Generator, trials: int, sizes: Sequence[int]) -> Iterator[Cell]:
    """What rests on several lines or on a whole run."""
    most = max(sizes)
    yield several(generator, "several students", [most] * 3, trials)
    yield several(generator, "sources of a pair", [2 + place * most // 12 for place in range(12)], trials)
    for shape in SHAPES:
        yield planned(generator, shape, 10, 4, trials)
        for n in (2, 8):
            yield inside_band(generator, shape, most, n, trials)
        for n in (3, 8):
            yield suspect_references(generator, shape, n, max(5, trials // 20))
    for share in (0.2, 0.5, 0.8):
        yield forecast(share, trials)
