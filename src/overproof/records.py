"""What flows: problem → trace → score → decision, as frozen records that explain themselves in a JSON line.

Each record is a frozen msgspec struct: cheap to make, typed when read back, one line of JSON when written
(`encode`, `decode`). A reader ignores fields it does not know, so that an older run can be read by a newer
version. Text in a record is always encodable: `clean_text` is applied where text enters (files, endpoints).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NoReturn, TypeVar

import msgspec


class Message(msgspec.Struct, frozen=True):
    """One chat message; `role` is system, user or assistant."""

    role: str
    content: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One item to be solved. `reference` is its known answer; None means there is none (general data)."""

    id: str
    question: str
    reference: str | None = None
    source: str = ""
    metadata: dict[str, Any] = {}


class PreparedProblem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem with all that is found out about it before a token is paid for."""

    problem: Problem
    language: str | None = None
    """ISO 639-1 code of the question's language; None where there is too little text to tell."""
    reference_kind: str | None = None
    """How the reference was typed (number, interval, choice, …); None when it was not."""
    reference_issue: str | None = None
    """Why no answer can be graded against the reference, or None."""
    cluster: str | None = None
    """Id of the first problem of its cluster of near-duplicates; None when it stands alone."""
    duplicate_of: str | None = None
    """Id of an earlier problem with the same question, or None."""
    contamination: list[dict[str, Any]] = []
    """Benchmark passages that this question matches: benchmark, benchmark_id, passages, method."""
    review: list[dict[str, Any]] = []
    """Benchmark questions that this one may put in other words, in the same form; for a person to look at."""
    override: str | None = None
    """What a person has decided about it: keep, replace (its reference is that person's) or drop; None without."""
    more: int = 0
    """Traces that it is to have beside those of every problem, as its reference is suspect."""

    @property
    def is_unfit(self) -> bool:
        """Whether none of its traces may be trained on: it repeats another, is in a benchmark, or was dropped."""
        return self.duplicate_of is not None or bool(self.contamination) or self.override == "drop"


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Tokens as the endpoint reported them; None where it did not say (which is not zero)."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    """All that was generated, reasoning included."""
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    """The part of the prompt that was served from the provider's cache."""


class Trace(msgspec.Struct, frozen=True, omit_defaults=True):
    """One attempt at one problem: what was asked, what came back as it came, and what it cost.

    `content` is the reply's text as received; `reasoning` is what arrived through a field of its own (then
    `channel` names the field), None when any reasoning is inside `content`. `overproof.completion` splits the
    two kinds alike, so that nothing is stored twice and format rewards see the reply itself.
    """

    problem: Problem
    index: int
    """Which of the problem's samples this is, from 0."""
    fingerprint: str
    """Hex digest over messages, model, profile and sampling parameters (see `sampling`)."""
    teacher: str
    profile: str
    messages: list[Message]
    parameters: dict[str, Any]
    """Exactly what was sent beside model and messages, the seed included."""
    content: str
    reasoning: str | None = None
    channel: str | None = None
    finish_reason: str | None = None
    """As the endpoint gave it: stop, length, …"""
    usage: Usage = Usage()
    retried_usage: Usage = Usage()
    """Tokens known to have been paid for by this sample's failed attempts."""
    unreported_usage: Usage = Usage()
    """Worst case of what the endpoint did not report, in this attempt and failed ones: the budget counts it."""
    seconds: float = 0.0
    """Wall time of the successful attempt."""
    request_id: str | None = None
    attempts: int = 1
    error: str | None = None
    """Name of the permanent refusal this line records (content_filter, …); None for a reply."""
    refusal: str | None = None
    """What the endpoint said when it refused, in its own words; None for a reply."""
    aside: str | None = None
    """What it said went wrong beside a reply that came whole, in its own words."""
    served_by: str | None = None
    """The model that the endpoint says has answered, where that is not `teacher`."""
    marks: list[str] = []
    """Oddities that do not spoil the reply: no_done, zero_usage, … (see `teacher.reply` and `mending`)."""

    @property
    def id(self) -> str:
        """`<problem.id>/<index>/<first 8 digits of the fingerprint>`, unique within a run."""
        return trace_id_of(self.problem.id, self.index, self.fingerprint)

    @property
    def is_complete(self) -> bool:
        """True when the reply ended by itself: neither refused nor cut."""
        return self.error is None and self.finish_reason == "stop"


class Verdict(StrEnum):
    """What a grade says. `approximate`: equal only after rounding to the reference's own digits."""

    CORRECT = "correct"
    APPROXIMATE = "approximate"
    INCORRECT = "incorrect"
    UNVERIFIABLE = "unverifiable"


_NOT_OF_THE_ANSWER = frozenset({"reference", "reply", "backstop"})
"""Layers whose "unverifiable" says nothing of the model: no readable reference, no reply, not graded in time yet."""


class Grade(msgspec.Struct, frozen=True):
    """A verdict with its evidence: what was extracted, which layer decided, and why."""

    verdict: Verdict
    extracted: str | None
    layer: str
    reason: str

    def __bool__(self) -> NoReturn:
        """Always raises: `if grade(…)` would be true for a wrong answer too."""
        raise TypeError("a grade is not true or false by itself: compare its verdict, such as verdict == 'correct'")

    @property
    def is_undecided(self) -> bool:
        """Nobody can tell whether this answer is right, although there is one and a reference that can be read.

        It counts as not passed in every rate: an answer that cannot be decided is no way out.
        """
        return self.verdict == Verdict.UNVERIFIABLE and self.layer not in _NOT_OF_THE_ANSWER


class Reward(msgspec.Struct, frozen=True, omit_defaults=True):
    """One rule's value for a trace, in [0, 1] unless the rule says otherwise; None where it cannot be measured."""

    value: float | None
    reason: str = ""
    evidence: dict[str, Any] | None = None


class Score(msgspec.Struct, frozen=True):
    """All that the rules say of one trace. Repeats no text; joined with its trace by id within a shard."""

    trace_id: str
    grade: Grade | None
    """None when the problem has no reference."""
    rewards: dict[str, Reward]
    total: float | None
    """Weighted sum of the rewards; None when one with a non-zero weight is None."""


class Decision(msgspec.Struct, frozen=True):
    """Whether a selection keeps a trace, with one reason from `selection.REASONS`."""

    trace_id: str
    kept: bool
    reason: str


def trace_id_of(problem_id: str, index: int, fingerprint: str) -> str:
    """The id of a trace from its parts, for readers that do not read the whole trace."""
    return f"{problem_id}/{index}/{fingerprint[:8]}"


def problem_id_of(trace_id: str) -> str:
    """The problem that a trace id belongs to."""
    return trace_id.rsplit("/", 2)[0]


Record = TypeVar("Record", bound=msgspec.Struct)


def encode(record: msgspec.Struct) -> bytes:
    """The record as one line of UTF-8 JSON, without the newline."""
    return msgspec.json.encode(record)


def decode(line: bytes, kind: type[Record]) -> Record:
    """Read one line back. Raises msgspec.DecodeError (a ValueError) naming the field that does not fit."""
    return msgspec.json.decode(line, type=kind)


def clean_text(text: str) -> str:
    """The text with lone surrogates replaced by U+FFFD: what UTF-8 cannot carry never enters a record."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
