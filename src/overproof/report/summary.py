"""What a run came to, as one record: report.json holds it, the page shows it, the terminal prints it."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from overproof.estimators import Estimate
from overproof.hygiene.wrong_references import SuspectReference
from overproof.judge import JudgeSummary
from overproof.records import Usage
from overproof.sampling.progress import Forecast


class GroupLine(msgspec.Struct, frozen=True):
    """Problems of one source, language or level; or all of them."""

    name: str
    problems: int
    traces: int
    kept: int
    pass_rate: Estimate


class FunnelStep(msgspec.Struct, frozen=True):
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


class LengthFigures(msgspec.Struct, frozen=True):
    """Length against correctness."""

    unit: str
    """tokens, or characters where the endpoint did not report tokens."""
    octaves: float
    """Width of a bin: 1 doubles the length, 0.5 multiplies it by √2."""
    bins: list[LengthBin]


class LanguageFigures(msgspec.Struct, frozen=True):
    """How much of the reasoning is in the language of the question."""

    language: str
    bins: list[Bin]
    unmeasured: int
    foreign: dict[str, int]
    """Traces by the foreign language that most of the rest is in."""

    @property
    def measured(self) -> int:
        """Traces whose reasoning could be measured."""
        return sum(one.count for one in self.bins)


class RewardFigures(msgspec.Struct, frozen=True):
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
    """Charged in all: at most so many were used."""
    cost: Decimal
    tokens_per_kept: float | None
    cost_per_kept: Decimal | None
    least_tokens: int
    """Reported: at least so many were used. So are the three that follow."""
    least_cost: Decimal
    least_tokens_per_kept: float | None
    least_cost_per_kept: Decimal | None
    attempts: int
    refused: dict[str, int]
    cut: int
    incomplete: int
    judge_tokens: int
    """Of all tokens those of the judge."""
    judge_cost: Decimal
    forecasts: list[Forecast]
    """The forecast after the first 10, 20, 50 and 100 problems, made again from what they took."""

    @property
    def is_bound(self) -> bool:
        """Whether a part of what is charged was never reported, so that it is told as a range."""
        return self.least_tokens < self.tokens


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
    inside: float | None = None
    """Expected share of its problems whose pass rate truly lies in its band; None where it asks for none."""


class Trouble(msgspec.Struct, frozen=True):
    """What went wrong with many traces, and the way out."""

    what: str
    traces: int
    words: dict[str, int]
    """What the endpoint itself said, and how often; the most frequent first."""
    remedy: str
    query: dict[str, str]
    """The filters of the list of these traces."""


class EvaluationFigures(msgspec.Struct, frozen=True):
    """What an evaluation came to, where the run is the answers of one."""

    model: str
    problems: int
    samples: int
    measures: dict[str, Estimate]


class Places(msgspec.Struct, frozen=True):
    """Where things lie in the run folder."""

    report: str
    datasets: list[str]


class Summary(msgspec.Struct, frozen=True):
    """What a run came to."""

    name: str
    teacher: str
    problems: dict[str, int]
    """total, sampled, unasked, without_reference, unverifiable, duplicates, clustered, contaminated, gone, gradable,
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
    """Pass rate over problems: `all`, and by `source:…`, `language:…` and `level:…`, each the 200 largest."""
    estimators: dict[str, int]
    """Problems by how their pass rate was estimated (see `estimators`)."""
    notes: list[str]
    """What is missing, damaged or unfinished; empty for a whole run."""
    overall: GroupLine
    by_source: list[GroupLine]
    by_language: list[GroupLine]
    by_level: list[GroupLine]
    funnel: list[FunnelStep]
    pass_rate_bins: list[Bin]
    """Problems by their pass rate."""
    samples: list[Bin]
    """Problems by their number of traces."""
    lengths: LengthFigures
    consistency: list[LanguageFigures]
    rewards: list[RewardFigures]
    forms: dict[str, int]
    """Traces by what is wrong with their form."""
    marks: dict[str, int]
    """Traces by oddity of the reply."""
    models: dict[str, int]
    """Traces by the model that was asked."""
    efforts: dict[str, int]
    """Traces by how much reasoning was asked for, where that was said."""
    troubles: list[Trouble]
    """Why nothing was kept, or what a large part of the traces was lost to."""
    evaluation: EvaluationFigures | None
    verdicts: list[Verdicts]
    judge: JudgeSummary | None
    """What the judge was asked and how far it agrees with the rules; None without a judge."""
    cost: Cost
    adaptive: Adaptive | None
    suspects: list[SuspectReference]
    suspect_count: int
    contamination: list[Contamination]
    selections: list[SelectionLine]
    places: Places
    made_from: str = ""
    """Digest of this report and of all that it was made from: the same again, and it need not be made again."""
