"""Config and profile → what is sent beside model and messages, and how many tokens may come back at most."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from overproof.config.endpoint import EndpointConfig
from overproof.errors import ConfigError
from overproof.records import Message, Usage
from overproof.teacher.profiles import Profile

RESERVED = frozenset(
    {"model", "messages", "stream", "stream_options", "seed", "n", "temperature", "top_p", "max_tokens"}
)
"""Request keys that `extra` may not set, because the config or the sampler sets them."""
TRANSPORT = frozenset({"stream", "stream_options", "seed"})
"""Request keys that do not tell one sampling setting from another."""
SHORT_REPLY_TOKENS = 1024
"""A reply of at most so many tokens is asked for as a whole by `stream: auto`: it is over before anybody would wait."""
MESSAGE_OVERHEAD_TOKENS = 256
"""Allowance for the chat template's own tokens in the worst case of a prompt."""


def build_parameters(config: EndpointConfig, profile: Profile) -> dict[str, Any]:
    """Everything that is sent beside model, messages, seed and the streaming keys.

    Raises ConfigError naming the key of `teacher.extra` that may not be there, or a switch the profile lacks.
    """
    _check_extra(config.extra, profile)
    parameters: dict[str, Any] = {
        "temperature": config.temperature,
        "top_p": config.top_p,
        profile.max_tokens_key: config.max_tokens,
        **profile.parameters,
    }
    if config.thinking is not None:
        parameters = _overlaid(parameters, profile.thinking_on if config.thinking else profile.thinking_off)
    budget = thinking_budget(config, profile)
    if budget is not None:
        parameters = _overlaid(parameters, _nested(profile.thinking_budget_key or "", budget))
    for name in (*profile.unsent, *config.unsent):
        parameters.pop(name, None)
    return _overlaid(parameters, config.extra)


def build_body(parameters: dict[str, Any], seed: int, *, stream: bool, unsent: Collection[str]) -> dict[str, Any]:
    """The parameters of one request: those of the run with this sample's seed and the streaming keys."""
    own: dict[str, Any] = {"seed": seed}
    if stream:
        own |= {"stream": True, "stream_options": {"include_usage": True}}
    return parameters | {key: value for key, value in own.items() if key == "stream" or key not in unsent}


def wants_stream(config: EndpointConfig, profile: Profile) -> bool:
    """Whether replies are asked for as streams. Raises ConfigError when that contradicts the profile."""
    if profile.stream == "always" and config.stream is False:
        raise ConfigError(
            f"teacher.stream: {profile.about} loses or refuses replies that are not streamed; leave it out"
        )
    if config.stream == "auto":
        longest = most_reply_tokens(config, profile)
        is_short = longest is not None and longest <= SHORT_REPLY_TOKENS
        return profile.stream == "always" or (profile.stream == "prefer" and not is_short)
    return config.stream if config.stream is not None else profile.stream != "never"


def thinking_budget(config: EndpointConfig, profile: Profile) -> int | None:
    """Bound on reasoning tokens that is sent, or None. Raises ConfigError when the provider has no such bound."""
    if config.thinking_budget is not None and profile.thinking_budget_key is None:
        raise ConfigError(f"teacher.thinking_budget: profile '{profile.name}' has no such key; use max_tokens")
    if config.thinking is False:
        return None
    return config.thinking_budget or profile.thinking_budget


def most_reply_tokens(config: EndpointConfig, profile: Profile) -> int | None:
    """The longest reply that can be billed, reasoning included; None when nothing that is sent bounds it."""
    if profile.max_tokens_covers == "reply" or config.thinking is False:
        return config.max_tokens
    budget = thinking_budget(config, profile)
    return None if budget is None else config.max_tokens + budget


def worst_case(messages: Sequence[Message], most_reply: int | None) -> Usage:
    """Most tokens that one request with these messages can cost; completion_tokens None when unbounded.

    No tokenizer makes more tokens than its text has bytes of UTF-8, so their count bounds any model's prompt.
    """
    prompt = sum(len(message.content.encode()) for message in messages) + MESSAGE_OVERHEAD_TOKENS
    return Usage(prompt_tokens=prompt, completion_tokens=most_reply)


def encode_request(model: str, messages: Sequence[Message], body: dict[str, Any]) -> bytes:
    """One request's JSON. Raises ValueError when a value of `extra` cannot be JSON."""
    return msgspec.json.encode({"model": model, "messages": messages, **body})


def _check_extra(extra: dict[str, Any], profile: Profile) -> None:
    for key in extra:
        if key in RESERVED or key in {profile.max_tokens_key, profile.thinking_budget_key}:
            raise ConfigError(f"teacher.extra.{key}: this key has a place of its own in the config; set it there")


def _nested(dotted: str, value: Any) -> dict[str, Any]:
    """`{"a": {"b": value}}` for `a.b`."""
    for part in reversed(dotted.split(".")):
        value = {part: value}
    nested: dict[str, Any] = value
    return nested


def _overlaid(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """`above` laid over `below`, tables within tables merged."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _overlaid(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged
