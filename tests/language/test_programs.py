"""A question about a program is in the language of whoever asks, and to quote the program is to say nothing."""

from __future__ import annotations

import pytest

from overproof.language import language_of, words_of_programs
from overproof.records import Problem, Reward, Trace, Usage
from overproof.rewards.languages import measure_language

LOOP = "for i in range(0, 10, 2):\n    print(i)"
EVENS = "# 输出所有的偶数"
IN_ENGLISH = "# print all even numbers below ten, one on each line"
C = '#include <stdio.h>\nint main(){ int i; for(i=0;i<3;i++){ printf("hello world, this is a test"); } return 0; }'


def fenced(code: str) -> str:
    return f"```python\n{code}\n```"


@pytest.mark.parametrize(
    ("question", "language"),
    [
        (f"What does this print?\n{fenced(EVENS)}", "en"),
        (f"What does this print?\n{EVENS}\n{LOOP}", "en"),
        (f"What does this print?\n{LOOP}  {EVENS}", "en"),
        ('What does `print("你好世界,今天天气很好")` print?', "en"),
        ('What does print("你好世界,今天天气很好") print?', "en"),
        (f"下面的代码输出什么?\n{fenced(IN_ENGLISH)}", "zh"),
        (f"下面的代码输出什么?\n{IN_ENGLISH}\n{LOOP}", "zh"),
        (f"求输出: {C}", "zh"),
        ("结果?\nSELECT name FROM students WHERE score > 90 AND class = 3;", "zh"),
        ("SELECT COUNT(*) FROM t WHERE x > 3; 结果?", "zh"),
        (f"Was gibt dieses Programm aus?\n{fenced(IN_ENGLISH)}", "de"),
        (f"Output?\n{fenced(EVENS)}", None),
        (fenced(EVENS), "zh"),
        ("# 第一题\n求 x^2 = 4 的解", "zh"),
        ("Solve x^2 = 4; write # for the number of roots.", "en"),
    ],
)
def test_a_question_about_a_program_is_in_the_language_of_its_own_words(question: str, language: str | None) -> None:
    assert language_of(question) == language


def trace_of(question: str, reasoning: str) -> Trace:
    problem = Problem("p", question, "4")
    return Trace(
        problem=problem, index=0, fingerprint="", teacher="t", profile="generic", messages=[], parameters={},
        content="It is 4.", reasoning=reasoning, channel="reasoning", finish_reason="stop", usage=Usage(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "program", "reasoning", "target", "score"),
    [
        ("What does this print?", EVENS, "The code is\n{}\nIt says 输出所有的偶数, so it prints them.", "en", 1.0),
        ("下面的代码输出什么?", IN_ENGLISH, "代码是\n{}\n它输出小于十的所有偶数,一共五行。", "zh", 1.0),
        ("What does this print?", EVENS, "我们来看这段代码,它输出所有的偶数,所以答案是五。{}", "en", 0.0),
    ],
)
def test_a_reasoning_may_quote_the_program_and_not_go_on_in_its_language(
    asked: str, program: str, reasoning: str, target: str, score: float
) -> None:
    trace = trace_of(f"{asked}\n{fenced(program)}", reasoning.format(fenced(program)))
    found = measure_language(trace, target)
    assert not isinstance(found, Reward)
    assert found.score == score


def test_a_question_without_a_program_has_no_words_of_one() -> None:
    assert words_of_programs("解方程 x^2 = 4; 写出所有的根") == ()
