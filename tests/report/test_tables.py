from pathlib import Path

from building import make_config, make_problem, make_score, make_trace
from reported import sample_problem, write_reported

from overproof.journal import Journal
from overproof.records import encode
from overproof.report.shard import ShardReader
from overproof.report.tables import COMPLETE, REFUSED, TRUNCATED, UNKNOWN, order_of

CONFIG = make_config(sampling={"n": 4})


def test_each_trace_stands_with_its_problem_score_and_decision_whatever_the_order_of_the_files(tmp_path: Path) -> None:
    problems = [make_problem("a"), make_problem("b")]
    scored = sample_problem(problems[1], "ci") + sample_problem(problems[0], "tr")
    folder = write_reported(tmp_path, CONFIG, problems, scored[::-1])
    shard = ShardReader(CONFIG, folder, 0).read()
    assert shard.owners.tolist() == [0, 0, 1, 1]
    assert shard.traces["index"].tolist() == [0, 1, 0, 1]
    assert shard.traces["ending"].tolist() == [TRUNCATED, REFUSED, COMPLETE, COMPLETE]
    assert shard.outcomes().tolist() == [0, UNKNOWN, 1, 0]
    assert [shard.decision_of(row)[1] for row in range(4)] == [
        "truncated",
        "refused",
        "correct",
        "incorrect",
    ]
    assert [shard.trace_of(row).id for row in range(4)] == [
        trace.id for trace, _ in sample_problem(problems[0], "tr") + sample_problem(problems[1], "ci")
    ]


def test_a_damaged_line_is_named_and_passed_over(tmp_path: Path) -> None:
    problem = make_problem()
    folder = write_reported(tmp_path, CONFIG, [problem], sample_problem(problem, "cci"))
    for path in (folder.traces(0), folder.scores(0), folder.decisions(0), folder.problems(0)):
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join([*lines[:1], b'{"half": "a li\n', b"\xff\xfe\n", *lines[1:]]))
    shard = ShardReader(CONFIG, folder, 0).read()
    assert shard.owners.tolist() == [0, 0, 0]
    assert [damage.lines for damage in shard.damage] == [2, 2, 2, 2]
    assert shard.damage[1].named[0].startswith("traces/00000-00000.jsonl:2 (")


def test_a_line_that_is_being_written_is_read_when_it_is_finished(tmp_path: Path) -> None:
    problem = make_problem()
    folder = write_reported(tmp_path, CONFIG, [problem], sample_problem(problem, "c"))
    line = encode(make_trace(problem, 1)) + b"\n"
    with folder.traces(0).open("ab") as file:
        file.write(line[:40])
    reader = ShardReader(CONFIG, folder, 0)
    assert len(reader.read().traces) == 1
    with folder.traces(0).open("ab") as file:
        file.write(line[40:])
    assert len(reader.read().traces) == 2
    assert reader.read().damage[1].lines == 0


def test_only_what_is_new_is_read_again(tmp_path: Path) -> None:
    problem = make_problem()
    folder = write_reported(tmp_path, CONFIG, [problem], sample_problem(problem, "ci"))
    reader = ShardReader(CONFIG, folder, 0)
    before = reader.read()
    assert reader.read() is before
    journal = Journal(folder.traces(0))
    journal.append(make_trace(problem, 2))
    journal.close()
    after = reader.read()
    assert len(after.traces) == 3
    assert after.scores["length"].tolist()[2] == 0, "the new trace has no score yet"
    assert after.names is before.names, "scores were not read again"


def test_a_file_that_was_replaced_by_a_shorter_one_is_read_from_its_start(tmp_path: Path) -> None:
    problem = make_problem()
    scored = sample_problem(problem, "cccc")
    folder = write_reported(tmp_path, CONFIG, [problem], scored)
    reader = ShardReader(CONFIG, folder, 0)
    reader.read()
    folder.traces(0).write_bytes(encode(scored[2][0]) + b"\n")
    assert reader.read().traces["index"].tolist() == [2]


def test_the_first_line_of_an_id_counts(tmp_path: Path) -> None:
    problem = make_problem()
    first, second = make_trace(problem, 0, answer="one"), make_trace(problem, 0, answer="another answer")
    folder = write_reported(tmp_path, CONFIG, [problem], [(first, make_score(first)), (second, None)])
    shard = ShardReader(CONFIG, folder, 0).read()
    assert len(shard.traces) == 1
    assert shard.trace_of(0) == first


def test_traces_of_a_problem_that_is_gone_belong_to_none(tmp_path: Path) -> None:
    kept, gone = make_problem("kept"), make_problem("gone")
    folder = write_reported(tmp_path, CONFIG, [kept], sample_problem(gone, "c") + sample_problem(kept, "c"))
    assert ShardReader(CONFIG, folder, 0).read().owners.tolist() == [0, UNKNOWN]


def test_files_that_are_not_there_are_told(tmp_path: Path) -> None:
    problem = make_problem()
    folder = write_reported(tmp_path, CONFIG, [problem], [], decide=False)
    folder.scores(0).unlink()
    assert ShardReader(CONFIG, folder, 0).read().missing == ["scores", "decisions"]


def test_answers_sort_by_their_value_then_as_texts_and_last_where_there_is_none() -> None:
    texts = ["x + 1", "10", "1,000", "-3", "\N{MINUS SIGN}4.5", "\\frac{1}{2}", "2", "nan"]
    expected = ["\N{MINUS SIGN}4.5", "-3", "2", "10", "1,000", "\\frac{1}{2}", "nan", "x + 1"]
    assert sorted(texts, key=order_of) == expected
    assert order_of(None) != order_of(None), "not a number"
    assert order_of("9" * 400) >= order_of("1e299")
