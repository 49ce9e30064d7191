"""What all shards of a run share: how a problem is put to the teacher, and how its traces are recorded."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

import msgspec

from overproof.config import RunConfig
from overproof.prompts import build_messages
from overproof.records import Message, PreparedProblem, Problem, Trace
from overproof.sampling.identity import Identity
from overproof.sampling.plan import wanted_samples
from overproof.teacher import Dialect
from overproof.teacher.budget import check_budget
from overproof.teacher.dispatch import Request
from overproof.teacher.prices import ListPrice, find_list_price
from overproof.teacher.reply import Failure, Reply


class Asking(msgspec.Struct, frozen=True):
    """A problem as it is put to the teacher."""

    prepared: PreparedProblem
    messages: list[Message]
    fingerprint: str


class Settings:
    """A run's config with what follows from it."""

    def __init__(self, config: RunConfig, only: Container[str] | None = None) -> None:
        """Raises ConfigError where the teacher or the budget cannot be run as written.

        `only` names the problems that are asked in this session; None asks all.
        """
        self.config = config
        self._only = only
        self.dialect = Dialect(config.teacher)
        check_budget(config.budget, self.dialect.most_reply_tokens)
        self.list_price: ListPrice | None = None
        """What the provider's list says, where the config gives no prices."""
        if not config.budget.has_prices:
            self.list_price = find_list_price(self.dialect.profile.name, self.dialect.model)
        self.identity = Identity(self.dialect, config.sampling.seed)

    def ask(self, prepared: PreparedProblem) -> Asking:
        """The messages and the fingerprint of a problem."""
        prompt = self.config.prompt
        messages = build_messages(
            prepared.problem.question,
            template=prompt.template,
            system=prompt.system,
            language=prompt.language or prepared.language,
        )
        return Asking(prepared, messages, self.identity.fingerprint(messages))

    def needs_verdicts(self, prepared: PreparedProblem) -> bool:
        """Whether the number of a problem's samples depends on what is correct among them."""
        is_gradable = prepared.problem.reference is not None and prepared.reference_issue is None
        return self.config.sampling.is_adaptive and is_gradable and self._is_asked(prepared)

    def least(self, prepared: PreparedProblem) -> int:
        """How many samples a problem surely wants: none where whatever comes back would be rejected."""
        return self.config.sampling.least + prepared.more if self._is_asked(prepared) else 0

    def is_meant(self, problem: Problem) -> bool:
        """Whether this session is about a problem at all."""
        return self._only is None or problem.id in self._only

    def _is_asked(self, prepared: PreparedProblem) -> bool:
        return not prepared.is_unfit and self.is_meant(prepared.problem)

    def most(self, prepared: PreparedProblem) -> int:
        """How many samples a problem can come to want."""
        if self.needs_verdicts(prepared):
            return self.config.sampling.most + prepared.more
        return self.least(prepared)

    def wanted(self, prepared: PreparedProblem, verdicts: dict[int, bool | None]) -> int:
        """How many samples a problem should have, by what is known of it; the least where nothing can be judged.

        Those that it is to have for a suspect reference come after all that the rule asks for. No pass rate rests on
        them: it rests on the first `n`, or on those up to the one at which the rule stops.
        """
        if self.needs_verdicts(prepared):
            return wanted_samples(verdicts, self.config.sampling) + prepared.more
        return self.least(prepared)

    def trace(
        self,
        asking: Asking,
        index: int,
        parameters: dict[str, Any],
        reply: Reply,
        *,
        cost: Request,
        refusal: Failure | None,
    ) -> Trace:
        """The record of a reply, or of a refusal for good; `cost` carries what its failed attempts took."""
        served_by = None if self.dialect.is_served_as(reply.model) else reply.model
        return Trace(
            problem=asking.prepared.problem,
            index=index,
            fingerprint=asking.fingerprint,
            teacher=self.dialect.model,
            profile=self.dialect.profile.name,
            messages=asking.messages,
            parameters=parameters,
            content=reply.content,
            reasoning=reply.reasoning,
            channel=reply.channel,
            finish_reason=reply.finish_reason or None,
            usage=reply.usage,
            retried_usage=cost.retried,
            unreported_usage=cost.unreported,
            seconds=reply.seconds,
            request_id=reply.request_id,
            attempts=cost.attempts,
            error=refusal.state if refusal else None,
            refusal=refusal.words if refusal else None,
            aside=reply.aside,
            served_by=served_by,
            marks=[*reply.marks, *(["other_model"] if served_by else [])],
        )
