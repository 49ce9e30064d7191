"""The files of one shard → tables of numbers; only this module reads a run's lines for what can be counted in them.

A row takes some 80 bytes whatever the texts of its line, so that millions of traces can be counted and paged through.
Damaged lines are passed over and named; a torn tail (a line that is just being written) is left for the next time: a
report is wanted most when something went wrong.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from overproof.journal import Span, read_span
from overproof.records import Decision, PreparedProblem, Reward, Score, Usage, Verdict, decode, trace_id_of
from overproof.runfolder.located import ProblemKey
from overproof.selection.reasons import REASONS
from overproof.teacher.budget import Amount, Prices, add_usage

Table = NDArray[np.void]
Record = TypeVar("Record", bound=msgspec.Struct)

PROBLEM = np.dtype(
    [
        ("key", "u8"),
        ("offset", "i8"),
        ("length", "i4"),
        ("source", "u2"),
        ("language", "u2"),
        ("level", "u2"),
        ("kind", "u2"),  # how the reference was typed
        ("reference", "f8"),  # its `order_of`
        ("has_reference", "?"),
        ("unverifiable", "?"),
        ("duplicate", "?"),
        ("clustered", "?"),
        ("contaminated", "?"),
    ]
)
TRACE = np.dtype(
    [
        ("key", "u8"),
        ("problem", "u8"),
        ("index", "i4"),
        ("part", "u2"),
        ("offset", "i8"),
        ("length", "i4"),
        ("characters", "i4"),
        ("tokens", "i4"),  # of the reply; UNKNOWN where the endpoint did not say
        ("charged_tokens", "i4"),
        ("charged_cost", "f8"),
        ("ending", "u1"),
        ("error", "u2"),  # name of a permanent refusal
        ("mark", "u2"),  # all oddities of the reply together
        ("model", "u2"),
        ("effort", "u2"),  # how much reasoning was asked for
    ]
)
SCORE = np.dtype(
    [
        ("key", "u8"),
        ("offset", "i8"),
        ("length", "i4"),
        ("verdict", "u1"),
        ("layer", "u2"),
        ("passed", "i1"),  # as `selection.passrate.has_passed` has it; UNKNOWN for None
        ("form", "u2"),  # reason of the think_format reward
        ("foreign", "u2"),  # the foreign language that most of the reasoning's foreign words are in
        ("extracted", "f8"),  # the answer's `order_of`
    ]
)
DECISION = np.dtype([("key", "u8"), ("kept", "?"), ("reason", "u2")])

UNKNOWN = -1
COMPLETE, TRUNCATED, INCOMPLETE, REFUSED = range(4)
"""How a reply ended (`TRACE.ending`)."""
ENDINGS = ("complete", "truncated", "incomplete", "refused")
"""The same in words."""
VERDICTS = ("", *Verdict)
"""The verdicts of `SCORE.verdict`; the empty one is for traces without a grade."""
UNDECIDED = "undecided"
"""Stands for the reason of a trace that no selection has looked at yet."""
_MOST_DAMAGE_NAMED = 20
_MOST_SAID = 50
"""An endpoint may put a number of its own into each refusal."""


class Names:
    """Texts as small numbers: sources, languages, reasons and so on."""

    def __init__(self, known: tuple[str, ...] = ()) -> None:
        """Number the known texts from 0 in their order; further ones get the next numbers."""
        self.numbers = {name: number for number, name in enumerate(known)}

    def number(self, name: str) -> int:
        """The number of a text."""
        return self.numbers.setdefault(name, len(self.numbers))

    def names(self) -> list[str]:
        """All texts so far, by number."""
        return list(self.numbers)


@dataclass(slots=True)
class ReadSoFar:
    """How far a file was read."""

    offset: int = 0
    lines: int = 0


@dataclass(slots=True)
class Damage:
    """Lines that could not be read."""

    lines: int = 0
    named: list[str] = field(default_factory=list)
    """The first of them, as path:number with what is wrong."""

    def note(self, text: str) -> None:
        """Count one."""
        self.lines += 1
        if len(self.named) < _MOST_DAMAGE_NAMED:
            self.named.append(text)

    def add(self, other: Damage) -> None:
        """Count the other's lines too."""
        self.lines += other.lines
        self.named = (self.named + other.named)[:_MOST_DAMAGE_NAMED]


