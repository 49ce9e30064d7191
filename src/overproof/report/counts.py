"""What is counted of a run; counts of parts add up to counts of the whole.

They are small whatever the size of the shards, so that shards can be counted anywhere, in any order.
"""

from __future__ import annotations

import functools
import heapq
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from overproof.estimators import ShareSums
from overproof.hygiene.wrong_references import Agreement, SuspectReference, Tally
from overproof.records import PreparedProblem
from overproof.report.shard import Selection
from overproof.report.tables import Damage, Spending

HALF_OCTAVES = 56
"""Bins of lengths: bin k holds lengths from 2^(k/2) up to 2^((k+1)/2)."""
TENTHS = 12
"""Bins of a share: [0, .1), [.1, .2), … [.9, 1), exactly 1, not measured."""
FIRST_PROBLEMS = 100
"""Problems from which a forecast is made again."""
MOST_LISTED = 200
"""Suspect references, contaminated problems, sources and levels that are listed; the rest is counted."""
CANDIDATES = 200
"""Problems of each kind that can be chosen to be read in the report."""


class Spent(NamedTuple):
    """What one problem's traces were charged for. Sorts as problems do in a run."""

    shard: int
    row: int
    samples: int
    tokens: int
    cost: float


class Showable(NamedTuple):
    """A problem that can be chosen to be read in the report. Sorts by a hash of its id: by chance, yet repeatable."""

    priority: int
    shard: int
    row: int


class Kind(NamedTuple):
    """What problems have in common: their source, their language, a reason among their traces, …."""

    what: str
    name: str


ALL = Kind("all", "")
"""All problems."""


@dataclass(slots=True)
class Group:
    """Problems that are counted together: all of them, or those of a source, a language or a level."""

    rates: Counter[float] = field(default_factory=Counter)
    """Problems by their pass rate."""
    samples: int = 0
    """Traces that the pass rates rest on."""
    problems: int = 0
    traces: int = 0
    kept: int = 0

    def add(self, other: Group) -> None:
        """Count the other's problems too."""
        self.rates.update(other.rates)
        self.samples += other.samples
        self.problems += other.problems
        self.traces += other.traces
        self.kept += other.kept


@dataclass(slots=True)
class Chosen:
    """What one selection keeps."""

    reasons: Counter[str] = field(default_factory=Counter)
    kept: int = 0
    problems: int = 0
    """Problems with at least one kept trace."""
    shared: int = 0
    """Kept traces that the unnamed selection keeps too."""
    tokens: int = 0
    """Reply tokens of kept traces, as far as they are known."""
    tokens_known: int = 0
    """Kept traces whose tokens are known."""
    characters: int = 0
    draws: Counter[tuple[int, int]] = field(default_factory=Counter)
    """Problems with a kept trace by (correct, draws), where a band of pass rates is asked for."""

    def add(self, other: Chosen) -> None:
        """Count the other's traces too."""
        self.reasons.update(other.reasons)
        self.kept += other.kept
        self.problems += other.problems
        self.shared += other.shared
        self.tokens += other.tokens
        self.tokens_known += other.tokens_known
        self.characters += other.characters
        self.draws.update(other.draws)


@dataclass(slots=True)
class Measure:
    """The values of one reward."""

    measured: int = 0
    unmeasured: int = 0
    total: float = 0.0
    low: float = float("inf")
    high: float = float("-inf")

    def add(self, other: Measure) -> None:
        """Count the other's values too."""
        self.measured += other.measured
        self.unmeasured += other.unmeasured
        self.total += other.total
        self.low = min(self.low, other.low)
        self.high = max(self.high, other.high)


def _zeros(*shape: int) -> NDArray[np.int64]:
    return np.zeros(shape, np.int64)


@dataclass(slots=True)
class Lengths:
    """Traces by length and by what became of them."""

    counts: NDArray[np.int64] = field(default_factory=lambda: _zeros(HALF_OCTAVES, 4))
    """For each bin the traces that were RIGHT, WRONG, CUT and UNCOUNTED."""
    sums: NDArray[np.int64] = field(default_factory=lambda: _zeros(HALF_OCTAVES, 6))
    """For each bin the fields of `ShareSums` over its complete traces that count."""

    def add(self, other: Lengths) -> None:
        """Count the other's traces too."""
        self.counts += other.counts
        self.sums += other.sums

    def share(self, bins: slice) -> ShareSums:
        """Sums for the share of right ones among the complete traces of some bins."""
        problems, passes, rows, *squares = (int(one) for one in self.sums[bins].sum(axis=0))
        return ShareSums(problems, passes, rows, (squares[0], squares[1], squares[2]))


