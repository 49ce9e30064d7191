"""Laws that hold for every answer: grading is an equivalence, blind to spelling, never to meaning; it ends."""

import time
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overproof.grading import grade
from overproof.records import Verdict

LAW = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
OWN_SECONDS = 2.5
"""Processor time within which any answer must end in the caller; a worker's is limited by the kernel."""

whole = st.integers(2, 97)
rationals = st.builds(Fraction, st.integers(-60, 60).filter(bool), st.integers(1, 24))


def as_fraction(value: Fraction, times: int = 1) -> str:
    sign = "-" if value < 0 else ""
    return rf"{sign}\frac{{{abs(value.numerator) * times}}}{{{value.denominator * times}}}"


def as_slash(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"


SPELLED: list[Callable[[Fraction], str]] = [
    as_fraction,
    as_slash,
    lambda value: as_fraction(value, 3),
    lambda value: as_fraction(value).replace("frac", "dfrac"),
]
numbers = st.one_of(
    whole.map(str),
    whole.map(lambda n: f"-{n}"),
    rationals.map(as_fraction),
    st.tuples(whole, whole).map(lambda pair: f"{pair[0]}.{pair[1]}"),
    st.tuples(whole, st.sampled_from([2, 3, 5, 7])).map(lambda pair: rf"{pair[0]}\sqrt{{{pair[1]}}}"),
    whole.map(lambda n: rf"{n}\pi"),
)
answers = st.one_of(
    numbers,
    st.tuples(numbers, numbers).map(lambda pair: f"({pair[0]}, {pair[1]})"),
    whole.map(lambda n: rf"[{n}, \infty)"),
    whole.map(lambda n: f"x > {n}"),
    st.tuples(whole, whole).map(lambda pair: f"{pair[0]}x^2 + {pair[1]}"),
    st.lists(whole, min_size=2, max_size=4, unique=True).map(lambda items: r"\{" + ", ".join(map(str, items)) + r"\}"),
    whole.map(lambda n: rf"{n}\%"),
    whole.map(lambda n: rf"{n}\text{{ cm}}"),
)


def boxed(answer: str) -> str:
    return rf"So it is $\boxed{{{answer}}}$."


def says_the_same(answer: str, reference: str) -> bool:
    return grade(boxed(answer), reference).verdict is Verdict.CORRECT


# --- an equivalence


@LAW
@given(answers)
def test_an_answer_says_the_same_as_itself(answer: str) -> None:
    assert says_the_same(answer, answer)


@LAW
@given(answers, answers)
def test_grading_is_symmetric(one: str, other: str) -> None:
    assert says_the_same(one, other) == says_the_same(other, one)


@LAW
@given(rationals, st.permutations(SPELLED))
def test_exact_grading_is_transitive(value: Fraction, spelled: list[Callable[[Fraction], str]]) -> None:
    one, two, three = (spell(value) for spell in spelled[:3])
    assert says_the_same(one, two)
    assert says_the_same(two, three)
    assert says_the_same(one, three)


# Groups of texts that say the same, each in several kinds of notation; `{n}` is any whole number from 2 on.
SAID_ALIKE = [
    ["{n}", "{n}.0", r"\frac{{{n}00}}{{100}}", "x = {n}", r"\{{{n}\}}"],
    ["({n}, 99)", "{n} < x < 99", r"x \in ({n}, 99)", r"\{{x \mid {n} < x < 99\}}", "99 > x > {n}"],
    [r"\pm {n}", "{n}, -{n}", "x = {n} or x = -{n}", r"\{{-{n}, {n}\}}"],
    [r"x \equiv {n} \pmod{{100}}", r"x \equiv {n} - 100 \pmod{{100}}", "100k + {n}", "{n} + 100m"],
    [r"{n}\text{{ km}}", r"{n}000\text{{ m}}", r"{n} \times 10^3\text{{ m}}", r"{n}\text{{ kilometres}}"],
    ["y = {n}x + 1", "y - {n}x = 1", "{n}x - y + 1 = 0"],
    ["{n} h 30 min", r"{n}\text{{ hours }} 30\text{{ minutes}}", "{n}小时30分钟", "{n}.5 hours"],
    [r"{n}\sqrt{{2}}", r"\sqrt{{2}} \cdot {n}", r"\frac{{2 \cdot {n}}}{{\sqrt{{2}}}}"],
    ["({n}, 1)", r"\begin{{pmatrix}} {n} \ 1 \end{{pmatrix}}", r"\langle {n}, 1 \rangle", "(x, y) = ({n}, 1)"],
    [r"k\pi + \frac{{\pi}}{{{n}}}", r"\frac{{\pi}}{{{n}}} + m\pi", r"\frac{{\pi}}{{{n}}} - n\pi, n \in \mathbb{{Z}}"],
    ["(a) {n} (b) 99", "(b) 99 (a) {n}", "(1) {n} (2) 99", "(ii) 99, (i) {n}", "a) {n} b) 99"],
    ["{n}/h", "{n} per hour", "{n} times per hour"],
    [r"\{{{n}, 1, 2\}}", r"\{{x \mid x = 1, 2, {n}\}}", r"\{{x : x \in \{{1, 2, {n}\}}\}}"],
]
SAID_OTHERWISE = [
    ("MCMXCIV", "1994", "Which year do the Roman numerals stand for?"),
    ("24:00", "0:00", None),
    (r"\frac{dy}{dx}=4x", "4x", "Find the derivative."),
    ("dy/dx = 4x", "y'=4x", "Differentiate."),
    (r"\frac{\partial f}{\partial y}=x", "x", "Find the partial derivative."),
    ("∃x∈R, x²+2≤0", r"\exists x\in\mathbb{R}, x^2+2\le0", "写出命题的否定"),
    ("7~9", "7-9", None),
    ("x = 7 (x = -2 is extraneous)", "7", "Solve."),
    ("7(-2舍去)", "7", "解方程"),
    ("D, A", "AD", "多选题: 下列说法正确的是"),
    ("(B)(D)", "B and D", "Select all that apply."),
    ("BCD", "B, C, D", "Which of the following are prime? Choose all."),
    ("False", "F", "True or false: 91 is prime."),
    ("3^n (n∈N*)", "3^n", "求通项"),
    (r"b_n = 4n (n \in \mathbb{Z}^{+})", "4n", "求通项"),
    ("[1,4)∪{7}", r"\{7\}\cup[1,4)", None),
    ("3, 6, 9, ...", r"3, 6, 9, \dots", None),
    ("seven (7)", "7", None),
    ("[7]", "7", None),
    ("下午3:15", "15:15", None),
    ("30'", r"0.5^\circ", None),
    ("30 degrees Celsius", "30°C", None),
    ("零下3度", "-3℃", "气温是多少摄氏度?"),
    ("1997 AD", "1997", None),
    ("0b101", "5", None),
    ("0o17", "15", None),
    ("1010 (base 2)", "1010_2", None),
    (r"101_{\text{two}}", "101_2", None),
    ("12月", "December", None),
    ("twice", "2", "How many times does it ring?"),
    ("half a dozen", "6", None),
    ("five point two", "5.2", None),
    ("东北", "NE", None),
    ("N", "north", "In which direction does she walk?"),
    ("增函数", "monotonically increasing", None),
    ("impossible", "no", "Is it possible?"),
    ("154", r"49\pi", r"Take $\pi = \frac{22}{7}$. Find the area."),
    ("decreased by 25%", "25%", "By what percent did it decrease?"),
    ("减少了25%", "-25%", "变化了百分之几?"),
    ("(3)", "green", "What is it? (1) red (2) blue (3) green"),
    ("2时30分", "2, 30", "现在是____时____分。"),
    (r"1+2+\cdots+100", "5050", None),
    (r"1^2+2^2+\cdots+10^2", "385", None),
    (r"1+2+3+\dots+n", r"\frac{n(n+1)}{2}", None),
    (r"\{x \in \mathbb{Z} : 1 \le x < 4\}", r"\{1, 2, 3\}", None),
    (r"5 < x < 9, x \in \mathbb{Z}", "x = 6, 7, 8", None),
    ("5 < x < 9", r"\{6, 7, 8\}", "Find all integers $x$."),
    ("超过5", "至少6", "有多少人?"),
    ("6!!", "48", None),
    (r"A\cosh x + B\sinh x", "C_1e^x + C_2e^{-x}", "Find the general solution of $y'' = y$."),
    ("y = 2C_1x + C_2", "y = C_2x + C_1", "Find the general solution of $y'' = 0$."),
    ("x^2 + y^2 = 2C", "y^2 = C - x^2", "Solve the differential equation $yy' = -x$."),
    ("|x-1|", r"\begin{cases} x-1 & x \ge 1 \\ 1-x & x < 1 \end{cases}", None),
    (
        r"\begin{cases} x & x > 0 \\ 0 & x \le 0 \end{cases}",
        r"\begin{cases} 0 & x < 0 \\ x & x \ge 0 \end{cases}",
        None,
    ),
    ("]2, 5]", "2 < x \\le 5", None),
    (r"A \cap B = \{2\}", r"\{2\}", r"Find $A \cap B$."),
    ("101_2", "5_{10}", None),
    (r"\sum_{n=0}^\infty \frac{x^n}{n!}", "e^x", None),
    (
        r"\left[\begin{array}{cc} 1 & 2 \\ 3 & 4 \end{array}\right]",
        r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}",
        None,
    ),
    (r"A \subseteq B", r"B \supseteq A", None),
    (r"y = \pm\frac{3}{4}x", r"3x \pm 4y = 0", "求渐近线方程。"),
    (r"-5 \le x - 2 \le 5", r"|x-2| \le 5", None),
    (r"4.18\text{ J/(g·°C)}", r"4180\text{ J/(kg·K)}", None),
    (r"0.2\text{ T}", r"0.2\text{ Wb/m}^2", None),
    ("three in ten", "0.3", None),
    ("0.11_2", "3/4", None),
    (r"1 < e \le \sqrt{2}", r"(1, \sqrt{2}]", "求离心率 $e$ 的取值范围。"),
    ("£3.20", "3 pounds 20 pence", None),
    ("2.3 billion dollars", r"\$2,300,000,000", None),
    ("an hour and a half", "90 minutes", None),
]


