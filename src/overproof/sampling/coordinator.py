"""What the sessions of one run share when several processes sample it: budget, ceilings, troubles and progress.

One ledger lies in a process of its own. Each worker meets it twice a second, tells how it stands and takes its share of
the concurrency and of the rates; shares never add up to more than the whole. Reservations against a cap are made one
by one, so that the cap holds to the token. Knows nothing of the cluster it is on.
"""

from __future__ import annotations

import time

import msgspec

from overproof.config.endpoint import BudgetConfig
from overproof.records import Usage
from overproof.sampling.progress import Progress
from overproof.teacher.budget import Amount, Answer, Budget, add_usage

SILENT_SECONDS = 15.0
"""A worker that has not been heard of for so long gives its share of the ceilings back."""


class Standing(msgspec.Struct, frozen=True):
    """How one worker stands."""

    progress: Progress
    is_starved: bool
    """Whether it has nothing more to start."""
    troubles: dict[str, str]
    """Endpoints that cannot serve the run, with the reason."""
    pauses: dict[str, float]
    """Seconds that endpoints still want to be left alone."""


class Share(msgspec.Struct, frozen=True):
    """What one worker is to know and may take until it comes again."""

    fraction: float
    """Of the concurrency and of every ceiling."""
    spent: Amount
    """By the whole run."""
    is_stopped: bool
    patience: float | None
    """Once stopped: seconds that what is in flight is still waited for; None for as long as it takes."""
    troubles: dict[str, str]
    pauses: dict[str, float]


class View(msgspec.Struct, frozen=True):
    """The whole as the driver shows it."""

    progress: Progress
    notices: list[str]
    """News since the last view."""
    is_stopped: bool
    """Whether nothing more is to be begun."""
    starved: int
    """Workers that have nothing more to start and wait for what is in flight."""


class _WorkerProgress(msgspec.Struct):
    shard: int
    first: Progress
    latest: Progress
    heard_at: float
    told: float = 0.0
    """The fraction that it was last told."""
    fraction: float = 0.0
    """The most that it may come to hold before it is told another."""
    is_starved: bool = False
    reserved: Amount = Amount()


