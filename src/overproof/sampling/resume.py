"""What earlier sessions have left: which samples of a shard are in its journal, and what they cost.

The journal is read once, line by line, decoding only the few fields that say so: texts are passed over, so that
200,000 traces of 8 KB are surveyed in seconds and take no memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from overproof.errors import RunFolderError
from overproof.journal import Span, locate_records, read_span
from overproof.records import Problem, Trace, Usage
from overproof.runfolder import RunFolder, shard_of
from overproof.runfolder.located import ProblemKey
from overproof.teacher.budget import Amount, Prices
from overproof.teacher.failures import NAMES_INPUT


class _ResumedLine(msgspec.Struct):
    """The fields of a trace that resuming needs."""

    problem: ProblemKey
    index: int
    fingerprint: str
    usage: Usage = Usage()
    retried_usage: Usage | None = None
    unreported_usage: Usage | None = None
    error: str | None = None


class Refused(NamedTuple):
    """A refusal that is in the journal."""

    fingerprint: str
    error: str
    place: tuple[Path, Span]


class Earlier:
    """The samples of one problem that are in the journal."""

    __slots__ = ("fingerprint", "places", "refused")

    def __init__(self) -> None:
        """Begin with none."""
        self.fingerprint: str | None = None
        """Of the replies, all of which have one; None while there are only refusals."""
        self.refused: dict[int, Refused] = {}
        """Refusals without a reply to the same sample; `accept_refusals` says which of them are final."""
        self.places: dict[int, tuple[Path, Span]] = {}
        """Where each index lies."""

    def add(self, line: _ResumedLine, place: tuple[Path, Span]) -> bool:
        """Take the next line of the problem; False for a reply under another fingerprint than those before it."""
        if line.error is not None:
            if line.index not in self.places:
                self.refused[line.index] = Refused(line.fingerprint, line.error, place)
            return True
        self.fingerprint = self.fingerprint or line.fingerprint
        self.refused.pop(line.index, None)
        self.places.setdefault(line.index, place)
        return line.fingerprint == self.fingerprint

    def accept_refusals(self, fingerprint: str) -> None:
        """Take what was refused for its input under the settings of now for done; all else is asked again."""
        for index, refused in self.refused.items():
            if refused.fingerprint == fingerprint and refused.error in NAMES_INPUT:
                self.places.setdefault(index, refused.place)
        self.refused = {}

    def read(self, problem: Problem) -> Iterator[Trace]:
        """The traces themselves, by index, as traces of the problem of now: its reference may have been corrected."""
        for _, (path, span) in sorted(self.places.items()):
            with path.open("rb") as file:
                yield msgspec.structs.replace(read_span(file, span, Trace), problem=problem)


class Journaled:
    """One shard's journal as it was when the session began."""

    def __init__(self) -> None:
        """Begin with an empty journal."""
        self.samples: dict[str, Earlier] = {}
        """By problem id."""
        self.spent = Amount()
        """What all its lines were charged for, those of problems that are no longer asked included."""
        self.mixed: dict[str, tuple[Path, Span]] = {}
        """A line for each problem that holds traces of two fingerprints."""


def read_journal(folder: RunFolder, shard: int, prices: Prices) -> Journaled:
    """Inventory a shard's journal. Raises RunFolderError naming the line that is damaged, or a changed shard count."""
    found = Journaled()
    manifest = folder.read_manifest()
    shards = manifest.shards if manifest is not None else None
    for path in folder.trace_parts(shard):
        for span, line in locate_records(path, _ResumedLine):
            found.spent += prices.of(line.usage)
            if line.retried_usage is not None:
                found.spent += prices.of(line.retried_usage)
            if line.unreported_usage is not None:
                found.spent += prices.of_unreported(line.unreported_usage)
            earlier = found.samples.get(line.problem.id)
            if earlier is None:
                if shards is not None:
                    check_home(path, shard, line.problem.id, shards)
                earlier = found.samples[line.problem.id] = Earlier()
            if not earlier.add(line, (path, span)):
                found.mixed[line.problem.id] = (path, span)
    return found


def check_home(path: Path, shard: int, problem_id: str, shards: int) -> None:
    """Refuse a journal that was written for another number of shards: its traces would be missed and paid for again."""
    if shard_of(problem_id, shards) != shard:
        raise RunFolderError(
            f"{path} holds problem '{problem_id}', which of {shards} shards belongs in another: the number of shards "
            "has changed. Set run.shards in the run's config.yaml back to what it was, or give another --run-dir."
        )
