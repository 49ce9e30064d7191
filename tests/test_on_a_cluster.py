"""Whole runs on a Ray cluster of two nodes, whatever happens to them: the dataset is that of one quiet machine.

The teacher is a server of this process that counts what it is asked, which is what is paid for, and that holds replies
back until the test lets them go: harm is done between two states that were seen, never after a time.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest
from building import make_config
from endpoint import Ask, Endpoint, Wire, http, json_reply, message, serve
from shardwork import BLOB, die, die_once, double, fail, grade_there, make_blob, pid_of

from overproof import freshness, pipeline
from overproof.config import RunConfig, parse_config
from overproof.engine import Engine, cluster, open_engine
from overproof.errors import ConfigError, InputError, OverproofError, RunFolderError
from overproof.journal import read_lines
from overproof.runfolder import RunFolder, shards, storage
from overproof.sampling.progress import Notice, Progress

pytest.importorskip("ray", reason="the cluster needs the ray extra")
pytest.importorskip("moto", reason="the S3 server of the tests needs moto")

from raycluster import MEMORY, SOURCES, Nodes, start_nodes
from sharedstorage import Shared, serve_storage

pytestmark = pytest.mark.slow

GUIDE = Path(freshness.__file__).parent / "guide" / "clusters.md"
PROBLEMS, SAMPLES, SHARDS = 120, 2, 3
"""Of such a size that no worker comes to the end of its shard while harm is done."""
WANTED = PROBLEMS * SAMPLES
AT_ONCE = 8
PATIENCE = 240
"""Seconds in which what a test waits for comes about on the busiest machine; else it fails and says what it saw."""


class Teacher:
    """A server that answers so many requests and holds the others back."""

    def __init__(self) -> None:
        self.free = WANTED * 10
        """Requests that are answered, by their number."""
        self.lost = 0
        """The number of a request that is never answered."""
        self.drivers: list[subprocess.Popen[bytes]] = []
        """Of the runs that ask it."""
        self.endpoint = Endpoint()

    @property
    def asked(self) -> int:
        return len(self.endpoint.asked)

    def hold_after(self, count: int) -> None:
        """Answer so many more, and hold back what comes then."""
        self.free = self.asked + count

    def let_go(self) -> None:
        self.free = WANTED * 10

    def answer(self, ask: Ask) -> Wire:
        said = (
            "The answer is a rabbit in a hat."
            if ask.chance() < 0.1
            else f"It is \\boxed{{{7 if ask.chance() < 0.7 else 8}}}."
        )
        reply = http(json.dumps(message(f"<think>I add them.</think>{said}")).encode())
        return Wire([(0, reply)], until=lambda: ask.number <= self.free and ask.number != self.lost)

    def times_asked(self) -> Counter[tuple[str, int]]:
        """How often each sample was paid for."""
        return Counter((ask.prompt, ask.seed) for ask in self.endpoint.asked)


@pytest.fixture
def teacher() -> Iterator[Teacher]:
    made = Teacher()
    with serve(made.answer) as made.endpoint:
        yield made
        for driver in made.drivers:  # of a test that failed: its workers would take the next one's places
            if driver.poll() is None:
                os.killpg(driver.pid, signal.SIGKILL)
                driver.wait()
        made.let_go()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    os.environ[storage.CACHE_VARIABLE] = str(tmp_path_factory.mktemp("copies"))
    with serve_storage() as server:
        yield server
    del os.environ[storage.CACHE_VARIABLE]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    copies = {storage.CACHE_VARIABLE: str(tmp_path_factory.mktemp("copies-of-nodes"))}
    with start_nodes(2, **copies) as started:
        yield started


class Mine:
    """One run as someone has it on his machine: a config file, a folder, and drivers of it."""

    def __init__(self, here: Path, teacher: Teacher, place: Path | str | None = None, **tables: Any) -> None:
        self.path = here / "mine.yaml"
        self.folder = RunFolder(place or here / "run")
        self.paid: dict[tuple[str, int], int] = {}
        """How often each sample was paid for until it was safe."""
        self._teacher = teacher
        self._said = here / "said-0.txt"
        rows = [json.dumps({"question": f"What is {i} plus {7 - i}?", "answer": "7"}) for i in range(PROBLEMS)]
        (here / "problems.jsonl").write_text("\n".join(rows) + "\n")
        url = teacher.endpoint.base_url
        self._tree: dict[str, Any] = {
            "problems": {"path": str(here / "problems.jsonl"), "reference": "answer"},
            "teacher": {"profile": "generic", "model": "m", "base_url": url, "max_tokens": 400, "concurrency": AT_ONCE},
            "prompt": {"template": "plain"},
            "sampling": {"n": SAMPLES, "require_reasoning": False},
            "export": {"validation": 0.2},
            **tables,
        }
        self.path.write_text(json.dumps(self._tree))
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(shards, "TRACES_PER_SHARD", WANTED // SHARDS)
            pipeline.prepare(pipeline.Run(self.config(), self.folder))

    def on(self, nodes: Nodes, **teacher: Any) -> dict[str, Any]:
        """The tables that put the run on the cluster, with these keys of the teacher changed."""
        url = {} if "endpoints" not in teacher else {"base_url": None}
        return {
            "engine": "ray",
            "ray": {"address": nodes.address, "sampling_workers": 2},
            "teacher": {**self._tree["teacher"], **url, **teacher},
        }

    def config(self, **tables: Any) -> RunConfig:
        return parse_config({**self._tree, **tables}, str(self.path))

    def start(self, address: str | None, *more: str, **variables: str) -> subprocess.Popen[bytes]:
        """A driver in a process of its own, at the head of a group as a shell would start it."""
        far = ["--set", "engine=ray", "--set", "ray.sampling_workers=2"]
        far += [] if address is None else ["--set", f"ray.address={address}"]
        command = [sys.executable, "-m", "overproof", "run", str(self.path), "--run-dir", str(self.folder), *far, *more]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(SOURCES), **variables}
        return self.hear(command, env=environment)

    def hear(self, command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start a driver, or what starts one, as the latest."""
        self._said = self._said.with_name(f"said-{len(list(self._said.parent.glob('said-*')))}.txt")
        with self._said.open("wb") as out:
            driver = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True, **options)
        self._teacher.drivers.append(driver)
        return driver

    @property
    def said(self) -> str:
        """What the latest driver has said."""
        return self._said.read_text()

    def wait_until(self, condition: Callable[[], object], driver: subprocess.Popen[bytes]) -> None:
        began = time.monotonic()
        while not condition():
            assert driver.poll() is None, self.said
            assert time.monotonic() - began < PATIENCE, self.said
            time.sleep(0.05)

    def wait_to_hear(self, words: str, driver: subprocess.Popen[bytes]) -> None:
        self.wait_until(lambda: words in self.said, driver)

    def end(self, driver: subprocess.Popen[bytes]) -> int:
        return driver.wait(PATIENCE)

    def go_on_until_more_is_safe(self, some: int, driver: subprocess.Popen[bytes], nodes: Nodes) -> None:
        """Let some replies come until more is safe than before, all other requests are held back, and two work."""
        before = self.flushed()
        self._teacher.hold_after(some)
        self.wait_until(lambda: self._teacher.asked > self._teacher.free and self.flushed() > before, driver)
        self.wait_until(lambda: len(nodes.workers()) == 2, driver)
        safe, times = self.flushed(), self._teacher.times_asked()
        self.paid.update({sample: times[sample] for sample in safe if sample not in self.paid})

    def flushed(self) -> Counter[tuple[str, int]]:
        """How often each sample stands in the parts that are safe, as the teacher knows it."""
        parts = [part for shard in range(SHARDS) for part in self.folder.trace_parts(shard)]
        lines = (orjson.loads(line) for part in parts for line in part.read_bytes().splitlines())
        return Counter((line["messages"][-1]["content"], line["parameters"]["seed"]) for line in lines)

    def dataset(self) -> dict[str, str]:
        """The digest of each of its files."""
        self.folder.fetch_under(self.folder.dataset())
        paths = [path for path in sorted(self.folder.dataset().rglob("*-*")) if path.is_file()]
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


