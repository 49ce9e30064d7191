"""Hygiene: repeats point to the first, near-duplicates share a cluster, benchmark passages come with evidence."""

import random
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overproof.config.selection import HygieneConfig
from overproof.hygiene import HygieneFinding, examine
from overproof.hygiene.ngrams import hash_ngrams, jaccard, split_words
from overproof.records import Problem

FARM = (
    "A farmer keeps 12 hens and 7 geese on his land by the river. Each hen lays 5 eggs a week and each goose "
    "lays 2 eggs a week. How many eggs does the farmer gather in 4 weeks altogether?"
)
TRAIN = "火车从甲站开往乙站，每小时行驶 80 千米，途中停车 15 分钟，一共用了 3 小时。甲站到乙站的距离是多少千米？"


def examine_texts(*questions: str, **config: Any) -> dict[str, HygieneFinding]:
    problems = (Problem(str(number), question) for number, question in enumerate(questions))
    return examine(problems, HygieneConfig(**config))


def write_benchmark(folder: Path, *questions: str) -> dict[str, Any]:
    path = folder / "exam.jsonl"
    path.write_bytes(b"\n".join(orjson.dumps({"id": f"e{n}", "question": q}) for n, q in enumerate(questions)))
    return {"benchmarks": [{"path": str(path)}]}


def test_a_question_that_differs_in_spacing_only_is_a_duplicate_of_the_first() -> None:
    found = examine_texts(FARM, "Find x.", FARM.replace(" ", "  ") + "\n")
    assert found == {
        "0": HygieneFinding(cluster="0"),
        "2": HygieneFinding(cluster="0", duplicate_of="0"),
    }
    assert examine_texts(FARM, FARM, duplicates=False)["1"] == HygieneFinding(cluster="0")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("(a+b)*c", "a+(b*c)"),
        ("2 3", "23"),
        ("x-1", "x+1"),
        ("Find A.", "Find B."),
        ("1.5", "15"),
        ("∑", "∏"),
        ("2³", "23"),
    ],
)
def test_what_reads_alike_but_is_not_the_same_question_is_no_duplicate(first: str, second: str) -> None:
    assert all(finding.duplicate_of is None for finding in examine_texts(first, second).values())


@pytest.mark.parametrize(
    ("question", "edited"),
    [
        (FARM, FARM.replace("gather", "collect")),
        (FARM, FARM.upper().replace(".", "  ;")),
        (FARM, "Please solve: " + FARM),
        (TRAIN, TRAIN.replace("途中", "中途")),
        (TRAIN, TRAIN.replace("80", "８０")),
    ],
)
def test_a_lightly_edited_question_shares_the_cluster_of_the_first(question: str, edited: str) -> None:
    found = examine_texts("Find x.", question, edited)
    assert {number: finding.cluster for number, finding in found.items()} == {"1": "1", "2": "1"}
    assert found["2"].duplicate_of is None


def test_questions_made_from_one_template_with_other_numbers_stay_apart() -> None:
    chance = random.Random(1)
    made = [
        f"Tom has {chance.randint(10, 99)} marbles, buys {chance.randint(10, 99)} more and gives "
        f"{chance.randint(10, 99)} to each of {chance.randint(2, 9)} friends. How many has he left?"
        for _ in range(40)
    ]
    assert all(finding.cluster is None for finding in examine_texts(*made).values())


def test_a_chain_of_near_duplicates_is_one_cluster_under_its_first_member() -> None:
    words = FARM.split()
    chain = [" ".join([*words[: len(words) - step], *["indeed"] * step]) for step in range(0, 12, 2)]
    found = examine_texts(*chain)
    assert {finding.cluster for finding in found.values()} == {"0"}
    assert len(found) == len(chain)


def test_the_threshold_none_joins_only_equal_questions() -> None:
    found = examine_texts(FARM, FARM.replace("gather", "collect"), FARM, near_duplicates=None)
    assert {number: finding.cluster for number, finding in found.items()} == {"0": "0", "2": "0"}


def test_a_question_from_a_benchmark_is_found_with_both_passages(tmp_path: Path) -> None:
    config = write_benchmark(tmp_path, TRAIN, FARM)
    (match,) = examine_texts("Solve this with care.  " + FARM.replace("gather", "get"), **config)["0"].contamination
    assert match["benchmark"] == "exam"
    assert match["benchmark_id"] == "e1"
    assert match["method"] == "passages"
    assert match["overlap"] > 0.7
    assert match["passages"][0]["benchmark"] == match["passages"][0]["problem"]
    assert match["passages"][0]["problem"].startswith("A farmer keeps 12 hens")


