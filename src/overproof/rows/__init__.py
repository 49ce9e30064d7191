"""Any file or dataset in which people keep rows → rows of named values; only this package knows kinds of file.

What a file is is read from its first bytes, then from its name: JSON in lines or lists, CSV with any delimiter,
Parquet, Arrow, spreadsheets, each also packed; UTF-8, UTF-16 or GB18030. Nothing is taken in that could be damaged: a
row that cannot be read says so itself (`SourceRow.fault`), and whoever reads decides whether to stop there.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from overproof.errors import ConfigError, InputError
from overproof.rows import files
from overproof.rows.columnar import read_arrow, read_dataset, read_parquet
from overproof.rows.documents import Wanted
from overproof.rows.encoding import UTF_8, find_encoding
from overproof.rows.json_rows import read_json
from overproof.rows.row import SourceRow, key
from overproof.rows.sheets import read_csv, read_workbook

Tell = Callable[[str], object]
"""Is told facts about a source that its reader should know of."""

_SHEETS = {".xlsx", ".xls", ".xlsb", ".ods"}
_BEFORE_JSON = b"\xef\xbb\xbf\xfe\xff\0 \t\r\n"
"""Marks and blanks that may stand before JSON."""
_JSON_LINES = {".jsonl", ".ndjson"}
_WORKBOOK_MAGIC = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")

_PAGE = re.compile(rb"\s*<(?:!doctype|html|head|body|table|meta|script)\b", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """Where rows are: files, or a dataset; exactly one of `path` and `dataset` is given."""

    path: str | None = None
    """A file, a folder of files, or a pattern; `~` is the home folder."""
    dataset: str | None = None
    """A dataset's id on the Hub, or a folder."""
    name: str | None = None
    """The dataset's configuration, or the sheet of a workbook."""
    split: str | None = None
    encoding: str | None = None
    """None finds it out."""
    under: str | None = None
    """Key of a JSON file that the list of rows lies under."""
    table: str = ""
    """The config table that named this source, for errors; empty where a command did."""


def scan_rows(source: Source, tell: Tell = lambda _: None) -> Iterator[SourceRow]:
    """The rows of a source in order, those with a fault among them.

    Raises ConfigError where the source cannot be found and InputError where a file is not what it should be.
    """
    if source.path is None and not _is_plain(source.dataset):
        yield from read_dataset(str(source.dataset), source.name, source.split, source.table)
        return
    found = list_files(source)
    if missing := files.missing_shards(found):
        more = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
        tell(f"{found[0].parent} lacks {missing[0]}{more}, which the names of the other files speak of")
    for file in found:
        yield from _read_file(file, source, tell)


def read_rows(source: Source, tell: Tell = lambda _: None) -> Iterator[SourceRow]:
    """`scan_rows` that raises InputError at the first row with a fault."""
    for row in scan_rows(source, tell):
        if row.fault is not None:
            raise InputError(say_fault(row))
        yield row


def say_fault(row: SourceRow) -> str:
    """Where a row stands and what is wrong with it."""
    return f"{row.where} {row.fault}"


def list_files(source: Source) -> list[Path]:
    """The files of this machine that a source is read from; none for a dataset on the Hub or one that was saved."""
    if source.path is not None:
        return files.find_files(source.path, source.table, source.split)
    if _is_plain(source.dataset):
        return files.find_files(str(source.dataset), source.table, source.split)
    return []


def _is_plain(dataset: str | None) -> bool:
    """Whether a dataset is a file or a folder of plain files, each of which is read by itself."""
    place = Path(dataset or "").expanduser()
    is_saved = any((place / name).is_file() for name in ("dataset_dict.json", "state.json"))
    if place.is_file():
        return True
    return bool(dataset) and place.is_dir() and not is_saved and not (place / f"{place.name}.py").is_file()


def _read_file(file: Path, source: Source, tell: Tell) -> Iterator[SourceRow]:
    head = files.read_head(file)
    ending = files.ending_of(Path(files.find_member(file) or file))
    _refuse_stranger(file, head, ending)
    if head.startswith(b"PAR1") or ending == ".parquet":
        yield from read_parquet(file)
    elif head.startswith(b"ARROW1") or ending in {".arrow", ".feather"}:
        yield from read_arrow(file)
    elif ending in _SHEETS and head.startswith(_WORKBOOK_MAGIC):
        yield from read_workbook(file, source.table, source.name, tell)
    else:
        yield from _read_text(file, head, ending, source, tell)


def _refuse_stranger(file: Path, head: bytes, ending: str) -> None:
    """Refuse what people have in place of the file they think they have."""
    if head.startswith(b"version https://git-lfs"):
        raise InputError(f"{file} is a pointer that Git LFS left in place of the file. Run: git lfs pull")
    if _PAGE.match(head.removeprefix(b"\xef\xbb\xbf")):
        raise InputError(f"{file} is a web page. Download the file itself, or save the table in it as CSV")
    if head.startswith(_WORKBOOK_MAGIC) and ending not in _SHEETS:
        raise InputError(f"{file} is a workbook or a document. Call it .xlsx if it is a workbook")


def _read_text(file: Path, head: bytes, ending: str, source: Source, tell: Tell) -> Iterator[SourceRow]:
    if ending not in {*files.TEXT_ENDINGS, *_SHEETS} and not head.lstrip(_BEFORE_JSON).startswith((b"{", b"[")):
        raise ConfigError(files.say_unknown(file, source.table))
    encoding = find_encoding(file, source.encoding, source.table)
    if source.encoding is None and encoding not in {UTF_8, "utf-8-sig"}:
        name = encoding.upper()
        tell(f"{file} is read as {name}: it is not UTF-8. If its text looks wrong, set {key(source.table, 'encoding')}")
    start = head.decode(encoding, "ignore").lstrip("\ufeff \t\r\n")[:1]
    if ending in _JSON_LINES or start in {"{", "["}:
        wanted = Wanted(source.table, source.under, source.name, source.split, tell)
        yield from read_json(file, encoding, wanted, is_lines=ending in _JSON_LINES)
    elif ending == ".json":
        if start:
            raise InputError(f"{file} is not valid JSON: it begins with {start!r}")
    elif start:
        yield from read_csv(file, encoding, source.table)
