import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from building import make_config, make_problem, make_trace
from reported import HOSTILE, make_rich_run, sample_problem, write_reported
from viewing import serving

from overproof.errors import ConfigError, RunFolderError
from overproof.journal import Journal, write_bytes
from overproof.view import serve
from overproof.view.folders import find_proofs, find_runs


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("runs")
    return [make_rich_run(root, name="one").root, make_rich_run(root, name="two").root]


@pytest.fixture(scope="module")
def url(roots: list[Path]) -> Iterator[str]:
    with serving(roots) as address:
        yield address


def get(url: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), dict(error.headers)


def ask(url: str, path: str, **parameters: object) -> Any:
    status, body, _ = get(f"{url}/runs/0/api/{path}?{urlencode(parameters)}")
    assert status == 200, body
    return json.loads(body)


def state_of(roots: list[Path]) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for root in roots
        for path in root.rglob("*")
        if path.is_file()
    }


def test_several_runs_are_listed_and_one_is_opened_at_once(url: str, roots: list[Path]) -> None:
    _, body, _ = get(url)
    assert b'<a href="/runs/0/">one</a>' in body
    assert str(roots[1]).encode() in body, "runs of one name are told apart by their paths"
    with serving(roots[:1]) as single, urllib.request.urlopen(single) as answer:
        assert answer.url == f"{single}/runs/0/"


def test_the_list_is_filtered_and_goes_on_where_it_stopped(url: str) -> None:
    everything = ask(url, "traces")
    assert len(everything["rows"]) == 50 == everything["next"]
    rest = ask(url, "traces", **{"from": 50})
    assert rest["next"] is None
    assert everything["total"] == rest["total"] == 50 + len(rest["rows"])
    chosen = ask(url, "traces", verdict="unverifiable", reason="refused")
    assert [row["error"] for row in chosen["rows"]] == ["content_filter"] * 2
    assert ask(url, "traces", source="made", language="en")["total"] == everything["total"]
    assert ask(url, "traces", source="elsewhere")["total"] == 0


def test_a_text_is_searched_in_all_traces(url: str) -> None:
    found = ask(url, "traces", q="WINDOW.hacked")
    while found["searched"] < 1:
        found = ask(url, "traces", q="WINDOW.hacked")
    assert {row["problem"] for row in found["rows"]} == {f"hostile {HOSTILE}"}


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        ({"q": "PROBLEM PLAIN/1?"}, {"plain/1"}),
        ({"q": "suspect"}, {"suspect"}),
        ({"q": "plain/1", "covered": "no"}, set()),
        ({"is": "contaminated"}, {"known"}),
        ({"is": "duplicates"}, {"again"}),
        ({"rate": "0..0", "samples": "4..4"}, {"suspect", "plain/3", "plain/9"}),
    ],
)
def test_problems_are_found_by_their_text_and_by_what_they_are(url: str, asked: dict[str, str], ids: set[str]) -> None:
    assert {row["problem"] for row in ask(url, "problems", **asked)["rows"]} == ids


@pytest.mark.parametrize("asked", [{"nonsense": "1"}, {"tokens": "many"}, {"sort": "nonsense"}])
def test_a_filter_or_order_that_is_not_there_is_told(url: str, asked: dict[str, str]) -> None:
    status, body, headers = get(f"{url}/runs/0/api/traces?{urlencode(asked)}")
    assert (status, b"filter" in body or b"range" in body or b"column" in body) == (400, True)
    assert "Content-Security-Policy" in headers


def test_a_problem_comes_with_its_traces_and_its_neighbours(url: str) -> None:
    problem = ask(url, "problem", id="plain/1")
    assert [trace["index"] for trace in problem["traces"]] == [0, 1, 2, 3]
    beside = ask(url, "beside", id="plain/1", index=2)
    assert (beside["previous"], beside["next"]) == (["plain/0", 0], ["plain/2", 0])
    assert (beside["earlier"], beside["later"], beside["place"]) == (["plain/1", 1], ["plain/1", 3], 7)
    assert ask(url, "beside", id="nowhere")["previous"] is None


