"""The Tab key in a real bash: what it offers, and what it leaves to the shell."""

import os
import pty
import select
import shutil
import sys
import time
from pathlib import Path

import pytest
from commands import ROOT, overproof

from overproof.cli.completing import name_configs, name_keys, name_pages, name_presets, name_profiles, name_runs


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("alpha", "beta"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "config.yaml").touch()
    (tmp_path / "runs" / "no-run").mkdir()
    (tmp_path / "mine.yaml").touch()
    (tmp_path / "mine.csv").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("here")
def test_names_are_offered_that_the_commands_take() -> None:
    assert name_configs("qu") == ["quickstart"]
    assert {"mine.yaml", "runs/alpha", "quickstart"} < set(name_configs(""))
    assert name_configs("mine.c") == [], "a file of another kind is the shell's"
    assert name_runs("runs/") == ["runs/alpha", "runs/beta"]
    assert {"sampling.", "teacher."} < set(name_keys(""))
    assert "sampling.n=" in name_keys("sampl")
    assert name_keys("budget.max_c") == ["budget.max_cost="]
    assert name_pages("te") == ["teachers"]
    assert "gsm8k" in name_presets("gsm")
    assert name_profiles("dash") == ["dashscope"]


def test_bash_completes_commands_and_what_they_take(here: Path) -> None:
    if (bash := shutil.which("bash")) is None:
        pytest.skip("no bash on this machine")
    (here / "overproof").write_text(f'#!/bin/sh\nexec {sys.executable} -m overproof "$@"\n')
    (here / "overproof").chmod(0o755)
    made = overproof("--show-completion", "bash", folder=here)
    assert made.returncode == 0, made.stderr
    (here / "completion.sh").write_text(made.stdout)
    child, terminal = pty.fork()
    if child == 0:
        path = {"PATH": f"{here}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "src"), "PS1": "> ", "TERM": "dumb"}
        os.execve(bash, ["bash", "--norc", "--noprofile", "-i"], {**os.environ, **path})
    for typed, wanted in (
        (b". ./completion.sh; echo rea''dy\n", b"ready"),
        (b"overproof imp\t", b"import-traces"),
        (b"\x15overproof run qui\t", b"quickstart"),
        (b"\x15overproof score runs/al\t", b"runs/alpha"),
        (b"\x15overproof audit mine.c\t", b"mine.csv"),
    ):
        os.write(terminal, typed)
        shown, end = b"", time.monotonic() + 60
        while wanted not in shown and time.monotonic() < end:
            if select.select([terminal], [], [], 0.2)[0]:
                shown += os.read(terminal, 65536)
        assert wanted in shown, shown
    os.write(terminal, b"\x15exit\n")
    os.waitpid(child, 0)
    os.close(terminal)
