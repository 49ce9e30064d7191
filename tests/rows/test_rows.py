"""Rows: whatever file people have is read, and what could be damaged says so before it is used."""

import bz2
import gzip
import io
import json
import lzma
import re
import zipfile
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from overproof.errors import ConfigError, InputError
from overproof.rows import Source, read_rows, scan_rows
from overproof.rows.columns import MISSING, list_paths, look_up, nearest

ROWS: list[dict[str, Any]] = [
    {"id": "1", "question": "计算 1 加 1 等于多少？", "answer": "2"},
    {"id": "2", "question": "计算 2 加 2 等于多少？", "answer": "4"},
    {"id": "3", "question": "计算 3 加 3 等于多少？", "answer": "6"},
]
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
CSV = "id,question,answer\n" + "".join(",".join(row.values()) + "\n" for row in ROWS)


def read(path: Path, **more: Any) -> list[dict[str, Any]]:
    return [row.values for row in read_rows(Source(str(path), **more))]


def zstd(data: bytes) -> bytes:
    packed: bytes = pa.compress(data, codec="zstd", asbytes=True)
    return packed


def zipped(members: dict[str, bytes]) -> bytes:
    """A zip archive, the same one whenever it is made: the names of tests come of it."""
    with zipfile.ZipFile(packed := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.jsonl", LINES.encode()),
        ("rows.ndjson", LINES.encode()),
        ("rows.json", LINES.encode()),
        ("rows.txt", LINES.encode()),
        ("rows.jsonl", json.dumps(ROWS).encode()),
        ("rows.json", json.dumps(ROWS, indent=2).encode()),
        ("rows.json", "\n".join(json.dumps(row, indent=1) for row in ROWS).encode()),
        ("rows.json", json.dumps({"version": 1, "data": ROWS}).encode()),
        ("rows.json", json.dumps({key: {str(n): row[key] for n, row in enumerate(ROWS)} for key in ROWS[0]}).encode()),
        ("rows.json", json.dumps({key: [row[key] for row in ROWS] for key in ROWS[0]}).encode()),
        ("rows.json", json.dumps({str(n): row for n, row in enumerate(ROWS)}).encode()),
        ("rows.json", json.dumps({"columns": list(ROWS[0]), "data": [[*row.values()] for row in ROWS]}).encode()),
        ("rows.json", json.dumps({"rows": [{"row_idx": n, "row": row} for n, row in enumerate(ROWS)]}).encode()),
        ("rows.jsonl.gz", gzip.compress(LINES.encode(), mtime=0)),
        ("rows.jsonl", gzip.compress(LINES.encode(), mtime=0)),
        ("rows.jsonl.xz", lzma.compress(LINES.encode())),
        ("rows.jsonl.bz2", bz2.compress(LINES.encode())),
        ("rows.jsonl.zst", zstd(LINES.encode())),
        ("rows.csv.gz", gzip.compress(CSV.encode(), mtime=0)),
        ("rows.zip", zipped({"d/rows.csv": CSV.encode("gb18030"), "d/README.md": b"", "__MACOSX/d/._rows.csv": b""})),
        ("rows.csv.zip", zipped({"rows.csv": CSV.encode("utf-16")})),
        ("rows.csv", CSV.replace("\n", "\r\n").encode()),
        ("rows.csv", CSV.encode("utf-8-sig")),
        ("rows.csv", CSV.replace(",", ";").encode()),
        ("rows.csv", ("sep=;\n" + CSV.replace(",", ";")).encode()),
        ("rows.csv", ('"sep=;"\r\n' + CSV.replace(",", ";")).encode("utf-8-sig")),
        ("rows.csv", CSV.replace(",", "，").encode()),
        ("rows.csv", CSV.replace("\n", "\r").encode()),
        ("rows.csv", re.sub(r",([^,\n]+)", r', "\1"', CSV).encode()),
        ("rows.csv", ("\n\n" + CSV + "\n\x1a").encode()),
        ("rows.csv", "\ufeff".join(CSV.replace("\n2", "\nid,question,answer\n2").splitlines(keepends=True)).encode()),
        ("rows.xlsx", CSV.encode()),
        ("rows.tsv", CSV.replace(",", "\t").encode()),
        ("rows.txt", CSV.replace(",", "\t").encode()),
        *((f"rows.{ending}", text.encode(code))
          for code in ("gbk", "gb18030", "utf-16", "utf-16-le", "utf-16-be", "utf-8-sig")
          for ending, text in (("jsonl", LINES), ("csv", CSV))),
    ],
)  # fmt: skip
def test_the_same_rows_are_read_whatever_the_file_is(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert read(tmp_path / name) == ROWS


def test_columnar_files_and_saved_datasets_are_read(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(ROWS)
    parquet.write_table(table, tmp_path / "rows.parquet")
    feather.write_feather(table, tmp_path / "rows.feather", compression="uncompressed")
    with pa.ipc.new_stream(tmp_path / "rows.arrow", table.schema) as sink:
        sink.write_table(table)
    (tmp_path / "packed.parquet.gz").write_bytes(gzip.compress((tmp_path / "rows.parquet").read_bytes()))
    for name in ("rows.parquet", "rows.feather", "rows.arrow", "packed.parquet.gz"):
        assert read(tmp_path / name) == ROWS
    datasets.Dataset.from_list(ROWS).save_to_disk(tmp_path / "saved")
    assert [row.values for row in read_rows(Source(dataset=str(tmp_path / "saved")))] == ROWS


def test_a_spreadsheet_reads_as_it_is_shown(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    sheet = book.active
    for cells in (["id", "question", "answer"], [1, "half?", 0.5], [2, "sum?", 0.1 + 0.2], [3, "many?", 204]):
        sheet.append(cells)
    book.save(tmp_path / "rows.xlsx")
    rows = read(tmp_path / "rows.xlsx")
    assert [(row["id"], row["answer"]) for row in rows] == [(1, "0.5"), (2, "0.3"), (3, 204)]
    book.create_sheet("more").append(["id"])
    book["more"].append([1])
    book.save(tmp_path / "two.xlsx")
    with pytest.raises(ConfigError, match=r"several sheets: Sheet, more. Set problems.name"):
        read(tmp_path / "two.xlsx", table="problems")
    assert read(tmp_path / "two.xlsx", name="more") == [{"id": 1}]


def test_a_spreadsheet_says_what_it_does_not_hold(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    sheet = book.active
    for cells in (["topic", "question", "answer"], ["algebra", "q1", "=1+1"], [None, "q2", 12345678901234567890]):
        sheet.append(cells)
    sheet.merge_cells("A2:A3")
    book.save(tmp_path / "rows.xlsx")
    told: list[str] = []
    first, second = read_rows(Source(str(tmp_path / "rows.xlsx")), told.append)
    assert [first.values["topic"], second.values["topic"]] == ["algebra", "algebra"]
    assert "formulas without a value, as in C2" in told[0]
    sheet["D1"] = "answer"
    book.save(tmp_path / "twice.xlsx")
    with pytest.raises(InputError, match="has 'answer' twice"):
        read(tmp_path / "twice.xlsx")


def test_numbers_of_few_bits_have_their_own_digits_wherever_they_stand_and_maps_are_columns(tmp_path: Path) -> None:
    short = pa.float32()
    columns = {
        "answer": pa.array([0.1, None], short),
        "half": pa.array([np.float16(0.1), None], pa.float16()),
        "many": pa.array([[0.1, 0.2], None], pa.list_(short)),
        "info": pa.array([{"gold": 0.1, "by": "a"}, None], pa.struct([("gold", short), ("by", pa.string())])),
        "more": pa.array([[("gold", 0.1)], None], pa.map_(pa.string(), short)),
    }
    parquet.write_table(pa.table(columns), tmp_path / "x.parquet")
    first = {"answer": 0.1, "half": 0.1, "many": [0.1, 0.2], "info": {"gold": 0.1, "by": "a"}, "more": {"gold": 0.1}}
    assert read(tmp_path / "x.parquet") == [first, dict.fromkeys(columns)]


def test_folders_patterns_and_the_home_folder_give_all_their_shards_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    for number, row in enumerate(ROWS):
        parquet.write_table(pa.Table.from_pylist([row]), folder / f"train-{number:05d}-of-00003.parquet")
    (folder / "README.md").write_text("what it is")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read(folder) == read(folder / "train-*.parquet") == read(Path("~/shards")) == ROWS
    (folder / "train-00001-of-00003.parquet").unlink()
    told: list[str] = []
    assert len(list(read_rows(Source(str(folder)), told.append))) == 2
    assert "lacks train-00001-of-00003.parquet" in told[0]


def test_a_folder_of_several_splits_or_kinds_asks_which(tmp_path: Path) -> None:
    for name in ("train-0.jsonl", "test-0.jsonl"):
        (tmp_path / name).write_text(json.dumps({"question": name}) + "\n")
    with pytest.raises(ConfigError, match=r"several splits: test .*, train .*Set problems.split"):
        read(tmp_path, table="problems")
    assert read(tmp_path, split="test") == [{"question": "test-0.jsonl"}]
    (tmp_path / "more.csv").write_text("question\nq\n")
    with pytest.raises(ConfigError, match=r"several kinds \(.csv, .jsonl\)"):
        read(tmp_path)


def test_files_of_a_folder_may_have_different_columns(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"question": "q"}\n')
    (tmp_path / "b.jsonl").write_text('{"question": "r", "extra": {"x": 1}}\n')
    assert [row.values for row in read_rows(Source(dataset=str(tmp_path / "a.jsonl")))] == [{"question": "q"}]
    rows = [row.values for row in read_rows(Source(dataset=str(tmp_path)))]
    assert rows == [{"question": "q"}, {"question": "r", "extra": {"x": 1}}]


@pytest.mark.parametrize(
    ("content", "faults"),
    [
        ("a,b\n1,What is 1,000?,2\n2,x\n", ["x:2 has 4 cells and the header 2", None]),
        ("a,b\n1\n2,x\n", ["x:2 has 1 cells and the header 2", None]),
        ("a,b\n1,x,,\n", [None]),
        ("a,b,\n1,x\n", [None]),
        ('a,b\n1,"x"y\n2,x\n', ["x:2 is not readable CSV", None]),
        ('a,b,c\n1,"p,2\n2,q",3\n', ["x:2 reads as one row of 2 lines"]),
        ('a,b\n1,"first line\nsecond line"\n', [None]),
        ('a,b\n"1","say ""yes"", please"\n\n', [None]),
        ("a,b\n1,#REF!\n2,x\n", ["x:2 holds the error #REF! in 'b'", None]),
        ("a,b\n1,x\0y\n2,x\n", ["x:2 holds NUL characters", None]),
        ("a;b\n1,x\n2;x\n", ["x:2 has 1 cells and the header 2 parted by ';'", None]),
    ],
)
def test_a_csv_row_whose_cells_have_shifted_names_its_line(
    tmp_path: Path, content: str, faults: list[str | None]
) -> None:
    (tmp_path / "x.csv").write_text(content)
    rows = list(scan_rows(Source(str(tmp_path / "x.csv"))))
    assert len(rows) == len(faults)
    for row, fault in zip(rows, faults, strict=True):
        assert (row.fault is None) == (fault is None)
        assert fault is None or fault.partition(":")[2] in f"{row.where} {row.fault}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('a,b\n1,"what is 1+1?,2\n2,what is 2+2?,4\n', "x.csv:2: a quote in this row is never closed"),
        ('a,b\n1,"what is 1+1?,2\n2,what is "2+2"?,4\n', "x.csv:2: a quote in this row is never closed"),
        ("a,a\n1,2\n", "has 'a' twice"),
        ('a,"b\n1,2\n', "a quote in the header is never closed"),
    ],
)
def test_a_quote_that_swallows_rows_is_an_error_of_the_file(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "x.csv").write_text(content)
    with pytest.raises(InputError, match=message):
        list(scan_rows(Source(str(tmp_path / "x.csv"))))


@pytest.mark.parametrize("encoding", ["cp1252", "big5", "shift_jis"])
def test_another_encoding_is_not_taken_for_chinese_and_can_be_set(tmp_path: Path, encoding: str) -> None:
    text = {
        "cp1252": "élève naïve où çà? " * 9,
        "big5": "請問這個數學問題的答案是多少" * 9,
        "shift_jis": "答えはいくつですか" * 9,
    }
    (tmp_path / "x.jsonl").write_bytes(json.dumps({"q": text[encoding]}, ensure_ascii=False).encode(encoding))
    with pytest.raises(InputError, match=r"x.jsonl:1 is not UTF-8 .*problems.encoding"):
        read(tmp_path / "x.jsonl", table="problems")
    assert read(tmp_path / "x.jsonl", encoding=encoding) == [{"q": text[encoding]}]
    with pytest.raises(ConfigError, match="there is no encoding 'latin-17'"):
        read(tmp_path / "x.jsonl", encoding="latin-17")


def test_a_damaged_place_in_utf8_is_named_and_not_taken_for_another_encoding(tmp_path: Path) -> None:
    lines = LINES.encode().splitlines()
    (tmp_path / "x.jsonl").write_bytes(b"\n".join([lines[0], lines[1].replace(b"\xe8", b"\xff"), lines[2]]))
    assert [row.fault is None for row in scan_rows(Source(str(tmp_path / "x.jsonl")))] == [True, False, True]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.jsonl", b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Run: git lfs pull"),
        ("x.csv", b"<!DOCTYPE html><html>", "is a web page"),
        ("x.xls", b"\xef\xbb\xbf<table><tr>", "is a web page"),
        ("x.csv", zipped({"[Content_Types].xml": b""}), "Call it .xlsx"),
        ("x.csv", b"PK\x03\x04 and more", "cannot be unpacked"),
        ("x.zip", zipped({"train.csv": b"", "test.csv": b""}), "several data files (train.csv, test.csv). Unpack it"),
        ("x.zip", zipped({"a.png": b"", "b.png": b""}), "holds no data file"),
        ("x.jsonl.gz", gzip.compress(LINES.encode() * 99, mtime=0)[:60], "cannot be unpacked"),
        ("x.jsonl", b"{'question': 'q'}", "write rows with json.dumps"),
        ("x.jsonl", b'"text"\n', "x.jsonl:1 holds a text, not a row"),
    ],
)
def test_what_people_have_in_place_of_the_file_is_named(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=re.escape(message)):
        read(tmp_path / name)


