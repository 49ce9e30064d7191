"""Logits → tokens: temperature and nucleus sampling in NumPy, each row by its own random number.

No row's arithmetic mixes with another's, so that a reply with a seed is the same in any company.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Integers = npt.NDArray[np.int64]

_COLDEST = 1e-4
"""No draw differs from the likeliest token below this, and dividing by less leaves the numbers' range."""


def choose_tokens(logits: Floats, temperatures: Floats, top_ps: Floats, draws: Floats) -> Integers:
    """One token for each of the (B, V) rows. `draws` are uniform in [0, 1); temperature 0 takes the likeliest token."""
    warm = temperatures > _COLDEST
    sharpness = 1 / np.where(warm, temperatures, 1)
    weights = np.exp((logits - logits.max(axis=1, keepdims=True)) * sharpness[:, None].astype(np.float32))
    tokens = np.empty(len(logits), np.int64)
    if (rows := np.flatnonzero(~warm)).size:
        tokens[rows] = logits[rows].argmax(axis=1)
    if (rows := np.flatnonzero(warm & (top_ps >= 1))).size:
        tokens[rows] = _choose_among_all(weights[rows], draws[rows])
    if (rows := np.flatnonzero(warm & (top_ps < 1))).size:
        tokens[rows] = _choose_in_nucleus(weights[rows], top_ps[rows], draws[rows])
    return tokens


def _choose_among_all(weights: Floats, draws: Floats) -> Integers:
    """Draw from all tokens of each row by weight."""
    cumulated = weights.cumsum(axis=1, dtype=np.float64)
    return _find(cumulated, draws * cumulated[:, -1])


def _choose_in_nucleus(weights: Floats, top_ps: Floats, draws: Floats) -> Integers:
    """Draw from the fewest tokens that together hold `top_ps` of each row's total weight (Holtzman et al. 2020).

    All tokens below (1 - p) / V of the total hold less than 1 - p together, so only those above need be sorted.
    """
    count, width = weights.shape
    totals = weights.sum(axis=1)
    large = weights >= (totals * (1 - top_ps) / width)[:, None]
    rows, tokens = np.divmod(np.flatnonzero(large), width)
    order = np.lexsort((tokens, -weights[rows, tokens], rows))
    tokens = tokens[order]
    sizes = np.bincount(rows, minlength=count)
    starts = sizes.cumsum() - sizes
    cumulated = np.zeros((count, sizes.max()))
    cumulated[rows, np.arange(len(rows)) - starts[rows]] = weights[rows, tokens]
    cumulated = cumulated.cumsum(axis=1)
    ends = np.minimum(_find(cumulated, totals * top_ps), sizes - 1)
    masses = cumulated[np.arange(count), ends]
    picked: Integers = tokens[starts + np.minimum(_find(cumulated, draws * masses), ends)]
    return picked


def _find(cumulated: Floats, targets: Floats) -> Integers:
    """For each row the first place whose cumulated weight lies above the row's target."""
    places: Integers = (cumulated <= targets[:, None]).sum(axis=1)
    return places
