"""What there is and what is missing, found out before a token is paid for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec

from overproof.errors import InputError
from overproof.journal import Span, read_span
from overproof.judge.verdicts import read_spent
from overproof.records import PreparedProblem, Trace, Usage
from overproof.runfolder import RunFolder
from overproof.sampling.forecast import Outlook
from overproof.sampling.resume import Earlier, Journaled, read_journal
from overproof.sampling.reuse import refuse
from overproof.sampling.settings import Asking, Settings
from overproof.teacher.budget import Amount, Prices, show_money
from overproof.teacher.parameters import worst_case


class Inventory(msgspec.Struct, frozen=True):
    """The state of a run's traces when a session begins."""

    outlook: Outlook
    journals: list[Journaled]
    """One for each shard, in order."""
    samples_done: int
    """Samples of the problems' wanted ones that are in the journal."""
    samples: int
    """Samples that are surely wanted."""

    def read_traces(self) -> Iterator[Trace]:
        """The traces that are in the journals as they were written, problem by problem."""
        for journaled in self.journals:
            for earlier in journaled.samples.values():
                for path, span in earlier.places.values():
                    with path.open("rb") as file:
                        yield read_span(file, span, Trace)


def take_inventory(settings: Settings, folder: RunFolder, shards: Sequence[int]) -> Inventory:
    """Read every journal and check every problem against it.

    Raises InputError naming a problem with nothing to ask, and RunFolderError naming what has changed where a trace
    was sampled with other settings or for another text than would be used now.
    """
    found = inventory_traces(settings, folder, shards)
    return add_judged(found, folder)


def add_judged(found: Inventory, folder: RunFolder) -> Inventory:
    """An inventory with what the judge has cost the run, which is no shard's and is counted once."""
    outlook = found.outlook
    spent = outlook.spent + read_spent(folder)
    return msgspec.structs.replace(found, outlook=msgspec.structs.replace(outlook, spent=spent))


def inventory_traces(settings: Settings, folder: RunFolder, shards: Sequence[int]) -> Inventory:
    """`take_inventory` of what these shards hold alone; such inventories add up. Raises as `take_inventory` does."""
    prices = Prices(settings.config.budget)
    count = _Sums(settings)
    journals = []
    spent = Amount()
    for shard in shards:
        journaled = read_journal(folder, shard, prices)
        spent += journaled.spent
        for prepared in folder.read_problems(shard):
            earlier = journaled.samples.get(prepared.problem.id)
            _check_question(prepared)
            asking = settings.ask(prepared)
            if earlier is not None:
                _check_unchanged(settings, asking, earlier, journaled.mixed.get(prepared.problem.id))
                if "refused" not in settings.config.sampling.retry:
                    earlier.accept_refusals(asking.fingerprint)
            if settings.is_meant(prepared.problem):
                count.add(asking, earlier)
        journals.append(journaled)
    outlook = count.outlook(prices, spent)
    return Inventory(outlook, journals, count.samples_done, count.samples_done + outlook.requests_least)


class _Sums:
    """Sums over problems."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.problems = self.problems_done = self.samples_done = 0
        self.least = self.most = self.unfit = 0
        self.worst_prompt = 0

    def add(self, asking: Asking, earlier: Earlier | None) -> None:
        have = earlier.places if earlier is not None else {}
        most = self.settings.most(asking.prepared)
        least_missing = sum(index not in have for index in range(self.settings.least(asking.prepared)))
        most_missing = sum(index not in have for index in range(most))
        self.problems += 1
        self.unfit += asking.prepared.is_unfit
        self.problems_done += not most_missing
        self.samples_done += most - most_missing
        self.least += least_missing
        self.most += most_missing
        self.worst_prompt += most_missing * (worst_case(asking.messages, None).prompt_tokens or 0)

    def outlook(self, prices: Prices, spent: Amount) -> Outlook:
        bound = self.settings.dialect.most_reply_tokens
        reply = None if bound is None else self.most * bound
        worst = Usage(prompt_tokens=self.worst_prompt, completion_tokens=reply)
        budget = self.settings.config.budget
        cost: Decimal | None = None
        if budget.has_prices and (reply is not None or not self.most):
            cost = prices.of_worst(worst).cost
        return Outlook(
            problems=self.problems,
            problems_done=self.problems_done,
            problems_unfit=self.unfit,
            requests_least=self.least,
            requests_most=self.most,
            worst=worst,
            worst_cost=cost,
            spent=spent,
            currency=budget.currency,
            list_cost=self._list_cost(worst),
            expected=self._expect(spent),
            samples_done=self.samples_done,
        )

    def _list_cost(self, worst: Usage) -> str:
        listed = self.settings.list_price
        if listed is None or worst.completion_tokens is None:
            return ""
        cost = Prices(listed.prices).of_worst(worst).cost
        return f"{show_money(cost, listed.currency)} at the very most, {listed.note}"

    def _expect(self, spent: Amount) -> str:
        """By the mean of the samples that are there: an expectation also where nothing bounds a reply."""
        if not self.samples_done or not self.most:
            return ""
        rest = spent.tokens * self.most // self.samples_done
        cost = spent.cost * self.most / self.samples_done
        money = f", {show_money(cost, self.settings.config.budget.currency)}" if cost else ""
        return f"about {rest:,} tokens{money} if the rest goes on like the {self.samples_done:,} samples that are there"


def _check_question(prepared: PreparedProblem) -> None:
    if not prepared.problem.question.strip():
        raise InputError(
            f"Problem '{prepared.problem.id}' has an empty question. An endpoint would answer it with something "
            "made up, for money; remove it from the problem file."
        )


def _check_unchanged(settings: Settings, asking: Asking, earlier: Earlier, other: tuple[Path, Span] | None) -> None:
    """`other` is a line of the same problem under another fingerprint, where there is one."""
    if earlier.fingerprint not in {None, asking.fingerprint}:
        raise refuse(settings, asking, *next(iter(earlier.places.values())))
    if other is not None:
        raise refuse(settings, asking, *other)
