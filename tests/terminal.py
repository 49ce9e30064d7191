"""A real pseudo-terminal for tests: what a person sees when a command has ended, as the terminal shows it."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pyte

ROOT = Path(__file__).parents[1]
_ROWS = 60


class Seen(NamedTuple):
    """What a command left on a terminal."""

    lines: list[str]
    code: int
    shown: bytes
    """All that was sent to it."""


def run_in_terminal(
    arguments: Sequence[str],
    folder: Path,
    *,
    columns: int,
    typed: Mapping[bytes, bytes] | None = None,
    **environment: str,
) -> Seen:
    """Run the overproof command in a terminal of this width; `typed` says what is typed once which text was shown."""
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, columns, 0, 0))
        os.chdir(folder)
        own = {"PYTHONPATH": str(ROOT / "src"), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **environment}
        # readline, which pytest loads, sets COLUMNS and LINES behind os.environ's back, and rich believes them.
        size = {"COLUMNS": str(columns), "LINES": str(_ROWS)}
        os.execve(sys.executable, [sys.executable, "-m", "overproof", *arguments], {**os.environ, **size, **own})
    screen = pyte.HistoryScreen(columns, _ROWS, history=2000)
    stream = pyte.ByteStream(screen)
    shown, answers = b"", dict(typed or {})
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
        stream.feed(part)
        for asked in [asked for asked in answers if asked in shown]:
            os.write(terminal, answers.pop(asked))
    else:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    before = ["".join(row[column].data for column in range(columns)) for row in screen.history.top]
    return Seen([line.rstrip() for line in [*before, *screen.display]], os.waitstatus_to_exitcode(status), shown)
