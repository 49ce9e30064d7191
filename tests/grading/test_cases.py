"""Every case of the table: reference, output and the verdict a careful reader gives."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from overproof.grading import Row, grade, grade_many
from overproof.grading.grader import exact_grade
from overproof.records import Grade

PATIENCE = 20.0
"""Seconds for the deep layer: none of these needs more than a part of one, on a machine that has it."""
CASES = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "cases" / "grading.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['class']}: {case['output'][:30]!r}")
def test_each_case_gets_its_verdict(case: dict[str, Any]) -> None:
    result = grade(case["output"], case["reference"], question=case.get("question"), timeout_seconds=PATIENCE)
    assert result.verdict == case["verdict"], result
    assert result.reason


def test_no_case_ends_in_a_fault() -> None:
    results = [exact_grade(case["output"], case["reference"], case.get("question")) for case in CASES]
    assert [result for result in results if isinstance(result, Grade) and result.layer == "fault"] == []


def test_verdicts_do_not_depend_on_how_many_processes_grade_or_in_which_order() -> None:
    rows = [Row(case["output"], case["reference"], case.get("question")) for case in CASES]
    wanted = [case["verdict"] for case in CASES]
    assert [result.verdict for result in grade_many(rows, timeout_seconds=PATIENCE)] == wanted
    assert [result.verdict for result in grade_many(rows, workers=2, timeout_seconds=PATIENCE)] == wanted
    assert [result.verdict for result in grade_many(rows[::-1], workers=3, timeout_seconds=PATIENCE)] == wanted[::-1]


def test_the_table_is_broad() -> None:
    assert len(CASES) >= 400
    assert len({case["class"] for case in CASES}) >= 30
    assert Counter(case["verdict"] for case in CASES)["incorrect"] >= 150
    assert len({(case["reference"], case["output"], case.get("question")) for case in CASES}) == len(CASES)
