"""A file's encoding is found where the bytes leave no doubt; else it is named, with what the text would read."""

import json
from pathlib import Path

import pytest

from overproof.errors import ConfigError, InputError
from overproof.rows import Source, read_rows, scan_rows

CHINESE = "小明有3个苹果，小红给了他2个，现在一共有多少个？"
RUSSIAN = "У Маши 3 яблока, ей дали ещё 2. Сколько стало?"
JAPANESE = "りんごが3個あります。みかんが2個あります。全部で何個ですか。"
KOREAN = "사과가 3개 있고 배가 2개 있습니다. 모두 몇 개입니까?"
TAIWANESE = "小明有3個蘋果，小紅給了他2個，現在總共有幾個？"
FRENCH = "Élise a 3 pommes, son frère lui en donne 2. Combien a-t-elle de pommes à la fin ?"


def write(path: Path, text: str, encoding: str) -> str:
    row = json.dumps({"q": text}, ensure_ascii=False)
    path.write_bytes((f'q\n"{text}"\n' if path.suffix == ".csv" else row + "\n").encode(encoding))
    return str(path)


@pytest.mark.parametrize("text", [CHINESE, RUSSIAN, FRENCH, "What is 2+2?"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_encodings_are_known_without_a_mark(tmp_path: Path, encoding: str, text: str) -> None:
    (row,) = read_rows(Source(write(tmp_path / "x.jsonl", text, encoding)))
    assert row.values == {"q": text}


@pytest.mark.parametrize(
    ("encoding", "text", "named"),
    [
        ("big5", TAIWANESE, "big5"),
        ("big5", "題目", "big5"),
        ("cp1252", "café", "cp1252"),
        ("shift_jis", JAPANESE, "cp932"),
        ("euc-jp", JAPANESE, "euc_jp"),
        ("euc-kr", KOREAN, "cp949"),
        ("cp1251", RUSSIAN, "cp1251"),
        ("koi8-r", RUSSIAN, "koi8_r"),
        ("cp1252", FRENCH, "cp1252"),
    ],
)
@pytest.mark.parametrize("name", ["x.jsonl", "x.csv"])
def test_any_other_encoding_is_refused_by_its_name_with_what_it_reads(
    tmp_path: Path, name: str, encoding: str, text: str, named: str
) -> None:
    path = write(tmp_path / name, text, encoding)
    with pytest.raises(InputError, match=rf"is not UTF-8 .*{text[:8]}.*set problems\.encoding: {named}"):
        list(read_rows(Source(path, table="problems")))
    (row,) = read_rows(Source(path, encoding=named))
    assert text in row.values["q"]


@pytest.mark.parametrize("name", ["x.jsonl", "x.csv"])
def test_where_two_encodings_are_mixed_only_the_rows_of_the_other_are_lost(tmp_path: Path, name: str) -> None:
    chinese, head = CHINESE.encode("gb18030"), b"q\n" if name == "x.csv" else b""
    rows = [b"abc", chinese, chinese, "caf\xe9 caf\xe9".encode("cp1252")]
    lines = rows if name == "x.csv" else [b'{"q": "' + row + b'"}' for row in rows]
    (tmp_path / name).write_bytes(head + b"\n".join(lines) + b"\n")
    read = list(scan_rows(Source(str(tmp_path / name))))
    assert [row.values.get("q") for row in read] == ["abc", CHINESE, CHINESE, None]
    assert "is not GB18030 (byte 0xE9" in str(read[3].fault)


@pytest.mark.parametrize("content", [b"q,a\nwhat\0 is it?,2\nok?,4\n", b"q,a\nok?,4\n" + b"\0" * 300])
def test_a_stray_nul_makes_no_text_wide(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    sound = [row.values for row in scan_rows(Source(str(tmp_path / "x.csv"))) if row.fault is None]
    assert sound == [{"q": "ok?", "a": "4"}]


@pytest.mark.parametrize("encoding", ["rot13", "base64", "latin-17"])
def test_what_is_no_encoding_of_text_is_refused(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(ConfigError, match=f"there is no encoding '{encoding}'"):
        list(read_rows(Source(write(tmp_path / "x.jsonl", FRENCH, "utf-8"), encoding=encoding)))
