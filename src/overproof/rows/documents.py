"""Where the rows lie within one JSON document; only this module knows the shapes in which people write a table as JSON.

A list; a list under some key, or one for each split; rows by their ids; a data frame in any orientation; a page of the
dataset viewer. Where a document holds several lists, which one is meant is asked for and never guessed.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from overproof.errors import ConfigError, InputError
from overproof.rows.files import SPLITS
from overproof.rows.row import SourceRow, key

_USUAL_KEYS = ("rows", "data", "examples", "instances", "problems", "questions", "items")
_FEWEST = 2
"""Columns of a table by columns, or rows of one by ids: what has fewer is a row, or wraps one."""
_OF_A_CONVERSATION = {"role", "from"}
"""Keys of a message: a list of these is one row's conversation and not a table."""
_OF_A_ROW = {
    "question",
    "problem",
    "prompt",
    "instruction",
    "query",
    "messages",
    "conversations",
    "input",
    "题目",
    "问题",
}
"""Columns that a document which is one row itself has."""
_VIEWED = {"row_idx", "row"}
"""Keys of a row as the dataset viewer's API gives it."""


class Wanted(NamedTuple):
    """Which rows of a document are wanted."""

    table: str = ""
    """The config table that named the source."""
    under: str | None = None
    """Key that the rows lie under, as a preset knows it."""
    name: str | None = None
    split: str | None = None
    tell: Callable[[str], object] = lambda _: None


def find_rows(document: Any, file: Path, wanted: Wanted) -> Iterator[SourceRow]:
    """The rows of a document. Raises InputError where it holds none, ConfigError where it holds several lists."""
    if wanted.under is not None and isinstance(document, dict):
        document = document.get(wanted.under)
        if document is None:
            raise InputError(f"{file} has no '{wanted.under}', under which this preset's rows lie")
    items = _find_items(document, file, wanted)
    if items is None:
        raise InputError(f"{file} holds {type(document).__name__}, not a list of rows")
    for number, item in enumerate(items, start=1):
        yield as_row(f"{file}, item {number}", item)


def _find_items(value: Any, file: Path, wanted: Wanted) -> list[Any] | None:
    """The items that are rows, whatever they are; None where a document has no place for any."""
    if isinstance(value, list):
        if value and all(isinstance(item, dict) and _OF_A_CONVERSATION & item.keys() for item in value):
            return [value]
        return list(itertools.chain.from_iterable(value)) if value and all(map(is_table, value)) else value
    if not isinstance(value, dict):
        return None
    tables = {str(name): one for name, one in value.items() if is_table(one)}
    chosen = _choose(value, tables, file, wanted)
    if chosen is not None:
        total = value.get("num_rows_total")
        if isinstance(total, int) and total > len(tables[chosen]):
            wanted.tell(f"{file} holds {len(tables[chosen]):,} of {total:,} rows: it is one page of the dataset viewer")
        return _find_items(tables[chosen], file, wanted)
    return _find_frame(value) or _find_inside(value, file, wanted) or [value]


def _choose(value: dict[str, Any], tables: dict[str, Any], file: Path, wanted: Wanted) -> str | None:
    """The key of the list that is meant; None where the document has none, or is a row itself."""
    if not tables or _OF_A_ROW & value.keys():
        return None
    if wanted.name in tables:
        return wanted.name
    splits = {SPLITS.get(name.lower(), ""): name for name in tables}
    if wanted.split is not None and (split := splits.get(SPLITS.get(wanted.split, wanted.split))) is not None:
        return split
    usual = next((name for name in _USUAL_KEYS if name in tables), None)
    if usual is not None or len(tables) == 1:
        return usual or next(iter(tables))
    names = ", ".join(f"{name} ({len(rows):,} rows)" for name, rows in tables.items())
    setting = key(wanted.table, "split" if "" not in splits else "name")
    raise ConfigError(f"{key(wanted.table, 'path')}: {file} holds several lists of rows: {names}. Set {setting}")


def _find_frame(value: dict[str, Any]) -> list[Any] | None:
    """The rows of a data frame, in any orientation in which pandas writes one; None where it is none."""
    if {"columns", "data"} <= value.keys() and isinstance(value["columns"], list):
        return [dict(zip(map(str, value["columns"]), row, strict=False)) for row in value["data"]]
    inner = list(value.values())
    if len(inner) < _FEWEST:
        return None
    if all(isinstance(one, list) for one in inner) and len({len(one) for one in inner}) == 1:
        return [dict(zip(value, cells, strict=True)) for cells in zip(*inner, strict=True)]
    if not all(isinstance(one, dict) for one in inner):
        return None
    keys = inner[0].keys()
    if all(one.keys() == keys and all(map(str.isdecimal, one)) for one in inner):
        return [{name: column[key] for name, column in value.items()} for key in keys]
    return inner if all(map(str.isdecimal, value)) else None


def _find_inside(value: dict[str, Any], file: Path, wanted: Wanted) -> list[Any] | None:
    """The rows of a document that has them by their ids, or of the one that it wraps; None where it is a row itself."""
    inner = [one for one in value.values() if isinstance(one, dict)]
    if not inner or _OF_A_ROW & value.keys():
        return None
    shared = inner[0].keys()
    if len(inner) == len(value) >= _FEWEST and all(2 * len(shared & one.keys()) > len(shared) for one in inner):
        return [{"id": str(name), **row} for name, row in value.items()]
    is_wrapper = len(inner) == 1 and not any(isinstance(one, list) for one in value.values())
    return _find_items(inner[0], file, wanted) if is_wrapper else None


def is_table(value: Any) -> bool:
    """Whether a value is a list of rows, and not one row's conversation."""
    rows = value if isinstance(value, list) else []
    return bool(rows) and all(isinstance(row, dict) and not _OF_A_CONVERSATION & row.keys() for row in rows)


def as_row(where: str, item: Any, mended: tuple[str, ...] = ()) -> SourceRow:
    """An item as a row; one with a fault where it is none.

    A list of dicts has its numbers for columns, and `messages` holds all of it where it is a conversation.
    """
    if isinstance(item, str) and item.lstrip().startswith("{"):
        item = _decode(item)
    if isinstance(item, list) and item and all(isinstance(one, dict) for one in item):
        columns = dict(zip(map(str, itertools.count()), item, strict=False))
        if all(_OF_A_CONVERSATION & one.keys() for one in item):
            columns["messages"] = item
        return SourceRow(where, columns, mended=mended)
    if not isinstance(item, dict):
        kind = {str: "a text", list: "a list", type(None): "null"}.get(type(item), "a value")
        return SourceRow(where, {}, f'holds {kind}, not a row of named columns. Write it as {{"question": …}}')
    if item.keys() >= _VIEWED:
        if cut := item.get("truncated_cells"):
            return SourceRow(where, {}, f"was cut off by the dataset viewer in {', '.join(cut)}. Download the dataset")
        item = item["row"]
    return SourceRow(where, item, None if item else "is an empty row", mended)


def _decode(text: str) -> Any:
    """The row in a text that was written as JSON twice; the text where it holds none."""
    try:
        return json.loads(text)
    except ValueError:
        return text
