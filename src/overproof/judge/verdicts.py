"""What the judge has said, one journal line an answer: paid for once, whatever is scored again later."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from decimal import Decimal

import msgspec

from overproof.journal import read_records
from overproof.judge.cases import LAYER, Case, case_of, is_open
from overproof.records import Grade, Trace, Usage, Verdict
from overproof.runfolder import RunFolder
from overproof.teacher.budget import Amount

DOUBTS = 1
"""The part of the journal with what is asked about references."""
_RULES = "; the rules: "
"""Between what the judge says and what the rules say, in the reason of a grade that it has settled."""

Verdicts = dict[bytes, bool | None]
"""By key, what the judge said: equal, different, or neither."""


class Judgement(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answer put to the judge, and what came of it."""

    case: Case
    judge: str
    """The model that was asked."""
    equal: bool | None
    """Whether the answer equals the reference, or is right and the reference is not; None where the reply says
    neither."""
    reply: str = ""
    """The beginning of the reply."""
    error: str | None = None
    """Name of a permanent refusal."""
    usage: Usage = Usage()
    tokens: int = 0
    """Charged to the budget, failed attempts included."""
    cost: Decimal = Decimal(0)
    """The same in money, at the prices of the day."""
    is_check: bool = False
    """Whether it was asked which of the two is right although traces have shown that the reference is."""


class Opinions(msgspec.Struct, frozen=True):
    """What a judge says of references that traces contradict, and how far it is to be trusted in that."""

    said: dict[tuple[str, str, str], bool] = {}
    """By question, reference and answer, whether the answer is right and the reference is not."""
    right: int = 0
    """Of the references that traces have shown to be right, so many it called right."""
    asked: int = 0
    """Of so many on which it gave an opinion."""

    def on(self, question: str, reference: str, answer: str) -> int:
        """1 where it holds the answer to be right, -1 where the reference, 0 where it was not asked or cannot tell."""
        is_wrong = self.said.get((question, reference, answer))
        return 0 if is_wrong is None else 1 if is_wrong else -1


def key_of(case: Case, model: str) -> bytes:
    """What an answer is known by: question, reference, answer and the judge's model."""
    return hashlib.blake2b(msgspec.json.encode([case, model]), digest_size=16).digest()


def read_verdicts(folder: RunFolder, model: str) -> Verdicts:
    """All that this judge has said in this run. Of two lines on one answer the first counts."""
    verdicts: Verdicts = {}
    for part in folder.judgement_parts():
        for one in read_records(part, Judgement):
            if one.judge == model:
                verdicts.setdefault(key_of(one.case, model), one.equal)
    return verdicts


def read_replies(folder: RunFolder) -> Callable[[Trace, Grade], dict[str, str]]:
    """A function from a trace and its grade to what judges replied about its answer, by model; empty where none was.

    The trace must carry the reference of now, as a case does. A refusal stands in place of its reply.
    """
    replies: dict[bytes, dict[str, str]] = {}
    for part in folder.judgement_parts():
        for one in read_records(part, Judgement):
            of_case = replies.setdefault(key_of(one.case, ""), {})
            of_case.setdefault(one.judge, one.reply if one.error is None else one.error)
    return lambda trace, grade: replies.get(key_of(case_of(trace, grade), ""), {})


def read_opinions(folder: RunFolder) -> Opinions:
    """What the judge that was asked last says of references; of two lines on one the first counts."""
    path = folder.judgements(DOUBTS)
    lines = list(read_records(path, Judgement)) if path in folder.judgement_parts() else []
    said: dict[tuple[str, str, str], bool] = {}
    checks: dict[Case, bool] = {}
    for one in lines:
        if one.judge != lines[-1].judge or one.equal is None:
            continue
        if one.is_check:
            checks.setdefault(one.case, not one.equal)
        else:
            said.setdefault((one.case.question, one.case.reference, one.case.answer), one.equal)
    return Opinions(said, sum(checks.values()), len(checks))


def read_spent(folder: RunFolder) -> Amount:
    """What judgements have cost this run, those of other judges included."""
    spent = Amount()
    for part in folder.judgement_parts():
        for one in read_records(part, Judgement):
            spent += Amount(one.tokens, one.cost)
    return spent


def settle_by_judge(folder: RunFolder, model: str) -> Callable[[Trace, Grade | None], Grade | None]:
    """A function from a trace and its grade by the rules to its grade with what the judge has said."""
    verdicts = read_verdicts(folder, model)

    def settle(trace: Trace, grade: Grade | None) -> Grade | None:
        if grade is None or not is_open(grade):
            return grade
        equal = verdicts.get(key_of(case_of(trace, grade), model))
        if equal is None:
            return grade
        verdict = Verdict.CORRECT if equal else Verdict.INCORRECT
        said = "equal" if equal else "different"
        return Grade(verdict, grade.extracted, LAYER, f"{model} says {said}{_RULES}{grade.reason}")

    return settle


def rules_of(grade: Grade) -> str:
    """Why the rules decided as they did, or why they did not where the judge has settled the grade."""
    return grade.reason.partition(_RULES)[2] if grade.layer == LAYER and _RULES in grade.reason else grade.reason
