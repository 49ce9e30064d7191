"""How surely replies that are the same word for word come from a server that cannot say anything else.

An honest model draws each reply, and may draw the same text again: the likelier, the shorter it is, and for an easy
problem far likelier than for another, so that problems are the unit and not replies. A server without chance says one
text, always. The law that this module holds is a bound on the first: the highest chance, for any honest model, that all
n replies to a problem are one text of so many bytes. What is seen is then weighed by a likelihood ratio, which under
that bound is a test at 1 / `EVIDENCE` whenever it is looked at (Ville's inequality).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

TELLING_BYTES = 80
"""Bytes from which on the sameness of replies is looked at: any model says `\\boxed{4}` again."""
EVIDENCE = 100.0
"""Likelihood ratio from which on a server is said to repeat itself: false at the most once in a hundred runs."""

# Chance that an honest reply is the same as the one before. The shipped teacher, whose replies have 100 to 170 bytes,
# repeats 5 to 31 % of them at temperatures 1.3 to 0.1 and no problem's more than 60 %; nineteen in twenty of the
# shortest, and seven in ten at 190 bytes, leave room for models that have one wording. Longer texts offer a choice at
# every few words: one in five at 600 bytes, one in two hundred at 2,000.
_SHORT_AGAIN = 0.95
_HALVED_EVERY = 250
_LEAST_AGAIN = 0.002
_NO_CHANCE = 0.01
"""Chance of being said again from which on no single repetition is chance."""

_PARTIAL = {0.75: 0.1, 0.5: 0.06, 0.25: 0.04}
"""Shares of the problems that a cache may answer, and how likely each is beforehand; the rest is for all problems."""
_ALL = 0.8
_RATHER_CHANCE = 0.2
"""Chance of a problem whose replies are all the same from which on honest models have such problems beside others: it
speaks for a cache then only together with all others."""
_LEAST_EXCESS = 5
"""How many problems agree in all replies for each that agrees in all but one. Chance leaves a trail of these, a cache
does not."""


def chance_again(size: int) -> float:
    """Highest chance for an honest model to say a text of so many bytes again."""
    if size < TELLING_BYTES:
        return 1.0
    return max(_LEAST_AGAIN, _SHORT_AGAIN * 2 ** (-(size - TELLING_BYTES) / _HALVED_EVERY))


def is_beyond_chance(size: int) -> bool:
    """Whether no model says a text of so many bytes twice by chance."""
    return chance_again(size) <= _NO_CHANCE


def chance_alike(replies: int, size: int) -> float:
    """Highest chance for an honest model that so many replies to a problem are all one text of so many bytes.

    Some problems are easy to say: the chance of the likeliest text is spread over problems like a beta distribution
    of mean m and of the weight of one reply, which has its mass near 0 and 1, so that a text which has come k times
    comes again with (m + k) / (1 + k).
    """
    again = chance_again(size)
    return math.prod((again + seen) / (1 + seen) for seen in range(replies - 1))


class Sameness(msgspec.Struct, frozen=True):
    """What the replies to some problems tell of the server. Those of different problems are added up."""

    compared: int = 0
    """Problems with several replies that are long enough."""
    alike: int = 0
    """Of them, those whose replies are all the same."""
    nearly: int = 0
    """Those of which all replies but one are the same, of three and more."""
    all_same: float = 0.0
    """Logarithm of the likelihood ratio of a server that gives one text for every problem."""
    partly: tuple[float, ...] = (0.0,) * len(_PARTIAL)
    """Those of a server that does so for some of its problems, for each share of `_PARTIAL`."""

    def __add__(self, other: Sameness) -> Sameness:
        """What the problems of both tell."""
        return Sameness(
            self.compared + other.compared,
            self.alike + other.alike,
            self.nearly + other.nearly,
            self.all_same + other.all_same,
            tuple(one + two for one, two in zip(self.partly, other.partly, strict=True)),
        )

    @property
    def is_repeating(self) -> bool:
        """Whether the server gives one text for all seeds, for all problems or for a good part of them."""
        terms = [math.log(_ALL) + self.all_same]
        if self.alike >= _LEAST_EXCESS * self.nearly:
            terms += [math.log(before) + one for before, one in zip(_PARTIAL.values(), self.partly, strict=True)]
        top = max(terms)
        return top > -math.inf and top + math.log(sum(math.exp(term - top) for term in terms)) >= math.log(EVIDENCE)


def surprise(size: int, before: int) -> float:
    """How surprising it is that a text of so many bytes comes again that has come again `before` times already.

    In natural logarithms; those of one problem's replies add up to that of `chance_alike`.
    """
    return -math.log((chance_again(size) + before) / (1 + before))


def compare_replies(counts: Sequence[int], size: int) -> Sameness:
    """What one problem's replies tell: how often each of their texts came, and the bytes of the one that came most."""
    replies, most = sum(counts), max(counts, default=0)
    if replies < 2 or size < TELLING_BYTES:
        return Sameness()
    if most < replies:
        return Sameness(1, 0, int(most == replies - 1 and replies > 2), -math.inf, tuple(map(_log_rest, _PARTIAL)))
    chance = chance_alike(replies, size)
    partly = tuple(math.log(share / chance + 1 - share) if chance < _RATHER_CHANCE else 0.0 for share in _PARTIAL)
    return Sameness(1, 1, 0, -math.log(chance), partly)


def _log_rest(share: float) -> float:
    return math.log(1 - share)


def sum_sameness(parts: Iterable[Sameness]) -> Sameness:
    """All of them together."""
    return sum(parts, Sameness())
