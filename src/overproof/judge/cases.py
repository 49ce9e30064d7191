"""Scores → what the judge is to be asked: every answer that the rules leave open, and a sample of those they decide.

The sample checks the judge. It is drawn by a seeded hash of the trace, at most one trace a problem, so that it is the
same each time and its rows are independent.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from overproof.config.endpoint import JudgeConfig
from overproof.grading.grader import MAX_SHOWN
from overproof.records import Grade, Trace, Verdict, problem_id_of
from overproof.runfolder import RunFolder

LAYER = "judge"
"""The layer of a grade that the judge has settled."""
_DECIDED = (Verdict.CORRECT, Verdict.INCORRECT)


class Case(msgspec.Struct, frozen=True, omit_defaults=True):
    """An answer as the judge sees it."""

    question: str
    reference: str
    answer: str
    asked: Literal["equal", "right"] = "equal"
    """Whether the answer equals the reference; or which of the two is right, without being told which is which."""


class Check(msgspec.Struct, frozen=True):
    """A decided answer that the judge is asked too."""

    case: Case
    is_correct: bool
    """By the rules."""


class OpenCases(msgspec.Struct, frozen=True):
    """What there is to ask."""

    open: list[Case]
    """Answers that the rules leave open, those already judged included; each once."""
    unsettled: dict[int, list[Case]]
    """By shard, the open answers whose scores are still unverifiable."""
    checks: list[Check]


def is_open(grade: Grade | None) -> bool:
    """Whether the rules have read an answer and could not decide it. One that is not kept whole cannot be asked."""
    return (
        grade is not None
        and grade.verdict == Verdict.UNVERIFIABLE
        and is_whole(grade.extracted)
        and grade.layer != "reply"
    )


def is_whole(answer: str | None) -> bool:
    """Whether an answer is kept whole, so that it can be asked about."""
    return answer is not None and 0 < len(answer) <= MAX_SHOWN


def case_of(trace: Trace, grade: Grade) -> Case:
    """The case of a graded answer."""
    return Case(trace.problem.question, trace.problem.reference or "", grade.extracted or "")


def find_cases(folder: RunFolder, shards: Sequence[int], judge: JudgeConfig) -> OpenCases:
    """What the scores of these shards leave to ask. Reads the texts of the traces concerned only."""
    open_cases: dict[Case, None] = {}
    unsettled: dict[int, list[Case]] = {}
    drawn: list[tuple[bytes, Check]] = []
    for shard in shards:
        wanted, checks = _choose(folder, shard, judge)
        for trace, grade in _read_texts(folder, shard, wanted):
            case = case_of(trace, grade)
            if trace.id in checks:
                drawn.append((checks[trace.id], Check(case, grade.verdict == Verdict.CORRECT)))
                continue
            open_cases[case] = None
            if grade.layer != LAYER:
                unsettled.setdefault(shard, []).append(case)
        drawn = heapq.nsmallest(judge.check, drawn, key=lambda one: one[0])
    return OpenCases(list(open_cases), unsettled, [check for _, check in drawn])


def _choose(folder: RunFolder, shard: int, judge: JudgeConfig) -> tuple[dict[str, Grade], dict[str, bytes]]:
    """The grades of the traces to be asked about, and the draws of those that are checks, by trace id."""
    wanted: dict[str, Grade] = {}
    draws: list[tuple[bytes, str, Grade]] = []
    for _, scores in itertools.groupby(folder.read_scores(shard), key=lambda score: problem_id_of(score.trace_id)):
        rows = [(score.trace_id, score.grade) for score in scores if score.grade is not None]
        wanted.update((trace_id, grade) for trace_id, grade in rows if is_open(grade) or grade.layer == LAYER)
        decided = [(draw(judge.seed, trace_id), trace_id, grade) for trace_id, grade in rows if _is_decided(grade)]
        draws = heapq.nsmallest(judge.check, [*draws, *sorted(decided, key=_first)[:1]], key=_first)
    wanted.update((trace_id, grade) for _, trace_id, grade in draws)
    return wanted, {trace_id: draw for draw, trace_id, _ in draws}


def _first(draw: tuple[bytes, str, Grade]) -> bytes:
    return draw[0]


def _is_decided(grade: Grade) -> bool:
    return is_whole(grade.extracted) and grade.verdict in _DECIDED and grade.layer not in {LAYER, "reply"}


def draw(seed: int, name: str) -> bytes:
    """The place of what bears a name in an order that a seed gives."""
    return hashlib.blake2b(f"{seed}\0{name}".encode(), digest_size=8).digest()


def _read_texts(folder: RunFolder, shard: int, wanted: dict[str, Grade]) -> Iterator[tuple[Trace, Grade]]:
    for _, traces in folder.read_groups(shard, wanted):
        for trace in traces:
            yield trace, wanted[trace.id]
