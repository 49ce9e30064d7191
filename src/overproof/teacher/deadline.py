"""The two deadlines of an attempt: one on its whole length, one on the wait for its next token."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self


class Deadline:
    """An `asyncio.timeout` with two bounds, that costs nothing per token.

    Leaving the block raises TimeoutError once either bound has passed; `state` then says which: `deadline` or
    `stalled`. A timer looks at the time of the last progress when it fires, instead of being moved at each token.
    """

    def __init__(self, total_seconds: float, stall_seconds: float | None) -> None:
        """Bound the block to `total_seconds`, and each wait for `progress` to `stall_seconds` where given."""
        self.state = ""
        self._loop = asyncio.get_running_loop()
        self._last_progress = self._loop.time()
        self._end = self._last_progress + total_seconds
        self._stall = stall_seconds
        self._timeout = asyncio.timeout(None)
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        """Start both clocks."""
        await self._timeout.__aenter__()
        self._look()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop both clocks."""
        if self._timer is not None:
            self._timer.cancel()
        await self._timeout.__aexit__(kind, error, trace)

    def progress(self) -> None:
        """A token has come."""
        self._last_progress = self._loop.time()

    def end_within(self, seconds: float) -> None:
        """Shorten the whole to `seconds` from now, when nothing of worth can come any more."""
        self._end = min(self._end, self._loop.time() + seconds)
        if self._timer is not None:
            self._timer.cancel()
        self._look()

    def _look(self) -> None:
        stalls_at = self._end if self._stall is None else self._last_progress + self._stall
        due = min(self._end, stalls_at)
        if self._loop.time() < due:
            self._timer = self._loop.call_at(due, self._look)
            return
        self.state = "deadline" if due == self._end else "stalled"
        self._timeout.reschedule(due)
