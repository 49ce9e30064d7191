"""Which encoding a text file is in; only this module decides it: as told, by its mark, or by decoding.

UTF-8 is taken unless the bytes say otherwise. GB18030 (with GBK and GB2312 in it), in which Excel writes CSV on a
Chinese system, is told from other encodings by what it decodes to: nearly all of it must be everyday characters.
"""

from __future__ import annotations

import codecs
import functools
import io
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from overproof.errors import ConfigError, InputError
from overproof.rows import files
from overproof.rows.row import key

UTF_8 = "utf-8"
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe\x00\x00": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_LOOKED_AT = 1 << 20
"""Bytes from the first that is not ASCII that the choice rests on."""
_LEAST_EVERYDAY = 0.9
"""Share of GB2312 in a text that is GB18030. Real Chinese has .98 and more; cp1252, Big5 and Shift-JIS text read as
GB18030 has less than .6, because their second bytes lie below 0xA1."""
_MOST_BROKEN = 0.1
"""Share of broken characters up to which a text is UTF-8 with a damaged place."""


def find_encoding(file: Path, given: str | None, table: str) -> str:
    """The codec to read a file with. Raises ConfigError for a `given` one that does not exist."""
    if given is None:
        state = file.stat()
        return _guess(file, state.st_size, state.st_mtime_ns)
    try:
        name = codecs.lookup(given).name
    except LookupError:
        raise ConfigError(
            f"{key(table, 'encoding')}: there is no encoding '{given}'. Usual: utf-8, gb18030, utf-16, big5, cp1252"
        ) from None
    if name in {"gbk", "gb2312", "hz"}:
        return "gb18030"  # which holds them all
    return "utf-8-sig" if name == UTF_8 else name


@functools.lru_cache(maxsize=4096)
def _guess(file: Path, size: int, changed: int) -> str:
    """The codec that the bytes speak for; cached under the state of the file, as a source is read more than once."""
    del size, changed
    head = files.read_head(file)
    for mark, name in _MARKS.items():
        if head.startswith(mark):
            return name
    if b"\0" in head:
        odd, even = head[1::2].count(0), head[::2].count(0)
        return "utf-16-le" if odd > even else "utf-16-be"
    sample = _find_foreign(file)
    return "gb18030" if sample and _is_broken_utf8(sample) and _is_chinese(sample) else UTF_8


def _find_foreign(file: Path) -> bytes:
    """What follows the first byte that UTF-8 cannot be; nothing where all of it is UTF-8."""
    decoder = codecs.getincrementaldecoder(UTF_8)()
    before = b""
    chunks = files.read_chunks(file, _LOOKED_AT)
    for chunk in chunks:
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError:
            return (before[-_LOOKED_AT:] + chunk + next(chunks, b""))[: 3 * _LOOKED_AT]
        before = chunk
    return before if decoder.getstate()[0] else b""


def _is_broken_utf8(sample: bytes) -> bool:
    foreign = [character for character in sample.decode(UTF_8, "replace") if not character.isascii()]
    return foreign.count("\ufffd") > _MOST_BROKEN * len(foreign)


def _is_chinese(sample: bytes) -> bool:
    try:
        text = codecs.getincrementaldecoder("gb18030")().decode(sample)
    except UnicodeDecodeError as error:
        if error.start < len(sample) - 4:
            return False
        text = sample[: error.start].decode("gb18030")
    foreign = "".join(character for character in text if not character.isascii())
    return bool(foreign) and len(foreign.encode("gb2312", "ignore")) >= 2 * _LEAST_EVERYDAY * len(foreign)


def read_text(file: Path, encoding: str, table: str) -> Iterator[str]:
    """The lines of a text file, newline included as it is. Raises InputError where they are of another encoding."""
    if encoding.startswith(("utf-16", "utf-32")):
        yield from _read_wide(file, encoding, table)
        return
    for number, line in enumerate(files.read_lines(file), start=1):
        try:
            yield line.decode(encoding if number == 1 else encoding.removesuffix("-sig"))
        except UnicodeDecodeError as error:
            raise InputError(f"{file}:{number} {say_not(encoding, error, table)}") from None


def _read_wide(file: Path, encoding: str, table: str) -> Iterator[str]:
    """Lines of an encoding in which a line break is no single byte."""
    number = 0
    try:
        with io.TextIOWrapper(cast(io.BufferedReader, files.open_bytes(file)), encoding=encoding, newline="") as lines:
            for line in lines:
                number += 1
                yield line
    except UnicodeError as error:
        raise InputError(f"{file}:{number + 1} {say_not(encoding, error, table)}") from None


def say_not(encoding: str, error: Exception, table: str) -> str:
    """That text is not of the encoding it was read in, and the way out."""
    name = encoding.upper().removesuffix("-SIG")
    way = f"Set {key(table, 'encoding')}, for example gb18030, big5 or cp1252, or save it as UTF-8"
    return f"is not {name} ({error}). {way}"
