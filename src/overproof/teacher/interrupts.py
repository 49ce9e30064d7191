"""How a signal reaches a dispatch, which lives in an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from overproof.stopping import describe_wait, hearing, patience_of
from overproof.teacher.dispatch import Dispatch


@contextmanager
def interruptible(dispatch: Dispatch, tell: Callable[[str], None], grace: float) -> Iterator[None]:
    """Within it signals end a dispatch of the running event loop as `stopping` says. Raises what was heard."""
    loop = asyncio.get_running_loop()

    def stop(error: KeyboardInterrupt) -> None:
        tell(describe_wait(error, grace, dispatch.in_flight))
        dispatch.stop(error, patience_of(error, grace))

    def first(error: KeyboardInterrupt) -> None:
        loop.call_soon_threadsafe(stop, error)

    def further(_: KeyboardInterrupt) -> None:
        loop.call_soon_threadsafe(dispatch.leave)

    with hearing(first, further):
        yield
