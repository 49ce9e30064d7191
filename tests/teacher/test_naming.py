"""A name with another date, format or owner is the same model; one with another size or variant is not."""

from __future__ import annotations

import pytest

from overproof.config.endpoint import EndpointConfig
from overproof.teacher import Dialect
from overproof.teacher.naming import is_same_model

SAME = [
    ("gpt-4o", "gpt-4o-2024-08-06"),
    ("gpt-4o-mini", "openai/gpt-4o-mini-2024-07-18"),
    ("gpt-3.5-turbo", "gpt-3.5-turbo-0125"),
    ("gpt-4", "gpt-4-0613"),
    ("gpt-4o-latest", "GPT-4o"),
    ("claude-3.5-sonnet", "claude-3-5-sonnet-20241022"),
    ("claude-sonnet-4", "anthropic/claude-4-sonnet-20250522"),
    ("claude-3-5-sonnet", "us.anthropic.claude-3-5-sonnet-20241022-v2:0"),
    ("claude-3-5-sonnet@20240620", "claude-3-5-sonnet"),
    ("models/gemini-2.5-pro", "gemini-2.5-pro"),
    ("gemini-1.5-pro", "gemini-1.5-pro-002"),
    ("gemini-2.5-flash-preview", "gemini-2.5-flash-preview-05-20"),
    ("command-r", "command-r-08-2024"),
    ("mistral-large-latest", "mistral-large-2411"),
    ("deepseek/deepseek-r1:free", "deepseek-ai/DeepSeek-R1-0528"),
    ("doubao-1-5-thinking-pro", "doubao-1-5-thinking-pro-250415"),
    ("grok-4", "grok-4-0709"),
    ("qwen3:latest", "qwen3"),
    ("Qwen/Qwen3-8B", "/srv/models/Qwen3-8B-AWQ/"),
    ("Qwen/Qwen3-8B", "Qwen3-8B-Q4_K_M.gguf"),
    ("qwen3-8b", "hf.co/unsloth/Qwen3-8B-GGUF:UD-Q4_K_XL"),
    ("qwen2.5:7b-instruct", "qwen2.5:7b-instruct-q8_0"),
    ("meta-llama/Meta-Llama-3.1-8B-Instruct", "llama-3.1-8b-instruct-fp8-dynamic"),
    ("Llama-3.3-70B-Instruct", "RedHatAI/Llama-3.3-70B-Instruct-quantized.w4a16"),
    ("mlx-community/Qwen3-4B-4bit", "Qwen3-4B"),
    ("Qwen3-4B", "unsloth/Qwen3-4B-unsloth-bnb-4bit"),
    ("Qwen3-235B-A22B", "Qwen/Qwen3-235B-A22B-FP8"),
    ("gpt-4o-2024-08-06", "gpt-4o-20240806"),
    ("latest", "latest"),
]

OTHER = [
    ("gpt-4o", "gpt-4o-mini"),
    ("gpt-4o", "gpt-4o-mini-2024-07-18"),
    ("gpt-4o", "openai/gpt-4"),
    ("gpt-4o", "ft:gpt-4o:acme::abc"),
    ("gpt-4", "gpt-4-turbo"),
    ("gpt-5", "gpt-5-nano"),
    ("gpt-4o-2024-05-13", "gpt-4o-2024-08-06"),
    ("o1", "o1-preview"),
    ("o1", "o3"),
    ("gemini-2.5-pro", "gemini-2.5-flash"),
    ("gemini-2.5-flash", "gemini-2.5-flash-lite"),
    ("gemini-2.5-pro", "gemini-2.0-pro"),
    ("glm-4.5", "glm-4.5-air"),
    ("deepseek-r1", "deepseek-r1-distill-qwen-7b"),
    ("deepseek-r1:70b", "deepseek-r1:7b"),
    ("deepseek-reasoner", "deepseek-chat"),
    ("llama-3.1-70b-instruct", "llama-3.1-8b-instruct"),
    ("llama-3.1-8b", "llama-3.1-8b-instruct"),
    ("qwen3-4b", "qwen4-3b"),
    ("Qwen/Qwen3-8B", "Qwen/Qwen3-8B-Base"),
    ("Qwen3-30B-A3B", "Qwen3-30B"),
    ("qwen2.5-7b", "qwen2.5-math-7b"),
    ("moonshot-v1-8k", "moonshot-v1-32k"),
    ("claude-opus-4", "claude-sonnet-4"),
    ("claude-3-7-sonnet", "claude-3-7-sonnet:thinking"),
    ("mistral-large-latest", "mistral-small-latest"),
    ("Phi-4-reasoning", "Phi-4-reasoning-plus"),
    ("m", "cheap-1b"),
    ("latest", "gpt-4o"),
]


@pytest.mark.parametrize(("asked", "served"), SAME)
def test_the_copy_of_a_model_is_the_same_model(asked: str, served: str) -> None:
    assert is_same_model(asked, served)
    assert is_same_model(served, asked)


@pytest.mark.parametrize(("asked", "served"), OTHER)
def test_a_size_a_version_or_a_variant_is_another_model(asked: str, served: str) -> None:
    assert not is_same_model(asked, served)
    assert not is_same_model(served, asked)


def test_a_name_that_the_config_allows_is_allowed_in_its_copies() -> None:
    dialect = Dialect(EndpointConfig(model="house-model", served_as=["gpt-4o"], base_url="http://127.0.0.1:1/v1"))
    assert dialect.is_served_as("gpt-4o-2024-08-06")
    assert dialect.is_served_as(None)
    assert not dialect.is_served_as("gpt-4o-mini")
