"""How often a problem is solved, from its replies: estimators without bias, whatever rule ended the sampling."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np

from overproof.estimators.intervals import Floats


def pass_at_k(samples: int, correct: int, k: int) -> float | None:
    """Chance that at least one of k replies is correct, estimated from `samples` replies; None with fewer than k.

    The unbiased estimator of Chen et al. 2021 (arXiv 2107.03374, equation 1): the share of all choices of k among the
    samples that hold a correct one. Raises ValueError where more are correct than there are.
    """
    if not 0 <= correct <= samples:
        raise ValueError(f"{correct} correct replies of {samples}: these are counts, the whole one first")
    if samples < k:
        return None
    return 1 - math.comb(samples - correct, k) / math.comb(samples, k)


def majority_at_k(classes: Sequence[int | str | None], correct: Sequence[bool], k: int) -> float | None:
    """Chance that the answer given most often among k replies is correct; None with fewer than k replies.

    `classes` names the class of equal answers that each reply belongs to, None where it gives no answer and so does
    not vote. Averaged exactly over every choice of k among the replies, and evenly over answers that are given equally
    often; k replies without any answer count as not correct. A class with both right and wrong members, which rounding
    can make, counts by its share of right ones.
    """
    if len(classes) < k:
        return None
    sizes = Counter(name for name in classes if name is not None)
    right = Counter(name for name, passed in zip(classes, correct, strict=True) if passed and name is not None)
    silent = len(classes) - sizes.total()
    chances = (
        _chance_to_win(sizes[name], [size for other, size in sizes.items() if other != name], silent, k)
        * (right[name] / sizes[name])
        for name in right
    )
    return min(1.0, math.fsum(chances))


class PassRate(msgspec.Struct, frozen=True):
    """A problem's estimated chance of a correct reply."""

    value: float | None
    """None when no verdict counts."""
    estimator: str
    """fixed, probe, inverse, exhausted or unfinished."""
    draws: int
    """Verdicts the estimate rests on."""


def fixed_pass_rate(verdicts: Sequence[bool | None]) -> PassRate:
    """Pass rate where the number of draws did not depend on the verdicts: the mean of those that are not None."""
    counted = [verdict for verdict in verdicts if verdict is not None]
    return PassRate(sum(counted) / len(counted) if counted else None, "fixed", len(counted))


def stopped_pass_rate(verdicts: Sequence[bool | None], *, probe: int, want_correct: int, most: int) -> PassRate:
    """Pass rate where draws went on until `want_correct` were correct, at least `probe` and at most `most`.

    `verdicts` are in order of the draws' index; None (refused, no readable reference) is left out: the probe is then
    those of its draws that count, so that which draws it holds does not depend on their verdicts. Draws beyond the one
    at which the rule stops, made because several were under way at once, do not count. The estimate is the unbiased one
    of Girshick, Mosteller and Savage (1946) for this plan, the number of paths to the stopping point that begin with a
    success over the number of all:

        stopped at the probe with x correct             x / probe
        stopped later, at draw N, by correct c          (c − 1) / (N − 1); 0 for c = 1, so that it equals the probe's
        never stopped, with k correct of all draws      k / draws

    With want_correct = 1 this is the share of correct ones in the probe alone: a first success found late says
    nothing unbiased.
    """
    counted = [verdict for verdict in verdicts[:most] if verdict is not None]
    probe = sum(verdict is not None for verdict in verdicts[:probe])
    correct = sum(counted[:probe])
    if len(counted) <= probe or correct >= want_correct or want_correct == 1:
        return PassRate(correct / probe if probe else None, "probe" if probe else "unfinished", probe)
    for draw in range(probe, len(counted)):
        correct += counted[draw]
        if correct == want_correct:
            return PassRate((want_correct - 1) / draw, "inverse", draw + 1)
    # Without the None verdicts the plan may have ended at `most` with fewer counted draws.
    is_finished = len(verdicts) >= most
    return PassRate(correct / len(counted), "exhausted" if is_finished else "unfinished", len(counted))


def _chance_to_win(size: int, others: list[int], silent: int, k: int) -> float:
    """Chance that a class of `size` replies is the largest among k drawn; level with t others it counts 1 / (t + 1).

    For every number of replies that the class may have among the k, the choices of the others are counted by the
    product of their generating functions: powers of x count replies, powers of y count classes that are level.
    """
    every = math.log(math.comb(size + sum(others) + silent, k))
    chance = 0.0
    for own in range(1, min(size, k) + 1):
        rest = k - own
        ways = np.zeros((rest + 1, rest // own + 1))  # [replies of others, classes that are level]
        choices, scale = _binomials(silent, rest)
        ways[: len(choices), 0] = choices
        scale += math.log(math.comb(size, own)) - every
        for other in others:
            ways, grown = _add_class(ways, other, own)
            scale += grown
        if won := float((ways[rest] / np.arange(1, ways.shape[1] + 1)).sum()):
            chance += math.exp(scale + math.log(won))
    return chance


def _add_class(ways: Floats, size: int, most: int) -> tuple[Floats, float]:
    """The counts with a further class of which at most `most` are drawn, over a factor whose logarithm follows."""
    replies = ways.shape[0]
    choices, scale = _binomials(size, min(most, replies - 1))
    grown = np.zeros_like(ways)
    for count, choice in enumerate(choices):
        if count < most:
            grown[count:] += choice * ways[: replies - count]
        else:  # level with the class in question
            grown[count:, 1:] += choice * ways[: replies - count, :-1]
    peak = float(grown.max())
    return grown / peak, scale + math.log(peak)


def _binomials(size: int, most: int) -> tuple[Floats, float]:
    """C(size, 0 … most), as far as not zero, divided by the largest of them, and the logarithm of that."""
    exact = [math.comb(size, count) for count in range(min(size, most) + 1)]
    peak = max(exact)
    return np.array([one / peak for one in exact]), math.log(peak)
