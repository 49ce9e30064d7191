"""Whether derived files are what was written: only this module knows the SHA256SUMS that closes a folder of them.

A folder of derived files is closed by its sums, which are written last and taken away before the first file changes.
The digest of the sums is the folder's seal, which whoever closes it keeps elsewhere: it tells a folder from the same
folder of another run, whose sums fit too.
With them every reader knows at the end of a file whether it has read all of it; without them (a stage was stopped in
the middle, or an older version made the folder) a file is only known not to end within a line. `sha256sum -c
SHA256SUMS` says the same from outside.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from overproof.errors import RunFolderError
from overproof.journal import remove_file, write_bytes
from overproof.records import decode

Record = TypeVar("Record", bound=msgspec.Struct)

SUMS = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


class DamagedError(RunFolderError):
    """A derived file that is not what was written; the stage that writes it can write it again."""

    def __init__(self, path: Path, what: str) -> None:
        """`what` says in which way `path` is damaged."""
        super().__init__(f"{path} {what}. It is derived: `overproof run` makes it again, and that costs nothing.")
        self.path = path
        self.what = what

    def __reduce__(self) -> tuple[type, tuple[Path, str]]:
        """Travel between processes."""
        return type(self), (self.path, self.what)


def seal(folder: Path) -> str:
    """Close a folder whose files are written: from now on every reader can tell whether they are still the same.

    Returns its seal.
    """
    names = sorted(path.relative_to(folder).as_posix() for path in _files_of(folder))
    sums = "".join(f"{sum_of(folder / name)}  {name}\n" for name in names).encode(errors="surrogateescape")
    write_bytes(folder / SUMS, sums)
    return hashlib.sha256(sums).hexdigest()


def unseal(folder: Path) -> None:
    """Open a folder again, before the first of its files changes."""
    remove_file(folder / SUMS)


def _files_of(folder: Path) -> Iterator[Path]:
    """The files of a stage: those right in its folder, and for a dataset those of its two forms.

    Further folders hold what was made under named selections, and are closed by themselves.
    """
    for path in (*folder.glob("*"), *folder.glob("jsonl/*"), *folder.glob("parquet/*")):
        if path.is_file() and is_sealed(folder, path):
            yield path


def is_sealed(folder: Path, path: Path) -> bool:
    """Whether a file is one of those that a folder is closed over; hidden ones are of desktops, editors and NFS."""
    is_inside = path.parent == folder or (path.parent.parent == folder and path.parent.name in {"jsonl", "parquet"})
    is_strange = path.name.startswith(".") or path.name.endswith(".tmp") or "\n" in path.name
    return is_inside and path.name != SUMS and not is_strange


def read_sums(folder: Path) -> dict[str, str] | None:
    """The SHA-256 of each file of a folder by name; None for a folder that is not closed.

    Raises DamagedError when the sums themselves are damaged.
    """
    path = folder / SUMS
    try:
        text = path.read_bytes().decode(errors="surrogateescape")  # names of files are bytes
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        raise DamagedError(path, "is not text") from None
    found = [_LINE.fullmatch(line) for line in text.removesuffix("\n").split("\n")] if text else []
    sums = {match[2]: match[1] for match in found if match}
    if len(sums) != len(found) or (text and not text.endswith("\n")):
        raise DamagedError(path, "is no list of sums")
    return sums


def sum_of(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find_damage(folder: Path, sealed: str | None = None) -> str | None:
    """What is wrong with a folder of derived files, in words; None when every file is what was written.

    `sealed` is the seal that it was closed with; None where nobody has kept it.
    """
    try:
        sums = read_sums(folder)
    except DamagedError as error:
        return f"{error.path} {error.what}"
    if sums is None:
        return f"{folder} was not finished"
    if sealed is not None and sum_of(folder / SUMS) != sealed:
        return f"{folder} is not what this run has written"
    for name, expected in sums.items():
        path = folder / name
        if not path.is_file():
            return f"{path} is missing"
        if sum_of(path) != expected:
            return f"{path} is not what was written"
    return None


def read_derived(path: Path, kind: type[Record]) -> Iterator[Record]:
    """The records of a derived JSONL file; none when it was never written.

    Raises DamagedError at the place where it turns out not to be what was written, which may be its very end.
    """
    expected = (read_sums(path.parent) or {}).get(path.name)
    if not path.exists():
        if expected is not None:
            raise DamagedError(path, "is missing")
        return
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            digest.update(line)
            if not line.endswith(b"\n"):
                raise DamagedError(path, f"ends within line {number}")
            try:
                record = decode(line, kind)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise DamagedError(path, f"is damaged in line {number} ({error})") from None
            yield record
    if expected is not None and digest.hexdigest() != expected:
        raise DamagedError(path, "is not what was written")
