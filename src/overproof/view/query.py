"""What a list is asked for in its address → the rows that it shows, in their order, over all shards of a run.

    verdict=incorrect&verdict=unverifiable&tokens=1000..&sort=-tokens&q=therefore

A filter that stands several times lets through what has any of its values; different filters must all hold. The names
are those of `report.facts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from overproof.errors import InputError
from overproof.report.facts import Category, Column, holding

Rows = NDArray[np.int64]
Filters = tuple[tuple[str, tuple[str, ...]], ...]
NOT_FILTERS = {"q", "sort", "from", "id", "index"}
Columns = Callable[[str], Column]


class Query(NamedTuple):
    """What a list shows. Equal queries are equal, so that what one found can be kept."""

    filters: Filters = ()
    sort: str = ""
    """A column's name, with a dash before it for the largest first; empty for the order of the problems' file."""
    text: str = ""


def parse_query(pairs: Iterable[tuple[str, str]]) -> Query:
    """The query in an address, from its names and values in turn."""
    filters: dict[str, list[str]] = {}
    sort = text = ""
    for name, value in pairs:
        if name == "sort":
            sort = value
        elif name == "q":
            text = value.strip()
        elif name not in NOT_FILTERS and value:
            filters.setdefault(name, []).append(value)
    return Query(tuple((name, tuple(sorted(set(values)))) for name, values in sorted(filters.items())), sort, text)


def filter_rows(columns: Columns, chosen: NDArray[np.bool_], filters: Filters) -> Rows:
    """The rows of one shard that all filters let through. Raises InputError for a filter that there is not."""
    for name, wanted in filters:
        try:
            chosen = chosen & holding(columns(name), wanted)
        except KeyError:
            raise InputError(f"There is no filter '{name}'.") from None
        except ValueError:
            raise InputError(f"{name}={wanted[0]} is no range. Write one like 10..20, 10.. or ..20.") from None
    return np.flatnonzero(chosen)


class Ordered(NamedTuple):
    """Rows of all shards in the order of a list."""

    shards: NDArray[np.int32]
    rows: NDArray[np.int32]

    def place_of(self, shard: int, row: int) -> int | None:
        """Where in the list a row stands."""
        found = np.flatnonzero((self.rows == row) & (self.shards == shard))
        return int(found[0]) if len(found) else None


def order_rows(found: Sequence[Rows], columns: Sequence[Columns], sort: str) -> Ordered:
    """The rows found in each shard as one list. What has no value to sort by comes last, whichever way."""
    shards = np.repeat(np.arange(len(found), dtype=np.int32), [len(rows) for rows in found])
    rows = np.concatenate([*found, np.empty(0, np.int64)]).astype(np.int32)
    if not sort:
        return Ordered(shards, rows)
    name = sort.removeprefix("-")
    try:
        keys = _keys([of(name) for of in columns], found)
    except KeyError:
        raise InputError(f"There is no column '{name}' to sort by.") from None
    order = np.argsort(-keys if sort.startswith("-") else keys, kind="stable")  # NaN is last either way
    return Ordered(shards[order], rows[order])


def _keys(columns: Sequence[Column], found: Sequence[Rows]) -> NDArray[np.float64]:
    """A number for each row that sorts as its values do; the same text has the same number in every shard."""
    names = {
        name for column in columns if isinstance(column, Category) and not column.is_ordered for name in column.names
    }
    ranks = {name: float(rank) for rank, name in enumerate(sorted(names - {""}))} | {"": np.nan}
    keys = [np.empty(0)]
    for column, rows in zip(columns, found, strict=True):
        if not isinstance(column, Category):
            keys.append(column[rows])
        elif column.is_ordered:
            keys.append(column.ranks()[rows])
        else:
            keys.append(np.array([ranks[name] for name in column.names] or [np.nan])[column.numbers[rows]])
    return np.concatenate(keys)
