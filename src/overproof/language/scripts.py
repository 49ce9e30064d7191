"""Letter → writing system; only this module knows which languages write in which script and how long a word is there.

Ranges are Unicode 16 blocks. Which of the languages that share a script a word is in, `siblings` tells.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from overproof.lettering import beyond_ascii, codes_of


class Script(msgspec.Struct, frozen=True):
    """A writing system: how to count its words, and who writes in it."""

    name: str
    unit: re.Pattern[str]
    """Matches one word, or a run of letters where words are written without spaces."""
    weight: float
    """Words a letter stands for where words are written without spaces; else 0, and a match is a word."""
    languages: tuple[str, ...]
    """ISO 639-1 codes, the most widely written first."""

    def count(self, text: str) -> float:
        """The words of a text in this script."""
        found = self.unit.findall(text)
        return sum(map(len, found)) * self.weight if self.weight else float(len(found))


LATIN_LETTERS = "A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ"
HAN, KANA, HANGUL = "Han", "Kana", "Hangul"

_LETTERS: dict[str, tuple[str, str]] = {
    "Greek": ("Ͱ-Ͽἀ-῿", "el"),
    "Cyrillic": ("Ѐ-ԯ", "ru uk bg sr mk be kk ky mn tg tt"),
    "Armenian": ("԰-֏", "hy"),
    "Hebrew": ("\u0590-\u05ff", "he yi"),
    "Arabic": ("\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff", "ar fa ur ps ug sd ku"),
    "Devanagari": ("\u0900-\u097f", "hi mr ne sa"),
    "Bengali": ("\u0980-\u09ff", "bn as"),
    "Gurmukhi": ("\u0a00-\u0a7f", "pa"),
    "Gujarati": ("\u0a80-\u0aff", "gu"),
    "Odia": ("\u0b00-\u0b7f", "or"),
    "Tamil": ("\u0b80-\u0bff", "ta"),
    "Telugu": ("\u0c00-\u0c7f", "te"),
    "Kannada": ("\u0c80-\u0cff", "kn"),
    "Malayalam": ("\u0d00-\u0d7f", "ml"),
    "Sinhala": ("\u0d80-\u0dff", "si"),
    "Georgian": ("\u10a0-\u10ff\u1c90-\u1cbf", "ka"),
    "Ethiopic": ("\u1200-\u139f", "am ti"),
    "Hangul": ("\uac00-\ud7a3\u1100-\u11ff\u3130-\u318f", "ko"),
}
"""Scripts that put a space between words: a word is a run of two letters or more (one letter is a symbol)."""

_UNSPACED: dict[str, tuple[str, float, str]] = {
    "Han": ("\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af", 0.6, "zh"),
    "Kana": ("\u3041-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f", 0.6, "ja"),
    "Thai": ("\u0e01-\u0e3a\u0e40-\u0e4e", 0.2, "th"),
    "Lao": ("\u0e81-\u0ecd", 0.2, "lo"),
    "Tibetan": ("\u0f40-\u0fbc", 0.3, "bo dz"),
    "Burmese": ("\u1000-\u109f", 0.2, "my"),
    "Khmer": ("\u1780-\u17d3", 0.2, "km"),
}
"""Scripts without spaces between words: each letter is counted, as the share of a word that it is on average
(a Chinese word has about 1.6 characters, a Thai one about 5 letters and marks)."""


def _build() -> tuple[Script, ...]:
    spaced = [
        # One syllable block is a letter cluster in Hangul, so a single one may be a word.
        Script(name, re.compile(f"[{letters}]{'+' if name == HANGUL else '{2,}'}"), 0.0, tuple(languages.split()))
        for name, (letters, languages) in _LETTERS.items()
    ]
    unspaced = [
        Script(name, re.compile(f"[{letters}]+"), weight, tuple(languages.split()))
        for name, (letters, weight, languages) in _UNSPACED.items()
    ]
    return (*unspaced, *spaced)


SCRIPTS = _build()
"""Every script but Latin."""
SCRIPT_LETTERS = "".join(letters for letters, *_ in (_LETTERS | _UNSPACED).values() if letters != _LETTERS["Greek"][0])
"""The letters of all of them, for a class of a pattern; without Greek, whose letters are signs in any formula."""
_SPACED = "".join(letters for name, (letters, _) in _LETTERS.items() if name != HANGUL)
_ALONE = _LETTERS[HANGUL][0] + "".join(letters for letters, *_ in _UNSPACED.values())
_UNIT = re.compile(f"[{_ALONE}]|[{_SPACED}]{{2}}")
"""A word of any script; two classes in place of all the scripts' patterns, which takes a thirtieth of the time."""
_LANGUAGES = frozenset(language for script in SCRIPTS for language in script.languages)


