"""What a question only mentions makes no right answer wrong; what it asks for may be said with the answer."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overproof.grading import grade
from overproof.records import Verdict


def verdict_of(answer: str, reference: str, question: str | None = None) -> Verdict:
    return grade(rf"\boxed{{{answer}}}", reference, question=question).verdict


# Sentences that ask nothing: names, orders, units, counts, shares and scores in passing.
IN_PASSING = [
    "Let $x$ and $y$ be whole numbers with $y > x$.",
    "The point $(q, p)$ lies on the line $L$.",
    r"Here $\gcd(b, a) = 1$ and $f(y, x) = f(x, y)$.",
    "Do not count how many steps he makes.",
    "It does not matter how many minutes he rests.",
    "The road is 40 km long and 6 m wide.",
    "One litre costs 2 dollars, and 30% of it is water.",
    "The pupils stand in increasing order of height.",
    "Their names are arranged in a circle, Ann and Bob first and last respectively.",
    "The score of the match was 3:1.",
    "A triangle has the base 8 and an angle of $40^\\circ$.",
    "Exactly three of the tickets are red.",
    "The ratio of boys to girls is 2 to 3.",
    "She rounds nothing and estimates nothing.",
    "Let $n$ and $m$ be the remainders modulo 7.",
    "Write $A$ for the area in square feet and $v$ for the speed in km/h.",
    "设 $n$ 为自然数，$y$ 与 $x$ 互质。",
    "一共有多少人不重要。",
    "小明用了几分钟不必考虑。",
    "路长40千米，宽6米。",
    "学生按身高从小到大排列。",
    "甲、乙的比分是3:1，其中百分之三十是水。",
]
# What is asked, the reference, and ways to give it.
ASKED = [
    ("Find $x$.", "12", ["12", "x = 12", "12.0", r"\frac{24}{2}", "x=12"]),
    ("Find $N$.", "7", ["7", "N = 7", "n = 7", r"\text{N is 7}"]),
    ("Find the pair.", "(2, 3)", ["(2,3)", "(p, q) = (2, 3)", "(a,b)=(2,3)", "p = 2, q = 3"]),
    (r"Find $(x,~y)$.", "(2, 3)", ["(2,3)", "(x, y) = (2, 3)", "x = 2, y = 3", r"\left(2,\,3\right)"]),
    ("How many hours does he need?", "5", ["5", "5 hours", r"5\text{ h}", "five", r"5 \text{ hours}", "5小时"]),
    ("Find the distance in miles.", "5", ["5", r"5\text{ miles}", "5 mi", r"5.0 \text{ mile}"]),
    ("Ann walked 3 km. How many did Bob walk?", "5", ["5", r"5\text{ km}"]),
    ("Find all solutions.", "3, 8", ["8, 3", r"\{3, 8\}", "x = 3, x = 8", "3 and 8", "x=8 or x=3"]),
    ("How many kilowatt-hours are used?", "9", ["9", r"9\text{ kWh}", "9 kilowatt-hours", "9 kilowatt hours"]),
    ("What is its area in square centimetres?", "50", ["50", r"50\text{ cm}^2", r"50 \text{ square centimetres}"]),
    ("What percent is it?", "35", ["35", r"35\%", "35 percent", "35.0"]),
    ("By how many percentage points does it rise?", "4", ["4", "4 percentage points", r"4\%"]),
    ("How many four leaf clovers are there?", "8", ["8", "8 four leaf clovers", r"8\text{ four leaf clovers}"]),
    ("How many even integers are there?", "8", ["8", "8 even integers", r"8\text{ even integers}"]),
    ("How many dozen eggs are there?", "8", ["8", "8 dozen", "8 dozen eggs"]),
    ("How many tens are in it?", "8", ["8", "8 tens"]),
    ("What is the ratio?", "2:3", ["2:3", r"\frac{2}{3}", "4:6", "2 to 3"]),
    ("求 $x$。", "12", ["12", "x=12", "x = 12", "十二"]),
    ("走完全程要几个小时？", "5", ["5", "5小时", "5个小时", "五小时", r"5\text{ h}"]),
    ("需要多少千克？", "6", ["6", "6千克", "六千克", r"6\text{ kg}"]),
    ("面积是多少平方厘米？", "50", ["50", "50平方厘米", r"50\text{ cm}^2"]),
    ("增加了几成？", "3", ["3", "3成", "三成"]),
    ("提高了几个百分点？", "5", ["5", "5个百分点", "五个百分点"]),
    ("有几张十元纸币？", "6", ["6", "6张", "6张十元纸币"]),
]


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.sampled_from(IN_PASSING), max_size=4, unique=True),
    st.sampled_from([(ask, reference, answer) for ask, reference, answers in ASKED for answer in answers]),
    st.integers(0, 4),
)
def test_what_a_question_mentions_makes_no_equal_answer_incorrect(
    passing: list[str], asked: tuple[str, str, str], place: int
) -> None:
    ask, reference, answer = asked
    question = " ".join([*passing[:place], ask, *passing[place:]])
    assert verdict_of(answer, reference, question) is not Verdict.INCORRECT


@pytest.mark.parametrize(("ask", "reference", "answers"), ASKED, ids=[ask for ask, _, _ in ASKED])
def test_what_is_asked_for_may_be_said_with_the_answer(ask: str, reference: str, answers: list[str]) -> None:
    assert [answer for answer in answers if verdict_of(answer, reference, ask) is not Verdict.CORRECT] == []
