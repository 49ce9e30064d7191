"""How often the teacher solves a problem; only this module knows which traces count and when there are enough.

A refused request, a reference that cannot be read and what a server says again that knows no chance tell nothing of the
model and do not count. A reply that was cut or did not end by itself counts as not passed, whatever it says, as does an
answer that cannot be decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from overproof.config.endpoint import SamplingConfig
from overproof.config.selection import FEWEST_FOR_PASS_RATE, SelectionConfig
from overproof.estimators import PassRate, Prior, fixed_pass_rate, stopped_pass_rate
from overproof.records import Score


def has_passed(reason: str | None, score: Score | None) -> bool | None:
    """Whether a trace counts as a pass; None when it says nothing about the problem.

    `reason` is that of its decision, or None while nothing speaks against it; only what is said of the reply itself
    (refused, server_repeats, truncated, incomplete) matters here.
    """
    if reason in {"refused", "server_repeats"} or score is None:
        return None
    if reason in {"truncated", "incomplete"}:
        return False
    accuracy = score.rewards.get("accuracy")
    if score.grade is not None and score.grade.is_undecided:
        return False
    return None if accuracy is None or accuracy.value is None else accuracy.value == 1


def rate_problem(outcomes: Sequence[bool | None], sampling: SamplingConfig) -> PassRate:
    """Unbiased pass rate of one problem from its traces in the order of their index.

    `sampling` says how the traces came to be as many as they are.
    """
    if sampling.want_correct is None:
        return fixed_pass_rate(outcomes[: sampling.n])
    return stopped_pass_rate(outcomes, probe=sampling.least, want_correct=sampling.want_correct, most=sampling.most)


def estimate_pass_rate(outcomes: Sequence[bool | None], sampling: SamplingConfig) -> float | None:
    """The value of `rate_problem` where it says something about this very problem, else None.

    It rests on fewer than four traces then, and sampling did not go on until at least two were correct (where it did,
    the number of draws itself says how hard the problem is).
    """
    rate = rate_problem(outcomes, sampling)
    carries = rate.draws >= FEWEST_FOR_PASS_RATE or (sampling.want_correct or 0) >= 2
    return rate.value if carries else None


class Draws(NamedTuple):
    """How many of a problem's draws that count were correct."""

    correct: int
    draws: int


def count_draws(outcomes: Sequence[bool | None], sampling: SamplingConfig) -> Draws:
    """The draws of one problem that its pass rate rests on; a rule that stopped early does not bias what they tell."""
    counted = [outcome for outcome in outcomes[: sampling.most] if outcome is not None]
    return Draws(sum(counted), len(counted))


def band_of(selection: SelectionConfig) -> tuple[float, float]:
    """Both ends of a selection's band of pass rates."""
    return selection.min_pass_rate or 0.0, 1.0 if selection.max_pass_rate is None else selection.max_pass_rate


def find_outside_band(drawn: Draws, selection: SelectionConfig, prior: Prior) -> str | None:
    """Why a problem is outside the band of pass rates; None where it is inside with a chance of at least a half.

    A few replies say little of one problem: `prior` holds how pass rates spread over the run, and the chance is that of
    the problem's rate given both. Two of two right is seldom a rate of 1.
    """
    low, high = band_of(selection)
    inside = prior.chance_inside(*drawn, low, high)
    if inside >= 0.5:  # rather inside than not
        return None
    return "too_hard" if prior.chance_inside(*drawn, 0.0, low) > prior.chance_inside(*drawn, high, 1.0) else "too_easy"
