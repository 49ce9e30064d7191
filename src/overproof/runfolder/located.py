"""Where the traces of each problem lie in the files of a shard: traces arrive in any order, and are read by problem."""

from __future__ import annotations

from collections.abc import Container, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from overproof.journal import Span, locate_records, read_span
from overproof.records import Trace, trace_id_of


class ProblemKey(msgspec.Struct, frozen=True):
    """A problem of which no more than the id is decoded."""

    id: str


class _TraceKey(msgspec.Struct, frozen=True):
    """The fields of a trace that its id is made of; reading no more makes an index cheap."""

    problem: ProblemKey
    index: int
    fingerprint: str
    error: str | None = None


class Place(msgspec.Struct, frozen=True, order=True):
    """Where a trace lies; sorts as the traces of a problem do."""

    index: int
    fingerprint: str
    part: int
    span: Span


def locate_traces(paths: list[Path], only: Container[str] | None) -> dict[str, list[Place]]:
    """The places of every problem's traces.

    Of lines with the same id the first counts. A refusal counts only where no reply to the same sample has come, and
    of several the last: it may have been asked again, under other settings too.
    """
    seen: set[str] = set()
    places: dict[str, list[Place]] = {}
    refusals: dict[tuple[str, int], Place] = {}
    answered: set[tuple[str, int]] = set()
    for part, path in enumerate(paths):
        for span, key in locate_records(path, _TraceKey):
            trace_id = trace_id_of(key.problem.id, key.index, key.fingerprint)
            sample = (key.problem.id, key.index)
            if key.error is not None:
                refusals[sample] = Place(key.index, key.fingerprint, part, span)
                continue
            answered.add(sample)
            if trace_id not in seen and (only is None or trace_id in only):
                seen.add(trace_id)
                places.setdefault(key.problem.id, []).append(Place(key.index, key.fingerprint, part, span))
    for (problem_id, index), place in refusals.items():
        wanted = only is None or trace_id_of(problem_id, index, place.fingerprint) in only
        if wanted and (problem_id, index) not in answered:
            places.setdefault(problem_id, []).append(place)
    return places


def read_trace(parts: Sequence[BinaryIO], place: Place) -> Trace:
    """The trace at a place; `parts` are the files of its shard, open."""
    return read_span(parts[place.part], place.span, Trace)
