"""Rewordings: a benchmark question in other words, with other names and numbers, or among further clauses is listed."""

import random
import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from building import read_cases

from overproof.config.selection import HygieneConfig
from overproof.config.source import ProblemsConfig
from overproof.hygiene import examine
from overproof.hygiene.rewording import RewordingIndex, describe
from overproof.records import Problem

CASES = read_cases("rewordings")
QUESTIONS = [case["question"] for case in CASES]
OTHERS = [
    "Find all real numbers x such that x^2 - 5x + 6 = 0 and x > 2, and give their sum as a fraction in lowest terms.",
    "What is the area of the triangle with vertices (0, 0), (4, 0) and (0, 7) in the plane, measured in square units?",
    "一个三角形的三条边长分别是 3、4、5，求这个三角形的面积与周长之比，并写出过程。",
    "A bakery closes at 6 on weekdays. How many hours is it open in a week if it opens at 7 and is closed on Sundays?",
]


def methods(question: str, expected: int) -> list[str]:
    """How the benchmark question of that number was found to be reworded."""
    (found,) = RewordingIndex(QUESTIONS, OTHERS).find([question])
    return [method for number, method, _ in found if number == expected]


def with_others(text: str) -> str:
    """Other names and other numbers."""
    chance = random.Random(0)
    for name in ("Marta", "Oskar", "Lena", "Nadia", "Igor", "Petra", "小林"):
        text = text.replace(name, "小红" if name == "小林" else "Quentin")
    return re.sub(r"\d+", lambda match: str(int(match[0]) + chance.randint(1, 9)), text)


@pytest.mark.parametrize(("kind", "least"), [("rephrased", 0.8), ("extended", 0.95), ("names", 0.95)])
def test_most_rewordings_of_every_kind_are_found(kind: str, least: float) -> None:
    found = 0
    for number, case in enumerate(CASES):
        found += bool(methods(with_others(case["question"]) if kind == "names" else case[kind], number))
    assert found >= least * len(CASES)


def test_other_problems_are_not_listed() -> None:
    assert [match for found in RewordingIndex(QUESTIONS, OTHERS).find(OTHERS) for match in found] == []
    assert list(RewordingIndex([], OTHERS).find(OTHERS)) == [[]] * len(OTHERS)


@pytest.mark.parametrize(
    ("benchmark", "problem"),
    [
        (
            "The ellipse x^2/4 + y^2/3 = 1 has foci F_1 and F_2. The line y = x + 1 meets it in A, B. What is F_1AB?",
            "A and B lie on the circle x^2 + y^2 = 4, centred on a parabola's focus F_1. The line y = 3x + 2 is AB.",
        ),
        (
            "设等差数列{a_n}的前n项和为S_n，若S_3=6，S_6=21，则a_5等于多少？选项：A. 4 B. 5 C. 6 D. 7",
            "记S_n为等差数列{a_n}的前n项和，已知公差不为零，且a_2是a_1与a_4的等比中项，S_4=20，求数列的通项公式。",
        ),
    ],
)
def test_what_all_problems_of_a_subject_share_is_no_rewording(benchmark: str, problem: str) -> None:
    """The numbers 1, 2 and 3, the letters of a figure, and the words of an ellipse or a sequence."""
    assert list(RewordingIndex([benchmark, *QUESTIONS], OTHERS).find([problem])) == [[]]


@pytest.mark.parametrize(("review", "listed", "rejected"), [("list", 1, 0), ("drop", 0, 1), ("keep", 0, 0)])
def test_a_rewording_is_listed_rejected_or_left_alone_as_the_config_says(
    tmp_path: Path, review: Any, listed: int, rejected: int
) -> None:
    rows = [{"question": question} for question in QUESTIONS]
    (tmp_path / "bench.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    config = HygieneConfig(benchmarks=[ProblemsConfig(path=str(tmp_path / "bench.jsonl"))], review=review)
    problems = [Problem("mine", CASES[4]["rephrased"]), Problem("same", QUESTIONS[4]), Problem("other", OTHERS[0])]
    findings = examine(problems, config)
    mine = findings.get("mine")
    assert (len(mine.review) if mine else 0, len(mine.contamination) if mine else 0) == (listed, rejected)
    assert findings["same"].contamination
    assert not findings["same"].review
    assert "other" not in findings
    if mine and mine.review:
        shown = "\n".join(describe(mine.review[0]))
        assert "carpenter makes shelves" in shown
        assert "A carpenter cuts" in shown


def test_benchmarks_may_be_named_by_preset_or_file_alone() -> None:
    named: Any = ["aime24", "math500", "data/mine.jsonl", {"preset": "gsm8k", "split": "test"}]
    config = HygieneConfig(benchmarks=named)
    assert [one.preset or one.path for one in config.benchmarks] == ["aime24", "math500", "data/mine.jsonl", "gsm8k"]
    assert [one.table for one in config.benchmarks][:2] == ["hygiene.benchmarks[0]", "hygiene.benchmarks[1]"]
