"""Grading measured: accuracy, speed and hostile inputs, each figure beside its target and beside Math-Verify.

    python tests/bench/bench_grading.py [accuracy] [generated] [questions] [speed] [hostile] [--show NAME] [--every N]

`--every 10` takes each tenth row of every file; `--show` prints the disagreements of a source, a kind of rewrite or a
kind of thread whose name holds NAME. Reads the labelled rows in `../shared/data` (or $OVERPROOF_SHARED/data), which are
not part of this repository, and prints nothing but a note where they are absent. Math-Verify runs in its fairest
setting in the same process: reference and answer-only rows wrapped in a box, boxes first, LaTeX and plain expressions
read. No verdict counts as a wrong one; precision is the share of accepted rows that are labelled right, recall the
share of right rows that are accepted.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overproof.grading import Row, grade, grade_many
from overproof.grading.pool import MEMORY_BYTES, POOL
from overproof.grading.protocol import BACKSTOP
from overproof.records import Grade, Verdict

SHARED = Path(os.environ.get("OVERPROOF_SHARED", Path(__file__).parents[3] / "shared"))
DATA = SHARED / "data"

POOLED = [
    "gaokao2026_zh", "gaokao2026_zh_think", "gaokaobench_mcq_zh", "gsm8k_openai", "gsmplus_gsm8k", "qwen_math_cot",
    "mathvista_choice_text", "aime25_r1_think",
]  # fmt: skip
IDENTITY = ["identity_refs", "imo_answerbench_identity", "limo_refs_identity", "omnimath_identity"]
SOURCES = [
    "hardverify_math", "issues_human", "tests_mathverify", "tests_other", "tests_stack_hendrycks", *POOLED,
    "nemo_testdata", "threads_2026", "omnimath_frontier", "talscq_choice", "scibench_units", "math_perturb",
    "mrgsm8k_human", "mrmath_human", "sieval_2026_pairs", *IDENTITY,
]  # fmt: skip
TARGETS: dict[str, tuple[float, float]] = {
    "threads_2026": (0.97, 0.85), "omnimath_frontier": (0.998, 0.995), "talscq_choice": (1.0, 0.995),
    "scibench_units": (0.997, 0.99), "mathvista_choice_text": (0.99, 0.72), "hardverify_math": (0.99, 0.82),
    "tests_other": (0.97, 0.88), "tests_mathverify": (0.97, 0.88), "tests_stack_hendrycks": (0.97, 0.88),
    "gaokao2026_zh": (1.0, 0.998), "gaokao2026_zh_think": (1.0, 0.996), "gaokaobench_mcq_zh": (1.0, 0.9849),
    "gsm8k_openai": (1.0, 1.0), "gsmplus_gsm8k": (1.0, 1.0), "qwen_math_cot": (1.0, 1.0), "identity_refs": (1.0, 1.0),
    "imo_answerbench_identity": (1.0, 1.0), "limo_refs_identity": (1.0, 1.0), "omnimath_identity": (1.0, 0.999),
}  # fmt: skip
"""Precision and recall that a source must reach; those that were reached before are kept."""
POOLED_PRECISION = 0.99
ACCEPTED_THOUGH_CHANGED, REJECTED_THOUGH_KEPT, UNVERIFIABLE = 0.005, 0.01, 0.02
"""The most that may go wrong on answers that were rewritten by rule, with their meaning changed or kept."""
OWN_SECONDS = 2.5
"""Processor time within which any answer must end."""
FLOODS = [
    "1, ",
    "x + ",
    "(1,2), ",
    "中文",
    "the answer is ",
    "$x$ ",
    "A. ",
    "option B is ",
    "选A ",
    "[",
    "Thus 5 ",
    "\\[ x ",
]
FLOOD_CHARS, SHORTEST_SECONDS, MOST_DOUBLED = 45_000, 0.004, 2.8
"""A flood, the time below which a ratio is noise, and how many times the time of one two may take."""
STRICT = {"tests_stack_hendrycks"}
"""Sources whose labels count a rounded answer as wrong."""
TAKEN = argparse.Namespace(every=1)
"""Each how many-th row of a file is taken."""


@dataclass(frozen=True)
class Counts:
    """Verdicts of one grader on one source."""

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int
    unverifiable: int

    @property
    def rows(self) -> int:
        return self.true_positives + self.false_positives + self.false_negatives + self.true_negatives

    @property
    def precision(self) -> float:
        return self.true_positives / max(1, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        return self.true_positives / max(1, self.true_positives + self.false_negatives)

    @property
    def right(self) -> int:
        return self.true_positives + self.true_negatives


def load(source: str) -> list[dict[str, Any]]:
    path = DATA / "grading" / f"{source}.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()[:: TAKEN.every]]
    return [row for row in rows if row["label"] is not None and row["output"] is not None]


def to_row(row: dict[str, Any]) -> Row:
    return Row(row["output"], row["reference"], row["problem"] or None, row["output_kind"] == "answer")


def count(rows: list[dict[str, Any]], accepted: list[bool], unverifiable: int = 0) -> Counts:
    pairs = Counter((bool(row["label"]), verdict) for row, verdict in zip(rows, accepted, strict=True))
    return Counts(pairs[True, True], pairs[False, True], pairs[True, False], pairs[False, False], unverifiable)


# --- the two graders


def accepts(result: Grade, source: str) -> bool:
    if source in STRICT:
        return result.verdict is Verdict.CORRECT
    return result.verdict in {Verdict.CORRECT, Verdict.APPROXIMATE}


def math_verify_accepts(row: dict[str, Any]) -> bool:
    """Math-Verify's fairest setting on one row."""
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

    config = [LatexExtractionConfig(boxed_match_priority=0), ExprExtractionConfig()]
    output = f"\\boxed{{{row['output']}}}" if row["output_kind"] == "answer" else row["output"]
    reference = parse(f"\\boxed{{{row['reference']}}}", extraction_config=config)
    return bool(verify(reference, parse(output, extraction_config=config)))


