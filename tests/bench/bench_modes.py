"""One student in both modes: trained on thinking traces alone, and on a mix with answers that are given at once.

    PYTHONPATH=tests python tests/bench/bench_modes.py FOLDER [--seeds 0 1] [--rows 1000]

The tiny teacher is sampled and verified once; both sets hold the same thinking rows, the mix also the answer part of
some of them. Every student is asked the same held-out problems with thinking and without. Prints a table of pass@1 and
format breaks in both modes, and the paired differences; minutes on two cores, resumed by the same command.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import orjson

from overproof import pipeline
from overproof.config import EvaluationRun, RunConfig, SftRun, parse_table
from overproof.evaluation import evaluate_modes
from overproof.evaluation.comparison import Side, compare
from overproof.evaluation.measures import Evaluation, show_estimate
from overproof.resources import bundled
from overproof.runfolder import RunFolder
from overproof.student.conversation import read_dataset_rows
from overproof.train import sft

MODES = ("thinking", "non_thinking")
RUN = {
    "problems": {"preset": "procedural", "split": "train", "limit": 900},
    "teacher": {"profile": "tiny", "temperature": 1.0, "top_p": 1.0, "max_tokens": 320, "concurrency": 32},
    "sampling": {"n": 2},
    "selection": {
        "policy": "correct",
        "k_per_problem": 2,
        "require": {"think_format": 1, "language_consistency": 0.8, "foreign_run": 1},
    },
    "export": {"validation": 0, "non_thinking": 0.25},
}
SFT = {
    "num_train_epochs": 3,
    "learning_rate": 5.0e-4,
    "lr_scheduler_type": "cosine",
    "warmup_steps": 0.05,
    "per_device_train_batch_size": 16,
    "weight_decay": 0.0,
    "train_sampling_strategy": "random",  # batches of both modes
    "save_strategy": "no",
}
STUDENT = {"profile": "path", "temperature": 1.0, "top_p": 1.0, "max_tokens": 320, "concurrency": 32}


def main() -> None:
    """Sample, train, ask and print."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--rows", type=int, default=1000, help="thinking rows of either set")
    parser.add_argument("--problems", type=int, default=300, help="held-out problems to ask")
    arguments = parser.parse_args()
    sets = make_sets(arguments.folder, arguments.rows)
    sides: dict[str, list[RunFolder]] = {"before": [RunFolder(arguments.folder / "before")]}
    found = {"before": [ask(sides["before"][0], str(bundled("tiny-student")), arguments.problems)]}
    for name, path in sets.items():
        for seed in arguments.seeds:
            folder = RunFolder(arguments.folder / f"{name}-{seed}")
            train(folder, path, seed)
            sides.setdefault(name, []).append(folder)
            found.setdefault(name, []).append(ask(folder, str(folder.student), arguments.problems))
            print(f"{name}, seed {seed}: done", flush=True)
    for name, path in sets.items():
        print(f"{name}: {len(path.read_bytes().splitlines()):,} rows")
    print_table(found, sides)


def make_sets(folder: Path, rows: int) -> dict[str, Path]:
    """Two sets with the same thinking rows; the mix has the non-thinking rows of the export beside them."""
    run = RunFolder(folder / "teacher")
    pipeline.run_all(pipeline.Run(parse_table(dict(RUN), "bench", RunConfig), run))
    made = [row.values for row in read_dataset_rows(run.dataset())]
    thinking = [row for row in made if row["chat_template_kwargs"]["enable_thinking"]][:rows]
    known = {row["id"] for row in thinking}
    answers = [row for row in made if row["id"].removesuffix("/answer") in known and row["id"] not in known]
    sets = {"thinking only": thinking, "mix": [*thinking, *answers]}
    paths = {}
    for name, kept in sets.items():
        paths[name] = folder / f"{name.replace(' ', '_')}.jsonl"
        paths[name].write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in kept))
    return paths


def train(folder: RunFolder, rows: Path, seed: int) -> None:
    """Train the shipped student; one that was trained before stays."""
    table = {
        "student": "tiny-student",
        "dataset": str(rows),
        "output": str(folder.student),
        "sft": SFT | {"seed": seed},
    }
    sft(parse_table({"train": table}, "bench", SftRun).train, folder)
    for checkpoint in folder.student.glob("checkpoint-*"):
        shutil.rmtree(checkpoint)


def ask(folder: RunFolder, student: str, problems: int) -> dict[str, Evaluation]:
    """The student's answers in both modes."""
    tree = {
        "student": STUDENT | {"model": student},
        "evaluation": {
            "problems": {"preset": "procedural", "split": "held_out", "limit": problems},
            "n": 4,
            "ks": [1],
            "modes": [*MODES],
        },
    }
    return evaluate_modes(parse_table(tree, "bench", EvaluationRun), folder)


def print_table(found: dict[str, list[dict[str, Evaluation]]], sides: dict[str, list[RunFolder]]) -> None:
    """Each student's figures, seed by seed, and what the mix changes in either mode."""
    print("| trained on | asked for | pass@1 | format breaks | tokens a reply |")
    print("| --- | --- | --- | --- | --- |")
    for name, seeds in found.items():
        for mode in MODES:
            for one in seeds:
                figures = one[mode].groups["all"]
                shown = [show_estimate(figures.pass_at[1]), show_estimate(figures.format_breaks)]
                print(f"| {name} | {mode} | {' | '.join(shown)} | {show_estimate(figures.tokens, '{:,.0f}')} |")
    for mode in MODES:
        print(f"\n{mode}, paired by problem, over all seeds:")
        pairs = [
            Side(name, [folder.evaluation_in(mode) for folder in sides[name]]) for name in ("thinking only", "mix")
        ]
        print("\n".join(compare(pairs).lines()))


if __name__ == "__main__":
    main()
