from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec
import pytest
from browsing import needs_browser, open_browser, visit
from building import make_config, make_problem, make_score, make_trace
from reported import HOSTILE, make_rich_run, sample_problem, write_reported
from viewing import serving

from overproof.journal import Journal, write_records
from overproof.judge.cases import Case
from overproof.judge.verdicts import Judgement
from overproof.records import Grade, Verdict
from overproof.runfolder import RunFolder

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = needs_browser


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with open_browser() as running:
        yield running


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[RunFolder]:
    root = tmp_path_factory.mktemp("runs")
    return [make_rich_run(root, name="one"), make_rich_run(root, name="two")]


@pytest.fixture(scope="module")
def url(folders: list[RunFolder]) -> Iterator[str]:
    with serving([folder.root for folder in folders]) as address:
        yield address


@pytest.mark.parametrize(("width", "dark"), [(1280, True), (390, False)], ids=["wide and dark", "narrow and light"])
@pytest.mark.slow
def test_every_page_opens_without_a_complaint_and_axe_finds_nothing_serious(
    browser: "Browser", url: str, *, width: int, dark: bool
) -> None:
    for path in ("/", "/compare?run=0&run=1"):
        with visit(browser, url + path, dark=dark, width=width) as here:
            assert here.violations() == [], path
            assert here.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is too wide"
    with visit(browser, f"{url}/runs/0/", dark=dark, width=width) as here:
        for route in ("#/", "#/traces", f"#/problem/{quote(f'hostile {HOSTILE}', safe='')}"):
            here.go(route)
            assert here.violations() == [], route
        assert here.page.evaluate("window.hacked") is None


def test_the_served_list_is_filtered_searched_and_continued(browser: "Browser", url: str) -> None:
    with visit(browser, f"{url}/runs/0/#/traces") as here:
        here.wait("#/traces")
        assert here.page.locator("#rows tr").count() == 50
        here.page.get_by_role("button", name="Show more").click()
        here.page.wait_for_function("() => document.querySelectorAll('#rows tr').length > 50")
        here.page.get_by_label("Text", exact=True).fill("nothing NEW in it")
        here.wait("#/traces?q=nothing+NEW+in+it")
        here.page.wait_for_function("() => document.querySelector('#count').innerText === '1 of 1 traces shown'")


@pytest.mark.slow
def test_runs_are_chosen_compared_and_a_problem_is_read_in_both(browser: "Browser", url: str) -> None:
    with visit(browser, url) as here:
        for name in ("one", "two"):
            here.page.get_by_role("checkbox", name=f"/{name}").check()
        here.page.get_by_role("button", name="Compare the chosen runs").click()
        here.page.wait_for_selector("text=The runs")
        assert here.page.locator("h1").inner_text() == "two against one"
        here.page.locator("figure .point").first.hover()
        assert here.page.locator("#tip").inner_text().startswith("all: ")
        here.page.get_by_role("button", name="Switch between light and dark").click()
        here.page.get_by_role("link", name="All runs").click()
        here.page.wait_for_selector("text=Choose a run")
        assert here.page.evaluate("document.documentElement.dataset.theme") == "dark", "the choice goes with you"
    with visit(browser, f"{url}/compare?run=0&run=1#/beside/0/1/plain%2F1") as here:
        here.wait("#/beside/0/1/plain%2F1")
        assert here.page.locator(".sides > div").count() == 2
        assert here.page.locator(".sides .card").count() == 8
        assert here.violations() == []


def test_an_open_overview_follows_the_run(browser: "Browser", url: str, folders: list[RunFolder]) -> None:
    with visit(browser, f"{url}/runs/1/") as here:
        here.wait("#/")
        first = here.page.locator(".figures").inner_text()
        journal = Journal(folders[1].traces(0))
        journal.append(make_trace(next(folders[1].read_problems(0)), 77))
        journal.close()
        here.page.wait_for_function(
            "text => document.querySelector('.figures').innerText !== text", arg=first, timeout=30_000
        )


@pytest.mark.slow
def test_a_run_that_goes_on_shows_how_far_it_is_and_its_newest_traces(browser: "Browser", tmp_path: Path) -> None:
    folder = make_rich_run(tmp_path, name="growing")
    problem = next(folder.read_problems(0))
    with serving([folder.root]) as address, visit(browser, f"{address}/runs/0/") as here:
        here.wait("#/")
        assert not here.page.locator("#live").is_visible(), "nothing is known to go on yet"
        journal = Journal(folder.traces(0))
        journal.append(make_trace(problem, 77))
        here.page.wait_for_selector("#live:not([hidden])", timeout=30_000)
        here.page.locator("#live summary").click()
        assert here.page.locator("#live-newest a").first.get_attribute("href") == "#/problem/plain%2F0/77"
        assert "Spent" in here.page.locator("#live-figures").inner_text()
        assert here.violations() == []
        journal.close()


@pytest.mark.parametrize("route", ["#/", "#/traces?verdict=incorrect", "#/problems", "#/problem/plain%2F1/3"])
@pytest.mark.slow
def test_every_page_speaks_chinese_and_fits_a_phone(browser: "Browser", folders: list[RunFolder], route: str) -> None:
    with (
        serving([folders[0].root], language="zh") as address,
        visit(browser, address + "/runs/0/" + route, width=390) as here,
    ):
        here.wait(route)
        assert here.page.evaluate("document.documentElement.lang") == "zh"
        assert "轨迹" in here.page.locator("main").inner_text()
        assert here.violations() == []
        assert here.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "too wide"


