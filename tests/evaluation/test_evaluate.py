"""Evaluating through the pipeline itself: the tiny teacher as the student, local checkpoints, and servers of others."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from students import make_checkpoint, make_tiny_student, trl_template

from overproof.config import EvaluationRun, parse_table
from overproof.config.endpoint import EndpointConfig
from overproof.errors import ConfigError, EndpointError, OverproofError, RunFolderError
from overproof.evaluation import evaluate, evaluate_modes
from overproof.evaluation.measures import Evaluation
from overproof.evaluation.serving import hash_weights, serve_student
from overproof.pipeline import Show
from overproof.records import Trace, decode
from overproof.runfolder import RunFolder

pytest.importorskip("onnxruntime", reason="onnxruntime comes with overproof[demo]")


def make_run(n: int = 2, limit: int = 6, **student: Any) -> EvaluationRun:
    problems = {"preset": "procedural", "split": "held_out", "limit": limit}
    tiny = {"profile": "tiny", "temperature": 1.0, "top_p": 1.0, "max_tokens": 200, "concurrency": 8}
    tree = {"student": tiny | student, "evaluation": {"problems": problems, "n": n, "ks": [1, n, 8]}}
    return parse_table(tree, "test", EvaluationRun)


def read_traces(folder: RunFolder) -> list[Trace]:
    return list(folder.evaluation.read_traces(0))


@pytest.mark.slow
def test_a_model_is_asked_graded_and_measured_and_nothing_is_asked_twice(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    first = evaluate(make_run(n=2), folder)
    assert (first.problems, first.samples, first.missing) == (6, 12, 0)
    assert first.groups["all"].pass_at[8].reason == "needs 8 samples of a problem; there are 2"
    assert {"language:en", "language:zh", "level:3"} <= set(first.groups)
    asked = read_traces(folder)
    assert evaluate(make_run(n=2), folder) == first
    assert read_traces(folder) == asked
    more = evaluate(make_run(n=3), folder)
    assert more.samples == 18
    assert [trace.id for trace in read_traces(folder)][:12] == [trace.id for trace in asked]
    again = evaluate(make_run(n=2), folder)
    assert (again.groups["all"].pass_at[1], again.missing) == (first.groups["all"].pass_at[1], 0)


@pytest.mark.slow
def test_both_modes_are_asked_each_into_a_run_of_its_own(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    config = make_run(n=1, limit=4)
    modes = config.evaluation.model_copy(update={"modes": ["thinking", "non_thinking"]})
    found = evaluate_modes(config.model_copy(update={"evaluation": modes}), folder)
    assert list(found) == ["thinking", "non_thinking"]
    assert [one.samples for one in found.values()] == [4, 4]
    told = [
        [trace.parameters.get("chat_template_kwargs") for trace in folder.evaluation_in(mode).read_traces(0)]
        for mode in found
    ]
    assert told == [[None] * 4, [{"enable_thinking": False}] * 4]
    assert evaluate(config, folder).groups == found["thinking"].groups, "thinking is what is asked for without modes"


def test_the_figures_lie_in_evaluation_json(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    made = evaluate(make_run(), folder)
    assert decode(folder.evaluation.evaluation_json.read_bytes(), Evaluation) == made


def test_answers_to_other_settings_are_never_mixed(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    evaluate(make_run(), folder)
    with pytest.raises(RunFolderError, match=r"temperature was 1\.0 and is 0\.5"):
        evaluate(make_run(temperature=0.5), folder)


@pytest.mark.slow
def test_a_tiny_checkpoint_is_exported_and_served_under_the_digest_of_its_weights(tmp_path: Path) -> None:
    student = make_tiny_student(tmp_path / "run" / "student")
    made = evaluate(make_run(profile="path"), RunFolder(tmp_path / "run"))
    assert made.model == f"student-{hash_weights(student)}"
    assert made.profile == "tiny"
    assert made.samples == 12
    other = make_tiny_student(tmp_path / "other", seed=1)
    assert hash_weights(other) != hash_weights(student)


@pytest.mark.slow
def test_any_checkpoint_is_served_by_transformers_in_the_last_resort_and_sampled_from(tmp_path: Path) -> None:
    pytest.importorskip("fastapi", reason="fastapi comes with transformers[serving]")
    pytest.importorskip("uvicorn", reason="uvicorn comes with transformers[serving]")
    if find_spec("vllm") is not None:
        pytest.skip("vllm is installed and serves instead")
    student = Path(make_checkpoint(tmp_path / "student", trl_template("qwen3")))
    settings = json.loads((student / "generation_config.json").read_text())
    assert not settings.get("do_sample")
    made = evaluate(make_run(profile="path", model=str(student), max_tokens=8, concurrency=8), RunFolder(tmp_path))
    assert made.profile == "generic"
    assert made.samples == 12
    replies = {trace.content for trace in read_traces(RunFolder(tmp_path))}
    assert len(replies) > 6


FAKE_VLLM = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()
    def log_message(self, *_):
        pass
if {fails!r}:
    sys.exit("CUDA out of memory")
print(arguments, flush=True)
HTTPServer((arguments["--host"], int(arguments["--port"])), Handler).serve_forever()
"""


