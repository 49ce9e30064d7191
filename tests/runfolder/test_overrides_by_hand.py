"""Decisions may be written by hand, with whatever a person's editor makes of lines, and none is lost in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from overproof.errors import RunFolderError
from overproof.runfolder import RunFolder
from overproof.runfolder.overrides import Override

ANN = '{"problem_id": "p7", "action": "drop", "who": "Ann"}'
BOB = '{"problem_id": "p8", "action": "keep", "who": "Bob"}'


@pytest.mark.parametrize(
    "text",
    [f"{ANN}\n{BOB}\n", f"{ANN}\n{BOB}", f"\ufeff{ANN}\r\n\r\n{BOB}\r\n", f"\n{ANN}\n\n{BOB}\n\n", f"{ANN}\n{BOB}  \n"],
)
def test_however_an_editor_ends_lines_every_decision_counts(tmp_path: Path, text: str) -> None:
    folder = RunFolder(tmp_path)
    folder.overrides.write_text(text, encoding="utf-8", newline="")
    assert set(folder.read_overrides().by_problem) == {"p7", "p8"}
    folder.write_override(Override("p9", "drop"))
    assert set(folder.read_overrides().by_problem) == {"p7", "p8", "p9"}


def test_a_line_may_follow_those_that_were_written_for_a_person(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_override(Override("p7", "keep"))
    with folder.overrides.open("a", encoding="utf-8") as file:
        file.write(ANN)
    assert folder.read_overrides().by_problem["p7"].action == "drop"


def test_a_decision_that_was_cut_is_not_left_out_in_silence(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.overrides.write_text(f"{ANN}\n{BOB[:30]}", encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"overrides\.jsonl:2 is no decision"):
        folder.read_overrides()


@pytest.mark.parametrize("line", ['{"problem_id": "p8", "action": "dorp"}', "drop p8", "[]", "\0\0\0}", '"crc"}'])
def test_a_line_that_is_no_decision_is_named(tmp_path: Path, line: str) -> None:
    folder = RunFolder(tmp_path)
    folder.overrides.write_text(f"{ANN}\n{line}\n{BOB}\n", encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"overrides\.jsonl:2 is no decision .*Mend or delete"):
        folder.read_overrides()


def test_a_decision_that_was_changed_after_it_was_written_is_named(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_override(Override("p7", "keep"))
    folder.overrides.write_bytes(folder.overrides.read_bytes().replace(b"p7", b"p8"))
    with pytest.raises(RunFolderError, match=r"overrides\.jsonl:1 .*checksum"):
        folder.read_overrides()
