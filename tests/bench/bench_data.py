"""What reading, importing and going on with the data of others costs, and which planted wrong references are found.

    PYTHONPATH=src:tests python tests/bench/bench_data.py [--small]

Import: 100,000 replies of 8 KB (--small: a tenth), four to a problem, imported, scored, selected and exported, each
stage in a process of its own, so that its peak memory is its own. Suspects: made problems, the reference of every
twentieth of which is replaced by a wrong one, answered eight times each by a solver that is right with a chance between
.2 and 1 and otherwise makes one of a few likely mistakes.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from overproof import pipeline, suspects
from overproof.config import load_config
from overproof.importing import TraceSet, import_traces
from overproof.pipeline import Run
from overproof.runfolder import RunFolder
from overproof.tiny.problems import procedural_problems

MOST_MEGABYTES = 600
STAGES = ("import", "prepare", "score", "select", "export")
TEXT = "so we have the sum of two numbers and therefore let me check again that the answer is what it should be. "
SAMPLES = 8


def main() -> None:
    """Print each figure beside its target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tenth of the rows")
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        measure(options.stage, options.folder)
        return
    print_suspects(2_000)
    rows = 10_000 if options.small else 100_000
    with tempfile.TemporaryDirectory() as scratch:
        write_replies(Path(scratch) / "theirs.jsonl", rows)
        print(f"\n{rows:,} replies of 8 KB    seconds  peak MB  target")
        for stage in STAGES:
            command = [sys.executable, __file__, "--stage", stage, "--folder", scratch]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            seconds, megabytes = map(float, printed.split()[-2:])
            print(f"{stage:<24} {seconds:>8.1f} {megabytes:>8.0f} {MOST_MEGABYTES:>7}", flush=True)


def write_replies(path: Path, rows: int) -> None:
    """A trace file: four replies to each problem, the fourth wrong."""
    thought = TEXT * (8_000 // len(TEXT))
    with path.open("w") as file:
        for number in range(rows):
            problem, reply = divmod(number, 4)
            answer = 2 * problem + (reply == 3)
            row = {
                "question": f"What is {problem} + {problem}?",
                "response": f"<think>\n{thought}{number}\n</think>\n\nIt is \\boxed{{{answer}}}.",
                "answer": str(2 * problem),
            }
            file.write(json.dumps(row) + "\n")


def measure(stage: str, scratch: Path) -> None:
    """Do one stage; print seconds and peak memory (this process, or the largest of its own) for the parent."""
    folder = RunFolder(scratch / "run")
    start = time.perf_counter()
    if stage == "import":
        import_traces(TraceSet(path=str(scratch / "theirs.jsonl")), folder)
    else:
        run = Run(load_config(str(folder.root), ["workers=1"]), folder)
        {
            "prepare": pipeline.prepare,
            "score": pipeline.score,
            "select": pipeline.select,
            "export": pipeline.export_dataset,
        }[stage](run)
    seconds = time.perf_counter() - start
    peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(seconds, max(peaks) / 1024)


def print_suspects(count: int) -> None:
    """Plant wrong references, and print how many are found, missed, and suspected without reason."""
    chance = random.Random(0)
    wrong: set[str] = set()
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "theirs.jsonl"
        with path.open("w") as file:
            for problem in procedural_problems(count, seed=1, split="train"):
                right = problem.reference or ""
                planted = mistake(right, chance) if chance.random() < 0.05 else right
                wrong |= {problem.id} if planted != right else set()
                skill = chance.uniform(0.2, 1)
                likely = [mistake(right, chance) for _ in range(3)]
                said = [right if chance.random() < skill else chance.choice(likely) for _ in range(SAMPLES)]
                replies = [f"<think>\n{TEXT}\n</think>\n\n\\boxed{{{answer}}}" for answer in said]
                row = {"id": problem.id, "problem": problem.question, "answer": planted, "generations": replies}
                file.write(json.dumps(row) + "\n")
        folder = RunFolder(Path(scratch) / "run")
        import_traces(TraceSet(path=str(path)), folder)
        run = Run(load_config(str(folder.root), ["hygiene.duplicates=false", "hygiene.near_duplicates=null"]), folder)
        pipeline.prepare(run)
        pipeline.score(run)
        found = {one.found.problem_id for one in suspects.find_suspects(folder, run.shards)}
    hit, alarms = len(found & wrong), len(found - wrong)
    print(f"{len(wrong)} wrong references among {count:,}, {SAMPLES} answers each, right with a chance of .2 to 1:")
    print(f"found {hit}, missed {len(wrong) - hit}, false alarms {alarms} ({alarms / (count - len(wrong)):.2%})")


def mistake(answer: str, chance: random.Random) -> str:
    """A wrong answer of the same form: its last number changed a little."""
    digits = [place for place, character in enumerate(answer) if character.isdigit()]
    if not digits:
        return f"{answer} + 1"
    place = digits[-1]
    return f"{answer[:place]}{(int(answer[place]) + chance.randint(1, 8)) % 10}{answer[place + 1 :]}"


if __name__ == "__main__":
    main()