@pytest.mark.parametrize("question", [FARM, TRAIN])
def test_a_benchmark_question_with_changed_numbers_is_found_by_masking_them(tmp_path: Path, question: str) -> None:
    config = write_benchmark(tmp_path, question)
    changed = question.replace("12", "31").replace("80", "64").replace("5", "6").replace("3", "9").replace("2", "8")
    (match,) = examine_texts(changed, **config, overlap=0.6)["0"].contamination
    assert match["method"] == "masked_numbers"
    assert match["overlap"] == 1.0
    assert match["passages"][0]["benchmark"] != match["passages"][0]["problem"]
    assert examine_texts(changed, **config, overlap=0.6, masked_overlap=None, review="keep") == {}


def test_the_evidence_stays_short_however_long_the_question_is(tmp_path: Path) -> None:
    long = " ".join(f"Part {n}: {FARM}" for n in range(40))
    (match,) = examine_texts(long, **write_benchmark(tmp_path, long))["0"].contamination
    assert match["overlap"] == 1.0
    assert {len(passage[side]) for passage in match["passages"] for side in ("problem", "benchmark")} == {600}


def test_a_turn_of_phrase_is_no_contamination(tmp_path: Path) -> None:
    config = write_benchmark(
        tmp_path, FARM, "Compute 1 + 2.", "How many positive integers n are there such that n < 9?"
    )
    innocent = (
        "A painter keeps 12 brushes and 7 tins on his land by the river. What is the price of a brush?",
        "Compute 5 + 9.",
        "How many positive integers n are there such that 7n + 3 is a perfect square and n is at most 1000?",
    )
    assert examine_texts(*innocent, **config) == {}
    assert examine_texts("compute  1 + 2", **config)["0"].contamination[0]["benchmark_id"] == "e1"


def test_wording_that_all_questions_of_a_benchmark_share_does_not_count(tmp_path: Path) -> None:
    frame = "Answer the following question and choose exactly one of the four options that are given below: "
    config = write_benchmark(tmp_path, *(f"{frame} what is the colour of object number {n}?" for n in range(40)))
    assert examine_texts(frame + " which is the largest prime?", **config) == {}


def test_the_findings_do_not_depend_on_how_questions_fall_into_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    questions = [FARM, TRAIN, FARM, "Find x.", FARM.replace("gather", "collect"), TRAIN + "？"]
    whole = examine_texts(*questions)
    monkeypatch.setattr("overproof.hygiene._BATCH", 2)
    assert examine_texts(*questions) == whole


def test_where_nothing_is_looked_for_nothing_is_read() -> None:
    unread = iter([Problem("a", "What is two and two?")] * 2)
    assert examine(unread, HygieneConfig(duplicates=False, near_duplicates=None)) == {}
    assert len(list(unread)) == 2


def test_no_problems_have_no_findings() -> None:
    assert examine_texts() == {}


@settings(deadline=None, max_examples=60)
@given(st.lists(st.one_of(st.text(max_size=40), st.sampled_from([FARM, TRAIN, "", "!?", "∑∑", "\x00"])), max_size=8))
def test_any_text_at_all_can_be_examined_and_every_pointer_is_to_an_earlier_problem(questions: list[str]) -> None:
    for number, finding in examine_texts(*questions).items():
        assert finding.cluster is None or int(finding.cluster) <= int(number)
        if finding.duplicate_of is not None:
            assert int(finding.duplicate_of) < int(number)
            assert finding.cluster is not None


@given(st.lists(st.lists(st.sampled_from("abcdef"), max_size=9), max_size=5), st.integers(1, 4))
def test_hashed_ngrams_measure_what_plain_sets_of_ngrams_measure(texts: list[list[str]], n: int) -> None:
    def plain(words: list[str]) -> set[tuple[str, ...]]:
        return {tuple(words[i : i + n]) for i in range(max(len(words) - n + 1, min(len(words), 1)))}

    table = hash_ngrams(texts, n)
    for left, mine in enumerate(texts):
        for right, theirs in enumerate(texts):
            together = plain(mine) | plain(theirs)
            expected = len(plain(mine) & plain(theirs)) / len(together) if together else 0.0
            assert jaccard(table.row(left), table.row(right)) == expected


def test_words_are_commands_numbers_letters_han_characters_and_operators() -> None:
    assert split_words("已知 $\\frac{1.5}{X}$，求 f(x) ≤ ３") == [
        *("已", "知", "\\frac", "1.5", "x", "求", "f", "x", "3"),
    ]
