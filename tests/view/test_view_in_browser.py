from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from browsing import needs_browser, open_browser, visit
from building import make_trace
from reported import HOSTILE, make_rich_run
from viewing import serving

from overproof.journal import Journal
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


def test_runs_are_chosen_compared_and_a_problem_is_read_in_both(browser: "Browser", url: str) -> None:
    with visit(browser, url) as here:
        for name in ("one", "two"):
            here.page.get_by_role("checkbox", name=f"/{name}").check()
        here.page.get_by_role("button", name="Compare the chosen runs").click()
        here.page.wait_for_selector("text=The runs")
        assert here.page.locator("h1").inner_text() == "one against two"
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
