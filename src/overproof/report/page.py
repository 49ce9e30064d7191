"""Numbers and chosen traces → HTML, one file that needs nothing else; `view` serves the same pages.

Everything that comes from a run is escaped by the templates; what a script reads is JSON that cannot end its element.
A content security policy lets no script run but the page's own, by its hash.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from overproof.config import RunConfig, describe
from overproof.estimators import show_p
from overproof.report.charts import (
    draw_bins,
    draw_consistency,
    draw_forecasts,
    draw_groups,
    draw_length_counts,
    draw_length_shares,
    length_label,
    length_link,
    link_to,
    show_points,
    show_share,
)
from overproof.report.counts import MOST_LISTED
from overproof.report.facts import FLAGS
from overproof.report.summary import Bin, LanguageFigures, Summary
from overproof.report.tables import ENDINGS
from overproof.rewards.contracts import BREAKS
from overproof.selection.reasons import KEPT, REASONS
from overproof.wording import Language, Wording

PAGES = Path(__file__).parent / "pages"
"""Templates, style and script."""
SCRIPTS = ("shared.js", "traces.js", "list.js", "problem.js", "decisions.js", "page.js")
"""The scripts of a run's pages, in the order in which they run."""
LAYERS = {
    "reply": "the reply is no answer",
    "reference": "the reference cannot be read",
    "extraction": "looking for an answer in the reply",
    "fault": "the grader failed on it, so it stays open",
    "backstop": "the clock ran out, so it stays open",
    "text": "compared as text",
    "choice": "compared as the letter of an option",
    "number": "compared as numbers",
    "numeric": "compared by values at many points",
    "formula": "compared as formulas",
    "question": "equal, but the question may ask for something else, so it stays open",
    "equation": "compared as equations",
    "relation": "compared as equations and inequalities",
    "matrix": "compared entry by entry",
    "parts": "compared part by part",
    "kind": "answer and reference are of different kinds",
    "unit": "compared with their units",
    "rounding": "equal after rounding",
    "condition": "compared with their conditions",
    "statement": "a statement whose value was compared",
    "family": "compared for all whole numbers",
    "ellipsis": "terms are left out, so it stays open",
    "limit": "longer than what is compared",
    "deep": "compared by Math-Verify",
    "judge": "settled by the judge, as the rules leave it open",
    "person": "decided by a person",
}
"""What each layer of grading does, in words; one that is not here is named as it is."""
MARKS = {
    "no_done": "the stream ended without saying so",
    "zero_usage": "the endpoint reported no tokens for a reply that has some",
    "empty_content": "the reply’s text is empty",
    "text_repaired": "bytes that were no text were replaced",
    "other_model": "another model answered than was asked for",
}
"""What each oddity of a reply means."""

_SAID = re.compile(r"""\bt\("((?:[^"\\]|\\.)*)\"""")
"""A text that a script says: t("…")."""
_LONGEST_NAME = 40
"""Texts up to so many characters may be names that a script is given (reasons, rewards, marks)."""
_TENTH_BINS = 12
"""Bins of pass rates where they are tenths, with never and always by themselves."""

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
    "left_out": "rows of the file left out, as problems/skipped.jsonl lists them",
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


def render_overview(
    summary: Summary, config: RunConfig, versions: dict[str, str], say: Wording | None = None
) -> Markup:
    """All numbers of a run as an HTML fragment."""
    say = say or Wording()
    return Markup(  # noqa: S704 - the template escapes
        render(
            "overview.html.jinja",
            say,
            s=summary,
            charts=_draw(summary, say),
            contents=list(_contents(summary, say)),
            covered=summary.selections[0].problems if summary.selections else 0,
            no_rate=_why_no_rate(summary, say),
            config=list(describe(config)),
            versions=versions,
            reasons=tell_reasons(say),
            name_reason=functools.partial(name_reason, say=say),
            kept_reasons=KEPT,
            breaks=BREAKS,
            layers=LAYERS,
            marks=MARKS,
            estimators=_ESTIMATORS,
            problem_counts=_PROBLEM_COUNTS,
            most_listed=MOST_LISTED,
            is_finished=is_finished(summary),
        )
    )


