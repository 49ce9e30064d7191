"""What is no thought in a reasoning: tables of replies with the passages that must be told, and of those that must not.

Every passage that is told is shown with its place, so each row gives the very text that the place must hold.
"""

from typing import Any

import pytest
from building import make_config, make_problem, make_trace

from overproof.config.rewards import RewardsConfig
from overproof.records import Grade, PreparedProblem, Problem, Reward, Verdict
from overproof.report.stretches import Judged, lay_out_trace
from overproof.rewards import score_trace
from overproof.rewards.rl import reward_functions, reward_weights
from overproof.rewards.verbosity import thought_share

SHOP = "Nora sold 48 jars of honey in April, and then she sold half as many jars in May. How many jars did she sell?"
SHOP_ZH = "小林四月份卖出四十八罐蜂蜜，五月份卖出的数量正好是四月份的一半，两个月一共卖出多少罐？"
ROOT = "Find the value of $x$ for which $2x - 3 = 5$."
CHOICE = "Which of these is even? A) 3 B) 4 C) 5"


def measure(question: str, reasoning: str, reference: str = "72", *, right: bool | None = True) -> Reward:
    problem = PreparedProblem(Problem("p", question, reference))
    return thought_share(make_trace(problem, reasoning=reasoning), right=right)


def told(reward: Reward, reasoning: str, kind: str) -> str:
    """The passage of a kind that the evidence points at; empty where there is none."""
    evidence: dict[str, Any] = reward.evidence or {}
    if kind not in evidence:
        return ""
    start, end = evidence[f"{kind}_at"]
    return reasoning[start:end]


@pytest.mark.parametrize(
    ("question", "reasoning", "passage"),
    [
        (
            SHOP,
            "Okay: Nora sold 48 jars of honey in April, and then she sold half as many jars in May. So 24 in May.",
            "Nora sold 48 jars of honey in April, and then she sold half as many jars in May",
        ),
        (
            SHOP,
            "NORA SOLD 48 jars of *honey* in April and then she only sold half as many jars in May.",
            "NORA SOLD 48 jars of *honey* in April and then she only sold half as many jars in May",
        ),
        (
            SHOP_ZH,
            "题目说五月份卖出的数量正好是四月份的一半，那就是二十四。",
            "五月份卖出的数量正好是四月份的一半",
        ),
        (SHOP, "She sold 48 jars of honey in April and 24 in May.", ""),
        (SHOP, "Half of 48 is 24. The sum of the two is what we want.", ""),
        (ROOT, "We have 2x - 3 = 5, so 2x = 8.", ""),
        (
            r"Let $f(x) = \frac{x^2 + 3x + 2}{x^2 + 4x + 3} + \sqrt{x}$. Find $f(1)$.",
            r"$f(x) = \frac{x^2 + 3x + 2}{x^2 + 4x + 3} + \sqrt{x}$ at 1 is",
            "",
        ),
        (SHOP_ZH, "四月份卖出四十八罐，其一半是二十四。", ""),
        (f"Find {'sqrt(2) + ' * 9}sqrt(3).", f"We add {'sqrt(2) + ' * 9}sqrt(3).", ""),
        ("What is 2 + 2?", "What is 2 + 2? It is 4.", ""),
    ],
)
def test_a_question_said_again_in_its_own_words_is_told_and_what_is_worked_on_is_not(
    question: str, reasoning: str, passage: str
) -> None:
    assert told(measure(question, reasoning, right=False), reasoning, "restated") == passage


CHECK = "Let me add the two numbers again, to be sure that it holds."


@pytest.mark.parametrize(
    ("reasoning", "passage"),
    [
        (f"{CHECK} It is 5. {CHECK}", CHECK),
        (f"Step 3: {CHECK}\nStep 12: {CHECK}", f"Step 12: {CHECK}"),
        (f"(1) {CHECK}\n(2) {CHECK}", f"(2) {CHECK}"),
        (f"1. {CHECK}\n2. **{CHECK}**", f"**{CHECK}**"),
        (f"Case i: {CHECK}\nCase ii: {CHECK.upper()}", f"Case ii: {CHECK.upper()}"),
        (
            "第一步：我们把两个数重新加一遍看看。\n第三步：我们把两个数重新加一遍看看。",
            "第三步：我们把两个数重新加一遍看看。",
        ),
        ("So x = 2. We use it. So x = 2.", ""),
        ("Case 1: we take 1 red ball and 2 blue ones. Case 2: we take 2 red balls and 1 blue one.", ""),
        ("The first 3 cards are 1, 2 and 3. The first 3 cards are 1, 2 and 4.", ""),
        ("3.5 apples go into each of the two baskets here. 4.5 apples go into each of the two baskets here.", ""),
        ("第1个数是偶数，所以它能被二整除。第2个数是偶数，所以它能被二整除。", ""),
    ],
)
def test_a_sentence_said_again_is_told_whatever_its_number_and_one_that_says_something_new_is_not(
    reasoning: str, passage: str
) -> None:
    assert told(measure("What is asked?", reasoning, right=None), reasoning, "repeated") == passage


