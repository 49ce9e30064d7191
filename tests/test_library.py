"""The package as others use it: what `overproof.__all__` lists, on a real run of the tiny teacher."""

import subprocess
import sys
from pathlib import Path

import pytest

import overproof


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> overproof.RunResult:
    folder = tmp_path_factory.mktemp("library") / "run"
    return overproof.run("quickstart", run_dir=folder, problems={"limit": 2}, sampling={"n": 2})


def test_every_name_that_is_listed_is_there_and_nothing_is_imported_before_it_is_used() -> None:
    assert all(getattr(overproof, name).__doc__ for name in overproof.__all__)
    code = "import overproof, sys; print(*[m for m in ('pydantic', 'openai', 'sympy', 'numpy') if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.split() == []
    with pytest.raises(AttributeError, match="it offers run, load_run"):
        overproof.sample  # noqa: B018


def test_a_base_install_offers_every_command_and_name() -> None:
    """Whatever only an extra brings is kept from being found, as where it is not installed."""
    extras = "onnxruntime onnxruntime_genai onnx tokenizers torch transformers trl peft accelerate ray s3fs playwright"
    code = f"""
import importlib, pkgutil, sys
for name in "{extras} psutil scipy hypothesis pytest ipykernel nbclient".split():
    sys.modules[name] = None
import overproof
for module in pkgutil.walk_packages(overproof.__path__, "overproof.", onerror=print):
    if not module.name.startswith("overproof.tiny.") and not module.name.endswith("__main__"):
        importlib.import_module(module.name)
from overproof import *
"""
    tried = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (tried.returncode, tried.stdout) == (0, ""), tried.stdout + tried.stderr


def test_a_run_is_a_table_with_a_row_for_each_trace(result: overproof.RunResult) -> None:
    table = result.to_arrow()
    assert table.num_rows == 4
    assert table["trace_id"].to_pylist() == [trace.id for trace in result.traces]
    assert set(table["verdict"].to_pylist()) <= {"correct", "approximate", "incorrect", "unverifiable"}
    assert {"reward.accuracy", "kept", "decision", "reasoning", "question"} <= set(table.column_names)
    assert sum(table["kept"].to_pylist()) == result.summary.kept
    assert len(list(result.problems)) == 2
    assert list(result.to_pandas()["trace_id"]) == table["trace_id"].to_pylist()


def test_a_run_is_found_again_and_exported_in_another_form(result: overproof.RunResult) -> None:
    again = overproof.load_run(str(result.folder))
    dataset = overproof.export_dataset(again, format="prompt_completion")
    written = "".join(path.read_text(encoding="utf-8") for path in dataset.glob("jsonl/*.jsonl"))
    assert '"completion":' in written
    overproof.export_dataset(again, format="messages")


def test_a_config_may_be_a_tree_and_needs_a_folder_then(tmp_path: Path) -> None:
    tree = {"problems": {"preset": "procedural", "limit": 1}, "teacher": {"profile": "tiny"}, "sampling": {"n": 1}}
    with pytest.raises(overproof.ConfigError, match="give run_dir"):
        overproof.run(tree)
    with pytest.raises(overproof.ConfigError, match="Did you mean 'sampling'"):
        overproof.run(tree, run_dir=tmp_path, samplin={"n": 2})
    with pytest.raises(overproof.RunFolderError, match="holds no run"):
        overproof.load_run(tmp_path / "nothing")


def test_answers_are_graded_without_a_run() -> None:
    assert overproof.grade("So it is \\boxed{1/2}.", "0.5").verdict == overproof.Verdict.CORRECT
    assert overproof.equivalent("2/4", "1/2") is True
    rows = [overproof.Row("7", "7", answer_only=True), overproof.Row("8", "7", answer_only=True)]
    assert [grade.verdict.value for grade in overproof.grade_many(rows)] == ["correct", "incorrect"]
    assert overproof.pass_at_k(4, 1, 2) == pytest.approx(0.5)
    accuracy = overproof.reward_functions()[0]
    assert accuracy(["2+2?"], ["<think>four</think>\\boxed{4}"], answer=["4"]) == [1.0]


def test_a_grade_is_not_true_by_accident() -> None:
    right, wrong = overproof.grade("So it is 4.", "4"), overproof.grade("So it is 5.", "4")
    assert (right.verdict, wrong.verdict) == ("correct", "incorrect")
    for one in (right, wrong):
        with pytest.raises(TypeError, match="verdict == 'correct'"):
            bool(one)
