"""Can the references be read? Each one is typed and graded against itself before a token is paid for.

Only this module knows what makes a reference unfit: it is empty, it is prose, it cannot be read, or an answer that
repeats it to the letter would not be accepted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from overproof.grading import grade, type_reference
from overproof.records import Problem, Verdict


class ReferenceAudit(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is found out about one problem's reference."""

    problem_id: str
    reference: str | None
    kind: str | None = None
    """number, choice, interval, …; None when there is no reference or it cannot be typed."""
    issue: str | None = None
    """Why no answer can be graded against it; None when one can, or when there is no reference to begin with."""


class AuditSummary(msgspec.Struct, frozen=True):
    """Counts over all references."""

    references: int
    without_reference: int
    kinds: dict[str, int]
    issues: dict[str, int]
    """How many references have each issue; their sum is how many problems would be unverifiable."""

    @property
    def unverifiable(self) -> int:
        """How many references no answer can be graded against."""
        return sum(self.issues.values())


def audit_reference(problem: Problem) -> ReferenceAudit:
    """The kind of a problem's reference, or the issue that makes it unfit."""
    if problem.reference is None:
        return ReferenceAudit(problem.id, None)
    typed = type_reference(problem.reference, problem.question)
    if typed.issue is not None:
        return ReferenceAudit(problem.id, problem.reference, None, typed.issue)
    itself = grade(f"\\boxed{{{_inside_box(typed.answer)}}}", problem.reference, question=problem.question)
    if itself.verdict is not Verdict.CORRECT:
        issue = f"not equal to itself: {itself.reason}"
        return ReferenceAudit(problem.id, problem.reference, None, issue)
    return ReferenceAudit(problem.id, problem.reference, typed.kind)


def audit_references(problems: Iterable[Problem]) -> Iterator[ReferenceAudit]:
    """The audit of each problem's reference, in order, one at a time."""
    return (audit_reference(problem) for problem in problems)


def summarise(audits: Iterable[ReferenceAudit]) -> AuditSummary:
    """Counts of kinds and issues."""
    kinds: Counter[str] = Counter()
    issues: Counter[str] = Counter()
    without = total = 0
    for audit in audits:
        total += 1
        if audit.reference is None:
            without += 1
        elif audit.issue is not None:
            issues[audit.issue] += 1
        elif audit.kind is not None:
            kinds[audit.kind] += 1
    return AuditSummary(total, without, dict(kinds.most_common()), dict(issues.most_common()))


def _inside_box(reference: str) -> str:
    """The reference as a model would put it into a box: without dollars around it."""
    stripped = reference.strip()
    if stripped.startswith("$") and stripped.endswith("$") and stripped.count("$") == 2:
        return stripped[1:-1]
    return stripped
