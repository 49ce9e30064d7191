"""Which files a path means, and their bytes unpacked; only this module knows archives, shards and splits by name."""

from __future__ import annotations

import bz2
import glob
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from overproof.errors import ConfigError, InputError
from overproof.rows.row import key

TEXT_ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".tab", ".txt")
TABLE_ENDINGS = (".parquet", ".arrow", ".feather", ".xlsx", ".xls", ".xlsb", ".ods")
PACKED_ENDINGS = (".gz", ".zst", ".xz", ".bz2", ".zip")
_OF_MANY_FILES = (".tar", ".tgz", ".tbz2", ".txz", ".7z", ".rar")

_ZIP = b"PK\x03\x04"
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"\xfd7zXZ\x00": "xz", b"BZh": "bzip2", _ZIP: "zip"}
_OF_A_DOCUMENT = {"[Content_Types].xml", "mimetype"}
"""Members of the zip archives that spreadsheets and other documents are."""
_HEAD = 1 << 16
_BROKEN_ARCHIVE = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError, RuntimeError)

# What lies beside data in the folders that people download.
_BESIDE_DATA = re.compile(
    r"^\.|^_|^readme|^license|^dataset_infos?\.json$|^state\.json$|^dataset_dict\.json$", re.IGNORECASE
)
SPLITS = {"train": "train", "training": "train", "test": "test", "testing": "test", "eval": "test"}
SPLITS |= {"validation": "validation", "valid": "validation", "val": "validation", "dev": "validation"}
"""Words for splits, and what each means."""
_SHARD = re.compile(r"-(\d{5})-of-(\d{5})")


def find_files(path: str, table: str, split: str | None = None) -> list[Path]:
    """The files that `path` means: one file, a pattern (`data/*.jsonl`), or all data files of a folder, in order.

    A folder whose files are named by splits (train-…, test-…) gives those of `split`, or of its only split. Raises
    ConfigError, naming the config table it is about, where nothing is found or where several kinds or splits are mixed.
    """
    place = Path(path).expanduser()
    if place.is_file():
        return [place]
    if place.is_dir():
        return _pick_split(_list_folder(place, table), place, table, split)
    if glob.has_magic(path):
        root = Path(place.anchor)
        found = sorted(file for file in root.glob(str(place.relative_to(root))) if file.is_file())
        if found:
            return found
        raise ConfigError(f"{key(table, 'path')}: no file matches '{path}'")
    if "://" in path:
        raise ConfigError(
            f"{key(table, 'path')}: '{path}' is an address. Download the file, or set {key(table, 'dataset')}"
        )
    raise ConfigError(f"{key(table, 'path')}: there is no file '{path}'{_say_near(place)}")


def _say_near(place: Path) -> str:
    """The files that bear nearly the same name, for who forgot an ending or mistook a folder."""
    if not place.parent.is_dir():
        return f"; nor is there a folder '{place.parent}'"
    near = sorted(one.name for one in place.parent.iterdir() if one.name.startswith(place.stem) and one.is_file())
    return f". There is {', '.join(near[:3])}" if near else ""


def _list_folder(folder: Path, table: str) -> list[Path]:
    """The data files of a folder and the folders in it, all of one kind."""
    found = [file for file in sorted(folder.rglob("*")) if file.is_file() and is_data(file.relative_to(folder))]
    if not found:
        raise ConfigError(f"{table}: the folder '{folder}' cannot be loaded: it holds no data file ({_say_endings()})")
    kinds = sorted({ending_of(file) for file in found})
    if len(kinds) > 1:
        raise ConfigError(
            f"{key(table, 'path')}: '{folder}' holds files of several kinds ({', '.join(kinds)}). "
            f"Give a pattern, for example {key(table, 'path')}: {folder}/*{kinds[0]}"
        )
    return found


def is_data(file: Path) -> bool:
    """Whether a file of a folder or an archive holds data, by its name and those of the folders it lies in."""
    is_beside = any(_BESIDE_DATA.search(part) for part in file.parts)
    return not is_beside and ending_of(file) in {*TEXT_ENDINGS[:-1], *TABLE_ENDINGS}


def _pick_split(files: list[Path], folder: Path, table: str, split: str | None) -> list[Path]:
    by_split: dict[str, list[Path]] = {}
    for file in files:
        by_split.setdefault(_split_of(file, folder), []).append(file)
    if split is not None and (asked := SPLITS.get(split, split)) != "train" and asked not in by_split:
        raise ConfigError(
            f"{key(table, 'split')}: '{folder}' has no split '{split}'; it has: {', '.join(sorted(by_split))}"
        )
    if split is not None and SPLITS.get(split, split) in by_split:
        return by_split[SPLITS.get(split, split)]
    if len(by_split) > 1:
        names = ", ".join(f"{name or 'unnamed'} ({len(of)} files)" for name, of in sorted(by_split.items()))
        raise ConfigError(f"{key(table, 'path')}: '{folder}' holds several splits: {names}. Set {key(table, 'split')}")
    return files


def _split_of(file: Path, folder: Path) -> str:
    """The split that a file's name or folder says it is of; empty where it says none."""
    for part in reversed(file.relative_to(folder).parts):
        word = re.split(r"[^A-Za-z]", part, maxsplit=1)[0].lower()
        if word in SPLITS:
            return SPLITS[word]
    return ""


