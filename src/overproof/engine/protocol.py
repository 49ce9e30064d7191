"""What travels between an engine and the processes that run its shards."""

from typing import Any

import msgspec


class Done(msgspec.Struct, frozen=True):
    """What a shard's work returned."""

    result: Any


class Failed(msgspec.Struct, frozen=True):
    """What a shard's work raised, and where."""

    error: BaseException
    trace: str


class TracebackThereError(Exception):
    """Carries, as the cause of an error raised again here, where in the process it was raised."""

    def __str__(self) -> str:
        """The traceback, set apart."""
        return f'\n"""\n{self.args[0]}"""'
