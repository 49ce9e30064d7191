"""Who drives a run on shared storage, where no file can be locked: the one whose lease there goes on changing.

A lease is one small file that its holder writes anew every few seconds. Whoever finds one watches it for longer than
that: one that changes is held, one that does not was left by a process that is gone. A holder that finds another's name
in it has been taken for gone (its machine slept, or was cut off) and ends as by an interrupt.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator

from overproof.errors import OverproofError, RunFolderError
from overproof.runfolder.storage import Storage

RENEW_SECONDS = 3.0
"""How often a holder writes."""
GONE_SECONDS = 15.0
"""A lease that has not changed for so long is nobody's: several renewals, as a busy machine is late."""
_NAME = ".lease"


@contextlib.contextmanager
def held(storage: Storage, tell: Callable[[str], None]) -> Iterator[None]:
    """Drive the run alone for as long as the context lasts; `tell` hears what is waited for.

    Raises RunFolderError naming the other process that drives it: at once, or when that one has taken it over.
    """
    lease = _Lease(storage)
    lease.take(tell)
    keeper = threading.Thread(target=lease.keep, daemon=True)
    keeper.start()
    try:
        yield
    except KeyboardInterrupt:
        if lease.other is None:
            raise
        raise RunFolderError(
            f"{storage.url} has been taken over by another overproof process ({_who(lease.other)}), as this one had "
            "not been heard of for a while. What came is kept; let that one go on"
        ) from None
    finally:
        lease.is_over.set()
        keeper.join(RENEW_SECONDS)  # no longer: it may be waiting for storage that is away
        lease.give_back()


class _Lease:
    def __init__(self, storage: Storage) -> None:
        self.is_over = threading.Event()
        self.other: bytes | None = None
        """What another holder has written over this one's."""
        self._storage = storage
        self._me = f"{socket.gethostname()}, process {os.getpid()}\n{uuid.uuid4().hex}\n".encode()
        self._is_reached = True

    def take(self, tell: Callable[[str], None]) -> None:
        found = self._storage.read(_NAME)
        if found is not None:
            tell(f"{self._storage.url} was last driven by {_who(found)}; waiting to see whether that is gone.")
            self._watch(found)
            self._storage.remove([_NAME])
        if not self._storage.create(_NAME, self._next()):
            raise self._in_use(self._storage.read(_NAME) or b"")

    def keep(self) -> None:
        """Write it anew until it is over or another's; storage that is away for a while is no reason to end."""
        while not self.is_over.wait(RENEW_SECONDS):
            try:
                found = self._storage.read(_NAME)
                if self.is_over.is_set():
                    return
                if found is not None and not found.startswith(self._me):
                    self.other = found
                    break
                self._storage.write(_NAME, self._next())
                self._is_reached = True
            except OverproofError:  # the run itself meets the same and says so
                self._is_reached = False
        if self.other is not None:
            _interrupt()

    def give_back(self) -> None:
        """Leave none behind, unless it is another's or the storage is away: then the next one waits a moment."""
        if self.other is None and self._is_reached:
            with contextlib.suppress(OverproofError):
                self._storage.remove([_NAME])

    def _watch(self, found: bytes) -> None:
        began = time.monotonic()
        while time.monotonic() - began < GONE_SECONDS:
            time.sleep(min(RENEW_SECONDS / 2, 1.0))
            now = self._storage.read(_NAME)
            if now is None:
                return
            if now != found:
                raise self._in_use(now)

    def _next(self) -> bytes:
        return self._me + f"{time.time()}\n".encode()

    def _in_use(self, found: bytes) -> RunFolderError:
        return RunFolderError(
            f"{self._storage.url} is in use by another overproof process ({_who(found)}). Wait for it, or give another "
            "--run-dir."
        )


def _who(lease: bytes) -> str:
    return lease.decode(errors="replace").partition("\n")[0]


def _interrupt() -> None:
    """Have the main thread end as by a signal: what is in flight is kept. Started in the background it ignores one."""
    is_heard = callable(signal.getsignal(signal.SIGTERM))
    _thread.interrupt_main(signal.SIGTERM if is_heard else signal.SIGINT)
