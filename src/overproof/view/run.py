"""One run as it is now: its shards, its numbers and its overview, kept up to date while the run goes on.

A `Snapshot` never changes; pages are made from whichever is the latest. Only files that have changed are read again,
and only for their numbers: texts are read from the run folder when somebody looks at them.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import numpy as np
from markupsafe import Markup

from overproof.config import RunConfig, parse_config
from overproof.errors import RunFolderError
from overproof.records import PreparedProblem
from overproof.report.counting import count_shard, rate_shard, rates_of
from overproof.report.counts import Counts
from overproof.report.excerpts import ExcerptReader, judge_row
from overproof.report.facts import ColumnCache, Measure, ProblemFacts, TraceFacts
from overproof.report.numbers import summarise
from overproof.report.page import is_finished, render_overview, show_money
from overproof.report.shard import Shard, ShardReader
from overproof.report.stretches import ProblemReading
from overproof.report.summary import Summary
from overproof.report.tables import bits_of
from overproof.runfolder import Manifest, RunFolder, shard_of
from overproof.view.query import Ordered, Query, Rows, filter_rows, order_rows
from overproof.view.search import find_problems
from overproof.wording import Wording

ROWS = 50
"""Rows on one page of a list."""
MOST_TRACES = 16
"""Traces of one problem shown together."""
_LONGEST = 100_000
"""Characters shown of one part of a reply."""
_REMEMBERED = 3
"""Lists that were asked for lately; one of a million rows takes 8 MB."""
_NEWEST = 5
_RATE_SECONDS = 300.0
"""The speed of a run is taken over so long."""
_STILL_SECONDS = 180.0
"""A run that wrote nothing for so long does not go on."""
_PROBLEM_CELLS = ("source", "level", "language", "kind", "rate", "samples", "keeps", "covered", "is")


Place = tuple[str, int]
"""Where a row of a list leads: a problem, and which of its traces."""


class Neighbours(msgspec.Struct, frozen=True):
    """What stands around a trace in a list."""

    previous: Place | None
    next: Place | None
    """The first trace of the problem before, and of the one after, in the order of the list."""
    earlier: Place | None
    later: Place | None
    place: int | None
    """Which trace of the list this one is, from 1; None when it is not in it."""
    total: int
    matching: list[int]
    """Indices of the problem's traces that are in the list."""


