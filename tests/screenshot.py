"""A picture of a report, for the README: python tests/screenshot.py RUN/report.html PICTURE.png [--dark] [--route R]

Needs Chromium and Playwright, like the tests in the browser. The picture is as small as it can be for what it shows.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from browsing import open_browser


def main() -> None:
    """Take the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--route", default="#/", help="which page of the report")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--width", type=int, default=1180)
    parser.add_argument("--height", type=int, default=900)
    chosen = parser.parse_args()
    with open_browser() as browser:
        page = browser.new_page(
            viewport={"width": chosen.width, "height": chosen.height}, color_scheme="dark" if chosen.dark else "light"
        )
        page.goto(chosen.report.resolve().as_uri() + chosen.route)
        page.wait_for_function("route => document.body.dataset.ready === route", arg=chosen.route)
        page.screenshot(path=chosen.picture)
    print(f"{chosen.picture}: {chosen.picture.stat().st_size / 1000:.0f} kB")  # noqa: T201 - a command of its own


if __name__ == "__main__":
    main()
