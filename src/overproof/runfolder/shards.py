"""Which shard a problem lies in, and how many there are."""

from __future__ import annotations

import hashlib
from pathlib import Path

TRACES_PER_SHARD = 20_000


def shard_number(path: Path) -> int:
    """The shard that a file of traces belongs to, by its name."""
    return int(path.name.partition("-")[0])


def count_shards(problems: int, samples: int) -> int:
    """How many shards a new run gets: one for every 20,000 traces."""
    return max(1, -(-problems * samples // TRACES_PER_SHARD))


def shard_of(problem_id: str, shards: int) -> int:
    """The shard that holds everything about a problem: a hash of its id, the same on every machine."""
    digest = hashlib.blake2b(problem_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % shards
