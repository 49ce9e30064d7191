"""Configs: every shipped one loads and says how it is run; what is wrong in one is said with the way out."""

import re
from pathlib import Path

import pytest
import yaml

from overproof.config import (
    EvaluationRun,
    ProofRun,
    RunConfig,
    SftRun,
    describe,
    load_config,
    load_table,
    parse_config,
    parse_table,
)
from overproof.config.grpo import GrpoConfig
from overproof.config.table import Table
from overproof.errors import ConfigError

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))
KINDS: dict[str, type[Table]] = {
    "run": RunConfig,
    "grpo": GrpoConfig,
    "sft": SftRun,
    "evaluate": EvaluationRun,
    "prove": ProofRun,
}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_shipped_config_begins_with_the_command_that_runs_it_and_loads(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    command = re.search(rf"overproof (\w+) configs/{path.name}", first)
    assert command, f"{path.name} begins with: {first}"
    assert isinstance(load_table(str(path), KINDS[command[1]]), KINDS[command[1]])


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_no_shipped_config_holds_a_key(path: Path) -> None:
    assert not re.search(r"^[^#]*\b(api_key|sk-)", path.read_text(encoding="utf-8"), re.MULTILINE)


def test_a_shipped_config_is_found_by_its_name_alone() -> None:
    assert load_config("quickstart").teacher.profile == "tiny"


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"sampling": {"m": 8}}, "unknown key 'sampling.m'. Known keys: n, probe"),
        ({"teacher": {"temprature": 1}}, "unknown key 'teacher.temprature'. Did you mean 'temperature'?"),
        ({"selectoin": {}}, "unknown key 'selectoin'. Did you mean 'selection'?"),
        (
            {"rewards": {"overlong": {"max_token": 1}}},
            "unknown key 'rewards.overlong.max_token'. Did you mean 'max_tokens'?",
        ),
        ({"sampling": {"n": 0}}, "'sampling.n': Input should be greater than 0"),
        ({"teacher": {"temperature": float("nan")}}, "'teacher.temperature'"),
        ({"teacher": {"base_url": "http://me:secret@host/v1"}}, "it must hold no user, password or query"),
        ({"sampling": {"n": 4, "max": 8, "want_correct": 1}}, "give either n, or want_correct and max"),
        ({"selection": {"require": {"think_fromat": 1}}}, "no reward 'think_fromat'. Did you mean 'think_format'?"),
        ({"prompt": {"template": "boxd"}}, "'boxd' is no template and has no {question} in it. Did you mean 'boxed'?"),
        ({"engine": "rya"}, "'engine': there is no 'rya'. Did you mean 'ray'? It takes local, ray"),
        ({"problems": {"path": "x", "on_bad_row": "skp"}}, "Did you mean 'skip'? It takes stop, skip"),
        (
            {"teacher": {"stream": "atuo"}},
            "unable to interpret input; or: there is no 'atuo'. Did you mean 'auto'? It takes auto",
        ),
    ],
)
def test_what_is_wrong_is_named_with_the_way_out(tables: dict[str, object], message: str) -> None:
    tree = {"problems": {"path": "mine.jsonl"}, "teacher": {"model": "m"}, **tables}
    with pytest.raises(ConfigError) as error:
        parse_config(tree, "mine.yaml")
    assert message in str(error.value)
    assert str(error.value).startswith("mine.yaml: ")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no tables"),
        ("- 1\n- 2\n", "holds no tables"),
        ("teacher: {", "is not readable YAML"),
        ("teacher: {model: m}\n", "'problems' is missing"),
    ],
)
def test_a_file_that_is_no_config_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message) as error:
        load_config(str(path))
    assert str(path) in str(error.value)


def test_overrides_are_yaml_and_reach_into_tables() -> None:
    config = load_config("quickstart", ["sampling.n=2", "teacher.extra={top_k: 5}", "budget.currency=CNY"])
    assert (config.sampling.n, config.teacher.extra, config.budget.currency) == (2, {"top_k": 5}, "CNY")


@pytest.mark.parametrize("override", ["sampling.n", "=8", "sampling.n.x=1", "teacher.extra={"])
def test_a_malformed_override_is_refused(override: str) -> None:
    with pytest.raises(ConfigError, match="--set"):
        load_config("quickstart", [override])


def test_every_key_says_what_it_means() -> None:
    silent = [key for key, _, meaning in describe(load_config("quickstart")) if not meaning]
    assert not silent


def test_tables_under_names_and_in_lists_are_described_key_by_key() -> None:
    config = parse_config(
        {
            "problems": {"path": "mine.jsonl"},
            "teacher": {"model": "m"},
            "selections": {"short": {"order": "shortest"}},
            "hygiene": {"benchmarks": [{"preset": "aime", "path": "aime.jsonl"}]},
        },
        "mine.yaml",
    )
    described = {key: value for key, value, _ in describe(config)}
    assert described["selections.short.order"] == "shortest"
    assert described["hygiene.benchmarks.0.preset"] == "aime"


def test_the_config_of_a_run_is_a_config_again(tmp_path: Path) -> None:
    config = load_config("quickstart")
    path = tmp_path / "config.yaml"
    tree = {**config.model_dump(mode="json"), "run": {"shards": 1, "versions": {}, "stages": {}}}
    path.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
    assert load_config(str(path)) == config


def test_one_file_serves_a_run_a_training_and_an_evaluation() -> None:
    tree = {
        "problems": {"path": "mine.jsonl"},
        "teacher": {"model": "m"},
        "train": {"student": "tiny-student", "sft": {"learning_rate": 1e-5}},
        "evaluation": {"problems": {"preset": "math500"}, "n": 4},
        "prove": {"rows": 10},
    }
    run = parse_config(dict(tree), "mine.yaml")
    assert run.train == parse_table(dict(tree), "mine.yaml", SftRun).train
    assert run.evaluation == parse_table(dict(tree), "mine.yaml", EvaluationRun).evaluation
    assert parse_table(dict(tree), "mine.yaml", EvaluationRun).student.profile == "path"
    assert parse_table(dict(tree), "mine.yaml", ProofRun).prove.rows == 10


def test_what_a_command_reads_of_a_file_must_be_there_and_fit() -> None:
    with pytest.raises(ConfigError, match="'train' is missing"):
        parse_table({"problems": {"path": "mine.jsonl"}, "train": None}, "mine.yaml", SftRun)
    with pytest.raises(ConfigError, match="unknown key 'trian'"):
        parse_table({"trian": {}}, "mine.yaml", SftRun)
    with pytest.raises(ConfigError, match=r"unknown key 'train\.studnet'\. Did you mean 'student'"):
        parse_table({"train": {"studnet": "tiny-student"}}, "mine.yaml", SftRun)
