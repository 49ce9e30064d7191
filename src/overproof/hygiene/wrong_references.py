"""Is a reference wrong? Where most traces agree on another answer it may be, or they may share a mistake.

How likely either is, the run itself says: how often its traces reach the reference, and how often wrong answers to one
problem are the same. Three traces that agree by chance are common, eight are not.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Self

import msgspec

from overproof.estimators.shrinkage import Prior, fit_prior, log_chance
from overproof.grading import answer_classes
from overproof.records import Grade, Score, Trace, Verdict

FEWEST_AGREEING = 3
"""Two traces may share a mistake; three independent ones that do so may be worth a look."""
LEAST_PROBABLE = 0.5
"""Probability from which a reference is suspect in any run: of those listed at least half should be wrong."""
_LEAST_LISTED = 0.2
_MOST_ALARMS = 0.01
"""Share of a run's problems that may be expected to be listed without cause before only probable ones are. To look at
a right reference costs a minute, to train against a wrong one spoils every trace of its problem."""
_FEWEST_WRONG = 2
_USUAL_SHARE = 0.05
"""Share of wrong references in the sets that people train on, before a run says anything of its own."""
_SHARE_WEIGHT = 30.0
_MOST_WRONG = 0.3
"""Share of wrong references beyond which a run does not say that most of its set is wrong, but that its teacher is."""
_USUAL_AGREEMENT: Mapping[tuple[int, int], float] = {(0, 3): 5, (1, 3): 2, (2, 3): 1.5, (3, 3): 1.5}
"""(of so many other wrong answers, these agree with one) of ten problems, taken to have been seen in every run:
without them the wrong answers of a small run would seem never to agree, or always."""
_USUAL_ABILITY: Mapping[tuple[int, int], float] = {(0, 4): 2, (1, 4): 1, (2, 4): 1, (3, 4): 2, (4, 4): 4}
"""(right, answers) of ten problems, to the same end."""
_BY_ACCIDENT = Prior(1.0, 19.0)
"""How often a trace that errs gives a wrong reference, half of which are nobody's mistake (a misprint)."""
_ROUNDS = 20
_MOST_COMPARED = 500
"""Problems of a shard whose wrong answers are compared."""
_RIGHT = {Verdict.CORRECT, Verdict.APPROXIMATE}


Tally = tuple[int, int, int, int]
"""Traces of a candidate that answer, that agree on another answer, that give the reference; and what a judge says, as
`SuspectReference.judged` has it."""
_USUAL_TRUST = (4, 5)
"""(right, of) opinions of a judge before it has been checked."""
_MOST_TRUSTED = 0.9
"""A judge may make the very mistake that the traces share, which no check on other problems shows."""


class SuspectReference(msgspec.Struct, frozen=True):
    """A reference that most traces disagree with while they agree with each other."""

    problem_id: str
    reference: str
    answer: str
    """What most traces answer, as the first of them writes it."""
    agreeing: int
    """How many traces gave that answer."""
    answered: int
    """How many traces gave any answer that has a verdict: more than half of them are `agreeing`."""
    supporting: int = 0
    """How many traces gave the reference."""
    judged: int = 0
    """1 where a judge holds with the traces, -1 where with the reference, 0 where it was not asked or cannot tell."""
    probability: float | None = None
    """That the reference is wrong, as the run's own rates have it; None before they are known."""
    is_suspect: bool = False
    """Whether that is enough for a person to look at it."""

    @property
    def tally(self) -> Tally:
        """The counts that its probability rests on."""
        return self.answered, self.agreeing, self.supporting, self.judged


