"""Who answers, how often, and for how much: the `teacher` (and `student`), `sampling` and `budget` tables."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from overproof.config.table import Table
from overproof.keys import find_key_names, is_variable

DEFAULT_PROBE = 2


_HARMLESS_QUERY = re.compile(r"(?:api-version=[\w.\-]+)?")
"""What may stand in an address: Azure wants the version of its API there."""


def _refuse_credentials(url: str) -> str:
    """Keep secrets out of the config, which is copied into every run folder."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ValueError("it must begin with http:// or https:// and name a host")
    if parts.username or parts.password or parts.fragment or not _HARMLESS_QUERY.fullmatch(parts.query):
        raise ValueError("it must hold no user, password or query; the key comes from an environment variable")
    return url.rstrip("/")


def _check_variable(name: str) -> str:
    """Refuse the key itself where the name of its variable belongs; what was given is not repeated."""
    if not is_variable(name):
        raise ValueError(
            "it must be the name of an environment variable (letters, digits and _), and never a key itself. Put the "
            "key into a variable (export MY_KEY=…) and give the variable's name"
        )
    return name


def _check_headers(headers: dict[str, str]) -> dict[str, str]:
    for name in headers:
        if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
            raise ValueError("a header's name is of letters, digits and - without spaces")
        if name.lower() in _OWN_HEADERS:
            raise ValueError(f"{name} is set by overproof itself; for the key give key_env")
    return headers


def _check_extra(extra: dict[str, Any]) -> dict[str, Any]:
    for name in _ARGUMENTS_OF_SDKS & extra.keys():
        raise ValueError(
            f"{name} is an argument of a client library and no key of a request. Headers belong in `headers`, each "
            "with the environment variable that holds its value; further request keys stand right in `extra`"
        )
    for place in find_key_names(extra):
        raise ValueError(
            f"{place}: keys come from the environment only. Name the variable in key_env, or for a header of its own "
            "in `headers`"
        )
    return extra


_OWN_HEADERS = frozenset({"authorization", "content-type", "content-length", "host", "accept-encoding", "connection"})
_ARGUMENTS_OF_SDKS = frozenset({"extra_headers", "extra_body", "extra_query", "headers", "default_headers"})

Price = Annotated[Decimal, Field(ge=0)]
Url = Annotated[str, AfterValidator(_refuse_credentials)]
Variable = Annotated[str, AfterValidator(_check_variable)]


class AddressConfig(Table):
    """One of several endpoints or keys that serve the same model."""

    base_url: Url | None = None
    """The endpoint's address up to /v1; None takes the teacher's."""
    key_env: Variable | None = None
    """Name of the environment variable that holds this endpoint's key; None takes the teacher's."""
    weight: PositiveFloat = 1.0
    """Its share of the requests beside the others."""


