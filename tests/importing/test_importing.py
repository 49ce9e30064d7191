"""Importing: the trace sets of others become ordinary journal lines that the later stages take unchanged."""

from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from overproof import pipeline
from overproof.config import load_config
from overproof.errors import ConfigError, InputError, RunFolderError
from overproof.importing import TraceSet, import_traces
from overproof.importing.layouts import ALIASES, LAYOUTS, recognise
from overproof.records import Trace, Usage
from overproof.runfolder import RunFolder

CASES = [
    orjson.loads(line) for line in (Path(__file__).parents[1] / "cases/trace_sets.jsonl").read_bytes().splitlines()
]


def write_rows(path: Path, *rows: Any) -> str:
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return str(path)


def traces_of(folder: RunFolder, shards: int = 1) -> list[Trace]:
    return [trace for shard in range(shards) for trace in folder.read_traces(shard)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["schema"])
def test_a_row_of_every_schema_becomes_traces_of_its_problem(tmp_path: Path, case: dict[str, Any]) -> None:
    folder = RunFolder(tmp_path / "run")
    source = TraceSet(case["schema"], path=write_rows(tmp_path / "theirs.jsonl", case["row"]))
    summary = import_traces(source, folder)
    traces = traces_of(folder)
    assert (summary.problems, summary.traces, summary.skipped) == (1, len(case["replies"]), {})
    for trace, reply in zip(traces, case["replies"], strict=True):
        problem = msgspec.to_builtins(trace.problem)
        assert problem.pop("id") == case["problem"].get("id", trace.problem.id)
        assert problem == {key: value for key, value in case["problem"].items() if key != "id"}
        assert [[message.role, message.content] for message in trace.messages] == case["prompt"]
        assert trace.content == reply["content"]
        assert trace.reasoning == reply.get("reasoning")
        assert trace.finish_reason == reply["finish_reason"]
        assert trace.usage == Usage(**reply["usage"])
        assert trace.teacher == "imported:theirs"
    assert [trace.index for trace in traces] == list(range(len(traces)))


def test_every_schema_has_a_case() -> None:
    assert {case["schema"] for case in CASES} == LAYOUTS.keys() | ALIASES.keys()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["schema"])
def test_every_layout_is_recognised_by_itself(tmp_path: Path, case: dict[str, Any]) -> None:
    assert recognise(case["row"]).name == ALIASES.get(case["schema"], case["schema"])
    asked, by_itself = RunFolder(tmp_path / "asked"), RunFolder(tmp_path / "by_itself")
    path = write_rows(tmp_path / "theirs.jsonl", case["row"])
    import_traces(TraceSet(case["schema"], path=path), asked)
    import_traces(TraceSet(path=path), by_itself)
    assert traces_of(asked) == traces_of(by_itself)


def test_replies_to_one_question_in_several_rows_are_traces_of_one_problem(tmp_path: Path) -> None:
    rows = [{"input": f"q{n % 3}", "reasoning_content": f"r{n}", "content": "c"} for n in range(9)]
    folder = RunFolder(tmp_path / "run")
    path = write_rows(tmp_path / "theirs.jsonl", *rows)
    summary = import_traces(TraceSet("input_reasoning_content", path=path), folder)
    assert (summary.problems, summary.traces) == (3, 9)
    traces = traces_of(folder)
    assert len({trace.id for trace in traces}) == 9
    assert sorted((trace.problem.question, trace.index) for trace in traces) == [
        (f"q{problem}", index) for problem in range(3) for index in range(3)
    ]


def test_the_run_goes_on_from_its_own_config_through_every_later_stage(tmp_path: Path) -> None:
    thought = "<think>\nTwo and two are four, as everybody knows, so the answer must be four.\n</think>\n\n"
    rows = [
        {
            "problem": "What is 2 + 2?",
            "answer": "4",
            "uuid": "u-1",
            "generations": [f"{thought}\\boxed{{4}}", "<think>\nTwo"],
        },
        {
            "problem": "What is 4 / 8?",
            "answer": "1/2",
            "uuid": "u-2",
            "generations": [f"{thought}\\boxed{{0.5}}", f"{thought}\\boxed{{3}}"],
        },
    ]
    folder = RunFolder(tmp_path / "run")
    import_traces(TraceSet("openr1_math", path=write_rows(tmp_path / "theirs.jsonl", *rows)), folder)
    run = pipeline.Run(load_config(str(folder.config)), folder)
    for stage in (pipeline.prepare, pipeline.score, pipeline.select, pipeline.export_dataset):
        stage(run)
    reasons = {decision.trace_id[:5]: decision.reason for decision in folder.read_decisions(0)}
    assert reasons == {"u-1/0": "correct", "u-1/1": "truncated", "u-2/0": "correct", "u-2/1": "incorrect"}
    assert "2 reasoning traces of `imported:theirs`" in (folder.dataset() / "README.md").read_text()


def test_rows_that_hold_no_trace_are_skipped_and_counted_by_what_is_wrong(tmp_path: Path) -> None:
    good = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "<think>a</think>b"}]}
    turns = {"messages": [*good["messages"], *good["messages"]]}
    rows = [good, turns, turns, {"messages": [{"role": "assistant"}]}, {"messages": "no"}, {"other": 1}]
    path = write_rows(tmp_path / "theirs.jsonl", *rows)
    summary = import_traces(TraceSet("messages", path=path), RunFolder(tmp_path / "run"))
    assert summary.traces == 1
    assert summary.skipped["not one question and one reply"] == 3
    assert sum(summary.skipped.values()) == 5


