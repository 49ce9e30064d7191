"""Which problems can be read in the report itself: some of every kind, by chance, within a number of bytes."""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Iterator, Mapping

import msgspec

from overproof.records import Decision
from overproof.report.counts import Counts
from overproof.report.reading import Judged, ProblemReading, read_problem
from overproof.report.shard import Shard

MOST_BYTES = 3_000_000
"""Of all chosen problems together, as they lie in the page."""
MOST_CHARACTERS = 4_000_000
"""Of their replies; reading and marking so many takes a few seconds."""
MOST_TRACES = 16
"""Of one problem."""
_FEWEST_PROBLEMS = 60
"""So many should fit; where replies are long, their middle is left out."""
_SHORTEST, _LONGEST = 4_000, 24_000
"""Bounds of the characters shown of one part of a reply."""


def choose(counts: Counts) -> list[tuple[int, int]]:
    """Problems by shard and row, in the order in which they are taken: one of each kind, a second of each and so on."""
    queues = [iter(counts.candidates[kind]) for kind in sorted(counts.candidates)]
    chosen: dict[tuple[int, int], None] = {}
    while queues:
        still = []
        for queue in queues:
            new = next((place for one in queue if (place := (one.shard, one.row)) not in chosen), None)
            if new is not None:
                chosen[new] = None
                still.append(queue)
        queues = still
    return list(chosen)


def read_chosen(counts: Counts, shards: Mapping[int, Shard]) -> Iterator[ProblemReading]:
    """The chosen problems, as many as there is room for; `shards` are those that candidates lie in, by number."""
    left, characters = MOST_BYTES * 3 // 4, MOST_CHARACTERS
    mean_traces = min(MOST_TRACES, max(1, counts.traces // max(1, counts.problems["sampled"])))
    longest = min(_LONGEST, max(_SHORTEST, MOST_CHARACTERS // (_FEWEST_PROBLEMS * mean_traces)))
    for number, row in choose(counts):
        reading = read_row(shards[number], row, most=MOST_TRACES, longest=longest)
        left -= len(zlib.compress(msgspec.json.encode(reading)))
        characters -= sum(min(one.characters, 2 * longest) for one in reading.traces)
        if left < 0:
            return
        yield reading
        if characters < 0:
            return


def pack(readings: list[ProblemReading]) -> str:
    """Problems as gzipped JSON in base64: what a page holds in place of them."""
    return base64.b64encode(gzip.compress(msgspec.json.encode(readings), mtime=0)).decode()


def read_row(shard: Shard, row: int, *, most: int, longest: int, first: int | None = None) -> ProblemReading:
    """A problem of a shard by its row, with at most `most` of its traces.

    These are the ones from number `first` on, or when that is None some with each reason.
    """
    rows = shard.traces_of(row)
    shown = sorted(_spread(shard, rows)[:most]) if first is None else rows[first : first + most]
    judged = [judge_row(shard, one) for one in shown]
    return read_problem(shard.problem_of(row), judged, len(rows), longest=longest)


def judge_row(shard: Shard, row: int) -> Judged:
    """A trace of a shard by its row, with its score and decisions. Raises ValueError when its lines have moved."""
    trace = shard.trace_of(row)
    score = shard.score_of(row)
    if score is not None and score.trace_id != trace.id:
        raise ValueError("the scores were written anew since they were read")
    made = {selection: Decision(trace.id, *shard.decision_of(row, selection)) for selection in shard.selections}
    return Judged(trace, score, made)


def _spread(shard: Shard, rows: list[int]) -> list[int]:
    """Rows of one problem's traces so ordered that each reason comes before any comes again."""
    seen: dict[str, int] = {}
    ranked = []
    for row in rows:
        _, reason = shard.decision_of(row)
        ranked.append((seen.get(reason, 0), row))
        seen[reason] = seen.get(reason, 0) + 1
    return [row for _, row in sorted(ranked)]
