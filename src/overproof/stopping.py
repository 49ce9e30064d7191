"""Ctrl-C and SIGTERM while a run is in the middle of something that is paid for: waited for, but not for ever.

The first of either starts nothing more and keeps what still ends. A further one leaves the rest; so does, after
SIGTERM, the end of the grace, since whoever sends it kills half a minute later.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from overproof.errors import Terminated

GRACE_SECONDS = 25.0
"""From SIGTERM to the end of the process; Slurm and Kubernetes kill after 30."""
WAITING = 0.8
"""Part of the grace that replies are waited for; the rest is for writing down what came."""


def raise_when_terminated() -> None:
    """From now on SIGTERM raises `Terminated`, as Ctrl-C raises KeyboardInterrupt: the files in hand are closed."""

    def terminate(number: int, frame: object) -> None:
        del number, frame
        raise Terminated

    signal.signal(signal.SIGTERM, terminate)


@contextmanager
def hearing(first: Callable[[KeyboardInterrupt], None], further: Callable[[KeyboardInterrupt], None]) -> Iterator[None]:
    """Within it the first Ctrl-C or SIGTERM is told to `first`, any other to `further`, as what it means to raise.

    Both are called between any two steps of the main thread. Where a signal was heard the context never ends well: it
    raises what was heard. In a thread that is not the main one signals stay as they are.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[KeyboardInterrupt] = []

    def hear(number: int, frame: object) -> None:
        del frame
        heard.append(Terminated() if number == signal.SIGTERM else KeyboardInterrupt())
        (further if len(heard) > 1 else first)(heard[-1])

    before = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)  # None: one that is not Python's
    if heard:
        raise heard[0]


def patience_of(error: KeyboardInterrupt, grace: float) -> float | None:
    """Seconds that replies in flight are waited for; None for as long as they take."""
    return WAITING * grace if isinstance(error, Terminated) else None


def describe_wait(error: KeyboardInterrupt, grace: float, in_flight: int | None = None) -> str:
    """What people are told when the first signal has come."""
    replies = "the replies" if in_flight is None else f"{in_flight} replies"
    patience = patience_of(error, grace)
    if patience is None:
        return f"Interrupted: waiting for {replies} in flight, which are paid for. Interrupt again to leave them."
    return f"Terminated: waiting up to {patience:.0f} s for {replies} in flight, which are paid for."
