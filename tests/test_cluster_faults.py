"""Runs on a Ray cluster that lose a worker, a node, the driver, the storage: the dataset is that of a quiet run.

The teacher is the tiny model with a fixed seed, slowed down to a rate, so that there is time to do harm.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest

from overproof import pipeline
from overproof.config import RunConfig, load_config
from overproof.records import Trace
from overproof.resources import bundled
from overproof.runfolder import RunFolder, shards, storage
from overproof.sampling.progress import Notice, Progress
from overproof.tiny.server import serve

pytest.importorskip("ray", reason="the cluster needs the ray extra")
pytest.importorskip("moto", reason="the S3 server of the tests needs moto")
pytest.importorskip("onnxruntime", reason="the tiny teacher needs the demo extra")

from raycluster import SOURCES, Nodes, start_nodes
from sharedstorage import Shared, serve_storage

pytestmark = pytest.mark.slow

PROBLEMS, SAMPLES = 50, 4
RATE = "teacher.requests_per_minute=900"
QUICK = [f"problems.limit={PROBLEMS}", f"sampling.n={SAMPLES}", "export.validation=0.2", "teacher.concurrency=8"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    os.environ[storage.CACHE_VARIABLE] = str(tmp_path_factory.mktemp("copies"))
    with serve_storage() as server:
        yield server
    del os.environ[storage.CACHE_VARIABLE]


@pytest.fixture(scope="module")
def teachers() -> Iterator[list[str]]:
    """Two servers of the tiny teacher."""
    with ExitStack() as stack:
        yield [stack.enter_context(serve(bundled("tiny-teacher"))) for _ in range(2)]


@pytest.fixture(scope="module")
def nodes(shared: Shared) -> Iterator[Nodes]:
    """A cluster whose nodes know the storage."""
    assert shared.address
    with start_nodes(2) as started:
        yield started


@pytest.fixture(scope="module")
def quiet(teachers: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The dataset of an undisturbed run on this machine."""
    folder = RunFolder(tmp_path_factory.mktemp("quiet"))
    prepare(load_config("quickstart", [*QUICK, f"teacher.base_url={teachers[0]}"]), folder)
    pipeline.run_all(pipeline.Run(load_config("quickstart", [*QUICK, f"teacher.base_url={teachers[0]}"]), folder))
    return dataset_of(folder)


