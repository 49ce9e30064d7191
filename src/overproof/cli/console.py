"""What the terminal can show: streams that never fail on a letter, and how much is said beside results."""

from __future__ import annotations

import codecs
import io
import shlex
import sys
import unicodedata
from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from overproof.places import name_places

_PIPE_WIDTH = 240
"""Columns of output that goes to no terminal: enough that no table cell is ever folded there."""
_SPELLED = {
    "→": "->", "←": "<-", "–": "-", "—": "-", "−": "-", "·": "*", "…": "...", "×": "x", "≥": ">=", "≤": "<=",
    "≠": "!=", "±": "+-", "“": '"', "”": '"', "‘": "'", "’": "'", "─": "-", "│": "|", "●": "o", "•": "*", "█": "#",
    "†": "+", "√": "sqrt", "∞": "inf", "π": "pi",
}  # fmt: skip
"""What stands for a character that an encoding lacks, where a person reads it as the same."""
_ERRORS = "overproof.spell"


def prepare_streams() -> None:
    """Let standard output and error write any text in any encoding: what it lacks is spelled out, never an error."""
    codecs.register_error(_ERRORS, _spell)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ERRORS)


def _spell(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_spell_one(letter, error.encoding) for letter in text), error.end


def _spell_one(letter: str, encoding: str) -> str:
    """A character as others that the encoding has, else as an escape that says which it was."""
    for spelled in (_SPELLED.get(letter), unicodedata.normalize("NFKD", letter)):
        if spelled is not None and spelled != letter and _can_write(spelled, encoding):
            return spelled
    return letter.encode("ascii", "backslashreplace").decode("ascii")


def _can_write(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


class Loudness:
    """How much is said beside results: -q only what went wrong, -v every step. One for the process."""

    level = 0
    """-1 quiet, 0 as usual, 1 every step."""


def open_console(*, stderr: bool = False) -> Console:
    """A console of one stream. A terminal has its own width; elsewhere a line is as long as it is."""
    console = Console(stderr=stderr, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    return console


def print_lines(lines: Iterable[str]) -> None:
    """Facts, one a line."""
    out = open_console()
    for line in lines:
        out.print(Text(name_places(line)))


def typed(*words: object) -> str:
    """A command of ours as it can be typed, whatever stands in its words."""
    return shlex.join(["overproof", *map(str, words)])


def print_next(*commands: str) -> None:
    """The commands that go on from here; they are told and not a result, so they go to standard error."""
    if Loudness.level >= 0:
        console = open_console(stderr=True)
        for number, command in enumerate(commands):
            console.print(Text(f"{'      ' if number else 'Next: '}{name_places(command)}"))
