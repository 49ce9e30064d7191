"""Trace sets that others made → an ordinary run folder, so that they are scored, selected and exported like our own.

Every reply becomes a journal line with `teacher: imported:<name>`; replies to the same question are traces of one
problem. The problems are written as a problem file that the run's own config names. Nothing is asked of any model.
`layouts` says which columns hold what, `reading` makes a problem and its replies of a row.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from overproof.errors import ConfigError, InputError, RunFolderError, suggest
from overproof.importing.candidates import Traits, find_numbered, find_traits, is_truth
from overproof.importing.layouts import ALIASES, GENERAL, LAYOUTS, Layout, find_written, recognise, with_columns
from overproof.importing.rendered import are_rendered
from overproof.importing.replies import ImportedReply, ImportedRow, read_row
from overproof.journal import write_records, write_sharded
from overproof.problems.notes import SourceNotes
from overproof.records import Problem, Trace, clean_text
from overproof.rows import Source, scan_rows
from overproof.rows.row import SourceRow
from overproof.runfolder import Manifest, RunFolder, count_shards, shard_of

_LOOKED_AT = 64
"""Rows that the layout is recognised from, and that are looked through for reasoning that is not read."""
_LONG = 1000
"""Characters from which a text that is not read may be a reasoning."""
_TELL_EVERY = 512


class TraceSet(msgspec.Struct, frozen=True):
    """Where imported traces come from."""

    schema: str | None = None
    """One of `layouts.LAYOUTS`; None recognises it."""
    path: str | None = None
    """A file, a folder of files or a pattern."""
    dataset: str | None = None
    """A Hugging Face dataset id or a local dataset folder; exactly one of path and dataset is given."""
    name: str | None = None
    """The dataset's configuration name."""
    split: str | None = None
    encoding: str | None = None
    limit: int | None = None
    """Take only the first so many rows."""
    columns: dict[str, str] = {}
    """Columns of one's own for question, reasoning, answer, reference, id and source; nested paths too."""

    @property
    def label(self) -> str:
        """What the traces' teacher is called after `imported:`."""
        return self.dataset or Path(self.path or "").stem

    @property
    def source(self) -> Source:
        """Where its rows are."""
        return Source(self.path, self.dataset, self.name, self.split, self.encoding)


class ImportSummary(msgspec.Struct, frozen=True):
    """What an import wrote."""

    problems: int
    traces: int
    shards: int
    skipped: dict[str, int]
    """Rows that hold no trace, by what is wrong with them."""
    layout: str = ""
    taken: dict[str, dict[str, int]] = {}
    """For each part of a trace the columns it was taken from, with how many rows."""
    without_reference: int = 0
    """Problems without a reference."""
    without_reasoning: int = 0
    """Traces without any reasoning."""
    unread: list[str] = []
    """Columns that look like reasoning, or like a reply, and were not read."""
    notes: list[str] = []

    def lines(self) -> Iterator[str]:
        """What was taken, from where, and what can be kept of it."""
        yield f"{self.traces:,} traces of {self.problems:,} problems, layout {self.layout}"
        for part, columns in self.taken.items():
            yield f"    {part:<10} " + ", ".join(f"{name} ({rows:,} rows)" for name, rows in columns.items())
        for name in self.unread:
            what = "looks like reasoning or a reply and was not read"
            yield f"! '{name}' {what}. To read it give --reasoning or --answer '{name}'"
        if self.without_reasoning:
            yield f"! {self.without_reasoning:,} traces have no reasoning: think_format fails them"
        yield from (f"! {note}" for note in self.notes)
        yield from (f"! {count:,} rows skipped: {reason}" for reason, count in self.skipped.items())
        if self.without_reference:
            yield (
                f"! {self.without_reference:,} of {self.problems:,} problems have no reference, so that `policy: "
                "correct` keeps none of their traces. To keep those that most traces of a problem agree with: "
                "--set selection.policy=correct_or_majority; to keep all: --set selection.policy=all; or name the "
                "column with --reference"
            )


