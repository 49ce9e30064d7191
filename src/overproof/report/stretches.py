"""Trace → what is read of it: reasoning and answer in pieces, each a stretch of text or a formula, with its marks.

A page puts pieces together without looking at what they say: text is only ever text, and a formula comes either as
text or as MathML that `mathematics` vouches for.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from overproof.completion import read_completion
from overproof.grading import answer_classes
from overproof.grading.boxes import find_boxes
from overproof.judge.verdicts import rules_of
from overproof.language import find_foreign
from overproof.records import Decision, PreparedProblem, Problem, Score, Trace, Verdict
from overproof.report.mathematics import find_formulas, to_mathml
from overproof.rewards.restating import find_repeated_stretches
from overproof.runfolder.overrides import Override

FOREIGN, REPEATED, ANSWER = 1, 2, 4
"""Marks of a piece, added up: in another language than the question's, said before, the answer that was graded."""

Piece = str | tuple[str, int] | tuple[str, int, str]
"""Text; text with its marks; or a formula as text, its marks, and its MathML."""
Span = tuple[int, int, int]
"""Start, end and mark."""
_LONGEST_BESIDE = 4_000
"""Characters shown of a question that stands beside another."""
_LONGEST_ANSWER = 1_000


class Reading(msgspec.Struct, frozen=True, omit_defaults=True):
    """One trace as a page shows it."""

    id: str
    index: int
    verdict: str
    """The grade's verdict; empty without a grade."""
    kept: bool
    reason: str
    """Of its decision under the unnamed selection."""
    answer: list[Piece]
    raw: str
    """The reply's text as it came, shortened where the pieces are."""
    reasoning: list[Piece] | None = None
    raw_reasoning: str | None = None
    """What came through a field of its own."""
    extracted: str | None = None
    layer: str = ""
    """The layer of grading that decided."""
    why: str = ""
    """What that layer says."""
    rewards: dict[str, float | None] = {}
    reward_reasons: dict[str, str] = {}
    selections: dict[str, tuple[bool, str]] = {}
    """Under each named selection whether it is kept, and the reason."""
    tokens: int | None = None
    characters: int = 0
    seconds: float = 0.0
    attempts: int = 1
    finish: str = ""
    error: str | None = None
    left_out: int = 0
    """Characters in the middle of reasoning or answer that are not shown."""
    facts: dict[str, Any] = {}
    """What the list filters and sorts by (see `facts`)."""
    evidence: dict[str, dict[str, Any]] = {}
    """What each reward rests on."""
    request: dict[str, Any] = {}
    """What was asked with which parameters, who answered, and what it used."""
    marks: list[str] = []
    """Oddities of the reply."""
    money: str = ""
    """What it was charged, with the currency; empty without prices."""
    judged: dict[str, str] = {}
    """What judges replied about the answer, by model."""


Side = Literal["reference", "answer"]
"""Of a reference and the answer that most traces give in place of it, one."""


class NearQuestion(msgspec.Struct, frozen=True):
    """Another question that reads like a problem's."""

    kind: str
    """duplicate, near, or benchmark."""
    id: str
    here: str
    there: str
    """The passages that match, or both questions whole."""


class Majority(msgspec.Struct, frozen=True, omit_defaults=True):
    """What most traces of a problem answer."""

    answer: str
    pieces: list[Piece]
    count: int
    answers: int
    """How many traces give an answer."""
    agrees: bool | None = None
    """Whether it is the reference's; None where that cannot be told."""


class ProblemReading(msgspec.Struct, frozen=True, omit_defaults=True):
    """One problem with its traces as a page shows them."""

    id: str
    question: list[Piece]
    raw: str
    traces: list[Reading]
    trace_count: int
    """Traces there are; `traces` may hold fewer."""
    reference: str | None = None
    reference_pieces: list[Piece] = []
    issue: str | None = None
    """Why nothing can be graded against the reference."""
    source: str = ""
    language: str = ""
    level: str = ""
    duplicate_of: str | None = None
    cluster: str | None = None
    beside: list[NearQuestion] = []
    """Other questions that read like this one."""
    majority: Majority | None = None
    messages: list[tuple[str, str]] = []
    """What was sent, as role and text, where it is the same for all traces."""
    facts: dict[str, Any] = {}
    """What the list of problems filters and sorts by (see `facts`)."""
    decisions: list[Override] = []
    """What people have decided about it."""
    holds_with: Side | None = None
    """Which of the two a judge holds to be right, where most traces contradict the reference and it was asked."""


