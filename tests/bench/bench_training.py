"""What training and evaluation here cost beside doing without them.

    python tests/bench/bench_training.py [sft | evaluation]

`sft`: steps a second of our command and of TRL's own, `trl sft`, on the same rows with the same settings, one thread
each, in turn; the median ratio counts. `evaluation`: what preparing, scoring and measuring add in processor time
to sampling from the tiny model, whose replies of 60 tokens cost less than any other's.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import yaml

from overproof import pipeline
from overproof.config import EvaluationRun, parse_table
from overproof.evaluation import evaluate
from overproof.resources import bundled
from overproof.runfolder import RunFolder
from overproof.tiny.corpus import TEACHER_NOISE, write_corpus
from overproof.tiny.problems import procedural_problems

ROUNDS = 5
ROWS = 640
SPEED_TARGET = 0.97
OVERHEAD_TARGET = 0.05
SETTINGS: dict[str, Any] = {
    "num_train_epochs": 1,
    "learning_rate": 5.0e-4,
    "per_device_train_batch_size": 16,
    "warmup_steps": 0.05,
    "logging_steps": 10,
    "save_strategy": "no",
    "seed": 0,
}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}


def main() -> None:
    """Print every figure beside its target."""
    wanted = sys.argv[1:] or ["sft", "evaluation"]
    with tempfile.TemporaryDirectory(prefix="overproof-bench-") as scratch:
        for number, name in enumerate(wanted):
            {"sft": bench_sft, "evaluation": bench_evaluation}[name](Path(scratch) / str(number))


def bench_sft(folder: Path) -> None:
    """Our command and TRL's, in turn."""
    folder.mkdir()
    rows = write_corpus(TEACHER_NOISE, seed=5)
    lines = [
        orjson.dumps(
            {
                "prompt": [{"role": message.role, "content": message.content} for message in example.messages],
                "completion": [{"role": "assistant", "content": example.reply}],
            }
        )
        for example in (next(rows) for _ in range(4 * ROWS))
        if "</think>" in example.reply and "boxed" in example.reply.partition("</think>")[2]
    ][:ROWS]
    (folder / "rows.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    ratios = []
    for number in range(ROUNDS):
        ours, theirs = run_ours(folder, number), run_trl(folder, number)  # in turn: at once they slow each other
        ratios.append(ours / theirs)
        print(f"  trl sft {theirs:6.3f} steps/s   overproof sft {ours:6.3f} steps/s   ratio {ours / theirs:.3f}")
    spread = f"median of {ROUNDS}, {min(ratios):.3f} to {max(ratios):.3f}"
    print(f"steps/s against trl sft: {statistics.median(ratios):.3f} ({spread})   target ≥ {SPEED_TARGET}")


def run_ours(folder: Path, number: int) -> float:
    """Steps a second of `python -m overproof.train`, by TRL's own clock."""
    output = folder / f"ours-{number}"
    tree = {"dataset": str(folder / "rows.jsonl"), "student": str(student()), "output": str(output), "sft": SETTINGS}
    (folder / "ours.yaml").write_text(yaml.safe_dump({"train": tree}))
    run([sys.executable, "-m", "overproof.train", str(folder / "ours.yaml")])
    summary = json.loads((output / "training.json").read_text())["summary"]
    return float(summary["steps"] / summary["seconds"])


def run_trl(folder: Path, number: int) -> float:
    """Steps a second of `trl sft`, by its own clock."""
    tree = SETTINGS | {
        "model_name_or_path": str(student()),
        "dtype": "float32",
        "datasets": [{"path": "json", "data_files": str(folder / "rows.jsonl"), "split": "train"}],
        "output_dir": str(folder / f"theirs-{number}"),
        "use_cpu": True,
        "bf16": False,
        "activation_checkpointing": False,
        "max_length": 512,
        "report_to": "none",
        "disable_tqdm": True,
    }
    (folder / "theirs.yaml").write_text(yaml.safe_dump(tree))
    said = run([sys.executable, "-m", "trl.scripts.sft", "--config", str(folder / "theirs.yaml")])
    found = re.search(r"'train_runtime': '?([\d.]+)'?", said)
    assert found, said[-2000:]
    return -(-ROWS // 16) / float(found[1])


def student() -> Path:
    """The tiny student that ships."""
    return bundled("tiny-student")


def run(command: list[str]) -> str:
    """Run a command with one thread; its output."""
    done = subprocess.run(command, env=os.environ | ONE_THREAD, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


def bench_evaluation(folder: Path) -> None:
    """The tiny teacher evaluated on a problem file, and the time of each stage."""
    folder.mkdir()
    problems = procedural_problems(400, seed=0, split="held_out")
    lines = [orjson.dumps({"id": one.id, "question": one.question, "reference": one.reference}) for one in problems]
    (folder / "problems.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    tree = {
        "student": {"profile": "tiny", "temperature": 1.0, "top_p": 1.0, "max_tokens": 320, "concurrency": 32},
        "evaluation": {"problems": {"path": str(folder / "problems.jsonl")}, "n": 8, "ks": [1, 8]},
    }
    config = parse_table(tree, "bench", EvaluationRun)
    shares = []
    for number in range(ROUNDS):
        stages: dict[str, float] = {}
        start, children = time.process_time(), children_seconds()
        with_clock(stages, partial(evaluate, config, RunFolder(folder / f"run-{number}")))
        rest = time.process_time() - start - sum(stages.values())
        stages |= {"measure": rest, "the model's server": children_seconds() - children}
        told = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in stages.items())
        if number == 0:
            print(f"  with what is loaded once: {told}")
            continue
        sampling = stages["sample"] + stages["the model's server"]
        shares.append((stages["prepare"] + stages["score"] + stages["measure"]) / sampling)
        print(f"  {told}   overhead {shares[-1]:.1%}")
    said = f"{statistics.median(shares):.1%} of processor time, median of {len(shares)}"
    print(f"evaluation over sampling: {said}   target ≤ {OVERHEAD_TARGET:.0%}")


def children_seconds() -> float:
    """Processor time of the children that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def with_clock(stages: dict[str, float], work: Callable[[], Any]) -> None:
    """Do the work, and note the processor time that each stage of the pipeline took of this process."""
    kept = {name: getattr(pipeline, name) for name in ("prepare", "sample", "score")}

    def timed(name: str) -> Callable[..., Any]:
        def stage(*arguments: Any) -> Any:
            start = time.process_time()
            try:
                return kept[name](*arguments)
            finally:
                stages[name] = time.process_time() - start

        return stage

    for name in kept:
        setattr(pipeline, name, timed(name))
    try:
        work()
    finally:
        for name, stage in kept.items():
            setattr(pipeline, name, stage)


if __name__ == "__main__":
    main()
