"""What leaves the pipeline: the `export` table."""

from typing import Literal

from pydantic import Field, NonNegativeInt

from overproof.config.table import Table


class ExportConfig(Table):
    """The form of the dataset."""

    format: Literal["messages"] = "messages"
    """messages: chat with the reasoning inline as <think>…</think>."""
    validation: float = Field(default=0.05, ge=0, lt=1)
    """Share of the problems (not rows) that go to the validation split."""
    seed: NonNegativeInt = 0
    """Seed of the split."""
