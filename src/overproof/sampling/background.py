"""Verdicts on traces as they arrive, worked out beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

from overproof.config import RunConfig
from overproof.records import Trace
from overproof.rewards import is_correct

Correctness = Callable[[Trace], bool | None]
"""Is a trace's answer correct? None when nobody can tell. Called in threads; may take seconds."""


class OnVerdict(Protocol):
    """What is called with a verdict, in the event loop."""

    def __call__(self, *, verdict: bool | None) -> None:
        """Take the verdict."""


THREADS = 4
"""Deep comparisons wait for worker processes; meanwhile other traces are graded."""


def grade_correctness(config: RunConfig) -> Correctness:
    """Grading as scoring does it."""
    from overproof.rewards.grades import grade_traces

    def is_right(trace: Trace) -> bool | None:
        return is_correct(
            grade_traces([trace], config.rewards.accuracy.extractor)[0], config.rewards.accuracy.approximate
        )

    return is_right


class BackgroundGrading:
    """Grading at work in threads of its own, so that no verdict holds up a stream."""

    def __init__(self, correctness: Correctness, changed: asyncio.Event) -> None:
        """Answers set `changed`; belongs to the running event loop."""
        self.waiting = 0
        """Traces that have no verdict yet."""
        self.crash: BaseException | None = None
        """What grading raised, if it did."""
        self._correctness = correctness
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="grading")

    def ask(self, trace: Trace, answer: OnVerdict) -> None:
        """Have a trace graded; `answer` is called with the verdict in the event loop."""
        self.waiting += 1
        future = self._loop.run_in_executor(self._threads, self._correctness, trace)
        future.add_done_callback(partial(self._answered, answer))

    def close(self) -> None:
        """Correctness nothing more."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _answered(self, answer: OnVerdict, future: asyncio.Future[bool | None]) -> None:
        self.waiting -= 1
        self._changed.set()
        if future.cancelled():
            return
        error = future.exception()
        if error is not None:
            self.crash = self.crash or error
        else:
            answer(verdict=future.result())
