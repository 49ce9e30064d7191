"""Logits → tokens: temperature and nucleus sampling in NumPy, each row by its own random number.

No row's arithmetic mixes with another's, so that a reply with a seed is the same in any company.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Integers = npt.NDArray[np.int64]


def choose_tokens(logits: Floats, temperatures: Floats, top_ps: Floats, draws: Floats) -> Integers:
    """One token for each of the (B, V) rows. `draws` are uniform in [0, 1); temperature 0 takes the likeliest token."""
    greedy = temperatures == 0
    sharpness = 1 / np.where(greedy, 1, temperatures)
    weights = np.exp((logits - logits.max(axis=1, keepdims=True)) * sharpness[:, None].astype(np.float32))
    cumulated = weights.cumsum(axis=1, dtype=np.float64)
    tokens = _find(cumulated, draws * cumulated[:, -1])
    if greedy.any():
        tokens[greedy] = logits[greedy].argmax(axis=1)
    nucleus = ~greedy & (top_ps < 1)
    if nucleus.any():
        tokens[nucleus] = _choose_in_nucleus(weights[nucleus], cumulated[nucleus, -1], top_ps[nucleus], draws[nucleus])
    return tokens


def _choose_in_nucleus(weights: Floats, totals: Floats, top_ps: Floats, draws: Floats) -> Integers:
    """Draw from the fewest tokens that together hold `top_ps` of each row's total weight (Holtzman et al. 2020).

    All tokens below (1 - p) / V of the total hold less than 1 - p together, so only those above need be sorted.
    """
    rows, tokens = np.nonzero(weights >= (totals * (1 - top_ps) / weights.shape[1])[:, None])
    order = np.lexsort((tokens, -weights[rows, tokens], rows))
    rows, tokens = rows[order], tokens[order]
    counts = np.bincount(rows, minlength=len(weights))
    places = np.arange(len(rows)) - (counts.cumsum() - counts)[rows]
    cumulated = np.zeros((len(weights), counts.max()))
    cumulated[rows, places] = weights[rows, tokens]
    cumulated = cumulated.cumsum(axis=1)
    sizes = np.minimum(_find(cumulated, totals * top_ps) + 1, counts)
    each = np.arange(len(weights))
    chosen = np.minimum(_find(cumulated, draws * cumulated[each, sizes - 1]), sizes - 1)
    picked: Integers = tokens[(counts.cumsum() - counts) + chosen]
    return picked


def _find(cumulated: Floats, targets: Floats) -> Integers:
    """For each row the first place whose cumulated weight lies above the row's target."""
    places: Integers = (cumulated <= targets[:, None]).sum(axis=1)
    return places
