"""What more processes and a cluster bring and cost, and how much memory a process takes: scoring and selection.

    PYTHONPATH=src:tests python tests/bench/bench_scale.py [--small] [--full]

Writes runs of made traces to a temporary folder and scores and selects them on the local engine and on Ray, each in a
process of its own. Without options 200,000 traces of 1 KB (1 GB on disk), with --small a tenth; --full adds the large
runs: 1,000,000 traces of 1 KB and 200,000 of 8 KB (5 GB). Ratios are of neighbouring runs. Peak memory is that of the
largest process, looked at ten times a second.
"""

from __future__ import annotations

import argparse
import functools
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from building import make_trace

from overproof import freshness, pipeline
from overproof.config import RunConfig, parse_config
from overproof.engine import open_engine
from overproof.journal import write_sharded
from overproof.records import PreparedProblem, Problem, Trace
from overproof.runfolder import Manifest, RunFolder, count_shards, shard_of

SAMPLES = 8
TEXT = "so we have the sum of two numbers and therefore let me check again that the answer is what it should be"
TRACES_SMALL = 20_000
EQUALS = {"RAY_worker_niceness": "0"}
"""Ray gives way to everything else on its machine, which on a busy one is all that would be measured."""
PATHS = [str(Path(__file__).parents[2] / "src"), str(Path(__file__).parents[1])]


class Measured(NamedTuple):
    """One run of score and select."""

    start_seconds: float
    """Until every worker has done something."""
    score_seconds: float
    select_seconds: float
    driver_megabytes: float
    largest_megabytes: float
    """Of any process."""

    @property
    def seconds(self) -> float:
        return self.start_seconds + self.score_seconds + self.select_seconds


def main() -> None:
    """Print each figure beside its target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="20,000 traces instead of 200,000")
    parser.add_argument("--full", action="store_true", help="the large runs too")
    parser.add_argument("--measure", metavar="FOLDER", help=argparse.SUPPRESS)
    parser.add_argument("--set", action="append", default=[], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        run_here(RunFolder(Path(options.measure)), options.set)
        return
    traces = TRACES_SMALL if options.small else 200_000
    print(f"load of the machine before: {psutil.getloadavg()[0]:.1f} on {psutil.cpu_count()} cores")
    compare_engines(traces)
    compare_shards(traces)
    if options.full:
        run_large(1_000_000, 1_000)
        run_large(200_000, 8_000)
    print(f"load of the machine after: {psutil.getloadavg()[0]:.1f}")


def compare_engines(traces: int) -> None:
    """Ray with two workers beside one, and beside the local engine."""
    with tempfile.TemporaryDirectory() as root:
        folder = write_made_run(Path(root), traces, 1_000, shards=20)
        before = measure(folder, "workers=2")
        two, one = measure_on_ray(folder, 2), measure_on_ray(folder, 1)
        after = measure(folder, "workers=2")
    print(f"{traces:,} traces of 1 KB in 20 shards, score and select")
    for name, run in (
        ("local, 2, before", before),
        ("Ray, 2 workers", two),
        ("Ray, 1", one),
        ("local, 2, after", after),
    ):
        print(
            f"  {name:18}{run.start_seconds:5.1f} s start {run.score_seconds:6.1f} s score"
            f" {run.select_seconds:5.1f} s select{traces / run.seconds:10,.0f} traces/s"
            f"   driver {run.driver_megabytes:5.0f} MB   largest {run.largest_megabytes:5.0f} MB"
        )
    print(f"  Ray, 2 workers over 1, score    {one.score_seconds / two.score_seconds:6.2f} x     target 1.8")
    local = (before.seconds + after.seconds) / 2
    print(f"  Ray over local, 2 each, with start {two.seconds / local - 1:+6.1%}      target +15% at the most")


def compare_shards(traces: int) -> None:
    """The driver's memory with few shards and with many."""
    measured = {}
    for shards in (10, 200):
        with tempfile.TemporaryDirectory() as root:
            folder = write_made_run(Path(root), min(traces, TRACES_SMALL), 1_000, shards=shards)
            measured[shards] = measure(folder, "engine=ray").driver_megabytes
    more = measured[200] - measured[10]
    print(f"driver with 10 shards {measured[10]:.0f} MB, with 200 {measured[200]:.0f} MB: {more:+.0f} MB   target flat")


def run_large(traces: int, size: int) -> None:
    """A large run on the local engine."""
    with tempfile.TemporaryDirectory() as root:
        folder = write_made_run(Path(root), traces, size)
        run = measure(folder)
    print(
        f"{traces:,} traces of {size:,} B: {run.score_seconds:.0f} s score, {run.select_seconds:.0f} s select, largest "
        f"process {run.largest_megabytes:.0f} MB   target 2,048 MB"
    )


