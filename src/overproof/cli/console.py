"""What the terminal can show: streams that never fail on a letter, and how much is said beside results."""

from __future__ import annotations

import codecs
import io
import re
import shlex
import sys
import unicodedata
from collections.abc import Iterable

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from overproof.places import name_places
from overproof.wording import Language

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


def spoken(language: Language) -> Language:
    """The language that is asked for where standard output has its letters, else English: nobody reads escapes."""
    return language if language == "en" or _can_write("中文", sys.stdout.encoding or "ascii") else "en"


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


def print_folded(console: Console, fact: str) -> None:
    """A fact that people read: a terminal too narrow for it breaks it between words, never within a path or a name."""
    for line in name_places(fact).split("\n"):
        indent = len(line) - len(line.lstrip())
        room = console.width - indent
        if not console.is_terminal or any(cell_len(word) > room for word in line.split()):
            console.print(Text(line))
        else:
            for part in Text(line[indent:]).wrap(console, room):
                console.print(Text(f"{' ' * indent}{part}".rstrip()))


def print_lines(lines: Iterable[str], *, verbatim: bool = False) -> None:
    """Facts, one a line; `verbatim` what is there to be copied."""
    out = open_console()
    for line in lines:
        if verbatim:
            out.print(Text(name_places(line)))
        else:
            print_folded(out, line)


def print_page(lines: Iterable[str]) -> None:
    """A page of Markdown: its prose laid out for the width of a terminal, its code and all of it elsewhere as it is."""
    out = open_console()
    if not out.is_terminal:
        print_lines(lines, verbatim=True)
        return
    from rich.markdown import Markdown

    for number, part in enumerate(re.split(r"^```.*\n", "\n".join(lines), flags=re.MULTILINE)):
        if number % 2:  # what stands between two fences
            out.print(Text(f"\n{part}", style="cyan"))
        else:
            out.print(Markdown(part, hyperlinks=False), soft_wrap=False)


def typed(*words: object) -> str:
    """A command of ours as it can be typed, whatever stands in its words."""
    return shlex.join(["overproof", *map(str, words)])


def print_next(*commands: str) -> None:
    """The commands that go on from here; they are told and not a result, so they go to standard error."""
    if Loudness.level >= 0:
        console = open_console(stderr=True)
        for number, command in enumerate(commands):
            console.print(Text(f"{'      ' if number else 'Next: '}{name_places(command)}"))
