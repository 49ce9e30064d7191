"""Is a reference wrong? Where most traces agree on another answer, more often the reference is at fault than they."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from overproof.grading import answer_classes
from overproof.records import Score, Trace, Verdict

FEWEST_AGREEING = 3
"""Two traces may share a mistake; three independent ones that do so are worth a look."""


class SuspectReference(msgspec.Struct, frozen=True):
    """A reference that most traces disagree with while they agree with each other."""

    problem_id: str
    reference: str
    answer: str
    """What most traces answer, as the first of them writes it."""
    agreeing: int
    """How many traces gave that answer."""
    answered: int
    """How many traces gave any answer that has a verdict: more than half of them are `agreeing`."""


def find_suspect_reference(traces: Sequence[Trace], scores: Mapping[str, Score]) -> SuspectReference | None:
    """The problem's reference when most answers of its traces are the same and differ from it; else None.

    `traces` are those of one problem, `scores` by trace id. Traces without a verdict or without an answer (cut,
    refused, unverifiable) do not count. At least three must agree, and they must be more than half of those that
    count. Equal means equivalent as grading judges it.
    """
    wrong: list[str] = []
    answered = 0
    for trace in traces:
        grade = scores[trace.id].grade if trace.id in scores else None
        if not trace.is_complete or grade is None or grade.extracted is None or grade.verdict == Verdict.UNVERIFIABLE:
            continue
        answered += 1
        if grade.verdict == Verdict.INCORRECT:
            wrong.append(grade.extracted)
    if len(wrong) < FEWEST_AGREEING or 2 * len(wrong) <= answered:
        return None
    problem = traces[0].problem
    classes = answer_classes(wrong, question=problem.question)
    largest, agreeing = Counter(one for one in classes if one is not None).most_common(1)[0]
    if problem.reference is None or agreeing < FEWEST_AGREEING or 2 * agreeing <= answered:
        return None
    return SuspectReference(problem.id, problem.reference, wrong[classes.index(largest)], agreeing, answered)
