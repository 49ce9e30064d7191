"""Counts of a whole run → its numbers; `Summary` is what report.json holds, the page shows and the terminal prints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

from overproof.config import RunConfig
from overproof.config.selection import SelectionConfig
from overproof.estimators import Estimate, estimate_mean, estimate_share
from overproof.hygiene.references import SuspectReference
from overproof.records import Usage
from overproof.report.shard import Selection
from overproof.report.tables import INCOMPLETE, TRUNCATED, UNDECIDED
from overproof.report.tally import ALL, CUT, HALF_OCTAVES, RIGHT, TENTHS, UNCOUNTED, WRONG, Chosen, Group, Kind, Tally
from overproof.runfolder import RunFolder
from overproof.sampling.forecast import FEWEST_PROBLEMS, Forecaster
from overproof.sampling.progress import Forecast
from overproof.selection.reasons import KEPT, REJECTED
from overproof.teacher.budget import Amount

Name = TypeVar("Name", str, tuple[str, str])

FORECAST_AFTER = (FEWEST_PROBLEMS, 20, 50, 100)
"""Numbers of problems after which the forecast is made again, to be held against what the run came to."""
_MOST_LENGTH_BINS = 14


class GroupLine(msgspec.Struct, frozen=True):
    """Problems of one source, language or level; or all of them."""

    name: str
    problems: int
    traces: int
    kept: int
    pass_rate: Estimate


class Step(msgspec.Struct, frozen=True):
    """A step of the funnel from sampled to kept."""

    name: str
    meaning: str
    left: int
    """Traces that came through this step."""
    lost: dict[str, int]
    """Traces that did not, by the reason of their decision."""


class Bin(msgspec.Struct, frozen=True):
    """A bar of a distribution."""

    label: str
    count: int


class LengthBin(msgspec.Struct, frozen=True):
    """Traces of about the same length."""

    low: int
    high: int
    """Not included."""
    right: int
    wrong: int
    cut: int
    uncounted: int
    share_right: Estimate
    """Among the complete traces that count."""


class Lengths(msgspec.Struct, frozen=True):
    """Length against correctness."""

    unit: str
    """tokens, or characters where the endpoint did not report tokens."""
    octaves: float
    """Width of a bin: 1 doubles the length, 0.5 multiplies it by √2."""
    bins: list[LengthBin]


class Consistency(msgspec.Struct, frozen=True):
    """How much of the reasoning is in the language of the question."""

    language: str
    bins: list[Bin]
    unmeasured: int
    foreign: dict[str, int]
    """Traces by the foreign language that most of the rest is in."""


class Reward(msgspec.Struct, frozen=True):
    """The values of one reward over all scored traces."""

    name: str
    mean: float | None
    low: float | None
    high: float | None
    measured: int
    unmeasured: int


class Verdicts(msgspec.Struct, frozen=True):
    """Traces by verdict and by the layer of grading that decided."""

    verdict: str
    layer: str
    traces: int


class Cost(msgspec.Struct, frozen=True):
    """Tokens and money, all sessions together."""

    currency: str | None
    """None without prices."""
    reply: Usage
    """As reported for the traces."""
    retried: Usage
    """As reported for attempts that failed."""
    unreported: Usage
    """Worst case of what was not reported; it is charged."""
    tokens: int
    """Charged in all."""
    cost: Decimal
    tokens_per_kept: float | None
    cost_per_kept: Decimal | None
    attempts: int
    refused: dict[str, int]
    cut: int
    incomplete: int
    forecasts: list[Forecast]
    """The forecast after the first 10, 20, 50 and 100 problems, made again from what they took."""


class Adaptive(msgspec.Struct, frozen=True):
    """What adaptive sampling has saved. Counts problems that can be graded only: the others never get more than the
    probe.
    """

    probe: int
    want_correct: int
    most: int
    drawn: int
    at_most: int
    """Traces that the same problems would have taken with as many for each as the hardest may get. They reach
    want_correct on the same problems, since the same seeds are drawn."""
    reached: int
    """Problems with as many correct traces as wanted."""
    problems: int


class Contamination(msgspec.Struct, frozen=True):
    """A problem that stands in a benchmark, with the passages side by side."""

    problem_id: str
    question: str
    benchmark: str
    benchmark_id: str
    method: str
    overlap: float
    passages: list[dict[str, str]]


class SelectionLine(msgspec.Struct, frozen=True):
    """What one selection keeps, to be compared with the others."""

    name: str
    policy: str
    kept: int
    problems: int
    shared: int
    """Kept traces that the first selection keeps too."""
    tokens_per_trace: float | None
    characters_per_trace: float | None
    reasons: dict[str, int]


class Places(msgspec.Struct, frozen=True):
    """Where things lie, relative to the run folder."""

    run: str
    report: str
    datasets: list[str]


class Summary(msgspec.Struct, frozen=True):
    """What a run came to."""

    name: str
    teacher: str
    problems: dict[str, int]
    """total, sampled, without_reference, unverifiable, duplicates, clustered, contaminated, gone, gradable,
    gradable_traces."""
    traces: int
    expected: int | None
    """Traces that the run is to have; None where that depends on verdicts."""
    kept: int
    uncounted: int
    """Scored traces that are in no pass rate: unverifiable or refused."""
    reasons: dict[str, int]
    """Decisions by reason, kept and rejected, in the order of the funnel."""
    pass_rates: dict[str, Estimate]
    """Pass rate over problems: `all`, and by `source:…`, `language:…` and `level:…`."""
    estimators: dict[str, int]
    """Problems by how their pass rate was estimated (see `estimators`)."""
    notes: list[str]
    """What is missing, damaged or unfinished; empty for a whole run."""
    overall: GroupLine
    by_source: list[GroupLine]
    by_language: list[GroupLine]
    by_level: list[GroupLine]
    funnel: list[Step]
    pass_rate_bins: list[Bin]
    """Problems by their pass rate."""
    samples: list[Bin]
    """Problems by their number of traces."""
    lengths: Lengths
    consistency: list[Consistency]
    rewards: list[Reward]
    forms: dict[str, int]
    """Traces by what is wrong with their form."""
    verdicts: list[Verdicts]
    cost: Cost
    adaptive: Adaptive | None
    suspects: list[SuspectReference]
    suspect_count: int
    contamination: list[Contamination]
    selections: list[SelectionLine]
    places: Places


def summarise(config: RunConfig, folder: RunFolder, tally: Tally) -> Summary:
    """The numbers of a run from its counts."""
    main = tally.selections.get(None, Chosen())
    rates = {_label(kind): _estimate(group) for kind, group in sorted(tally.groups.items(), key=_by_size)}
    adaptive = _adaptive(config, tally)
    return Summary(
        name=folder.root.resolve().name,
        teacher=", ".join(_largest(tally.spending.teachers)) or _configured(config),
        problems={name: tally.problems[name] for name in _PROBLEM_COUNTS},
        traces=tally.traces,
        expected=None if adaptive else tally.problems["total"] * config.sampling.n,
        kept=main.kept,
        uncounted=tally.uncounted,
        reasons=_in_order(main.reasons),
        pass_rates=rates,
        estimators=_largest(tally.estimators),
        notes=list(_notes(config, folder, tally)),
        overall=_line("", tally.groups.get(ALL, Group())),
        by_source=_lines(tally, "source"),
        by_language=_lines(tally, "language"),
        by_level=sorted(_lines(tally, "level"), key=lambda line: _natural(line.name)),
        funnel=_funnel(config, tally.traces, main),
        pass_rate_bins=_pass_rate_bins(tally.groups.get(ALL, Group()), config.sampling.most),
        samples=[Bin(str(number), count) for number, count in sorted(tally.samples.items())],
        lengths=_lengths(tally),
        consistency=_consistency(tally),
        rewards=_rewards(tally),
        forms=_largest(tally.forms),
        verdicts=[Verdicts(*pair, count) for pair, count in _largest(tally.verdicts).items()],
        cost=_cost(config, tally, main),
        adaptive=adaptive,
        suspects=tally.suspects,
        suspect_count=tally.suspect_count,
        contamination=_contamination(tally),
        selections=_selections(config, tally),
        places=_places(config, folder),
    )


_PROBLEM_COUNTS = (
    "total",
    "sampled",
    "without_reference",
    "unverifiable",
    "duplicates",
    "clustered",
    "contaminated",
    "gone",
    "gradable",
    "gradable_traces",
)


def _configured(config: RunConfig) -> str:
    return config.teacher.model or config.teacher.profile


def _largest(counts: Mapping[Name, int]) -> dict[Name, int]:
    """Counts from the largest down, equal ones by name, so that the order is always the same."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], str(item[0]))))