def missing_shards(files: list[Path]) -> list[str]:
    """Names of the shards that the names of these files speak of (`-00001-of-00003`) and that are not among them."""
    names = {file.name for file in files}
    missing = []
    for file in files:
        if found := _SHARD.search(file.name):
            series = (
                f"{file.name[: found.start()]}-{number:05d}-of-{found[2]}{file.name[found.end() :]}"
                for number in range(int(found[2]))
            )
            missing += [name for name in series if name not in names]
    return list(dict.fromkeys(missing))


def ending_of(file: Path) -> str:
    """The lower-case ending that says what a file holds, without that of its archive."""
    name = file.name.lower()
    for packed in PACKED_ENDINGS:
        name = name.removesuffix(packed)
    return Path(name).suffix


def _say_endings() -> str:
    return f"{', '.join((*TEXT_ENDINGS, *TABLE_ENDINGS))}, also as {', '.join(PACKED_ENDINGS)}"


def say_unknown(file: Path, table: str) -> str:
    """That a file is of no kind that is read."""
    if ending_of(file) in _OF_MANY_FILES:
        return f"{key(table, 'path')}: '{file}' is an archive of files. Unpack it, and give the folder"
    return f"{key(table, 'path')}: '{file}' is none of {_say_endings()}"


def find_member(file: Path) -> str | None:
    """The data file in a zip archive; None for a file that is none, or a workbook.

    Raises InputError where it holds none, or several.
    """
    with file.open("rb") as raw:
        if raw.read(len(_ZIP)) != _ZIP:
            return None
    try:
        with zipfile.ZipFile(file) as archive:
            names = [one.filename for one in archive.infolist() if not one.is_dir()]
    except _BROKEN_ARCHIVE as error:
        raise _say_broken(file, error) from None
    if _OF_A_DOCUMENT & set(names):
        return None
    found = [name for name in names if is_data(Path(name))] or (names if len(names) == 1 else [])
    if len(found) == 1:
        return found[0]
    holds = f"several data files ({', '.join(found[:3])}{', …' if len(found) > 3 else ''})" if found else "no data file"
    raise InputError(f"{file} is a zip archive that holds {holds}. Unpack it, and give the folder or one of its files")


def open_bytes(file: Path) -> BinaryIO:
    """A file's bytes, unpacked when it is an archive, whatever it is called. Raises InputError for one of several."""
    match _packing_of(file):
        case "gzip":
            return cast(BinaryIO, gzip.open(file, "rb"))
        case "xz":
            return cast(BinaryIO, lzma.open(file, "rb"))
        case "bzip2":
            return cast(BinaryIO, bz2.open(file, "rb"))
        case "zstd":
            import pyarrow as pa

            return cast(BinaryIO, io.BufferedReader(pa.input_stream(str(file), compression="zstd")))
        case "zip":
            with zipfile.ZipFile(file) as archive:  # what is opened of it stays open
                return cast(BinaryIO, archive.open(find_member(file) or ""))
    return file.open("rb")


def _packing_of(file: Path) -> str | None:
    """How a file is packed; None for one that is not, such as a workbook, which is a zip archive in itself."""
    with file.open("rb") as raw:
        head = raw.read(6)
    kind = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)
    return None if kind == "zip" and find_member(file) is None else kind


def read_chunks(file: Path, size: int = 1 << 20) -> Iterator[bytes]:
    """A file's unpacked bytes in chunks. Raises InputError for an archive that is cut off or damaged."""
    try:
        with open_bytes(file) as stream:
            while chunk := stream.read(size):
                yield chunk
    except _BROKEN_ARCHIVE as error:
        raise _say_broken(file, error) from None


def read_lines(file: Path) -> Iterator[bytes]:
    """A file's unpacked lines, line end included. Raises InputError for an archive that is cut off or damaged."""
    head = read_head(file, _HEAD)
    if b"\r" in head and b"\n" not in head:  # as spreadsheets of old Macintoshes end lines
        yield from _read_returns(file)
        return
    try:
        with open_bytes(file) as stream:
            yield from stream
    except _BROKEN_ARCHIVE as error:
        raise _say_broken(file, error) from None


def _read_returns(file: Path) -> Iterator[bytes]:
    """The lines of a file that ends them by a carriage return alone."""
    rest = b""
    for chunk in read_chunks(file):
        *lines, rest = (rest + chunk).split(b"\r")
        yield from (line + b"\n" for line in lines)
    if rest:
        yield rest


def read_head(file: Path, size: int = 4096) -> bytes:
    """The first bytes of a file, unpacked."""
    return next(read_chunks(file, size), b"")


def read_all(file: Path) -> bytes:
    """A whole file, unpacked."""
    return b"".join(read_chunks(file))


def _say_broken(file: Path, error: Exception) -> InputError:
    return InputError(f"{file} cannot be unpacked: {str(error) or type(error).__name__}. Download or pack it again")


def is_as_it_lies(file: Path) -> bool:
    """Whether a file is no archive, so that it can be read in place."""
    return _packing_of(file) is None
