"""Which problems stand in a benchmark; only this module knows what counts as standing there.

Passages of n words are looked up in all benchmark questions at once, with the numbers as they are and with the
numbers masked. A problem counts as contaminated when it shares enough of the shorter question's passages with one
benchmark question; the passages that match are kept as evidence, side by side.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from overproof.config.selection import HygieneConfig
from overproof.config.source import ProblemsConfig
from overproof.hygiene.ngrams import (
    Hashes,
    Word,
    hash_ngrams,
    is_han,
    locate_words,
    mask_numbers,
    normalise,
    split_words,
)
from overproof.hygiene.rewording import RewordingIndex, show_side_by_side
from overproof.problems import read_problems

_FEWEST_PASSAGES = 3
"""One or two shared passages are a turn of phrase, unless they are all there is."""
_FEWEST_OF_HAN = 8
"""The same where a word is a character: passages of as many say half as much, and papers word all questions alike."""
_BOILERPLATE = 16
"""A passage that stands in more benchmark questions than this is how such questions are worded: it does not count."""
_MOST_MATCHES = 3
_MOST_PASSAGES = 3
_LONGEST_SHOWN = 600
"""Characters of a passage that are kept as evidence."""
_LONGEST_COMPARED = 1500
"""Words of a question that evidence is taken from."""


class BenchmarkItem(NamedTuple):
    """One question that must not be trained on."""

    benchmark: str
    id: str
    question: str


def read_benchmarks(configs: Iterable[ProblemsConfig]) -> list[BenchmarkItem]:
    """The questions of every benchmark. Raises what `read_problems` raises for a source that cannot be read."""
    return [
        BenchmarkItem(benchmark_name(config), problem.id, problem.question)
        for config in configs
        for problem in read_problems(config)
    ]


def benchmark_name(config: ProblemsConfig) -> str:
    """What a benchmark is called in findings: its preset, its dataset, or its file without folder and ending."""
    return config.preset or config.dataset or Path(config.path or "").stem


class BenchmarkIndex:
    """The passages of all benchmark questions, ready to be looked up."""

    def __init__(self, items: Sequence[BenchmarkItem], config: HygieneConfig) -> None:
        """Index the questions by passages as they are and, unless switched off, with masked numbers."""
        self._items = items
        self._n = config.ngram
        words = [split_words(item.question) for item in items]
        self._same = {tuple(text): number for number, text in reversed(list(enumerate(words))) if text}
        self._as_written = _Passages(words, self._n, config.overlap)
        self._masked = None
        if config.masked_overlap is not None:
            # A short question is all template once its numbers are masked: "Compute 0 + 0" matches by chance.
            masked = [mask_numbers(text) if len(text) >= 2 * self._n else [] for text in words]
            self._masked = _Passages(masked, self._n, config.masked_overlap)

    def find(self, questions: Sequence[str]) -> list[list[dict[str, Any]]]:
        """For each question its best matches, at most three, as `PreparedProblem.contamination` holds them."""
        words = [split_words(question) for question in questions]
        matches = [dict[int, tuple[str, float]]() for _ in questions]
        if self._masked is not None:
            masked = [mask_numbers(text) if len(text) >= 2 * self._n else [] for text in words]
            for question, item, overlap in self._masked.look_up(masked):
                matches[question][item] = ("masked_numbers", overlap)
        for question, item, overlap in self._as_written.look_up(words):
            matches[question][item] = ("passages", overlap)
        for question, text in enumerate(words):
            if (same := self._same.get(tuple(text))) is not None:
                matches[question][same] = ("passages", 1.0)
        return [self._explain(question, found) for question, found in zip(questions, matches, strict=True)]

    def _explain(self, question: str, found: dict[int, tuple[str, float]]) -> list[dict[str, Any]]:
        best = sorted(found.items(), key=lambda match: (match[1][0] != "passages", -match[1][1], match[0]))
        return [
            {
                "benchmark": self._items[item].benchmark,
                "benchmark_id": self._items[item].id,
                "method": method,
                "overlap": round(overlap, 3),
                "passages": _align(question, self._items[item].question, self._n, masked=method == "masked_numbers"),
            }
            for item, (method, overlap) in best[:_MOST_MATCHES]
        ]


class Rewordings:
    """Benchmark questions in other words, told as `PreparedProblem.review` holds them."""

    def __init__(self, items: Sequence[BenchmarkItem], sample: Sequence[str]) -> None:
        """`sample` are some of the problems, which say with the benchmarks which words are common."""
        self._items = items
        self._index = RewordingIndex([item.question for item in items], sample)

    def find(self, questions: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
        """For each question the benchmark questions that it may be a rewording of, likeliest first."""
        for question, found in zip(questions, self._index.find(questions), strict=True):
            yield [
                {
                    "benchmark": self._items[number].benchmark,
                    "benchmark_id": self._items[number].id,
                    "method": method,
                    "overlap": similarity,
                    "passages": show_side_by_side(question, self._items[number].question),
                }
                for number, method, similarity in found
            ]


class _Passages:
    """The passages of the benchmark questions in one of the two readings."""

    def __init__(self, texts: Sequence[Sequence[str]], n: int, least: float) -> None:
        table = hash_ngrams(texts, n)
        _, which, holders = np.unique(table.hashes, return_inverse=True, return_counts=True)
        telling = holders[which] <= _BOILERPLATE
        hashes, owners = table.hashes[telling], table.owners()[telling]
        order = np.lexsort((owners, hashes))
        self._hashes: Hashes = hashes[order]
        self._owners: NDArray[np.int64] = owners[order]
        self._sizes = np.bincount(owners, minlength=len(texts))
        self._common = np.unique(table.hashes[~telling])
        self._n = n
        self._least = least

    def look_up(self, texts: Sequence[Sequence[str]]) -> Iterable[tuple[int, int, float]]:
        """(text, benchmark item, overlap) for each pair that shares enough."""
        table = hash_ngrams(texts, self._n)
        telling = ~np.isin(table.hashes, self._common)
        hashes, owners = table.hashes[telling], table.owners()[telling]
        first = np.searchsorted(self._hashes, hashes, "left")
        holders = np.searchsorted(self._hashes, hashes, "right") - first
        askers = np.repeat(owners, holders)
        steps = np.arange(holders.sum()) - np.repeat(np.cumsum(holders) - holders, holders)
        items = self._owners[np.repeat(first, holders) + steps]
        pairs, shared = np.unique(np.stack([askers, items], axis=1), axis=0, return_counts=True)
        sizes = np.bincount(owners, minlength=len(texts))
        smaller = np.minimum(sizes[pairs[:, 0]], self._sizes[pairs[:, 1]])
        fewest = np.array([_FEWEST_OF_HAN if any(map(is_han, text)) else _FEWEST_PASSAGES for text in texts])
        enough = (shared >= self._least * smaller) & (shared >= np.minimum(fewest[pairs[:, 0]], smaller))
        for (text, item), overlap in zip(pairs[enough].tolist(), (shared / smaller)[enough].tolist(), strict=True):
            yield text, item, overlap


def _align(question: str, other: str, least: int, *, masked: bool) -> list[dict[str, str]]:
    """The longest passages of at least so many words that both questions share, as each of them writes it.

    Where no passage is as long, the longest there is.
    """
    texts = normalise(question), normalise(other)
    words = [list(locate_words(text))[:_LONGEST_COMPARED] for text in texts]
    spelled = [[word.text for word in side] for side in words]
    if masked:
        spelled = [mask_numbers(side) for side in spelled]
    matcher = difflib.SequenceMatcher(None, spelled[0], spelled[1], autojunk=False)
    blocks = sorted(matcher.get_matching_blocks(), key=lambda block: (-block.size, block.a))[:_MOST_PASSAGES]
    telling = [block for block in blocks if block.size >= least] or [block for block in blocks[:1] if block.size]
    return [
        {
            "problem": _cut(texts[0], words[0], block.a, block.size),
            "benchmark": _cut(texts[1], words[1], block.b, block.size),
        }
        for block in telling
    ]


def _cut(text: str, words: Sequence[Word], first: int, count: int) -> str:
    """The text from one word to another, its end left out where it is long."""
    passage = text[words[first].start : words[first + count - 1].end]
    return passage if len(passage) <= _LONGEST_SHOWN else passage[: _LONGEST_SHOWN - 1] + "…"