@pytest.mark.parametrize(("one", "other", "question"), SAID_OTHERWISE)
def test_what_is_said_in_another_way_is_the_same(one: str, other: str, question: str | None) -> None:
    assert grade(boxed(one), other, question=question).verdict is Verdict.CORRECT
    assert grade(boxed(other), one, question=question).verdict is Verdict.CORRECT


@pytest.mark.parametrize("texts", SAID_ALIKE, ids=lambda texts: texts[0])
@settings(LAW, max_examples=4)
@given(number=whole, data=st.data())
def test_exact_verdicts_are_transitive_and_symmetric_over_notations(
    texts: list[str], number: int, data: st.DataObject
) -> None:
    picked = data.draw(st.lists(st.sampled_from(texts), min_size=3, max_size=3))
    one, two, three = (text.format(n=number) for text in picked)
    assert says_the_same(one, two) == says_the_same(two, one)
    if says_the_same(one, two) and says_the_same(two, three):
        assert says_the_same(one, three)


@pytest.mark.parametrize("texts", SAID_ALIKE, ids=lambda texts: texts[0])
def test_what_is_said_alike_is_the_same(texts: list[str]) -> None:
    first, *others = (text.format(n=17) for text in texts)
    assert [text for text in others if not says_the_same(text, first)] == []


