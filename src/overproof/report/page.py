"""Numbers and chosen traces → HTML, one file that needs nothing else; `view` serves the same pages.

Everything that comes from a run is escaped by the templates; what a script reads is JSON that cannot end its element.
A content security policy lets no script run but the page's own, by its hash.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from overproof.config import RunConfig, describe
from overproof.report import charts
from overproof.report.counts import MOST_LISTED
from overproof.report.summary import Bin, Summary
from overproof.rewards.think_format import BREAKS
from overproof.selection.reasons import KEPT, REASONS

PAGES = Path(__file__).parent / "pages"
"""Templates, style and script."""

_PROBLEM_COUNTS = {
    "total": "Problems",
    "sampled": "with at least one trace",
    "unasked": "not sampled, since selection would reject whatever came back",
    "without_reference": "without a reference: accuracy cannot be measured",
    "unverifiable": "whose reference nothing can be graded against",
    "duplicates": "that read the same as an earlier one",
    "clustered": "with a near-duplicate: they share a split",
    "contaminated": "that stand in a benchmark",
    "gone": "that have traces but are no longer in the file",
}
_ESTIMATORS = {
    "fixed": "the share of right traces",
    "probe": "the share of right traces in the probe",
    "inverse": "(c − 1) / (N − 1), by inverse sampling",
    "exhausted": "the share of right traces, none left to draw",
    "unfinished": "the share of right traces so far",
}


class Link(NamedTuple):
    """A further page in the navigation."""

    href: str
    text: str


def render_overview(summary: Summary, config: RunConfig, versions: dict[str, str]) -> Markup:
    """All numbers of a run as an HTML fragment."""
    return Markup(  # noqa: S704 - the template escapes
        _environment()
        .get_template("overview.html.jinja")
        .render(
            s=summary,
            charts=_draw(summary),
            config=list(describe(config)),
            versions=versions,
            reasons=REASONS,
            kept_reasons=KEPT,
            breaks=BREAKS,
            estimators=_ESTIMATORS,
            problem_counts=_PROBLEM_COUNTS,
            most_listed=MOST_LISTED,
            is_finished=is_finished(summary),
        )
    )


def render_report(summary: Summary, overview: Markup, versions: dict[str, str], packed: str, told: str) -> str:
    """The report as one file; `packed` are the problems to be read, `told` says in a sentence which they are."""
    script = read_asset("shared.js") + read_asset("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"
    )
    return render_page(
        summary,
        overview,
        versions,
        {"told": told},
        packed=packed,
        policy=policy,
        css=Markup(read_asset("page.css")),  # noqa: S704 - our own file
        js=Markup(script),  # noqa: S704 - our own file
    )


def render_page(
    summary: Summary,
    overview: Markup,
    versions: dict[str, str],
    run: dict[str, Any],
    *,
    packed: str | None = None,
    policy: str | None = None,
    links: tuple[Link, ...] = (),
    **assets: Any,
) -> str:
    """A run's pages. `run` is what the script is told beside the run's name; `assets` are css and js, or their path."""
    told = {"name": summary.name, "reasons": REASONS, **run}
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            s=summary,
            overview=overview,
            versions=versions,
            filters=list(_filters(summary)),
            run_json=to_script_json(told),
            packed=packed,
            policy=policy,
            links=links,
            is_served="assets" in assets,
            **assets,
        )
    )


def is_finished(summary: Summary) -> bool:
    """Whether every problem has its traces."""
    if summary.expected is not None:
        return summary.traces >= summary.expected > 0
    return summary.problems["sampled"] + summary.problems["unasked"] == summary.problems["total"]


def to_script_json(value: Any) -> Markup:
    """JSON that may stand in a script element: nothing in it can end the element or a line of script."""
    text = msgspec.json.encode(value).decode()
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 - escaped just above


@cache
def read_asset(name: str) -> str:
    """One of the page's own files."""
    return (PAGES / name).read_text(encoding="utf-8")


def render(template: str, **values: Any) -> str:
    """A template of `PAGES` with these values."""
    return _environment().get_template(template).render(**values)


def _filters(summary: Summary) -> Iterator[tuple[str, str, list[tuple[str, str, int]]]]:
    """The filters of the list of traces as (name, label, options), each option as (value, text, traces)."""
    verdicts: dict[str, int] = {}
    for one in summary.verdicts:
        verdicts[one.verdict] = verdicts.get(one.verdict, 0) + one.traces
    graded = sum(verdicts.values())
    if graded < summary.traces:
        verdicts["none"] = summary.traces - graded
    yield "verdict", "Verdict", [(name, "not graded" if name == "none" else name, n) for name, n in verdicts.items()]
    yield "reason", "Decision", [(name, name.replace("_", " "), count) for name, count in summary.reasons.items()]
    for name, lines in (("source", summary.by_source), ("language", summary.by_language), ("level", summary.by_level)):
        if len(lines) > 1:
            yield name, name.capitalize(), [(line.name, line.name, line.traces) for line in lines]


def _draw(summary: Summary) -> dict[str, Any]:
    """Every chart of the overview that has something to show."""
    fixed = summary.adaptive is None and len(summary.pass_rate_bins) < 12
    axis = "right traces of a problem" if fixed else "pass rate of a problem"
    drawn: dict[str, Any] = {
        "pass_rates": charts.draw_distribution(summary.pass_rate_bins, x=axis, y="problems"),
        "groups": {
            what: charts.draw_groups(lines)
            for what, lines in (
                ("source", summary.by_source),
                ("level", summary.by_level),
                ("language", summary.by_language),
            )
            if len(lines) > 1
        },
    }
    if summary.lengths.bins:
        drawn["lengths"] = charts.draw_lengths(summary.lengths)
    if summary.consistency:
        drawn["consistency"] = charts.draw_consistency(summary.consistency)
    if summary.cost.forecasts:
        drawn["forecasts"] = charts.draw_forecasts(summary.cost, is_finished=is_finished(summary))
    if summary.adaptive:
        drawn["samples"] = charts.draw_distribution(_few(summary.samples), x="traces of a problem", y="problems")
    return drawn


def _few(bins: list[Bin]) -> list[Bin]:
    """At most 24 bars; the rest together."""
    return bins if len(bins) <= 24 else [*bins[:23], Bin("more", sum(one.count for one in bins[23:]))]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "number": show_number,
        "share": charts.show_share,
        "decimal": lambda value: "–" if value is None else f"{value:.3f}".rstrip("0").rstrip("."),
        "money": lambda value: "–" if value is None else show_money(value),
        "points": charts.show_points,
        "excerpt": lambda text: text if len(text) <= 600 else f"{text[:600]}…",
        "words": lambda name: name.replace("_", " "),
    }
    environment.globals["reasons_of"] = lambda *summaries: [
        reason for reason in REASONS if any(reason in summary.reasons for summary in summaries)
    ]
    return environment


def show_number(value: float | None) -> str:
    """A count for people."""
    return "–" if value is None else f"{value:,.0f}"


def show_money(value: Decimal) -> str:
    """An amount for people: cents, and four digits where cents would say nothing."""
    return f"{value:,.2f}" if value >= 1 or not value else f"{value:.4f}"
