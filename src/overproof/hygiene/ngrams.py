"""Text → hashed n-grams of words; only this module knows what a word is when two texts are compared.

A word is a LaTeX command, a number, a run of letters, one Han character, or an operator; case, spacing, punctuation
and bracketing do not count. Numbers can be masked, so that texts which differ in nothing else come out equal.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash

Hashes = NDArray[np.uint64]

MASK = "0"
"""What a masked number reads."""

_HAN = "㐀-鿿豈-﫿"
_WORD = re.compile(rf"\\[A-Za-z]+|\d+(?:[.,]\d+)*|[{_HAN}]|[^\W\d_{_HAN}]+|[-+*/=<>^|]")
_LAYOUT = frozenset({"\\left", "\\right", "\\displaystyle", "\\quad", "\\qquad", "\\text", "\\mathrm", "\\rm"})


_IS_HAN = re.compile(f"[{_HAN}]")


class Word(NamedTuple):
    """One word as it is compared, and where it stands in the normalised text."""

    text: str
    start: int
    end: int


def normalise(text: str) -> str:
    """The text in Unicode's compatibility form (full-width digits and letters become plain)."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def split_words(text: str) -> list[str]:
    """The words of a text, in order."""
    return [word for word in _WORD.findall(normalise(text).casefold()) if word not in _LAYOUT]


def locate_words(text: str) -> Iterator[Word]:
    """The words of a text with their places in `normalise(text)`."""
    for match in _WORD.finditer(normalise(text)):
        word = match.group().casefold()
        if word not in _LAYOUT:
            yield Word(word, match.start(), match.end())


def is_han(word: str) -> bool:
    """Whether a word is a Han character."""
    return not word.isascii() and _IS_HAN.fullmatch(word) is not None


def mask_numbers(words: Sequence[str]) -> list[str]:
    """The words with every number in place of which stands the same mark."""
    return [MASK if word[0].isdigit() else word for word in words]


class NgramTable(NamedTuple):
    """The distinct n-grams of many texts, as 64-bit hashes that are the same on every machine."""

    hashes: Hashes
    """All texts' hashes, one text after the other, each text's sorted."""
    offsets: NDArray[np.int64]
    """Where each text begins; one more entry than texts."""

    def row(self, number: int) -> Hashes:
        """The hashes of one text."""
        return self.hashes[self.offsets[number] : self.offsets[number + 1]]

    def owners(self) -> NDArray[np.int64]:
        """The number of the text that each hash belongs to."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))


def hash_ngrams(texts: Sequence[Sequence[str]], n: int) -> NgramTable:
    """The n-grams of texts given as words. A text of fewer than n words is one n-gram; one without words has none."""
    lengths = np.array([len(words) for words in texts], dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    words = np.zeros(starts[-1] + n, dtype=np.uint64)  # the tail pads the last text
    hashed = RMinHash.hash_token_sets([list(words) for words in texts])
    words[: starts[-1]] = np.fromiter((value for text in hashed for value in text), np.uint64, count=int(starts[-1]))
    counts = np.where(lengths == 0, 0, np.maximum(lengths - n + 1, 1))
    first = np.repeat(starts[:-1] - np.concatenate([[0], np.cumsum(counts)])[:-1], counts) + np.arange(counts.sum())
    ends = np.repeat(starts[1:], counts)
    grams = np.full(len(first), 0x9E3779B97F4A7C15, dtype=np.uint64)
    for step in range(n):
        place = first + step
        word = np.where(place < ends, words[place], np.uint64(0))
        grams = mix(grams ^ word)
    return _sort_rows(grams, np.repeat(np.arange(len(texts)), counts), len(texts))


def join_tables(tables: Sequence[NgramTable]) -> NgramTable:
    """The tables as one, rows in order."""
    starts = np.cumsum([0, *(len(table.hashes) for table in tables)])
    offsets = [table.offsets[:-1] + start for table, start in zip(tables, starts, strict=False)]
    return NgramTable(np.concatenate([table.hashes for table in tables]), np.concatenate([*offsets, starts[-1:]]))


def mix(values: Hashes) -> Hashes:
    """The finaliser of splitmix64, which spreads every bit over all others."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def jaccard(left: Hashes, right: Hashes) -> float:
    """Shared share of two rows of a table; 0 where both are empty."""
    shared = len(np.intersect1d(left, right, assume_unique=True))
    together = len(left) + len(right) - shared
    return shared / together if together else 0.0


def _sort_rows(grams: Hashes, owners: NDArray[np.int64], rows: int) -> NgramTable:
    """Sort each row's hashes and drop repeats."""
    order = np.lexsort((grams, owners))
    grams, owners = grams[order], owners[order]
    fresh = np.ones(len(grams), dtype=bool)
    fresh[1:] = (grams[1:] != grams[:-1]) | (owners[1:] != owners[:-1])
    offsets = np.concatenate([[0], np.cumsum(np.bincount(owners[fresh], minlength=rows))])
    return NgramTable(grams[fresh], offsets)
