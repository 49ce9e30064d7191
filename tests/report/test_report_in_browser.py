import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from browsing import Visit, needs_browser, open_browser, visit
from reported import HOSTILE, make_rich_run

from overproof.config import load_config
from overproof.report import report

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = needs_browser

ROUTES = [
    "#/",
    "#/traces",
    "#/problems",
    f"#/problem/{quote('plain/0', safe='')}",
    f"#/problem/{quote(f'hostile {HOSTILE}', safe='')}",
]


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with open_browser() as running:
        yield running


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = make_rich_run(tmp_path_factory.mktemp("run"))
    report(load_config(str(folder.config)), folder, [0])
    return folder.report_html.as_uri()


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)], ids=["wide and light", "narrow and dark"])
@pytest.mark.slow
def test_every_page_opens_without_a_complaint_and_axe_finds_nothing_serious(
    browser: "Browser", url: str, *, width: int, dark: bool
) -> None:
    with visit(browser, url, dark=dark, width=width) as here:
        for route in ROUTES:
            here.go(route)
            assert here.violations() == [], route
            assert here.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{route} is too wide"


def test_hostile_text_is_shown_as_text_and_never_runs(browser: "Browser", url: str) -> None:
    with visit(browser, url) as here:
        for route in ROUTES:
            here.go(route)
        card = here.page.locator("#trace-0")
        assert HOSTILE.split("\u2028")[0] in card.inner_text()
        card.get_by_role("button", name="Raw").click()
        assert HOSTILE in (card.locator("pre").text_content() or "")
        here.page.wait_for_timeout(100)
        assert here.page.evaluate("window.hacked") is None
        assert here.page.locator("main img, main script, [onerror], [href^='javascript']").count() == 0


def test_mathematics_is_rendered_and_what_the_library_gets_wrong_stays_as_written(browser: "Browser", url: str) -> None:
    with visit(browser, url) as here:
        here.go(ROUTES[4])
        card = here.page.locator("#trace-1")
        fraction = card.locator(".reasoning mfrac").first
        top, bottom = fraction.locator("mn").nth(0).bounding_box(), fraction.locator("mn").nth(1).bounding_box()
        assert top is not None
        assert bottom is not None
        assert top["y"] + top["height"] <= bottom["y"] + 1
        rows = card.locator("math[display=block] mtr")
        assert rows.count() == 2, "aligned has a row for each line"
        assert "\\begin{tabular}" in card.locator(".reasoning").inner_text()
        assert card.locator("mark.answer mfrac").count() == 1


def test_other_languages_repeats_and_the_graded_answer_are_marked(browser: "Browser", url: str) -> None:
    with visit(browser, url) as here:
        here.go(ROUTES[4])
        card = here.page.locator("#trace-1")
        assert "中文" in card.locator("mark.foreign").first.inner_text()
        assert "nothing new" in " ".join(card.locator("mark.repeated").all_inner_texts())
        assert card.locator(".verdict").inner_text().startswith("\\tfrac{9}{4} – test: As the test says.")


def test_filters_narrow_the_list_and_stand_in_the_address(browser: "Browser", url: str) -> None:
    with visit(browser, url) as here:
        here.go("#/traces")
        choose(here, "Verdict", "unverifiable")
        here.wait("#/traces?verdict=unverifiable")
        assert here.page.locator("#count").inner_text().startswith("4 of 4 traces")
        choose(here, "Decision", "refused")
        here.wait("#/traces?verdict=unverifiable&reason=refused")
        assert here.page.locator("#rows tr").count() == 2
        assert set(here.page.locator("#rows .badge").all_inner_texts()) == {"refused"}
        here.page.keyboard.press("Escape")
        here.page.locator(".chip", has_text="refused").click()
        here.wait("#/traces?verdict=unverifiable")
        here.page.locator("#chips").get_by_role("link", name="Clear all").click()
        here.wait("#/traces")


def choose(here: Visit, facet: str, option: str) -> None:
    """Open a filter and tick one of its values."""
    box = here.page.locator("details.facet", has=here.page.locator("summary", has_text=facet)).first
    if box.get_attribute("open") is None:
        box.locator("summary").click()
    box.get_by_label(option).first.check()


