"""Trace → grade: which traces have an answer to be graded at all; scoring and adaptive sampling both ask here."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from overproof.braces import close_brace
from overproof.completion import read_completion, show_visible, split_completion
from overproof.extensions import Extension
from overproof.grading import Row, answer_type_of, grade_many
from overproof.grading.extraction import choose, extract
from overproof.records import Grade, Trace, Verdict

_LAYER = "reply"
"""The layer of a grade that is about the reply and not about its answer."""


def grade_traces(traces: Sequence[Trace], extractor: str = "stated") -> list[Grade | None]:
    """A grade for each trace, in order; None where the problem has no reference.

    `extractor` says where a reply's answer is looked for: one of EXTRACTORS, or a function of the config's own.

    A reply that was cut, or never left its reasoning, has no answer, whatever stands in it, and one that puts the
    question's own formula where its value is asked for gives none: incorrect. A refusal says nothing about the model:
    unverifiable. All carry the layer `reply`. What a reader does not see (comments, characters without width) is not
    read here either.
    """
    grades = {number: grade for number, trace in enumerate(traces) if (grade := _grade_unfinished(trace)) is not None}
    asked = [n for n, trace in enumerate(traces) if n not in grades and trace.problem.reference is not None]
    texts = {n: find_answer_text(traces[n], extractor) for n in asked}
    for n in [n for n in asked if texts[n] is None]:
        asked.remove(n)
        grades[n] = Grade(Verdict.INCORRECT, None, _LAYER, f"the extractor {extractor} finds no answer")
    graded = grade_many([_to_row(traces[n], texts[n] or "") for n in asked])
    grades.update((n, _refuse_question(traces[n], grade)) for n, grade in zip(asked, graded, strict=True))
    return [grades.get(number) for number in range(len(traces))]


def find_answer_text(trace: Trace, extractor: str) -> str | None:
    """The part of a reply that its answer is read from; None where the extractor finds none."""
    content, question = show_visible(trace.content), trace.problem.question
    if extractor in _EXTRACTORS:
        return _EXTRACTORS[extractor](content, question)
    own = Extension("rewards.accuracy.extractor", extractor, ("reply", "question"))
    found = own.call(content, question, about=f"trace {trace.id}")
    if found is None:
        return None
    if not isinstance(found, str):
        raise own.fail(f"trace {trace.id}", found, "text or None")
    return found if "\\boxed" in found or found.count("{") != found.count("}") else f"\\boxed{{{found}}}"


def find_answer(trace: Trace, grade: Grade | None, extractor: str) -> str | None:
    """The answer that a trace gives: the one that was graded or, where nothing was, the one that would have been."""
    if not trace.is_complete:
        return None
    if grade is not None:
        return grade.extracted
    text = read_completion(trace).answer if extractor == "stated" else find_answer_text(trace, extractor)
    found = choose(extract(text or ""))
    return found.text if found else None


def _find_last_box(reply: str, question: str) -> str | None:  # noqa: ARG001 - every extractor is given the question
    """The last box after the reasoning, whole; None where there is none or it is never closed."""
    answer = split_completion(reply).answer
    start = max(answer.rfind("\\boxed{"), answer.rfind("\\fbox{"))
    closed = close_brace(answer, answer.index("{", start)) if start >= 0 else None
    return None if closed is None else answer[start : closed + 1]


_EXTRACTORS: dict[str, Callable[[str, str], str | None]] = {
    "stated": lambda reply, question: reply,  # noqa: ARG005 - grading itself finds what a reply states
    "last_box": _find_last_box,
}
"""`rewards.accuracy.extractor`: (reply, question) → the text that the answer is read from."""


def _to_row(trace: Trace, text: str) -> Row:
    problem = trace.problem
    kind = answer_type_of(problem.metadata)
    return Row(text, problem.reference, problem.question, answer_type=kind)


def _grade_unfinished(trace: Trace) -> Grade | None:
    """The grade of a trace without an answer, None for one that may have one or has nothing to be graded against."""
    if trace.problem.reference is None:
        return None
    if trace.error is not None:
        return Grade(Verdict.UNVERIFIABLE, None, _LAYER, f"the endpoint refused: {trace.error}")
    if not trace.is_complete:
        return Grade(Verdict.INCORRECT, None, _LAYER, f"the reply was cut (finish_reason {trace.finish_reason})")
    reply = read_completion(trace)
    if reply.reasoning is not None and not reply.answer:
        return Grade(Verdict.INCORRECT, None, _LAYER, "nothing follows the reasoning")
    return None


_FORMULA = re.compile(r"\d[-+*/^]\{?[\d(\\]|\d!|\\(?:sqrt|binom|frac|log|ln|sin|cos|tan)|√\d")
"""An operation that is still to be carried out."""
_FRACTION = re.compile(r"\d+/\d+|\\frac\{?\d+\}?\{?\d+\}?")
_NUMBER = re.compile(r"[-−+]?[\d.,]+")
_INTEGER = re.compile(r"[-−+]?\d+")
_DRESS = re.compile(r"\\(?:text|mathrm|textbf|mathbf)\{[^{}]*\}|(?<![\\\w])[^\W\d_]{2,}|[\s$]+|\\[,;:! ]|[?.]$")
_SPELLINGS = {"\\cdot": "*", "\\times": "*", "×": "*", "·": "*", "⋅": "*", "\\div": "/", "÷": "/", "−": "-", "–": "-"}
_SPELLINGS |= {"\\dfrac": "\\frac", "\\tfrac": "\\frac", "\\left": "", "\\right": "", "＋": "+", "＝": "="}


def _refuse_question(trace: Trace, grade: Grade) -> Grade:
    """The grade, or incorrect where the answer is a formula of the question's and the reference is its value.

    Words beside the formula and other signs for its operations make no difference. A fraction is a value, unless it is
    a whole number that was not worked out.
    """
    if grade.verdict is not Verdict.CORRECT or grade.extracted is None or trace.problem.reference is None:
        return grade
    answer, question, reference = map(_undress, (grade.extracted, trace.problem.question, trace.problem.reference))
    is_value = _FRACTION.fullmatch(answer) and not _INTEGER.fullmatch(reference)
    if _FORMULA.search(answer) and not is_value and answer in question and _NUMBER.fullmatch(reference):
        return replace(grade, verdict=Verdict.INCORRECT, layer=_LAYER, reason="the question's own formula is no answer")
    return grade


def _undress(text: str) -> str:
    """A formula without the words, dollars and spaces about it, its operations written in one way."""
    for spelling, plain in _SPELLINGS.items():
        text = text.replace(spelling, plain)
    return _DRESS.sub("", text)
