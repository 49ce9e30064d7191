"""How lines reach the disk and are known again; the only module that writes the files of a run.

A line of a journal is finished when its newline is on disk. `Journal` writes each line with one unbuffered write, so a
killed process loses at most the line it was writing; that torn tail is cut off when the file is next opened for
appending and skipped when it is read. A write that fails (a full disk) is cut off at once, so that nothing is ever
glued to half a line. Each line ends in a checksum of itself, a last key `crc` that readers of JSON may pass over; a
line without one was written by an older version and is taken as it is. On shared storage, where files cannot grow,
`PartJournal` writes the same lines as immutable parts. Everything derived is written whole by `write_records`: to a
new file that is put on disk and then renamed, so that a reader never sees half a file.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shlex
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol, TypeVar

import msgspec

from overproof.errors import RunFolderError, explain_os_error, reading, writing
from overproof.records import decode, encode

Record = TypeVar("Record", bound=msgspec.Struct)

_REPAIR_BLOCK = 1 << 16
_SHARD_BUFFER = 1 << 26
_CHECK = b',"crc":"%08x"}'
_CHECK_START = b',"crc":"'
_CHECK_BYTES = len(_CHECK % 0)
_MOST_NAMED = 20
"""Stretches of damaged lines that one command deletes; a file with more of them is better looked at."""
_UNSYNCABLE = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF})
"""What file systems say that cannot put a folder on disk (network and FUSE mounts): they have no way to do better."""
_LOCKED = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES})
"""What the operating system says when another process holds a lock; anything else means that it has no locks."""


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

        Raises RunFolderError when another process has it open, or when it may not be written.
        """
        self.path = path
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
            self._descriptor = os.open(path, flags, 0o644)
        try:
            lock(self._descriptor, f"{path} is being written by another process. Wait for it to end.")
        except RunFolderError:
            os.close(self._descriptor)
            raise
        _cut_torn_tail(self._descriptor)
        self._size = os.fstat(self._descriptor).st_size
        self._lock = threading.Lock()
        self._is_closed = False

    def append(self, record: msgspec.Struct) -> None:
        """Write one record as a line; when this returns, a kill of the process cannot lose it.

        Raises RunFolderError when the line cannot be written; the file then holds all earlier lines whole.
        """
        line = memoryview(encode_line(record))
        size = len(line)
        try:
            while line:
                line = line[os.write(self._descriptor, line) :]
        except OSError as error:
            os.ftruncate(self._descriptor, self._size)
            raise RunFolderError(explain_os_error(error, self.path, "written")) from error
        self._size += size

    def flush(self) -> None:
        """Wait until the operating system has put every line on the disk itself (for power loss).

        May be called from another thread than the one that appends; does nothing once the journal is closed. Raises
        RunFolderError when the file is no longer where it was: whatever else is paid for would be lost.
        """
        with self._lock:
            if not self._is_closed:
                with writing(self.path):
                    os.fsync(self._descriptor)
                self._check_place()

    def close(self) -> None:
        """Flush and close; further appends are errors."""
        try:
            self.flush()
        finally:
            with self._lock:
                if not self._is_closed:
                    self._is_closed = True
                    os.close(self._descriptor)

    def _check_place(self) -> None:
        mine = os.fstat(self._descriptor)
        try:
            there = self.path.stat()
        except OSError:
            there = None
        if there is None or (there.st_dev, there.st_ino) != (mine.st_dev, mine.st_ino):
            raise RunFolderError(
                f"{self.path} was deleted or renamed while it was being written. Where the run folder was renamed, "
                "what was paid for lies in it still: name its new place with --run-dir."
            )


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
        line = encode_line(record)
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


