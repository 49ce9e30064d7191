"""Whether an answer has the form asked for: a table for each form, and one of questions that ask for none."""

import pytest
from building import make_config, make_trace

from overproof.config.rewards import RewardsConfig
from overproof.records import Grade, PreparedProblem, Problem, Reward, Verdict
from overproof.rewards import score_trace
from overproof.rewards.answer_form import asked_form
from overproof.rewards.rl import reward_functions

PLACES = "How long is the rope? Round your answer to two decimal places."
PLACES_ZH = "绳子长多少米？（结果保留两位小数）"
NEAREST = "How far is it, to the nearest tenth?"
NEAREST_ZH = "这条路长多少千米？（精确到十分位）"
WHOLE_ZH = "大约需要多少元？（得数保留整数）"
COMMON = "What is the chance of a red ball? Express your answer as a common fraction."
LOWEST_ZH = "女生是男生的几分之几？（用最简分数表示）"
FRACTION = "What is 3 divided by 6? Write your answer as a fraction."
DECIMAL = "What is 3 divided by 8? Give your answer as a decimal."
DECIMAL_ZH = "计算 $3 \\div 8$，用小数表示。"
BASE = "Add $15_7$ and $4_7$. Express your answer in base $7$."
BASE_ZH = "把 12 化为二进制数。"
BASE_TEN = "What is $22_7$? Give the result in base ten."
FACTOR = "Factor completely: $x^2 - 9$."
FACTOR_ZH = "因式分解：$x^2-9$。"
EXPAND = "Expand $(x+3)(x-3)$."
EXPAND_ZH = "将 $(x+3)(x-3)$ 展开。"


def measure(question: str, answer: str, reference: str | None = None) -> Reward:
    problem = PreparedProblem(Problem("p", question, reference))
    return asked_form(make_trace(problem), Grade(Verdict.CORRECT, answer, "number", "equal"))


@pytest.mark.parametrize(
    ("question", "answer", "value"),
    [
        (PLACES, "3.14", 1),
        (PLACES, "$3.10$ m", 1),
        (PLACES, "x = 1{,}234.50\\text{ cm}^2", 1),
        (PLACES, "3.142", 0),
        (PLACES, "3.1", 0),
        (PLACES, "\\frac{22}{7}", 0),
        (PLACES, "2\\sqrt{3}", 0),
        (PLACES, "about three", None),
        (PLACES_ZH, "3.14米", 1),
        (PLACES_ZH, "3.1415", 0),
        (NEAREST, "6.2", 1),
        (NEAREST, "6", 1),
        (NEAREST, "12.5\\%", 1),
        (NEAREST, "6.17", 0),
        (NEAREST, "37/6", 0),
        (NEAREST_ZH, "6.2千米", 1),
        (NEAREST_ZH, "6.17", 0),
        (WHOLE_ZH, "20", 1),
        (WHOLE_ZH, "19.66元", 0),
        (COMMON, "\\frac{3}{4}", 1),
        (COMMON, "-\\dfrac34", 1),
        (COMMON, "3/4", 1),
        (COMMON, "2", 1),
        (COMMON, "\\frac{6}{8}", 0),
        (COMMON, "0.75", 0),
        (COMMON, "1\\frac{3}{4}", 0),
        (COMMON, "\\frac{\\pi}{4}", None),
        (LOWEST_ZH, "4/5", 1),
        (LOWEST_ZH, "20/25", 0),
        (LOWEST_ZH, "0.8", 0),
        (FRACTION, "\\frac{3}{6}", 1),
        (FRACTION, "0.5", 0),
        (DECIMAL, ".375", 1),
        (DECIMAL, "\\frac{3}{8}", 0),
        (DECIMAL_ZH, "0.375", 1),
        (DECIMAL_ZH, "3/8", 0),
        (BASE, "22_7", 1),
        (BASE, "22_{\\text{seven}}", 1),
        (BASE, "16_{10}", 0),
        (BASE, "87", 0),
        (BASE, "22", None),
        (BASE_ZH, "(1100)_2", 1),
        (BASE_ZH, "12", 0),
        (BASE_TEN, "16", 1),
        (BASE_TEN, "22_7", 0),
        (FACTOR, "(x-3)(x+3)", 1),
        (FACTOR, "x^2-9 = \\left(x-3\\right)\\left(x+3\\right)", 1),
        (FACTOR, "x^2 - 9", 0),
        (FACTOR, "x(x+1) - 9", 0),
        (FACTOR, "-2x(y-1)^2", 1),
        (FACTOR_ZH, "(x+3)(x-3)", 1),
        (FACTOR_ZH, "x^2-9", 0),
        (EXPAND, "x^2-9", 1),
        (EXPAND, "2xy + 10x - 9", 1),
        (EXPAND, "(x+3)(x-3)", 0),
        (EXPAND, "2(x+3)", 0),
        (EXPAND, "9 - 2xy", 1),
        (EXPAND, "y = x^2 - 3m", 1),
        (EXPAND_ZH, "x^2-9", 1),
        (EXPAND_ZH, "(x+3)(x-3)", 0),
    ],
)
def test_an_answer_outside_the_form_asked_for_is_told(question: str, answer: str, value: float | None) -> None:
    reward = measure(question, answer)
    assert reward.value == value
    assert reward.reason == {1.0: "", 0.0: "other_form", None: "form_not_told"}[value]


