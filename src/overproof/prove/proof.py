"""What a proof came to, as records, as a Markdown table, and in plain sentences."""

from __future__ import annotations

import msgspec

from overproof.estimators import show_p
from overproof.evaluation.comparison import Comparison, SideLine
from overproof.prove.sets import TrainingSet

ELSEWHERE = (
    "Published results are mixed, so measure your own: OpenThoughts3 (arXiv 2506.04178, table 7) trained a 7B student "
    "on 31,600 rows and got 61.4 on mathematics from a verified set against 64.8 from a random one; its authors' "
    "earlier set of 114,000 rows took a 7B student from 45.0 to 41.9 when verified, but a 32B one from 62.1 to 64.5; "
    "OpenCodeReasoning (arXiv 2504.01943) got 54.1 from all solutions and 47.0 from passing ones alone."
)


class Proof(msgspec.Struct, frozen=True):
    """One table: the same student trained on each set, at one teacher temperature."""

    temperature: float
    """The teacher's."""
    seeds: list[int]
    sets: list[TrainingSet]
    sampled: Comparison
    """Pass rates of sampled replies; the baseline first, then the student as it was, then the other sets."""
    greedy: Comparison | None
    """The same at temperature 0."""
    broken: dict[str, float]
    """Share of sampled replies that break the form asked for, by side."""
    student_temperature: float
    processor_minutes: float
    """What the trainings and the answers took of one core."""
    preferred: Comparison | None = None
    """Students that were also trained on pairs, compared with themselves before that."""

    def lines(self) -> list[str]:
        """The proof as Markdown, with what it says below."""
        return [*_table(self), "", *_sentences(self), "", ELSEWHERE]


def _table(proof: Proof) -> list[str]:
    baseline = proof.sampled.sides[0].name
    headings = [
        f"trained on ({proof.sets[0].rows:,} rows, teacher at temperature {proof.temperature:g})",
        "right answers in it",
        f"pass@1 at temperature {proof.student_temperature:g}",
        f"points above {baseline}",
        "p",
        "each seed",
        "format breaks",
    ]
    if proof.greedy is not None:
        headings.append("pass@1 at temperature 0")
    rows = [headings, ["---", *["---:"] * (len(headings) - 1)]]
    rows += [_row(proof, line) for line in _in_order(proof)]
    return [f"| {' | '.join(row)} |" for row in rows]


def _in_order(proof: Proof) -> list[SideLine]:
    """The student as it was, then the sets in the order of the config."""
    by_name = {line.name: line for line in proof.sampled.sides}
    return [by_name[name] for name in ("before", *(one.name for one in proof.sets))]


def _row(proof: Proof, line: SideLine) -> list[str]:
    sets = {one.name: one for one in proof.sets}
    one = sets.get(line.name)
    row = [
        _name_of(line, one),
        f"{one.right / one.rows:.0%}" if one and not one.is_pairs else "",
        _percent(line),
        _points(line),
        "" if line.p_adjusted is None else show_p(line.p_adjusted),
        ", ".join(f"{100 * value:.1f}" for value in line.by_run),
        f"{proof.broken[line.name]:.1%}",
    ]
    if proof.greedy is not None:
        row.append(_percent(next(other for other in proof.greedy.sides if other.name == line.name)))
    return row


def _name_of(line: SideLine, one: TrainingSet | None) -> str:
    if one is None:
        return "nothing (before)"
    return f"{line.name} ({one.rows:,} pairs)" if one.is_pairs else line.name


def _percent(line: SideLine) -> str:
    value = line.value
    if value.value is None or value.low is None or value.high is None:
        return "–"
    return f"{100 * value.value:.1f} [{100 * value.low:.1f}, {100 * value.high:.1f}]"


def _points(line: SideLine) -> str:
    gap = line.difference
    return "" if gap is None else f"{100 * gap.value:+.1f} [{100 * gap.low:+.1f}, {100 * gap.high:+.1f}]"


def _sentences(proof: Proof) -> list[str]:
    """What the table says, and what it does not."""
    baseline = proof.sampled.sides[0].name
    said = [
        _say(line, baseline, "at temperature " + f"{proof.student_temperature:g}") for line in proof.sampled.sides[1:]
    ]
    if proof.greedy is not None:
        said += [_say(line, baseline, "at temperature 0") for line in proof.greedy.sides[1:]]
    if proof.preferred is not None:
        before, after = proof.preferred.sides
        said.append(_say(after, f"the same students before the pairs ({before.name})", "after training on pairs"))
    if any(line.difference is not None and not line.difference.covers_training for line in proof.sampled.sides):
        said.append("one seed a set: what another training would give is not covered by the intervals")
    seeds = f"{len(proof.seeds)} training seed{'s' if len(proof.seeds) > 1 else ''}"
    basis = (
        f"{proof.sampled.problems:,} held-out problems, {seeds}; intervals are 95 %, paired by problem, and widened by "
        f"the scatter of the seeds; p-values are adjusted for the number of comparisons; trainings and answers took "
        f"{proof.processor_minutes:.1f} minutes of processor time"
    )
    return [f"- {sentence}" for sentence in (*said, basis)]


def _say(line: SideLine, baseline: str, where: str) -> str:
    name = "the student as it was" if line.name == "before" else line.name
    assert line.difference is not None, "only the baseline has none"
    if line.verdict.startswith("noise"):
        return (
            f"{where}, {name} and {baseline} cannot be told apart: their difference is {line.difference.noise} points"
        )
    return f"{where}, {name} is {line.verdict} than {baseline} by {abs(100 * line.difference.value):.1f} points"
