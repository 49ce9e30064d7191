"""Sampling measured: speed beside a bare client loop, streams, memory, resuming, and what adaptive sampling saves.

    python tests/bench/bench_sampling.py [plain] [stream] [rate] [memory] [resume] [adaptive] [--mock PATH] [--quick]

Prints each figure beside its target. All but `resume` need the load server `mock_teacher.py` (and what it imports:
uvloop, orjson), looked for in `../shared/tools`, in $OVERPROOF_SHARED/tools and at --mock, and say so when it is
absent. The server runs on one core and each measured process alone on another; what is compared runs in turn, and the
median of the ratios is what counts, because machines are noisy. Rates are given per second of the wall clock and per
second of processor time; the second is what a core could do that nobody else uses.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from overproof.config import RunConfig, parse_config
from overproof.journal import write_records, write_sharded
from overproof.records import Message, PreparedProblem, Problem, Trace, Usage
from overproof.runfolder import RunFolder, count_shards, shard_of
from overproof.sampling import Notice, Progress, sample
from overproof.sampling.settings import Settings

SHARED = Path(os.environ.get("OVERPROOF_SHARED", Path(__file__).parents[3] / "shared"))
PORT = 8731
BASE_URL = f"http://127.0.0.1:{PORT}/v1"
SERVER_CORE, CLIENT_CORE = 0, 1
EVENTS_BESIDE_WORDS = 5
"""Events of the mock's stream that carry no word: opening tag, closing tag, answer, finish reason, usage."""
WORDLESS_TOKENS = 8
"""Tokens it reports beyond its words."""

Figures = dict[str, Any]


def main() -> None:
    parts = {"plain": plain, "stream": stream, "rate": rate, "memory": memory, "resume": resume, "adaptive": adaptive}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*parts, []], help="what to measure; everything by default")
    parser.add_argument("--mock", type=Path, default=SHARED / "tools" / "mock_teacher.py", help="the load server")
    parser.add_argument("--quick", action="store_true", help="a tenth of the requests, for trying it out")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        name, options = json.loads(arguments.child)
        print(json.dumps(CHILDREN[name](**options)))
        return
    scale = 0.1 if arguments.quick else 1.0
    for name in arguments.parts or parts:
        print(f"\n{name}", flush=True)
        if name != "resume" and not arguments.mock.is_file():
            print(f"  not measured: there is no load server at {arguments.mock} (give --mock)")
            continue
        parts[name](arguments.mock, scale)


def show(what: str, measured: str, target: str = "") -> None:
    print(f"  {what:<62} {measured:>24}  {target}", flush=True)


# What is measured, each part with its targets.