def measure_on_ray(folder: RunFolder, cores: int) -> Measured:
    """Ray on a cluster of so many cores, which is there before the run begins, as clusters are."""
    from ray.cluster_utils import Cluster

    os.environ.update(EQUALS)
    cluster: Any = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": cores, "include_dashboard": False, "object_store_memory": 128 << 20},
    )
    try:
        return measure(folder, "engine=ray", f"ray.address={cluster.address}")
    finally:
        cluster.shutdown()


def measure(folder: RunFolder, *overrides: str) -> Measured:
    """Score and select a run in a process of its own, watched from here."""
    sets = [part for override in overrides for part in ("--set", override)]
    command = [sys.executable, str(Path(__file__)), "--measure", str(folder.root), *sets]
    environment = {**os.environ, **EQUALS, "PYTHONPATH": os.pathsep.join(PATHS)}
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    peaks: dict[int, float] = {}
    watching = threading.Thread(target=watch, args=(child.pid, peaks))
    watching.start()
    told, _ = child.communicate()
    watching.join()
    if child.returncode:
        raise SystemExit(f"{command} ended with {child.returncode}")
    start_seconds, score_seconds, select_seconds = map(float, told.split()[-3:])
    return Measured(start_seconds, score_seconds, select_seconds, peaks[child.pid], max(peaks.values()))


def watch(pid: int, peaks: dict[int, float]) -> None:
    """Resident megabytes of a process and all below it, as long as it lives."""
    while True:
        try:
            top = psutil.Process(pid)
            if top.status() == psutil.STATUS_ZOMBIE:
                return
            family = [top, *top.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        for process in family:
            try:
                peaks[process.pid] = max(peaks.get(process.pid, 0.0), process.memory_info().rss / 1e6)
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.1)


def run_here(folder: RunFolder, overrides: list[str]) -> None:
    """Start the workers, score and select anew; prints the seconds of each."""
    config = made_config(overrides)
    manifest = folder.read_manifest()
    assert manifest is not None
    folder.write_manifest(Manifest(manifest.config, manifest.shards, manifest.versions, {"prepare": "made"}))
    began = time.perf_counter()
    with open_engine(config, folder, freshness.versions) as engine:  # as `overproof run` does, once for all stages
        list(engine.run_shards(functools.partial(pipeline._count_problems, folder), range(manifest.shards)))
        started = time.perf_counter()
        pipeline.score(pipeline.Run(config, folder))
        scored = time.perf_counter()
        pipeline.select(pipeline.Run(config, folder))
        print(started - began, scored - started, time.perf_counter() - scored)


def made_config(overrides: list[str]) -> RunConfig:
    """The config of a made run."""
    tree = {"problems": {"path": "made.jsonl"}, "teacher": {"model": "teacher-of-tests"}, "sampling": {"n": SAMPLES}}
    return parse_config(tree, "bench", overrides)


def write_made_run(root: Path, traces: int, size: int, shards: int | None = None) -> RunFolder:
    """A run as it is after sampling, with replies of about `size` bytes: three of four right, in several spellings."""
    folder = RunFolder(root)
    problems = traces // SAMPLES
    count = shards or count_shards(problems, SAMPLES)
    manifest = Manifest(made_config([]).model_dump(mode="json"), count, freshness.versions(), {"prepare": "made"})
    folder.write_manifest(manifest)
    made = [made_problem(number) for number in range(problems)]
    write_sharded([folder.problems(shard) for shard in range(count)], ((home(p, count), p) for p in made))
    paths = [folder.traces(shard) for shard in range(count)]
    write_sharded(paths, ((home(p, count), trace) for p in made for trace in made_traces(p, size)))
    return folder


def home(problem: PreparedProblem, shards: int) -> int:
    """The shard of a problem."""
    return shard_of(problem.problem.id, shards)


def made_problem(number: int) -> PreparedProblem:
    """A problem with a number for an answer."""
    text = f"What is {number} and a half?"
    return PreparedProblem(Problem(f"p{number}", text, f"{2 * number + 1}/2", source="made"), language="en")


def made_traces(problem: PreparedProblem, size: int) -> Iterator[Trace]:
    """Its traces; the answers are spelled as models do."""
    number = int(problem.problem.id[1:])
    spellings = (f"\\frac{{{2 * number + 1}}}{{2}}", f"{number}.5", f"{number} \\frac{{1}}{{2}}", f"{number + 1}")
    generator = random.Random(number)
    words = size // 5 - 100
    for index in range(SAMPLES):
        reasoning = " ".join(generator.choices(TEXT.split(), k=max(20, words)))
        answer = f"The answer is \\boxed{{{spellings[index % 4]}}}."
        yield make_trace(problem, index, reasoning=reasoning, answer=answer)


if __name__ == "__main__":
    main()
