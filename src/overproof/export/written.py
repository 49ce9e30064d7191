"""What an export wrote, in figures: of one shard, and of the whole dataset."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from overproof.estimators import Estimate, PassRate, estimate_rate, fit_prior, share_inside
from overproof.selection.passrate import Draws
from overproof.selection.reasons import KEPT


@dataclass(frozen=True, slots=True)
class ShardExport:
    """What the export of one shard wrote, or of several. Small however many rows there are, to be sent and added."""

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
    lengths: Counter[int] = field(default_factory=Counter)
    """Rows by the characters of their reply."""
    pass_rates: Counter[PassRate] = field(default_factory=Counter)
    """Problems by the teacher's pass rate on them."""
    draws: Counter[Draws] = field(default_factory=Counter)
    """Problems by how many of their draws were correct."""
    kept_draws: Counter[Draws] = field(default_factory=Counter)
    """The same of problems with a row."""
    unfinished: Counter[str] = field(default_factory=Counter)
    """Problems that lack traces which sampling wants, as `problems`."""
    overrides: Counter[str] = field(default_factory=Counter)
    """Problems by what a person decided about them."""
    files: list[str] = field(default_factory=list)
    """Names of the files that hold the rows."""

    def add(self, other: ShardExport) -> None:
        """Count another shard too."""
        for each in fields(self):
            mine, its = getattr(self, each.name), getattr(other, each.name)
            if isinstance(mine, list):
                mine.extend(its)
            else:
                mine.update(its)


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
    overrides: Counter[str]
    """Problems by what a person decided about them: keep, replace, drop."""
    lengths: NDArray[np.int64]
    """Characters of the replies at the percentiles of `PERCENTILES`; empty without rows."""
    pass_rate: Estimate
    """The teacher's mean pass rate over the problems."""
    draws: Counter[Draws]
    kept_draws: Counter[Draws]

    def expect_inside(self, low: float, high: float) -> float | None:
        """Expected share of the kept problems whose pass rate truly lies in a band: what a new sampling would find."""
        return share_inside(fit_prior(self.draws), self.kept_draws, low, high)

    @property
    def kept(self) -> int:
        """Traces that became rows."""
        return sum(count for reason, count in self.reasons.items() if reason in KEPT)

    @property
    def sampled(self) -> int:
        """Traces that a decision was made about."""
        return self.reasons.total()


PERCENTILES = (5, 50, 95, 100)


def summarise(folder: Path, whole: ShardExport) -> ExportSummary:
    """The figures of a dataset from those of all its shards."""
    rates = whole.pass_rates.elements()
    return ExportSummary(
        folder=folder,
        rows=whole.rows,
        problems=whole.problems,
        sources=whole.sources,
        languages=whole.languages,
        reasons=whole.reasons,
        grades=whole.grades,
        overrides=whole.overrides,
        lengths=_find_percentiles(whole.lengths),
        pass_rate=msgspec.structs.replace(
            estimate_rate((rate.value * rate.draws, rate.draws) for rate in rates if rate.value is not None),
            so_far=whole.unfinished.total() > 0,
        ),
        draws=whole.draws,
        kept_draws=whole.kept_draws,
    )


def _find_percentiles(counts: Counter[int]) -> NDArray[np.int64]:
    """The values at `PERCENTILES` of a sorted row in which each value stands as often as counted, rounding down."""
    values = np.array(sorted(counts), dtype=np.int64)
    if not len(values):
        return values
    ends = np.cumsum([counts[value] for value in values.tolist()])
    ranks = np.floor(np.array(PERCENTILES) / 100 * (ends[-1] - 1)).astype(np.int64)
    found: NDArray[np.int64] = values[np.searchsorted(ends, ranks, side="right")]
    return found