def prepare(config: RunConfig, folder: RunFolder) -> None:
    """Begin a run in four shards."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(shards, "TRACES_PER_SHARD", PROBLEMS * SAMPLES // 4)
        pipeline.prepare(pipeline.Run(config, folder))


def dataset_of(folder: RunFolder) -> dict[str, str]:
    folder.fetch_under(folder.dataset())
    paths = [path for path in sorted(folder.dataset().rglob("*-*")) if path.is_file()]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def flushed(folder: RunFolder) -> Counter[str]:
    """How often each trace stands in the parts that are safe."""
    parts = [part for shard in range(4) for part in folder.trace_parts(shard)]
    lines = (orjson.loads(line) for part in parts for line in part.read_bytes().splitlines())
    return Counter(f"{line['problem']['id']}/{line['index']}" for line in lines)


def overrides(nodes: Nodes, base_url: str) -> list[str]:
    cluster = ["engine=ray", f"ray.address={nodes.address}", "ray.sampling_workers=2"]
    return [*QUICK, RATE, *cluster, f"teacher.base_url={base_url}"]


def start_driver(folder: RunFolder, settings: list[str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "overproof", "run", "quickstart", "--run-dir", str(folder)]
    sets = [part for setting in settings for part in ("--set", setting)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(SOURCES)}
    return subprocess.Popen([*command, *sets], env=environment, stdout=subprocess.DEVNULL, start_new_session=True)


def run_disturbed(folder: RunFolder, settings: list[str], disturb: Callable[[], object]) -> Counter[str]:
    """Run, disturb it once something is safe and something is missing; returns what was safe by then."""
    prepare(load_config("quickstart", settings), folder)
    driver = start_driver(folder, settings)
    while not (before := flushed(folder)):
        assert driver.poll() is None
        time.sleep(0.1)
    assert before.total() < PROBLEMS * SAMPLES
    disturb()
    status = driver.wait()
    if status == -signal.SIGKILL:
        status = start_driver(folder, settings).wait()
    assert status == 0
    return before


def check(folder: RunFolder, quiet: dict[str, str], before: Counter[str]) -> None:
    after = flushed(folder)
    assert before <= after
    assert set(after.values()) == {1}, "a trace that was safe was paid for twice"
    assert after.total() == PROBLEMS * SAMPLES
    assert dataset_of(folder) == quiet


def test_a_killed_worker_changes_nothing(
    nodes: Nodes, teachers: list[str], quiet: dict[str, str], tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path)
    check(folder, quiet, run_disturbed(folder, overrides(nodes, teachers[0]), nodes.kill_worker))


def test_a_killed_node_changes_nothing(
    nodes: Nodes, teachers: list[str], quiet: dict[str, str], tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path)
    before = run_disturbed(folder, overrides(nodes, teachers[0]), nodes.kill_node)
    check(folder, quiet, before)


def test_a_killed_driver_goes_on_by_the_same_command(
    nodes: Nodes, teachers: list[str], quiet: dict[str, str], shared: Shared
) -> None:
    folder = RunFolder(shared.new_url())

    def kill_driver() -> None:
        import psutil

        drivers = [p for p in psutil.Process().children() if "--run-dir" in p.cmdline()]
        drivers[0].send_signal(signal.SIGKILL)

    check(folder, quiet, run_disturbed(folder, overrides(nodes, teachers[0]), kill_driver))


def test_storage_that_is_away_for_ten_seconds_changes_nothing(
    nodes: Nodes, teachers: list[str], quiet: dict[str, str], shared: Shared
) -> None:
    folder = RunFolder(shared.new_url())

    def cut_for_ten_seconds() -> None:
        shared.cut()
        time.sleep(10)
        shared.mend()

    check(folder, quiet, run_disturbed(folder, overrides(nodes, teachers[0]), cut_for_ten_seconds))


def make_server() -> type:
    """A class that Ray sends by value: workers know this package, and nothing of its tests."""

    class Server:
        def start(self) -> str:
            self._context = serve(bundled("tiny-teacher"))
            return self._context.__enter__()

        def stop(self) -> None:
            self._context.__exit__(None, None, None)

    return Server


def test_servers_on_several_nodes_serve_one_run_and_one_of_them_may_go(
    nodes: Nodes, quiet: dict[str, str], tmp_path: Path
) -> None:
    import ray

    folder = RunFolder(tmp_path)
    told: list[object] = []
    ray.init(address=nodes.address, log_to_driver=False)
    actor: Any = ray.remote(make_server())
    try:
        servers: list[Any] = [actor.options(num_cpus=0, scheduling_strategy="SPREAD").remote() for _ in range(2)]
        urls = ray.get([server.start.remote() for server in servers])
        endpoints = "teacher.endpoints=" + orjson.dumps([{"base_url": url} for url in urls]).decode()
        settings = [setting for setting in overrides(nodes, urls[0]) if "base_url" not in setting] + [endpoints]
        prepare(load_config("quickstart", settings), folder)
        stopped: list[object] = []

        def watch(event: object) -> None:
            told.append(event)
            if isinstance(event, Progress) and event.samples_new and not stopped:
                stopped.append(servers[0].stop.remote())

        outcome = pipeline.run_all(pipeline.Run(load_config("quickstart", settings), folder, watch))
    finally:
        ray.shutdown()
    assert stopped
    assert outcome.sampling is not None
    assert outcome.sampling.samples == PROBLEMS * SAMPLES
    assert outcome.sampling.failures
    assert any(isinstance(event, Notice) and urls[0] in event.text for event in told)
    assert dataset_of(folder) == quiet


def test_progress_is_one_bar_and_the_budget_and_the_rate_are_those_of_one_machine(
    nodes: Nodes, teachers: list[str], tmp_path: Path
) -> None:
    cap = 9_000
    settings = [*overrides(nodes, teachers[0]), f"budget.max_tokens={cap}"]
    folder = RunFolder(tmp_path)
    prepare(load_config("quickstart", settings), folder)
    seen: list[Progress] = []
    began = time.monotonic()
    outcome = pipeline.run_all(
        pipeline.Run(load_config("quickstart", settings), folder, lambda event: _keep(event, seen))
    )
    took = time.monotonic() - began
    assert outcome.sampling is not None
    assert outcome.sampling.ended == "budget"
    traces: list[Trace] = [trace for shard in range(4) for trace in folder.read_traces(shard)]
    tokens = sum((t.usage.prompt_tokens or 0) + (t.usage.completion_tokens or 0) for t in traces)
    assert cap / 2 < tokens <= cap
    assert outcome.sampling.spent.tokens == tokens
    assert len(traces) / took <= 900 / 60
    assert all(progress.problems == PROBLEMS for progress in seen)
    assert [p.samples_done for p in seen] == sorted(p.samples_done for p in seen)
    assert max(progress.in_flight for progress in seen) <= 8


def _keep(event: object, seen: list[Progress]) -> None:
    if isinstance(event, Progress):
        seen.append(event)