def plain(mock: Path, scale: float) -> None:
    """Requests a second with the journal, beside a loop that stores nothing."""
    count = int(8000 * scale)
    with served(mock, "--latency", "0.3", "--think-tokens", "400"):
        ours, bare = in_turn(
            3, ("ours", {"count": count, "concurrency": 512}), ("bare", {"count": count, "concurrency": 512})
        )
        default = run_child("bare", count=count // 4, concurrency=512, transport="default")
    show("bare openai[aiohttp] loop, nothing stored, 512 in flight", rates(bare))
    show("overproof, end to end with the journal", rates(ours))
    show("ratio by wall clock", ratio(ours, bare, "per_second"), "≥ 0.85")
    show("ratio by processor time", ratio(ours, bare, "per_cpu_second"), "≥ 0.85")
    show("for comparison: the client's default transport", rates([default]))


def stream(mock: Path, scale: float) -> None:
    """Chunks a second."""
    count = int(1500 * scale)
    with served(mock, "--latency", "0.05", "--think-tokens", "400"):
        ours, sdk = in_turn(
            3,
            ("ours", {"count": count, "concurrency": 128, "is_stream": True}),
            ("sdk_stream", {"count": count // 10, "concurrency": 128}),
        )
    show("the client's own stream objects", rates(sdk, "chunks"))
    show("overproof, end to end with the journal", rates(ours, "chunks"), "≥ 40,000/s per core")
    show("ratio by processor time", ratio(ours, sdk, "per_cpu_second"))


def rate(mock: Path, scale: float) -> None:
    """500 streams at 50 tokens a second, each token an event of its own."""
    with served(mock, "--latency", "0.1", "--think-tokens", str(int(1000 * max(scale, 0.3))), "--token-rate", "50"):
        found = run_child("ours", count=500, concurrency=500, is_stream=True)
    show(
        "500 streams at 50 tokens/s: received, share of a core",
        f"{found['per_second']:,.0f}/s, {found['cpu'] / found['wall']:.0%}",
    )
    show("what a core can take of such streams", f"{found['per_cpu_second']:,.0f}/cpu s", "≥ 25,000/s")


def memory(mock: Path, scale: float) -> None:
    """Resident memory while requests go by."""
    count = int(50_000 * scale)
    with served(mock, "--latency", "0.2", "--think-tokens", "400"):
        found = run_child("memory", count=count)
    show(
        f"resident memory after {count // 5:,} and after {count:,} requests",
        f"{found['early']:.0f} → {found['late']:.0f} MB",
        "flat",
    )


def resume(mock: Path, scale: float) -> None:
    """Coming back to a journal of 200,000 traces of 8 KB."""
    del mock
    count = int(200_000 * scale)
    with tempfile.TemporaryDirectory(prefix="overproof-bench-") as root:
        size = write_finished_run(Path(root), count)
        found = run_child("resumed", root=root, count=count)
        found_adaptive = run_child("resumed", root=root, count=count, is_adaptive=True)
    show(
        f"resuming {count:,} traces ({size / 1e9:.2f} GB), n = 8",
        f"{found['wall']:.1f} s ({found['cpu']:.1f} of cpu), {found['peak']:.0f} MB",
        "< 10 s, < 300 MB",
    )
    show(
        "the same under an adaptive rule",
        f"{found_adaptive['wall']:.1f} s ({found_adaptive['cpu']:.1f} of cpu), {found_adaptive['peak']:.0f} MB",
    )


def adaptive(mock: Path, scale: float) -> None:
    """Problems of spread difficulty: what the same money solves."""
    count = int(3000 * scale)
    with tempfile.TemporaryDirectory(prefix="overproof-bench-") as root:
        problems = Path(root) / "problems.jsonl"
        write_records(problems, [problem.problem for problem in numbered(count)])
        with served(
            mock, "--latency", "0.02", "--think-tokens", "60", "--p-beta", "0.6,0.6", "--problems", str(problems)
        ):
            fixed = run_child("solving", count=count, rule={"n": 8})
            small = run_child("solving", count=count, rule={"probe": 2, "want_correct": 1, "max": 8})
            large = run_child("solving", count=count, rule={"probe": 2, "want_correct": 1, "max": 64})
    show("n = 8: solved", f"{fixed['solved']:.1%}", "theory 83 %")
    show("{probe: 2, want_correct: 1, max: 8}: solved", f"{small['solved']:.1%}", "as many as n = 8")
    show("    samples beside n = 8", f"{small['samples'] / fixed['samples']:.1%}", "≤ 50 % (theory 44 %)")
    show("{probe: 2, want_correct: 1, max: 64}: solved", f"{large['solved']:.1%}", "≥ 93 % (theory 95 %)")
    show("    samples beside n = 8", f"{large['samples'] / fixed['samples']:.1%}", "about 100 % (theory 102 %)")


# The processes that are measured. Each prints one line of figures.


def child_bare(count: int, concurrency: int, transport: str = "aiohttp") -> Figures:
    """A loop over the client that keeps nothing."""
    import httpx2
    from openai import AsyncOpenAI, DefaultAioHttpClient, DefaultAsyncHttpxClient

    async def run() -> None:
        limits = httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency, keepalive_expiry=60)
        kind = DefaultAioHttpClient if transport == "aiohttp" else DefaultAsyncHttpxClient
        http_client = kind(limits=limits, timeout=None)
        client = AsyncOpenAI(base_url=BASE_URL, api_key="none", max_retries=0, http_client=http_client)
        numbers = iter(range(count))

        async def work() -> None:
            for number in numbers:
                await client.chat.completions.create(
                    model="mock-teacher",
                    messages=[{"role": "user", "content": f"What is {number} and 1? Reason step by step."}],
                    temperature=0.6,
                    top_p=0.95,
                    max_tokens=16384,
                    seed=number,
                )

        await asyncio.gather(*(work() for _ in range(concurrency)))
        await client.close()

    return timed(lambda: asyncio.run(run()), count)


def child_sdk_stream(count: int, concurrency: int) -> Figures:
    """The client's own objects for every chunk."""
    import httpx2
    from openai import AsyncOpenAI, DefaultAioHttpClient

    chunks = 0

    async def run() -> None:
        limits = httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        http_client = DefaultAioHttpClient(limits=limits, timeout=None)
        client = AsyncOpenAI(base_url=BASE_URL, api_key="none", max_retries=0, http_client=http_client)
        numbers = iter(range(count))

        async def work() -> None:
            nonlocal chunks
            for number in numbers:
                reply = await client.chat.completions.create(
                    model="mock-teacher", messages=[{"role": "user", "content": f"What is {number}?"}], stream=True
                )
                async for _ in reply:
                    chunks += 1

        await asyncio.gather(*(work() for _ in range(concurrency)))
        await client.close()

    figures = timed(lambda: asyncio.run(run()), 1)
    return per_unit(figures, chunks)


def child_ours(count: int, concurrency: int, *, is_stream: bool = False) -> Figures:
    """A whole run of sampling, from the survey to the closed journal; the client is imported before, as it is there."""
    importlib.import_module("overproof.teacher.client")
    with tempfile.TemporaryDirectory(prefix="overproof-bench-") as root:
        per_problem = 8 if count % 8 == 0 else 1
        folder, shards = run_folder(Path(root), numbered(count // per_problem), per_problem)
        config = config_for(
            {"n": per_problem}, concurrency=concurrency, start_concurrency=concurrency, stream=is_stream
        )
        words = 0

        def work() -> None:
            nonlocal words
            summary = sample(config, folder, range(shards), progress=complain)
            words = (summary.usage.completion_tokens or 0) - WORDLESS_TOKENS * summary.samples_new

        figures = timed(work, count)
    return per_unit(figures, words + EVENTS_BESIDE_WORDS * count) if is_stream else figures


def child_memory(count: int) -> Figures:
    """Resident memory at a fifth of the way and at the end."""
    seen: list[tuple[int, float]] = []

    def listen(event: Progress | Notice) -> None:
        if isinstance(event, Progress):
            seen.append((event.samples_done, resident_megabytes()))

    with tempfile.TemporaryDirectory(prefix="overproof-bench-") as root:
        folder, shards = run_folder(Path(root), numbered(count // 8), 8)
        sample(config_for({"n": 8}, concurrency=512, start_concurrency=512), folder, range(shards), progress=listen)
    early = next(megabytes for done, megabytes in seen if done >= count / 5)
    return {"early": early, "late": seen[-1][1]}


def child_resumed(root: str, count: int, *, is_adaptive: bool = False) -> Figures:
    """The same command on a finished run."""
    rule = {"probe": 2, "want_correct": 8, "max": 8} if is_adaptive else {"n": 8}
    began = time.perf_counter()
    summary = sample(config_for(rule), RunFolder(Path(root)), range(count_shards(count // 8, 8)))
    assert (summary.samples, summary.samples_new) == (count, 0), summary
    cpu = time.process_time()
    return {
        "wall": time.perf_counter() - began,
        "cpu": cpu,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def child_solving(count: int, rule: dict[str, int]) -> Figures:
    """Sample with the package's own grading; solved is a problem with a right answer."""
    with tempfile.TemporaryDirectory(prefix="overproof-bench-") as root:
        folder, shards = run_folder(Path(root), numbered(count), max(rule.values()))
        sample(config_for(rule, concurrency=256, start_concurrency=256), folder, range(shards), progress=complain)
        samples, solved = 0, set()
        for shard in range(shards):
            for trace in folder.read_traces(shard):
                samples += 1
                if f"boxed{{{trace.problem.reference}}}" in trace.content:
                    solved.add(trace.problem.id)
    return {"samples": samples, "solved": len(solved) / count}


CHILDREN: dict[str, Callable[..., Figures]] = {
    "bare": child_bare,
    "sdk_stream": child_sdk_stream,
    "ours": child_ours,
    "memory": child_memory,
    "resumed": child_resumed,
    "solving": child_solving,
}


# Tools.


@contextmanager
def served(mock: Path, *options: str) -> Iterator[None]:
    """Run the load server on its core."""
    command = [sys.executable, str(mock), "--port", str(PORT), *options]
    server = subprocess.Popen(command, stdout=subprocess.PIPE)
    pin(server, SERVER_CORE)
    try:
        assert server.stdout is not None
        if not server.stdout.readline():
            raise SystemExit(f"  {mock} does not start; it needs uvloop and orjson")
        yield
    finally:
        server.terminate()
        server.communicate()


def run_child(name: str, **options: Any) -> Figures:
    """Run one measurement in a process of its own on the other core."""
    command = [sys.executable, __file__, "--child", json.dumps([name, options])]
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    pin(child, CLIENT_CORE)
    output, _ = child.communicate()
    if child.returncode:
        raise SystemExit(f"  measuring {name} failed")
    figures: Figures = json.loads(output.splitlines()[-1])
    return figures


def in_turn(rounds: int, *measurements: tuple[str, Figures]) -> list[list[Figures]]:
    """A B A B …, so that a change of the machine's mood meets both."""
    results: list[list[Figures]] = [[] for _ in measurements]
    for _ in range(rounds):
        for found, (name, options) in zip(results, measurements, strict=True):
            found.append(run_child(name, **options))
    return results


def pin(process: subprocess.Popen[bytes], core: int) -> None:
    """Keep a process that has just begun, and the threads it will make, on one core."""
    os.sched_setaffinity(process.pid, {core % (os.cpu_count() or 1)})


def timed(work: Callable[[], None], count: int) -> Figures:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    figures = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    return per_unit(figures, count)


def per_unit(figures: Figures, count: int) -> Figures:
    return figures | {"per_second": count / figures["wall"], "per_cpu_second": count / figures["cpu"]}


def rates(found: Sequence[Figures], unit: str = "req") -> str:
    wall, cpu = (statistics.median(one[key] for one in found) for key in ("per_second", "per_cpu_second"))
    return f"{wall:,.0f} {unit}/s, {cpu:,.0f}/cpu s"


def ratio(ours: Sequence[Figures], theirs: Sequence[Figures], key: str) -> str:
    ratios = sorted(mine[key] / other[key] for mine, other in zip(ours, theirs, strict=True))
    return f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} – {ratios[-1]:.2f})"


def resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def complain(event: Progress | Notice) -> None:
    """Whatever a person should have seen spoils a measurement."""
    if isinstance(event, Notice):
        print(f"  ! {event.text}", file=sys.stderr)


def numbered(count: int) -> list[PreparedProblem]:
    return [
        PreparedProblem(Problem(f"p{number}", f"What is {number} and 1?", str(number + 1)), language="en")
        for number in range(count)
    ]


def run_folder(root: Path, problems: Sequence[PreparedProblem], samples: int) -> tuple[RunFolder, int]:
    folder = RunFolder(root)
    shards = count_shards(len(problems), samples)
    paths = [folder.problems(shard) for shard in range(shards)]
    write_sharded(paths, ((shard_of(one.problem.id, shards), one) for one in problems))
    return folder, shards


def config_for(sampling: dict[str, int], **teacher: Any) -> RunConfig:
    tree = {
        "problems": {"path": "unused.jsonl"},
        "teacher": {"model": "mock-teacher", "base_url": BASE_URL, "stream": False, **teacher},
        "sampling": sampling,
    }
    return parse_config(tree, "bench")


def write_finished_run(root: Path, count: int) -> int:
    """A run of count traces of 8 KB each as sampling leaves it; returns the size of its journals in bytes."""
    problems = numbered(count // 8)
    folder, shards = run_folder(root, problems, 8)
    settings = Settings(config_for({"n": 8}))
    text = "<think>\n" + "so we take the next step and check it again " * 170 + "\n</think>\n\n\\boxed{1}"

    def traces() -> Iterator[tuple[int, Trace]]:
        for prepared in problems:
            asking = settings.ask(prepared)
            shard = shard_of(prepared.problem.id, shards)
            for index in range(8):
                seed = settings.identity.seed_of(prepared.problem.id, index)
                yield (
                    shard,
                    Trace(
                        problem=prepared.problem,
                        index=index,
                        fingerprint=asking.fingerprint,
                        teacher="mock-teacher",
                        profile="generic",
                        messages=[Message("user", asking.messages[0].content)],
                        parameters=settings.dialect.body(seed),
                        content=text,
                        finish_reason="stop",
                        usage=Usage(40, 1600),
                    ),
                )

    paths = [folder.traces(shard) for shard in range(shards)]
    write_sharded(paths, traces())
    return sum(path.stat().st_size for path in paths)


if __name__ == "__main__":
    main()
