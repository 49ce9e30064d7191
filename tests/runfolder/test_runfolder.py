"""The run folder: a problem's traces are found together, wherever and in whatever order they were written."""

from pathlib import Path

import pytest
from building import make_problem, make_trace

from overproof.errors import RunFolderError
from overproof.journal import write_records
from overproof.runfolder import RunFolder

PROBLEMS = [make_problem(f"p{n}") for n in range(3)]
TRACES = [make_trace(problem, index) for problem in PROBLEMS for index in range(3)]


def write(root: Path, *parts: list[int]) -> RunFolder:
    """A shard whose parts hold the traces of these numbers."""
    folder = RunFolder(root)
    write_records(folder.problems(0), PROBLEMS)
    for number, part in enumerate(parts):
        write_records(folder.traces(0, number), [TRACES[n] for n in part])
    return folder


@pytest.mark.parametrize(
    "parts", [[list(range(9))], [[8, 0, 4, 2], [], [1, 7, 3, 6, 5]], [[5, 5, 0], [5, 4, 3, 2, 1, 8, 7, 6]]]
)
def test_groups_come_in_the_order_of_the_problems_and_their_traces_by_index(
    tmp_path: Path, parts: list[list[int]]
) -> None:
    groups = list(write(tmp_path, *parts).read_groups(0))
    assert [problem for problem, _ in groups] == PROBLEMS
    assert [trace for _, traces in groups for trace in traces] == TRACES


def test_of_two_lines_with_one_id_the_first_counts_in_every_way_of_reading(tmp_path: Path) -> None:
    folder = write(tmp_path)
    later = make_trace(PROBLEMS[0], 0, answer="something else")
    write_records(folder.traces(0), [TRACES[0], later])
    ((_, first), *_) = folder.read_groups(0)
    assert first == [TRACES[0]] == list(folder.read_traces(0))


def test_traces_of_a_problem_that_is_gone_come_last_without_it(tmp_path: Path) -> None:
    folder = write(tmp_path, list(range(9)))
    write_records(folder.problems(0), PROBLEMS[2:])
    groups = list(folder.read_groups(0))
    assert [problem for problem, _ in groups] == [PROBLEMS[2], None, None]
    assert [[trace.problem.id for trace in traces] for _, traces in groups[1:]] == [["p0"] * 3, ["p1"] * 3]


def test_only_the_traces_asked_for_are_read(tmp_path: Path) -> None:
    folder = write(tmp_path, list(range(9)))
    groups = list(folder.read_groups(0, only={TRACES[4].id, TRACES[8].id}))
    assert [[trace.index for trace in traces] for _, traces in groups] == [[], [1], [2]]


def test_a_torn_last_line_is_left_out_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path, [0, 1, 2])
    whole = folder.traces(0).read_bytes()
    folder.traces(0).write_bytes(whole[:-20])
    assert sum(len(traces) for _, traces in folder.read_groups(0)) == 2
    folder.traces(0).write_bytes(b"{}\n" + whole)
    with pytest.raises(RunFolderError, match=r"00000-00000\.jsonl:1 is damaged"):
        list(folder.read_groups(0))
