import msgspec
from building import make_problem, make_score, make_trace
from hypothesis import given
from hypothesis import strategies as st

from overproof.records import Decision, Grade, Score, Verdict
from overproof.report.mathematics import to_mathml
from overproof.report.stretches import (
    ANSWER,
    FOREIGN,
    REPEATED,
    Around,
    Judged,
    Piece,
    Reading,
    lay_out_problem,
    lay_out_trace,
    to_pieces,
)

LOOP = "Then we add the two numbers again and look at the sum once more, because it may be wrong, and so we go on. " * 3


def text_of(pieces: list[Piece]) -> str:
    return "".join(piece if isinstance(piece, str) else piece[0] for piece in pieces)


def marked(pieces: list[Piece], mark: int) -> list[str]:
    return [piece[0] for piece in pieces if not isinstance(piece, str) and piece[1] & mark]


def read(
    answer: str, *, extracted: str | None = None, reasoning: str | None = "Two and two.", longest: int = 9999
) -> Reading:
    trace = make_trace(reasoning=reasoning, answer=answer)
    score = Score(trace.id, Grade(Verdict.CORRECT, extracted, "test", "so it is"), {}, None)
    return lay_out_trace(
        Judged(trace, score, {None: Decision(trace.id, kept=True, reason="correct")}), "en", longest=longest
    )


@given(
    st.lists(
        st.sampled_from(["$x$", "$", "\\boxed{4}", "words ", "<b>", "\n", "中文", "\\[y\\]", "}"]), max_size=20
    ).map("".join),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.sampled_from([1, 2, 4])), max_size=4),
)
def test_pieces_put_together_are_the_text(text: str, marks: list[tuple[int, int, int]]) -> None:
    assert text_of(to_pieces(text, marks)) == text


def test_the_graded_answer_is_marked_where_it_stands() -> None:
    assert marked(read("So $\\boxed{4}$, not \\boxed{5}.", extracted="5").answer, ANSWER) == ["\\boxed{5}"]
    assert marked(read("So the answer is 12 apples.", extracted="12 apples").answer, ANSWER) == ["12 apples"]
    assert marked(read("$\\boxed{1}$ or $\\boxed{2}$", extracted="1, 2").answer, ANSWER) == [
        "$\\boxed{1}$",
        "$\\boxed{2}$",
    ]
    assert marked(read("I do not know.").answer, ANSWER) == []


def test_foreign_and_repeated_stretches_are_marked() -> None:
    reasoning = f"First we look at it. 然后我们计算结果。 {LOOP}"
    pieces = read("4", reasoning=reasoning).reasoning or []
    assert marked(pieces, FOREIGN) == ["然后我们计算结果"]
    assert "".join(marked(pieces, REPEATED)).count("Then we add") == 2


def test_reasoning_and_answer_are_told_apart_and_the_raw_reply_is_kept() -> None:
    reading = read("It is 4.", reasoning="Let me see.")
    assert text_of(reading.reasoning or []) == "Let me see."
    assert text_of(reading.answer) == "It is 4."
    assert reading.raw == "<think>\nLet me see.\n</think>\n\nIt is 4."
    assert read("It is 4.", reasoning=None).reasoning is None


def test_reasoning_from_a_field_of_its_own_is_kept_as_it_came() -> None:
    trace = msgspec.structs.replace(make_trace(reasoning=None, answer="4"), reasoning=" Hm.\n")
    reading = lay_out_trace(Judged(trace, None, {}), "en", longest=99)
    assert (reading.reasoning, reading.raw_reasoning, reading.raw) == (["Hm."], " Hm.\n", "4")


def test_a_long_part_loses_its_middle_and_says_so() -> None:
    reading = read("4", reasoning="a" * 700 + "b" * 700, longest=300)
    shown = text_of(reading.reasoning or [])
    assert shown.startswith("a" * 200 + "\n\n[… 1,100 characters …]\n\n")
    assert shown.endswith("b" * 100)
    assert reading.left_out == 1100


def test_a_trace_without_score_and_decision_can_be_read() -> None:
    reading = lay_out_trace(Judged(make_trace(), None, {}), None, longest=999)
    assert (reading.verdict, reading.reason, reading.kept) == ("", "", False)


def test_a_reference_in_bare_latex_is_read_as_a_formula() -> None:
    trace = make_trace()
    judged = [Judged(trace, make_score(trace), {})]
    problem = lay_out_problem(make_problem(reference="\\frac{1}{2}"), judged, Around(7), longest=999)
    assert problem.reference_pieces == [("\\frac{1}{2}", 0, to_mathml("\\frac{1}{2}"))]
    assert problem.trace_count == 7