def _label(kind: Kind) -> str:
    return "all" if kind == ALL else f"{kind.what}:{kind.name}"


def _by_size(item: tuple[Kind, Group]) -> tuple[bool, str, int, str]:
    """Sorts all problems first, then each way of grouping by itself, large groups first."""
    kind, group = item
    return kind != ALL, kind.what, -group.problems, kind.name


def _estimate(group: Group) -> Estimate:
    return estimate_mean(group.rates, group.samples)


def _line(name: str, group: Group) -> GroupLine:
    return GroupLine(name, group.problems, group.traces, group.kept, _estimate(group))


def _lines(tally: Tally, what: str) -> list[GroupLine]:
    groups = sorted(((kind, group) for kind, group in tally.groups.items() if kind.what == what), key=_by_size)
    return [_line(kind.name, group) for kind, group in groups]


def _natural(name: str) -> tuple[int, str]:
    """Sorts names that end in a number by that number."""
    digits = "".join(letter for letter in name if letter.isdigit())
    return int(digits) if digits else 0, name


def _in_order(reasons: dict[str, int]) -> dict[str, int]:
    """Reasons in the order of the funnel, those that it does not know at the end."""
    known = {reason: reasons[reason] for reason in (*REJECTED, *KEPT) if reasons.get(reason)}
    return known | {reason: count for reason, count in reasons.items() if reason not in known and count}


