"""Who drives a run on shared storage, where no file can be locked: the one whose lease there goes on changing.

A lease is one small file that its holder writes anew every few seconds. Whoever finds one watches it for longer than
that: one that changes is held, one that does not was left by a process that is gone. Leases are numbered, and a run is
driven by the holder of the last. Each number is made once, by a write that fails where somebody has made it, and is
written by its holder alone: of several who find the same stale one, one gets the next number, and what is given back or
deleted is one's own or an older one. The last stays there, given back, so that no number comes again. A holder that
finds a higher one has been taken for gone (its machine slept, or was cut off) and ends as by an interrupt.
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
SETTLE_SECONDS = 1.0
"""After a stale lease: when the next one is read again, for storage that lets the last of several writers win."""
_FOLDER = ".lease/"
_GIVEN_BACK = b"given back\n"


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
        """What another holder has written in its place."""
        self._storage = storage
        self._number = 0
        self._me = f"{socket.gethostname()}, process {os.getpid()}\n{uuid.uuid4().hex}\n".encode()
        self._is_reached = True

    def take(self, tell: Callable[[str], None]) -> None:
        last = self._last()
        found = self._read(last)
        is_stale = not _is_free(found)
        if is_stale:
            tell(f"{self._storage.url} was last driven by {_who(found)}; waiting to see whether that is gone.")
            self._watch(last, found)
        self._number = last + 1
        is_mine = self._storage.create(_name(self._number), self._next())
        if is_stale:
            time.sleep(SETTLE_SECONDS)
        other = self._find_other()
        if not is_mine or other is not None:
            raise self._in_use(other or b"")
        self._storage.remove([_name(number) for number in self._numbers() if number < self._number])

    def keep(self) -> None:
        """Write it anew until it is over or another's; storage that is away for a while is no reason to end."""
        while not self.is_over.wait(RENEW_SECONDS):
            try:
                other = self._find_other()
                if self.is_over.is_set():
                    return
                if other is not None:
                    self.other = other
                    break
                self._storage.write(_name(self._number), self._next())
                self._is_reached = True
            except OverproofError:  # the run itself meets the same and says so
                self._is_reached = False
        if self.other is not None:
            _interrupt()

    def give_back(self) -> None:
        """Let the next one begin at once, unless it has, or the storage is away: then that one waits a moment."""
        if self.other is None and self._is_reached:
            with contextlib.suppress(OverproofError):
                self._storage.write(_name(self._number), self._me + _GIVEN_BACK)

    def _find_other(self) -> bytes | None:
        """The lease of another that has the run now. One's own may have been deleted by people, also between the list
        and the reading: then nobody has.
        """
        last = self._last()
        found = self._read(last)
        return None if last < self._number or not found or found.startswith(self._me) else found

    def _watch(self, last: int, found: bytes) -> None:
        """Return once a lease is nobody's. Raises RunFolderError when it is held, or when somebody has the next."""
        began = time.monotonic()
        while time.monotonic() - began < GONE_SECONDS:
            time.sleep(min(RENEW_SECONDS / 2, 1.0))
            now = self._read(self._last())
            if now != found:
                if _is_free(now) and self._last() == last:
                    return
                raise self._in_use(now)

    def _last(self) -> int:
        return max(self._numbers(), default=0)

    def _numbers(self) -> list[int]:
        names = [name.removeprefix(_FOLDER) for name in self._storage.sizes(_FOLDER)]
        return [int(name) for name in names if name.isdecimal()]

    def _read(self, number: int) -> bytes:
        return self._storage.read(_name(number)) or b""

    def _next(self) -> bytes:
        return self._me + f"{time.time()}\n".encode()

    def _in_use(self, found: bytes) -> RunFolderError:
        return RunFolderError(
            f"{self._storage.url} is in use by another overproof process ({_who(found)}). Wait for it, or give another "
            "--run-dir."
        )


def _name(number: int) -> str:
    return f"{_FOLDER}{number:06}"


def _is_free(lease: bytes) -> bool:
    return not lease or lease.endswith(_GIVEN_BACK)


def _who(lease: bytes) -> str:
    return lease.decode(errors="replace").partition("\n")[0]


def _interrupt() -> None:
    """Have the main thread end as by a signal: what is in flight is kept. Started in the background it ignores one."""
    is_heard = callable(signal.getsignal(signal.SIGTERM))
    _thread.interrupt_main(signal.SIGTERM if is_heard else signal.SIGINT)
