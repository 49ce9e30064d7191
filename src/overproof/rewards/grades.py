"""Trace → grade: which traces have an answer to be graded at all; scoring and adaptive sampling both ask here."""

from __future__ import annotations

from collections.abc import Sequence

from overproof.grading import Row, grade_many
from overproof.records import Grade, Trace, Verdict


def grade_traces(traces: Sequence[Trace]) -> list[Grade | None]:
    """A grade for each trace, in order; None where the problem has no reference.

    A reply that was cut has no answer, whatever stands in it: incorrect. A refusal says nothing about the model:
    unverifiable. Both carry the layer `reply`.
    """
    grades = {number: grade for number, trace in enumerate(traces) if (grade := _grade_unfinished(trace)) is not None}
    asked = [n for n, trace in enumerate(traces) if n not in grades and trace.problem.reference is not None]
    rows = [Row(traces[n].content, traces[n].problem.reference, traces[n].problem.question) for n in asked]
    grades.update(zip(asked, grade_many(rows), strict=True))
    return [grades.get(number) for number in range(len(traces))]


def _grade_unfinished(trace: Trace) -> Grade | None:
    """The grade of a trace that never ended by itself, None for one that did or has nothing to be graded against."""
    if trace.problem.reference is None or trace.is_complete:
        return None
    if trace.error is not None:
        return Grade(Verdict.UNVERIFIABLE, None, "reply", f"the endpoint refused: {trace.error}")
    return Grade(Verdict.INCORRECT, None, "reply", f"the reply was cut (finish_reason {trace.finish_reason})")
