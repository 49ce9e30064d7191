"""Work on shards for tests of engines: functions of a module, which any process can import."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from overproof.errors import InputError
from overproof.grading import grade
from overproof.grading.pool import most_workers

BLOB = 12 << 20
DEEP = (r"\boxed{\int_0^1 2x\,dx}", "1")


def double(shard: int) -> int:
    return 2 * shard


def pid_of(shard: int) -> int:
    del shard
    return os.getpid()


def fail(shard: int) -> int:
    if shard == 1:
        raise InputError(f"shard {shard} is no good")
    return shard


def die(shard: int) -> int:
    """Killed at shard 2, as by a kernel that is out of memory."""
    if shard == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return shard


def be_killed(*anything: object) -> None:
    """Killed whatever it is given."""
    del anything
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(folder: Path, shard: int) -> int:
    """Killed the first time that shard 2 is begun."""
    been_here = folder / "been-here"
    if shard == 2 and not been_here.exists():
        been_here.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return shard


def make_blob(shard: int) -> bytes:
    """More than travels with an answer."""
    return bytes([shard]) * BLOB


def print_and_double(shard: int) -> int:
    sys.stdout.write(f"working on {shard}")
    return 2 * shard


def grade_there(shard: int) -> tuple[str, int]:
    """The verdict on an answer that takes a grading worker, and how many of these there may be."""
    del shard
    return grade(*DEEP).verdict.value, most_workers()


def wait_with_pid(folder: str) -> None:
    """Leave a file named like this process, and wait until somebody deletes it."""
    mark = Path(folder) / str(os.getpid())
    mark.touch()
    while mark.exists():
        time.sleep(0.01)
