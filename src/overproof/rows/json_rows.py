"""Rows of JSON text: a line each, one list, or any of the ways in which data frames write a table.

Numbers keep the digits they are written with: a reference of `3.10` or of thirty digits is not what a float makes of
it, so numbers with a point become Decimal.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Generator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from overproof.errors import InputError
from overproof.rows import files
from overproof.rows.encoding import UTF_8, read_text, say_not
from overproof.rows.escapes import mend_json
from overproof.rows.row import SourceRow

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_LENIENT = json.JSONDecoder(parse_float=Decimal, parse_constant=lambda _: None, strict=False)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SPACE = re.compile(r"[\s,]*")
_USUAL_KEYS = ("rows", "data", "examples", "instances", "problems", "questions", "items")
_FEWEST_COLUMNS = 2
_OF_A_CONVERSATION = {"role", "from"}
"""Keys of a message: a list of these is one row's conversation and not a table."""


class _Parsed(NamedTuple):
    value: Any
    mended: tuple[str, ...] = ()


def read_json(file: Path, encoding: str, table: str, under: str | None, *, is_lines: bool) -> Iterator[SourceRow]:
    """The rows of a JSON file; `is_lines` says that its name promises one a line. `under` names the key they lie under.

    A line that is no row comes as a row with a fault. Raises InputError for a file that is not JSON.
    """
    lines = _read_lines(file, encoding, table)
    first = next((line for line in lines if line.strip()), b"")
    more = next((line for line in lines if line.strip()), None)
    lines.close()
    is_lines = is_lines or (more is not None and isinstance(_try(more), dict))
    value = _try(first)
    if value is None and (more is not None or not is_lines) and first:
        yield from _read_whole(file, encoding, table, under, is_lines=is_lines)
    elif more is None and (isinstance(value, list) or not is_lines) and first:
        yield from _rows_of(value, file, under)
    else:
        yield from _read_each(file, encoding, table)


def _try(line: bytes) -> Any:
    """The value of a line that is JSON by itself, else None."""
    try:
        return _parse(line.strip()).value
    except ValueError:
        return None


def _read_lines(file: Path, encoding: str, table: str) -> Generator[bytes]:
    if encoding in {UTF_8, "utf-8-sig"}:
        for number, line in enumerate(files.read_lines(file)):
            yield line if number else line.removeprefix(_BYTE_ORDER_MARK)
    else:
        for text in read_text(file, encoding, table):
            yield text.encode()


def _read_each(file: Path, encoding: str, table: str) -> Iterator[SourceRow]:
    for number, line in enumerate(_read_lines(file, encoding, table), start=1):
        if line.strip():
            yield _read_line(line.strip(), f"{file}:{number}", table)


def _read_line(line: bytes, where: str, table: str) -> SourceRow:
    try:
        value, mended = _parse(line)
    except UnicodeDecodeError as error:
        return SourceRow(where, {}, say_not(UTF_8, error, table))
    except ValueError as error:
        return SourceRow(where, {}, f"is not valid JSON: {error}{_say_python(line)}")
    return _as_row(where, value, mended)


def _say_python(line: bytes) -> str:
    return (
        ". It is Python's way to print a dict; write rows with json.dumps" if line.startswith((b"{'", b"[{'")) else ""
    )


def _parse(text: bytes) -> _Parsed:
    """Any JSON, and what scripts write in its place: NaN, halves of characters, LaTeX with one backslash.

    Raises ValueError (UnicodeDecodeError is one) saying what is wrong.
    """
    try:
        return _Parsed(_DECODER.decode(text))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # read again by the standard library, which allows more and explains better
    plain = text.decode()
    try:
        return _Parsed(_LENIENT.decode(plain))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        if "escape" not in error.msg:
            raise
    mended = mend_json(plain)
    return _Parsed(_LENIENT.decode(mended.text), mended.commands)


