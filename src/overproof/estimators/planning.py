"""How many problems and samples it takes to see a difference of so many points between two models."""

from __future__ import annotations

import math

import msgspec

from overproof.estimators.student import t_quantile

POWER = 0.8
"""Share of true differences that are to be found."""
_DIFFICULTY = (1.0, 1.0)
"""Beta distribution of pass rates over problems when nothing is known: uniform."""
_MOST_PROBLEMS = 10_000_000


class Plan(msgspec.Struct, frozen=True):
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
) -> Plan:
    """Problems needed to find a mean difference `detect` (a share, .02 for two points) with n samples a problem.

    `difficulty` is the beta distribution of pass rates over problems (`fit_prior` of an earlier run); `scatter` the
    standard deviation of a problem's true difference between both models. What a problem's gap scatters by is then
    2 · E[p(1 − p)] / n + scatter². Raises ValueError where no number of problems would do.
    """
    if not 0 < detect < 1 or samples < 1:
        raise ValueError("a difference to detect lies between 0 and 1, and there is at least one sample")
    a, b = difficulty
    within = a * b / ((a + b) * (a + b + 1))
    variance = 2 * within / samples + scatter**2
    problems = 2.0
    for _ in range(50):  # Student's t depends on the number of problems, which it decides
        freedom = max(1.0, problems - 1)
        reach = t_quantile(0.95, freedom) + t_quantile(2 * POWER - 1, freedom)
        needed = max(2.0, math.ceil(reach**2 * variance / detect**2))
        if needed == problems:
            break
        problems = needed
        if problems > _MOST_PROBLEMS:
            raise ValueError(f"more than {_MOST_PROBLEMS:,} problems would be needed")
    return Plan(int(problems), samples, detect)