def import_traces(
    source: TraceSet, folder: RunFolder, progress: Callable[[int, int], object] = lambda _done, _total: None
) -> ImportSummary:
    """Write the problems, the traces and the config of a new run from a trace set.

    The source is read twice: once for its problems, once for its traces; `progress` is told (done, total) rows of the
    second time. Raises ConfigError for a source or schema that does not exist, InputError when no row of it can be
    read, RunFolderError when the folder holds a run.
    """
    if (source.path is None) == (source.dataset is None):
        raise ConfigError("give one of a file and a dataset to import from")
    if folder.read_manifest() is not None:
        raise RunFolderError(f"{folder.root} holds a run already. Give another --run-dir to import into")
    first = [row for row in itertools.islice(scan_rows(source.source), _LOOKED_AT) if row.fault is None]
    layout = _find_layout(source, first)
    reader = _TraceSetReader(source, layout, _find_traits(source, layout, first))
    with folder.lock():
        write_records(folder.imported, reader.find_problems())
        if not reader.replies:
            folder.imported.unlink()
            likely = _find_layout(msgspec.structs.replace(source, schema=None), first).name
            hint = (
                f". Its rows are of the layout {likely}: leave out --schema"
                if source.schema not in {None, likely}
                else ""
            )
            raise InputError(f"no row of {source.label} holds a trace: {reader.most_common()}{hint}")
        most = max(reader.replies.values())
        shards = count_shards(len(reader.replies), most)
        paths = [folder.traces(shard) for shard in range(shards)]
        placed = ((shard_of(trace.problem.id, shards), trace) for trace in reader.build_traces(progress))
        write_sharded(paths, placed)
        folder.write_manifest(Manifest(_build_config(source, folder, most), shards, {}, {}))
    return reader.summarise(shards, _find_unread(first, reader))


def _find_layout(source: TraceSet, first: list[SourceRow]) -> Layout:
    """The layout that was asked for, or that most of the first rows are of, with columns of one's own."""
    if source.schema is not None:
        named = LAYOUTS.get(ALIASES.get(source.schema, source.schema))
        if named is None:
            known = [*LAYOUTS, *ALIASES]
            raise ConfigError(
                f"--schema: there is no schema '{source.schema}'.{suggest(source.schema, known)} Leave it out, or give "
                f"one of: {', '.join(known)}"
            )
    else:
        found = Counter(recognise(row.values).name for row in first)
        named = LAYOUTS[found.most_common(1)[0][0]] if found else GENERAL
    if named is GENERAL and not any(find_written(row.values, GENERAL.replies) for row in first):
        named = dataclasses.replace(named, each=find_numbered(first))
    is_settled = source.schema is not None and named.name != GENERAL.name
    return with_columns(dataclasses.replace(named, is_settled=is_settled), source.columns)


def _find_traits(source: TraceSet, layout: Layout, first: list[SourceRow]) -> Traits:
    """What the first rows show of the columns; of questions that look like a template's chats all rows are asked."""
    traits = find_traits(first)
    asked = traits.rendered.intersection(layout.question)
    if len(first) == _LOOKED_AT:
        asked = frozenset(name for name in asked if are_rendered(_texts_of(source, name)))
    return traits._replace(rendered=asked)


def _texts_of(source: TraceSet, column: str) -> Iterator[str]:
    """What a column holds in every row."""
    for row in itertools.islice(scan_rows(source.source), source.limit):
        if row.fault is None and (text := row.values.get(column)):
            yield str(text)