class EndpointConfig(Table):
    """A model behind an OpenAI-compatible endpoint. The key comes from the environment only."""

    profile: str = "generic"
    """The provider's dialect: dashscope, deepseek, siliconflow, volcengine, zhipu, moonshot, minimax, openrouter,
    openai, azure, gemini, xai, mistral, together, fireworks; vllm, sglang, ollama, lmstudio, llamacpp, transformers;
    tiny (the model that ships with the package), generic, or the path of a .toml file with a profile of your own. A
    student may also be a path: a local checkpoint, `model` its folder, which evaluation serves itself."""
    model: str | None = None
    """The model's name as the endpoint knows it; the tiny profile has its own."""
    base_url: Url | None = None
    """The endpoint's address up to /v1; None takes the profile's."""
    key_env: Variable | None = None
    """Name of the environment variable that holds the key; None takes the profile's."""
    endpoints: list[AddressConfig] = []
    """Several endpoints or keys for the same model; requests go to healthy ones by weight."""
    temperature: float = Field(default=0.6, ge=0)
    """Softmax temperature; 0.6 with top_p 0.95 is R1's and Qwen3's advice for thinking models."""
    top_p: float = Field(default=0.95, gt=0, le=1)
    """Nucleus sampling mass."""
    max_tokens: PositiveInt = 16384
    """Longest reply in tokens, as the profile's provider counts it."""
    thinking: bool | None = True
    """Switch the model's thinking on or off the way the profile does it; None sends no switch."""
    thinking_budget: PositiveInt | None = None
    """Most tokens of reasoning, for providers that bound it apart from max_tokens."""
    headers: Annotated[dict[str, Variable], AfterValidator(_check_headers)] = {}
    """Further HTTP headers, each with the name of the environment variable that holds its value."""
    extra: Annotated[dict[str, Any], AfterValidator(_check_extra)] = {}
    """Further request keys sent as they are (top_k, presence_penalty, chat_template_kwargs, …)."""
    served_as: list[str] = []
    """Names that replies of the model may bear beside its own; any other is noticed as another model."""
    unsent: list[str] = []
    """Request keys to leave out because the server refuses them (seed, top_p, stream_options, …)."""
    serve: dict[str, Any] = {}
    """A student's local checkpoint: options of the vLLM server that evaluation starts, as {tensor_parallel: 2,
    gpu_memory_utilization: 0.8}."""
    stream: bool | Literal["auto"] | None = None
    """Ask for the reply as a stream; None takes the profile's choice, and auto does without for replies of at most
    1,024 tokens, which come no sooner as streams and cost more to read."""
    concurrency: PositiveInt = 64
    """Most requests in flight at once, over all endpoints."""
    start_concurrency: PositiveInt = 32
    """Requests in flight in the first second; doubles each second that is not throttled."""
    requests_per_minute: PositiveFloat | None = None
    """Ceiling for each endpoint, kept each second."""
    tokens_per_minute: PositiveFloat | None = None
    """Ceiling for each endpoint on prompt and reply tokens together."""
    timeout_seconds: PositiveFloat = 3600
    """Deadline of one attempt from start to end."""
    stall_seconds: PositiveFloat | None = None
    """Longest wait for the next token of a stream (keep-alives are no tokens); None takes the profile's."""
    patience_seconds: PositiveFloat = 600
    """Stop the run when nothing at all has succeeded for so long."""

    @property
    def is_imported(self) -> bool:
        """Whether the traces came from elsewhere (`overproof import-traces`), so that there is nobody to ask."""
        return (self.model or "").startswith("imported:")


class SamplingConfig(Table):
    """How many traces a problem gets: exactly `n`, or adaptively between `probe` and `max`."""

    n: PositiveInt = 8
    """Traces per problem."""
    probe: PositiveInt | None = None
    """Adaptive: traces that every problem gets before any is judged (2 when only the other two are given)."""
    want_correct: PositiveInt | None = None
    """Adaptive: stop a problem once it has so many correct traces."""
    max: PositiveInt | None = None
    """Adaptive: most traces a problem gets."""
    seed: NonNegativeInt = 0
    """Base of the seeds sent; each sample's own is derived from it, the problem id and the index."""
    require_reasoning: bool = True
    """Stop when none of the first 16 replies carries reasoning."""
    require_model: bool = False
    """Stop when the endpoint says that another model has answered than was asked for; false marks and tells it."""
    retry: list[Literal["refused"]] = []
    """What to ask again in this session although an earlier one has its outcome (`sample --retry refused`)."""
    first_replies: NonNegativeInt = 16
    """Stop when all of so many first replies fail for one reason that is not their answer, or later more in a row than
    chance brings; 0 goes on regardless."""

    @model_validator(mode="after")
    def _one_way_of_counting(self) -> SamplingConfig:
        if self.probe is None and self.want_correct is None and self.max is None:
            return self
        if self.n != type(self).model_fields["n"].default:  # a run's own config.yaml spells out the default too
            raise ValueError("give either n, or want_correct and max (with probe), not both")
        if self.want_correct is None or self.max is None:
            raise ValueError("adaptive sampling needs want_correct and max, for example {want_correct: 2, max: 16}")
        if self.max < max(self.probe or DEFAULT_PROBE, self.want_correct):
            raise ValueError("max must be at least probe and want_correct")
        return self

    @property
    def is_adaptive(self) -> bool:
        """Whether a problem's traces are counted by what is correct among them."""
        return self.max is not None

    @property
    def least(self) -> int:
        """Traces that every problem gets."""
        return (self.probe or DEFAULT_PROBE) if self.is_adaptive else self.n

    @property
    def most(self) -> int:
        """Traces that a problem gets at most."""
        return self.max or self.n


