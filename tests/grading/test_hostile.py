"""Answers made to hang, bloat, crash or fool a verifier: each class ends in time with a verdict and a reason."""

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from overproof.grading import grade
from overproof.grading.extraction import MAX_ANSWER_CHARS
from overproof.grading.pool import Pool
from overproof.grading.protocol import Task
from overproof.records import Grade, Verdict

OWN_SECONDS = 2.5
"""Processor time that an answer may take in the caller; a worker's is limited by the kernel."""
HARD_INTEGRAL = r"\int_0^1 \frac{e^{x^x}\sin(x^{\cos x})}{\ln(x+\sqrt{x})}\,dx"


def assert_next_answer_is_graded_correctly() -> None:
    assert grade(r"\boxed{\int_0^1 2x\,dx}", "1").verdict is Verdict.CORRECT


def graded(output: str, reference: str = "5") -> Grade:
    start = time.process_time()
    result = grade(output, reference)
    assert time.process_time() - start < OWN_SECONDS
    assert result.reason
    return result


@pytest.mark.parametrize(
    "form", ["{d}", "-{d}", "{d}.5", "0.({d})", "1/{d}", "{d} m", "x={d}", "{d}x+1=0", "({d},2)", "{d}th"]
)
@pytest.mark.parametrize("other", ["2", "x=3", "3x+1=0", "5 m", "(1,2)", "{1,2}", "50%", "2 (two)"])
def test_numbers_that_python_does_not_write_out_are_no_fault_on_either_side(form: str, other: str) -> None:
    long = form.format(d="7" * 4301)
    for answer, reference in ((long, other), (other, long)):
        assert graded(rf"\boxed{{{answer}}}", reference).layer != "fault"


@pytest.mark.parametrize("digit", ["❶", "⓵", "➀", "²", "₂", "٣", "३", "፩"])
@pytest.mark.parametrize("form", ["{d}", "{d}{d}", "1{d}", "C_{{{d}}}^2", "12_{d}"])
def test_digits_of_any_script_are_no_fault_on_either_side_or_in_a_question(digit: str, form: str) -> None:
    text = form.format(d=digit)
    question = f"Write it in base {digit}, that is {digit}进制."
    for answer, reference in ((text, "2"), ("2", text), (text, text)):
        assert grade(rf"\boxed{{{answer}}}", reference, question=question).layer != "fault"


@pytest.mark.parametrize(
    "bomb",
    [
        "9^{9^{9^9}}",
        "2^{2^{2^{2^{2^2}}}}",
        "5^(5^(5^(5^5)))",
        "10^{10^{10}}",
        "3^{100000000}",
        "2^{50000000000}",
        r"\sqrt{10^{4001}+7}",
        r"\lfloor \pi \cdot 10^{10000000} \rfloor",
        r"\frac{1}{9^{9^9}}",
        "e^{e^{e^{e^{10}}}}",
        "1e999999999",
    ],
)
def test_a_power_tower_is_not_evaluated(bomb: str) -> None:
    assert graded(rf"\boxed{{{bomb}}}").verdict in {Verdict.INCORRECT, Verdict.UNVERIFIABLE}
    assert_next_answer_is_graded_correctly()


@pytest.mark.parametrize(
    "bomb", ["100000000!", "(10^7)!", "((9!)!)!", r"\binom{10^9}{5 \cdot 10^8}", r"\prod_{k=1}^{10^6} k"]
)
def test_a_factorial_is_not_evaluated(bomb: str) -> None:
    assert graded(rf"\boxed{{{bomb}}}").verdict in {Verdict.INCORRECT, Verdict.UNVERIFIABLE}
    assert_next_answer_is_graded_correctly()


@pytest.mark.parametrize("bomb", [HARD_INTEGRAL, r"\sum_{k=1}^{10^9} k^k", r"\sum_{n=1}^{\infty}\frac{n!}{n^n}"])
def test_work_without_end_is_given_up_as_unverifiable_or_decided(bomb: str) -> None:
    assert graded(rf"\boxed{{{bomb}}}").verdict is not Verdict.CORRECT
    assert_next_answer_is_graded_correctly()