def test_several_values_and_ranges_can_be_wanted(browser: "Browser", url: str) -> None:
    route = "#/traces?verdict=incorrect&verdict=unverifiable&rate=..0.5&sort=-tokens"
    with visit(browser, url + route) as here:
        here.wait(route)
        assert set(here.page.locator("#rows td:nth-child(4)").all_inner_texts()) <= {"incorrect", "unverifiable", "cut"}
        rates = [float(one.split()[0]) for one in here.page.locator("#rows td:nth-child(6)").all_inner_texts()]
        assert rates
        assert max(rates) <= 50
        tokens = [int(one) for one in here.page.locator("#rows td:nth-child(7)").all_inner_texts()]
        assert tokens == sorted(tokens, reverse=True)
        assert "Pass rate: at most 50 %" in here.page.locator("#chips").inner_text()


def test_a_column_s_head_orders_the_list_up_down_and_not_at_all(browser: "Browser", url: str) -> None:
    with visit(browser, f"{url}#/traces") as here:
        here.wait("#/traces")
        for route, order in (("#/traces?sort=tokens", "ascending"), ("#/traces?sort=-tokens", "descending")):
            here.page.get_by_role("button", name="Tokens").click()
            here.wait(route)
            assert here.page.locator("#head th", has_text="Tokens").get_attribute("aria-sort") == order
        here.page.get_by_role("button", name="Tokens").click()
        here.wait("#/traces")
        here.page.get_by_role("button", name="Answer").click()
        here.wait("#/traces?sort=extracted")
        assert here.page.locator("#rows td.extracted").first.inner_text() == "4"
        here.page.get_by_role("button", name="Answer").click()
        here.wait("#/traces?sort=-extracted")
        assert here.page.locator("#rows td.extracted").first.inner_text() == "\\tfrac{9}{4}", "texts after numbers"
        here.page.get_by_role("button", name="Reference").click()
        here.wait("#/traces?sort=reference")


def test_an_empty_list_offers_the_way_back(browser: "Browser", url: str) -> None:
    with visit(browser, f"{url}#/traces?q=zyx") as here:
        here.wait("#/traces?q=zyx")
        assert here.page.locator("#count").inner_text() == "No trace is like that."
        here.page.get_by_role("link", name="back to all traces").click()
        here.wait("#/traces")


def test_problems_are_listed_hardest_first(browser: "Browser", url: str) -> None:
    with visit(browser, f"{url}#/problems") as here:
        here.wait("#/problems")
        rates = [one for one in here.page.locator("#rows td:nth-child(3)").all_inner_texts() if one != "–"]
        assert rates == sorted(rates, key=lambda one: float(one.split()[0]))
        here.page.locator("#rows tr").first.locator("td").last.click()
        here.page.wait_for_selector(".problem-head h1")
        assert here.page.locator(".top [aria-current]").inner_text() == "Problems"
        here.page.get_by_role("link", name="← all problems").click()
        here.wait("#/problems")


def test_every_number_leads_to_as_many_rows_as_it_counts(browser: "Browser", url: str) -> None:
    with visit(browser, url) as here:
        found = here.page.eval_on_selector_all(
            "#overview a[href^='#/']",
            "all => all.map(one => [one.getAttribute('href'), one.textContent])",
        )
        links = {
            (href, text)
            for href, text in found
            if text.replace(",", "").isdecimal() and not re.search(r"sort=|reward[^&]*=(\.\.|.*\.\.$)", href)
        }
        assert len(links) > 25
        for href, text in sorted(links):
            here.go(href)
            told = here.page.locator("#count").inner_text()
            assert f"of {text} " in told, f"{href} is said to hold {text}: {told}"


def test_next_and_previous_stay_within_the_filter_and_what_matches_is_marked(browser: "Browser", url: str) -> None:
    with visit(browser, f"{url}#/traces?verdict=unverifiable") as here:
        here.wait("#/traces?verdict=unverifiable")
        total = here.page.locator("#rows tr").count()
        here.page.locator("#rows a").first.click()
        for place in range(1, total + 1):
            here.page.wait_for_selector(f"text={place} of {total} in the list")
            assert here.page.locator(".card.here").get_attribute("class") == "card unverifiable match here"
            here.page.keyboard.press("j")
        here.page.keyboard.press("u")
        here.wait("#/traces?verdict=unverifiable")


