"""Trace → rewards: R1's rule rewards and further measures, each a pure function; only this module knows their names.

    accuracy               does the answer equal the reference?          1, 0
    think_format           one reasoning block and an answer after it    1, 0
    language_consistency   share of the reasoning in the right language  0 … 1

A reward that cannot be measured is None, which is not 0. Rewards hold no thresholds and never gate one another: each
sees the whole trace.
"""

from __future__ import annotations

from typing import Literal

from overproof.completion import read_completion
from overproof.config.judgement import RewardsConfig
from overproof.language import consistency
from overproof.records import Grade, Reward, Score, Trace, Verdict
from overproof.rewards.think_format import think_format


def score_trace(
    trace: Trace, grade: Grade | None, config: RewardsConfig, *, language: str | None, contract: str
) -> Score:
    """All rewards of one trace that need no other trace.

    `grade` is the answer's grade, None when the problem has no reference; `language` is the question's (ISO 639-1),
    None when unknown; `contract` names one of `think_format.CONTRACTS`.
    """
    target = config.language_consistency.target or language
    rewards = {
        "accuracy": accuracy(grade, config.accuracy.approximate),
        "think_format": think_format(trace, contract),
        "language_consistency": language_consistency(trace, target),
    }
    return Score(trace.id, grade, rewards, weigh(rewards, config))


def weigh(rewards: dict[str, Reward], config: RewardsConfig) -> float | None:
    """The weighted sum of rewards; None when one with a non-zero weight is None."""
    total = 0.0
    for name, reward in rewards.items():
        weight: float = getattr(config, name).weight
        if not weight:
            continue
        if reward.value is None:
            return None
        total += weight * reward.value
    return total


def is_correct(grade: Grade | None, approximate: Literal["correct", "incorrect"]) -> bool | None:
    """Whether a graded answer counts as right; None when nobody can tell (no reference, unverifiable).

    `approximate` says how an answer counts that is equal only after rounding (`AccuracyConfig.approximate`). Adaptive
    sampling and scoring both ask here, so that they never disagree.
    """
    if grade is None or grade.verdict == Verdict.UNVERIFIABLE:
        return None
    if grade.verdict == Verdict.APPROXIMATE:
        return approximate == "correct"
    return grade.verdict == Verdict.CORRECT


def accuracy(grade: Grade | None, approximate: Literal["correct", "incorrect"] = "correct") -> Reward:
    """R1's accuracy reward: 1 when the answer equals the reference, 0 when not, None where that cannot be told."""
    if grade is None:
        return Reward(None, "no_reference")
    right = is_correct(grade, approximate)
    return Reward(None if right is None else float(right), grade.verdict)


def language_consistency(trace: Trace, target: str | None) -> Reward:
    """R1's language reward: the share of the reasoning's words that are in the language `target`.

    None when there is no reasoning, too little of it, or no known target.
    """
    if target is None:
        return Reward(None, "unknown_language")
    reasoning = read_completion(trace).reasoning
    if reasoning is None:
        return Reward(None, "no_reasoning")
    found = consistency(reasoning, target)
    if found.score is None:
        return Reward(None, "too_little_text")
    foreign = {language: round(units, 1) for language, units in found.units.items() if language != target}
    evidence = {"target": target, "foreign": foreign, "longest_foreign_run": round(found.longest_foreign_run, 1)}
    if found.excerpt:
        evidence["excerpt"] = found.excerpt
    return Reward(round(found.score, 4), "mixed" if foreign else "", evidence)
