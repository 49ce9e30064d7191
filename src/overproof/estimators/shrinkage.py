"""What few replies to one problem say of it, given how hard the others are (empirical Bayes).

Two right replies of two do not make a pass rate of 1: among problems like these most such are easier by luck. The rates
of all problems are taken to follow one beta distribution, fitted to all counts; a problem's own rate is then known as
a beta distribution too, and what decides is the chance that it lies inside the band.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeVar

import msgspec
import numpy as np

from overproof.estimators.students_t import beta_below

Counts = TypeVar("Counts", bound=tuple[int, int])
"""(correct, draws) of a problem."""
_LEAST, _MOST = 0.05, 200.0
"""Bounds of a + b: below, every problem would be either certain or hopeless; above, all would be alike."""
_GRID = 24


class Prior(msgspec.Struct, frozen=True):
    """Beta distribution of pass rates over problems: its mean is a / (a + b)."""

    a: float = 1.0
    b: float = 1.0

    def rate(self, correct: float, draws: int) -> float:
        """The shrunken pass rate of a problem with so many correct draws."""
        return (self.a + correct) / (self.a + self.b + draws)

    def chance_inside(self, correct: float, draws: int, low: float, high: float) -> float:
        """Chance that the problem's pass rate lies in [low, high]."""
        a, b = self.a + correct, self.b + draws - correct
        return beta_below(high, a, b) - beta_below(low, a, b)


def fit_prior(counts: Mapping[Counts, int] | Mapping[Counts, float], *, caution: float = 1.0) -> Prior:
    """The beta distribution under which counts of (correct, draws) → problems are likeliest; uniform without any.

    Of two that fit alike the wider counts for more, by (1 + a + b) to the power of −`caution`: from two draws of 100
    problems the likeliest is too narrow now and then, and just then much is kept, so that of what was kept 1.9 points
    too many were foretold inside a band, 1.2 with it. 0 where the counts hold what is usual already.
    """
    problems = [(correct, draws, number) for (correct, draws), number in counts.items() if draws]
    if not problems:
        return Prior()
    passes = sum(correct * number for correct, _, number in problems)
    total = sum(draws * number for _, draws, number in problems)
    mean = (passes + 0.5) / (total + 1)
    best = Prior(mean, 1 - mean)
    likeliest = -math.inf
    for size in np.geomspace(_LEAST, _MOST, _GRID).tolist():
        prior = Prior(mean * size, (1 - mean) * size)
        found = math.fsum(number * log_chance(prior, correct, draws) for correct, draws, number in problems)
        found -= caution * math.log1p(size)
        if found > likeliest:
            best, likeliest = prior, found
    return best


def share_inside(prior: Prior, counts: Mapping[Counts, int], low: float, high: float) -> float | None:
    """Expected share of these problems whose pass rate truly lies in [low, high]; None without problems."""
    problems = sum(counts.values())
    if not problems:
        return None
    inside = math.fsum(
        number * prior.chance_inside(correct, draws, low, high) for (correct, draws), number in counts.items()
    )
    return inside / problems


def log_chance(prior: Prior, correct: int, draws: int) -> float:
    """Logarithm of the beta-binomial chance of the order in which draws came."""
    return _log_beta(prior.a + correct, prior.b + draws - correct) - _log_beta(prior.a, prior.b)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
