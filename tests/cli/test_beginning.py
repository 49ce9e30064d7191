"""`overproof init` as a newcomer meets it: options, questions on a terminal, and a config that can be run at once."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from commands import overproof
from terminal import run_in_terminal

from overproof.config import load_config
from overproof.sampling.settings import Settings
from overproof.starting import Whom, look_at, write_config
from overproof.teacher.profiles import profile_names

ROWS = "nr,Question,Answer,Source,Level\na,What is 1+1?,2,page 1,1\nb,What is 2+2?,4,page 2,1\n"


@pytest.mark.parametrize(
    ("options", "teacher"),
    [
        (["--provider", "deepseek"], {"profile": "deepseek", "model": "deepseek-v4-pro"}),
        (["--provider", "vllm", "--model", "mine"], {"profile": "vllm", "model": "mine"}),
        (
            ["--provider", "generic", "--model", "m", "--base-url", "http://10.0.0.9:8000/v1"],
            {"profile": "generic", "model": "m", "base_url": "http://10.0.0.9:8000/v1"},
        ),
        (
            ["--provider", "generic", "--model", "m"],
            {"profile": "generic", "model": "m", "base_url": "http://127.0.0.1:8000/v1"},
        ),
    ],
)
def test_a_config_for_a_file_of_ones_own_can_be_run_at_once(
    tmp_path: Path, options: list[str], teacher: dict[str, str]
) -> None:
    (tmp_path / "mine.csv").write_text(ROWS)
    shown = overproof("init", "--problems", "mine.csv", *options, folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    written = yaml.safe_load((tmp_path / "mine.yaml").read_text())
    columns = {"question": "Question", "reference": "Answer", "level": "Level"}
    assert written["problems"] == {"path": "mine.csv"} | columns, "a source for each row alone is none"
    assert written["teacher"] == teacher | {"max_tokens": 16384}
    assert load_config(str(tmp_path / "mine.yaml")).selection.policy == "correct"
    assert "overproof doctor mine.yaml" in shown.stderr
    again = overproof("init", "--problems", "mine.csv", *options, folder=tmp_path)
    assert (again.returncode, "--out" in again.stderr) == (2, True), "what is there is not written over"


@pytest.mark.parametrize(
    ("row", "question", "reference", "append"),
    [
        ({"question": "Which?", "choices": {"text": ["4", "7"], "label": ["A", "B"]}, "answerKey": "B"},
         "question", "answerKey", ("choices",)),
        ({"题目": "哪个?", "选项A": "4", "选项B": "7", "正确答案": "B"}, "题目", "正确答案", ("选项A", "选项B")),
        ({"prompt": [{"role": "user", "content": "What?"}], "reward_model": {"ground_truth": "4"}},
         "prompt", "reward_model.ground_truth", ()),
        ({"prompt": "What is 2 + 2?", "completion": "It is 4.", "label": True}, "prompt", None, ()),
        ({"question": "Is 7 a prime?", "label": True}, "question", "label", ()),
    ],
)  # fmt: skip
def test_a_first_look_finds_the_columns_that_other_sets_have(
    tmp_path: Path, row: dict[str, Any], question: str, reference: str | None, append: tuple[str, ...]
) -> None:
    (tmp_path / "mine.jsonl").write_text(json.dumps(row) + "\n")
    found = look_at(str(tmp_path / "mine.jsonl"))
    assert (found.question, found.reference, found.append) == (question, reference, append)


@pytest.mark.parametrize("provider", profile_names())
def test_the_cap_of_a_first_config_holds_with_every_provider(tmp_path: Path, provider: str) -> None:
    (tmp_path / "mine.csv").write_text(ROWS)
    whom = Whom(provider, "a-model", "http://127.0.0.1:9/v1")
    text = write_config(str(tmp_path / "mine.csv"), whom, question=None, reference=None, n=4)
    (tmp_path / "mine.yaml").write_text(text)
    most = Settings(load_config(str(tmp_path / "mine.yaml"))).dialect.most_reply_tokens
    assert most is not None
    assert most >= 16384, "models that reason at length need as much"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "--problems is missing"),
        (["--problems", "mine.csv"], "--provider is missing"),
        (["--problems", "mine.csv", "--provider", "generic"], "--model is missing"),
        (["--problems", "mine.csv", "--provider", "depseek"], "'deepseek'"),
        (["--problems", "mine.cvs", "--provider", "deepseek"], "mine.csv"),
        (["--problems", "mine.csv", "--provider", "deepseek", "--question", "Qestion"], "Did you mean 'Question'"),
        (["--problems", "gsm8", "--provider", "deepseek"], "gsm8k"),
    ],
)
def test_what_is_missing_or_mistyped_is_named_with_what_is_there(tmp_path: Path, options: list[str], told: str) -> None:
    (tmp_path / "mine.csv").write_text(ROWS)
    shown = overproof("init", *options, folder=tmp_path)
    assert (shown.returncode, told in shown.stderr) == (2, True), shown.stderr
    assert "Traceback" not in shown.stderr
    assert not (tmp_path / "mine.yaml").exists()


def test_on_a_terminal_what_is_missing_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text(ROWS)
    typed = {b"Problem file": b"mine.csv\r", b"Provider": b"generic\r", b"Address": b"\r", b"Model": b"qwen\r"}
    seen = run_in_terminal(["init"], tmp_path, columns=80, typed=typed)
    assert seen.code == 0, seen.lines
    teacher = yaml.safe_load((tmp_path / "mine.yaml").read_text())["teacher"]
    assert (teacher["model"], teacher["base_url"]) == ("qwen", "http://127.0.0.1:8000/v1")
