"""A comparison → a picture file: each side's difference to the first one, with its interval, light and dark."""

from __future__ import annotations

import html

from overproof.errors import InputError
from overproof.estimators import Estimate
from overproof.evaluation.comparison import Comparison
from overproof.report.charts import draw_differences

_COLORS = (
    "svg{--accent:#1b5e9b;--wrong:#c14e00;--muted:#5c6168;--rule:#e2e2dc;--ink:#1c1e21;background:#fbfbf9}"
    "@media(prefers-color-scheme:dark){svg{--accent:#7db7ea;--wrong:#ee7b3a;--muted:#a2a8b0;--rule:#2c3036;"
    "--ink:#e7e6e2;background:#14161a}}"
)
"""The report's colours, which its charts name by CSS variables."""


def plot_comparison(comparison: Comparison) -> str:
    """An SVG file that stands alone, with the values in its description for who does not see it."""
    gaps = [(line.name, line.difference) for line in comparison.sides if line.difference is not None]
    if not gaps:
        raise InputError("there is nothing to draw: the comparison has one side only")
    drawn = draw_differences(
        [(name, Estimate(gap.value, gap.low, gap.high, gap.problems, gap.problems)) for name, gap in gaps]
    )
    told = "; ".join(
        f"{name}: {100 * gap.value:+.1f} points ({100 * gap.low:+.1f} to {100 * gap.high:+.1f})" for name, gap in gaps
    )
    title = f"{comparison.measure}, difference to {comparison.sides[0].name}, with 95 % intervals"
    opening = f'<svg role="img" aria-label="{html.escape(f"{title}. {told}")}" '
    head = f"<title>{html.escape(title)}</title><style>{_COLORS}</style>"
    start, rest = str(drawn).split(">", 1)
    return start.replace('<svg aria-hidden="true" focusable="false" ', opening, 1) + f">{head}{rest}\n"