def _weakness(one: SuspectReference) -> tuple[float, int]:
    """By this the references that are contradicted most come first."""
    return (one.supporting - one.agreeing) / one.answered, -one.answered


@dataclass(slots=True)
class Counts:
    """Counts over one shard, or over several."""

    shards: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    """Shards that lack a kind of file."""
    damage: Damage = field(default_factory=Damage)
    problems: Counter[str] = field(default_factory=Counter)
    """total, sampled, unasked (unfit ones without a trace), without_reference, unverifiable, duplicates, clustered,
    contaminated, gone, and of the problems whose traces can be graded: gradable (sampled ones) and gradable_traces."""
    traces: int = 0
    scored: int = 0
    uncounted: int = 0
    endings: Counter[int] = field(default_factory=Counter)
    verdicts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Traces by verdict and by the layer that decided."""
    groups: defaultdict[Kind, Group] = field(default_factory=lambda: defaultdict(Group))
    estimators: Counter[str] = field(default_factory=Counter)
    """Problems by how their pass rate was estimated."""
    draws: Counter[tuple[int, int]] = field(default_factory=Counter)
    """Problems by (correct, draws), where a selection asks for a band of pass rates."""
    unfinished: int = 0
    """Problems that lack traces which sampling wants."""
    reached: int = 0
    """Problems with as many correct traces as adaptive sampling wants."""
    samples: Counter[int] = field(default_factory=Counter)
    """Problems by their number of traces."""
    selections: dict[Selection, Chosen] = field(default_factory=dict)
    by_tokens: Lengths = field(default_factory=Lengths)
    by_characters: Lengths = field(default_factory=Lengths)
    consistency: defaultdict[str, NDArray[np.int64]] = field(
        default_factory=lambda: defaultdict(functools.partial(_zeros, TENTHS))
    )
    """For each language of questions, traces by language consistency."""
    foreign: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Traces by language of the question and the foreign language that most of the rest of the reasoning is in."""
    rewards: defaultdict[str, Measure] = field(default_factory=lambda: defaultdict(Measure))
    forms: Counter[str] = field(default_factory=Counter)
    """Traces by what is wrong with their form."""
    spending: Spending = field(default_factory=Spending)
    first: list[Spent] = field(default_factory=list)
    """The first problems of the run, in order."""
    agreement: Agreement = field(default_factory=Agreement)
    suspects: list[SuspectReference] = field(default_factory=list)
    """References that most traces contradict; `agreement` says how probably each is wrong."""
    contradicted: Counter[Tally] = field(default_factory=Counter)
    """All of these."""
    contaminated: list[PreparedProblem] = field(default_factory=list)
    candidates: defaultdict[Kind, list[Showable]] = field(default_factory=lambda: defaultdict(list))

    @property
    def asked(self) -> int:
        """Problems that sampling asks for."""
        return self.problems["total"] - self.problems["unasked"]

    def add(self, other: Counts) -> Self:
        """Count the other's shards too."""
        for name in ("shards", "traces", "scored", "uncounted", "unfinished", "reached"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in (
            "missing",
            "problems",
            "endings",
            "verdicts",
            "estimators",
            "samples",
            "foreign",
            "forms",
            "draws",
        ):
            getattr(self, name).update(getattr(other, name))
        for part in ("by_tokens", "by_characters", "spending", "damage"):
            getattr(self, part).add(getattr(other, part))
        for kind, group in other.groups.items():
            self.groups[kind].add(group)
        for selection, chosen in other.selections.items():
            self.selections.setdefault(selection, Chosen()).add(chosen)
        for language, counts in other.consistency.items():
            self.consistency[language] += counts
        for reward, measure in other.rewards.items():
            self.rewards[reward].add(measure)
        self.first = sorted(self.first + other.first)[:FIRST_PROBLEMS]
        self.agreement.add(other.agreement)
        self.contradicted.update(other.contradicted)
        self.suspects = sorted(self.suspects + other.suspects, key=_weakness)[:MOST_LISTED]
        self.contaminated = (self.contaminated + other.contaminated)[:MOST_LISTED]
        for kind, candidates in other.candidates.items():
            self.candidates[kind] = heapq.nsmallest(CANDIDATES, self.candidates[kind] + candidates)
        return self
