"""Runs a stage's work on every shard; only this package knows where that happens.

processes   in processes of this machine
worker      what such a process does
cluster     on Ray; the only user of it

Work is a picklable function of a shard's number: a function of a module, or a `functools.partial` of one. It runs in
any process and any number of times, because a shard whose process has died is begun again. A process that runs shards
is one of many: within it, grading takes one worker process for what it cannot do itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from overproof.config import RunConfig
from overproof.engine.processes import map_in_processes

Result = TypeVar("Result")


def run_shards(work: Callable[[int], Result], shards: Sequence[int], config: RunConfig) -> Iterator[Result]:
    """The result of `work(shard)` for each shard, in the order of the shards, whatever the order they finish in.

    Raises what `work` raises, and OverproofError when the process of a shard dies again and again.
    """
    workers = min(config.workers or count_cores(), len(shards))
    if workers <= 1:
        return map(work, shards)
    return map_in_processes(work, shards, workers)


def count_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # absent on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
