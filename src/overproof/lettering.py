"""Text → the same text in plain letters; only this module knows in how many ways one letter can be written.

A letter may be made of two characters, stand in full width or in an alphabet for mathematics, be parted from the next
by a character without width, or be borrowed from another script that draws it alike. A reader sees no difference.
"""

from __future__ import annotations

import functools
import re
import sys
import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

WITHOUT_WIDTH = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff"
)
"""For a class of a pattern: marks of direction, fillers, selectors of a variant and tags."""
JOINERS = "\u200c\u200d"
"""Without width too, but in Persian and the scripts of India a matter of spelling."""
_SPACES = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u2800\u3000"
_BREAKS = "\u000b\u000c\u001c-\u001e\u0085\u2028\u2029"
_MARKS = "\u0300-\u036f\u3099\u309a"
_PARTED = re.compile(
    f"(?:(?<![\u0590-\u10ff])[{JOINERS}]|[{WITHOUT_WIDTH}])+|[^\\W\\d_][{_MARKS}]+"
    "|[\u1100-\u1112][\u1161-\u1175][\u11a8-\u11c2]?"
)
"""What a reader takes for one letter, or for none."""

_TWINS = {
    "Ѐ-ԯ": dict(zip("аеорсухіјѕһԁԛԝАВЕКМНОРСТХІЈЅԌԚԜ", "aeopcyxijshdqwABEKMHOPCTXIJSGQW", strict=True)),
    "Ͱ-Ͽ": dict(zip("οΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "oABEZHIKMNOPTYX", strict=True)),
}
"""Range of a script → its letters that look like Latin ones. Greek letters that no Latin one looks like, as in πr, are
signs and stay."""
_LATIN = "A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ"
_ODD, _TWIN, _OF_LATIN = 1, 2, 4
_DRAWN_ANEW = ("<font>", "<wide>", "<circle>")
"""The kinds of Unicode's decompositions that change a letter's looks only."""


def to_plain_letters(text: str) -> str:
    """The text as it would be typed plainly; the same object where it already is."""
    marks = _marks_in(text)
    if marks is None:
        return text
    return _unmix(_PARTED.sub(_join, text.translate(_plain())))


def is_plain(text: str) -> bool:
    """Whether every character is one that `to_plain_letters` leaves as it is, wherever it stands."""
    return text.isascii() or not int(np.bitwise_or.reduce(_marks()[beyond_ascii(codes_of(text))], initial=0)) & _ODD


def find_places(text: str) -> Sequence[int]:
    """For each character of `to_plain_letters(text)`, and for its end, where it stands in the text."""
    if _marks_in(text) is None:
        return range(len(text) + 1)
    places: list[int] = []
    end = 0
    for match in _PARTED.finditer(text.translate(_plain())):
        places += range(end, match.start())
        places += [match.start()] * len(_join(match))
        end = match.end()
    return [*places, *range(end, len(text) + 1)]


def _join(parted: re.Match[str]) -> str:
    return "" if parted[0][0] in _invisible() else unicodedata.normalize("NFC", parted[0])


def _unmix(text: str) -> str:
    """The text without words of two scripts that look like words of one: Latin where all their letters may be."""
    for script, twins in _TWINS.items():
        both = f"{_LATIN}{script}"
        mixed = f"(?<![{both}])(?:[{_LATIN}]++[{script}]|[{script}]++[{_LATIN}])[{both}]*+"
        text = re.sub(mixed, functools.partial(_choose_script, twins), text)
    return text


def _choose_script(twins: dict[str, str], word: re.Match[str]) -> str:
    if re.fullmatch(f"[{_LATIN}{''.join(twins)}]+", word[0]):
        return word[0].translate({ord(own): latin for own, latin in twins.items()})
    if "ο" in twins:  # a Greek letter that no Latin one looks like is a sign
        return word[0]
    return word[0].translate({ord(latin): own for own, latin in twins.items()})


def _marks_in(text: str) -> npt.NDArray[np.uint8] | None:
    """What is odd about each character, None where nothing is."""
    if text.isascii():
        return None
    codes = codes_of(text)
    found = int(np.bitwise_or.reduce(_marks()[beyond_ascii(codes)], initial=0))
    if not found & (_ODD | _TWIN):
        return None
    marks = _marks()[codes]
    if found & _ODD:
        return marks
    twins, latin = (marks & _TWIN) > 0, (marks & _OF_LATIN) > 0
    is_mixed = (twins[1:] & latin[:-1]) | (twins[:-1] & latin[1:])
    return marks if is_mixed.any() else None


def codes_of(text: str) -> npt.NDArray[np.uint32]:
    """The code point of every character."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def beyond_ascii(codes: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """The code points of the characters that are not ASCII, of which most texts have few."""
    return codes[codes >= 0x80]


def _expand(ranges: str) -> list[int]:
    found = re.findall("(.)(?:-(.))?", ranges, re.DOTALL)
    return [code for first, last in found for code in range(ord(first), ord(last or first) + 1)]


@functools.cache
def _plain() -> dict[int, str]:
    """Code point → the plain character that it stands for."""
    plain = dict.fromkeys(_expand(_SPACES), " ") | dict.fromkeys(_expand(_BREAKS), "\n")
    for code in (*range(0x2100, 0x2150), *range(0x24B6, 0x24EA), *range(0xFF21, 0xFF5B), *range(0x1D400, 0x1D7CC)):
        kind, _, letter = unicodedata.decomposition(chr(code)).partition(" ")
        if kind in _DRAWN_ANEW and " " not in letter and (plainer := chr(int(letter, 16))).isalpha():
            plain[code] = plainer
    return plain


@functools.cache
def _invisible() -> frozenset[str]:
    return frozenset(map(chr, _expand(WITHOUT_WIDTH + JOINERS)))


@functools.cache
def _marks() -> npt.NDArray[np.uint8]:
    """Code point → what is odd about the character."""
    marks = np.zeros(sys.maxunicode + 1, np.uint8)
    odd = {*_plain(), *_expand(WITHOUT_WIDTH + _MARKS + "\u1100-\u1112")}
    marks[list(odd)] = _ODD
    marks[[ord(twin) for twins in _TWINS.values() for twin in twins]] |= _TWIN
    marks[_expand(_LATIN)] |= _OF_LATIN
    marks[_expand(JOINERS)] |= _ODD
    return marks
