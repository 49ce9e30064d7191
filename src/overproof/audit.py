"""Can the references be read? Each one is typed and graded against itself before a token is paid for.

Only this module knows what makes a reference unfit: it is empty, it is prose, it cannot be read, or an answer that
repeats it to the letter would not be accepted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from overproof.grading import AnswerType, answer_type_of, grade, type_reference
from overproof.grading.lexicon import CHANGING
from overproof.grading.references import Reference
from overproof.grading.scope import scope_of
from overproof.records import Grade, Problem, Verdict

_NUMBER_AND_NOUN = re.compile(r"(-?\d+(?:\.\d+)?) ?(?:\(|\\text\{ ?)?([a-z]{3,}[a-z ]*)[)}]?")


class ReferenceAudit(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is found out about one problem's reference."""

    problem_id: str
    reference: str | None
    kind: str | None = None
    """number, choice, interval, …; None when there is no reference or it cannot be typed."""
    issue: str | None = None
    """Why no answer can be graded against it; None when one can, or when there is no reference to begin with."""
    doubt: str | None = None
    """What may be typed wrong about a reference that equals itself: see `_probes`."""


class AuditSummary(msgspec.Struct, frozen=True):
    """Counts over all references."""

    references: int
    without_reference: int
    kinds: dict[str, int]
    issues: dict[str, int]
    """How many references have each issue; their sum is how many problems would be unverifiable."""
    doubtful: int = 0
    """How many equal themselves and yet may be typed wrong."""

    @property
    def unverifiable(self) -> int:
        """How many references no answer can be graded against."""
        return sum(self.issues.values())


def audit_reference(problem: Problem) -> ReferenceAudit:
    """The kind of a problem's reference, or the issue that makes it unfit."""
    if problem.reference is None:
        return ReferenceAudit(problem.id, None)
    kind = answer_type_of(problem.metadata)
    typed = type_reference(problem.reference, problem.question, kind)
    if typed.issue is not None:
        return ReferenceAudit(problem.id, problem.reference, None, typed.issue)
    itself = _graded(_inside_box(typed.answer), problem, kind)
    if itself.verdict is not Verdict.CORRECT:
        issue = f"not equal to itself: {itself.reason}"
        return ReferenceAudit(problem.id, problem.reference, None, issue)
    return ReferenceAudit(problem.id, problem.reference, typed.kind, doubt=_doubt(problem, typed))


def _graded(answer: str, problem: Problem, kind: AnswerType | None) -> Grade:
    return grade(f"\\boxed{{{answer}}}", problem.reference, question=problem.question, answer_type=kind)


def _doubt(problem: Problem, typed: Reference) -> str | None:
    """What a probe finds that a reference rightly typed would not do."""
    for answer, accepted, doubt in _probes(typed, ordered=scope_of(problem.question).ordered):
        verdict = _graded(answer, problem, typed.answer_type).verdict
        if (verdict in {Verdict.CORRECT, Verdict.APPROXIMATE}) != accepted:
            return doubt
    return None


def _probes(typed: Reference, *, ordered: bool) -> Iterator[tuple[str, bool, str]]:
    """Answers that a reference must accept or refuse, and what it means if it does not."""
    if typed.letters is not None and len(typed.letters) == 1:
        other = "B" if typed.letters == "A" else "A"
        yield other, False, f"another option, {other}, is accepted"
    number = _NUMBER_AND_NOUN.fullmatch(typed.spelled)
    if (
        number is not None
        and not CHANGING & set(number[2].split())
        and typed.kind in {"number", "quantity", "formula", "prose"}
    ):
        yield number[1], True, f"the bare number {number[1]} is not accepted"
    items = typed.spelled.split(",")
    if (
        not ordered
        and typed.kind in {"list", "set"}
        and len(items) == typed.parts > 1
        and not set("(){}[]=") & set(typed.spelled)
    ):
        yield ", ".join(item.strip() for item in items[::-1]), True, "its parts in another order are not accepted"


def summarise(audits: Iterable[ReferenceAudit]) -> AuditSummary:
    """Counts of kinds and issues."""
    kinds: Counter[str] = Counter()
    issues: Counter[str] = Counter()
    without = total = doubtful = 0
    for audit in audits:
        total += 1
        doubtful += audit.doubt is not None
        if audit.reference is None:
            without += 1
        elif audit.issue is not None:
            issues[audit.issue] += 1
        elif audit.kind is not None:
            kinds[audit.kind] += 1
    return AuditSummary(total, without, dict(kinds.most_common()), dict(issues.most_common()), doubtful)


def _inside_box(reference: str) -> str:
    """The reference as a model would put it into a box: without dollars around it."""
    stripped = reference.strip()
    if stripped.startswith("$") and stripped.endswith("$") and stripped.count("$") == 2:
        return stripped[1:-1]
    return stripped
