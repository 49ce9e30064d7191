"""Rows of CSV text and of spreadsheets, read strictly; only this module knows delimiters, quotes and what Excel does.

A row that does not fit its header, or a quote that is never closed, means that cells have shifted or rows have been
swallowed: it is named by its line and never taken as it comes.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from overproof.errors import ConfigError, InputError
from overproof.rows import files
from overproof.rows.encoding import OtherEncoding, read_text, say_not
from overproof.rows.row import SourceRow, key

_DELIMITERS = (",", ";", "\t", "|", "，", "；")
"""The last two are what a Chinese keyboard writes."""
_LONGEST_CELL = 1 << 27
_EXCEL_ERRORS = {"#NAME?", "#REF!", "#VALUE!", "#DIV/0!", "#N/A", "#NUM!", "#NULL!"}
_MOST_DIGITS = 15
"""Digits of a number that Excel keeps."""
_UNCOUNTED = re.compile(rb'<c r="([A-Z]+[0-9]+)"[^>]*><f[^>]*>[^<]*</f>(?:<v\s*/>|<v></v>)?</c>')
"""A cell of a sheet's XML with a formula and no value."""
_NOTHING = " \t\r\n\0\x1a\ufeff"
"""What a line may hold that holds no row: blanks, the zeros of a file that was cut, the end mark of DOS."""


class _Lines:
    """Physical lines, counted, with those of the record at hand kept, and what is wrong with them."""

    def __init__(self, lines: Iterator[str], table: str) -> None:
        self._lines = lines
        self._table = table
        self.count = 0
        self.record: list[str] = []
        self.fault: str | None = None

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.count += 1
        self.record.append(line)
        if isinstance(line, OtherEncoding):
            self.fault = say_not(line.error.encoding, line.error, self._table)
        if not line.strip(_NOTHING):
            return "\n"
        if "\0" in line:
            self.fault = "holds NUL characters, which no text does: it is damaged, or of another encoding"
        return line.replace("\0", "").removeprefix("\ufeff")

    def begin(self) -> int:
        """Begin the next record; returns the number of its first line."""
        self.record, self.fault = [], None
        return self.count + 1


def read_csv(file: Path, encoding: str, table: str) -> Iterator[SourceRow]:
    """The rows of CSV, TSV, or text parted by semicolons or bars. Raises InputError for an open quote or header."""
    csv.field_size_limit(_LONGEST_CELL)
    lines = _Lines(read_text(file, encoding, table), table)
    first = _read_first(lines, file)
    delimiter, header = _read_header(first, lines, file)
    if not header:
        return
    where_header = f"{file}:{lines.count}"
    reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
    while True:
        start = lines.begin()
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
        is_blank = not any(cell.strip(_NOTHING) for cell in cells)
        is_header = [cell.strip(_NOTHING) for cell in cells] == header  # again, where files were joined
        if lines.fault is not None:
            yield SourceRow(where, {}, lines.fault)
        elif not is_blank and not is_header:
            yield _fit(where, header, cells, lines.record, delimiter)._replace(header=where_header)


def _read_first(lines: _Lines, file: Path) -> str:
    """The header's line; a line `sep=;`, which Excel writes before it, is passed over."""
    for line in lines:
        if lines.fault is not None:
            raise InputError(f"{file}:{lines.count} {lines.fault}")
        if line.strip() and not line.lower().lstrip('\ufeff"').startswith("sep="):
            return line
    return ""


def _read_header(first: str, lines: _Lines, file: Path) -> tuple[str, list[str]]:
    """The delimiter that parts the header into most names, and the names."""
    found: list[tuple[int, str, list[str]]] = []
    is_open = False
    for delimiter in _DELIMITERS:
        try:
            names = next(csv.reader([first], delimiter=delimiter, strict=True, skipinitialspace=True), [])
        except csv.Error:
            is_open |= delimiter in first
            continue
        found.append((len(names), delimiter, [name.strip(_NOTHING) for name in names]))
    if is_open and all(count == 1 for count, *_ in found):
        raise InputError(f"{file}:{lines.count}: a quote in the header is never closed")
    _, delimiter, header = max(found, key=lambda one: one[0])
    _refuse_twice(header, f"{file}:{lines.count}")
    return delimiter, header


