"""Trace → rewards: R1's rule rewards and further measures, each a pure function; only this module knows their names.

    accuracy               does the answer equal the reference?             1, 0
    think_format           one reasoning block and an answer after it       1, 0
    language_consistency   share of the reasoning in the right language     0 … 1

These three are always measured, the rest when a config lists or requires them: `restating`, `length`, `readability`,
`answer_form` and `verbosity` hold the measures of one trace, `group` those of all traces of a problem, and `rl` has
them all in the form that TRL's GRPOTrainer calls. A reward that cannot be measured is None, which is not 0. Rewards
hold no thresholds and never gate one another: each sees the whole trace.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import msgspec

from overproof.completion import read_completion
from overproof.config.rewards import CustomRewardConfig, RewardsConfig
from overproof.extensions import Extension
from overproof.grading import answer_classes
from overproof.language import is_latin, name_question
from overproof.records import Grade, Reward, Score, Trace, Verdict
from overproof.rewards.answer_form import asked_form
from overproof.rewards.contracts import think_format
from overproof.rewards.grades import find_answer
from overproof.rewards.group import find_voices, self_consistency
from overproof.rewards.languages import measure_language
from overproof.rewards.length import cosine_length, kimi_length, overlong
from overproof.rewards.readability import code_blocks, long_paragraphs, mixed_paragraphs, reasoning_markers
from overproof.rewards.restating import repetition
from overproof.rewards.verbosity import thought_share


def score_problem(
    traces: Sequence[Trace],
    grades: Sequence[Grade | None],
    config: RewardsConfig,
    *,
    language: str | None,
    contract: str,
) -> list[Score]:
    """All rewards of all traces of one problem, with those that compare the traces; see `score_trace`."""
    scores = [
        score_trace(trace, grade, config, language=language, contract=contract)
        for trace, grade in zip(traces, grades, strict=True)
    ]
    scores = _doubt_target(traces, scores, config, language)
    group = TraceGroup(traces, grades, config)
    compared = {
        name: COMPARISONS[name].take(group, table) for name, table in config.listed().items() if name in COMPARISONS
    }
    if not compared:
        return scores
    whole = [score.rewards | {name: of[i] for name, of in compared.items()} for i, score in enumerate(scores)]
    return [
        msgspec.structs.replace(score, rewards=rewards, total=weigh(rewards, config))
        for score, rewards in zip(scores, whole, strict=True)
    ]


_MOST_IN_TARGET, _LEAST_IN_OTHER = 0.2, 0.8
_LANGUAGE_REWARDS = ("language_consistency", "foreign_run", "mixed_paragraphs")


def _doubt_target(
    traces: Sequence[Trace], scores: list[Score], config: RewardsConfig, language: str | None
) -> list[Score]:
    """The scores without those for language where all traces agree that the question is in another one.

    That is so where each has most of its words in the same other language and the question's name was not sure: it is
    more likely that one question was named wrongly than that every reply was.
    """
    if language is None or config.language_consistency.target is not None or not is_latin(language):
        return scores
    found = [score.rewards["language_consistency"] for score in scores]
    others = {_language_instead(reward) for reward in found}
    if len(others) != 1 or None in others or name_question(traces[0].problem.question).is_sure:
        return scores
    unknown = Reward(None, "doubtful_target", {"target": language, "replies": others.pop()})
    rewards = [
        score.rewards | {name: unknown for name in _LANGUAGE_REWARDS if name in score.rewards} for score in scores
    ]
    return [
        msgspec.structs.replace(score, rewards=of, total=weigh(of, config))
        for score, of in zip(scores, rewards, strict=True)
    ]


def _language_instead(reward: Reward) -> str | None:
    """The one language that nearly all of a reasoning is in, where that is not the target."""
    if reward.value is None or reward.value > _MOST_IN_TARGET or reward.evidence is None:
        return None
    foreign: dict[str, float] = reward.evidence["foreign"]
    most = max(foreign, key=foreign.__getitem__)
    return most if foreign[most] >= _LEAST_IN_OTHER * sum(foreign.values()) else None


def score_trace(
    trace: Trace, grade: Grade | None, config: RewardsConfig, *, language: str | None, contract: str
) -> Score:
    """The rewards of one trace that need no other trace.

    `grade` is the answer's grade, None when there is no reference or no reply; `language` is the question's (ISO
    639-1), None when unknown; `contract` names one of `contracts.CONTRACTS`.
    """
    subject = subject_of(trace, grade, config, language=language, contract=contract)
    rewards = {name: take(name, subject, table) for name, table in config.listed().items() if name not in COMPARISONS}
    return Score(trace.id, grade, rewards, weigh(rewards, config))


def subject_of(
    trace: Trace, grade: Grade | None, config: RewardsConfig, *, language: str | None, contract: str
) -> Subject:
    """What the rewards of a config are taken of; the arguments are those of `score_trace`."""
    right = is_correct(grade, config.accuracy.approximate)
    return Subject(trace, grade, right, config.language_consistency.target or language, contract)


class Subject(msgspec.Struct, frozen=True):
    """What a reward is taken of: one trace, and what is known of it."""

    trace: Trace
    grade: Grade | None
    """None when there is no reference, or no reply."""
    right: bool | None
    """Whether the answer counts as right; None when its grade says nothing of the model."""
    language: str | None
    """The language that is wanted (ISO 639-1); None when unknown."""
    contract: str
    """The form that the prompt asked for: a name in `contracts.CONTRACTS`."""

    @property
    def reasoning(self) -> str | None:
        """The reasoning without its tags; None when the reply has none."""
        return read_completion(self.trace).reasoning

    @property
    def answer(self) -> str:
        """What follows the reasoning."""
        return read_completion(self.trace).answer


@dataclass(frozen=True)
class TraceGroup:
    """What a reward is taken of that compares the traces of one problem."""

    traces: Sequence[Trace]
    grades: Sequence[Grade | None]
    config: RewardsConfig

    @property
    def right(self) -> list[bool | None]:
        """Of each trace what `Subject.right` is."""
        return [is_correct(grade, self.config.accuracy.approximate) for grade in self.grades]

    @cached_property
    def classes(self) -> list[int | None]:
        """The number of each answer's class of equal answers; None for a trace that gives no answer."""
        extractor = self.config.accuracy.extractor
        answers = [find_answer(*of, extractor) for of in zip(self.traces, self.grades, strict=True)]
        return answer_classes(answers, question=self.traces[0].problem.question if self.traces else None)

    @property
    def voices(self) -> list[bool]:
        """Which of the traces have a vote in a majority."""
        return find_voices([read_completion(trace).text for trace in self.traces])


