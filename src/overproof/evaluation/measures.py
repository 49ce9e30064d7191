"""Outcomes → figures with intervals, for all problems and by source, level and language."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from overproof.estimators import Estimate, estimate_mean, estimate_ratio, majority_at_k, pass_at_k
from overproof.evaluation.outcomes import ProblemOutcome, Sample

LEANS = "so far: replies are missing; short ones come in first and are right more often, so that rates lean upwards"
"""What a figure of a run that has not finished is, in words."""


class Measures(msgspec.Struct, frozen=True):
    """What is measured of a group of problems. Each figure is a mean over problems, with an interval clustered by them.

    A figure that cannot be had has no value and says why.
    """

    pass_at: dict[int, Estimate]
    """k → the chance that one of k replies passes (`estimators.pass_at_k`); k = 1 is the mean over samples."""
    majority_at: dict[int, Estimate]
    """k → the chance that the answer given most often among k replies is right (`estimators.majority_at_k`)."""
    format_breaks: Estimate
    """Share of replies that break the form the prompt asked for."""
    truncations: Estimate
    """Share of replies that were cut at the token limit."""
    language_breaks: Estimate
    """Share of replies whose reasoning leaves the language asked for."""
    tokens: Estimate
    """Tokens of a reply, reasoning included: the mean over all replies."""


class Evaluation(msgspec.Struct, frozen=True):
    """What a model came to on a set of problems."""

    model: str
    profile: str
    parameters: dict[str, Any]
    """Sampling parameters as they were sent."""
    problems: int
    samples: int
    """Replies that count."""
    uncounted: dict[str, int]
    """Replies that say nothing of the model, by why: they are in no figure."""
    missing: int
    """Replies that are not there, because they failed too often or a cap was reached."""
    groups: dict[str, Measures]
    """`all`, and `source:…`, `level:…` and `language:…` where there are several."""

    def __str__(self) -> str:
        """What `print` shows: its lines."""
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """The evaluation for a terminal, without its groups."""
        figures = self.groups["all"]
        lines = [f"{self.model}: {self.samples:,} replies to {self.problems:,} problems"]
        lines += [f"pass@{k:<12}{show_estimate(estimate)}" for k, estimate in figures.pass_at.items()]
        lines += [f"maj@{k:<13}{show_estimate(estimate)}" for k, estimate in figures.majority_at.items() if k > 1]
        lines += [
            f"format breaks    {show_estimate(figures.format_breaks)}",
            f"cut replies      {show_estimate(figures.truncations)}",
            f"language breaks  {show_estimate(figures.language_breaks)}",
            f"tokens a reply   {show_estimate(figures.tokens, '{:,.0f}')}",
        ]
        notes = {"missing": self.missing} | {
            reason.replace("_", " "): count for reason, count in self.uncounted.items()
        }
        if self.missing:
            lines.append(f"{LEANS}. Evaluate again to ask for them")
        if any(notes.values()):
            lines.append(
                "in no figure: " + ", ".join(f"{reason} {count:,}" for reason, count in notes.items() if count)
            )
        return lines


def measure(
    outcomes: Sequence[ProblemOutcome], ks: Sequence[int], *, are_all_there: bool = True
) -> dict[str, Measures]:
    """Figures of all problems, and of the groups that are not all of them.

    `are_all_there` says whether no reply is missing; where one is, every figure is one so far.
    """
    groups: defaultdict[str, list[_ProblemFigures | None]] = defaultdict(list)
    for outcome in outcomes:
        figures = _figures_of(outcome.samples, ks) if outcome.samples else None
        for group in _groups_of(outcome):
            groups[group].append(figures)
    return {
        group: _mark(_measure_group([figures for figures in members if figures is not None], ks), are_all_there)
        for group, members in sorted(groups.items(), key=_group_order)
        if group == "all" or len(members) < len(outcomes)
    }


def show_estimate(estimate: Estimate, form: str = "{:.1%}") -> str:
    """A figure with its interval, or why there is none."""
    if estimate.value is None:
        return f"– ({estimate.reason})"
    if estimate.low is None or estimate.high is None:
        return form.format(estimate.value)
    shown = f"{form.format(estimate.value)}  [{form.format(estimate.low)}, {form.format(estimate.high)}]"
    shown += "  so far" if estimate.so_far else ""
    if estimate.asked is None or estimate.least is None:
        return shown
    missing = f"on {estimate.problems:,} of {estimate.asked:,} problems, the others lack replies"
    return f"{shown}  {missing}; {form.format(estimate.least)} if those failed"


def values_at(samples: Sequence[Sample], measure: str) -> float | None:
    """One problem's value of pass@k or maj@k; None with fewer than k samples."""
    kind, _, k = measure.partition("@")
    passed = [sample.passed for sample in samples]
    if kind == "pass":
        return pass_at_k(len(passed), sum(passed), int(k))
    return majority_at_k([sample.answer for sample in samples], passed, int(k))


