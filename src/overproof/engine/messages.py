"""What travels between an engine and the processes that run its shards."""

from typing import Any

import msgspec

ONE_GRADING_WORKER = {"OVERPROOF_GRADING_WORKERS": "1"}
"""Environment of a process that is one of many (`grading.pool.WORKERS_VARIABLE`, which lies above this)."""


class Done(msgspec.Struct, frozen=True):
    """What a shard's work returned."""

    result: Any


class Failed(msgspec.Struct, frozen=True):
    """What a shard's work raised, and where."""

    error: BaseException
    trace: str


def result_of(outcome: Done | Failed) -> Any:
    """What a shard's work returned; what it raised is raised again, with where that was."""
    if isinstance(outcome, Failed):
        raise outcome.error from TracebackThereError(outcome.trace)
    return outcome.result


class TracebackThereError(Exception):
    """Carries, as the cause of an error raised again here, where in the process it was raised."""

    def __str__(self) -> str:
        """The traceback, set apart."""
        return f'\n"""\n{self.args[0]}"""'