def render_report(
    summary: Summary, overview: Markup, versions: dict[str, str], packed: str, *, told: str, say: Wording
) -> str:
    """The report as one file; `packed` are the problems to be read, `told` says in a sentence which they are."""
    script = "".join(read_asset(name) for name in SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"
    )
    return render_page(
        summary,
        overview,
        versions,
        {"told": told},
        say,
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
    say: Wording,
    *,
    packed: str | None = None,
    policy: str | None = None,
    links: tuple[Link, ...] = (),
    **assets: Any,
) -> str:
    """A run's pages. `run` is what the script is told beside the run's name; `assets` are css and js, or their path."""
    return render(
        "page.html.jinja",
        say,
        s=summary,
        overview=overview,
        versions=versions,
        run_json=to_script_json(describe_run(summary, say) | run),
        packed=packed,
        policy=policy,
        links=links,
        scripts=SCRIPTS,
        is_served="assets" in assets,
        **assets,
    )


def describe_run(summary: Summary, say: Wording) -> dict[str, Any]:
    """What the script has to know of a run: its name, its filters, and the words it says."""
    return {
        "name": summary.name,
        "language": say.language,
        "reasons": tell_reasons(say),
        "layers": LAYERS,
        "rewards": [reward.name for reward in summary.rewards],
        "models": list(summary.models),
        "efforts": list(summary.efforts),
        "facets": list(_facets(summary, say)),
        "words": words_of_script(say),
    }


def name_reason(reason: str, say: Wording) -> str:
    """A reason as people read it."""
    if reason.startswith("below_"):
        return say("below {reward}", reward=say(reason.removeprefix("below_").replace("_", " ")))
    return say(reason.replace("_", " "))


def tell_reasons(say: Wording) -> dict[str, str]:
    """What each reason means."""
    return {
        reason: say(
            "its {reward} is below what is required", reward=say(reason.removeprefix("below_").replace("_", " "))
        )
        if reason.startswith("below_")
        else say(meaning)
        for reason, meaning in REASONS.items()
    }


@cache
def _words(language: Language) -> dict[str, str]:
    script = "".join(read_asset(name) for name in (*SCRIPTS, "compare.js"))
    catalogue = Wording(language).catalogue
    said = {*_SAID.findall(script), *LAYERS.values(), *(text for text in catalogue if len(text) < _LONGEST_NAME)}
    return {text: catalogue[text] for text in said if text in catalogue}


def words_of_script(say: Wording) -> dict[str, str]:
    """The translations that the scripts use: what they say themselves, and the names that they are given."""
    if say.language == "en":
        return {}
    return _words(say.language) | {reason.replace("_", " "): name_reason(reason, say) for reason in REASONS}


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


def render(template: str, say: Wording, **values: Any) -> str:
    """A template of `PAGES` with these values, in the language of `say`."""

    def rich(text: str, **parts: Any) -> Markup:
        """A text with markup of its own, into which values go escaped."""
        said = Markup(say(text))  # noqa: S704 - written in a template or in the catalogue
        return said.format(**parts) if parts else said

    return _environment().get_template(template).render(say=say, rich=rich, **values)


def _contents(summary: Summary, say: Wording) -> Iterator[tuple[str, str]]:
    """The sections of the overview that are there, as anchor and title, in their order."""
    sections = [
        ("evaluation", "The evaluation", summary.evaluation is not None),
        ("funnel", "From sampled to kept", summary.evaluation is None),
        ("cost", "Tokens and money", True),
        ("selections", "Selections compared", len(summary.selections) > 1),
        ("rates", "How often the teacher is right", True),
        ("problems", "The problems", True),
        ("adaptive", "What adaptive sampling saved", summary.adaptive is not None),
        ("lengths", "Length and correctness", bool(summary.lengths.bins)),
        ("language", "Language of the reasoning", bool(summary.consistency)),
        ("rewards", "Rewards and verdicts", bool(summary.rewards)),
        ("suspects", "Suspect references", bool(summary.suspects)),
        ("contamination", "Problems that stand in a benchmark", bool(summary.contamination)),
        ("config", "How the run was made", True),
    ]
    yield from ((anchor, say(title)) for anchor, title, is_there in sections if is_there)