@dataclass(frozen=True)
class Snapshot:
    """A run at one moment."""

    stamp: int
    config: RunConfig
    manifest: Manifest
    shards: list[Shard]
    rates: Mapping[int, Measure]
    """For each shard the pass rate of each of its problems, NaN where there is none."""
    summary: Summary
    overview: Markup
    folder: RunFolder
    _lists: dict[tuple[str, Query], Ordered] = field(default_factory=dict)
    """What was asked for lately."""

    def traces(self, query: Query, *, among: Sequence[Rows] | None = None) -> Ordered:
        """The traces that a query's filters let through, in its order; `among` are the rows found by a text."""
        if among is not None:
            return order_rows(among, self._trace_columns(), query.sort)
        return self._list("traces", query, self.matching, self._trace_columns)

    def problems(self, query: Query) -> Ordered:
        """The problems that a query's filters let through, in its order."""
        return self._list("problems", query, self._matching_problems, self._problem_columns)

    def matching(self, query: Query) -> list[Rows]:
        """For each shard the rows of the traces that all filters let through, in order."""
        return [
            filter_rows(columns, shard.owners >= 0, query.filters)
            for shard, columns in zip(self.shards, self._trace_columns(), strict=True)
        ]

    def _matching_problems(self, query: Query) -> list[Rows]:
        found = [
            filter_rows(columns, np.ones(len(shard.problems.rows), np.bool_), query.filters)
            for shard, columns in zip(self.shards, self._problem_columns(), strict=True)
        ]
        if not query.text:
            return found
        return [find_problems(shard, rows, query.text) for shard, rows in zip(self.shards, found, strict=True)]

    def _list(self, kind: str, query: Query, find: Any, columns: Any) -> Ordered:
        key = (kind, query)
        if key not in self._lists:
            while len(self._lists) >= _REMEMBERED:
                self._lists.pop(next(iter(self._lists)), None)
            self._lists[key] = order_rows(find(query), columns(), query.sort)
        return self._lists[key]

    def _trace_columns(self) -> list[Any]:
        return [TraceFacts(shard, self.rates[shard.number]).column for shard in self.shards]

    def _problem_columns(self) -> list[Any]:
        return [ProblemFacts(shard, self.rates[shard.number]).column for shard in self.shards]

    def describe_traces(self, found: Ordered, first: int) -> list[dict[str, Any]]:
        """A stretch of a list of traces, from the one numbered `first` on."""
        stretch = slice(first, first + ROWS)
        pairs = zip(found.shards[stretch].tolist(), found.rows[stretch].tolist(), strict=True)
        return [describe_trace(self.shards[shard], row, self.rates[shard]) for shard, row in pairs]

    def describe_problems(self, found: Ordered, first: int) -> list[dict[str, Any]]:
        """A stretch of a list of problems, from the one numbered `first` on."""
        stretch = slice(first, first + ROWS)
        cells: dict[int, ColumnCache] = {}
        rows = []
        for number, row in zip(found.shards[stretch].tolist(), found.rows[stretch].tolist(), strict=True):
            shard = self.shards[number]
            if number not in cells:
                cells[number] = ColumnCache(ProblemFacts(shard, self.rates[number]))
            item = shard.problem_of(row).problem
            facts = cells[number].of(row, _PROBLEM_CELLS)
            rows.append(
                {
                    "problem": item.id,
                    "question": item.question[:400],
                    "reference": _short(item.reference),
                    "facts": facts,
                }
            )
        return rows

    def problem(self, problem_id: str, index: int) -> ProblemReading | None:
        """A problem with those of its traces that stand around this index; None when there is no such problem."""
        place = self.locate(problem_id)
        if place is None:
            return None
        shard, row = place
        indices = shard.traces["index"][shard.traces_of(row)]
        before = int(np.searchsorted(indices, index))
        first = before - before % MOST_TRACES
        reader = ExcerptReader(self.config, self.folder, self.rates, self.find_problem)
        return reader.read(shard, row, most=MOST_TRACES, longest=_LONGEST, first=first)

    def raw(self, problem_id: str, index: int) -> dict[str, Any] | None:
        """All records of one trace as they lie in the run folder; None when there is no such trace."""
        row = self._trace_row(problem_id, index)
        if row is None:
            return None
        judged = judge_row(*row)
        made = {name or "selection": decision for name, decision in judged.decisions.items()}
        return {"trace": judged.trace, "score": judged.score, "decisions": made}

    def _trace_row(self, problem_id: str, index: int) -> tuple[Shard, int] | None:
        place = self.locate(problem_id)
        rows = place[0].traces_of(place[1]) if place else []
        found = [row for row in rows if place and int(place[0].traces["index"][row]) == index]
        return (place[0], found[0]) if place and found else None

    def beside(self, found: Ordered, problem_id: str, index: int | None) -> Neighbours:
        """What stands around a problem, or one of its traces, in a list of traces."""
        place = self.locate(problem_id)
        if place is None:
            return Neighbours(None, None, None, None, None, len(found.rows), [])
        shard, row = place
        number = self.shards.index(shard)
        mine = shard.traces_of(row)
        wanted = [one for one in mine if index is None or int(shard.traces["index"][one]) == index]
        here = next((at for one in wanted if (at := found.place_of(number, one)) is not None), None)
        inside = set(found.rows[found.shards == number].tolist())
        order = _ProblemOrder(self.shards, found)
        return Neighbours(
            previous=self._at(found, order.step(number, row, -1)),
            next=self._at(found, order.step(number, row, 1)),
            earlier=self._at(found, None if here is None else here - 1),
            later=self._at(found, None if here is None else here + 1),
            place=None if here is None else here + 1,
            total=len(found.rows),
            matching=[int(shard.traces["index"][one]) for one in mine if one in inside],
        )

    def _at(self, found: Ordered, at: int | None) -> Place | None:
        if at is None or not 0 <= at < len(found.rows):
            return None
        shard, row = self.shards[int(found.shards[at])], int(found.rows[at])
        return shard.problem_of(int(shard.owners[row])).problem.id, int(shard.traces["index"][row])

    def locate(self, problem_id: str) -> tuple[Shard, int] | None:
        """The shard of a problem and its row there."""
        if not self.shards:
            return None
        shard = self.shards[shard_of(problem_id, len(self.shards))]
        rows = np.flatnonzero(shard.problems.rows["key"] == bits_of(problem_id))
        return (shard, int(rows[0])) if len(rows) else None

    def find_problem(self, problem_id: str) -> PreparedProblem | None:
        """A problem by its id."""
        place = self.locate(problem_id)
        return place[0].problem_of(place[1]) if place else None