# --- accuracy


def measure_accuracy(show: str | None) -> list[str]:
    print("\n## Accuracy: ours | Math-Verify (precision, recall, unverifiable share)\n")
    failures: list[str] = []
    pooled: list[Counts] = []
    for source in SOURCES:
        rows = load(source)
        grades = list(grade_many(map(to_row, rows)))
        accepted = [accepts(result, source) for result in grades]
        ours = count(rows, accepted, sum(result.verdict is Verdict.UNVERIFIABLE for result in grades))
        theirs = count(rows, [math_verify_accepts(row) for row in rows])
        failures += judge_source(source, ours, theirs)
        if source in POOLED:
            pooled.append(ours)
        if show and show in source:
            show_disagreements(rows, grades, accepted)
        if source == "threads_2026":
            print_kinds(rows, grades, accepted, "kind", show)
    accepted_right = sum(counts.true_positives for counts in pooled)
    accepted_all = accepted_right + sum(counts.false_positives for counts in pooled)
    failures += report("pooled precision", accepted_right / accepted_all, POOLED_PRECISION, at_least=True)
    return failures


def judge_source(source: str, ours: Counts, theirs: Counts) -> list[str]:
    share = ours.unverifiable / ours.rows
    print(
        f"{source:24} n {ours.rows:5}  ours P {ours.precision:.3f} R {ours.recall:.3f} unverifiable {share:.3f} "
        f"({ours.false_positives} FP, {ours.false_negatives} FN) | Math-Verify P {theirs.precision:.3f} "
        f"R {theirs.recall:.3f} ({theirs.false_positives} FP, {theirs.false_negatives} FN)"
    )
    failures = []
    if source in TARGETS:
        precision, recall = TARGETS[source]
        failures += report(f"  precision on {source}", ours.precision, precision, at_least=True)
        failures += report(f"  recall on {source}", ours.recall, recall, at_least=True)
    behind = theirs.right - ours.right
    if behind > 1 and behind / ours.rows > 0.01:
        failures.append(f"{source}: {behind} rows behind Math-Verify")
    return failures


def show_disagreements(rows: list[dict[str, Any]], grades: list[Grade], accepted: list[bool]) -> None:
    for row, result, ok in zip(rows, grades, accepted, strict=True):
        if ok != bool(row["label"]):
            kind = "FP" if ok else "FN"
            print(f"    {kind} {result.layer}: {result.reason[:60]} | {row['reference'][:80]} | {result.extracted}")


def report(name: str, figure: float, target: float, *, at_least: bool) -> list[str]:
    """One figure beside its target; the failure as a line, if it is one."""
    reached = figure >= target if at_least else figure <= target
    line = f"{name}: {figure:.4g} (target {'≥' if at_least else '≤'} {target:g})"
    print(f"{line}{'' if reached else '  MISSED'}")
    return [] if reached else [line]


