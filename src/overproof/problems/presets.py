"""Known schemas of problem sets, as data: which columns to read and how a reference is found in them.

A column given as several names is the first of them that a row has, because the same set is kept under different
names in different places.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Columns = str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preset:
    """How one known schema is read. Columns set in the config take the place of these."""

    question: Columns = "question"
    reference: Columns | None = "reference"
    """None for general data, whose answers are not to be graded against."""
    id: Columns = "id"
    source: Columns = "source"
    level: Columns = "level"
    dataset: str | None = None
    name: str | None = None
    split: str | None = None
    source_name: str = ""
    """What `source` says where there is no such column."""
    extract: Callable[[str], str | None] | None = None
    """Finds the answer within the reference column; None where it holds none."""
    append: Columns | None = None
    """A column whose text, or list of lines, follows the question on new lines where there is any."""
    under: str | None = None
    """Key of a JSON file that holds the rows."""


def after_hashes(solution: str) -> str | None:
    """The answer of a GSM8K solution: what follows its last `####`."""
    _, found, answer = solution.rpartition("####")
    return answer.strip() if found else None


def last_boxed(solution: str) -> str | None:
    r"""The content of the last `\boxed{…}` (or `\fbox{…}`) of a solution, braces balanced; MATH keeps answers there."""
    start = max(solution.rfind("\\boxed"), solution.rfind("\\fbox"))
    if start < 0:
        return None
    text = solution[start:].partition("{")[2] if "{" in solution[start:][:8] else ""
    depth = 1
    for place, character in enumerate(text):
        depth += (character == "{") - (character == "}")
        if depth == 0:
            return text[:place].strip() or None
    bare = solution[start:].removeprefix("\\boxed").removeprefix("\\fbox").split()
    return bare[0].strip("$.") if bare and not text else None


def unless_marked(*marks: str) -> Callable[[str], str | None]:
    """Keeps an answer unless it is one of the words that stand for having none (`proof`, `notfound`)."""
    return lambda answer: None if answer.strip().lower() in marks else answer


PRESETS: dict[str, Preset] = {
    "gsm8k": Preset(reference="answer", dataset="openai/gsm8k", name="main", source_name="gsm8k", extract=after_hashes),
    "math": Preset(
        question="problem",
        reference="solution",
        id="unique_id",
        source="type",
        dataset="EleutherAI/hendrycks_math",
        source_name="math",
        extract=last_boxed,
    ),
    "math500": Preset(
        question="problem",
        reference="answer",
        id="unique_id",
        source="subject",
        dataset="HuggingFaceH4/MATH-500",
        split="test",
        source_name="math500",
    ),
    "numina_math_cot": Preset(
        question="problem",
        reference="solution",
        dataset="AI-MO/NuminaMath-CoT",
        source_name="numina_math_cot",
        extract=last_boxed,
    ),
    "numina_math_1_5": Preset(
        question="problem",
        reference="answer",
        dataset="AI-MO/NuminaMath-1.5",
        source_name="numina_math_1_5",
        extract=unless_marked("proof", "notfound"),
    ),
    "openr1_math": Preset(
        question="problem",
        reference="answer",
        id="uuid",
        dataset="open-r1/OpenR1-Math-220k",
        source_name="openr1_math",
        extract=unless_marked("proof", "notfound"),
    ),
    "aime": Preset(
        question=("problem", "Problem", "question"),
        reference=("answer", "Answer"),
        id=("id", "ID"),
        dataset="HuggingFaceH4/aime_2024",
        source_name="aime",
    ),
    "mgsm": Preset(reference=("answer_number", "answer"), source_name="mgsm"),
    "cmath": Preset(
        reference="golden", level="grade", dataset="weitianwen/cmath", split="validation", source_name="cmath"
    ),
    "gaokao_bench": Preset(
        reference=("answer", "standard_answer"), id="index", level="year", source="category", under="example"
    ),
    "gaokao_agieval": Preset(reference=("label", "answer"), append="options", source_name="gaokao"),
    "gaokao2023_en": Preset(reference=("final_answer", "answer"), source_name="gaokao2023_en"),
    "alpaca_zh": Preset(
        question="instruction",
        reference=None,
        dataset="llm-wizard/alpaca-gpt4-data-zh",
        source_name="alpaca_zh",
        append="input",
    ),
    "r1_distill_110k": Preset(
        question="input",
        reference=None,
        source="repo_name",
        dataset="Congliu/Chinese-DeepSeek-R1-Distill-data-110k",
        source_name="r1_distill_110k",
    ),
}