def test_a_set_of_another_schema_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    path = write_rows(tmp_path / "theirs.jsonl", {"question": "q"})
    with pytest.raises(InputError, match=r"no row of theirs holds a trace: no question.*--question COLUMN"):
        import_traces(TraceSet("messages", path=path), folder)
    assert not folder.imported.exists()
    assert not folder.config.exists()


def test_a_wrong_schema_a_missing_source_and_a_used_folder_are_refused(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    path = write_rows(tmp_path / "theirs.jsonl", CASES[0]["row"])
    with pytest.raises(ConfigError, match=r"there is no schema 'r1'.*give one of: 110k"):
        import_traces(TraceSet("r1", path=path), folder)
    with pytest.raises(ConfigError, match="one of a file and a dataset"):
        import_traces(TraceSet("messages"), folder)
    import_traces(TraceSet("r1_distill_110k", path=path), folder)
    with pytest.raises(RunFolderError, match="holds a run already"):
        import_traces(TraceSet("r1_distill_110k", path=path), folder)


def test_the_limit_takes_the_first_rows(tmp_path: Path) -> None:
    rows = [{"input": f"q{n}", "reasoning_content": "r", "content": "c"} for n in range(9)]
    path = write_rows(tmp_path / "theirs.jsonl", *rows)
    summary = import_traces(TraceSet("input_reasoning_content", path=path, limit=4), RunFolder(tmp_path / "run"))
    assert summary.traces == 4


def test_columns_of_ones_own_come_before_any_layout_and_may_be_paths(tmp_path: Path) -> None:
    row = {
        "question": "not this one",
        "data": {"q": "Find x.", "gold": [4]},
        "think": "Two.",
        "replies": [{"text": "It is 4."}],
        "answer": "not this one",
    }
    columns = {"question": "data.q", "reasoning": "think", "answer": "replies[0].text", "reference": "data.gold"}
    path = write_rows(tmp_path / "theirs.jsonl", row)
    folder = RunFolder(tmp_path / "run")
    summary = import_traces(TraceSet(path=path, columns=columns), folder)
    (trace,) = traces_of(folder)
    assert (trace.problem.question, trace.problem.reference) == ("Find x.", "4")
    assert (trace.reasoning, trace.content) == ("Two.", "It is 4.")
    assert summary.taken["replies"] == {"replies[0].text": 1}


def test_reasoning_that_is_not_read_is_told_and_never_dropped_in_silence(tmp_path: Path) -> None:
    row = {"question": "q", "response": "4", "my_thinking_text": "Let me see. " * 20, "note": "short"}
    path = write_rows(tmp_path / "theirs.jsonl", row)
    summary = import_traces(TraceSet(path=path), RunFolder(tmp_path / "run"))
    assert summary.unread == ["my_thinking_text"]
    assert summary.without_reasoning == 1
    assert any("--reasoning or --answer 'my_thinking_text'" in line for line in summary.lines())
    columns = {"reasoning": "my_thinking_text"}
    mapped = import_traces(TraceSet(path=path, columns=columns), RunFolder(tmp_path / "mapped"))
    assert (mapped.unread, mapped.without_reasoning) == ([], 0)


def test_a_set_without_references_says_at_once_what_can_be_kept(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "theirs.jsonl", {"query": "q", "response": "<think>a</think>b"})
    summary = import_traces(TraceSet(path=path), RunFolder(tmp_path / "run"))
    assert summary.without_reference == 1
    assert any("selection.policy=correct_or_majority" in line for line in summary.lines())


def test_rows_with_one_question_are_one_problem_whatever_ids_they_bear(tmp_path: Path) -> None:
    rows = [{"id": n, "question": "q", "response": f"<think>a</think>{n}", "answer": "4"} for n in range(3)]
    rows.append({"id": 0, "question": "another", "response": "<think>a</think>4", "answer": "4"})
    folder = RunFolder(tmp_path / "run")
    summary = import_traces(TraceSet(path=write_rows(tmp_path / "theirs.jsonl", *rows)), folder)
    assert (summary.problems, summary.traces) == (2, 4)
    assert {trace.problem.id for trace in traces_of(folder) if trace.problem.question == "q"} == {"0"}


def test_the_run_can_be_moved_and_goes_on_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_rows(tmp_path / "theirs.jsonl", {"query": "What is 2 + 2?", "response": "<think>a</think>4", "answer": "4"})
    monkeypatch.chdir(tmp_path)
    import_traces(TraceSet(path="theirs.jsonl"), RunFolder("run"))
    (tmp_path / "run").rename(tmp_path / "moved")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    config = load_config("../moved")
    assert config.problems.path == str(tmp_path / "moved" / "imported.jsonl")
    pipeline.prepare(pipeline.Run(config, RunFolder("../moved")))


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    rows = [{"query": f"q{n}", "response": "<think>a</think>b"} for n in range(1000)]
    path = write_rows(tmp_path / "theirs.jsonl", *rows)
    import_traces(TraceSet(path=path), RunFolder(tmp_path / "run"), lambda done, total: told.append((done, total)))
    assert told == [(512, 1000), (1000, 1000)]
