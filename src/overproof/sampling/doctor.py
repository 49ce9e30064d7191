"""One real call to each endpoint before a run is paid for: does it answer, does it reason, what will it cost?"""

from __future__ import annotations

import asyncio
import difflib
from decimal import Decimal

import msgspec

from overproof.completion import split_completion
from overproof.config import RunConfig
from overproof.records import PreparedProblem, Problem, Usage
from overproof.sampling.settings import Settings
from overproof.teacher import Endpoint, Teacher, connect
from overproof.teacher.budget import Prices, show_money
from overproof.teacher.reply import Failure, Reply

EXAMPLE = PreparedProblem(Problem("doctor", "What is the sum of the first ten odd numbers?", "100"), language="en")
"""Asked when the config's problems are not at hand."""

_SILENCE = frozenset({"unreachable", "connection", "deadline"})
_LONGEST_ANSWER = 200


class Diagnosis(msgspec.Struct, frozen=True):
    """What one call to one endpoint has shown."""

    endpoint: str
    model: str
    models: list[str] | None
    """Names of the models the endpoint lists; None when it lists none."""
    outcome: Reply | Failure
    """The reply as sampling would have got it, or what went wrong."""
    run_samples: tuple[int, int]
    """Samples the run makes at the least and at the most."""
    run_tokens: tuple[int, int] | None
    """Tokens of the run, least and most samples, if every reply is like this one; None when it reported no usage."""
    run_cost: tuple[Decimal, Decimal] | None
    """The same in money; None without prices."""
    currency: str
    advice: list[str]
    """What to change, most important first; empty when all is well."""

    @property
    def is_well(self) -> bool:
        """Whether a run can start."""
        return isinstance(self.outcome, Reply) and not self.advice

    @property
    def is_reachable(self) -> bool:
        """Whether the endpoint answered at all."""
        return isinstance(self.outcome, Reply) or self.outcome.state not in _SILENCE

    @property
    def is_model_known(self) -> bool | None:
        """Whether the endpoint lists the model; None when it lists none."""
        return None if self.models is None else self.model in self.models

    def lines(self) -> list[str]:
        """The diagnosis for people, a fact a line."""
        known = {True: "known to the endpoint", False: "NOT in the endpoint's list", None: "the endpoint lists none"}
        told = [
            f"endpoint   {self.endpoint}: {'answers' if self.is_reachable else 'NOT reachable'}",
            f"model      {self.model}: {known[self.is_model_known]}",
        ]
        if isinstance(self.outcome, Failure):
            told.append(f"failed     {self.outcome.state} after {self.outcome.seconds:.1f} s: {self.outcome.message}")
        else:
            told += _describe_reply(self.outcome)
        if self.run_tokens is not None:
            samples, tokens = _span(self.run_samples), _span(self.run_tokens)
            told.append(f"whole run  {samples} samples, about {tokens} tokens if all are like this one")
        if self.run_cost is not None:
            low, high = (show_money(cost, self.currency) for cost in self.run_cost)
            told.append(f"           about {low if low == high else f'{low} to {high}'}")
        return [*told, *(f"! {line}" for line in self.advice)]


def diagnose(config: RunConfig, problems: int, example: PreparedProblem = EXAMPLE) -> list[Diagnosis]:
    """Ask each endpoint of the teacher one question, `example`, for a run over so many problems.

    Raises ConfigError like a run does; whatever an endpoint does is in its diagnosis.
    """
    return asyncio.run(_diagnose(config, problems, example))


async def _diagnose(config: RunConfig, problems: int, example: PreparedProblem) -> list[Diagnosis]:
    settings = Settings(config)
    async with connect(config.teacher) as teacher:
        visits = (_visit(settings, teacher, endpoint, problems, example) for endpoint in teacher.endpoints)
        return list(await asyncio.gather(*visits))


