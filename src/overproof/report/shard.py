"""One shard of a run as joined tables: each trace with its problem, its score and its decisions.

`ShardReader` keeps what it has read, so that a page over a growing run reads only what is new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from overproof.config import RunConfig
from overproof.records import PreparedProblem, Score, Trace
from overproof.report.tables import (
    DECISION,
    INCOMPLETE,
    REFUSED,
    SCORE,
    TRUNCATED,
    UNKNOWN,
    Damage,
    Decisions,
    Problems,
    Scores,
    Spending,
    Table,
    Traces,
    read_decisions,
    read_more_traces,
    read_place,
    read_problems,
    read_scores,
)
from overproof.runfolder import RunFolder
from overproof.teacher.budget import Prices

Item = TypeVar("Item", bound=np.generic)
Selection = str | None
"""A selection's name; None is the unnamed one."""


@dataclass(frozen=True, slots=True)
class Shard:
    """All rows of a shard. The tables of traces, scores and decisions are parallel, in the order of the problems."""

    number: int
    problems: Problems
    traces: Table
    parts: list[Path]
    """Files that `traces["part"]` numbers."""
    owners: NDArray[np.int64]
    """For each trace the row of its problem; UNKNOWN where the problem is gone from the file."""
    scores: Table
    """For a trace without a score a row of blanks: no verdict, `passed` UNKNOWN, length 0."""
    values: Mapping[str, NDArray[np.float32]]
    """Each reward of each trace, NaN for None."""
    names: Scores
    """The texts that numbers in `scores` stand for."""
    decisions: Mapping[Selection, Table]
    """Of each selection; for an undecided trace a row of blanks, whose reason is UNDECIDED."""
    reasons: Mapping[Selection, list[str]]
    """The reasons of each selection by number."""
    spending: Spending
    missing: list[str]
    """Kinds of files that are not there: problems, traces, scores, decisions."""
    damage: list[Damage]

    def traces_of(self, row: int) -> list[int]:
        """The rows of the traces of the problem in this row, by index."""
        known = int(np.count_nonzero(self.owners >= 0))
        start, end = np.searchsorted(self.owners[:known], [row, row + 1])
        return list(range(int(start), int(end)))

    def problem_of(self, row: int) -> PreparedProblem:
        """The problem in this row, read from its file."""
        place = self.problems.rows[row]
        return read_place(self.problems.path, place, PreparedProblem)

    def trace_of(self, row: int) -> Trace:
        """The trace in this row, read from its file."""
        place = self.traces[row]
        return read_place(self.parts[int(place["part"])], place, Trace)

    def score_of(self, row: int) -> Score | None:
        """The score of the trace in this row, read from its file; None when it has none."""
        place = self.scores[row]
        return read_place(self.names.path, place, Score) if place["length"] else None

    def outcomes(self) -> NDArray[np.int8]:
        """For each trace 1 when it passed, 0 when not, UNKNOWN when it says nothing about the problem.

        The rule is that of `selection.passrate.has_passed`: a cut reply did not pass, whatever it says.
        """
        passed = self.scores["passed"].copy()
        ending = self.traces["ending"]
        is_cut = (ending == TRUNCATED) | (ending == INCOMPLETE)
        passed[is_cut & (self.scores["length"] > 0)] = 0
        passed[ending == REFUSED] = UNKNOWN
        return passed