class Ledger:
    """Kept by one process for all workers of a run."""

    def __init__(self, config: BudgetConfig, concurrency: int, whole: Progress) -> None:
        """`whole` is how the run stands before any worker has begun."""
        self._budget = Budget(config, whole.spent)
        self._concurrency = concurrency
        self._whole = whole
        self._workers: dict[str, _WorkerProgress] = {}
        self._ended = msgspec.structs.replace(whole, problems_done=0, samples_done=0, samples=0)
        self._troubles: dict[str, str] = {}
        self._paused_until: dict[str, float] = {}
        self._notices: list[str] = []
        self._is_stopped = False
        self._leave_at: float | None = None
        self._began = time.monotonic()

    def meet(self, name: str, shard: int, standing: Standing) -> Share:
        """Take a worker's standing; the first time it joins, in place of any earlier worker of its shard."""
        now = time.monotonic()
        worker = self._workers.get(name)
        if worker is None:
            self.forget(shard)
            worker = self._workers[name] = _WorkerProgress(shard, standing.progress, standing.progress, now)
        worker.latest, worker.is_starved, worker.heard_at = standing.progress, standing.is_starved, now
        for endpoint, trouble in standing.troubles.items():
            self._troubles.setdefault(endpoint, trouble)
        for endpoint, seconds in standing.pauses.items():
            self._paused_until[endpoint] = max(self._paused_until.get(endpoint, 0.0), now + seconds)
        fraction = self._fraction_of(worker, now)
        pauses = {endpoint: until - now for endpoint, until in self._paused_until.items() if until > now}
        patience = None if self._leave_at is None else max(self._leave_at - now, 0.0)
        return Share(fraction, self._budget.spent, self._is_stopped, patience, self._troubles, pauses)

    def leave(self, name: str, end: Progress | None = None) -> None:
        """A worker has ended well. `end` is where it stood then, if it told: later than when it last met the ledger."""
        worker = self._workers.pop(name, None)
        if worker is not None:
            worker.latest = end or worker.latest
            self._budget.settle(worker.reserved, Amount())
            self._ended = _add(self._ended, worker)

    def forget(self, shard: int) -> None:
        """The worker of a shard has died. What it had in flight may be billed, so the worst of it counts as spent."""
        for name, worker in list(self._workers.items()):
            if worker.shard == shard:
                del self._workers[name]
                self._budget.settle(worker.reserved, worker.reserved)

    def reserve(self, name: str, amount: Amount) -> Answer:
        """Set an amount aside. A worker that was given up for dead is stopped: another has its shard."""
        worker = self._workers.get(name)
        if worker is None or self._is_stopped:
            return "stopped"
        answer = self._budget.answer(amount)
        if answer == "yes":
            worker.reserved += amount
        return answer

    def settle(self, name: str, reserved: Amount, charged: Amount) -> None:
        """Give a reservation back and charge what was used; nothing for a worker that was given up and charged."""
        worker = self._workers.get(name)
        if worker is not None:
            worker.reserved -= reserved
            self._budget.settle(reserved, charged)

    def notify(self, text: str) -> None:
        """Tell people something, once however many workers say it."""
        if text not in self._notices:
            self._notices.append(text)

    def stop(self, within: float | None = None) -> None:
        """Have every worker end after what it has in flight, and leave what has not ended in so many seconds."""
        self._is_stopped = True
        if within is not None:
            self._leave_at = time.monotonic() + within

    def view(self) -> View:
        """Everything together."""
        notices, self._notices = self._notices, []
        total = self._ended
        for worker in self._workers.values():
            total = _add(total, worker)
        whole, spent = self._whole, self._budget.spent
        progress = msgspec.structs.replace(
            total,
            problems_done=whole.problems_done + total.problems_done,
            samples=max(whole.samples + total.samples, whole.samples_done + total.samples_done),
            samples_done=whole.samples_done + total.samples_done,
            in_flight=sum(worker.latest.in_flight for worker in self._workers.values()),
            window=sum(worker.latest.window for worker in self._workers.values()),
            samples_per_second=sum(worker.latest.samples_per_second for worker in self._workers.values()),
            tokens_per_second=sum(worker.latest.tokens_per_second for worker in self._workers.values()),
            spent=spent,
            seconds=time.monotonic() - self._began,
        )
        return View(progress, notices, self._is_stopped, sum(one.is_starved for one in self._workers.values()))

    def _fraction_of(self, worker: _WorkerProgress, now: float) -> float:
        """An equal part of what is not held by workers that have nothing more to start, as far as it is free.

        What is in flight beyond it is still the worker's own until it has ended, and nobody else's. So is what it was
        told before, which it may start while this answer is on its way: others get that when it comes again.
        """
        for other in self._workers.values():
            if now - other.heard_at > SILENT_SECONDS:
                other.told = other.fraction = 0.0
        others = [other for other in self._workers.values() if other is not worker]
        free = max(1.0 - sum(other.fraction for other in others), 0.0)
        in_use = worker.latest.in_flight / self._concurrency
        holds = max(in_use, worker.told)
        if worker.is_starved:
            worker.told = in_use
        else:
            hungry = 1 + sum(not other.is_starved and now - other.heard_at <= SILENT_SECONDS for other in others)
            held = sum(other.fraction for other in others if other.is_starved)
            worker.told = max(min((1.0 - held) / hungry, free), 0.0)
        worker.fraction = max(worker.told, min(holds, free))
        return worker.told


def _add(total: Progress, worker: _WorkerProgress) -> Progress:
    """The sum with what a worker has brought since it joined."""
    first, latest = worker.first, worker.latest
    failures = {
        state: total.failures.get(state, 0) + latest.failures.get(state, 0)
        for state in {**total.failures, **latest.failures}
    }
    return msgspec.structs.replace(
        total,
        problems_done=total.problems_done + latest.problems_done - first.problems_done,
        samples=total.samples + latest.samples - first.samples,
        samples_done=total.samples_done + latest.samples_done - first.samples_done,
        samples_new=total.samples_new + latest.samples_new,
        usage=add_usage((total.usage, latest.usage)),
        failures=failures,
        correct=total.correct + latest.correct,
        graded=total.graded + latest.graded,
    )


def standing_start(problems: int, problems_done: int, samples: int, samples_done: int, spent: Amount) -> Progress:
    """How a run stands before anything is begun."""
    return Progress(
        problems=problems,
        problems_done=problems_done,
        samples=samples,
        samples_done=samples_done,
        samples_new=0,
        in_flight=0,
        window=0,
        usage=Usage(),
        spent=spent,
        seconds=0.0,
        samples_per_second=0.0,
        tokens_per_second=0.0,
        failures={},
    )
