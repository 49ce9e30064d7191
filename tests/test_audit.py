"""References before a run: which can be graded against, as what, and what is wrong with the rest."""

import pytest

from overproof.audit import audit_reference, summarise
from overproof.records import Problem


def problem(reference: str | None, question: str = "Find it.") -> Problem:
    return Problem("p1", question, reference)


@pytest.mark.parametrize(
    ("reference", "kind"),
    [
        ("42", "number"),
        ("$\\frac{9}{7}$", "number"),
        ("\\frac{9}{7}", "number"),
        ("28\\%", "percentage"),
        ("15\\text{ cm}", "quantity"),
        ("45^\\circ", "angle"),
        ("3:4", "ratio"),
        ("5, 1", "list"),
        ("\\{1, 2\\}", "set"),
        ("(1, 2)", "tuple"),
        ("[0, 1)", "interval"),
        ("(-\\infty,0)\\cup(1,\\infty)", "union"),
        ("x > 5", "inequality"),
        ("\\begin{pmatrix}1\\\\2\\end{pmatrix}", "matrix"),
        ("x^2 + 1", "expression"),
        ("x^2 + y^2 = 1", "equation"),
        ("no solution", "text"),
        ("\\int_0^x f(t)\\,dt", "expression"),
        ("So it is 5.\n#### 5", "number"),
    ],
)
def test_a_reference_that_can_be_read_has_a_kind(reference: str, kind: str) -> None:
    audit = audit_reference(problem(reference))
    assert (audit.kind, audit.issue) == (kind, None)


@pytest.mark.parametrize(
    ("reference", "issue"),
    [
        ("", "the reference is empty"),
        ("$$", "the reference holds no text"),
        ("The quotient does not change, but the remainder grows.", "prose: only the same words would match it"),
        ("\\frac{1}{2", "unreadable"),
        ("x + \\cdot", "unreadable"),
        ("1" * 30_000, "the reference is longer than 20000 characters"),
    ],
)
def test_a_reference_that_cannot_be_graded_against_says_why(reference: str, issue: str) -> None:
    audit = audit_reference(problem(reference))
    assert audit.kind is None
    assert audit.issue is not None
    assert audit.issue.startswith(issue)


def test_a_letter_is_a_choice_only_where_the_question_has_that_option() -> None:
    assert audit_reference(problem("B", "Which?\nA. 1\nB. 2")).kind == "choice"
    assert audit_reference(problem("ACD", "Which?\nA. 1\nB. 2\nC. 3\nD. 4")).kind == "choice"
    assert audit_reference(problem("ACD", "Name the triangle.")).kind == "expression"
    assert audit_reference(problem("E", "Which?\nA. 1\nB. 2")).kind == "expression"


def test_audits_stream_and_sum_up() -> None:
    problems = [problem(text) for text in ("1", "2", "", "x+1", "It holds since both sides are even.")]
    audits = [audit_reference(one) for one in [*problems, problem(None)]]
    summary = summarise(audits)
    assert (summary.references, summary.without_reference, summary.unverifiable) == (6, 1, 2)
    assert summary.kinds == {"number": 2, "expression": 1}
    assert audits[0].problem_id == "p1"
