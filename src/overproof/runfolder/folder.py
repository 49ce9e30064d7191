"""A run on disk or on shared storage: what its files are called, and how they are read, written and sealed."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from overproof import integrity
from overproof.config import find_config
from overproof.errors import RunFolderError, reading, writing
from overproof.integrity import read_derived
from overproof.journal import (
    Journal,
    PartJournal,
    Sink,
    locate_records,
    lock,
    read_lines,
    remove_file,
    write_bytes,
)
from overproof.places import as_text
from overproof.records import Decision, PreparedProblem, Score, Trace
from overproof.runfolder.lease import held
from overproof.runfolder.located import locate_traces, read_trace
from overproof.runfolder.manifest import DamagedManifestError, Manifest, parse_manifest, show_manifest
from overproof.runfolder.overrides import Override, Overrides, finish_last_line, read_overrides
from overproof.runfolder.storage import Storage, check_place, create_file

_MOST_SHARDS = 100_000
"""As many as names of five digits tell apart."""
_EVALUATION = "evaluation"
"""What the run of an evaluation is called, within the run that it is of."""
_PARTS = "[0-9][0-9][0-9][0-9][0-9]-*.jsonl"
_MARK = ".mark"


class RunFolder:
    """A run on disk or on shared storage. Holds where it is and no other state."""

    def __init__(self, place: Path | str) -> None:
        """Name the folder by its path or URL; nothing is made until something is written.

        Raises ConfigError for an address that can hold no run.
        """
        check_place(str(place))
        self.storage = Storage(place) if isinstance(place, str) and "://" in place else None
        """None for a path."""
        self.root = self.storage.copy if self.storage else Path(place)
        """Where its files are on this machine."""

    @property
    def place(self) -> Path | str:
        """What names this folder on every machine that can see it."""
        return self.storage.url if self.storage else self.root.absolute()

    @property
    def name(self) -> str:
        """Its own name, without where it is; of an evaluation, all of which are called so, with that of its run."""
        above, _, own = (self.storage.url if self.storage else as_text(self.root.resolve())).rpartition("/")
        return f"{above.rpartition('/')[2]}/{own}" if own.startswith(_EVALUATION) else own

    def __str__(self) -> str:
        """The folder as people know it."""
        return self.storage.url if self.storage else as_text(self.root)

    def __reduce__(self) -> tuple[type, tuple[Path | str]]:
        """Travel to another process, which may have another working directory."""
        return type(self), (self.place,)

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
    def doctored(self) -> Path:
        """What the last calls of `overproof doctor` came to."""
        return self.root / "doctor.json"

    @property
    def imported(self) -> Path:
        """Problems of an imported trace set; the run's own config reads them from here."""
        return self.root / "imported.jsonl"

    def problems(self, shard: int) -> Path:
        """Prepared problems of a shard."""
        return self.root / "problems" / f"{shard:05d}.jsonl"

    @property
    def skipped(self) -> Path:
        """Rows of the source that were left out."""
        return self.root / "problems" / "skipped.jsonl"

    def count_skipped(self) -> int:
        """How many rows of the source were left out."""
        self.fetch(self.skipped)
        return sum(1 for _ in read_lines(self.skipped))

    @property
    def overrides(self) -> Path:
        """What people have decided about references and verdicts."""
        return self.root / "overrides.jsonl"

    def read_overrides(self) -> Overrides:
        """The decisions of people that count."""
        self.fetch(self.overrides)
        return Overrides(read_overrides(self.overrides))

    def write_override(self, override: Override) -> None:
        """Add a decision. When this returns it is on disk, and every later reading of problems obeys it."""
        finish_last_line(self.overrides)
        with closing(Journal(self.overrides)) as journal:
            journal.append(override)
        self.push(self.overrides)

    def traces(self, shard: int, part: int = 0) -> Path:
        """One part of a shard's traces; the local engine writes part 0 only."""
        return self.root / "traces" / f"{shard:05d}-{part:05d}.jsonl"

    def trace_parts(self, shard: int) -> list[Path]:
        """Every part of a shard's traces that exists, in order."""
        if self.storage is not None:
            return [self.root / name for name in self.storage.fetch_under(f"traces/{shard:05d}-")]
        return sorted((self.root / "traces").glob(f"{shard:05d}-*.jsonl"))

    def all_trace_parts(self) -> list[Path]:
        """Every part of every shard's traces, in order."""
        self.fetch_under(self.root / "traces")
        return sorted((self.root / "traces").glob(_PARTS))

    def judgements(self, part: int = 0) -> Path:
        """One part of what the judge said, over all shards; part 0 is the one that grows."""
        return self.root / "judgements" / f"{part:05d}.jsonl"

    def judgement_parts(self) -> list[Path]:
        """Every part of what the judge said that exists, in order."""
        self.fetch_under(self.root / "judgements")
        return sorted((self.root / "judgements").glob("*.jsonl"))

    @property
    def judge_summary(self) -> Path:
        """What the judge came to; derived."""
        return self.root / "judgements" / "summary.json"

    def push_judgements(self) -> None:
        """Put what the judge said where others see it; one process at a time has the judge to itself."""
        self.push(*sorted((self.root / "judgements").glob("*.json*")))

    def open_journal(self, shard: int) -> Sink:
        """A shard's journal for one process that has the run to itself."""
        return self.open_parts(shard) if self.storage else Journal(self.traces(shard))

    def open_parts(self, shard: int) -> PartJournal:
        """A journal of parts that never change, after those that are there; others may write parts too."""
        return PartJournal(_PartWriter(self, shard))

    def journal_sizes(self) -> list[list[Any]]:
        """Name and size of every part of every shard's traces, in order: what changes when a journal does."""
        if self.storage is not None:
            return [
                [name.removeprefix("traces/"), size] for name, size in sorted(self.storage.sizes("traces/").items())
            ]
        return [[path.name, path.stat().st_size] for path in sorted((self.root / "traces").glob(_PARTS))]

    def fetch(self, *paths: Path) -> None:
        """Have files here as they are on shared storage."""
        if self.storage is not None:
            self.storage.fetch(map(self._name, paths))

    def fetch_shard(self, shard: int, selections: Iterable[str | None] = (None,)) -> None:
        """Have everything about a shard here, with its decisions under these selections."""
        if self.storage is not None:
            self.trace_parts(shard)
            decisions = (self.decisions(shard, name) for name in selections)
            self.fetch(self.problems(shard), self.scores(shard), *decisions)

    def fetch_under(self, folder: Path) -> None:
        """Have everything in a folder of this run here."""
        if self.storage is not None:
            self.storage.fetch_under(f"{self._name(folder)}/".removeprefix("./"))

    def push(self, *paths: Path) -> None:
        """Put files that were written here where others see them."""
        if self.storage is not None:
            self.storage.push(map(self._name, paths))

    def remove(self, *paths: Path) -> None:
        """Delete files, wherever they are."""
        if self.storage is not None:
            self.storage.remove(map(self._name, paths))
        for path in paths:
            remove_file(path)

    def list_files(self, folder: Path) -> list[Path]:
        """The files right in a folder of this run, in order; they need not be here."""
        if self.storage is not None:
            paths = [self.root / name for name in self.storage.sizes(f"{self._name(folder)}/")]
            return sorted(path for path in paths if path.parent == folder)
        return sorted(path for path in folder.glob("*") if path.is_file())

    def has(self, paths: Sequence[Path]) -> bool:
        """Whether there are all of these files or folders."""
        if self.storage is None:
            return all(path.exists() for path in paths)
        if len(paths) == 1:
            return self.storage.exists(self._name(paths[0]))
        there = [self.root / name for name in self.storage.sizes()]
        known = {*there, *(folder for path in there for folder in path.parents)}
        return all(path in known for path in paths)

    def find_damage(self, outputs: Sequence[Path], seals: Mapping[str, str]) -> str | None:
        """What is wrong with derived files and datasets, in words; None when they are what was written.

        `seals` is what `seal` gave when they were. On shared storage, which keeps whole what it has taken, files are
        known by what it tells of each, and not read.
        """
        if self.storage is not None:
            folders = _sealed_folders(outputs) if seals else []
            changed = (folder for folder in folders if seals.get(self._name(folder)) not in {None, self._seal(folder)})
            return f"{self} lacks files" if not self.has(outputs) else next(map(self._say_changed, changed), None)
        missing = (f"{path} is missing" for path in outputs if not path.exists())
        damage = (integrity.find_damage(folder, seals.get(self._name(folder))) for folder in _sealed_folders(outputs))
        return next((text for text in (*missing, *damage) if text is not None), None)

    def seal(self, outputs: Sequence[Path]) -> dict[str, str]:
        """Derived files and datasets are whole now. Returns what tells each of their folders from any other."""
        return {self._name(folder): self._seal(folder) for folder in _sealed_folders(outputs)}

    def _seal(self, folder: Path) -> str:
        if self.storage is None:
            return integrity.seal(folder)
        told = self.storage.versions(f"{self._name(folder)}/")
        mine = {name: told[name] for name in sorted(told) if integrity.is_sealed(folder, self.root / name)}
        return hashlib.sha256(msgspec.json.encode(mine)).hexdigest()

    def _say_changed(self, folder: Path) -> str:
        return f"{self}/{self._name(folder)} is not what was written"

    def unseal(self, outputs: Sequence[Path]) -> None:
        """Derived files and datasets are about to change."""
        for folder in _sealed_folders(outputs) if self.storage is None else ():
            integrity.unseal(folder)

    def count_prepared(self) -> int | None:
        """How many shards the prepared problems lie in, by their files; None where that cannot be told."""
        names = [path.name for path in self.list_files(self.root / "problems") if path.stem.isdecimal()]
        return len(names) if names and names == [f"{n:05d}.jsonl" for n in range(len(names))] else None

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

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
    def preferred(self) -> Path:
        """Folder of the student that is trained on this run's pairs of right and wrong replies."""
        return self.root / "preferred"

    @property
    def evaluation(self) -> RunFolder:
        """The run that holds the student's answers; it has an evaluation.json."""
        return self.evaluation_in("thinking")

    def evaluation_in(self, mode: str) -> RunFolder:
        """The run that holds the student's answers in a mode: thinking, non_thinking."""
        name = _EVALUATION if mode == "thinking" else f"{_EVALUATION}_{mode}"
        return RunFolder(f"{self.storage.url}/{name}" if self.storage else self.root / name)

    @property
    def evaluation_json(self) -> Path:
        """Every figure of the evaluation that this run was made for."""
        return self.root / "evaluation.json"

    def read_problems(self, shard: int) -> Iterator[PreparedProblem]:
        """Prepared problems of a shard, in the order of the source, with what people have decided about them."""
        self.fetch(self.problems(shard))
        overrides = self.read_overrides()
        return map(overrides.apply, read_derived(self.problems(shard), PreparedProblem))

    def read_traces(self, shard: int) -> Iterator[Trace]:
        """Traces of a shard in the order they arrived; of lines of one sample, those that `read_groups` gives."""
        paths = self.trace_parts(shard)
        found = locate_traces(paths, None)
        counting = {(place.part, place.span) for places in found.values() for place in places}
        for part, path in enumerate(paths):
            for span, trace in locate_records(path, Trace):
                if (part, span) in counting:
                    yield trace

    def read_groups(
        self, shard: int, only: Container[str] | None = None
    ) -> Iterator[tuple[PreparedProblem | None, list[Trace]]]:
        """Each problem of a shard with its traces (those with an id in `only`), whatever the order they arrived in.

        Problems come in the order of their file, traces by index; a problem without traces comes with none. Traces
        of a problem that is no longer in the file come last, with None in its place. Only one problem's traces are
        held at a time: a first pass over the files finds where each trace lies.
        A trace carries the problem of now: what was sent is its own, but reference, source and level may have been
        corrected since.
        """
        with ExitStack() as stack:
            paths = self.trace_parts(shard)
            parts = [stack.enter_context(path.open("rb")) for path in paths]
            places = locate_traces(paths, only)
            for problem in self.read_problems(shard):
                found = sorted(places.pop(problem.problem.id, ()))
                traces = (read_trace(parts, place) for place in found)
                yield problem, [msgspec.structs.replace(trace, problem=problem.problem) for trace in traces]
            for _, gone in sorted(places.items()):
                yield None, [read_trace(parts, place) for place in sorted(gone)]

    def read_scores(self, shard: int) -> Iterator[Score]:
        """Scores of a shard."""
        self.fetch(self.scores(shard))
        return read_derived(self.scores(shard), Score)

    def read_decisions(self, shard: int, selection: str | None = None) -> Iterator[Decision]:
        """Decisions of a shard."""
        self.fetch(self.decisions(shard, selection))
        return read_derived(self.decisions(shard, selection), Decision)

    def greet(self) -> None:
        """Before anything else is asked of a folder: raise RunFolderError where shared storage does not answer."""
        if self.storage is not None:
            self.storage.greet()

    def holds_run(self) -> bool:
        """Whether a run has begun here."""
        return self.has([self.config]) and any(self.list_files(self.root / name) for name in ("problems", "traces"))

    def write_mark(self) -> str:
        """Leave a sign that was never here before, for others to prove that they see this very folder."""
        mark = uuid.uuid4().hex
        write_bytes(self.root / _MARK, mark.encode())
        self.push(self.root / _MARK)
        return mark

    def read_mark(self) -> str | None:
        """The sign that was left last; None where none is seen."""
        self.fetch(self.root / _MARK)
        path = self.root / _MARK
        return path.read_text() if path.exists() else None

    def check_shards(self, shards: int) -> None:
        """Raise RunFolderError when this run's files were made for another number of shards."""
        if not 1 <= shards <= _MOST_SHARDS:
            raise RunFolderError(
                f"{self}/{self.config.name} says {shards} shards, which no run has. The number can never change: set "
                "run.shards back to what it was, or give another --run-dir."
            )
        for kind in ("problems", "traces"):
            for path in self.list_files(self.root / kind):
                number = path.name[:5]
                if number.isdecimal() and int(number) >= shards:
                    raise RunFolderError(
                        f"{self}/{self.config.name} says {shards} shards, but there is {kind}/{path.name}. A problem "
                        "lies in the shard that its id and the number of shards give, so that the number can never "
                        "change: set run.shards back to what it was, or give another --run-dir."
                    )

    def read_manifest(self) -> Manifest | None:
        """What config.yaml says of this run; None when the run has not begun. Raises RunFolderError when unreadable."""
        self.fetch(self.config)
        if not self.config.exists():
            return None
        try:
            with reading(self.config):
                text = self.config.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise DamagedManifestError(f"{self}/{self.config.name} is not the config of a run ({error!r}).") from None
        return parse_manifest(text, f"{self}/{self.config.name}")

    def write_manifest(self, manifest: Manifest) -> None:
        """Replace config.yaml."""
        write_bytes(self.config, show_manifest(manifest))
        self.push(self.config)

    @contextmanager
    def lock(self, tell: Callable[[str], None] = lambda _: None) -> Iterator[None]:
        """Hold the run for this process; `tell` hears what is waited for.

        Raises RunFolderError when another process holds it, of this machine or on shared storage of any, and
        ConfigError where nothing can be written.
        """
        path = self.root / ".lock"
        with writing(path):
            self.root.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        try:
            lock(descriptor, f"{self} is in use by another overproof process. Wait for it, or give another --run-dir.")
            if self.storage is None:
                yield
                return
            self.storage.probe()
            with held(self.storage, tell):
                yield
        finally:
            os.close(descriptor)


