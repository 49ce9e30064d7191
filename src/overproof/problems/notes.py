"""What reading a source has shown beside its problems: rows left out, text that was mended, facts to know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec

_PLACES = 3
"""How many places are named of something that was seen often."""


class SkippedRow(msgspec.Struct, frozen=True):
    """A row that was left out, as `problems/skipped.jsonl` lists it."""

    where: str
    reason: str


class SourceNotes:
    """Collects what is worth telling while a source is read."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.skipped: list[SkippedRow] = []
        self._facts: dict[str, None] = {}
        self._seen: Counter[str] = Counter()
        self._places: dict[str, list[str]] = {}
        self._commands: dict[str, None] = {}

    def tell(self, fact: str) -> None:
        """Take down a fact about the source."""
        self._facts[fact] = None

    def skip(self, where: str, reason: str) -> None:
        """Take down that a row was left out."""
        self.skipped.append(SkippedRow(where, reason.removeprefix(where).lstrip(": ")))

    def count(self, what: str, where: str) -> None:
        """Take down that a row has something."""
        self._seen[what] += 1
        if len(places := self._places.setdefault(what, [])) < _PLACES:
            places.append(where)

    def mend(self, commands: tuple[str, ...], where: str) -> None:
        """Take down that these LaTeX commands of a row were restored."""
        self._commands |= dict.fromkeys(commands)
        self.count("mended", where)

    def lines(self) -> Iterator[str]:
        """Everything worth telling, a line each."""
        yield from self._facts
        for what, count in self._seen.items():
            places = ", ".join(self._places[what]) + (", …" if count > _PLACES else "")
            if what == "mended":
                shown = " ".join(list(self._commands)[:_PLACES])
                yield f"{count:,} rows had LaTeX with a backslash too few or too many ({shown}); mended: {places}"
            else:
                yield f"{count:,} rows: {what} ({places})"
        if self.skipped:
            first = self.skipped[0]
            left_out = f"{len(self.skipped):,} rows left out (problems.on_bad_row: skip)"
            yield f"{left_out}; the first: {first.where}: {first.reason}"
