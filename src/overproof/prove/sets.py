"""The selections of one run → training sets of equal size; only this module draws them."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import orjson

from overproof.config import ProofRun
from overproof.config.source import ProblemsConfig
from overproof.errors import InputError
from overproof.export import pair_rows
from overproof.journal import write_bytes
from overproof.problems import read_problems
from overproof.records import problem_id_of
from overproof.runfolder import RunFolder
from overproof.student.conversation import read_dataset_rows


class TrainingSet(msgspec.Struct, frozen=True):
    """One selection's rows, as many as every other set has."""

    name: str
    path: str
    rows: int
    available: int
    """Rows that the selection holds."""
    right: int
    """Rows whose answer equals the reference."""
    problems: int
    """Different problems among the rows."""
    is_pairs: bool = False
    """The rows are pairs of a right and a wrong reply."""


def draw_sets(config: ProofRun, run: RunFolder, target: Path) -> list[TrainingSet]:
    """A set from each named selection of an exported run, written to `<target>/<name>.jsonl`.

    Rows are drawn by a hash of their trace's id and not in the order of problems, the same rows every time. Where a
    selection has fewer rows than `prove.rows`, every set has as many as the smallest. Raises InputError when one has
    none, or when a question of the evaluation is among the training problems.
    """
    _check_apart(config.problems, config.evaluation.problems)
    available = {name: sum(1 for _ in _read_rows(run, name)) for name in config.selections}
    rows = min(config.prove.rows, *available.values())
    if not rows:
        empty = next(name for name, count in available.items() if not count)
        raise InputError(f"the selection '{empty}' keeps nothing, so that there is nothing to train on")
    right = _find_right(run)
    sets = []
    for name in config.selections:
        drawn = heapq.nsmallest(rows, _read_rows(run, name), key=lambda row: _chance(row[0]))
        path = target / f"{name}.jsonl"
        write_bytes(path, b"".join(line + b"\n" for _, line in drawn))
        ids = [trace_id for trace_id, _ in drawn]
        problems = len({problem_id_of(trace_id) for trace_id in ids})
        sets.append(TrainingSet(name, str(path), rows, available[name], len(right.intersection(ids)), problems))
    return sets


def draw_pairs(config: ProofRun, run: RunFolder, name: str, target: Path) -> TrainingSet:
    """The pairs of right and wrong replies to the problems of a selection, written to `<target>/<name>_pairs.jsonl`.

    Raises InputError when there are none.
    """
    manifest = run.read_manifest()
    shards = range(manifest.shards if manifest else 0)
    rows = sorted(pair_rows(config, run, shards, name), key=lambda row: _chance(row["id"]))[: config.prove.rows]
    if not rows:
        raise InputError(
            f"prove.pairs_after: no problem of '{name}' has a right and a wrong reply of like length. Sample more "
            "(sampling.n), or raise export.length_ratio"
        )
    path = target / f"{name}_pairs.jsonl"
    write_bytes(path, b"".join(orjson.dumps(row) + b"\n" for row in rows))
    problems = len({problem_id_of(row["id"].split()[0]) for row in rows})
    return TrainingSet(f"{name}+dpo", str(path), len(rows), len(rows), len(rows), problems, is_pairs=True)


def _chance(trace_id: str) -> bytes:
    return hashlib.blake2b(trace_id.encode(), digest_size=8).digest()


def _read_rows(run: RunFolder, name: str) -> Iterator[tuple[str, bytes]]:
    """Trace id and JSON line of every train row of a named selection; none when it has no file."""
    if any(run.dataset(name).glob("jsonl/train-*.jsonl")):
        for row in read_dataset_rows(run.dataset(name)):
            yield row.values["id"], orjson.dumps(row.values)


def _find_right(run: RunFolder) -> set[str]:
    """Ids of the traces whose accuracy is 1."""
    manifest = run.read_manifest()
    shards: Sequence[int] = range(manifest.shards if manifest else 0)
    scores = (score for shard in shards for score in run.read_scores(shard))
    return {score.trace_id for score in scores if score.rewards["accuracy"].value == 1}


def _check_apart(training: ProblemsConfig, evaluation: ProblemsConfig) -> None:
    """Refuse problems that are both trained and evaluated on."""
    asked = {_plain(problem.question): problem.id for problem in read_problems(evaluation)}
    for problem in read_problems(training):
        if (other := asked.get(_plain(problem.question))) is not None:
            raise InputError(
                f"problem '{problem.id}' is to be trained on and is problem '{other}' of the evaluation, which would "
                "prove nothing. Take them out of one of the two"
            )


def _plain(question: str) -> str:
    return " ".join(question.split()).casefold()
