"""A Ray cluster of several nodes on this machine, whose workers and nodes can be killed."""

from __future__ import annotations

import os
import signal
import socket
import time
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil

os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
# Ray's workers stand behind every other process of the machine: beside other tests they would hardly ever have a turn.
os.environ.setdefault("RAY_worker_niceness", "0")
# Ray gives its own processes so long to come up, and on a busy machine that is not enough.
for patience in (
    "RAY_raylet_start_wait_time_s",
    "RAY_worker_register_timeout_seconds",
    "RAY_gcs_server_request_timeout_seconds",
    "RAY_gcs_rpc_server_connect_timeout_s",
):
    os.environ.setdefault(patience, "300")
for patience in ("RAY_agent_register_timeout_ms", "RAY_health_check_timeout_ms"):
    os.environ.setdefault(patience, "300000")

MEMORY = 80 << 20
SOURCES = [str(Path(__file__).parents[1] / "src"), str(Path(__file__).parent)]


class Nodes:
    """A head that runs nothing, and nodes of one core each."""

    def __init__(self, count: int, **variables: str) -> None:
        """`variables`: environment variables of every node that runs something."""
        from ray._private import services
        from ray.cluster_utils import Cluster

        services.get_node = _patiently(services.get_node)  # a node has 30 s to come up, which no setting changes
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self._client_port = free.getsockname()[1]
        head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": MEMORY, "no_monitor": True}
        head["ray_client_server_port"] = self._client_port
        with warnings.catch_warnings(action="ignore", category=ResourceWarning):  # Ray leaves logs to be collected
            self._cluster: Any = Cluster(initialize_head=True, head_node_args=head)
        self._variables = variables
        self._nodes = [self.add() for _ in range(count)]

    @property
    def address(self) -> str:
        return str(self._cluster.address)

    @property
    def client_address(self) -> str:
        """For drivers that are no part of the cluster."""
        return f"ray://127.0.0.1:{self._client_port}"

    def add(self, **variables: str) -> Any:
        """One more node, whose processes have these environment variables too."""
        environment = {"PYTHONPATH": os.pathsep.join(SOURCES), **self._variables, **variables}
        return self._cluster.add_node(num_cpus=1, object_store_memory=MEMORY, env_vars=environment)

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


def _patiently(get_node: Any) -> Any:
    def get(*arguments: Any) -> Any:
        ends_at = time.monotonic() + 300
        while True:
            try:
                return get_node(*arguments)
            except RuntimeError:
                if time.monotonic() > ends_at:
                    raise
                time.sleep(0.2)

    return get


def _is_at_work(process: psutil.Process) -> bool:
    try:
        return "ray::_attempt" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False


@contextmanager
def start_nodes(count: int, **variables: str) -> Iterator[Nodes]:
    nodes = Nodes(count, **variables)
    try:
        yield nodes
    finally:
        nodes.close()