_STEPS = (
    ("complete", "the reply came and ended by itself", {"refused", "truncated", "incomplete"}),
    (
        "usable",
        "scored, and its problem may be trained on",
        {"not_scored", "problem_gone", "problem_duplicate", "problem_contaminated"},
    ),
    (
        "well formed",
        "reasoning and answer in their places, the required rewards reached, fit for a chat row",
        {reason for reason in REJECTED if reason.startswith("below_")}
        | {"no_reasoning", "no_answer", "stray_think_tag", "control_token", "damaged_text"},
    ),
    ("graded", "the answer could be compared with a reference", {"no_reference", "unverifiable", "no_majority"}),
    ("right", "the answer is the reference's", {"incorrect", "minority"}),
)
"""The funnel's steps with the reasons for which a trace does not come through; all other reasons belong to the last."""
_ALWAYS_SHOWN = {"complete", "well formed"}
_SHOWN_WHEN_ASKED = {"graded", "right"}


def _funnel(config: RunConfig, traces: int, chosen: Chosen) -> list[Step]:
    steps = [Step("sampled", "all traces of the run", traces, {})]
    rejected = {reason: count for reason, count in _in_order(chosen.reasons).items() if reason not in KEPT}
    left = traces
    for name, meaning, reasons in _STEPS:
        lost = {reason: count for reason, count in rejected.items() if reason in reasons}
        left -= sum(lost.values())
        asked = name in _ALWAYS_SHOWN or (name in _SHOWN_WHEN_ASKED and config.selection.policy != "all")
        if lost or asked:
            steps.append(Step(name, meaning, left, lost))
        rejected = {reason: count for reason, count in rejected.items() if reason not in lost}
    return [*steps, Step("kept", "chosen for the dataset", left - sum(rejected.values()), rejected)]


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
        labels = ["0", *(f"{10 * tenth}–{10 * tenth + 10} %" for tenth in range(10)), "1"]
        labels[0], labels[-1] = "never", "always"
    return [Bin(label, count) for label, count in zip(labels, counts, strict=True)]


def _lengths(tally: Tally) -> Lengths:
    by_tokens = tally.by_tokens.counts.sum() >= 0.9 * tally.by_characters.counts.sum()
    lengths = tally.by_tokens if by_tokens else tally.by_characters
    unit = "tokens" if by_tokens else "characters"
    filled = np.flatnonzero(lengths.counts.sum(axis=1))
    if not len(filled):
        return Lengths(unit, 1, [])
    first, last = int(filled[0]), int(filled[-1]) + 1
    step = 1 if last - first <= _MOST_LENGTH_BINS else 2
    first -= first % step
    bins = []
    for start in range(first, last, step):
        window = slice(start, min(start + step, HALF_OCTAVES))
        counts = lengths.counts[window].sum(axis=0).tolist()
        bins.append(
            LengthBin(
                low=_edge(start),
                high=_edge(start + step),
                right=counts[RIGHT],
                wrong=counts[WRONG],
                cut=counts[CUT],
                uncounted=counts[UNCOUNTED],
                share_right=estimate_share(lengths.share(window)),
            )
        )
    return Lengths(unit, step / 2, bins)


def _edge(half_octave: int) -> int:
    """The least length in a bin."""
    return int(np.ceil(2 ** (half_octave / 2)))


def _consistency(tally: Tally) -> list[Consistency]:
    labels = [*(f"{10 * tenth}–{10 * tenth + 10} %" for tenth in range(10)), "100 %"]
    found = []
    for language, counts in sorted(tally.consistency.items(), key=lambda item: (-int(item[1].sum()), item[0])):
        bins = [Bin(label, int(count)) for label, count in zip(labels, counts[: TENTHS - 1], strict=True)]
        pairs = _largest(tally.foreign).items()
        foreign = {other: count for (question, other), count in pairs if question == language}
        found.append(Consistency(language, bins, int(counts[TENTHS - 1]), foreign))
    return found


def _rewards(tally: Tally) -> list[Reward]:
    return [
        Reward(
            name,
            measure.total / measure.measured if measure.measured else None,
            measure.low if measure.measured else None,
            measure.high if measure.measured else None,
            measure.measured,
            measure.unmeasured,
        )
        for name, measure in tally.rewards.items()
    ]