class PricesConfig(Table):
    """What a million tokens cost, in the budget's currency. Without prices only tokens are counted."""

    input_price: Price | None = None
    """Price of a million prompt tokens."""
    output_price: Price | None = None
    """Price of a million generated tokens."""
    cached_price: Price | None = None
    """Price of a million prompt tokens served from the provider's cache; None: as input_price."""
    reasoning_price: Price | None = None
    """Price of a million reasoning tokens; None: as output_price."""

    @model_validator(mode="after")
    def _both_prices_or_none(self) -> Self:
        if (self.input_price is None) != (self.output_price is None):
            raise ValueError("give input_price and output_price together")
        return self

    @property
    def has_prices(self) -> bool:
        """Whether tokens can be turned into money."""
        return self.input_price is not None and self.output_price is not None


class BudgetConfig(PricesConfig):
    """The teacher's prices, and hard caps over all that a run pays for."""

    currency: str = "USD"
    """Label of the prices."""
    max_cost: Price | None = None
    """Stop before this much money is spent."""
    max_tokens: PositiveInt | None = None
    """Stop before this many tokens, prompt and reply together, are used."""

    @model_validator(mode="after")
    def _a_cap_on_money_needs_prices(self) -> Self:
        if self.max_cost is not None and not self.has_prices:
            raise ValueError("max_cost needs input_price and output_price, per million tokens")
        return self

    @property
    def is_capped(self) -> bool:
        """Whether there is any hard cap."""
        return self.max_cost is not None or self.max_tokens is not None


class JudgeConfig(EndpointConfig):
    """A model that is asked whether an answer equals the reference where the rules cannot tell; off unless given.

    It sees question, reference and extracted answer and nothing else. Its verdicts bear the layer `judge`. What was
    asked once is never asked again, whatever else of this table changes, until another `model` is named.
    """

    temperature: float = Field(default=0.0, ge=0)
    """Softmax temperature; 0 for the likeliest verdict."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Nucleus sampling mass."""
    max_tokens: PositiveInt = 256
    """Longest reply in tokens. One word is asked for; a model that thinks first needs more."""
    thinking: bool | None = False
    """Switch the model's thinking on or off the way the profile does it; None sends no switch."""
    concurrency: PositiveInt = 16
    """Most requests in flight at once, over all endpoints."""
    start_concurrency: PositiveInt = 8
    """Requests in flight in the first second; doubles each second that is not throttled."""
    timeout_seconds: PositiveFloat = 300
    """Deadline of one attempt from start to end."""
    patience_seconds: PositiveFloat = 120
    """Leave the rest unverifiable when nothing at all has succeeded for so long."""
    prices: PricesConfig = PricesConfig()
    """What the judge's tokens cost; needed under budget.max_cost, which bounds teacher and judge together."""
    check: NonNegativeInt = 50
    """Answers that the rules did decide, drawn by chance, which the judge is asked too: its agreement with the rules
    is reported with an interval."""
    doubts: bool = False
    """Ask it too, of each problem whose reference most traces contradict, which of the two answers is right, without
    saying which is the reference; and of as many problems as `check` whose reference most traces give, which says how
    far it is trusted. `overproof suspects` goes by that. It has to solve the problems: give it thinking and
    max_tokens."""
    seed: NonNegativeInt = 0
    """Which answers are drawn for that."""