async def _visit(
    settings: Settings, teacher: Teacher, endpoint: Endpoint, problems: int, example: PreparedProblem
) -> Diagnosis:
    asking = settings.ask(example)
    seed = settings.identity.seed_of(example.problem.id, 0)
    models, outcome = await asyncio.gather(
        endpoint.client.list_models(), teacher.attempt(endpoint, asking.messages, seed)
    )
    names = models if isinstance(models, list) and models else None
    samples = (problems * settings.config.sampling.least, problems * settings.config.sampling.most)
    tokens, cost = _project(settings, outcome.usage, samples)
    return Diagnosis(
        endpoint=endpoint.name,
        model=settings.dialect.model,
        models=names,
        outcome=outcome,
        run_samples=samples,
        run_tokens=tokens,
        run_cost=cost,
        currency=settings.config.budget.currency,
        advice=_advise(settings, outcome, names),
    )


def _project(
    settings: Settings, usage: Usage, samples: tuple[int, int]
) -> tuple[tuple[int, int] | None, tuple[Decimal, Decimal] | None]:
    """Tokens and money of the run if every reply is like this one."""
    if usage.completion_tokens is None:
        return None, None
    one = Prices(settings.config.budget).of(usage)
    tokens = (samples[0] * one.tokens, samples[1] * one.tokens)
    if not settings.config.budget.has_prices:
        return tokens, None
    return tokens, (samples[0] * one.cost, samples[1] * one.cost)


def _advise(settings: Settings, outcome: Reply | Failure, names: list[str] | None) -> list[str]:
    """What to change."""
    dialect = settings.dialect
    advice = []
    if names is not None and dialect.model not in names:
        near = difflib.get_close_matches(dialect.model, names, n=3) or names[:3]
        advice.append(f"teacher.model: the endpoint does not list '{dialect.model}'; it has {', '.join(near)}")
    if isinstance(outcome, Failure):
        if outcome.state == "unreachable":
            advice.append("teacher.base_url: nothing answers there; is the server up?")
        return advice
    if not _reasoning_of(outcome) and settings.config.sampling.require_reasoning:
        advice.append(
            "no reasoning came, neither in a field of its own nor between tags: check teacher.profile and "
            "teacher.thinking, on your own server its reasoning parser; or set sampling.require_reasoning: false"
        )
    if outcome.finish_reason == "length":
        advice.append(f"the reply was cut: raise teacher.max_tokens (now {dialect.config.max_tokens:,})")
    if outcome.usage.completion_tokens is None:
        advice.append("the endpoint reports no usage: a budget will count the worst case of every reply")
    if dialect.most_reply_tokens is None:
        advice.append("nothing bounds the reasoning: set teacher.thinking_budget before you set a budget")
    return advice


def _reasoning_of(reply: Reply) -> str:
    return split_completion(reply.content, reply.reasoning).reasoning or ""


def _describe_reply(reply: Reply) -> list[str]:
    """A reply, a fact a line."""
    reasoning = _reasoning_of(reply)
    channel = f"in the field {reply.channel}" if reply.channel else "between tags in the content"
    answer = " ".join(split_completion(reply.content, reply.reasoning).answer.split())
    return [
        f"reply      after {reply.seconds:.1f} s, finish reason {reply.finish_reason}",
        f"reasoning  {f'{channel}, {len(reasoning):,} characters' if reasoning else 'none'}",
        f"answer     {answer[:_LONGEST_ANSWER]}",
        f"usage      {_describe_usage(reply.usage)}",
    ]


def _describe_usage(usage: Usage) -> str:
    if usage.completion_tokens is None:
        return "not reported"
    parts = [f"{usage.prompt_tokens or 0:,} prompt", f"{usage.completion_tokens:,} reply"]
    if usage.reasoning_tokens is not None:
        parts.append(f"of them {usage.reasoning_tokens:,} reasoning")
    return ", ".join(parts) + " tokens"


def _span(bounds: tuple[int, int]) -> str:
    return f"{bounds[0]:,}" if bounds[0] == bounds[1] else f"{bounds[0]:,} to {bounds[1]:,}"