GradeUse = Literal["none", "known", "needed"]
"""Whether a reward reads the grade: not at all; where there is a reference; or it is nothing without one."""


class TraceReward(NamedTuple):
    """How the reward of one trace is taken, as its own config table says."""

    take: Callable[[Subject, Any], Reward]
    grade: GradeUse = "none"


class GroupReward(NamedTuple):
    """How a reward is taken that compares the traces of a problem: one for each trace, in their order."""

    take: Callable[[TraceGroup, Any], list[Reward]]
    grade: GradeUse = "none"


def grade_use(name: str) -> GradeUse:
    """Whether the reward of this name reads the grade; one of the config's own may."""
    known = MEASURES.get(name) or COMPARISONS.get(name)
    return known.grade if known else "known"


def take(name: str, subject: Subject, table: Any) -> Reward:
    """The reward of this name: one of MEASURES, or what a function of the config's own makes of the subject."""
    return MEASURES[name].take(subject, table) if name in MEASURES else _take_own(name, subject, table)


def _take_own(name: str, subject: Subject, table: CustomRewardConfig) -> Reward:
    own = Extension(f"rewards.custom.{name}.function", table.function, ("subject",), table.options)
    about = f"trace {subject.trace.id}"
    found = own.call(subject, about=about)
    if isinstance(found, Reward):
        return found
    if found is None:
        return Reward(None, "not_measured")
    if isinstance(found, int | float) and math.isfinite(found):
        return Reward(float(found))
    raise own.fail(about, found, "a finite number, a Reward or None")


def weigh(rewards: dict[str, Reward], config: RewardsConfig) -> float | None:
    """The weighted sum of rewards; None when one with a non-zero weight is None."""
    total = 0.0
    tables = config.listed()
    for name, reward in rewards.items():
        weight: float = tables[name].weight
        if not weight:
            continue
        if reward.value is None:
            return None
        total += weight * reward.value
    return total