def _cost(config: RunConfig, tally: Tally, main: Chosen) -> Cost:
    spending = tally.spending
    kept = main.kept or None
    has_prices = config.budget.has_prices
    return Cost(
        currency=config.budget.currency if has_prices else None,
        reply=spending.reply,
        retried=spending.retried,
        unreported=spending.unreported,
        tokens=spending.amount.tokens,
        cost=spending.amount.cost,
        tokens_per_kept=spending.amount.tokens / kept if kept else None,
        cost_per_kept=spending.amount.cost / kept if kept and has_prices else None,
        attempts=spending.attempts,
        refused=_largest(spending.refused),
        cut=tally.endings[TRUNCATED],
        incomplete=tally.endings[INCOMPLETE],
        forecasts=list(_forecasts(config, tally)),
    )


def _forecasts(config: RunConfig, tally: Tally) -> Iterator[Forecast]:
    """The forecasts that could be made after the run's first problems, by the forecaster that sampling uses."""
    forecaster = Forecaster()
    adaptive = config.sampling.is_adaptive
    total = tally.problems["total"] * (1 if adaptive else config.sampling.n)
    for number, spent in enumerate(tally.first, start=1):
        amount = Amount(spent.tokens, Decimal(str(round(spent.cost, 9))))
        forecaster.finished(number - 1, 1 if adaptive else spent.samples, amount)
        if number in FORECAST_AFTER and number < tally.problems["total"]:
            forecast = forecaster.forecast(Amount(), total)
            if forecast is not None:
                yield forecast


def _adaptive(config: RunConfig, tally: Tally) -> Adaptive | None:
    sampling = config.sampling
    if not sampling.is_adaptive:
        return None
    problems = tally.problems["gradable"]
    return Adaptive(
        probe=sampling.least,
        want_correct=sampling.want_correct or 1,
        most=sampling.most,
        drawn=tally.problems["gradable_traces"],
        at_most=problems * sampling.most,
        reached=tally.reached,
        problems=problems,
    )


def _contamination(tally: Tally) -> list[Contamination]:
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
        for one in tally.contaminated
        for hit in one.contamination
    ]


def _selections(config: RunConfig, tally: Tally) -> list[SelectionLine]:
    tables: dict[Selection, SelectionConfig] = {None: config.selection}
    tables.update(config.selections)
    lines = []
    for name, chosen in tally.selections.items():
        lines.append(
            SelectionLine(
                name=name or "selection",
                policy=tables[name].policy,
                kept=chosen.kept,
                problems=chosen.problems,
                shared=chosen.shared,
                tokens_per_trace=chosen.tokens / chosen.tokens_known if chosen.tokens_known else None,
                characters_per_trace=chosen.characters / chosen.kept if chosen.kept else None,
                reasons=_in_order(chosen.reasons),
            )
        )
    return lines


def _places(config: RunConfig, folder: RunFolder) -> Places:
    names: Iterable[Selection] = (None, *config.selections)
    datasets = [folder.dataset(name) for name in names]
    return Places(
        run=str(folder.root),
        report=_within(folder.root, folder.report_html),
        datasets=[_within(folder.root, dataset) for dataset in datasets if (dataset / "README.md").exists()],
    )


def _within(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _notes(config: RunConfig, folder: RunFolder, tally: Tally) -> Iterator[str]:
    """What is missing from the run, or wrong with it, each as one sentence with its way out."""
    total, sampled = tally.problems["total"], tally.problems["sampled"]
    if not total:
        yield "There are no problems in this run folder yet."
    elif sampled < total:
        yield f"{total - sampled:,} of {total:,} problems have no trace yet: sampling has not finished."
    elif not config.sampling.is_adaptive and tally.traces < total * config.sampling.n:
        yield f"{tally.traces:,} of {total * config.sampling.n:,} traces are there: sampling has not finished."
    yield from _gaps(tally)
    if tally.traces and not (folder.dataset() / "README.md").exists():
        yield "There is no dataset yet. `overproof export` writes it."
    if tally.problems["gone"]:
        yield f"{tally.problems['gone']:,} problems of the traces are no longer in the problem file; they are left out."
    if tally.damage.lines:
        named = "; ".join(tally.damage.named[:3])
        yield f"{tally.damage.lines:,} lines are damaged and left out, the first of them: {named}"


def _gaps(tally: Tally) -> Iterator[str]:
    """What later stages have not done yet."""
    unscored = tally.traces - tally.scored
    if unscored:
        yield f"{unscored:,} of {tally.traces:,} traces have no score yet. `overproof score` gives them one."
    for selection, chosen in tally.selections.items():
        if undecided := chosen.reasons[UNDECIDED]:
            of = f" of selection {selection}" if selection else ""
            yield f"{undecided:,} of {tally.traces:,} traces have no decision{of} yet. `overproof select` makes it."
