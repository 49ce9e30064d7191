"""Seeded choices that fall the same on every machine and every version of Python: only integer arithmetic."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")

_MASK = (1 << 64) - 1


class Dice:
    """A stream of choices. Its state is one 64-bit number, advanced by SplitMix64 (Steele, Lea, Flood 2014)."""

    def __init__(self, *seed: int | str) -> None:
        """Two dice made from the same parts fall alike; any other parts give an unrelated stream."""
        key = "/".join(map(str, seed)).encode()
        self._state = int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big")

    def _next(self) -> int:
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return mixed ^ (mixed >> 31)

    def below(self, bound: int) -> int:
        """One of 0 … bound - 1."""
        return (self._next() * bound) >> 64

    def between(self, low: int, high: int) -> int:
        """One of low … high, both included."""
        return low + self.below(high - low + 1)

    def choose(self, options: Sequence[Item]) -> Item:
        """One of the options."""
        return options[self.below(len(options))]

    def two_of(self, options: Sequence[Item]) -> tuple[Item, Item]:
        """Two different positions of the options, in either order."""
        first = self.below(len(options))
        second = self.below(len(options) - 1)
        return options[first], options[second + (second >= first)]

    def chance(self, per_mille: int) -> bool:
        """True in `per_mille` of a thousand cases."""
        return self.below(1000) < per_mille

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """The items in a random order (Fisher and Yates)."""
        order = list(items)
        for last in range(len(order) - 1, 0, -1):
            other = self.below(last + 1)
            order[last], order[other] = order[other], order[last]
        return order
