"""Files of answers, graded row by row (`overproof grade`); only this module knows their fields.

A row is a JSON object with `reference` and `output`, and optionally `problem`, `output_kind` (`full`, the default: a
whole reply; `answer`: an answer and nothing else) and `label` (whether the answer is known to be right). Each row is
written back in order with `verdict`, `extracted`, `layer` and `reason` added; whatever else it holds is kept.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import msgspec
import orjson

from overproof.errors import InputError
from overproof.grading import Row, grade_many
from overproof.journal import new_file
from overproof.records import Grade, Verdict, clean_text
from overproof.rows import Source, read_rows
from overproof.rows.columns import MISSING, look_up

_ACCEPTED = frozenset({Verdict.CORRECT, Verdict.APPROXIMATE})
_OPTIONS = {"reference": "--reference COLUMN", "output": "--answer COLUMN"}
"""How a command line names the columns of what each row must have."""
FIELDS = ("verdict", "extracted", "layer", "reason")


class LabelAgreement(msgspec.Struct, frozen=True):
    """Verdicts beside labels, of the rows that have one. A row is accepted when it is correct or approximate."""

    accepted_right: int
    accepted_wrong: int
    refused_right: int
    """Right by their label, but incorrect or unverifiable by verdict."""
    refused_wrong: int

    @property
    def precision(self) -> float | None:
        """The share of accepted rows that are labelled right; None when none is accepted."""
        accepted = self.accepted_right + self.accepted_wrong
        return self.accepted_right / accepted if accepted else None

    @property
    def recall(self) -> float | None:
        """The share of rows labelled right that are accepted; None when none is labelled right."""
        right = self.accepted_right + self.refused_right
        return self.accepted_right / right if right else None


class GradedRows(msgspec.Struct, frozen=True):
    """What became of a file of rows."""

    verdicts: dict[str, int]
    """How many rows have each verdict."""
    layers: dict[str, int]
    """How many rows each layer decided."""
    agreement: LabelAgreement | None = None
    """How the verdicts compare with the labels; None where no row has one."""


def grade_rows(
    path_in: Path,
    path_out: Path | None = None,
    *,
    columns: Mapping[str, str] = {},
    workers: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> GradedRows:
    """Grade every row of a file and write it, with its verdict, to another, if one is named.

    `progress` is told how many are done.
    `columns` says under which columns, or paths within a row, `reference`, `output` and `problem` stand where they are
    called otherwise. Any file that problems may be read from will do.

    Both files are streamed. Raises InputError naming file and line of the first row that cannot be read; the whole
    file is checked before anything is written, and an existing `path_out` is only replaced by a whole one.
    """
    if path_out is not None:
        _check_target(path_in, path_out)
    for _ in _read_rows(path_in, columns):
        pass
    verdicts: Counter[str] = Counter()
    layers: Counter[str] = Counter()
    pairs: Counter[tuple[bool, bool]] = Counter()
    grades = grade_many((_to_row(row) for row in _read_rows(path_in, columns)), workers=workers)
    with nullcontext() if path_out is None else new_file(path_out) as sink:
        for done, (row, grade) in enumerate(zip(_read_rows(path_in, columns), grades, strict=True), 1):
            if sink is not None:
                sink.write(_encode({**row, **_fields(grade)}))
            verdicts[grade.verdict] += 1
            layers[grade.layer] += 1
            if row.get("label") is not None:
                pairs[grade.verdict in _ACCEPTED, bool(row["label"])] += 1
            if progress is not None:
                progress(done)
    sides = (pairs[True, True], pairs[True, False], pairs[False, True], pairs[False, False])
    return GradedRows(dict(verdicts), dict(layers), LabelAgreement(*sides) if pairs else None)


def _check_target(path_in: Path, path_out: Path) -> None:
    if path_out.is_dir():
        raise InputError(f"{path_out} is a folder. Give --out the name of a file")
    if path_out.exists() and path_in.exists() and path_out.samefile(path_in):
        raise InputError(f"{path_out} is the file of rows itself. Give another --out")


def _fields(grade: Grade) -> dict[str, Any]:
    return {name: getattr(grade, name) for name in FIELDS}


def _to_row(row: dict[str, Any]) -> Row:
    return Row(row["output"], row["reference"], row.get("problem") or None, row.get("output_kind") == "answer")


def _read_rows(path: Path, columns: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The rows of a file, checked. Raises InputError."""
    if not path.is_file():
        raise InputError(f"{path} is not a file. Give a JSONL file with the fields reference and output")
    if path.suffix.lower() != ".jsonl":
        for row in read_rows(Source(path=str(path))):
            yield _check_row(
                _rename({name: _to_plain(value) for name, value in row.values.items()}, columns), row.where
            )
        return
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                place = f"{path}, line {number}"
                yield _check_row(_rename(_read_row(line, place), columns), place)


def _rename(row: dict[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    """The row with what stands under other columns under the names that grading reads, too."""
    found = {name: look_up(row, path) for name, path in columns.items()}
    return {**row, **{name: value for name, value in found.items() if value is not MISSING}}


def _to_plain(value: Any) -> Any:
    """A cell as JSON can hold it."""
    return value if value is None or isinstance(value, str | int | float | list | dict) else str(value)


def _decode(line: bytes) -> Any:
    """A line's JSON. Bytes that are not UTF-8 and halves of surrogate pairs are a model's doing and are replaced."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return json.loads(line.decode("utf-8", "replace"))


def _encode(row: dict[str, Any]) -> bytes:
    """A row as a line, whatever it holds: halves of surrogate pairs and integers beyond 64 bits are escaped or kept."""
    try:
        return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        return json.dumps(row, default=str).encode() + b"\n"


def _read_row(line: bytes, place: str) -> dict[str, Any]:
    try:
        row = _decode(line)
    except ValueError as error:
        raise InputError(f"{place} is not JSON: {error}. Write one object a line") from None
    if not isinstance(row, dict):
        raise InputError(f"{place} is not a JSON object but {type(row).__name__}. Write one object a line")
    return row


def _check_row(row: dict[str, Any], place: str) -> dict[str, Any]:
    missing = [name for name in ("reference", "output") if name not in row]
    if missing:
        raise InputError(
            f"{place} has no {missing[0]!r}; it has: {', '.join(row) or 'nothing'}. "
            f"Name its column with {_OPTIONS[missing[0]]}"
        )
    kind = row.get("output_kind") or "full"
    if kind not in {"full", "answer"}:
        raise InputError(f"{place} has output_kind {kind!r}. Use full or answer")
    label = row.get("label")
    if label not in (None, True, False):  # 1 and 0 too
        raise InputError(f"{place} has label {label!r}. Use true, false or null")
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
