"""One shard of a run as joined tables: each trace with its problem, its score and its decisions.

`ShardReader` keeps what it has read, so that a page over a growing run reads only what is new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from overproof.config import RunConfig
from overproof.hygiene.wrong_references import SuspectReference, find_candidate
from overproof.judge import DOUBTS, Opinions, read_opinions
from overproof.records import PreparedProblem, Score, Trace
from overproof.report.tables import (
    COMPLETE,
    DECISION,
    INCOMPLETE,
    REFUSED,
    SCORE,
    TRUNCATED,
    UNDECIDED,
    UNKNOWN,
    Damage,
    Decisions,
    Scores,
    ShardProblems,
    Spending,
    Table,
    TraceNames,
    Traces,
    read_decisions,
    read_more_traces,
    read_place,
    read_problems,
    read_scores,
)
from overproof.runfolder import RunFolder
from overproof.teacher.budget import Prices

RIGHT, WRONG, CUT, UNCOUNTED = range(4)
"""What became of a trace, as the chart of lengths tells them apart."""

Item = TypeVar("Item", bound=np.generic)
Rows = TypeVar("Rows", Scores, Decisions)
Selection = str | None
"""A selection's name; None is the unnamed one."""


class ShardFiles(NamedTuple, Generic[Rows]):
    """What was read of a file, and which of it belongs to each trace."""

    read: Rows
    places: NDArray[np.int32]
    """For each trace the row of `read.rows`; UNKNOWN where there is none."""


@dataclass(frozen=True, slots=True)
class Shard:
    """All rows of a shard; those of traces, scores and decisions are parallel, in the order of the problems.

    Scores and decisions are put in order when they are asked for: memory holds every row once.
    """

    number: int
    problems: ShardProblems
    traces: Table
    parts: list[Path]
    """Files that `traces["part"]` numbers."""
    owners: NDArray[np.int32]
    """For each trace the row of its problem; UNKNOWN where the problem is gone from the file."""
    trace_names: TraceNames
    """The texts that numbers in `traces` stand for."""
    spending: Spending
    missing: list[str]
    """Kinds of files that are not there: problems, traces, scores, decisions."""
    damage: list[Damage]
    opinions: Opinions
    """What the judge says of references."""
    _scores: ShardFiles[Scores]
    _decisions: Mapping[Selection, ShardFiles[Decisions]]

    @property
    def names(self) -> Scores:
        """The texts that numbers in `scores` stand for."""
        return self._scores.read

    @property
    def scores(self) -> Table:
        """For each trace its score; for one without a row of blanks: no verdict, `passed` UNKNOWN, length 0."""
        blank = np.zeros(1, SCORE)
        blank["passed"] = UNKNOWN
        return _take(self._scores.read.rows, self._scores.places, blank)

    def verdicts(self) -> NDArray[np.uint8]:
        """The verdict alone of each trace, at less cost than all of its score."""
        read, places = self._scores
        return _take(read.rows["verdict"], places, np.zeros(1, np.uint8))

    def values(self) -> dict[str, NDArray[np.float32]]:
        """Each reward of each trace, NaN for None."""
        blank = np.full(1, np.nan, np.float32)
        read, places = self._scores
        return {name: _take(values, places, blank) for name, values in read.values.items()}

    @property
    def rewards(self) -> list[str]:
        """The rewards that were measured."""
        return list(self._scores.read.values)

    @property
    def selections(self) -> tuple[Selection, ...]:
        """All selections, the unnamed one first."""
        return tuple(self._decisions)

    def decisions(self, selection: Selection = None) -> Table:
        """For each trace its decision; for an undecided one a row of blanks, whose reason is UNDECIDED."""
        read, places = self._decisions[selection]
        return _take(read.rows, places, np.zeros(1, DECISION))

    def reason_numbers(self, selection: Selection = None) -> NDArray[np.uint16]:
        """The reason alone of each decision, at less cost than all of it."""
        read, places = self._decisions[selection]
        return _take(read.rows["reason"], places, np.zeros(1, np.uint16))

    def reasons(self, selection: Selection = None) -> list[str]:
        """The reasons of a selection by number."""
        return self._decisions[selection].read.reasons.names()

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
        read, places = self._scores
        return None if places[row] == UNKNOWN else read_place(read.path, read.rows[places[row]], Score)

    def find_doubt(self, row: int) -> SuspectReference | None:
        """The reference of the problem in this row where most of its traces contradict it, with what a judge says."""
        rows = self.traces_of(row)
        scores = {score.trace_id: score for one in rows if (score := self.score_of(one)) is not None}
        found = find_candidate([self.trace_of(one) for one in rows], scores)
        if found is None:
            return None
        said = self.opinions.on(self.problem_of(row).problem.question, found.reference, found.answer)
        return msgspec.structs.replace(found, judged=said)

    def decision_of(self, row: int, selection: Selection = None) -> tuple[bool, str]:
        """Whether a selection keeps the trace in this row, and its reason."""
        read, places = self._decisions[selection]
        if places[row] == UNKNOWN:
            return False, UNDECIDED
        made = read.rows[places[row]]
        return bool(made["kept"]), read.reasons.names()[int(made["reason"])]

    def outcomes(self) -> NDArray[np.int8]:
        """For each trace 1 when it passed, 0 when not, UNKNOWN when it says nothing about the problem.

        The rule is that of `selection.passrate.has_passed`: a cut reply did not pass, whatever it says, and what a
        server that repeats itself says again tells nothing.
        """
        scores, ending = self.scores, self.traces["ending"]
        passed = scores["passed"].copy()
        is_cut = (ending == TRUNCATED) | (ending == INCOMPLETE)
        passed[is_cut & (scores["length"] > 0)] = 0
        passed[ending == REFUSED] = UNKNOWN
        names = self.reasons()
        if "server_repeats" in names:
            passed[self.reason_numbers() == names.index("server_repeats")] = UNKNOWN
        return passed

    def fates(self) -> NDArray[np.int64]:
        """What became of each trace: RIGHT, WRONG, CUT or UNCOUNTED."""
        outcomes = self.outcomes()
        conditions = [outcomes == 1, outcomes == UNKNOWN, self.traces["ending"] == COMPLETE]
        return np.select(conditions, [RIGHT, UNCOUNTED, WRONG], CUT)