def _read_whole(file: Path, encoding: str, table: str, under: str | None, *, is_lines: bool) -> Iterator[SourceRow]:
    """Rows of a file in which no line is JSON by itself: one document, or several objects over many lines each."""
    content = b"".join(_read_lines(file, encoding, table))
    try:
        document = _parse(content)
    except UnicodeDecodeError as error:
        raise InputError(f"{file} {say_not(encoding, error, table)}") from None
    except ValueError as error:
        items = list(_decode_many(content.decode(UTF_8, "replace"))) if b"}" in content else []
        if items:
            yield from (_as_row(f"{file}, item {number}", item) for number, item in enumerate(items, start=1))
        elif is_lines:
            yield from _read_each(file, encoding, table)
        else:
            raise InputError(f"{file} is not valid JSON: {error}") from None
        return
    for row in _rows_of(document.value, file, under):
        yield row._replace(mended=document.mended)


def _decode_many(text: str) -> Iterator[Any]:
    """Objects that follow one another; none where they do not reach to the end."""
    found, place = [], _skip_space(text, 0)
    while place < len(text):
        try:
            item, end = _LENIENT.raw_decode(text, place)
        except (ValueError, RecursionError):
            return
        found.append(item)
        place = _skip_space(text, end)
    yield from found


def _skip_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _rows_of(value: Any, file: Path, under: str | None) -> Iterator[SourceRow]:
    """The rows of one document, whichever way it holds them."""
    if under is not None and isinstance(value, dict):
        value = value.get(under)
        if value is None:
            raise InputError(f"{file} has no '{under}', under which this preset's rows lie")
    items = _find_items(value)
    if items is None:
        raise InputError(f"{file} holds {type(value).__name__}, not a list of rows")
    for number, item in enumerate(items, start=1):
        yield _as_row(f"{file}, item {number}", item)


def _find_items(value: Any) -> list[Any] | None:
    """The rows in a document: a list, a list under some key, a table by columns; None where there are none."""
    if isinstance(value, list):
        if value and all(isinstance(item, dict) and _OF_A_CONVERSATION & item.keys() for item in value):
            return [value]
        return [item["row"] if isinstance(item, dict) and item.keys() >= {"row_idx", "row"} else item for item in value]
    if not isinstance(value, dict):
        return None
    tables = {key: one for key, one in value.items() if _is_table(one)}
    usual = next((key for key in _USUAL_KEYS if key in tables), None)
    if usual is not None or len(tables) == 1:
        return _find_items(tables[usual or next(iter(tables))])
    return _find_frame(value) or [value]


def _find_frame(value: dict[str, Any]) -> list[Any] | None:
    """The rows of a data frame, in any orientation in which pandas writes one; None where it is none."""
    if {"columns", "data"} <= value.keys() and isinstance(value["columns"], list):
        return [dict(zip(map(str, value["columns"]), row, strict=False)) for row in value["data"]]
    inner = list(value.values())
    if len(inner) < _FEWEST_COLUMNS:
        return None
    if all(isinstance(one, list) for one in inner) and len({len(one) for one in inner}) == 1:
        return [dict(zip(value, cells, strict=True)) for cells in zip(*inner, strict=True)]
    if not all(isinstance(one, dict) for one in inner):
        return None
    keys = inner[0].keys()
    if all(one.keys() == keys and all(map(str.isdecimal, one)) for one in inner):
        return [{name: column[key] for name, column in value.items()} for key in keys]
    return inner if all(map(str.isdecimal, value)) else None


def _is_table(value: Any) -> bool:
    """Whether a value is a list of rows, and not one row's conversation."""
    rows = value if isinstance(value, list) else []
    return bool(rows) and all(isinstance(row, dict) and not _OF_A_CONVERSATION & row.keys() for row in rows)


def _as_row(where: str, item: Any, mended: tuple[str, ...] = ()) -> SourceRow:
    if isinstance(item, list) and item and all(isinstance(one, dict) for one in item):
        return SourceRow(where, dict(zip(map(str, itertools.count()), item, strict=False)), mended=mended)
    if not isinstance(item, dict):
        return SourceRow(where, {}, f"holds {type(item).__name__}, not a row of named columns")
    return SourceRow(where, item, mended=mended)
