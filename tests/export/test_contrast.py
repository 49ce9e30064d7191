"""Rows for other trainers than supervised ones: right against wrong of like length, labels, prompts, and both modes."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from building import make_config, make_problem, make_score, make_trace, write_run

from overproof.config.output import ExportConfig
from overproof.errors import ConfigError
from overproof.export import export
from overproof.records import Trace, Verdict
from overproof.runfolder import RunFolder
from overproof.selection import select_shard


def load(folder: Path) -> list[dict[str, Any]]:
    files = sorted((folder / "jsonl").glob("train-*.jsonl"))
    return [orjson.loads(line) for file in files for line in file.read_bytes().splitlines()]


def wrong(index: int, *, words: int = 0, finish_reason: str = "stop") -> Trace:
    problem = make_problem()
    content = "<think>\nTwo and two make five." + " so" * words + "\n</think>\n\nThe answer is \\boxed{5}."
    return make_trace(problem, index, content=content, reasoning=None, finish_reason=finish_reason)


def export_rows(root: Path, traces: list[Trace], verdicts: list[Verdict], **keys: Any) -> list[dict[str, Any]]:
    config = make_config(export={"validation": 0, **keys})
    scores = [make_score(trace, verdict=verdict) for trace, verdict in zip(traces, verdicts, strict=True)]
    folder: RunFolder = write_run(root / "run", [make_problem()], traces, scores)
    select_shard(config, folder, 0)
    return load(export(config, folder, [0]).folder)


RIGHT, WRONG, OPEN = Verdict.CORRECT, Verdict.INCORRECT, Verdict.UNVERIFIABLE


def test_a_pair_is_a_right_and_a_wrong_reply_to_the_same_problem(tmp_path: Path) -> None:
    traces = [make_trace(make_problem(), 0), wrong(1)]
    (row,) = export_rows(tmp_path, traces, [RIGHT, WRONG], format="preference")
    assert row["id"] == f"{traces[0].id} {traces[1].id}"
    assert row["prompt"][-1]["role"] == "user"
    assert "\\boxed{4}" in row["chosen"][0]["content"]
    assert "\\boxed{5}" in row["rejected"][0]["content"]
    assert row["chosen"][0]["content"].startswith("<think>\n")


def test_pairs_are_of_like_length_and_use_no_trace_twice(tmp_path: Path) -> None:
    traces = [make_trace(make_problem(), 0), make_trace(make_problem(), 1), wrong(2, words=400), wrong(3)]
    verdicts = [RIGHT, RIGHT, WRONG, WRONG]
    rows = export_rows(tmp_path, traces, verdicts, format="preference", pairs_per_problem=4)
    assert [row["id"].split()[1] for row in rows] == [traces[3].id]
    far = {"format": "preference", "pairs_per_problem": 4, "length_ratio": 100}
    rows = export_rows(tmp_path / "far", traces, verdicts, **far)
    assert {part for row in rows for part in row["id"].split()} == {trace.id for trace in traces}
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("other", "verdict"),
    [(wrong(1), OPEN), (wrong(1, finish_reason="length"), WRONG), (make_trace(make_problem(), 1), RIGHT)],
)
def test_what_is_not_proved_wrong_is_in_no_pair(tmp_path: Path, other: Trace, verdict: Verdict) -> None:
    assert not export_rows(tmp_path, [make_trace(make_problem(), 0), other], [RIGHT, verdict], format="preference")


def test_labels_say_which_reply_is_right(tmp_path: Path) -> None:
    rows = export_rows(tmp_path, [make_trace(make_problem(), 0), wrong(1)], [RIGHT, WRONG], format="kto")
    assert [row["label"] for row in rows] == [True, False]
    assert [("\\boxed{4}" in row["completion"][0]["content"]) for row in rows] == [True, False]


def test_prompts_come_with_what_a_reward_needs(tmp_path: Path) -> None:
    problem = make_problem().problem
    (row,) = export_rows(tmp_path, [make_trace(index=0), make_trace(index=1)], [RIGHT, RIGHT], format="prompts")
    assert (row["id"], row["question"], row["reference"]) == (problem.id, problem.question, problem.reference)


def test_answers_without_reasoning_stand_beside_whole_traces_at_the_share_asked_for(tmp_path: Path) -> None:
    traces = [make_trace(make_problem(), index) for index in range(200)]
    rows = export_rows(tmp_path, traces, [RIGHT] * 200, non_thinking=0.25)
    modes = [row["chat_template_kwargs"]["enable_thinking"] for row in rows]
    assert modes.count(True) == 200
    assert modes.count(False) / len(modes) == pytest.approx(0.25, abs=0.06)
    answers = [row["messages"][-1]["content"] for row in rows if not row["chat_template_kwargs"]["enable_thinking"]]
    assert set(answers) == {"The answer is \\boxed{4}."}
    assert export_rows(tmp_path / "again", traces, [RIGHT] * 200, non_thinking=0.25) == rows


def test_a_format_that_cannot_say_its_mode_is_refused() -> None:
    with pytest.raises((ConfigError, ValueError), match="cannot say their mode"):
        ExportConfig(format="sharegpt", non_thinking=0.2)


@pytest.mark.parametrize("form", ["preference", "kto"])
def test_a_wrong_trace_that_the_selection_keeps_is_no_right_one(tmp_path: Path, form: str) -> None:
    traces = [make_trace(make_problem(), 0), wrong(1), make_trace(make_problem(), 2)]
    config = make_config(
        export={"validation": 0, "format": form, "pairs_per_problem": 4},
        selection={"policy": "all", "k_per_problem": 8, "require": {}},
    )
    scores = [make_score(trace, verdict=verdict) for trace, verdict in zip(traces, [RIGHT, WRONG, OPEN], strict=True)]
    folder = write_run(tmp_path / "run", [make_problem()], traces, scores)
    select_shard(config, folder, 0)
    rows = load(export(config, folder, [0]).folder)
    right, other = traces[0].id, traces[1].id
    if form == "preference":
        assert [row["id"] for row in rows] == [f"{right} {other}"]
    else:
        assert [(row["id"], row["label"]) for row in rows] == [(right, True), (other, False)]