def _refuse_twice(header: Sequence[str], where: str) -> None:
    repeated = sorted({name for name in header if name and header.count(name) > 1})
    if repeated:
        raise InputError(f"{where}: the header has '{repeated[0]}' twice. Rename one")


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
            f"Put a cell that holds '{_name_of(delimiter)}' into double quotes",
        )
    if len(cells) < named:
        parted = f"parted by '{_name_of(delimiter)}'"
        return SourceRow(where, {}, f"has {len(cells)} cells and the header {named} {parted}. Add what is missing")
    if len(record) > 1 and all(_count(line, delimiter) == len(header) for line in record) and len(header) > 1:
        return SourceRow(
            where,
            {},
            f"reads as one row of {len(record)} lines, each of which could be a row: a quote opened in it swallows "
            "the lines after it",
        )
    values = {name: cell for name, cell in zip(header, cells, strict=False) if name}
    return SourceRow(where, values, _find_error(values))


def _find_error(values: Mapping[str, Any]) -> str | None:
    """What a formula that failed has left in a row."""
    broken = next((name for name, value in values.items() if value in _EXCEL_ERRORS), None)
    return None if broken is None else f"holds the error {values[broken]} in '{broken}'. Mend the formula"


def _name_of(delimiter: str) -> str:
    return "a tab" if delimiter == "\t" else delimiter


def _count(line: str, delimiter: str) -> int:
    """How many cells a line would have if quotes meant nothing."""
    return line.count(delimiter) + 1


def read_workbook(
    file: Path, table: str, name: str | None, tell: Callable[[str], object] = lambda _: None
) -> Iterator[SourceRow]:
    """The rows of a spreadsheet's sheet: the one called `name`, or the only one that holds anything."""
    from python_calamine import CalamineError, CalamineWorkbook

    content = files.read_all(file)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = [one for one in book.sheet_names if book.get_sheet_by_name(one).height > 1]
        if name is not None and name not in book.sheet_names:
            raise ConfigError(
                f"{key(table, 'name')}: '{file}' has no sheet '{name}'; it has: {', '.join(book.sheet_names)}"
            )
        if name is None and len(sheets) > 1:
            raise ConfigError(
                f"{key(table, 'path')}: '{file}' has several sheets: {', '.join(sheets)}. Set {key(table, 'name')}"
            )
        if name is None and not sheets:
            return
        sheet = book.get_sheet_by_name(name or sheets[0])
        rows = sheet.to_python(skip_empty_area=True)
    except CalamineError as error:
        raise InputError(f"{file} is not a readable spreadsheet: {error}") from None
    if uncounted := _find_uncounted(content):
        tell(f"{file} holds formulas without a value, as in {uncounted}: they read as blank. Save it once from Excel")
    yield from _read_sheet(file, sheet, rows)


def _find_uncounted(content: bytes) -> str | None:
    """The first cell whose formula was never calculated, as scripts write them; None where there is none."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return None
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        sheets = [name for name in parts.namelist() if re.fullmatch(r"xl/worksheets/[^/]+\.xml", name)]
        found = (_UNCOUNTED.search(parts.read(name)) for name in sheets)
        return next((one[1].decode() for one in found if one is not None), None)


def _read_sheet(file: Path, sheet: Any, rows: list[list[Any]]) -> Iterator[SourceRow]:
    if not rows:
        return
    header = [str(name).strip() for name in rows[0]]
    _refuse_twice(header, str(file))
    top = (sheet.start or (0, 0))[0] + 1
    for number, cells in enumerate(_fill_merged(sheet, rows)[1:], start=top + 1):
        if any(cell != "" for cell in cells):
            yield _read_cells(f"{file}, row {number}", header, cells)._replace(header=f"{file}, row {top}")


def _fill_merged(sheet: Any, rows: list[list[Any]]) -> list[list[Any]]:
    """The rows with the value of a merged cell in each row that it reaches over, as a reader sees it."""
    top, left = sheet.start or (0, 0)
    for (first, column), (last, _) in sheet.merged_cell_ranges or []:
        for row in range(first + 1, last + 1):
            if 0 <= first - top < row - top < len(rows) and 0 <= column - left < len(rows[0]):
                rows[row - top][column - left] = rows[first - top][column - left]
    return rows


def _read_cells(where: str, header: Sequence[str], cells: Sequence[Any]) -> SourceRow:
    values = {name: _as_written(cell) for name, cell in zip(header, cells, strict=False) if name}
    return SourceRow(where, values, _find_error(values))


def _as_written(cell: Any) -> Any:
    """A number as a sheet shows it: whole ones without a point, others with the fifteen digits that Excel keeps."""
    if isinstance(cell, float) and abs(cell) < 10**_MOST_DIGITS:
        return int(cell) if cell.is_integer() else format(cell, f".{_MOST_DIGITS}g")
    return None if cell == "" else cell
