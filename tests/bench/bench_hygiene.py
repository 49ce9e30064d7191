"""How fast problems are compared with each other and with benchmarks, and what of what was planted is found.

    python tests/bench/bench_hygiene.py [--small]

Clusters: made problems of about 200 characters, every tenth an edit of an earlier one by one word; and problems from
few templates, which is hard on the hashing. Contamination: real questions that lie beside the repository (left out
without them), each edited in several ways and looked up among all; and half of a set looked up in its other half,
where what is found is a question that two papers share, or a false alarm to be read.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from overproof.config.selection import HygieneConfig
from overproof.hygiene import examine
from overproof.hygiene.contamination import BenchmarkIndex, BenchmarkItem
from overproof.records import Problem
from overproof.tiny.problems import procedural_problems

SHARED = Path(os.environ.get("OVERPROOF_SHARED", Path(__file__).parents[3] / "shared"))
SETS = ("gsm8k_openai", "zh_problems", "hardverify_math", "gaokaobench_mcq_zh", "qwen_math_cot", "aime25_r1_think")
TARGET_SECONDS = 120
SHORTEST = 60  # characters; a shorter question says too little to be told from others


def main() -> None:
    """Print each figure beside its target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tenth of the problems")
    parser.add_argument("--measure", choices=["edited", "templates"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    count = 20_000 if options.small else 200_000
    if options.measure:
        measure(make_edited(count) if options.measure == "edited" else make_templates(count))
        return
    print(" problems  made of     seconds  target  peak MB  in clusters")
    for kind in ("edited", "templates"):
        command = [sys.executable, __file__, "--measure", kind, *(["--small"] if options.small else [])]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        seconds, megabytes, clustered = map(float, printed.split())
        planted = f"of {count // 5:,} planted" if kind == "edited" else ""
        row = f"{count:>9,}  {kind:<10} {seconds:>8.1f} {TARGET_SECONDS:>7} {megabytes:>8.0f}"
        print(f"{row}  {clustered:,.0f} {planted}", flush=True)
    print_contamination()


def measure(problems: Sequence[Problem]) -> None:
    """Examine; print seconds, peak memory and clustered problems for the parent."""
    start = time.perf_counter()
    findings = examine(problems, HygieneConfig())
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(seconds, peak, sum(finding.cluster is not None for finding in findings.values()))


def make_edited(count: int) -> list[Problem]:
    """Problems of random words, every tenth the one five before it with one word changed."""
    chance = random.Random(0)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(chance.choices(letters, k=chance.randint(2, 9))) for _ in range(20_000)]
    questions: list[list[str]] = []
    for number in range(count):
        if number % 10 == 9:
            edited = list(questions[-5])
            edited[chance.randrange(len(edited))] = "changed"
            questions.append(edited)
        else:
            numbers = (str(chance.randint(1, 999)) for _ in range(36))
            questions.append([chance.choice(words) if chance.random() < 0.8 else next(numbers) for _ in range(36)])
    return [Problem(str(number), " ".join(question)) for number, question in enumerate(questions)]


def make_templates(count: int) -> list[Problem]:
    """Problems of the embedded teacher's generator, which has few templates."""
    return list(procedural_problems(count, seed=0, split="train"))


def print_contamination() -> None:
    """Share of edited questions that are found, for each way of editing and each set."""
    edits: dict[str, Callable[[str, random.Random], str]] = {
        "same": lambda text, _: text,
        "numbers": change_numbers,
        "1 word": lambda text, chance: change_words(text, chance, 1),
        "2 words": lambda text, chance: change_words(text, chance, 2),
        "4 words": lambda text, chance: change_words(text, chance, 4),
        "first half": lambda text, _: text[: len(text) // 2],
        "inside": lambda text, _: f"Solve the following with care. {text} Give the answer only.",
    }
    names = " ".join(f"{name:>10}" for name in edits)
    print(f"\nshare found         questions {names}  other half flagged")
    for name in SETS:
        path = SHARED / "data" / "grading" / f"{name}.jsonl"
        if not path.is_file():
            print(f"{name:<20} is not beside the repository")
            continue
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        questions = list(dict.fromkeys(row["problem"] for row in rows if len(row["problem"] or "") > SHORTEST))
        for method, look_up in (("ours", look_up_index), ("any 8 words", look_up_eight_words)):
            shares = []
            for edit in edits.values():
                chance = random.Random(0)
                found = look_up(questions, [edit(text, chance) for text in questions])
                shares.append(sum(number in numbers for number, numbers in enumerate(found)) / len(questions))
            flagged = sum(bool(numbers) for numbers in look_up(questions[::2], questions[1::2]))
            figures = " ".join(f"{share:>10.3f}" for share in shares)
            label = f"{name:<18} {len(questions):>5}" if method == "ours" else f"  {method:<22}"
            print(f"{label}     {figures}  {flagged} of {len(questions) // 2}", flush=True)


def look_up_index(benchmark: Sequence[str], questions: Sequence[str]) -> list[set[int]]:
    """For each question the benchmark's questions that it matches, by this package."""
    index = BenchmarkIndex([BenchmarkItem("set", str(n), text) for n, text in enumerate(benchmark)], HygieneConfig())
    return [{int(match["benchmark_id"]) for match in matches} for matches in index.find(questions)]


def look_up_eight_words(benchmark: Sequence[str], questions: Sequence[str]) -> list[set[int]]:
    """The same by the rule that most pipelines use: any eight words in a row, split at spaces, lower case."""
    holders: dict[tuple[str, ...], set[int]] = {}
    for number, text in enumerate(benchmark):
        for passage in eight_words(text):
            holders.setdefault(passage, set()).add(number)
    return [set().union(*(holders.get(passage, set()) for passage in eight_words(text))) for text in questions]


def eight_words(text: str) -> set[tuple[str, ...]]:
    """Every run of eight words."""
    words = text.lower().split()
    return {tuple(words[start : start + 8]) for start in range(len(words) - 7)}


def change_numbers(text: str, chance: random.Random) -> str:
    """Every number another one of about its size."""
    return re.sub(r"\d+", lambda match: str(int(match[0]) + chance.randint(1, 9 * 10 ** (len(match[0]) - 1))), text)


def change_words(text: str, chance: random.Random, count: int) -> str:
    """So many words (characters where there are no spaces) replaced."""
    joint, foreign = (" ", "something") if " " in text[:40] else ("", "某")
    words = text.split(joint) if joint else list(text)
    for _ in range(count):
        words[chance.randrange(len(words))] = foreign
    return joint.join(words)


if __name__ == "__main__":
    main()
