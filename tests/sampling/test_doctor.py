"""`doctor`: one real call, told plainly."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from building import make_config
from endpoint import Ask, Endpoint, Wire, error, json_reply, object_reply, serve, stream_reply
from sampled import numbered

from overproof.config import RunConfig
from overproof.errors import ConfigError
from overproof.sampling.doctor import diagnose


def with_models(*names: str, chat: Wire) -> Any:
    listing = object_reply({"data": [{"id": name} for name in names]})
    return lambda ask: listing if ask.path.endswith("/models") else chat


def config(endpoint: Endpoint, **tables: Any) -> RunConfig:
    teacher = {"model": "m", "base_url": endpoint.base_url, "stream": False} | tables.pop("teacher", {})
    return make_config(teacher=teacher, **{"sampling": {"n": 8}, **tables})


GOOD = json_reply("\\boxed{100}", reasoning_content="Ten squared.")


def test_a_healthy_endpoint_is_told_with_channel_usage_and_cost() -> None:
    with serve(with_models("m", "n", chat=GOOD)) as endpoint:
        prices = {"input_price": 1, "output_price": 2, "currency": "CNY"}
        (found,) = diagnose(config(endpoint, budget=prices), problems=100)
    assert len({ask.seed for ask in endpoint.asked}) == 2  # which tells a server that takes no seed
    assert (found.is_well, found.is_reachable, found.is_model_known) == (True, True, True)
    assert found.run_tokens == (800 * 31, 800 * 31)
    assert found.run_cost == (800 * Decimal("0.000051"), 800 * Decimal("0.000051"))
    text = "\n".join(found.lines())
    assert "m: known to the endpoint" in text
    assert "in the field reasoning_content, 12 characters" in text
    assert "finish reason stop" in text
    assert "11 prompt, 20 reply tokens" in text
    assert "800 samples, about 24,800 tokens" in text
    assert "0.0408 CNY" in text


def test_reasoning_between_tags_is_found_in_a_stream() -> None:
    with serve(with_models("m", chat=stream_reply("<think>so</think>\\boxed{100}"))) as endpoint:
        (found,) = diagnose(config(endpoint, teacher={"stream": True}), problems=1)
    assert found.is_well
    assert "between tags in the content" in "\n".join(found.lines())


def test_the_question_can_be_one_of_the_runs_own() -> None:
    with serve(with_models("m", chat=GOOD)) as endpoint:
        diagnose(config(endpoint), 1, numbered(3)[2])
    assert endpoint.asked[0].prompt.startswith("What is 2 and 1?")


@pytest.mark.parametrize(
    ("script", "advice"),
    [
        (with_models("m-large", "q", chat=error(404, "no such model")), "does not list 'm'; it has m-large, q"),
        (with_models("m", chat=json_reply("100")), "no reasoning came"),
        (with_models("m", chat=json_reply("<think>so", "length")), "raise teacher.max_tokens (now 16,384)"),
        (with_models("m", chat=json_reply("<think>a</think>b", usage=None)), "reports no usage"),
    ],
)
def test_what_should_be_changed_is_said(script: Any, advice: str) -> None:
    with serve(script) as endpoint:
        (found,) = diagnose(config(endpoint), problems=10)
    assert not found.is_well
    assert advice in "\n".join(found.lines())


def test_an_unreachable_endpoint_is_said_to_be_so() -> None:
    with serve(lambda _: GOOD) as gone:
        settings = config(gone)
    (found,) = diagnose(settings, problems=10)
    assert not found.is_reachable
    assert "NOT reachable" in found.lines()[0]
    assert "is the server up?" in found.lines()[-1]


def test_a_failure_shows_what_the_endpoint_said_and_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-very-secret-1234")

    def echo(ask: Ask) -> Wire:
        return error(401, f"bad key {ask.headers.get('authorization')}")

    with serve(echo) as endpoint:
        (found,) = diagnose(config(endpoint, teacher={"key_env": "MY_KEY"}), problems=10)
    assert "bad key ***" in "\n".join(found.lines())


def test_every_endpoint_is_visited() -> None:
    with serve(with_models("m", chat=GOOD)) as one, serve(with_models("m", chat=error(500))) as two:
        addresses = [{"base_url": one.base_url}, {"base_url": two.base_url}]
        found = diagnose(config(one, teacher={"endpoints": addresses}), problems=10)
    assert [visit.is_well for visit in found] == [True, False]


def test_an_adaptive_run_is_told_from_least_to_most() -> None:
    with serve(with_models("m", chat=GOOD)) as endpoint:
        (found,) = diagnose(config(endpoint, sampling={"want_correct": 2, "max": 16}), problems=10)
    assert found.run_samples == (20, 160)
    assert "20 to 160 samples, about 620 to 4,960 tokens" in "\n".join(found.lines())


def test_a_config_that_cannot_run_is_refused_without_a_call() -> None:
    with pytest.raises(ConfigError, match=r"teacher\.base_url is missing"):
        diagnose(make_config(teacher={"model": "m"}), problems=1)
