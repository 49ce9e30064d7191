"""What the world refuses is one line with the way out, and an exit code; never a traceback."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from endpoint import Ask, Wire, json_reply, serve

from overproof.errors import RunFolderError
from overproof.runfolder import RunFolder

KEY = "sk-NOBODYS-7f3a9c21d4"


def overproof(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "overproof", *map(str, arguments)]
    source = str(Path(__file__).parents[1] / "src")
    return subprocess.run(
        command, env=os.environ | {"PYTHONPATH": source} | environment, capture_output=True, text=True, check=False
    )


def write_config(folder: Path, base_url: str, **tables: object) -> Path:
    rows = [{"question": f"What is {n} and 1?", "reference": str(n + 1)} for n in range(3)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    teacher = {"base_url": base_url, "model": "m", "stream": False}
    config = {"problems": {"path": str(folder / "rows.jsonl")}, "teacher": teacher, "sampling": {"n": 1}, **tables}
    (folder / "c.yaml").write_text(json.dumps(config))
    return folder / "c.yaml"


def refuse(_: Ask) -> Wire:
    return json_reply("I cannot tell.", "length")


def test_a_run_that_kept_nothing_ends_with_the_reason_and_the_remedy(tmp_path: Path) -> None:
    with serve(refuse) as endpoint:
        ended = overproof("run", write_config(tmp_path, endpoint.base_url), "--run-dir", tmp_path / "run")
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert "max_tokens" in ended.stderr


REFUSED = {
    "a run folder that is a file": (["--run-dir", "{folder}/rows.jsonl"], 1, "File exists"),
    "a run folder below a device": (["--run-dir", "/dev/null/run"], 1, "Not a directory"),
    "a run folder in the kernel's own": (["--run-dir", "/proc/nowhere/run"], 1, "cannot be written"),
    "a run folder whose name is no text": (["--run-dir", "{folder}/\udcff"], 2, "\\xff' is not UTF-8"),
    "problems in a file whose name is no text": (["--set", "problems.path=\udcff.jsonl"], 2, "ln -s"),
    "a key in an address": (["--set", f"teacher.base_url=http://h/{KEY}/v1"], 2, "teacher.base_url"),
    "a key in place of its variable": (["--set", f"teacher.key_env={KEY}"], 2, "teacher.key_env"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_one_line_without_a_traceback_and_nothing_is_written(tmp_path: Path, what: str) -> None:
    arguments, code, said = REFUSED[what]
    config = write_config(tmp_path, "http://127.0.0.1:9/v1")
    before = sorted(tmp_path.rglob("*"))
    given = [argument.replace("{folder}", str(tmp_path)) for argument in arguments]
    if "--run-dir" not in given:
        given += ["--run-dir", str(tmp_path / "run")]
    ended = overproof("run", config, *given)
    assert ended.returncode == code
    (line,) = ended.stderr.strip().splitlines()
    assert said in line
    assert "NOBODYS" not in ended.stderr + ended.stdout
    assert sorted(tmp_path.rglob("*")) == before


def test_yaml_nested_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("problems: " + "[" * 20_000)
    ended = overproof("run", tmp_path / "c.yaml")
    assert (ended.returncode, len(ended.stderr.strip().splitlines())) == (2, 1)


@pytest.mark.parametrize(
    ("number", "said"), [(errno.EWOULDBLOCK, "in use by another"), (errno.ENOLCK, "cannot lock files")]
)
def test_a_lock_that_is_taken_is_told_from_a_file_system_without_locks(
    tmp_path: Path, number: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refused)
    with pytest.raises(RunFolderError, match=said), RunFolder(tmp_path).lock():
        pass


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    ended = overproof("run", "quickstart", "--limit", "3", "--run-dir", folder)
    assert ended.returncode == 0, ended.stderr
    return folder


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """A file system of its own with room for a run and little more; skips where none can be mounted."""
    place.mkdir()
    if (
        os.geteuid()
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", place], check=False).returncode
    ):
        pytest.skip("needs the right to mount a tmpfs")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def fill(place: Path) -> None:
    """Leave no room."""
    room = os.statvfs(place)
    (place / "ballast").write_bytes(b"x" * (room.f_bavail * room.f_bsize))


def assert_one_line(ended: subprocess.CompletedProcess[str], code: int, said: str) -> None:
    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("overproof: ")]
    assert said in line


CHANGED = {
    "score": ["--set", "rewards.accuracy.weight=2"],
    "export": ["--set", "export.seed=7"],
    "report": [],
}
"""Stages, each with what makes it work again on a finished run."""


@pytest.mark.slow
@pytest.mark.parametrize("stage", CHANGED)
def test_a_full_disk_is_one_line_and_the_same_command_ends_well_once_there_is_room(
    tmp_path: Path, finished: Path, stage: str
) -> None:
    with small_disk(tmp_path / "disk") as disk:
        shutil.copytree(finished, disk / "run")
        fill(disk)
        assert_one_line(overproof(stage, disk / "run", *CHANGED[stage]), 1, "No space left on device")
        (disk / "ballast").unlink()
        assert overproof(stage, disk / "run", *CHANGED[stage]).returncode == 0


@pytest.mark.slow
def test_a_run_that_cannot_be_written_is_one_line(tmp_path: Path, finished: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        shutil.copytree(finished, disk / "run")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        assert_one_line(overproof("run", disk / "run"), 1, "Read-only file system")


LIMITS = {
    "files of 4 blocks": ("ulimit -f 4", "ulimit -f"),
    "5 open files": ("ulimit -n 5", "ulimit -n"),
    "memory for no library": ("ulimit -v 60000", "ulimit -v"),
    "memory for the libraries alone": ("ulimit -v 300000", "ulimit -v"),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", LIMITS)
def test_a_limit_of_the_shell_is_one_line_that_names_it(tmp_path: Path, finished: Path, what: str) -> None:
    limit, said = LIMITS[what]
    shutil.copytree(finished, tmp_path / "run")
    script = f'{limit}; exec "$0" -m overproof score {tmp_path}/run --set rewards.accuracy.weight=2'
    source = str(Path(__file__).parents[1] / "src")
    ended = subprocess.run(
        ["/bin/bash", "-c", script, sys.executable],
        env=os.environ | {"PYTHONPATH": source, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert_one_line(ended, 1, said)


@pytest.mark.parametrize("gone", ["renamed", "deleted"])
def test_a_run_folder_that_goes_away_ends_the_run_at_the_next_flush(tmp_path: Path, gone: str) -> None:
    run = tmp_path / "run"

    def script(ask: Ask) -> Wire:
        if ask.number == 3:
            run.rename(tmp_path / "elsewhere") if gone == "renamed" else shutil.rmtree(run)
        return json_reply("\\boxed{1}")

    with serve(script) as endpoint:
        config = write_config(tmp_path, endpoint.base_url, sampling={"n": 400})
        ended = overproof("run", config, "--set", "teacher.concurrency=1", "--run-dir", run)
        asked = len(endpoint.asked)
    assert_one_line(ended, 1, "was deleted or")
    assert asked < 1200
    assert not run.exists()


@pytest.mark.parametrize("module", ["overproof.errors", "typer"])
def test_ctrl_c_while_modules_load_is_quiet(tmp_path: Path, module: str) -> None:
    """Python says when it has loaded a module; the interrupt comes then."""
    command = [
        sys.executable,
        "-X",
        "importtime",
        "-m",
        "overproof",
        "run",
        "quickstart",
        "--run-dir",
        str(tmp_path / "run"),
    ]
    source = str(Path(__file__).parents[1] / "src")
    said = []
    with subprocess.Popen(
        command, env=os.environ | {"PYTHONPATH": source}, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            if line.startswith("import time:") and line.split("|")[-1].strip() == module:
                process.send_signal(signal.SIGINT)
    assert process.returncode == 130
    assert "Traceback" not in "".join(said)