def lock(descriptor: int, taken: str) -> None:
    """Lock an open file for this process until it is closed.

    Raises RunFolderError saying `taken` when another process has it, and naming the file system where it cannot lock.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _LOCKED:
            raise RunFolderError(taken) from None
        raise RunFolderError(
            f"The file system of the run folder cannot lock files ({error.strerror}), so that two processes could "
            "write the same run. Put the run folder on a local disk (--run-dir), or mount it with locks."
        ) from error


def encode_line(record: msgspec.Struct) -> bytes:
    """The record as a line of a journal, its checksum and its newline included."""
    line = encode(record)
    return line[:-1] + _CHECK % zlib.crc32(line) + b"\n"


def check_line(line: bytes) -> bool | None:
    """Whether a line (without its newline) is what was written by its checksum; None for a line that has none.

    A carriage return at its end is another program's newline and no part of it.
    """
    line = line.removesuffix(b"\r")
    if line[-_CHECK_BYTES : len(_CHECK_START) - _CHECK_BYTES] != _CHECK_START:
        return None
    check = zlib.crc32(b"}", zlib.crc32(memoryview(line)[:-_CHECK_BYTES]))
    return line[-_CHECK_BYTES:] == _CHECK % check


def read_lines(path: Path) -> Iterator[bytes]:
    """The finished lines of a JSONL file, without their newlines; none when the file does not exist.

    A torn last line is left out: it was never finished.
    """
    if not path.exists():
        return
    with reading(path), path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield line[:-1]


def read_records(path: Path, kind: type[Record]) -> Iterator[Record]:
    """The records of a journal in order. Raises RunFolderError naming file and line where one does not fit."""
    for _, record in locate_records(path, kind):
        yield record


class Span(NamedTuple):
    """Where a line lies in its file, in bytes, its newline left out."""

    offset: int
    length: int


def locate_records(path: Path, kind: type[Record]) -> Iterator[tuple[Span, Record]]:
    """`read_records` with the place of each, for reading one again later. A small `kind` makes a cheap index."""
    offset = 0
    is_checked = False
    for number, line in enumerate(read_lines(path), start=1):
        record = _read_line(line, kind, is_checked=is_checked)
        if isinstance(record, str):
            raise _damaged(path, number, record, kind)
        is_checked = check_line(line) is not None
        yield Span(offset, len(line)), record
        offset += len(line) + 1


def _read_line(line: bytes, kind: type[Record], *, is_checked: bool) -> Record | str:
    """The record of a line, or in words what is wrong with it; `is_checked`: the line before it has a checksum."""
    check = check_line(line)
    if check is False:
        return "its checksum does not fit"
    try:
        record = decode(line, kind)
        if check is None:
            line.decode()  # what a small `kind` passes over is read by others
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return str(error) if line.strip() else "it is blank"
    if is_checked and check is None:
        return "it has no checksum, as those before it have: something else has written it"
    return record


def _damaged(path: Path, first: int, what: str, kind: type[msgspec.Struct]) -> RunFolderError:
    """The error about a file's first damaged line, with the command that deletes it and all others."""
    stretches = [[first, first]]
    is_checked = False
    for number, line in enumerate(read_lines(path), start=1):
        is_good = not isinstance(_read_line(line, kind, is_checked=is_checked), str)
        is_checked = check_line(line) is not None if is_good else is_checked
        if is_good or number <= first:
            continue
        if number == stretches[-1][1] + 1:
            stretches[-1][1] = number
        else:
            stretches.append([number, number])
    more = sum(end - start + 1 for start, end in stretches) - 1
    lines = "that line" if not more else f"it and the {more:,} others that are"
    commands = ";".join(f"{start}d" if start == end else f"{start},{end}d" for start, end in stretches[:_MOST_NAMED])
    return RunFolderError(
        f"{path}:{first} is damaged ({what}). Delete {lines} to go on without, and only what was there is asked for "
        f"again: sed -i {shlex.quote(commands) if more else commands} {shlex.quote(str(path))}"
    )


def read_span(file: BinaryIO, span: Span, kind: type[Record]) -> Record:
    """One record of an open JSONL file, at a place that `locate_records` gave."""
    return decode(os.pread(file.fileno(), span.length, span.offset), kind)


def write_records(path: Path, records: Iterable[msgspec.Struct]) -> int:
    """Write a JSONL file whole and atomically; returns the number of lines."""
    count = 0
    with new_file(path) as file:
        for record in records:
            file.write(encode(record) + b"\n")
            count += 1
    return count


