"""Which problems are fit to train on and which traces are kept: `hygiene`, `selection` and `selections`."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, NonNegativeInt, PositiveInt, model_validator

from overproof.config.endpoint import SamplingConfig
from overproof.config.own import OneOf
from overproof.config.source import ProblemsConfig
from overproof.config.table import Table
from overproof.errors import suggest


def _check_name(name: str) -> str:
    """Refuse what cannot name a folder beside `jsonl` and `parquet`."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", name) or name in {"jsonl", "parquet"}:
        raise ValueError("a selection's name is of a-z, 0-9, _ and -, and is neither jsonl nor parquet")
    return name


SelectionName = Annotated[str, AfterValidator(_check_name)]
"""Names the folders `decisions/<name>` and `dataset/<name>`."""


POLICIES = {
    "all": "every complete trace, whatever its answer",
    "correct": "traces whose answer equals the reference",
    "correct_or_majority": "traces whose answer equals the reference or, where nothing can be graded against, is the "
    "one that most traces of the problem give",
}
"""`selection.policy`, and how a dataset's card says what it takes."""


class SelectionConfig(Table):
    """Which traces are kept. A trace that was refused, cut or cannot stand in a chat row is never kept."""

    policy: Annotated[str, OneOf("policy", tuple(POLICIES), takes=("scored",))] = "correct"
    """all: every complete trace, verified or not; correct: those whose answer equals the reference;
    correct_or_majority: also, where nothing can be graded against, those that agree with most of their problem's; or a
    function of your own, `module:function`, which says of each trace of a problem whether it qualifies."""
    require: dict[str, float] = {"think_format": 1.0, "language_consistency": 0.8}
    """Least value of a reward; a reward that could not be measured passes and is counted."""
    min_pass_rate: float | None = Field(default=None, ge=0, le=1)
    """Drop problems that the teacher solves less often: too hard, or wrong references."""
    max_pass_rate: float | None = Field(default=None, ge=0, le=1)
    """Drop problems that the teacher solves more often: too easy."""
    k_per_problem: PositiveInt | None = None
    """Most traces kept of one problem; None keeps all that qualify."""
    order: Literal["random", "shortest", "longest", "diverse", "efficient"] = "random"
    """Which traces come first: by chance (seeded), by length in characters, each as unlike those before it as can be
    (overlap of word 4-grams), or efficient: right answers with the fewest characters that are not thought, as the
    reward thought_share counts them, then the shortest."""
    one_per_answer_class: bool = False
    """Keep only the first trace of each class of equivalent answers."""
    max_similarity: float | None = Field(default=None, gt=0, le=1)
    """Drop a trace whose overlap with a kept one of its problem reaches this (Jaccard, word 4-grams); 1 drops those of
    the same wording, None does not compare."""
    seed: NonNegativeInt = 0
    """Seed of the random order; the same seed chooses the same traces whatever else is in the run."""

    @model_validator(mode="after")
    def _check_band(self) -> Self:
        if self.has_band and (self.min_pass_rate or 0) > (1 if self.max_pass_rate is None else self.max_pass_rate):
            raise ValueError("min_pass_rate is above max_pass_rate: nothing can be kept")
        return self

    @property
    def has_band(self) -> bool:
        """Whether problems are chosen by their pass rate."""
        return self.min_pass_rate is not None or self.max_pass_rate is not None


FEWEST_FOR_PASS_RATE = 4
"""A pass rate from fewer samples cannot tell a hard problem from an easy one."""


def check_selection(name: str, selection: SelectionConfig, sampling: SamplingConfig, rewards: list[str]) -> None:
    """Raise ValueError where a selection asks for what the run does not measure.

    That is a requirement on a reward that does not exist, or a band of pass rates on too few samples.
    """
    for reward in selection.require:
        if reward not in rewards:
            hint = suggest(reward, rewards) or f" There are {', '.join(rewards)}"
            raise ValueError(f"{name}.require: there is no reward '{reward}'.{hint}")
    if selection.has_band and sampling.least < FEWEST_FOR_PASS_RATE and (sampling.want_correct or 0) < 2:
        raise ValueError(
            f"{name}: a band of pass rates needs at least {FEWEST_FOR_PASS_RATE} samples of every problem "
            f"(sampling.n or sampling.probe; it is {sampling.least}) or sampling.want_correct of 2 or more"
        )


def _read_benchmark(written: Any) -> Any:
    """A benchmark given as one word: a preset, or a file."""
    if not isinstance(written, str):
        return written
    is_file = "/" in written or Path(written).suffix.lower() in {".jsonl", ".json", ".csv", ".tsv", ".parquet", ".xlsx"}
    return {"path" if is_file else "preset": written}


class HygieneConfig(Table):
    """What is looked for among the problems before sampling. What is found rejects a problem's traces."""

    duplicates: bool = True
    """Find problems that read the same as an earlier one; only the first is trained on."""
    near_duplicates: float | None = Field(default=0.7, ge=0.5, le=1)
    """Similarity (Jaccard, word 3-grams) from which problems share a cluster and so a split; None does not look."""
    benchmarks: list[Annotated[ProblemsConfig, BeforeValidator(_read_benchmark)]] = []
    """Problem sets that must not be trained on, each written like the `problems` table, or named by its preset
    (`[aime24, math500]`) or file."""
    ngram: int = Field(default=8, ge=3, le=32)
    """Words in a passage that is looked for in the benchmarks."""
    overlap: float = Field(default=0.4, gt=0, le=1)
    """Share of the shorter question's passages found in the other from which a problem counts as contaminated."""
    masked_overlap: float | None = Field(default=0.8, gt=0, le=1)
    """The same with all numbers masked, for benchmark questions with changed numbers; None does not look."""
    review: Literal["drop", "keep", "list"] = "list"
    """Problems that may be benchmark questions in other words, with other names and numbers, or with clauses added:
    drop rejects their traces, list keeps them and lists both texts (`overproof rewordings RUN`), keep does not look."""

    @model_validator(mode="after")
    def _call_benchmarks(self) -> Self:
        for number, benchmark in enumerate(self.benchmarks):
            benchmark.call(f"hygiene.benchmarks[{number}]")
        return self
