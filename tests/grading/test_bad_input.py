"""References and answers that are empty, missing, huge or not clean: a verdict and a reason, never an error."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overproof.grading import Row, answer_classes, equivalent, grade, grade_many, type_reference
from overproof.grading.grader import Pending, exact_grade
from overproof.records import Grade, Verdict


@pytest.mark.parametrize("reference", [None, "", "   ", "\n\t", "$$", "$ $", r"\,", "."])
def test_an_empty_reference_is_unverifiable(reference: str | None) -> None:
    result = grade(r"\boxed{5}", reference)
    assert result.verdict is Verdict.UNVERIFIABLE
    assert result.layer == "reference"


@pytest.mark.parametrize(
    "completion", [None, "", "   ", "\n\t", "<think></think>", "<think>5", "</think>", r"\boxed{}"]
)
def test_an_empty_answer_is_incorrect(completion: str | None) -> None:
    result = grade(completion, "5")
    assert result.verdict is Verdict.INCORRECT
    assert result.layer == "extraction"


def test_a_reference_of_a_megabyte_is_unverifiable_and_says_why() -> None:
    assert "longer than" in grade(r"\boxed{5}", "5" * 1_000_000).reason


@pytest.mark.parametrize("dirt", ["\ud800", "\x00", "\u202e", "\u200b", "\x1b[31m", "\U0010ffff"])
def test_text_that_is_not_clean_is_graded(dirt: str) -> None:
    assert grade(rf"{dirt}\boxed{{6{dirt}}}", "5").verdict in {Verdict.INCORRECT, Verdict.UNVERIFIABLE}
    assert grade(r"\boxed{5}", f"5{dirt}").reason


def test_invisible_characters_do_not_change_a_number() -> None:
    assert grade("\\boxed{\u200b5\u200b}", "5").verdict is Verdict.CORRECT


SEEDED = settings(deadline=None, max_examples=400, derandomize=True)
"""The same texts at every run, so that a commit that meets a fault is the one that made it."""


def assert_no_fault(result: Grade | Pending) -> None:
    """The boundary turns every exception into a grade: what must not happen is the layer it names."""
    assert isinstance(result, Pending) or result.layer != "fault", result.reason


FRAGMENTS = [
    "\\boxed{", "}", "{", "\\frac", "\\sqrt", "12", "3.5", "x", "=", "<", "\\le", "(", ")", "[", "]", "|", "^", "_",
    "\\text{", "\\begin{pmatrix}", "\\end{pmatrix}", "&", "\\\\", ",", "、", "或", "and", "\\pm", "!", "%", "°", "\\pi",
    "sin", "log", "$", "\\left", "\\right", "½", "√", "∞", "\\cup", "\\{", "\\}", "答案", "the answer is ", "####",
    "<think>", "</think>", "A", "B", "cm", "\\infty", "\\int", "\\sum", "1e9", "\n", " ", "'", "\\in", "\\mathbb{R}",
    "\\forall", ":", ";", "...",
]  # fmt: skip


@SEEDED
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=14), st.lists(st.sampled_from(FRAGMENTS), max_size=8))
def test_no_arrangement_of_fragments_breaks_the_exact_layers(output: list[str], reference: list[str]) -> None:
    assert_no_fault(exact_grade("".join(output), "".join(reference)))
    assert_no_fault(exact_grade("".join(output), "".join(reference), "".join(reference + output), answer_only=True))


@SEEDED
@given(st.text(max_size=60), st.text(max_size=40), st.none() | st.text(max_size=60))
def test_no_text_breaks_the_exact_layers(output: str, reference: str, question: str | None) -> None:
    assert_no_fault(exact_grade(f"\\boxed{{{output}}}", reference, question))
    assert_no_fault(exact_grade(output, reference, question, answer_only=True))


MARKS = {"\\boxed{", "<think>", "</think>", "####", "答案", "the answer is ", "{", "}"}


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.sampled_from([fragment for fragment in FRAGMENTS if fragment not in MARKS]), min_size=1, max_size=10)
)
def test_whatever_can_be_typed_equals_itself(fragments: list[str]) -> None:
    text = "".join(fragments)
    result = exact_grade(text, text, answer_only=True)
    assert isinstance(result, Grade)
    assert type_reference(text).issue is not None or result.verdict is Verdict.CORRECT, result


@given(st.integers(), st.integers())
@settings(deadline=None)
def test_integers_are_equal_exactly_when_they_are_equal(one: int, other: int) -> None:
    assert (grade(rf"\boxed{{{one}}}", str(other)).verdict is Verdict.CORRECT) == (one == other)
    assert grade(rf"\boxed{{{one:,}}}", str(one)).verdict is Verdict.CORRECT


@given(st.fractions(), st.fractions())
@settings(deadline=None)
def test_fractions_are_equal_exactly_when_they_are_equal(one: object, other: object) -> None:
    top, _, bottom = str(one).partition("/")
    output = rf"\boxed{{\frac{{{top}}}{{{bottom or 1}}}}}"
    assert (grade(output, str(other)).verdict is Verdict.CORRECT) == (one == other)


@given(st.lists(st.integers(-99, 99), min_size=2, max_size=6, unique=True), st.randoms())
@settings(deadline=None)
def test_a_list_has_no_order_and_a_tuple_has(values: list[int], random: object) -> None:
    shuffled = sorted(values, key=lambda _: random.random())  # type: ignore[attr-defined] # hypothesis hands out a Random
    reference, output = ", ".join(map(str, values)), ", ".join(map(str, shuffled))
    assert grade(rf"\boxed{{{output}}}", reference).verdict is Verdict.CORRECT
    assert (grade(rf"\boxed{{({output})}}", f"({reference})").verdict is Verdict.CORRECT) == (values == shuffled)


def test_classes_and_equivalence_take_any_text() -> None:
    assert answer_classes(["", None, "?", "?", "5", "5.0"]) == [None, None, 0, 0, 1, 1]
    assert equivalent("5", "") is False
    assert equivalent("两条直线互相平行或者重合", "平行") is None


def test_bad_rows_among_good_ones_leave_the_good_ones_alone() -> None:
    rows = [Row(None, "5"), Row(r"\boxed{5}", None), Row("\ud800", "\ud800"), Row(r"\boxed{5}", "5")]
    verdicts = [result.verdict for result in grade_many(rows)]
    assert verdicts[0] is Verdict.INCORRECT
    assert verdicts[1] is Verdict.UNVERIFIABLE
    assert verdicts[3] is Verdict.CORRECT
    assert [result.verdict for result in grade_many(rows, workers=1)] == verdicts


def test_an_equation_between_numbers_is_graded_and_not_refused() -> None:
    assert grade(r"\boxed{2\times 6=12, 12+2=14}", "14").reason
    assert grade(r"\boxed{2+3=5}", r"\log 10 = 1").reason
