"""How much of a reply repeats itself word for word; only this module knows what counts as a repeat."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from overproof.records import Reward, Trace

_TOKEN = re.compile(r"[A-Za-zÀ-ɏͰ-῿]+|\d+|\S")  # a word, a number, or one sign: so also one Chinese character
_DOUBLINGS = 5
WINDOW = 1 << _DOUBLINGS
"""Tokens in a row that must come again to count as a repeat: some 100 characters of English or 32 of Chinese. Shorter
runs recur in sound reasoning; of 100 long R1 and QwQ traces without a loop, 98 have more than .93 distinct windows."""
_EXCERPT_LENGTH = 80
_MIXER = np.uint64(0x9E3779B97F4A7C15)


def repetition(trace: Trace) -> Reward:
    """The share of the reply's windows of WINDOW tokens that are distinct: 1 without repeats, near 0 in a loop.

    The n-gram reward of the field (Yeo et al., arXiv 2502.03373, section 4.2) as a share, with tokens that need no
    spaces, so that it sees loops in Chinese too. Evidence: the window repeated most and how often. None for fewer
    tokens than one window.
    """
    text = f"{trace.reasoning or ''}\n{trace.content}"
    tokens = _TOKEN.findall(text)
    if len(tokens) < WINDOW:
        return Reward(None, "too_little_text")
    windows = _window_hashes(tokens)
    distinct, first, times = np.unique(windows, return_index=True, return_counts=True)
    if len(distinct) == len(windows):
        return Reward(1.0)
    worst = int(times.argmax())
    start = int(first[worst])
    excerpt = " ".join(tokens[start : start + WINDOW])[:_EXCERPT_LENGTH]
    value = round(len(distinct) / len(windows), 4)
    return Reward(value, "repeats", {"most_repeated": excerpt, "times": int(times[worst])})


def find_repeated_stretches(text: str) -> list[tuple[int, int]]:
    """Where a text says again what it has said before: (start, end) of each stretch, in order and apart.

    A stretch is made of whole windows of WINDOW tokens, each of which occurs earlier in the text.
    """
    places = [match.span() for match in _TOKEN.finditer(text)]
    if len(places) < WINDOW:
        return []
    windows = _window_hashes([text[start:end] for start, end in places])
    _, first = np.unique(windows, return_index=True)
    is_again = np.ones(len(windows), dtype=bool)
    is_again[first] = False
    stretches: list[tuple[int, int]] = []
    for number in np.flatnonzero(is_again).tolist():
        start, end = places[number][0], places[number + WINDOW - 1][1]
        if stretches and start <= stretches[-1][1]:
            stretches[-1] = stretches[-1][0], end
        else:
            stretches.append((start, end))
    return stretches


def _window_hashes(tokens: list[str]) -> npt.NDArray[np.uint64]:
    """One 64-bit number for each window of WINDOW tokens, equal for equal windows: doubled from single tokens up."""
    numbers = {token: number for number, token in enumerate(dict.fromkeys(tokens), 1)}
    hashes = np.fromiter(map(numbers.__getitem__, tokens), np.uint64, len(tokens))
    for doubling in range(_DOUBLINGS):
        hashes = hashes * _MIXER  # wraps around, as it should
        hashes ^= hashes >> np.uint64(29)
        half = 1 << doubling
        hashes = hashes[:-half] * np.uint64(3) + hashes[half:]
    return hashes
