"""Rows of a file or dataset, one at a time, each with the place it stands; one reader for each kind of file."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from overproof.errors import ConfigError, InputError


class Row(NamedTuple):
    """One row as its source has it."""

    where: str
    """`file:line`, for errors."""
    values: dict[str, Any]


def read_rows(
    path: str | None = None, dataset: str | None = None, name: str | None = None, split: str | None = None
) -> Iterator[Row]:
    """Rows of a JSONL, JSON, CSV or Parquet file at `path`, or of a Hub or local `dataset`.

    Raises ConfigError when the source cannot be found and InputError, naming file and line, when it cannot be read.
    """
    if path is None:
        return _read_dataset(str(dataset), name, split or "train")
    file = Path(path)
    if not file.is_file():
        raise ConfigError(f"problems.path: there is no file '{path}'")
    reader = _READERS.get(file.suffix.lower())
    if reader is None:
        raise ConfigError(f"problems.path: '{path}' is none of {', '.join(_READERS)}")
    return reader(file)


def _read_jsonl(file: Path) -> Iterator[Row]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield _as_row(f"{file}:{number}", _parse_json(line, f"{file}:{number}"))


def _read_json(file: Path) -> Iterator[Row]:
    items = _parse_json(file.read_bytes(), str(file))
    if not isinstance(items, list):
        raise InputError(f"{file} holds {type(items).__name__}, not a list of rows. For one row a line, name it .jsonl")
    for number, item in enumerate(items, start=1):
        yield _as_row(f"{file}, item {number}", item)


def _read_csv(file: Path) -> Iterator[Row]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            for values in reader:
                yield Row(f"{file}:{reader.line_num}", {key: value for key, value in values.items() if key is not None})
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file} is not UTF-8 CSV: {error}") from None


def _read_parquet(file: Path) -> Iterator[Row]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        number = 0
        for batch in parquet.ParquetFile(file).iter_batches():
            for values in batch.to_pylist():
                number += 1
                yield Row(f"{file}, row {number}", values)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{file} is not readable Parquet: {error}") from None


def _read_dataset(dataset: str, name: str | None, split: str) -> Iterator[Row]:
    import datasets

    try:
        rows = datasets.load_dataset(dataset, name, split=split)
    except (ValueError, OSError, datasets.exceptions.DatasetsError) as error:
        raise ConfigError(
            f"problems.dataset: '{dataset}' (name {name}, split {split}) cannot be loaded: {error}"
        ) from None
    for number, values in enumerate(rows, start=1):
        yield Row(f"{dataset}[{split}], row {number}", values)


def _parse_json(text: bytes, where: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InputError(f"{where} is not valid JSON: {error}") from None


def _as_row(where: str, item: Any) -> Row:
    if not isinstance(item, dict):
        raise InputError(f"{where} holds {type(item).__name__}, not a row of named columns")
    return Row(where, item)


_READERS: dict[str, Callable[[Path], Iterator[Row]]] = {
    ".jsonl": _read_jsonl,
    ".json": _read_json,
    ".csv": _read_csv,
    ".parquet": _read_parquet,
}
