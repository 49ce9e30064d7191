"""A worker process: reads tasks from its standard input and answers them on its standard output, one frame each.

Started by `pool` as `python -m overproof.grading.worker`. The process ends when its input does, when it has used up
its share of tasks, or when the deep layer takes more processor time over one answer than it may: the kernel ends it
then with SIGPROF, whatever C code it is in and even where the parent is gone. Processor time and not the wall clock,
so that a verdict does not depend on what else the machine does.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from typing import BinaryIO

import msgspec

from overproof.grading import deep, grader
from overproof.grading.protocol import LENGTH, READY, Answer, Task, frame


def main() -> None:
    """Answer tasks until the input ends. Arguments: memory in bytes, tasks in all."""
    memory, tasks = int(sys.argv[1]), int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (memory, resource.getrlimit(resource.RLIMIT_AS)[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # a caller that ignores or blocks it would hand that down
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPROF})
    source, sink = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not reach the pipe
    deep.warm_up()  # before the first deadline begins
    decoder = msgspec.json.Decoder(Task)
    sink.write(frame(READY))
    sink.flush()
    for _ in range(tasks):
        header = source.read(LENGTH.size)
        if len(header) < LENGTH.size:
            return
        task = decoder.decode(source.read(LENGTH.unpack(header)[0]))
        _reply(sink, _answer(task))


def _reply(sink: BinaryIO, answer: Answer) -> None:
    sink.write(frame(msgspec.json.encode(answer)))
    sink.flush()


def _answer(task: Task) -> Answer:
    """The answer to one task. Whatever a library raises is an answer too: that it gave up."""
    try:
        if task.deep:
            return Answer(*_decide(task.reference or "", task.completion or "", task.question, task.seconds))
        grade = grader.exact_grade(
            task.completion,
            task.reference,
            task.question,
            answer_only=task.answer_only,
            answer_type=task.answer_type,
        )
        if isinstance(grade, grader.Pending):
            grade = grader.settle(grade, *_decide(grade.reference, grade.answer, grade.question, task.seconds))
        return Answer(grade=grade)
    except MemoryError:
        return Answer(None, "verifier out of memory")
    except RecursionError:
        return Answer(None, "verifier out of stack")
    except Exception as error:  # noqa: BLE001 - a foreign library's failure on hostile input is data here
        return Answer(None, f"verifier failed: {type(error).__name__}")


def _decide(reference: str, answer: str, question: str | None, seconds: float) -> tuple[bool | None, str]:
    """What the deep layer says, within so much processor time; past it the kernel ends this process."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        return deep.decide(reference, answer, question)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


if __name__ == "__main__":
    main()