def write_sharded(
    paths: Sequence[Path],
    records: Iterable[tuple[int, msgspec.Struct]],
    *,
    encode_as: Callable[[msgspec.Struct], bytes] = lambda record: encode(record) + b"\n",
    before: Callable[[], None] = lambda: None,
) -> list[int]:
    """Write one file a shard, whole and atomically, from (shard, record) pairs in any order.

    Every path is written, empty where no record belongs to it; none of them changes before every record is at hand and
    `before` was called. `encode_as` makes a line of a record. Returns the number of lines of each. Holds at most some
    64 MB of lines, and one open file.
    """
    shards = [_ShardFile(path) for path in paths]
    try:
        size = 0
        for shard, record in records:
            line = encode_as(record)
            shards[shard].add(line)
            size += len(line)
            if size > _SHARD_BUFFER:
                for one in shards:
                    one.write()
                size = 0
        for one in shards:
            one.write()
        before()
        return [one.finish() for one in shards]
    finally:
        for one in shards:
            one.temporary.unlink(missing_ok=True)


class _ShardFile:
    """One of the files of `write_sharded`."""

    def __init__(self, path: Path) -> None:
        self.temporary = _temporary(path)
        self._path = path
        self._waiting: list[bytes] = []
        self._lines = 0
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(_create(self.temporary))

    def add(self, line: bytes) -> None:
        self._waiting.append(line)
        self._lines += 1

    def write(self) -> None:
        if self._waiting:
            with writing(self._path), self.temporary.open("ab") as file:
                file.writelines(self._waiting)
            self._waiting = []

    def finish(self) -> int:
        with writing(self._path):
            with self.temporary.open("rb") as file:
                os.fsync(file.fileno())
            _rename(self.temporary, self._path)
        return self._lines


def write_bytes(path: Path, content: bytes, *, owner: str = "") -> None:
    """Write a file whole and atomically, making its folders; `owner` as `new_path` has it."""
    with new_file(path, owner=owner) as file:
        file.write(content)


@contextmanager
def new_file(path: Path, *, owner: str = "") -> Iterator[BinaryIO]:
    """`new_path`, open for writing."""
    with new_path(path, owner=owner) as temporary, os.fdopen(_create(temporary), "wb") as file:
        yield file


@contextmanager
def new_path(path: Path, *, owner: str = "") -> Iterator[Path]:
    """A file to be written in place of `path`, which it becomes, on disk, when the context ends well; else it is gone.

    For libraries that open files themselves. Folders are made. What the file system refuses is a RunFolderError, and
    so is a `path` that is no file, such as a device. Whatever has the temporary file's name, a link to somewhere else
    included, is removed and never followed. `owner` tells those apart who may write the same file at the same time.
    """
    temporary = _temporary(path, owner)
    with writing(path):
        _check_target(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
        try:
            yield temporary
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            _rename(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def open_log(path: Path) -> BinaryIO:
    """A file that text is added to; a symbolic link in its place is refused and not followed."""
    with writing(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o644)
    return os.fdopen(descriptor, "ab")


def _check_target(path: Path) -> None:
    """Raise RunFolderError for what would be a file in the place of a device or a pipe."""
    if (path.exists() and not path.is_file() and not path.is_dir()) or path.absolute().parent == Path("/dev"):
        raise RunFolderError(f"{path} is no file, and would be replaced by one. Name a file.")


def remove_file(path: Path) -> None:
    """Delete a file so that not even a power cut brings it back; one that is not there is no error."""
    with writing(path):
        try:
            path.unlink()
        except FileNotFoundError:
            return
        _sync_folder(path.parent)


def remove_links(folder: Path, *, but: str = "") -> None:
    """Remove the symbolic links in a folder, and in folders in it, before a library writes there by itself.

    It would write through them into files that are not its own. The folder may be a link itself. Links to folders
    that hold a file named `but` stay: a checkpoint that was moved to another disk.
    """
    with writing(folder):
        for place, folders, files in os.walk(folder):
            for path in (Path(place, name) for name in (*folders, *files)):
                if path.is_symlink() and not (but and (path / but).is_file()):
                    path.unlink(missing_ok=True)


def _temporary(path: Path, owner: str = "") -> Path:
    return path.with_name(f"{path.name}.{owner}.tmp" if owner else f"{path.name}.tmp")


def _create(path: Path) -> int:
    path.unlink(missing_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)


def _rename(temporary: Path, path: Path) -> None:
    temporary.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Put the names in a folder on disk, where the file system can."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _UNSYNCABLE:
            raise
    finally:
        os.close(descriptor)


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
