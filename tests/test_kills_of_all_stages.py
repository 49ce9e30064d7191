"""A run that is killed at any step of any stage, under changing configs, ends with the dataset of one left alone.

Fifty kills, most of them just before a file of the run is opened, written, put on disk, renamed or removed, the others
at a moment drawn by chance; each is followed by a run to the end. More by the environment variable
OVERPROOF_STAGE_KILLS:
    OVERPROOF_STAGE_KILLS=1000 pytest tests/test_kills_of_all_stages.py
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import mmap
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from endpoint import Ask, Wire, serve
from test_corrections import answer, config_of, write

from overproof import pipeline
from overproof.config import RunConfig, parse_config
from overproof.runfolder import RunFolder

KILLS = int(os.environ.get("OVERPROOF_STAGE_KILLS", "50"))
KILLS_A_FOLDER = 10
"""After so many a new run is begun, so that kills fall on sampling too."""
AT_A_MOMENT = 0.2
"""Share of the kills that fall at a moment and not at a step."""
LONGEST_SECONDS = 1.0
ALONE: dict[str, Any] = {"workers": 1, "hygiene": {"near_duplicates": None}}
"""All in one process, whose steps can be counted."""
TABLES: list[dict[str, Any]] = [
    {},
    {"selection": {"policy": "all"}},
    {"export": {"format": "sharegpt", "validation": 0.3}},
    {"rewards": {"accuracy": {"weight": 0}, "repetition": {}}},
    {"selections": {"short": {"order": "shortest", "k_per_problem": 1}}},
]
ASKED_FOR = "import test_kills_of_all_stages as here; here.obey()"
STEPS = frozenset({"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "shutil.rmtree"})
"""What Python tells of itself that changes a file's name or opens it; writing and syncing it does not tell."""


class Ending(NamedTuple):
    """How a run ended."""

    how: str
    """`killed` or the exit status."""
    steps: int
    """How many steps it took."""


def obey() -> None:
    """In a process of its own that has everything imported: fork for each order on standard input and do it there.

    An order is a config, a folder, and before which step or after how many seconds the fork is killed (null: never).
    """
    counter = mmap.mmap(-1, 8)
    names: list[str] = []
    for line in sys.stdin:
        tree, place, step, seconds = json.loads(line)
        config, folder = parse_config(tree, "order"), RunFolder(Path(place))
        counter[:] = bytes(8)
        process = os.fork()
        if not process:
            os.setpgid(0, 0)
            with contextlib.suppress(BaseException):
                count_steps(place, counter, step)
                pipeline.run_all(pipeline.Run(config, folder))
                Path(f"{place}.modules").write_text(json.dumps(sorted(sys.modules)))
                os._exit(0)
            os._exit(1)
        with contextlib.suppress(OSError):  # the fork does so too: whoever comes first
            os.setpgid(process, process)
        how = wait_for(process, seconds)
        if not names:  # what the first run has loaded, the later ones find here
            names = json.loads(Path(f"{place}.modules").read_text())
            for name in names:
                with contextlib.suppress(ImportError):
                    importlib.import_module(name)
        print(json.dumps([how, int.from_bytes(counter[:], "big")]), flush=True)  # noqa: T201


def count_steps(place: str, counter: mmap.mmap, last: int | None) -> None:
    """From now on count this process's steps in a run folder, and kill it before the `last` of them."""
    taken = 0

    def take() -> None:
        nonlocal taken
        taken += 1
        counter[:] = taken.to_bytes(8, "big")
        if taken == last:
            os.kill(os.getpid(), signal.SIGKILL)

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event in STEPS and str(arguments[0]).startswith(place):
            take()

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def do(*arguments: Any) -> Any:
            take()
            return function(*arguments)

        return do

    sys.addaudithook(hear)
    os.write, os.fsync = counted(os.write), counted(os.fsync)


def wait_for(process: int, seconds: float | None) -> str:
    """Wait for a process, whose group is killed after so many seconds."""
    ends = None if seconds is None else time.monotonic() + seconds
    while ends is not None and not os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        if time.monotonic() >= ends:
            os.killpg(process, signal.SIGKILL)
            break
        time.sleep(0.002)
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    return "killed" if status == -signal.SIGKILL else str(status)


class Orders:
    """Gives orders to the process that obeys."""

    def __init__(self) -> None:
        tests = Path(__file__).parent
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tests.parent / "src"), str(tests)])}
        command = [sys.executable, "-c", ASKED_FOR]
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def give(
        self, config: RunConfig, folder: RunFolder, *, step: int | None = None, seconds: float | None = None
    ) -> Ending:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        order = [config.model_dump(mode="json"), str(folder.root), step, seconds]
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return Ending(*json.loads(self.process.stdout.readline()))

    def end(self) -> None:
        self.process.communicate()


def slowly(ask: Ask) -> Wire:
    return Wire([(0.05 * ask.chance("delay"), answer(ask).pieces[0][1])])


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


def sources(folder: Path) -> tuple[Path, Path]:
    """A file of problems, and the same with one reference corrected and the rows in another order."""
    rows, corrected = folder / "rows.jsonl", folder / "corrected.jsonl"
    problems = [{"question": f"What is {n} and 1?", "reference": str(n + 1), "level": "easy"} for n in range(12)]
    write(rows, problems)
    write(corrected, [{**problems[0], "reference": "77"}, *problems[:0:-1]])
    return rows, corrected


@pytest.mark.slow
def test_kills_at_any_step_under_changing_configs_leave_the_dataset_of_an_undisturbed_run(tmp_path: Path) -> None:
    rows, corrected = sources(tmp_path)
    generator = random.Random(0)
    orders = Orders()
    killed = runs = 0
    with serve(slowly) as endpoint:
        configs = [config_of(endpoint, rows, **ALONE, **tables) for tables in TABLES]
        configs.append(config_of(endpoint, corrected, **ALONE))
        expected = []
        steps = 0
        for number, config in enumerate(configs):
            folder = RunFolder(tmp_path / f"undisturbed{number}")
            ending = orders.give(config, folder)
            assert ending.how == "0"
            steps = max(steps, ending.steps)
            expected.append(digests(folder, config))
        while killed < KILLS:
            folder = RunFolder(tmp_path / f"disturbed{runs // KILLS_A_FOLDER}")
            runs += 1
            assert runs < 4 * KILLS
            moment = generator.uniform(0, LONGEST_SECONDS) if generator.random() < AT_A_MOMENT else None
            step = generator.randint(1, steps if runs % KILLS_A_FOLDER == 1 else steps // 2)
            config = generator.choice(configs)
            killed += orders.give(config, folder, step=None if moment else step, seconds=moment).how == "killed"
            if runs % KILLS_A_FOLDER == 1 and generator.random() < 0.8:
                continue  # another kill while it samples
            number = generator.randrange(len(configs))
            assert orders.give(configs[number], folder).how == "0"
            assert digests(folder, configs[number]) == expected[number], (number, killed)
    orders.end()
