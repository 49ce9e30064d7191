"""A run that is killed at any moment of any stage, under changing configs, ends with the dataset of one left alone.

Fifty kills, each followed by a run to the end; another number by the environment variable OVERPROOF_STAGE_KILLS.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from endpoint import Ask, Wire, serve
from test_corrections import answer, config_of, write

from overproof import pipeline
from overproof.config import RunConfig, parse_config
from overproof.runfolder import RunFolder

KILLS = int(os.environ.get("OVERPROOF_STAGE_KILLS", "50"))
KILLS_A_FOLDER = 10
"""After so many a new run is begun, so that kills fall on sampling too."""
LONGEST_SECONDS = 1.5
TABLES: list[dict[str, Any]] = [
    {},
    {"selection": {"policy": "all"}},
    {"export": {"format": "sharegpt", "validation": 0.3}},
    {"rewards": {"accuracy": {"weight": 0}, "repetition": {}}},
    {"selections": {"short": {"order": "shortest", "k_per_problem": 1}}},
]
ASKED_FOR = "import test_kills_of_all_stages as here; here.obey()"


def obey() -> None:
    """In a process of its own that has everything imported: fork for each order on standard input and do it there.

    An order is a config, a folder, and after how many seconds the fork is killed (null: never, and no report is
    written). The answer is `killed` or the exit status.
    """
    for line in sys.stdin:
        tree, place, seconds = json.loads(line)
        config, folder = parse_config(tree, "order"), RunFolder(Path(place))
        process = os.fork()
        if not process:
            os.setpgid(0, 0)
            with contextlib.suppress(BaseException):
                do_stages(config, folder, with_report=seconds is not None)
                os._exit(0)
            os._exit(1)
        with contextlib.suppress(OSError):  # the fork does so too: whoever comes first
            os.setpgid(process, process)
        print("killed" if seconds is not None and killed(process, seconds) else status_of(process), flush=True)  # noqa: T201


def do_stages(config: RunConfig, folder: RunFolder, *, with_report: bool) -> None:
    run = pipeline.Run(config, folder)
    if with_report:
        pipeline.run_all(run)
        return
    for stage in (pipeline.prepare, pipeline.sample, pipeline.score, pipeline.select, pipeline.export_dataset):
        stage(run)


def killed(process: int, seconds: float) -> bool:
    """Kill a process group after so many seconds; False when it had ended before."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return False
        time.sleep(0.002)
    os.killpg(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return True


def status_of(process: int) -> str:
    return str(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))


class Orders:
    """Gives orders to the process that obeys."""

    def __init__(self) -> None:
        tests = Path(__file__).parent
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tests.parent / "src"), str(tests)])}
        command = [sys.executable, "-c", ASKED_FOR]
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def give(self, config: RunConfig, folder: RunFolder, seconds: float | None) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        order = [config.model_dump(mode="json"), str(folder.root), seconds]
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        self.process.communicate()


def slowly(ask: Ask) -> Wire:
    return Wire([(0.2 * ask.chance("delay"), answer(ask).pieces[0][1])])


def digests(folder: RunFolder, config: RunConfig) -> dict[str, str]:
    """The digest of every file that training and its evidence rest on."""
    folders = [folder.root / "problems", folder.root / "scores"]
    folders += [place(name) for name in (None, *config.selections) for place in (folder.dataset,)]
    folders += [folder.decisions(0, name).parent for name in (None, *config.selections)]
    paths = {path for one in folders for path in (*one.glob("*"), *one.glob("jsonl/*"), *one.glob("parquet/*"))}
    return {
        str(path.relative_to(folder.root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(paths)
        if path.is_file()
    }


@pytest.mark.slow
def test_kills_at_any_moment_under_changing_configs_leave_the_dataset_of_an_undisturbed_run(tmp_path: Path) -> None:
    rows, corrected = tmp_path / "rows.jsonl", tmp_path / "corrected.jsonl"
    problems = [{"question": f"What is {n} and 1?", "reference": str(n + 1), "level": "easy"} for n in range(12)]
    write(rows, problems)
    write(corrected, [{**problems[0], "reference": "77"}, *problems[:0:-1]])
    generator = random.Random(0)
    orders = Orders()
    killed_ones = runs = 0
    with serve(slowly) as endpoint:
        configs = [config_of(endpoint, rows, **tables) for tables in TABLES] + [config_of(endpoint, corrected)]
        expected = []
        for number, config in enumerate(configs):
            folder = RunFolder(tmp_path / f"undisturbed{number}")
            assert orders.give(config, folder, None) == "0"
            expected.append(digests(folder, config))
        while killed_ones < KILLS:
            folder = RunFolder(tmp_path / f"disturbed{runs // KILLS_A_FOLDER}")
            runs += 1
            killed_ones += (
                orders.give(generator.choice(configs), folder, generator.uniform(0, LONGEST_SECONDS)) == "killed"
            )
            if runs % KILLS_A_FOLDER == 1 and generator.random() < 0.8:
                continue  # another kill while it samples
            number = generator.randrange(len(configs))
            assert orders.give(configs[number], folder, None) == "0"
            assert digests(folder, configs[number]) == expected[number], (number, killed_ones)
    orders.end()
