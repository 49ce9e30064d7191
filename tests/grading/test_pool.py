"""Worker processes: killed at their deadline, replaced, shared by threads, usable from any kind of caller."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from overproof.grading import Row, grade, grade_many
from overproof.grading.pool import MAX_WORKERS, POOL, Pool, Worker, WorkerStartError
from overproof.grading.protocol import BACKSTOP, KILLED, Task
from overproof.records import Verdict

SOURCE = Path(__file__).parents[2] / "src"
ENDLESS = r"\int_0^1 \frac{e^{x^x}\sin(x^{\cos x})}{\ln(x+\sqrt{x})}\,dx"
FATEFUL = r"\int_0^1 3x^2\,dx"
DEEP = (r"\boxed{\int_0^1 2x\,dx}", "1")


def deep_task(answer: str = r"\int_0^1 2x\,dx", reference: str = "1") -> Task:
    return Task(answer, reference, deep=True)


def run_script(tmp_path: Path, text: str, *, guarded: bool = False) -> str:
    script = tmp_path / "script.py"
    body = "\n".join(f"    {line}" for line in text.splitlines())
    script.write_text(f'if __name__ == "__main__":\n{body}\n' if guarded else text, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONWARNINGS": "error::ResourceWarning"}
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stderr
    return done.stdout


def test_nothing_is_started_until_an_answer_needs_the_deep_layer(tmp_path: Path) -> None:
    script = f"""
from overproof.grading import grade
from overproof.grading.pool import POOL
import sys
grade("5", "5"), grade(r"\\boxed{{\\frac12}}", "0.5"), grade("故选 B", "B")
print(len(POOL.idle), "sympy" in sys.modules, "math_verify" in sys.modules)
print(grade(r"{DEEP[0]}", "{DEEP[1]}").verdict, len(POOL.idle) > 0, "sympy" in sys.modules)
"""
    assert run_script(tmp_path, script).split() == ["0", "False", "False", "correct", "True", "False"]


def test_an_unguarded_script_is_not_run_again_by_its_workers(tmp_path: Path) -> None:
    script = f"""
print("once")
from overproof.grading import Row, grade_many
rows = [Row(r"{DEEP[0]}", "{DEEP[1]}")] * 20
print({{grade.verdict.value for grade in grade_many(rows, workers=2)}})
"""
    assert run_script(tmp_path, script).split() == ["once", "{'correct'}"]


def test_grading_works_in_a_cell_of_a_notebook() -> None:
    cell = f'''
import asyncio

async def kernel():  # runs cells with its event loop running, under the name of the main module, with no file
    exec(compile("""
