"""Which problems can be read in the report itself: some of every kind, by chance, within a number of bytes."""

from __future__ import annotations

import base64
import functools
import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping

import msgspec

from overproof.config import RunConfig
from overproof.judge.verdicts import read_replies
from overproof.records import Decision, Grade, PreparedProblem, Trace
from overproof.report.counts import Counts
from overproof.report.facts import ColumnCache, Measure, TraceFacts
from overproof.report.shard import Shard
from overproof.report.stretches import Around, Judged, NearQuestion, ProblemReading, Side, lay_out_problem
from overproof.runfolder import RunFolder
from overproof.runfolder.overrides import Overrides

MOST_BYTES = 3_000_000
"""Of all chosen problems together, as they lie in the page."""
MOST_CHARACTERS = 1_000_000
"""Of their replies; reading and marking so many takes about a second of one core, half of a report of 10,000 traces."""
MOST_TRACES = 16
"""Of one problem."""
_FEWEST_PROBLEMS = 40
"""So many should fit; where replies are long, their middle is left out."""
_QUICK = 1
"""Level of compression that is measured by: it takes a tenth of the time, and somewhat more room than packing."""
_SHORTEST, _LONGEST = 4_000, 24_000
"""Bounds of the characters shown of one part of a reply."""
_LONGEST_QUESTION = 4_000
"""Characters shown of a question beside another."""
_PROBLEM_FACTS = ("source", "level", "language", "kind", "rate", "samples", "keeps", "covered", "is")
_SIDES: dict[int, Side | None] = {1: "answer", -1: "reference", 0: None}
_TRACE_FACTS = (
    *("verdict", "reason", "kept", "layer", "form", "foreign", "ending", "outcome", "error", "mark", "model", "effort"),
    *("tokens", "characters", "index"),
)


def choose(counts: Counts) -> list[tuple[int, int]]:
    """Problems by shard and row, in the order in which they are taken: one of each kind, a second of each and so on."""
    queues = [iter(counts.candidates[kind]) for kind in sorted(counts.candidates)]
    chosen: dict[tuple[int, int], None] = {}
    while queues:
        still = []
        for queue in queues:
            new = next((place for one in queue if (place := (one.shard, one.row)) not in chosen), None)
            if new is not None:
                chosen[new] = None
                still.append(queue)
        queues = still
    return list(chosen)


