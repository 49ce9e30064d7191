"""Rows → the files of a dataset; only this module knows their names and how they are written.

    README.md        parquet/<split>-<shard>.parquet        jsonl/<split>-<shard>.jsonl        jsonl/README.md

A shard's rows lie in files of their own, so that shards can be written by any number of processes, and the bytes do
not depend on how many. The two forms lie in folders of their own because `datasets` would silently load one of them.
"""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import orjson

from overproof.export.formats import Row
from overproof.journal import new_file

if TYPE_CHECKING:
    import pyarrow as pa

SPLITS = ("train", "validation")
FORMS = ("jsonl", "parquet")

_ROWS = re.compile(rf"(?:{'|'.join(SPLITS)})-\d{{5}}\.(?:{'|'.join(FORMS)})(?:\.tmp)?")
_ROW_GROUP_BYTES = 1 << 24


class SplitWriter:
    """One split of one shard, in JSONL and Parquet. Both files appear when the context ends well, else neither."""

    def __init__(self, folder: Path, split: str, shard: int, schema: pa.Schema) -> None:
        """Name the files that will lie in `folder`; nothing is opened before the context is entered."""
        self.rows = 0
        self.paths = [folder / form / f"{split}-{shard:05d}.{form}" for form in FORMS]
        self._files = ExitStack()
        self._schema = schema
        self._waiting: list[Row] = []
        self._waiting_bytes = 0

    def __enter__(self) -> Self:
        """Open both temporary files."""
        from pyarrow import parquet

        with ExitStack() as files:
            self._jsonl, table = [files.enter_context(new_file(path)) for path in self.paths]
            self._parquet = files.enter_context(parquet.ParquetWriter(table, self._schema, compression="zstd"))
            files.push(self._finish)
            self._files = files.pop_all()
        return self

    def write(self, row: Row) -> None:
        """Add one row."""
        line = orjson.dumps(row)
        self._jsonl.write(line + b"\n")
        self._waiting.append(row)
        self._waiting_bytes += len(line)
        self.rows += 1
        if self._waiting_bytes >= _ROW_GROUP_BYTES:
            self._write_row_group()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish both files and give them their names, or drop them after an exception."""
        self._files.__exit__(kind, error, trace)

    def _finish(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._write_row_group()

    def _write_row_group(self) -> None:
        import pyarrow as pa

        if self._waiting:
            # Column by column, because pyarrow's own conversion of rows takes three times as long.
            columns = [pa.array([row[field.name] for row in self._waiting], type=field.type) for field in self._schema]
            self._parquet.write_table(pa.Table.from_arrays(columns, schema=self._schema))
            self._waiting, self._waiting_bytes = [], 0


def is_row_file(path: Path) -> bool:
    """Whether a file of a dataset holds rows that an export wrote, finished or not; others may lie beside them."""
    return _ROWS.fullmatch(path.name) is not None
