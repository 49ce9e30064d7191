"""Which encoding a text file is in; only this module decides it: as told, by its mark, or by decoding.

UTF-8 is taken unless the bytes say otherwise. GB18030 (with GBK and GB2312 in it), in which Excel writes CSV on a
Chinese system, is told from other encodings by what it decodes to: nearly all of it must be everyday characters. Any
other encoding is never taken unasked, as a wrong one reads without an error: it is named, with what it would read.
"""

from __future__ import annotations

import codecs
import functools
import io
import re
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
"""Share of broken characters up to which a text is of an encoding, with damaged places."""
_MOST_KANA = 0.1
"""Share of kana in a text that is Chinese; GB2312 has them where EUC-JP does."""
_FEWEST_HAN = 6
_LAST_HANGUL = 0xC8
"""EUC-KR writes Hangul with first bytes up to this one; half of a Chinese text, whose characters GB2312 has in order of
their sound, lies beyond."""
_LEAST_WIDE = 0.2
"""Share of NUL bytes on one side of the pairs from which a text is UTF-16: that of the ASCII in it. A stray NUL has
less."""
_ALL = 0.9
"""Share of NUL bytes in the upper halves of UTF-32, in which nearly every character has none."""
_LIKELY = ("gb18030", "big5", "cp932", "euc_jp", "cp949", "cp1252", "cp1251", "koi8_r", "mac_roman")
"""Encodings that people have, of the many in which the same bytes could be read."""
_ACCENTS = "cp1252"
_RUN = re.compile(rb"[\x80-\xff]{2}")
"""Foreign bytes side by side, as in words of another script; accents stand alone among ASCII."""
_PAIR = re.compile(rb"[\xa4-\xf9][\x40-\x7e\xa1-\xfe]")
_LAST_EVERYDAY_BIG5 = 0xC6
"""First byte of the last of Big5's 5,401 everyday characters."""
_SHOWN = 24
"""Characters shown of what another encoding would read."""


def find_encoding(file: Path, given: str | None, table: str) -> str:
    """The codec to read a file with. Raises ConfigError for a `given` one that does not exist."""
    if given is None:
        state = file.stat()
        return _guess(file, state.st_size, state.st_mtime_ns)
    try:
        name = codecs.lookup(given).name
        "".encode(name)  # rot13 and base64 are codecs too, and none of text
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
    wide = _guess_wide(head)
    if wide is not None:
        return wide
    sample = _find_foreign(file)
    return "gb18030" if sample and _is_broken_utf8(sample) and _is_chinese(sample) else UTF_8


def _guess_wide(head: bytes) -> str | None:
    """UTF-32 or UTF-16 without a mark, by where the NUL bytes of its ASCII stand; None where it is neither."""
    if b"\0" not in head:
        return None
    quarters = [4 * head[place::4].count(0) / len(head) for place in range(4)]
    if quarters[3] > _ALL and quarters[2] > _ALL and quarters[0] < 1 - _ALL:
        return "utf-32-le"
    if quarters[0] > _ALL and quarters[1] > _ALL and quarters[3] < 1 - _ALL:
        return "utf-32-be"
    odd, even = head[1::2].count(0), head[::2].count(0)
    if max(odd, even) < _LEAST_WIDE * len(head) / 2 or min(odd, even) > max(odd, even) / 10:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


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
    text = codecs.getincrementaldecoder("gb18030")("replace").decode(sample)
    foreign = "".join(character for character in text if not character.isascii())
    everyday = foreign.encode("gb2312", "ignore")
    if not foreign or len(everyday) < 2 * _LEAST_EVERYDAY * len(foreign):
        return False
    first = everyday[::2]
    kana = sum(byte in {0xA4, 0xA5} for byte in first)
    han = sum(byte >= 0xB0 for byte in first)
    if kana > _MOST_KANA * len(first):
        return False
    return han < _FEWEST_HAN or any(byte > _LAST_HANGUL for byte in first)


class OtherEncoding(str):
    """A line that is not of the encoding it was read in; as text it has what could be read, the rest escaped."""

    __slots__ = ("error",)
    error: UnicodeDecodeError


def read_text(file: Path, encoding: str, table: str) -> Iterator[str]:
    """The lines of a text file, newline included as it is; those of another encoding come as `OtherEncoding`.

    Raises InputError where UTF-16 or UTF-32 cannot be read, in which a damaged place has no line.
    """
    if encoding.startswith(("utf-16", "utf-32")):
        yield from _read_wide(file, encoding, table)
        return
    for number, line in enumerate(files.read_lines(file), start=1):
        name = encoding if number == 1 else encoding.removesuffix("-sig")
        try:
            yield line.decode(name)
        except UnicodeDecodeError as error:
            damaged = OtherEncoding(line.decode(name, "backslashreplace"))
            damaged.error = error
            yield damaged


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
    """That text is not of the encoding it was read in, and the way out, with the encoding that it may be of."""
    name = encoding.upper().removesuffix("-SIG")
    setting = key(table, "encoding")
    cause, likely = str(error), None
    if isinstance(error, UnicodeDecodeError):
        cause = f"byte 0x{error.object[error.start]:02X}, number {error.start + 1:,}"
        likely = _likely(error.object)
    if likely is not None:
        way = f"Read as {likely[0]} it would begin '{likely[1]}': if that is right set {setting}: {likely[0]}"
    else:
        way = f"Set {setting}, for example gb18030, big5 or cp1252, or save it as UTF-8"
    return f"is not {name} ({cause}). {way}"


def _likely(text: bytes) -> tuple[str, str] | None:
    """The encoding that some bytes are most likely of, and what they read in it from the first that is not ASCII."""
    from charset_normalizer import from_bytes

    if _is_big5(text):
        return _show("big5", text.decode("big5", "replace"))
    likely = [_ACCENTS] if _RUN.search(text) is None else list(_LIKELY)
    found = from_bytes(text[:_LOOKED_AT], cp_isolation=likely).best()
    if found is None:
        return None
    return _show(found.encoding, str(found))


def _show(encoding: str, read: str) -> tuple[str, str]:
    start = next((place for place, character in enumerate(read) if not character.isascii()), 0)
    return encoding, " ".join(read[max(0, start - 4) : start + _SHOWN].split())


def _is_big5(text: bytes) -> bool:
    """Whether bytes are everyday characters of Big5, which a few bytes tell better than statistics do.

    GB 2312 and the codes of Japan and Korea have no ASCII in second place, or other bytes in the first.
    """
    pairs = _PAIR.findall(text)
    is_all = _PAIR.sub(b"", text).isascii()
    everyday = sum(pair[0] <= _LAST_EVERYDAY_BIG5 for pair in pairs)
    has_low = any(pair[1] < 0x80 for pair in pairs)
    return is_all and has_low and everyday >= _LEAST_EVERYDAY * len(pairs)