def _why_no_rate(summary: Summary, say: Wording) -> str:
    """Why there is no pass rate."""
    if not summary.traces:
        return say("no trace yet")
    if summary.uncounted == summary.traces:
        return say(
            "none of {n} traces can be counted: {m} refused",
            n=f"{summary.traces:,}",
            m=f"{sum(summary.cost.refused.values()):,}",
        )
    if not any(reward.name == "accuracy" and reward.measured for reward in summary.rewards):
        return say("no answer was graded")
    return say("nothing graded yet")


def _facets(summary: Summary, say: Wording) -> Iterator[dict[str, Any]]:
    """The filters of the lists: texts to choose from as (value, text, traces or None), or ranges."""
    verdicts: Counter[str] = Counter()
    layers: Counter[str] = Counter()
    for one in summary.verdicts:
        verdicts[one.verdict] += one.traces
        layers[one.layer] += one.traces
    if (graded := sum(verdicts.values())) < summary.traces:
        verdicts["none"] = summary.traces - graded
    yield _choice("verdict", say("Verdict"), verdicts, say, {"none": say("not graded")})
    yield _choice("reason", say("Decision"), summary.reasons, say, _named_reasons(summary.reasons, say))
    yield _range("rate", say("Pass rate"), of="problem", percent=True)
    yield _range("tokens", say("Tokens"))
    yield from _problem_facets(summary, say)
    for reward in summary.rewards:
        yield _range(f"reward.{reward.name}", say(reward.name.replace("_", " ")))
    yield _choice("layer", say("Graded by"), layers, say, {name: say(LAYERS.get(name, name)) for name in layers})
    yield _choice("ending", say("Ending"), dict.fromkeys(ENDINGS), say)
    named = {"form": (say("Form"), summary.forms), "mark": (say("Mark"), summary.marks)}
    named["error"] = (say("Refusal"), summary.cost.refused)
    yield from (_choice(name, label, counts, say) for name, (label, counts) in named.items() if counts)
    for name, label, counts in (("model", say("Model"), summary.models), ("effort", say("Effort"), summary.efforts)):
        if counts and (len(counts) > 1 or name == "effort"):
            yield _choice(name, label, counts, say, {one: one for one in counts})
    for line in summary.selections[1:]:
        label = say("Selection {name}", name=line.name)
        yield _choice(f"reason.{line.name}", label, line.reasons, say, _named_reasons(line.reasons, say))


def _named_reasons(reasons: Iterable[str], say: Wording) -> dict[str, str]:
    return {reason: name_reason(reason, say) for reason in reasons}


def _problem_facets(summary: Summary, say: Wording) -> Iterator[dict[str, Any]]:
    """The filters that are about problems."""
    lines = {"source": (say("Source"), summary.by_source), "level": (say("Level"), summary.by_level)}
    lines["language"] = (say("Language"), summary.by_language)
    for name, (label, groups) in lines.items():
        if len(groups) > 1:
            counts = {one.name: one.traces for one in groups}
            yield _choice(name, label, counts, say, {one: one for one in counts}, of="problem")
    yield _choice("covered", say("Has a kept trace"), {"yes": None, "no": None}, say, of="problem")
    flags = dict.fromkeys(name for name in FLAGS if summary.problems.get(name))
    yield _choice("is", say("Problem is"), flags, say, of="problem")


def _choice(
    name: str,
    label: str,
    options: Mapping[str, int | None],
    say: Wording,
    told: Mapping[str, str] | None = None,
    *,
    of: str = "trace",
) -> dict[str, Any]:
    """A filter to choose values of; `told` names them where their own name would not do."""
    shown = [(value, (told or {}).get(value) or say(value.replace("_", " ")), n) for value, n in options.items()]
    return {"name": name, "label": label, "of": of, "options": shown}


def _range(name: str, label: str, *, of: str = "trace", percent: bool = False) -> dict[str, Any]:
    """A filter by the least and the most."""
    return {"name": name, "label": label, "of": of, "options": None, "percent": percent}


