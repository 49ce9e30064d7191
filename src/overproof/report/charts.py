"""Numbers → charts as inline SVG, drawn by Vega-Lite through vl-convert; the only user of it.

Colours are CSS variables of the page, so that one drawing serves light and dark. Each mark carries its value as
`aria-label`, which the page shows beside the pointer; the table beside each chart holds the same values for everyone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

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
    return "–" if share is None else f"{100 * share:.1f} %"


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


def draw_groups(lines: Sequence[GroupLine], *, x: str = "pass rate") -> Markup:
    """Pass rates of groups as points with their intervals, one row each."""
    rows = [
        {
            "name": line.name,
            "value": line.pass_rate.value,
            "low": line.pass_rate.low,
            "high": line.pass_rate.high,
            "told": f"{line.name}: {show_estimate(line.pass_rate)}, {line.pass_rate.problems:,} problems",
        }
        for line in lines[:MOST_GROUPS]
        if line.pass_rate.value is not None
    ]
    top = max((line.pass_rate.high or 0.0 for line in lines[:MOST_GROUPS]), default=1.0)
    scale = {"domain": [0, 1 if top > 0.6 else max(0.05, top)], "nice": top <= 0.6}
    x_axis = {"field": "low", "type": "quantitative", "scale": scale, "axis": {"title": x, "format": ".0%"}}
    return _draw(
        {
            "width": 280,
            "height": {"step": 22},
            "data": {"values": rows},
            "encoding": {
                "y": {"field": "name", "type": "nominal", "sort": None, "axis": {"title": None, "grid": False}},
                "description": {"field": "told"},
            },
            "layer": [
                {
                    "mark": {"type": "rule", "color": "var(--accent)", "strokeWidth": 2},
                    "encoding": {"x": x_axis, "x2": {"field": "high"}},
                },
                {
                    "mark": {"type": "circle", "size": 64, "color": "var(--accent)", "opacity": 1},
                    "encoding": {"x": {"field": "value", "type": "quantitative"}},
                },
            ],
        }
    )


def draw_differences(differences: Sequence[tuple[str, Estimate]]) -> Markup:
    """Differences as points with their intervals, one row each, and a line at zero."""
    rows = [
        {
            "name": name,
            "value": 100 * one.value,
            "low": 100 * (one.low or 0),
            "high": 100 * (one.high or 0),
            "told": f"{name}: {show_points(one.value)} points ({show_points(one.low)} to {show_points(one.high)})",
        }
        for name, one in differences[:MOST_GROUPS]
        if one.value is not None
    ]
    x: Spec = {"field": "low", "type": "quantitative", "axis": {"title": "percentage points", "format": "+"}}
    y: Spec = {"field": "name", "type": "nominal", "sort": None, "axis": {"title": None, "grid": False}}
    encoding = {"y": y, "description": {"field": "told"}}
    return _draw(
        {
            "width": 280,
            "height": {"step": 22},
            "data": {"values": rows},
            "layer": [
                {
                    "data": {"values": [{"value": 0}]},
                    "mark": {"type": "rule", "color": "var(--muted)"},
                    "encoding": {"x": {"field": "value", "type": "quantitative"}},
                },
                {
                    "mark": {"type": "rule", "color": "var(--accent)", "strokeWidth": 2},
                    "encoding": {"x": x, "x2": {"field": "high"}, **encoding},
                },
                {
                    "mark": {"type": "circle", "size": 64, "color": "var(--accent)", "opacity": 1},
                    "encoding": {"x": {"field": "value", "type": "quantitative"}, **encoding},
                },
            ],
        }
    )


_FATES: tuple[tuple[str, str, Callable[[LengthBin], int]], ...] = (
    ("right", "var(--right)", lambda one: one.right),
    ("wrong", "var(--wrong)", lambda one: one.wrong),
    ("cut", "var(--cut)", lambda one: one.cut),
    ("not counted", "var(--unverifiable)", lambda one: one.uncounted),
)


def draw_lengths(lengths: Lengths) -> Markup:
    """Two panels over the same lengths: the share of right traces with its interval, and how many there are."""
    labels = [f"{_short(one.low)}–{_short(one.high)}" for one in lengths.bins]
    shares = [
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
    counts = [
        {"label": label, "fate": fate, "order": order, "count": count(one), "told": f"{label}: {count(one):,} {fate}"}
        for label, one in zip(labels, lengths.bins, strict=True)
        for order, (fate, _, count) in enumerate(_FATES)
    ]
    present = [fate for fate, _, _ in _FATES if any(row["count"] for row in counts if row["fate"] == fate)]
    colors = [color for fate, color, _ in _FATES if fate in present]
    hidden: Spec = {**_category("label", None), "scale": {"domain": labels, "paddingInner": 0.15}}
    hidden["axis"] = {**hidden["axis"], "labels": False}
    shown = {**_category("label", lengths.unit, angle=-45), "scale": {"domain": labels, "paddingInner": 0.15}}
    described = {"description": {"field": "told"}}
    return _draw(
        {
            "spacing": 10,
            "vconcat": [
                {
                    "width": _WIDTH,
                    "height": 80,
                    "data": {"values": shares},
                    "encoding": {"x": hidden, **described},
                    "layer": [
                        {
                            "mark": {"type": "rule", "color": "var(--right)", "strokeWidth": 2},
                            "encoding": {
                                "y": {
                                    "field": "low",
                                    "type": "quantitative",
                                    "axis": {"title": "right", "format": ".0%", "tickCount": 3},
                                },
                                "y2": {"field": "high"},
                            },
                        },
                        {
                            "mark": {"type": "circle", "size": 50, "color": "var(--right)", "opacity": 1},
                            "encoding": {"y": {"field": "value", "type": "quantitative"}},
                        },
                    ],
                },
                {
                    "width": _WIDTH,
                    "height": 130,
                    "data": {"values": [row for row in counts if row["fate"] in present]},
                    "mark": {"type": "bar"},
                    "encoding": {
                        "x": shown,
                        "y": {"field": "count", "type": "quantitative", "axis": {"title": "traces"}},
                        "color": {
                            "field": "fate",
                            "type": "nominal",
                            "scale": {"domain": present, "range": colors},
                            "legend": {"orient": "bottom"},
                        },
                        "order": {"field": "order"},
                        **described,
                    },
                },
            ],
        }
    )


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


def draw_forecasts(cost: Cost, *, money: bool, is_finished: bool) -> Markup:
    """Each forecast with its interval, and a line at what it came to."""
    unit = cost.currency or "" if money else "tokens"
    rows = []
    for one in cost.forecasts:
        value, low, high = (
            (one.cost, one.cost_low, one.cost_high) if money else (one.tokens, one.tokens_low, one.tokens_high)
        )
        label = f"after {one.problems} problems"
        told = f"{label}: {float(value):,.6g} {unit} ({float(low):,.6g} to {float(high):,.6g})"
        rows.append({"label": label, "value": float(value), "low": float(low), "high": float(high), "told": told})
    actual = float(cost.cost if money else cost.tokens)
    word = "in the end" if is_finished else "so far"
    line = {"value": actual, "told": f"{word}: {actual:,.6g} {unit}"}
    x: Spec = {
        "field": "low",
        "type": "quantitative",
        "axis": {"title": unit, "format": "~s"},
        "scale": {"zero": False},
    }
    y: Spec = {"field": "label", "type": "nominal", "sort": None, "axis": {"title": None, "grid": False}}
    described = {"description": {"field": "told"}}
    return _draw(
        {
            "width": 280,
            "height": {"step": 26},
            "layer": [
                {
                    "data": {"values": [line]},
                    "mark": {"type": "rule", "color": "var(--wrong)", "strokeWidth": 2, "strokeDash": [5, 3]},
                    "encoding": {"x": {"field": "value", "type": "quantitative"}, **described},
                },
                {
                    "data": {"values": rows},
                    "mark": {"type": "rule", "color": "var(--accent)", "strokeWidth": 2},
                    "encoding": {"x": x, "x2": {"field": "high"}, "y": y, **described},
                },
                {
                    "data": {"values": rows},
                    "mark": {"type": "circle", "size": 64, "color": "var(--accent)", "opacity": 1},
                    "encoding": {"x": {"field": "value", "type": "quantitative"}, "y": y, **described},
                },
            ],
        }
    )


def _category(field: str, title: str | None, *, angle: int = 0) -> Spec:
    axis: Spec = {"title": title, "labelAngle": angle, "grid": False}
    if angle:
        axis |= {"labelAlign": "right", "labelBaseline": "middle"}
    return {"field": field, "type": "nominal", "sort": None, "scale": {"paddingInner": 0.15}, "axis": axis}


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
