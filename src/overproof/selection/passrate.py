"""How often the teacher solves a problem; only this module knows which traces count and when there are enough.

A refused request and an answer that could not be graded say nothing and do not count; a reply that was cut or did
not end by itself counts as not passed, whatever it says.
"""

from __future__ import annotations

from collections.abc import Sequence

from overproof.config.endpoint import SamplingConfig
from overproof.config.selection import FEWEST_FOR_PASS_RATE
from overproof.records import Score


def has_passed(reason: str | None, score: Score | None) -> bool | None:
    """Whether a trace counts as a pass; None when it says nothing about the problem.

    `reason` is that of its decision, or None while nothing speaks against it; only what is said of the reply itself
    (refused, truncated, incomplete) matters here.
    """
    if reason == "refused" or score is None:
        return None
    if reason in {"truncated", "incomplete"}:
        return False
    accuracy = score.rewards.get("accuracy")
    return None if accuracy is None or accuracy.value is None else accuracy.value == 1


def estimate_pass_rate(outcomes: Sequence[bool | None], sampling: SamplingConfig) -> float | None:
    """Unbiased estimate of one problem's pass rate from its traces in the order of their index.

    None where too few of them count. `sampling` says how many traces every problem got whatever came of them.
    """
    probe = [outcome for outcome in outcomes[: sampling.n] if outcome is not None]
    return sum(probe) / len(probe) if len(probe) >= FEWEST_FOR_PASS_RATE else None