@dataclass(slots=True)
class ShardProblems:
    """The problems of a shard in the order of their file."""

    path: Path
    rows: Table
    sources: Names
    languages: Names
    levels: Names
    kinds: Names
    damage: Damage


@dataclass(slots=True)
class Spending:
    """What traces have cost, summed over lines."""

    reply: Usage = field(default_factory=Usage)
    retried: Usage = field(default_factory=Usage)
    unreported: Usage = field(default_factory=Usage)
    amount: Amount = field(default_factory=Amount)
    refused: Counter[str] = field(default_factory=Counter)
    """Permanent refusals by name."""
    said: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Permanent refusals by name and by what the endpoint said; only the first `_MOST_SAID` that differ."""
    marks: Counter[str] = field(default_factory=Counter)
    """Traces by oddity."""
    efforts: Counter[str] = field(default_factory=Counter)
    """Traces by how much reasoning was asked for, where that was said."""
    teachers: Counter[str] = field(default_factory=Counter)
    """Traces by teacher."""
    attempts: int = 0

    def add(self, other: Spending) -> None:
        """Count the other's lines too."""
        self.reply = add_usage((self.reply, other.reply))
        self.retried = add_usage((self.retried, other.retried))
        self.unreported = add_usage((self.unreported, other.unreported))
        self.amount += other.amount
        self.refused.update(other.refused)
        self.said.update(other.said)
        self.marks.update(other.marks)
        self.efforts.update(other.efforts)
        self.teachers.update(other.teachers)
        self.attempts += other.attempts


@dataclass(slots=True)
class TraceNames:
    """The texts that numbers in the rows of traces stand for; the empty one is none."""

    errors: Names = field(default_factory=lambda: Names(("",)))
    marks: Names = field(default_factory=lambda: Names(("",)))
    """Oddities of one reply together, with commas between them."""
    models: Names = field(default_factory=Names)
    efforts: Names = field(default_factory=lambda: Names(("",)))


@dataclass(slots=True)
class Traces:
    """The traces of a shard in the order they arrived, read up to `reached` of each part."""

    rows: Table = field(default_factory=lambda: np.empty(0, TRACE))
    reached: dict[Path, ReadSoFar] = field(default_factory=dict)
    """How far each part was read; parts are numbered in this order."""
    spending: Spending = field(default_factory=Spending)
    names: TraceNames = field(default_factory=TraceNames)
    damage: Damage = field(default_factory=Damage)


@dataclass(slots=True)
class Scores:
    """The scores of a shard."""

    path: Path
    rows: Table
    values: dict[str, NDArray[np.float32]]
    """Each reward's values, NaN for None."""
    layers: Names
    forms: Names
    foreign: Names
    damage: Damage


@dataclass(slots=True)
class Decisions:
    """One selection's decisions on the traces of a shard."""

    rows: Table
    reasons: Names
    damage: Damage


