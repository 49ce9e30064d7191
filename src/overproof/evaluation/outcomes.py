"""A scored run → what came of each sample; only this module knows which samples count, and for what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

from overproof.config.endpoint import SamplingConfig
from overproof.config.selection import SelectionConfig
from overproof.errors import RunFolderError
from overproof.grading import answer_classes
from overproof.records import PreparedProblem, Score, Trace
from overproof.rewards import is_correct
from overproof.runfolder import RunFolder
from overproof.sampling.plan import has_all_samples

_EMPTY_BLOCK = re.compile(r"\A\s*<think>\s*</think>")
"""What stands before an answer without reasoning where the template leaves it to the student."""

LEAST_CONSISTENCY = SelectionConfig().require["language_consistency"]
"""Share of the target language below which a reply counts as a language break: the default of the selection."""


class Sample(msgspec.Struct, frozen=True):
    """What came of one reply that counts."""

    passed: bool
    """Whole, with an answer that equals the reference."""
    answer: int | None
    """The class of equal answers it belongs to within its problem; None when it gives none, or was cut."""
    is_cut: bool
    is_broken: bool | None
    """It breaks the form that was asked for, which without thinking is an answer alone; None when not measured."""
    is_foreign: bool | None
    """Its reasoning is in another language than asked for; None when there was too little to tell."""
    tokens: int | None
    """Tokens of the whole reply, as the endpoint reported them."""


class ProblemOutcome(msgspec.Struct, frozen=True):
    """All samples of one problem."""

    problem: PreparedProblem
    samples: list[Sample]
    """Those that count, by index; none when its reference cannot be graded against."""
    verdicts: list[bool | None]
    """Whether each reply passed, by index, those that do not count (None) included."""
    uncounted: dict[str, int]
    """The others, by why they say nothing of the model: no_reference, unverifiable_reference, refused, given_up."""

    def has_all_samples(self, sampling: SamplingConfig) -> bool:
        """Whether it has as many replies as it was to get; one whose reference cannot be graded says nothing anyway."""
        return _why_ungradable(self.problem) is not None or has_all_samples(self.problem, self.verdicts, sampling)


def read_outcomes(
    folder: RunFolder, *, approximate: Literal["correct", "incorrect"], most: int | None = None
) -> Iterator[ProblemOutcome]:
    """The outcome of every problem of a scored run, whatever its teacher was, in the order of shards.

    At most the first `most` samples of each problem are looked at; None takes all.

    A reply that was cut, has no answer or breaks its form is counted, as not passed unless its answer is right; a cut
    one never passes. What leaves the denominator is only what says nothing of the model: a problem without a reference
    or with one that no answer can be graded against, and a refused request; an answer that cannot be decided is not
    passed. `approximate` says how an answer counts that is equal only after rounding. Raises RunFolderError when the
    run has not been scored.
    """
    manifest = folder.read_manifest()
    if manifest is None:
        raise RunFolderError(f"{folder.root} holds no run")
    for shard in range(manifest.shards):
        if not folder.scores(shard).exists():
            raise RunFolderError(f"{folder.root} is not scored. Run overproof score or overproof evaluate first")
        scores = {score.trace_id: score for score in folder.read_scores(shard)}
        thinking = (manifest.config.get("teacher") or {}).get("thinking") is not False
        for problem, traces in folder.read_groups(shard):
            if problem is not None:
                wanted = [trace for trace in traces if most is None or trace.index < most]
                scored = [(trace, scores[trace.id]) for trace in wanted if trace.id in scores]
                yield _outcome_of(problem, scored, approximate, thinking=thinking)


def read_sampling(folder: RunFolder) -> SamplingConfig:
    """The rule by which a run drew its samples. Raises RunFolderError where there is no run."""
    manifest = folder.read_manifest()
    if manifest is None:
        raise RunFolderError(f"{folder.root} holds no run")
    return SamplingConfig.model_validate(manifest.config.get("sampling", {}))


def _outcome_of(
    problem: PreparedProblem,
    scored: list[tuple[Trace, Score]],
    approximate: Literal["correct", "incorrect"],
    *,
    thinking: bool,
) -> ProblemOutcome:
    if (why := _why_ungradable(problem)) is not None:
        return ProblemOutcome(problem, [], [], {why: len(scored)})
    verdicts: list[bool | None] = []
    uncounted: dict[str, int] = {}
    counted: list[tuple[Trace, Score, bool]] = []
    for trace, score in scored:
        passed = is_correct(score.grade, approximate) if trace.is_complete else False
        verdicts.append(None if trace.error is not None else passed)
        if trace.error is not None or passed is None:
            reason = "refused" if trace.error is not None else "given_up"
            uncounted[reason] = uncounted.get(reason, 0) + 1
        else:
            counted.append((trace, score, passed))
    answers = [
        score.grade.extracted if score.grade is not None and trace.is_complete else None for trace, score, _ in counted
    ]
    classes = answer_classes(answers, question=problem.problem.question)
    samples = [
        _sample_of(trace, score, passed=passed, answer=answer, thinking=thinking)
        for (trace, score, passed), answer in zip(counted, classes, strict=True)
    ]
    return ProblemOutcome(problem, samples, verdicts, uncounted)


def _why_ungradable(problem: PreparedProblem) -> str | None:
    if problem.problem.reference is None:
        return "no_reference"
    return "unverifiable_reference" if problem.reference_issue is not None else None


def _sample_of(trace: Trace, score: Score, *, passed: bool, answer: int | None, thinking: bool) -> Sample:
    form, language = (_value(score, name) for name in ("think_format", "language_consistency"))
    return Sample(
        passed=passed,
        answer=answer,
        is_cut=trace.finish_reason == "length",
        is_broken=(None if form is None else form < 1) if thinking else _breaks_plain_form(trace),
        is_foreign=None if language is None else language < LEAST_CONSISTENCY,
        tokens=trace.usage.completion_tokens,
    )


def _breaks_plain_form(trace: Trace) -> bool:
    """Whether a reply that was to have no reasoning has some, a tag of it, or nothing else to say."""
    said = _EMPTY_BLOCK.sub("", trace.content)
    return bool((trace.reasoning or "").strip()) or not said.strip() or "think>" in said


def _value(score: Score, reward: str) -> float | None:
    return score.rewards[reward].value if reward in score.rewards else None