def test_many_traces_come_in_stretches_around_the_one_asked_for(tmp_path: Path) -> None:
    problem = make_problem()
    folder = write_reported(tmp_path, make_config(sampling={"n": 40}), [problem], sample_problem(problem, "ci" * 20))
    with serving([folder.root]) as address:
        shown = ask(address, "problem", id="p", index=20)
    assert [trace["index"] for trace in shown["traces"]] == list(range(16, 32))
    assert shown["trace_count"] == 40


@pytest.mark.parametrize(
    "path",
    [
        "/runs/7/",
        "/runs/x/",
        "/runs/0/api/problem?id=nowhere",
        "/compare?run=0&run=9",
        "/compare?run=0",
        "/runs/" + "9" * 5000 + "/",
        "/assets/page.py",
    ],
)
def test_what_is_not_there_is_not_found(url: str, path: str) -> None:
    assert get(url + path)[0] == 404


@pytest.mark.parametrize("number", ["-1", "1e9", "９", "99999999999999999999", "x"])
def test_a_number_that_is_none_counts_as_none(url: str, number: str) -> None:
    assert ask(url, "traces", **{"from": number})["rows"][0]["index"] == 0


def test_nothing_is_answered_under_another_name_and_nothing_can_be_written(url: str, roots: list[Path]) -> None:
    before = state_of(roots)
    names = ("evil.example", "localhost.evil.example", "127.0.0.1:80@evil.example", "127.0.0.1.", "127.0.0.1:²", "")
    for name in names:
        status, _, headers = get(url, Host=name)
        assert (status, "Content-Security-Policy" in headers) == (403, True), name
    for name in ("LOCALHOST:8610", "LocalHost", "localhost.:1", "[::1]:8610", "127.0.0.1"):
        assert get(url, Host=name)[0] == 200, name
    for method in ("POST", "PUT", "DELETE"):
        with pytest.raises(urllib.error.HTTPError, match="405"):
            urllib.request.urlopen(urllib.request.Request(f"{url}/runs/0/", method=method))
    get(f"{url}/runs/0/")
    get(f"{url}/compare?run=0&run=1")
    assert state_of(roots) == before


NO_REQUESTS = (
    b"nonsense\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01",  # a browser that was told https://
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET  /  HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    b"GET /" + b"9" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"9" * 20_000 + b"\r\n\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST /runs/0/api/decide HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{",
)


def test_what_is_no_request_is_answered_and_leaves_nothing_in_the_terminal(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    for request in NO_REQUESTS:
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=30) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(1 << 16)
        assert not answer or answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 4", b"HTTP/1.0 4")), request[:60]
    assert not caplog.records


def test_pages_allow_no_script_but_their_own(url: str) -> None:
    for path in ("/", "/runs/0/", "/compare?run=0&run=1"):
        _, body, headers = get(url + path)
        assert "script-src 'self'" in headers["Content-Security-Policy"]
        assert b"<script>window.hacked" not in body


def test_a_run_that_goes_on_is_shown_as_it_is_now(tmp_path: Path) -> None:
    problem = make_problem()
    folder = write_reported(tmp_path, make_config(sampling={"n": 4}), [problem], sample_problem(problem, "ci"))
    with serving([folder.root]) as address:
        before = ask(address, "state")["stamp"]
        journal = Journal(folder.traces(0))
        journal.append(make_trace(problem, 2))
        journal.close()
        deadline = time.monotonic() + 30
        while ask(address, "state")["stamp"] == before and time.monotonic() < deadline:
            time.sleep(0.1)
        assert ask(address, "traces")["total"] == 3
        assert "3 of 4 traces are there" in get(f"{address}/runs/0/api/overview")[1].decode()


def test_a_run_that_is_scored_anew_is_read_anew_at_once(tmp_path: Path) -> None:
    problem = make_problem()
    scored = sample_problem(problem, "ciui")
    folder = write_reported(tmp_path, make_config(sampling={"n": 4}), [problem], scored)
    with serving([folder.root]) as address:
        assert ask(address, "traces")["rows"][0]["verdict"] == "correct"
        lines = folder.scores(0).read_bytes().splitlines(keepends=True)
        write_bytes(folder.scores(0), b"".join(reversed(lines)))
        verdicts = [row["verdict"] for row in ask(address, "traces")["rows"]]
        assert verdicts == ["correct", "incorrect", "unverifiable", "incorrect"]


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="holds no run"):
        serve([tmp_path])


