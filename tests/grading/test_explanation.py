"""One judgement in words: what was extracted, how the reference was typed, which layer decided and why."""

from overproof.grading.explanation import explain
from overproof.records import Verdict


def lines(completion: str, reference: str, question: str | None = None) -> dict[str, str]:
    _, text = explain(completion, reference, question=question)
    return {line.split("  ")[0]: line.split("  ", 1)[1].strip() for line in text.splitlines()}


def test_an_explanation_names_the_evidence() -> None:
    explained = lines(r"<think>\boxed{1}</think>The sum is $\boxed{\tfrac{1}{2}\text{ cm}}$.", "0.5 cm")
    assert explained["verdict"] == "correct"
    assert explained["layer"] == "number"
    assert explained["reason"] == "both are 1/2"
    assert explained["extracted"] == r"\tfrac{1}{2}\text{ cm}"
    assert explained["read as"] == r"\frac{1}{2}\text{cm}"
    assert explained["kind"] == "quantity"
    assert explained["unit"] == "cm"


def test_an_explanation_of_no_answer_says_so() -> None:
    explained = lines("<think>so it is 5", "5")
    assert explained["verdict"] == "incorrect"
    assert explained["extracted"] == "nothing"
    assert "never closed" in explained["reason"]


def test_an_explanation_names_what_is_wrong_with_a_reference() -> None:
    assert lines(r"\boxed{5}", "Both of them are right, as shown above.")["issue"].startswith("prose")
    assert lines(r"\boxed{A,C}", "ACD", "A. 1\nB. 2\nC. 3\nD. 4")["letters"] == "ACD"
    assert lines(r"\boxed{1,2}", "2, 1")["kind"] == "list with 2 parts"


def test_long_texts_are_cut_to_one_line() -> None:
    result, text = explain(rf"\boxed{{{'1+' * 3000}1}}", "3001")
    assert result.verdict is Verdict.CORRECT
    assert max(map(len, text.splitlines())) < 250