class _TraceSetReader:
    """Reads one trace set, twice; holds which problem each question belongs to."""

    def __init__(self, source: TraceSet, layout: Layout, traits: Traits) -> None:
        self._source = source
        self._layout = layout
        self._traits = traits
        self._ids: dict[bytes, str] = {}
        self._used: set[str] = set()
        self._skipped: Counter[str] = Counter()
        self._taken: dict[str, Counter[str]] = {}
        self._notes = SourceNotes()
        self._references: dict[str, str | None] = {}
        self._rows = 0
        self._counts: Counter[str] = Counter()
        self.replies: Counter[str] = Counter()
        """How many replies each problem has, by its id."""

    def _read(self, skipped: Counter[str], notes: SourceNotes) -> Iterator[ImportedRow]:
        """The rows that hold traces; what is wrong with the others is counted."""
        rows = scan_rows(self._source.source, notes.tell)
        for row in itertools.islice(rows, self._source.limit):
            try:
                read = read_row(row, self._layout, notes, self._traits)
            except InputError as error:
                skipped[str(error).removeprefix(row.where).lstrip(": ")] += 1
            else:
                yield read

    def find_problems(self) -> Iterator[Problem]:
        """Each problem once; the replies to it are counted on the way."""
        for row in self._read(self._skipped, self._notes):
            self._rows += 1
            problem = self._identify(row.problem)
            for part, column in row.taken.items():
                self._taken.setdefault(part, Counter())[column] += 1
            self._counts["without_reasoning"] += sum(not reply.has_reasoning for reply in row.replies)
            known = self._references.setdefault(problem.id, problem.reference)
            if problem.reference not in {None, known}:
                self._notes.count(
                    "have the question of an earlier row, whose reference is another and counts", row.where
                )
            if problem.id not in self.replies:
                self._counts["without_reference"] += problem.reference is None
                yield problem
            self.replies[problem.id] += len(row.replies)

    def _identify(self, problem: Problem) -> Problem:
        """The problem with an id: that of its question, whatever the row says of the second reply to it.

        A row's own id counts where no other question bears it; else a digest of the question does.
        """
        digest = hashlib.blake2b(problem.question.encode(), digest_size=8)
        known = self._ids.get(digest.digest())
        if known is None:
            known = problem.id if problem.id and problem.id not in self._used else digest.hexdigest()
            self._ids[digest.digest()] = known
            self._used.add(known)
        return msgspec.structs.replace(problem, id=known)

    def build_traces(self, progress: Callable[[int, int], object]) -> Iterator[Trace]:
        """The traces in the order of the source, numbered within their problem."""
        numbers: Counter[str] = Counter()
        for done, row in enumerate(self._read(Counter(), SourceNotes()), start=1):
            problem = self._identify(row.problem)
            for reply in row.replies:
                yield _build_trace(self._source, self._layout, problem, numbers[problem.id], row, reply)
                numbers[problem.id] += 1
            if done % _TELL_EVERY == 0 or done == self._rows:
                progress(done, self._rows)

    def summarise(self, shards: int, unread: list[str]) -> ImportSummary:
        """What was read."""
        return ImportSummary(
            len(self.replies),
            self.replies.total(),
            shards,
            dict(self._skipped.most_common()),
            self._layout.name,
            {part: dict(columns.most_common()) for part, columns in self._taken.items()},
            self._counts["without_reference"],
            self._counts["without_reasoning"],
            unread,
            list(self._notes.lines()),
        )

    def was_read(self, column: str) -> bool:
        """Whether anything was taken from a column, or from within it."""
        taken = ", ".join(name for columns in self._taken.values() for name in columns)
        return any(name.partition(".")[0].partition("[")[0] == column for name in taken.split(", "))

    def texts_of(self, row: SourceRow) -> set[str]:
        """The replies and reasonings that were read of a row: what holds the same again has been read."""
        try:
            replies = read_row(row, self._layout, SourceNotes(), self._traits).replies
        except InputError:
            return set()
        return {text.strip() for reply in replies for text in (reply.content, reply.reasoning or "")}

    def most_common(self) -> str:
        """What is wrong with most rows."""
        return next((reason for reason, _ in self._skipped.most_common(1)), "it has no rows")


def _find_unread(first: list[SourceRow], reader: _TraceSetReader) -> list[str]:
    """Columns of the first rows that hold what looks like a reasoning or a reply, and of which nothing was read."""
    found: dict[str, None] = {}
    for row in first:
        read = reader.texts_of(row)
        for column, value in row.values.items():
            texts = [text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]
            unread = [text for text in texts if clean_text(text).strip() not in read]
            if not reader.was_read(column) and any(_is_reasoning(column, text) for text in unread):
                found[column] = None
    return list(found)


def _is_reasoning(column: str, text: str) -> bool:
    is_called = any(name in column.lower() for name in ("reason", "think", "thought", "cot"))
    is_reply = "\\boxed" in text and not is_truth(column) and "solution" not in column.lower()
    return is_reply or "<think>" in text or (is_called and len(text) > _LONG // 20) or len(text) > _LONG


def _build_trace(  # noqa: PLR0917 - each of another kind
    source: TraceSet, layout: Layout, problem: Problem, index: int, row: ImportedRow, reply: ImportedReply
) -> Trace:
    teacher = f"imported:{source.label}"
    parameters: Mapping[str, Any] = {"imported_from": layout.name}
    if not reply.finish_reason:
        parameters = {**parameters, "finish_reason": "not kept by the source"}
    asked = msgspec.json.encode([teacher, row.prompt])
    return Trace(
        problem=problem,
        index=index,
        fingerprint=hashlib.blake2b(asked, digest_size=16).hexdigest(),
        teacher=teacher,
        profile="imported",
        messages=row.prompt,
        parameters=dict(parameters),
        content=reply.content,
        reasoning=reply.reasoning,
        channel=reply.channel,
        finish_reason=reply.how_it_ended(),
        usage=reply.usage,
    )


def _build_config(source: TraceSet, folder: RunFolder, most: int) -> dict[str, Any]:
    """The config that goes on from here: score, select, export, report."""
    return {
        "problems": {"path": str(folder.imported.resolve())},
        "teacher": {"model": f"imported:{source.label}"},
        "prompt": {"template": "plain"},  # others asked in words of their own: reasoning and a free answer
        "sampling": {"n": most},
    }
