"""What travels between the local engine and its processes."""

from typing import Any

import msgspec


class Done(msgspec.Struct, frozen=True):
    """What a shard's work returned."""

    result: Any


class Failed(msgspec.Struct, frozen=True):
    """What a shard's work raised, and where."""

    error: BaseException
    trace: str
