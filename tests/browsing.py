"""A real browser for tests: Debian's Chromium, driven by Playwright.

Tests that need it are skipped by name where there is none, unless OVERPROOF_REQUIRE_BROWSER=1 forbids skipping.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
IS_REQUIRED = os.environ.get("OVERPROOF_REQUIRE_BROWSER") == "1"

needs_browser = pytest.mark.skipif(CHROMIUM is None and not IS_REQUIRED, reason="no Chromium on this machine")


@contextmanager
def open_browser() -> Iterator[Browser]:
    """A running browser."""
    from playwright.sync_api import sync_playwright

    assert CHROMIUM is not None, "OVERPROOF_REQUIRE_BROWSER is set and there is no Chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visit:
    """A page and whatever it complained about."""

    def __init__(self, browser: Browser, url: str, *, dark: bool = False, width: int = 1280) -> None:
        """Go there and wait until its script has shown what the address asks for."""
        self.complaints: list[str] = []
        self.page: Page = browser.new_page(
            color_scheme="dark" if dark else "light", viewport={"width": width, "height": 900}, reduced_motion="reduce"
        )
        self.page.on("console", lambda message: self._note(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(url)

    def _note(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(text)

    def go(self, route: str) -> None:
        """Follow a route of the page's script and wait until it is shown."""
        self.page.evaluate("route => { document.body.dataset.ready = ''; location.hash = route }", route)
        self.wait(route)

    def wait(self, route: str) -> None:
        """Wait until a route is shown."""
        self.page.wait_for_function("route => document.body.dataset.ready === route", arg=route)

    def violations(self) -> list[str]:
        """What axe-core finds wrong that is serious or critical, as `rule: element`."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page).response["violations"]
        return [
            f"{one['id']}: {node['html'][:120]}"
            for one in found
            if one["impact"] in {"serious", "critical"}
            for node in one["nodes"]
        ]


@contextmanager
def visit(browser: Browser, url: str, *, dark: bool = False, width: int = 1280) -> Iterator[Visit]:
    """A page that is closed again, and must not have complained."""
    one = Visit(browser, url, dark=dark, width=width)
    try:
        yield one
    finally:
        one.page.close()
    assert one.complaints == []
