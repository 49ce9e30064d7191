"""Two runs side by side: the same problems, how much better one is, and what was set differently.

Rates of two runs on the same problems rise and fall together, so the difference is taken problem by problem and its
interval is over problems: far narrower than two intervals side by side would suggest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from overproof.config import describe
from overproof.estimators import Estimate, estimate_difference, hold_together
from overproof.report.counting import group_names, pass_rates
from overproof.report.counts import ALL, Kind
from overproof.view.run import Snapshot

MOST_LISTED = 30
"""Problems with the largest differences that are listed."""


class RateDifference(msgspec.Struct, frozen=True):
    """How the rates of two runs differ over problems that both have."""

    what: str
    name: str
    left: float
    right: float
    difference: Estimate
    """Right minus left; the intervals of all groups hold together."""


class Changed(msgspec.Struct, frozen=True):
    """A problem that one run solves more often than the other."""

    problem_id: str
    question: str
    left: float
    right: float


class RunPair(msgspec.Struct, frozen=True):
    """Two runs side by side."""

    common: int
    """Problems with a pass rate in both."""
    only_left: int
    only_right: int
    differences: list[RateDifference]
    changed: list[Changed]
    settings: list[tuple[str, str, str]]
    """Keys of the config that differ, with both values."""


class _Rates(NamedTuple):
    """The pass rate of every problem of a run."""

    keys: NDArray[np.uint64]
    values: NDArray[np.float64]
    places: list[tuple[int, int]]
    """Shard and row of each."""


def compare(left: Snapshot, right: Snapshot) -> RunPair:
    """Compare two runs on the problems that both have, by id."""
    mine, theirs = _rates(left), _rates(right)
    _, of_left, of_right = np.intersect1d(mine.keys, theirs.keys, assume_unique=True, return_indices=True)
    pairs = list(zip(of_left.tolist(), of_right.tolist(), strict=True))
    groups: defaultdict[Kind, list[tuple[float, float]]] = defaultdict(list)
    for one, other in pairs:
        shard, row = mine.places[one]
        for kind in group_names(left.shards[shard], row):
            groups[kind].append((float(mine.values[one]), float(theirs.values[other])))
    return RunPair(
        common=len(pairs),
        only_left=len(mine.keys) - len(pairs),
        only_right=len(theirs.keys) - len(pairs),
        differences=_differences(groups),
        changed=_most_changed(left, mine, theirs, pairs),
        settings=_settings(left, right),
    )


def _rates(snapshot: Snapshot) -> _Rates:
    keys: list[int] = []
    values: list[float] = []
    places: list[tuple[int, int]] = []
    for number, shard in enumerate(snapshot.shards):
        for row, rate, _ in pass_rates(shard, shard.outcomes(), snapshot.config.sampling):
            if rate.value is not None:
                keys.append(int(shard.problems.rows["key"][row]))
                values.append(rate.value)
                places.append((number, row))
    return _Rates(np.array(keys, np.uint64), np.array(values, np.float64), places)


def _differences(groups: Mapping[Kind, list[tuple[float, float]]]) -> list[RateDifference]:
    """All groups in one table, in which chance is to find a difference in one of twenty tables, not of twenty lines."""
    kinds = sorted(groups, key=lambda kind: (kind != ALL, kind))
    sides = [np.array(groups[kind]).T for kind in kinds]
    together = hold_together([estimate_difference(left, right) for left, right in sides])
    return [
        RateDifference(
            kind.what,
            kind.name,
            float(left.mean()),
            float(right.mean()),
            Estimate(one.value, one.low, one.high, one.problems, one.problems),
        )
        for kind, (left, right), (one, _) in zip(kinds, sides, together, strict=True)
    ]


def _most_changed(snapshot: Snapshot, mine: _Rates, theirs: _Rates, pairs: list[tuple[int, int]]) -> list[Changed]:
    ordered = sorted(pairs, key=lambda pair: (-abs(theirs.values[pair[1]] - mine.values[pair[0]]), pair))
    changed = []
    for one, other in ordered[:MOST_LISTED]:
        before, after = float(mine.values[one]), float(theirs.values[other])
        if before != after:
            shard, row = mine.places[one]
            problem = snapshot.shards[shard].problem_of(row).problem
            changed.append(Changed(problem.id, problem.question, before, after))
    return changed


def _settings(left: Snapshot, right: Snapshot) -> list[tuple[str, str, str]]:
    mine = {key: str(value) for key, value, _ in describe(left.config)}
    theirs = {key: str(value) for key, value, _ in describe(right.config)}
    mine |= {f"version of {name}": version for name, version in left.manifest.versions.items()}
    theirs |= {f"version of {name}": version for name, version in right.manifest.versions.items()}
    keys = dict.fromkeys([*mine, *theirs])
    return [(key, mine.get(key, "–"), theirs.get(key, "–")) for key in keys if mine.get(key) != theirs.get(key)]
