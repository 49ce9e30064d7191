"""A worker process: reads tasks from its standard input and answers them on its standard output, one frame each.

Started by `pool` as `python -m overproof.grading.worker`. The process ends when its input does, when it has used up
its share of tasks, or when one task takes more processor time than it may: the kernel ends it then, even where the
parent is gone.
"""

from __future__ import annotations

import os
import resource
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
        _limit_processor_time(task.seconds)
        _reply(sink, _answer(task))


def _limit_processor_time(seconds: float) -> None:
    """Let the kernel end this process if the next task runs on after its parent should have ended it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime + seconds) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _reply(sink: BinaryIO, answer: Answer) -> None:
    sink.write(frame(msgspec.json.encode(answer)))
    sink.flush()


def _answer(task: Task) -> Answer:
    """The answer to one task. Whatever a library raises is an answer too: that it gave up."""
    try:
        if task.deep:
            return Answer(*deep.decide(task.reference or "", task.completion or "", task.question))
        grade = grader.exact_grade(task.completion, task.reference, task.question, answer_only=task.answer_only)
        if isinstance(grade, grader.Pending):
            grade = grader.settle(grade, *deep.decide(grade.reference, grade.answer, grade.question))
        return Answer(grade=grade)
    except MemoryError:
        return Answer(None, "verifier out of memory")
    except RecursionError:
        return Answer(None, "verifier out of stack")
    except Exception as error:  # noqa: BLE001 - a foreign library's failure on hostile input is data here
        return Answer(None, f"verifier failed: {type(error).__name__}")


if __name__ == "__main__":
    main()