def test_a_port_that_is_taken_is_named(url: str, roots: list[Path]) -> None:
    with pytest.raises(ConfigError, match="Give another one with --port"):
        serve(roots[:1], port=int(url.rsplit(":", 1)[1]))


def test_it_serves_until_it_is_interrupted(roots: list[Path]) -> None:
    code = (
        "from pathlib import Path\nfrom overproof.view import serve\n"
        f"serve([Path({str(roots[0])!r})], show=lambda text: print(text, flush=True))"
    )
    command = [sys.executable, "-c", code]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(2)]
    address = lines[1].split()[1]
    assert get(f"{address}runs/0/")[0] == 200
    assert address.startswith("http://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert errors.strip().endswith("KeyboardInterrupt")


def test_ids_of_any_kind_lead_to_their_problem(url: str) -> None:
    status, _, _ = get(f"{url}/runs/0/api/problem?id={quote(f'hostile {HOSTILE}', safe='')}")
    assert status == 200


def test_a_proof_beside_runs_is_listed_and_shown(roots: list[Path], tmp_path: Path) -> None:
    estimate = {"value": 0.5, "low": 0.4, "high": 0.6, "problems": 9, "samples": 9}
    gap = {"value": 0.1, "low": 0.02, "high": 0.18, "p_value": 0.01, "problems": 9}
    sides = [
        {"name": "random", "value": estimate, "by_run": [0.5], "difference": None},
        {"name": "verified", "value": estimate, "by_run": [0.6], "difference": gap, "p_adjusted": 0.0123},
        {"name": "formatted", "value": estimate, "by_run": [0.6], "difference": gap, "p_adjusted": 0.0001 / 2},
    ]
    sets = [{"name": name, "rows": 400, "right": 300, "path": "x"} for name in ("random", "verified")]
    proof = {"temperature": 1.0, "seeds": [0], "sets": sets, "greedy": None}
    proof |= {"sampled": {"measure": "pass@1", "problems": 9, "sides": sides}}
    (tmp_path / "proof.json").write_text(json.dumps([proof]))
    assert find_proofs([tmp_path]) == [tmp_path]
    with serving(roots, proofs=[tmp_path]) as address:
        assert str(tmp_path).encode() in get(address)[1]
        body = get(f"{address}/proofs/0/")[1].decode()
        assert get(f"{address}/proofs/1/")[0] == 404
        (tmp_path / "proof.json").write_text("[{}]")
        status, told, _ = get(f"{address}/proofs/0/")
    assert "+10.0 (+2.0 to +18.0)" in body
    assert "0.0123" in body
    assert "≤ 0.0001" in body, "the least that random exchanges can show"
    assert (status, b"Run overproof prove again" in told) == (400, True)


def test_folders_of_runs_open_with_their_evaluations(tmp_path: Path) -> None:
    make_rich_run(tmp_path, name="one")
    make_rich_run(tmp_path / "one", name="evaluation")
    make_rich_run(tmp_path / "deeper", name="two")
    found = find_runs([tmp_path])
    assert [str(one.root.relative_to(tmp_path)) for one in found] == ["deeper/two", "one", "one/evaluation"]
    assert [one.name for one in found] == ["two", "one", "one/evaluation"], "two evaluations are told apart"
    with pytest.raises(RunFolderError, match="a folder of run folders"):
        find_runs([tmp_path / "nowhere"])


def test_a_run_that_begins_later_is_listed_behind_the_others(
    roots: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("overproof.view.app.LOOK_SECONDS", 0.05)
    shutil.copytree(roots[0], tmp_path / "middle")
    with serving([tmp_path / "middle"], find=lambda: find_runs([tmp_path])) as url:
        assert get(f"{url}/")[1].startswith(b"<!doctype html>")
        shutil.copytree(roots[1], tmp_path / "a-later-one")
        end = time.monotonic() + 30
        while b"a-later-one" not in (home := get(f"{url}/")[1]) and time.monotonic() < end:
            time.sleep(0.05)
        assert home.index(b"middle") < home.index(b"a-later-one"), "no run is given another's number"
        assert b"a-later-one" in get(f"{url}/runs/1/")[1]
