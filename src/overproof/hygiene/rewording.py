"""Which problems may be benchmark questions in other words; only this module knows what betrays them.

Three traces are looked for, each by the words of a question without its names and numbers, weighed by how rare they
are, and by the numbers themselves: nearly the same words with other names and numbers (one template), fewer words in
common but the same numbers (a rephrasing), and a benchmark's words and numbers among further ones (clauses added).
What is found is for a person to look at: it is likely, not certain.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from overproof.hygiene.ngrams import normalise, split_words

# Found on GSM8K's test questions among 19,000 questions of other sets, so that at most one in a thousand of these is
# listed: see tests/bench/bench_hygiene.py, which prints what is found and what is listed in error.
_SAME_TEMPLATE = 0.82
_FEWEST_TERMS = 10
"""Terms that both questions must have: shorter ones are all template."""
_REPHRASED = ((0.35, 0.6, 2), (0.28, 0.7, 3))
"""(similarity, share of all numbers that both have, numbers that both have)."""
_EXTENDED = (0.55, 0.75, 2)
"""(share of the benchmark's words that the problem has, share of its numbers, numbers that both have)."""

_LEAST_EXTENDED = 0.5
"""Similarity from which words and numbers among others count as clauses added.

Below it a short question of algebra lies within any long one."""
_LEAST_SIMILAR = 0.2
_MOST_CANDIDATES = 8
_COMMON = 0.05
"""A term in more of the questions than this says nothing."""
_STEM = 6
"""Letters of a word that count, so that forms of one word are one term."""
_BATCH = 512
_LONGEST_SHOWN = 600
_MOST_LISTED = 2

_NAME = re.compile(r"(?<![.!?:]\s)(?<!^)(?<![.!?:]\s[\"“'])\b[A-Z][a-z]+\b")
_CARDINALS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
)
_IN_WORDS = {word: str(number) for number, word in enumerate(_CARDINALS)}
_IN_WORDS |= {"thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "half": "1/2", "twice": "2", "double": "2"}
_IN_WORDS |= {"thrice": "3", "triple": "3", "dozen": "12"}


class _Read(NamedTuple):
    """A question as it is compared."""

    terms: frozenset[str]
    numbers: Counter[str]


def _read(text: str) -> _Read:
    text = normalise(text)
    names = {name.lower() for name in _NAME.findall(text)}
    terms: list[str] = []
    numbers: Counter[str] = Counter()
    before = ""
    for word in split_words(text):
        if word[0].isdigit() or word in _IN_WORDS:
            numbers[_IN_WORDS.get(word, word.replace(",", ""))] += 1
        elif not word.isascii():
            terms.append(word)
            if before:
                terms.append(before + word)  # a character of Han says little by itself
        elif word not in names and len(word) > 1:
            terms.append(word if word.startswith("\\") else word[:_STEM])
        before = "" if word.isascii() else word
    return _Read(frozenset(terms), numbers)


class _Candidate(NamedTuple):
    item: int
    similarity: float
    contained: float
    """Weight of the benchmark's terms that the problem has, as a share of all of them."""


class RewordingIndex:
    """The questions of all benchmarks, ready to be compared with problems in any words."""

    def __init__(self, questions: Sequence[str], sample: Sequence[str]) -> None:
        """`sample` are some of the problems: with the benchmarks they say which words are common."""
        self._read = [_read(question) for question in questions]
        counts: Counter[str] = Counter()
        for one in (*self._read, *map(_read, sample)):
            counts.update(one.terms)
        total = len(questions) + len(sample)
        most = max(4.0, _COMMON * total)
        self._weights = {
            term: 0.0 if count > most else math.log((total + 1) / (count + 0.5)) ** 2 for term, count in counts.items()
        }
        self._unseen = math.log(2 * (total + 1)) ** 2
        self._sums = np.array([self._weigh(one.terms) for one in self._read]) + 1e-9
        holders: dict[str, list[int]] = {}
        for number, one in enumerate(self._read):
            for term in one.terms:
                if self._weights[term]:
                    holders.setdefault(term, []).append(number)
        self._holders = {term: np.array(numbers, dtype=np.int64) for term, numbers in holders.items()}

    def _weigh(self, terms: frozenset[str]) -> float:
        return sum(self._weights.get(term, self._unseen) for term in terms)

    def find(self, questions: Sequence[str]) -> Iterator[list[tuple[int, str, float]]]:
        """For each question its likeliest benchmark questions: (number, method, similarity), at most two."""
        for start in range(0, len(questions), _BATCH):
            batch = [_read(question) for question in questions[start : start + _BATCH]]
            candidates = self._find_candidates(batch)
            for number, one in enumerate(batch):
                judged = ((other, self._judge(one, other)) for other in candidates.get(number, ()))
                found = [(other.item, method, round(other.similarity, 3)) for other, method in judged if method]
                yield sorted(found, key=lambda match: -match[2])[:_MOST_LISTED]

    def _find_candidates(self, batch: Sequence[_Read]) -> dict[int, list[_Candidate]]:
        """The benchmark questions most similar to each of a batch, by the number of the latter."""
        count = len(self._read)
        places: list[NDArray[np.int64]] = []
        weights: list[float] = []
        for number, one in enumerate(batch):
            for term in one.terms:
                held = self._holders.get(term)
                if held is not None:
                    places.append(held + number * count)
                    weights.append(self._weights[term])
        if not places:
            return {}
        lengths = [len(held) for held in places]
        shared = np.bincount(np.concatenate(places), np.repeat(weights, lengths), len(batch) * count)
        shared = shared.reshape(len(batch), count)
        own = np.array([self._weigh(one.terms) for one in batch]) + 1e-9
        similar = shared / np.sqrt(own[:, None] * self._sums[None, :])
        rows, items = np.nonzero(similar >= _LEAST_SIMILAR)
        order = np.lexsort((-similar[rows, items], rows))
        found: dict[int, list[_Candidate]] = {}
        for row, item in zip(rows[order].tolist(), items[order].tolist(), strict=True):
            best = found.setdefault(row, [])
            if len(best) < _MOST_CANDIDATES:
                contained = float(shared[row, item] / self._sums[item])
                best.append(_Candidate(item, float(similar[row, item]), contained))
        return found

    def _judge(self, one: _Read, candidate: _Candidate) -> str | None:
        """What a problem does with a benchmark question, None where it only resembles it."""
        other = self._read[candidate.item]
        if min(len(one.terms), len(other.terms)) < _FEWEST_TERMS:
            return None
        both = (one.numbers & other.numbers).total()
        share = both / max(1, (one.numbers | other.numbers).total())
        contained = both / max(1, other.numbers.total())
        if any(candidate.similarity >= a and share >= b and both >= c for a, b, c in _REPHRASED):
            return "rephrased"
        holds = candidate.contained >= _EXTENDED[0] and contained >= _EXTENDED[1] and both >= _EXTENDED[2]
        if holds and candidate.similarity >= _LEAST_EXTENDED:
            return "clauses_added"
        return "names_and_numbers" if candidate.similarity >= _SAME_TEMPLATE else None


def show_side_by_side(problem: str, benchmark: str) -> list[dict[str, str]]:
    """Both texts, as evidence."""
    return [{"problem": _cut(problem), "benchmark": _cut(benchmark)}]


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


def describe(match: dict[str, Any]) -> Iterator[str]:
    """A match for a terminal."""
    yield f"    {match['benchmark']} {match['benchmark_id']} ({match['method']}, similarity {match['overlap']:.2f})"
    for passage in match["passages"]:
        yield f"        problem    {' '.join(passage['problem'].split())}"
        yield f"        benchmark  {' '.join(passage['benchmark'].split())}"
