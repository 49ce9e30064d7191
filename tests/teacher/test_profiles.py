"""Profiles are data: all of them load, are named where users look, and say what they should of oddities."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from overproof.config.endpoint import EndpointConfig
from overproof.errors import ConfigError
from overproof.records import Message
from overproof.teacher import Dialect
from overproof.teacher.parameters import worst_case
from overproof.teacher.profiles import load_profile

SOURCE = Path(__file__).parents[2] / "src" / "overproof"
PROFILES = list(tomllib.loads((SOURCE / "teacher" / "profiles.toml").read_text(encoding="utf-8")))


def dialect(**fields: Any) -> Dialect:
    return Dialect(EndpointConfig.model_validate({"model": "m", **fields}))


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_loads_and_makes_a_request(name: str) -> None:
    one = dialect(profile=name)
    assert one.profile.about
    assert one.encode([Message("user", "2 + 2?")], 7)


@pytest.mark.parametrize("page", ["config/endpoint.py", "guide/teachers.md"])
def test_every_profile_is_named_where_users_look(page: str) -> None:
    text = (SOURCE / page).read_text(encoding="utf-8")
    assert [name for name in PROFILES if not re.search(rf"\b{name}\b", text)] == []


def test_an_unknown_profile_names_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"'dashscop'.*dashscope, deepseek"):
        load_profile("dashscop")


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("dashscope", {"enable_thinking": True, "presence_penalty": 0.0, "top_k": 20, "repetition_penalty": 1.0}),
        ("deepseek", {"thinking": {"type": "enabled"}}),
        ("vllm", {"chat_template_kwargs": {"enable_thinking": True, "thinking": True}, "repetition_penalty": 1.0}),
        ("sglang", {"separate_reasoning": True}),
        ("openrouter", {"reasoning": {"enabled": True}}),
        ("siliconflow", {"enable_thinking": True, "thinking_budget": 32768}),
        ("volcengine", {"thinking": {"type": "enabled"}, "max_completion_tokens": 16384}),
        ("openai", {"max_completion_tokens": 16384}),
    ],
)
def test_thinking_and_hidden_defaults_are_sent_explicitly(name: str, sent: dict[str, Any]) -> None:
    parameters = dialect(profile=name).parameters
    assert {key: parameters.get(key) for key in sent} == sent


def test_thinking_can_be_switched_off_or_left_alone() -> None:
    assert dialect(profile="dashscope", thinking=False).parameters["enable_thinking"] is False
    assert "enable_thinking" not in dialect(profile="dashscope", thinking=None).parameters


def test_parameters_that_a_provider_ignores_are_neither_sent_nor_recorded() -> None:
    deepseek = dialect(profile="deepseek")
    assert not {"temperature", "top_p"} & set(deepseek.parameters)
    assert "seed" not in deepseek.body(7)


def test_a_model_may_differ_from_its_provider() -> None:
    assert "top_k" not in dialect(profile="dashscope", model="deepseek-r1").parameters
    assert dialect(profile="dashscope", model="deepseek-v4-pro").most_reply_tokens == 16384
    assert "temperature" not in dialect(profile="openai", model="o3").parameters


@pytest.mark.parametrize(
    ("fields", "most"),
    [
        ({"profile": "generic", "max_tokens": 100}, 100),
        ({"profile": "dashscope", "max_tokens": 100}, None),
        ({"profile": "dashscope", "max_tokens": 100, "thinking_budget": 50}, 150),
        ({"profile": "dashscope", "max_tokens": 100, "thinking": False}, 100),
        ({"profile": "siliconflow", "max_tokens": 100}, 100 + 32768),
        ({"profile": "volcengine", "max_tokens": 100}, 100),
    ],
)
def test_the_longest_reply_is_what_the_provider_bounds_not_what_the_key_is_called(
    fields: dict[str, Any], most: int | None
) -> None:
    assert dialect(**fields).most_reply_tokens == most


def test_the_worst_case_of_a_prompt_is_its_bytes() -> None:
    worst = worst_case([Message("user", "等于多少？"), Message("system", "abc")], 10)
    assert (worst.prompt_tokens, worst.completion_tokens) == (15 + 3 + 256, 10)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"extra": {"temperature": 1}}, "teacher.extra.temperature"),
        ({"extra": {"seed": 1}}, "teacher.extra.seed"),
        ({"profile": "volcengine", "extra": {"max_completion_tokens": 5}}, "place of its own"),
        ({"profile": "dashscope", "extra": {"thinking_budget": 5}}, "place of its own"),
        ({"profile": "dashscope", "stream": False}, "teacher.stream"),
        ({"profile": "vllm", "thinking_budget": 5}, "teacher.thinking_budget"),
        ({"model": None}, "teacher.model is missing"),
    ],
)
def test_settings_that_cannot_be_sent_are_refused_by_key(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        dialect(**fields)


def test_tables_within_extra_are_merged_with_the_profiles() -> None:
    parameters = dialect(profile="vllm", extra={"chat_template_kwargs": {"tools": 1}, "top_k": 20}).parameters
    assert parameters["chat_template_kwargs"] == {"enable_thinking": True, "thinking": True, "tools": 1}
    assert parameters["top_k"] == 20


def test_a_profile_of_ones_own_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "together.toml"
    file.write_text(
        'about = "Together"\nbase_url = "https://api.example/v1"\nthinking_on = {reasoning = {enabled = true}}\n'
    )
    one = dialect(profile=str(file))
    assert (one.profile.name, one.profile.base_url) == ("together", "https://api.example/v1")
    assert one.parameters["reasoning"] == {"enabled": True}
    file.write_text("thinkng_on = {reasoning = true}\n")
    with pytest.raises(ConfigError, match="thinkng_on"):
        dialect(profile=str(file))


@pytest.mark.parametrize(
    ("fields", "is_stream"),
    [
        ({"profile": "generic", "max_tokens": 1024}, False),
        ({"profile": "generic", "max_tokens": 1025}, True),
        ({"profile": "dashscope", "model": "qwen-plus", "max_tokens": 64}, True),
        ({"profile": "siliconflow", "max_tokens": 64}, True),
    ],
)
def test_short_replies_are_asked_for_whole_where_the_profile_allows(fields: dict[str, Any], *, is_stream: bool) -> None:
    config = EndpointConfig(**{"model": "m", "base_url": "http://h/v1", "stream": "auto", **fields})
    assert Dialect(config).is_stream == is_stream
