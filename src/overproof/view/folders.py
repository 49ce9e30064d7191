"""Folders named on a command line → the runs that lie there: runs, folders of runs, their evaluations, proofs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from overproof.errors import RunFolderError, suggest_folder
from overproof.report.summary import Summary
from overproof.runfolder import RunFolder
from overproof.view.proofs import FILE
from overproof.view.run import ViewedRun

_DEEPEST = 3
"""Levels of folders that are looked into for runs: a proof holds its runs two below its own."""


class RunLine(msgspec.Struct, frozen=True):
    """A run as a line of the list of runs."""

    place: str
    """As it was found: its whole path."""
    begun: str
    """When its config was last written; empty where that is not known."""
    summary: Summary


def find_runs(places: Sequence[Path | str]) -> list[RunFolder]:
    """Every run in these folders, each once, in the order given; a folder's own in the order of their names.

    Raises RunFolderError for a place without any.
    """
    found: dict[str, RunFolder] = {}
    for place in places:
        folder = RunFolder(place)
        folder.greet()
        here = list(_find_in(folder, _DEEPEST))
        if not here:
            near = "" if folder.storage or folder.root.is_dir() else suggest_folder(folder.root)
            raise RunFolderError(
                f"{folder} holds no run: neither it nor a folder in it has config.yaml and problems. "
                f"Give a run folder, or a folder of run folders.{near}"
            )
        found |= {str(one.place): one for one in here}
    return list(found.values())


def find_proofs(places: Sequence[Path | str]) -> list[Path]:
    """Every folder of a proof among these places and what lies in them."""
    here = [Path(place) for place in places if "://" not in str(place)]
    found = [path for place in here for path in (place, *(one for one in place.glob("*") if one.is_dir()))]
    return [path for path in dict.fromkeys(found) if (path / FILE).is_file()]


def _find_in(folder: RunFolder, levels: int) -> Iterator[RunFolder]:
    if folder.holds_run():
        yield folder
        if folder.evaluation.holds_run():
            yield folder.evaluation
    elif folder.storage is None and levels and folder.root.is_dir():
        for path in sorted(folder.root.iterdir()):
            if path.is_dir() and not path.name.startswith("."):
                yield from _find_in(RunFolder(path), levels - 1)


def describe_folder(run: ViewedRun) -> RunLine:
    """A run as it is listed beside others."""
    config = run.folder.config
    begun = (
        datetime.fromtimestamp(config.stat().st_mtime, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
        if config.exists()
        else ""
    )
    return RunLine(str(run.folder), begun, run.latest.summary)
