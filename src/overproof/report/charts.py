"""Numbers → charts as shares of their axes, which the templates draw as plain HTML; only this module knows the axes.

A chart is as wide as the page lets it be and its text stays as it is, so that one drawing serves a desk and a phone.
Each mark knows what it tells beside the pointer and which traces or problems it leads to; the table folded under each
chart holds the same values and links for everyone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple
from urllib.parse import quote, urlencode

from overproof.estimators import Estimate
from overproof.report.summary import Bin, Cost, GroupLine, LanguageFigures, LengthBin, LengthFigures
from overproof.wording import Wording

MOST_GROUPS = 24
"""Groups that a chart still shows; the table has them all."""
MOST_LANGUAGES = 4
"""Languages of questions that the chart of consistency still tells apart: more colours are not."""
_TICKS = 5
"""About how many ticks an axis has."""
_NO_SHARE = "–"


class Tick(NamedTuple):
    """A line across a chart."""

    at: float
    """Share of the axis, in [0, 1]."""
    text: str


class AxisInterval(NamedTuple):
    """A value with its bounds, as shares of the axis."""

    value: float
    low: float
    high: float


class ColumnPart(NamedTuple):
    """A stretch of a column, from below upwards."""

    kind: str
    """What the style sheet colours it by."""
    share: float
    told: str
    href: str


class Column(NamedTuple):
    """One bin of a distribution."""

    label: str
    parts: list[ColumnPart]
    """One above the other; beside each other where the chart says so."""
    interval: AxisInterval | None = None
    told: str = ""
    href: str = ""


class Columns(NamedTuple):
    """A distribution over bins, or an interval for each bin."""

    columns: list[Column]
    ticks: list[Tick]
    x: str
    y: str
    legend: list[tuple[str, str]]
    """Kinds of parts and their names; empty where all parts are of one kind that no colour has to tell."""
    is_beside: bool = False
    """Whether the parts of a column stand beside each other."""


class ForestRow(NamedTuple):
    """A value with its interval under a name."""

    name: str
    interval: AxisInterval
    shown: str
    told: str
    href: str


class Rows(NamedTuple):
    """Values with their intervals, one a row, over one axis."""

    rows: list[ForestRow]
    ticks: list[Tick]
    x: str
    line: Tick | None = None
    """What the values are held against."""


def show_share(share: float | None) -> str:
    """A share for people."""
    return _NO_SHARE if share is None else f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def show_points(share: float | None) -> str:
    """A difference of shares in percentage points, for people."""
    return _NO_SHARE if share is None else f"{100 * share:+.1f}".replace("-", "−")


def link_to(page: str, **filters: object) -> str:
    """The address of a list (`traces` or `problems`) under these filters; `__` in a name stands for a dot."""
    pairs = [(name.replace("__", "."), str(value)) for name, value in filters.items()]
    return f"#/{page}?{urlencode(pairs, quote_via=quote, safe='')}" if pairs else f"#/{page}"


def draw_bins(bins: Sequence[Bin], say: Wording, *, x: str, link: Callable[[Bin], str]) -> Columns:
    """How many problems there are in each bin."""
    total = sum(one.count for one in bins) or 1
    top, ticks = _count_axis([one.count for one in bins])
    columns = []
    for one in bins:
        told = say(
            "{label}: {n} problems ({share})", label=one.label, n=f"{one.count:,}", share=f"{one.count / total:.1%}"
        )
        columns.append(Column(one.label, [ColumnPart("plain", one.count / top, told, link(one))]))
    return Columns(columns, ticks, x, say("problems"), [])


def draw_groups(lines: Sequence[GroupLine], say: Wording, *, what: str) -> Rows:
    """Pass rates of groups with their intervals; the axis reaches to 100 % unless all of it lies far below."""
    shown = [line for line in lines[:MOST_GROUPS] if line.pass_rate.value is not None]
    top = max((line.pass_rate.high or 0.0 for line in shown), default=1.0)
    _, end, steps = _nice_axis(0, 1.0 if top > 0.6 else max(0.05, top))
    rows = []
    for line in shown:
        told = say(
            "{name}: {rate}, {n} problems", name=line.name, rate=_tell(line.pass_rate, say), n=f"{line.problems:,}"
        )
        place = _place(line.pass_rate, 0, end)
        rows.append(
            ForestRow(
                line.name, place, show_share(line.pass_rate.value), told, link_to("problems", **{what: line.name})
            )
        )
    return Rows(rows, [Tick(step / end, f"{100 * step:.3g} %") for step in steps], say("pass rate"))


def draw_differences(differences: Sequence[tuple[str, Estimate]], say: Wording) -> Rows:
    """Differences with their intervals in percentage points, and a line at zero."""
    shown = [(name, one) for name, one in differences[:MOST_GROUPS] if one.value is not None]
    bounds = [0.0, *(bound for _, one in shown for bound in (one.low, one.high, one.value) if bound is not None)]
    begin, end, steps = _nice_axis(min(bounds), max(bounds))
    rows = []
    for name, one in shown:
        told = say(
            "{name}: {value} points ({low} to {high})",
            name=name,
            value=show_points(one.value),
            low=show_points(one.low),
            high=show_points(one.high),
        )
        rows.append(ForestRow(name, _place(one, begin, end), show_points(one.value), told, ""))
    ticks = [
        Tick((step - begin) / (end - begin), f"{100 * step:+.3g}".replace("-", "−") if step else "0") for step in steps
    ]
    return Rows(rows, ticks, say("difference in percentage points"), Tick(-begin / (end - begin), say("no difference")))


def draw_forecasts(cost: Cost, say: Wording, *, is_finished: bool) -> Rows:
    """Each forecast with its interval, and a line at what it came to; in money where there are prices."""
    unit = cost.currency or say("tokens")
    made = []
    for one in cost.forecasts:
        values = (
            (one.cost, one.cost_low, one.cost_high) if cost.currency else (one.tokens, one.tokens_low, one.tokens_high)
        )
        made.append((one.problems, *(float(value) for value in values)))
    actual = float(cost.cost if cost.currency else cost.tokens)
    begin, end, steps = _nice_axis(0, max([actual, *(high for _, _, _, high in made)]))
    rows = []
    for problems, value, low, high in made:
        name = say("after {n} problems", n=problems)
        shown = _amount(value, cost.currency)
        told = say(
            "{name}: {value} {unit} ({low} to {high})",
            name=name,
            value=shown,
            unit=unit,
            low=_amount(low, cost.currency),
            high=_amount(high, cost.currency),
        )
        rows.append(ForestRow(name, AxisInterval(value / end, low / end, min(1.0, high / end)), shown, told, ""))
    text = say(
        "in the end: {value} {unit}" if is_finished else "so far: {value} {unit}",
        value=_amount(actual, cost.currency),
        unit=unit,
    )
    digits = _digits(steps)
    return Rows(
        rows, [Tick((one - begin) / end, f"{one:,.{digits}f}") for one in steps], unit, Tick(actual / end, text)
    )


class _Stripe(NamedTuple):
    """What can become of a trace, as the chart of lengths tells it."""

    kind: str
    name: str
    count: Callable[[LengthBin], int]
    filters: dict[str, str]


_FATES = (
    _Stripe("right", "right", lambda one: one.right, {"outcome": "right"}),
    _Stripe("wrong", "wrong", lambda one: one.wrong, {"outcome": "wrong"}),
    _Stripe("cut", "cut", lambda one: one.cut, {"outcome": "cut"}),
    _Stripe("uncounted", "not counted", lambda one: one.uncounted, {"outcome": "uncounted"}),
)


def length_link(lengths: LengthFigures, one: LengthBin, **filters: str) -> str:
    """The traces in a bin of lengths."""
    unit = "tokens" if lengths.unit == "tokens" else "characters"
    return link_to("traces", **{unit: f"{one.low}..{one.high - 1}"}, **filters)


def length_label(one: LengthBin) -> str:
    """A bin of lengths, named alike in chart and table."""
    return f"{one.low:,}" if one.high - 1 <= one.low else f"{one.low:,}–{one.high - 1:,}"


def draw_length_counts(lengths: LengthFigures, say: Wording) -> Columns:
    """How many traces there are of each length, by what became of them; what never happened is left out."""
    present = [fate for fate in _FATES if any(fate.count(one) for one in lengths.bins)]
    top, ticks = _count_axis([one.right + one.wrong + one.cut + one.uncounted for one in lengths.bins])
    columns = []
    for one in lengths.bins:
        parts = []
        for fate in present:
            told = say(
                "{label} {unit}: {n} {fate}",
                label=length_label(one),
                unit=say(lengths.unit),
                n=f"{fate.count(one):,}",
                fate=say(fate.name),
            )
            parts.append(ColumnPart(fate.kind, fate.count(one) / top, told, length_link(lengths, one, **fate.filters)))
        columns.append(Column(length_label(one), parts))
    legend = [(fate.kind, say(fate.name)) for fate in present]
    return Columns(columns, ticks, say(lengths.unit), say("traces"), legend)


def draw_length_shares(lengths: LengthFigures, say: Wording) -> Columns:
    """The share of right traces by length with its interval, however few problems it rests on."""
    columns = []
    for one in lengths.bins:
        share = one.share_right
        place = None if share.value is None else _place(share, 0, 1)
        told = say(
            "{label} {unit}: {share} right", label=length_label(one), unit=say(lengths.unit), share=_tell(share, say)
        )
        columns.append(Column(length_label(one), [], place, told, length_link(lengths, one)))
    ticks = [Tick(share, f"{100 * share:.0f} %") for share in (0.0, 0.5, 1.0)]
    return Columns(columns, ticks, "", say("right"), [])


def draw_consistency(
    found: Sequence[LanguageFigures], say: Wording, *, link: Callable[[LanguageFigures, int], str]
) -> Columns:
    """Traces that are not wholly in the question's language, by how much of their reasoning is."""
    found = found[:MOST_LANGUAGES]
    labels = [one.label for one in found[0].bins[:-1]]
    top, ticks = _count_axis([one.count for each in found for one in each.bins[:-1]])
    columns = []
    for place, label in enumerate(labels):
        parts = []
        for number, each in enumerate(found, start=1):
            count = each.bins[place].count
            told = say(
                "{language}, {label} of the reasoning: {n} traces", language=each.language, label=label, n=f"{count:,}"
            )
            parts.append(ColumnPart(f"series-{number}", count / top, told, link(each, place)))
        columns.append(Column(label, parts))
    legend = [(f"series-{number}", each.language) for number, each in enumerate(found, start=1)]
    x = say("share of the reasoning in the language of the question")
    return Columns(columns, ticks, x, say("traces"), legend, is_beside=True)


