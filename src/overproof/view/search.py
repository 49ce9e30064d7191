"""Finding a text in the traces of a run, of whatever size: in the background, shard by shard.

The files themselves are searched, block by block, at the speed of a plain search for bytes; only lines that hold the
bytes are then decoded, to see whether the text stands in the question or the reply and not in what surrounds them.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from overproof.journal import Span, read_span
from overproof.report.shard import Shard
from overproof.view.query import Rows

_BLOCK = 1 << 20


class _ProblemText(msgspec.Struct):
    id: str
    question: str


class _PreparedText(msgspec.Struct):
    problem: _ProblemText


class _Texts(msgspec.Struct):
    """The texts of a trace that are searched."""

    problem: _ProblemText
    content: str
    reasoning: str | None = None

    def hold(self, text: str) -> bool:
        """Whether a lower-case text stands in any of them."""
        texts = (self.problem.id, self.problem.question, self.content, self.reasoning or "")
        return any(text in one.lower() for one in texts)


class Search:
    """One search, under way in a thread of its own. Upper and lower case are not told apart."""

    def __init__(self, shards: list[Shard], matching: list[Rows], text: str) -> None:
        """Begin to look for `text` among the matching rows of each shard."""
        self.found: list[Rows] = []
        """For each shard that is done, the rows that hold the text."""
        self.total = len(shards)
        self._shards = shards
        self._matching = matching
        self._text = text.lower()
        self._changed = threading.Condition()
        self._is_stopped = False
        threading.Thread(target=self._run, name="search", daemon=True).start()

    def wait(self, rows: int, seconds: float) -> list[Rows]:
        """What is found once there are so many rows, or everything was searched, or so much time has passed."""
        with self._changed:
            self._changed.wait_for(lambda: self.is_done or sum(map(len, self.found)) >= rows, seconds)
            return list(self.found)

    def stop(self) -> None:
        """Give up."""
        self._is_stopped = True

    @property
    def is_done(self) -> bool:
        """Whether everything was searched."""
        return self._is_stopped or len(self.found) == self.total

    def _run(self) -> None:
        for shard, matching in zip(self._shards, self._matching, strict=True):
            rows = np.array(sorted(self._search(shard, matching)), np.int64)
            with self._changed:
                if self._is_stopped:
                    return
                self.found.append(rows)
                self._changed.notify_all()

    def _search(self, shard: Shard, matching: Rows) -> Iterator[int]:
        needle = _needle(self._text)
        for number, path in enumerate(shard.parts):
            rows = matching[shard.traces["part"][matching] == number]
            rows = rows[np.argsort(shard.traces["offset"][rows])]
            if not len(rows):
                continue
            starts = shard.traces["offset"][rows]
            candidates = range(len(rows)) if not needle else self._lines_with(path, needle, starts)
            with path.open("rb") as file:
                for place in candidates:
                    if self._is_stopped:
                        return
                    trace = shard.traces[rows[place]]
                    span = Span(int(trace["offset"]), int(trace["length"]))
                    if read_span(file, span, _Texts).hold(self._text):
                        yield int(rows[place])

    def _lines_with(self, path: Path, needle: bytes, starts: Rows) -> Iterator[int]:
        """Places in `starts` of the lines that may hold the bytes, each once."""
        last = -1
        for offset in _find_all(path, needle):
            if self._is_stopped:
                return
            place = int(np.searchsorted(starts, offset, "right")) - 1
            if place > last:
                last = place
                yield place


def find_problems(shard: Shard, matching: Rows, text: str) -> Rows:
    """The rows of a shard's problems, among the matching ones, whose id or question holds a text, whatever its case."""
    text = text.lower()
    places = shard.problems.rows[matching]
    starts, found = places["offset"], []
    needle = _needle(text)
    offsets = _find_all(shard.problems.path, needle) if needle and len(matching) else ()
    candidates = range(len(matching)) if not needle else sorted({_line_of(starts, offset) for offset in offsets} - {-1})
    with shard.problems.path.open("rb") as file:
        for place in candidates:
            span = Span(int(places["offset"][place]), int(places["length"][place]))
            item = read_span(file, span, _PreparedText).problem
            if text in item.question.lower() or text in item.id.lower():
                found.append(int(matching[place]))
    return np.array(found, np.int64)


def _line_of(starts: Rows, offset: int) -> int:
    """Which of the lines that begin at these places may hold an offset; -1 for none."""
    return int(np.searchsorted(starts, offset, "right")) - 1


def _needle(text: str) -> bytes:
    """Bytes that every line with this lower-case text holds in lower case: its longest stretch that case leaves alone.

    A line is JSON, so signs are escaped as JSON does; lowering bytes changes ASCII letters only, so letters beyond it
    that have two cases are not relied on.
    """
    stretches = "".join(letter if letter.isascii() or letter == letter.upper() else "\0" for letter in text).split("\0")
    return json.dumps(max(stretches, key=len), ensure_ascii=False)[1:-1].encode("utf-8", "replace").lower()


def _find_all(path: Path, needle: bytes) -> Iterator[int]:
    """Where in a file the bytes stand, in order; upper case counts as lower case."""
    overlap = len(needle) - 1
    with path.open("rb") as file:
        base, rest = 0, b""
        while block := file.read(_BLOCK):
            text = rest + block.lower()
            place = text.find(needle)
            while place >= 0:
                yield base + place
                place = text.find(needle, place + 1)
            time.sleep(0)  # lets the threads that answer take their turn
            rest = text[len(text) - overlap :] if overlap else b""
            base += len(text) - len(rest)