class Agreement:
    """What a run shows of right references: how often they are reached, and how wrong answers agree. Can be added."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.ability: Counter[tuple[int, int]] = Counter()
        """Problems by (right answers, answers)."""
        self.wrong: defaultdict[tuple[int, int], float] = defaultdict(float)
        """Wrong answers, a problem's weighing one together, by (others that agree with it, other wrong answers); of
        problems whose reference some trace gives, which is hardly ever a wrong one."""
        self.checked = (0, 0)
        """(right, of) opinions of the judge on references that are known to be right."""
        self._compared = 0

    def note(self, grades: Sequence[Grade]) -> None:
        """Take in the grades of a problem's complete traces."""
        right = sum(grade.verdict in _RIGHT for grade in grades)
        wrong = [grade for grade in grades if grade.verdict == Verdict.INCORRECT]
        self.note_counts(right, len(wrong))
        if self.wants_wrong(right, len(wrong)):
            self.note_wrong([grade.extracted for grade in wrong])

    def note_counts(self, right: int, wrong: int, problems: int = 1) -> None:
        """Take in how many complete traces give the reference of a problem (or several), and how many do not."""
        if right + wrong:
            self.ability[right, right + wrong] += problems

    def wants_wrong(self, right: int, wrong: int) -> bool:
        """Whether the wrong answers to a problem tell how they agree: not for every problem, as that takes time."""
        return right > 0 and wrong >= _FEWEST_WRONG and self._compared < _MOST_COMPARED

    def note_wrong(self, answers: Sequence[str | None]) -> None:
        """Take in the wrong answers to a problem that some trace solved. Which are equal is told by their text."""
        texts = ["".join(answer.split()) for answer in answers if answer is not None]
        self._compared += 1
        if len(texts) >= _FEWEST_WRONG:
            for size in Counter(texts).values():
                self.wrong[size - 1, len(texts) - 1] += size / len(texts)

    def add(self, other: Self) -> None:
        """Take in what other problems have shown."""
        self.ability.update(other.ability)
        for counts, weight in other.wrong.items():
            self.wrong[counts] += weight
        self.checked = max(self.checked, other.checked)

    def find_suspects(
        self, candidates: Sequence[SuspectReference], among: Counter[Tally], least: float | None = None
    ) -> list[SuspectReference]:
        """Those of the candidates that are suspect, or wrong with at least this probability, the most probable first.

        `among` counts all of the run's candidates.
        """
        chances = self.probabilities(among)
        bound = self._bound(chances, among)
        judged = [
            msgspec.structs.replace(one, probability=chances[one.tally], is_suspect=chances[one.tally] >= bound)
            for one in candidates
        ]
        wanted = [one for one in judged if chances[one.tally] >= (bound if least is None else least)]
        return sorted(wanted, key=lambda one: -chances[one.tally])

    def count_suspects(self, among: Counter[Tally]) -> int:
        """How many of a run's candidates are suspect."""
        chances = self.probabilities(among)
        bound = self._bound(chances, among)
        return sum(among[tally] for tally, chance in chances.items() if chance >= bound)

    def _bound(self, chances: Mapping[Tally, float], among: Mapping[Tally, int]) -> float:
        """The probability from which a reference is suspect in this run.

        Half, and less as long as few of all problems are expected to be listed without cause.
        """
        allowed = _MOST_ALARMS * max(self.ability.total(), sum(among.values()))
        bound, alarms = LEAST_PROBABLE, 0.0
        for tally in sorted(chances, key=lambda one: -chances[one]):
            alarms += among[tally] * (1 - chances[tally])
            if alarms > allowed or chances[tally] < _LEAST_LISTED:
                break
            bound = min(bound, chances[tally])
        return bound

    def probabilities(self, candidates: Mapping[Tally, int]) -> dict[Tally, float]:
        """How probable it is that a reference is wrong, for each tally of a run's candidates with their number.

        The share of wrong references among all problems is found from the candidates by expectation-maximisation; of
        wrong references as many come to be candidates as right ones are given by most traces.
        """
        able = fit_prior(_together(self.ability, _USUAL_ABILITY), caution=0)
        agree = fit_prior(_together(self.wrong, _USUAL_AGREEMENT), caution=0)
        ratios = {tally: _ratio(tally, able, agree) * self._trust() ** tally[3] for tally in candidates}
        problems = max(self.ability.total(), sum(candidates.values()))
        share = _USUAL_SHARE
        for _ in range(_ROUNDS):
            found = math.fsum(number * _posterior(share, ratios[tally]) for tally, number in candidates.items())
            share = (found / self._shown() + _USUAL_SHARE * _SHARE_WEIGHT) / (problems + _SHARE_WEIGHT)
            share = min(share, _MOST_WRONG)
        return {tally: _posterior(share, ratio) for tally, ratio in ratios.items()}

    def _trust(self) -> float:
        """How much likelier the judge is to say what is so than what is not."""
        right, asked = self.checked[0] + _USUAL_TRUST[0], self.checked[1] + _USUAL_TRUST[1]
        share = min(max(right / asked, 0.5), _MOST_TRUSTED)
        return share / (1 - share)

    def _shown(self) -> float:
        """Share of problems most of whose traces, and at least three, give the reference."""
        by_most = sum(
            number for (right, total), number in self.ability.items() if right >= FEWEST_AGREEING and 2 * right > total
        )
        return (by_most + 1) / (self.ability.total() + 1)


