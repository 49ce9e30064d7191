"""Text that was damaged on its way; only this module knows the traces and mends what can have been nothing else.

UTF-8 that was read as Latin and saved again (`Ã©` for é), HTML's names for signs (`&lt;`), control characters, what was
lost for good. Lost backslashes of LaTeX are `escapes`' affair.
"""

from __future__ import annotations

import html
import re
from html.entities import html5
from typing import NamedTuple

from overproof.rows.escapes import DoubtfulError

_LATIN = re.compile(r"[\u0080-\u00ff\u0152-\u2122]{2,}")
"""What UTF-8 reads as in Latin-1 and in Windows-1252."""
_ENTITY = re.compile(r"&(?:#[0-9]{1,6}|#[xX][0-9a-fA-F]{1,5}|([A-Za-z][A-Za-z0-9]{1,30}));")
_CONTROL = re.compile(r"\x1b\[[0-9;]*m|[\x00-\x06\x0e-\x1f\x7f\u200e\u200f\u202a-\u202e\ufeff]")
"""Control characters but those of layout and those that `escapes` tells of; marks of writing direction."""
_TAG = re.compile(r"</(?:p|div|span|sub|sup|b|i|em|strong|u|table|t[rdh]|li|ul|ol)>|<br\s*/?>", re.IGNORECASE)
"""The end of an element of HTML; its beginning may be a comparison (`a<b>c`)."""
_PICTURE = re.compile(r"!\[[^\]]*\]\([^)]+\)|<img\b|<image(?:_?\d+)?>|\\includegraphics", re.IGNORECASE)
_QUESTION_MARKS = re.compile(r"\?{2,}")
_MOST_QUESTION_MARKS = 0.4
"""Share of a text that question marks may be; beyond it they stand for characters that a program could not write."""
_FEWEST_QUESTION_MARKS = 4


class Seen(NamedTuple):
    """A text as it was meant, with what was seen in it."""

    text: str
    notes: tuple[str, ...] = ()
    """What a reader should know of, in words."""


def mend_damage(text: str) -> Seen:
    """The text with what is beyond doubt restored. Raises DoubtfulError for one that is lost.

    What the text speaks of and does not hold (pictures), and what it holds beside text (HTML), is noted only.
    """
    notes: list[str] = []
    if not text.isascii():
        decoded = _decode_twice(text)
        if decoded != text:
            notes.append("held UTF-8 read as another encoding (as Ã© for é); restored")
            text = decoded
    if "&" in text and (plain := _ENTITY.sub(_unescape, text)) != text:
        notes.append("held HTML's names for signs (as &lt; for <); restored")
        text = plain
    if _CONTROL.search(text):
        notes.append("held control characters; left out")
        text = _CONTROL.sub("", text)
    if "\ufffd" in text or "锟斤拷" in text:
        notes.append("holds characters that were lost before (U+FFFD)")
    if "??" in text and _is_lost(text):
        raise DoubtfulError("is all question marks: a program could not write its characters. Save it as UTF-8")
    if "<" in text and _TAG.search(text):
        notes.append("holds HTML tags")
    if _PICTURE.search(text):
        notes.append("refers to a picture, which is not sent")
    return Seen(text, tuple(notes))


def _decode_twice(text: str) -> str:
    """The text with each run of Latin characters that is UTF-8 read as it was written; as it is where one is not."""
    damaged = [run[0] for run in _LATIN.finditer(text)]
    if not damaged:
        return text
    for codec in ("latin-1", "cp1252"):
        try:
            return _LATIN.sub(lambda run, codec=codec: run[0].encode(codec).decode(), text)  # type: ignore[misc]
        except UnicodeError:
            continue
    return text


def _unescape(found: re.Match[str]) -> str:
    name = found[1]
    if name is not None and f"{name};" not in html5:
        return found[0]
    plain = html.unescape(found[0])
    return " " if plain == "\u00a0" else plain


def _is_lost(text: str) -> bool:
    marks = text.count("?")
    solid = sum(not character.isspace() for character in text)
    runs = len(_QUESTION_MARKS.findall(text))
    return runs > 0 and marks >= _FEWEST_QUESTION_MARKS and marks > _MOST_QUESTION_MARKS * solid