class _PartWriter:
    """Writes the parts of a shard one after another, each under the next number that is free."""

    def __init__(self, folder: RunFolder, shard: int) -> None:
        self._folder = folder
        self._shard = shard
        self._part = 0

    def __call__(self, content: bytes) -> None:
        if not self._part:
            names = [path.stem for path in self._folder.trace_parts(self._shard)]
            self._part = 1 + max((int(name.rpartition("-")[2]) for name in names), default=0)
        while not self._create(self._folder.traces(self._shard, self._part), content):
            self._part += 1
        self._part += 1

    def _create(self, path: Path, content: bytes) -> bool:
        if self._folder.storage is None:
            return create_file(path, content)
        return self._folder.storage.create(path.relative_to(self._folder.root).as_posix(), content)


def _sealed_folders(outputs: Sequence[Path]) -> list[Path]:
    """The folders that are closed as one: those of JSONL files, and datasets."""
    return list(dict.fromkeys(path.parent if path.suffix == ".jsonl" else path for path in outputs))


def find_run(config: str, run_dir: Path | str | None = None) -> RunFolder:
    """The run folder that a config and `run_dir` (a path or URL) mean: the one given, else runs/<name of the config>.

    A run's own config.yaml means the run it lies in, and a run's URL that run. Raises ConfigError when there is no such
    config.
    """
    if "://" in config:
        return RunFolder(run_dir or config)
    path = find_config(config)
    beside = RunFolder(path.parent)
    if run_dir is None and path == beside.config and beside.holds_run():
        return beside
    return RunFolder(run_dir or Path("runs") / path.stem)


def config_here(name: str) -> str:
    """What a config is called on this machine: for the URL of a run, the copy of its config.yaml.

    Raises RunFolderError when there is no run.
    """
    if "://" not in name:
        return name
    folder = RunFolder(name)
    folder.greet()
    folder.fetch(folder.config, folder.imported)
    if not folder.config.exists():
        raise RunFolderError(f"{folder} holds no run: there is no {folder.config.name}, or not even the bucket")
    return str(folder.config)