class _ProblemOrder:
    """The problems of a list of traces, in the order of their first trace in it."""

    def __init__(self, shards: Sequence[Shard], found: Ordered) -> None:
        keys = np.empty(len(found.rows), np.int64)
        for number, shard in enumerate(shards):
            here = found.shards == number
            keys[here] = (number << 32) | shard.owners[found.rows[here]].astype(np.int64)
        values, first = np.unique(keys, return_index=True)
        order = np.argsort(first, kind="stable")
        self._keys, self._first = values[order], first[order]

    def step(self, shard: int, row: int, step: int) -> int | None:
        """Where in the list the problem before (-1) or after (1) this one begins; None where there is none."""
        place = np.flatnonzero(self._keys == ((shard << 32) | row))
        if not len(place) or not 0 <= int(place[0]) + step < len(self._first):
            return None
        return int(self._first[int(place[0]) + step])


def describe_trace(shard: Shard, row: int, rates: Measure) -> dict[str, Any]:
    """A trace as a line of the list."""
    judged = judge_row(shard, row)
    trace, score, main = judged.trace, judged.score, judged.decisions[None]
    grade = score.grade if score else None
    place, names = shard.traces[row], shard.trace_names
    rate = float(rates[int(shard.owners[row])])
    return {
        "problem": trace.problem.id,
        "index": trace.index,
        "question": trace.problem.question[:400],
        "reference": _short(trace.problem.reference),
        "verdict": grade.verdict if grade is not None else "",
        "kept": main.kept,
        "reason": main.reason,
        "extracted": grade.extracted[:200] if grade is not None and grade.extracted else None,
        "rate": None if np.isnan(rate) else rate,
        "tokens": trace.usage.completion_tokens,
        "rewards": {name: reward.value for name, reward in score.rewards.items()} if score else {},
        "model": names.models.names()[int(place["model"])],
        "effort": names.efforts.names()[int(place["effort"])],
        "finish": trace.finish_reason or "",
        "error": trace.error,
    }


def _short(text: str | None) -> str | None:
    return None if text is None else text[:200]


class _Moment(NamedTuple):
    """How far a run had come at one moment."""

    at: float
    traces: int


