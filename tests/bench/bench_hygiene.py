"""How fast problems are compared with each other and with benchmarks, and what of what was planted is found.

    python tests/bench/bench_hygiene.py [--small]

Clusters: made problems of about 200 characters, every tenth an edit of an earlier one by one word; and problems from
few templates, which is hard on the hashing. Contamination: real questions that lie beside the repository (left out
without them), each edited in several ways and looked up among all; and half of a set looked up in its other half,
where what is found is a question that two papers share, or a false alarm to be read. Rewordings: three benchmarks with
names and numbers changed, in other words, and with clauses added (tests/cases/rewordings*.jsonl, among the questions of
sets where they lie beside the repository), and how many questions of other sets are listed: what has a passage of 13
words, numbers or Han characters with the benchmark question stands in it indeed, as does a shorter one that is part of
it, so the others are counted by themselves. They were read (tests/cases/rewordings_read.jsonl), and what is no question
of the benchmark in other words or with other numbers is listed in error. What has not been read counts as such.
"""

from __future__ import annotations

import argparse
import hashlib
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
from overproof.hygiene.contamination import BenchmarkIndex, BenchmarkItem, Rewordings
from overproof.hygiene.ngrams import split_words
from overproof.records import Problem
from overproof.tiny.problems import procedural_problems

SHARED = Path(os.environ.get("OVERPROOF_SHARED", Path(__file__).parents[3] / "shared"))
SETS = ("gsm8k_openai", "zh_problems", "hardverify_math", "gaokaobench_mcq_zh", "qwen_math_cot", "aime25_r1_think")
OTHER_SETS = (
    *("math23k", "asdiv", "svamp", "mawps", "college_math", "olympiadbench", "rllm_math", "rllm_aime", "aqua"),
    *("tal_en_train_3K", "tal_en_test_2K", "tal_ch_train_3K", "tal_ch_test_2K", "cmath", "minerva", "mmlu_stem"),
)
HELD_OUT = ("carp_en", "gaokao2023en", "scibench", "gaokao_math_qa", "limo_grade_school_math")
HELD_OUT_OTHERS = (
    *(
        "theoremqa",
        "limo_math",
        "limo_kaoyan",
        "limo_gaokao",
        "gaokao_math_cloze",
        "rllm_amc",
        "sat_math",
        "orz_math500",
    ),
    *("imo_answerbench", "cn_middle_school", "gaokao2024", "olymmath_zh-easy", "olymmath_en-easy", "amc23"),
)
FRESH = ("gsmplus_gsm8k", "gaokaobench_mcq_zh", "talscq_choice", "qwen_math_cot")
FRESH_OTHERS = (
    *("limo_aime", "limo_cn_math_2024", "gaokao2024_mix", "olymmath_en-hard", "olymmath_zh-hard", "orz_aime2024"),
    *("omnimath_frontier", "gaokao2026_zh", "zh_problems", "threads_2026", "mrmath_human", "math_perturb"),
)
NAMES = ("Avery", "Blake", "Casey", "Devon", "Ellis", "Finley", "Harper", "Indigo")
BENCHMARK = 10_000
TARGET_SECONDS = 120
SHORTEST = 60  # characters; a shorter question says too little to be told from others


