"""Starts a module of this package as a process of its own at the other end of two pipes; nothing of the caller is run
again or inherited, whatever the caller is: an unguarded script, a notebook, a thread, a daemonic process.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, NamedTuple

_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""Each process is one of many, and threads of NumPy's would only get in each other's way."""


class Spawned(NamedTuple):
    """A process, what it reads and what it writes."""

    process: subprocess.Popen[bytes]
    sink: IO[bytes]
    source: IO[bytes]


def spawn(
    module: str, *arguments: str, is_quiet: bool = False, environment: Mapping[str, str] | None = None
) -> Spawned:
    """Start `python -m module`; it finds this very package. What it says on standard error is dropped if quiet.

    It does not hear an interrupt from the keyboard, which is the caller's business. Raises OSError.
    """
    package = str(Path(__file__).parents[1])
    path = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.Popen(  # noqa: S603 - our own module, no shell
        [sys.executable, "-P", "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if is_quiet else None,
        start_new_session=True,
        env={**os.environ, **_ONE_THREAD, **(environment or {}), "PYTHONPATH": path},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    return Spawned(process, process.stdin, process.stdout)
