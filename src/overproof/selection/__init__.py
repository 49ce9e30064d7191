"""Traces with their scores → one Decision with one reason for every trace; only this package rejects.

`decide` is a pure function of one problem's traces: it tests what concerns each trace alone, in the order of
`REASONS`, then chooses among those that qualify. `select_shard` applies every selection of a config to a shard in one
pass over its traces. Nothing here grades or scores: choosing again costs no token and no verdict.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from overproof.completion import Completion, read_completion
from overproof.config import RunConfig
from overproof.config.selection import SelectionConfig
from overproof.journal import write_records
from overproof.records import Decision, PreparedProblem, Score, Trace
from overproof.runfolder import RunFolder
from overproof.selection.chatrow import find_obstacle


class ScoredTrace(NamedTuple):
    """A trace with what the rules say of it; `score` is None for a trace that was sampled after scoring."""

    trace: Trace
    score: Score | None


def decide(problem: PreparedProblem | None, scored: Sequence[ScoredTrace], config: SelectionConfig) -> list[Decision]:
    """A Decision for each trace of one problem, in the order given.

    `problem` is None when it is no longer among the run's problems. The outcome for a trace depends on the other
    traces of its problem and on nothing else: neither on their order nor on other problems.
    """
    completions = [read_completion(item.trace) for item in scored]
    reasons = [
        _reason_to_reject(problem, item, completion, config)
        for item, completion in zip(scored, completions, strict=True)
    ]
    qualified = [number for number, reason in enumerate(reasons) if reason is None]
    qualified.sort(key=lambda number: _rank(scored[number].trace, completions[number], config))
    over = set(qualified[config.k_per_problem :] if config.k_per_problem else ())
    decisions = []
    for number, (item, reason) in enumerate(zip(scored, reasons, strict=True)):
        rejected = "over_k" if number in over else reason
        decisions.append(Decision(item.trace.id, rejected is None, rejected or _reason_to_keep(item.score)))
    return decisions


def select_shard(config: RunConfig, folder: RunFolder, shard: int) -> dict[str | None, Counter[str]]:
    """Write the decisions of a shard under every selection of the config; returns their counts by reason.

    The unnamed selection is under None, `selections` under their names. Decisions stand in the order of the shard's
    problems file, then by index, whatever the order in which traces arrived.
    """
    selections: dict[str | None, SelectionConfig] = {None: config.selection}
    selections.update(config.selections)
    scores = {score.trace_id: score for score in folder.read_scores(shard)}
    decisions: dict[str | None, list[Decision]] = {name: [] for name in selections}
    for problem, traces in folder.read_groups(shard):
        scored = [ScoredTrace(trace, scores.get(trace.id)) for trace in traces]
        for name, selection in selections.items():
            decisions[name] += decide(problem, scored, selection)
    for name, made in decisions.items():
        write_records(folder.decisions(shard, name), made)
    return {name: Counter(decision.reason for decision in made) for name, made in decisions.items()}


def _reason_to_reject(
    problem: PreparedProblem | None, item: ScoredTrace, completion: Completion, config: SelectionConfig
) -> str | None:
    """Why a trace is rejected for its own sake, or None when it qualifies."""
    return (
        _find_incomplete(problem, item)
        or _find_shortfall(item.score, config)
        or find_obstacle(item.trace.messages, completion)
        or (_find_unproved(item.score) if config.policy == "correct" else None)
    )


def _find_incomplete(problem: PreparedProblem | None, item: ScoredTrace) -> str | None:
    trace = item.trace
    found = {
        "refused": trace.error is not None,
        "truncated": trace.finish_reason == "length",
        "incomplete": not trace.is_complete,
        "not_scored": item.score is None,
        "problem_gone": problem is None,
        "problem_duplicate": problem is not None and problem.duplicate_of is not None,
        "problem_contaminated": problem is not None and bool(problem.contamination),
    }
    return next((reason for reason, holds in found.items() if holds), None)


def _find_shortfall(score: Score | None, config: SelectionConfig) -> str | None:
    """The first requirement that a reward falls short of; one that could not be measured passes."""
    rewards = score.rewards if score else {}
    for name, least in config.require.items():
        value = rewards[name].value if name in rewards else None
        if value is not None and value < least:
            return f"below_{name}"
    return None


def _find_unproved(score: Score | None) -> str | None:
    """Why the answer is not known to be right. The accuracy reward decides, so that its policy is applied once."""
    if score is None or score.grade is None:
        return "no_reference"
    accuracy = score.rewards["accuracy"].value if "accuracy" in score.rewards else None
    if accuracy is None:
        return "unverifiable"
    return None if accuracy == 1 else "incorrect"


def _reason_to_keep(score: Score | None) -> str:
    unproved = _find_unproved(score)
    return {None: "correct", "incorrect": "any_answer"}.get(unproved, "unverified")


def _rank(trace: Trace, completion: Completion, config: SelectionConfig) -> tuple[int, bytes]:
    """Sorts the traces of a problem by the config's order, with ties left to a seeded chance."""
    chance = hashlib.blake2b(f"{config.seed}/{trace.id}".encode(), digest_size=8).digest()
    length = len(completion.reasoning or "") + len(completion.answer)
    return {"random": 0, "shortest": length, "longest": -length}[config.order], chance
