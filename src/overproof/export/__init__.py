"""Kept traces → a chat dataset that `datasets` loads and TRL trains on; only this package writes rows for training.

`export_shard` writes the rows of one shard and can run anywhere; `finish_export` closes a dataset with its card once
every shard is written; `export` does both. The same traces give the same bytes, whatever the order in which they
arrived and however many processes wrote them: rows stand by shard, problem and index, and nothing else is written.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import msgspec

from overproof.config import RunConfig
from overproof.config.output import ExportConfig
from overproof.export.card import render_card
from overproof.export.files import SPLITS, SplitWriter, remove_others
from overproof.export.rows import build_row, build_schema
from overproof.journal import write_bytes
from overproof.records import PreparedProblem
from overproof.runfolder import RunFolder


class ShardExport(msgspec.Struct, frozen=True):
    """What the export of one shard wrote."""

    rows: dict[str, int]
    """Rows of each split."""
    problems: int
    """Problems with at least one row."""
    reasons: dict[str, int]
    """Decisions of the shard by reason."""
    files: list[Path]


class ExportSummary(msgspec.Struct, frozen=True):
    """What an export wrote."""

    folder: Path
    rows: dict[str, int]
    """Rows of each split."""
    problems: int
    """Problems with at least one row."""
    reasons: dict[str, int]
    """Decisions by reason; those of kept traces add up to the rows."""


def export(config: RunConfig, folder: RunFolder, shards: Iterable[int], name: str | None = None) -> ExportSummary:
    """Write the dataset of a selection (the unnamed one when `name` is None) from the decisions of these shards."""
    return finish_export(config, folder, [export_shard(config, folder, shard, name) for shard in shards], name)


def export_shard(config: RunConfig, folder: RunFolder, shard: int, name: str | None = None) -> ShardExport:
    """Write the rows of one shard. Holds one problem's traces and one row group at a time."""
    decisions = list(folder.read_decisions(shard, name))
    kept = {decision.trace_id for decision in decisions if decision.kept}
    schema = build_schema()
    problems = 0
    with ExitStack() as stack:
        writers: dict[str, SplitWriter] = {}
        for problem, traces in folder.read_groups(shard, only=kept):
            if problem is None or not traces:
                continue
            problems += 1
            split = split_of(problem, config.export)
            if split not in writers:
                writers[split] = stack.enter_context(SplitWriter(folder.dataset(name), split, shard, schema))
            for trace in traces:
                writers[split].write(build_row(trace))
    return ShardExport(
        rows={split: writers[split].rows if split in writers else 0 for split in SPLITS},
        problems=problems,
        reasons=dict(Counter(decision.reason for decision in decisions)),
        files=[path for writer in writers.values() for path in writer.paths],
    )


def finish_export(
    config: RunConfig, folder: RunFolder, parts: Iterable[ShardExport], name: str | None = None
) -> ExportSummary:
    """Delete what an earlier export left and write the card; a dataset without its card is not finished."""
    rows, reasons = Counter(dict.fromkeys(SPLITS, 0)), Counter[str]()
    files: list[Path] = []
    problems = 0
    for part in parts:
        rows.update(part.rows)
        reasons.update(part.reasons)
        files += part.files
        problems += part.problems
    target = folder.dataset(name)
    remove_others(target, files)
    write_bytes(target / "README.md", render_card(config, name, dict(rows), reasons).encode())
    return ExportSummary(target, dict(rows), problems, dict(reasons))


def split_of(problem: PreparedProblem, config: ExportConfig) -> str:
    """The split of all rows of a problem and of its near-duplicates: a hash of their cluster, so that none crosses."""
    key = f"{config.seed}/{problem.cluster or problem.problem.id}"
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    return "validation" if int.from_bytes(digest, "big") < config.validation * 2**64 else "train"
