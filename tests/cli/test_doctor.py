"""`overproof doctor` against servers of every kind: what it says, and that it exits with 1 where a run buys nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from endpoint import Ask, Script, Wire, error, json_reply, object_reply, serve

from overproof import pipeline
from overproof.cli.stages import doctor
from overproof.config import load_config
from overproof.pipeline import Run
from overproof.runfolder import RunFolder

REASONING = "First the odd numbers are added one by one, and their sums are the squares: one, four, nine, sixteen."
ANSWER = "The sum is $\\boxed{100}$."
LLAMA = {
    "default_generation_settings": {
        "n_ctx": 4096,
        "params": {"temperature": 0.8, "top_k": 40, "min_p": 0.05000000074505806, "repeat_penalty": 1.0, "mirostat": 0},
    }
}


def reply(reasoning: str = REASONING, content: str = ANSWER, finish: str = "stop", **more: Any) -> Script:
    """A server whose replies differ by seed, as a sampling model's do."""

    def script(ask: Ask) -> Wire:
        choice = {
            "message": {"content": content, "reasoning_content": f"{reasoning} {ask.seed}"},
            "finish_reason": finish,
        }
        usage = {"prompt_tokens": 9, "completion_tokens": 30}
        return object_reply({"choices": [choice], "usage": usage, **more})

    return script


def unless_hot(script: Script, otherwise: Script) -> Script:
    """A server of one text at the config's temperature, and what it does at a high one."""
    return lambda ask: (script if ask.body.get("temperature", 0) < 1.5 else otherwise)(ask)


def one_text(times: int = 1) -> Script:
    """A server without chance."""
    return lambda _: json_reply(ANSWER, reasoning_content=REASONING * times)


def listing(script: Script, *models: dict[str, Any], props: Any = None) -> Script:
    """The same server with its list of models, and what llama.cpp says of itself."""

    def page(ask: Ask) -> Wire:
        if ask.path.endswith("/models"):
            return object_reply({"data": list(models) or [{"id": "m"}]})
        if ask.path.endswith("/props"):
            return error(404, "no such page") if props is None else object_reply(props)
        return script(ask)

    return page


def run_doctor(folder: Path, script: Script, **teacher: Any) -> int:
    (folder / "problems.jsonl").write_text(
        json.dumps({"question": "What is the sum of the first ten odd numbers?", "answer": "100"}), encoding="utf-8"
    )
    with serve(script) as endpoint:
        config = {
            "problems": {"path": str(folder / "problems.jsonl"), "question": "question", "reference": "answer"},
            "teacher": {"model": "m", "base_url": endpoint.base_url, "stream": False, **teacher},
            "prompt": {"template": "boxed"},
        }
        (folder / "c.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        try:
            doctor(str(folder / "c.yaml"), run_dir=str(folder / "run"))
        except typer.Exit as left:
            return left.exit_code
    return 0


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (listing(lambda _: json_reply(ANSWER)), "no reasoning came"),
        (listing(reply(finish="MAX_TOKENS")), "raise teacher.max_tokens"),
        (listing(reply(finish="odd_word")), "incomplete (finish_reason odd_word)"),
        (listing(reply(content="It is 100.")), "below_think_format (no_box): the answer is not in \\boxed{}"),
        (listing(reply(content="")), "ended by itself without an answer"),
        (listing(lambda ask: json_reply(f"<think>{REASONING} {ask.seed}")), "the reasoning block never ends"),
        (listing(reply("首先把奇数逐个相加，可以看到它们的和都是平方数。" * 3)), "below_language_consistency"),
        (listing(reply(model="cheap-1b")), "other_model (cheap-1b answered)"),
        (listing(lambda _: json_reply(ANSWER, reasoning_summary="In short.")), "export.summaries: true"),
        (listing(lambda _: json_reply(None, "tool_calls")), "calls a tool"),
        (listing(lambda _: json_reply("", "SAFETY")), "content filter refuses"),
        (listing(lambda _: error(400, "maximum context length is 8192 tokens")), "fit into 8192 tokens"),
        (listing(lambda _: error(400, "No connected db.", code="no_db_connection")), "Check the key"),
        (listing(lambda _: error(429, "余额不足", code="1113")), "no money left"),
        (listing(lambda _: error(422, "Extra inputs are not permitted: seed")), "teacher.unsent: [seed]"),
        (listing(one_text()), "takes neither the temperature nor"),
        (
            listing(unless_hot(one_text(8), lambda _: error(400, "temperature must be at most 1"))),
            "takes neither the temperature nor",
        ),
        (listing(reply(), {"id": "m-large"}), "does not list 'm'; it has m-large"),
        (listing(reply(), props=LLAMA), "fills in top_k 40, min_p 0.05"),
        (listing(reply(), props=LLAMA), "teacher.extra: {top_k: 0, min_p: 0}"),
        (listing(reply(), {"id": "m", "max_model_len": 2048}), "holds 2,048 tokens of prompt and reply together"),
    ],
)
def test_what_would_make_a_run_useless_is_said_before_it_is_paid_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], script: Script, told: str
) -> None:
    code = run_doctor(tmp_path, script)
    shown = " ".join(capsys.readouterr().out.split())
    assert told in shown
    assert code == 1