def test_text_is_found_whatever_its_case(browser: "Browser", url: str) -> None:
    with visit(browser, f"{url}#/traces?q=SUSPECT") as here:
        here.wait("#/traces?q=SUSPECT")
        assert here.page.get_by_label("Text", exact=True).input_value() == "SUSPECT"
        assert set(here.page.locator("#rows .where").all_inner_texts()) == {f"suspect · {n}" for n in range(4)}
        here.page.get_by_label("Text", exact=True).fill("no trace says this")
        here.wait("#/traces?q=no+trace+says+this")
        assert here.page.locator("#count").inner_text() == "No trace is like that."


def test_a_reason_in_the_funnel_leads_to_its_traces(browser: "Browser", url: str) -> None:
    with visit(browser, url) as here:
        here.page.locator(".funnel").get_by_role("link", name="truncated").click()
        here.wait("#/traces?reason=truncated")
        assert here.page.locator("#count").inner_text().startswith("2 of 2")


def test_a_deep_link_opens_its_trace(browser: "Browser", url: str) -> None:
    route = "#/problem/plain%2F1/3"
    with visit(browser, url + route) as here:
        here.wait(route)
        assert here.page.locator(".card.here").get_attribute("id") == "trace-3"
        assert here.page.locator(".card").count() == 4, "all traces of the problem stand side by side"
        assert here.page.title() == "plain/1 · rich · Overproof"


def test_a_problem_that_is_not_in_the_report_says_so(browser: "Browser", url: str) -> None:
    with visit(browser, f"{url}#/problem/elsewhere") as here:
        here.wait("#/problem/elsewhere")
        assert "This problem is not here" in here.page.locator("h1:visible").inner_text()


def test_the_keyboard_reaches_search_problems_and_the_list(browser: "Browser", url: str) -> None:
    with visit(browser, url) as here:
        here.page.keyboard.press("/")
        here.wait("#/traces")
        here.page.wait_for_function("() => document.activeElement.name === 'q'")
        here.page.keyboard.press("Escape")
        here.page.locator("#rows a").first.focus()
        here.page.keyboard.press("Enter")
        here.page.wait_for_selector(".problem-head h1:focus")
        first = here.page.locator(".problem-head h1").inner_text()
        here.page.keyboard.press("n")
        here.page.wait_for_function("text => document.querySelector('.problem-head h1').innerText !== text", arg=first)
        here.page.keyboard.press("p")
        here.page.wait_for_function("text => document.querySelector('.problem-head h1').innerText === text", arg=first)
        here.page.keyboard.press("u")
        here.wait("#/traces")


def test_values_are_told_on_hover_and_stand_in_a_table(browser: "Browser", url: str) -> None:
    with visit(browser, url) as here:
        figure = here.page.locator("figure", has_text="Problems by pass rate")
        figure.locator(".part").last.hover()
        tip = here.page.locator("#tip")
        assert tip.is_visible()
        label, told = tip.inner_text().split(": ")
        figure.locator("summary").click()
        row = figure.get_by_role("row").filter(has_text=label)
        assert told.split(" ")[0] in row.inner_text()


def test_the_theme_can_be_switched_and_is_remembered(browser: "Browser", url: str) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    with visit(browser, url) as here:
        light = here.page.evaluate(paper)
        here.page.get_by_role("button", name="Switch between light and dark").click()
        dark = here.page.evaluate(paper)
        here.page.reload()
        here.wait("#/")
        assert dark != light
        assert here.page.evaluate(paper) == dark


def test_the_numbers_can_be_read_without_a_script(browser: "Browser", url: str) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto(url)
    assert page.locator(".figures").is_visible()
    assert page.locator("noscript").is_visible()
    page.close()


def test_the_report_asks_the_network_for_nothing(browser: "Browser", url: str) -> None:
    context = browser.new_context()
    asked: list[str] = []
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{url}#/traces")
    page.wait_for_selector("#rows tr")
    context.close()
    assert [one for one in asked if not one.startswith(("file:", "data:", "blob:"))] == []


def test_the_page_itself_names_no_other_host(url: str) -> None:
    text = Path(url.removeprefix("file://")).read_text(encoding="utf-8")
    outside = text.replace("http://www.w3.org/2000/svg", "").replace("http://www.w3.org/1999/xlink", "")
    assert "http://" not in outside
    assert "https://" not in outside
