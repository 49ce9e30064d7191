"""Shards on a Ray cluster; the only user of Ray.

A shard is one plain task on one core. Ray is never asked to run a task again: a shard whose worker or node has died
is begun again here, where it is known which one it was. Before a worker does anything it makes sure that it sees the
run folder of this very run and has the same package versions.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec

from overproof.config.execution import RayConfig
from overproof.engine.joining import explain, knock, muffled
from overproof.engine.messages import ONE_GRADING_WORKER, Done, Failed, result_of
from overproof.errors import ConfigError, MissingExtraError, OverproofError, RunFolderError
from overproof.extensions import unpack
from overproof.runfolder import RunFolder

Result = TypeVar("Result")

ATTEMPTS = 5
"""How often a shard is begun whose worker dies."""
AHEAD = 2
"""Shards that are with Ray for each core, so that a worker never waits for its next one."""
SPREAD = 8
"""Shards that are begun for each core before the first of them is finished, since results are kept in order."""
OBJECT_STORE_BYTES = 128 << 20
"""Shared memory of a cluster that is started here: shards travel as files, only small things go through it."""
STARTS = 3
"""How often a cluster of this machine is begun that does not come up in Ray's time."""
_TOO_SLOW = "timed out during startup"
_WAIT_SECONDS = 1.0
_CARRIED = ("AWS_", "FSSPEC_")


class Terms(msgspec.Struct, frozen=True):
    """What every worker must agree to before it runs a shard."""

    folder: RunFolder
    mark: str
    """What the run folder's mark says, if it is the driver's own."""
    versions: Mapping[str, str]
    find_versions: Callable[[], Mapping[str, str]]
    environment: Mapping[str, str]
    """Where shared storage is, for workers that were not told; holds the driver's own keys and is never written."""
    sources: Mapping[str, str] = {}
    """The modules of functions of the config's own, which no other node need have."""

    def accept(self) -> None:
        """Raise RunFolderError or ConfigError where this process cannot be a worker of the run."""
        for name, value in self.environment.items():
            os.environ.setdefault(name, value)
        os.environ.update(ONE_GRADING_WORKER)
        unpack(self.sources)
        here, there = self.find_versions(), self.versions
        if here != there:
            other = [f"{name} {here.get(name)} (not {there[name]})" for name in there if here.get(name) != there[name]]
            raise ConfigError(
                f"Node {socket.gethostname()} has {', '.join(other)}: verdicts of different versions are never mixed. "
                "Install the same versions on every node"
            )
        try:
            mark = self.folder.read_mark()
        except ConfigError as error:
            raise ConfigError(
                f"Node {socket.gethostname()}: {error}. Variables that a node has already are its own; others come "
                "from this command's environment"
            ) from None
        if mark != self.mark:
            raise RunFolderError(
                f"Node {socket.gethostname()} does not see the run folder {self.folder}, or another driver has taken "
                "the run over. Give a --run-dir that every node sees (a folder that all of them mount, or s3://…), and "
                "run one driver at a time"
            )


