"""Rows of a file or dataset, one at a time, each with the place it stands; one reader for each kind of file.

Numbers keep the digits they are written with: a reference of `3.10` or of thirty digits is not what a float makes of
it, so JSON numbers with a point become Decimal.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from overproof.errors import ConfigError, InputError

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LONGEST_CELL = 1 << 27


class SourceRow(NamedTuple):
    """One row as its source has it."""

    where: str
    """`file:line`, for errors."""
    values: dict[str, Any]


def read_rows(
    path: str | None = None,
    dataset: str | None = None,
    name: str | None = None,
    split: str | None = None,
    *,
    under: str | None = None,
) -> Iterator[SourceRow]:
    """Rows of a JSONL, JSON, CSV or Parquet file at `path`, or of a Hub or local `dataset`.

    `under` names the key of a JSON file that holds the list of rows, where the file is not a list itself. Raises
    ConfigError when the source cannot be found and InputError, naming file and line, when it cannot be read.
    """
    if path is None:
        return _read_dataset(str(dataset), name, split or "train")
    file = Path(path)
    if not file.is_file():
        raise ConfigError(f"problems.path: there is no file '{path}'")
    if file.suffix.lower() == ".json":
        return _read_json(file, under)
    reader = _READERS.get(file.suffix.lower())
    if reader is None:
        raise ConfigError(f"problems.path: '{path}' is none of .json, {', '.join(_READERS)}")
    return reader(file)


def _read_jsonl(file: Path) -> Iterator[SourceRow]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            text = line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
            if text.strip():
                yield _as_row(f"{file}:{number}", _parse_json(text, f"{file}:{number}"))


def _read_json(file: Path, under: str | None) -> Iterator[SourceRow]:
    items = _parse_json(file.read_bytes().removeprefix(_BYTE_ORDER_MARK), str(file))
    if under is not None and isinstance(items, dict):
        items = items.get(under)
    if not isinstance(items, list):
        raise InputError(f"{file} holds {type(items).__name__}, not a list of rows. For one row a line, name it .jsonl")
    for number, item in enumerate(items, start=1):
        yield _as_row(f"{file}, item {number}", item)


def _read_csv(file: Path) -> Iterator[SourceRow]:
    csv.field_size_limit(_LONGEST_CELL)
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            for values in reader:
                yield SourceRow(
                    f"{file}:{reader.line_num}", {key: value for key, value in values.items() if key is not None}
                )
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file} is not UTF-8 CSV: {error}") from None


def _read_parquet(file: Path) -> Iterator[SourceRow]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        number = 0
        for batch in parquet.ParquetFile(file).iter_batches(batch_size=1024):
            for values in batch.to_pylist():
                number += 1
                yield SourceRow(f"{file}, row {number}", values)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{file} is not readable Parquet: {error}") from None


def _read_dataset(dataset: str, name: str | None, split: str) -> Iterator[SourceRow]:
    import datasets

    try:
        if (Path(dataset) / "dataset_dict.json").is_file():
            rows = datasets.load_from_disk(dataset)[split]
        elif (Path(dataset) / "state.json").is_file():
            rows = datasets.load_from_disk(dataset)
        else:
            rows = datasets.load_dataset(dataset, name, split=split)
    except (ValueError, KeyError, OSError, datasets.exceptions.DatasetsError) as error:
        raise ConfigError(
            f"problems.dataset: '{dataset}' (name {name}, split {split}) cannot be loaded: {error}"
        ) from None
    for number, values in enumerate(rows, start=1):
        yield SourceRow(f"{dataset}[{split}], row {number}", values)


def _parse_json(text: bytes, where: str) -> Any:
    """Any JSON, and what scripts write in its place: NaN for a missing value, escapes of half a character."""
    try:
        return _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # read again by the standard library, which allows more and explains better
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is not valid JSON: {error}") from None


def _as_row(where: str, item: Any) -> SourceRow:
    if not isinstance(item, dict):
        raise InputError(f"{where} holds {type(item).__name__}, not a row of named columns")
    return SourceRow(where, item)


_READERS: dict[str, Callable[[Path], Iterator[SourceRow]]] = {
    ".jsonl": _read_jsonl,
    ".csv": _read_csv,
    ".parquet": _read_parquet,
}
