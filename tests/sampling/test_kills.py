"""A run that is killed again and again ends with the same traces as one that was left alone.

Ten kills here; another number by the environment variable OVERPROOF_KILLS:
    OVERPROOF_KILLS=50 pytest tests/sampling/test_kills.py
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from endpoint import Ask, Endpoint, Wire, serve
from hypothesis import given, settings
from hypothesis import strategies as st
from sampled import answer, asked_for, config_for, make_folder, numbered, read_all, sample_all

from overproof.runfolder import RunFolder

KILLS = int(os.environ.get("OVERPROOF_KILLS", "10"))
CONCURRENCY = 16
RULE = {"probe": 2, "want_correct": 2, "max": 10}
PROBLEMS = 30 * KILLS
RUN = """
import sys
from pathlib import Path
from endpoint import Endpoint
from overproof.runfolder import RunFolder
from sampled import config_for, sample_all
from test_kills import CONCURRENCY, RULE
config = config_for(Endpoint(base_url=sys.argv[1]), RULE, teacher={"concurrency": CONCURRENCY})
sample_all(config, RunFolder(Path(sys.argv[2])), shards=2)
"""


def slowly(ask: Ask) -> Wire:
    return Wire([(0.02 + 0.1 * ask.chance("delay"), answer(ask).pieces[0][1])])


def start(endpoint: Endpoint, root: Path) -> subprocess.Popen[bytes]:
    tests = Path(__file__).parents[1]
    paths = [tests.parent / "src", tests, tests / "sampling"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
    return subprocess.Popen([sys.executable, "-c", RUN, endpoint.base_url, str(root)], env=environment)


def kill_while_it_samples(process: subprocess.Popen[bytes], endpoint: Endpoint, generator: random.Random) -> bool:
    """Kill a process some time after it has begun to ask; False when it had finished by itself."""
    before = len(endpoint.asked)
    while len(endpoint.asked) == before and process.poll() is None:
        time.sleep(0.005)
    time.sleep(generator.uniform(0, 0.4))
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.usefixtures("short_waits")
def test_random_kills_lose_nothing_that_was_finished_and_pay_again_only_for_what_was_in_flight(tmp_path: Path) -> None:
    problems = numbered(PROBLEMS)
    undisturbed = make_folder(tmp_path / "undisturbed", problems, shards=2)
    with serve(slowly) as endpoint:
        config = config_for(endpoint, RULE, teacher={"concurrency": CONCURRENCY})
        sample_all(config, undisturbed, shards=2)
    disturbed = make_folder(tmp_path / "disturbed", problems, shards=2)
    generator = random.Random(0)
    kills = 0
    with serve(slowly) as endpoint:
        while kills < KILLS and kill_while_it_samples(start(endpoint, disturbed.root), endpoint, generator):
            kills += 1
        assert start(endpoint, disturbed.root).wait() == 0
        asked = len(endpoint.asked)
    assert kills == KILLS
    assert [(t.id, t.content) for t in read_all(disturbed, 2)] == [(t.id, t.content) for t in read_all(undisturbed, 2)]
    assert asked_for(endpoint) == len(read_all(disturbed, 2))
    assert asked - asked_for(endpoint) <= KILLS * CONCURRENCY


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[tuple[str, str]]]:
    """The journal of a finished run, and what it holds."""
    folder = make_folder(tmp_path_factory.mktemp("finished"), numbered(6))
    with serve(answer) as endpoint:
        sample_all(config_for(endpoint), folder)
    return folder.traces(0).read_bytes(), [(trace.id, trace.content) for trace in read_all(folder)]


@settings(max_examples=25)
@given(place=st.floats(0, 1))
def test_a_journal_that_ends_at_any_byte_is_completed(
    place: float, finished: tuple[bytes, list[tuple[str, str]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    journal, expected = finished
    cut = round(place * len(journal))
    folder = make_folder(tmp_path_factory.mktemp("cut"), numbered(6))
    folder.traces(0).parent.mkdir()
    folder.traces(0).write_bytes(journal[:cut])
    whole_lines = journal[:cut].count(b"\n")
    with serve(answer) as endpoint:
        sample_all(config_for(endpoint), folder)
    assert [(trace.id, trace.content) for trace in read_all(folder)] == expected
    assert len(endpoint.asked) == 12 - whole_lines


@pytest.mark.slow
def test_the_first_interrupt_waits_for_what_is_in_flight_and_the_second_does_not(tmp_path: Path) -> None:
    for interrupts in (1, 2):
        folder = make_folder(tmp_path / str(interrupts), numbered(200), shards=2)
        with serve(lambda ask: Wire([(1.0, answer(ask).pieces[0][1])])) as endpoint:
            process = start(endpoint, folder.root)
            while len(endpoint.asked) < CONCURRENCY:
                time.sleep(0.01)
            for _ in range(interrupts):
                time.sleep(0.1)
                process.send_signal(signal.SIGINT)
            assert process.wait(20) != 0
            asked = len(endpoint.asked)
        assert len(traces_in(folder)) == (asked if interrupts == 1 else 0)
        assert asked == CONCURRENCY


def traces_in(folder: RunFolder) -> list[object]:
    return list(read_all(folder, 2))
