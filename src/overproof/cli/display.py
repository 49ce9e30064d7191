"""How a run looks while it goes on: bars on a terminal, plain lines elsewhere, and the summary at the end."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Table

from overproof.estimators import Estimate
from overproof.pipeline import Step
from overproof.report import Summary
from overproof.sampling import SamplingSummary
from overproof.sampling.forecast import Outlook, show_money
from overproof.sampling.progress import Notice
from overproof.sampling.progress import Progress as Sampled

LINE_SECONDS = 10
"""Between two plain lines on one stage."""


class Display:
    """Listens to a run and shows it. Everything goes to standard error but the summary, which others may pipe on."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False)
        self.out = Console(highlight=False, soft_wrap=True)
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._told: dict[str, float] = {}

    def __enter__(self) -> Self:
        """Open the bars when there is a terminal to draw them on."""
        if self.console.is_terminal:
            self._bars = Progress(
                SpinnerColumn(),
                TextColumn("{task.description:<8}"),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TextColumn("{task.fields[detail]}"),
                console=self.console,
            )
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Leave the last state of the bars standing."""
        if self._bars is not None:
            self._bars.stop()

    def __call__(self, event: Step | Sampled | Notice) -> None:
        """Show what a stage tells."""
        if isinstance(event, Notice):
            self.console.print(f"! {event.text}", markup=False)
        elif isinstance(event, Sampled):
            self._show("sample", event.samples_done, event.samples, _describe(event))
        else:
            self._show(event.stage, event.done, event.total, event.detail)

    def _show(self, stage: str, done: int, total: int, detail: str) -> None:
        if self._bars is not None:
            if stage not in self._tasks:
                self._tasks[stage] = self._bars.add_task(stage, total=total, detail=detail)
            self._bars.update(self._tasks[stage], completed=done, total=total, detail=detail)
            return
        now = time.monotonic()
        if done >= total or now - self._told.get(stage, -LINE_SECONDS) >= LINE_SECONDS:
            if self._told.get(stage) == float("inf"):
                return
            self._told[stage] = float("inf") if done >= total else now
            self.console.print(f"{stage:<8} {done:,}/{total:,}  {detail}".rstrip(), markup=False)

    def outlook(self, outlook: Outlook) -> None:
        """What sampling may ask for and cost, before it begins."""
        for line in outlook.lines():
            self.console.print(line, markup=False)

    def sampled(self, summary: SamplingSummary) -> None:
        """How sampling ended, with whatever should worry someone."""
        self.out.print(summary.headline(), markup=False)
        for alarm in summary.alarms:
            self.out.print(f"! {alarm}", markup=False)

    def summary(self, summary: Summary) -> None:
        """Pass rates, what was kept and why the rest was not, and where everything lies."""
        table = Table(title="Pass rate at temperature as sampled, 95 % interval over problems", title_justify="left")
        for heading in ("", "pass rate", "interval", "problems", "traces"):
            table.add_column(heading, justify="left" if not heading else "right")
        for group, estimate in summary.pass_rates.items():
            table.add_row(group, *_cells(estimate))
        self.out.print(table)
        table = Table(title=f"{summary.kept:,} of {summary.traces:,} traces kept", title_justify="left")
        table.add_column("reason")
        table.add_column("traces", justify="right")
        for reason, count in sorted(summary.reasons.items(), key=lambda item: -item[1]):
            table.add_row(reason, f"{count:,}")
        self.out.print(table)


def _cells(estimate: Estimate) -> tuple[str, str, str, str]:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "–", "–", f"{estimate.problems:,}", f"{estimate.samples:,}"
    interval = f"{estimate.low:.1%} – {estimate.high:.1%}"
    return f"{estimate.value:.1%}", interval, f"{estimate.problems:,}", f"{estimate.samples:,}"


def _describe(progress: Sampled) -> str:
    """Rates, money and the estimate of what is left, in one line."""
    parts = [f"{progress.samples_per_second:.1f}/s", f"{progress.tokens_per_second:,.0f} tok/s"]
    if progress.samples_per_second:
        parts.append(_duration((progress.samples - progress.samples_done) / progress.samples_per_second) + " left")
    if progress.forecast is not None:
        parts.append(f"{progress.spent_tokens:,} of about {progress.forecast.tokens:,} tokens")
    if progress.spent_cost:
        parts.append(show_money(progress.spent_cost, ""))
    if progress.failures:
        parts.append(f"{sum(progress.failures.values()):,} failed attempts")
    return " · ".join(parts)


def _duration(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
