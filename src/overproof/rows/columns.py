"""Where a value stands within a row: `answer`, `reward_model.ground_truth`, `messages[0].content`.

A column that bears the whole name comes first. A cell of text that has to be gone into is read as JSON, or as
Python and NumPy print lists and dicts.
"""

from __future__ import annotations

import difflib
import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from overproof.rows.printed import read_printed

MISSING: Any = object()
"""Stands for no value at all, which is not the value None."""

Columns = str | tuple[str, ...]
"""One path, or several of which the first that a row has is meant."""

_STEP = re.compile(r"([^.\[\]]+)|\[(-?\d+)\]")
_PRINTED = re.compile(r"[{\[]|\(\s*['\"]|(?:np\.|numpy\.)?array\(")
"""How a text begins that may print a list or dict; `(1, 2)` is a point."""
_DEEPEST_SHOWN = 3
_LENIENT = json.JSONDecoder(strict=False)
"""Takes a text that goes over several lines, as a cell may."""


def find_column(values: Mapping[str, Any], columns: Columns | None) -> str | None:
    """The first of these paths that a row has; None when it has none of them."""
    names = (columns,) if isinstance(columns, str) else columns or ()
    return next((name for name in names if look_up(values, name) is not MISSING), None)


def look_up(values: Mapping[str, Any], path: str) -> Any:
    """The value at a path, `MISSING` where there is none."""
    if path in values:
        return values[path]
    if "." not in path and "[" not in path:
        return MISSING
    value: Any = values
    for step in _split(path):
        value = _enter(value, step)
        if value is MISSING:
            return MISSING
    return value


@functools.lru_cache(maxsize=1024)
def _split(path: str) -> tuple[str | int, ...]:
    return tuple(int(index) if index else name for name, index in _STEP.findall(path))


def _enter(value: Any, step: str | int) -> Any:
    """What lies one step within a value."""
    if isinstance(value, str):
        value = read_cell(value)
    if isinstance(value, Mapping):
        return value.get(str(step), MISSING)
    if isinstance(step, int) and isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return value[step] if -len(value) <= step < len(value) else MISSING
    return MISSING


def read_cell(text: str) -> Any:
    """The list or dict that a cell of text holds; the text itself where it holds none."""
    stripped = text.strip()
    if not _PRINTED.match(stripped):
        return text
    try:
        found = _LENIENT.decode(stripped)
    except (ValueError, RecursionError):
        found = read_printed(stripped)
    return found if isinstance(found, dict | list) else text


def list_paths(values: Mapping[str, Any], depth: int = _DEEPEST_SHOWN) -> Iterator[str]:
    """The paths of a row's values as they would be written in a config: of nested ones those of their parts too."""
    for name, value in values.items():
        yield str(name)
        inner = read_cell(value) if isinstance(value, str) else value
        if isinstance(inner, list) and inner:
            yield from _paths_within(f"{name}[0]", inner[0], depth - 1)
        else:
            yield from _paths_within(str(name), inner, depth - 1)


def _paths_within(place: str, value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, Mapping) and depth > 0:
        for path in list_paths(value, depth):
            yield f"{place}.{path}"


def nearest(wanted: str, values: Mapping[str, Any]) -> str | None:
    """The path whose last part is most like what was asked for."""
    paths = list(list_paths(values))
    by_last: dict[str, str] = {}
    for path in paths:
        by_last.setdefault(path.rpartition(".")[2], path)
    last = wanted.rpartition(".")[2]
    close = difflib.get_close_matches(last, by_last, n=1) or difflib.get_close_matches(wanted, paths, n=1)
    return by_last.get(close[0], close[0]) if close else None
