"""One session of sampling: some shards' problems against one teacher, told as it goes and summed up at its end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Literal, Protocol

import msgspec

from overproof.journal import Sink
from overproof.records import Usage
from overproof.runfolder import RunFolder
from overproof.sampling.background import BackgroundGrading
from overproof.sampling.inventory import Inventory
from overproof.sampling.monitor import Monitor
from overproof.sampling.opening import Inspect, Opening
from overproof.sampling.progress import Forecast, Listener, Notice, Progress
from overproof.sampling.requests import RunSource, ShardSource
from overproof.sampling.settings import Settings
from overproof.stopping import GRACE_SECONDS
from overproof.teacher import Teacher
from overproof.teacher.advice import close
from overproof.teacher.budget import Amount, Prices, Purse, show_spent
from overproof.teacher.dispatch import Dispatch
from overproof.teacher.interrupts import interruptible

TICK_SECONDS = 0.5
FLUSH_SECONDS = 4.0
"""How often what was written is put where not even a power cut undoes it, or where it outlives this machine: so often
that with the writing itself it takes no more than five seconds."""


class SamplingSummary(msgspec.Struct, frozen=True):
    """What a session of sampling has done, and how it ended."""

    ended: Literal["finished", "budget"]
    """Whether nothing is missing but what failed, or a cap was reached."""
    problems: int
    problems_done: int
    samples: int
    """Samples in the journal for the problems of this run."""
    samples_new: int
    """Of these, sampled in this session."""
    complete: int
    """Replies of this session that ended by themselves."""
    cut: int
    """Replies of this session cut by length."""
    refused: dict[str, int]
    """Permanent refusals of this session by name."""
    given_up: dict[str, int]
    """Samples that failed too often in this session, by their last failure; the same command tries them again."""
    failures: dict[str, int]
    """Failed attempts of this session by state."""
    marks: dict[str, int]
    """Oddities of this session's replies by name (`Trace.marks`)."""
    usage: Usage
    """Tokens of this session."""
    spent: Amount
    """Charged to the budget over all sessions."""
    currency: str
    seconds: float
    forecast: Forecast | None
    alarms: list[str]

    def headline(self) -> str:
        """The first line of a run's summary: how sampling ended, and whether anything is missing."""
        done = f"{self.problems_done:,} of {self.problems:,} problems have all their traces"
        spent = show_spent(self.spent, self.currency)
        if self.ended == "budget":
            return f"Stopped at the budget ({spent} spent): {done}; what follows rests on what was bought."
        if self.given_up:
            reasons = ", ".join(f"{state} {count}" for state, count in sorted(self.given_up.items()))
            return f"{sum(self.given_up.values()):,} samples failed ({reasons}): {done}. Run again to try them again."
        refused = f", {sum(self.refused.values()):,} of them refusals" if self.refused else ""
        return f"{self.samples:,} traces of {self.problems:,} problems{refused} ({spent})."


def _tell_refusal(refusal: tuple[str, str]) -> str:
    state, words = refusal
    return f"Refused for good ({state}): {close(words)} `overproof sample --retry refused` asks these again."


class Partner(Protocol):
    """Speaks for all who sample the same run at the same time in other processes."""

    async def meet(self, dispatch: Dispatch, progress: Progress) -> None:
        """Tell how this session stands, and act on how the others do: before the first request, then twice a second."""


