"""Two or more runs on the same problems → paired differences, and whether they are more than noise.

Runs differ by the problems they happen to be asked far more than by what was trained into them; on the same problems
that part cancels. A side may be several runs, such as trainings with different seeds: they are averaged, and how much
they scatter widens the interval.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from overproof.config.endpoint import SamplingConfig
from overproof.errors import ConfigError, InputError, suggest_folder
from overproof.estimators import (
    ALPHA,
    Difference,
    Estimate,
    Floats,
    estimate_difference,
    estimate_mean,
    estimate_side,
    hold_together,
    show_p,
)
from overproof.evaluation.measures import LEANS, show_estimate, values_at
from overproof.evaluation.outcomes import ProblemOutcome, read_outcomes, read_sampling
from overproof.runfolder import RunFolder
from overproof.selection.passrate import rate_problem


class Side(NamedTuple):
    """What is compared: one run, or several that differ in their seeds alone."""

    name: str
    runs: Sequence[RunFolder]


class SideLine(msgspec.Struct, frozen=True):
    """One side of a comparison."""

    name: str
    value: Estimate
    by_run: list[float]
    """The value of each of its runs."""
    difference: Difference | None
    """To the first side; None for the first side itself."""
    p_adjusted: float | None = None
    """The difference's p-value for a table of so many comparisons (Holm)."""

    @property
    def verdict(self) -> str:
        """What the difference is, in words; empty for the first side."""
        if self.difference is None or self.p_adjusted is None:
            return ""
        if self.p_adjusted > ALPHA:
            return f"noise: {self.difference.noise}"
        return "better" if self.difference.value > 0 else "worse"


class Comparison(msgspec.Struct, frozen=True):
    """Several sides on the problems they have in common."""

    measure: str
    """pass@k or maj@k."""
    problems: int
    """Problems with a value on every side."""
    left_out: int
    """Problems of some side that are not among them."""
    sides: list[SideLine]
    by_question: bool = False
    """Whether problems were paired by their questions, as the runs call them by other ids."""

    def __str__(self) -> str:
        """What `print` shows: its lines."""
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """The comparison as a table for a terminal, with each interval drawn to scale."""
        left_out = f"; {self.left_out:,} that not every side has are left out" if self.left_out else ""
        rows = [("", self.measure, f"difference to {self.sides[0].name}", "p", "")]
        rows += [_cells(line) for line in self.sides]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        how = " by their questions" if self.by_question else ""
        return [
            f"{self.problems:,} problems, paired{how}{left_out}",
            *table,
            *_notes(self.sides),
            *_draw([*self.sides]),
        ]


def compare(
    sides: Sequence[Side], *, measure: str = "pass@1", approximate: Literal["correct", "incorrect"] = "correct"
) -> Comparison:
    """Compare every side with the first one by `measure` (pass@k or maj@k).

    A run is that of an evaluation, or one that holds an evaluation, or any run that has been scored. Raises ConfigError
    for fewer than two sides or another measure, InputError when the sides have no problem in common or give the same
    one different references, and RunFolderError for a folder without scores. Problems are known by their ids; where
    some run shares none, or calls another question by one, by their questions.
    """
    kind, _, k = measure.partition("@")
    if kind not in {"pass", "maj"} or not k.isdecimal() or int(k) < 1:
        raise ConfigError(f"there is no measure '{measure}'; write pass@k or maj@k, such as pass@1")
    if len(sides) < 2:
        raise ConfigError("a comparison needs at least two runs; name another")
    tables = [[_read_values(run, measure, approximate) for run in side.runs] for side in sides]
    by_question = not _share_ids([run for runs in tables for run in runs])
    if by_question:
        tables = [[_name_by_question(run) for run in runs] for runs in tables]
    for side, runs in zip(sides, tables, strict=True):
        if not all(run.values for run in runs):
            raise InputError(
                f"{side.name} has no problem with a {measure}: that takes {k} graded samples of a problem (of an "
                "adaptive run only its probe counts, sampling.probe). Compare by a smaller k, or sample more "
                "(evaluation.n)"
            )
    common, left_out = _common_problems(sides, tables)
    values = [np.array([[run.values[problem] for problem in common] for run in runs]) for runs in tables]
    made = _compare_values([side.name for side in sides], values, measure, left_out)
    made = msgspec.structs.replace(made, by_question=by_question)
    return _mark(made, [all(run.is_finished for run in runs) for runs in tables])