def main() -> None:
    """Print each figure beside its target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tenth of the problems")
    parser.add_argument("--rewordings", action="store_true", help="only what is found of reworded questions")
    parser.add_argument("--show", action="store_true", help="with --rewordings: print what is listed in error")
    parser.add_argument("--measure", choices=["edited", "templates", "benchmarks"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    count = 20_000 if options.small else 200_000
    if options.rewordings:
        print_rewordings(show=options.show)
        return
    if options.measure == "benchmarks":
        measure_benchmarks(count)
        return
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
    print_rewordings()
    command = [sys.executable, __file__, "--measure", "benchmarks", *(["--small"] if options.small else [])]
    seconds, megabytes, listed = map(
        float, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    )
    print(f"\n{count:,} problems against {BENCHMARK:,} benchmark questions: ", end="")
    print(f"{seconds:.0f} s of one processor (target 180), ", end="")
    print(f"{megabytes:,.0f} MB (target 1,000), {listed:,.0f} listed", flush=True)
    print_contamination()


def measure_benchmarks(count: int) -> None:
    """Look made problems up in made benchmark questions; print processor seconds, peak memory and listed problems."""
    problems = make_edited(count)
    benchmark = [problem.question for problem in make_edited(BENCHMARK)]
    items = [BenchmarkItem("made", str(number), question) for number, question in enumerate(benchmark)]
    start = time.process_time()
    certain, likely, listed = BenchmarkIndex(items, HygieneConfig()), None, 0
    for first in range(0, count, 4096):
        batch = [problem.question for problem in problems[first : first + 4096]]
        certain.find(batch)
        likely = likely or Rewordings(items, batch)
        listed += sum(map(bool, likely.find(batch)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(time.process_time() - start, peak, listed)


def print_rewordings(*, show: bool = False) -> None:
    """Share of reworded benchmark questions that are listed, beside what any 8 and any 13 words in a row find.

    First on the questions that the thresholds were chosen on; then on those on which an earlier rule failed, and whose
    false alarms were read when this one was made; then on questions that had no part in it.
    """
    print("\nquestions that the thresholds were chosen on")
    print_shares(["gsm8k"], "rewordings.jsonl", OTHER_SETS, show=show)
    print("\nquestions whose false alarms were read")
    print_shares(HELD_OUT, "rewordings_held_out.jsonl", HELD_OUT_OTHERS, show=show)
    print("\nquestions that had no part in it")
    print_shares(FRESH, "rewordings_fresh.jsonl", FRESH_OTHERS, show=show)


def print_shares(sets: Sequence[str], cases: str, other_sets: Sequence[str], *, show: bool) -> None:
    """The table of one benchmark: the questions of these sets with those of a file of cases.

    `show` prints what is listed in error, or has not been read yet.
    """
    pairs = [json.loads(line) for line in (Path(__file__).parents[1] / "cases" / cases).open("rb")]
    known = list(dict.fromkeys(text for name in sets for text in read_questions(name) if len(text) > SHORTEST))
    benchmark = known + [pair["question"] for pair in pairs]
    first, chance = len(benchmark) - len(pairs), random.Random(0)
    everyone = list(range(len(benchmark)))
    reworded = {
        "numbers changed": (everyone, [change_numbers(text, chance) for text in benchmark], 0.95),
        "names and numbers changed": (
            everyone,
            [change_names(change_numbers(text, chance)) for text in benchmark],
            0.95,
        ),
        "rephrased": (everyone[first:], [pair["rephrased"] for pair in pairs], 0.60),
        "clauses added": (everyone[first:], [pair["extended"] for pair in pairs], 0.60),
    }
    others = list(dict.fromkeys(text for name in other_sets for text in read_questions(name)))
    ways: dict[str, Callable[[Sequence[str], Sequence[str]], list[set[int]]]] = {
        "ours": lambda known, asked: look_up_all(known, asked, others),
        "any 8 words": look_up_eight_words,
        "any 13 words": look_up_thirteen_words,
    }
    print(f"\n{'share found of':<28}{'questions':>9}{'target':>8}" + "".join(f"{name:>14}" for name in ways))
    for name, (numbers, texts, target) in reworded.items():
        shares = []
        for look_up in ways.values():
            found = look_up(benchmark, texts)
            shares.append(sum(number in those for number, those in zip(numbers, found, strict=True)) / len(texts))
        print(f"{name:<28}{len(texts):>9}{target:>8}" + "".join(f"{share:>14.3f}" for share in shares), flush=True)
    if others:
        listed = [look_up(benchmark, others) for look_up in ways.values()]
        shares = [sum(map(bool, those)) / len(others) for those in listed]
        print(f"{'listed of other sets':<28}{len(others):>9}{'':>8}" + "".join(f"{share:>14.3%}" for share in shares))
        spelled = [
            [" ".join(filter(str.isalnum, split_words(text))) for text in texts] for texts in (benchmark, others)
        ]
        same = [
            a | b
            for a, b in zip(
                look_up_runs(spelled[0], spelled[1], 13), look_up_wholes(spelled[0], spelled[1]), strict=True
            )
        ]
        alone = [ours - those if not ours & those else set() for ours, those in zip(listed[0], same, strict=True)]
        print(f"{'  with no passage in common':<28}{'':>9}{'':>8}{sum(map(bool, alone)) / len(others):>14.3%}")
        read = read_judgements()
        wrong = [
            (text, benchmark[number])
            for text, those in zip(others, alone, strict=True)
            if those and all(read.get((digest(text), digest(benchmark[one])), "other") == "other" for one in those)
            for number in sorted(those)[:1]
        ]
        print(f"{'  in error, as read':<28}{'':>9}{'.1%':>8}{len(wrong) / len(others):>14.3%}", flush=True)
        for pair in wrong if show else ():
            for text in pair:
                print(f"    {digest(text)} {' '.join(text.split())[:300]}")


def look_up_wholes(benchmark: Sequence[str], questions: Sequence[str]) -> list[set[int]]:
    """For each question the benchmark's that are the same as a whole, or short and part of one another."""
    numbered = [(number, f" {text} ") for number, text in enumerate(benchmark) if text]
    short = [(number, text) for number, text in numbered if len(text.split()) < 13]
    found = []
    for question in questions:
        asked = f" {question} "
        whole = numbered if len(question.split()) < 13 else short
        found.append({number for number, text in whole if text in asked or (question and asked in text)})
    return found


