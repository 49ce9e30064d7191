"""Real calls to each endpoint before a run is paid for: does it answer, does it reason, what will it cost?

What the replies cost is kept in the run folder, so that a dry run can expect something where nothing bounds a reply.
"""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from overproof.completion import split_completion
from overproof.config import RunConfig
from overproof.estimators import TELLING_BYTES, chance_again
from overproof.journal import write_bytes
from overproof.records import PreparedProblem, Problem, Usage
from overproof.runfolder import RunFolder
from overproof.sampling.forecast import Outlook
from overproof.sampling.monitor import SELDOM_AGAIN
from overproof.sampling.opening import CURES, Inspect, cure_fault, name_fault
from overproof.sampling.settings import Asking, Settings
from overproof.teacher import Endpoint, Teacher, connect
from overproof.teacher.advice import find_cure
from overproof.teacher.budget import Prices, add_usage, show_money
from overproof.teacher.dispatch import Request
from overproof.teacher.reply import Failure, Reply
from overproof.teacher.unseen import find_unseen, find_window, neutral_line
from overproof.teacher.usage import estimate_tokens

EXAMPLE = PreparedProblem(Problem("doctor", "What is the sum of the first ten odd numbers?", "100"), language="en")
"""Asked when the config's problems are not at hand."""

_SILENCE = frozenset({"unreachable", "connection", "deadline"})
_LONGEST_ANSWER = 200
_HOTTEST = 2.0
"""Highest temperature that servers take; those that take only less refuse it by name."""
_HEATED_TOKENS = 200
"""Tokens of a reply at that temperature: enough to be told from another, too few to cost."""
_PASSING = (
    "this may pass: run the command again in a while. A run tries such requests again by itself, for "
    "teacher.patience_seconds; if it stays so, ask whoever runs the endpoint"
)
_ONE_TEXT = (
    "calls with different seeds brought the same text: the server takes neither the temperature nor the seed. "
    "transformers serve samples only with teacher.extra: {generation_config: '{\"do_sample\": true}'}; other "
    "servers have a default of their own to be changed"
)


class Calls(msgspec.Struct, frozen=True):
    """What the calls of one visit to all endpoints came to, as it is kept."""

    fingerprint: str
    """Of the settings and the prompt that they were made with, as for any sample."""
    replies: int
    usage: Usage
    """Of all replies together."""


class Diagnosis(msgspec.Struct, frozen=True):
    """What the calls to one endpoint have shown."""

    endpoint: str
    model: str
    models: list[str] | None
    """Names of the models the endpoint lists; None when it lists none."""
    unlisted: str
    """Why it lists none, where the listing failed."""
    outcome: Reply | Failure
    """The first reply as sampling would have got it, or what went wrong where none came."""
    usages: list[Usage]
    """Tokens of each reply, estimated from its text where none were reported."""
    run_samples: tuple[int, int]
    """Samples the run makes at the least and at the most."""
    run_tokens: tuple[int, int] | None
    """Tokens of the run, least and most samples, if every reply is like this one; None when it reported no usage."""
    run_cost: tuple[Decimal, Decimal] | None
    """The same in money; None without prices."""
    currency: str
    price_note: str
    """Where the prices come from, when they are not the config's own."""
    advice: list[str]
    """What to change, most important first; empty when all is well."""
    notes: list[str]
    """What befell one of several calls and not the others, which may be chance."""

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
            f"model      {self.model}: {self.unlisted or known[self.is_model_known]}",
        ]
        if isinstance(self.outcome, Failure):
            told.append(f"failed     after {self.outcome.seconds:.1f} s, {self.outcome.explanation}")
        else:
            told += _describe_reply(self.outcome)
        if self.run_tokens is not None:
            samples, tokens = _span(self.run_samples), _span(self.run_tokens)
            told.append(f"whole run  {samples} samples, about {tokens} tokens if all are like this one")
        if self.run_cost is not None:
            low, high = (show_money(cost, self.currency) for cost in self.run_cost)
            note = f", {self.price_note}" if self.price_note else ""
            told.append(f"           about {low if low == high else f'{low} to {high}'}{note}")
        told += [f"note       {line}" for line in self.notes]
        return [*told, *(f"! {line}" for line in self.advice)]


