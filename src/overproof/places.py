"""What people call a file of this machine that is the copy of one elsewhere: wherever it is named, it is named so."""

from __future__ import annotations

from pathlib import Path

_called: dict[str, str] = {}


def call(copy: Path, place: str) -> None:
    """From now on what lies in the folder `copy` is called by what it is a copy of."""
    _called[str(copy)] = place


def name_places(text: str) -> str:
    """A text for people, with every copy in it called so."""
    for copy, place in _called.items():
        text = text.replace(copy, place)
    return text
