"""Is a reference wrong? Where every trace agrees on another answer, more often the reference is at fault than all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from overproof.grading import equivalent
from overproof.records import Score, Trace, Verdict

FEWEST_AGREEING = 3
"""Two traces may share a mistake; three independent ones that do so are worth a look."""


class SuspectReference(msgspec.Struct, frozen=True):
    """A reference that no trace agrees with while they agree with each other."""

    problem_id: str
    reference: str
    answer: str
    """What the traces answer, as the first of them writes it."""
    agreeing: int
    """How many traces gave that answer: all that gave one."""


def find_suspect_reference(traces: Sequence[Trace], scores: Mapping[str, Score]) -> SuspectReference | None:
    """The problem's reference when every answer of its traces is the same and none equals it; else None.

    `traces` are those of one problem, `scores` by trace id. Traces without a verdict or without an answer (cut,
    refused, unverifiable) do not count; at least three must be left. Equal means equivalent as grading judges it.
    """
    answers = []
    for trace in traces:
        grade = scores[trace.id].grade if trace.id in scores else None
        if not trace.is_complete or grade is None or grade.extracted is None or grade.verdict == Verdict.UNVERIFIABLE:
            continue
        if grade.verdict != Verdict.INCORRECT:
            return None
        answers.append(grade.extracted)
    if len(answers) < FEWEST_AGREEING:
        return None
    problem = traces[0].problem
    first, *others = dict.fromkeys(answers)
    if problem.reference is None or not all(equivalent(first, one, question=problem.question) for one in others):
        return None
    return SuspectReference(problem.id, problem.reference, answers[0], len(answers))
