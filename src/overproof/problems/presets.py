"""Known schemas of problem sets, as data: which columns to read and how a reference is found in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Preset:
    """How one known schema is read. Columns set in the config take the place of these."""

    question: str = "question"
    reference: str = "reference"
    id: str = "id"
    source: str = "source"
    level: str = "level"
    dataset: str | None = None
    name: str | None = None
    source_name: str = ""
    """What `source` says where there is no such column."""
    extract: Callable[[str], str] | None = None
    """Finds the answer within the reference column."""
    append: str | None = None
    """A column whose text, where it has any, follows the question on a new line."""
    has_reference: bool = True
    """False for general data, whose answers are not to be graded against."""


def after_hashes(solution: str) -> str:
    """The answer of a GSM8K solution: what follows its last `####`."""
    return solution.rpartition("####")[2].strip()


PRESETS: dict[str, Preset] = {
    "gsm8k": Preset(reference="answer", dataset="openai/gsm8k", name="main", source_name="gsm8k", extract=after_hashes),
    "alpaca_zh": Preset(
        question="instruction",
        dataset="llm-wizard/alpaca-gpt4-data-zh",
        source_name="alpaca_zh",
        append="input",
        has_reference=False,
    ),
}