@pytest.fixture(scope="module")
def engine(nodes: Nodes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """This process as a driver, for the rest of the file."""
    folder = RunFolder(tmp_path_factory.mktemp("run"))
    with open_engine(on(nodes), folder, freshness.versions) as opened:
        yield opened


def on(nodes: Nodes) -> RunConfig:
    return make_config(engine="ray", ray={"address": nodes.address})


def test_an_address_where_no_cluster_is_is_refused_at_once(tmp_path: Path) -> None:
    config = make_config(engine="ray", ray={"address": "127.0.0.1:1"})
    with (
        pytest.raises(ConfigError, match=r"no Ray cluster at ray\.address 127\.0\.0\.1:1"),
        open_engine(config, RunFolder(tmp_path), freshness.versions),
    ):
        pass


def test_results_come_in_the_order_of_the_shards_from_every_node_and_not_from_the_driver(engine: Engine) -> None:
    assert list(engine.run_shards(double, range(30))) == [2 * shard for shard in range(30)]
    pids = set(engine.run_shards(pid_of, range(20)))
    assert len(pids) >= 2
    assert os.getpid() not in pids


def test_an_error_is_raised_here_with_the_place_where_it_happened_there(engine: Engine) -> None:
    with pytest.raises(InputError, match="shard 1 is no good") as caught:
        list(engine.run_shards(fail, range(3)))
    assert "in fail" in str(caught.value.__cause__)


def test_a_shard_whose_worker_is_killed_is_begun_again(engine: Engine, tmp_path: Path) -> None:
    assert list(engine.run_shards(functools.partial(die_once, tmp_path), range(4))) == [0, 1, 2, 3]


def test_a_shard_that_kills_every_worker_is_named(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "ATTEMPTS", 2)
    with pytest.raises(OverproofError, match="worker of shard 2 died 2 times"):
        list(engine.run_shards(die, range(3)))


def test_results_that_fill_the_shared_memory_many_times_over_are_all_had(engine: Engine) -> None:
    sizes = [len(blob) for blob in engine.run_shards(make_blob, range(16))]
    assert sum(sizes) == 16 * BLOB > 2 * MEMORY


def test_grading_within_a_worker_takes_one_process(engine: Engine) -> None:
    assert set(engine.run_shards(grade_there, range(2))) == {("correct", 1)}


def test_within_its_context_a_run_keeps_its_engine(engine: Engine, nodes: Nodes) -> None:
    assert engine.terms is not None
    with open_engine(on(nodes), engine.terms.folder, freshness.versions) as again:
        assert again is engine


def test_a_run_folder_that_workers_cannot_see_is_refused(
    engine: Engine, nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert engine.is_far
    monkeypatch.chdir(tmp_path)
    hidden = RunFolder(Path("/proc/self/cwd/run"))  # another folder in every process
    with (
        pytest.raises(RunFolderError, match=r"does not see the run folder .*run.*that every node sees"),
        open_engine(on(nodes), hidden, freshness.versions),
    ):
        pass


MISFITS = {
    "another version": ('__version__ = "0.0.0"', r"Node \S+ has overproof 0\.0\.0 \(not .*same versions on every node"),
    "no such package": (
        """raise ModuleNotFoundError("No module named 'overproof'", name="overproof")""",
        r"Node \S+ cannot run overproof .*No module named 'overproof'.*same versions on every node",
    ),
}


@pytest.mark.parametrize(("content", "said"), MISFITS.values(), ids=MISFITS)
def test_a_node_that_does_not_fit_is_refused_by_name(
    engine: Engine, nodes: Nodes, content: str, said: str, tmp_path: Path
) -> None:
    assert engine.is_far
    source = Path(freshness.__file__).parent
    shutil.copytree(source, tmp_path / "overproof", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "overproof" / "__init__.py").write_text(f"{content}\n")
    other = nodes.add(PYTHONPATH=f"{tmp_path}{os.pathsep}{Path(__file__).parent}")
    try:
        with pytest.raises(ConfigError, match=said), open_engine(on(nodes), RunFolder(tmp_path), freshness.versions):
            pass
    finally:
        nodes.remove(other)


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The dataset of an undisturbed run on this machine."""
    teacher = Teacher()
    with serve(teacher.answer) as teacher.endpoint:
        mine = Mine(tmp_path_factory.mktemp("quiet"), teacher)
        pipeline.run_all(pipeline.Run(mine.config(), mine.folder))
    return mine.dataset()


def test_worker_node_storage_and_drivers_may_be_lost_and_nothing_that_was_safe_is_paid_for_twice(
    nodes: Nodes, shared: Shared, teacher: Teacher, quiet: dict[str, str], tmp_path: Path
) -> None:
    mine = Mine(tmp_path, teacher, shared.new_url())
    teacher.hold_after(0)
    driver = mine.start(nodes.address)
    mine.go_on_until_more_is_safe(8, driver, nodes)
    nodes.kill_worker()
    mine.wait_until(lambda: "The worker of shard" in mine.said, driver)
    mine.go_on_until_more_is_safe(8, driver, nodes)
    nodes.kill_node()
    mine.wait_until(lambda: mine.said.count("The worker of shard") > 1, driver)
    mine.go_on_until_more_is_safe(8, driver, nodes)
    shared.cut()
    teacher.hold_after(4)
    mine.wait_until(lambda: teacher.asked > teacher.free, driver)  # it goes on though nothing can be written
    shared.mend()
    mine.go_on_until_more_is_safe(0, driver, nodes)
    driver.kill()
    assert mine.end(driver) == -signal.SIGKILL
    driver = take_over_from_one_asleep(mine, nodes, teacher, tmp_path / "another machine")
    before = teacher.asked
    mine.wait_until(lambda: teacher.asked > before, driver)
    teacher.let_go()
    assert mine.end(driver) == 0, mine.said
    times = teacher.times_asked()
    assert {sample: times[sample] for sample in mine.paid} == mine.paid, "what was safe was paid for again"
    assert len(times) == WANTED
    assert set(mine.flushed().values()) == {1}
    assert mine.dataset() == quiet


def take_over_from_one_asleep(mine: Mine, nodes: Nodes, teacher: Teacher, copies: Path) -> subprocess.Popen[bytes]:
    """A driver on another machine, which is refused while one lives and takes its place while it sleeps."""
    asleep = mine.start(nodes.address)
    before = teacher.asked
    mine.wait_until(lambda: teacher.asked > before, asleep)
    elsewhere = {storage.CACHE_VARIABLE: str(copies)}
    assert mine.end(mine.start(nodes.address, **elsewhere)) == 1
    assert "is in use by another overproof process" in mine.said
    asleep.send_signal(signal.SIGSTOP)
    mark = mine.folder.read_mark()
    driver = mine.start(nodes.address, **elsewhere)
    mine.wait_until(lambda: mine.folder.read_mark() != mark, driver)
    assert "was last driven by" in mine.said
    asleep.send_signal(signal.SIGCONT)
    assert mine.end(asleep) == 1
    return driver


def test_a_cluster_short_of_memory_is_told_of_in_a_line_and_a_run_goes_on_elsewhere(
    teacher: Teacher, quiet: dict[str, str], tmp_path: Path
) -> None:
    """Ray's memory monitor, for which any use at all is too much here, kills each worker while it waits for replies."""
    mine = Mine(tmp_path, teacher)
    teacher.hold_after(0)
    with start_nodes(1, RAY_memory_usage_threshold="0.0001", RAY_memory_monitor_refresh_ms="100") as short:
        driver = mine.start(short.address)
        assert mine.end(driver) == 1, mine.said
    last = mine.said.splitlines()[-1]
    assert "died 5 times" in last
    assert "running low on memory" in last
    assert "Object store memory usage" not in mine.said
    teacher.let_go()
    pipeline.run_all(pipeline.Run(mine.config(), mine.folder))
    assert mine.dataset() == quiet


def test_runs_with_clusters_of_their_own_do_not_meet(teacher: Teacher, quiet: dict[str, str], tmp_path: Path) -> None:
    both = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        both.append(Mine(tmp_path / name, teacher))
    drivers = [mine.start(None) for mine in both]
    for mine, driver in zip(both, drivers, strict=True):
        assert mine.end(driver) == 0, mine.said
        assert mine.dataset() == quiet
        assert "A Ray cluster of this machine alone was started" in mine.said
    assert set(teacher.times_asked().values()) == {2}
    assert len(teacher.times_asked()) == WANTED


@pytest.mark.parametrize("address", [None, "auto", "ray://"])
def test_a_signal_to_the_driver_is_no_budget_and_costs_nothing_twice(
    nodes: Nodes, address: str | None, teacher: Teacher, quiet: dict[str, str], tmp_path: Path
) -> None:
    """Ctrl-C as a terminal sends it, to all that was started; then SIGTERM, with a reply that never comes."""
    mine = Mine(tmp_path, teacher)
    there = {"ray://": nodes.client_address}.get(address or "", address)
    for number, status, word in [(signal.SIGINT, 130, "Interrupted"), (signal.SIGTERM, 143, "Terminated")]:
        teacher.hold_after(10)
        driver = mine.start(there, "--grace", "15", RAY_ADDRESS=nodes.address if address == "auto" else "")
        mine.wait_until(lambda: teacher.asked > teacher.free, driver)
        if number == signal.SIGINT:
            os.killpg(driver.pid, number)
        else:
            teacher.lost = teacher.asked
            driver.send_signal(number)
        mine.wait_to_hear(f"{word}: waiting", driver)
        most = teacher.free + AT_ONCE  # those that were answered by then, and those in flight
        teacher.let_go()
        assert mine.end(driver) == status, mine.said
        assert "overproof run" in mine.said.splitlines()[-1]
        assert "at the budget" not in mine.said
        assert not mine.folder.dataset().exists()
        assert teacher.asked <= most, "something was started after the signal"
        kept = teacher.asked - bool(teacher.lost)
        assert mine.flushed().total() == kept, "what came was not kept"
        assert f"{kept} traces are saved" in mine.said
    pipeline.run_all(pipeline.Run(mine.config(), mine.folder))
    lost = teacher.endpoint.asked[teacher.lost - 1]
    assert teacher.times_asked() - Counter([(lost.prompt, lost.seed)]) == Counter(teacher.times_asked().keys())
    assert len(teacher.times_asked()) == WANTED
    assert mine.dataset() == quiet


def test_a_judge_and_an_endpoint_that_dies_change_nothing_on_a_cluster(
    engine: Engine, nodes: Nodes, teacher: Teacher, tmp_path: Path
) -> None:
    assert engine.is_far
    (tmp_path / "near").mkdir()
    (tmp_path / "far").mkdir()
    told: list[object] = []
    with ExitStack() as mortal, serve(judge) as judging:
        dying = mortal.enter_context(serve(teacher.answer))
        asked = {"profile": "generic", "model": "j", "base_url": judging.base_url}
        near = Mine(tmp_path / "near", teacher, judge=asked)
        pipeline.run_all(pipeline.Run(near.config(), near.folder))
        once = len(judging.asked)
        far = Mine(tmp_path / "far", teacher, judge=asked)
        addresses = [{"base_url": url} for url in (dying.base_url, teacher.endpoint.base_url)]
        config = far.config(**far.on(nodes, endpoints=addresses, requests_per_minute=1200))

        def watch(event: object) -> None:
            told.append(event)
            if isinstance(event, Progress) and event.samples_new:
                mortal.close()

        outcome = pipeline.run_all(pipeline.Run(config, far.folder, watch))
    assert outcome.sampling is not None
    assert outcome.sampling.failures
    assert any(isinstance(event, Notice) and dying.base_url in event.text for event in told)
    assert far.dataset() == near.dataset()
    assert sorted(read_lines(far.folder.judgements())) == sorted(read_lines(near.folder.judgements()))
    assert once
    assert len(judging.asked) == 2 * once


def judge(ask: Ask) -> Wire:
    return json_reply("EQUAL" if ask.chance() < 0.5 else "DIFFERENT")


def test_progress_is_one_bar_and_the_budget_and_the_rate_are_those_of_one_machine(
    engine: Engine, nodes: Nodes, teacher: Teacher, tmp_path: Path
) -> None:
    assert engine.is_far
    cap = 6_000
    mine = Mine(tmp_path, teacher, budget={"max_tokens": cap})
    seen: list[Progress] = []
    began = time.monotonic()
    outcome = pipeline.run_all(
        pipeline.Run(
            mine.config(**mine.on(nodes, max_tokens=40, requests_per_minute=900)),
            mine.folder,
            lambda event: seen.append(event) if isinstance(event, Progress) else None,
        )
    )
    took = time.monotonic() - began
    assert outcome.sampling is not None
    assert outcome.sampling.ended == "budget"
    tokens = 31 * mine.flushed().total()
    assert cap / 3 < tokens <= cap
    assert outcome.sampling.spent.tokens == tokens
    assert teacher.asked / took <= 900 / 60
    assert all(progress.problems == PROBLEMS for progress in seen)
    assert [p.samples_done for p in seen] == sorted(p.samples_done for p in seen)
    assert max(progress.in_flight for progress in seen) <= AT_ONCE


def test_a_worker_that_only_waits_for_its_last_replies_holds_up_no_shard(
    engine: Engine, nodes: Nodes, teacher: Teacher, quiet: dict[str, str], tmp_path: Path
) -> None:
    assert engine.is_far
    mine = Mine(tmp_path, teacher)
    config = mine.config(**{**mine.on(nodes), "ray": {"address": nodes.address, "sampling_workers": 1}})
    first = SAMPLES * sum(1 for _ in mine.folder.read_problems(0))
    teacher.hold_after(first - 4)
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(pipeline.run_all, pipeline.Run(config, mine.folder))
        while teacher.asked < first + AT_ONCE - 4 and not running.done():
            time.sleep(0.05)
        teacher.let_go()
        running.result()
    assert mine.dataset() == quiet


@contextmanager
def free_port() -> Iterator[str]:
    """A port that nobody has, while no other is asked for."""
    with closing(socket.create_server(("127.0.0.1", 0))) as held:
        yield str(held.getsockname()[1])


SRUN = """#!/bin/sh
# What srun does on one machine: its options are for Slurm alone.
while :; do case $1 in -w) shift 2;; -*) shift;; *) break;; esac; done
echo $$ >> "$STEPS"
exec "$@"
"""
SCONTROL = """#!/bin/sh
case $1 in show) echo 127.0.0.1; echo here-too;; *) echo "$@" >> "$REQUEUED";; esac
"""


def test_the_slurm_script_of_the_guide_keeps_what_arrives_and_has_itself_started_again(
    teacher: Teacher, tmp_path: Path
) -> None:
    """As it stands there, but for the port, and with stand-ins for srun and scontrol, which are not here."""
    (script,) = (text for text in re.findall(r"```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL) if "SBATCH" in text)
    mine = Mine(tmp_path, teacher, tmp_path / "run")
    with free_port() as port, free_port() as client_port:
        script = script.replace("6379", port).replace("/shared/runs/mine", str(mine.folder))
        script = script.replace("ray start --head", f"ray start --head --ray-client-server-port {client_port}")
    for name, text in (("srun", SRUN), ("scontrol", SCONTROL), ("job", script)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text(secrets.token_hex(32))
    steps, requeued = tmp_path / "steps", tmp_path / "requeued"
    slurm = {"SLURM_JOB_NODELIST": "here[1-2]", "SLURM_NNODES": "2", "SLURM_JOB_ID": "17"}
    paths = {"HOME": str(tmp_path), "STEPS": str(steps), "REQUEUED": str(requeued)}
    paths |= {"PATH": f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}"}
    paths |= {"PYTHONPATH": os.pathsep.join(SOURCES)}
    teacher.hold_after(10)
    job = mine.hear(["./job"], cwd=tmp_path, env={**os.environ, **slurm, **paths})
    try:
        mine.wait_until(lambda: teacher.asked > teacher.free, job)
        job.send_signal(signal.SIGTERM)
        mine.wait_to_hear("Terminated: waiting", job)
        teacher.let_go()
        assert mine.end(job) == 143, mine.said
    finally:
        for number in map(int, steps.read_text().split()):
            with suppress(psutil.NoSuchProcess):  # which has ended by itself
                step = psutil.Process(number)
                step.terminate()
                step.wait(PATIENCE)
    assert requeued.read_text() == "requeue 17\n"
    assert len(steps.read_text().split()) == 2
    assert mine.flushed().total() == teacher.asked, "what came was not kept"
