"""Lines that were finished survive anything; lines that were not never glue to others."""

from __future__ import annotations

import itertools
import resource
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overproof.errors import RunFolderError
from overproof.journal import Journal, PartJournal, locate_records, read_lines, read_records, read_span
from overproof.records import Problem


def problems(count: int) -> list[Problem]:
    return [Problem(f"p{number}", f"问题 {number}\n\u2028\x00?", str(number)) for number in range(count)]


def write(path: Path, records: list[Problem]) -> None:
    journal = Journal(path)
    for record in records:
        journal.append(record)
    journal.close()


def test_what_was_appended_is_read_back_in_order(tmp_path: Path) -> None:
    write(tmp_path / "a" / "j.jsonl", problems(5))
    write(tmp_path / "a" / "j.jsonl", problems(2))
    assert list(read_records(tmp_path / "a" / "j.jsonl", Problem)) == problems(5) + problems(2)


def test_a_line_is_on_disk_when_append_returns(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.jsonl")
    journal.append(problems(1)[0])
    assert list(read_records(tmp_path / "j.jsonl", Problem)) == problems(1)
    journal.close()


@given(cut=st.integers(0, 400))
def test_a_tail_torn_at_any_byte_is_left_out_when_read_and_cut_off_when_written(
    cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("torn") / "j.jsonl"
    write(path, problems(6))
    whole = path.read_bytes()
    path.write_bytes(whole[:cut])
    finished = whole[:cut].count(b"\n")
    assert list(read_records(path, Problem)) == problems(6)[:finished]
    write(path, problems(1))
    assert list(read_records(path, Problem)) == problems(6)[:finished] + problems(1)


def test_a_torn_tail_longer_than_any_buffer_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    write(path, problems(1))
    path.write_bytes(path.read_bytes() + b"x" * 200_000)
    write(path, problems(1))
    assert len(list(read_lines(path))) == 2


def test_a_second_writer_is_refused_until_the_first_has_closed(tmp_path: Path) -> None:
    first = Journal(tmp_path / "j.jsonl")
    with pytest.raises(RunFolderError, match=r"j\.jsonl is being written by another process"):
        Journal(tmp_path / "j.jsonl")
    first.close()
    Journal(tmp_path / "j.jsonl").close()


def test_a_line_that_does_not_fit_on_the_disk_leaves_no_part_of_itself(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    journal = Journal(path)
    journal.append(problems(1)[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 100, hard))
    try:
        with pytest.raises(RunFolderError, match="cannot be written"):
            journal.append(Problem("long", "x" * 1000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    journal.append(problems(2)[1])
    journal.close()
    assert list(read_records(path, Problem)) == problems(2)


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    path.write_bytes(b'{"id": "a", "question": "b"}\n{"id": 5}\n')
    with pytest.raises(RunFolderError, match=r"j\.jsonl:2 is damaged.*Delete that line"):
        list(read_records(path, Problem))


def test_a_record_can_be_read_again_from_its_place(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    write(path, problems(4))
    places = [span for span, _ in locate_records(path, Problem)]
    with path.open("rb") as file:
        assert [read_span(file, span, Problem) for span in reversed(places)] == problems(4)[::-1]


def test_flushing_changes_nothing_and_is_harmless_after_closing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.jsonl")
    journal.append(problems(1)[0])
    journal.flush()
    journal.close()
    journal.flush()
    assert list(read_records(tmp_path / "j.jsonl", Problem)) == problems(1)


def test_parts_are_written_whole_and_numbered_on(tmp_path: Path) -> None:
    def path_of(part: int) -> Path:
        return tmp_path / f"{part}.jsonl"

    numbers = itertools.count(3)
    journal = PartJournal(lambda content: path_of(next(numbers)).write_bytes(content))
    journal.flush()
    for record in problems(2):
        journal.append(record)
    assert list(tmp_path.iterdir()) == []
    journal.flush()
    journal.append(problems(3)[2])
    journal.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["3.jsonl", "4.jsonl"]
    assert [record for part in (3, 4) for record in read_records(path_of(part), Problem)] == problems(3)