def print_kinds(
    rows: list[dict[str, Any]], grades: list[Grade], accepted: list[bool], field: str, show: str | None
) -> None:
    """How often each kind of row comes out against its label, and the rows themselves where they are asked for."""
    kinds = sorted({str(row[field]) for row in rows})
    for kind in kinds:
        chosen = [number for number, row in enumerate(rows) if str(row[field]) == kind]
        wrong = [number for number in chosen if accepted[number] != bool(rows[number]["label"])]
        if wrong:
            print(f"    {len(wrong):4} of {len(chosen):4} against the label: {kind}")
        if show and show in kind:
            show_disagreements([rows[n] for n in wrong], [grades[n] for n in wrong], [accepted[n] for n in wrong])


def measure_generated(show: str | None) -> list[str]:
    """Real answers rewritten by rule: the meaning kept (label true) or changed (label false), `change` says how."""
    print("\n## Rewritten answers\n")
    rows = load("generated")
    grades = list(grade_many(map(to_row, rows)))
    accepted = [accepts(result, "generated") for result in grades]
    changed = [ok for row, ok in zip(rows, accepted, strict=True) if not row["label"]]
    kept = [result for row, result in zip(rows, grades, strict=True) if row["label"]]
    rejected = sum(result.verdict is Verdict.INCORRECT for result in kept)
    open_ones = sum(result.verdict is Verdict.UNVERIFIABLE for result in grades)
    failures = report("accepted though changed", sum(changed) / len(changed), ACCEPTED_THOUGH_CHANGED, at_least=False)
    failures += report("rejected though kept", rejected / len(kept), REJECTED_THOUGH_KEPT, at_least=False)
    failures += report("unverifiable", open_ones / len(rows), UNVERIFIABLE, at_least=False)
    print_kinds(rows, grades, accepted, "change", show)
    return failures


# --- every question


def measure_questions(show: str | None) -> list[str]:
    """Six completions for every question: none may raise, be graded by the layer `fault`, or take long."""
    print("\n## Faults and hangs\n")
    found: Counter[str] = Counter()
    done = 0
    for path in sorted((DATA / "questions").glob("*.jsonl")):
        questions = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()[:: TAKEN.every]]
        for number, question in enumerate(questions):
            for completion in six_completions(question, questions[number - 1]):
                done += 1
                if (fault := fault_of(completion, question)) is not None:
                    found[fault.split(":")[0]] += 1
                    if show is not None or found.total() <= 20:
                        print(f"    {question['id']}: {fault} | {completion[:80]!r}")
    print(f"{done} completions: {dict(found) or 'no fault, no hang'}")
    return report("faults and hangs", found.total(), 0, at_least=False)


def six_completions(question: dict[str, Any], other: dict[str, Any]) -> list[str]:
    boxed = [rf"\boxed{{{text}}}" for text in (question["reference"], other["reference"], question["question"])]
    return [*boxed, question["question"], question["reference"], question.get("solution") or ""]


def fault_of(completion: str, question: dict[str, Any]) -> str | None:
    """What went wrong in grading one completion, beside its verdict; None where nothing did."""
    start = time.process_time()
    try:
        result = grade(completion, question["reference"], question=question["question"])
    except Exception as error:  # noqa: BLE001 - a benchmark of what escapes
        return f"{type(error).__name__}: {error}"
    spent = time.process_time() - start
    if spent > OWN_SECONDS:
        return f"slow: {spent:.1f} s of processor time"
    return f"{result.layer}: {result.reason}" if result.layer in {"fault", BACKSTOP} else None


# --- speed


