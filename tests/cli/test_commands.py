"""The command as a user runs it: a process of its own, its output, its exit code."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import ROOT, overproof
from typer.testing import CliRunner

from overproof.cli import GROUPS, app


def test_help_names_every_command_and_imports_nothing_heavy(tmp_path: Path) -> None:
    code = "import overproof.cli, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        check=True,
    ).stdout.split()
    assert not {b"openai", b"datasets", b"numpy", b"sympy", b"torch", b"pydantic", b"aiohttp"} & set(loaded)
    shown = overproof("--help", folder=tmp_path).stdout
    assert all(f" {name} " in shown for name in ("run", "sample", "score", "select", "export", "report", "doctor"))


@pytest.mark.parametrize("name", [name for names in GROUPS.values() for name in names])
def test_help_says_what_is_wanted_in_words_of_its_reader(name: Callable[..., None]) -> None:
    command = name.__name__.replace("_", "-")
    shown = CliRunner().invoke(app, [command, "-h"]).output
    assert re.search(r"^Usage: .+\n(\n  [A-Z].+)+", shown, re.MULTILINE)
    assert f"Example: overproof {command} " in shown
    assert not re.search(
        r"<(str|int|path|list|float|text|integer)\b|[{}]", shown.partition("Example:")[0], re.IGNORECASE
    )


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [("\\boxed{0.5}", "correct"), ("<think>\\boxed{1/2}</think> I am not sure.", "incorrect"), ("2/4", "correct")],
)
def test_verify_explains_one_judgement(tmp_path: Path, answer: str, verdict: str) -> None:
    shown = overproof("verify", "--reference", "1/2", "--answer", answer, folder=tmp_path)
    assert shown.returncode == 0
    assert f"verdict    {verdict}" in shown.stdout
    assert "reason" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["report", "runs/mien"], 2, "no run folder 'runs/mien'. Did you mean 'runs/mine'?"),
        (["run", "nosuch"], 2, "There is no config and no run folder 'nosuch'"),
        (["score", "runs/mine"], 2, "'runs/mine' is a folder without a run in it"),
        (["score", "runs"], 2, "'runs' is a folder of runs and none itself. Name one of them: runs/old"),
        (["run", "broken.yaml"], 2, "broken.yaml:2 is not readable YAML: while parsing a flow node"),
        (["run", "empty.jsonl"], 2, "overproof init --problems empty.jsonl"),
        (["run", "mine.yaml", "--set", "sampling.m=1"], 2, "unknown key 'sampling.m'"),
        (["run", "mine.yaml", "--set", "teacher.profile=dashscop"], 2, "dashscope"),
        (["run", "mine.yaml", "--set", "problems.path=gone.jsonl"], 2, "there is no file 'gone.jsonl'"),
        (["run", "mine.yaml", "--set", "problems.question=body"], 2, "Set problems.question"),
        (["run", "mine.yaml", "--set", "problems.path=empty.jsonl"], 1, "empty.jsonl holds no problems"),
        (["run", "mine.yaml", "--set", "problems.path=twice.jsonl"], 1, "twice.jsonl:2"),
        (["run", "mine.yaml", "--set", "problems.path=blank.jsonl"], 1, "blank.jsonl:2"),
        (["run", "mine.yaml", "--set", "teacher.profile=deepseek"], 2, "DEEPSEEK_API_KEY"),
        (["score", "mine.yaml"], 1, "holds no run yet"),
        (["grade", "gone.jsonl", "--out", "x.jsonl"], 1, "gone.jsonl"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_message_without_a_traceback(
    tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    (tmp_path / "mine.jsonl").write_text('{"id": "a", "question": "1+1?", "reference": 2}\n')
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "twice.jsonl").write_text('{"id": "a", "question": "1+1?", "reference": 2}\n' * 2)
    (tmp_path / "blank.jsonl").write_text(
        '{"id": "a", "question": "1+1?", "reference": 2}\n{"id": "b", "question": " ", "reference": 2}\n'
    )
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    (tmp_path / "runs" / "old").mkdir()
    (tmp_path / "runs" / "old" / "config.yaml").touch()
    (tmp_path / "broken.yaml").write_text("problems: [\n")
    (tmp_path / "mine.yaml").write_text(
        "problems: {path: mine.jsonl}\nteacher: {model: m, base_url: 'http://127.0.0.1:9/v1'}\n"
    )
    shown = overproof(*arguments, folder=tmp_path)
    assert shown.returncode == code, shown.stderr
    assert message in shown.stderr
    assert "Traceback" not in shown.stderr


@pytest.mark.slow
def test_a_key_never_shows(tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text('{"question": "1+1?", "reference": 2}\n')
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    (tmp_path / "mine.yaml").write_text(
        "problems: {path: mine.jsonl}\n"
        "teacher: {model: m, base_url: 'http://127.0.0.1:9/v1', patience_seconds: 1}\nsampling: {n: 1}\n"
    )
    shown = overproof("run", "mine.yaml", folder=tmp_path, TEACHER_API_KEY="sk-very-secret")
    assert shown.returncode == 1
    assert "127.0.0.1:9" in shown.stderr
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert "sk-very-secret" not in shown.stderr + shown.stdout
    assert not [path for path in written if b"sk-very-secret" in path.read_bytes()]


def test_a_dry_run_shows_prompts_and_cost_and_asks_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text('{"question": "What is 1+1?", "reference": 2}\n')
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    (tmp_path / "mine.yaml").write_text(
        "problems: {path: mine.jsonl}\nteacher: {model: m, base_url: 'http://127.0.0.1:9/v1'}\n"
        "budget: {currency: CNY, input_price: 2, output_price: 20}\n"
    )
    shown = overproof("run", "mine.yaml", "--dry-run", folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "What is 1+1?" in shown.stdout
    assert "8 requests to make" in shown.stderr
    assert "CNY at the very most" in shown.stderr
    assert not list((tmp_path / "runs").rglob("traces/*"))


def test_config_prints_each_key_with_its_meaning(tmp_path: Path) -> None:
    shown = overproof("config", "quickstart", folder=tmp_path).stdout
    assert "  # Traces per problem.\n  n: 8\n" in shown


def test_audit_names_what_cannot_be_graded_against(tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text(
        '{"id": "good", "question": "1+1?", "reference": "2"}\n'
        '{"id": "prose", "question": "Why?", "reference": "Because every even number has a half that is whole."}\n'
    )
    shown = overproof("audit", "mine.jsonl", folder=tmp_path)
    assert shown.returncode == 0
    assert "prose: " in shown.stdout
    assert "2 problems: 1 unverifiable" in shown.stdout


def test_grade_writes_each_row_with_its_verdict_in_order(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(
        '{"id": 1, "reference": "1/2", "output": "The answer is \\\\boxed{0.5}."}\n'
        '{"id": 2, "reference": "7", "output": "8", "output_kind": "answer"}\n'
    )
    shown = overproof("grade", "rows.jsonl", "--out", "graded.jsonl", folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    first, second = (tmp_path / "graded.jsonl").read_text().splitlines()
    assert '"id":1' in first
    assert '"verdict":"correct"' in first
    assert '"verdict":"incorrect"' in second
