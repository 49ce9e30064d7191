"""The kinds of text that a language reward is fooled by, each with what is no such thing beside it."""

import json
from pathlib import Path
from typing import Any

import pytest

from overproof.language import consistency

CASES = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "cases" / "language_kinds.jsonl").read_text("utf-8").splitlines()
]
LEAST = 0.8
"""What the shipped configs require."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['kind']}: {case['why']}")
def test_a_text_is_told_for_what_it_is(case: dict[str, Any]) -> None:
    found = consistency(case["text"], case["target"])
    passes = found.score is None or found.score >= LEAST
    held = {
        "pass": passes,
        "fail": not passes,
        "not_pass": found.score is None or not passes,
        "none": found.score is None,
        "run": found.longest_foreign_run >= 4,
        "mixed": 0 < found.mixed_paragraphs < found.paragraphs,
        "whole": found.paragraphs > 0 and not found.mixed_paragraphs,
    }
    assert held[case["expect"]], found
