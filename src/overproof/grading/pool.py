"""Worker processes that can be killed: one deadline a task, a memory limit, replacement at once.

Only this module starts and ends processes. A worker is `python -m overproof.grading.worker` at the other end of two
pipes, so nothing of the caller is re-run or inherited, whatever the caller is: an unguarded script, a notebook, a
thread, a daemonic process. No signal is handled and none is sent but the kill. Workers are started when first needed,
shared by all threads, and end with the process that started them.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from overproof.grading.protocol import LENGTH, READY, Answer, Task, frame

TIMEOUT_SECONDS = 2.0
"""Wall clock for one task."""
MEMORY_BYTES = 1 << 30
"""Address space of one worker."""
TASKS_PER_WORKER = 20_000
"""A worker is replaced after this many tasks, before SymPy's caches grow large."""
START_TRIES = 5
"""How many workers in a row may die before a chunk has reached one."""
START_SECONDS = 60.0
"""How long a worker may take to load its libraries, on a machine under load."""
MAX_IDLE = max(4, os.cpu_count() or 1)
"""How many workers are kept when there is nothing to do."""
CHUNK = 16
"""How many tasks travel ahead to one worker; each still has a deadline of its own."""


class WorkerStartError(RuntimeError):
    """A worker process did not come up; the message holds what it printed."""


class Worker:
    """One worker process and the two pipes to it."""

    def __init__(self) -> None:
        """Start the process; it is usable once `wait_ready` has returned."""
        package_root = str(Path(__file__).parents[2])
        path = os.pathsep.join([package_root, *filter(None, [os.environ.get("PYTHONPATH")])])
        command = [sys.executable, "-P", "-m", "overproof.grading.worker"]
        arguments = [str(MEMORY_BYTES), str(TASKS_PER_WORKER)]
        self.process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            [*command, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.sink, self.source = self.process.stdin, self.process.stdout
        self.received = bytearray()
        self.left = TASKS_PER_WORKER
        self.is_ready = False

    def wait_ready(self) -> None:
        """Wait until the libraries are loaded. Raises WorkerStartError."""
        if not self.is_ready:
            message = self.receive(time.monotonic() + START_SECONDS)
            if message != READY:
                self.kill()
                raise WorkerStartError(
                    "a grading worker did not start; try: python -m overproof.grading.worker 1073741824 1 </dev/null"
                )
            self.is_ready = True

    def send(self, tasks: Sequence[Task]) -> bool:
        """Send tasks; False when the process is gone. A full pipe only waits while the worker reads."""
        try:
            self.sink.write(b"".join(frame(msgspec.json.encode(task)) for task in tasks))
            self.sink.flush()
        except OSError:
            return False
        self.left -= len(tasks)
        return True

    def receive(self, deadline: float) -> bytes | None:
        """The next message; None when the process is gone or the deadline has passed."""
        while (message := self.buffered()) is None:
            remaining = deadline - time.monotonic()
            if remaining <= 0 or not _readable([self.source.fileno()], remaining) or not self.fill():
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


def _readable(descriptors: list[int], seconds: float) -> list[int]:
    """Which descriptors have something to read, after at most so many seconds."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN | select.POLLHUP)
    return [descriptor for descriptor, _ in poll.poll(max(0, int(seconds * 1000) + 1))]


class Pool:
    """Idle workers, kept for the next task. Safe to use from any thread."""

    def __init__(self) -> None:
        """An empty pool; nothing is started."""
        self.idle: list[Worker] = []
        self.lock = threading.Lock()

    def take(self) -> Worker:
        """An idle worker, ready if there is one, or a new one. A spare is started in place of the last idle one."""
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
        """Take a worker back, unless it is used up or enough are idle."""
        if worker.left <= 0 or worker.received:
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


class _Assignment(msgspec.Struct):
    """What one worker is doing: the tasks it was sent, in order, and when the first of them is due."""

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

    def answers(self) -> Iterator[tuple[int, Answer]]:
        for _ in range(self.size):
            if not self.employ(None):
                break
        while self.at_work:
            soonest = min(assignment.deadline for assignment in self.at_work.values())
            ready = _readable(list(self.at_work), max(0.0, soonest - time.monotonic()))
            now = time.monotonic()
            for descriptor, assignment in list(self.at_work.items()):
                if descriptor in ready:
                    yield from self.collect(descriptor, assignment)
                elif now >= assignment.deadline:
                    yield self.replace(descriptor, assignment, f"verifier timeout after {self.timeout_seconds:g} s")

    def employ(self, worker: Worker | None) -> bool:
        """Give a worker (an idle or new one, for None) its next chunk; False when nothing is left to do."""
        chunk = self.next_chunk(CHUNK)
        if not chunk:
            if worker is not None:
                self.pool.give(worker)
            return False
        for _ in range(START_TRIES):
            worker = self.usable(worker)
            sent = chunk[: worker.left]
            if worker.send([msgspec.structs.replace(task, seconds=self.timeout_seconds) for _, task in sent]):
                self.returned = chunk[len(sent) :] + self.returned
                deadline = time.monotonic() + self.timeout_seconds
                self.at_work[worker.source.fileno()] = _Assignment(worker, sent, deadline)
                return True
            worker.kill()
            worker = None
        raise WorkerStartError("grading workers end as soon as they start: is the machine out of memory?")

    def usable(self, worker: Worker | None) -> Worker:
        """A worker that is ready and has tasks left: the one given, an idle one, or a new one."""
        while worker is None or worker.left <= 0:
            if worker is not None:
                worker.kill()
            worker = self.pool.take()
        worker.wait_ready()
        return worker

    def next_chunk(self, size: int) -> list[tuple[int, Task]]:
        chunk = self.returned[:size]
        self.returned = self.returned[size:]
        for entry in self.waiting if len(chunk) < size else ():
            chunk.append(entry)
            if len(chunk) == size:
                break
        return chunk

    def collect(self, descriptor: int, assignment: _Assignment) -> Iterator[tuple[int, Answer]]:
        """The answers that have arrived from one worker."""
        worker = assignment.worker
        if not worker.fill():
            yield self.replace(descriptor, assignment, "verifier died (memory or crash)")
            return
        while assignment.tasks and (message := worker.buffered()) is not None:
            number, _ = assignment.tasks.pop(0)
            assignment.deadline = time.monotonic() + self.timeout_seconds
            yield number, msgspec.json.decode(message, type=Answer)
        if not assignment.tasks:
            del self.at_work[descriptor]
            self.employ(worker)

    def replace(self, descriptor: int, assignment: _Assignment, reason: str) -> tuple[int, Answer]:
        """Kill a worker, keep the tasks it had not begun for another one, and start that one."""
        del self.at_work[descriptor]
        assignment.worker.kill()
        (number, _), *rest = assignment.tasks
        self.returned = rest + self.returned
        self.employ(None)
        return number, Answer(None, reason)

    def disband(self) -> None:
        """Kill what is still at work, when the caller stops listening."""
        for assignment in self.at_work.values():
            assignment.worker.kill()
        self.at_work.clear()


POOL = Pool()
atexit.register(POOL.close)
os.register_at_fork(after_in_child=POOL.forget)
