"""Keys that a table passes on to another library: only this module knows how one that does not fit is refused."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from overproof.errors import ConfigError, suggest

_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+")


def check_foreign_keys(
    table: str, given: Mapping[str, Any], known: Collection[str], refused: Mapping[str, str], *, library: str
) -> dict[str, Any]:
    """The keys of `table` as `library` takes them. Raises ConfigError naming the key and the way out.

    `known` are the library's own keys, `refused` those that are not passed on, with what to do instead. Numbers such
    as 1e-5, which YAML reads as text for want of a point, become numbers, and `no`, which YAML reads as false, becomes
    the text again where a strategy is meant.
    """
    for key in given:
        if key in refused:
            raise ConfigError(f"{table}.{key}: {refused[key]}")
        if key not in known:
            hint = suggest(key, known)
            raise ConfigError(f"{table}.{key}: {library} has no such key{hint and f'.{hint}'}")
    return {
        key: "no" if value is False and key.endswith("_strategy") else _to_number(value) for key, value in given.items()
    }


def _to_number(value: Any) -> Any:
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value
