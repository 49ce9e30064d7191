"""Report and view over large runs: python tests/bench/bench_view.py [--traces 1000000] [--folder DIR]

Writes a run of so many traces of 1 KB (kept in DIR for the next time when one is given), then prints, each beside its
target: how long `overproof view` takes to answer each kind of page after its first index and how much memory it holds,
and the size of the report of a run of 10,000 traces.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import msgspec
from building import make_config, make_problem

from overproof.journal import write_records
from overproof.records import Decision, Grade, Message, PreparedProblem, Problem, Reward, Score, Trace, Usage, Verdict
from overproof.report import report
from overproof.runfolder import Manifest, RunFolder, count_shards, shard_of

N = 8
TEXT = (
    "so we take the next step and check that the sum of both sides is equal to the value which follows from the first "
    "line hence wait let me verify this again because it could be wrong $x^2$ $\\frac{1}{2}$ \\(a+b\\) 因此 所以 我们"
)
SERVE = """
import sys
from pathlib import Path
from overproof.view import serve
serve([Path(sys.argv[1])], show=lambda text: print(text, flush=True))
"""


def main() -> None:
    """Run everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--traces", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = chosen.folder or Path(scratch) / "large"
        if not (root / "config.yaml").exists():
            print(f"writing {chosen.traces:,} traces of 1 KB to {root} …", flush=True)
            write_large_run(root, chosen.traces, characters=1000)
        bench_view(root)
        bench_report(Path(scratch) / "small")


def write_large_run(root: Path, traces: int, *, characters: int) -> RunFolder:
    """A run of so many traces, eight a problem, each reply of about so many characters."""
    folder = RunFolder(root)
    config = make_config(sampling={"n": N})
    problems = traces // N
    shards = count_shards(problems, N)
    of_shard: dict[int, list[str]] = {}
    for number in range(problems):
        of_shard.setdefault(shard_of(f"problem-{number}", shards), []).append(f"problem-{number}")
    for shard in range(shards):
        generator = random.Random(shard)
        prepared = [make_item(name, generator) for name in of_shard.get(shard, [])]
        made = list(make_traces(prepared, generator, characters))
        write_records(folder.problems(shard), prepared)
        write_records(folder.traces(shard), [trace for trace, _, _ in made])
        write_records(folder.scores(shard), [score for _, score, _ in made])
        write_records(folder.decisions(shard), [decision for _, _, decision in made])
    folder.write_manifest(Manifest(config.model_dump(mode="json"), shards, {"overproof": "bench"}, {}))
    return folder


def make_item(name: str, generator: random.Random) -> PreparedProblem:
    """A problem of one of twenty sources and five levels."""
    prepared = make_problem(name)
    metadata = {"level": str(generator.randrange(1, 6))}
    problem = Problem(name, prepared.problem.question, "4", f"source {generator.randrange(20)}", metadata)
    return msgspec.structs.replace(prepared, problem=problem, language=generator.choice(["en", "zh"]))