@contextmanager
def one_core() -> Iterator[None]:
    """Everything, worker processes included, on one core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    POOL.close()
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
        POOL.close()


def measure_speed() -> list[str]:
    print("\n## Speed on one core, rows a second of processor time: ours | Math-Verify\n")
    failures: list[str] = []
    cases = [
        ("GSM8K-like", ["gsm8k_openai"], 14.0),
        ("MATH-like", ["qwen_math_cot"], 4.0),
        ("pooled set", POOLED, 14.0),
    ]
    with one_core():
        grade(r"\boxed{\int_0^1 x\,dx}", "1/2")  # start the worker
        for name, sources, target in cases:
            failures += compare_speed(name, [row for source in sources for row in load(source)], target)
        failures += measure_latency([row for source in POOLED for row in load(source)])
    failures += measure_scaling(load("hardverify_math"))
    return failures


def compare_speed(name: str, rows: list[dict[str, Any]], target: float) -> list[str]:
    """Rows a second of processor time of both graders, in turn; the first pass of each warms its caches."""
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(3 if len(rows) < 3000 else 1):
        ours.append(spent(lambda: list(grade_many(map(to_row, rows)))))
        theirs.append(spent(lambda: [math_verify_accepts(row) for row in rows]))
    one, other = statistics.median(ours), statistics.median(theirs)
    print(f"{name}: {len(rows) / one:.0f} | {len(rows) / other:.0f} ({one / len(rows) * 1e6:.0f} | ", end="")
    print(f"{other / len(rows) * 1e6:.0f} µs a row, {len(rows)} rows)")
    return report(f"  {name}, times Math-Verify's rate", other / one, target, at_least=True)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def spent(work: Callable[[], object]) -> float:
    """Processor time, workers included: what else the machine does is left out."""
    start = spent_in_all()
    work()
    return spent_in_all() - start


def measure_latency(rows: list[dict[str, Any]]) -> list[str]:
    """Processor time of single answers in the caller: what else the machine does is left out."""
    times = sorted(processor_time(lambda row=row: grade_row(row)) for row in rows)  # type: ignore[misc] # now
    p99 = times[int(0.99 * len(times))] * 1000
    print(f"processor time of an answer: median {times[len(times) // 2] * 1000:.3f} ms, most {times[-1] * 1000:.0f} ms")
    return report("  p99 of single answers in ms", p99, 1.0, at_least=False)


def processor_time(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def grade_row(row: dict[str, Any]) -> Grade:
    return grade(
        row["output"], row["reference"], question=row["problem"] or None, answer_only=row["output_kind"] == "answer"
    )


def measure_scaling(rows: list[dict[str, Any]]) -> list[str]:
    """Two worker processes against one, on the HardVerify rows, each row new to fresh processes.

    Beside it what two processes that share nothing reach on this machine at the same time: no pool can do better.
    """
    many = [to_row(row) for row in rows]
    others = [to_row(row) for row in load("tests_stack_hendrycks")]
    times: dict[int, list[float]] = {1: [], 2: []}
    bounds: list[float] = []
    share = 0.0
    for workers in (1, 2) * 12:
        POOL.close()
        list(grade_many(others, workers=workers))  # start the processes and let SymPy load its parts
        for worker in POOL.idle:
            worker.wait_ready()
        caller, crew = time.process_time(), processor_seconds(worker_pids())
        times[workers].append(seconds(lambda workers=workers: list(grade_many(many, workers=workers))))  # type: ignore[misc] # bound at once
        crew = processor_seconds(worker_pids()) - crew
        share = crew / (time.process_time() - caller + crew)
        if workers == 2:
            bounds.append(2 * loop_seconds(1) / loop_seconds(2))
    one, two, bound = statistics.median(times[1]), statistics.median(times[2]), statistics.median(bounds)
    print(
        f"load average {os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} cores; the workers do {share:.0%} of"
    )
    print(f"the work; two empty loops at once do {bound:.2f} times the work of one here and now")
    print(f"HardVerify rows/s with one worker {len(many) / one:.0f}, with two {len(many) / two:.0f}")
    print(f"  of what two processes that share nothing reach: {one / two / bound:.0%}")
    return report("  two workers, times one", one / two, 1.8, at_least=True)


def loop_seconds(processes: int) -> float:
    """How long the slowest of so many processes takes over the same empty loop, their start not counted."""
    code = "import time; a = time.perf_counter(); [i * i for i in range(3_000_000)]; print(time.perf_counter() - a)"
    running = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(processes)]
    return max(float(process.communicate()[0]) for process in running)


def processor_seconds(pids: Iterable[int]) -> float:
    """User and system time that processes have used."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


# --- hostile inputs


def measure_hostile() -> list[str]:
    """Each hostile input from a thread, in fresh workers, with and without gmpy2; then a plain answer."""
    print("\n## Hostile inputs\n")
    path = DATA / "hostile_answers.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()[:: TAKEN.every]]
    failures = measure_doubling()
    for integers in ("python", "gmpy"):
        with environment(SYMPY_GROUND_TYPES=integers, **({"MPMATH_NOGMPY": "1"} if integers == "python" else {})):
            failures += run_hostile(rows, integers)
    return failures


