"""Export: the same traces give the same bytes, every kept trace is a row, and `datasets` loads the folder."""

import functools
import multiprocessing
import shutil
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import datasets
import msgspec
import orjson
import pytest
from building import make_config, make_problem, make_score, make_trace, write_run

from overproof.config import RunConfig
from overproof.errors import RunFolderError
from overproof.export import export, export_shard, finish_export, split_of
from overproof.export.written import ExportSummary
from overproof.records import Grade, Trace, Verdict
from overproof.runfolder import RunFolder
from overproof.selection import select_shard

PROBLEMS = [make_problem(f"p{number}") for number in range(40)]
TRACES = [make_trace(problem, index) for problem in PROBLEMS for index in range(3)]
SCORES = [make_score(trace, "incorrect" if trace.index == 2 else "correct") for trace in TRACES]


def select_and_export(
    root: Path, config: RunConfig, traces: list[Trace] = TRACES, shards: int = 3
) -> tuple[RunFolder, ExportSummary]:
    folder = write_run(root, PROBLEMS, traces, SCORES, shards=shards)
    for shard in range(shards):
        select_shard(config, folder, shard)
    return folder, export(config, folder, range(shards))


def read_jsonl(folder: Path) -> list[dict[str, Any]]:
    return [
        orjson.loads(line) for path in sorted(folder.glob("jsonl/*.jsonl")) for line in path.read_bytes().splitlines()
    ]


@pytest.fixture
def config() -> RunConfig:
    return make_config(export={"validation": 0.2})


def test_every_kept_trace_is_one_row_and_no_other_is(tmp_path: Path, config: RunConfig) -> None:
    folder, summary = select_and_export(tmp_path, config)
    kept = {decision.trace_id for shard in range(3) for decision in folder.read_decisions(shard) if decision.kept}
    rows = read_jsonl(summary.folder)
    assert sorted(row["id"] for row in rows) == sorted(kept)
    assert sum(summary.rows.values()) == len(kept) == summary.reasons["correct"] == 80
    assert summary.problems.total() == 40


def test_a_row_holds_the_messages_sent_and_the_reply_with_its_reasoning_inline(
    tmp_path: Path, config: RunConfig
) -> None:
    _, summary = select_and_export(tmp_path, config)
    row = next(row for row in read_jsonl(summary.folder) if row["id"].startswith("p7/0/"))
    assert row["messages"] == [
        {"role": "user", "content": "What is two and two in problem p7?"},
        {
            "role": "assistant",
            "content": "<think>\nTwo and two make four.\n</think>\n\nThe answer is \\boxed{4}.",
        },
    ]


def test_the_folder_loads_with_datasets_and_both_forms_hold_the_same_rows(tmp_path: Path, config: RunConfig) -> None:
    _, summary = select_and_export(tmp_path, config)
    loaded = datasets.load_dataset(str(summary.folder), cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in loaded.items()} == summary.rows
    assert [row for split in ("train", "validation") for row in loaded[split]] == read_jsonl(summary.folder)
    files = str(summary.folder / "jsonl" / "train-*.jsonl")
    rows = datasets.load_dataset("json", data_files=files, split="train", cache_dir=str(tmp_path / "cache"))
    assert len(rows) == summary.rows["train"]


def test_the_bytes_do_not_depend_on_the_order_in_which_traces_arrived(tmp_path: Path, config: RunConfig) -> None:
    _, first = select_and_export(tmp_path / "a", config)
    _, second = select_and_export(tmp_path / "b", config, TRACES[::-1])
    names = [path.relative_to(first.folder) for path in sorted(first.folder.rglob("*.*"))]
    assert len(names) == 14
    for name in names:
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes()


@pytest.mark.slow
def test_the_bytes_do_not_depend_on_how_many_processes_wrote_them(tmp_path: Path, config: RunConfig) -> None:
    folder, summary = select_and_export(tmp_path / "one", config)
    expected = {path.relative_to(summary.folder): path.read_bytes() for path in summary.folder.rglob("*.*")}
    shutil.rmtree(summary.folder)
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
        parts = list(pool.map(functools.partial(export_shard, config, folder), range(3)))
    assert finish_export(config, folder, parts).rows == summary.rows
    assert {path.relative_to(summary.folder): path.read_bytes() for path in summary.folder.rglob("*.*")} == expected


