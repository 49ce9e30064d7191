"""The other paid stage: a judge model says whether an answer equals the reference where the rules cannot tell.

    cases     scores → the answers that are open, and a random sample of decided ones to check the judge on
    asking    an answer → messages; a reply → one verdict word, or none
    ledger    what the judge has said, journalled: nothing is paid for twice
    outcome   how many answers it settled, and how often it agrees with the rules

The judge never sees or scores reasoning: only question, reference and extracted answer. Its verdicts are grades of
the layer `judge`, so that they are counted apart everywhere. It spends from the run's own budget; what it cannot be
asked, refuses or answers with anything but a verdict stays unverifiable. Adaptive sampling goes by the rules alone.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import msgspec

from overproof import teacher
from overproof.config import RunConfig
from overproof.config.endpoint import JudgeConfig
from overproof.errors import ConfigError, EndpointError
from overproof.journal import Journal, write_bytes
from overproof.judge.cases import Case, draw, find_cases, is_whole
from overproof.judge.hearing import build_messages, longest_prompt_tokens, read_choice, read_verdict
from overproof.judge.outcome import JudgeSummary, read_summary, sum_up
from overproof.judge.verdicts import (
    DOUBTS,
    Judgement,
    Opinions,
    Verdicts,
    key_of,
    read_opinions,
    read_spent,
    read_verdicts,
    settle_by_judge,
)
from overproof.records import PreparedProblem, Usage
from overproof.runfolder import RunFolder
from overproof.stopping import GRACE_SECONDS
from overproof.teacher import Dialect, Teacher, connect, run_to_end
from overproof.teacher.budget import Amount, Budget, Prices, check_budget, show_money
from overproof.teacher.dispatch import Dispatch, Request
from overproof.teacher.interrupts import interruptible
from overproof.teacher.parameters import worst_case
from overproof.teacher.reply import Failure, Reply, kept_of

MAX_REPLY_SHOWN = 200
"""The journal keeps so many characters of a reply: one word was asked for."""


class JudgeOutlook(msgspec.Struct, frozen=True):
    """What the judge would be asked and may cost at the most."""

    model: str
    answers: int
    """Answers it would be asked about."""
    tokens: int
    cost: Decimal | None
    """None without prices."""
    currency: str
    is_bound: bool
    """Whether this is what sampling may leave open at the most, before anything is sampled."""

    def lines(self) -> list[str]:
        """The outlook for people, a line a fact."""
        what = f"judge {self.model}: {self.answers:,} answers to ask about"
        if self.is_bound:
            what = f"judge {self.model}: at most {self.answers:,} answers, if the rules could decide none"
        cost = "no prices given (judge.prices)" if self.cost is None else show_money(self.cost, self.currency)
        return [f"{what}; {self.tokens:,} tokens and {cost} at the very most"]


class Asked(msgspec.Struct, frozen=True):
    """How far asking the judge has come."""

    done: int
    total: int


Listener = Callable[[JudgeOutlook | Asked | str], None]
"""Told the outlook before the first call, then the progress, and in words what goes wrong."""


class Heard(msgspec.Struct, frozen=True):
    """What came of asking the judge."""

    asked: int
    """Answers, or references, that it was asked about now."""
    is_over: bool
    """Whether nothing is left that the same command would ask again."""
    unsettled: Sequence[int] = ()
    """Shards whose scores do not say yet what it said."""


def check_judge(config: RunConfig) -> None:
    """Raise ConfigError where the judge could not be asked as configured. Sends nothing."""
    if config.judge is not None:
        with _named_judge():
            teacher.check_settings(config.judge)
            check_budget(config.budget, Dialect(config.judge).most_reply_tokens)


def bound(config: RunConfig, problems: Iterable[PreparedProblem]) -> JudgeOutlook | None:
    """What a run can come to ask at the most, whatever is sampled; None without a judge."""
    if config.judge is None:
        return None
    answers = prompts = 0
    for one in problems:
        if one.problem.reference is not None:
            samples = config.sampling.most + one.more + config.judge.doubts
            answers += samples
            prompts += samples * longest_prompt_tokens(one.problem.question, one.problem.reference)
    return _outlook(config, config.judge, answers, prompts, is_bound=True)


def consult(
    config: RunConfig,
    folder: RunFolder,
    shards: Sequence[int],
    *,
    spent: Amount,
    tell: Listener,
    grace: float = GRACE_SECONDS,
) -> Heard:
    """Ask the judge what it has not been asked yet.

    `spent` is what the run has spent before. The run must be scored. An endpoint that cannot be used ends this with
    a warning, not with an error: sampling is paid for already. Raises ConfigError before the first call, and
    KeyboardInterrupt after an interrupt, which is waited for as in sampling (after SIGTERM no longer than `grace`
    seconds); everything answered is in the journal by then.
    """
    judge = config.judge
    if judge is None:
        return Heard(0, is_over=True)
    check_judge(config)
    model = Dialect(judge).model
    found = find_cases(folder, shards, judge)
    known = read_verdicts(folder, model)
    wanted = dict.fromkeys([*found.open, *(check.case for check in found.checks)], False)
    asker = _Asker(model, wanted, known, Prices(judge.prices), tell)
    pending = len(asker.pending)
    trouble = _ask(config, folder.judgements(), asker, spent, grace)
    if trouble:
        tell(f"{trouble} {len(asker.pending):,} answers stay as the rules left them; the same command asks again.")
    summary = sum_up(found, known, model, currency=config.budget.currency, trouble=trouble, spent=read_spent(folder))
    write_bytes(folder.judge_summary, msgspec.json.format(msgspec.json.encode(summary)) + b"\n")
    unsettled = [
        shard
        for shard, rows in found.unsettled.items()
        if any(known.get(key_of(case, model)) is not None for case in rows)
    ]
    return Heard(pending - len(asker.pending), not asker.pending, unsettled)


def weigh(
    config: RunConfig,
    folder: RunFolder,
    wanted: Mapping[Case, bool],
    *,
    spent: Amount,
    tell: Listener,
    grace: float = GRACE_SECONDS,
) -> Heard:
    """Ask which of reference and answer is right, where that has not been asked.

    `wanted` says of each case whether it is a check: traces have shown the reference to be right. As with `consult`,
    `spent` is what the run has spent before, and an endpoint that cannot be used is told.
    """
    judge = config.judge
    if judge is None or not judge.doubts:
        return Heard(0, is_over=True)
    model = Dialect(judge).model
    known = read_verdicts(folder, model)
    asker = _Asker(model, wanted, known, Prices(judge.prices), tell)
    pending = len(asker.pending)
    trouble = _ask(config, folder.judgements(DOUBTS), asker, spent, grace)
    if trouble:
        tell(f"{trouble} {len(asker.pending):,} references stay without an opinion; the same command asks again.")
    return Heard(pending - len(asker.pending), not asker.pending)


def _ask(config: RunConfig, journal: Path, asker: _Asker, spent: Amount, grace: float) -> str:
    """Ask what is pending, if anything; returns what stopped that, or nothing."""
    judge = config.judge
    if judge is None or not asker.pending:
        return ""
    prompts = sum(worst_case(build_messages(case), None).prompt_tokens or 0 for case in asker.pending)
    asker.tell(_outlook(config, judge, len(asker.pending), prompts, is_bound=False))
    return run_to_end(asker.run(judge, journal, Budget(config.budget, spent), grace))


class _Asker:
    """A session with the judge: a source of requests, and what becomes of the replies."""

    def __init__(
        self, model: str, wanted: Mapping[Case, bool], known: Verdicts, prices: Prices, tell: Listener
    ) -> None:
        self.pending = {case: is_check for case, is_check in wanted.items() if key_of(case, model) not in known}
        """What has no line in the journal yet, and whether it is a check of the judge's opinion of references."""
        self._model = model
        self._known = known
        self._prices = prices
        self.tell = tell
        self._total = len(self.pending)
        self._queue = iter(list(self.pending))

    async def run(self, judge: JudgeConfig, journal: Path, budget: Budget, grace: float) -> str:
        """Ask until nothing is pending; returns what stopped that, or nothing."""
        self._journal = Journal(journal)
        try:
            with _named_judge():
                async with connect(judge) as model:
                    return await self._ask(model, budget, grace)
        except EndpointError as error:
            return str(error).replace("teacher.", "judge.")
        finally:
            self._journal.close()

    async def _ask(self, model: Teacher, budget: Budget, grace: float) -> str:
        dispatch = Dispatch(model, self, purse=budget, prices=self._prices, changed=asyncio.Event(), notice=self.tell)
        with interruptible(dispatch, self.tell, grace):
            await dispatch.run()
        if dispatch.is_capped:
            return "The budget is used up."
        return "The judge failed on the rest." if self.pending else ""

    def next(self) -> Request | None:
        """The next answer to ask about."""
        case = next(self._queue, None)
        if case is None:
            return None
        seed = int.from_bytes(key_of(case, self._model)[:4], "big") >> 1
        return Request(build_messages(case), seed, case)

    def is_waiting(self) -> bool:
        """Never: all answers are known before the first request."""
        return False

    def reply(self, request: Request, reply: Reply) -> None:
        """Write down what the judge said."""
        self._write(request, reply, None)

    def refused(self, request: Request, failure: Failure) -> None:
        """Write down that the judge will not say."""
        self._write(request, kept_of(failure), failure.state)

    def given_up(self, request: Request, failure: Failure) -> None:
        """Leave an answer for the next time; it stays pending."""

    def _write(self, request: Request, reply: Reply, error: str | None) -> None:
        case: Case = request.tag
        paid = self._prices.of(reply.usage) + self._prices.of(request.retried)
        paid += self._prices.of_worst(request.unreported)
        is_whole = error is None and reply.finish_reason == "stop"
        read = functools.partial(read_choice, case) if case.asked == "right" else read_verdict
        verdict = read(reply.content) if is_whole else None
        said = reply.content[:MAX_REPLY_SHOWN]
        usage, is_check = reply.usage, self.pending.pop(case)
        line = Judgement(case, self._model, verdict, said, error, usage, paid.tokens, paid.cost, is_check)
        self._journal.append(line)
        self._known[key_of(case, self._model)] = verdict
        self.tell(Asked(self._total - len(self.pending), self._total))


def _outlook(config: RunConfig, judge: JudgeConfig, answers: int, prompts: int, *, is_bound: bool) -> JudgeOutlook:
    dialect = Dialect(judge)
    worst = Usage(prompt_tokens=prompts, completion_tokens=answers * (dialect.most_reply_tokens or 0))
    amount = Prices(judge.prices).of_worst(worst)
    cost = amount.cost if judge.prices.has_prices else None
    return JudgeOutlook(dialect.model, answers, amount.tokens, cost, config.budget.currency, is_bound)


@contextmanager
def _named_judge() -> Iterator[None]:
    """Errors about an endpoint's config name the judge's keys."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(str(error).replace("teacher.", "judge.")) from None


__all__ = [
    "DOUBTS",
    "Asked",
    "Case",
    "Heard",
    "JudgeOutlook",
    "JudgeSummary",
    "Listener",
    "Opinions",
    "bound",
    "check_judge",
    "consult",
    "draw",
    "is_whole",
    "read_opinions",
    "read_spent",
    "read_summary",
    "settle_by_judge",
    "weigh",
]
