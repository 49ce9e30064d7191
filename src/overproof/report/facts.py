"""What traces and problems can be filtered and sorted by: each a column over one shard, made when it is asked for.

Only this module knows the names that stand in the address of a list: `verdict`, `reason`, `tokens`, `reward.accuracy`,
… A column is a category (small numbers that stand for texts) or a measure (floats, NaN where there is none).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from overproof.report.shard import Shard
from overproof.report.tables import ENDINGS, UNKNOWN, VERDICTS

Measure = NDArray[np.float64]

FLAGS = ("duplicates", "clustered", "contaminated", "unverifiable", "without_reference", "unasked", "sampled")
"""Values of the filter `is` of problems, as `Tally.problems` counts them."""
OUTCOMES = ("right", "wrong", "cut", "uncounted")
"""What became of a trace, as the chart of lengths tells them apart."""
NONE = "none"
"""The wanted value that stands for having none."""
_RANGE = re.compile(r"(-?[\d.e+-]*?)\.\.(<?)(-?[\d.e+-]*)")
_TOLERANCE = 1e-6
"""Rewards are kept in single precision, so a bound holds what is that near to it."""


class Category(NamedTuple):
    """A column of texts."""

    numbers: NDArray[np.integer[Any]]
    names: Sequence[str]
    """What the numbers stand for; the empty text is none."""
    is_set: bool = False
    """Whether a name is several values with commas between them."""
    is_ordered: bool = False
    """Whether the names stand in an order of their own, not to be sorted by the alphabet."""

    def holding(self, wanted: Sequence[str]) -> NDArray[np.bool_]:
        """Which rows have one of the wanted values."""
        accepted = {"" if one == NONE else one for one in wanted}
        numbers = [
            number
            for number, name in enumerate(self.names)
            if not accepted.isdisjoint(name.split(",") if self.is_set else (name,))
        ]
        return np.isin(self.numbers, numbers)

    def ranks(self) -> Measure:
        """Numbers that sort as the texts do, NaN for none."""
        ranks = np.arange(len(self.names), dtype=np.float64)
        if not self.is_ordered:
            ranks = np.argsort(np.argsort(np.array(self.names, dtype=object), kind="stable")).astype(np.float64)
        ranks[[number for number, name in enumerate(self.names) if not name]] = np.nan
        found: Measure = ranks[self.numbers] if len(ranks) else np.full(len(self.numbers), np.nan)
        return found


Column = Category | Measure


def holding(column: Column, wanted: Sequence[str]) -> NDArray[np.bool_]:
    """Which rows have one of the wanted values; for measures these are `low..high`, `low..<high`, a number or `none`.

    Raises ValueError for what is no range.
    """
    if isinstance(column, Category):
        return column.holding(wanted)
    chosen = np.zeros(len(column), np.bool_)
    for one in wanted:
        chosen |= np.isnan(column) if one == NONE else _within(column, one)
    return chosen


def _within(column: Measure, wanted: str) -> NDArray[np.bool_]:
    found = _RANGE.fullmatch(wanted)
    low, below, high = found.groups() if found else (wanted, "", wanted)
    inside = ~np.isnan(column)
    if low:
        inside &= column >= float(low) - _TOLERANCE
    if high:
        inside &= column < float(high) - _TOLERANCE if below else column <= float(high) + _TOLERANCE
    return inside


class ProblemFacts:
    """The columns of a shard's problems."""

    def __init__(self, shard: Shard, rates: Measure) -> None:
        """`rates` holds the estimated pass rate of each problem of the shard, NaN where there is none."""
        self.shard = shard
        self._rates = rates
        rows = shard.problems.rows
        self._made: dict[str, Callable[[], Column]] = {
            "source": lambda: Category(rows["source"], shard.problems.sources.names()),
            "language": lambda: Category(rows["language"], _named(shard.problems.languages.names(), "unknown")),
            "level": lambda: Category(rows["level"], shard.problems.levels.names()),
            "kind": lambda: Category(rows["kind"], shard.problems.kinds.names()),
            "reference": lambda: rows["reference"],
            "rate": lambda: self._rates,
            "samples": lambda: self._samples().astype(np.float64),
            "keeps": lambda: self._keeps().astype(np.float64),
            "covered": lambda: _yes_or_no(self._keeps() > 0),
            "is": self._flags,
        }

    def column(self, name: str) -> Column:
        """A column by name. Raises KeyError when there is none."""
        return self._made[name]()

    @property
    def names(self) -> list[str]:
        """All columns."""
        return list(self._made)

    def _samples(self) -> NDArray[np.int64]:
        owners = self.shard.owners
        return np.bincount(owners[owners >= 0], minlength=len(self.shard.problems.rows))

    def _keeps(self) -> NDArray[np.int64]:
        owners = self.shard.owners
        kept = self.shard.decisions()["kept"] & (owners >= 0)
        return np.bincount(owners[kept], minlength=len(self.shard.problems.rows))

    def _flags(self) -> Category:
        rows, sampled = self.shard.problems.rows, self._samples() > 0
        columns = {name: rows[name] for name in ("clustered", "contaminated", "unverifiable")}
        columns["duplicates"] = rows["duplicate"]
        columns["without_reference"] = ~rows["has_reference"]
        columns["unasked"] = (rows["duplicate"] | rows["contaminated"]) & ~sampled
        columns["sampled"] = sampled
        bits = sum(
            (columns[name].astype(np.int64) << place for place, name in enumerate(FLAGS)), np.zeros(len(rows), np.int64)
        )
        patterns, numbers = np.unique(bits, return_inverse=True)
        names = [",".join(flag for place, flag in enumerate(FLAGS) if bit >> place & 1) for bit in patterns.tolist()]
        return Category(numbers, names, is_set=True)


