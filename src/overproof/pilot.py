"""Several configs, the same few problems: what each teacher solves, and what a trace that is kept costs in each.

Every config samples the problems in its own run folder, so that its traces count for its later run. Only this module
compares configs with each other.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from overproof import pipeline
from overproof.errors import ConfigError, OverproofError
from overproof.estimators import Difference, Estimate, estimate_difference, estimate_rate, hold_together, show_p
from overproof.pipeline import Run, StepProgress
from overproof.records import PreparedProblem, Problem, Trace
from overproof.sampling.plan import has_all_samples
from overproof.sampling.settings import Settings
from overproof.selection.passrate import has_passed, rate_problem
from overproof.teacher.budget import Amount, Prices, show_money, show_spent


class Figures(msgspec.Struct, frozen=True):
    """What one config has come to on the pilot's problems."""

    name: str
    failed: str
    """Why it could not be asked; empty where it could."""
    traces: int = 0
    kept: int = 0
    cut: int = 0
    """Traces cut at the token limit."""
    refused: int = 0
    reasons: dict[str, int] = {}
    """Traces that are not kept, by the reason."""
    rate: Estimate | None = None
    """Mean over problems of the teacher's pass rate."""
    values: dict[str, float] = {}
    """Each problem's pass rate, by its question."""
    spent: Amount = Amount()
    """Of all its traces, kept or not."""
    currency: str | None = None
    """None without prices."""
    price_note: str = ""
    seconds: float = 0.0
    """Of all its traces together, as if one were made after another."""

    def cells(self) -> list[str]:
        """The figures for people."""
        if self.failed:
            return [self.name, "failed", "", "", "", "", "", ""]
        rate = self.rate
        has_rate = rate is not None and rate.value is not None and rate.low is not None and rate.high is not None
        shown = f"{rate.value:.1%} ({rate.low:.1%} – {rate.high:.1%})" if rate is not None and has_rate else "–"
        shown += " so far" if rate is not None and rate.so_far else ""
        return [
            self.name,
            shown,
            f"{self.kept:,} of {self.traces:,}",
            *(self._each() if self.kept else ["–", "–", "–"]),
            f"{self.cut / self.traces:.0%}" if self.traces else "–",
            f"{self.refused / self.traces:.0%}" if self.traces else "–",
        ]

    def remark(self) -> str:
        """What no figure of the table can say: why a config failed, or kept nothing; empty where all is well."""
        if self.failed:
            return self.failed
        if self.kept or not self.traces:
            return ""
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(self.reasons.items()))
        spent = show_spent(self.spent, self.currency or "")
        return (
            f"None of {self.traces:,} traces is kept ({reasons}), for {spent}. `overproof doctor` says what to change."
        )

    def _each(self) -> list[str]:
        """Tokens, money and time for each trace that is kept."""
        least = f"{self.spent.least_tokens / self.kept:,.0f} – " if self.spent.is_bound else ""
        tokens = f"{least}{self.spent.tokens / self.kept:,.0f}"
        return [tokens, self._money(), f"{self.seconds / self.kept:,.1f} s"]

    def _money(self) -> str:
        if self.currency is None:
            return "no prices"
        least = ""
        if self.spent.is_bound:
            least = f"{show_money(self.spent.least_cost / self.kept, self.currency).split()[0]} – "
        return least + show_money(Decimal(self.spent.cost) / self.kept, self.currency)


HEADINGS = ("config", "pass rate", "kept", "tokens", "money", "time", "cut", "refused")
"""Of `Figures.cells`; tokens, money and time are those of all traces, for each that is kept."""


class Contrast(msgspec.Struct, frozen=True):
    """How far two configs are apart on the problems that both were asked."""

    first: str
    second: str
    difference: Difference
    p_value: float
    """By Holm, over all pairs."""

    def lines(self) -> list[str]:
        """For people."""
        one = self.difference
        verdict = f"may be noise, {one.noise} points" if one.low <= 0 <= one.high else "is more than noise"
        interval = f"{one.value:+.1%} ({one.low:+.1%} – {one.high:+.1%})"
        found = f"{interval} on {one.problems:,} problems, p {show_p(self.p_value)}"
        return [f"{self.second} − {self.first}: {found}", f"  {verdict}"]


