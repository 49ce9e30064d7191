"""Which problems are fit to train on and which traces are kept: `hygiene`, `selection` and `selections`."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, NonNegativeInt, PositiveInt

from overproof.config.source import ProblemsConfig
from overproof.config.table import Table


def _check_name(name: str) -> str:
    """Refuse what cannot name a folder beside `jsonl` and `parquet`."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", name) or name in {"jsonl", "parquet"}:
        raise ValueError("a selection's name is of a-z, 0-9, _ and -, and is neither jsonl nor parquet")
    return name


SelectionName = Annotated[str, AfterValidator(_check_name)]
"""Names the folders `decisions/<name>` and `dataset/<name>`."""


class SelectionConfig(Table):
    """Which traces are kept. A trace that was refused, cut or cannot stand in a chat row is never kept."""

    policy: Literal["all", "correct"] = "correct"
    """all: every complete trace, verified or not; correct: those whose answer equals the reference."""
    require: dict[str, float] = {"think_format": 1.0, "language_consistency": 0.8}
    """Least value of a reward; a reward that could not be measured passes and is counted."""
    k_per_problem: PositiveInt | None = None
    """Most traces kept of one problem; None keeps all that qualify."""
    order: Literal["random", "shortest", "longest"] = "random"
    """Which traces come first under k_per_problem: by chance (seeded), by length in characters."""
    seed: NonNegativeInt = 0
    """Seed of the random order; the same seed chooses the same traces whatever else is in the run."""


class HygieneConfig(Table):
    """What is looked for among the problems before sampling. What is found rejects a problem's traces."""

    duplicates: bool = True
    """Find problems that read the same as an earlier one; only the first is trained on."""
    near_duplicates: float | None = Field(default=0.7, ge=0.5, le=1)
    """Similarity (Jaccard, word 3-grams) from which problems share a cluster and so a split; None does not look."""
    benchmarks: list[ProblemsConfig] = []
    """Problem sets that must not be trained on, each written like the `problems` table."""
    ngram: int = Field(default=8, ge=3, le=32)
    """Words in a passage that is looked for in the benchmarks."""
    overlap: float = Field(default=0.5, gt=0, le=1)
    """Share of the shorter question's passages found in the other from which a problem counts as contaminated."""
    masked_overlap: float | None = Field(default=0.8, gt=0, le=1)
    """The same with all numbers masked, for benchmark questions with changed numbers; None does not look."""
