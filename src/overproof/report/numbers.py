"""Counts of a whole run → its numbers: estimates with their intervals, costs, comparisons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np

from overproof.config import RunConfig
from overproof.config.selection import SelectionConfig
from overproof.estimators import Estimate, estimate_mean, estimate_share, fit_prior, share_inside
from overproof.judge import read_spent, read_summary
from overproof.report.counts import (
    ALL,
    HALF_OCTAVES,
    MOST_LISTED,
    TENTHS,
    Chosen,
    Counts,
    Group,
)
from overproof.report.funnel import build_funnel, in_order
from overproof.report.remarks import find_gaps
from overproof.report.shard import CUT, RIGHT, UNCOUNTED, WRONG, Selection
from overproof.report.summary import (
    Adaptive,
    Bin,
    Contamination,
    Cost,
    EvaluationFigures,
    GroupLine,
    LanguageFigures,
    LengthBin,
    LengthFigures,
    Places,
    RewardFigures,
    SelectionLine,
    Summary,
    Verdicts,
)
from overproof.report.tables import INCOMPLETE, TRUNCATED
from overproof.report.troubles import explain
from overproof.runfolder import RunFolder
from overproof.sampling.forecast import FEWEST_PROBLEMS, Forecaster
from overproof.sampling.progress import Forecast
from overproof.selection.passrate import band_of
from overproof.teacher.budget import Amount
from overproof.wording import Wording

Key = TypeVar("Key", str, tuple[str, str])

FORECAST_AFTER = (FEWEST_PROBLEMS, 20, 50, 100)
"""Numbers of problems after which the forecast is made again, to be held against what the run came to."""
_MOST_LENGTH_BINS = 14


def summarise(config: RunConfig, folder: RunFolder, counts: Counts, say: Wording | None = None) -> Summary:
    """The numbers of a run from its counts; its sentences are in the language of `say`."""
    say = say or Wording()
    main = counts.selections.get(None, Chosen())
    groups = {what: _lines(counts, what) for what in ("source", "language", "level")}
    groups["level"].sort(key=lambda line: _natural(line.name))
    overall = _line("", counts.groups.get(ALL, Group()), counts)
    adaptive = _adaptive(config, counts)
    return Summary(
        name=folder.name,
        teacher=_name_teachers(list(_largest(counts.spending.teachers))) or _configured(config),
        problems={name: counts.problems[name] for name in _PROBLEM_COUNTS} | {"left_out": folder.count_skipped()},
        traces=counts.traces,
        expected=None if adaptive else counts.asked * config.sampling.n,
        kept=main.kept,
        uncounted=counts.uncounted,
        reasons=in_order(main.reasons),
        pass_rates={"all": overall.pass_rate}
        | {f"{what}:{line.name}": line.pass_rate for what, lines in groups.items() for line in lines},
        estimators=_largest(counts.estimators),
        notes=list(find_gaps(config, folder, counts, say)),
        overall=overall,
        by_source=groups["source"],
        by_language=groups["language"],
        by_level=groups["level"],
        funnel=build_funnel(config, counts.traces, main.reasons),
        pass_rate_bins=_pass_rate_bins(counts.groups.get(ALL, Group()), config.sampling.most),
        samples=[Bin(str(number), count) for number, count in sorted(counts.samples.items())],
        lengths=_lengths(counts),
        consistency=_consistency(counts),
        rewards=_rewards(counts),
        forms=_largest(counts.forms),
        marks=_largest(counts.spending.marks),
        models=_largest(counts.spending.teachers),
        efforts=_largest(counts.spending.efforts),
        troubles=list(explain(config, counts, say)),
        evaluation=_read_evaluation(folder),
        verdicts=[Verdicts(*pair, count) for pair, count in _largest(counts.verdicts).items()],
        judge=read_summary(folder) if config.judge is not None else None,
        cost=_cost(config, counts, main, read_spent(folder)),
        adaptive=adaptive,
        suspects=counts.agreement.find_suspects(counts.suspects, counts.contradicted),
        suspect_count=counts.agreement.count_suspects(counts.contradicted),
        contamination=_contamination(counts),
        selections=_selections(config, counts),
        places=_places(config, folder),
    )


class _EvaluationFile(msgspec.Struct):
    """The fields of an evaluation that are shown; `evaluation` lies above this module and writes them."""

    model: str
    problems: int
    samples: int
    groups: dict[str, dict[str, Any]]


def _read_evaluation(folder: RunFolder) -> EvaluationFigures | None:
    """The figures of the evaluation whose answers this run holds; None when it is no evaluation's."""
    if not folder.evaluation_json.exists():
        return None
    read = msgspec.json.decode(folder.evaluation_json.read_bytes(), type=_EvaluationFile)
    measures: dict[str, Estimate] = {}
    for name, found in read.groups.get("all", {}).items():
        short = {"pass_at": "pass@", "majority_at": "maj@"}.get(name)
        by_k = {f"{short}{k}": one for k, one in found.items()} if short else {name.replace("_", " "): found}
        measures |= {label: msgspec.convert(one, Estimate) for label, one in by_k.items() if label != "tokens"}
    return EvaluationFigures(read.model, read.problems, read.samples, measures)


