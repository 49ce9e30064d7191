"""Pieces of one text as a stream brings them → the text; only this module tells a new piece from a running total.

Most servers send what is new. Some send all of it so far each time, and some repeat the whole at the end. A piece that
begins with everything before it is taken for such a total, once that cannot well be chance.
"""

from __future__ import annotations

from collections.abc import Sequence

SURE_LENGTH = 16
"""Characters before a piece from which on its beginning with all of them is no chance."""
SURE_TOTALS = 3
"""Pieces that each prolong the one before, from which on it is no chance either, however short they are."""


class Pieces:
    """One text while it arrives."""

    __slots__ = ("_chain", "_length", "_parts", "held_totals")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.held_totals = False
        """Whether pieces were running totals or a repetition of the whole."""
        self._parts: list[str] = []
        self._length = 0
        self._chain = 0  # pieces from the first on that each prolong the one before; 0 once that has ended

    def __bool__(self) -> bool:
        """Whether there is any text."""
        return bool(self._parts)

    def add(self, piece: str) -> None:
        """Take the next piece, which is not empty."""
        if self._length and len(piece) >= len(self._parts[-1]) and (self._chain or len(piece) >= self._length):
            self._add_suspect(piece)
            return
        self._chain = 0 if self._length else 1
        self._parts.append(piece)
        self._length += len(piece)

    def extend(self, pieces: Sequence[str]) -> None:
        """Take the next pieces, none of which is empty."""
        if self._chain or not self._length or max(map(len, pieces)) >= self._length:
            for piece in pieces:
                self.add(piece)
        else:  # none is long enough to hold what came before it
            self._parts += pieces
            self._length += sum(map(len, pieces))

    def add_whole(self, text: str) -> bool:
        """Take what the server says is the whole text, whatever came before it; True when something new was in it."""
        before = self.text()
        if not text or (before and before == text):
            return False
        if text.startswith(before):
            self._parts, self._length, self._chain = [text], len(text), 0
        else:
            self.add(text)
        return True

    def text(self) -> str:
        """All of it."""
        return "".join(self._parts)

    def _add_suspect(self, piece: str) -> None:
        """A piece that is long enough to hold what came before it."""
        last = self._parts[-1]
        if self._chain and piece.startswith(last):
            self._chain += len(piece) > len(last)
            self._parts.append(piece)
            self._length += len(piece)
            if self.held_totals or self._chain >= SURE_TOTALS or len(last) >= SURE_LENGTH:
                self._keep_last()
            return
        self._chain = 0
        if len(piece) >= self._length >= SURE_LENGTH and piece.startswith("".join(self._parts)):
            self._parts.append(piece)
            self._keep_last()
            return
        self._parts.append(piece)
        self._length += len(piece)

    def _keep_last(self) -> None:
        self.held_totals = True
        self._parts = self._parts[-1:]
        self._length = len(self._parts[0])
