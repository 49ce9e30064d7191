"""What a server fills in that no request shows; only this module knows where servers say so.

llama.cpp tells its sampling defaults and its context under `/props`, and fills in what a request leaves out: top_k 40
and min_p 0.05 make another distribution of what looks like temperature 1. vLLM, SGLang and others tell the longest
context beside each model of `/v1/models`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

NEUTRAL: Mapping[str, tuple[float, ...]] = {
    "top_k": (0, -1),
    "top_p": (1,),
    "min_p": (0,),
    "top_n_sigma": (-1, 0),
    "typical_p": (1,),
    "typ_p": (1,),
    "xtc_probability": (0,),
    "repeat_penalty": (1,),
    "repetition_penalty": (1,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "dry_multiplier": (0,),
    "dynatemp_range": (0,),
    "mirostat": (0,),
    "temperature": (1,),
}
"""Sampling parameters with the values at which they change nothing, the first of which can be sent
(github.com/ggml-org/llama.cpp, tools/server/README.md)."""
_WINDOW_KEYS = ("max_model_len", "context_length", "max_context_length", "context_window", "n_ctx")
"""What vLLM and SGLang, OpenRouter and Together, LM Studio, Groq and llama.cpp call a model's longest context."""
_ALIKE = 1e-6
"""Difference below which two values are one: servers keep them in single precision."""


def find_unseen(props: Any, sent: Iterable[str]) -> dict[str, float]:
    """The server's own values of parameters that are not sent and that change the distribution, by name."""
    params = _settings_of(props).get("params")
    table = params if isinstance(params, Mapping) else _settings_of(props)
    found = {}
    for name, neutral in NEUTRAL.items():
        value = table.get(name)
        if name in sent or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if all(abs(value - one) > _ALIKE for one in neutral):
            found[name] = value
    return found


def find_window(props: Any, model: Any) -> int | None:
    """Tokens that prompt and reply may have together, as the server says; None where it does not.

    `model` is its row of `/v1/models`.
    """
    tables = [_settings_of(props)]
    if isinstance(model, Mapping):
        tables += [model, *(inner for inner in (model.get("meta"),) if isinstance(inner, Mapping))]
    for table in tables:
        for key in _WINDOW_KEYS:
            value = table.get(key)
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                return value
    return None


def neutral_line(names: Iterable[str]) -> str:
    """The line of config that sends the values at which nothing is changed."""
    return "{" + ", ".join(f"{name}: {NEUTRAL[name][0]:g}" for name in names) + "}"


def _settings_of(props: Any) -> Mapping[str, Any]:
    settings = props.get("default_generation_settings") if isinstance(props, Mapping) else None
    return settings if isinstance(settings, Mapping) else {}
