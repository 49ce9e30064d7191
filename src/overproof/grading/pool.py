"""Worker processes that can be killed: limits on processor time and memory, a wide wall clock, replacement at once.

A worker is `python -m overproof.grading.worker`, as `spawning` starts one. No signal is handled and none is sent but
the kill. Workers are started when first needed, shared by all threads, and end with the process that started them.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from overproof.grading.protocol import KILLED, LENGTH, READY, Answer, Task, frame
from overproof.spawning import spawn

TIMEOUT_SECONDS = 2.0
"""Processor time for one task; a worker's start is not counted."""
BACKSTOP_SECONDS = 120.0
"""Wall clock for one task on top of its processor time, for a machine so loaded, or a worker so stuck, that the limit
on processor time is never reached. What it ends is marked, as it depends on the machine."""
MEMORY_BYTES = 1 << 30
"""Address space of one worker."""
TASKS_PER_WORKER = 20_000
"""A worker is replaced after this many tasks, before SymPy's caches grow large."""
START_TRIES = 5
"""How many workers in a row may die before a chunk has reached one."""
START_SECONDS = 600.0
"""How long a worker may take to load its libraries: as wide as a machine may be loaded, for it is no fault of a row."""
WORKERS_VARIABLE = "OVERPROOF_GRADING_WORKERS"
"""Environment variable that bounds the workers of a process which is itself one of many, each busy with a shard."""
MAX_WORKERS = max(4, 2 * (os.cpu_count() or 1))
"""How many workers are at work at once, whatever the number of threads that grade; more threads wait their turn."""
MAX_IDLE = max(4, os.cpu_count() or 1)
"""How many workers are kept when there is nothing to do."""
CHUNK = 4
"""How many tasks travel ahead to one worker; each still has a deadline of its own."""

_LATE = "the machine left the verifier no time to decide; grade again"
_DIED = "verifier died twice over this answer, the second time alone with it (memory or crash: {})"
_BY_HAND = "python -m overproof.grading.worker 1073741824 1 </dev/null"


class WorkerStartError(RuntimeError):
    """A worker process did not come up; the message holds what it printed."""


class Worker:
    """One worker process and the two pipes to it."""

    def __init__(self) -> None:
        """Start the process; it is usable once `wait_ready` has returned."""
        arguments = str(MEMORY_BYTES), str(TASKS_PER_WORKER)
        started = spawn("overproof.grading.worker", *arguments, is_quiet=True)
        self.process, self.sink, self.source = started
        os.set_blocking(self.sink.fileno(), False)
        self.outgoing = bytearray()
        self.received = bytearray()
        self.left = TASKS_PER_WORKER
        self.is_ready = False

    def wait_ready(self) -> bool:
        """Wait until the libraries are loaded; False when the process has died. Raises WorkerStartError if it hangs."""
        if not self.is_ready:
            deadline = time.monotonic() + START_SECONDS
            self.is_ready = self.receive(deadline) == READY
            if time.monotonic() >= deadline:
                self.kill()
                raise WorkerStartError(
                    f"a grading worker has not started within {START_SECONDS:.0f} s; try: {_BY_HAND}"
                )
        return self.is_ready

    def send(self, tasks: Sequence[Task]) -> bool:
        """Queue tasks and send what the pipe takes at once; False when the process is gone. Never waits."""
        self.outgoing += b"".join(frame(msgspec.json.encode(task)) for task in tasks)
        self.left -= len(tasks)
        return self.push()

    def push(self) -> bool:
        """Send what the pipe takes of what is queued; False when the process is gone."""
        try:
            while self.outgoing:
                del self.outgoing[: os.write(self.sink.fileno(), self.outgoing)]
        except BlockingIOError:
            return True  # the rest goes when there is room
        except OSError:
            return False
        return True

    def receive(self, deadline: float) -> bytes | None:
        """The next message; None when the process is gone or the deadline has passed."""
        while (message := self.buffered()) is None:
            remaining = deadline - time.monotonic()
            if remaining <= 0 or not _ready([self.source.fileno()], [], remaining) or not self.fill():
                return None
        return message

    def fill(self) -> bool:
        """Take what the pipe holds; False at its end."""
        data = os.read(self.source.fileno(), 1 << 16)
        self.received += data
        return bool(data)

    def buffered(self) -> bytes | None:
        """A whole message that has already arrived, if there is one."""
        if len(self.received) < LENGTH.size:
            return None
        size = LENGTH.unpack_from(self.received)[0] + LENGTH.size
        if len(self.received) < size:
            return None
        message = bytes(self.received[LENGTH.size : size])
        del self.received[:size]
        return message

    def kill(self) -> None:
        """End the process and close the pipes."""
        self.process.kill()
        with contextlib.suppress(OSError):  # what was still buffered has nowhere to go
            self.sink.close()
        self.source.close()
        self.process.wait()


