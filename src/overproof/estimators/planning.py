"""How many problems and samples it takes to see a difference of so many points between two models."""

from __future__ import annotations

import math

import msgspec

from overproof.estimators.differences import pseudo_gap
from overproof.estimators.intervals import LEVEL
from overproof.estimators.students_t import t_quantile

POWER = 0.8
"""Share of true differences that are to be found."""
_DIFFICULTY = (1.0, 1.0)
"""Beta distribution of pass rates over problems when nothing is known: uniform."""
_MOST_PROBLEMS = 10_000_000
_LARGEST = 3.0
"""Standard deviations by which the largest of some hundred gaps lies from 0."""


class ComparisonPlan(msgspec.Struct, frozen=True):
    """A comparison that finds a difference in four of five tries."""

    problems: int
    samples: int
    """Of each problem, on each side."""
    detects: float
    """The difference."""

    @property
    def replies(self) -> int:
        """What both sides together are asked."""
        return 2 * self.problems * self.samples


def plan_comparison(
    detect: float, samples: int, *, difficulty: tuple[float, float] = _DIFFICULTY, scatter: float = 0.0
) -> ComparisonPlan:
    """Problems needed to find a mean difference `detect` (a share, .02 for two points) with n samples a problem.

    `difficulty` is the beta distribution of pass rates over problems (`fit_prior` of an earlier run); `scatter` the
    standard deviation of a problem's true difference between both models. What a problem's gap scatters by is then
    (E[p(1 − p)] + E[q(1 − q)]) / n + scatter², where q = p ± detect, whichever scatters more. Raises ValueError where
    no number of problems would do.
    """
    if not 0 < detect < 1 or samples < 1:
        raise ValueError("a difference to detect lies between 0 and 1, and there is at least one sample")
    a, b = difficulty
    within = a * b / ((a + b) * (a + b + 1))
    other = min(0.25, within + detect * (abs(b - a) / (a + b) - detect))
    variance = (within + max(within, other)) / samples + scatter**2
    fewest, enough = 1, 2
    while not _finds(detect, variance, enough):
        fewest, enough = enough, 2 * enough
        if enough > _MOST_PROBLEMS:
            raise ValueError(f"more than {_MOST_PROBLEMS:,} problems would be needed")
    while enough - fewest > 1:
        middle = (fewest + enough) // 2
        fewest, enough = (fewest, middle) if _finds(detect, variance, middle) else (middle, enough)
    return ComparisonPlan(enough, samples, detect)


def _finds(detect: float, variance: float, problems: int) -> bool:
    """Whether `estimate_difference` of so many problems finds the difference as often as `POWER` says."""
    largest = pseudo_gap(_LARGEST * math.sqrt(variance))
    error = math.sqrt((problems * variance + 2 * largest**2) / (problems + 1) / (problems + 2))
    chance = math.sqrt(variance / problems)
    freedom = problems + 1
    return t_quantile(LEVEL, freedom) * error + t_quantile(2 * POWER - 1, freedom) * chance <= detect