def is_correct(grade: Grade | None, approximate: Literal["correct", "incorrect"]) -> bool | None:
    """Whether a graded answer counts as right; None when its grade says nothing of the model (no readable reference).

    An answer that cannot be decided is not right. `approximate` says how an answer counts that is equal only after
    rounding (`AccuracyConfig.approximate`). Adaptive sampling and scoring both ask here, so that they never disagree.
    """
    if grade is None:
        return None
    if grade.verdict == Verdict.UNVERIFIABLE:
        return False if grade.is_undecided else None
    if grade.verdict == Verdict.APPROXIMATE:
        return approximate == "correct"
    return grade.verdict == Verdict.CORRECT


def accuracy(grade: Grade | None, approximate: Literal["correct", "incorrect"] = "correct") -> Reward:
    """R1's accuracy reward: 1 when the answer equals the reference, 0 when not, None where that cannot be told."""
    if grade is None:
        return Reward(None, "not_graded")
    right = None if grade.verdict == Verdict.UNVERIFIABLE else is_correct(grade, approximate)
    return Reward(None if right is None else float(right), grade.verdict)


def language_consistency(trace: Trace, target: str | None) -> Reward:
    """R1's language reward: the share of the reasoning's words that are in the language `target`.

    None when there is no reasoning, too little of it, or no known target.
    """
    found = measure_language(trace, target)
    if isinstance(found, Reward):
        return found
    if found.score is None:
        return Reward(None, "too_little_text")
    foreign = {language: round(units, 1) for language, units in found.units.items() if language != target}
    evidence = {"target": target, "foreign": foreign, "longest_foreign_run": round(found.longest_foreign_run, 1)}
    if found.excerpt:
        evidence["excerpt"] = found.excerpt
    return Reward(round(found.score, 4), "mixed" if foreign else "", evidence)


def foreign_run(trace: Trace, target: str | None, most_words: float) -> Reward:
    """1 when no stretch of the reasoning in other languages is longer than `most_words`, else 0.

    The share of `language_consistency` hardly shows one foreign sentence among a hundred; this does. None like there.
    """
    found = measure_language(trace, target)
    if isinstance(found, Reward):
        return found
    if found.score is None and not found.longest_foreign_run:
        return Reward(None, "too_little_text")
    if found.longest_foreign_run <= most_words:
        return Reward(1.0)
    return Reward(0.0, "mixed", {"words": round(found.longest_foreign_run, 1), "excerpt": found.excerpt})


MEASURES: dict[str, TraceReward] = {
    "accuracy": TraceReward(lambda subject, table: accuracy(subject.grade, table.approximate), "needed"),
    "think_format": TraceReward(lambda subject, _: think_format(subject.trace, subject.contract)),
    "language_consistency": TraceReward(lambda subject, _: language_consistency(subject.trace, subject.language)),
    "foreign_run": TraceReward(lambda subject, table: foreign_run(subject.trace, subject.language, table.most_words)),
    "repetition": TraceReward(lambda subject, _: repetition(subject.trace)),
    "cosine_length": TraceReward(
        lambda subject, table: cosine_length(subject.trace, table, right=subject.right), "needed"
    ),
    "overlong": TraceReward(lambda subject, table: overlong(subject.trace, table)),
    "reasoning_markers": TraceReward(lambda subject, _: reasoning_markers(subject.trace)),
    "mixed_paragraphs": TraceReward(lambda subject, _: mixed_paragraphs(subject.trace, subject.language)),
    "code_blocks": TraceReward(lambda subject, _: code_blocks(subject.trace)),
    "long_paragraphs": TraceReward(lambda subject, table: long_paragraphs(subject.trace, table)),
    "asked_form": TraceReward(lambda subject, _: asked_form(subject.trace, subject.grade)),
    "thought_share": TraceReward(lambda subject, _: thought_share(subject.trace, right=subject.right), "known"),
}
"""Every reward of one trace."""
COMPARISONS: dict[str, GroupReward] = {
    "self_consistency": GroupReward(lambda group, _: self_consistency(group.classes, group.voices)),
    "kimi_length": GroupReward(lambda group, _: kimi_length(group.traces, group.right), "needed"),
}
"""Every reward that compares the traces of a problem."""
