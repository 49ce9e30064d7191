"""Batch files out and results back in, judged and journaled like replies over the wire."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from building import make_config
from endpoint import message
from sampled import answer_to, is_right, make_folder, numbered, read_all

from overproof.config import RunConfig
from overproof.errors import EndpointError, InputError
from overproof.sampling.batch import read_batch, write_batch
from overproof.sampling.identity import SEEDS
from overproof.teacher import profiles


def config(**tables: Any) -> RunConfig:
    tables = {"sampling": {"n": 2}, **tables}
    return make_config(
        teacher={"model": "m", "base_url": "http://127.0.0.1:9/v1", **tables.pop("teacher", {})}, **tables
    )


def requests_in(*paths: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]


def result(request: dict[str, Any], body: Any, status: int = 200) -> dict[str, Any]:
    """A line as a batch API returns it."""
    return {
        "id": "batch_req_1",
        "custom_id": request["custom_id"],
        "response": {"status_code": status, "request_id": "r", "body": body},
        "error": None,
    }


def write_lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows))  # without a newline at the end, as some come
    return path


def test_pending_requests_are_written_as_a_batch_that_a_provider_takes(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "run", numbered(3))
    written = write_batch(config(), folder, [0], tmp_path / "out.jsonl")
    rows = requests_in(tmp_path / "out.jsonl")
    assert (written.files, written.requests, written.is_capped) == ([tmp_path / "out.jsonl"], 6, False)
    assert len({row["custom_id"] for row in rows}) == 6
    assert {(row["method"], row["url"]) for row in rows} == {("POST", "/v1/chat/completions")}
    body = rows[0]["body"]
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("m", 0.6, 16384)
    assert 0 <= body["seed"] < SEEDS
    assert "stream" not in body
    assert not folder.traces(0).exists()


def test_results_become_traces_and_reading_them_again_changes_nothing(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "run", numbered(3), shards=2)
    write_batch(config(), folder, [0, 1], tmp_path / "out.jsonl")
    rows = requests_in(tmp_path / "out.jsonl")
    results = write_lines(tmp_path / "in.jsonl", [result(row, answer_to(row["body"])) for row in reversed(rows)])
    read = read_batch(config(), folder, [0, 1], [results])
    assert (read.traces, read.already_there, read.failed, read.unknown) == (6, 0, {}, 0)
    traces = read_all(folder, 2)
    assert [trace.index for trace in traces] == [0, 1] * 3
    assert {trace.usage.completion_tokens for trace in traces} == {20}
    assert traces[0].parameters == {
        key: value for key, value in rows_by_id(rows)[traces[0].id]["body"].items() if key not in {"model", "messages"}
    }
    again = read_batch(config(), folder, [0, 1], [results])
    assert (again.traces, again.already_there) == (0, 6)
    assert write_batch(config(), folder, [0, 1], tmp_path / "more.jsonl").requests == 0


def rows_by_id(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["custom_id"]: row for row in rows}


def test_failed_and_refused_results_are_told_apart(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "run", numbered(3))
    write_batch(config(), folder, [0], tmp_path / "out.jsonl")
    rows = requests_in(tmp_path / "out.jsonl")
    results = [
        result(rows[0], {"error": {"message": "slow", "code": "rate_limit_exceeded"}}, 429),
        result(rows[1], {"error": {"message": "no", "code": "content_filter"}}, 400),
        {"custom_id": rows[2]["custom_id"], "response": None, "error": {"code": "batch_expired", "message": "late"}},
        result(rows[3], message("so we", "length")),
        result(rows[4], message("")),
        result({"custom_id": "another"}, message("4")),
    ]
    read = read_batch(config(), folder, [0], [write_lines(tmp_path / "in.jsonl", results)])
    assert (read.traces, read.unknown) == (2, 1)
    assert read.failed == {"rate_limit_exceeded": 1, "batch_expired": 1, "empty_content": 1}
    assert [(trace.error, trace.finish_reason) for trace in read_all(folder)] == [
        ("content_filter", None),
        (None, "length"),
    ]
    assert write_batch(config(), folder, [0], tmp_path / "more.jsonl").requests == 4


@pytest.mark.parametrize("words", ["maximum context length is 8192 tokens", "unknown field: top_k"])
def test_a_batch_whose_every_result_is_refused_settles_nothing(tmp_path: Path, words: str) -> None:
    folder = make_folder(tmp_path / "run", numbered(3))
    write_batch(config(), folder, [0], tmp_path / "out.jsonl")
    results = [result(row, {"error": {"message": words}}, 400) for row in requests_in(tmp_path / "out.jsonl")]
    with pytest.raises(EndpointError, match=f"None of the 6 results is a reply: .*{words}.*Nothing is written down"):
        read_batch(config(), folder, [0], [write_lines(tmp_path / "in.jsonl", results)])
    assert not read_all(folder)
    assert write_batch(config(), folder, [0], tmp_path / "more.jsonl").requests == 6


def test_results_of_any_other_engine_are_taken_by_their_custom_id(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "run", numbered(1))
    write_batch(config(), folder, [0], tmp_path / "out.jsonl")
    first, second = (row["custom_id"] for row in requests_in(tmp_path / "out.jsonl"))
    rows = [
        {
            "custom_id": first,
            "content": "4",
            "reasoning": "so",
            "finish_reason": "stop",
            "usage": {"prompt_tokens": 5, "completion_tokens": 9},
        },
        {"custom_id": second, "content": "<think>so</think>4"},
    ]
    read_batch(config(), folder, [0], [write_lines(tmp_path / "in.jsonl", rows)])
    one, two = read_all(folder)
    assert (one.reasoning, one.channel, one.usage.completion_tokens) == ("so", "reasoning", 9)
    assert (two.reasoning, two.usage.completion_tokens, two.unreported_usage.completion_tokens) == (None, None, 6)


def test_adaptive_batches_go_round_by_round(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "run", numbered(4))
    adaptive = config(sampling={"probe": 2, "want_correct": 2, "max": 6})
    sizes = []
    for number in range(9):
        path = tmp_path / f"{number}.jsonl"
        sizes.append(write_batch(adaptive, folder, [0], path, correctness=is_right).requests)
        if not sizes[-1]:
            break
        rows = [result(row, answer_to(row["body"])) for row in requests_in(path)]
        read_batch(adaptive, folder, [0], [write_lines(tmp_path / "in.jsonl", rows)])
    assert sizes[0] == 8
    assert sizes[-1] == 0
    assert len(sizes) > 2
    assert sum(sizes) == len(read_all(folder)) < 24


def test_a_batch_keeps_within_the_budget_and_says_so(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "run", numbered(3))
    capped = config(teacher={"max_tokens": 100}, budget={"max_tokens": 1000})
    written = write_batch(capped, folder, [0], tmp_path / "out.jsonl")
    assert (written.requests, written.is_capped) == (2, True)


def test_a_large_batch_is_cut_where_the_provider_says(tmp_path: Path) -> None:
    own = tmp_path / "small.toml"
    own.write_text('about = "small"\nbatch_requests = 4\n')
    folder = make_folder(tmp_path / "run", numbered(5))
    written = write_batch(config(teacher={"profile": str(own)}), folder, [0], tmp_path / "out.jsonl")
    assert [path.name for path in written.files] == ["out.jsonl", "out-00001.jsonl", "out-00002.jsonl"]
    assert [len(requests_in(path)) for path in written.files] == [4, 4, 2]
    own.write_text('about = "small"\nbatch_bytes = 1000\n')
    written = write_batch(config(teacher={"profile": str(own)}), folder, [0], tmp_path / "out.jsonl")
    assert max(path.stat().st_size for path in written.files) <= 1000
    assert profiles.load_profile("dashscope").batch_requests == 50_000


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("{broken\n", r"in\.jsonl:1 is not JSON"),
        ('\n{"id": 5}\n', r"in\.jsonl:2 has no 'custom_id'"),
        ('{"custom_id": "x", "text": "4"}\n', "no 'response', 'error' or 'content'; it has custom_id, text"),
        ('{"custom_id": "x", "content": "4"}\n', "None of the 1 results belongs to this run"),
    ],
)
def test_a_file_that_holds_no_results_is_refused_before_anything_is_written(
    tmp_path: Path, content: str, named: str
) -> None:
    folder = make_folder(tmp_path / "run", numbered(1))
    (tmp_path / "in.jsonl").write_text(content)
    with pytest.raises(InputError, match=named):
        read_batch(config(), folder, [0], [tmp_path / "in.jsonl"])
    with pytest.raises(InputError, match="There is no file"):
        read_batch(config(), folder, [0], [tmp_path / "nowhere.jsonl"])
    assert not folder.traces(0).exists()


def test_results_asked_for_with_other_settings_are_refused(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "run", numbered(1))
    write_batch(config(), folder, [0], tmp_path / "out.jsonl")
    rows = [result(row, answer_to(row["body"])) for row in requests_in(tmp_path / "out.jsonl")]
    path = write_lines(tmp_path / "in.jsonl", rows)
    with pytest.raises(InputError, match="other settings"):
        read_batch(config(teacher={"temperature": 1.0}), folder, [0], [path])


def test_ids_that_a_provider_would_not_take_are_replaced_by_a_digest(tmp_path: Path) -> None:
    problems = numbered(1)
    long = [type(problems[0])(type(problems[0].problem)(f"问题-{'x' * 80}", "What is 0 and 1?", "1"))]
    folder = make_folder(tmp_path / "run", long)
    write_batch(config(), folder, [0], tmp_path / "out.jsonl")
    rows = requests_in(tmp_path / "out.jsonl")
    assert all(len(row["custom_id"]) <= 64 and row["custom_id"].isascii() for row in rows)
    results = write_lines(tmp_path / "in.jsonl", [result(row, answer_to(row["body"])) for row in rows])
    assert read_batch(config(), folder, [0], [results]).traces == 2


BAD_ROWS = {
    "no JSON": "{broken",
    "nested without end": '{"custom_id": "x", "content": ' + "[" * 5000 + "]" * 5000 + "}",
    "a list": "[1]",
    "no id": '{"content": "x"}',
    "an id that is a number": '{"custom_id": 5, "content": "x"}',
    "nothing of a result": '{"custom_id": "x", "id": 1}',
    "a response that is a list": '{"custom_id": "x", "response": [1]}',
    "a response that is a text": '{"custom_id": "x", "response": "x"}',
    "zeros": "\0\0\0",
}
ODD_ROWS: dict[str, dict[str, Any]] = {
    "a status in digits": {"response": {"status_code": "200", "body": message("4")}},
    "no status": {"response": {"status_code": None, "body": message("4")}},
    "a status with a point": {"response": {"status_code": 200.0, "body": message("4")}},
    "a body as text": {"response": {"status_code": 200, "body": json.dumps(message("4"))}},
    "half a character": {"content": "4 \ud800", "finish_reason": "stop"},
    "a finish reason that is a list": {"content": "4", "finish_reason": ["\ud800"]},
    "usage that is a text": {"content": "4", "usage": "x"},
}


@pytest.mark.parametrize("kind", BAD_ROWS)
def test_a_line_that_is_no_result_is_told_and_the_rest_taken_in(tmp_path: Path, kind: str) -> None:
    folder = make_folder(tmp_path / "run", numbered(2))
    write_batch(config(), folder, [0], tmp_path / "out.jsonl")
    rows = [json.dumps(result(request, message("4"))) for request in requests_in(tmp_path / "out.jsonl")]
    (tmp_path / "in.jsonl").write_text("\n".join([rows[0], BAD_ROWS[kind], *rows[1:]]) + "\n", encoding="utf-8")
    read = read_batch(config(), folder, [0], [tmp_path / "in.jsonl"])
    assert (read.traces, read.unknown) == (4, 0)
    (told,) = read.bad
    assert told.startswith(f"{tmp_path / 'in.jsonl'}:2 ")


@pytest.mark.parametrize("kind", ODD_ROWS)
def test_a_result_of_an_odd_form_is_mended_as_over_the_wire(tmp_path: Path, kind: str) -> None:
    folder = make_folder(tmp_path / "run", numbered(1))
    write_batch(config(sampling={"n": 1}), folder, [0], tmp_path / "out.jsonl")
    (request,) = requests_in(tmp_path / "out.jsonl")
    line = json.dumps({"custom_id": request["custom_id"], **ODD_ROWS[kind]})
    (tmp_path / "in.jsonl").write_bytes(b"\xef\xbb\xbf" + line.encode())
    assert read_batch(config(sampling={"n": 1}), folder, [0], [tmp_path / "in.jsonl"]).traces == 1
    assert read_all(folder)[0].content.startswith("4")