def _tell(estimate: Estimate, say: Wording) -> str:
    if estimate.value is None:
        return _NO_SHARE
    said = "{value} ({low} to {high}) so far" if estimate.so_far else "{value} ({low} to {high})"
    return say(
        said,
        value=show_share(estimate.value),
        low=show_share(estimate.low),
        high=show_share(estimate.high),
    )


def _place(estimate: Estimate, begin: float, end: float) -> AxisInterval:
    """An estimate on an axis; a bound that it lacks is its value."""
    value = estimate.value or 0.0
    low, high = (value if bound is None else bound for bound in (estimate.low, estimate.high))
    return AxisInterval(*(min(1.0, max(0.0, (one - begin) / (end - begin))) for one in (value, low, high)))


def _amount(value: float, currency: str | None) -> str:
    """Money to the cent, or to four digits where cents say nothing; tokens whole."""
    if currency is None:
        return f"{value:,.0f}"
    return f"{value:,.2f}" if value >= 1 or not value else f"{value:.4f}"


def _count_axis(counts: Sequence[int]) -> tuple[float, list[Tick]]:
    """The end of an axis of counts and its ticks, all of them whole numbers."""
    _, end, steps = _nice_axis(0, max(1, *counts) if counts else 1)
    whole = [step for step in steps if step == round(step)]
    if len(whole) < 2:
        whole, end = [0.0, 1.0], 1.0
    return end, [Tick(step / end, f"{step:,.0f}") for step in whole]


def _nice_axis(low: float, high: float) -> tuple[float, float, list[float]]:
    """Begin, end and ticks of an axis that holds both: ticks are 1, 2 or 5 times a power of ten apart."""
    span = high - low or abs(high) or 1.0
    rough = span / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    return first * step, last * step, [round(number * step, 12) for number in range(first, last + 1)]


def _digits(steps: Sequence[float]) -> int:
    """Decimals that tell ticks apart."""
    step = steps[1] - steps[0] if len(steps) > 1 else 1.0
    return max(0, -math.floor(math.log10(step) + 1e-9)) if step < 1 else 0
