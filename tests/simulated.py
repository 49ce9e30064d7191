"""Simulations with a known truth: how often intervals hold it, how far estimates are off, how often noise alarms."""

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from overproof.estimators import (
    Estimate,
    ShareSums,
    estimate_difference,
    estimate_mean,
    estimate_ratio,
    estimate_share,
    estimate_side,
    pass_at_k,
    stopped_pass_rate,
)

SHAPES = {"even": (0.6, 0.6), "hard": (0.25, 3.0), "easy": (4.0, 0.4)}
"""Beta distributions of pass rates over problems."""


class Cell(NamedTuple):
    """One statistic in one situation."""

    statistic: str
    situation: str
    holds: float
    """Share of intervals that hold the truth; of alarms, the share without one."""
    bias: float
    """Mean estimate minus truth."""
    width: float


def mean_of(shape: str) -> float:
    a, b = SHAPES[shape]
    return a / (a + b)


def _cell(statistic: str, situation: str, truth: float, estimates: list[tuple[float, float, float]]) -> Cell:
    value, low, high = np.array(estimates).T
    return Cell(
        statistic,
        situation,
        float(((low <= truth + 1e-12) & (truth - 1e-12 <= high)).mean()),
        float(value.mean() - truth),
        float((high - low).mean()),
    )


def _numbers(estimate: Estimate) -> tuple[float, float, float]:
    assert estimate.value is not None
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.value, estimate.low, estimate.high


def rates(generator: np.random.Generator, shape: str, problems: int, n: int, trials: int) -> Cell:
    made = []
    for _ in range(trials):
        passes = generator.binomial(n, generator.beta(*SHAPES[shape], problems))
        made.append(_numbers(estimate_mean(Counter((passes / n).tolist()), problems * n)))
    return _cell("pass rate", f"{shape}, {problems} problems, n {n}", mean_of(shape), made)


def passes_at_4(generator: np.random.Generator, shape: str, problems: int, n: int, trials: int) -> Cell:
    a, b = SHAPES[shape]
    truth = 1 - float(np.prod([(b + step) / (a + b + step) for step in range(4)]))
    made = []
    for _ in range(trials):
        passes = generator.binomial(n, generator.beta(a, b, problems))
        values = Counter(pass_at_k(n, int(one), 4) or 0.0 for one in passes)
        made.append(_numbers(estimate_mean(values, problems * n)))
    return _cell("pass@4", f"{shape}, {problems} problems, n {n}", truth, made)


def adaptive(generator: np.random.Generator, shape: str, problems: int, lost: float, trials: int) -> Cell:
    """Probe 2, until 2 are correct, at most 16; a share `lost` of the replies does not count."""
    made = []
    for _ in range(trials):
        values: Counter[float] = Counter()
        for chance in generator.beta(*SHAPES[shape], problems):
            verdicts: list[bool | None] = []
            while len(verdicts) < 2 or (verdicts.count(True) < 2 and len(verdicts) < 16):
                verdicts.append(None if generator.random() < lost else bool(generator.random() < chance))
            rate = stopped_pass_rate(verdicts, probe=2, want_correct=2, most=16)
            if rate.value is not None:
                values[rate.value] += 1
        made.append(_numbers(estimate_mean(values, values.total())))
    return _cell("adaptive rate", f"{shape}, {problems} problems, {lost:.0%} lost", mean_of(shape), made)


def shares(generator: np.random.Generator, shape: str, problems: int, trials: int) -> Cell:
    made = []
    for _ in range(trials):
        rows = generator.integers(1, 9, problems)
        passes = generator.binomial(rows, generator.beta(*SHAPES[shape], problems))
        squares = int((passes**2).sum()), int((passes * rows).sum()), int((rows**2).sum())
        made.append(_numbers(estimate_share(ShareSums(problems, int(passes.sum()), int(rows.sum()), squares))))
    return _cell("share of rows", f"{shape}, {problems} problems", mean_of(shape), made)


def tokens(generator: np.random.Generator, problems: int, trials: int) -> Cell:
    """Long-tailed lengths that differ by problem: log-normal, both over problems and within one."""
    truth = float(np.exp(8 + (0.6**2 + 0.5**2) / 2))
    made = []
    for _ in range(trials):
        centres = generator.normal(8, 0.6, problems)
        totals = np.exp(centres[:, None] + generator.normal(0, 0.5, (problems, 4))).sum(axis=1)
        value, low, high = _numbers(estimate_ratio([(float(one), 4.0) for one in totals]))
        made.append((value / truth, low / truth, high / truth))
    return _cell("tokens a reply", f"{problems} problems", 1.0, made)


def seeds(  # noqa: PLR0917 - a grid's coordinates
    generator: np.random.Generator, problems: int, n: int, runs: tuple[int, int], spread: float, trials: int
) -> Iterator[Cell]:
    """Two equal sides whose runs differ by `spread` (standard deviation): false alarms, and one side's own interval."""
    alarms, sides = 0, []
    for _ in range(trials):
        chances = 0.15 + 0.6 * generator.beta(1.0, 1.5, problems)
        made = [
            generator.binomial(n, np.clip(chances + generator.normal(0, spread, (count, 1)), 0, 1)) / n
            for count in runs
        ]
        alarms += estimate_difference(made[0], made[1]).p_value < 0.05
        if runs[0] > 1:
            sides.append(estimate_side(made[0]))
    situation = f"{problems} problems, n {n}, runs {runs[0]}:{runs[1]}, spread {100 * spread:g}"
    yield Cell("no false alarm", situation, 1 - alarms / trials, 0.0, 0.0)
    if sides:
        yield _cell("side of seeds", situation, 0.15 + 0.6 * 0.4, sides)


def gaps(generator: np.random.Generator, shape: str, problems: int, n: int, trials: int) -> Cell:
    """Paired differences where one model is better on a third of the problems."""
    made = []
    for _ in range(trials):
        first = 0.8 * generator.beta(*SHAPES[shape], problems)
        second = first + generator.choice([0.0, 0.0, 0.15], problems)
        found = estimate_difference(generator.binomial(n, first) / n, generator.binomial(n, second) / n)
        made.append((found.value, found.low, found.high))
    return _cell("difference", f"{shape}, {problems} problems, n {n}", 0.05, made)


def grid(generator: np.random.Generator, trials: int, sizes: tuple[int, ...], ns: tuple[int, ...]) -> Iterator[Cell]:
    """Every statistic over problems, samples and shapes of difficulty."""
    for shape, problems in itertools.product(SHAPES, sizes):
        for n in ns:
            yield rates(generator, shape, problems, n, trials)
            yield gaps(generator, shape, problems, n, trials)
            if n >= 4:
                yield passes_at_4(generator, shape, problems, n, trials)
        yield shares(generator, shape, problems, trials)
        for lost in (0.0, 0.2):
            yield adaptive(generator, shape, problems, lost, max(50, trials // 4))
    for problems in sizes:
        yield tokens(generator, problems, trials)
    for problems, runs, spread in itertools.product((100, 500), ((1, 1), (2, 2), (3, 3), (3, 1)), (0.0, 0.01, 0.02)):
        if runs != (1, 1) or not spread:  # without a second run nobody knows how much training varies
            yield from seeds(generator, problems, 8, runs, spread, trials)