class Judged(msgspec.Struct, frozen=True):
    """A trace with its score and its decisions, and what else is known of it."""

    trace: Trace
    score: Score | None
    decisions: Mapping[str | None, Decision]
    facts: dict[str, Any] = {}
    money: str = ""
    judged: dict[str, str] = {}


class Around(msgspec.Struct, frozen=True):
    """What a problem is shown with beside its traces."""

    trace_count: int
    facts: dict[str, Any] = {}
    beside: list[NearQuestion] = []
    decisions: list[Override] = []
    holds_with: Side | None = None


def lay_out_problem(
    problem: PreparedProblem, judged: Sequence[Judged], around: Around, *, longest: int
) -> ProblemReading:
    """A problem to be read with these of its traces; `longest` bounds the characters shown of each part of a reply."""
    item = problem.problem
    prompts = {tuple((message.role, message.content[:longest]) for message in one.trace.messages) for one in judged}
    return ProblemReading(
        id=item.id,
        question=to_pieces(item.question[:longest]),
        raw=item.question[:longest],
        traces=[lay_out_trace(one, problem.language, longest=longest) for one in judged],
        trace_count=around.trace_count,
        reference=item.reference,
        reference_pieces=_answer_pieces(item.reference or ""),
        issue=problem.reference_issue,
        source=item.source,
        language=problem.language or "",
        level=str(item.metadata.get("level", "")),
        beside=[*around.beside, *_benchmarks(problem)],
        majority=_majority(item, judged),
        messages=list(prompts.pop()) if len(prompts) == 1 else [],
        facts=around.facts,
        decisions=around.decisions,
        holds_with=around.holds_with,
    )


def _benchmarks(problem: PreparedProblem) -> Iterator[NearQuestion]:
    """Each benchmark question that the problem's stands beside, with the passages that match."""
    for hit in problem.contamination:
        passages = hit.get("passages") or [{"problem": problem.problem.question, "benchmark": ""}]
        here, there = ("\n…\n".join(str(one.get(side, "")) for one in passages) for side in ("problem", "benchmark"))
        name = f"{hit.get('benchmark', '')} · {hit.get('benchmark_id', '')}"
        yield NearQuestion("benchmark", name, here[:_LONGEST_BESIDE], there[:_LONGEST_BESIDE])


def _majority(problem: Problem, judged: Sequence[Judged]) -> Majority | None:
    """The answer that most complete traces give, by classes of equal answers; None where fewer than two agree."""
    graded = [one.score.grade for one in judged if one.score and one.score.grade is not None and one.trace.is_complete]
    answers = [grade for grade in graded if grade.extracted is not None]
    if len(answers) < 2:
        return None
    classes = answer_classes([grade.extracted for grade in answers], question=problem.question)
    number, count = Counter(one for one in classes if one is not None).most_common(1)[0]
    if count < 2:
        return None
    members = [grade for grade, one in zip(answers, classes, strict=True) if one == number]
    answer = Counter(str(grade.extracted) for grade in members).most_common(1)[0][0]
    verdicts = {grade.verdict for grade in members}
    agrees = None if Verdict.UNVERIFIABLE in verdicts else bool(verdicts & {Verdict.CORRECT, Verdict.APPROXIMATE})
    return Majority(answer[:_LONGEST_ANSWER], _answer_pieces(answer[:_LONGEST_ANSWER]), count, len(answers), agrees)


def lay_out_trace(judged: Judged, language: str | None, *, longest: int) -> Reading:
    """A trace to be read; `language` is the question's."""
    trace, score = judged.trace, judged.score
    grade = score.grade if score else None
    extracted = grade.extracted if grade is not None else None
    completion = read_completion(trace)
    reasoning, reasoning_cut = _shorten(completion.reasoning or "", longest)
    answer, answer_cut = _shorten(completion.answer, longest)
    main = judged.decisions.get(None)
    rewards = score.rewards if score else {}
    target = _target(score) or language
    return Reading(
        id=trace.id,
        index=trace.index,
        verdict=grade.verdict if grade is not None else "",
        kept=main.kept if main else False,
        reason=main.reason if main else "",
        answer=to_pieces(answer, [*_find_marks(answer, target), *_find_answer(answer, extracted)]),
        raw=_shorten(trace.content, 2 * longest)[0],
        reasoning=None if completion.reasoning is None else to_pieces(reasoning, _find_marks(reasoning, target)),
        raw_reasoning=None if trace.reasoning is None else _shorten(trace.reasoning, longest)[0],
        extracted=extracted,
        layer=grade.layer if grade is not None else "",
        why=rules_of(grade) if grade is not None else "",
        rewards={name: reward.value for name, reward in rewards.items()},
        reward_reasons={name: reward.reason for name, reward in rewards.items() if reward.reason},
        selections={name: (made.kept, made.reason) for name, made in judged.decisions.items() if name is not None},
        tokens=trace.usage.completion_tokens,
        characters=len(trace.content) + len(trace.reasoning or ""),
        seconds=round(trace.seconds, 1),
        attempts=trace.attempts,
        finish=trace.finish_reason or "",
        error=trace.error,
        left_out=reasoning_cut + answer_cut,
        facts=judged.facts,
        evidence={name: reward.evidence for name, reward in rewards.items() if reward.evidence},
        request=_request_of(trace),
        marks=trace.marks,
        money=judged.money,
        judged={model: said[:_LONGEST_ANSWER] for model, said in judged.judged.items()},
    )


