"""JSON text → its values: a line each, one document, or objects that follow one another; and why text is no JSON.

Numbers keep the digits they are written with: a reference of `3.10` or of thirty digits is not what a float makes of
it, so numbers with a point become Decimal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from overproof.errors import InputError
from overproof.rows import files
from overproof.rows.documents import Wanted, as_row, find_rows, is_table
from overproof.rows.encoding import UTF_8, OtherEncoding, read_text, say_not
from overproof.rows.escapes import mend_json
from overproof.rows.row import SourceRow

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_CONSTANTS = {"Infinity": "\\infty", "-Infinity": "-\\infty"}
"""What a script writes in place of a number, as text; NaN is a missing value."""
_LENIENT = json.JSONDecoder(parse_float=Decimal, parse_constant=_CONSTANTS.get, strict=False)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SPACE = re.compile(r"[\s,]*")


class _Parsed(NamedTuple):
    value: Any
    mended: tuple[str, ...] = ()


def read_json(file: Path, encoding: str, wanted: Wanted, *, is_lines: bool) -> Iterator[SourceRow]:
    """The rows of a JSON file; `is_lines` says that its name promises one a line, `wanted` which list of them to take.

    A line that is no row comes as a row with a fault. Raises InputError for a file that is not JSON.
    """
    table = wanted.table
    lines = _read_lines(file, encoding, table)
    first = next((line for line in lines if line.strip()), b"")
    more = next((line for line in lines if line.strip()), None)
    lines.close()
    is_lines = is_lines or (more is not None and isinstance(_try(more), dict))
    value = _try(first)
    if value is None and (more is not None or not is_lines) and first:
        yield from _read_whole(file, encoding, wanted, is_lines=is_lines)
    elif more is None and (isinstance(value, list) or not is_lines) and first:
        yield from find_rows(value, file, wanted)
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
        for line in files.read_lines(file):
            yield line.removeprefix(_BYTE_ORDER_MARK)  # which stands within where files were joined
    else:
        for text in read_text(file, encoding, table):
            yield text.error.object if isinstance(text, OtherEncoding) else text.encode()


def _read_each(file: Path, encoding: str, table: str) -> Iterator[SourceRow]:
    for number, line in enumerate(_read_lines(file, encoding, table), start=1):
        if line.strip():
            yield from _read_line(line.strip(), f"{file}:{number}", encoding, table)


_LONG_NUMBER = "holds a number of more digits than are read as one; write it as text"


def _read_line(line: bytes, where: str, encoding: str, table: str) -> Iterator[SourceRow]:
    try:
        value, mended = _parse(line)
    except UnicodeDecodeError as error:
        yield SourceRow(where, {}, say_not(encoding, error, table))
    except json.JSONDecodeError as error:
        several = list(_decode_many(error.doc)) if error.msg == "Extra data" else []
        if several:
            yield from (as_row(where, item) for item in several)
        else:
            yield SourceRow(where, {}, f"is not valid JSON: {_explain(error)}")
    except ValueError as error:
        fault = _LONG_NUMBER if "int_max_str_digits" in str(error) else f"is not valid JSON: {error}"
        yield SourceRow(where, {}, fault)
    else:
        yield from (as_row(where, item, mended) for item in (value if is_table(value) else [value]))


# What people write that JSON does not have: how the text goes on where it cannot be read, and what to do.
_NOT_JSON = (
    (r"'", "JSON has no single quotes. It is Python's way to print a dict; write rows with json.dumps"),
    (r"//|#|/\*", "JSON has no comments: take it out"),
    (r"[\]}]", "take out the comma before it"),
    (r"[A-Za-z_]", "in JSON every name and every text stands in double quotes"),
    (r"$", "it is cut off: download or write it again"),
)


def _explain(error: json.JSONDecodeError) -> str:
    """What is wrong with text that is not JSON, where, and what to do."""
    place = error.pos
    while place < len(error.doc) and error.doc[place].isspace():
        place += 1
    after = f" (before '{error.doc[place : place + 12]}')".replace("\n", " ") if place < len(error.doc) else ""
    way = next((way for mark, way in _NOT_JSON if re.match(mark, error.doc[place:])), "")
    return f"{error}{after}{': ' if way else ''}{way}"


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


def _read_whole(file: Path, encoding: str, wanted: Wanted, *, is_lines: bool) -> Iterator[SourceRow]:
    """Rows of a file in which no line is JSON by itself: one document, or several objects over many lines each."""
    table = wanted.table
    content = b"".join(_read_lines(file, encoding, table))
    try:
        document = _parse(content)
    except UnicodeDecodeError as error:
        if not is_lines:
            raise InputError(f"{file} {say_not(encoding, error, table)}") from None
        yield from _read_each(file, encoding, table)
        return
    except ValueError as error:
        items = list(_decode_many(content.decode(UTF_8, "replace"))) if b"}" in content else []
        if items:
            yield from (as_row(f"{file}, item {number}", item) for number, item in enumerate(items, start=1))
        elif is_lines:
            yield from _read_each(file, encoding, table)
        else:
            cause = _explain(error) if isinstance(error, json.JSONDecodeError) else error
            raise InputError(f"{file} is not valid JSON: {cause}") from None
        return
    for row in find_rows(document.value, file, wanted):
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