def measure_doubling() -> list[str]:
    """How many times the time of a flood two of it take: 2 where time is linear in the text, 4 where it is square."""
    worst, named = 0.0, ""
    for piece in FLOODS:
        once, twice = (
            min(processor_time(lambda: grade(piece * (size // len(piece)), "C")) for _ in range(3))  # noqa: B023
            for size in (FLOOD_CHARS, 2 * FLOOD_CHARS)
        )
        ratio = twice / max(once, SHORTEST_SECONDS)
        worst, named = max((worst, named), (ratio, piece))
    return report(f"two floods over one, the worst being {named!r}", worst, MOST_DOUBLED, at_least=False)


def run_hostile(rows: list[dict[str, Any]], integers: str) -> list[str]:
    """The hostile inputs with one kind of big integers in the workers: processor time, verdicts, peak memory."""
    POOL.close()
    slowest, wrong, missed = 0.0, [], []
    with peak_memory() as peak:
        for row in rows:
            results: list[Grade] = []
            grade(r"\boxed{\int_0^1 x\,dx}", "1/2")  # a worker is up, and its start is not counted
            own = spent(lambda row=row, results=results: in_thread(row, results))  # type: ignore[misc] # bound at once
            slowest = max(slowest, own)
            if own > OWN_SECONDS:
                missed.append(f"{row['name']}: {own:.1f} s")
            accepted = results[0].verdict in {Verdict.CORRECT, Verdict.APPROXIMATE}
            if row["expected"] is not None and accepted != row["expected"]:
                wrong.append(f"{row['name']}: {results[0].verdict.value} ({results[0].reason})")
            if grade(r"\boxed{\int_0^1 x\,dx}", "1/2").verdict is not Verdict.CORRECT:
                missed.append(f"the answer after {row['name']}")
    failures = report(f"slowest in s, with {integers}'s integers", slowest, OWN_SECONDS, at_least=False)
    failures += report("peak memory of a worker in MiB", peak[0] / 2**20, MEMORY_BYTES / 2**20, at_least=False)
    print(f"{len(rows)} inputs, {len(wrong)} with another verdict than expected, {len(missed)} late or harmful")
    for line in wrong + missed:
        print(f"    {line}")
    return failures + missed


def spent_in_all() -> float:
    """Processor time of this process, of its workers that are busy, and of those that have ended.

    A spare worker that starts meanwhile is not counted: it does no answer's work.
    """
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    alive = [worker.process.pid for worker in POOL.idle if worker.is_ready]
    return time.process_time() + ended.ru_utime + ended.ru_stime + processor_seconds(alive)


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Environment variables for the workers that start meanwhile."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        POOL.close()


def in_thread(row: dict[str, Any], results: list[Grade]) -> None:
    thread = threading.Thread(target=lambda: results.append(grade(row["output"], row["reference"])))
    thread.start()
    thread.join()


@contextmanager
def peak_memory() -> Iterator[list[int]]:
    """The largest resident size that any worker process had meanwhile, sampled from /proc."""
    peak, stop = [0], threading.Event()

    def sample() -> None:
        while not stop.wait(0.02):
            for pid in worker_pids():
                peak[0] = max(peak[0], resident_bytes(pid))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield peak
    finally:
        stop.set()
        thread.join()


def worker_pids() -> Iterable[int]:
    children = Path(f"/proc/{os.getpid()}/task")
    for task in children.iterdir():
        try:
            yield from map(int, (task / "children").read_text().split())
        except OSError:
            continue


def resident_bytes(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    sizes = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(sizes[0]) * 1024 if sizes else 0


PARTS: dict[str, Callable[[str | None], list[str]]] = {
    "accuracy": measure_accuracy,
    "generated": measure_generated,
    "questions": measure_questions,
    "speed": lambda _: measure_speed(),
    "hostile": lambda _: measure_hostile(),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="default: all")
    parser.add_argument("--show", help="print the disagreements of the sources and kinds whose name holds this")
    parser.add_argument("--every", type=int, default=1, help="take each N-th row of every file")
    arguments = parser.parse_args()
    TAKEN.every = arguments.every
    if not DATA.is_dir():
        print(f"{DATA} is not there: nothing to measure. Set OVERPROOF_SHARED to the folder that holds data/")
        return
    failures: list[str] = []
    for part in arguments.parts or PARTS:
        failures += PARTS[part](arguments.show)
    print(f"\n{len(failures)} targets missed" + "".join(f"\n- {failure}" for failure in failures))


if __name__ == "__main__":
    main()
