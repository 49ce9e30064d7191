"""Whether the report on disk is the one that would be written now; only this module knows what `made_from` says."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import orjson

import overproof
from overproof.config import RunConfig
from overproof.places import as_text
from overproof.report.summary import Summary
from overproof.runfolder import RunFolder
from overproof.wording import Wording

_PACKAGE = Path(overproof.__file__).parent


def digest_sources(config: RunConfig, folder: RunFolder, shards: Sequence[int], say: Wording) -> bytes:
    """Of all that a report is made from: the config, every other file of the run, the language, our own code.

    Taken before anything is read, so that what changes meanwhile makes the report old.
    """
    mine = {folder.report_html.name, folder.report_json.name}
    files = [one for root in (folder.root, _PACKAGE) for one in sorted(_stat_all(root)) if one[0] not in mine]
    told = [str(folder), list(shards), overproof.__version__, say.language, config.model_dump(mode="json"), files]
    return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).digest()


def _stat_all(root: Path) -> Iterator[tuple[str, int, int]]:
    """Name, size and time of every file that stays; of a run that goes on, some are gone before they are looked at."""
    for path in root.rglob("*"):
        if path.suffix in {".tmp", ".pyc"}:
            continue
        try:
            found = path.stat()
        except FileNotFoundError:
            continue
        if not stat.S_ISDIR(found.st_mode):
            yield as_text(path.relative_to(root)), found.st_size, found.st_mtime_ns


def read_unchanged(folder: RunFolder, sources: bytes) -> Summary | None:
    """The summary of the report that is there, when it was made from these sources and it and its page are whole.

    None on shared storage, whose copies here have times of their own.
    """
    if folder.storage is not None:
        return None
    try:
        page = folder.report_html.read_bytes()
        summary = msgspec.json.decode(folder.report_json.read_bytes(), type=Summary)
    except (OSError, msgspec.DecodeError, RecursionError):
        return None
    return summary if summary == sign(summary, page, sources) else None


def sign(summary: Summary, page: bytes, sources: bytes) -> Summary:
    """The summary with a digest of itself, of its page, and of what both were made from."""
    blank = msgspec.structs.replace(summary, made_from="")
    digest = hashlib.sha256(sources + hashlib.sha256(page).digest() + msgspec.json.encode(blank))
    return msgspec.structs.replace(summary, made_from=digest.hexdigest())