def _together(
    seen: Mapping[tuple[int, int], float], usual: Mapping[tuple[int, int], float]
) -> dict[tuple[int, int], float]:
    return {counts: seen.get(counts, 0) + usual.get(counts, 0) for counts in seen.keys() | usual.keys()}


def _posterior(share: float, ratio: float) -> float:
    return share * ratio / (share * ratio + 1 - share)


def _ratio(tally: Tally, able: Prior, agree: Prior) -> float:
    """How much likelier a candidate's answers are when its reference is wrong than when it is right.

    When it is right, so many traces reach it and so many of the others share a mistake; when it is wrong, so many reach
    the answer that most give, and of the others some give the reference: by accident, or as it is a likely mistake.
    """
    answered, agreeing, supporting, _ = tally
    right = log_chance(able, supporting, answered) + log_chance(agree, agreeing - 1, answered - supporting - 1)
    hits = (math.exp(log_chance(prior, supporting, answered - agreeing)) for prior in (_BY_ACCIDENT, agree))
    wrong = log_chance(able, agreeing, answered) + math.log(sum(hits) / 2)
    return math.exp(min(wrong - right, 300.0))


def find_candidate(traces: Sequence[Trace], scores: Mapping[str, Score]) -> SuspectReference | None:
    """The problem's reference when most answers of its traces are the same and differ from it; else None.

    `traces` are those of one problem, `scores` by trace id. Traces without a verdict or without an answer (cut,
    refused, unverifiable) do not count. At least three must agree, and they must be more than half of those that
    count. Equal means equivalent as grading judges it. `Agreement.judge` says how probable it is that the reference is
    wrong.
    """
    wrong: list[str] = []
    right = 0
    for trace in traces:
        grade = scores[trace.id].grade if trace.id in scores else None
        if not trace.is_complete or grade is None or grade.extracted is None:
            continue
        right += grade.verdict in _RIGHT
        if grade.verdict == Verdict.INCORRECT:
            wrong.append(grade.extracted)
    answered = right + len(wrong)
    if len(wrong) < FEWEST_AGREEING or 2 * len(wrong) <= answered:
        return None
    problem = traces[0].problem
    classes = answer_classes(wrong, question=problem.question)
    largest, agreeing = Counter(one for one in classes if one is not None).most_common(1)[0]
    if problem.reference is None or agreeing < FEWEST_AGREEING or 2 * agreeing <= answered:
        return None
    return SuspectReference(
        problem.id, problem.reference, wrong[classes.index(largest)], agreeing, answered, supporting=right
    )


def find_lone_answer(traces: Sequence[Trace], scores: Mapping[str, Score]) -> str | None:
    """A wrong answer to a problem whose reference most of its traces give, and at least three; else None.

    The reference of such a problem is hardly ever wrong.
    """
    grades = [scores[trace.id].grade for trace in traces if trace.is_complete and trace.id in scores]
    right = sum(grade.verdict in _RIGHT for grade in grades if grade is not None)
    wrong = [grade.extracted for grade in grades if grade is not None and grade.verdict == Verdict.INCORRECT]
    told = [answer for answer in wrong if answer is not None]
    return told[0] if told and right >= FEWEST_AGREEING and right > len(wrong) else None
