"""The name of a student → what transformers loads; only this module knows what a name can mean."""

from __future__ import annotations

from pathlib import Path

from overproof.errors import ConfigError, suggest
from overproof.resources import bundled

_BUNDLED = ("tiny-student", "tiny-teacher")


def find_student(name: str) -> str:
    """A folder or Hub id that transformers can load; names of bundled checkpoints become folders.

    Raises ConfigError for a folder that is not there, so that it is never looked for on the Hub.
    """
    path = Path(name)
    if path.is_dir():
        return name
    if name.startswith("tiny-"):
        try:
            return str(bundled(name))
        except FileNotFoundError:
            raise ConfigError(f"student: there is no student '{name}'.{suggest(name, _BUNDLED)}") from None
    if len(path.parts) != 2 or path.is_absolute() or Path(path.parts[0]).is_dir():  # a Hub id is owner/name
        raise ConfigError(f"student: there is no folder {name}; an id on the Hugging Face Hub is owner/name")
    return name
