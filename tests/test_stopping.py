"""Ctrl-C and SIGTERM to a real run: what is in flight is kept, nothing is exported, and the same command goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from endpoint import Ask, Endpoint, Wire, http, message, serve

from overproof.errors import Terminated
from overproof.runfolder import RunFolder
from overproof.stopping import hearing

SOURCES = str(Path(__file__).parents[1] / "src")
CONCURRENCY = 8
CONFIG = """
problems: {{path: {problems}, reference: answer}}
teacher: {{profile: generic, model: m, base_url: "{url}", max_tokens: 400, concurrency: {concurrency}}}
prompt: {{template: plain}}
sampling: {{n: 2, require_reasoning: false}}
"""
JUDGE = 'judge: {{profile: generic, model: j, base_url: "{url}", concurrency: 4}}'


def answer_after(seconds: float, text: str = "<think>I add them.</think>It is \\boxed{7}.") -> Wire:
    return Wire([(seconds, http(json.dumps(message(text)).encode()))])


def write_config(folder: Path, endpoint: Endpoint, more: str = "", problems: int = 100) -> Path:
    rows = [json.dumps({"question": f"What is {i} plus {7 - i}?", "answer": "7"}) for i in range(problems)]
    (folder / "problems.jsonl").write_text("\n".join(rows) + "\n")
    path = folder / "mine.yaml"
    settings = {"problems": folder / "problems.jsonl", "url": endpoint.base_url, "concurrency": CONCURRENCY}
    path.write_text((CONFIG + more).format(**settings))
    return path


def start(config: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "overproof", "run", str(config), "--run-dir", str(config.parent / "run"), *more]
    environment = {**os.environ, "PYTHONPATH": SOURCES}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_until_asked(asked: list[Ask], count: int, process: subprocess.Popen[str]) -> None:
    while len(asked) < count:
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)


def times_asked(endpoint: Endpoint) -> Counter[int]:
    """How often a sample was asked for, and of how many samples that is so."""
    return Counter(Counter((ask.prompt, ask.seed) for ask in endpoint.asked).values())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status", "word"), [(signal.SIGINT, 130, "Interrupted"), (signal.SIGTERM, 143, "Terminated")]
)
def test_a_signal_keeps_what_is_in_flight_and_the_same_command_pays_for_nothing_twice(
    number: signal.Signals, status: int, word: str, tmp_path: Path
) -> None:
    pause = [0.7]
    with serve(lambda _: answer_after(pause[0])) as endpoint:
        config = write_config(tmp_path, endpoint)
        process = start(config)
        wait_until_asked(endpoint.asked, 2 * CONCURRENCY, process)
        process.send_signal(number)
        said, _ = process.communicate(timeout=60)
        assert process.returncode == status, said
        assert f"{word}: waiting" in said
        assert f"overproof run {config}" in said.splitlines()[-1]
        assert not (tmp_path / "run" / "dataset").exists()
        asked = len(endpoint.asked)
        assert sum(1 for _ in RunFolder(tmp_path / "run").read_traces(0)) == asked
        pause[0] = 0.0
        again = start(config)
        said, _ = again.communicate(timeout=60)
        assert again.returncode == 0, said
        assert times_asked(endpoint) == {1: 200}


@pytest.mark.slow
def test_after_the_grace_what_never_comes_is_left_and_what_came_is_kept(tmp_path: Path) -> None:
    def one_hangs(ask: Ask) -> Wire:
        return answer_after(600 if ask.number == 3 else 0.5)

    with serve(one_hangs) as endpoint:
        process = start(write_config(tmp_path, endpoint), "--grace", "2")
        wait_until_asked(endpoint.asked, 2 * CONCURRENCY, process)
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 143, said
        assert sum(1 for _ in RunFolder(tmp_path / "run").read_traces(0)) == len(endpoint.asked) - 1


@pytest.mark.slow
def test_the_judge_is_waited_for_as_the_teacher_is(tmp_path: Path) -> None:
    asked: list[Ask] = []

    def script(ask: Ask) -> Wire:
        if ask.body["model"] == "m":
            return answer_after(0.0, "The answer is a rabbit in a hat.")
        asked.append(ask)
        return answer_after(0.7, "NO")

    with serve(script) as endpoint:
        process = start(write_config(tmp_path, endpoint, JUDGE, problems=20))
        wait_until_asked(asked, 6, process)
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 143, said
        lines = (tmp_path / "run" / "judgements" / "00000.jsonl").read_bytes().splitlines()
        assert len(lines) == len(asked)


def test_a_signal_that_comes_when_all_is_done_is_heard_all_the_same() -> None:
    heard: list[KeyboardInterrupt] = []

    def finish_though_terminated() -> None:
        with hearing(heard.append, heard.append):
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Terminated):
        finish_though_terminated()
    assert len(heard) == 1
    assert signal.getsignal(signal.SIGTERM) is before
