"""Errors are found, read and classed wherever a server puts them and whatever it calls their parts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from endpoint import delta, event

from overproof.config.endpoint import EndpointConfig
from overproof.teacher import Dialect
from overproof.teacher.advice import find_cure
from overproof.teacher.failures import classify
from overproof.teacher.profiles import load_profile
from overproof.teacher.receive import Receiver
from overproof.teacher.reply import Failure, Reply

GENERIC = load_profile("generic")
BEGUN = delta(reasoning_content="Seven and") + delta(reasoning_content=" five")


def receive(data: bytes) -> Reply | Failure:
    receiver = Receiver(GENERIC, is_stream=True)
    receiver.feed(data)
    receiver.end()
    return receiver.outcome()


@pytest.mark.parametrize(
    ("error", "status", "meaning", "words"),
    [
        ({"detail": "Invalid token"}, 401, "fatal", "401: Invalid token"),
        ({"detail": {"error": "no such model"}}, 404, "fatal", "404: no such model"),
        ({"error": "model 'x' not found, try pulling it first"}, 400, "fatal", "400: model 'x' not found"),
        ({"error": "invalid_token", "message": "Go away"}, 400, "fatal", "400 invalid_token: Go away"),
        ({"Code": "Throttling", "Message": "slower"}, 429, "throttle", "429 Throttling: slower"),
        ({"errors": [{"code": 5006, "message": "bad input"}], "success": False}, 400, "refused", "400 5006: bad input"),
        ({"fault": {"faultstring": "Invalid ApiKey", "detail": {"errorcode": "o"}}}, 400, "fatal", "400: Invalid Ap"),
        ({"title": "Too Many Requests", "status": 429, "detail": "slow"}, 429, "throttle", "429: slow"),
        ({"errorMessage": "x y", "errorType": "invalid_request"}, 400, "refused", "400 invalid_request: x y"),
        ("<!doctype html><title>502</title><h1>Bad&nbsp;Gateway</h1>", 502, "transient", "502: 502 Bad Gateway"),
        ("The server is overloaded or not ready yet", 400, "throttle", "400: The server"),
        ({"message": "Monthly spending limit reached"}, 429, "fatal", "429: Monthly"),
        ({"message": "The model `m` does not exist or you have no access"}, 400, "fatal", "400: The model"),
        ({"message": "Request Entity Too Large"}, 413, "refused", "413: Request"),
        (None, 503, "throttle", "503: no message"),
        ({"message": "crossed it", "type": "None", "param": "None", "code": "429"}, 429, "throttle", "429: crossed it"),
    ],
)
def test_an_error_is_read_in_every_envelope(error: Any, status: int, meaning: str, words: str) -> None:
    failure = classify(error, GENERIC, status=status)
    assert (failure.meaning, failure.words[: len(words)]) == (meaning, words)


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        ({"code": 401, "msg": "invalid key"}, "fatal"),
        ({"code": "x_9", "msg": "nope", "success": False}, "transient"),
        ({"success": False, "message": "insufficient balance"}, "fatal"),
        ({"error_code": 18, "error_msg": "Too many requests"}, "throttle"),
        ({"status": "error", "message": "boom"}, "transient"),
        ({"message": "Unauthorized"}, "fatal"),
        ({"errors": [{"message": "boom", "code": 7003}], "result": None}, "transient"),
        ({"code": 0, "msg": "ok", "error": {"code": 402, "message": "pay"}}, "fatal"),
    ],
)
def test_an_error_in_a_success_is_no_empty_reply(value: Any, meaning: str) -> None:
    for data in (json.dumps(value).encode(), event(value), BEGUN + event(value)):
        outcome = receive(data)
        assert isinstance(outcome, Failure)
        assert (outcome.meaning, outcome.state == "no_choices") == (meaning, False)


@pytest.mark.parametrize(
    ("piece", "said"),
    [
        (b'event: error\ndata: {"error":{"message":"boom","code":500}}\n\n', "500: boom"),
        (b'event: error\ndata: {"message":"died","type":"x"}\n\n', "x: died"),
        (b"event: error\ndata: upstream died\n\n", "upstream died"),
        (b"event:error\r\ndata:\r\n\r\n", "an error event without words"),
        (b'error: {"message":"died"}\n\n', "died"),
        (b'{"error":"context canceled"}\n', "context canceled"),
    ],
)
def test_an_error_in_the_middle_of_a_stream_keeps_its_words(piece: bytes, said: str) -> None:
    outcome = receive(BEGUN + piece)
    assert isinstance(outcome, Failure)
    assert (outcome.words, outcome.is_billed, outcome.received) == (said, True, 14)


def test_a_reply_in_a_gateways_wrapper_is_a_reply_and_so_is_what_says_that_all_is_well() -> None:
    inner = {"choices": [{"message": {"content": "<think>a</think>b"}, "finish_reason": "stop"}]}
    for value in ({"code": 0, "msg": "success", "data": inner}, {"output": inner}, {**inner, "code": "200"}):
        outcome = receive(json.dumps(value).encode())
        assert isinstance(outcome, Reply), value


@pytest.mark.parametrize(
    ("error", "settings", "cure"),
    [
        ({"message": "maximum context length is 8192 tokens"}, {}, "lower it so that prompt and reply fit into 8192"),
        ({"message": "maximum context length is 8192 tokens"}, {"max_tokens": 99}, "The prompts alone are too long"),
        ({"message": "the valid range of max_tokens is [1, 8192]"}, {}, "at most 8192: lower teacher.max_tokens"),
        ({"message": "max_tokens is too large: this model takes at most 4,096"}, {}, "lower teacher.max_tokens"),
        ({"message": "temperature should be in (0.0, 1.0]"}, {"temperature": 1.3}, "lower teacher.temperature"),
        ({"message": "top_k: less than or equal to 100"}, {"extra": {"top_k": 200}}, "lower teacher.extra.top_k"),
        ({"message": "invalid temperature: only 1 is allowed"}, {}, "set teacher.temperature: 1."),
        ({"detail": [{"loc": ["body", "seed"], "msg": "extra fields"}]}, {}, "teacher.unsent: [seed]"),
        ({"detail": [{"loc": ["body", "min_p"], "msg": "no"}]}, {"extra": {"min_p": 0}}, "out of teacher.extra"),
    ],
)
def test_the_line_that_mends_a_refused_parameter_is_named(error: Any, settings: dict[str, Any], cure: str) -> None:
    dialect = Dialect(EndpointConfig(model="m", base_url="http://127.0.0.1:1/v1", **settings))
    assert cure in find_cure(classify(error, GENERIC, status=422), dialect)


@pytest.mark.parametrize(
    ("base_url", "status", "cure"),
    [
        ("https://a.example/v1/messages", 405, "ends with /messages: leave that out"),
        ("https://a.example/v1/responses/", 404, "ends with /responses: leave that out"),
        ("https://a.example/v1/chat/completions?api-version=1", 404, "ends with /chat/completions: leave"),
        ("https://a.example", 405, "ends where /chat/completions follows"),
        ("https://a.example/v1/messages", 401, "Check the key"),
    ],
)
def test_an_address_of_another_page_is_named(base_url: str, status: int, cure: str) -> None:
    dialect = Dialect(EndpointConfig(model="m", base_url=base_url))
    assert cure in find_cure(classify({"detail": "No"}, GENERIC, status=status), dialect)