class ViewedRun:
    """A run folder that is looked at again and again."""

    def __init__(self, folder: RunFolder, say: Wording | None = None) -> None:
        """Nothing is read yet. Raises RunFolderError when the folder holds no run."""
        self.folder = folder
        self.say = say or Wording()
        if not folder.holds_run():
            raise RunFolderError(f"{folder} holds no run: it has no config.yaml and problems. Give a run folder.")
        folder.fetch_under(folder.root)
        self.snapshot: Snapshot | None = None
        self._readers: list[ShardReader] = []
        self._counted: list[tuple[Shard, Counts, Measure]] = []
        self._manifest: Manifest | None = None
        self._stamps = itertools.count(time.time_ns())
        self._lock = threading.Lock()
        self._seen: deque[_Moment] = deque()

    @property
    def latest(self) -> Snapshot:
        """The run as it was last seen; it must have been read once."""
        assert self.snapshot is not None, "runs are read before they are served"
        return self.snapshot

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
            self._counted = []
        shards = [reader.read() for reader in self._readers]
        known = {id(shard): (counts, rates) for shard, counts, rates in self._counted}
        if self.snapshot is not None and manifest == before and all(id(shard) in known for shard in shards):
            return self.snapshot
        self._counted = [(shard, *(known.get(id(shard)) or self._count(config, shard))) for shard in shards]
        whole = Counts()
        for _, counts, _ in self._counted:
            whole.add(counts)
        summary = summarise(config, self.folder, whole, self.say)
        self.snapshot = self._take(config, manifest, shards, summary)
        self._note(summary)
        return self.snapshot

    def _take(self, config: RunConfig, manifest: Manifest, shards: list[Shard], summary: Summary) -> Snapshot:
        rates = {shard.number: rates for shard, _, rates in self._counted}
        overview = render_overview(summary, config, manifest.versions, self.say)
        return Snapshot(next(self._stamps), config, manifest, shards, rates, summary, overview, self.folder)

    @staticmethod
    def _count(config: RunConfig, shard: Shard) -> tuple[Counts, Measure]:
        rated = rate_shard(config, shard)
        return count_shard(config, shard, candidates=False, rated=rated), rates_of(shard, rated)

    def _note(self, summary: Summary) -> None:
        """Remember how far the run has come, for its speed."""
        now = time.monotonic()
        if not self._seen or self._seen[-1].traces != summary.traces:
            self._seen.append(_Moment(now, summary.traces))
        while len(self._seen) > 2 and now - self._seen[1].at > _RATE_SECONDS:
            self._seen.popleft()

    def progress(self) -> dict[str, Any] | None:
        """How a run that goes on stands; None for one that does not."""
        summary, now = self.latest.summary, time.monotonic()
        if is_finished(summary) or len(self._seen) < 2 or now - self._seen[-1].at > _STILL_SECONDS:
            return None
        first, last = self._seen[0], self._seen[-1]
        rate = 60 * (last.traces - first.traces) / (last.at - first.at) if last.at > first.at else None
        left = None if summary.expected is None or not rate else 60 * (summary.expected - summary.traces) / rate
        return {
            "done": summary.traces,
            "expected": summary.expected,
            "rate": rate,
            "seconds": left,
            "money": self._spent(summary),
            "forecast": self._forecast(summary),
            "newest": [describe_trace(shard, row, self.latest.rates[shard.number]) for shard, row in self._newest()],
        }

    def _spent(self, summary: Summary) -> str:
        cost = summary.cost
        to = f" {self.say('to')} "
        tokens = self.say("{n} tokens", n=(f"{cost.least_tokens:,}{to}" if cost.is_bound else "") + f"{cost.tokens:,}")
        money = (f"{show_money(cost.least_cost)}{to}" if cost.is_bound else "") + show_money(cost.cost)
        return f"{money} {cost.currency}, {tokens}" if cost.currency else tokens

    def _forecast(self, summary: Summary) -> str | None:
        if not summary.cost.forecasts:
            return None
        one, currency = summary.cost.forecasts[-1], summary.cost.currency
        if currency:
            low, high = show_money(one.cost_low), show_money(one.cost_high)
            return self.say(
                "{value} {unit} ({low} to {high})", value=show_money(one.cost), unit=currency, low=low, high=high
            )
        low, high = f"{one.tokens_low:,}", f"{one.tokens_high:,}"
        return self.say(
            "{value} {unit} ({low} to {high})", value=f"{one.tokens:,}", unit=self.say("tokens"), low=low, high=high
        )

    def _newest(self) -> Iterator[tuple[Shard, int]]:
        """The traces that were written last, the latest first: the ends of the parts that changed last."""
        parts = [
            (part.stat().st_mtime_ns, shard, number)
            for shard in self.latest.shards
            for number, part in enumerate(shard.parts)
            if part.exists()
        ]
        found: list[tuple[Shard, int]] = []
        for _, shard, number in sorted(parts, key=lambda one: -one[0])[:_NEWEST]:
            rows = np.flatnonzero((shard.traces["part"] == number) & (shard.owners >= 0))
            order = np.argsort(-shard.traces["offset"][rows])[: _NEWEST - len(found)]
            found += [(shard, int(row)) for row in rows[order]]
        yield from found[:_NEWEST]
