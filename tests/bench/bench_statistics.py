"""Coverage, bias and false alarms of every statistic over a grid, beside their targets; speed on a million problems.

python tests/bench/bench_statistics.py [--trials 1000] [--all]
"""

import argparse
import resource
import time
from collections import Counter

import numpy as np
from scipy.special import betaln
from simulated import SHAPES, Cell, grid, mean_of

from overproof.estimators import Floats, estimate_difference, estimate_mean, fit_prior, plan_comparison

COVERAGE, ALARMS, BIAS = 0.93, 0.06, 0.01
BOUND = 3.0
"""Standard errors of a simulated share beyond which a cell is said to miss its target."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--all", action="store_true", help="print every cell, not the worst of each statistic")
    chosen = parser.parse_args()
    cells = list(grid(np.random.default_rng(20), chosen.trials, (2, 3, 5, 10, 30, 100), (1, 4, 8, 64)))
    if chosen.all:
        for cell in cells:
            print(f"{cell.statistic:<16}{cell.situation:<44}{cell.holds:7.1%}{100 * cell.bias:+8.2f}{cell.width:8.3f}")
    for statistic in dict.fromkeys(cell.statistic for cell in cells):
        show([cell for cell in cells if cell.statistic == statistic], chosen.trials)
    compare_with_posterior(chosen.trials // 5)
    show_speed()


def show(cells: list[Cell], trials: int) -> None:
    """The worst cell of a statistic beside its target."""
    worst = min(cells, key=lambda cell: cell.holds)
    alarms = worst.statistic == "no false alarm"
    target = 1 - ALARMS if alarms else COVERAGE
    slack = BOUND * (target * (1 - target) / trials) ** 0.5
    verdict = "met" if worst.holds >= target - slack else "MISSED"
    what = "most false alarms" if alarms else "least coverage"
    figure = (
        f"{1 - worst.holds:.1%} (target ≤ {ALARMS:.0%})" if alarms else f"{worst.holds:.1%} (target ≥ {COVERAGE:.0%})"
    )
    print(f"{worst.statistic:<16}{what} {figure} {verdict}: {worst.situation}; {len(cells)} cells")
    if worst.statistic in {"pass rate", "pass@4", "adaptive rate", "difference"}:
        off = max((cell for cell in cells if "100 problems" in cell.situation), key=lambda cell: abs(cell.bias))
        print(f"{'':<16}largest bias {100 * off.bias:+.2f} points (target ≤ {100 * BIAS:g}): {off.situation}")


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