# --- blind to spelling

FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
WRAPPED: dict[str, Callable[[str], str]] = {
    "box": boxed,
    "dollars behind a marker": lambda answer: f"The answer is ${answer}$.",
    "display": lambda answer: f"The answer is\n$$\n{answer}\n$$",
    "tag": lambda answer: f"<answer>{answer}</answer>",
    "heading": lambda answer: f"### Answer\n\n${answer}$",
    "Chinese": lambda answer: f"所以答案是 ${answer}$。",
    "reasoning before": lambda answer: f"<think>Perhaps \\boxed{{0}}.</think>\n{boxed(answer)}",
    "spaces": lambda answer: boxed(f" {answer} "),
    "thin spaces": lambda answer: boxed(rf"\,{answer}\,"),
    "display style": lambda answer: boxed(rf"\displaystyle {answer}"),
    "a full stop": lambda answer: boxed(f"{answer}."),
    "full width": lambda answer: boxed(answer.translate(FULL_WIDTH)),
    "minus sign": lambda answer: boxed(answer.replace("-", "−")),
}


@pytest.mark.parametrize("wrapping", WRAPPED)
@settings(LAW, max_examples=15)
@given(answer=answers)
def test_a_verdict_does_not_depend_on_wrapping_or_spelling(wrapping: str, answer: str) -> None:
    assert grade(WRAPPED[wrapping](answer), answer).verdict is Verdict.CORRECT