@pytest.mark.parametrize(
    ("question", "reference", "reasoning", "behind"),
    [
        (
            SHOP,
            "72",
            "May: 24. So in all she sold 48 + 24 = 72 jars. Wait, 72 - 24 = 48. Fine.",
            "Wait, 72 - 24 = 48. Fine.",
        ),
        (SHOP, "72", "The answer is 72. Let me check.", "Let me check."),
        (SHOP, "72", "Therefore, the number of jars is **72**. Yes.", "Yes."),
        (SHOP, "72", "Therefore, she sold 72 jars. Yes.", "Yes."),
        (SHOP, "1200", "So the number of jars is $1{,}200$. Yes.", "Yes."),
        (SHOP, "1200", "The answer is 1,200. Yes.", "Yes."),
        (SHOP, "\\frac{3}{4}", "The answer is 0.75. Yes.", "Yes."),
        (SHOP, "72", "It gives \\boxed{72}. Is that so?", "Is that so?"),
        (SHOP, "72", "The answer is 71. No, the answer is 72. Done.", "Done."),
        (SHOP_ZH, "72", "所以一共卖出 48+24=72 罐。再验算一遍。", "再验算一遍。"),
        (SHOP_ZH, "72", "答案是72。没有问题。", "没有问题。"),
        (ROOT, "4", "We get 2x = 8, thus $x = 4$. It fits: 8 - 3 = 5.", "It fits: 8 - 3 = 5."),
        (ROOT, "4", "Thus $x = \\frac{8}{2} = 4.0$. It fits.", "It fits."),
        (CHOICE, "B", "So the answer is B. For 5 is odd.", "For 5 is odd."),
        # what only looks like a statement of the answer
        (SHOP, "72", "Half of 144 is 72. What else is there?", ""),
        (SHOP, "72", "Is the answer 72? Let me see.", ""),
        (SHOP, "72", "Maybe the answer is 72. Let me see.", ""),
        (SHOP, "72", "The answer is not 72. Let me see.", ""),
        (SHOP, "72", "She sold 48 jars in April. Then 24 in May.", ""),
        (ROOT, "4", "We add 4 on both sides: 2x - 8 + 4 = 4. Go on.", ""),
        # nothing follows
        (SHOP, "72", "In all she sold 48 + 24 = 72 jars.", ""),
    ],
)
def test_what_follows_the_first_statement_of_the_right_answer_is_told(
    question: str, reference: str, reasoning: str, behind: str
) -> None:
    reward = measure(question, reasoning, reference)
    assert told(reward, reasoning, "after_answer").strip() == behind
    assert not told(measure(question, reasoning, reference, right=False), reasoning, "after_answer")


def test_what_is_of_two_kinds_is_counted_once() -> None:
    reasoning = f"{CHECK} The answer is 72. {CHECK}"
    reward = measure(SHOP, reasoning)
    assert reward.evidence is not None
    assert (reward.evidence["repeated"], reward.evidence["after_answer"]) == (len(CHECK), len(CHECK) + 1)
    assert reward.evidence["spare"] == len(CHECK) + 1
    assert reward.value == round(1 - (len(CHECK) + 1) / len(reasoning), 4)


def test_all_thought_is_one_and_without_reasoning_there_is_no_value() -> None:
    assert measure(SHOP, "Half of 48 is 24, and both are 72.") == Reward(1.0)
    bare = make_trace(reasoning=None)
    assert thought_share(bare, right=True) == Reward(None, "no_reasoning")


def test_it_is_measured_only_when_listed_and_never_counts() -> None:
    trace, grade = make_trace(reasoning="The answer is 4. Wait."), Grade(Verdict.CORRECT, "4", "number", "equal")
    configs = RewardsConfig(), RewardsConfig.model_validate({"thought_share": {}})
    plain, listed = (score_trace(trace, grade, one, language="en", contract="think_boxed") for one in configs)
    assert "thought_share" not in plain.rewards
    assert listed.rewards["thought_share"].value == round(1 - 6 / 22, 4)
    assert plain.total == listed.total
    with pytest.raises(ValueError, match="weight"):
        RewardsConfig.model_validate({"thought_share": {"weight": 1}})


def test_the_efficient_order_lists_the_measure_that_it_goes_by() -> None:
    assert make_config().rewards.thought_share is None
    assert make_config(selection={"order": "efficient"}).rewards.thought_share is not None
    assert make_config(selections={"lean": {"order": "efficient"}}).rewards.thought_share is not None


def test_its_evidence_is_shown_with_the_trace() -> None:
    trace, grade = make_trace(reasoning="The answer is 4. Wait."), Grade(Verdict.CORRECT, "4", "number", "equal")
    config = RewardsConfig.model_validate({"thought_share": {}})
    score = score_trace(trace, grade, config, language="en", contract="think_boxed")
    shown = lay_out_trace(Judged(trace, score, {}), "en", longest=1000).evidence["thought_share"]
    assert (shown["after_answer"], shown["after_answer_at"]) == (6, [16, 22])
    assert shown["after_answer_text"] == "The answer is 4."


def test_under_reinforcement_it_is_watched_with_and_without_references() -> None:
    config = RewardsConfig.model_validate({"thought_share": {}})
    watch = next(one for one in reward_functions(config) if getattr(one, "__name__", "") == "thought_share")
    reply = "<think>The answer is 4. Wait.</think>\\boxed{4}"
    assert watch([make_problem().problem.question], [reply], reference=["4"]) == [round(1 - 6 / 22, 4)]
    assert watch([make_problem().problem.question], [reply]) == [1.0]
    assert reward_weights(config)[-1] == 0
