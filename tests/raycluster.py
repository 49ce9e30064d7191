"""A Ray cluster of several nodes on this machine, whose workers and nodes can be killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")

MEMORY = 80 << 20
SOURCES = [str(Path(__file__).parents[1] / "src"), str(Path(__file__).parent)]


class Nodes:
    """A head that runs nothing, and nodes of one core each."""

    def __init__(self, count: int) -> None:
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": MEMORY}
        self._cluster: Any = Cluster(initialize_head=True, head_node_args=head)
        self._nodes = [self.add() for _ in range(count)]

    @property
    def address(self) -> str:
        return str(self._cluster.address)

    def add(self, **variables: str) -> Any:
        """One more node, whose processes have these environment variables."""
        path = os.pathsep.join(SOURCES)
        return self._cluster.add_node(
            num_cpus=1, object_store_memory=MEMORY, env_vars={"PYTHONPATH": path, **variables}
        )

    def remove(self, node: Any) -> None:
        """Kill a node with all that runs on it."""
        self._cluster.remove_node(node, allow_graceful=False)

    def kill_node(self) -> None:
        """Kill the oldest node, and have a new one come some seconds later than its shards."""
        self.remove(self._nodes.pop(0))
        self._nodes.append(self.add())

    def workers(self) -> list[psutil.Process]:
        """The processes that are working on a shard."""
        return [one for one in psutil.Process().children(recursive=True) if _is_at_work(one)]

    def kill_worker(self) -> None:
        """Kill one of them, as a kernel that is out of memory does."""
        self.workers()[0].send_signal(signal.SIGKILL)

    def close(self) -> None:
        self._cluster.shutdown()


def _is_at_work(process: psutil.Process) -> bool:
    try:
        return "ray::_attempt" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False


@contextmanager
def start_nodes(count: int) -> Iterator[Nodes]:
    nodes = Nodes(count)
    try:
        yield nodes
    finally:
        nodes.close()
