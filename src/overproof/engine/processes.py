"""Shards in processes of this machine.

A process is `python -m overproof.engine.shard_worker`, as `spawning` starts one.
"""

from __future__ import annotations

import pickle
import queue
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar

from overproof.engine.messages import ONE_GRADING_WORKER, Done, Failed, result_of
from overproof.errors import OverproofError
from overproof.spawning import spawn

Result = TypeVar("Result")

ATTEMPTS = 2
"""How often a shard is begun whose process dies, which a shard that takes too much memory does each time."""
AHEAD = 4
"""Shards that are begun for each process before the first of them is asked for."""


class _Process:
    """One process and its pipes."""

    def __init__(self, work: bytes) -> None:
        started = spawn("overproof.engine.shard_worker", environment=ONE_GRADING_WORKER)
        self.process, self.sink, self.source = started
        self._send(pickle.dumps(sys.path) + work)

    def run(self, shard: int) -> Done | Failed | None:
        """The outcome of one shard; None when the process has died."""
        if not self._send(pickle.dumps(shard)):
            return None
        try:
            outcome: Done | Failed = pickle.load(self.source)  # noqa: S301 - written by our own module
        except (EOFError, pickle.UnpicklingError):
            return None
        return outcome

    def end(self) -> int:
        """End the process; returns its exit status."""
        self.process.kill()
        for pipe in (self.sink, self.source):
            try:
                pipe.close()
            except OSError:  # what was still buffered has nowhere to go
                continue
        return self.process.wait()

    def _send(self, message: bytes) -> bool:
        try:
            self.sink.write(message)
            self.sink.flush()
        except OSError:
            return False
        return True


def map_in_processes(work: Callable[[int], Result], shards: Sequence[int], workers: int) -> Iterator[Result]:
    """The result of each shard in order, from so many processes; the shard of one that dies is begun again."""
    crew = _CallProcesses(pickle.dumps(work))
    remaining = iter(shards)
    with ThreadPoolExecutor(workers, thread_name_prefix="shards") as threads:
        try:
            begun: deque[Future[Any]] = deque(threads.submit(crew.run, s) for s in islice(remaining, AHEAD * workers))
            while begun:
                yield begun.popleft().result()
                begun.extend(threads.submit(crew.run, shard) for shard in islice(remaining, 1))
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            crew.end()


class _CallProcesses:
    """The processes of one call."""

    def __init__(self, work: bytes) -> None:
        self._work = work
        self._idle: queue.SimpleQueue[_Process] = queue.SimpleQueue()
        self._all: list[_Process] = []
        self._lock = threading.Lock()
        self._is_over = False

    def run(self, shard: int) -> Any:
        """The result of one shard; called in a thread that has nothing else to do."""
        status = 0
        for _ in range(ATTEMPTS):
            process = self._take()
            outcome = process.run(shard)
            if outcome is None:
                status = process.end()
                if self._is_over:
                    break
                continue
            self._idle.put(process)
            return result_of(outcome)
        raise OverproofError(
            f"The process that worked on shard {shard} died {ATTEMPTS} times (exit status {status}), perhaps for lack "
            "of memory. Run the same command again with fewer at once: --set workers=1"
        )

    def end(self) -> None:
        """End every process, at work or not."""
        with self._lock:
            self._is_over = True
        for process in self._all:
            process.end()

    def _take(self) -> _Process:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            with self._lock:
                if self._is_over:
                    raise OverproofError("The stage was given up") from None
                process = _Process(self._work)
                self._all.append(process)
            return process