def bits_of(text: str) -> int:
    """64 bits that stand for an id."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


_TEXTS_FROM = 1e300
"""Numbers sort by their value, and all texts after them."""


def order_of(text: str | None) -> float:
    """A number that sorts as answers do: numbers by their value, then texts by their first six bytes; NaN for none."""
    if not text:
        return math.nan
    try:
        value = float(text.replace(",", "").replace("\N{MINUS SIGN}", "-"))
    except ValueError:
        value = math.nan
    if abs(value) < _TEXTS_FROM:
        return value
    return _TEXTS_FROM * (1 + int.from_bytes(text.encode(errors="replace")[:6].ljust(6, b"\0")) / 2**48)


def read_problems(path: Path) -> ShardProblems:
    """A shard's problems."""
    found = ShardProblems(path, np.empty(0, PROBLEM), Names(), Names(), Names(), Names(), Damage())
    rows: list[tuple[Any, ...]] = []
    for span, one in _read_from(path, PreparedProblem, found.damage):
        rows.append(
            (
                bits_of(one.problem.id),
                *span,
                found.sources.number(one.problem.source),
                found.languages.number(one.language or ""),
                found.levels.number(str(one.problem.metadata.get("level", ""))),
                found.kinds.number(one.reference_kind or ""),
                order_of(one.problem.reference),
                one.problem.reference is not None,
                one.reference_issue is not None,
                one.duplicate_of is not None,
                one.cluster is not None,
                bool(one.contamination),
            )
        )
    found.rows = np.array(rows, PROBLEM)
    return found


class _Effort(msgspec.Struct, frozen=True):
    """The parameters that say how much reasoning is asked for, by the names that endpoints have for it."""

    reasoning_effort: Any = None
    thinking_budget: Any = None
    enable_thinking: Any = None

    def __str__(self) -> str:
        """In a word."""
        if self.reasoning_effort is not None:
            return str(self.reasoning_effort)
        if self.thinking_budget is not None:
            return f"at most {self.thinking_budget} tokens"
        return "" if self.enable_thinking is None else ("thinking" if self.enable_thinking else "no thinking")


class _TraceLine(msgspec.Struct):
    """The fields of a trace that are counted."""

    problem: ProblemKey
    index: int
    fingerprint: str
    content: str
    teacher: str = ""
    reasoning: str | None = None
    finish_reason: str | None = None
    usage: Usage = Usage()
    retried_usage: Usage = Usage()
    unreported_usage: Usage = Usage()
    attempts: int = 1
    error: str | None = None
    refusal: str | None = None
    marks: list[str] = []
    parameters: _Effort = _Effort()


def read_more_traces(known: Traces, parts: list[Path], prices: Prices) -> bool:
    """Read what the parts of a shard hold beyond what is known already, into `known`; says whether there was any."""
    rows: list[tuple[Any, ...]] = []
    for path in parts:
        cursor = known.reached.setdefault(path, ReadSoFar())
        part = list(known.reached).index(path)
        for span, line in _read_from(path, _TraceLine, known.damage, cursor):
            rows.append((*_trace_row(line, part, span, known.spending, prices), *_trace_names(line, known)))
    if rows:
        known.rows = np.concatenate([known.rows, np.array(rows, TRACE)])
        known.rows = known.rows[np.sort(np.unique(known.rows["key"], return_index=True)[1])]  # the first of an id
    return bool(rows)


def _trace_row(line: _TraceLine, part: int, span: Span, spending: Spending, prices: Prices) -> tuple[Any, ...]:
    amount = prices.of(line.usage)
    spending.reply = add_usage((spending.reply, line.usage))
    if line.attempts > 1 or line.error is not None or line.unreported_usage != _NOTHING:
        amount += prices.of(line.retried_usage) + prices.of_unreported(line.unreported_usage)
        spending.retried = add_usage((spending.retried, line.retried_usage))
        spending.unreported = add_usage((spending.unreported, line.unreported_usage))
    spending.amount += amount
    spending.attempts += line.attempts
    tokens = line.usage.completion_tokens
    return (
        bits_of(trace_id_of(line.problem.id, line.index, line.fingerprint)),
        bits_of(line.problem.id),
        line.index,
        part,
        *span,
        len(line.content) + len(line.reasoning or ""),
        UNKNOWN if tokens is None else tokens,
        amount.tokens,
        float(amount.cost),
        _ending(line),
    )


