"""What an export wrote, in figures: of one shard, and of the whole dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from overproof.estimators import Estimate, PassRate, estimate_rate
from overproof.selection.reasons import KEPT


@dataclass(frozen=True, slots=True)
class ShardExport:
    """What the export of one shard wrote. Small, so that a worker can send it back."""

    rows: Counter[str] = field(default_factory=Counter)
    """Rows of each split."""
    problems: Counter[str] = field(default_factory=Counter)
    """Problems with at least one row, of each split."""
    sources: Counter[str] = field(default_factory=Counter)
    """Rows by the source of their problem."""
    languages: Counter[str] = field(default_factory=Counter)
    """Rows by the language of their question; `unknown` where there was too little text to tell."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Decisions by reason."""
    grades: Counter[str] = field(default_factory=Counter)
    """Rows by how they were verified: correct, approximate (equal after rounding), or judge (by a model)."""
    lengths: list[int] = field(default_factory=list)
    """Characters of each row's reply."""
    pass_rates: list[PassRate] = field(default_factory=list)
    """The teacher's pass rate on each problem."""
    files: list[str] = field(default_factory=list)
    """Names of the files that hold the rows."""


@dataclass(frozen=True, slots=True)
class ExportSummary:
    """A finished dataset."""

    folder: Path
    rows: Counter[str]
    """Rows of each split; they add up to the kept traces."""
    problems: Counter[str]
    """Problems with at least one row, of each split."""
    sources: Counter[str]
    languages: Counter[str]
    reasons: Counter[str]
    """Decisions by reason, kept and rejected."""
    grades: Counter[str]
    lengths: NDArray[np.int64]
    """Characters of the replies at the percentiles of `PERCENTILES`; empty without rows."""
    pass_rate: Estimate
    """The teacher's mean pass rate over the problems."""

    @property
    def kept(self) -> int:
        """Traces that became rows."""
        return sum(count for reason, count in self.reasons.items() if reason in KEPT)

    @property
    def sampled(self) -> int:
        """Traces that a decision was made about."""
        return self.reasons.total()


PERCENTILES = (5, 50, 95, 100)


def summarise(folder: Path, parts: Sequence[ShardExport]) -> ExportSummary:
    """Add up the shards of a dataset."""

    def total(name: str) -> Counter[str]:
        return sum((getattr(part, name) for part in parts), Counter())

    lengths = np.array([length for part in parts for length in part.lengths], dtype=np.int64)
    percentiles = np.percentile(lengths, PERCENTILES, method="lower").astype(np.int64) if len(lengths) else lengths
    rates = [rate for part in parts for rate in part.pass_rates]
    return ExportSummary(
        folder=folder,
        rows=total("rows"),
        problems=total("problems"),
        sources=total("sources"),
        languages=total("languages"),
        reasons=total("reasons"),
        grades=total("grades"),
        lengths=percentiles,
        pass_rate=estimate_rate([(rate.value * rate.draws, rate.draws) for rate in rates if rate.value is not None]),
    )