class ShardReader:
    """Reads a shard again and again, each time only the files that have changed and the traces that are new."""

    def __init__(self, config: RunConfig, folder: RunFolder, shard: int) -> None:
        """Nothing is read yet."""
        self.number = shard
        self._folder = folder
        self._prices = Prices(config.budget)
        self._selections: tuple[Selection, ...] = (None, *config.selections)
        self._stamps: dict[Path, tuple[int, int] | None] = {}
        self._problems: Problems | None = None
        self._traces = Traces()
        self._scores: Scores | None = None
        self._decisions: dict[Selection, Decisions] = {}
        self._shard: Shard | None = None

    def read(self) -> Shard:
        """The shard as it is now; the same object as before when nothing has changed."""
        changed = self._read_problems()
        changed |= self._read_traces()
        changed |= self._read_scores()
        for selection in self._selections:
            changed |= self._read_decisions(selection)
        if changed or self._shard is None:
            self._shard = self._join()
        return self._shard

    def _read_problems(self) -> bool:
        path = self._folder.problems(self.number)
        if not self._has_changed(path) and self._problems is not None:
            return False
        self._problems = read_problems(path)
        return True

    def _read_traces(self) -> bool:
        parts = self._folder.trace_parts(self.number)
        sizes = {part: part.stat().st_size for part in parts}
        if any(sizes.get(part, 0) < cursor.offset for part, cursor in self._traces.reached.items()):
            self._traces = Traces()  # a file was replaced by a shorter one
        return read_more_traces(self._traces, parts, self._prices)

    def _read_scores(self) -> bool:
        path = self._folder.scores(self.number)
        if not self._has_changed(path) and self._scores is not None:
            return False
        self._scores = read_scores(path)
        return True

    def _read_decisions(self, selection: Selection) -> bool:
        path = self._folder.decisions(self.number, selection)
        if not self._has_changed(path) and selection in self._decisions:
            return False
        self._decisions[selection] = read_decisions(path)
        return True

    def _has_changed(self, path: Path) -> bool:
        state = path.stat() if path.exists() else None
        stamp = (state.st_size, state.st_mtime_ns) if state else None
        if path in self._stamps and self._stamps[path] == stamp:
            return False
        self._stamps[path] = stamp
        return True

    def _missing(self) -> list[str]:
        files = {
            "problems": self._folder.problems(self.number).exists(),
            "traces": bool(self._traces.reached),
            "scores": self._folder.scores(self.number).exists(),
        }
        for selection in self._selections:
            name = f"decisions of {selection}" if selection else "decisions"
            files[name] = self._folder.decisions(self.number, selection).exists()
        return [kind for kind, is_there in files.items() if not is_there]

    def _join(self) -> Shard:
        assert self._problems is not None, "problems are read before they are joined"
        assert self._scores is not None, "scores are read before they are joined"
        traces = self._traces.rows
        owners = _look_up(traces["problem"], self._problems.rows["key"])
        order = np.lexsort((traces["index"], np.where(owners < 0, len(traces) + len(self._problems.rows), owners)))
        traces, owners = traces[order], owners[order]
        places = _look_up(traces["key"], self._scores.rows["key"])
        blank = np.zeros(1, SCORE)
        blank["passed"] = UNKNOWN
        return Shard(
            number=self.number,
            problems=self._problems,
            traces=traces,
            parts=list(self._traces.reached),
            owners=owners,
            scores=_take(self._scores.rows, places, blank),
            values={
                name: _take(values, places, np.full(1, np.nan, np.float32))
                for name, values in self._scores.values.items()
            },
            names=self._scores,
            decisions={
                name: _take(made.rows, _look_up(traces["key"], made.rows["key"]), np.zeros(1, DECISION))
                for name, made in self._decisions.items()
            },
            reasons={name: made.reasons.names() for name, made in self._decisions.items()},
            spending=self._traces.spending,
            missing=self._missing(),
            damage=[
                self._problems.damage,
                self._traces.damage,
                self._scores.damage,
                *(made.damage for made in self._decisions.values()),
            ],
        )


def _look_up(keys: NDArray[np.uint64], among: NDArray[np.uint64]) -> NDArray[np.int64]:
    """For each key its row in a table, UNKNOWN where the table lacks it."""
    if not len(among):
        return np.full(len(keys), UNKNOWN, np.int64)
    order = np.argsort(among, kind="stable")
    found = order[np.minimum(np.searchsorted(among[order], keys), len(among) - 1)]
    return np.where(among[found] == keys, found, UNKNOWN)


def _take(rows: NDArray[Item], places: NDArray[np.int64], blank: NDArray[Item]) -> NDArray[Item]:
    """The rows at these places, the blank one where the place is UNKNOWN (the last row after appending it)."""
    return np.concatenate([rows, blank])[places]
