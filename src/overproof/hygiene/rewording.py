"""Which problems may be benchmark questions in other words; only this module knows what betrays them.

Three traces are looked for: the same words in the same order with other names and numbers (one template), the same
numbers in other words (a rephrasing), and a benchmark's words and numbers among further ones (clauses added). Words
and numbers weigh by how rare they are: that two questions both speak of 1, 2 and x says nothing, that both speak of 85
and 620 nearly all. What is found is for a person to look at: it is likely, not certain.
"""

from __future__ import annotations

import difflib
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from overproof.hygiene.ngrams import mask_numbers, normalise, split_words

# Chosen on GSM8K's test questions among 6,000 questions of other sets, so that at most one in a thousand of these is
# listed: see tests/bench/bench_hygiene.py, which prints what is found and what is listed in error, also on others.
_SAME_TEMPLATE = 0.82
"""Similarity of the words, by weight, of two questions made from one template."""
_SAME_ORDER = 0.8
"""Share of the words that both have in the same order, names and numbers masked. Textbooks ask after the ellipse or
the arithmetic sequence in the same words; the order in which they are given tells one question from another."""
_FEWEST_TERMS = 8
"""Terms that both questions must have: shorter ones are all template."""
_SAME_NUMBERS = 0.85
"""Share of the numbers' weight that both questions of a rephrasing have."""
_LEAST_TELLING = 20.0
"""Weight of shared numbers that are more than those of any question; one that is in every hundredth weighs 21."""
_MOST_TELLING = 60.0
_LEAST_WORDS = 0.2
_LEAST_SIMILAR = 0.1
_TOGETHER = 0.5
"""Share of the words, and a hundredth of the numbers' weight, that a rephrasing must have together."""
_EXTENDED = (0.55, 0.75, 0.8, 10.0, 0.45)
"""Of the benchmark's words by weight, of its words, and of its numbers by weight, the share that the problem has; the
weight of the shared numbers; the similarity, below which a short question of algebra lies within any long one."""

_ELSEWHERE = 200
"""Questions that are taken to have been seen beside those at hand, a tenth of them with any number of one digit."""
_LEAST_CANDIDATE = 0.15
"""Similarity of words and numbers together from which two questions are compared."""
_MOST_CANDIDATES = 8
_COMMON = 0.05
"""A term in more of the questions than this finds no candidates."""
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
    order: tuple[str, ...]
    """All words in order, numbers and names masked."""


def _read(text: str) -> _Read:
    text = normalise(text)
    names = {name.lower() for name in _NAME.findall(text)}
    terms: list[str] = []
    numbers: Counter[str] = Counter()
    words = split_words(text)
    before = ""
    for word in words:
        if word[0].isdigit() or word in _IN_WORDS:
            numbers[_IN_WORDS.get(word, word.replace(",", ""))] += 1
        elif not word.isascii():
            terms.append(word)
            if before:
                terms.append(before + word)  # a character of Han says little by itself
        elif word not in names and len(word) > 1:
            terms.append(word if word.startswith("\\") else word[:_STEM])
        before = "" if word.isascii() else word
    order = ("A" if word in names else word for word in mask_numbers(words))
    return _Read(frozenset(terms), numbers, tuple(order))


class _Likeness(NamedTuple):
    """What a problem and a benchmark question have in common."""

    similar: float
    """Cosine of their words, by weight."""
    contained: float
    """Share of the benchmark's words that the problem has, by weight; `words` counts each the same."""
    words: float
    words_of_shorter: float
    telling: float
    """Weight of the numbers that both have."""
    numbers: float
    """That as a share of all numbers of both."""
    numbers_contained: float
    """That as a share of the benchmark's."""