@pytest.mark.parametrize(
    "question",
    [
        "What is 3 divided by 8?",
        "When $0.\\overline{3}$ is written as a common fraction, what is its denominator?",
        "What is the reciprocal of the common fraction form of $.\\overline{2}$?",
        "How many digits are there in the base-7 representation of 956?",
        "A number has 4 digits when written in base 8. What is it?",
        "If a price is rounded to the nearest integer and then doubled, it is 8. What was it at least?",
        "Find the greatest prime factor of 84.",
        "What is the coefficient of $x^2$ when you expand $(x+3)^5$?",
        "一个小数四舍五入到百分位是3.14，它最大是几？若保留一位小数是多少？",
        "求 $(x+3)^5$ 的展开式中 $x^2$ 的系数。",
        "这个图形的展开图有几个面？",
        "Give the area to two decimal places, and the length to three decimal places.",
        "Write your answer as a fraction or a decimal.",
        "Express the chance as a common fraction, and then express it as a decimal.",
        "Count the dots. [asy] // write your answer as a common fraction. [/asy]",
    ],
)
def test_a_question_that_asks_for_no_form_or_for_two_gives_no_value(question: str) -> None:
    assert measure(question, "0.123456") == Reward(None, "no_form_asked")


@pytest.mark.parametrize(
    ("question", "answer", "reference", "value"),
    [
        (COMMON, "0.75", "0.75", None),  # the reference has not that form either
        (COMMON, "0.75", "\\frac{3}{4}", 0),
        (FACTOR, "x^2+1", "x^2+1", None),
        (BASE, "22", "22_7", 1),
        (BASE, "16", "22_7", 0),
        (BASE, "22", "22", 1),
        (BASE, "21", "22_7", None),
    ],
)
def test_the_reference_shows_what_the_form_may_be(
    question: str, answer: str, reference: str, value: float | None
) -> None:
    assert measure(question, answer, reference).value == value


def test_the_evidence_is_what_was_asked_by_which_words_and_what_was_given() -> None:
    assert measure(PLACES, "3.142") == Reward(
        0.0, "other_form", {"form": "decimal_places", "asked_by": "to two decimal places", "given": "3.142"}
    )
    assert measure(PLACES_ZH, "3.14").evidence == {
        "form": "decimal_places",
        "asked_by": "保留两位小数",
        "given": "3.14",
    }


def test_of_two_forms_that_go_together_both_are_needed() -> None:
    question = "What is 2 by 3? Give your answer as a decimal to the nearest hundredth."
    given = {answer: measure(question, answer).value for answer in ("0.67", "0.667", "2/3")}
    assert given == {"0.67": 1, "0.667": 0, "2/3": 0}


def test_without_a_reference_the_answer_is_looked_for_in_the_reply() -> None:
    problem = PreparedProblem(Problem("p", COMMON))
    for answer, expected in (("\\boxed{0.75}", (0.0, "other_form")), ("I do not know.", (None, "no_answer"))):
        reward = asked_form(make_trace(problem, answer=answer), None)
        assert (reward.value, reward.reason) == expected


def test_it_is_measured_when_listed_or_required_and_weighs_nothing_unless_told() -> None:
    trace, grade = make_trace(), Grade(Verdict.CORRECT, "4", "number", "equal")
    score = score_trace(
        trace, grade, RewardsConfig.model_validate({"asked_form": {}}), language="en", contract="think_boxed"
    )
    assert score.rewards["asked_form"] == Reward(None, "no_form_asked")
    assert score.total is not None
    assert make_config().rewards.asked_form is None
    assert make_config(selection={"require": {"asked_form": 1}}).rewards.asked_form is not None


def test_under_reinforcement_no_answer_earns_nothing_where_a_form_is_asked_for() -> None:
    config = RewardsConfig.model_validate({"asked_form": {"weight": 1}})
    form = next(one for one in reward_functions(config) if getattr(one, "__name__", "") == "asked_form")
    replies = ["<think>Three of four.</think>\\boxed{\\frac{3}{4}}", "<think>Three of four."]
    assert form([COMMON] * 2, replies) == [1.0, 0.0]
    assert form(["What is 2 + 2?"], ["<think>Four.</think>\\boxed{4}"]) == [None]
