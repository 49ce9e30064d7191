"""Files graded row by row: what is added, what is kept, and how a bad row is named."""

import json
from pathlib import Path
from typing import Any

import pytest

from overproof.errors import InputError, RunFolderError
from overproof.grading.labelled_rows import LabelAgreement, grade_rows

ROWS: list[dict[str, Any]] = [
    {"id": 1, "reference": "0.5", "output": r"So it is $\boxed{\frac12}$."},
    {"id": 2, "reference": "B", "output": "故选 C", "problem": "A. 1\nB. 2\nC. 3"},
    {"id": 3, "reference": 7, "output": "x = 7", "output_kind": "answer", "note": {"kept": [1, None]}},
    {"id": 4, "reference": None, "output": r"\boxed{5}"},
    {"id": 5, "reference": "5", "output": None, "problem": None},
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_each_row_is_written_back_in_order_with_its_verdict(tmp_path: Path) -> None:
    done: list[int] = []
    out = tmp_path / "graded.jsonl"
    counts = grade_rows(write(tmp_path / "rows.jsonl", ROWS), out, progress=done.append)
    graded = read(out)
    assert [row["id"] for row in graded] == [1, 2, 3, 4, 5]
    assert [row["verdict"] for row in graded] == ["correct", "incorrect", "correct", "unverifiable", "incorrect"]
    assert [row["layer"] for row in graded] == ["number", "choice", "text", "reference", "extraction"]
    assert graded[0]["extracted"] == r"\frac12"
    assert graded[2]["note"] == {"kept": [1, None]}
    assert all(row["reason"] for row in graded)
    assert done == [1, 2, 3, 4, 5]
    assert counts.verdicts == {"correct": 2, "incorrect": 2, "unverifiable": 1}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2 is not JSON"),
        ("[1]", "line 2 is not a JSON object but list"),
        ('{"reference": "5"}', "line 2 has no 'output'; it has: reference"),
        ('{"output": "5"}', "line 2 has no 'reference'; it has: output"),
        ('{"reference": "5", "output": true}', "line 2: output is bool and not text"),
        ('{"reference": ["5"], "output": "5"}', "line 2: reference is list and not text"),
        ('{"reference": "5", "output": "5", "output_kind": "box"}', "line 2 has output_kind 'box'. Use full or answer"),
    ],
)
def test_a_bad_row_is_named_by_its_line_before_anything_is_written(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{{"reference": "5", "output": "5"}}\n{line}\n', encoding="utf-8")
    with pytest.raises(InputError) as error:
        grade_rows(path, tmp_path / "graded.jsonl")
    assert message in str(error.value)
    assert not list(tmp_path.glob("graded*"))


@pytest.mark.parametrize(
    "line",
    [
        rb'{"reference": 5, "output": "\ud800 so it is \\boxed{5}"}',
        b'{"reference": "5", "output": "\xff so it is \\\\boxed{5}"}',
        b'{"reference": "5", "output": 5}',
        b'{"reference": 5.0, "output": "5"}',
    ],
)
def test_text_that_is_not_clean_and_numbers_that_are_no_text_get_a_verdict(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(line + b"\n")
    assert grade_rows(path, tmp_path / "graded.jsonl").verdicts == {"correct": 1}
    assert len(read(tmp_path / "graded.jsonl")) == 1


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a file"):
        grade_rows(tmp_path / "none.jsonl", tmp_path / "graded.jsonl")


def test_rows_graded_in_worker_processes_are_the_same(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", ROWS * 30)
    grade_rows(path, tmp_path / "here.jsonl")
    grade_rows(path, tmp_path / "there.jsonl", workers=2)
    assert (tmp_path / "here.jsonl").read_bytes() == (tmp_path / "there.jsonl").read_bytes()


def test_the_folder_of_the_output_is_made_and_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", ROWS)
    grade_rows(path, tmp_path / "new" / "folder" / "graded.jsonl")
    assert len(read(tmp_path / "new" / "folder" / "graded.jsonl")) == len(ROWS)
    with pytest.raises(RunFolderError, match=r"rows\.jsonl cannot be written .*--out"):
        grade_rows(path, path / "graded.jsonl")


def test_rows_may_be_graded_for_their_figures_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", ROWS)
    assert grade_rows(path) == grade_rows(path, tmp_path / "graded.jsonl")


def test_a_file_without_rows_makes_a_file_without_rows(tmp_path: Path) -> None:
    assert grade_rows(write(tmp_path / "rows.jsonl", []), tmp_path / "graded.jsonl").verdicts == {}
    assert read(tmp_path / "graded.jsonl") == []


def test_labels_are_compared_with_the_verdicts(tmp_path: Path) -> None:
    rows = [("5", True), ("5", False), ("6", True), ("6", False), ("5", None)]
    source = tmp_path / "rows.jsonl"
    source.write_text(
        "\n".join(
            json.dumps({"reference": "5", "output": rf"\boxed{{{output}}}", "label": label}) for output, label in rows
        )
    )
    agreement = grade_rows(source, tmp_path / "out.jsonl").agreement
    assert agreement == LabelAgreement(1, 1, 1, 1)
    assert (agreement.precision, agreement.recall) == (0.5, 0.5)


def test_a_label_that_is_neither_true_nor_false_is_named_with_its_line(tmp_path: Path) -> None:
    source = tmp_path / "rows.jsonl"
    source.write_text('{"reference": "5", "output": "5", "label": "yes"}\n')
    with pytest.raises(InputError, match=r"rows\.jsonl, line 1 has label 'yes'\. Use true, false or null"):
        grade_rows(source, tmp_path / "out.jsonl")


def test_an_output_that_is_a_folder_or_the_input_itself_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "rows.jsonl"
    source.write_text('{"reference": "5", "output": "5"}\n')
    with pytest.raises(InputError, match="is a folder"):
        grade_rows(source, tmp_path)
    with pytest.raises(InputError, match="is the file of rows itself"):
        grade_rows(source, source)


def test_fields_that_are_no_unicode_and_no_machine_word_come_back_whole(tmp_path: Path) -> None:
    source, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    source.write_text(f'{{"reference": "5", "output": "5", "note": "\\ud800", "seed": {10**30}}}\n')
    grade_rows(source, out)
    row = json.loads(out.read_text())
    assert (row["verdict"], row["note"], row["seed"]) == ("correct", "\ud800", 10**30)


def test_other_columns_paths_and_other_kinds_of_file_are_graded_too(tmp_path: Path) -> None:
    columns = {"reference": "info.gold", "output": "replies[0]", "problem": "q"}
    (tmp_path / "rows.jsonl").write_text(
        json.dumps({"q": "What is 2 + 2?", "info": {"gold": 4}, "replies": ["It is \\boxed{4}."]}) + "\n"
    )
    graded = grade_rows(tmp_path / "rows.jsonl", tmp_path / "out.jsonl", columns=columns)
    assert graded.verdicts == {"correct": 1}
    (tmp_path / "rows.csv").write_text("gold,said\n4,\\boxed{4}\n5,\\boxed{4}\n")
    columns = {"reference": "gold", "output": "said"}
    graded = grade_rows(tmp_path / "rows.csv", tmp_path / "out.jsonl", columns=columns)
    assert graded.verdicts == {"correct": 1, "incorrect": 1}
