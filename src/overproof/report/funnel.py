"""Decisions → the funnel from sampled to kept; only this module knows at which step a reason loses a trace."""

from __future__ import annotations

from collections.abc import Mapping

from overproof.config import RunConfig
from overproof.report.summary import FunnelStep
from overproof.report.tables import UNDECIDED
from overproof.selection.reasons import KEPT, REJECTED

_STEPS = (
    ("decided", "a selection has looked at it", {UNDECIDED}),
    ("complete", "the reply came and ended by itself", {"refused", "truncated", "incomplete"}),
    ("drawn", "no repetition by a server that repeats itself", {"server_repeats"}),
    (
        "usable",
        "scored, and its problem may be trained on",
        {"not_scored", "problem_gone", "problem_duplicate", "problem_contaminated", "problem_dropped"},
    ),
    (
        "well formed",
        "reasoning and answer in their places, the required rewards reached, fit for a chat row",
        {reason for reason in REJECTED if reason.startswith("below_")}
        | {"no_reasoning", "no_answer", "stray_think_tag", "control_token", "damaged_text"},
    ),
    ("graded", "the answer could be compared with a reference", {"no_reference", "unverifiable", "no_majority"}),
    ("right", "the answer is the reference's", {"incorrect", "minority"}),
)
"""The funnel's steps with the reasons for which a trace does not come through; all other reasons belong to the last."""
_ALWAYS_SHOWN = {"complete", "well formed"}
_SHOWN_WHEN_ASKED = {"graded", "right"}


def build_funnel(config: RunConfig, traces: int, reasons: Mapping[str, int]) -> list[FunnelStep]:
    """The steps in order; each one's traces are those of the step before without the ones it lost."""
    steps = [FunnelStep("sampled", "all traces of the run", traces, {})]
    rejected = {reason: count for reason, count in in_order(reasons).items() if reason not in KEPT}
    left = traces
    for name, meaning, losing in _STEPS:
        lost = {reason: count for reason, count in rejected.items() if reason in losing}
        left -= sum(lost.values())
        asked = name in _ALWAYS_SHOWN or (name in _SHOWN_WHEN_ASKED and config.selection.policy != "all")
        if lost or asked:
            steps.append(FunnelStep(name, meaning, left, lost))
        rejected = {reason: count for reason, count in rejected.items() if reason not in lost}
    return [*steps, FunnelStep("kept", "chosen for the dataset", left - sum(rejected.values()), rejected)]


def in_order(reasons: Mapping[str, int]) -> dict[str, int]:
    """Counts of reasons in the order of the funnel, those that it does not know at the end."""
    known = {reason: reasons[reason] for reason in (*REJECTED, *KEPT) if reasons.get(reason)}
    return known | {reason: count for reason, count in reasons.items() if reason not in known and count}