class ShardReader:
    """Reads a shard again and again, each time only the files that have changed and the traces that are new."""

    def __init__(self, config: RunConfig, folder: RunFolder, shard: int) -> None:
        """Nothing is read yet."""
        self.number = shard
        self._folder = folder
        self._prices = Prices(config.budget)
        self._selections: tuple[Selection, ...] = (None, *config.selections)
        self._stamps: dict[Path, tuple[int, int] | None] = {}
        self._problems: ShardProblems | None = None
        self._traces = Traces()
        self._scores: Scores | None = None
        self._decisions: dict[Selection, Decisions] = {}
        self._opinions = Opinions()
        self._shard: Shard | None = None

    def read(self) -> Shard:
        """The shard as it is now; the same object as before when nothing has changed."""
        changed = self._read_problems()
        changed |= self._read_traces()
        changed |= self._read_scores()
        for selection in self._selections:
            changed |= self._read_decisions(selection)
        changed |= self._read_opinions()
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

    def _read_opinions(self) -> bool:
        if not self._has_changed(self._folder.judgements(DOUBTS)):
            return False
        self._opinions = read_opinions(self._folder)
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
        order = np.lexsort((traces["index"], np.where(owners < 0, len(self._problems.rows), owners)))
        self._traces.rows = traces = traces[order]
        keys = np.ascontiguousarray(traces["key"])
        return Shard(
            number=self.number,
            problems=self._problems,
            traces=traces,
            parts=list(self._traces.reached),
            owners=owners[order],
            trace_names=self._traces.names,
            spending=self._traces.spending,
            missing=self._missing(),
            damage=[
                self._problems.damage,
                self._traces.damage,
                self._scores.damage,
                *(made.damage for made in self._decisions.values()),
            ],
            opinions=self._opinions,
            _scores=ShardFiles(self._scores, _look_up(keys, self._scores.rows["key"])),
            _decisions={
                name: ShardFiles(made, _look_up(keys, made.rows["key"])) for name, made in self._decisions.items()
            },
        )


def _look_up(keys: NDArray[np.uint64], among: NDArray[np.uint64]) -> NDArray[np.int32]:
    """For each key its row in a table, UNKNOWN where the table lacks it."""
    if not len(among):
        return np.full(len(keys), UNKNOWN, np.int32)
    order = np.argsort(among, kind="stable")
    found = order[np.minimum(np.searchsorted(among[order], keys), len(among) - 1)]
    return np.where(among[found] == keys, found, UNKNOWN).astype(np.int32)


def _take(rows: NDArray[Item], places: NDArray[np.int32], blank: NDArray[Item]) -> NDArray[Item]:
    """The rows at these places, the blank one where the place is UNKNOWN (the last row after appending it)."""
    return np.concatenate([rows, blank])[places]