def test_a_shard_without_decisions_is_not_exported_as_empty(tmp_path: Path, config: RunConfig) -> None:
    folder = write_run(tmp_path, PROBLEMS, TRACES, SCORES)
    with pytest.raises(RunFolderError, match="select before you export"):
        export(config, folder, [0])


def test_no_cluster_of_near_duplicates_crosses_the_splits() -> None:
    config = make_config(export={"validation": 0.5}).export
    clusters = [[make_problem(f"p{c}-{m}", cluster=f"p{c}-0") for m in range(5)] for c in range(50)]
    splits = [{split_of(problem, config) for problem in cluster} for cluster in clusters]
    assert all(len(split) == 1 for split in splits)
    assert {split for only in splits for split in only} == {"train", "validation"}
    assert split_of(make_problem("alone"), config) == split_of(make_problem("other", cluster="alone"), config)


def test_the_files_of_an_earlier_export_do_not_outlive_the_next(tmp_path: Path, config: RunConfig) -> None:
    folder, summary = select_and_export(tmp_path, config)
    export(config, folder, range(1))
    assert {path.name[-11:] for path in (summary.folder / "jsonl").glob("*.jsonl")} == {"00000.jsonl"}


def test_an_export_without_a_kept_trace_leaves_a_card_that_says_so_and_no_file_of_rows(tmp_path: Path) -> None:
    config = make_config(selection={"require": {"think_format": 2.0}})
    _, summary = select_and_export(tmp_path, config)
    assert summary.rows.total() == 0
    assert {path.name for path in summary.folder.rglob("*.*")} == {"README.md"}
    assert "0 reasoning traces of `teacher-of-tests`, kept of 120" in (summary.folder / "README.md").read_text()


def test_the_card_says_by_whose_word_a_set_is_verified(tmp_path: Path) -> None:
    traces = TRACES[:8]
    scores = [
        make_score(trace, verdict) for trace, verdict in zip(traces, ["correct"] * 5 + ["approximate"] * 3, strict=True)
    ]
    judged = Grade(Verdict.CORRECT, "4", "judge", "the judge says so")
    scores[0] = msgspec.structs.replace(scores[0], grade=judged)
    folder = write_run(tmp_path, PROBLEMS, traces, scores)
    config = make_config(export={"validation": 0})
    select_shard(config, folder, 0)
    card = (export(config, folder, [0]).folder / "README.md").read_text()
    assert "kept of 8 that were sampled. Every answer was graded by rule as equal to the reference" in card
    assert ", 3 of them after rounding to the reference's digits; 1 of them were left open" in card
    assert "| kept | correct | its answer equals the reference | 8 |" in card
    assert "pass rate is 1.000" in card
    assert "so far: replies are missing" in card, "one problem has its traces, the others have none"
    assert "rejected" not in card


def test_the_card_of_a_set_that_keeps_wrong_answers_says_how_many_are_not_verified(tmp_path: Path) -> None:
    _, summary = select_and_export(tmp_path, make_config(selection={"policy": "all"}, sampling={"n": 3}))
    card = (summary.folder / "README.md").read_text()
    assert "80 answers were graded by rule as equal to the reference. **The other 40 rows are not verified.**" in card
    assert "so far" not in card, "all traces are there"


def test_the_card_tells_the_selection_in_words(tmp_path: Path) -> None:
    selection = {
        "policy": "correct_or_majority",
        "require": {},
        "max_pass_rate": 0.9,
        "one_per_answer_class": True,
        "max_similarity": 0.8,
        "k_per_problem": 2,
        "order": "diverse",
    }
    _, summary = select_and_export(tmp_path, make_config(selection=selection, sampling={"n": 4}))
    assert (
        "required: nothing; of problems with a pass rate from 0 to 0.9; one of each class of equivalent answers; none "
        "that overlaps with another of its problem by 0.8 or more; at most 2 a problem, order diverse."
    ) in (summary.folder / "README.md").read_text()
