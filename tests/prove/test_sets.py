"""Training sets of equal size from the selections of one run."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from building import make_problem, make_score, make_trace, write_run

from overproof.config import ProofRun, parse_table
from overproof.errors import ConfigError, InputError
from overproof.export import export
from overproof.prove import prove
from overproof.prove.sets import TrainingSet, draw_pairs, draw_sets
from overproof.runfolder import Manifest, RunFolder
from overproof.selection import select_shard


def make_config(tmp_path: Path, **tables: Any) -> ProofRun:
    question = "What is three and three?"
    (tmp_path / "asked.jsonl").write_bytes(orjson.dumps({"question": question, "reference": "6"}) + b"\n")
    tree = {
        "problems": {"preset": "procedural", "split": "train", "limit": 3},
        "teacher": {"profile": "tiny"},
        "selections": {"unverified": {"policy": "all", "require": {}}, "verified": {"policy": "correct"}},
        "export": {"validation": 0},
        "train": {"student": "tiny-student"},
        "evaluation": {"problems": {"path": str(tmp_path / "asked.jsonl")}},
        "prove": {"rows": 6},
    }
    return parse_table(tree | tables, "test", ProofRun)


def make_run(tmp_path: Path, config: ProofRun, verdicts: str) -> RunFolder:
    """An exported run with a trace for each letter: c for a correct one, anything else for a wrong one."""
    problems = [make_problem(f"p{number}") for number in range(len(verdicts))]
    traces = [make_trace(problem) for problem in problems]
    scores = [
        make_score(trace, "correct" if letter == "c" else "incorrect")
        for trace, letter in zip(traces, verdicts, strict=True)
    ]
    folder = write_run(tmp_path / "run", problems, traces, scores)
    folder.write_manifest(Manifest({}, 1, {}, {}))
    select_shard(config, folder, 0)
    for name in config.selections:
        export(config, folder, [0], name)
    return folder


def ids_of(one: TrainingSet) -> list[str]:
    return [orjson.loads(line)["id"] for line in Path(one.path).read_bytes().splitlines()]


def test_every_set_has_the_same_number_of_rows_and_says_how_many_are_right(tmp_path: Path) -> None:
    config = make_config(tmp_path)
    run = make_run(tmp_path, config, "c" * 8 + "x" * 24)
    unverified, verified = draw_sets(config, run, tmp_path / "sets")
    assert (unverified.name, verified.name) == ("unverified", "verified")
    assert [len(ids_of(one)) for one in (unverified, verified)] == [6, 6]
    assert (unverified.available, verified.available) == (32, 8)
    assert verified.right == 6
    assert unverified.right == sum(f"/p{number}/" in f"/{one}" for one in ids_of(unverified) for number in range(8))
    assert unverified.problems == 6


def test_the_smallest_selection_sets_the_size_of_all(tmp_path: Path) -> None:
    config = make_config(tmp_path)
    run = make_run(tmp_path, config, "c" * 4 + "x" * 24)
    assert [one.rows for one in draw_sets(config, run, tmp_path / "sets")] == [4, 4]


def test_the_same_rows_are_drawn_every_time_and_not_those_that_come_first(tmp_path: Path) -> None:
    config = make_config(tmp_path)
    run = make_run(tmp_path, config, "c" * 30)
    first, again = (draw_sets(config, run, tmp_path / name) for name in ("one", "two"))
    assert [ids_of(one) for one in first] == [ids_of(one) for one in again]
    assert {int(trace_id[1:].partition("/")[0]) for trace_id in ids_of(first[0])} != set(range(6))


def test_pairs_of_right_and_wrong_replies_come_from_the_same_run(tmp_path: Path) -> None:
    config = make_config(tmp_path)
    problem = make_problem("p1")
    content = "<think>\nTwo and two make five.\n</think>\n\nThe answer is \\boxed{5}."
    traces = [make_trace(problem, 0), make_trace(problem, 1, content=content, reasoning=None)]
    scores = [make_score(traces[0]), make_score(traces[1], "incorrect")]
    folder = write_run(tmp_path / "run", [problem], traces, scores)
    folder.write_manifest(Manifest({}, 1, {}, {}))
    select_shard(config, folder, 0)
    pairs = draw_pairs(config, folder, "verified", tmp_path / "sets")
    assert (pairs.name, pairs.rows, pairs.problems) == ("verified+dpo", 1, 1)
    row = orjson.loads(Path(pairs.path).read_bytes())
    assert row["id"] == f"{traces[0].id} {traces[1].id}"
    assert "boxed{5}" in row["rejected"][0]["content"]
    select_shard(config, make_run(tmp_path / "other", config, "cx"), 0)
    with pytest.raises(InputError, match="has a right and a wrong reply of like length"):
        draw_pairs(config, RunFolder(tmp_path / "other" / "run"), "verified", tmp_path / "none")


def test_a_selection_that_keeps_nothing_is_named(tmp_path: Path) -> None:
    config = make_config(tmp_path)
    run = make_run(tmp_path, config, "xxxx")
    with pytest.raises(InputError, match="the selection 'verified' keeps nothing"):
        draw_sets(config, run, tmp_path / "sets")


def test_a_question_that_is_trained_and_evaluated_on_is_refused(tmp_path: Path) -> None:
    rows = [{"id": "mine", "question": "What is  three and THREE?", "reference": "6"}]
    (tmp_path / "trained.jsonl").write_bytes(orjson.dumps(rows[0]) + b"\n")
    config = make_config(tmp_path, problems={"path": str(tmp_path / "trained.jsonl")})
    with pytest.raises(
        InputError, match=r"problem 'mine' is to be trained on and is problem '[0-9a-f]+' of the evaluation"
    ):
        draw_sets(config, RunFolder(tmp_path / "run"), tmp_path / "sets")


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"prove": {"baseline": "raw"}}, "there is no selection 'raw'; selections has: unverified, verified"),
        ({"prove": {"pairs_after": "raw"}}, "prove.pairs_after: there is no selection 'raw'"),
        ({"selections": {"before": {}, "unverified": {}}}, "'before' is the untrained student"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_sampled(
    tmp_path: Path, tables: dict[str, Any], message: str
) -> None:
    pytest.importorskip("trl", reason="trl comes with overproof[train]")
    with pytest.raises(ConfigError, match=message):
        prove(make_config(tmp_path, **tables), RunFolder(tmp_path / "proof"))
    assert not (tmp_path / "proof").exists()