# --- never blind to meaning

CHANGED: dict[str, Callable[[int], tuple[str, str]]] = {
    "sign": lambda n: (f"{n}", f"-{n}"),
    "digit": lambda n: (f"{n}3", f"{n}4"),
    "order": lambda n: (f"({n}, {n + 1})", f"({n + 1}, {n})"),
    "interval end": lambda n: (f"[{n}, {n + 5}]", f"[{n}, {n + 5})"),
    "relation sign": lambda n: (f"x > {n}", rf"x \ge {n}"),
    "relation direction": lambda n: (f"x > {n}", f"x < {n}"),
    "unit": lambda n: (rf"{n}\text{{ cm}}", rf"{n}\text{{ m}}"),
    "unit of another kind": lambda n: (rf"{n}\text{{ cm}}", rf"{n}\text{{ s}}"),
    "percent": lambda n: (rf"{n}\%", rf"{n + 1}\%"),
    "modulus": lambda n: (rf"x \equiv 1 \pmod{{{n}}}", rf"x \equiv 1 \pmod{{{n + 1}}}"),
    "modulus behind a number": lambda n: (f"{n}", rf"{n} \pmod{{{n + 1}}}"),
    "condition": lambda n: (f"{n}", rf"{n} \text{{ if }} x > 1"),
    "note": lambda n: (f"{n}", rf"{n} \text{{ or more}}"),
    "name of a region": lambda n: (f"x > {n}", f"y > {n}"),
    "subscript": lambda n: (f"a_{{{n}}}", f"a_{{{n + 1}}}"),
    "prime": lambda n: (f"f({n})", f"f'({n})"),
    "magnitude word": lambda n: (f"{n}", rf"{n} \text{{ million}}"),
    "magnitude sign": lambda n: (f"{n}", f"{n}万"),
    "bound": lambda n: (f"{n}", rf"\text{{at least }} {n}"),
    "denial": lambda n: (f"{n}", rf"\text{{not }} {n}"),
    "denial in Chinese": lambda n: (f"{n}", f"不是{n}"),
    "currency": lambda n: (rf"\${n}", f"€{n}"),
    "base": lambda n: ("11_{2}", f"11_{{{n % 30 + 3}}}"),
    "repeated part": lambda n: (f"{n}, {n}, {n + 1}", f"{n}, {n + 1}, {n + 1}"),
    "exponent": lambda n: (f"{n}x^2", f"{n}x^3"),
    "decoration": lambda n: (f"{n}", f"{n}'"),
    "index of a number": lambda n: (f"{n}", f"{n}_n"),
    "operation in words": lambda n: (f"{n}", rf"\text{{the square root of }} {n}"),
    "operation in Chinese": lambda n: (f"{n}", f"{n}的平方"),
    "ordinal in Chinese": lambda n: (f"{n}", f"第{n}"),
    "alternative": lambda n: (f"{n}", f"{n} or {n + 1}"),
    "bound behind": lambda n: (f"{n}", f"{n}以上"),
    "bound in Chinese": lambda n: (f"{n}", f"不到{n}"),
    "noun for a unit": lambda n: (rf"{n}\text{{ apples}}", rf"{n}\text{{ kg}}"),
    "name of a function": lambda n: (f"f({n}) = 3", f"g({n}) = 3"),
    "argument": lambda n: (f"P(X={n}) = 0.3", f"P(X={n + 1}) = 0.3"),
    "application": lambda n: (f"y({n})", f"{n}"),
    "half of the day": lambda n: (f"{n % 11 + 1}:30 am", f"{n % 11 + 1}:30 pm"),
    "day of the month": lambda n: (f"May {n % 30 + 1}", f"May {(n + 1) % 30 + 1}"),
    "domain": lambda n: (rf"x = {n}k\pi, k \in \mathbb{{Z}}", rf"x = {n}k\pi, k \in \mathbb{{R}}"),
    "set for an interval": lambda n: (f"({n}, {n + 3})", rf"\{{{n}, {n + 3}\}}"),
    "relation the other way round": lambda n: (rf"{n} + 1 \ge {n + 1}", rf"{n} + 1 \le {n + 1}"),
    "quantifier": lambda n: (rf"\forall x, x > {n}", rf"\exists x, x > {n}"),
    "case": lambda n: (
        rf"\begin{{cases}} {n} & x > 0 \\ 1 & x \le 0 \end{{cases}}",
        rf"\begin{{cases}} {n} & x \le 0 \\ 1 & x > 0 \end{{cases}}",
    ),
    "order of letters": lambda n: (f"AB = {n}", f"AC = {n}"),
    "half between": lambda n: (f"0.{n}1", f"0.{n}15"),
}