class TraceFacts:
    """The columns of a shard's traces; those of its problems are theirs too."""

    def __init__(self, shard: Shard, rates: Measure) -> None:
        """`rates` as for `ProblemFacts`."""
        self.shard = shard
        self.problems = ProblemFacts(shard, rates)
        traces, names = shard.traces, shard.trace_names
        self._made: dict[str, Callable[[], Column]] = {
            "verdict": lambda: Category(shard.verdicts(), [str(one) for one in VERDICTS], is_ordered=True),
            "layer": lambda: Category(shard.scores["layer"], shard.names.layers.names()),
            "form": lambda: Category(shard.scores["form"], shard.names.forms.names()),
            "foreign": lambda: Category(shard.scores["foreign"], shard.names.foreign.names()),
            "extracted": lambda: _measured(shard.scores["extracted"], shard.scores["length"] > 0),
            "ending": lambda: Category(traces["ending"], ENDINGS, is_ordered=True),
            "outcome": lambda: Category(shard.fates(), OUTCOMES, is_ordered=True),
            "error": lambda: Category(traces["error"], names.errors.names()),
            "mark": lambda: Category(traces["mark"], names.marks.names(), is_set=True),
            "model": lambda: Category(traces["model"], names.models.names()),
            "effort": lambda: Category(traces["effort"], names.efforts.names()),
            "tokens": lambda: _measured(traces["tokens"].astype(np.float64), traces["tokens"] != UNKNOWN),
            "characters": lambda: traces["characters"].astype(np.float64),
            "index": lambda: traces["index"].astype(np.float64),
        }
        for selection in shard.selections:
            dot = f".{selection}" if selection else ""
            self._made["reason" + dot] = lambda selection=selection: Category(  # type: ignore[misc]
                shard.reason_numbers(selection), shard.reasons(selection), is_ordered=True
            )
            self._made["kept" + dot] = lambda selection=selection: _yes_or_no(shard.decisions(selection)["kept"])  # type: ignore[misc]

    def column(self, name: str) -> Column:
        """A column by name; `reward.<name>` is a reward. Raises KeyError when there is none."""
        if name.startswith("reward."):
            values = self.shard.values().get(name.removeprefix("reward."))
            return np.full(len(self.shard.traces), np.nan) if values is None else values.astype(np.float64)
        if name in self._made:
            return self._made[name]()
        column, owners = self.problems.column(name), self.shard.owners
        if isinstance(column, Category):
            return column._replace(
                numbers=column.numbers[owners] if len(column.numbers) else np.zeros(len(owners), np.int64)
            )
        return column[owners] if len(column) else np.full(len(owners), np.nan)

    @property
    def names(self) -> list[str]:
        """All columns but the rewards."""
        return [*self._made, *self.problems.names]


class ColumnCache:
    """Columns that are looked at row by row: each is made once and kept."""

    def __init__(self, facts: TraceFacts | ProblemFacts) -> None:
        """Nothing is made yet."""
        self._facts = facts
        self._columns: dict[str, Column] = {}

    def of(self, row: int, names: Sequence[str]) -> dict[str, Any]:
        """The values of a row by name, those that it has: a text, a list of texts, or a number."""
        values: dict[str, Any] = {}
        for name in names:
            if name not in self._columns:
                self._columns[name] = self._facts.column(name)
            value = _cell(self._columns[name], row)
            if value not in (None, "", []):
                values[name] = value
        return values


def _cell(column: Column, row: int) -> str | list[str] | float | None:
    if isinstance(column, Category):
        name = column.names[int(column.numbers[row])] if len(column.names) else ""
        return [one for one in name.split(",") if one] if column.is_set else name
    value = float(column[row])
    if np.isnan(value):
        return None
    return int(value) if value == int(value) else round(value, 6)


def _named(names: Sequence[str], blank: str) -> list[str]:
    return [name or blank for name in names]


def _yes_or_no(flags: NDArray[np.bool_]) -> Category:
    return Category(flags.astype(np.uint8), ("no", "yes"), is_ordered=True)


def _measured(values: Measure, known: NDArray[np.bool_]) -> Measure:
    return np.where(known, values, np.nan)
