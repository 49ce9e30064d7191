"""The only module that knows a run's file names.

    config.yaml                     resolved config, versions, shard count, each stage's input fingerprints
    imported.jsonl                  problems of an imported trace set, as a problem file
    problems/<shard>.jsonl          prepared problems, one file a shard: what an engine needs lies together
    traces/<shard>-<part>.jsonl     PAID FOR
    judgements/<part>.jsonl         PAID FOR: what the judge said; judgements/summary.json sums it up
    scores/<shard>.jsonl            derived
    decisions/<shard>.jsonl         derived; decisions/<name>/<shard>.jsonl for a named selection
    dataset/                        train and validation, dataset card; dataset/<name>/ for a named selection
    student/                        the student trained on the dataset
    evaluation/                     a run of its own: the student's answers to the problems it is evaluated on
    report.html report.json

Problems lie by shard and not in one file, so that a worker reads its own shard and nothing else.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Container, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import yaml

from overproof.config import find_config
from overproof.errors import RunFolderError
from overproof.journal import Span, locate_records, read_records, read_span, write_bytes
from overproof.records import Decision, PreparedProblem, Score, Trace, trace_id_of

TRACES_PER_SHARD = 20_000


class Manifest(msgspec.Struct, frozen=True):
    """What `config.yaml` of a run holds: the resolved config and, under `run`, how the run was made."""

    config: dict[str, Any]
    """The resolved config as a tree of plain values; holds no secret, keys come from the environment."""
    shards: int
    """Fixed when the run is made and never computed again."""
    versions: dict[str, str]
    """Versions of this package and of those that decide verdicts."""
    stages: dict[str, str]
    """For each derived stage the fingerprint of the inputs that its files were made from."""


class RunFolder:
    """A run on disk. Holds a path and no other state."""

    def __init__(self, root: Path) -> None:
        """Name the folder; nothing is made until something is written."""
        self.root = root

    @property
    def config(self) -> Path:
        """The resolved config of the run."""
        return self.root / "config.yaml"

    @property
    def report_html(self) -> Path:
        """The report for people."""
        return self.root / "report.html"

    @property
    def report_json(self) -> Path:
        """Every number of the report."""
        return self.root / "report.json"

    @property
    def imported(self) -> Path:
        """Problems of an imported trace set; the run's own config reads them from here."""
        return self.root / "imported.jsonl"

    def problems(self, shard: int) -> Path:
        """Prepared problems of a shard."""
        return self.root / "problems" / f"{shard:05d}.jsonl"

    def traces(self, shard: int, part: int = 0) -> Path:
        """One part of a shard's traces; the local engine writes part 0 only."""
        return self.root / "traces" / f"{shard:05d}-{part:05d}.jsonl"

    def trace_parts(self, shard: int) -> list[Path]:
        """Every part of a shard's traces that exists, in order."""
        return sorted((self.root / "traces").glob(f"{shard:05d}-*.jsonl"))

    def judgements(self, part: int = 0) -> Path:
        """One part of what the judge said, over all shards; part 0 is the one that grows."""
        return self.root / "judgements" / f"{part:05d}.jsonl"

    def judgement_parts(self) -> list[Path]:
        """Every part of what the judge said that exists, in order."""
        return sorted((self.root / "judgements").glob("*.jsonl"))

    @property
    def judge_summary(self) -> Path:
        """What the judge came to; derived."""
        return self.root / "judgements" / "summary.json"

    def scores(self, shard: int) -> Path:
        """Scores of a shard's traces."""
        return self.root / "scores" / f"{shard:05d}.jsonl"

    def decisions(self, shard: int, selection: str | None = None) -> Path:
        """Decisions of a shard under the one selection, or under a named one."""
        folder = self.root / "decisions"
        return (folder / selection if selection else folder) / f"{shard:05d}.jsonl"

    def dataset(self, selection: str | None = None) -> Path:
        """Folder of the exported dataset."""
        folder = self.root / "dataset"
        return folder / selection if selection else folder

    @property
    def student(self) -> Path:
        """Folder of the student that is trained on this run's dataset."""
        return self.root / "student"

    @property
    def evaluation(self) -> RunFolder:
        """The run that holds the student's answers; it has an evaluation.json."""
        return RunFolder(self.root / "evaluation")

    @property
    def evaluation_json(self) -> Path:
        """Every figure of the evaluation that this run was made for."""
        return self.root / "evaluation.json"

    def read_problems(self, shard: int) -> Iterator[PreparedProblem]:
        """Prepared problems of a shard, in the order of the source."""
        return read_records(self.problems(shard), PreparedProblem)

    def read_traces(self, shard: int) -> Iterator[Trace]:
        """Traces of a shard in the order they arrived; the first line of an id counts, later ones are skipped."""
        seen: set[str] = set()
        for part in self.trace_parts(shard):
            for trace in read_records(part, Trace):
                if trace.id not in seen:
                    seen.add(trace.id)
                    yield trace

    def read_groups(
        self, shard: int, only: Container[str] | None = None
    ) -> Iterator[tuple[PreparedProblem | None, list[Trace]]]:
        """Each problem of a shard with its traces (those with an id in `only`), whatever the order they arrived in.

        Problems come in the order of their file, traces by index; a problem without traces comes with none. Traces
        of a problem that is no longer in the file come last, with None in its place. Only one problem's traces are
        held at a time: a first pass over the files finds where each trace lies.
        """
        with ExitStack() as stack:
            paths = self.trace_parts(shard)
            parts = [stack.enter_context(path.open("rb")) for path in paths]
            places = _locate_traces(paths, only)
            for problem in self.read_problems(shard):
                yield problem, [_read_trace(parts, place) for place in sorted(places.pop(problem.problem.id, ()))]
            for _, gone in sorted(places.items()):
                yield None, [_read_trace(parts, place) for place in sorted(gone)]

    def read_scores(self, shard: int) -> Iterator[Score]:
        """Scores of a shard."""
        return read_records(self.scores(shard), Score)

    def read_decisions(self, shard: int, selection: str | None = None) -> Iterator[Decision]:
        """Decisions of a shard."""
        return read_records(self.decisions(shard, selection), Decision)

    def holds_run(self) -> bool:
        """Whether a run has begun here."""
        return self.config.exists() and any((self.root / name).is_dir() for name in ("problems", "traces"))

    def read_manifest(self) -> Manifest | None:
        """What config.yaml says of this run; None when the run has not begun. Raises RunFolderError when unreadable."""
        if not self.config.exists():
            return None
        try:
            tree = yaml.safe_load(self.config.read_text(encoding="utf-8"))
            return msgspec.convert({**tree.pop("run"), "config": tree}, Manifest)
        except (yaml.YAMLError, msgspec.ValidationError, AttributeError, KeyError, UnicodeDecodeError) as error:
            raise RunFolderError(
                f"{self.config} is not the config of a run ({error!r}). Give another --run-dir."
            ) from None

    def write_manifest(self, manifest: Manifest) -> None:
        """Replace config.yaml; the config's own tables come first, so that the file serves as a config again."""
        made = {"shards": manifest.shards, "versions": manifest.versions, "stages": manifest.stages}
        tree = {**manifest.config, "run": made}
        write_bytes(self.config, yaml.safe_dump(tree, allow_unicode=True, sort_keys=False, width=1000).encode())

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run for this process. Raises RunFolderError when another process holds it."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / ".lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise RunFolderError(
                    f"{self.root} is in use by another overproof process. Wait for it, or give another --run-dir."
                ) from None
            yield