_PROBLEM_COUNTS = (
    "total",
    "sampled",
    "unasked",
    "without_reference",
    "unverifiable",
    "duplicates",
    "clustered",
    "contaminated",
    "gone",
    "gradable",
    "gradable_traces",
)


def _name_teachers(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _configured(config: RunConfig) -> str:
    return config.teacher.model or config.teacher.profile


def _largest(counts: Mapping[Key, int]) -> dict[Key, int]:
    """Counts from the largest down, equal ones by name, so that the order is always the same."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], str(item[0]))))


def _line(name: str, group: Group, counts: Counts) -> GroupLine:
    rate = msgspec.structs.replace(estimate_mean(group.rates, group.samples), so_far=counts.unfinished > 0)
    return GroupLine(name, group.problems, group.traces, group.kept, rate)


def _lines(counts: Counts, what: str) -> list[GroupLine]:
    """The largest groups of one way of grouping, from the largest down."""
    groups = sorted(
        ((kind.name, group) for kind, group in counts.groups.items() if kind.what == what),
        key=lambda item: (-item[1].problems, item[0]),
    )
    return [_line(name, group, counts) for name, group in groups[:MOST_LISTED]]


def _natural(name: str) -> tuple[int, str]:
    """Sorts names that end in a number by that number."""
    digits = "".join(letter for letter in name if letter.isdigit())
    return int(digits) if digits else 0, name


def _pass_rate_bins(group: Group, most: int) -> list[Bin]:
    """Problems by pass rate: one bar for each possible count where a problem has at most ten traces, else tenths.

    Never solved and always solved stand by themselves.
    """
    counts = [0] * (most + 1 if most <= 10 else 12)
    for rate, problems in group.rates.items():
        if most <= 10:
            counts[round(rate * most)] += problems
        else:
            counts[0 if rate == 0 else 11 if rate == 1 else 1 + int(rate * 10)] += problems
    if most <= 10:
        labels = [f"{number}/{most}" for number in range(most + 1)]
    else:
        labels = ["0 %", *(f"{10 * tenth}–{10 * tenth + 10} %" for tenth in range(10)), "100 %"]
    return [Bin(label, count) for label, count in zip(labels, counts, strict=True)]


def _lengths(counts: Counts) -> LengthFigures:
    by_tokens = counts.by_tokens.counts.sum() >= 0.9 * counts.by_characters.counts.sum()
    lengths = counts.by_tokens if by_tokens else counts.by_characters
    unit = "tokens" if by_tokens else "characters"
    filled = np.flatnonzero(lengths.counts.sum(axis=1))
    if not len(filled):
        return LengthFigures(unit, 1, [])
    first, last = int(filled[0]), int(filled[-1]) + 1
    step = 1 if last - first <= _MOST_LENGTH_BINS else 2
    first -= first % step
    bins = []
    for start in range(first, last, step):
        window = slice(start, min(start + step, HALF_OCTAVES))
        fates = lengths.counts[window].sum(axis=0).tolist()
        bins.append(
            LengthBin(
                low=_edge(start),
                high=_edge(start + step),
                right=fates[RIGHT],
                wrong=fates[WRONG],
                cut=fates[CUT],
                uncounted=fates[UNCOUNTED],
                share_right=estimate_share(lengths.share(window)),
            )
        )
    return LengthFigures(unit, step / 2, bins)


def _edge(half_octave: int) -> int:
    """The least length in a bin."""
    return int(np.ceil(2 ** (half_octave / 2)))


def _consistency(counts: Counts) -> list[LanguageFigures]:
    labels = [*(f"{10 * tenth}–{10 * tenth + 10} %" for tenth in range(10)), "100 %"]
    found = []
    for language, shares in sorted(counts.consistency.items(), key=lambda item: (-int(item[1].sum()), item[0])):
        bins = [Bin(label, int(count)) for label, count in zip(labels, shares[: TENTHS - 1], strict=True)]
        pairs = _largest(counts.foreign).items()
        foreign = {other: count for (question, other), count in pairs if question == language}
        found.append(LanguageFigures(language, bins, int(shares[TENTHS - 1]), foreign))
    return found


def _rewards(counts: Counts) -> list[RewardFigures]:
    return [
        RewardFigures(
            name,
            measure.total / measure.measured if measure.measured else None,
            measure.low if measure.measured else None,
            measure.high if measure.measured else None,
            measure.measured,
            measure.unmeasured,
        )
        for name, measure in counts.rewards.items()
    ]


def _cost(config: RunConfig, counts: Counts, main: Chosen, judged: Amount) -> Cost:
    spending = counts.spending
    spent = spending.amount + judged
    kept = main.kept or None
    has_prices = config.budget.has_prices or bool(judged.cost)
    return Cost(
        currency=config.budget.currency if has_prices else None,
        reply=spending.reply,
        retried=spending.retried,
        unreported=spending.unreported,
        tokens=spent.tokens,
        cost=spent.cost,
        tokens_per_kept=spent.tokens / kept if kept else None,
        cost_per_kept=spent.cost / kept if kept and has_prices else None,
        least_tokens=spent.least_tokens,
        least_cost=spent.least_cost,
        least_tokens_per_kept=spent.least_tokens / kept if kept else None,
        least_cost_per_kept=spent.least_cost / kept if kept and has_prices else None,
        attempts=spending.attempts,
        refused=_largest(spending.refused),
        cut=counts.endings[TRUNCATED],
        incomplete=counts.endings[INCOMPLETE],
        judge_tokens=judged.tokens,
        judge_cost=judged.cost,
        forecasts=list(_forecasts(config, counts)),
    )


def _forecasts(config: RunConfig, counts: Counts) -> Iterator[Forecast]:
    """The forecasts that could be made after the run's first problems, by the forecaster that sampling uses."""
    forecaster = Forecaster()
    adaptive = config.sampling.is_adaptive
    total = counts.asked * (1 if adaptive else config.sampling.n)
    for number, spent in enumerate(counts.first, start=1):
        amount = Amount(spent.tokens, Decimal(str(round(spent.cost, 9))))
        forecaster.finished(number - 1, 1 if adaptive else spent.samples, amount)
        if number in FORECAST_AFTER and number < counts.asked:
            forecast = forecaster.forecast(Amount(), total)
            if forecast is not None:
                yield forecast


def _adaptive(config: RunConfig, counts: Counts) -> Adaptive | None:
    sampling = config.sampling
    if not sampling.is_adaptive:
        return None
    problems = counts.problems["gradable"]
    return Adaptive(
        probe=sampling.least,
        want_correct=sampling.want_correct or 1,
        most=sampling.most,
        drawn=counts.problems["gradable_traces"],
        at_most=problems * sampling.most,
        reached=counts.reached,
        problems=problems,
    )


def _contamination(counts: Counts) -> list[Contamination]:
    return [
        Contamination(
            problem_id=one.problem.id,
            question=one.problem.question,
            benchmark=str(hit.get("benchmark", "")),
            benchmark_id=str(hit.get("benchmark_id", "")),
            method=str(hit.get("method", "")),
            overlap=float(hit.get("overlap", 0)),
            passages=list(hit.get("passages", [])),
        )
        for one in counts.contaminated
        for hit in one.contamination
    ]


def _selections(config: RunConfig, counts: Counts) -> list[SelectionLine]:
    tables: dict[Selection, SelectionConfig] = {None: config.selection}
    tables.update(config.selections)
    lines = []
    for name, chosen in counts.selections.items():
        lines.append(
            SelectionLine(
                name=name or "selection",
                policy=tables[name].policy,
                kept=chosen.kept,
                problems=chosen.problems,
                shared=chosen.shared,
                tokens_per_trace=chosen.tokens / chosen.tokens_known if chosen.tokens_known else None,
                characters_per_trace=chosen.characters / chosen.kept if chosen.kept else None,
                reasons=in_order(chosen.reasons),
                inside=_inside(tables[name], counts, chosen),
            )
        )
    return lines


def _inside(selection: SelectionConfig, counts: Counts, chosen: Chosen) -> float | None:
    """Expected share of the kept problems whose pass rate truly lies in the selection's band."""
    if not selection.has_band:
        return None
    return share_inside(fit_prior(counts.draws), chosen.draws, *band_of(selection))


def _places(config: RunConfig, folder: RunFolder) -> Places:
    names: Iterable[Selection] = (None, *config.selections)
    datasets = [folder.dataset(name) for name in names]
    return Places(
        report=_within(folder.root, folder.report_html),
        datasets=[_within(folder.root, dataset) for dataset in datasets if (dataset / "README.md").exists()],
    )


def _within(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()
