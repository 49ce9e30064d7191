from pathlib import Path

import numpy as np
import pytest
from building import make_config, make_problem, make_trace
from reported import write_reported

from overproof.report.shard import Shard, ShardReader
from overproof.view.query import Rows
from overproof.view.search import Search

CONFIG = make_config(sampling={"n": 1})
TEXTS = [
    "The Result is\nfour.",
    'a quote " and a back\\slash and \\frac{1}{2}',
    "一共有四个苹果",
    "ÉTÉ and straße",
    "x" * 5000 + "needle" + "y" * 5000,
    "<script>",
]


def read_shards(root: Path, shards: int) -> tuple[list[Shard], list[Rows]]:
    problems = [make_problem(f"p{number}") for number in range(len(TEXTS))]
    scored = [(make_trace(problem, reasoning=text), None) for problem, text in zip(problems, TEXTS, strict=True)]
    folder = write_reported(root, CONFIG, problems, scored, shards=shards)
    read = [ShardReader(CONFIG, folder, number).read() for number in range(shards)]
    return read, [np.flatnonzero(shard.owners >= 0) for shard in read]


def find(shards: list[Shard], matching: list[Rows], text: str) -> set[str]:
    search = Search(shards, matching, text)
    found = search.wait(10**9, 30)
    assert search.is_done
    return {shard.trace_of(int(row)).problem.id for shard, rows in zip(shards, found, strict=True) for row in rows}


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("the RESULT is", {"p0"}),
        ("is\nfour", {"p0"}),
        ('quote "', {"p1"}),
        ("\\slash", {"p1"}),
        ("\\FRAC{1}", {"p1"}),
        ("四个苹果", {"p2"}),
        ("été", {"p3"}),
        ("É", {"p3"}),
        ("STRASSE", set()),
        ("needle", {"p4"}),
        ("<SCRIPT>", {"p5"}),
        ("problem p2", {"p2"}),
        ("p4", {"p4"}),
        ("temperature", set()),
        ("boxed{4}", {"p0", "p1", "p2", "p3", "p4", "p5"}),
    ],
)
def test_a_text_is_found_in_question_and_reply_and_nowhere_else(
    tmp_path: Path, shards: int, text: str, ids: set[str]
) -> None:
    assert find(*read_shards(tmp_path, shards), text) == ids


def test_only_matching_rows_are_searched(tmp_path: Path) -> None:
    shards, matching = read_shards(tmp_path, 1)
    assert find(shards, [matching[0][1:3]], "boxed") == {"p1", "p2"}


def test_a_text_across_two_blocks_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("overproof.view.search._BLOCK", 7)
    assert find(*read_shards(tmp_path, 1), "needle") == {"p4"}


def test_a_search_can_be_given_up(tmp_path: Path) -> None:
    search = Search(*read_shards(tmp_path, 3), "boxed")
    search.stop()
    assert search.is_done
    search.wait(10**9, 5)
