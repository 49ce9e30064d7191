"""Numbers → charts as inline SVG, drawn by Vega-Lite through vl-convert; the only user of it.

Colours are CSS variables of the page, so that one drawing serves light and dark. Each mark carries its value as
`aria-label`, which the page shows beside the pointer; the table beside each chart holds the same values for everyone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from markupsafe import Markup

from overproof.estimators import Estimate
from overproof.report.summary import Bin, Consistency, Cost, GroupLine, LengthBin, Lengths

Spec = dict[str, Any]

MOST_GROUPS = 24
"""Groups that a chart still shows; the table has them all."""
MOST_LANGUAGES = 4
"""Languages of questions that the chart of consistency still tells apart."""
_FEWEST_PROBLEMS = 3
"""Problems below which an interval says nothing but that; such a point is left to the table."""
_VEGA_LITE = "5.20"
_WIDTH = 400
_CONFIG: Spec = {
    "font": "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
    "background": None,
    "padding": {"left": 20, "right": 16, "top": 6, "bottom": 4},  # names may be wider than the library reckons
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--muted)",
        "titleColor": "var(--muted)",
        "titleFontWeight": "normal",
        "gridColor": "var(--rule)",
        "domain": False,
        "ticks": False,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "labelPadding": 6,
        "titlePadding": 8,
        "tickCount": 5,
        "labelLimit": 150,
    },
    "legend": {
        "labelColor": "var(--ink)",
        "labelFontSize": 12,
        "orient": "top",
        "title": None,
        "symbolType": "square",
        "padding": 0,
        "offset": 8,
    },
}


def show_share(share: float | None) -> str:
    """A share for people."""
    return "–" if share is None else f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def show_points(share: float | None) -> str:
    """A difference of shares in percentage points, for people."""
    return "–" if share is None else f"{100 * share:+.1f}"


def show_estimate(estimate: Estimate) -> str:
    """A rate with its interval for people."""
    if estimate.value is None:
        return "–"
    return f"{show_share(estimate.value)} ({show_share(estimate.low)} to {show_share(estimate.high)})"


def draw_distribution(bins: Sequence[Bin], *, x: str, y: str, color: str = "var(--accent)") -> Markup:
    """Bars, one for each bin."""
    total = sum(one.count for one in bins) or 1
    rows = [
        {"label": one.label, "count": one.count, "told": f"{one.label}: {one.count:,} {y} ({one.count / total:.1%})"}
        for one in bins
    ]
    slanted = len(bins) > 9
    return _draw(
        {
            "width": _WIDTH,
            "height": 170,
            "data": {"values": rows},
            "mark": {"type": "bar", "color": color, "cornerRadiusEnd": 2},
            "encoding": {
                "x": _category("label", x, angle=-45 if slanted else 0),
                "y": {"field": "count", "type": "quantitative", "axis": {"title": y, "tickMinStep": 1}},
                "description": {"field": "told"},
            },
        }
    )


def draw_groups(lines: Sequence[GroupLine]) -> Markup:
    """Pass rates of groups as points with their intervals, one row each."""
    rows = [
        _interval(line.name, line.pass_rate, f"{show_estimate(line.pass_rate)}, {line.pass_rate.problems:,} problems")
        for line in lines[:MOST_GROUPS]
        if line.pass_rate.value is not None
    ]
    top = max((line.pass_rate.high or 0.0 for line in lines[:MOST_GROUPS]), default=1.0)
    scale = {"domain": [0, 1 if top > 0.6 else max(0.05, top)], "nice": top <= 0.6}
    return _draw_intervals(rows, {"title": "pass rate", "format": ".0%"}, scale)


def draw_differences(differences: Sequence[tuple[str, Estimate]]) -> Markup:
    """Differences as points with their intervals, one row each, and a line at zero."""
    rows = [
        _interval(name, one, f"{show_points(one.value)} points ({show_points(one.low)} to {show_points(one.high)})")
        for name, one in differences[:MOST_GROUPS]
    ]
    return _draw_intervals(
        rows, {"title": "difference", "format": "+.0%"}, {}, line={"value": 0, "told": "no difference"}
    )


def draw_forecasts(cost: Cost, *, is_finished: bool) -> Markup:
    """Each forecast with its interval, and a line at what it came to; in money where there are prices."""
    unit = cost.currency or "tokens"
    rows = []
    for one in cost.forecasts:
        in_money, in_tokens = (one.cost, one.cost_low, one.cost_high), (one.tokens, one.tokens_low, one.tokens_high)
        value, low, high = (float(bound) for bound in (in_money if cost.currency else in_tokens))
        name = f"after {one.problems} problems"
        told = f"{name}: {value:,.6g} {unit} ({low:,.6g} to {high:,.6g})"
        rows.append({"name": name, "value": value, "low": low, "high": high, "told": told})
    actual = float(cost.cost if cost.currency else cost.tokens)
    line = {"value": actual, "told": f"{'in the end' if is_finished else 'so far'}: {actual:,.6g} {unit}"}
    return _draw_intervals(rows, {"title": unit, "format": "~s"}, {"zero": False}, line=line)


def _interval(name: str, estimate: Estimate, told: str) -> Spec:
    return {
        "name": name,
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "told": f"{name}: {told}",
    }


def _draw_intervals(rows: list[Spec], axis: Spec, scale: Spec, *, line: Spec | None = None) -> Markup:
    """Points with their intervals, one row each, and perhaps a broken line to hold them against."""
    x = {"field": "low", "type": "quantitative", "axis": axis, "scale": scale}
    y = {"field": "name", "type": "nominal", "sort": None, "axis": {"title": None, "grid": False}}
    described = {"description": {"field": "told"}}
    value = {"field": "value", "type": "quantitative"}
    layers: list[Spec] = [
        {
            "data": {"values": rows},
            "mark": {"type": "rule", "color": "var(--accent)", "strokeWidth": 2},
            "encoding": {"x": x, "x2": {"field": "high"}, "y": y, **described},
        },
        {
            "data": {"values": rows},
            "mark": {"type": "circle", "size": 64, "color": "var(--accent)", "opacity": 1},
            "encoding": {"x": value, "y": y, **described},
        },
    ]
    if line is not None:
        style = {"type": "rule", "color": "var(--wrong)", "strokeWidth": 2, "strokeDash": [5, 3]}
        layers.insert(0, {"data": {"values": [line]}, "mark": style, "encoding": {"x": value, **described}})
    return _draw({"width": 280, "height": {"step": 23}, "layer": layers})


class _Fate(NamedTuple):
    """What can become of a trace, as the chart of lengths tells it."""

    name: str
    color: str
    count: Callable[[LengthBin], int]


_FATES = (
    _Fate("right", "var(--right)", lambda one: one.right),
    _Fate("wrong", "var(--wrong)", lambda one: one.wrong),
    _Fate("cut", "var(--cut)", lambda one: one.cut),
    _Fate("not counted", "var(--unverifiable)", lambda one: one.uncounted),
)


def draw_lengths(lengths: Lengths) -> Markup:
    """Two panels over the same lengths: the share of right traces with its interval, and how many there are."""
    labels = [f"{_short(one.low)}–{_short(one.high)}" for one in lengths.bins]
    return _draw({"spacing": 10, "vconcat": [_share_panel(labels, lengths), _count_panel(labels, lengths)]})


def _share_panel(labels: list[str], lengths: Lengths) -> Spec:
    """The share of right traces by length, without an axis of its own below."""
    rows = [
        {
            "label": label,
            "value": one.share_right.value,
            "low": one.share_right.low,
            "high": one.share_right.high,
            "told": f"{label} {lengths.unit}: {show_estimate(one.share_right)} right",
        }
        for label, one in zip(labels, lengths.bins, strict=True)
        if one.share_right.problems >= _FEWEST_PROBLEMS
    ]
    x = _category("label", None, domain=labels)
    x["axis"]["labels"] = False
    y_axis = {"title": "right", "format": ".0%", "tickCount": 3}
    return {
        "width": _WIDTH,
        "height": 80,
        "data": {"values": rows},
        "encoding": {"x": x, "description": {"field": "told"}},
        "layer": [
            {
                "mark": {"type": "rule", "color": "var(--right)", "strokeWidth": 2},
                "encoding": {"y": {"field": "low", "type": "quantitative", "axis": y_axis}, "y2": {"field": "high"}},
            },
            {
                "mark": {"type": "circle", "size": 50, "color": "var(--right)", "opacity": 1},
                "encoding": {"y": {"field": "value", "type": "quantitative"}},
            },
        ],
    }


def _count_panel(labels: list[str], lengths: Lengths) -> Spec:
    """How many traces there are of each length, by what became of them; what never happened is left out."""
    present = [fate for fate in _FATES if any(fate.count(one) for one in lengths.bins)]
    rows = [
        {
            "label": label,
            "fate": fate.name,
            "order": order,
            "count": fate.count(one),
            "told": f"{label} {lengths.unit}: {fate.count(one):,} {fate.name}",
        }
        for label, one in zip(labels, lengths.bins, strict=True)
        for order, fate in enumerate(present)
    ]
    color = {
        "field": "fate",
        "type": "nominal",
        "scale": {"domain": [fate.name for fate in present], "range": [fate.color for fate in present]},
        "legend": {"orient": "bottom"},
    }
    return {
        "width": _WIDTH,
        "height": 130,
        "data": {"values": rows},
        "mark": {"type": "bar"},
        "encoding": {
            "x": _category("label", lengths.unit, angle=-45, domain=labels),
            "y": {"field": "count", "type": "quantitative", "axis": {"title": "traces"}},
            "color": color,
            "order": {"field": "order"},
            "description": {"field": "told"},
        },
    }


def draw_consistency(found: Sequence[Consistency]) -> Markup:
    """Traces that are not wholly in the question's language, by how much of their reasoning is; bars side by side."""
    found = found[:MOST_LANGUAGES]
    rows = [
        {
            "label": one.label,
            "language": each.language,
            "count": one.count,
            "told": f"{each.language}, {one.label} of the reasoning: {one.count:,} traces",
        }
        for each in found
        for one in each.bins[:-1]
    ]
    names = [each.language for each in found]
    colors = [f"var(--series-{number})" for number in range(1, len(names) + 1)]
    return _draw(
        {
            "width": _WIDTH,
            "height": 170,
            "data": {"values": rows},
            "mark": {"type": "bar", "cornerRadiusEnd": 1},
            "encoding": {
                "x": _category("label", "share of the reasoning in the language of the question", angle=-45),
                "xOffset": {"field": "language", "sort": None},
                "y": {"field": "count", "type": "quantitative", "axis": {"title": "traces", "tickMinStep": 1}},
                "color": {
                    "field": "language",
                    "type": "nominal",
                    "sort": None,
                    "scale": {"domain": names, "range": colors},
                    "legend": {"orient": "bottom"},
                },
                "description": {"field": "told"},
            },
        }
    )


def _category(field: str, title: str | None, *, angle: int = 0, domain: list[str] | None = None) -> Spec:
    """An axis of names; `domain` holds them where not all occur."""
    axis: Spec = {"title": title, "labelAngle": angle, "grid": False}
    if angle:
        axis |= {"labelAlign": "right", "labelBaseline": "middle"}
    scale: Spec = {"paddingInner": 0.15} if domain is None else {"paddingInner": 0.15, "domain": domain}
    return {"field": field, "type": "nominal", "sort": None, "scale": scale, "axis": axis}


def _short(number: int) -> str:
    """A length in few characters."""
    return f"{number / 1000:.3g}k" if number >= 1000 else str(number)


def _draw(spec: Spec) -> Markup:
    return _render(json.dumps({"config": _CONFIG, **spec}))


@lru_cache(maxsize=256)
def _render(spec: str) -> Markup:
    """The SVG of a specification. It is decoration: its table says the same, so it is hidden from screen readers."""
    import vl_convert

    svg = vl_convert.vegalite_to_svg(spec, vl_version=_VEGA_LITE)
    return Markup(svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1))  # noqa: S704 - Vega escapes