def name_sides(folders: Sequence[str]) -> list[Side]:
    """The sides that a command line means: `name=folder`, and `folder,folder,…` for runs with different seeds.

    Without a name a side is called by its first folder. Raises ConfigError for a folder that is not there.
    """
    sides = []
    for text in folders:
        name, separator, listed = text.partition("=")
        runs = [RunFolder(part) for part in (listed if separator else text).split(",")]
        for run in runs:
            if run.storage is None and not run.root.is_dir():
                raise ConfigError(f"There is no run folder '{run}'.{suggest_folder(run.root)}")
        sides.append(Side(name if separator else str(runs[0]), runs))
    return sides


class _Values(NamedTuple):
    """One run's value of each problem, and what tells whether two runs mean the same problem by an id."""

    values: dict[str, float]
    asked: dict[str, tuple[str, str | None]]
    is_finished: bool
    """Every problem has the replies that it was to get."""


def _read_values(run: RunFolder, measure: str, approximate: Literal["correct", "incorrect"]) -> _Values:
    run.greet()
    if run.storage is not None and not run.holds_run():
        raise ConfigError(f"there is no run at {run}")
    answers = run.evaluation if run.evaluation.holds_run() else run
    sampling = read_sampling(answers)
    values, asked, is_finished = {}, {}, True
    for outcome in read_outcomes(answers, approximate=approximate):
        problem = outcome.problem.problem
        asked[problem.id] = (problem.question, problem.reference)
        is_finished &= outcome.has_all_samples(sampling)
        if (value := _value_of(outcome, measure, sampling)) is not None:
            values[problem.id] = value
    return _Values(values, asked, is_finished)


def _value_of(outcome: ProblemOutcome, measure: str, sampling: SamplingConfig) -> float | None:
    """One problem's value, without the stopping rule of adaptive sampling in it.

    Such a run goes on where replies fail and stops where they do not: its pass@1 is the report's unbiased estimate,
    anything else rests on the replies that every problem was given whatever came of them.
    """
    if sampling.is_adaptive and measure == "pass@1":
        return rate_problem(outcome.verdicts, sampling).value
    samples = outcome.samples
    if sampling.is_adaptive:
        samples = samples[: sum(verdict is not None for verdict in outcome.verdicts[: sampling.least])]
    return values_at(samples, measure) if samples else None


def _share_ids(runs: Sequence[_Values]) -> bool:
    """Whether every run has an id in common with the first, and none means another question by any id."""
    first, *others = [run.asked for run in runs]
    shared = [first.keys() & other.keys() for other in others]
    return all(shared) and all(
        _plain(first[problem][0]) == _plain(other[problem][0])
        for other, common in zip(others, shared, strict=True)
        for problem in common
    )


def _name_by_question(run: _Values) -> _Values:
    """The same values by question in place of id; without questions that the run asks twice."""
    names = {problem: _plain(question) for problem, (question, _) in run.asked.items()}
    counts = Counter(names.values())
    names = {problem: name for problem, name in names.items() if counts[name] == 1}
    return run._replace(
        values={names[problem]: value for problem, value in run.values.items() if problem in names},
        asked={name: (name, run.asked[problem][1]) for problem, name in names.items()},
    )


def _plain(question: str) -> str:
    return " ".join(question.split())