def install_fake_vllm(folder: Path, monkeypatch: pytest.MonkeyPatch, *, fails: bool) -> None:
    """Put a package on the path whose server starts, and answers on /health, or dies."""
    package = folder / "vllm" / "entrypoints" / "openai"
    package.mkdir(parents=True)
    for each in (package, package.parent, package.parent.parent):
        (each / "__init__.py").touch()
    (package / "api_server.py").write_text(FAKE_VLLM.replace("{fails!r}", repr(fails)))
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=":")


def test_vllm_serves_a_checkpoint_where_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    student = make_checkpoint(tmp_path / "student", trl_template("qwen3"))
    install_fake_vllm(tmp_path / "site", monkeypatch, fails=False)
    config = EndpointConfig(profile="path", model=student, temperature=0.3)
    with serve_student(config, tmp_path) as served:
        assert served.profile == "vllm"
        assert served.model == f"student-{hash_weights(Path(student))}"
        assert served.temperature == 0.3
        assert str(served.base_url).startswith("http://127.0.0.1:")


def test_a_server_that_does_not_come_up_is_told_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    student = make_checkpoint(tmp_path / "student", trl_template("qwen3"))
    install_fake_vllm(tmp_path / "site", monkeypatch, fails=True)
    config = EndpointConfig(profile="path", model=student)
    with (
        pytest.raises(EndpointError, match=r"ended with exit code 1(.|\n)*CUDA out of memory"),
        serve_student(config, tmp_path),
    ):
        pass


def test_an_endpoint_that_runs_already_is_passed_on(tmp_path: Path) -> None:
    config = EndpointConfig(profile="generic", model="m", base_url="http://127.0.0.1:1/v1")
    with serve_student(config, tmp_path) as served:
        assert served is config


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "holds no checkpoint"),
        (["config.json"], "holds no checkpoint"),
        (["adapter_config.json", "adapter_model.safetensors"], "holds low-rank adapters alone"),
    ],
)
def test_a_folder_that_cannot_be_served_is_named(tmp_path: Path, files: list[str], message: str) -> None:
    for file in files:
        (tmp_path / file).write_text("{}")
    for config in (EndpointConfig(profile="path"), EndpointConfig(profile="path", model=str(tmp_path))):
        with pytest.raises(ConfigError, match=message), serve_student(config, tmp_path):
            pass


def test_without_any_server_the_ways_out_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    student = make_checkpoint(tmp_path / "student", trl_template("qwen3"))
    monkeypatch.setattr("overproof.evaluation.serving.find_spec", lambda _: None)
    with (
        pytest.raises(OverproofError, match=r"pip install vllm.*student\.base_url"),
        serve_student(EndpointConfig(profile="path", model=student), tmp_path),
    ):
        pass


def test_whoever_watches_sees_the_stages_and_the_plan_once(tmp_path: Path) -> None:
    seen: list[str] = []
    watch: Show = lambda event: seen.append(type(event).__name__)  # noqa: E731 - a watcher in a line
    evaluate(make_run(n=1, limit=2), RunFolder(tmp_path), watch)
    assert {"RunPlan", "Progress", "StepProgress"} <= set(seen)
    assert seen.count("RunPlan") == 1


def test_vllm_gets_the_options_of_the_config_and_no_longer_context_than_replies_need(tmp_path: Path) -> None:
    from overproof.config.endpoint import EndpointConfig
    from overproof.evaluation.serving import vllm_options

    (tmp_path / "config.json").write_text('{"text_config": {"max_position_embeddings": 262144}}')
    config = EndpointConfig(
        profile="path",
        max_tokens=4096,
        serve={"tensor_parallel": 2, "enforce_eager": True, "enable_chunked_prefill": False},
    )
    assert vllm_options(config, str(tmp_path)) == [
        *("--enforce-eager", "--no-enable-chunked-prefill", "--tensor-parallel-size", "2"),
        *("--max-model-len", "6144"),
    ]
    given = EndpointConfig(profile="path", serve={"max_model_len": 1000})
    assert vllm_options(given, str(tmp_path)) == ["--max-model-len", "1000"]