@pytest.mark.parametrize("name", CHANGED)
@settings(LAW, max_examples=6)
@given(number=whole)
def test_a_changed_meaning_is_never_correct(name: str, number: int) -> None:
    one, other = CHANGED[name](number)
    assert not says_the_same(one, other)
    assert not says_the_same(other, one)


# --- incorrect is earned: where a text has a reading under which both say the same, nothing is disproved

IN_DOUBT: list[tuple[str, str, str | None]] = [
    ("east", "正东", None),
    ("偶函数", r"\text{even}", "奇偶性"),
    ("小红先到", "小红", "谁先到?"),
    (r"\frac{d}{dx}x^3", "3x^2", None),
    ("between 7 and 9", "(7,9)", None),
    ("a total of 7", "7", "How many are there?"),
    ("17 N", "17", "Find the force."),
    ("17k", "17000", None),
    ("IX", "9", None),
    ("4/7/2024", "July 4, 2024", None),
    ("ten to four", "3:50", None),
    ("Mon.", "Monday", None),
    ("298 K", r"25^\circ\text{C}", None),
    ("34", "34_7", None),
    ("none", "0", "How many are there?"),
    ("the second quadrant", "II", "In which quadrant does it lie?"),
    ("第二象限", "2", "第几象限?"),
    ("Yes", "It exists", "Does there exist such a number?"),
    ("all of them", "1, 2 and 3", None),
    ("72 km/h", "20", None),
    ("50", "0.5", "What is the probability as a percent?"),
    ("4", "B", None),
    ("x^2 + C", "x^2", "Integrate $2x$."),
    ("y = Ce^x", "y = Ae^x", None),
    ("y = e^{x+C}", "y = Ce^x", "Solve the differential equation."),
    (r"\lfloor n/2 \rfloor", r"\lceil (n-1)/2 \rceil", None),
    ("(3)(5)", "15", None),
    ("at most 5", "5", "How many are there at most?"),
    ("2", "E(X) = 2", None),
    ("x_1 = x_2 = 1", "x = 1", None),
    (r"\text{all } n \ge 3", r"n \ge 3", None),
    ("3/5", "March 5", "On which day?"),
    ("5 N, 向左", "5 N", None),
    ("all odd primes", "p > 2", "Find all primes p."),
    (r"\ln|y| = x + C", "y = Ce^x", "Solve the differential equation $y' = y$."),
    ("y = C_1e^x + C_2e^{-x}", "y = C_2e^x + C_1e^{-x}", None),
    (r"y = A\cos(2x + B)", r"y = C_1\cos 2x + C_2\sin 2x", "Find the general solution of $y'' + 4y = 0$."),
    ("30 degrees", "30°F", "What is the temperature?"),
    ("decreased by 25%", "-25%", None),
    ("1010(2)", "1010_2", None),
    ("A_{16}", "10", None),
    ("CD", "400", None),
    ("€3,50", "3.50 euros", None),
    ("0:00", "12:00", None),
    ("不可能", "无解", None),
    ("converges absolutely", "absolutely convergent", None),
    ("5.0 m/s to the right", "5.0 m/s", "Find the velocity."),
    ("No such n exists", "none", "Find all n."),
    (r"2+4+\cdots+64", "1056", None),
]