def test_a_dataset_that_cannot_be_loaded_says_why_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "made.py").write_text("import datasets\n")
    with pytest.raises(ConfigError, match=r"evaluation.problems.dataset: .*made.py.*set evaluation.problems.path"):
        list(read_rows(Source(dataset=str(tmp_path / "made"), table="evaluation.problems")))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="cannot be loaded: it holds no data file"):
        list(read_rows(Source(dataset=str(tmp_path / "empty"))))


VERL = {
    "prompt": [{"role": "user", "content": "q"}],
    "reward_model": {"ground_truth": "2"},
    "extra_info": "{'answer': '3', 'index': 0}",
    "a.b": "flat",
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("reward_model.ground_truth", "2"),
        ("prompt[0].content", "q"),
        ("prompt[-1].role", "user"),
        ("extra_info.answer", "3"),
        ("a.b", "flat"),
        ("prompt[1].content", MISSING),
        ("reward_model.nothing", MISSING),
        ("prompt.content", MISSING),
    ],
)
def test_a_path_leads_into_a_row(path: str, value: Any) -> None:
    assert look_up(VERL, path) is value or look_up(VERL, path) == value


def test_nested_columns_are_offered_by_their_paths() -> None:
    assert {"reward_model.ground_truth", "extra_info.answer", "prompt[0].content"} <= set(list_paths(VERL))
    assert nearest("groundtruth", VERL) == "reward_model.ground_truth"
