"""Runs a stage's work on every shard; only this module knows where that happens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Result = TypeVar("Result")


def run_shards(work: Callable[[int], Result], shards: Iterable[int]) -> Iterator[Result]:
    """The result of `work(shard)` for each shard, in the order of the shards."""
    return map(work, shards)