def test_a_closing_sign_never_opens_a_line(browser: "Browser", tmp_path: Path) -> None:
    problem = make_problem("zh")
    answer = "答案是" + "长" * 40 + "$\\frac{1}{2}$。" * 30
    trace = make_trace(problem, 0, answer=answer)
    folder = write_reported(tmp_path, make_config(sampling={"n": 1}), [problem], [(trace, make_score(trace))])
    with serving([folder.root]) as address, visit(browser, f"{address}/runs/0/#/problem/zh", width=390) as here:
        here.wait("#/problem/zh")
        glued = here.page.locator(".part.answer .glue")
        assert glued.count() == 30
        heights = glued.evaluate_all("all => all.map(one => one.getClientRects().length)")
        assert set(heights) == {1}, "a formula and the stop behind it stay on one line"


def test_a_problem_tells_what_was_sent_what_it_used_and_what_it_stands_beside(browser: "Browser", url: str) -> None:
    with visit(browser, f"{url}/runs/0/#/problem/plain%2F1") as here:
        here.wait("#/problem/plain%2F1")
        here.page.get_by_text("What was sent to the model").click()
        assert "What is two and two" in here.page.locator(".message").first.inner_text()
        card = here.page.locator("article.card").first
        card.get_by_text("Request and usage").click()
        told = card.inner_text()
        assert all(name in told for name in ("temperature", "0.6", "seed")), "the parameters of the request"
        assert "30" in told, "tokens of the reply"
        card.get_by_role("button", name="Show the raw JSON").click()
        card.locator("pre", has_text='"fingerprint"').wait_for()
        here.go("#/problem/known")
        beside = here.page.get_by_role("region", name="Stands in the benchmark")
        assert "three and <b>three</b>" in beside.inner_text(), "both passages, as text"


def test_what_the_judge_replied_stands_with_the_verdict_whoever_decided_it(browser: "Browser", tmp_path: Path) -> None:
    problem = make_problem("prose", reference="the sixth")
    traces = [make_trace(problem, index, answer="\\boxed{\\text{the sixth one}}") for index in range(2)]
    score = make_score(traces[0], "correct", "the sixth one")
    settled = Grade(Verdict.CORRECT, "the sixth one", "judge", "referee-7 says equal; the rules: prose")
    scores = [msgspec.structs.replace(score, grade=settled), make_score(traces[1], "incorrect", "the fifth")]
    folder = write_reported(tmp_path, make_config(sampling={"n": 2}), [problem], list(zip(traces, scores, strict=True)))
    case, checked = (Case(problem.problem.question, "the sixth", said) for said in ("the sixth one", "the fifth"))
    judged = [Judgement(case, "referee-7", equal=True, reply="EQUAL"), Judgement(checked, "referee-7", None, "Hm?")]
    write_records(folder.judgements(), judged)
    with serving([folder.root]) as address, visit(browser, f"{address}/runs/0/#/problem/prose") as here:
        here.wait("#/problem/prose")
        said = [" ".join(one.split()) for one in here.page.locator(".card .verdict").all_inner_texts()]
    replied = "referee-7, asked as the judge, replied"
    assert said == [
        f"the sixth one – settled by the judge, as the rules leave it open: Prose. {replied} EQUAL.",
        f"the fifth – test: As the test says. {replied} Hm?. Not kept: its answer differs from the reference.",
    ]


def test_a_run_that_failed_or_lacks_replies_explains_itself(browser: "Browser", tmp_path: Path) -> None:
    problems = [make_problem(f"p{number}") for number in range(3)]
    cut = write_reported(
        tmp_path / "cut",
        make_config(sampling={"n": 2}),
        problems,
        [pair for problem in problems for pair in sample_problem(problem, "tt")],
    )
    lacking = write_reported(
        tmp_path / "lacking", make_config(sampling={"n": 4}), problems, sample_problem(problems[0], "ccci")
    )
    with serving([cut.root, lacking.root]) as address:
        with visit(browser, f"{address}/runs/0/") as here:
            here.wait("#/")
            why = here.page.get_by_role("region", name="Why nothing was kept")
            assert "6 of 6 traces: the reply was cut at the token limit" in why.inner_text()
            assert "teacher.max_tokens" in why.inner_text()
            assert "nothing graded yet" not in here.page.locator("main").inner_text()
            assert here.violations() == []
            lengths = here.page.locator("figure").filter(has_text="Traces by length")
            assert lengths.locator(".columns").count() == 1, (
                "no chart of the share of right ones where none is complete"
            )
            assert lengths.locator(".legend").inner_text() == "cut", "a colour says what it is even when it is alone"
            why.get_by_role("link", name="Read them").click()
            here.page.wait_for_function("() => document.querySelectorAll('#rows tr').length === 6")
        for page in ("/runs/1/", "/", "/compare?run=0&run=1"):
            with visit(browser, address + page) as here:
                here.page.locator(".so-far").first.wait_for()
                assert here.page.locator(".so-far").first.inner_text() == "so far", page
