"""A process of the local engine: takes shards from its standard input and answers each with a result or an error.

    python -m overproof.engine.shard_worker

The first message is the caller's import path, the second the work; then a shard's number each. All are pickles, and
both ends are this package. The process ends with its input, that is with its caller.
"""

from __future__ import annotations

import os
import pickle
import sys
import traceback
from collections.abc import Callable
from typing import Any, BinaryIO

from overproof.engine.messages import Done, Failed


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Run shards until the input ends."""
    sys.path[:] = pickle.load(source)  # noqa: S301 - written by our own caller
    work: Callable[[int], Any] = pickle.load(source)  # noqa: S301 - written by our own caller
    while True:
        try:
            shard: int = pickle.load(source)  # noqa: S301 - written by our own caller
        except EOFError:
            return
        sink.write(_answer(work, shard))
        sink.flush()


def _answer(work: Callable[[int], Any], shard: int) -> bytes:
    """The outcome of one shard as it travels."""
    try:
        return pickle.dumps(Done(work(shard)))
    except Exception as error:  # noqa: BLE001 - whatever the work raises is raised in the caller
        return pickle.dumps(Failed(error, traceback.format_exc()))


if __name__ == "__main__":
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # what is printed here must not be taken for an answer
        serve(sys.stdin.buffer, answers)
