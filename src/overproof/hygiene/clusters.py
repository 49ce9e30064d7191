"""Which problems are the same, or nearly; only this module knows how that is found among many.

Exact repeats are found by a hash of the question. Near-duplicates are found by MinHash with locality-sensitive
hashing (signatures by rensa) and each candidate pair is then measured exactly: Jaccard similarity of word 3-grams, so
that a changed number weighs as much as three changed words and problems made from one template stay apart.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash

from overproof.hygiene.ngrams import NgramTable, hash_ngrams, jaccard, join_tables, mix, split_words

_NGRAM = 3
_BANDS = 32
_ROWS_PER_BAND = 4
_PERMUTATIONS = _BANDS * _ROWS_PER_BAND
_SEED = 20_250_120
_ESTIMATE_MARGIN = 0.15
"""Four standard errors of a signature's estimate: pairs further below the threshold are not measured exactly."""
_CHUNK = 1 << 18


class ClusterFinder:
    """Collects questions, then says which belong together. Holds some 1.5 kB a question, whatever its length allows."""

    def __init__(self) -> None:
        """Start without questions."""
        self._first: dict[bytes, int] = {}
        self._same_as: list[int] = []
        self._tables: list[NgramTable] = []
        self._signatures: list[NDArray[np.uint32]] = []

    def add(self, questions: Sequence[str]) -> None:
        """Take the next questions."""
        for question in questions:
            number = len(self._same_as)
            plain = " ".join(unicodedata.normalize("NFC", question).split())
            key = hashlib.blake2b(plain.encode(), digest_size=16).digest()
            self._same_as.append(self._first.setdefault(key, number))
        table = hash_ngrams([split_words(question) for question in questions], _NGRAM)
        signatures = RMinHash.digest_matrix_from_flat_token_hashes(
            table.hashes, table.offsets.astype(np.uint64), num_perm=_PERMUTATIONS, seed=_SEED
        )
        self._signatures.append(np.array(signatures.to_rows(), dtype=np.uint32).reshape(-1, _PERMUTATIONS))
        self._tables.append(table)

    def same_as(self) -> list[int]:
        """For each question the number of the first that reads the same but for spacing (its own when it is that)."""
        return self._same_as

    def clusters(self, threshold: float | None) -> list[int]:
        """For each question the number of the first of its cluster (its own when it stands alone).

        Questions belong together when they read the same, or when their similarity reaches the threshold (0.5 to 1;
        None joins only what reads the same), directly or through others.
        """
        parents = list(self._same_as)
        for left, right in self._similar_pairs(threshold) if threshold is not None and parents else ():
            low, high = sorted((_find(parents, left), _find(parents, right)))
            parents[high] = low
        return [_find(parents, number) for number in range(len(parents))]

    def _similar_pairs(self, threshold: float) -> Iterator[tuple[int, int]]:
        """Pairs whose exact similarity reaches the threshold, enough of them to join every cluster."""
        table = join_tables(self._tables)
        signatures = np.concatenate(self._signatures)
        distinct = np.arange(len(signatures)) == np.array(self._same_as)
        candidates = np.flatnonzero(distinct & (np.diff(table.offsets) > 0))
        found = [_likely_pairs(signatures, candidates, band, threshold - _ESTIMATE_MARGIN) for band in range(_BANDS)]
        for left, right in np.unique(np.concatenate(found), axis=0).tolist():
            if jaccard(table.row(left), table.row(right)) >= threshold:
                yield left, right


def _likely_pairs(
    signatures: NDArray[np.uint32], candidates: NDArray[np.int64], band: int, least: float
) -> NDArray[np.int64]:
    """Pairs of rows that agree in a band and whose signatures agree in the least share of places, as an (n, 2) array.

    Of the rows that agree in a band each is paired with the first and with the one before it, so that a bucket of any
    size costs linear time.
    """
    columns = slice(band * _ROWS_PER_BAND, (band + 1) * _ROWS_PER_BAND)
    halves = np.ascontiguousarray(signatures[candidates, columns]).view(np.uint64)
    buckets = mix(halves[:, 0]) ^ halves[:, 1]
    order = np.argsort(buckets, kind="stable")
    numbers, buckets = candidates[order], buckets[order]
    follows = np.flatnonzero(buckets[1:] == buckets[:-1]) + 1
    heads = numbers[np.searchsorted(buckets, buckets[follows])]
    pairs = np.concatenate(
        [np.stack([heads, numbers[follows]], axis=1), np.stack([numbers[follows - 1], numbers[follows]], axis=1)]
    )
    likely = np.zeros(len(pairs), dtype=bool)
    for start in range(0, len(pairs), _CHUNK):
        left, right = pairs[start : start + _CHUNK].T
        likely[start : start + _CHUNK] = (signatures[left] == signatures[right]).mean(axis=1) >= least
    return pairs[likely]


def _find(parents: list[int], number: int) -> int:
    """The root of a number, halving the path to it on the way."""
    while parents[number] != number:
        parents[number] = parents[parents[number]]
        number = parents[number]
    return number
