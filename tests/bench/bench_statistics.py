"""Coverage, bias, false alarms and power of every statistic over a grid, beside targets; speed on a million problems.

PYTHONPATH=tests python tests/bench/bench_statistics.py [--trials 1000] [--all]
"""

import argparse
import resource
import time
from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy.special import betaln
from simulated import ALARMS, BIAS, CHANCE, COVERAGE, POWER, SHAPES, Cell, grid, mean_of

from overproof.estimators import Floats, estimate_difference, estimate_mean, fit_prior, plan_comparison

SIZES, NS, LARGE = (2, 3, 5, 10, 30, 100), (1, 4, 8, 64), (500,)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--all", action="store_true", help="print every cell, after the summary")
    chosen = parser.parse_args()
    began = time.process_time()
    cells = list(grid(np.random.default_rng(20), chosen.trials, SIZES, NS, LARGE))
    print(f"problems {SIZES}, with seeds {LARGE} too; n {NS}; shapes {SHAPES}; {chosen.trials:,} trials a cell")
    print(f"targets: coverage ≥ {COVERAGE:.0%}, |bias| ≤ {100 * BIAS:g} point (of tokens and forecasts 1 %), false")
    print(f"alarms ≤ {ALARMS:.0%}, power ≥ {POWER:.0%} where planned; {CHANCE:g} standard errors of a cell are chance")
    show([cell for cell in cells if cell.statistic != "forecast"])
    show([cell for cell in cells if cell.statistic == "forecast"])
    for cell in cells:
        if missed := cell.misses():
            print(f"MISSED {', '.join(missed)}: {describe(cell)}")
    compare_with_posterior(chosen.trials // 5)
    show_speed()
    print(f"all of it took {(time.process_time() - began) / 60:.1f} minutes of processor time")
    if chosen.all:
        print("\nevery cell (coverage, bias ± its standard error, false alarms, power):")
        print(*map(describe, cells), sep="\n")


def show(cells: Sequence[Cell]) -> None:
    """A line for each statistic: its cells, how many miss a target, and the worst of each figure."""
    print(f"\n{'':<18}{'cells':>6}{'missed':>8}{'coverage':>16}{'bias':>16}{'false alarms':>16}{'power':>16}")
    print(f"{'':<32}{'least, median':>16}{'most, median':>16}{'most, median':>16}{'least, median':>16}")
    for statistic in dict.fromkeys(cell.statistic for cell in cells):
        mine = [cell for cell in cells if cell.statistic == statistic]
        missed = sum(bool(cell.misses()) for cell in mine)
        columns = (
            worst([cell.coverage for cell in mine], least=True),
            worst([None if cell.bias is None else abs(cell.bias) for cell in mine]),
            worst([cell.alarms for cell in mine]),
            worst([cell.power for cell in mine if cell.promised], least=True),
        )
        print(f"{statistic:<18}{len(mine):>6}{missed:>8}" + "".join(f"{column:>16}" for column in columns))


def worst(figures: Sequence[float | None], *, least: bool = False) -> str:
    """The worst of some figures and their median, in hundredths; nothing where none has it."""
    known = [100 * figure for figure in figures if figure is not None]
    return f"{min(known) if least else max(known):.1f}, {np.median(known):.1f}" if known else "–"


def describe(cell: Cell) -> str:
    figures = {
        "coverage": None if cell.coverage is None else f"{cell.coverage:.1%}",
        "bias": None if cell.bias is None else f"{100 * cell.bias:+.2f} ± {100 * cell.error:.2f}",
        "false alarms": None if cell.alarms is None else f"{cell.alarms:.1%}",
        "power": None if cell.power is None else f"{cell.power:.1%}",
    }
    told = ", ".join(f"{name} {figure}" for name, figure in figures.items() if figure is not None)
    return f"{cell.statistic}: {cell.situation}: {told}"


def compare_with_posterior(trials: int) -> None:
    """The interval of the mean under a beta-binomial model with flat priors, beside ours: coverage and width."""
    generator = np.random.default_rng(5)
    means, sizes = np.linspace(0.005, 0.995, 100), np.geomspace(0.1, 50, 15)
    a, b = np.outer(sizes, means), np.outer(sizes, 1 - means)
    print("beta-binomial posterior beside Student's t with two pseudo-problems (coverage, width):")
    for shape in SHAPES:
        for problems, n in ((5, 8), (30, 8), (30, 64)):
            found = []
            for _ in range(trials):
                passes = generator.binomial(n, generator.beta(*SHAPES[shape], problems))
                weights = _likelihood(a, b, Counter(passes.tolist()), n)
                along = np.cumsum(weights.sum(axis=0) / weights.sum())
                low, high = (float(means[min(99, int(np.searchsorted(along, end)))]) for end in (0.025, 0.975))
                ours = estimate_mean(Counter((passes / n).tolist()), problems * n)
                found.append((low, high, ours.low or 0.0, ours.high or 0.0))
            low, high, our_low, our_high = np.array(found).T
            truth = mean_of(shape)
            theirs = f"{((low <= truth) & (truth <= high)).mean():.1%} {(high - low).mean():.3f}"
            mine = f"{((our_low <= truth) & (truth <= our_high)).mean():.1%} {(our_high - our_low).mean():.3f}"
            print(f"  {shape}, {problems} problems, n {n}: posterior {theirs}, ours {mine}")


def _likelihood(a: Floats, b: Floats, counts: Counter[int], n: int) -> Floats:
    logs = np.zeros_like(a)
    for passes, number in counts.items():
        logs += number * (betaln(a + passes, b + n - passes) - betaln(a, b))
    return np.asarray(np.exp(logs - np.max(logs)), dtype=np.float64)


def show_speed() -> None:
    generator = np.random.default_rng(0)
    first, second = generator.random(1_000_000), generator.random(1_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    estimate_difference(first, second)
    estimate_mean(Counter((generator.binomial(64, first) / 64).tolist()), 64_000_000)
    fit_prior(Counter((one, 64) for one in generator.binomial(64, first).tolist()))
    took = time.process_time() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"1,000,000 problems: {took:.2f} s (target ≤ 2), {grown:.0f} MB more (target ≤ 200)")
    plans = [plan_comparison(0.02, n) for n in (1, 8, 64)]
    print("to see 2 points: " + ", ".join(f"{plan.problems:,} x {plan.samples}" for plan in plans))


if __name__ == "__main__":
    main()
