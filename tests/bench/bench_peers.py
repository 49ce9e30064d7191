"""Sampling beside curator and distilabel: speed, what a bad endpoint costs, and whether the reasoning arrives.

    python tests/bench/bench_peers.py --curator PYTHON --distilabel PYTHON [speed] [faults] [reasoning] [--mock PATH]

Each PYTHON is the interpreter of a virtual environment that holds that package (bespokelabs-curator; distilabel[openai]
and requests); a package that is not given is left out. Every package is used as its own documentation shows, with 512
requests in flight and no ceiling of its own on requests or tokens (overproof from the first second on, without its
ramp, which the others do not have); they ask the same load server
(`mock_teacher.py`, see bench_sampling.py) in turn, in one run, each on the same core.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SHARED = Path(os.environ.get("OVERPROOF_SHARED", Path(__file__).parents[3] / "shared"))
PORT = 8733
BASE_URL = f"http://127.0.0.1:{PORT}/v1"
SERVER_CORE, CLIENT_CORE = 0, 1
AT_ONCE = 512
FAULTS = ("429", "500", "drop", "garbage")
"""Faults of the server that a retry can cure, each for one request in twenty."""
GIVE_UP_SECONDS = 300

Figures = dict[str, Any]


def main() -> None:
    parts = {"speed": speed, "faults": faults, "reasoning": reasoning}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*parts, []], help="what to measure; everything by default")
    parser.add_argument("--mock", type=Path, default=SHARED / "tools" / "mock_teacher.py", help="the load server")
    parser.add_argument("--curator", type=Path, help="an interpreter that imports bespokelabs.curator")
    parser.add_argument("--distilabel", type=Path, help="an interpreter that imports distilabel")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        name, count = json.loads(arguments.child)
        print("\n" + json.dumps(CHILDREN[name](count)))
        return
    if not arguments.mock.is_file():
        raise SystemExit(f"There is no load server at {arguments.mock} (give --mock).")
    found = {"curator": arguments.curator, "distilabel": arguments.distilabel}
    pythons = {"overproof": Path(sys.executable)} | {name: python for name, python in found.items() if python}
    for name in arguments.parts or parts:
        print(f"\n{name}", flush=True)
        parts[name](arguments.mock, pythons)


def speed(mock: Path, pythons: dict[str, Path]) -> None:
    """Requests a second from the call to the finished set, three times in turn; the median counts."""
    count = 4000
    rates: dict[str, list[float]] = {name: [] for name in pythons}
    costs: dict[str, list[float]] = {name: [] for name in pythons}
    with served(mock, "--latency", "0.3", "--think-tokens", "400"):
        for _ in range(3):
            for name, python in pythons.items():
                figures = run_child(name, python, count)
                rates[name].append(figures["kept"] / figures["seconds"])
                costs[name].append(figures["cpu"] / figures["kept"])
    for name, values in rates.items():
        low, middle, high = sorted(values)
        cost = f"{1000 * sorted(costs[name])[1]:.2f} ms of processor time each"
        print(f"  {name:<12} {middle:7,.0f} requests/s   ({low:,.0f} – {high:,.0f})   {cost}", flush=True)


def faults(mock: Path, pythons: dict[str, Path]) -> None:
    """One request in twenty meets each of the faults that a retry cures."""
    count = 1000
    options = [option for fault in FAULTS for option in (f"--rate-{fault}", "0.05")]
    for name, python in pythons.items():
        with served(mock, "--latency", "0.05", "--think-tokens", "100", *options):
            figures = run_child(name, python, count)
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/stats") as reply:
                asked = json.load(reply)["requests"]
        kept = f"{figures['kept']:,} of {count:,} samples" if "kept" in figures else figures["failed"]
        print(f"  {name:<12} {kept:<32} {asked:6,} requests   {figures['seconds']:6.1f} s", flush=True)


def reasoning(mock: Path, pythons: dict[str, Path]) -> None:
    """Replies whose reasoning comes in `reasoning_content`, as DeepSeek's and DashScope's does."""
    count = 200
    with served(mock, "--latency", "0.05", "--think-tokens", "100", "--style", "reasoning_content"):
        for name, python in pythons.items():
            figures = run_child(name, python, count)
            print(f"  {name:<12} {figures['with_reasoning']:4,} of {count} rows hold it", flush=True)


# The processes that are measured; each gets what it needs from its own interpreter.


def child_overproof(count: int) -> Figures:
    from bench_sampling import numbered, run_folder

    from overproof.config import parse_config
    from overproof.sampling import sample

    importlib.import_module("overproof.teacher.client")  # the others' imports are not counted either
    teacher = {
        "model": "mock-teacher",
        "base_url": BASE_URL,
        "stream": False,
        "concurrency": AT_ONCE,
        "start_concurrency": AT_ONCE,
    }
    tree = {"problems": {"path": "unused.jsonl"}, "teacher": teacher, "sampling": {"n": 1}}
    with tempfile.TemporaryDirectory(prefix="overproof-bench-") as root:
        folder, shards = run_folder(Path(root), numbered(count), 1)
        began = clocks()
        sample(parse_config(tree, "bench"), folder, range(shards))
        figures = since(began)
        traces = [trace for shard in range(shards) for trace in folder.read_traces(shard)]
    whole = [trace for trace in traces if trace.is_complete]
    return figures | {"kept": len(whole), "with_reasoning": sum(bool(one.reasoning) for one in whole)}


def child_curator(count: int) -> Figures:
    import litellm

    tokenizers = Path(litellm.__file__).parent / "litellm_core_utils" / "tokenizers"
    os.environ |= {"OPENAI_API_KEY": "none", "TELEMETRY_ENABLED": "false", "TIKTOKEN_CACHE_DIR": str(tokenizers)}
    from bespokelabs import curator
    from datasets import Dataset

    class Reasoner(curator.LLM):  # type: ignore[misc]  # this interpreter has no curator
        def prompt(self, row: dict[str, str]) -> str:
            return row["question"]

        def parse(self, row: dict[str, str], response: str) -> dict[str, str]:
            return {**row, "response": response}

    reasoner = Reasoner(
        model_name="mock-teacher",
        backend="openai",
        backend_params={
            "base_url": BASE_URL,
            "max_concurrent_requests": AT_ONCE,
            "max_requests_per_minute": 10**9,
            "max_tokens_per_minute": 10**12,
            "require_all_responses": False,
        },
        generation_params={"temperature": 0.6, "top_p": 0.95, "max_tokens": 16384},
    )
    rows = Dataset.from_list([{"question": question} for question in questions(count)])
    with tempfile.TemporaryDirectory() as root:
        began = clocks()
        made = reasoner(rows, working_dir=root).dataset
        figures = since(began)
        return figures | texts([str(row["response"]) for row in made])


def child_distilabel(count: int) -> Figures:
    from distilabel.models import OpenAILLM
    from distilabel.pipeline import Pipeline
    from distilabel.steps import LoadDataFromDicts
    from distilabel.steps.tasks import TextGeneration

    settings = {"temperature": 0.6, "top_p": 0.95, "max_new_tokens": 16384}
    llm = OpenAILLM(model="mock-teacher", base_url=BASE_URL, api_key="none", generation_kwargs=settings)
    with Pipeline() as pipeline:
        load = LoadDataFromDicts(data=[{"instruction": one} for one in questions(count)], batch_size=AT_ONCE)
        load >> TextGeneration(llm=llm, input_batch_size=AT_ONCE)
    began = clocks()
    made = pipeline.run(use_cache=False)["default"]["train"]
    figures = since(began)
    return figures | texts([row["generation"] for row in made if row["generation"]])


def questions(count: int) -> list[str]:
    return [f"What is {number} and 1?" for number in range(count)]


def texts(responses: list[str]) -> Figures:
    return {"kept": len(responses), "with_reasoning": sum("hence" in one for one in responses)}


def clocks() -> tuple[float, float]:
    """Wall clock, and processor time of this process and its ended children."""
    return time.perf_counter(), sum(os.times()[:4])


def since(began: tuple[float, float]) -> Figures:
    wall, processor = clocks()
    return {"seconds": wall - began[0], "cpu": processor - began[1]}


CHILDREN: dict[str, Callable[[int], Figures]] = {
    "overproof": child_overproof,
    "curator": child_curator,
    "distilabel": child_distilabel,
}


@contextmanager
def served(mock: Path, *options: str) -> Iterator[None]:
    """Run the load server on its core."""
    server = subprocess.Popen([sys.executable, str(mock), "--port", str(PORT), *options], stdout=subprocess.PIPE)
    os.sched_setaffinity(server.pid, {SERVER_CORE})
    try:
        assert server.stdout is not None
        if not server.stdout.readline():
            raise SystemExit(f"{mock} does not start; it needs uvloop and orjson.")
        yield
    finally:
        server.terminate()
        server.communicate()


def run_child(name: str, python: Path, count: int) -> Figures:
    """Run one package in its own interpreter on the other core; one that fails or takes too long says so."""
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as log:
        child = subprocess.Popen(
            [str(python), __file__, "--child", json.dumps([name, count])],
            stdout=output,
            stderr=log,
            env=os.environ | {"HF_HUB_OFFLINE": "1"},
        )
        os.sched_setaffinity(child.pid, {CLIENT_CORE % (os.cpu_count() or 1)})
        try:
            code = child.wait(GIVE_UP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            return {"failed": f"not done after {GIVE_UP_SECONDS} s", "seconds": time.perf_counter() - began}
        if code:
            log.seek(0)
            return {"failed": log.read().strip().splitlines()[-1][:120], "seconds": time.perf_counter() - began}
        output.seek(0)
        figures: Figures = json.loads(output.read().strip().splitlines()[-1])
        return figures


if __name__ == "__main__":
    main()
