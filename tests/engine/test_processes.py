import functools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from shardwork import die, die_once, double, fail, grade_there, pid_of, print_and_double

from overproof.engine import Engine
from overproof.errors import InputError, MissingExtraError, OverproofError

TWO = Engine(2)


def test_results_come_in_the_order_of_the_shards() -> None:
    assert list(TWO.run_shards(double, range(20))) == [2 * shard for shard in range(20)]


def test_one_shard_or_one_worker_runs_in_the_caller() -> None:
    assert list(TWO.run_shards(pid_of, range(1))) == [os.getpid()]
    assert set(Engine(1).run_shards(pid_of, range(3))) == {os.getpid()}
    assert os.getpid() not in set(TWO.run_shards(pid_of, range(3)))


def test_no_shards_are_no_results() -> None:
    assert list(TWO.run_shards(double, range(0))) == []


def test_an_error_is_raised_here_with_the_place_where_it_happened_there() -> None:
    with pytest.raises(InputError, match="shard 1 is no good") as caught:
        list(TWO.run_shards(fail, range(3)))
    assert "in fail" in str(caught.value.__cause__)


def test_every_error_of_the_package_travels() -> None:
    import pickle

    error = pickle.loads(pickle.dumps(MissingExtraError("Flying", "wings")))
    assert str(error).endswith(("[wings]", "[wings]'"))


def test_a_shard_whose_process_is_killed_is_begun_again(tmp_path: Path) -> None:
    assert list(TWO.run_shards(functools.partial(die_once, tmp_path), range(4))) == [0, 1, 2, 3]


def test_a_shard_that_kills_every_process_is_named_with_the_way_out() -> None:
    with pytest.raises(OverproofError, match=r"shard 2 died 2 times.*workers=1"):
        list(TWO.run_shards(die, range(4)))


def test_what_the_work_prints_is_not_taken_for_an_answer() -> None:
    assert list(TWO.run_shards(print_and_double, range(3))) == [0, 2, 4]


def test_grading_within_a_process_takes_one_worker() -> None:
    assert set(TWO.run_shards(grade_there, range(2))) == {("correct", 1)}


def test_a_caller_that_stops_listening_leaves_no_process_behind() -> None:
    results = TWO.run_shards(pid_of, range(50))
    pid = next(results)
    results.close()  # type: ignore[attr-defined]  # a generator, which the interface need not promise
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


UNGUARDED = """
from shardwork import double
from overproof.engine import Engine
print(list(Engine(2).run_shards(double, range(4))))
"""


def run_script(script: str, folder: Path) -> subprocess.Popen[str]:
    (folder / "script.py").write_text(script)
    tests = Path(__file__).parents[1]
    paths = os.pathsep.join(map(str, [tests.parent / "src", tests, tests / "engine"]))
    return subprocess.Popen(
        [sys.executable, str(folder / "script.py")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )


def test_an_unguarded_script_may_use_every_core(tmp_path: Path) -> None:
    assert run_script(UNGUARDED, tmp_path).communicate(timeout=60)[0] == "[0, 2, 4, 6]\n"


@pytest.mark.slow
def test_processes_end_with_a_caller_that_is_killed(tmp_path: Path) -> None:
    script = UNGUARDED.replace("double", "wait_with_pid").replace("range(4)", f"[{str(tmp_path)!r}, {str(tmp_path)!r}]")
    caller = run_script(script, tmp_path)
    pids: list[int] = []
    while len(pids) < 2:
        pids = [int(path.name) for path in tmp_path.iterdir() if path.name.isdecimal()]
    caller.send_signal(signal.SIGKILL)
    caller.communicate()
    for path in tmp_path.iterdir():
        if path.name.isdecimal():
            path.unlink()  # what the work waits for; then the process finds that nobody listens
    deadline = time.monotonic() + 30
    while any(map(is_alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(is_alive, pids))


def is_alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()