def digest(text: str) -> str:
    """What a question is known by where its text may not stand."""
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def read_judgements() -> dict[tuple[str, str], str]:
    """What a person has read a listed question and the benchmark's to be: same, reworded, numbers changed, other."""
    path = Path(__file__).parents[1] / "cases" / "rewordings_read.jsonl"
    rows = map(json.loads, path.open("rb"))
    return {(row["asked"], row["benchmark"]): row["is"] for row in rows}


def read_questions(name: str) -> list[str]:
    """Real questions beside the repository; none without them."""
    for folder, column in (("questions", "question"), ("grading", "problem")):
        path = SHARED / "data" / folder / f"{name}.jsonl"
        if path.is_file():
            return [text for line in path.open("rb") if (text := json.loads(line)[column])]
    return []


def look_up_all(benchmark: Sequence[str], questions: Sequence[str], sample: Sequence[str]) -> list[set[int]]:
    """What this package finds, for certain or for a person to look at."""
    items = [BenchmarkItem("set", str(number), text) for number, text in enumerate(benchmark)]
    likely = Rewordings(items, random.Random(0).sample(sample, min(4096, len(sample)))).find(questions)
    certain = BenchmarkIndex(items, HygieneConfig()).find(questions)
    return [{int(one["benchmark_id"]) for one in (*a, *b)} for a, b in zip(certain, likely, strict=True)]


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
    return look_up_runs(benchmark, questions, 8)


def look_up_thirteen_words(benchmark: Sequence[str], questions: Sequence[str]) -> list[set[int]]:
    """The same with thirteen words, as GPT-3's authors did."""
    return look_up_runs(benchmark, questions, 13)


def look_up_runs(benchmark: Sequence[str], questions: Sequence[str], length: int) -> list[set[int]]:
    """For each question the benchmark's questions that share a run of so many words with it."""
    holders: dict[tuple[str, ...], set[int]] = {}
    for number, text in enumerate(benchmark):
        for passage in runs_of(text, length):
            holders.setdefault(passage, set()).add(number)
    return [set().union(*(holders.get(run, set()) for run in runs_of(text, length))) for text in questions]


def runs_of(text: str, length: int) -> set[tuple[str, ...]]:
    """Every run of so many words."""
    words = text.lower().split()
    return {tuple(words[start : start + length]) for start in range(len(words) - length + 1)}


def change_names(text: str) -> str:
    """Every name another one: words with a capital letter that begin no sentence."""
    names = sorted(set(re.findall(r"(?<=[a-z,] )[A-Z][a-z]+", text)))
    for number, name in enumerate(names):
        text = re.sub(rf"\b{name}\b", NAMES[number % len(NAMES)], text)
    return text


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