def scripts_in(text: str) -> list[Script]:
    """The scripts other than Latin that a text has words in, always in the same order."""
    if text.isascii():
        return []
    found = np.bincount(_kinds()[beyond_ascii(codes_of(text))], minlength=_LATIN)
    return [script for script in SCRIPTS if found[_KIND[script.name]] and script.unit.search(text)]


def holds_script(text: str) -> bool:
    """Whether a text has a word in a script other than Latin; a single Greek or Cyrillic letter is a symbol."""
    return not text.isascii() and _UNIT.search(text) is not None


class StretchCounts(NamedTuple):
    """What the stretches of a text hold, an entry a stretch."""

    units: list[tuple[float, ...]]
    """As `Script.count` has it of each of the scripts asked for."""
    latin_words: list[int]
    """Runs of two or more Latin letters."""
    has_latin: list[bool]
    """Whether there is a Latin letter."""
    holds_script: list[bool]
    """As the function of that name."""


def count_stretches(text: str, starts: Sequence[int], ends: Sequence[int], scripts: Sequence[Script]) -> StretchCounts:
    """Count the words of many stretches of a text at once; none may begin or end within a word."""
    kinds = np.zeros(len(text) + 2, np.uint8)  # nothing before the text and nothing after it
    kinds[1:-1] = _kinds_in(text)
    first, last = np.array(starts), np.array(ends)

    def count(marks: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        sums = np.zeros(len(text) + 1, np.int64)
        np.cumsum(marks, out=sums[1:])
        within: npt.NDArray[np.int64] = sums[last] - sums[first]
        return within

    def count_words(script: Script) -> list[float]:
        is_in = kinds == _KIND[script.name]
        marks = is_in[1:-1] if script.weight else _find_runs(is_in, 1 if script.name == HANGUL else 2)
        words: list[float] = (count(marks) * (script.weight or 1.0)).tolist()
        return words

    is_latin, is_spaced = kinds == _LATIN, (kinds >= _FIRST_SPACED) & (kinds < _KIND[HANGUL])
    is_alone = (kinds > 0) & (kinds < _LATIN) & ~is_spaced
    return StretchCounts(
        list(zip(*map(count_words, scripts), strict=True)) if scripts else [()] * len(starts),
        count(_find_runs(is_latin, 2)).tolist(),
        (count(is_latin[1:-1]) > 0).tolist(),
        (count(is_alone[1:-1] | (is_spaced[1:-1] & is_spaced[2:])) > 0).tolist(),
    )


def _find_runs(is_in: npt.NDArray[np.bool_], least: int) -> npt.NDArray[np.bool_]:
    """Where runs of at least one or two letters begin; `is_in` has one place more on either side."""
    begins = is_in[1:-1] & ~is_in[:-2]
    return begins & is_in[2:] if least > 1 else begins


_KIND = {script.name: kind for kind, script in enumerate(SCRIPTS, start=1)}
_FIRST_SPACED, _LATIN = len(_UNSPACED) + 1, len(SCRIPTS) + 1


def _kinds_in(text: str) -> npt.NDArray[np.uint8]:
    """The kind of every character of a text."""
    return _kinds()[codes_of(text)]


@cache
def _kinds() -> npt.NDArray[np.uint8]:
    """Code point → the number of its script, from 1 in the order of SCRIPTS (Hangul is the last), or _LATIN, or 0."""
    kinds = np.zeros(sys.maxunicode + 1, np.uint8)
    ranges = {name: letters for name, (letters, *_) in (_UNSPACED | _LETTERS).items()}
    for name, letters in (*ranges.items(), ("Latin", LATIN_LETTERS)):
        for first, last in re.findall("(.)(?:-(.))?", letters):
            kinds[ord(first) : ord(last or first) + 1] = _KIND.get(name, _LATIN)
    return kinds


def script_for(language: str) -> Script | None:
    """The script that a language is written in; None for Latin."""
    return next((script for script in SCRIPTS if language in script.languages), None)


def is_latin(language: str) -> bool:
    """Whether a language is written in Latin script, so far as the table knows."""
    return language not in _LANGUAGES