def make_traces(
    prepared: list[PreparedProblem], generator: random.Random, characters: int
) -> Iterator[tuple[Trace, Score, Decision]]:
    """Eight traces of each problem, of which a share that differs from problem to problem is right."""
    words = TEXT.split()
    for one in prepared:
        chance = generator.betavariate(0.6, 0.6)
        for index in range(N):
            right, cut = generator.random() < chance, generator.random() < 0.03
            size = max(20, int(generator.gauss(characters, characters / 4)) // 5)
            reasoning = " ".join(generator.choices(words, k=size))
            answer = "" if cut else f"The answer is \\boxed{{{4 if right else 5}}}."
            trace = Trace(
                problem=one.problem,
                index=index,
                fingerprint="0123456789abcdef" * 2,
                teacher="bench",
                profile="generic",
                messages=[Message("user", one.problem.question)],
                parameters={"temperature": 0.6, "seed": index},
                content=f"<think>\n{reasoning}\n</think>\n\n{answer}",
                finish_reason="length" if cut else "stop",
                usage=Usage(20, size),
                seconds=1.5,
            )
            verdict = Verdict.CORRECT if right and not cut else Verdict.INCORRECT
            grade = Grade(verdict, None if cut else "4", "number", "both are 4")
            rewards = {"accuracy": Reward(float(verdict == Verdict.CORRECT)), "think_format": Reward(1.0)}
            rewards["language_consistency"] = Reward(0.97, "mixed", {"target": "en", "foreign": {"zh": 3.0}})
            reason = "truncated" if cut else verdict.value
            yield trace, Score(trace.id, grade, rewards, None), Decision(trace.id, reason == "correct", reason)


def bench_view(root: Path) -> None:
    """Start the server and ask for each kind of page, twenty times."""
    began = time.perf_counter()
    server = subprocess.Popen([sys.executable, "-c", SERVE, str(root)], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        url = [server.stdout.readline() for _ in range(2)][1].split()[1] + "runs/0/"
        print(f"first index                      {time.perf_counter() - began:8.1f} s")
        for name, path, times in pages(root):
            seconds = [ask(url + path.format(n=n)) for n in range(times)]
            middle, worst = 1000 * statistics.median(seconds), 1000 * max(seconds)
            print(f"{name:<32} {middle:8.0f} ms, at worst {worst:5.0f} ms    target < 300 ms")
        bench_search(url)
        print(f"memory                           {memory(server.pid, 'VmRSS'):8.0f} MB now         target < 500 MB")
        print(f"memory at its peak               {memory(server.pid, 'VmHWM'):8.0f} MB, the first index included")
    finally:
        server.terminate()
        server.wait()


def pages(root: Path) -> Iterator[tuple[str, str, int]]:
    """What is asked for: its name, its path with {n} for the how-manieth time, and how often."""
    identifier = quote(next(RunFolder(root).read_problems(0)).problem.id, safe="")
    yield "overview", "", 20
    yield "list, first page", "api/traces", 20
    yield "list, new filter each time", "api/traces?source=source+{n}&verdict=incorrect", 20
    yield "list, deep page", "api/traces?verdict=correct&from=3{n}0000", 9
    yield "problem with its traces", f"api/problem?id={identifier}&index={{n}}", 20
    yield "what stands beside it in a list", f"api/beside?id={identifier}&verdict=incorrect&level={{n}}", 5
    yield "list in another order each time", "api/traces?sort=-tokens&level={n}", 5
    yield "list by its references", "api/traces?sort=reference&level={n}", 5
    yield "problems, hardest first", "api/problems?sort=rate&source=source+{n}", 20
    yield "one trace as it lies on disk", f"api/raw?id={identifier}&index={{n}}", 8
    yield "text that is everywhere", "api/traces?q=follows+from&level={n}", 5
    yield "text that is nowhere, first answer", "api/traces?q=zyx{n}", 5


def bench_search(url: str) -> None:
    """How long it takes to find that a text is nowhere in the run."""
    began = time.perf_counter()
    longest, share = 0.0, 0.0
    while share < 1:
        asked = time.perf_counter()
        with urllib.request.urlopen(url + "api/traces?q=no+trace+holds+this") as answer:
            share = json.loads(answer.read())["searched"]
        longest = max(longest, time.perf_counter() - asked)
    seconds = time.perf_counter() - began
    print(f"whole run searched for a text    {seconds:8.1f} s, in answers of at most {1000 * longest:.0f} ms")


def ask(url: str) -> float:
    """Seconds until the whole answer is there."""
    began = time.perf_counter()
    with urllib.request.urlopen(url) as answer:
        answer.read()
    return time.perf_counter() - began


def memory(pid: int, field: str) -> float:
    """Megabytes of a process."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def bench_report(root: Path) -> None:
    """The size of the report of 10,000 traces, short and long ones."""
    for characters in (1000, 8000, 30_000):
        folder = write_large_run(root / str(characters), 10_000, characters=characters)
        began = time.perf_counter()
        report(make_config(sampling={"n": N}), folder, [0])
        seconds = time.perf_counter() - began
        size = folder.report_html.stat().st_size / 1e6
        name = f"report of 10,000 × {characters // 1000} kB"
        print(f"{name:<32} {size:8.2f} MB in {seconds:.1f} s        target ≤ 5 MB")


if __name__ == "__main__":
    main()