def diagnose(
    config: RunConfig, problems: int, example: PreparedProblem = EXAMPLE, inspect: Inspect | None = None
) -> list[Diagnosis]:
    """Ask each endpoint of the teacher one question, `example`, for a run over so many problems.

    It is asked twice where the temperature is above 0, with two seeds. `inspect` says why a reply could not be kept.

    Raises ConfigError like a run does; whatever an endpoint does is in its diagnosis.
    """
    return asyncio.run(_diagnose(config, problems, example, inspect))


def keep_calls(config: RunConfig, folder: RunFolder, diagnoses: Sequence[Diagnosis]) -> None:
    """Write down what the calls came to, if any brought a reply. Raises ConfigError where nothing can be written."""
    usages = [usage for diagnosis in diagnoses for usage in diagnosis.usages]
    if usages:
        kept = Calls(_mark_of(Settings(config)), len(usages), add_usage(usages))
        write_bytes(folder.doctored, msgspec.json.encode(kept))
        folder.push(folder.doctored)


def expect_alike(config: RunConfig, folder: RunFolder, outlook: Outlook) -> Outlook:
    """An outlook that expects nothing yet, with what comes of it if all replies are like those that doctor was given.

    Unchanged where doctor has not asked in this folder with these settings.
    """
    settings = Settings(config)
    folder.fetch(folder.doctored)
    if outlook.expected or not outlook.requests_most or not folder.doctored.exists():
        return outlook
    try:
        kept = msgspec.json.decode(folder.doctored.read_bytes(), type=Calls)
    except (msgspec.DecodeError, OSError):  # nothing but this expectation rests on it
        return outlook
    if kept.replies < 1 or kept.fingerprint != _mark_of(settings):
        return outlook
    own, listed = config.budget, settings.list_price
    each = Prices(listed.prices if listed is not None else own).of(kept.usage)
    counts = (outlook.requests_least, outlook.requests_most)
    tokens = _span((each.tokens * counts[0] // kept.replies, each.tokens * counts[1] // kept.replies))
    money = ""
    if listed is not None or own.has_prices:
        currency = listed.currency if listed is not None else own.currency
        low, high = (show_money(each.cost * count / kept.replies, currency) for count in counts)
        money = f", {low if low == high else f'{low} to {high}'}"
    what = "the reply" if kept.replies == 1 else f"the {kept.replies} replies"
    note = f" ({listed.note})" if listed is not None else ""
    expected = f"about {tokens} tokens{money} if all are like {what} that overproof doctor was given{note}"
    return msgspec.structs.replace(outlook, expected=expected)


def _mark_of(settings: Settings) -> str:
    """What two visits with the same settings and prompt have in common."""
    return settings.ask(EXAMPLE).fingerprint


def _usage_of(reply: Reply) -> Usage:
    if reply.usage.completion_tokens is not None:
        return reply.usage
    return msgspec.structs.replace(reply.usage, completion_tokens=estimate_tokens(reply.size))


async def _diagnose(
    config: RunConfig, problems: int, example: PreparedProblem, inspect: Inspect | None
) -> list[Diagnosis]:
    settings = Settings(config)
    async with connect(config.teacher) as teacher:
        visits = (
            _visit(settings, teacher, endpoint, problems=problems, example=example, inspect=inspect)
            for endpoint in teacher.endpoints
        )
        return list(await asyncio.gather(*visits))


async def _visit(
    settings: Settings,
    teacher: Teacher,
    endpoint: Endpoint,
    *,
    problems: int,
    example: PreparedProblem,
    inspect: Inspect | None,
) -> Diagnosis:
    asking = settings.ask(example)
    seeds = [settings.identity.seed_of(example.problem.id, index) for index in range(2)]
    if not settings.dialect.parameters.get("temperature"):
        seeds = seeds[:1]
    attempts = asyncio.gather(*(teacher.attempt(endpoint, asking.messages, seed) for seed in seeds))
    listing = endpoint.client.list_models()
    models, outcomes, props = await asyncio.gather(listing, attempts, _read_props(settings, endpoint))
    outcome = next((one for one in outcomes if isinstance(one, Reply)), outcomes[0])
    only_one = _are_same(outcomes) and await _says_one_text(teacher, endpoint, asking, seeds, outcomes)
    names = [str(row.get("id")) for row in models] if isinstance(models, list) and models else None
    unlisted = f"the list of models is not to be had ({models.explanation})" if isinstance(models, Failure) else ""
    advice, notes = _compare_calls(settings, asking, outcomes, inspect)
    samples = (problems * settings.config.sampling.least, problems * settings.config.sampling.most)
    listed = settings.list_price
    tokens, cost = _project(settings, outcome.usage, samples)
    return Diagnosis(
        endpoint=endpoint.name,
        model=settings.dialect.model,
        models=names,
        outcome=outcome,
        usages=[_usage_of(one) for one in outcomes if isinstance(one, Reply)],
        run_samples=samples,
        run_tokens=tokens,
        run_cost=cost,
        currency=listed.currency if listed is not None else settings.config.budget.currency,
        price_note=listed.note if listed is not None else "",
        unlisted=unlisted,
        advice=[
            *_advise(settings, outcome, names),
            *([_ONE_TEXT] if only_one else []),
            *advice,
            *_compare_settings(settings, asking, models, props),
        ],
        notes=notes,
    )


async def _read_props(settings: Settings, endpoint: Endpoint) -> Any:
    """What a server of one's own says of itself; providers that want a key have no such page."""
    return None if settings.dialect.profile.key_required else await endpoint.client.read_props()


def _compare_settings(settings: Settings, asking: Asking, models: Any, props: Any) -> list[str]:
    """What the server says it uses, beside what the config asks for."""
    dialect, config = settings.dialect, settings.config.teacher
    advice = []
    unseen = find_unseen(props, dialect.body(0))
    if unseen:
        told = ", ".join(f"{name} {value:g}" for name, value in unseen.items())
        advice.append(
            f"the server fills in {told}, which no request shows and which changes what is sampled: set "
            f"teacher.profile: llamacpp, or teacher.extra: {neutral_line(unseen)}"
        )
    rows = models if isinstance(models, list) else []
    row = next((one for one in rows if one.get("id") == dialect.model), rows[0] if len(rows) == 1 else None)
    window = find_window(props, row)
    if window is not None and config.max_tokens >= window:
        prompt = estimate_tokens(sum(len(message.content.encode()) for message in asking.messages))
        advice.append(
            f"the server's context holds {window:,} tokens of prompt and reply together, and teacher.max_tokens is "
            f"{config.max_tokens:,}: lower it to {max(1, window - 2 * prompt):,} or less, or give the server a longer "
            "context"
        )
    return advice


def _project(
    settings: Settings, usage: Usage, samples: tuple[int, int]
) -> tuple[tuple[int, int] | None, tuple[Decimal, Decimal] | None]:
    """Tokens and money of the run if every reply is like this one."""
    if usage.completion_tokens is None:
        return None, None
    own, listed = settings.config.budget, settings.list_price
    one = Prices(listed.prices if listed is not None else own).of(usage)
    tokens = (samples[0] * one.tokens, samples[1] * one.tokens)
    if listed is None and not own.has_prices:
        return tokens, None
    return tokens, (samples[0] * one.cost, samples[1] * one.cost)


def _advise(settings: Settings, outcome: Reply | Failure, names: list[str] | None) -> list[str]:
    """What to change in how the endpoint is asked; `outcome` is a reply if any came."""
    dialect = settings.dialect
    advice = []
    if names is not None and dialect.model not in names:
        near = difflib.get_close_matches(dialect.model, names, n=3) or names[:3]
        advice.append(f"teacher.model: the endpoint does not list '{dialect.model}'; it has {', '.join(near)}")
    if isinstance(outcome, Failure):
        if outcome.state == "unreachable":
            advice.append("teacher.base_url: nothing answers there; is the server up?")
        cure = find_cure(outcome, dialect)
        return [*advice, *([cure] if cure else [])] or [_PASSING]
    if outcome.usage.completion_tokens is None:
        advice.append("the endpoint reports no usage: a budget will estimate it from the text")
    if dialect.most_reply_tokens is None:
        advice.append("nothing bounds the reasoning: set teacher.thinking_budget before you set a budget")
    return advice


def _compare_calls(
    settings: Settings, asking: Asking, outcomes: list[Reply | Failure], inspect: Inspect | None
) -> tuple[list[str], list[str]]:
    """What is wrong with the replies: as advice where it is so of each, else as notes, for then it may be chance."""
    faults = [_inspect_reply(settings, asking, one, inspect) for one in outcomes if isinstance(one, Reply)]
    failures = [one for one in outcomes if isinstance(one, Failure)]
    notes = [f"a call failed, {one.explanation}" for one in failures] if faults else []
    if all(faults):
        return (faults[0] if faults else []), notes
    return [], [*notes, *(f"a reply could not be kept, {line}" for lines in faults for line in lines)]


def _inspect_reply(settings: Settings, asking: Asking, reply: Reply, inspect: Inspect | None) -> list[str]:
    """Why this reply could not be kept, and what mends it."""
    cost = Request(asking.messages, 0, attempts=1)
    trace = settings.trace(asking, 0, {}, reply, cost=cost, refusal=None)
    fault = inspect(trace, asking.prepared.language) if inspect is not None else None
    if fault is not None:
        advice = [f"{name_fault(fault)}: {cure_fault(fault, settings.config.teacher)}"]
        is_other = fault.reason != "summary" and not settings.config.export.summaries
        return [*advice, *([CURES["summary"]] if is_other and {"summary", "encrypted"} & {*reply.marks} else [])]
    advice = []
    if not _reasoning_of(reply) and settings.config.sampling.require_reasoning:
        advice.append(CURES["no_reasoning"])
    if reply.finish_reason == "length":
        advice.append(CURES["truncated"].format(max_tokens=settings.config.teacher.max_tokens))
    return advice


def _texts_of(outcomes: Iterable[Reply | Failure]) -> list[str]:
    return [split_completion(one.content, one.reasoning).text for one in outcomes if isinstance(one, Reply)]


def _are_same(outcomes: Sequence[Reply | Failure]) -> bool:
    """Whether several replies came and all have one text, so long that it may not be chance."""
    texts = _texts_of(outcomes)
    return len(texts) > 1 and len({*texts}) == 1 and len(texts[0].encode()) >= TELLING_BYTES


async def _says_one_text(
    teacher: Teacher, endpoint: Endpoint, asking: Asking, seeds: Sequence[int], outcomes: Sequence[Reply | Failure]
) -> bool:
    """Whether a server whose `outcomes` of two seeds are one text gives one text as well where any model would vary.

    One call after the other, so that a cache can answer the second. Where the server does not let itself be asked so,
    the length of the text decides.
    """
    dialect = teacher.dialect
    heated = dialect.parameters | {"temperature": _HOTTEST}
    if dialect.profile.max_tokens_key in heated:
        heated[dialect.profile.max_tokens_key] = min(_HEATED_TOKENS, dialect.config.max_tokens)
    replies = [await teacher.attempt(endpoint, asking.messages, seed + 1, heated) for seed in seeds]
    if any(isinstance(one, Failure) for one in replies):
        return chance_again(len(_texts_of(outcomes)[0].encode())) < SELDOM_AGAIN
    return _are_same(replies)


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
