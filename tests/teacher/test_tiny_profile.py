"""The model that ships with the package is an endpoint like any other."""

from __future__ import annotations

import asyncio

import pytest

from overproof.config.endpoint import EndpointConfig
from overproof.records import Message
from overproof.resources import bundled
from overproof.teacher import connect
from overproof.teacher.reply import Failure, Reply

pytest.importorskip("onnxruntime")


def test_the_tiny_teacher_is_started_asked_and_stopped() -> None:
    async def run() -> list[Reply | Failure]:
        async with connect(EndpointConfig(profile="tiny", max_tokens=200)) as teacher:
            question = [Message("user", "What is 12 + 30?")]
            return [await teacher.attempt(teacher.endpoints[0], question, seed) for seed in (1, 1, 2)]

    first, same, other = asyncio.run(run())
    assert isinstance(first, Reply)
    assert isinstance(same, Reply)
    assert isinstance(other, Reply)
    assert first.content == same.content != other.content
    assert first.usage.completion_tokens
    assert first.finish_reason in {"stop", "length"}


def test_another_tiny_model_is_named_by_its_folder() -> None:
    async def run() -> Reply | Failure:
        config = EndpointConfig(profile="tiny", model=str(bundled("tiny-teacher")), max_tokens=20)
        async with connect(config) as teacher:
            return await teacher.attempt(teacher.endpoints[0], [Message("user", "What is 12 + 30?")], 1)

    assert isinstance(asyncio.run(run()), Reply)
