"""From traces to rows under every selection: nothing vanishes, and the same traces make the same bytes."""

import random
from pathlib import Path
from typing import Any

import orjson
import pytest
from building import make_config, make_problem, make_score, make_trace, write_run
from hypothesis import given, settings
from hypothesis import strategies as st

from overproof.export import export
from overproof.records import PreparedProblem, Score, Trace
from overproof.runfolder import RunFolder
from overproof.selection import select_shard
from overproof.selection.reasons import KEPT, REASONS

SHARDS = 2

TEXTS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["<think>", "</think>", "<|im_end|>", "\x00", "four", "答案是 4", "\ufffd", ""]),
)
ANSWERS = st.sampled_from(["It is \\boxed{4}.", "\\boxed{2+2}", "\\boxed{5}", "No idea.", "", "4<|im_end|>", "4\x00"])


@st.composite
def sampled_runs(draw: st.DrawFn) -> tuple[list[PreparedProblem], list[Trace], list[Score]]:
    """Problems, traces and scores of every kind that sampling and scoring can leave."""
    problems, traces, scores = [], [], []
    for number in range(draw(st.integers(0, 4))):
        found = draw(st.sampled_from([{}, {"duplicate_of": "p0"}, {"cluster": "p0"}]))
        problem = make_problem(f"p{number}", **found)
        if draw(st.booleans()) or number == 0:
            problems.append(problem)
        for index in range(draw(st.integers(0, 5))):
            finish = draw(st.sampled_from(["stop", "stop", "stop", "length", None]))
            trace = make_trace(
                problem, index, reasoning=draw(st.none() | TEXTS), answer=draw(ANSWERS), finish_reason=finish
            )
            traces.append(trace)
            verdict = draw(st.sampled_from(["correct", "correct", "incorrect", "unverifiable", None]))
            if draw(st.booleans()):
                scores.append(make_score(trace, verdict, think_format=draw(st.sampled_from([0.0, 1.0, None]))))
    return problems, traces, scores


SELECTIONS = st.fixed_dictionaries(
    {
        "policy": st.sampled_from(["all", "correct", "correct_or_majority"]),
        "k_per_problem": st.none() | st.integers(1, 3),
        "order": st.sampled_from(["random", "shortest", "longest", "diverse", "efficient"]),
        "one_per_answer_class": st.booleans(),
        "max_similarity": st.sampled_from([None, 0.5, 1.0]),
        "min_pass_rate": st.sampled_from([None, 0.3]),
    }
)
EXPORTS = st.fixed_dictionaries(
    {
        "format": st.sampled_from(["messages", "prompt_completion_text", "sharegpt", "input_reasoning_content"]),
        "provenance": st.booleans(),
        "validation": st.sampled_from([0, 0.5]),
    }
)


@settings(max_examples=40)
@given(sampled_runs(), SELECTIONS, EXPORTS, st.randoms())
@pytest.mark.slow
def test_kept_and_rejected_make_up_what_was_sampled_and_the_kept_are_the_rows(
    tmp_path_factory: pytest.TempPathFactory,
    run: tuple[list[PreparedProblem], list[Trace], list[Score]],
    selection: dict[str, Any],
    form: dict[str, Any],
    chance: random.Random,
) -> None:
    problems, traces, scores = run
    every = {"policy": "all", "require": {}}
    config = make_config(selection=selection, selections={"everything": every}, export=form)
    folder = write_run(tmp_path_factory.mktemp("run"), problems, traces, scores, shards=SHARDS)
    shuffled = chance.sample(traces, len(traces))
    again = write_run(tmp_path_factory.mktemp("again"), problems, shuffled, scores[::-1], shards=SHARDS)
    for shard in range(SHARDS):
        assert select_shard(config, folder, shard) == select_shard(config, again, shard)
    for name in (None, "everything"):
        decisions = [decision for shard in range(SHARDS) for decision in folder.read_decisions(shard, name)]
        assert sorted(decision.trace_id for decision in decisions) == sorted(trace.id for trace in traces)
        assert {decision.reason for decision in decisions} <= REASONS.keys()
        assert all(decision.kept == (decision.reason in KEPT) for decision in decisions)
        summary = export(config, folder, range(SHARDS), name)
        export(config, again, range(SHARDS), name)
        assert summary.rows.total() == summary.kept == sum(decision.kept for decision in decisions)
        assert summary.sampled == len(traces)
        assert len(read_rows(folder, name)) == summary.kept
    assert read_files(folder) == read_files(again)


def read_rows(folder: RunFolder, name: str | None) -> list[dict[str, Any]]:
    paths = sorted((folder.dataset(name) / "jsonl").glob("*.jsonl"))
    return [orjson.loads(line) for path in paths for line in path.read_bytes().splitlines()]


def read_files(folder: RunFolder) -> dict[Path, bytes]:
    """Every derived file with its bytes."""
    paths = [*folder.dataset().rglob("*.*"), *folder.decisions(0).parent.rglob("*.*")]
    return {path.relative_to(folder.root): path.read_bytes() for path in paths}