from overproof.grading import Row, grade, grade_many
print(grade(r"{DEEP[0]}", "{DEEP[1]}").verdict, [one.verdict.value for one in grade_many([Row("5", "5")], workers=1)])
""", "<cell>", "exec"), {{"__name__": "__main__"}})

asyncio.run(kernel())
'''
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    done = subprocess.run(
        [sys.executable, "-"], input=cell, env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout == "correct ['correct']\n"


def test_a_task_past_its_deadline_is_killed_and_the_next_one_answered() -> None:
    pool = Pool()
    try:
        pool.run(deep_task(), timeout_seconds=60)
        tasks = [deep_task(), deep_task(ENDLESS, "5"), deep_task(), deep_task("x", "1")]
        answers = dict(pool.run_many(tasks, workers=1, timeout_seconds=4.0))
        assert [answers[number].same for number in range(4)] == [True, None, True, None]
        assert answers[1].reason == "verifier timeout after 4 s"
    finally:
        pool.close()


@pytest.mark.slow
def test_a_worker_started_for_a_short_deadline_serves_a_long_one() -> None:
    pool = Pool()
    try:
        assert pool.run(deep_task(), timeout_seconds=1.0).same is True
        start = time.monotonic()
        answer = pool.run(deep_task(ENDLESS, "5"), timeout_seconds=6.0)
        assert answer.reason == "verifier timeout after 6 s"
        assert time.monotonic() - start >= 6
    finally:
        pool.close()


@pytest.mark.slow
def test_each_answer_of_a_chunk_has_a_deadline_of_its_own() -> None:
    pool = Pool()
    try:
        pool.run(deep_task(), timeout_seconds=60)
        tasks = [deep_task(ENDLESS, "5") if number in {3, 7} else deep_task() for number in range(12)]
        answers = dict(pool.run_many(tasks, workers=1, timeout_seconds=3.0))
        assert [number for number, answer in answers.items() if answer.same is None] == [3, 7]
        assert len(answers) == 12
    finally:
        pool.close()


def test_a_worker_that_stops_reading_does_not_stop_its_caller() -> None:
    rows = [Row("x " * 300_000 + rf"\boxed{{{ENDLESS}}}", "5"), *[Row("x " * 300_000 + r"\boxed{5}", "5")] * 6]
    verdicts = [result.verdict for result in grade_many(rows, workers=1, timeout_seconds=3.0)]
    assert verdicts == [Verdict.UNVERIFIABLE, *[Verdict.CORRECT] * 6]


def test_a_worker_that_dies_is_replaced_and_only_its_task_is_lost() -> None:
    pool = Pool()
    try:
        assert pool.run(deep_task()).same is True
        for worker in pool.idle:
            worker.process.kill()
            worker.process.wait()
        assert pool.run(deep_task()).same is True
    finally:
        pool.close()


def test_a_spare_that_dies_while_it_starts_is_replaced() -> None:
    pool = Pool()
    try:
        pool.keep_spare()
        pool.idle[0].process.kill()
        assert pool.run(deep_task()).same is True
    finally:
        pool.close()


def test_workers_that_never_start_are_an_error_that_says_what_to_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    pool = Pool()
    try:
        for _ in range(2 * MAX_WORKERS):  # each gives its place back
            with pytest.raises(WorkerStartError, match=r"Try: python -m overproof\.grading\.worker"):
                pool.run(deep_task())
    finally:
        pool.close()


def test_a_worker_may_take_a_gigabyte_of_address_space_and_no_more() -> None:
    pool = Pool()
    try:
        assert pool.run(deep_task()).same is True
        limits = Path(f"/proc/{pool.idle[-1].process.pid}/limits").read_text(encoding="utf-8")
        address_space = next(line for line in limits.splitlines() if line.startswith("Max address space"))
        assert int(address_space.split()[3]) == 1 << 30
    finally:
        pool.close()


def test_a_worker_that_has_answered_is_kept_for_the_next_answer() -> None:
    pool = Pool()
    try:
        assert pool.run(deep_task()).same
        first = {worker.process.pid for worker in pool.idle}
        assert pool.run(deep_task()).same
        assert {worker.process.pid for worker in pool.idle} == first
    finally:
        pool.close()


def test_a_worker_is_recycled_after_its_share_of_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("overproof.grading.pool.TASKS_PER_WORKER", 5)
    pool = Pool()
    try:
        answers = dict(pool.run_many([deep_task()] * 23, workers=1))
        assert [answer.same for answer in answers.values()] == [True] * 23
    finally:
        pool.close()


def test_grading_from_many_threads_at_once_gives_each_its_own_verdict() -> None:
    def work(number: int) -> bool:
        output = rf"\boxed{{\int_0^{{{number}}} 2x\,dx}}"
        right = grade(output, str(number * number), timeout_seconds=30).verdict
        wrong = grade(output, str(number * number + 1), timeout_seconds=30).verdict
        return (right, wrong) == (Verdict.CORRECT, Verdict.INCORRECT)

    with ThreadPoolExecutor(MAX_WORKERS + 4) as executor:
        assert all(executor.map(work, range(1, 9)))


def test_grading_works_from_asyncio_without_blocking_the_loop() -> None:
    async def main() -> tuple[Verdict, int]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticking = asyncio.create_task(tick())
        result = await asyncio.to_thread(grade, rf"\boxed{{{ENDLESS}}}", "5", timeout_seconds=0.7)
        ticking.cancel()
        return result.verdict, ticks

    verdict, ticks = asyncio.run(main())
    assert verdict is Verdict.UNVERIFIABLE
    assert ticks > 10


def test_the_deadline_holds_in_a_thread_where_no_alarm_can_ring() -> None:
    results = []
    thread = threading.Thread(target=lambda: results.append(grade(rf"\boxed{{{ENDLESS}}}", "5", timeout_seconds=0.5)))
    thread.start()
    thread.join()
    assert results[0].reason == "verifier timeout after 0.5 s"


def test_a_limit_is_reached_by_the_answers_own_work_and_not_by_waiting() -> None:
    pool = Pool()
    try:
        assert pool.run(deep_task()).same is True
        worker = pool.idle[-1].process
        stopped = threading.Timer(1.5, worker.send_signal, [signal.SIGCONT])
        worker.send_signal(signal.SIGSTOP)
        stopped.start()
        assert pool.run(deep_task(), timeout_seconds=0.5).same is True
    finally:
        pool.close()


def test_an_answer_that_the_wall_clock_ended_is_marked_as_one_to_be_graded_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("overproof.grading.pool.BACKSTOP_SECONDS", 0.2)
    grade(*DEEP)
    for worker in POOL.idle:
        worker.wait_ready()
        worker.process.send_signal(signal.SIGSTOP)
    result = grade(*DEEP, timeout_seconds=0.1)
    assert (result.verdict, result.layer) == (Verdict.UNVERIFIABLE, BACKSTOP)
    POOL.close()
    monkeypatch.undo()
    assert grade(*DEEP).layer == "deep"


ENDINGS = {
    "killed once": ([signal.SIGKILL], True, "", False),
    "killed twice": ([signal.SIGKILL] * 2, None, KILLED, True),
    "crashed twice": ([signal.SIGKILL, signal.SIGSEGV], None, "died twice over this answer", False),
}
"""How its workers end over one answer, and what then is said of it, for what reason, and whether it is asked again."""


@pytest.mark.parametrize("what", ENDINGS)
def test_a_worker_that_dies_is_no_verdict_before_it_died_twice(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    endings, same, reason, late = ENDINGS[what]
    left = list(endings)
    began = Worker.send

    def send(worker: Worker, tasks: Sequence[Task]) -> bool:
        if left and any(task.completion == FATEFUL for task in tasks):
            worker.process.send_signal(signal.SIGSTOP)  # so that it dies with the tasks in hand and not before
            was_sent = began(worker, tasks)
            worker.process.send_signal(left.pop(0))
            worker.process.send_signal(signal.SIGCONT)
            return was_sent
        return began(worker, tasks)

    monkeypatch.setattr(Worker, "send", send)
    pool = Pool()
    try:
        tasks = [deep_task(FATEFUL), *(deep_task() for _ in range(6))]
        answers = dict(pool.run_many(tasks, workers=1))
    finally:
        pool.close()
    assert not left
    assert (answers[0].same, answers[0].late) == (same, late)
    assert reason in answers[0].reason
    assert [answers[number].same for number in range(1, 7)] == [True] * 6


def test_grades_are_the_same_to_the_byte_however_many_workers_give_them() -> None:
    matrix = r"\\".join("&".join("abcdefghi") for _ in range(9))
    rows = [
        Row(*DEEP),
        Row(rf"\boxed{{{ENDLESS}}}", "5"),
        Row(rf"\boxed{{\det\begin{{pmatrix}}{matrix}\end{{pmatrix}}}}", "5"),
        Row("The answer is C, as A is too small.", "C", "Which?\nA. 1\nB. 2\nC. 3"),
        Row("no answer", "5"),
    ]
    one, two, three = (list(grade_many(rows, workers=workers, timeout_seconds=1.0)) for workers in (None, 1, 2))
    assert one == two == three
    assert one[1].extracted == ENDLESS


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_grading_works_in_a_process_pool_worker(method: str) -> None:
    assert grade(*DEEP).verdict is Verdict.CORRECT  # this process has workers of its own when it forks
    with ProcessPoolExecutor(1, mp_context=get_context(method)) as executor:
        assert executor.submit(grade, *DEEP).result(timeout=120).verdict is Verdict.CORRECT
    assert grade(*DEEP).verdict is Verdict.CORRECT


def test_grading_works_in_a_daemonic_process(tmp_path: Path) -> None:
    script = f"""