def _draw(summary: Summary, say: Wording) -> dict[str, Any]:
    """Every chart of the overview that has something to show."""
    fixed = summary.adaptive is None and len(summary.pass_rate_bins) < _TENTH_BINS
    axis = say("right traces of a problem") if fixed else say("pass rate of a problem")
    rate_link = functools.partial(_rate_link, summary, fixed=fixed)
    groups = (("source", summary.by_source), ("level", summary.by_level), ("language", summary.by_language))
    drawn: dict[str, Any] = {
        "pass_rates": draw_bins(summary.pass_rate_bins, say, x=axis, link=rate_link),
        "groups": {what: draw_groups(lines, say, what=what) for what, lines in groups if len(lines) > 1},
        "consistency": None,
    }
    if summary.lengths.bins:
        drawn["length_counts"] = draw_length_counts(summary.lengths, say)
        drawn["length_shares"] = draw_length_shares(summary.lengths, say)
    if any(one.count for each in summary.consistency for one in each.bins[:-1]):
        drawn["consistency"] = draw_consistency(summary.consistency, say, link=consistency_link)
    if summary.cost.forecasts:
        drawn["forecasts"] = draw_forecasts(summary.cost, say, is_finished=is_finished(summary))
    if summary.adaptive:
        bins = _few(summary.samples)
        drawn["samples"] = draw_bins(bins, say, x=say("traces of a problem"), link=_samples_link)
    return drawn


def _rate_link(summary: Summary, one: Bin, *, fixed: bool) -> str:
    """The problems in a bin of pass rates."""
    place = summary.pass_rate_bins.index(one)
    last = len(summary.pass_rate_bins) - 1
    if fixed:
        low, high = (max(0.0, (place - 0.5) / last), min(1.0, (place + 0.5) / last))
        rate = f"{low:.4g}..{'<' if place < last else ''}{high:.4g}"
    elif place in (0, last):
        rate = "0..0" if place == 0 else "1..1"
    else:
        low, high = (place - 1) / 10, place / 10
        rate = f"{low or 0.0001:.4g}..<{high:.4g}"
    return link_to("problems", rate=rate)


def _samples_link(one: Bin) -> str:
    return link_to("problems", samples=f"{one.label}..{one.label}") if one.label.isdecimal() else ""


def consistency_link(found: LanguageFigures, place: int) -> str:
    """The traces whose reasoning is to so much in the language of its question."""
    share = f"{place / 10:g}..<{(place + 1) / 10:g}" if place < len(found.bins) - 1 else "1..1"
    return link_to("traces", language=found.language, reward__language_consistency=share)


def _few(bins: list[Bin]) -> list[Bin]:
    """At most 24 bars; the rest together."""
    return bins if len(bins) <= 24 else [*bins[:23], Bin("more", sum(one.count for one in bins[23:]))]


def _mark_code(text: str) -> Markup:
    """A sentence with what stands in backticks set as code; all of it escaped."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # one backtick has no other: it is a sign like any
        return escape(text)
    return Markup("").join(
        escape(part) if place % 2 == 0 else Markup("<code>{}</code>").format(part) for place, part in enumerate(parts)
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "code": _mark_code,
        "number": show_number,
        "share": show_share,
        "percent": lambda share: f"{100 * share:.3f}%",
        "decimal": lambda value: "–" if value is None else f"{value:.3f}".rstrip("0").rstrip("."),
        "money": lambda value: "–" if value is None else show_money(value),
        "points": show_points,
        "p_value": show_p,
        "excerpt": lambda text: text if len(text) <= 600 else f"{text[:600]}…",
        "words": lambda name: name.replace("_", " "),
    }
    environment.globals |= {
        "reasons_of": lambda *summaries: [
            reason for reason in REASONS if any(reason in summary.reasons for summary in summaries)
        ],
        "link_to": link_to,
        "length_link": length_link,
        "length_label": length_label,
        "consistency_link": consistency_link,
    }
    return environment


def show_number(value: float | None) -> str:
    """A count for people."""
    return "–" if value is None else f"{value:,.0f}"


def show_money(value: Decimal) -> str:
    """An amount for people: cents, and four digits where cents would say nothing."""
    return f"{value:,.2f}" if value >= 1 or not value else f"{value:.4f}"