class Session:
    """One run of `sample`: its counts, its listener and its end. Belongs to the running event loop."""

    def __init__(
        self,
        settings: Settings,
        found: Inventory,
        purse: Purse,
        listener: Listener | None,
        inspect: Inspect | None = None,
    ) -> None:
        self.settings = settings
        self.found = found
        self.purse = purse
        self.listener = listener
        self.grading: BackgroundGrading | None = None
        self.partner: Partner | None = None
        self.grace = GRACE_SECONDS
        """From SIGTERM to the end, in seconds."""
        self.changed = asyncio.Event()
        self.prices = Prices(settings.config.budget)
        sampling = settings.config.sampling
        self.opening = Opening(inspect, settings.config.teacher, sampling.first_replies)
        self.monitor = Monitor(
            self.prices,
            self.tell,
            require_reasoning=sampling.require_reasoning,
            require_model=sampling.require_model,
            opening=self.opening,
        )

    def tell(self, event: Progress | Notice) -> None:
        """Tell whoever listens."""
        if self.listener is not None:
            self.listener(event)

    def open_source(self, folder: RunFolder, shards: Sequence[int], open_sink: Callable[[int], Sink]) -> RunSource:
        """The shards one after another; each one's journal is let go of when its turn has come."""
        journals = deque(self.found.journals)
        self.found.journals.clear()

        def sources() -> Iterator[ShardSource]:
            for shard in shards:
                yield ShardSource(
                    self.settings,
                    folder.read_problems(shard),
                    journals.popleft(),
                    open_sink=partial(open_sink, shard),
                    monitor=self.monitor,
                    grading=self.grading,
                )

        return RunSource(sources(), self.grading)

    def close(self, source: RunSource) -> None:
        """Close every journal and let grading go."""
        source.close()
        if self.grading is not None:
            self.grading.close()

    async def run(self, teacher: Teacher, source: RunSource) -> SamplingSummary:
        """Sample until nothing is missing or the budget is used up. Raises like `sample`."""
        dispatch = Dispatch(
            teacher,
            source,
            purse=self.purse,
            prices=self.prices,
            changed=self.changed,
            notice=lambda text: self.tell(Notice(text)),
        )
        await self._show(dispatch)
        beside = [asyncio.create_task(self._tick(dispatch)), asyncio.create_task(self._flush(source))]
        for task in beside:
            task.add_done_callback(lambda task: None if task.cancelled() else dispatch.fail(task.exception()))
        try:
            with self._interruptible(dispatch):
                await dispatch.run()
                self.opening.end()
        finally:
            for task in beside:
                task.cancel()
            self.tell(self.progress(dispatch))
        return self.summary("budget" if dispatch.is_capped else "finished", dispatch)

    def progress(self, dispatch: Dispatch) -> Progress:
        """Where the session stands."""
        monitor, found, spent = self.monitor, self.found, self.purse.spent
        samples_per_second, tokens_per_second = monitor.rates()
        return Progress(
            problems=found.outlook.problems,
            problems_done=found.outlook.problems_done + monitor.problems_done,
            samples=max(found.samples, found.samples_done + monitor.samples),
            samples_done=found.samples_done + monitor.samples,
            samples_new=monitor.samples,
            in_flight=dispatch.in_flight,
            window=dispatch.window,
            usage=monitor.usage,
            spent=spent,
            seconds=time.monotonic() - monitor.began,
            samples_per_second=samples_per_second,
            tokens_per_second=tokens_per_second,
            failures=dict(dispatch.failures),
            correct=monitor.correct,
            graded=monitor.graded,
            forecast=self.forecast(),
        )

    def forecast(self) -> Forecast | None:
        """What the whole run will come to."""
        out = self.found.outlook
        is_adaptive = self.settings.config.sampling.is_adaptive
        units = out.problems - out.problems_done if is_adaptive else out.requests_least
        return self.monitor.forecaster.forecast(out.spent, units)

    def summary(self, ended: Literal["finished", "budget"], dispatch: Dispatch | None = None) -> SamplingSummary:
        """What the session came to."""
        monitor, found = self.monitor, self.found
        return SamplingSummary(
            ended=ended,
            problems=found.outlook.problems,
            problems_done=found.outlook.problems_done + monitor.problems_done,
            samples=found.samples_done + monitor.samples,
            samples_new=monitor.samples,
            complete=monitor.complete,
            cut=monitor.cut,
            refused=dict(monitor.refused),
            given_up=dict(monitor.given_up),
            failures=dict(dispatch.failures) if dispatch is not None else {},
            marks=dict(monitor.marks),
            usage=monitor.usage,
            spent=self.purse.spent,
            currency=self.settings.config.budget.currency,
            seconds=time.monotonic() - monitor.began,
            forecast=self.forecast(),
            alarms=[*monitor.alarms, *map(_tell_refusal, monitor.refusals.items())],
        )

    async def _tick(self, dispatch: Dispatch) -> None:
        """Tell how it goes."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            await self._show(dispatch)

    async def _show(self, dispatch: Dispatch) -> None:
        progress = self.progress(dispatch)
        self.tell(progress)
        if self.partner is not None:
            await self.partner.meet(dispatch, progress)

    async def _flush(self, source: RunSource) -> None:
        """Now and then put what was written where it is safe; storage that fails for a while holds up nothing else."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            for shard in list(source.active):
                if shard.sink is not None:
                    await asyncio.to_thread(shard.sink.flush)
            while source.finished:
                await asyncio.to_thread(source.finished[0].close)
                source.finished.pop(0)

    def _interruptible(self, dispatch: Dispatch) -> contextlib.AbstractContextManager[None]:
        """Where others sample beside this session, its driver hears the signals, and they come through the partner."""
        if self.partner is not None:
            return contextlib.nullcontext()
        return interruptible(dispatch, lambda text: self.tell(Notice(text)), self.grace)
