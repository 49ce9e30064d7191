"""A run's problems as a source of requests: what each still lacks, and what is written down when it comes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from overproof.completion import read_completion
from overproof.journal import Sink
from overproof.records import PreparedProblem, Trace
from overproof.sampling.background import BackgroundGrading, OnVerdict
from overproof.sampling.monitor import LastSaid, Monitor
from overproof.sampling.resume import Journaled
from overproof.sampling.settings import Asking, Settings
from overproof.teacher.budget import Amount
from overproof.teacher.dispatch import Request
from overproof.teacher.reply import Failure, Reply, kept_of

MOST_UNGRADED = 512
"""Traces without a verdict from which on no new request is made: they wait in memory."""
MOST_REGRADED = 64
"""Problems of earlier sessions that are graded again at the same time, so that memory stays flat."""


class OpenProblem:
    """A problem that is being sampled."""

    __slots__ = ("amount", "asked", "asking", "order", "pending", "said", "verdicts")

    def __init__(self, asking: Asking, order: int) -> None:
        """`order` counts the problems that this session has opened."""
        self.asking = asking
        self.order = order
        self.verdicts: dict[int, bool | None] = {}
        """By index, once final; None also where none is needed."""
        self.asked: set[int] = set()
        """Indices that need no request: requested in this session, or read from an earlier one."""
        self.pending = 0
        """Requests under way and verdicts being worked out."""
        self.said = LastSaid()
        """The reply before, for the alarm of identical replies."""
        self.amount = Amount()
        """What this session's lines were charged for."""


class Ticket(NamedTuple):
    """What a request is for."""

    shard: ShardSource
    problem: OpenProblem
    sample: int
    """Its index."""


class ShardSource:
    """One shard's problems, read as they are needed."""

    def __init__(
        self,
        settings: Settings,
        problems: Iterator[PreparedProblem],
        journaled: Journaled,
        *,
        open_sink: Callable[[], Sink],
        monitor: Monitor,
        grading: BackgroundGrading | None,
    ) -> None:
        """Nothing is read or opened before `next` is called."""
        self.is_exhausted = False
        """Whether every problem has been opened."""
        self.sink: Sink | None = None
        """Open from the first request on."""
        self._settings = settings
        self._problems = problems
        self._earlier = journaled.samples
        self._open_sink = open_sink
        self._monitor = monitor
        self._grading = grading
        self._ready: deque[Request] = deque()
        self._open = 0
        self._regrading = 0

    @property
    def is_finished(self) -> bool:
        """Whether every problem has been opened and closed again."""
        return self.is_exhausted and not self._open

    def next(self) -> Request | None:
        """The next request: of problems begun before of new ones."""
        while not self._ready:
            if self.is_exhausted or self._regrading >= MOST_REGRADED:
                return None
            prepared = next(self._problems, None)
            if prepared is None:
                self.is_exhausted = True
                return None
            self._begin(prepared)
        return self._ready.popleft()

    def reply(self, ticket: Ticket, request: Request, reply: Reply) -> None:
        """Write a reply down and see what the problem wants next."""
        self._write(ticket, request, reply)

    def refused(self, ticket: Ticket, request: Request, failure: Failure) -> None:
        """Write a permanent refusal down, with what came of the reply."""
        self._write(ticket, request, kept_of(failure), failure)

    def given_up(self, ticket: Ticket, failure: Failure) -> None:
        """Leave a sample for a later session."""
        self._monitor.given_up[failure.state] += 1
        self._settled(ticket.problem)

    def close(self) -> None:
        """Close the journal, if it was opened."""
        if self.sink is not None:
            self.sink.close()
            self.sink = None

    def _begin(self, prepared: PreparedProblem) -> None:
        earlier = self._earlier.pop(prepared.problem.id, None)
        have = earlier.places if earlier is not None else {}
        if all(index in have for index in range(self._settings.most(prepared))):
            return  # finished by an earlier session or never to be asked, and counted by the inventory
        problem = OpenProblem(self._settings.ask(prepared), self._monitor.open_problem())
        self._open += 1
        if earlier is None:
            self._advance(problem)
        elif self._settings.needs_verdicts(prepared):
            self._regrade(problem, list(earlier.read(prepared.problem)))
        else:
            problem.verdicts.update(dict.fromkeys(earlier.places))
            self._advance(problem)

    def _regrade(self, problem: OpenProblem, traces: list[Trace]) -> None:
        """Correctness the traces of earlier sessions again: verdicts are never stored with what was paid for."""
        self._regrading += 1
        problem.pending += len(traces)
        problem.asked.update(trace.index for trace in traces)
        left = len(traces)

        def graded(index: int, *, verdict: bool | None) -> None:
            nonlocal left
            left -= 1
            if not left:
                self._regrading -= 1
            self._graded(problem, index, verdict=verdict)

        for trace in traces:
            problem.said.take(read_completion(trace).text)
            self._ask(trace, partial(graded, trace.index))

    def _advance(self, problem: OpenProblem) -> None:
        """Request what a problem wants by its verdicts, or close it when it has everything."""
        wanted = range(self._settings.wanted(problem.asking.prepared, problem.verdicts))
        missing = [index for index in wanted if index not in problem.verdicts]
        if not missing:
            self._open -= 1
            self._monitor.problems_done += 1
            units = 1 if self._settings.config.sampling.is_adaptive else len(problem.asked)
            self._monitor.forecaster.finished(problem.order, units, problem.amount)
            return
        for index in missing:
            if index not in problem.asked:
                problem.asked.add(index)
                problem.pending += 1
                self._request(problem, index)
        if not problem.pending:  # what is missing failed for good in this session
            self._open -= 1
            self._monitor.forecaster.finished(problem.order, 0, problem.amount)

    def _request(self, problem: OpenProblem, index: int) -> None:
        if self.sink is None:
            self.sink = self._open_sink()
        seed = self._settings.identity.seed_of(problem.asking.prepared.problem.id, index)
        self._ready.append(Request(problem.asking.messages, seed, Ticket(self, problem, index)))

    def _write(self, ticket: Ticket, request: Request, reply: Reply, refusal: Failure | None = None) -> None:
        problem = ticket.problem
        parameters = self._settings.dialect.body(request.seed)
        trace = self._settings.trace(problem.asking, ticket.sample, parameters, reply, cost=request, refusal=refusal)
        assert self.sink is not None, "a request is made only once the journal is open"
        self.sink.append(trace)
        try:
            problem.amount += self._monitor.note_trace(trace, problem.said, problem.asking.prepared.language)
        finally:
            if self._settings.needs_verdicts(problem.asking.prepared):
                self._ask(trace, partial(self._graded_new, problem, ticket.sample))
            else:
                self._graded(problem, ticket.sample, verdict=None)

    def _ask(self, trace: Trace, answer: OnVerdict) -> None:
        assert self._grading is not None, "adaptive sampling grades"
        self._grading.ask(trace, answer)

    def _graded_new(self, problem: OpenProblem, index: int, *, verdict: bool | None) -> None:
        self._monitor.note_verdict(verdict=verdict)
        self._graded(problem, index, verdict=verdict)

    def _graded(self, problem: OpenProblem, index: int, *, verdict: bool | None) -> None:
        problem.verdicts[index] = verdict
        self._settled(problem)

    def _settled(self, problem: OpenProblem) -> None:
        """One thing less is pending; the rule looks again when nothing is, since it needs all verdicts anyway."""
        problem.pending -= 1
        if not problem.pending:
            self._advance(problem)


