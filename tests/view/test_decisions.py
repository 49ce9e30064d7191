import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browsing import needs_browser, open_browser, visit
from reported import make_rich_run
from viewing import serving

from overproof.grading.labelled_rows import grade_rows
from overproof.runfolder import RunFolder

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TOKEN = "a-token-of-the-test"


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return make_rich_run(tmp_path)


@pytest.fixture
def url(folder: RunFolder) -> Iterator[str]:
    with serving([folder.root], token=TOKEN) as address:
        yield address


def post(url: str, decision: object, **headers: str) -> tuple[int, Any]:
    given = {"Content-Type": "application/json", "Origin": url, "X-Overproof-Token": TOKEN} | headers
    request = urllib.request.Request(f"{url}/runs/0/api/decide", json.dumps(decision).encode(), given, method="POST")
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_decision_is_written_with_name_and_reason_and_can_be_undone(url: str, folder: RunFolder) -> None:
    decision = {"problem": "suspect", "action": "replace", "reference": "5", "who": "Ann", "why": "all traces say so"}
    status, answer = post(url, decision)
    assert (status, answer["file"]) == (200, str(folder.overrides))
    (made,) = answer["decisions"]
    assert (made["reference"], made["was"], made["who"], made["why"]) == ("5", "4", "Ann", "all traces say so")
    assert folder.read_overrides().by_problem["suspect"].reference == "5"
    assert post(url, {"problem": "suspect", "action": "undo", "who": "Ann"})[1]["decisions"] == []
    assert folder.read_overrides().by_problem == {}
    assert len(folder.overrides.read_bytes().splitlines()) == 2, "nothing that was decided is taken out of the file"


@pytest.mark.parametrize(
    ("headers", "decision", "refused"),
    [
        ({"X-Overproof-Token": "another"}, {}, (403, "token")),
        ({"Origin": "http://evil.example"}, {}, (403, "this server alone")),
        ({"Origin": ""}, {}, (403, "this server alone")),
        ({"Content-Type": "text/plain"}, {}, (403, "this server alone")),
        ({"Host": "evil.example"}, {}, (403, "this machine only")),
        ({}, {"action": "burn"}, (400, "no decision")),
        ({}, {"problem": "nowhere"}, (400, "no problem 'nowhere'")),
        ({}, {"action": "replace", "reference": " "}, (400, "give the reference")),
        ({}, {"action": "verdict", "index": 99, "verdict": "correct"}, (400, "no such trace")),
    ],
)
def test_what_may_not_be_decided_is_refused_and_nothing_is_written(
    url: str, folder: RunFolder, headers: dict[str, str], decision: dict[str, Any], refused: tuple[int, str]
) -> None:
    found, body = post(url, {"problem": "suspect", "action": "drop"} | decision, **headers)
    status, told = refused
    assert (found, told in body) == (status, True), body
    assert not folder.overrides.exists()


def test_without_edit_nothing_can_be_decided_whatever_token_is_shown(folder: RunFolder) -> None:
    with serving([folder.root]) as address:
        assert post(address, {"problem": "suspect", "action": "drop"})[0] == 403
        with urllib.request.urlopen(f"{address}/runs/0/?token=None") as answer:
            assert b'"token":null' in answer.read()
    assert not folder.overrides.exists()


def test_verdicts_of_people_become_labelled_rows_that_grade_measures(url: str, tmp_path: Path) -> None:
    for index, verdict in ((0, "incorrect"), (1, "correct")):
        decision = {"problem": "plain/0", "action": "verdict", "index": index, "verdict": verdict, "who": "Ann"}
        assert post(url, decision)[0] == 200
    rows = tmp_path / "labels.jsonl"
    with urllib.request.urlopen(f"{url}/runs/0/labels.jsonl") as answer:
        rows.write_bytes(answer.read())
    graded = grade_rows(rows, tmp_path / "graded.jsonl", workers=1)
    assert graded.agreement is not None
    assert (graded.agreement.accepted_right, graded.agreement.accepted_wrong) == (1, 1)


@needs_browser
@pytest.mark.slow
def test_a_person_decides_in_the_browser_and_takes_it_back(url: str, folder: RunFolder) -> None:
    with open_browser() as browser:
        decide_and_undo(browser, url, folder)


def decide_and_undo(browser: "Browser", url: str, folder: RunFolder) -> None:
    with visit(browser, f"{url}/?token={TOKEN}#/problem/suspect") as here:
        here.wait("#/problem/suspect")
        box = here.page.get_by_role("region", name="Decide")
        assert box.get_by_label("New reference").input_value() == "5", "what most traces answer is offered"
        box.get_by_label("Why").fill("a typo")
        box.get_by_label("Your name").fill("Ann")
        box.get_by_role("button", name="Decide").click()
        here.page.wait_for_selector("text=the reference is replaced by 5 – Ann: a typo")
        assert here.violations() == []
        here.page.reload()
        here.wait("#/problem/suspect")
        here.page.locator("#trace-2").get_by_role("button", name="Verdict is wrong").click()
        assert box.locator("select[name=index]").input_value() == "2"
        assert box.locator("select[name=verdict]").input_value() == "correct", "the other one than it is"
        here.page.keyboard.type("the same in words")  # the form waits for why
        here.page.keyboard.press("Enter")
        wrong = here.page.get_by_role("listitem").filter(has_text="trace 2 is correct – Ann: the same in words")
        wrong.get_by_role("button", name="Undo").click()
        wrong.wait_for(state="detached")
        assert set(folder.read_overrides().by_problem) == {"suspect"}, "what else was decided still counts"
        here.page.get_by_role("button", name="Undo").click()
        here.page.wait_for_selector("text=the reference is replaced by 5", state="detached")
    assert folder.read_overrides().by_problem == {}
    with visit(browser, f"{url}/#/problem/suspect") as here:
        here.wait("#/problem/suspect")
        assert here.page.get_by_role("button", name="Decide").count() == 0, (
            "without the token there is nothing to write"
        )
