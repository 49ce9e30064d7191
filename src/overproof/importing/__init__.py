"""Trace sets that others made → an ordinary run folder, so that they are scored, selected and exported like our own.

Every reply becomes a journal line with `teacher: imported:<name>`; replies to the same question are traces of one
problem. The problems are written as a problem file that the run's own config names. Nothing is asked of any model.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from overproof.errors import ConfigError, InputError, RunFolderError
from overproof.importing.schemas import SCHEMAS, ImportedReply, ImportedRow
from overproof.journal import write_records, write_sharded
from overproof.records import Message, Problem, Trace
from overproof.rows import Source, read_rows
from overproof.runfolder import Manifest, RunFolder, count_shards, shard_of


class TraceSet(msgspec.Struct, frozen=True):
    """Where imported traces come from."""

    schema: str
    """One of `schemas.SCHEMAS`."""
    path: str | None = None
    """A JSONL, JSON, CSV or Parquet file."""
    dataset: str | None = None
    """A Hugging Face dataset id or a local dataset folder; exactly one of path and dataset is given."""
    name: str | None = None
    """The dataset's configuration name."""
    split: str | None = None
    limit: int | None = None
    """Take only the first so many rows."""

    @property
    def label(self) -> str:
        """What the traces' teacher is called after `imported:`."""
        return self.dataset or Path(self.path or "").stem


class ImportSummary(msgspec.Struct, frozen=True):
    """What an import wrote."""

    problems: int
    traces: int
    shards: int
    skipped: dict[str, int]
    """Rows that hold no trace, by what is wrong with them."""


def import_traces(source: TraceSet, folder: RunFolder) -> ImportSummary:
    """Write the problems, the traces and the config of a new run from a trace set.

    The source is read twice: once for its problems, once for its traces. Raises ConfigError for a source or schema
    that does not exist, InputError when no row of it can be read, RunFolderError when the folder holds a run.
    """
    if source.schema not in SCHEMAS:
        raise ConfigError(f"--schema: there is no schema '{source.schema}'; known: {', '.join(SCHEMAS)}")
    if (source.path is None) == (source.dataset is None):
        raise ConfigError("give one of a file and a dataset to import from")
    if folder.read_manifest() is not None:
        raise RunFolderError(f"{folder.root} holds a run already. Give another --run-dir to import into")
    skipped: Counter[str] = Counter()
    replies: Counter[str] = Counter()
    with folder.lock():
        write_records(folder.imported, _find_problems(_read(source, skipped), replies))
        if not replies:
            folder.imported.unlink()
            raise InputError(f"no row of {source.label} is of the schema '{source.schema}': {_most_common(skipped)}")
        most = max(replies.values())
        shards = count_shards(len(replies), most)
        paths = [folder.traces(shard) for shard in range(shards)]
        write_sharded(paths, ((shard_of(trace.problem.id, shards), trace) for trace in _build_traces(source)))
        folder.write_manifest(Manifest(_build_config(source, folder, most), shards, {}, {}))
    return ImportSummary(len(replies), replies.total(), shards, dict(skipped))


def _find_problems(rows: Iterator[ImportedRow], replies: Counter[str]) -> Iterator[Problem]:
    """Each problem once; the replies to it are counted on the way."""
    for row in rows:
        problem = _identify(row.problem)
        if problem.id not in replies:
            yield problem
        replies[problem.id] += len(row.replies)


def _read(source: TraceSet, skipped: Counter[str]) -> Iterator[ImportedRow]:
    """The rows that hold traces; what is wrong with the others is counted."""
    read = SCHEMAS[source.schema]
    rows = read_rows(Source(source.path, source.dataset, source.name, source.split))
    for row in itertools.islice(rows, source.limit):
        try:
            yield read(row)
        except InputError as error:
            skipped[str(error).removeprefix(f"{row.where}: ")] += 1


def _identify(problem: Problem) -> Problem:
    """The problem with an id; where the set has none, a digest of the question."""
    if problem.id:
        return problem
    digest = hashlib.blake2b(problem.question.encode(), digest_size=8).hexdigest()
    return msgspec.structs.replace(problem, id=digest)


def _build_traces(source: TraceSet) -> Iterator[Trace]:
    """The traces in the order of the source, numbered within their problem."""
    numbers: Counter[str] = Counter()
    for row in _read(source, Counter()):
        problem = _identify(row.problem)
        for reply in row.replies:
            yield _build_trace(source, problem, numbers[problem.id], row.prompt, reply)
            numbers[problem.id] += 1


def _build_trace(source: TraceSet, problem: Problem, index: int, prompt: list[Message], reply: ImportedReply) -> Trace:
    teacher = f"imported:{source.label}"
    parameters: dict[str, Any] = {"imported_from": source.schema}
    if not reply.finish_reason:
        parameters["finish_reason"] = "not kept by the source"
    asked = msgspec.json.encode([teacher, prompt])
    return Trace(
        problem=problem,
        index=index,
        fingerprint=hashlib.blake2b(asked, digest_size=16).hexdigest(),
        teacher=teacher,
        profile="imported",
        messages=prompt,
        parameters=parameters,
        content=reply.content,
        reasoning=reply.reasoning,
        channel=reply.channel,
        finish_reason=reply.how_it_ended(),
        usage=reply.usage,
    )


def _build_config(source: TraceSet, folder: RunFolder, most: int) -> dict[str, Any]:
    """The config that goes on from here: score, select, export, report."""
    return {
        "problems": {"path": str(folder.imported)},
        "teacher": {"model": f"imported:{source.label}"},
        "prompt": {"template": "plain"},  # others asked in words of their own: reasoning and a free answer
        "sampling": {"n": most},
    }


def _most_common(skipped: Counter[str]) -> str:
    return next((reason for reason, _ in skipped.most_common(1)), "it has no rows")