def _ready(reading: Iterable[int], writing: Iterable[int], seconds: float) -> set[int]:
    """Which descriptors can be read or written without waiting, after at most so many seconds."""
    poll = select.poll()
    for descriptor in reading:
        poll.register(descriptor, select.POLLIN | select.POLLHUP)
    for descriptor in writing:
        poll.register(descriptor, select.POLLOUT)
    return {descriptor for descriptor, _ in poll.poll(max(0, int(seconds * 1000) + 1))}


def _name_ending(status: int) -> str:
    """How a process has ended, by the name of its signal where one ended it."""
    return signal.Signals(-status).name if -status in {*signal.Signals} else f"exit status {status}"


def most_workers() -> int:
    """How many workers this process may have at work at once."""
    return int(os.environ.get(WORKERS_VARIABLE) or MAX_WORKERS)


class Pool:
    """Idle workers, kept for the next task. Safe to use from any thread."""

    def __init__(self) -> None:
        """An empty pool; nothing is started."""
        self.idle: list[Worker] = []
        self.lock = threading.Lock()
        self.places = threading.Semaphore(most_workers())

    def reserve(self, *, wait: bool) -> bool:
        """Reserve the place of one worker at work; without `wait`, False when all are taken."""
        return self.places.acquire(blocking=wait)

    def take(self) -> Worker:
        """An idle worker for a reserved place, ready if there is one, or a new one. Another is started as a spare."""
        with self.lock:
            worker = next((worker for worker in reversed(self.idle) if worker.is_ready), None)
            worker = worker or (self.idle[-1] if self.idle else None)
            if worker is not None:
                self.idle.remove(worker)
        worker = worker or Worker()
        self.keep_spare()
        return worker

    def keep_spare(self) -> None:
        """Start a worker when none is idle, so that it has its libraries loaded when one must be replaced."""
        with self.lock:
            if not self.idle:
                self.idle.append(Worker())

    def give(self, worker: Worker) -> None:
        """Take a worker back with its place; it is ended when it is used up or enough are idle."""
        self.places.release()
        if worker.left <= 0 or worker.received or worker.outgoing:
            worker.kill()
            return
        with self.lock:
            is_full = len(self.idle) >= MAX_IDLE
            if not is_full:
                self.idle.append(worker)
        if is_full:
            worker.kill()

    def run(self, task: Task, timeout_seconds: float = TIMEOUT_SECONDS) -> Answer:
        """The answer to one task, within the time it has. Raises WorkerStartError."""
        ((_, answer),) = self.run_many([task], workers=1, timeout_seconds=timeout_seconds)
        return answer

    def run_many(
        self, tasks: Iterable[Task], *, workers: int, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> Iterator[tuple[int, Answer]]:
        """Answers with their task's number, as they come. Raises WorkerStartError."""
        crew = _Crew(self, tasks, workers, timeout_seconds)
        try:
            yield from crew.answers()
        finally:
            crew.disband()

    def close(self) -> None:
        """End all idle workers."""
        with self.lock:
            workers, self.idle = self.idle, []
        for worker in workers:
            worker.kill()

    def forget(self) -> None:
        """Leave the workers to the process they belong to; called in a forked child."""
        for worker in self.idle:
            worker.process.returncode = 0  # they are not our children: nothing to wait for
        self.idle = []
        self.lock = threading.Lock()
        self.places = threading.Semaphore(most_workers())


class _Assignment(msgspec.Struct):
    """What one worker is doing: the tasks it was sent, in order, and when the wall clock ends the first of them."""

    worker: Worker
    tasks: list[tuple[int, Task]]
    deadline: float


class _Crew:
    """The workers of one call: hands out chunks, restarts the clock at each answer, replaces what dies."""

    def __init__(self, pool: Pool, tasks: Iterable[Task], workers: int, timeout_seconds: float) -> None:
        self.pool = pool
        self.waiting = enumerate(tasks)
        self.returned: list[tuple[int, Task]] = []
        self.size = workers
        self.timeout_seconds = timeout_seconds
        self.at_work: dict[int, _Assignment] = {}
        self.died_once: set[int] = set()
        """Tasks over which a worker has died, each of which is asked once more and by itself."""

    def answers(self) -> Iterator[tuple[int, Answer]]:
        for _ in range(self.size):
            if not self.employ(None):
                break
        while self.at_work:
            soonest = min(assignment.deadline for assignment in self.at_work.values())
            full = [work.worker.sink.fileno() for work in self.at_work.values() if work.worker.outgoing]
            ready = _ready(self.at_work, full, max(0.0, soonest - time.monotonic()))
            now = time.monotonic()
            for descriptor, assignment in list(self.at_work.items()):
                if assignment.worker.sink.fileno() in ready:
                    assignment.worker.push()
                if descriptor in ready:
                    yield from self.collect(descriptor, assignment)
                elif now >= assignment.deadline:
                    yield self.give_up(descriptor, assignment, Answer(None, _LATE, late=True))

    def employ(self, worker: Worker | None) -> bool:
        """Give a worker (an idle or new one, for None) its next chunk; False when nothing is left to do."""
        chunk = self.next_chunk(CHUNK)
        if not chunk:
            if worker is not None:
                self.pool.give(worker)
            return False
        if worker is None and not self.pool.reserve(wait=not self.at_work):
            self.returned = chunk + self.returned
            return False
        try:
            self.assign(worker, chunk)
        except WorkerStartError:
            self.pool.places.release()
            raise
        return True

    def assign(self, worker: Worker | None, chunk: list[tuple[int, Task]]) -> None:
        """Send a chunk to a worker; one that turns out to be dead is replaced. Raises WorkerStartError."""
        for _ in range(START_TRIES):
            worker = self.usable(worker)
            sent = chunk[: worker.left]
            if worker.wait_ready() and self.send(worker, sent):
                self.returned = chunk[len(sent) :] + self.returned
                self.at_work[worker.source.fileno()] = _Assignment(worker, sent, self.new_deadline())
                return
            worker.kill()
            worker = None
        raise WorkerStartError(f"grading workers end as soon as they start: out of memory? Try: {_BY_HAND}")

    def new_deadline(self) -> float:
        """When the wall clock ends the task that a worker begins now."""
        return time.monotonic() + self.timeout_seconds + BACKSTOP_SECONDS

    def usable(self, worker: Worker | None) -> Worker:
        """A worker that has tasks left: the one given, an idle one, or a new one."""
        while worker is None or worker.left <= 0:
            if worker is not None:
                worker.kill()
            worker = self.pool.take()
        return worker

    def next_chunk(self, size: int) -> list[tuple[int, Task]]:
        """The next tasks for one worker; one over which another has died comes alone."""
        chunk: list[tuple[int, Task]] = []
        while self.returned and len(chunk) < size:
            is_alone = self.returned[0][0] in self.died_once
            if not (is_alone and chunk):
                chunk.append(self.returned.pop(0))
            if is_alone:
                return chunk
        for entry in self.waiting if len(chunk) < size else ():
            chunk.append(entry)
            if len(chunk) == size:
                break
        return chunk

    def collect(self, descriptor: int, assignment: _Assignment) -> Iterator[tuple[int, Answer]]:
        """The answers that have arrived from one worker."""
        worker = assignment.worker
        if not worker.fill():
            yield from self.bury(descriptor, assignment)
            return
        while assignment.tasks and (message := worker.buffered()) is not None:
            number, _ = assignment.tasks.pop(0)
            assignment.deadline = self.new_deadline()
            yield number, msgspec.json.decode(message, type=Answer)
        if not assignment.tasks:
            del self.at_work[descriptor]
            self.employ(worker)
        elif len(assignment.tasks) <= CHUNK // 2:
            self.top_up(assignment)

    def top_up(self, assignment: _Assignment) -> None:
        """Send more tasks before the last ones are done, so that the worker never waits."""
        chunk = self.next_chunk(min(CHUNK // 2, assignment.worker.left))
        assignment.tasks += chunk
        self.send(assignment.worker, chunk)

    def send(self, worker: Worker, chunk: list[tuple[int, Task]]) -> bool:
        """Send tasks with the time that each has; False when the worker is gone."""
        return worker.send([msgspec.structs.replace(task, seconds=self.timeout_seconds) for _, task in chunk])

    def bury(self, descriptor: int, assignment: _Assignment) -> Iterator[tuple[int, Answer]]:
        """Go on after a worker that has ended by itself.

        A death may be the machine's doing, or come of what earlier tasks left behind, so the first is no answer yet.
        """
        ending = assignment.worker.process.wait()
        number, _ = assignment.tasks[0]
        if ending == -signal.SIGPROF:
            reason = f"verifier timeout after {self.timeout_seconds:g} s"
            yield self.give_up(descriptor, assignment, Answer(None, reason))
        elif number not in self.died_once:
            self.died_once.add(number)
            self.replace(descriptor, assignment, assignment.tasks)
        else:
            is_kill = ending == -signal.SIGKILL  # no limit of ours ends a worker so
            answer = Answer(None, KILLED, late=True) if is_kill else Answer(None, _DIED.format(_name_ending(ending)))
            yield self.give_up(descriptor, assignment, answer)

    def give_up(self, descriptor: int, assignment: _Assignment, answer: Answer) -> tuple[int, Answer]:
        """Answer the task that a worker has in hand in its place, and start another for those it had not begun."""
        (number, _), *rest = assignment.tasks
        self.replace(descriptor, assignment, rest)
        return number, answer

    def replace(self, descriptor: int, assignment: _Assignment, kept: list[tuple[int, Task]]) -> None:
        """Kill a worker and start another one, for these of its tasks first."""
        del self.at_work[descriptor]
        assignment.worker.kill()
        self.pool.places.release()
        self.returned = kept + self.returned
        self.employ(None)

    def disband(self) -> None:
        """Kill what is still at work, when the caller stops listening."""
        for assignment in self.at_work.values():
            assignment.worker.kill()
            self.pool.places.release()
        self.at_work.clear()


POOL = Pool()
atexit.register(POOL.close)
os.register_at_fork(after_in_child=POOL.forget)
