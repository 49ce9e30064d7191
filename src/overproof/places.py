"""What people call a file of this machine that is the copy of one elsewhere: wherever it is named, it is named so."""

from __future__ import annotations

from pathlib import Path

_called: dict[str, str] = {}


def call(copy: Path, place: str) -> None:
    """From now on what lies in the folder `copy` is called by what it is a copy of."""
    _called[str(copy)] = place


def as_text(path: Path | str) -> str:
    """A path as text that can be shown and stored; what is no UTF-8 in it (names may be any bytes) is replaced."""
    return str(path).encode(errors="surrogateescape").decode(errors="replace")


def name_places(text: str) -> str:
    """A text for people, with every copy in it called so."""
    for copy, place in _called.items():
        text = text.replace(copy, place)
    return text
