"""Rows are found in a JSON document however it holds them; which of several lists is meant is asked for."""

import json
from pathlib import Path
from typing import Any

import pytest

from overproof.errors import ConfigError, InputError
from overproof.rows import Source, read_rows, scan_rows

ONE = {"id": "1", "question": "q1", "answer": "2"}
TWO = {"id": "2", "question": "q2", "answer": "4"}


def read(path: Path, text: str, **more: Any) -> list[dict[str, Any]]:
    path.write_text(text)
    return [row.values for row in read_rows(Source(str(path), **more))]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.json", json.dumps({"dataset": {"train": [ONE, TWO]}})),
        ("x.json", json.dumps({"meta": [{"by": "me"}], "problems": [ONE, TWO]})),
        ("x.json", json.dumps({"1": ONE, "2": TWO})),
        ("x.json", json.dumps({"version": "1", "sets": {"x": {"rows": [ONE, TWO]}}})),
        ("x.json", json.dumps([[ONE], [TWO]])),
        ("x.json", json.dumps(ONE) + json.dumps(TWO)),
        ("x.jsonl", json.dumps(ONE) + " " + json.dumps(TWO)),
        ("x.jsonl", json.dumps([ONE]) + "\n" + json.dumps([TWO]) + "\n"),
        ("x.jsonl", "".join(json.dumps(json.dumps(row)) + "\n" for row in (ONE, TWO))),
        ("x.jsonl", json.dumps(ONE) + ",\n" + json.dumps(TWO) + ",\n"),
        ("x.jsonl", "\ufeff" + json.dumps(ONE) + "\n\ufeff" + json.dumps(TWO) + "\n"),
    ],
)  # fmt: skip
def test_the_same_rows_are_found_in_every_shape(tmp_path: Path, name: str, text: str) -> None:
    assert read(tmp_path / name, text) == [ONE, TWO]


def test_rows_by_their_ids_have_these_ids(tmp_path: Path) -> None:
    rows = {"p1": {"question": "q1", "answer": "2"}, "p2": {"question": "q2", "answer": "4"}}
    assert [row["id"] for row in read(tmp_path / "x.json", json.dumps(rows))] == ["p1", "p2"]


def test_several_lists_are_asked_about_and_chosen_by_split_or_name(tmp_path: Path) -> None:
    splits, parts = json.dumps({"train": [ONE], "val": [TWO]}), json.dumps({"easy": [ONE], "hard": [TWO]})
    with pytest.raises(ConfigError, match=r"train \(1 rows\), val \(1 rows\)\. Set problems\.split"):
        read(tmp_path / "x.json", splits, table="problems")
    with pytest.raises(ConfigError, match=r"easy \(1 rows\), hard \(1 rows\)\. Set problems\.name"):
        read(tmp_path / "x.json", parts, table="problems")
    assert read(tmp_path / "x.json", splits, split="validation") == [TWO]
    assert read(tmp_path / "x.json", parts, name="hard") == [TWO]


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": [{"role": "user", "content": "q"}], "reward_model": {"ground_truth": "3"}, "tags": [{"x": 1}]},
        {"question": "q", "options": [{"label": "A", "text": "1"}], "steps": [{"text": "so"}]},
        {"messages": [{"role": "user", "content": "q"}]},
    ],
)
def test_one_row_over_many_lines_stays_one_row(tmp_path: Path, row: dict[str, Any]) -> None:
    assert read(tmp_path / "x.json", json.dumps(row, indent=1)) == [row]


def test_a_page_of_the_dataset_viewer_is_no_whole_set_and_a_cut_cell_no_row(tmp_path: Path) -> None:
    rows = [
        {"row_idx": 0, "row": ONE, "truncated_cells": []},
        {"row_idx": 1, "row": TWO, "truncated_cells": ["answer"]},
    ]
    (tmp_path / "x.json").write_text(json.dumps({"rows": rows, "num_rows_total": 7473}))
    told: list[str] = []
    first, second = scan_rows(Source(str(tmp_path / "x.json")), told.append)
    assert first.values == ONE
    assert "cut off by the dataset viewer in answer" in str(second.fault)
    assert "holds 2 of 7,473 rows" in told[0]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("x.json", '[{"q": 1},\n{"q": 2},\n]', "line 3 .*take out the comma before it"),
        ("x.jsonl", '{"q": 1,}\n', "x.jsonl:1 .*take out the comma before it"),
        ("x.json", '[\n// mine\n{"q": 1}]', "JSON has no comments"),
        ("x.jsonl", '# mine\n{"q": 1}\n', "x.jsonl:1 .*JSON has no comments"),
        ("x.json", "[{'q': 1}]", "write rows with json.dumps"),
        ("x.json", "[{q: 1}]", "stands in double quotes"),
        ("x.json", '[{"q": 1},\n{"q', "it is cut off|Unterminated"),
        ("x.jsonl", '"only a text"\n', 'holds a text, not a row of named columns. Write it as {"question"'),
        ("x.jsonl", "{}\n", "is an empty row"),
        ("x.json", "null", "begins with 'n'"),
    ],
)
def test_what_is_no_json_is_named_by_its_place_with_what_to_do(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path / name, text)


def test_infinity_is_kept_and_nan_is_missing(tmp_path: Path) -> None:
    text = '{"a": NaN}\n{"a": Infinity}\n{"a": -Infinity}\n'
    assert [row["a"] for row in read(tmp_path / "x.jsonl", text)] == [None, "\\infty", "-\\infty"]