class RunSource:
    """All shards, one after another; the next is begun when the last has no new request, so that windows stay full."""

    def __init__(self, shards: Iterator[ShardSource], grading: BackgroundGrading | None) -> None:
        """Shards are opened as they are needed."""
        self.active: list[ShardSource] = []
        self.finished: list[ShardSource] = []
        """Shards whose journals nobody has closed yet: that may take as long as their storage is away, and what is in
        flight is not to wait for it."""
        self._shards = shards
        self._grading = grading
        self._is_last = False

    def next(self) -> Request | None:
        """The next request, of older shards before newer ones; none while grading is far behind."""
        self._check_grading()
        if self._grading is not None and self._grading.waiting >= MOST_UNGRADED:
            return None
        for shard in self.active:
            request = shard.next()
            if request is not None:
                return request
        self._let_go_of_finished()
        while not self._is_last and all(shard.is_exhausted for shard in self.active):
            new = next(self._shards, None)
            if new is None:
                self._is_last = True
                return None
            self.active.append(new)
            request = new.next()
            if request is not None:
                return request
            self._let_go_of_finished()
        return None

    def is_waiting(self) -> bool:
        """Whether verdicts are being worked out."""
        self._check_grading()
        return self._grading is not None and self._grading.waiting > 0

    def reply(self, request: Request, reply: Reply) -> None:
        """A request has its reply."""
        ticket: Ticket = request.tag
        ticket.shard.reply(ticket, request, reply)

    def refused(self, request: Request, failure: Failure) -> None:
        """A request was refused for good."""
        ticket: Ticket = request.tag
        ticket.shard.refused(ticket, request, failure)

    def given_up(self, request: Request, failure: Failure) -> None:
        """A request failed as often as it may in this session."""
        ticket: Ticket = request.tag
        ticket.shard.given_up(ticket, failure)

    def close(self) -> None:
        """Close every journal."""
        for shard in [*self.finished, *self.active]:
            shard.close()

    def _let_go_of_finished(self) -> None:
        self.finished += [shard for shard in self.active if shard.is_finished and shard.sink is not None]
        self.active = [shard for shard in self.active if not shard.is_finished]

    def _check_grading(self) -> None:
        if self._grading is not None and self._grading.crash is not None:
            raise self._grading.crash