class RewordingIndex:
    """The questions of all benchmarks, ready to be compared with problems in any words."""

    def __init__(self, questions: Sequence[str], sample: Sequence[str]) -> None:
        """`sample` are some of the problems: with the benchmarks they say which words and numbers are common."""
        self._read = [_read(question) for question in questions]
        counts: Counter[str] = Counter()
        for one in (*self._read, *map(_read, sample)):
            counts.update(one.terms)
            counts.update(one.numbers.keys())  # which are no words, so that the two do not meet
        total = len(questions) + len(sample)
        most = max(4.0, _COMMON * total)
        self._rarity = {
            term: _rarity(count, total) if not term[0].isdigit() else _rarity_of_number(term, count, total)
            for term, count in counts.items()
        }
        self._total = total
        self._unseen = _rarity(0, total)
        self._common = {term for term, count in counts.items() if count > most}
        self._own = [self._weigh(one.terms) for one in self._read]
        self._lengths = np.sqrt([self._weigh_all(one) for one in self._read]) + 1e-9
        holders: dict[str, list[int]] = {}
        for number, one in enumerate(self._read):
            for term in (*one.terms, *one.numbers):
                if term not in self._common:
                    holders.setdefault(term, []).append(number)
        self._holders = {term: np.array(numbers, dtype=np.int64) for term, numbers in holders.items()}

    def _weigh(self, terms: Iterable[str]) -> float:
        """The weight of words; common ones have none."""
        return sum(self._rarity.get(term, self._unseen) for term in terms if term not in self._common)

    def _weigh_all(self, one: _Read) -> float:
        return self._weigh(one.terms) + self._weigh(one.numbers)

    def _weigh_numbers(self, numbers: Counter[str]) -> float:
        """The weight of numbers; common ones have little."""
        return sum(
            (self._rarity.get(one) or _rarity_of_number(one, 0, self._total)) * times for one, times in numbers.items()
        )

    def find(self, questions: Sequence[str]) -> Iterator[list[tuple[int, str, float]]]:
        """For each question its likeliest benchmark questions: (number, method, similarity), at most two."""
        for start in range(0, len(questions), _BATCH):
            batch = [_read(question) for question in questions[start : start + _BATCH]]
            candidates = self._find_candidates(batch)
            for number, one in enumerate(batch):
                pairs = [(item, self._compare(one, item)) for item in candidates.get(number, ())]
                judged = ((item, self._judge(one, item, pair), round(pair.similar, 3)) for item, pair in pairs)
                found = [(item, method, similar) for item, method, similar in judged if method]
                yield sorted(found, key=lambda match: -match[2])[:_MOST_LISTED]

    def _find_candidates(self, batch: Sequence[_Read]) -> dict[int, list[int]]:
        """The benchmark questions most similar to each of a batch, by the number of the latter."""
        count = len(self._read)
        held: list[NDArray[np.int64]] = []
        owners: list[int] = []
        weights: list[float] = []
        for number, one in enumerate(batch):
            length = math.sqrt(self._weigh_all(one)) + 1e-9
            for term in (*one.terms, *one.numbers):
                if (holders := self._holders.get(term)) is not None:
                    held.append(holders)
                    owners.append(number)
                    weights.append(self._rarity[term] / length)
        if not held:
            return {}
        lengths = [len(holders) for holders in held]
        items = np.concatenate(held)
        places = items + np.repeat(np.array(owners) * count, lengths)
        similar = np.bincount(places, np.repeat(weights, lengths) / self._lengths[items], len(batch) * count)
        found: dict[int, list[int]] = {}
        likely = np.flatnonzero(similar >= _LEAST_CANDIDATE)
        for place in likely[np.argsort(-similar[likely], kind="stable")].tolist():
            best = found.setdefault(place // count, [])
            if len(best) < _MOST_CANDIDATES:
                best.append(place % count)
        return found

    def _compare(self, one: _Read, item: int) -> _Likeness:
        other = self._read[item]
        shared = one.terms & other.terms
        weight = self._weigh(shared)
        telling = self._weigh_numbers(one.numbers & other.numbers)
        return _Likeness(
            similar=weight / (math.sqrt(self._weigh(one.terms) * self._own[item]) + 1e-9),
            contained=weight / (self._own[item] + 1e-9),
            words=len(shared) / max(1, len(other.terms)),
            words_of_shorter=len(shared) / max(1, min(len(one.terms), len(other.terms))),
            telling=telling,
            numbers=telling / (self._weigh_numbers(one.numbers | other.numbers) + 1e-9),
            numbers_contained=telling / (self._weigh_numbers(other.numbers) + 1e-9),
        )

    def _judge(self, one: _Read, item: int, pair: _Likeness) -> str | None:
        """What a problem does with a benchmark question, None where it only resembles it."""
        other = self._read[item]
        if min(len(one.terms), len(other.terms)) < _FEWEST_TERMS:
            return None
        if _is_rephrased(pair):
            return "rephrased"
        contained, words, numbers, telling, similar = _EXTENDED
        holds = pair.contained >= contained and pair.words >= words and pair.numbers_contained >= numbers
        if holds and pair.telling >= telling and pair.similar >= similar:
            return "clauses_added"
        is_like = pair.similar >= _SAME_TEMPLATE and _share_order(one.order, other.order) >= _SAME_ORDER
        return "names_and_numbers" if is_like else None


def _rarity(count: float, total: float) -> float:
    return math.log((total + 1) / (count + 0.5)) ** 2


def _rarity_of_number(number: str, count: int, total: int) -> float:
    """That as if more questions had been seen, so that in a few questions 2 is not as rare as 620."""
    usual = _ELSEWHERE / 10 if len(number) == 1 else 0
    return _rarity(count + usual, total + _ELSEWHERE)


def _is_rephrased(pair: _Likeness) -> bool:
    """Whether two questions have the same numbers: the rarer these are, the fewer words need be shared."""
    if pair.numbers < _SAME_NUMBERS or pair.telling < _LEAST_TELLING:
        return False
    if pair.words_of_shorter < _LEAST_WORDS or pair.similar < _LEAST_SIMILAR:
        return False
    return pair.words_of_shorter + min(pair.telling, _MOST_TELLING) / 100 >= _TOGETHER


def _share_order(one: Sequence[str], other: Sequence[str]) -> float:
    """Twice the words in blocks that both have in the same order, as a share of the words of both."""
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()


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
