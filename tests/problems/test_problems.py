"""Problems: every kind of file and every known schema is read, and what cannot be is named with the way out."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import datasets
import orjson
import pyarrow as pa
import pytest
from building import read_cases
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from overproof.config.source import ProblemsConfig
from overproof.errors import ConfigError, InputError
from overproof.problems import digest_question, read_problems
from overproof.problems.notes import SourceNotes
from overproof.problems.presets import ALIASES, PRESETS, last_boxed
from overproof.records import Problem, encode

CASES = read_cases("presets")
ROWS = [{"id": "a", "question": "1 + 1?", "reference": "2"}, {"id": "b", "question": "二加三？", "reference": "5"}]
READ = [Problem("a", "1 + 1?", "2"), Problem("b", "二加三？", "5")]


def write_jsonl(path: Path, *rows: Any) -> str:
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return str(path)


def read(**config: Any) -> list[Problem]:
    return list(read_problems(ProblemsConfig(**config)))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["preset"])
def test_a_row_of_every_known_schema_becomes_the_problem_it_holds(tmp_path: Path, case: dict[str, Any]) -> None:
    if PRESETS[case["preset"]].under:
        path = tmp_path / "mine.json"
        path.write_bytes(orjson.dumps({"keywords": "exam", PRESETS[case["preset"]].under: [case["row"]]}))
    else:
        path = Path(write_jsonl(tmp_path / "mine.jsonl", case["row"]))
    (problem,) = read(preset=case["preset"], path=str(path))
    expected = {"id": digest_question(problem.question).hex()} | case["problem"]
    assert problem == Problem(**expected)


def test_every_preset_has_a_case() -> None:
    assert {case["preset"] for case in CASES} == PRESETS.keys()


def test_every_preset_says_what_it_is_and_older_names_still_mean_one() -> None:
    assert all(preset.about and preset.terms and preset.answer_place for preset in PRESETS.values())
    assert set(ALIASES.values()) <= PRESETS.keys()


def test_the_same_rows_are_read_from_every_kind_of_file(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rows.jsonl", *ROWS)
    (tmp_path / "rows.json").write_bytes(orjson.dumps(ROWS))
    parquet.write_table(pa.Table.from_pylist(ROWS), tmp_path / "rows.parquet")
    with (tmp_path / "rows.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, ["id", "question", "reference"])
        writer.writeheader()
        writer.writerows(ROWS)
    for ending in ("jsonl", "json", "parquet", "csv"):
        assert read(path=str(tmp_path / f"rows.{ending}")) == READ


def test_a_local_dataset_is_read_by_split_and_columns_however_it_was_saved(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    write_jsonl(tmp_path / "folder" / "test.jsonl", *({"n": row["id"], "q": row["question"]} for row in ROWS))
    read_back = read(dataset=str(tmp_path / "folder"), split="test", question="q", id="n")
    assert [(problem.id, problem.question) for problem in read_back] == [("a", "1 + 1?"), ("b", "二加三？")]
    saved = datasets.Dataset.from_list(ROWS)
    saved.save_to_disk(tmp_path / "one")
    datasets.DatasetDict({"train": saved}).save_to_disk(tmp_path / "all")
    assert read(dataset=str(tmp_path / "one")) == read(dataset=str(tmp_path / "all")) == READ
    with pytest.raises(ConfigError, match="has no split 'nowhere'; it has: train"):
        read(dataset=str(tmp_path / "all"), split="nowhere")


def test_numbers_keep_the_digits_they_are_written_with(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(
        '{"question": "q", "reference": 3.10}\n'
        '{"question": "q", "reference": 123456789012345678901234567890}\n'
        '{"question": "q", "reference": 1e400}\n'
    )
    assert [problem.reference for problem in read(path=str(path))] == [
        "3.10",
        "123456789012345678901234567890",
        "1E+400",
    ]


def test_what_scripts_write_for_missing_and_half_characters_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"question": "half \\ud83d of it", "reference": NaN}\n\n{"question": "b"}\n')
    first, second = read(path=str(path))
    assert (first.question, first.reference) == ("half \ufffd of it", None)
    assert (second.question, second.reference) == ("b", None)
    parquet.write_table(pa.table({"question": ["q"], "reference": [float("nan")]}), tmp_path / "rows.parquet")
    assert read(path=str(tmp_path / "rows.parquet"))[0].reference is None


def test_the_limit_takes_the_first_problems_and_later_rows_are_not_even_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(orjson.dumps(ROWS[0]) + b"\nnot json\n")
    assert read(path=str(path), limit=1) == READ[:1]


@pytest.mark.parametrize(
    ("row", "config", "message"),
    [
        (
            {"problem": "p", "answer": "1"},
            {},
            "has no 'question' and no 'reference'; it has: problem, answer. Set problems.question: problem",
        ),
        ({"question": "q", "answer": "1"}, {}, "Set problems.reference: answer, or problems.reference: ''"),
        ({"question": "q"}, {"reference": "anwser"}, "has no 'anwser'; it has: question. Set problems.reference"),
        ({"question": "q", "solution": "s"}, {"preset": "gsm8k"}, "has no 'answer'"),
        ({"question": "q"}, {"preset": "gsm9k"}, "Did you mean 'gsm8k'?"),
    ],
)
def test_a_source_with_other_columns_says_which_it_has_and_which_key_to_set(
    tmp_path: Path, row: dict[str, Any], config: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(path=write_jsonl(tmp_path / "mine.jsonl", row), **config)
    assert message in str(caught.value)


def test_rows_that_name_their_own_columns_may_lack_the_answer_at_first(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "mine.jsonl", {"question": "q"}, {"question": "p", "answer": "1"})
    assert [one.reference for one in read(path=path, reference="answer")] == [None, "1"]
    with pytest.raises(ConfigError, match=r"mine\.jsonl:2 has no 'reference'; it has: question, answer\. Set"):
        read(path=path)


ELSEWHERE = {"question": "q", "answer": "1"}


@pytest.mark.parametrize(
    ("common", "others", "message"),
    [
        (
            ELSEWHERE,
            [ELSEWHERE | {"reference": None}],
            r":1 has no 'reference'; it has: .*Set problems\.reference: answer",
        ),
        (ELSEWHERE, [ELSEWHERE | {"reference": "41"}], "Set problems.reference: answer, or problems.reference: ''"),
        ({"question": "q", "reference": "1"}, [ELSEWHERE] * 9, r":5 has no 'reference'; it has: question, answer"),
        (ELSEWHERE | {"reference": None}, [], ":1 has nothing in 'reference'; .*Set problems.reference: answer"),
        (ELSEWHERE | {"reference": " "}, [], "has nothing in 'reference'; .*Set problems.reference: answer"),
        (ELSEWHERE | {"reference": []}, [], "has nothing in 'reference'; .*Set problems.reference: answer"),
        (ELSEWHERE | {"reference": "N/A"}, [], "has nothing in 'reference'; .*Set problems.reference: answer"),
        ({"question": "q", "answer": None, "solution": "so 5"}, [], "Set problems.reference: solution"),
        ({"question": "q", "Reference": "1"}, [], "Set problems.reference: Reference"),
        ({"question": "q", "groundTruth": "1"}, [], "Set problems.reference: groundTruth"),
        ({"question": "q", "ground-truth": "1"}, [], "Set problems.reference: ground-truth"),
        ({"question": "q", "meta": {"answer": "1"}}, [], r"Set problems.reference: meta\.answer"),
        ({"question": "q"}, [{"question": "q"}] * 70 + [ELSEWHERE], ":75 has no 'reference'"),
    ],
)
def test_answers_that_stand_elsewhere_are_not_left_unread(
    tmp_path: Path, common: dict[str, Any], others: list[dict[str, Any]], message: str
) -> None:
    path = write_jsonl(tmp_path / "mine.jsonl", *[common] * 4, *others)
    with pytest.raises(ConfigError, match=message):
        read(path=path)
    assert {one.reference for one in read(path=path, reference="")} == {None}


@pytest.mark.parametrize("label", [True, False, 1, -1, "Correct"])
def test_a_label_that_says_whether_a_reply_is_right_is_not_offered_as_a_reference(
    tmp_path: Path, label: object
) -> None:
    path = write_jsonl(
        tmp_path / "mine.jsonl", {"question": "What is 2 + 2?", "completion": "It is 4.", "label": label}
    )
    assert [one.reference for one in read(path=path)] == [None]
    path = write_jsonl(tmp_path / "asked.jsonl", {"question": "Is 7 a prime?", "label": label})
    with pytest.raises(ConfigError, match=r"Set problems\.reference: label"):
        read(path=path)


def test_some_rows_without_a_reference_are_told_and_those_without_any_answer_are_nobodys_fault(tmp_path: Path) -> None:
    notes = SourceNotes()
    path = write_jsonl(tmp_path / "some.jsonl", *ROWS, {"id": "c", "question": "q", "solution": "so 5"})
    assert len(list(read_problems(ProblemsConfig(path=path), notes))) == 3
    assert [line.partition(" (")[0] for line in notes.lines()] == [
        "1 rows: have nothing in 'reference', but in 'solution', which is not read"
    ]
    none = [{"question": "q", "answer": None}, {"question": "r", "choices": {"label": ["A"], "text": ["1"]}}]
    assert len(read(path=write_jsonl(tmp_path / "none.jsonl", *none))) == 2


def test_a_table_is_looked_at_beyond_the_names_of_its_columns(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("question,reference,answer\nq,,\np,,1\n")
    with pytest.raises(ConfigError, match=r"mine\.csv:3 has nothing in 'reference'; .*\(nothing is verified then\)$"):
        read(path=str(tmp_path / "mine.csv"))


def test_an_empty_reference_key_goes_without_references_on_purpose(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "mine.jsonl", {"question": "q", "answer": "1"})
    assert read(path=path, reference="") == [Problem(digest_question("q").hex(), "q")]
    assert read(path=path, reference="answer") == [Problem(digest_question("q").hex(), "q", "1")]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([ROWS[0], {"id": "c", "question": "  "}], "mine.jsonl:2: 'question' is empty"),
        ([ROWS[0], ROWS[1], ROWS[0]], "mine.jsonl:3: the id 'a' was used before"),
        ([ROWS[0], ["a", "b"]], "mine.jsonl:2 holds a list"),
        ([ROWS[0], {"id": "c", "question": {"text": "q"}}], "mine.jsonl:2: 'question' holds dict"),
        ([ROWS[0], {"id": "c", "question": True}], "mine.jsonl:2: 'question' holds bool"),
    ],
)
def test_a_problem_that_cannot_be_used_is_named_by_file_and_line(
    tmp_path: Path, lines: list[Any], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(path=write_jsonl(tmp_path / "mine.jsonl", *lines))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("mine.jsonl", b'{"question": "q"', "mine.jsonl:1 is not valid JSON"),
        ("mine.jsonl", b'{"question": "\xff\xfe"}\n', "mine.jsonl:1 is not UTF-8"),
        ("mine.jsonl", b'{"question": ' + b"[" * 100_000, "mine.jsonl:1 is not valid JSON"),
        ("mine.json", b'"question"', "it begins with"),
        ("mine.csv", b"question\n\xff\n", "mine.csv:2 is not UTF-8"),
        ("mine.parquet", b"PAR1 no", "is not readable Parquet"),
        ("mine.jsonl", b"\n\n", "mine.jsonl holds no problems"),
        ("mine.csv", b"question,answer\n", "mine.csv holds no problems"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        read(path=str(tmp_path / name))
    assert message in str(caught.value)


def test_a_source_that_is_not_there_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no file"):
        read(path=str(tmp_path / "nowhere.jsonl"))
    (tmp_path / "rows.pdf").write_bytes(b"%PDF-1.7")
    with pytest.raises(ConfigError, match=r"is none of \.json"):
        read(path=str(tmp_path / "rows.pdf"))
    with pytest.raises(ConfigError, match="give one of path and dataset"):
        read()
    with pytest.raises(ConfigError, match="cannot be loaded"):
        read(dataset=str(tmp_path))


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.sampled_from(["question", "reference", "id"]), st.text() | st.none() | st.integers()))
def test_any_row_gives_a_storable_problem_or_a_named_error(
    tmp_path_factory: pytest.TempPathFactory, row: dict[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("rows") / "mine.json"
    path.write_text(json.dumps([row]))
    if not isinstance(row.get("question"), int) and not (row.get("question") or "").strip():
        with pytest.raises((InputError, ConfigError), match=r"mine\.json"):
            read(path=str(path))
        return
    (problem,) = read(path=str(path))
    assert problem.question.strip()
    encode(problem)


@pytest.mark.parametrize(
    ("solution", "answer"),
    [
        ("so \\boxed{\\frac{1}{2}}.", "\\frac{1}{2}"),
        ("so \\boxed{\\left\\{1,2\\right.}", "\\left\\{1,2\\right."),
        ("\\boxed{1} and \\fbox{ 2 }", "2"),
        ("\\boxed 7.", "7"),
        ("\\boxed{1} and \\boxed{2", None),
        ("\\boxed{}", None),
        ("none", None),
    ],
)
def test_the_answer_of_a_solution_is_its_last_box_whole(solution: str, answer: str | None) -> None:
    assert last_boxed(solution) == answer


@given(st.text(alphabet="\\boxed{} 1x$."))
def test_looking_for_a_box_ends_and_finds_balanced_braces(solution: str) -> None:
    found = last_boxed(solution)
    assert found is None or found in solution


def test_bad_rows_are_left_out_and_listed_where_the_config_says_so(tmp_path: Path) -> None:
    lines = [
        orjson.dumps(ROWS[0]),
        b'{"question": "cut',
        orjson.dumps({"id": "c", "question": ""}),
        orjson.dumps(ROWS[0]),
    ]
    (tmp_path / "mine.jsonl").write_bytes(b"\n".join([*lines, orjson.dumps(ROWS[1])]))
    notes = SourceNotes()
    config = ProblemsConfig(path=str(tmp_path / "mine.jsonl"), on_bad_row="skip")
    assert list(read_problems(config, notes)) == READ
    assert [row.where.rpartition(":")[2] for row in notes.skipped] == ["2", "3", "4"]
    assert ["is not valid JSON" in notes.skipped[0].reason, "is empty" in notes.skipped[1].reason] == [True, True]
    assert any("3 rows left out" in line for line in notes.lines())
    with pytest.raises(InputError, match=r"mine\.jsonl:2 is not valid JSON.*set problems.on_bad_row: skip"):
        read(path=str(tmp_path / "mine.jsonl"))
    (tmp_path / "mine.jsonl").write_bytes(b"\n".join(lines[1:3]))
    with pytest.raises(InputError, match="no row can be used"):
        list(read_problems(config))


CHAT = [{"role": "user", "content": "How many?"}]
PARTS = [{"type": "text", "text": "How many?"}]


@pytest.mark.parametrize(
    ("row", "config", "expected"),
    [
        ({"p": CHAT, "r": {"gt": "2"}}, {"question": "p", "reference": "r.gt"}, ("How many?", "2")),
        ({"p": [{"from": "human", "value": "How many?"}], "a": 2}, {"question": "p"}, ("How many?", "2")),
        ({"p": str(CHAT), "a": 2}, {"question": "p"}, ("How many?", "2")),
        ({"p": [{"role": "user", "content": PARTS}], "a": 2}, {"question": "p"}, ("How many?", "2")),
        ({"m": CHAT, "a": "2"}, {"question": "m[0].content"}, ("How many?", "2")),
        ({"p": "q", "a": [2, 3]}, {"question": "p"}, ("q", "2, 3")),
        ({"p": "q", "a": True}, {"question": "p"}, ("q", "True")),
        ({"p": "q", "a": 204.0}, {"question": "p"}, ("q", "204.0")),
        ({"p": "q", "a": "so \\boxed{7}."}, {"question": "p", "extract": "boxed"}, ("q", "7")),
        ({"p": "q", "a": "so #### 7"}, {"question": "p", "extract": "hashes"}, ("q", "7")),
        ({"p": "q", "a": '["2", "3"]'}, {"question": "p"}, ("q", "2, 3")),
        ({"p": "q", "a": "['\\\\frac12']"}, {"question": "p"}, ("q", "\\frac12")),
        ({"p": "q", "a": "[2, 3]"}, {"question": "p"}, ("q", "[2, 3]")),
        ({"p": "q", "a": 0.1 + 0.2}, {"question": "p"}, ("q", "0.3")),
        ({"p": "q", "a": 3.1415926535897931}, {"question": "p"}, ("q", "3.141592653589793")),
        ({"p": "q", "a": "nan"}, {"question": "p"}, ("q", None)),
        ({"p": "q", "a": "None"}, {"question": "p"}, ("q", None)),
        ({"p": "q", "a": "none"}, {"question": "p"}, ("q", "none")),
        ({"p": "q", "a": "见解析"}, {"question": "p"}, ("q", None)),
        ({"p": "q", "a": "x \ne 3"}, {"question": "p"}, ("q", "x \\ne 3")),
        ({"p": "90Â° &lt; 3", "a": "1"}, {"question": "p"}, ("90° < 3", "1")),
    ],
)  # fmt: skip
def test_questions_and_answers_of_any_form_are_read(
    tmp_path: Path, row: dict[str, Any], config: dict[str, Any], expected: tuple[str, str | None]
) -> None:
    (problem,) = read(path=write_jsonl(tmp_path / "mine.jsonl", row), **({"reference": "a"} | config))
    assert (problem.question, problem.reference) == expected


def test_what_is_read_in_another_way_than_it_is_written_is_told(tmp_path: Path) -> None:
    rows = [
        {"question": [{"role": "system", "content": "Be brief."}, *CHAT], "answer": "no box"},
        {"question": "$\frac{1}{2} \times 2$", "answer": "\\boxed{1}"},
    ]
    notes = SourceNotes()
    config = ProblemsConfig(
        path=write_jsonl(tmp_path / "mine.jsonl", *rows), question="question", reference="answer", extract="boxed"
    )
    first, second = read_problems(config, notes)
    assert (first.question, first.reference, second.question) == ("How many?", None, "$\\frac{1}{2} \\times 2$")
    told = "\n".join(notes.lines())
    assert "Set prompt.system" in told
    assert "no answer found in 'answer'" in told
    assert "(\\frac \\times)" in told


def test_what_makes_a_reference_worthless_is_told_before_anything_is_paid_for(tmp_path: Path) -> None:
    answers = ["1.23457E+11", "24-Mar", "3月24日", "2024-03-24 00:00:00", "n/a", "4"]
    rows = [{"question": f"q{number}", "answer": answer} for number, answer in enumerate(answers)]
    notes = SourceNotes()
    path = write_jsonl(tmp_path / "mine.jsonl", *rows, {"question": "q5", "answer": "5"})
    list(read_problems(ProblemsConfig(path=path, reference="answer"), notes))
    told = "\n".join(notes.lines())
    assert "4 rows: 'answer' looks like what a spreadsheet makes" in told
    assert "1 rows: 'answer' says 'n/a', which is read as no answer" in told
    assert "1 rows: have the question of an earlier row, and another reference" in told


def test_a_row_that_was_mended_in_two_ways_is_counted_once(tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text(r'{"question": "$\left( \frac{a}{b} \right)$", "reference": "\frac12"}' + "\n")
    notes = SourceNotes()
    list(read_problems(ProblemsConfig(path=str(tmp_path / "mine.jsonl")), notes))
    assert [line.partition(" had")[0] for line in notes.lines()] == ["1 rows"]


@pytest.mark.parametrize(
    ("header", "question", "reference"),
    [("QUESTION,ANSWER", "QUESTION", "ANSWER"), ("題目,答え", "題目", "答え"), ("Frage,Antwort", "Frage", "Antwort")],
)
def test_columns_of_other_cases_and_languages_are_offered(
    tmp_path: Path, header: str, question: str, reference: str
) -> None:
    (tmp_path / "mine.csv").write_text(f"{header}\nq,1\n")
    with pytest.raises(ConfigError, match=f"problems.question: {question} and set problems.reference: {reference}"):
        read(path=str(tmp_path / "mine.csv"))


def test_a_file_without_a_header_is_told_where_one_belongs(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("1,What is 1+1?,2\n2,What is 2+2?,4\n")
    with pytest.raises(ConfigError, match=r"named in .*mine\.csv:1: if that is no header, write one above it"):
        read(path=str(tmp_path / "mine.csv"))


def test_an_error_names_the_table_it_is_about(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "mine.jsonl", {"text": "q"})
    config = ProblemsConfig(path=path)
    config.call("evaluation.problems")
    with pytest.raises(ConfigError, match=r"Set evaluation\.problems\.question"):
        list(read_problems(config))


OPTIONS = ["40", "41", "42", "43"]
WITH_OPTIONS = "What is 6*7?\nA. 40\nB. 41\nC. 42\nD. 43"


@pytest.mark.parametrize(
    ("columns", "answer", "append", "extract"),
    [
        ({"options": OPTIONS}, "C", "options", None),
        ({"choices": {"text": OPTIONS, "label": list("ABCD")}}, "C", "choices", None),
        ({"choices": OPTIONS}, 2, "choices", "index"),
        ({"Choices": str(OPTIONS)}, "42", "Choices", None),
        (dict(zip("ABCD", OPTIONS, strict=True)), "C", list("ABCD"), None),
        ({f"选项{letter}": text for letter, text in zip("ABCD", OPTIONS, strict=True)}, "C",
         [f"选项{letter}" for letter in "ABCD"], None),
        ({f"op{letter}": text for letter, text in zip("abcd", OPTIONS, strict=True)}, "(C)",
         [f"op{letter}" for letter in "abcd"], None),
    ],
)  # fmt: skip
def test_options_outside_the_question_are_asked_about_and_follow_it_with_their_letters(
    tmp_path: Path, columns: dict[str, Any], answer: Any, append: str | list[str], extract: Any
) -> None:
    path = write_jsonl(tmp_path / "mine.jsonl", {"question": "What is 6*7?", **columns, "answer": answer})
    named = append if isinstance(append, str) else f"[{', '.join(append)}]"
    with pytest.raises(ConfigError, match=re.escape(f"no part of the question. Set problems.append: {named}, or")):
        read(path=path, reference="answer")
    (problem,) = read(path=path, reference="answer", append=append, extract=extract)
    assert (problem.question, problem.reference) == (WITH_OPTIONS, "C" if extract else str(answer))
    (bare,) = read(path=path, reference="answer", append="")
    assert bare.question == "What is 6*7?"


@pytest.mark.parametrize(
    "row",
    [
        {"question": WITH_OPTIONS, "options": OPTIONS, "answer": "C"},
        {"question": "What is 6*7?", "options": None, "answer": "42"},
        {"question": "What is A+B?", "A": 40, "B": 2, "answer": "42"},
        {"question": "What is 6*7?", "options": OPTIONS, "answer": "44"},
    ],
)
def test_what_is_no_open_choice_is_read_as_it_stands(tmp_path: Path, row: dict[str, Any]) -> None:
    path = write_jsonl(tmp_path / "mine.jsonl", row)
    assert [one.question for one in read(path=path, reference="answer")] == [row["question"]]


def test_the_place_of_an_option_is_not_taken_for_the_answer_and_what_stands_beside_a_question_is_told(
    tmp_path: Path,
) -> None:
    path = write_jsonl(tmp_path / "places.jsonl", {"question": "What is 6*7?", "choices": OPTIONS, "answer": 2})
    with pytest.raises(InputError, match=r"'answer' says 2, which is none of the options\. .* set extract: index"):
        read(path=path, reference="answer", append="choices")
    row = {"Body": "Tom has 6 bags of 7.", "question": "How many?", "image": "tom.png", "answer": "42"}
    path, notes = write_jsonl(tmp_path / "mine.jsonl", row), SourceNotes()
    list(read_problems(ProblemsConfig(path=path, reference="answer"), notes))
    assert [line.split(": ", 1)[1].split(" (")[0] for line in notes.lines()] == [
        "'Body' may belong to the question and is not read",
        "the picture in 'image' is not sent",
    ]
    (joined,) = read(path=path, question="Body", append="question", reference="answer")
    assert joined.question == "Tom has 6 bags of 7.\nHow many?"
