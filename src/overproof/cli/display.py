"""How a run looks while it goes on: bars on a terminal, plain lines elsewhere, and the summary at the end.

What a run came to is never drawn over: the bars are closed for good before a line of the summary is written.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, TaskID, TextColumn
from rich.table import Column, Table
from rich.text import Text

from overproof import judge
from overproof.cli.console import Loudness, open_console, print_folded, print_next
from overproof.errors import NothingKeptError
from overproof.estimators import Estimate
from overproof.pilot import HEADINGS, Contrast, Figures
from overproof.pipeline import Event, Outcome, Problems, RunPlan
from overproof.report import Summary
from overproof.runfolder import RunFolder
from overproof.sampling import SamplingSummary
from overproof.sampling.batch import BatchIn, BatchOut
from overproof.sampling.progress import Notice
from overproof.sampling.progress import Progress as Sampled
from overproof.teacher.budget import show_money
from overproof.wording import Wording

MOST_LINES_TOLD = 10
"""Lines of a batch that are told one by one."""
LINE_SECONDS = 10
"""Between two plain lines on one stage."""
_BAR_FROM = 90
"""Columns of a terminal from which there is room for a bar beside the figures."""


class Display:
    """Listens to a run and shows it. Everything goes to standard error but the summary, which others may pipe on."""

    def __init__(self, folder: RunFolder | None = None, say: Wording | None = None) -> None:
        """`folder` is where the run's traces are, told when it is interrupted; `say` speaks the summary's language."""
        self.console = open_console(stderr=True)
        self.out = open_console()
        self.say = say or Wording()
        self._folder = folder
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._told: dict[str, float] = {}
        self._untold = ""
        """The latest line that came too soon after another one; told when nothing follows it."""
        self._sampled: Sampled | None = None
        self._currency = ""

    def __enter__(self) -> Self:
        """Open the bars when there is a terminal that can redraw a line."""
        if self.console.is_terminal and not self.console.is_dumb_terminal and Loudness.level >= 0:
            self._bars = Progress(*_columns(self.console.width), console=self.console)
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the last state of the bars standing, and after an interruption say what is saved."""
        self.close()
        if isinstance(error, KeyboardInterrupt) and self._sampled is not None:
            self.lines([f"{self._sampled.samples_done:,} traces are saved{_in(self._folder)}."])

    def close(self) -> None:
        """Take the bars off the terminal's hands: what is printed from here on stays where it is."""
        self._tell_last()
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def __call__(self, event: Event) -> None:
        """Show what a stage tells."""
        if isinstance(event, Notice):
            print_folded(self.console, f"! {plain(event.text)}")
        elif isinstance(event, RunPlan):
            self.plan(event)
        elif isinstance(event, judge.JudgeOutlook):
            self.lines(event.lines())
        elif isinstance(event, Sampled):
            self._sampled = event
            self._show("sample", event.samples_done, event.samples, _describe(event, self._currency))
        else:
            self._show(event.stage, event.done, event.total, event.detail)

    def _show(self, stage: str, done: int, total: int, detail: str) -> None:
        if Loudness.level < 0:
            return
        if self._bars is not None:
            if stage not in self._tasks:
                self._tasks[stage] = self._bars.add_task(stage, total=total, detail=detail)
            self._bars.update(self._tasks[stage], completed=done, total=total, detail=detail)
            return
        if stage not in self._told:
            self._tell_last()
        told = self._told.get(stage, float("-inf"))
        now = time.monotonic()
        wait = 0 if Loudness.level > 0 else LINE_SECONDS
        line = f"{stage:<8} {done:,}/{total:,}  {detail}".rstrip()
        if told == float("inf"):
            return
        if done < total and now - told < wait:
            self._untold = line
            return
        self._told[stage] = float("inf") if done >= total else now
        self._untold = ""
        self.console.print(Text(line))

    def _tell_last(self) -> None:
        """How far a stage has come that ends before all is done, as at a budget or by an interrupt."""
        if self._untold:
            self.console.print(Text(self._untold))
            self._untold = ""

    def print(self, *lines: str) -> None:
        """Results, one a line, after the bars."""
        self.close()
        for line in lines:
            print_folded(self.out, line)

    def plan(self, plan: RunPlan, *, with_prompts: bool = False) -> None:
        """What is about to be asked and what it may cost."""
        self._currency = plan.outlook.currency
        asked = plan.judge.lines() if plan.judge is not None else []
        self.lines([*_describe_problems(plan.problems), *plan.outlook.lines(), *asked])
        for number, messages in enumerate(plan.prompts if with_prompts else [], start=1):
            self.print(f"── prompt {number} ──", *(f"[{message.role}]\n{message.content}" for message in messages))

    def lines(self, lines: Iterable[str]) -> None:
        """Facts about what is going to happen, one a line."""
        if Loudness.level >= 0:
            for line in lines:
                print_folded(self.console, line)

    def next(self, *commands: str) -> None:
        """The commands that go on from here."""
        self.close()
        print_next(*commands)

    def sampled(self, summary: SamplingSummary) -> None:
        """How sampling ended, with whatever should worry someone."""
        self.print(summary.headline(), *(f"! {plain(alarm)}" for alarm in summary.alarms))

    def batch_written(self, batch: BatchOut) -> None:
        """Where the requests of a batch are."""
        if batch.files:
            self.print(f"{batch.requests:,} requests in {', '.join(map(str, batch.files))}")
        elif not batch.is_capped:
            self.print("Nothing is left to ask: no file is written.")
        if batch.is_capped:
            self.print("! The budget leaves out further requests that are wanted.")

    def batch_read(self, batch: BatchIn) -> None:
        """What became of the results of a batch."""
        self.print(f"{batch.traces:,} traces taken in, {batch.already_there:,} were there before")
        for state, count in batch.failed.items():
            self.print(f"! {count:,} requests failed ({state}); the next batch asks again")
        self.print(*(f"! {plain(line)}: passed over" for line in batch.bad[:MOST_LINES_TOLD]))
        if len(batch.bad) > MOST_LINES_TOLD:
            self.print(f"! {len(batch.bad):,} lines in all are no results")
        if batch.unknown:
            self.print(f"! {batch.unknown:,} results belong to no sample of this run")

    def piloted(self, figures: Sequence[Figures], contrasts: Sequence[Contrast]) -> None:
        """What each config came to, and which differences are noise."""
        table = _table("Tokens, money, time: of all traces, for each kept", *HEADINGS)
        for one in figures:
            table.add_row(*one.cells())
        self.close()
        self.out.print(table)
        self.print(*(line for contrast in contrasts for line in contrast.lines()))
        self.print(*(f"money {note}" for note in dict.fromkeys(one.price_note for one in figures if one.price_note)))
        self.print(*(f"! {one.name}: {remark}" for one in figures if (remark := one.remark())))

    def finished(self, outcome: Outcome, folder: RunFolder) -> None:
        """How a whole run ended."""
        if outcome.sampling is not None:
            self.sampled(outcome.sampling)
        self.summary(outcome.report, folder)

    def summary(self, summary: Summary, folder: RunFolder) -> None:
        """Pass rates, what was kept and why the rest was not, and where everything lies."""
        self.close()
        say = self.say
        heads = [say(head) for head in ("rate", "interval", "problems", "traces")]
        rates = _table(say("Pass rate, mean over problems, with its 95 % interval"), "", *heads)
        for group, estimate in summary.pass_rates.items():
            rates.add_row(Text(group), *_cells(estimate, say("so far")))
        kept = say("{n} of {m} traces kept", n=f"{summary.kept:,}", m=f"{summary.traces:,}")
        reasons = _table(kept, say("reason"), say("traces"))
        for reason, count in sorted(summary.reasons.items(), key=lambda item: -item[1]):
            reasons.add_row(Text(reason), f"{count:,}")
        for table in (rates, reasons):
            title, table.title = str(table.title), None
            self.print(title)
            self.out.print(table, soft_wrap=False)
        self.print(*(summary.judge.lines() if summary.judge is not None else []))
        insides = [line.inside for line in summary.selections if line.inside is not None]
        self.print(
            *(
                say(
                    "about {share} of the problems kept for their pass rate truly lie in the band",
                    share=f"{inside:.0%}",
                )
                for inside in insides
            )
        )
        self.print(*(f"! {note}" for note in summary.notes))
        for trouble in summary.troubles if summary.kept else ():  # else `check_kept` tells them
            words = [f"  {said} ({count:,})" for said, count in trouble.words.items()]
            self.print(f"! {trouble.what} {trouble.remedy}", *words)
        self._places(summary, folder)

    def _places(self, summary: Summary, folder: RunFolder) -> None:
        """Where the datasets and the report are, with how much is in each."""
        count = self.say("{n} traces", n=f"{summary.kept:,}")
        self.print(f"{self.say('dataset')}  {folder.dataset()}  {count}")
        for line in summary.selections[1:]:  # the first is the unnamed one
            count = self.say("{n} traces", n=f"{line.kept:,}")
            self.print(f"{self.say('dataset')}  {folder.dataset(line.name)}  {count}")
        self.print(f"{self.say('report')}   {folder.report_html}")


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


