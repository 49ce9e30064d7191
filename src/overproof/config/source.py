"""Where problems come from and how they are put to a model: the `problems` and `prompt` tables."""

from typing import Literal

from pydantic import NonNegativeInt, PositiveInt

from overproof.config.table import Table


class ProblemsConfig(Table):
    """Which problems, and which columns hold what. Exactly one of path, dataset and preset-only names the source."""

    path: str | None = None
    """A JSONL, JSON, CSV or Parquet file."""
    dataset: str | None = None
    """A Hugging Face dataset id or a local dataset folder."""
    preset: str | None = None
    """A known schema (gsm8k, math, alpaca_zh, …): sets the dataset and columns that are not given here."""
    name: str | None = None
    """The dataset's configuration name."""
    split: str | None = None
    """The dataset's split; for the procedural preset `train` or `held_out`."""
    question: str | None = None
    """Column with the question; default `question`."""
    reference: str | None = None
    """Column with the reference answer; default `reference` when the file has it. An empty text ('') means none."""
    id: str | None = None
    """Column with a unique id; default `id` when the file has it, else the row number."""
    source: str | None = None
    """Column with where the problem comes from, for reports by source."""
    level: str | None = None
    """Column with the difficulty level, for reports by level."""
    limit: PositiveInt | None = None
    """Take only the first so many problems (`--limit`)."""
    seed: NonNegativeInt = 0
    """Seed of the procedural preset."""


class PromptConfig(Table):
    """How a question becomes messages."""

    template: str = "boxed"
    """boxed, r1_zero, plain, or a text of your own with {question} in it."""
    system: str | None = None
    """A system message; None sends none, as R1's authors advise."""
    language: str | None = None
    """Language of the directive (en or zh); None takes the question's."""
    contract: Literal["think_boxed", "think_answer", "thinking_answer", "think"] | None = None
    """What the format reward expects; None takes the template's own."""