@pytest.fixture(scope="module", params=["python", "gmpy"])
def workers(request: pytest.FixtureRequest) -> Iterator[Pool]:
    """Workers whose big integers are Python's own, which look out for signals, or gmpy2's, which never do."""
    if request.param == "gmpy":
        pytest.importorskip("gmpy2")
    pool = Pool()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SYMPY_GROUND_TYPES", request.param)
        if request.param == "python":
            environment.setenv("MPMATH_NOGMPY", "1")
        told = "from sympy.external.gmpy import GROUND_TYPES; print(GROUND_TYPES)"
        assert subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout == (
            f"{request.param}\n"
        )
        yield pool
        pool.close()


@pytest.mark.parametrize(
    "bomb",
    [
        r"\sum_{k=1}^{3} 100000000!",
        r"\sum_{k=1}^{2} \binom{10^9}{5 \cdot 10^8}",
        r"\sum_{k=1}^{2} 7^{10^9}",
        r"\prod_{k=1}^{2} 3^{10^9}",
    ],
)
def test_a_bomb_that_gets_as_far_as_sympy_is_killed_with_and_without_gmpy2(workers: Pool, bomb: str) -> None:
    right = Task(r"\int_0^1 2x\,dx", "1", deep=True)
    assert workers.run(right, timeout_seconds=60).same is True
    answer = workers.run(Task(bomb, "5", deep=True), timeout_seconds=1.0)
    assert (answer.same, answer.reason) == (None, "verifier timeout after 1 s")
    assert workers.run(right, timeout_seconds=60).same is True


@pytest.mark.parametrize(
    "reference",
    [
        "9^{9^{9^9}}",
        "100000000!",
        "(" * 10_000 + "5" + ")" * 9_999,
        r"\frac{" * 5_000,
        "__import__('os').system('true')",
        "{{7*7}}${7*7}%s%n",
        "1, 2, 3, 4, 5, 6, 7, 8, 9, 10",
        "5" * 1_000_000,
        HARD_INTEGRAL,
    ],
    ids=lambda reference: reference[:20],
)
def test_a_reference_made_to_attack_gets_a_verdict_too(reference: str) -> None:
    assert graded(r"\boxed{5}", reference).verdict is not Verdict.CORRECT
    assert graded(rf"\boxed{{{reference}}}", reference).reason
    assert_next_answer_is_graded_correctly()


def test_a_verifier_that_runs_out_of_time_says_so() -> None:
    result = grade(rf"\boxed{{{HARD_INTEGRAL}}}", "5", timeout_seconds=0.2)
    assert result.verdict is Verdict.UNVERIFIABLE
    assert "verifier timeout" in result.reason


@pytest.mark.parametrize("depth", [200, 1_000, 10_000])
def test_nested_parentheses_around_a_number_are_the_number(depth: int) -> None:
    assert graded(rf"\boxed{{{'(' * depth}5{')' * depth}}}").verdict is Verdict.CORRECT


@pytest.mark.parametrize(
    "opening", ["(", "[", "{", r"\frac{", r"\sqrt{", "|", "-", "2^", r"\text{", "1/", "5!", r"A \cup "]
)
def test_brackets_that_never_close_are_refused(opening: str) -> None:
    assert graded(rf"\boxed{{{opening * 5_000}5}}").verdict is not Verdict.CORRECT
    assert graded(opening * 50_000).verdict is not Verdict.CORRECT


FLOODS = [
    *(r"\boxed{", "$", "the answer is ", "$x$ ", "1,000,", r"\[ x ", "7", " ", "\n", ".", "\\", "= ", "**", "答案"),
    *("#### ", "A", "x = ", "**B** ", r"\text{", "Thus 5 ", "Final answer: ", "<answer>", "$5 is our ", "选", "A、"),
    *(
        "answer",
        "answer\n",
        "answer is ",
        " \n",
        "A ",
        "【答案】",
        "(A",
        "option ",
        "\\\\",
        "^{",
        "1/",
        "x_",
        "<sup>",
        "so. ",
    ),
]


