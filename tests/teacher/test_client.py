"""One attempt against whatever an endpoint may send: complete or not, and why."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import time
from typing import Any

import pytest
from endpoint import (
    DONE,
    DROP,
    HANG,
    USAGE,
    Ask,
    Endpoint,
    Script,
    Wire,
    body_reply,
    delta,
    error,
    event,
    http,
    json_reply,
    message,
    object_reply,
    serve,
    stream,
    stream_reply,
    usage_event,
)

from overproof.config.endpoint import EndpointConfig
from overproof.records import Message, Usage
from overproof.teacher import connect
from overproof.teacher.reply import Failure, Reply

QUESTION = [Message("user", "What is two and two?")]


def attempt(script: Script | Wire, **settings: Any) -> Reply | Failure:
    """What one attempt comes to."""
    outcome, _ = attempt_and_see(script, **settings)
    return outcome


def attempt_and_see(script: Script | Wire, **settings: Any) -> tuple[Reply | Failure, Endpoint]:
    wire = script

    async def run(base_url: str) -> Reply | Failure:
        config = EndpointConfig.model_validate({"model": "m", "base_url": base_url, "stream": False, **settings})
        async with connect(config) as teacher:
            return await teacher.attempt(teacher.endpoints[0], QUESTION, 7)

    with serve(wire if callable(wire) else lambda _: wire) as endpoint:
        return asyncio.run(run(endpoint.base_url)), endpoint


def reply_of(script: Script | Wire, **settings: Any) -> Reply:
    outcome = attempt(script, **settings)
    assert isinstance(outcome, Reply), outcome
    return outcome


def failure_of(script: Script | Wire, **settings: Any) -> Failure:
    outcome = attempt(script, **settings)
    assert isinstance(outcome, Failure), outcome
    return outcome


def test_a_whole_reply_is_kept_as_it_came() -> None:
    reply = reply_of(json_reply("<think>\nTwo and two.\n</think>\n\n4"))
    assert reply.content == "<think>\nTwo and two.\n</think>\n\n4"
    assert (reply.reasoning, reply.channel, reply.finish_reason, reply.marks) == (None, None, "stop", [])
    assert reply.usage == Usage(prompt_tokens=11, completion_tokens=20)
    assert reply.request_id == "chatcmpl-1"


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "thinking"])
@pytest.mark.parametrize("is_stream", [True, False])
def test_reasoning_is_found_in_whichever_field_it_comes(field: str, *, is_stream: bool) -> None:
    wire = (
        stream_reply("4", reasoning="Two and two", field=field)
        if is_stream
        else json_reply("4", **{field: "Two and two "})
    )
    reply = reply_of(wire, stream=is_stream)
    assert (reply.content, reply.reasoning, reply.channel) == ("4", "Two and two ", field)


def test_reasoning_details_are_read_where_they_are_text() -> None:
    details = [
        {"type": "reasoning.text", "text": "Two "},
        {"type": "reasoning.encrypted", "data": "x"},
        {"text": "and two"},
    ]
    reply = reply_of(json_reply("4", reasoning_details=details))
    assert (reply.reasoning, reply.channel) == ("Two and two", "reasoning_details")
    streamed = stream(
        delta(reasoning_details=details[:1]),
        delta(reasoning_details=details[2:]),
        delta(content="4"),
        delta("stop"),
        DONE,
    )
    assert reply_of(streamed, stream=True).reasoning == "Two and two"


def test_a_server_that_fills_two_reasoning_fields_alike_is_read_once() -> None:
    wire = stream(delta(reasoning="a", reasoning_content="a"), delta(content="4"), delta("stop"), DONE)
    assert reply_of(wire, stream=True).reasoning == "a"


def test_content_that_comes_as_a_list_of_parts_is_joined() -> None:
    assert reply_of(json_reply([{"type": "text", "text": "so "}, {"type": "text", "text": "4"}])).content == "so 4"


def test_request_id_comes_from_the_header_where_there_is_one() -> None:
    wire = Wire([(0, http(json.dumps(message("4")).encode(), x_request_id="req-9"))])
    assert reply_of(wire).request_id == "req-9"


def test_what_is_sent_is_what_the_config_says_and_nothing_hidden() -> None:
    _, endpoint = attempt_and_see(stream_reply("4"), stream=True, temperature=0.7, extra={"top_k": 20})
    assert endpoint.asked[0].body == {
        "model": "m",
        "messages": [{"role": "user", "content": "What is two and two?"}],
        "temperature": 0.7,
        "top_p": 0.95,
        "max_tokens": 16384,
        "top_k": 20,
        "seed": 7,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_another_providers_organization_variables_are_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-secret")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-secret")
    _, endpoint = attempt_and_see(json_reply("4"))
    assert "secret" not in str(endpoint.asked[0].headers)


@pytest.mark.parametrize(
    ("wire", "state"),
    [
        (body_reply(b"<html><h1>502 Bad Gateway</h1></html>", content_type="text/html"), "not_json"),
        (body_reply(b"<html><h1>502 Bad Gateway</h1></html>"), "not_json"),
        (body_reply(b""), "not_json"),
        (body_reply(b'{"choices": [{"mess'), "not_json"),
        (body_reply(b"[1, 2]"), "error_in_200"),
        (object_reply({"choices": None}), "no_choices"),
        (object_reply({"choices": []}), "no_choices"),
        (object_reply({"id": "x", "usage": USAGE}), "no_choices"),
        (object_reply({"error": {"message": "overloaded", "code": 502}}), "http_502"),
        (object_reply({"error": {"message": "slow down", "code": "limit_requests"}}), "limit_requests"),
        (object_reply({"code": "InternalError", "message": "algorithm"}), "InternalError"),
        (object_reply({"detail": "Not Found"}), "error_in_200"),
        (json_reply("4", None), "no_finish_reason"),
        (json_reply("4", ""), "no_finish_reason"),
        (json_reply("4", "insufficient_system_resource"), "aborted"),
        (json_reply("4", "abort"), "aborted"),
        (json_reply(""), "empty_content"),
        (json_reply(None), "empty_content"),
        (json_reply(" \n"), "empty_content"),
        (json_reply("", reasoning_content="The answer is 4."), "empty_content"),
    ],
)
def test_a_body_that_is_no_reply_is_a_failure_with_a_name(wire: Wire, state: str) -> None:
    failure = failure_of(wire)
    assert (failure.state, failure.meaning in {"transient", "throttle"}) == (state, True)


@pytest.mark.parametrize(
    ("wire", "state"),
    [
        (stream(delta(content="so 4")), "truncated_stream"),
        (stream(), "truncated_stream"),
        (stream(b": keep-alive\n\n", b"\n"), "truncated_stream"),
        (stream(delta(content="so"), b'data: {"choices": [{"delta": {"con'), "not_json"),
        (stream(delta(content="so"), DONE), "no_finish_reason"),
        (stream(usage_event(), DONE), "no_choices"),
        (stream(DONE), "no_choices"),
        (stream(delta(content="so"), event({"error": {"message": "boom", "code": 502}}), DONE), "http_502"),
        (stream(delta("error", content=""), event({"error": {"message": "boom"}})), "error_in_200"),
        (stream(b"event: error\n", event({"code": "InternalError", "message": "x"})), "InternalError"),
        (stream(b'{"error": {"message": "no data prefix", "code": 500}}\n'), "http_500"),
        (stream(delta(reasoning_content="So 4."), delta("stop"), usage_event(), DONE), "empty_content"),
        (stream(delta(content="so"), then="close"), "connection"),
        (stream(delta(content="so"), delta("abort"), DONE), "aborted"),
    ],
)
def test_a_stream_that_is_no_reply_is_a_failure_with_a_name(wire: Wire, state: str) -> None:
    failure = failure_of(wire, stream=True)
    assert (failure.state, failure.meaning) == (state, "transient")


def test_a_web_page_instead_of_a_stream_is_named() -> None:
    failure = failure_of(body_reply(b"<html>hello</html>", content_type="text/html"), stream=True)
    assert failure.state == "not_json"
    assert failure.message == "a web page where JSON belongs: 'hello'"


def test_a_plain_body_instead_of_a_stream_is_a_reply() -> None:
    assert reply_of(json_reply("4"), stream=True).content == "4"


def test_a_finish_reason_without_done_is_whole_and_marked() -> None:
    reply = reply_of(stream(delta(content="4"), delta("stop")), stream=True)
    assert (reply.content, reply.marks) == ("4", ["no_done"])
    assert reply.usage == Usage()


def test_a_connection_that_breaks_after_the_finish_reason_takes_nothing_from_the_reply() -> None:
    for then in ("close", "hang"):
        broken = stream(delta(content="4"), delta("stop"), then=then)
        reply = reply_of(broken, stream=True, stall_seconds=0.2)
        assert (reply.content, reply.marks) == ("4", ["no_done"])


def test_a_body_that_came_whole_is_kept_whatever_becomes_of_its_connection() -> None:
    body = json.dumps(message("4")).encode()
    short = http(body).replace(b"content-length: %d" % len(body), b"content-length: %d" % (len(body) + 9))
    assert reply_of(Wire([(0, short)], "close")).content == "4"
    assert reply_of(Wire([(0, short)], "hang"), timeout_seconds=1).content == "4"
    assert failure_of(Wire([(0, short[:-3])], "close")).is_billed


def test_what_came_before_a_stream_broke_or_stalled_is_what_it_is_taken_to_cost() -> None:
    begun = [delta(reasoning_content="so we begin"), delta(content="four")]
    for then in ("close", "hang"):
        failure = failure_of(stream(*begun, then=then), stream=True, stall_seconds=1)
        assert (failure.is_billed, failure.received) == (True, 15)


def test_a_body_in_the_charset_that_it_names_is_read() -> None:
    body = json.dumps(message("四"), ensure_ascii=False).encode("gbk")
    assert reply_of(body_reply(body, content_type="application/json; charset=GBK")).content == "四"
    body = json.dumps(message("四"), ensure_ascii=False).encode()
    assert reply_of(body_reply(body, content_type="application/json; charset=ISO-8859-1")).content == "四"


def test_ollama_may_leave_the_finish_reason_out() -> None:
    assert reply_of(json_reply("4", None), profile="ollama").finish_reason == "stop"
    assert failure_of(stream(delta(content="4")), profile="ollama", stream=True).state == "truncated_stream"


def test_a_reply_cut_by_length_is_kept_and_keeps_its_name() -> None:
    cut = reply_of(json_reply("<think>so we", "length"))
    assert (cut.content, cut.finish_reason) == ("<think>so we", "length")
    empty = reply_of(json_reply(None, "length", reasoning="so we"))
    assert (empty.content, empty.reasoning, empty.finish_reason) == ("", "so we", "length")
    assert reply_of(json_reply("so", "max_tokens")).finish_reason == "length"


def test_usage_of_nothing_for_a_reply_of_something_is_unknown_not_free() -> None:
    nothing = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    reply = reply_of(json_reply("4", usage=nothing))
    assert (reply.usage, reply.marks) == (Usage(), ["zero_usage"])


def test_of_usage_that_comes_with_every_chunk_the_last_counts() -> None:
    counts = [usage_event({"prompt_tokens": 11, "completion_tokens": count}) for count in (1, 2, 3)]
    wire = stream(delta(content="so"), counts[0], delta(content=" 4"), counts[1], delta("stop"), counts[2], DONE)
    assert reply_of(wire, stream=True).usage == Usage(prompt_tokens=11, completion_tokens=3)


def test_cached_and_reasoning_tokens_are_found_wherever_a_provider_puts_them() -> None:
    openai = {
        **USAGE,
        "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 15},
    }
    assert reply_of(json_reply("4", usage=openai)).usage == Usage(11, 20, 15, 8)
    deepseek = {**USAGE, "prompt_cache_hit_tokens": 8, "prompt_tokens_details": None}
    assert reply_of(json_reply("4", usage=deepseek)).usage == Usage(11, 20, None, 8)


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_a_stream_reads_the_same_however_its_bytes_are_cut(size: int) -> None:
    events = [
        delta(reasoning_content="愛 \u2028 🙂"),
        b": comment\r\n\r\n",
        delta(content="so 4"),
        delta("stop"),
        usage_event(),
        DONE,
    ]
    flat = b"".join(events).replace(b"\n\n", b"\r\n\r\n")
    pieces = [flat[i : i + size] for i in range(0, len(flat), size)]
    reply = reply_of(stream(*pieces), stream=True)
    assert (reply.reasoning, reply.content, reply.usage.completion_tokens) == ("愛 \u2028 🙂", "so 4", 20)


def test_blank_lines_before_a_body_are_passed_over() -> None:
    body = json.dumps(message("4")).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % (len(body) + 3)
    assert reply_of(Wire([(0, head + b"\n"), (0.05, b"\n\n"), (0.05, body)])).content == "4"


def test_compressed_replies_are_read() -> None:
    body = gzip.compress(json.dumps(message("4")).encode())
    assert reply_of(Wire([(0, http(body, content_encoding="gzip"))])).content == "4"


def test_bytes_that_are_not_utf8_are_replaced_and_marked() -> None:
    body = json.dumps(message("so X 4")).encode().replace(b"X", b"\xff\xfe")
    reply = reply_of(body_reply(body))
    assert (reply.content, reply.marks) == ("so \ufffd\ufffd 4", ["text_repaired"])
    streamed = reply_of(
        stream(delta(content="so X 4").replace(b"X", b"\xff"), delta("stop"), usage_event(), DONE), stream=True
    )
    assert (streamed.content, streamed.marks) == ("so \ufffd 4", ["text_repaired"])


def test_control_characters_and_halves_of_surrogate_pairs_can_be_stored() -> None:
    body = b'{"choices": [{"finish_reason": "stop", "message": {"content": "a\\u0000b\x01c\\ud83d"}}]}'
    reply = reply_of(body_reply(body))
    assert reply.content == "a\x00b\x01c\ufffd"
    assert reply.content.encode()
    halves = [b'data: {"choices": [{"delta": {"content": "%s"}}]}\n\n' % half for half in (b"\\ud83d", b"\\ude00")]
    whole = reply_of(stream(*halves, delta("stop"), usage_event(), DONE), stream=True)
    assert (whole.content, whole.marks) == ("😀", [])


def test_a_reply_of_fifty_megabytes_is_refused_by_name() -> None:
    big = b"x" * (50 << 20)
    failure = failure_of(body_reply(b'{"choices": [{"message": {"content": "' + big + b'"}}]}'))
    assert (failure.state, failure.meaning, failure.is_billed) == ("oversized_reply", "refused", True)
    bomb = gzip.compress(b" " * (50 << 20))
    assert failure_of(Wire([(0, http(bomb, content_encoding="gzip"))])).state == "oversized_reply"


@pytest.mark.parametrize(
    ("wire", "state", "meaning", "profile"),
    [
        (error(400, "bad", code="weird"), "bad_request", "refused", "generic"),
        (error(400, "too long", code="context_length_exceeded"), "context_length", "refused", "generic"),
        (
            error(400, "Output data may contain…", code="data_inspection_failed"),
            "content_filter",
            "refused",
            "dashscope",
        ),
        (error(400, "overdue", code="Arrearage"), "Arrearage", "fatal", "dashscope"),
        (error(401, "wrong key"), "http_401", "fatal", "generic"),
        (error(402, "no balance"), "http_402", "fatal", "deepseek"),
        (error(403, "flagged"), "content_filter", "refused", "openrouter"),
        (error(403, "forbidden"), "http_403", "fatal", "generic"),
        (error(404, "no such model"), "http_404", "fatal", "generic"),
        (error(408), "http_408", "transient", "generic"),
        (error(429, "slow", code="rate_limit_exceeded"), "rate_limit_exceeded", "throttle", "generic"),
        (error(429, "quota", code="insufficient_quota"), "insufficient_quota", "fatal", "openai"),
        (error(429, "quota", code="insufficient_quota"), "insufficient_quota", "throttle", "dashscope"),
        (
            error(429, "Free allocated quota exceeded.", code="insufficient_quota"),
            "insufficient_quota",
            "fatal",
            "dashscope",
        ),
        (error(429, "overdue", code="PrepaidBillOverdue"), "PrepaidBillOverdue", "fatal", "dashscope"),
        (error(429, "burst", code="limit_burst_rate"), "limit_burst_rate", "throttle", "dashscope"),
        (error(403, "overdue", code="AccountOverdueError"), "AccountOverdueError", "fatal", "volcengine"),
        (error(500), "http_500", "transient", "generic"),
        (error(503), "http_503", "throttle", "generic"),
        (
            body_reply(b"<html>no</html>", status="500 Oops", content_type="text/html"),
            "http_500",
            "transient",
            "generic",
        ),
        (object_reply({}, status="301 Moved", location="https://elsewhere.example/v1"), "http_301", "fatal", "generic"),
    ],
)
def test_an_error_means_what_its_provider_means_by_it(
    wire: Wire, state: str, meaning: str, profile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("DASHSCOPE_API_KEY", "DEEPSEEK_API_KEY", "OPENROUTER_API_KEY", "OPENAI_API_KEY", "ARK_API_KEY"):
        monkeypatch.setenv(variable, "sk-1234567890")
    failure = failure_of(wire, profile=profile, stream=None)
    assert (failure.state, failure.meaning, failure.is_billed) == (state, meaning, False)


def test_a_content_filter_after_some_text_keeps_the_text_and_is_permanent() -> None:
    failure = failure_of(json_reply("so we", "content_filter"))
    assert (failure.state, failure.meaning) == ("content_filter", "refused")
    assert failure.reply is not None
    assert failure.reply.content == "so we"
    in_stream = failure_of(
        stream(delta(content="so"), event({"error": {"code": "data_inspection_failed", "message": "x"}})), stream=True
    )
    assert (in_stream.state, in_stream.meaning) == ("content_filter", "refused")


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("0", None), ("99999", 3600.0), ("nonsense", None)])
def test_retry_after_is_read(header: str, seconds: float | None) -> None:
    assert failure_of(error(429, retry_after=header)).retry_after == seconds


def test_retry_after_may_be_a_date_or_milliseconds() -> None:
    assert failure_of(error(429, retry_after_ms="1500")).retry_after == 1.5
    from email.utils import formatdate

    waited = failure_of(error(429, retry_after=formatdate(time.time() + 30, usegmt=True))).retry_after
    assert waited is not None
    assert 25 < waited <= 30


def test_a_request_that_is_never_answered_ends_at_the_total_deadline() -> None:
    failure = failure_of(HANG, timeout_seconds=0.3)
    assert (failure.state, failure.meaning, failure.is_billed) == ("deadline", "transient", True)


def test_keep_alives_are_no_progress() -> None:
    alive = stream(*[b": keep-alive\n\n"] * 100, pause=0.05, then="hang")
    failure = failure_of(alive, stream=True, stall_seconds=0.4)
    assert (failure.state, failure.is_billed) == ("stalled", True)


def test_a_slow_stream_that_goes_on_is_not_stalled_but_has_a_total_deadline() -> None:
    slow = stream(*[delta(content="x")] * 30, delta("stop"), usage_event(), DONE, pause=0.05)
    assert reply_of(slow, stream=True, stall_seconds=1).content == "x" * 30
    assert failure_of(slow, stream=True, stall_seconds=1, timeout_seconds=0.6).state == "deadline"


def test_a_stream_that_stays_open_after_done_is_whole() -> None:
    reply = reply_of(stream(delta(content="4"), delta("stop"), usage_event(), DONE, then="hang"), stream=True)
    assert (reply.content, reply.marks) == ("4", [])


def test_a_dropped_connection_is_named_and_its_cost_is_unknown_once_it_has_begun() -> None:
    assert failure_of(DROP).state == "connection"
    half = Wire([(0, http(json.dumps(message("4")).encode())[:-10])], "close")
    failure = failure_of(half)
    assert (failure.state, failure.is_billed) == ("connection", True)


def test_a_port_where_nobody_listens_is_unreachable() -> None:
    with serve(lambda _: DROP) as gone:
        pass

    async def run() -> Reply | Failure:
        async with connect(EndpointConfig(model="m", base_url=gone.base_url)) as teacher:
            return await teacher.attempt(teacher.endpoints[0], QUESTION, 7)

    failure = asyncio.run(run())
    assert isinstance(failure, Failure)
    assert (failure.state, failure.is_billed) == ("unreachable", False)


@pytest.mark.parametrize("short", ["patience_seconds", "timeout_seconds"])
def test_tls_that_never_answers_is_no_connection_within_any_patience_and_costs_nothing(short: str) -> None:
    async def run(base_url: str) -> Reply | Failure:
        async with connect(EndpointConfig.model_validate({"model": "m", "base_url": base_url, short: 2})) as teacher:
            return await teacher.attempt(teacher.endpoints[0], QUESTION, 7)

    with socket.create_server(("127.0.0.1", 0)) as silent:
        failure = asyncio.run(run(f"https://127.0.0.1:{silent.getsockname()[1]}/v1"))
    assert isinstance(failure, Failure)
    assert (failure.state, failure.is_billed) == ("unreachable", False)
    assert failure.message.startswith("no connection within ")


def test_the_key_is_sent_and_never_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-very-secret-1234")

    def echo(ask: Ask) -> Wire:
        return error(401, f"Incorrect API key provided: {ask.headers['authorization']}")

    outcome, endpoint = attempt_and_see(echo, key_env="MY_KEY")
    assert endpoint.asked[0].headers["authorization"] == "Bearer sk-very-secret-1234"
    assert isinstance(outcome, Failure)
    assert "sk-very-secret-1234" not in outcome.message
    assert "***" in outcome.message


SECRET = "no-ones-look-alike-1234"
HOLDING_IT = {
    "every field of a reply": object_reply(
        message("4", SECRET)
        | {"id": SECRET, "model": SECRET, "usage": {"prompt_tokens": 1, "completion_tokens": 1, SECRET: SECRET}}
    ),
    "every field of an error": object_reply(
        {"error": {"message": SECRET, "code": SECRET, "type": SECRET, "param": SECRET}}, status="400 Bad Request"
    ),
    "an error in a 200": object_reply({"error": {"message": f"{SECRET} is wrong", "code": SECRET}}),
    "a redirect": Wire([(0, http(b"", status="302 Found", location=f"https://elsewhere/{SECRET}"))]),
    "a page": body_reply(f"<html>{SECRET}</html>".encode(), content_type="text/html"),
    "a name that holds it": object_reply(message("4") | {"model": "m" * 230 + SECRET}),
}


@pytest.mark.parametrize("what", HOLDING_IT)
def test_no_field_of_what_an_endpoint_says_holds_the_key(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", SECRET)
    assert SECRET[:8] not in repr(attempt(HOLDING_IT[what], key_env="MY_KEY"))


def test_connections_are_used_again_for_streams() -> None:
    async def run(base_url: str) -> None:
        config = EndpointConfig(model="m", base_url=base_url, stream=True)
        async with connect(config) as teacher:
            for seed in range(5):
                await teacher.attempt(teacher.endpoints[0], QUESTION, seed)

    with serve(lambda _: stream_reply("4")) as endpoint:
        asyncio.run(run(endpoint.base_url))
    assert len(endpoint.asked) == 5
    assert endpoint.connections == 1
