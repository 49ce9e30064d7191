"""What was sent belongs to a trace; all else of its problem is what the problem file says now."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from endpoint import Ask, Endpoint, Wire, json_reply, serve

from overproof import pipeline
from overproof.config import RunConfig, parse_config
from overproof.errors import RunFolderError
from overproof.runfolder import RunFolder
from overproof.sampling.progress import Notice

Row = dict[str, Any]
ROWS: list[Row] = [{"question": f"What is {n} and 1?", "reference": str(n + 1), "level": "easy"} for n in range(4)]
TWICE = [*ROWS, {**ROWS[0]}]


def answer(ask: Ask) -> Wire:
    number = int(ask.prompt.split()[2])
    return json_reply(f"<think>\n{number} and 1, says {ask.seed}.\n</think>\n\n\\boxed{{{number + 1}}}")


def write(path: Path, rows: list[Row]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def config_of(endpoint: Endpoint, rows: Path, **tables: Any) -> RunConfig:
    teacher = {"base_url": endpoint.base_url, "model": "m", "stream": False, "max_tokens": 64}
    problems = {"path": str(rows), "level": "level"}
    return parse_config({"problems": problems, "sampling": {"n": 2}, **tables, "teacher": teacher}, "c.yaml")


def run(config: RunConfig, folder: RunFolder) -> list[str]:
    """Run all stages; returns what was told in words."""
    told: list[str] = []

    def show(event: object) -> None:
        if isinstance(event, Notice):
            told.append(event.text)

    pipeline.run_all(pipeline.Run(config, folder, show))
    return told


def contents(folder: RunFolder) -> dict[str, str]:
    """The digest of every file of a run but its lock."""
    paths = sorted(path for path in folder.root.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def verdicts(folder: RunFolder) -> dict[str, set[str]]:
    """The verdicts on the traces of each question."""
    questions = {one.problem.id: one.problem.question for one in folder.read_problems(0)}
    found: dict[str, set[str]] = {}
    for score in folder.read_scores(0):
        assert score.grade is not None
        found.setdefault(questions[score.trace_id.split("/")[0]], set()).add(str(score.grade.verdict))
    return found


def test_a_corrected_reference_decides_and_nothing_is_asked_again(tmp_path: Path) -> None:
    folder, rows = RunFolder(tmp_path / "run"), tmp_path / "rows.jsonl"
    write(rows, ROWS)
    with serve(answer) as endpoint:
        run(config_of(endpoint, rows), folder)
        asked = len(endpoint.asked)
        before = verdicts(folder)[ROWS[1]["question"]]
        write(rows, [ROWS[0], {**ROWS[1], "reference": "424242", "level": "hard", "source": "elsewhere"}, *ROWS[2:]])
        run(config_of(endpoint, rows, export={"provenance": True, "validation": 0}), folder)
    assert len(endpoint.asked) == asked
    assert before == {"correct"}
    assert verdicts(folder)[ROWS[1]["question"]] == {"incorrect"}
    ((problem, traces), *_) = [
        (problem, traces)
        for problem, traces in folder.read_groups(0)
        if problem is not None and problem.problem.reference == "424242"
    ]
    assert {(trace.problem.reference, trace.problem.metadata["level"]) for trace in traces} == {("424242", "hard")}
    assert problem is not None


CHANGES: dict[str, tuple[Callable[[list[Row]], list[Row]], int]] = {
    "rows added in front": (lambda rows: [{**rows[0], "question": "What is 7 and 1?", "reference": "8"}, *rows], 2),
    "a row removed": (lambda rows: rows[1:], 0),
    "rows in another order": (lambda rows: rows[::-1], 0),
    "one of two equal rows removed": (lambda rows: rows[:-1], 0),
    "a row that stands once more": (lambda rows: [*rows, rows[2]], 0),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("is_old", [False, True], ids=["made now", "made with row numbers"])
def test_rows_without_ids_may_come_and_go_and_nothing_is_asked_twice(
    tmp_path: Path, change: str, *, is_old: bool
) -> None:
    changed, more = CHANGES[change]
    folder, rows = RunFolder(tmp_path / "run"), tmp_path / "rows.jsonl"
    numbered = [{**row, "id": str(number)} for number, row in enumerate(TWICE)]
    write(rows, numbered if is_old else TWICE)
    with serve(answer) as endpoint:
        config = config_of(endpoint, rows, hygiene={"duplicates": False, "near_duplicates": None})
        run(config, folder)
        asked = len(endpoint.asked)
        write(rows, changed(TWICE))
        run(config, folder)
    assert len({(ask.prompt, ask.seed) for ask in endpoint.asked}) == len(endpoint.asked)
    assert len(endpoint.asked) - asked == (2 if "once more" in change else more)


@pytest.mark.parametrize("is_old", [False, True], ids=["prepared", "problems lost"])
def test_ids_survive_the_loss_of_the_prepared_problems(tmp_path: Path, *, is_old: bool) -> None:
    folder, rows = RunFolder(tmp_path / "run"), tmp_path / "rows.jsonl"
    write(rows, [{**row, "id": str(number)} for number, row in enumerate(ROWS)])
    with serve(answer) as endpoint:
        config = config_of(endpoint, rows)
        run(config, folder)
        asked = len(endpoint.asked)
        write(rows, ROWS[::-1])
        for path in folder.list_files(folder.root / "problems") if is_old else ():
            path.unlink()
        run(config, folder)
    assert len(endpoint.asked) == asked


REFUSED: dict[str, tuple[Callable[[list[Row]], list[Row]], dict[str, Any], str]] = {
    "other ids": (lambda rows: [{**row, "id": f"x{row['id']}"} for row in rows], {}, "problems.id"),
    "another question": (lambda rows: [{**rows[0], "question": "Why?"}, *rows[1:]], {}, "another question as problem"),
    "other ids and rows": (lambda rows: [{**row, "id": str(9 - n)} for n, row in enumerate(rows)], {}, "problems.id"),
    "another template": (lambda rows: [*rows[1:], rows[0]], {"prompt": {"template": "plain"}}, "prompt table"),
}


@pytest.mark.parametrize("change", REFUSED)
def test_what_cannot_go_on_is_refused_by_its_cause_before_anything_changes(tmp_path: Path, change: str) -> None:
    changed, tables, named = REFUSED[change]
    folder, rows = RunFolder(tmp_path / "run"), tmp_path / "rows.jsonl"
    given = [{**row, "id": f"p{number}"} for number, row in enumerate(ROWS)]
    write(rows, given)
    with serve(answer) as endpoint:
        run(config_of(endpoint, rows), folder)
        before = contents(folder)
        write(rows, changed(given))
        with pytest.raises(RunFolderError, match=rf"00000-00000\.jsonl:\d+ .*{named}.*--run-dir"):
            run(config_of(endpoint, rows, **tables), folder)
        assert contents(folder) == before
        write(rows, given)
        run(config_of(endpoint, rows), folder)
    assert len(endpoint.asked) == 8