@pytest.mark.parametrize("filler", FLOODS)
def test_a_flood_without_an_answer_is_no_answer(filler: str) -> None:
    flood = (filler * 100_000)[:100_000]
    assert graded(flood).verdict is not Verdict.CORRECT
    assert graded(flood, "C").verdict is not Verdict.CORRECT
    assert graded(f"\\boxed{{{flood}}}").verdict is not Verdict.CORRECT


@pytest.mark.slow
@pytest.mark.parametrize("filler", FLOODS)
def test_a_flood_of_a_megabyte_is_read_in_time(filler: str) -> None:
    flood = (filler * 1_000_000)[:1_000_000]
    assert graded(flood).verdict is not Verdict.CORRECT
    assert graded(flood, "C").verdict is not Verdict.CORRECT


@pytest.mark.parametrize(
    "filler", ["We get 12.5 and 1,234 + 56 = 78 so ", r"\boxed{4} ", "<think>", "</think>", "Thus $x$. "]
)
def test_an_answer_behind_a_flood_is_found(filler: str) -> None:
    assert graded((filler * 30_000)[:400_000] + r"</think> Hence \boxed{5}").verdict is Verdict.CORRECT


def test_a_megabyte_in_a_box_is_no_answer() -> None:
    result = graded(rf"\boxed{{{'5' * 1_000_000}}}")
    assert result.verdict is Verdict.INCORRECT
    assert MAX_ANSWER_CHARS < 1_000_000


def test_long_integers_are_compared_to_the_last_digit() -> None:
    digits = "7" * 10_000
    assert graded(rf"\boxed{{{digits}}}", digits[:-1] + "8").verdict is Verdict.INCORRECT
    assert graded(rf"\boxed{{0{digits}}}", digits).verdict is Verdict.CORRECT


def test_a_long_sum_is_added_up() -> None:
    terms = "+".join(map(str, range(3_000)))
    assert graded(rf"\boxed{{{terms}}}", "4498500").verdict is Verdict.CORRECT


def test_a_large_matrix_is_compared_entry_by_entry() -> None:
    rows = r"\\".join("&".join(str(row * column) for column in range(40)) for row in range(40))
    matrix = rf"\begin{{pmatrix}}{rows}\end{{pmatrix}}"
    assert graded(rf"\boxed{{{matrix}}}", matrix.replace("pmatrix", "bmatrix")).verdict is Verdict.CORRECT


@pytest.mark.parametrize(
    "code",
    [
        '__import__("os").system("touch overproof_pwned")',
        "().__class__.__bases__[0].__subclasses__()",
        "exec(open('/etc/passwd').read())",
        "eval('5')",
        r"\input{/etc/passwd}",
        "lambda: 5",
        "5 if True else 6",
        "{{5}}",
        "${5}",
        "5; import os",
    ],
)
def test_code_is_never_run(code: str) -> None:
    assert graded(rf"\boxed{{{code}}}", "1").verdict is Verdict.INCORRECT
    assert graded(code, "1").verdict is Verdict.INCORRECT


@pytest.mark.parametrize(
    "guesses",
    [
        r"\boxed{3, 4, 5, 6}",
        r"\boxed{\{3,4,5\}}",
        r"\boxed{5} or \boxed{6}",
        r"\boxed{4 \text{ or } 5}",
        r"\boxed{[4,6]}",
        r"\boxed{5 = 7}",
        r"\boxed{\text{5 is wrong, answer is 6}}",
        r"\boxed{x \in \{3, 4, 5\}}",
        r"\boxed{5 \pm 1}",
        "maybe 3 or 4 or 5",
        "I computed 5 at first. But I do not know.",
        r"<think>\boxed{5}</think>I give up.",
    ],
)
def test_a_list_of_guesses_is_not_the_answer(guesses: str) -> None:
    assert graded(guesses).verdict is Verdict.INCORRECT


def test_every_letter_is_not_the_right_letter() -> None:
    assert graded(r"\boxed{A, B, C, D}", "B").verdict is Verdict.INCORRECT
    assert graded(r"\boxed{ABCD}", "ACD").verdict is Verdict.INCORRECT