@pytest.mark.parametrize(
    ("script", "teacher"),
    [
        (listing(reply()), {}),
        (listing(unless_hot(one_text(), reply())), {}),
        (listing(unless_hot(one_text(), lambda _: error(400, "temperature must be at most 1"))), {}),
        (listing(reply(), {"id": "m", "max_model_len": 40960}), {}),
        (listing(reply(), props=LLAMA), {"profile": "llamacpp", "max_tokens": 2000}),
        (listing(reply(), props={"unlike": [1]}), {}),
        (listing(reply(model="m-2025-01-01")), {"served_as": ["m-2025-01-01"]}),
        (lambda ask: error(500, "no listing") if ask.path.endswith("s") and not ask.body else reply()(ask), {}),
    ],
)
def test_a_server_that_does_what_it_is_asked_is_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], script: Script, teacher: dict[str, Any]
) -> None:
    code = run_doctor(tmp_path, script, **teacher)
    assert (code, "! " in capsys.readouterr().out) == (0, False)


def test_what_befalls_one_of_two_calls_is_noted_and_may_be_chance(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for bad, told in ((reply(finish="length"), "raise teacher.max_tokens"), (lambda _: error(503, "busy"), "busy")):
        calls = iter((bad, reply()))

        def script(ask: Ask, calls: Iterator[Script] = calls) -> Wire:
            return next(calls)(ask)

        assert run_doctor(tmp_path, listing(script)) == 0
        assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("note") and told in line]


def test_a_dry_run_expects_what_doctor_was_given_where_nothing_bounds_a_reply(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('about = "Mine"\nmax_tokens_covers = "answer"', encoding="utf-8")
    teacher = {"profile": str(tmp_path / "mine.toml")}
    assert run_doctor(tmp_path, listing(reply()), **teacher) == 1  # it says that nothing bounds the reasoning
    settings = ["sampling.n=50", "budget.input_price=1", "budget.output_price=10"]
    run = Run(load_config(str(tmp_path / "c.yaml"), settings), RunFolder(tmp_path / "run"))
    pipeline.prepare(run)
    expected = "about 1,950 tokens, 0.0154 USD if all are like the 2 replies that overproof doctor was given"
    assert pipeline.plan(run).outlook.lines()[-1] == expected
    other = load_config(str(tmp_path / "c.yaml"), ["teacher.temperature=1"])
    assert "doctor" not in str(pipeline.plan(Run(other, run.folder)).outlook.lines())
    for damaged in (b"", b"\xff{", b'{"fingerprint": 1}'):
        run.folder.doctored.write_bytes(damaged)
        assert "doctor" not in str(pipeline.plan(run).outlook.lines())
