"""Files of answers, graded row by row (`overproof grade`); only this module knows their fields.

A row is a JSON object with `reference` and `output`, and optionally `problem` and `output_kind` (`full`, the default: a
whole reply; `answer`: an answer and nothing else). Each row is written back in order with `verdict`, `extracted`,
`layer` and `reason` added; whatever else it holds is kept.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import orjson

from overproof.errors import InputError
from overproof.grading import Row, grade_many
from overproof.records import Grade, clean_text

FIELDS = ("verdict", "extracted", "layer", "reason")


class GradedRows(msgspec.Struct, frozen=True):
    """What became of a file of rows."""

    verdicts: dict[str, int]
    """How many rows have each verdict."""
    layers: dict[str, int]
    """How many rows each layer decided."""


def grade_rows(
    path_in: Path,
    path_out: Path,
    *,
    workers: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> GradedRows:
    """Grade every row of a file and write it, with its verdict, to another. `progress` is told how many are done.

    Both files are streamed. Raises InputError naming file and line of the first row that cannot be read; the whole
    file is checked before anything is written, and an existing `path_out` is only replaced by a whole one.
    """
    for _ in _read_rows(path_in):
        pass
    verdicts: Counter[str] = Counter()
    layers: Counter[str] = Counter()
    partial = path_out.with_name(f"{path_out.name}.partial")
    grades = grade_many((_to_row(row) for row in _read_rows(path_in)), workers=workers)
    with _open_new(partial) as sink:
        for done, (row, grade) in enumerate(zip(_read_rows(path_in), grades, strict=True), 1):
            sink.write(orjson.dumps({**row, **_fields(grade)}, option=orjson.OPT_APPEND_NEWLINE))
            verdicts[grade.verdict] += 1
            layers[grade.layer] += 1
            if progress is not None:
                progress(done)
    partial.replace(path_out)
    return GradedRows(dict(verdicts), dict(layers))


def _open_new(path: Path) -> BinaryIO:
    """A file to write, in a folder that is made when missing. Raises InputError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb")
    except OSError as error:
        raise InputError(f"{path.parent} cannot be written ({error.strerror}). Give another --out") from None


def _fields(grade: Grade) -> dict[str, Any]:
    return {name: getattr(grade, name) for name in FIELDS}


def _to_row(row: dict[str, Any]) -> Row:
    return Row(row["output"], row["reference"], row.get("problem") or None, row.get("output_kind") == "answer")


def _read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file, checked. Raises InputError."""
    if not path.is_file():
        raise InputError(f"{path} is not a file. Give a JSONL file with the fields reference and output")
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield _read_row(line, f"{path}, line {number}")


def _decode(line: bytes) -> Any:
    """A line's JSON. Bytes that are not UTF-8 and halves of surrogate pairs are a model's doing and are replaced."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return json.loads(line.decode("utf-8", "replace"))


def _read_row(line: bytes, place: str) -> dict[str, Any]:
    try:
        row = _decode(line)
    except ValueError as error:
        raise InputError(f"{place} is not JSON: {error}. Write one object a line") from None
    if not isinstance(row, dict):
        raise InputError(f"{place} is not a JSON object but {type(row).__name__}. Write one object a line")
    missing = [name for name in ("reference", "output") if name not in row]
    if missing:
        raise InputError(f"{place} has no {missing[0]!r}; it has: {', '.join(row) or 'nothing'}. Add the field")
    kind = row.get("output_kind", "full")
    if kind not in {"full", "answer"}:
        raise InputError(f"{place} has output_kind {kind!r}. Use full or answer")
    for name in ("reference", "output", "problem"):
        value = row.get(name)
        if value is None:
            continue
        if isinstance(value, int | float) and not isinstance(value, bool):
            row[name] = str(value)
        elif not isinstance(value, str):
            raise InputError(f"{place}: {name} is {type(value).__name__} and not text. Write it as a string")
        else:
            row[name] = clean_text(value)
    return row
