"""Who answers, how often, and for how much: the `teacher` (and `student`), `sampling` and `budget` tables."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field, NonNegativeInt, PositiveInt

from overproof.config.table import Table

Price = Annotated[Decimal, Field(ge=0)]


class EndpointConfig(Table):
    """A model behind an OpenAI-compatible endpoint. The key comes from the environment only."""

    profile: str = "generic"
    """The provider's dialect: dashscope, deepseek, vllm, sglang, openrouter, siliconflow, volcengine, ollama,
    openai, tiny (the model that ships with the package) or generic."""
    model: str | None = None
    """The model's name as the endpoint knows it; the tiny profile has its own."""
    base_url: str | None = None
    """The endpoint's address up to /v1; None takes the profile's."""
    temperature: float = Field(default=0.6, ge=0)
    """Softmax temperature; 0.6 with top_p 0.95 is R1's and Qwen3's advice for thinking models."""
    top_p: float = Field(default=0.95, gt=0, le=1)
    """Nucleus sampling mass."""
    max_tokens: PositiveInt = 16384
    """Longest reply in tokens, as the profile's provider counts it."""
    extra: dict[str, Any] = {}
    """Further request keys sent as they are (top_k, presence_penalty, chat_template_kwargs, …)."""
    concurrency: PositiveInt = 64
    """Most requests in flight at once."""
    timeout_seconds: float = Field(default=3600, gt=0)
    """Deadline of one attempt from start to end."""


class SamplingConfig(Table):
    """How many traces a problem gets."""

    n: PositiveInt = 8
    """Traces per problem."""
    seed: NonNegativeInt = 0
    """Base of the seeds sent; each sample's own is derived from it, the problem id and the index."""


class BudgetConfig(Table):
    """Prices and hard caps. Without prices only tokens are counted."""

    currency: str = "USD"
    """Label of the prices."""
    input_price: Price | None = None
    """Price of a million prompt tokens."""
    output_price: Price | None = None
    """Price of a million generated tokens."""
    max_cost: Price | None = None
    """Stop sampling before this much money is spent."""
    max_tokens: PositiveInt | None = None
    """Stop sampling before this many tokens, prompt and reply together, are used."""
