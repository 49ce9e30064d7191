"""Among the traces of one problem that qualify, which are kept; only this module compares traces with each other."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

from overproof.config.selection import SelectionConfig
from overproof.hygiene.ngrams import NgramTable, hash_ngrams, jaccard, split_words

_NGRAM = 4


class Qualified(NamedTuple):
    """A trace that qualifies, with all that a choice may ask about it."""

    trace_id: str
    text: str
    """Reasoning and answer."""
    answer_class: int | None
    """None where it gives no answer, or where nobody asked."""
    spare: float
    """Characters of the reasoning that are not thought; infinite where the answer is not right, or nobody counted."""
    sample: int
    """Which of its problem's samples it is, from 0."""


Overlap = Callable[[int, int], float]
"""How much two candidates' texts overlap, by their numbers."""


def choose(candidates: Sequence[Qualified], config: SelectionConfig) -> list[str | None]:
    """For each candidate, in the order given, why it is not kept, or None when it is.

    They are taken up in the config's order. Each is dropped when a kept one says the same word for word, when its
    answer is among those of the kept ones, when it overlaps too much with one of them, or when k are kept. Ties are
    broken by a seeded chance that depends on the trace alone, those of the efficient order by length and index.
    """
    overlap = _compare_texts(candidates)
    reasons: list[str | None] = [None] * len(candidates)
    kept: list[int] = []
    for number in _arrange(candidates, overlap, config):
        reasons[number] = _find_better(number, kept, candidates, overlap, config)
        if reasons[number] is None:
            kept.append(number)
    return reasons


def _find_better(
    number: int, kept: Sequence[int], candidates: Sequence[Qualified], overlap: Overlap, config: SelectionConfig
) -> str | None:
    """Why a candidate is not kept beside those that are."""
    if any(candidates[k].text == candidates[number].text for k in kept):
        return "identical"
    mine = candidates[number].answer_class
    if config.one_per_answer_class and mine is not None and any(candidates[k].answer_class == mine for k in kept):
        return "same_answer"
    limit = config.max_similarity
    if limit is not None and any(overlap(number, k) >= limit for k in kept):
        return "near_identical"
    return "over_k" if config.k_per_problem is not None and len(kept) >= config.k_per_problem else None


def _arrange(candidates: Sequence[Qualified], overlap: Overlap, config: SelectionConfig) -> list[int]:
    """The candidates' numbers in the order in which they are taken up."""

    def chance(number: int) -> bytes:
        return hashlib.blake2b(f"{config.seed}/{candidates[number].trace_id}".encode(), digest_size=8).digest()

    def waste(number: int) -> tuple[float, int, int]:
        return candidates[number].spare, len(candidates[number].text), candidates[number].sample

    if config.order == "efficient":
        return sorted(range(len(candidates)), key=waste)
    by_chance = sorted(range(len(candidates)), key=chance)
    if config.order == "shortest":
        return sorted(by_chance, key=lambda number: len(candidates[number].text))
    if config.order == "longest":
        return sorted(by_chance, key=lambda number: -len(candidates[number].text))
    return _spread(by_chance, overlap) if config.order == "diverse" else by_chance


def _spread(numbers: Sequence[int], overlap: Overlap) -> list[int]:
    """Each next one least like any before it (farthest-first traversal), beginning with the first given."""
    nearest = dict.fromkeys(numbers, 0.0)
    arranged: list[int] = []
    while nearest:
        chosen = min(nearest, key=nearest.__getitem__)
        arranged.append(chosen)
        del nearest[chosen]
        for number in nearest:
            nearest[number] = max(nearest[number], overlap(number, chosen))
    return arranged


def _compare_texts(candidates: Sequence[Qualified]) -> Overlap:
    """The overlap of any two candidates; their texts are looked at when it is first asked for."""

    @functools.cache
    def ngrams() -> NgramTable:
        return hash_ngrams([split_words(candidate.text) for candidate in candidates], _NGRAM)

    return lambda left, right: jaccard(ngrams().row(left), ngrams().row(right))
