"""How fast traces become a dataset, and in how much memory: selection and export, at two sizes of trace.

    python tests/bench/bench_export.py [--small]

Writes runs of made traces to a temporary folder (3 GB, with --small 60 MB), then selects and exports each in a
process of its own, so that its peak memory is its own. Every third trace is wrong, all others are kept. Time is wall
time of one process; the growth rows show whether it is linear in the number of traces and memory is not.
"""

from __future__ import annotations

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from overproof.config import RunConfig, parse_config
from overproof.export import export
from overproof.journal import write_sharded
from overproof.records import Grade, Message, PreparedProblem, Problem, Reward, Score, Trace, Usage, Verdict
from overproof.runfolder import RunFolder, count_shards, shard_of
from overproof.selection import select_shard

SAMPLES = 8
CONFIG = {
    "problems": {"path": "made.jsonl"},
    "teacher": {"model": "made"},
    "export": {"provenance": True},
}
TARGET_SECONDS, TARGET_MEGABYTES = 60, 600
TEXT = (
    "so we have the sum of two numbers and therefore wait let me check again 因此 我们 得到 方程 的 解 为 所以 答案 是 "
    "$x^2 + 3x - 4 = 0$ \\frac{1}{2} a < b and b > c then \\[ y = 7 \\] 12 345 6.5 if"
)
COLUMNS = "   traces  bytes  select  export    both    CPU  target  peak MB  target"


def main() -> None:
    """Print each figure beside its target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a fiftieth of the traces")
    parser.add_argument("--measure", nargs=2, metavar=("FOLDER", "SHARDS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(RunFolder(Path(options.measure[0])), int(options.measure[1]))
        return
    scale = 50 if options.small else 1
    print("seconds of one process, its peak memory\n" + COLUMNS)
    for traces, size in ((200_000, 8_000), (250_000, 1_000), (500_000, 1_000), (1_000_000, 1_000)):
        with tempfile.TemporaryDirectory() as root:
            run_one(Path(root), traces // scale, size, has_target=size == 8_000)


def run_one(root: Path, traces: int, size: int, *, has_target: bool) -> None:
    """Make a run, select and export it in a child process, and print its row."""
    shards = write_run(RunFolder(root), traces, size)
    command = [sys.executable, __file__, "--measure", str(root), str(shards)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    selecting, exporting, processor, megabytes, rows = map(float, printed.split())
    assert rows == sum(is_right(number) for number in range(traces)), "kept traces are exported rows"
    target = TARGET_SECONDS if has_target else "linear"
    print(
        f"{traces:>9,} {size:>6,} {selecting:>7.1f} {exporting:>7.1f} {selecting + exporting:>7.1f} {processor:>6.1f} "
        f"{target:>7} {megabytes:>8.0f} {TARGET_MEGABYTES:>7}",
        flush=True,
    )


def measure(folder: RunFolder, shards: int) -> None:
    """Select and export; print seconds, peak memory and rows for the parent."""
    config: RunConfig = parse_config(CONFIG, "bench")
    start, used = time.perf_counter(), time.process_time()
    for shard in range(shards):
        select_shard(config, folder, shard)
    selected = time.perf_counter()
    summary = export(config, folder, range(shards))
    exported = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(selected - start, exported - selected, time.process_time() - used, peak, summary.rows.total())


def write_run(folder: RunFolder, traces: int, size: int) -> int:
    """Problems, traces and scores of a made run; returns its number of shards."""
    shards = count_shards(traces // SAMPLES, SAMPLES)
    problems = [
        PreparedProblem(Problem(f"p{n:07d}", f"What is {n} + {n}?", str(2 * n), "made"), "en")
        for n in range(traces // SAMPLES)
    ]
    places = [shard_of(problem.problem.id, shards) for problem in problems]
    write_sharded([folder.problems(shard) for shard in range(shards)], zip(places, problems, strict=True))
    made = enumerate(make_traces(problems, size))
    write_sharded([folder.traces(shard) for shard in range(shards)], ((places[n // SAMPLES], one) for n, one in made))
    made = enumerate(make_traces(problems, 10))
    scores = ((places[n // SAMPLES], make_score(n, one)) for n, one in made)
    write_sharded([folder.scores(shard) for shard in range(shards)], scores)
    return shards


def is_right(number: int) -> bool:
    """Whether the trace of this number grades correct."""
    return number % 3 != 0


def make_traces(problems: list[PreparedProblem], size: int) -> Iterator[Trace]:
    """Traces of about `size` bytes, English and Chinese with formulas."""
    chance = random.Random(0)
    words = TEXT.split()
    text = " ".join(chance.choice(words) for _ in range(400_000))
    for problem in problems:
        for index in range(SAMPLES):
            start = chance.randrange(len(text) - size)
            reasoning = text[start : start + int(size * 0.87)].encode()[:size].decode(errors="ignore")
            yield Trace(
                problem=problem.problem,
                index=index,
                fingerprint="0123456789abcdef0123456789abcdef",
                teacher="made",
                profile="generic",
                messages=[Message("user", problem.problem.question)],
                parameters={"temperature": 0.6, "top_p": 0.95, "max_tokens": 16384, "seed": index},
                content=f"<think>\n{reasoning}\n</think>\n\nIt is \\boxed{{{problem.problem.reference}}}.",
                finish_reason="stop",
                usage=Usage(60, size // 4, size // 4),
                seconds=12.5,
                request_id=f"request-{start}",
            )


def make_score(number: int, trace: Trace) -> Score:
    """A score as the rules write it, evidence included."""
    right = is_right(number)
    verdict = Verdict.CORRECT if right else Verdict.INCORRECT
    language = Reward(0.97, "mixed", {"target": "en", "foreign": {"zh": 31.2}, "longest_foreign_run": 7.0})
    rewards = {"accuracy": Reward(float(right), verdict), "think_format": Reward(1.0), "language_consistency": language}
    return Score(trace.id, Grade(verdict, trace.problem.reference, "number", "both are the same number"), rewards, 2.97)


if __name__ == "__main__":
    main()