@pytest.mark.parametrize(("one", "other", "question"), IN_DOUBT)
def test_what_agrees_under_one_reading_is_never_incorrect(one: str, other: str, question: str | None) -> None:
    assert grade(boxed(one), other, question=question).verdict is not Verdict.INCORRECT
    assert grade(boxed(other), one, question=question).verdict is not Verdict.INCORRECT


NOT_THE_SAME: list[tuple[str, str, str | None]] = [
    (r"\text{right to left}", "left to right", None),
    (r"\text{Ann beats Ben}", "Ben beats Ann", None),
    (r"\text{even-odd}", "odd-even", None),
    ("Ben, Ann, Cid", "Ann, Ben, Cid", "In what order did they finish?"),
    ("B, A, C", "A, B, C", "Put them in order from the lightest to the heaviest."),
    (r"25^\circ\text{C}", "77°F", "It rose from 50°F to 127°F. By how many degrees did it rise?"),
    (r"86^\circ\text{F}", "30°C", "What is the change of temperature?"),
    (r"500\%", "5", "What percent of 200 is 10?"),
    (r"200\%", "2", "增长了百分之几?"),
    ("3.14", r"\pi", "π = 3.14 is not exact. Give the exact value of the area."),
    ("(b) 3 (a) 4", "(a) 3 (b) 4", None),
    ("0xFF", "0xFE", None),
    ("3n+1", "a_n=3n-2", "求数列的通项"),
    ("7 (7 is extraneous)", "7", "Solve."),
    ("7 (rejected)", "7", "Solve."),
    ("7(舍去)", "7", "解方程"),
    ("6 when x=7", "7", "Find the maximum."),
    ("6 when x=7", "6 when x=8", "Where is the maximum, and what is it?"),
    ("A or C", "AC", "Which of the following hold? Choose all."),
    ("six (7)", "7", None),
    ("[6, 7]", "7", None),
    ("4n", "4n+4", "Find a formula for the nth term of the sequence."),
    (r"r\lor s", "r and s", None),
    ("P and Q", "P or Q", "Which of the statements must hold?"),
    ("110_2", "110", "Convert the binary number to decimal."),
    ("g(t)=6", "t=6", None),
    ("没有6个", "6", "有几个?"),
    ("公元前6年", "公元6年", None),
    ("max 7", "min 7", "What is the extreme value?"),
    ("下午4时", "4:00", "用24时计时法表示是几时?"),
    ("24:00", "12:00", None),
    ("30'", r"30^\circ", None),
    ("30 degrees", "-30℃", None),
    ("1997 BC", "1997", None),
    ("CM", "1100", "What is the Roman number?"),
    ("多于5", "5", None),
    ("5 per hour", "5 hours", None),
    ("1010 (base 3)", "1010_2", None),
    ("1月", "11月", None),
    ("twice", "2x", None),
    ("half a dozen", "12", None),
    ("five point two", "5.02", None),
    ("东北", "NW", None),
    ("increasing", "单调递减", None),
    ("impossible", "yes", "Is it possible?"),
    ("decreased by 25%", "25%", "By what percent did it change?"),
    ("decreased by 25%", "increased by 25%", None),
    ("decreased to 25%", "-25%", "What is the change?"),
    ("(2)", "green", "What is it? (1) red (2) blue (3) green"),
    ("2时30分", "30, 2", "现在是____时____分。"),
    (r"1+2+\cdots+100", "5049", None),
    (r"1+4+\cdots+100", "1717", None),
    (r"2+4+\cdots+100", "5050", None),
    (r"\{x^2 : x=1,2,3\}", r"\{1,2,3\}", None),
    ("5 < x < 9", r"\{6, 7, 8\}", "Find all real x."),
    ("at least 6", "more than 6", "How many people are there?"),
    ("y = C_1e^x + C_2e^{-x}", "y = C_1e^{2x} + C_2e^{-x}", "Find the general solution of $y'' = y$."),
    ("y = C_1e^x", "y = C_1e^x + C_2e^{-x}", "Find the general solution."),
    (r"\ln|y| = x + C", "y = Ce^{2x}", "Solve the differential equation $y' = 2y$."),
    ("x^2 + y^2 = C", "x^2 - y^2 = C", "Solve the differential equation."),
    ("x-1", r"\begin{cases} x-1 & x \ge 1 \\ 1-x & x < 1 \end{cases}", None),
    ("]2, 5]", "[2, 5]", None),
    (r"A \cup B = \{2\}", r"\{2\}", r"Find $A \cap B$."),
    ("5 because it is not 6", "6", None),
    (r"A \subseteq B", r"A \supseteq B", None),
    (r"y = \pm\frac{4}{3}x", r"3x \pm 4y = 0", "求渐近线方程。"),
    (r"y = \frac{3}{4}x", r"3x \pm 4y = 0", "求渐近线方程。"),
    (r"-5 \le x - 2 \le 5", r"|x-2| \ge 5", None),
    (r"4.18\text{ J/(g·°C)}", r"4.18\text{ J/(kg·K)}", None),
    ("3 m/s to the left", "3 m/s to the right", None),
    ("an hour and a quarter", "90 minutes", None),
    ("0.11_2", "0.11_3", None),
    (r"1 < e < \sqrt{2}", r"(1, \sqrt{2}]", "求离心率 $e$ 的取值范围。"),
    ("12 eV", r"1.98 \times 10^{-18}\text{ J}", None),
    ("34", "33.3", "Round to the nearest whole number."),
]


