"""How a run looks while it goes on: bars on a terminal, plain lines elsewhere, and the summary at the end."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Table

from overproof import judge
from overproof.config import RunConfig, describe
from overproof.errors import NothingKeptError
from overproof.estimators import Estimate
from overproof.pilot import HEADINGS, Contrast, Figures
from overproof.pipeline import Event, Outcome, Plan, Problems
from overproof.report import Summary
from overproof.runfolder import RunFolder
from overproof.sampling import SamplingSummary
from overproof.sampling.batch import BatchIn, BatchOut
from overproof.sampling.progress import Notice
from overproof.sampling.progress import Progress as Sampled
from overproof.teacher.budget import show_money

MOST_LINES_TOLD = 10
"""Lines of a batch that are told one by one."""
LINE_SECONDS = 10
"""Between two plain lines on one stage."""


class Display:
    """Listens to a run and shows it. Everything goes to standard error but the summary, which others may pipe on."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False, soft_wrap=True)
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

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the last state of the bars standing."""
        if self._bars is not None:
            self._bars.stop()

    def __call__(self, event: Event) -> None:
        """Show what a stage tells."""
        if isinstance(event, Notice):
            self.console.print(f"! {plain(event.text)}", markup=False)
        elif isinstance(event, Plan):
            self.plan(event)
        elif isinstance(event, judge.JudgeOutlook):
            self.lines(event.lines())
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

    def plan(self, plan: Plan, *, with_prompts: bool = False) -> None:
        """What is about to be asked and what it may cost."""
        asked = plan.judge.lines() if plan.judge is not None else []
        self.lines([*_describe_problems(plan.problems), *plan.outlook.lines(), *asked])
        for number, messages in enumerate(plan.prompts if with_prompts else [], start=1):
            self.out.rule(f"prompt {number}")
            for message in messages:
                self.out.print(f"[{message.role}]\n{message.content}", markup=False)

    def lines(self, lines: Iterable[str]) -> None:
        """Facts about what is going to happen, one a line."""
        for line in lines:
            self.console.print(line, markup=False)

    def sampled(self, summary: SamplingSummary) -> None:
        """How sampling ended, with whatever should worry someone."""
        self.out.print(summary.headline(), markup=False)
        for alarm in summary.alarms:
            self.out.print(f"! {plain(alarm)}", markup=False)

    def batch_written(self, batch: BatchOut) -> None:
        """Where the requests of a batch are."""
        self.out.print(f"{batch.requests:,} requests in {', '.join(map(str, batch.files)) or 'no file'}", markup=False)
        if batch.is_capped:
            self.out.print("! The budget leaves out further requests that are wanted.", markup=False)

    def batch_read(self, batch: BatchIn) -> None:
        """What became of the results of a batch."""
        self.out.print(f"{batch.traces:,} traces taken in, {batch.already_there:,} were there before", markup=False)
        for state, count in batch.failed.items():
            self.out.print(f"! {count:,} requests failed ({state}); the next batch asks again", markup=False)
        for line in batch.bad[:MOST_LINES_TOLD]:
            self.out.print(f"! {plain(line)}: passed over", markup=False)
        if len(batch.bad) > MOST_LINES_TOLD:
            self.out.print(f"! {len(batch.bad):,} lines in all are no results", markup=False)
        if batch.unknown:
            self.out.print(f"! {batch.unknown:,} results belong to no sample of this run", markup=False)

    def piloted(self, figures: Sequence[Figures], contrasts: Sequence[Contrast]) -> None:
        """What each config came to, and which differences are noise."""
        table = _table("Tokens, money and time are those of all traces, for each that is kept", *HEADINGS)
        for one in figures:
            table.add_row(*one.cells())
        self.out.print(table)
        for line in (contrast.line() for contrast in contrasts):
            self.out.print(line, markup=False)
        for note in dict.fromkeys(one.price_note for one in figures if one.price_note):
            self.out.print(f"money {note}", markup=False)
        for one in figures:
            if one.failed:
                self.out.print(f"! {one.name}: {one.failed}", markup=False)

    def finished(self, outcome: Outcome, folder: RunFolder) -> None:
        """How a whole run ended."""
        if outcome.sampling is not None:
            self.sampled(outcome.sampling)
        self.summary(outcome.report, folder)

        check_kept(outcome.report)

    def summary(self, summary: Summary, folder: RunFolder) -> None:
        """Pass rates, what was kept and why the rest was not, and where everything lies."""
        rates = _table(
            "Pass rate, mean over problems, with its 95 % interval", "", "rate", "interval", "problems", "traces"
        )
        for group, estimate in summary.pass_rates.items():
            rates.add_row(group, *_cells(estimate))
        reasons = _table(f"{summary.kept:,} of {summary.traces:,} traces kept", "reason", "traces")
        for reason, count in sorted(summary.reasons.items(), key=lambda item: -item[1]):
            reasons.add_row(reason, f"{count:,}")
        self.out.print(rates, reasons)
        for line in summary.judge.lines() if summary.judge is not None else []:
            self.out.print(line, markup=False)
        self.out.print(f"dataset  {folder.dataset()}\nreport   {folder.report_html}", markup=False)


def check_kept(summary: Summary) -> None:
    """Raise NothingKeptError, with the reason, the endpoint's words and the remedy, where no row came of it."""
    if summary.kept or not summary.problems.get("total"):
        return
    lines = ["nothing was kept: the dataset is empty."]
    for trouble in summary.troubles:
        said = "; ".join(f"{words} ({count:,})" for words, count in list(trouble.words.items())[:2])
        lines.append(f"{trouble.what}{f' It said: {said}.' if said else ''} {trouble.remedy}".strip())
    if not summary.troubles:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in summary.reasons.items() if count)
        lines.append(f"Traces by reason: {reasons or 'there are none'}. See the report, and selection.policy.")
    raise NothingKeptError(plain("\n".join(lines)))


def plain(text: str) -> str:
    """A text without the control characters that a terminal would obey."""
    return "".join(c for c in text if c.isprintable() or c in "\n\t")


def print_lines(lines: Iterable[str]) -> None:
    """Facts, one a line."""
    out = Console(highlight=False, soft_wrap=True)
    for line in lines:
        out.print(line, markup=False)


def print_config(config: RunConfig) -> None:
    """Every key of a config with its value, and its meaning beside it."""
    out = Console(highlight=False, soft_wrap=True)
    for key, value, meaning in describe(config):
        out.print(f"{key}: {value}", markup=False, style="bold")
        out.print(f"    {meaning}", markup=False)


def _table(title: str, *headings: str) -> Table:
    """A table with words to the left and numbers to the right."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left")
    return table


def _describe_problems(problems: Problems) -> list[str]:
    """What was found out about the problems, a line each fact that matters."""
    facts = {
        "without a reference: accuracy cannot be measured for them": problems.without_reference,
        "with a reference that no answer can be graded against (overproof audit lists them)": problems.unverifiable,
        "that repeat an earlier one": problems.duplicates,
        "that overlap with a benchmark": problems.contaminated,
        "that may put a benchmark question in other words (overproof rewordings lists them)": problems.reworded,
    }
    kinds = sorted(problems.kinds.items(), key=lambda kind: (-kind[1], kind[0]))
    read = ", ".join(f"{kind} {count:,}" for kind, count in kinds)
    lines = [f"references read as: {read}"] if read else []
    return lines + [f"{count:,} of {problems.problems:,} problems {fact}" for fact, count in facts.items() if count]


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
