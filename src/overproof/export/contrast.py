"""Right against wrong: which traces of a problem stand side by side in a preference row; only here are they paired."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from typing import NamedTuple

from overproof.config.output import ExportConfig
from overproof.export.formats import KeptTrace
from overproof.records import Score, Trace, Verdict


class Pair(NamedTuple):
    """Two traces of one problem."""

    chosen: KeptTrace
    rejected: KeptTrace


def is_wrong(trace: Trace, score: Score | None) -> bool:
    """Whether a trace shows what not to do: whole, with reasoning, and its answer proved unequal to the reference.

    What could not be graded, was cut or gives no answer is in no pair: length or form would tell it apart.
    """
    if score is None or score.grade is None or not trace.is_complete:
        return False
    return score.grade.verdict == Verdict.INCORRECT and score.grade.extracted is not None


def pair_up(kept: Sequence[KeptTrace], wrong: Sequence[KeptTrace], config: ExportConfig) -> list[Pair]:
    """At most `pairs_per_problem` pairs of like length, the likest first, no trace in two of them.

    A preference trainer learns whatever sets the two sides apart, and length is easier to learn than truth.
    """
    allowed = [
        (ratio, _chance(chosen, rejected), Pair(chosen, rejected))
        for chosen, rejected in itertools.product(kept, wrong)
        if (ratio := _ratio(chosen, rejected)) <= config.length_ratio
    ]
    pairs: list[Pair] = []
    used: set[str] = set()
    for _, _, pair in sorted(allowed, key=lambda item: item[:2]):
        ids = {pair.chosen.trace.id, pair.rejected.trace.id}
        if len(pairs) < config.pairs_per_problem and not used & ids:
            pairs.append(pair)
            used |= ids
    return pairs


def _ratio(one: KeptTrace, other: KeptTrace) -> float:
    """How many times the longer is as long as the shorter."""
    lengths = sorted(len(kept.trace.content) + len(kept.trace.reasoning or "") for kept in (one, other))
    return lengths[1] / max(1, lengths[0])


def _chance(one: KeptTrace, other: KeptTrace) -> bytes:
    """An order among pairs of the same ratio that does not depend on when they were sampled."""
    return hashlib.blake2b(f"{one.trace.id}|{other.trace.id}".encode(), digest_size=8).digest()
