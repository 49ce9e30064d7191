"""Whatever an endpoint sends, an attempt ends in a reply or a failure that can be written down, and never raises.

A minute of other bodies: OVERPROOF_FUZZ=20000 pytest tests/teacher/test_hostile_replies.py
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from endpoint import USAGE, Endpoint, body_reply, error, message, object_reply, serve, stream
from hypothesis import example, given, settings
from hypothesis import strategies as st

from overproof.config.endpoint import EndpointConfig
from overproof.records import Message, Problem, Trace, encode
from overproof.teacher import connect, proxies, run_to_end
from overproof.teacher.failures import classify
from overproof.teacher.profiles import load_profile
from overproof.teacher.receive import Receiver
from overproof.teacher.reply import Failure, Reply, kept_of
from overproof.teacher.waits import read_retry_after

EXAMPLES = int(os.environ.get("OVERPROOF_FUZZ", "200"))
KEY = "sk-NOBODYS-7f3a9c21d4"
PROFILE = load_profile("generic")


def nested(depth: int, opening: str = "[", closing: str = "]") -> str:
    return opening * depth + ("1" if opening.endswith(":") else "") + closing * depth


ODD = [
    '"\\ud800"', '"\\udfff x"', '"\\u0000\\u001b[2J"', "null", "true", "0", "-1", "1e999", "NaN", "9" * 30, "9" * 5000,
    '""', "[]", "{}", "[[null]]", '{"text":{"text":"x"}}', '[{"text":"\\ud83d"},{"text":"\\ude00"}]',
    nested(70), nested(400), nested(990), nested(5000), nested(400, '{"text":', "}"), nested(900, '{"content":', "}"),
    '"' + "x" * 100_000 + '"', '"stop"', '"length"', '"content_filter"',
]  # fmt: skip
PLACES = [
    "id", "choices", "usage", "error", "code", "message", "detail", "model", "object",
    "choices.0", "choices.0.index", "choices.0.message", "choices.0.delta", "choices.0.finish_reason",
    "choices.0.logprobs", *(f"choices.0.{kind}.{field}" for kind in ("message", "delta") for field in
    ("role", "content", "reasoning", "reasoning_content", "thinking", "reasoning_details", "refusal", "tool_calls")),
    *(f"usage.{field}" for field in ("prompt_tokens", "completion_tokens", "prompt_tokens_details",
    "completion_tokens_details", "completion_tokens_details.reasoning_tokens")),
]  # fmt: skip


def body_with(place: str, value: str) -> bytes:
    """A good reply, streamed and whole at once, with raw JSON in one place of it."""
    said = {"role": "assistant", "content": "<think>\na\n</think>\n\\boxed{1}"}
    choice = {"index": 0, "message": said, "delta": dict(said), "finish_reason": "stop"}
    tree: dict[str, Any] = {"id": "x", "choices": [choice], "usage": {**USAGE, "completion_tokens_details": {}}}
    at: Any = tree
    *way, last = place.split(".")
    for step in way:
        at = at[int(step)] if step.isdigit() else at[step]
    at[int(last) if last.isdigit() else last] = "PUT HERE"
    return json.dumps(tree).replace('"PUT HERE"', value).encode()


def receive(body: bytes, *, is_stream: bool) -> Reply | Failure:
    receiver = Receiver(PROFILE, is_stream=is_stream)
    receiver.feed(b"data: " + body + b"\n\ndata: [DONE]\n\n" if is_stream else body)
    receiver.end()
    return receiver.outcome()


def write_down(outcome: Reply | Failure) -> bytes:
    """The journal line of what came."""
    reply = outcome if isinstance(outcome, Reply) else kept_of(outcome)
    return encode(
        Trace(
            problem=Problem("p", "q"),
            index=0,
            fingerprint="f",
            teacher="t",
            profile="p",
            messages=[],
            parameters={},
            content=reply.content,
            reasoning=reply.reasoning,
            channel=reply.channel,
            finish_reason=reply.finish_reason or None,
            usage=reply.usage,
            request_id=reply.request_id,
            error=None if isinstance(outcome, Reply) else outcome.state,
            marks=reply.marks,
        )
    )


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("place", PLACES)
def test_no_value_in_any_place_of_a_reply_raises(place: str, *, is_stream: bool) -> None:
    for value in ODD:
        assert write_down(receive(body_with(place, value), is_stream=is_stream))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([*USAGE, "text", "content", "message", "code", "error", "detail", "id"]), inner
        )
    ),
    max_leaves=12,
)


@settings(max_examples=EXAMPLES)
@given(place=st.sampled_from(PLACES), value=JSON, is_stream=st.booleans(), cut=st.floats(0.5, 1))
@example(place="usage", value=10**400, is_stream=True, cut=1.0)
def test_no_json_in_any_place_raises_nor_does_a_reply_that_breaks_off(
    place: str, value: Any, cut: float, *, is_stream: bool
) -> None:
    body = body_with(place, json.dumps(value) if not isinstance(value, int) or abs(value) < 10**300 else "9" * 400)
    assert write_down(receive(body, is_stream=is_stream))
    assert write_down(receive(body[: int(cut * len(body))], is_stream=is_stream))


@settings(max_examples=EXAMPLES)
@given(body=st.binary(max_size=200), is_stream=st.booleans(), status=st.sampled_from([200, 400, 429, 500]))
def test_no_bytes_raise(body: bytes, status: int, *, is_stream: bool) -> None:
    assert write_down(receive(body, is_stream=is_stream))
    assert write_down(classify(body.decode("utf-8", "replace"), PROFILE, status=status))


@settings(max_examples=EXAMPLES)
@given(value=JSON, status=st.sampled_from([200, 400, 429, 500]))
@example(value={"code": "²", "message": [["x"]]}, status=200)
def test_no_error_object_raises(value: Any, status: int) -> None:
    assert write_down(classify(value, PROFILE, status=status))


@pytest.mark.parametrize(
    "value",
    ["nan", "inf", "-5", "9" * 400, "soon", "", "Fri, 31 Dec 9999 23:59:59 -2359", "Mon, 01 Jan 2027 00:00:00 +9999"],
)
def test_no_wait_that_is_asked_for_raises(value: str) -> None:
    assert 0 <= (read_retry_after({"retry-after": value}) or 0) <= 3600


def ask(endpoint: Endpoint) -> Reply | Failure:
    async def once() -> Reply | Failure:
        fields: dict[str, Any] = {
            "base_url": endpoint.base_url,
            "model": "m",
            "key_env": "NOBODYS_KEY",
            "stream": False,
        }
        async with connect(EndpointConfig(**fields)) as teacher:
            return await teacher.attempt(teacher.endpoints[0], [Message("user", "q")], 1)

    return run_to_end(once())


ECHOES = {
    "an error's message": error(400, f"key was {KEY}"),
    "an error's code": error(500, "x", code=KEY),
    "a message that is cut": error(400, "x" * 490 + KEY),
    "a reply's id": object_reply({**message("4"), "id": KEY}),
    "a finish reason": object_reply(message("4", KEY)),
    "a header": object_reply(message("4"), x_request_id=f"Bearer {KEY}"),
    "the text": object_reply(message(f"4 {KEY}")),
    "the text of an empty answer": object_reply(message("", reasoning_content=f"hm {KEY}")),
    "a redirection": object_reply({}, status="302 Found", location=f"http://127.0.0.1:1/?key={KEY}"),
    "a page": body_reply(f"<html>{KEY}</html>".encode(), content_type="text/html"),
}


@pytest.mark.parametrize("place", ECHOES)
def test_a_key_that_an_endpoint_echoes_is_in_no_field_of_the_outcome(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOBODYS_KEY", KEY)
    with serve(lambda _: ECHOES[place]) as endpoint:
        outcome = ask(endpoint)
    assert KEY[:12] not in repr(outcome)
    assert endpoint.asked[0].headers["authorization"] == f"Bearer {KEY}"


def test_headers_of_their_own_are_sent_with_values_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TITLE", "a title")

    async def once(config: EndpointConfig) -> Reply | Failure:
        async with connect(config) as teacher:
            return await teacher.attempt(teacher.endpoints[0], [Message("user", "q")], 1)

    with serve(
        lambda _: stream(b'data: {"choices":[{"delta":{"content":"4"},"finish_reason":"stop"}]}\n\n')
    ) as endpoint:
        run_to_end(once(EndpointConfig(base_url=endpoint.base_url, model="m", headers={"X-Title": "MY_TITLE"})))
    assert endpoint.asked[0].headers["x-title"] == "a title"
    assert "headers" not in endpoint.asked[0].body


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_this_machine_is_never_asked_through_a_proxy(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NOBODYS_KEY", KEY)
    with serve(lambda _: object_reply(message("4"))) as endpoint:
        assert isinstance(ask(endpoint), Reply)


@pytest.mark.parametrize(
    ("url", "is_here"),
    [
        ("http://127.0.0.1:8000/v1", True),
        ("http://127.9.9.9/v1", True),
        ("http://localhost/v1", True),
        ("http://LOCALHOST./v1", True),
        ("http://[::1]:8000/v1", True),
        ("http://0.0.0.0:8000", True),
        ("https://api.example/v1", False),
        ("http://127.0.0.1.example/v1", False),
        ("http://10.0.0.5:8000/v1", False),
    ],
)
def test_what_is_on_this_machine_is_told_by_the_host(url: str, *, is_here: bool) -> None:
    assert proxies.is_loopback(url) == is_here


def test_a_failure_that_a_proxy_may_have_caused_names_it_and_the_way_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://me:{KEY}@127.0.0.1:9")
    monkeypatch.setenv("NOBODYS_KEY", KEY)
    outcome = ask(Endpoint(base_url="http://teacher.invalid/v1"))
    assert isinstance(outcome, Failure)
    assert "through the proxy 127.0.0.1:9" in outcome.message
    assert "NO_PROXY=teacher.invalid" in outcome.message
    assert KEY not in outcome.message
