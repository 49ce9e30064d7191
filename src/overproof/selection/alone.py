"""What speaks against one reply by itself, whatever its answer; the first replies of a run come here too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from overproof.completion import read_completion
from overproof.config import RunConfig
from overproof.config.rewards import REWARDS
from overproof.config.selection import SelectionConfig
from overproof.errors import ExtensionError
from overproof.prompts import contract_of
from overproof.records import Score, Trace
from overproof.rewards import score_trace
from overproof.selection.chatrow import find_obstacle

UNREADABLE_REASONING = frozenset({"summary", "encrypted"})
"""Marks of a reply whose reasoning is no chain of thought."""


class Fault(NamedTuple):
    """Why a reply cannot be kept."""

    reason: str
    """One of `reasons.REJECTED`, or other_model, or extension_failed."""
    detail: str
    """What its reward or the endpoint says more."""


def find_fault(config: RunConfig, trace: Trace, language: str | None) -> Fault | None:
    """Why a reply cannot be kept whatever its answer is, None when it can; `language` is that of its question.

    Goes through the rewards and the selection of the config as scoring and selecting will. A run that asks for no
    reasoning is not told that there is none.
    """
    try:
        return next((fault for fault in _find_faults(config, trace, language) if _counts(fault, config)), None)
    except ExtensionError as error:  # what is in flight is paid for, so this is told like any other fault of a reply
        return Fault("extension_failed", str(error))


def _find_faults(config: RunConfig, trace: Trace, language: str | None) -> Iterator[Fault]:
    if "other_model" in trace.marks:
        yield Fault("other_model", f"{trace.served_by} answered")
    incomplete = find_incomplete(trace)
    if incomplete is not None:
        yield Fault(incomplete, f"finish_reason {trace.finish_reason}")
    contract = config.prompt.contract or contract_of(config.prompt.template)
    score = score_trace(trace, None, config.rewards, language=language, contract=contract)
    shortfall = find_shortfall(score, config.selection)
    if shortfall is not None:
        yield Fault(shortfall, _reason_of(score, shortfall))
    if is_summary(trace) and not config.export.summaries:
        yield Fault("summary", "")
    obstacle = find_obstacle(trace.messages, read_completion(trace))
    if obstacle is not None:
        yield Fault(obstacle, "")


def _reason_of(score: Score, shortfall: str) -> str:
    name = shortfall.removeprefix("below_")
    return score.rewards[name].reason if name in score.rewards else ""


def _counts(fault: Fault, config: RunConfig) -> bool:
    return config.sampling.require_reasoning or "no_reasoning" not in fault


def find_incomplete(trace: Trace) -> str | None:
    """Why there is no whole reply to judge."""
    if trace.error is not None:
        return "refused"
    if trace.finish_reason == "length":
        return "truncated"
    return None if trace.is_complete else "incomplete"


def find_shortfall(score: Score | None, config: SelectionConfig) -> str | None:
    """The first requirement that a reward falls short of; one that could not be measured passes."""
    rewards = score.rewards if score else {}
    for name, least in config.require.items():
        value = rewards[name].value if name in rewards else None
        if value is not None and value < least:
            return f"below_{name}" if name in REWARDS else "below_custom_reward"
    return None


def is_summary(trace: Trace) -> bool:
    """Whether the reasoning is a summary, or partly unreadable, and so no chain of thought."""
    return not UNREADABLE_REASONING.isdisjoint(trace.marks)
