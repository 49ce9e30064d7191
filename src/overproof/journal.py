"""Append-only JSONL that survives `kill -9` at any byte; the only module that knows how lines reach the disk.

A line is finished when its newline is on disk. `Journal` writes each line with one unbuffered write, so a killed
process loses at most the line it was writing; that torn tail is cut off when the file is next opened for
appending and skipped when it is read. A write that fails (a full disk) is cut off at once, so that nothing is ever
glued to half a line. On shared storage, where files cannot grow, `PartJournal` writes the same lines as immutable
parts. Everything derived is written whole by `write_records`: to a temporary name, then renamed, so that a reader
never sees half a file.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol, TypeVar

import msgspec

from overproof.errors import RunFolderError
from overproof.records import decode, encode

Record = TypeVar("Record", bound=msgspec.Struct)

_REPAIR_BLOCK = 1 << 16
_SHARD_BUFFER = 1 << 26


class Sink(Protocol):
    """Where a paid stage writes its records: a growing journal, or parts on shared storage."""

    def append(self, record: msgspec.Struct) -> None:
        """Write one record as a line."""

    def flush(self) -> None:
        """Put what was appended where not even the loss of the machine's memory can undo it. May block."""

    def close(self) -> None:
        """Put everything on disk and close; further appends are errors."""


class Journal:
    """One growing JSONL file, open for appending by this process alone."""

    def __init__(self, path: Path) -> None:
        """Open `path` (made with its folders when missing) after cutting off a torn tail.

        Raises RunFolderError when another process has it open.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._descriptor)
            raise RunFolderError(f"{path} is being written by another process. Wait for it to end.") from None
        _cut_torn_tail(self._descriptor)
        self._size = os.fstat(self._descriptor).st_size
        self._lock = threading.Lock()
        self._is_closed = False

    def append(self, record: msgspec.Struct) -> None:
        """Write one record as a line; when this returns, a kill of the process cannot lose it.

        Raises RunFolderError when the line cannot be written; the file then holds all earlier lines whole.
        """
        line = memoryview(encode(record) + b"\n")
        size = len(line)
        try:
            while line:
                line = line[os.write(self._descriptor, line) :]
        except OSError as error:
            os.ftruncate(self._descriptor, self._size)
            raise RunFolderError(
                f"{self.path} cannot be written ({error.strerror}). Make room and run the same command again; "
                "nothing that was finished is lost."
            ) from error
        self._size += size

    def flush(self) -> None:
        """Wait until the operating system has put every line on the disk itself (for power loss).

        May be called from another thread than the one that appends; does nothing once the journal is closed.
        """
        with self._lock:
            if not self._is_closed:
                os.fsync(self._descriptor)

    def close(self) -> None:
        """Flush and close; further appends are errors."""
        self.flush()
        with self._lock:
            self._is_closed = True
            os.close(self._descriptor)


class PartJournal:
    """The lines of a journal as immutable parts, each written whole; a kill loses what was not yet flushed."""

    def __init__(self, write_part: Callable[[bytes], object]) -> None:
        """`write_part` writes the next part; it returns once the part is safe."""
        self._write_part = write_part
        self._lines: list[bytes] = []
        self._lock = threading.Lock()
        self._writing = threading.Lock()

    def append(self, record: msgspec.Struct) -> None:
        """Keep one record for the next part."""
        line = encode(record) + b"\n"
        with self._lock:
            self._lines.append(line)

    def flush(self) -> None:
        """Write what was appended since the last time as one part; nothing appended writes none.

        May be called from another thread than the one that appends. What cannot be written is kept for the next time.
        """
        with self._writing:
            with self._lock:
                lines, self._lines = self._lines, []
            try:
                if lines:
                    self._write_part(b"".join(lines))
            except BaseException:
                with self._lock:
                    self._lines = lines + self._lines
                raise

    def close(self) -> None:
        """Write the last part."""
        self.flush()


def read_lines(path: Path) -> Iterator[bytes]:
    """The finished lines of a JSONL file, without their newlines; none when the file does not exist.

    A torn last line is left out: it was never finished.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield line[:-1]


def read_records(path: Path, kind: type[Record]) -> Iterator[Record]:
    """The records of a JSONL file in order. Raises RunFolderError naming file and line where one does not fit."""
    for _, record in locate_records(path, kind):
        yield record


class Span(NamedTuple):
    """Where a line lies in its file, in bytes, its newline left out."""

    offset: int
    length: int


def locate_records(path: Path, kind: type[Record]) -> Iterator[tuple[Span, Record]]:
    """`read_records` with the place of each, for reading one again later. A small `kind` makes a cheap index."""
    offset = 0
    for number, line in enumerate(read_lines(path), start=1):
        try:
            yield Span(offset, len(line)), decode(line, kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RunFolderError(
                f"{path}:{number} is damaged ({error}). Delete that line to go on without it."
            ) from error
        offset += len(line) + 1


def read_span(file: BinaryIO, span: Span, kind: type[Record]) -> Record:
    """One record of an open JSONL file, at a place that `locate_records` gave."""
    return decode(os.pread(file.fileno(), span.length, span.offset), kind)


def write_records(path: Path, records: Iterable[msgspec.Struct]) -> int:
    """Write a JSONL file whole and atomically; returns the number of lines."""
    count = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        for record in records:
            file.write(encode(record) + b"\n")
            count += 1
    temporary.replace(path)
    return count


def write_sharded(paths: Sequence[Path], records: Iterable[tuple[int, msgspec.Struct]]) -> list[int]:
    """Write one file a shard, whole and atomically, from (shard, record) pairs in any order.

    Every path is written, empty where no record belongs to it. Returns the number of lines of each. Holds at most
    some 64 MB of lines, and one open file.
    """
    counts = [0] * len(paths)
    temporaries = [path.with_name(path.name + ".tmp") for path in paths]
    for temporary in temporaries:
        temporary.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(b"")
    waiting: dict[int, bytearray] = {}
    size = 0
    for shard, record in records:
        line = encode(record) + b"\n"
        waiting.setdefault(shard, bytearray()).extend(line)
        counts[shard] += 1
        size += len(line)
        if size > _SHARD_BUFFER:
            _append_all(temporaries, waiting)
            waiting, size = {}, 0
    _append_all(temporaries, waiting)
    for temporary, path in zip(temporaries, paths, strict=True):
        temporary.replace(path)
    return counts


def _append_all(files: Sequence[Path], waiting: dict[int, bytearray]) -> None:
    for shard, lines in waiting.items():
        with files[shard].open("ab") as file:
            file.write(lines)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole and atomically, making its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(content)
    temporary.replace(path)


def _cut_torn_tail(descriptor: int) -> None:
    """Truncate an open file to the end of its last finished line."""
    end = size = os.fstat(descriptor).st_size
    while end > 0:
        start = max(0, end - _REPAIR_BLOCK)
        newline = os.pread(descriptor, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end != size:
        os.ftruncate(descriptor, end)
