"""What travels between the pool and its workers: tasks, answers, and the frame around each.

A frame is four bytes of length (big-endian) and a message in JSON.
"""

from __future__ import annotations

import struct

import msgspec

from overproof.grading.references import AnswerType
from overproof.records import Grade

LENGTH = struct.Struct(">I")
READY = b"ready"
BACKSTOP = "backstop"
"""The layer of a grade that the wall clock or a kill ended: the one verdict that says something of the machine and not
of the answer. Whatever holds such a grade is out of date from the start and is graded again."""

KILLED = "verifier killed twice from outside; grade again"
"""The reason of a grade with that layer whose worker somebody else ended both times, as the kernel does for memory."""


class Task(msgspec.Struct):
    """A row to be graded whole, or (with `deep`) two spelled answers to be compared by the deep layer."""

    completion: str | None
    reference: str | None
    question: str | None = None
    answer_only: bool = False
    answer_type: AnswerType | None = None
    deep: bool = False
    seconds: float = 2.0
    """Processor time that the deep layer may take over it."""


class Answer(msgspec.Struct):
    """What came of a task: a grade, or the deep layer's verdict and reason."""

    same: bool | None = None
    reason: str = ""
    grade: Grade | None = None
    late: bool = False
    """The wall clock or a kill ended it, not the answer's own doing: asked again, it may come out otherwise."""


def frame(message: bytes) -> bytes:
    """A message with its length before it."""
    return LENGTH.pack(len(message)) + message