def pilot(runs: Sequence[tuple[str, Run]], problems: int) -> tuple[list[Figures], list[Contrast]]:
    """Ask each named run's teacher the same `problems` problems, and compare them by what they bring and cost.

    Raises ConfigError when the configs have no problems in common. A teacher that cannot be asked is told in its
    figures, and the others go on.
    """
    for _, run in runs:
        if run.config.engine != "local":
            raise ConfigError("pilot asks from this machine: --set engine=local")
        with run.folder.lock():
            pipeline.prepare(run)
    chosen = _choose([run for _, run in runs], problems)
    figures = []
    for number, (name, run) in enumerate(runs, start=1):
        run.show(StepProgress("pilot", number, len(runs), f"{name}, {len(chosen)} problems"))
        figures.append(_try(name, run, chosen))
    return figures, _contrast(figures)


def _choose(runs: Sequence[Run], problems: int) -> set[str]:
    """The questions that every config asks: those of lowest hash that all have and that can be graded."""
    common = set.intersection(*({_key(one.problem) for one in _fit_problems(run)} for run in runs))
    if not common:
        raise ConfigError("pilot: the configs have no problem in common that can be graded")
    return set(itertools.islice(sorted(common), problems))


def _fit_problems(run: Run) -> list[PreparedProblem]:
    found = itertools.chain.from_iterable(run.folder.read_problems(shard) for shard in run.shards)
    return [one for one in found if one.problem.reference and one.reference_issue is None and not one.is_unfit]


def _key(problem: Problem) -> str:
    return hashlib.blake2b(problem.question.encode(), digest_size=12).hexdigest()


def _try(name: str, run: Run, chosen: set[str]) -> Figures:
    asked = {one.problem.id: _key(one.problem) for one in _fit_problems(run) if _key(one.problem) in chosen}
    try:
        with run.folder.lock():
            pipeline.sample(run, only=frozenset(asked))
            pipeline.score(run)
            pipeline.select(run)
    except OverproofError as error:
        return Figures(name, failed=str(error))
    return _measure(name, run, asked)


def _measure(name: str, run: Run, asked: dict[str, str]) -> Figures:
    """The figures of the chosen problems, from what the stages have written."""
    settings = Settings(run.config)
    listed, own = settings.list_price, run.config.budget
    prices = Prices(listed.prices if listed is not None else own)
    currency = listed.currency if listed is not None else own.currency if own.has_prices else None
    traces: list[Trace] = []
    kept, is_whole = 0, True
    reasons: Counter[str] = Counter()
    rates, values = [], {}
    for shard in run.shards:
        scores = {score.trace_id: score for score in run.folder.read_scores(shard)}
        decisions = {decision.trace_id: decision for decision in run.folder.read_decisions(shard)}
        for prepared, group in run.folder.read_groups(shard):
            if prepared is None or prepared.problem.id not in asked:
                continue
            traces += group
            kept += sum(decisions[trace.id].kept for trace in group)
            reasons.update(decisions[trace.id].reason for trace in group if not decisions[trace.id].kept)
            outcomes = [has_passed(decisions[trace.id].reason, scores.get(trace.id)) for trace in group]
            is_whole &= has_all_samples(prepared, outcomes, run.config.sampling)
            rate = rate_problem(outcomes, run.config.sampling)
            if rate.value is not None:
                rates.append((rate.value * rate.draws, rate.draws))
                values[asked[prepared.problem.id]] = rate.value
    return Figures(
        name,
        failed="",
        traces=len(traces),
        kept=kept,
        cut=sum(trace.finish_reason == "length" for trace in traces),
        refused=sum(trace.error is not None for trace in traces),
        reasons=dict(reasons),
        rate=msgspec.structs.replace(estimate_rate(rates), so_far=not is_whole),
        values=values,
        spent=sum((prices.of_trace(trace) for trace in traces), Amount()),
        currency=currency,
        price_note=listed.note if listed is not None else "",
        seconds=sum(trace.seconds for trace in traces),
    )


def _contrast(figures: Sequence[Figures]) -> list[Contrast]:
    pairs, differences = [], []
    for first, second in itertools.combinations(figures, 2):
        both = sorted(first.values.keys() & second.values.keys())
        if len(both) > 1:
            pairs.append((first.name, second.name))
            sides = [[one.values[key] for key in both] for one in (first, second)]
            differences.append(estimate_difference(*sides))
    held = hold_together(differences) if differences else []
    return [Contrast(first, second, *one) for (first, second), one in zip(pairs, held, strict=True)]