def _trace_names(line: _TraceLine, known: Traces) -> tuple[int, int, int, int]:
    """What is named in a line, counted and as numbers."""
    spending, names, effort = known.spending, known.names, str(line.parameters)
    spending.teachers[line.teacher] += 1
    spending.marks.update(line.marks)
    if effort:
        spending.efforts[effort] += 1
    if line.error is not None:
        spending.refused[line.error] += 1
        said = (line.error, line.refusal or "")
        if said in spending.said or len(spending.said) < _MOST_SAID:
            spending.said[said] += 1
    return (
        names.errors.number(line.error or ""),
        names.marks.number(",".join(sorted(line.marks))),
        names.models.number(line.teacher),
        names.efforts.number(effort),
    )


_NOTHING = Usage()


def _ending(line: _TraceLine) -> int:
    if line.error is not None:
        return REFUSED
    return {"stop": COMPLETE, "length": TRUNCATED}.get(line.finish_reason or "", INCOMPLETE)


def read_scores(path: Path) -> Scores:
    """A shard's scores."""
    found = Scores(path, np.empty(0, SCORE), {}, Names(), Names(("",)), Names(("",)), Damage())
    rows: list[tuple[Any, ...]] = []
    values: dict[str, list[float]] = {}
    for span, score in _read_from(path, Score, found.damage):
        for name, reward in score.rewards.items():
            column = values.setdefault(name, [])
            column.extend([np.nan] * (len(rows) - len(column)))
            column.append(np.nan if reward.value is None else reward.value)
        rows.append((bits_of(score.trace_id), *span, *_score_facts(score, found)))
    found.rows = np.array(rows, SCORE)
    for name, column in values.items():
        column.extend([np.nan] * (len(rows) - len(column)))
        found.values[name] = np.array(column, np.float32)
    return found


def _score_facts(score: Score, found: Scores) -> tuple[int, int, int, int, int, float]:
    grade = score.grade
    accuracy, form, language = (
        score.rewards.get(name) for name in ("accuracy", "think_format", "language_consistency")
    )
    foreign: dict[str, float] = (language.evidence or {}).get("foreign", {}) if language else {}
    return (
        VERDICTS.index(grade.verdict) if grade is not None else 0,
        found.layers.number(grade.layer if grade is not None else ""),
        _passed(score, accuracy),
        found.forms.number(form.reason if form and form.value == 0 else ""),
        found.foreign.number(max(foreign, key=foreign.__getitem__) if foreign else ""),
        order_of(grade.extracted if grade is not None else None),
    )


def _passed(score: Score, accuracy: Reward | None) -> int:
    if score.grade is not None and score.grade.is_undecided:
        return 0
    return UNKNOWN if accuracy is None or accuracy.value is None else int(accuracy.value == 1)


def read_decisions(path: Path) -> Decisions:
    """One selection's decisions on a shard."""
    found = Decisions(np.empty(0, DECISION), Names((UNDECIDED, *REASONS)), Damage())
    rows = [
        (bits_of(decision.trace_id), decision.kept, found.reasons.number(decision.reason))
        for _, decision in _read_from(path, Decision, found.damage)
    ]
    found.rows = np.array(rows, DECISION)
    return found


def read_place(path: Path, place: np.void, kind: type[Record]) -> Record:
    """One record of a file, from a row that says where it lies. Raises ValueError when it is no longer there."""
    with path.open("rb") as file:
        return read_span(file, Span(int(place["offset"]), int(place["length"])), kind)


def _read_from(
    path: Path, kind: type[Record], damage: Damage, cursor: ReadSoFar | None = None
) -> Iterator[tuple[Span, Record]]:
    """Each finished line from the cursor on, with where it lies; none where there is no file. Moves the cursor."""
    cursor = cursor or ReadSoFar()
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(cursor.offset)
        for line in file:
            if not line.endswith(b"\n"):
                return
            span = Span(cursor.offset, len(line) - 1)
            cursor.offset += len(line)
            cursor.lines += 1
            try:
                yield span, decode(line, kind)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                damage.note(f"{path.parent.name}/{path.name}:{cursor.lines} ({error})")
