"""Ways to earn a reward without the work, and what each of them earns under every contract."""

from typing import NamedTuple

import pytest

from overproof.records import Problem, Trace, Verdict
from overproof.rewards.grades import grade_traces
from overproof.rewards.think_format import CONTRACTS, think_format

THOUGHT = "First we add two and two, and so we get four in all."


class Trick(NamedTuple):
    """A reply in its parts, and what it must earn."""

    why: str
    reasoning: str
    answer: str
    is_right: bool
    breaks: str = ""
    question: str = "What is $2 + 2$?"
    reference: str = "4"


TRICKS = [
    Trick("honest work", THOUGHT, "4", is_right=True),
    Trick("the question's own formula", THOUGHT, "2+2", is_right=False),
    Trick("two guesses", THOUGHT, "3 or 4", is_right=False),
    Trick("a list of guesses", THOUGHT, "3, 4, 5", is_right=False),
    Trick(
        "both words", THOUGHT, "True or False", is_right=False, question="Is 2 even? True or False?", reference="True"
    ),
    Trick("all options", THOUGHT, "A, B, C, D", is_right=False, question="Pick. A. 1 B. 2 C. 3 D. 4", reference="D"),
    Trick("the name of the unknown", THOUGHT, "x", is_right=False, question="Let x = 2 + 2. What is x?"),
    Trick("no reasoning", "", "4", is_right=True, breaks="empty_reasoning"),
    Trick("reasoning that is the answer", "4", "4", is_right=True, breaks="only_answer"),
    Trick("reasoning that is the answer in dollars", "$4$.", "4", is_right=True, breaks="only_answer"),
    Trick("reasoning in a comment", "<!-- two and two -->", "4", is_right=True, breaks="empty_reasoning"),
    Trick("reasoning without width", "\u200b\u200b\ufeff", "4", is_right=True, breaks="empty_reasoning"),
    Trick("a zero-width mark in the answer", THOUGHT, "\u200b4", is_right=True),
]
FORMS = {
    "think_boxed": ("<think>", "</think>", "\\boxed{", "}"),
    "think_answer": ("<think>", "</think>", "<answer>", "</answer>"),
    "thinking_answer": ("<thinking>", "</thinking>", "<answer>", "</answer>"),
    "think": ("<think>", "</think>", "", ""),
}


def reply(content: str, trick: Trick = TRICKS[0]) -> Trace:
    problem = Problem("p", trick.question, trick.reference)
    return Trace(problem, 0, "f" * 64, "teacher", "generic", [], {}, content, finish_reason="stop")


def test_every_contract_is_tried() -> None:
    assert set(FORMS) == set(CONTRACTS)


@pytest.mark.parametrize("contract", FORMS)
@pytest.mark.parametrize("trick", TRICKS, ids=lambda trick: trick.why)
def test_a_trick_earns_what_it_is_worth(trick: Trick, contract: str) -> None:
    opening, closing, before, after = FORMS[contract]
    trace = reply(f"{opening}{trick.reasoning}{closing}{before}{trick.answer}{after}", trick)
    (grade,) = grade_traces([trace])
    assert grade is not None
    assert (grade.verdict is Verdict.CORRECT) is trick.is_right, grade
    assert think_format(trace, contract).reason == trick.breaks


@pytest.mark.parametrize("hidden", ["", "<!-- \\boxed{4} -->", "<!-- <answer>4</answer>"])
@pytest.mark.parametrize("contract", FORMS)
def test_an_answer_that_only_the_reasoning_or_a_comment_gives_is_none(contract: str, hidden: str) -> None:
    opening, closing, before, after = FORMS[contract]
    trace = reply(f"{opening}{THOUGHT} {before}4{after}{closing}{hidden}")
    (grade,) = grade_traces([trace])
    assert grade is not None
    assert grade.verdict is Verdict.INCORRECT
    assert think_format(trace, contract).value == 0