def _in(folder: RunFolder | None) -> str:
    return "" if folder is None else f" in {folder}"


class _DoneOfTotal(ProgressColumn):
    """How much is done of how much, written as in the plain lines."""

    def render(self, task: object) -> Text:
        """`1,051/6,400`."""
        done, total = getattr(task, "completed", 0), getattr(task, "total", 0) or 0
        return Text(f"{done:,.0f}/{total:,.0f}")


def _columns(width: int) -> list[ProgressColumn]:
    """What a bar shows on a terminal of this width: name and count always, the bar where there is room for it."""
    columns: list[ProgressColumn] = [
        SpinnerColumn("line", table_column=Column(width=1)),
        TextColumn("{task.description}", markup=False, table_column=Column(min_width=8, no_wrap=True)),
        _DoneOfTotal(table_column=Column(min_width=13, no_wrap=True)),
        TextColumn("{task.fields[detail]}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
    ]
    if width >= _BAR_FROM:
        columns.insert(2, BarColumn(bar_width=16, table_column=Column(min_width=16)))
    return columns


def _table(title: str, *headings: str) -> Table:
    """A table with words to the left and numbers to the right."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left", overflow="fold")
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


def _cells(estimate: Estimate, so_far: str) -> tuple[str, str, str, str]:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "–", "–", f"{estimate.problems:,}", f"{estimate.samples:,}"
    interval = f"{estimate.low:.1%} – {estimate.high:.1%}"
    value = f"{estimate.value:.1%} {so_far}" if estimate.so_far else f"{estimate.value:.1%}"
    return value, interval, f"{estimate.problems:,}", f"{estimate.samples:,}"


def _describe(progress: Sampled, currency: str) -> str:
    """Rates, money and the estimate of what is left, in one line."""
    parts = [f"{progress.samples_per_second:.1f}/s", f"{progress.tokens_per_second:,.0f} tok/s"]
    left = progress.samples - progress.samples_done
    if progress.samples_per_second and left:
        parts.append(_duration(left / progress.samples_per_second) + " left")
    spent = progress.spent
    if spent.cost:
        least = f"{show_money(spent.least_cost, currency)} to " if spent.is_bound else ""
        parts.append(least + show_money(spent.cost, currency))
    tokens = f"{spent.least_tokens:,} to {spent.tokens:,}" if spent.is_bound else f"{spent.tokens:,}"
    if not left:
        parts.append(f"{tokens} tokens")
    elif progress.forecast is not None:
        parts.append(f"{tokens} of about {progress.forecast.tokens:,} tokens")
    if progress.failures:
        parts.append(f"{sum(progress.failures.values()):,} failed attempts")
    return " · ".join(parts)


def _duration(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