def read_chosen(
    config: RunConfig, folder: RunFolder, counts: Counts, shards: Mapping[int, tuple[Shard, Measure]]
) -> Iterator[ProblemReading]:
    """The chosen problems, as many as there is room for; `shards` are those that candidates lie in, by
    number, with the pass rates of their problems.
    """
    left, characters = MOST_BYTES * 3 // 4, MOST_CHARACTERS
    mean_traces = min(MOST_TRACES, max(1, counts.traces // max(1, counts.problems["sampled"])))
    longest = min(_LONGEST, max(_SHORTEST, MOST_CHARACTERS // (_FEWEST_PROBLEMS * mean_traces)))
    rates = {number: measure for number, (_, measure) in shards.items()}
    reader = ExcerptReader(config, folder, rates)
    for number, row in choose(counts):
        reading = reader.read(shards[number][0], row, most=MOST_TRACES, longest=longest)
        left -= len(zlib.compress(msgspec.json.encode(reading), _QUICK))
        characters -= sum(min(one.characters, 2 * longest) for one in reading.traces)
        if left < 0:
            return
        yield reading
        if characters < 0:
            return


def pack_readings(readings: list[ProblemReading]) -> str:
    """Problems as gzipped JSON in base64: what a page holds in place of them."""
    return base64.b64encode(gzip.compress(msgspec.json.encode(readings), 6, mtime=0)).decode()


class ExcerptReader:
    """Reads problems with their traces to be shown, with all else that a run knows of them."""

    def __init__(
        self,
        config: RunConfig,
        folder: RunFolder,
        rates: Mapping[int, Measure],
        find: Callable[[str], PreparedProblem | None] | None = None,
    ) -> None:
        """`rates` are the pass rates of each shard's problems; `find` gives any problem by its id."""
        self._currency = config.budget.currency if config.budget.has_prices else None
        self._folder = folder
        self._rates = rates
        self._find = find
        self._cells: dict[int, tuple[Shard, ColumnCache, ColumnCache]] = {}

    def read(self, shard: Shard, row: int, *, most: int, longest: int, first: int | None = None) -> ProblemReading:
        """A problem of a shard by its row, with at most `most` of its traces.

        These are the ones from number `first` on, or when that is None some with each reason.
        """
        rows = shard.traces_of(row)
        shown = sorted(_spread(shard, rows)[:most]) if first is None else rows[first : first + most]
        _, of_traces, of_problems = self._cells_of(shard)
        problem = shard.problem_of(row)
        judged = [self._judge(shard, one, of_traces, problem) for one in shown]
        decided = self._overrides.about(problem.problem.id)
        doubt = shard.find_doubt(row) if shard.opinions.said else None
        around = Around(
            len(rows),
            of_problems.of(row, _PROBLEM_FACTS),
            list(self._beside(problem)),
            decided,
            holds_with=_SIDES[doubt.judged] if doubt else None,
        )
        return lay_out_problem(problem, judged, around, longest=longest)

    def _judge(self, shard: Shard, row: int, cells: ColumnCache, problem: PreparedProblem) -> Judged:
        judged = judge_row(shard, row)
        names = [*_TRACE_FACTS, *(f"{kind}.{name}" for name in shard.selections if name for kind in ("reason", "kept"))]
        facts = cells.of(row, [*names, *(f"reward.{name}" for name in shard.rewards)])
        cost = float(shard.traces["charged_cost"][row])
        money = f"{cost:.6f} {self._currency}" if self._currency else ""
        said: dict[str, str] = {}
        if judged.score and judged.score.grade is not None:
            now = msgspec.structs.replace(judged.trace, problem=self._overrides.apply(problem).problem)
            said = self._replies(now, judged.score.grade)
        return msgspec.structs.replace(judged, facts=facts, money=money, judged=said)

    @functools.cached_property
    def _overrides(self) -> Overrides:
        return self._folder.read_overrides()

    @functools.cached_property
    def _replies(self) -> Callable[[Trace, Grade], dict[str, str]]:
        return read_replies(self._folder)

    def _beside(self, problem: PreparedProblem) -> Iterator[NearQuestion]:
        """The earlier problems that read like this one, both questions whole."""
        for kind, other_id in (("duplicate", problem.duplicate_of), ("near", problem.cluster)):
            if (
                other_id is None
                or other_id == problem.problem.id
                or (kind == "near" and other_id == problem.duplicate_of)
            ):
                continue
            other = self._find(other_id) if self._find else None
            there = other.problem.question if other else ""
            yield NearQuestion(kind, other_id, problem.problem.question[:_LONGEST_QUESTION], there[:_LONGEST_QUESTION])

    def _cells_of(self, shard: Shard) -> tuple[Shard, ColumnCache, ColumnCache]:
        """The columns of a shard, made once; those of one shard at a time, so that memory stays small."""
        found = self._cells.get(shard.number)
        if found is None or found[0] is not shard:
            facts = TraceFacts(shard, self._rates[shard.number])
            found = (shard, ColumnCache(facts), ColumnCache(facts.problems))
            self._cells = {shard.number: found}
        return found


def judge_row(shard: Shard, row: int) -> Judged:
    """A trace of a shard by its row, with its score and decisions. Raises ValueError when its lines have moved."""
    trace = shard.trace_of(row)
    score = shard.score_of(row)
    if score is not None and score.trace_id != trace.id:
        raise ValueError("the scores were written anew since they were read")
    made = {selection: Decision(trace.id, *shard.decision_of(row, selection)) for selection in shard.selections}
    return Judged(trace, score, made)


def _spread(shard: Shard, rows: list[int]) -> list[int]:
    """Rows of one problem's traces so ordered that each reason comes before any comes again."""
    seen: dict[str, int] = {}
    ranked = []
    for row in rows:
        _, reason = shard.decision_of(row)
        ranked.append((seen.get(reason, 0), row))
        seen[reason] = seen.get(reason, 0) + 1
    return [row for _, row in sorted(ranked)]
