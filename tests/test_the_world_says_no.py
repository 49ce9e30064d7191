"""What the world refuses is one line with the way out, and an exit code; never a traceback."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import subprocess
import sys
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