def _common_problems(sides: Sequence[Side], tables: Sequence[Sequence[_Values]]) -> tuple[list[str], int]:
    """Ids with a value in every run, sorted, and how many ids are not among them."""
    runs = [(side.name, run) for side, made in zip(sides, tables, strict=True) for run in made]
    asked: dict[str, tuple[str, tuple[str, str | None]]] = {}
    for name, run in runs:
        for problem, text in run.asked.items():
            first, known = asked.setdefault(problem, (name, text))
            if known != text:
                raise InputError(
                    f"problem '{problem[:80]}' is another one in {first} than in {name}: runs can be compared only "
                    "on the same problems with the same references"
                )
    common = set(asked)
    for name, run in runs:
        common &= set(run.values)
        if not common:
            raise InputError(f"{name} has no problem in common with all before it: ask every model the same problems")
    return sorted(common), len(asked) - len(common)


def _compare_values(names: Sequence[str], values: Sequence[Floats], measure: str, left_out: int) -> Comparison:
    """`values` holds a (runs, problems) matrix for each side."""
    together = hold_together([estimate_difference(values[0], one) for one in values[1:]])
    lines = [
        SideLine(name, _estimate(one), one.mean(axis=1).tolist(), difference, p_value)
        for name, one, (difference, p_value) in zip(names, values, [(None, None), *together], strict=True)
    ]
    return Comparison(measure, values[0].shape[1], left_out, lines)


def _mark(made: Comparison, finished: Sequence[bool]) -> Comparison:
    """The same comparison, in which the values of runs that lack replies are said to be those so far."""
    lines = [
        line if whole else msgspec.structs.replace(line, value=msgspec.structs.replace(line.value, so_far=True))
        for line, whole in zip(made.sides, finished, strict=True)
    ]
    return msgspec.structs.replace(made, sides=lines)


def _estimate(values: Floats) -> Estimate:
    """The mean of a side, with the scatter of its runs where it has several."""
    runs, problems = values.shape
    if runs == 1:
        return estimate_mean(Counter(values[0].tolist()), problems)
    return Estimate(*estimate_side(values), problems, runs * problems)


def _notes(sides: Sequence[SideLine]) -> list[str]:
    """What the table does not say by itself."""
    gaps = [line.difference for line in sides if line.difference is not None]
    notes = [LEANS] if any(line.value.so_far for line in sides) else []
    if len(gaps) > 1:
        notes.append("intervals of differences hold together, and agree with p (Holm)")
    if any(not gap.covers_training for gap in gaps):
        notes.append("one run a side: what another training or seed would give is not covered")
    if any(line.verdict.startswith("noise") for line in sides):
        notes.append("'could find': the smallest true difference that such a comparison finds in four of five tries")
    return notes


def _cells(line: SideLine) -> tuple[str, str, str, str, str]:
    value = show_estimate(line.value)
    if line.difference is None or line.p_adjusted is None:
        return line.name, value, "", "", ""
    gap = line.difference
    shown = f"{100 * gap.value:+.1f}  [{100 * gap.low:+.1f}, {100 * gap.high:+.1f}] points"
    return line.name, value, shown, show_p(line.p_adjusted), line.verdict


_WIDTH = 60


def _draw(sides: Sequence[SideLine]) -> list[str]:
    """Each side's value and interval on one scale, in characters."""
    bounds = [(line.value.low or 0.0, line.value.high or 0.0) for line in sides]
    least, most = min(low for low, _ in bounds), max(high for _, high in bounds)
    scale = (_WIDTH - 1) / ((most - least) or 1.0)
    label = max(len(line.name) for line in sides)
    lines = []
    for line, (low, high) in zip(sides, bounds, strict=True):
        start, end = round((low - least) * scale), round((high - least) * scale)
        middle = round(((line.value.value or 0.0) - least) * scale)
        drawn = [" "] * _WIDTH
        drawn[start : end + 1] = "─" * (end + 1 - start)
        drawn[middle] = "●"
        lines.append(f"{line.name:<{label}}  {''.join(drawn).rstrip()}")
    ends = f"{least:.1%}".ljust(_WIDTH - len(f"{most:.1%}")) + f"{most:.1%}"
    return ["", *lines, f"{'':<{label}}  {ends}"]