def _request_of(trace: Trace) -> dict[str, Any]:
    """What was asked and what it used, without the texts; what was not said is left out."""
    usage = {name: value for name, value in msgspec.structs.asdict(trace.usage).items() if value is not None}
    told = {
        "model": trace.teacher,
        "profile": trace.profile,
        **trace.parameters,
        "finish_reason": trace.finish_reason,
        "channel": trace.channel,
        "request_id": trace.request_id,
        **usage,
    }
    return {name: value for name, value in told.items() if value is not None}


def to_pieces(text: str, marks: Iterable[Span] = ()) -> list[Piece]:
    """A text as pieces in order. A formula is one piece, and takes every mark that touches it."""
    flags = np.zeros(len(text), np.uint8)
    for start, end, mark in marks:
        flags[start:end] |= mark
    pieces: list[Piece] = []
    place = 0
    for formula in find_formulas(text):
        pieces += _split(text, flags, place, formula.start)
        place = formula.end
        flag = int(np.bitwise_or.reduce(flags[formula.start : formula.end]))
        mathml = to_mathml(formula.latex, is_display=formula.is_display)
        written = text[formula.start : formula.end]
        if mathml is not None:
            pieces.append((written, flag, mathml))
        else:
            pieces.append((written, flag) if flag else written)
    pieces += _split(text, flags, place, len(text))
    return pieces


def _split(text: str, flags: NDArray[np.uint8], start: int, end: int) -> Iterator[Piece]:
    """The text from start to end, cut where its marks change."""
    cuts = np.flatnonzero(np.diff(flags[start:end])) + start + 1
    for left, right in itertools.pairwise([start, *cuts.tolist(), end]):
        if left < right:
            flag = int(flags[left])
            yield (text[left:right], flag) if flag else text[left:right]


def _find_marks(text: str, target: str | None) -> Iterator[Span]:
    """Where a text is in another language than the target, and where it repeats itself."""
    for start, end in find_repeated_stretches(text):
        yield start, end, REPEATED
    for start, end, _ in find_foreign(text, target) if target else ():
        yield start, end, FOREIGN


def _find_answer(answer: str, extracted: str | None) -> Iterator[Span]:
    """Where the graded answer stands: the last boxes that hold it, else its last occurrence."""
    if not extracted:
        return
    boxes = [
        (start, end) for start, end, content in find_boxes(answer) if content.strip() and content.strip() in extracted
    ]
    if boxes:
        wanted = max(1, extracted.count(", ") + 1) if len(boxes) > 1 else 1
        for start, end in boxes[-wanted:]:
            yield start, end, ANSWER
    elif (start := answer.rfind(extracted)) >= 0:
        yield start, start + len(extracted), ANSWER


def _target(score: Score | None) -> str | None:
    """The language that the reasoning was measured against."""
    reward = score.rewards.get("language_consistency") if score else None
    return (reward.evidence or {}).get("target") if reward else None


def _shorten(text: str, longest: int) -> tuple[str, int]:
    """A text without its middle when it is too long, and how many characters that takes away."""
    if len(text) <= longest:
        return text, 0
    head, tail = longest * 2 // 3, longest - longest * 2 // 3
    left_out = len(text) - longest
    return f"{text[:head]}\n\n[… {left_out:,} characters …]\n\n{text[-tail:]}", left_out


def _answer_pieces(answer: str) -> list[Piece]:
    """An answer, read as a formula when it has no delimiters of its own but looks like LaTeX."""
    if "\\" in answer and "$" not in answer and (mathml := to_mathml(answer)) is not None:
        return [(answer, 0, mathml)]
    return to_pieces(answer)