class _ProblemKey(msgspec.Struct, frozen=True):
    id: str


class _TraceKey(msgspec.Struct, frozen=True):
    """The fields of a trace that its id is made of; reading no more makes an index cheap."""

    problem: _ProblemKey
    index: int
    fingerprint: str


class _Place(msgspec.Struct, frozen=True, order=True):
    """Where a trace lies; sorts as the traces of a problem do."""

    index: int
    fingerprint: str
    part: int
    span: Span


def _locate_traces(paths: list[Path], only: Container[str] | None) -> dict[str, list[_Place]]:
    """The places of every problem's traces; of lines with the same id the first counts."""
    seen: set[str] = set()
    places: dict[str, list[_Place]] = {}
    for part, path in enumerate(paths):
        for span, key in locate_records(path, _TraceKey):
            trace_id = trace_id_of(key.problem.id, key.index, key.fingerprint)
            if trace_id not in seen and (only is None or trace_id in only):
                seen.add(trace_id)
                places.setdefault(key.problem.id, []).append(_Place(key.index, key.fingerprint, part, span))
    return places


def _read_trace(parts: Sequence[BinaryIO], place: _Place) -> Trace:
    return read_span(parts[place.part], place.span, Trace)


def find_run(config: str, run_dir: Path | None = None) -> RunFolder:
    """The run folder that a config and `run_dir` mean: the one given, else runs/<name of the config>.

    A run's own config.yaml means the run it lies in. Raises ConfigError when there is no such config.
    """
    path = find_config(config)
    beside = RunFolder(path.parent)
    if run_dir is None and path == beside.config and beside.holds_run():
        return beside
    return RunFolder(run_dir or Path("runs") / path.stem)


def count_shards(problems: int, samples: int) -> int:
    """How many shards a new run gets: one for every 20,000 traces."""
    return max(1, -(-problems * samples // TRACES_PER_SHARD))


def shard_of(problem_id: str, shards: int) -> int:
    """The shard that holds everything about a problem: a hash of its id, the same on every machine."""
    digest = hashlib.blake2b(problem_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % shards