@contextmanager
def connected(config: RayConfig, tell: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Be connected to the cluster; one that was started here is stopped at the end, and `tell` hears what it took."""
    ray = _import_ray()
    if ray.is_initialized():
        yield
        return
    options: dict[str, Any] = {"address": config.address or "local"}
    if config.address is None:
        options |= {"include_dashboard": False, "object_store_memory": OBJECT_STORE_BYTES}
    knock(config.address)
    said: list[str] = []
    began = time.monotonic()
    try:
        with _keeping_signals(), muffled() as said:
            _begin(options)
    except Exception as error:  # noqa: BLE001 - Ray raises bare ones, of a node that is too slow
        ray.shutdown()
        raise explain(config.address, error, "".join(said)) from None
    if config.address is None:
        tell(
            f"A Ray cluster of this machine alone was started in {time.monotonic() - began:.0f} s; its workers take "
            "some more. engine: local uses every core without one"
        )
    try:
        yield
    finally:
        ray.shutdown()


def _begin(options: Mapping[str, Any]) -> None:
    """Join or start the cluster. Ray gives a node 30 s to come up, which a busy machine needs more than once."""
    ray = _import_ray()
    for left in reversed(range(STARTS)):
        try:
            ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
        except Exception as error:
            if not left or _TOO_SLOW not in str(error):
                raise
            ray.shutdown()
        else:
            return


@contextmanager
def _keeping_signals() -> Iterator[None]:
    """Give SIGTERM back to whoever had it: Ray takes it, and ends the driver with what is in flight."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


def agree(
    folder: RunFolder, find_versions: Callable[[], Mapping[str, str]], sources: Mapping[str, str] | None = None
) -> Terms:
    """The terms of a run; every node that is there now is asked at once, before anything is done or paid for."""
    ray = _import_ray()
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    environment = {name: value for name, value in os.environ.items() if name.startswith(_CARRIED)}
    terms = Terms(folder, folder.write_mark(), find_versions(), find_versions, environment, sources or {})
    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    there = [NodeAffinitySchedulingStrategy(node["NodeID"], soft=False) for node in nodes]
    answers = [
        # tried again it would be for ever, where a node is short of memory
        ray.remote(_attempt).options(num_cpus=0, max_retries=0, scheduling_strategy=strategy).remote(_nothing, 0, terms)
        for strategy in there
    ]
    for node, answer in zip(nodes, answers, strict=True):
        try:
            result_of(ray.get(answer))
        except ray.exceptions.RayTaskError as error:
            raise _unable(error, f"Node {node['NodeManagerHostname']}") from None
        except ray.exceptions.RayError:
            continue  # a node that goes at this moment is no obstacle: its shards go elsewhere
    return terms


def map_on_cluster(
    work: Callable[[int], Result],
    shards: Sequence[int],
    terms: Terms,
    *,
    at_once: Callable[[], int] | None = None,
    died: Callable[[int], None] = lambda _: None,
    beat: Callable[[], None] = lambda: None,
    is_over: Callable[[], bool] = lambda: False,
) -> Iterator[Result | None]:
    """The result of each shard in order. `at_once` bounds how many are with Ray (default: by the cores there are).

    `died` is told of a shard whose worker has died, before it is begun again; `beat` is called about every second.
    Once it `is_over` no shard is begun, and the result of one that was not is None.
    """
    run = _ShardPass(work, shards, terms)
    while run.is_unfinished:
        if is_over():
            run.drop()
        run.submit(at_once() if at_once else AHEAD * _count_cores())
        for shard in run.collect():
            died(shard)
        beat()
        yield from run.in_order()


def count_nodes() -> int:
    """Nodes that can run shards now."""
    return max(1, sum(bool(node["Alive"] and node["Resources"].get("CPU")) for node in _import_ray().nodes()))


class Hosted:
    """An object that lives in one process of the cluster and is spoken to from all; travels between processes."""

    def __init__(self, make: Callable[..., Any], *arguments: Any) -> None:
        """Make the object on the cluster's head, without which there is no cluster either."""
        head = {"node:__internal_head__": 0.001}
        kind = _import_ray().remote(_Actor).options(num_cpus=0, max_concurrency=10_000, resources=head)
        self._actor = kind.remote(make, arguments)

    def ask(self, method: str, *arguments: Any) -> Any:
        """The result of a method, waited for."""
        return _import_ray().get(self._actor.call.remote(method, arguments))

    async def ask_async(self, method: str, *arguments: Any) -> Any:
        """The result of a method, for use in an event loop."""
        return await self._actor.call.remote(method, arguments)

    def tell(self, method: str, *arguments: Any) -> None:
        """Call a method and wait for nothing; calls of one process arrive in their order."""
        self._actor.call.remote(method, arguments)

    def end(self) -> None:
        """Let the object go."""
        _import_ray().kill(self._actor)


class _Actor:
    """Passes calls on to the object that it holds."""

    def __init__(self, make: Callable[..., Any], arguments: Sequence[Any]) -> None:
        self._object = make(*arguments)

    async def call(self, method: str, arguments: Sequence[Any]) -> Any:
        return getattr(self._object, method)(*arguments)


class _ShardPass:
    """One pass over the shards."""

    def __init__(self, work: Callable[[int], Any], shards: Sequence[int], terms: Terms) -> None:
        ray = _import_ray()
        self._ray = ray
        self._task = ray.remote(_attempt).options(num_cpus=1, max_retries=0, scheduling_strategy="SPREAD")
        self._work = ray.put(work)
        self._terms = ray.put(terms)
        self._waiting = deque(enumerate(shards))
        self._running: dict[Any, tuple[int, int]] = {}
        self._attempts: dict[int, int] = {}
        self._finished: dict[int, Any] = {}
        self._turn = 0

    @property
    def is_unfinished(self) -> bool:
        return bool(self._waiting or self._running)

    def submit(self, at_once: int) -> None:
        """Begin shards, unless the next one is far ahead of the first that is not finished."""
        most_ahead = max(SPREAD * at_once, 1)
        while self._waiting and len(self._running) < at_once and self._waiting[0][0] < self._turn + most_ahead:
            number, shard = self._waiting.popleft()
            self._attempts[shard] = self._attempts.get(shard, 0) + 1
            self._running[self._task.remote(self._work, shard, self._terms)] = (number, shard)

    def drop(self) -> None:
        """Leave out what is not begun."""
        self._finished |= dict.fromkeys(number for number, _ in self._waiting)
        self._waiting.clear()

    def collect(self) -> list[int]:
        """Take what has finished, waiting a moment; returns the shards whose worker died, which wait again now."""
        if not self._running:
            return []
        ready, _ = self._ray.wait(list(self._running), timeout=_WAIT_SECONDS)
        dead = []
        for reference in ready:
            number, shard = self._running.pop(reference)
            try:
                outcome = self._ray.get(reference)
            except self._ray.exceptions.RayTaskError as error:
                raise _unable(error) from None
            except self._ray.exceptions.RayError as error:
                if self._attempts[shard] >= ATTEMPTS:
                    reason, _, _ = str(error).partition("\n")  # what follows of it is pages of counters
                    raise OverproofError(
                        f"The worker of shard {shard} died {ATTEMPTS} times ({reason}). Nothing that was written is "
                        "lost; run the same command again, with more memory for each core if that was short"
                    ) from error
                dead.append(shard)
                self._waiting.appendleft((number, shard))
                continue
            self._finished[number] = result_of(outcome)
            del self._attempts[shard]
        return dead

    def in_order(self) -> Iterator[Any]:
        while self._turn in self._finished:
            yield self._finished.pop(self._turn)
            self._turn += 1


def _attempt(work: Callable[[int], Any], shard: int, terms: Terms) -> Done | Failed:
    """Runs in a worker."""
    try:
        terms.accept()
        return Done(work(shard))
    except Exception as error:  # noqa: BLE001 - whatever the work raises is raised in the driver
        return Failed(error, traceback.format_exc())


def _nothing(shard: int) -> None:
    """Work that is done at once."""


def _unable(error: Exception, node: str = "A node") -> OverproofError:
    """A worker could not even begin, which is how a node without this package shows."""
    reason = str(error).strip().rpartition("\n")[2]
    return ConfigError(f"{node} cannot run overproof ({reason}). Install the same versions on every node")


_counted = (float("-inf"), 1)


def _count_cores() -> int:
    """Cores of the cluster, asked for now and then, since nodes come and go."""
    global _counted  # noqa: PLW0603 - a cache with a clock
    when, cores = _counted
    if time.monotonic() - when > 5 * _WAIT_SECONDS:
        cores = max(1, int(_import_ray().cluster_resources().get("CPU", 1)))
        _counted = (time.monotonic(), cores)
    return cores


def _import_ray() -> Any:
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # or Ray warns of what it will do one day
    try:
        import ray
    except ImportError:
        raise MissingExtraError("engine: ray", "ray") from None
    return ray
