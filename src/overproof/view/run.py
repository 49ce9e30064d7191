"""One run as it is now: its shards, its numbers and its overview, kept up to date while the run goes on.

A `Snapshot` never changes; pages are made from whichever is the latest. Only files that have changed are read again,
and only for their numbers: texts are read from the run folder when somebody looks at them.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from overproof.config import RunConfig, parse_config
from overproof.errors import RunFolderError
from overproof.report.counting import count_shard
from overproof.report.counts import Counts
from overproof.report.excerpts import judge_row, read_row
from overproof.report.numbers import summarise
from overproof.report.page import render_overview
from overproof.report.reading import ProblemReading
from overproof.report.shard import Shard, ShardReader
from overproof.report.summary import Summary
from overproof.report.tables import VERDICTS, key_of
from overproof.runfolder import Manifest, RunFolder, shard_of

ROWS = 50
"""Traces on one page of the list."""
MOST_TRACES = 16
"""Traces of one problem shown together."""
_LONGEST = 100_000
"""Characters shown of one part of a reply."""

Rows = NDArray[np.int64]
Filters = tuple[tuple[str, str], ...]
"""Names and wanted values: verdict, reason, source, language, level. The verdict `none` is for ungraded traces."""
FILTERS = ("verdict", "reason", "source", "language", "level")


@dataclass(frozen=True)
class Snapshot:
    """A run at one moment."""

    stamp: int
    config: RunConfig
    manifest: Manifest
    shards: list[Shard]
    summary: Summary
    overview: Markup
    _matching: dict[Filters, list[Rows]] = field(default_factory=dict)
    """What was asked for lately."""

    def matching(self, filters: Filters) -> list[Rows]:
        """For each shard the rows of the traces that all filters let through, in order."""
        if filters not in self._matching:
            if len(self._matching) >= _REMEMBERED:
                self._matching.pop(next(iter(self._matching)), None)
            self._matching[filters] = [_filter_rows(shard, filters) for shard in self.shards]
        return self._matching[filters]

    def list_rows(self, found: list[Rows], first: int) -> Iterator[tuple[Shard, int]]:
        """The traces from the one numbered `first` on, among those found."""
        passed = 0
        for shard, rows in zip(self.shards, found, strict=False):
            for row in rows[max(0, first - passed) :]:
                yield shard, int(row)
            passed += len(rows)

    def problem(self, problem_id: str, index: int) -> ProblemReading | None:
        """A problem with those of its traces that stand around this index; None when there is no such problem."""
        place = self._locate(problem_id)
        if place is None:
            return None
        shard, row = place
        indices = shard.traces["index"][shard.traces_of(row)]
        before = int(np.searchsorted(indices, index))
        first = before - before % MOST_TRACES
        return read_row(shard, row, most=MOST_TRACES, longest=_LONGEST, first=first)

    def neighbours(self, problem_id: str) -> dict[str, str | None]:
        """The ids of the problems with traces before and after this one in its shard, or in the one beside it."""
        place = self._locate(problem_id)
        if place is None:
            return {"previous": None, "next": None}
        shard, row = place
        number = self.shards.index(shard)
        return {
            "previous": self._first_with_traces(number, row, step=-1),
            "next": self._first_with_traces(number, row, step=1),
        }

    def _locate(self, problem_id: str) -> tuple[Shard, int] | None:
        if not self.shards:
            return None
        shard = self.shards[shard_of(problem_id, len(self.shards))]
        rows = np.flatnonzero(shard.problems.rows["key"] == key_of(problem_id))
        return (shard, int(rows[0])) if len(rows) else None

    def _first_with_traces(self, number: int, row: int, *, step: int) -> str | None:
        for n in range(number, len(self.shards) if step > 0 else -1, step):
            owners = np.unique(self.shards[n].owners)
            owners = owners[owners >= 0]
            if n == number:
                owners = owners[owners > row] if step > 0 else owners[owners < row]
            if len(owners):
                return self.shards[n].problem_of(int(owners[0 if step > 0 else -1])).problem.id
        return None


_REMEMBERED = 8


def _filter_rows(shard: Shard, filters: Filters) -> Rows:
    chosen = shard.owners >= 0
    for name, value in filters:
        chosen &= _matches(shard, name, value)
    return np.flatnonzero(chosen)


def _matches(shard: Shard, name: str, value: str) -> NDArray[np.bool_]:
    """Which traces have this value."""
    numbers: NDArray[np.unsignedinteger]
    if name == "verdict":
        numbers, names, wanted = shard.verdicts(), list(VERDICTS), "" if value == "none" else value
    elif name == "reason":
        numbers, names, wanted = shard.reason_numbers(), shard.reasons(), value
    else:
        texts = {"source": shard.problems.sources, "language": shard.problems.languages, "level": shard.problems.levels}
        names, wanted = texts[name].names(), "" if (name, value) == ("language", "unknown") else value
        of_problems = np.append(shard.problems.rows[name], np.uint16(np.iinfo(np.uint16).max))
        numbers = of_problems[shard.owners]
    chosen: NDArray[np.bool_] = numbers == (names.index(wanted) if wanted in names else len(names))
    return chosen


def describe_row(shard: Shard, row: int) -> dict[str, object]:
    """A trace as a line of the list."""
    judged = judge_row(shard, row)
    trace, grade, main = judged.trace, judged.score.grade if judged.score else None, judged.decisions[None]
    return {
        "problem": trace.problem.id,
        "index": trace.index,
        "question": trace.problem.question[:400],
        "source": trace.problem.source,
        "verdict": grade.verdict if grade else "",
        "kept": main.kept,
        "reason": main.reason,
        "extracted": grade.extracted[:200] if grade and grade.extracted else None,
        "tokens": trace.usage.completion_tokens,
        "finish": trace.finish_reason or "",
        "error": trace.error,
    }


class Run:
    """A run folder that is looked at again and again."""

    def __init__(self, folder: RunFolder) -> None:
        """Nothing is read yet. Raises RunFolderError when the folder holds no run."""
        self.folder = folder
        if not folder.holds_run():
            raise RunFolderError(f"{folder} holds no run: it has no config.yaml and problems. Give a run folder.")
        folder.fetch_under(folder.root)
        self.snapshot: Snapshot | None = None
        self._readers: list[ShardReader] = []
        self._counts: list[tuple[Shard, Counts]] = []
        self._manifest: Manifest | None = None
        self._stamps = itertools.count(time.time_ns())
        self._lock = threading.Lock()

    def refresh(self) -> Snapshot:
        """Read what has changed. May take long the first time."""
        with self._lock:
            return self._refresh()

    def _refresh(self) -> Snapshot:
        manifest = self.folder.read_manifest()
        if manifest is None:
            raise RunFolderError(f"{self.folder.config} is gone.")
        config = parse_config(dict(manifest.config), str(self.folder.config))
        before, self._manifest = self._manifest, manifest
        if before is None or (before.shards, before.config) != (manifest.shards, manifest.config):
            self._readers = [ShardReader(config, self.folder, number) for number in range(manifest.shards)]
            self._counts = []
        shards = [reader.read() for reader in self._readers]
        known: Mapping[int, Counts] = {id(shard): counts for shard, counts in self._counts}
        if self.snapshot is not None and manifest == before and all(id(shard) in known for shard in shards):
            return self.snapshot
        self._counts = [
            (shard, known.get(id(shard)) or count_shard(config, shard, candidates=False)) for shard in shards
        ]
        whole = Counts()
        for _, counts in self._counts:
            whole.add(counts)
        summary = summarise(config, self.folder, whole)
        overview = render_overview(summary, config, manifest.versions)
        self.snapshot = Snapshot(next(self._stamps), config, manifest, shards, summary, overview)
        return self.snapshot
