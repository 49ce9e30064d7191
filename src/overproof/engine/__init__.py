"""Runs a stage's work on every shard; only this package knows where that happens.

processes   in processes of this machine
worker      what such a process does
cluster     on Ray; the only user of it
joining     why a cluster could not be joined, in one line

Work is a picklable function of a shard's number: a function of a module, or a `functools.partial` of one. It runs in
any process and any number of times, because a shard whose process has died is begun again. A process that runs shards
is one of many: within it, grading takes one worker process for what it cannot do itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from overproof.config import RunConfig
from overproof.config.own import extensions_in
from overproof.engine.processes import map_in_processes
from overproof.extensions import pack
from overproof.runfolder import RunFolder

if TYPE_CHECKING:
    from overproof.engine.cluster import Terms

Result = TypeVar("Result")


class Engine:
    """Where the shards of one run are worked on."""

    def __init__(self, workers: int, terms: Terms | None = None) -> None:
        """So many processes of this machine; with `terms`, the workers of the Ray cluster that is connected."""
        self.workers = workers
        self.terms = terms

    @property
    def is_far(self) -> bool:
        """Whether shards are worked on where this process cannot share memory with them, or even files."""
        return self.terms is not None

    def run_shards(self, work: Callable[[int], Result], shards: Sequence[int]) -> Iterator[Result]:
        """The result of `work(shard)` for each shard, in the order of the shards, whatever the order they finish in.

        Raises what `work` raises, and OverproofError when the process of a shard dies again and again.
        """
        if self.terms is not None:
            from overproof.engine.cluster import map_on_cluster

            return cast("Iterator[Result]", map_on_cluster(work, shards, self.terms))
        workers = min(self.workers, len(shards))
        return map(work, shards) if workers <= 1 else map_in_processes(work, shards, workers)


_open_engines: dict[Path | str, Engine] = {}


@contextmanager
def open_engine(
    config: RunConfig,
    folder: RunFolder,
    find_versions: Callable[[], Mapping[str, str]],
    tell: Callable[[str], None] = lambda _: None,
) -> Iterator[Engine]:
    """The engine that a config names, for one run; within the context the same run gets the same one.

    With `engine: ray` the cluster is connected to, or started, and every node is asked whether it sees the run folder
    and what `find_versions` finds there. Raises ConfigError and RunFolderError naming the node that does not fit.
    `tell` hears what a cluster costs that is started for this run alone.
    """
    known = _open_engines.get(folder.place)
    if config.engine == "local" or known is not None:
        yield known or Engine(config.workers or count_cores())
        return
    from overproof.engine.cluster import agree, connected

    with connected(config.ray, tell):
        engine = _open_engines[folder.place] = Engine(
            count_cores(), agree(folder, find_versions, pack([*extensions_in(config)]))
        )
        try:
            yield engine
        finally:
            del _open_engines[folder.place]


def count_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # absent on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
