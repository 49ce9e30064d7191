"""One row of a file or dataset as its source has it, with its place; and what a source's settings are called."""

from __future__ import annotations

from typing import Any, NamedTuple


class SourceRow(NamedTuple):
    """One row as its source has it."""

    where: str
    """`file:line`, for errors."""
    values: dict[str, Any]
    fault: str | None = None
    """Why nothing can be read of it: a line that is not JSON, a cell too many. It follows `where` in a sentence."""
    mended: tuple[str, ...] = ()
    """LaTeX commands that were read although they stand with one backslash in JSON."""
    header: str = ""
    """Where the columns of all rows were named; empty where each row names its own."""


def key(table: str, name: str) -> str:
    """What a setting of a source is called: a key of its config table, or an argument of the command."""
    return f"{table}.{name}" if table else {"path": "FILE", "dataset": "--dataset"}.get(name, f"--{name}")
