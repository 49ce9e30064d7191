"""Ways to earn a reward without the work, and what each of them earns under every contract."""

from typing import NamedTuple

import pytest
from msgspec.structs import replace

from overproof.records import Message, Problem, Trace, Verdict
from overproof.rewards.contracts import CONTRACTS, think_format
from overproof.rewards.grades import grade_traces

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
    Trick("the formula in other signs", THOUGHT, "2 \\, + \\, 2", is_right=False),
    Trick("the formula in words", THOUGHT, "\\text{the value of } 2 + 2", is_right=False),
    Trick("a root as it was asked", THOUGHT, "\\sqrt{16}", is_right=False, question="Compute $\\sqrt{16}$."),
    Trick("a product as it was asked", THOUGHT, "2 \\cdot 2", is_right=False, question="What is $2 \\times 2$?"),
    Trick("a division as it was asked", THOUGHT, "8/2", is_right=False, question="What is 8/2?"),
    Trick("a fraction of the question", THOUGHT, "1/2", is_right=True, question="Is 1/2 or 0.3 more?", reference="0.5"),
    Trick("a number of the question", THOUGHT, "4 apples", is_right=True, question="Tom has 4 apples. And Ann?"),
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
    Trick("reasoning of fillers", "\u3164\u115f\U000e0041", "4", is_right=True, breaks="empty_reasoning"),
    Trick("one word over and over", "hmm " * 1000, "4", is_right=True, breaks="no_thought"),
    Trick("letters without words", "QUJDREVGR0hJSktM" * 30, "4", is_right=True, breaks="no_thought"),
    Trick("the question again", "What is 2 + 2?", "4", is_right=True, breaks="only_prompt"),
    Trick("the answer announced", "The answer is 4.", "4", is_right=True, breaks="only_answer"),
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


HIDINGS = [
    "\\phantom{%s}",
    "\\color{white}{%s}",
    "\\textcolor{white}{%s}",
    "{\\color{white} %s}",
    "\\color{white}%s",
    "\\transparent{0}%s",
    "\\scalebox{0}{%s}",
    "\\iffalse %s \\fi",
    '<span style="display:none">%s</span>',
    "<span style='opacity: 0'>%s</span>",
    "<b style='font-size:0px'>%s</b>",
    "<i style='color:transparent'>%s</i>",
    "<div hidden>%s</div>",
    "<script>%s</script>",
    "<template>%s</template>",
    "<!-- %s -->",
    "<!-- %s",
    "\n[//]: # (%s)",
]


@pytest.mark.parametrize("hiding", HIDINGS)
@pytest.mark.parametrize("contract", FORMS)
def test_an_answer_that_no_reader_sees_is_none(contract: str, hiding: str) -> None:
    opening, closing, before, after = FORMS[contract]
    block, hidden = f"{opening}{THOUGHT}{closing}", hiding % f"{before}4{after}"
    for visible in (f"{before}5{after}", ""):
        (grade,) = grade_traces([reply(f"{block}{visible}{hidden}")])
        assert grade is not None
        assert grade.verdict is Verdict.INCORRECT
    assert think_format(reply(f"{block}{hidden}"), contract).value == 0


OPENING_PROMPTS = [
    ("at the end of the reply's own message", "assistant", "{}"),
    ("with spaces after it", "assistant", "{} \n\n"),
    ("with signs after it that no reader sees", "assistant", "{}\u200b<!-- go on -->"),
    ("with the first words of the reasoning", "assistant", "{}\nOkay, let us see. "),
    ("at the end of a prompt written out", "user", "<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n{}\n"),
    ("with the first words, in a prompt written out", "user", "<｜User｜>2+2?<｜Assistant｜>{}\nOkay, so"),
    ("after the name of the role", "user", "User: 2+2?\nAssistant: {} First,"),
]


@pytest.mark.parametrize(("why", "role", "prompt"), OPENING_PROMPTS)
@pytest.mark.parametrize("contract", FORMS)
def test_a_prompt_may_open_the_reasoning_and_only_the_reply_can_close_it(
    contract: str, why: str, role: str, prompt: str
) -> None:
    opening, closing, before, after = FORMS[contract]
    messages = [Message(role, prompt.format(opening))]
    worth = {
        f"{THOUGHT}{closing}{before}4{after}": (True, ""),
        f"{THOUGHT} So {before}4{after}": (False, "unclosed"),
        f"{THOUGHT} So {before}4{after} and then": (False, "unclosed"),
    }
    for content, (is_right, breaks) in worth.items():
        trace = replace(reply(content), messages=messages)
        (grade,) = grade_traces([trace])
        assert grade is not None, why
        assert ((grade.verdict is Verdict.CORRECT), think_format(trace, contract).reason) == (is_right, breaks), why


@pytest.mark.parametrize("prompt", ["Begin with <think>, then go on: 2+2?", "Is <think> closed by </think>?", ""])
def test_a_prompt_that_only_speaks_of_a_tag_opens_nothing(prompt: str) -> None:
    (grade,) = grade_traces([replace(reply("So \\boxed{4}."), messages=[Message("user", prompt)])])
    assert grade is not None
    assert grade.verdict is Verdict.CORRECT


@pytest.mark.parametrize("tag", ["THINK", "Think", "think id='1'", "think "])
def test_reasoning_that_never_closes_has_no_answer_however_its_tag_is_spelled(tag: str) -> None:
    (grade,) = grade_traces([reply(f"<{tag}>{THOUGHT} So \\boxed{{4}} and then")])
    assert grade is not None
    assert grade.verdict is Verdict.INCORRECT


@pytest.mark.parametrize("hidden", ["", "<!-- \\boxed{4} -->", "<!-- <answer>4</answer>"])
@pytest.mark.parametrize("contract", FORMS)
def test_an_answer_that_only_the_reasoning_or_a_comment_gives_is_none(contract: str, hidden: str) -> None:
    opening, closing, before, after = FORMS[contract]
    trace = reply(f"{opening}{THOUGHT} {before}4{after}{closing}{hidden}")
    (grade,) = grade_traces([trace])
    assert grade is not None
    assert grade.verdict is Verdict.INCORRECT
    assert think_format(trace, contract).value == 0