import multiprocessing
from overproof.grading import grade

def work(queue):
    queue.put(grade(r"{DEEP[0]}", "{DEEP[1]}").verdict.value)

queue = multiprocessing.get_context("fork").Queue()
process = multiprocessing.get_context("fork").Process(target=work, args=(queue,), daemon=True)
process.start()
print(queue.get(timeout=60))
process.join()
"""
    assert run_script(tmp_path, script).strip() == "correct"


def test_workers_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    script = f"""
import json, os, sys
from overproof.grading import grade
from overproof.grading.pool import POOL
grade(r"{DEEP[0]}", "{DEEP[1]}")
print(json.dumps([worker.process.pid for worker in POOL.idle]), flush=True)
os._exit(0)
"""
    pids = json.loads(run_script(tmp_path, script))
    assert pids
    deadline = time.monotonic() + 20
    while any(is_running(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in pids if is_running(pid)]


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_grades_come_in_order_and_as_they_are_asked_for() -> None:
    taken: list[int] = []

    def rows() -> object:
        for number in range(10_000):
            taken.append(number)
            yield Row(rf"\boxed{{{number}}}", str(number))

    grades = grade_many(rows())  # type: ignore[arg-type] # a generator of rows
    assert [next(grades).extracted for _ in range(3)] == ["0", "1", "2"]
    assert len(taken) < 1_000


def test_a_caller_that_stops_listening_leaves_no_worker_at_work() -> None:
    grades = grade_many([Row(*DEEP)] * 500, workers=2)
    assert next(grades).verdict is Verdict.CORRECT
    grades.close()  # type: ignore[attr-defined] # a generator
    assert grade(*DEEP).verdict is Verdict.CORRECT


def test_closing_the_pool_ends_its_workers_and_the_next_answer_starts_new_ones() -> None:
    grade(*DEEP)
    pids = [worker.process.pid for worker in POOL.idle]
    POOL.close()
    assert not [pid for pid in pids if is_running(pid)]
    assert grade(*DEEP).verdict is Verdict.CORRECT
