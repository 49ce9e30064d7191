"""Rows of CSV text and of spreadsheets, read strictly; only this module knows delimiters, quotes and what Excel does.

A row that does not fit its header, or a quote that is never closed, means that cells have shifted or rows have been
swallowed: it is named by its line and never taken as it comes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from overproof.errors import ConfigError, InputError
from overproof.rows import files
from overproof.rows.encoding import read_text
from overproof.rows.row import SourceRow, key

_DELIMITERS = (",", ";", "\t", "|")
_LONGEST_CELL = 1 << 27
_EXCEL_ERRORS = {"#NAME?", "#REF!", "#VALUE!", "#DIV/0!", "#N/A", "#NUM!", "#NULL!"}


class _Lines:
    """Physical lines, counted, with those of the record at hand kept."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.count = 0
        self.record: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        if "\0" in line:
            raise csv.Error("it holds NUL characters")
        self.count += 1
        self.record.append(line)
        return line


def read_csv(file: Path, encoding: str, table: str) -> Iterator[SourceRow]:
    """The rows of CSV, TSV, or text parted by semicolons or bars. Raises InputError for an open quote or header."""
    csv.field_size_limit(_LONGEST_CELL)
    lines = _Lines(read_text(file, encoding, table))
    first = _read_first(lines, file)
    delimiter, header = _read_header(first, lines, file)
    if not header:
        return
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        start, lines.record = lines.count + 1, []
        where = f"{file}:{start}"
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if lines.count > start or "unexpected end" in str(error):
                raise InputError(
                    f"{where}: a quote in this row is never closed, or closed at the wrong place: the row swallows "
                    f'those after it. Close it, and write a quote within a cell as ""'
                ) from None
            yield SourceRow(where, {}, f'is not readable CSV: {error}. Write a quote within a cell as ""')
            continue
        if any(cell.strip() for cell in cells):
            yield _fit(where, header, cells, lines.record, delimiter)


def _read_first(lines: _Lines, file: Path) -> str:
    """The header's line; a line `sep=;`, which Excel writes before it, is passed over."""
    try:
        for line in lines:
            if line.strip() and not line.lower().startswith("sep="):
                return line
    except csv.Error as error:
        raise InputError(f"{file} is not readable CSV: {error}. Set problems.encoding, for example utf-16") from None
    return ""


def _read_header(first: str, lines: _Lines, file: Path) -> tuple[str, list[str]]:
    """The delimiter that parts the header into most names, and the names."""
    found: list[tuple[int, str, list[str]]] = []
    is_open = False
    for delimiter in _DELIMITERS:
        try:
            names = next(csv.reader([first], delimiter=delimiter, strict=True), [])
        except csv.Error:
            is_open |= delimiter in first
            continue
        found.append((len(names), delimiter, [name.strip() for name in names]))
    if is_open and all(count == 1 for count, *_ in found):
        raise InputError(f"{file}:{lines.count}: a quote in the header is never closed")
    _, delimiter, header = max(found, key=lambda one: one[0])
    repeated = sorted({name for name in header if name and header.count(name) > 1})
    if repeated:
        raise InputError(f"{file}:{lines.count}: the header has '{repeated[0]}' twice. Rename one")
    return delimiter, header


def _fit(where: str, header: list[str], cells: list[str], record: list[str], delimiter: str) -> SourceRow:
    """A row whose cells are as many as its header's names; else a row with the fault."""
    while len(cells) > len(header) and not cells[-1].strip():
        cells = cells[:-1]
    named = len(header) if header[-1] else len(header) - 1
    if len(cells) > len(header):
        cell = next((cell for cell in cells[len(header) - 1 :] if cell), "")
        return SourceRow(
            where,
            {},
            f"has {len(cells)} cells and the header {len(header)} (from '{cell[:20]}' on they are too many). "
            f"Put a cell that holds '{_name_of(delimiter)}' into quotes",
        )
    if len(cells) < named:
        return SourceRow(where, {}, f"has {len(cells)} cells and the header {len(header)}. Add what is missing")
    if len(record) > 1 and all(_count(line, delimiter) == len(header) for line in record) and len(header) > 1:
        return SourceRow(
            where,
            {},
            f"reads as one row of {len(record)} lines, each of which could be a row: a quote opened in it swallows "
            "the lines after it",
        )
    return SourceRow(where, dict(zip(header, cells, strict=False)))


def _name_of(delimiter: str) -> str:
    return "a tab" if delimiter == "\t" else delimiter


def _count(line: str, delimiter: str) -> int:
    """How many cells a line would have if quotes meant nothing."""
    return line.count(delimiter) + 1


def read_workbook(file: Path, table: str, name: str | None) -> Iterator[SourceRow]:
    """The rows of a spreadsheet's sheet: the one called `name`, or the only one that holds anything."""
    from python_calamine import CalamineError, CalamineWorkbook, WorksheetNotFound

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(files.read_all(file)))
    except CalamineError as error:
        raise InputError(f"{file} is not a readable spreadsheet: {error}") from None
    try:
        sheets = [name] if name else [one for one in book.sheet_names if book.get_sheet_by_name(one).height > 1]
        if len(sheets) > 1:
            raise ConfigError(
                f"{key(table, 'path')}: '{file}' has several sheets: {', '.join(sheets)}. Set {key(table, 'name')}"
            )
        rows = book.get_sheet_by_name(sheets[0]).to_python(skip_empty_area=True) if sheets else []
    except WorksheetNotFound:
        raise ConfigError(
            f"{key(table, 'name')}: '{file}' has no sheet '{name}'; it has: {', '.join(book.sheet_names)}"
        ) from None
    except CalamineError as error:
        raise InputError(f"{file} is not a readable spreadsheet: {error}") from None
    if not rows:
        return
    header = [str(name).strip() for name in rows[0]]
    for number, cells in enumerate(rows[1:], start=2):
        if any(cell != "" for cell in cells):
            yield _read_cells(f"{file}, row {number}", header, cells)


def _read_cells(where: str, header: Sequence[str], cells: Sequence[Any]) -> SourceRow:
    values = {name: _as_written(cell) for name, cell in zip(header, cells, strict=False) if name}
    broken = next((name for name, value in values.items() if value in _EXCEL_ERRORS), None)
    if broken is not None:
        return SourceRow(where, values, f"holds the error {values[broken]} in '{broken}'. Mend the formula")
    return SourceRow(where, values)


def _as_written(cell: Any) -> Any:
    """A number as a sheet shows it: whole ones without a point, others with the fifteen digits that Excel keeps."""
    if isinstance(cell, float):
        return int(cell) if cell.is_integer() else format(cell, ".15g")
    return None if cell == "" else cell