def _groups_of(outcome: ProblemOutcome) -> Iterator[str]:
    problem = outcome.problem.problem
    yield "all"
    yield f"source:{problem.source or 'unnamed'}"
    if (level := problem.metadata.get("level")) is not None:
        yield f"level:{level}"
    yield f"language:{outcome.problem.language or 'unknown'}"


def _group_order(item: tuple[str, object]) -> tuple[int, str]:
    kinds = ("all", "source", "level", "language")
    return kinds.index(item[0].partition(":")[0]), item[0]


class _ProblemFigures(NamedTuple):
    """What one problem adds to every group that it is in."""

    samples: int
    values: dict[str, float | None]
    """pass@k or maj@k → `values_at`."""
    broken: list[bool]
    """Of each sample where it could be told; so are the next two."""
    cut: list[bool]
    foreign: list[bool]
    tokens: tuple[float, float]
    """Their sum, and over how many samples it goes."""


def _figures_of(samples: Sequence[Sample], ks: Sequence[int]) -> _ProblemFigures:
    tokens = [sample.tokens for sample in samples if sample.tokens is not None]
    return _ProblemFigures(
        samples=len(samples),
        values={name: values_at(samples, name) for k in ks for name in (f"pass@{k}", f"maj@{k}")},
        broken=[sample.is_broken for sample in samples if sample.is_broken is not None],
        cut=[sample.is_cut for sample in samples],
        foreign=[sample.is_foreign for sample in samples if sample.is_foreign is not None],
        tokens=(sum(tokens), len(tokens)),
    )


def _measure_group(problems: Sequence[_ProblemFigures], ks: Sequence[int]) -> Measures:
    return Measures(
        pass_at={k: _estimate_at(problems, f"pass@{k}", k) for k in ks},
        majority_at={k: _estimate_at(problems, f"maj@{k}", k) for k in ks},
        format_breaks=_share([figures.broken for figures in problems]),
        truncations=_share([figures.cut for figures in problems]),
        language_breaks=_share([figures.foreign for figures in problems]),
        tokens=estimate_ratio([figures.tokens for figures in problems]),
    )


def _estimate_at(problems: Sequence[_ProblemFigures], measure: str, k: int) -> Estimate:
    """pass@k or maj@k over the problems that have k samples."""
    enough = [figures for figures in problems if figures.samples >= k]  # those with fewer stay in the denominator asked
    if problems and not enough:
        most = max(figures.samples for figures in problems)
        return Estimate(None, None, None, 0, 0, f"needs {k} samples of a problem; there are {most}")
    values = [value for figures in enough if (value := figures.values[measure]) is not None]
    return estimate_mean(Counter(values), sum(figures.samples for figures in enough), asked=len(problems))


def _mark(figures: Measures, are_all_there: bool) -> Measures:  # noqa: FBT001 - what it is about
    """The same figures, said to be those so far where replies are missing."""
    if are_all_there:
        return figures

    def so_far(one: Estimate) -> Estimate:
        return msgspec.structs.replace(one, so_far=True)

    return Measures(
        {k: so_far(one) for k, one in figures.pass_at.items()},
        {k: so_far(one) for k, one in figures.majority_at.items()},
        *map(so_far, (figures.format_breaks, figures.truncations, figures.language_breaks, figures.tokens)),
    )


def _share(problems: Sequence[list[bool]]) -> Estimate:
    """Mean over problems of the share of samples that show something, of those where it could be told."""
    told = [shown for shown in problems if shown]
    if problems and not told:
        return Estimate(None, None, None, 0, 0, "was not measured")
    return estimate_mean(Counter(sum(shown) / len(shown) for shown in told), sum(map(len, told)))


def count_uncounted(outcomes: Iterable[ProblemOutcome]) -> dict[str, int]:
    """Samples in no figure, by why."""
    counts: Counter[str] = Counter()
    for outcome in outcomes:
        counts.update(outcome.uncounted)
    return dict(counts)
