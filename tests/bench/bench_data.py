"""What reading, importing and going on with the data of others costs, and which planted wrong references are found.

    PYTHONPATH=src:tests python tests/bench/bench_data.py [--rows 100000] [--only suspects|stages]

Import: 100,000 replies of 8 KB (or --rows), four to a problem, imported, scored, selected and exported, each stage in a
process of its own, so that its peak memory is its own; processor time is that of all its processes. Suspects: made
problems, the reference of every twentieth of which is replaced by a wrong one, answered four, eight and sixteen times
each by a solver that is right with a chance between .2 and 1 and otherwise makes one of a few likely mistakes; beside
what the majority alone would call suspect.
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
from collections import Counter
from pathlib import Path

from overproof import pipeline, suspects
from overproof.config import load_config
from overproof.hygiene.wrong_references import FEWEST_AGREEING, Agreement, SuspectReference, find_candidate
from overproof.importing import TraceSet, import_traces
from overproof.pipeline import Run
from overproof.runfolder import RunFolder
from overproof.tiny.problems import procedural_problems

MOST_MEGABYTES = 600
STAGES = ("import", "prepare", "score", "select", "export")
TEXT = "so we have the sum of two numbers and therefore let me check again that the answer is what it should be. "
SAMPLES = (4, 8, 16)
PROBLEMS = 2_000
RUNS = 8


def main() -> None:
    """Print each figure beside its target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="replies of 8 KB")
    parser.add_argument("--only", choices=["suspects", "stages"])
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        measure(options.stage, options.folder)
        return
    if options.only != "stages":
        print_suspects()
        print_alarms()
    if options.only == "suspects":
        return
    with tempfile.TemporaryDirectory() as scratch:
        write_replies(Path(scratch) / "theirs.jsonl", options.rows)
        print(f"\n{options.rows:,} replies of 8 KB   seconds  processor  peak MB  target", flush=True)
        for stage in STAGES:
            command = [sys.executable, __file__, "--stage", stage, "--folder", scratch]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            seconds, processor, megabytes = map(float, printed.split()[-3:])
            row = f"{stage:<24} {seconds:>8.1f} {processor:>10.1f} {megabytes:>8.0f} {MOST_MEGABYTES:>7}"
            print(row, flush=True)


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
    """Do one stage; print seconds, processor seconds and peak memory (of the largest process) for the parent."""
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
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    processor = sum(one.ru_utime + one.ru_stime for one in used)
    print(seconds, processor, max(one.ru_maxrss for one in used) / 1024)


def print_suspects() -> None:
    """Plant wrong references, and print how many are found, missed, and suspected without reason."""
    print("answers  problems  planted   found  missed  false alarms    target    of the majority alone: found  false")
    for samples in SAMPLES:
        wrong, candidates, suspect = plant(PROBLEMS, samples)
        alarms = len(suspect - wrong) / (PROBLEMS - len(wrong))
        shown = f"{samples:>7} {PROBLEMS:>9,} {len(wrong):>8} {len(suspect & wrong):>7} {len(wrong - suspect):>7}"
        shown += f" {len(suspect - wrong):>6} ({alarms:.2%}) {'<= 1%':>8}"
        print(f"{shown} {len(candidates & wrong):>31} {len(candidates - wrong):>6}", flush=True)


def print_alarms() -> None:
    """The same without a run, by the texts of the answers, over several made runs: the mean and each of them."""
    for samples in SAMPLES:
        shares, found, planted = [], 0, 0
        for seed in range(RUNS):
            wrong, suspect = plant_answers(PROBLEMS, samples, seed)
            found, planted = found + len(suspect & wrong), planted + len(wrong)
            shares.append(len(suspect - wrong) / (PROBLEMS - len(wrong)))
        each = ", ".join(f"{share:.2%}" for share in shares)
        print(
            f"{samples:>7} answers, {RUNS} runs: {found / planted:.0%} found, {sum(shares) / RUNS:.2%} false ({each})"
        )


def plant_answers(count: int, samples: int, seed: int) -> tuple[set[str], set[str]]:
    """The ids of wrong references and of those that are called suspect."""
    chance = random.Random(seed)
    agreement = Agreement()
    wrong: set[str] = set()
    candidates: list[SuspectReference] = []
    for problem in procedural_problems(count, seed=seed + 1, split="train"):
        right = problem.reference or ""
        reference = mistake(right, chance) if chance.random() < 0.05 else right
        wrong |= {problem.id} if reference != right else set()
        said = answers_to(right, samples, chance)
        others = Counter(one for one in said if one != reference)
        supporting = samples - others.total()
        agreement.note_counts(supporting, others.total())
        if agreement.wants_wrong(supporting, others.total()):
            agreement.note_wrong(list(others.elements()))
        top, agreeing = others.most_common(1)[0] if others else ("", 0)
        if agreeing >= FEWEST_AGREEING and 2 * agreeing > samples:
            candidates.append(SuspectReference(problem.id, reference, top, agreeing, samples, supporting))
    listed = agreement.find_suspects(candidates, Counter(one.tally for one in candidates))
    return wrong, {one.problem_id for one in listed}


def answers_to(right: str, samples: int, chance: random.Random) -> list[str]:
    """What a solver says of a problem that it is right on in .2 to 1 of its answers, else one of three mistakes."""
    skill = chance.uniform(0.2, 1)
    likely = [mistake(right, chance) for _ in range(3)]
    return [right if chance.random() < skill else chance.choice(likely) for _ in range(samples)]


def plant(count: int, samples: int) -> tuple[set[str], set[str], set[str]]:
    """The ids of wrong references, of those that most traces contradict, and of those that are called suspect."""
    chance = random.Random(0)
    wrong: set[str] = set()
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "theirs.jsonl"
        with path.open("w") as file:
            for problem in procedural_problems(count, seed=1, split="train"):
                right = problem.reference or ""
                planted = mistake(right, chance) if chance.random() < 0.05 else right
                wrong |= {problem.id} if planted != right else set()
                said = answers_to(right, samples, chance)
                replies = [f"<think>\n{TEXT}\n</think>\n\n\\boxed{{{answer}}}" for answer in said]
                row = {"id": problem.id, "problem": problem.question, "answer": planted, "generations": replies}
                file.write(json.dumps(row) + "\n")
        folder = RunFolder(Path(scratch) / "run")
        import_traces(TraceSet(path=str(path)), folder)
        run = Run(load_config(str(folder.root), ["hygiene.duplicates=false", "hygiene.near_duplicates=null"]), folder)
        pipeline.prepare(run)
        pipeline.score(run)
        candidates: set[str] = set()
        for shard in run.shards:
            scores = {score.trace_id: score for score in folder.read_scores(shard)}
            found = (find_candidate(traces, scores) for _, traces in folder.read_groups(shard) if traces)
            candidates |= {one.problem_id for one in found if one is not None}
        return wrong, candidates, {one.found.problem_id for one in suspects.find_suspects(folder, run.shards)}


def mistake(answer: str, chance: random.Random) -> str:
    """A wrong answer of the same form: its last number changed a little."""
    digits = [place for place, character in enumerate(answer) if character.isdigit()]
    if not digits:
        return f"{answer} + 1"
    place = digits[-1]
    return f"{answer[:place]}{(int(answer[place]) + chance.randint(1, 8)) % 10}{answer[place + 1 :]}"


if __name__ == "__main__":
    main()
