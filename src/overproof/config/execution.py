"""Where shards run: the `ray` table beside the keys `engine` and `workers`."""

from typing import Literal

from pydantic import PositiveInt

from overproof.config.table import Table

Engine = Literal["local", "ray"]


class RayConfig(Table):
    """The cluster of `engine: ray`."""

    address: str | None = None
    """auto: the cluster that this machine belongs to; host:6379 or ray://host:10001: another one; None: one that is
    started on this machine and stopped at the end."""
    sampling_workers: PositiveInt | None = None
    """Shards that are sampled at once, each by a process that shares concurrency, rates and budget with the others;
    None: one a node."""