@pytest.mark.parametrize(
    ("answer", "reference", "question"),
    [
        (r"x = 5, \text{ because } 2x = 10", "5", "Find $x$."),
        (r"5 \text{ (since } 2+3=5)", "5", None),
        ("33", "33.3", "Round to the nearest whole number."),
        ("0.33", r"\frac{1}{3}", "Give it to two decimal places."),
        ("0.3", r"\frac{1}{3}", "结果保留一位小数。"),
        ("option c", "C", "Which? (A) 1 (B) 2 (C) 3"),
        (r"37^\circ", r"\arctan\frac{3}{4}", "Find the angle to the nearest degree."),
        (r"1.92 \times 10^{-18}\text{ J}", r"12\text{ eV}", None),
        ("No, it is not.", "No", "Is it prime?"),
    ],
)
def test_a_reason_and_a_rounding_that_is_asked_for_change_nothing(
    answer: str, reference: str, question: str | None
) -> None:
    assert grade(boxed(answer), reference, question=question).verdict in {Verdict.CORRECT, Verdict.APPROXIMATE}
    for other in ("6", "D"):
        assert grade(boxed(answer), other, question=question).verdict not in {Verdict.CORRECT, Verdict.APPROXIMATE}


@pytest.mark.parametrize(("one", "other", "question"), NOT_THE_SAME)
def test_order_scale_and_sign_of_percent_are_not_dropped(one: str, other: str, question: str | None) -> None:
    assert grade(boxed(one), other, question=question).verdict is not Verdict.CORRECT
    assert grade(boxed(other), one, question=question).verdict is not Verdict.CORRECT


# --- total

TOKENS = [
    "\\frac", "{", "}", "(", ")", "[", "]", "\\{", "\\}", "^", "_", "\\sqrt", "\\text", "\\boxed", "\\pmod", "\\cup",
    "=", "<", "\\le", ",", ";", ":", "!", "%", "'", "|", "&", "\\\\", "\\begin{pmatrix}", "\\end{pmatrix}", "x", "AB",
    "3", "0", "1.5", "1,234", "0.(3)", "½", "π", "∞", "中", "万", "不是", "if", "or", "million", "\\infty", "$", "\x00",
]  # fmt: skip


@settings(LAW, max_examples=120)
@given(st.lists(st.sampled_from(TOKENS), max_size=12).map("".join), answers)
def test_any_text_gets_a_verdict_in_time(text: str, reference: str) -> None:
    start = time.process_time()
    for completion, known in [(boxed(text), reference), (text, reference), (boxed(reference), text)]:
        assert grade(completion, known, question=text, timeout_seconds=0.5).reason
    assert time.process_time() - start < 3 * OWN_SECONDS


@pytest.mark.parametrize("piece", ["中", "AB ", "1,", "9", "x=", "(", r"\frac{", "a_", "- ", "最大值", "3*4=12, "])
def test_a_long_run_of_anything_gets_a_verdict_in_time(piece: str) -> None:
    start = time.process_time()
    assert grade(boxed(piece * (8_000 // len(piece))), "5", timeout_seconds=0.5).reason
    assert time.process_time() - start < OWN_SECONDS
