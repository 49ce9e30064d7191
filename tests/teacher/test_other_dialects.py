"""What servers send that speak another dialect, or another API altogether, comes to one reading or keeps its words."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from endpoint import DONE, delta, event, usage_event

from overproof.completion import split_completion
from overproof.config.endpoint import EndpointConfig
from overproof.teacher import Dialect
from overproof.teacher.advice import find_cure
from overproof.teacher.failures import classify
from overproof.teacher.profiles import load_profile
from overproof.teacher.receive import Receiver
from overproof.teacher.reply import Failure, Reply

GENERIC = load_profile("generic")
WHY = "Seven and five make twelve, since five and five are ten."
ANSWER = "So it is $\\boxed{12}$."
END = delta("stop") + usage_event({"prompt_tokens": 25, "completion_tokens": 15}) + DONE
REPEATS = ("ha", "ha", "1", "12", "ha")
"""Pieces each of which begins like the text before it, or is it once more."""


def receive(data: bytes) -> Reply | Failure:
    receiver = Receiver(GENERIC, is_stream=True)
    receiver.feed(data)
    receiver.end()
    return receiver.outcome()


def pieces(text: str) -> Sequence[str]:
    return text.replace(" ", " \0").split("\0")


def typed(*events: dict[str, Any]) -> bytes:
    """Events that are named by their own type."""
    return b"".join(b"event: %s\n" % one["type"].encode() + event(one) for one in events)


def lines(objects: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in objects)


def part(index: int, **delta: str) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": delta}


ANTHROPIC = typed(
    {"type": "message_start", "message": {"id": "msg_1", "content": [], "usage": {"input_tokens": 25}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
    {"type": "ping"},
    *(part(0, type="thinking_delta", thinking=piece) for piece in pieces(WHY)),
    part(0, type="signature_delta", signature="EqQB"),
    *(part(1, type="text_delta", text=piece) for piece in pieces(ANSWER)),
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 15}},
    {"type": "message_stop"},
)
RESPONSE = {
    "id": "resp_1",
    "status": "completed",
    "output": [
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": WHY}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": ANSWER}]},
    ],
    "usage": {"input_tokens": 25, "output_tokens": 15, "total_tokens": 40},
}
RESPONSES = typed(
    {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress", "output": [], "error": None}},
    *({"type": "response.reasoning_text.delta", "delta": piece} for piece in pieces(WHY)),
    *({"type": "response.output_text.delta", "delta": piece} for piece in pieces(ANSWER)),
    {"type": "response.output_text.done", "text": ANSWER},
)
COHERE = typed(
    {"type": "message-start", "id": "c", "delta": {"message": {"role": "assistant", "content": []}}},
    *({"type": "content-delta", "delta": {"message": {"content": {"thinking": piece}}}} for piece in pieces(WHY)),
    *({"type": "content-delta", "delta": {"message": {"content": {"text": piece}}}} for piece in pieces(ANSWER)),
    {
        "type": "message-end",
        "delta": {"finish_reason": "COMPLETE", "usage": {"tokens": {"input_tokens": 25, "output_tokens": 15}}},
    },
)
OLLAMA = lines(
    [
        *({"message": {"content": "", "thinking": piece}, "done": False} for piece in pieces(WHY)),
        *({"message": {"content": piece}, "done": False} for piece in pieces(ANSWER)),
        {"message": {"content": ""}, "done": True, "prompt_eval_count": 25, "eval_count": 15},
    ]
)


def dashscope(name: str, text: str, finish: str = "null") -> dict[str, Any]:
    usage = {"input_tokens": 25, "output_tokens": 15}
    return {"output": {"choices": [{"message": {name: text}, "finish_reason": finish}]}, "usage": usage}


@pytest.mark.parametrize(
    "data",
    [
        ANTHROPIC,
        RESPONSES + typed({"type": "response.completed", "response": RESPONSE}),
        json.dumps(RESPONSE).encode(),
        COHERE,
        OLLAMA,
        lines(
            [
                {"response": "", "thinking": WHY, "done": False},
                {"response": ANSWER, "done": True, "prompt_eval_count": 25, "eval_count": 15},
            ]
        ),
        b"".join(
            [
                *(event(dashscope("reasoning_content", piece)) for piece in pieces(WHY)),
                *(event(dashscope("content", piece)) for piece in pieces(ANSWER)),
                event(dashscope("content", "", "stop")),
            ]
        ),
    ],
)
def test_the_reply_of_another_api_is_read_whole_or_in_pieces(data: bytes) -> None:
    reply = receive(data)
    assert isinstance(reply, Reply), reply
    assert (reply.reasoning, reply.content, reply.finish_reason) == (WHY, ANSWER, "stop")
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (25, 15)


@pytest.mark.parametrize(
    "events",
    [
        [{"choices": [{"message": {"content": piece}}]} for piece in REPEATS]
        + [{"choices": [{"finish_reason": "end"}]}],
        [dashscope("content", piece) for piece in REPEATS] + [dashscope("content", "", "stop")],
        [{"message": {"content": piece}, "done": False} for piece in REPEATS] + [{"message": {}, "done": True}],
        [{"candidates": [{"content": {"parts": [{"text": piece}]}}]} for piece in REPEATS]
        + [{"candidates": [{"finishReason": "STOP"}]}],
    ],
)
def test_a_piece_that_repeats_what_came_before_it_is_kept(events: list[dict[str, Any]]) -> None:
    reply = receive(b"".join(map(event, events)) + DONE)
    assert isinstance(reply, Reply), reply
    assert reply.content == "".join(REPEATS)


EMPTY = {"choices": [{"index": 0, "message": {"role": "assistant", "content": ""}}]}
WHOLE = {"choices": [{"index": 0, "message": {"role": "assistant", "content": ANSWER, "reasoning_content": WHY}}]}
DELTAS = b"".join(delta(reasoning_content=piece) for piece in pieces(WHY)) + b"".join(
    delta(content=piece) for piece in pieces(ANSWER)
)
NO_ERROR = {"code": None, "message": None, "type": None, "param": None}
PROGRESS = [{"message": "started", "id": None}, {"status": "queued", "message": "waiting for a worker"}, {"title": "t"}]


@pytest.mark.parametrize(
    "data",
    [
        event(EMPTY) + DELTAS + event(WHOLE) + END,
        b"".join(event(EMPTY) + delta(content=piece) for piece in pieces(ANSWER)) + event(WHOLE) + END,
        typed(
            {"type": "response.created", "response": {"status": "in_progress", "output": []}},
            {"type": "response.output_text.delta", "delta": ANSWER[:6]},
            {"type": "response.output_text.delta", "delta": ANSWER[6:]},
            {"type": "response.completed", "response": RESPONSE},
        ),
        b"".join(
            event({"choices": [{"delta": {"content": piece}, "message": {"content": piece}}]})
            for piece in pieces(ANSWER)
        )
        + END,
        json.dumps({"choices": [{**WHOLE["choices"][0], "index": 1, "finish_reason": "正常结束"}]}).encode(),
        json.dumps(json.dumps({"choices": [{**WHOLE["choices"][0], "finish_reason": "stop"}]})).encode(),
        json.dumps({"body": json.dumps({"choices": [{**WHOLE["choices"][0], "finish_reason": "stop"}]})}).encode(),
        event({**WHOLE, "error": NO_ERROR}) + END,
        event({**WHOLE, "error": {"message": ""}}) + END,
        *(event(one) + DELTAS + END for one in PROGRESS),
    ],
)
def test_what_says_nothing_takes_nothing_from_a_reply_and_doubles_none_of_it(data: bytes) -> None:
    reply = receive(data)
    assert isinstance(reply, Reply), reply
    assert (reply.content, reply.reasoning in {WHY, None}) == (ANSWER, True)


OVERLOADED = event({"error": {"code": 503, "message": "the engine died"}})
FINISHED = DELTAS + delta("stop")


@pytest.mark.parametrize(
    ("data", "aside"),
    [
        (FINISHED + OVERLOADED, "503: the engine died"),
        (FINISHED + OVERLOADED + DONE, "503: the engine died"),
        (FINISHED + b"event: error\ndata: upstream closed\n\n", "upstream closed"),
        (FINISHED + b"data: [ERROR] lost the GPU\n\n" + DONE, "[ERROR] lost the GPU"),
        (FINISHED + event({"code": 50505, "message": "Model service overloaded"}) + DONE, "50505: Model service"),
        (FINISHED + event({"choices": [{"delta": {}, "error": {"message": "late"}}]}) + DONE, "late"),
        (FINISHED + DONE + OVERLOADED, "503: the engine died"),
        (FINISHED + OVERLOADED + usage_event() + DONE, "503: the engine died"),
        (OVERLOADED + FINISHED + DONE, "503: the engine died"),
        (DELTAS[:200].rpartition(b"data: ")[0] + event({"error": {"type": "warning", "message": "old model"}})
         + b"data: " + DELTAS.partition(DELTAS[:200].rpartition(b"data: ")[0])[2][6:] + delta("stop") + DONE,
         "warning: old model"),
        (event({**WHOLE, "error": "Warning: m is deprecated"}) + END, "Warning: m is deprecated"),
        (FINISHED + DONE + b"data: <html>bye</html>\n\n" + event(WHOLE) + b"{\n", None),
        (FINISHED + b"data: {\n\nwhat is this\n\n" + DONE, None),
        (FINISHED + delta("stop") + DONE, None),
        (FINISHED + event({"message": "bye", "status": "done"}) + DONE, None),
    ],
)  # fmt: skip
def test_what_goes_wrong_outside_the_text_takes_nothing_from_a_whole_reply_and_is_told(
    data: bytes, aside: str | None
) -> None:
    reply = receive(data)
    assert isinstance(reply, Reply), reply
    assert (reply.content, reply.reasoning, reply.finish_reason) == (ANSWER, WHY, "stop")
    assert (reply.aside or "").startswith(aside or "none"[4:])
    assert (reply.aside is not None) == ("error_aside" in reply.marks) == (aside is not None)


@pytest.mark.parametrize(
    "data",
    [
        DELTAS + OVERLOADED + delta("stop") + DONE,
        DELTAS[:200].rpartition(b"data: ")[0] + OVERLOADED + FINISHED + DONE,
        DELTAS + event({"error": {"message": "died"}, "choices": [{"delta": {}, "finish_reason": "stop"}]}) + DONE,
        delta("stop") + OVERLOADED + DONE,
        DELTAS + delta("error") + OVERLOADED + DONE,
        OVERLOADED + DELTAS,
    ],
)
def test_what_goes_wrong_within_the_text_or_where_no_reply_came_takes_it(data: bytes) -> None:
    outcome = receive(data)
    assert isinstance(outcome, Failure)
    assert "died" in outcome.message


@pytest.mark.parametrize(
    ("reasons", "finish"), [(("length", "stop"), "length"), (("stop", "length"), "length"), (("stop", "stop"), "stop")]
)
def test_a_closing_stop_makes_no_cut_reply_whole(reasons: tuple[str, str], finish: str) -> None:
    reply = receive(DELTAS + b"".join(map(delta, reasons)) + DONE)
    assert isinstance(reply, Reply)
    assert reply.finish_reason == finish


def test_a_call_of_a_tool_is_one_whatever_the_finish_reason_says() -> None:
    for called in ({"tool_calls": [{"id": "c"}]}, {"function_call": {"name": "f", "arguments": "{}"}}):
        outcome = receive(delta(**called) + delta("stop") + DONE)
        assert isinstance(outcome, Failure)
        assert outcome.reply is not None
        assert outcome.state == outcome.reply.finish_reason == "tool_calls"


def test_a_stream_of_another_api_that_breaks_off_or_is_cut_is_no_whole_reply() -> None:
    for data in (ANTHROPIC[: ANTHROPIC.index(b"event: message_delta")], RESPONSES, OLLAMA[: OLLAMA.rindex(b'{"mess')]):
        outcome = receive(data)
        assert isinstance(outcome, Failure)
        assert outcome.state == "truncated_stream"
    cut = {**RESPONSE, "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    for data in (
        ANTHROPIC.replace(b"end_turn", b"max_tokens"),
        RESPONSES + typed({"type": "response.incomplete", "response": cut}),
        json.dumps(cut).encode(),
    ):
        outcome = receive(data)
        assert isinstance(outcome, Reply)
        assert outcome.finish_reason == "length"


@pytest.mark.parametrize(
    "said",
    [
        delta(provider_specific_fields={"reasoning_content": WHY}) + delta(content=ANSWER),
        delta(reasoning_content=WHY, provider_specific_fields={"reasoning_content": WHY}) + delta(content=ANSWER),
        delta(thinking_blocks=[{"type": "thinking", "thinking": WHY, "signature": "x"}]) + delta(content=ANSWER),
        event({"choices": [{"delta": {"content": ""}, "reasoning_content": WHY}]}) + delta(content=ANSWER),
        delta(content=f'<details type="reasoning" done="true">\n<summary>Thought</summary>{WHY}</details>{ANSWER}'),
        *(
            delta(content=f"{opening}{WHY}{closing}{ANSWER}")
            for opening, closing in (
                ("&lt;think&gt;", "&lt;/think&gt;"),
                ("＜think＞", "＜/think＞"),
                ("<|thinking|>", "<|/thinking|>"),
                ("<|begin_of_think|>", "<|end_of_think|>"),
                ("<think_start>", "<think_end>"),
                ("<|reasoning_start|>", "<|reasoning_end|>"),
                ("[REASONING]", "[/REASONING]"),
                ("{think}", "{/think}"),
                ("\u200b<think>", "</think>"),
            )
        ),
        delta(reasoning_content=WHY) + delta(content=f"<think/>{ANSWER}"),
        event({"choices": {"delta": {"content": ANSWER, "reasoning": WHY}}}),
        event({"choices": [{"delta": {"content": ANSWER, "reasoning": WHY}}, {"delta": {"content": "No."}}]}),
        b"\0\0" + delta(reasoning=WHY) + b"data: " + delta(content=ANSWER),
        b"retry: 3000\n:ok\n\n"
        + event({"id": "x", "choices": [{"delta": None}]})
        + delta(reasoning=WHY, content=ANSWER),
    ],
)
def test_reasoning_is_found_beside_the_message_and_between_brackets_of_any_kind(said: bytes) -> None:
    reply = receive(said + END)
    assert isinstance(reply, Reply), reply
    parts = split_completion(reply.content, reply.reasoning)
    assert (parts.reasoning, parts.answer, reply.finish_reason) == (WHY, ANSWER, "stop")


@pytest.mark.parametrize(
    ("said", "finish"),
    [
        ({"finish_reason": {"type": "stop"}}, "stop"),
        ({"finish_reason": {"reason": "length", "length": 64}}, "length"),
        ({"finish_reason": ["stop"]}, "stop"),
        ({"finish_details": {"type": "max_tokens"}}, "length"),
        ({"finish_reason": None, "stop_reason": "end_turn"}, "stop"),
        ({"finish_reason": None, "native_finish_reason": "MAX_TOKENS"}, "length"),
        ({"finish_reason": "stop", "stop_reason": 151643}, "stop"),
        ({"finish_reason": "length", "stop_reason": "</s>"}, "length"),
    ],
)
def test_why_a_reply_ended_is_read_wherever_it_stands(said: dict[str, Any], finish: str) -> None:
    message = {"content": ANSWER, "reasoning": WHY}
    for value in (
        {"choices": [{"message": message, **said}]},
        {"choices": [{"message": {**message, **said}}]},
        {"choices": [{"message": message}], **said},
    ):
        reply = receive(json.dumps(value).encode())
        assert isinstance(reply, Reply), reply
        assert reply.finish_reason == finish
    reply = receive(event({"choices": [{"delta": message, **said}]}) + DONE)
    assert isinstance(reply, Reply), reply
    assert reply.finish_reason == finish


BEGUN = delta(reasoning="So")


@pytest.mark.parametrize(
    ("data", "meaning", "words"),
    [
        (b"Too many requests, please slow down", "throttle", "Too many requests, please slow down"),
        (b"upstream connect error or disconnect/reset before headers", "transient", "upstream connect error"),
        (b"<!DOCTYPE html><html><title>Just a moment</title></html>", "transient", "Just a moment"),
        (b'<?xml version="1.0"?><Error><Message>Request has expired</Message></Error>', "transient", "has expired"),
        (BEGUN + b"data: [ERROR] engine crashed\n\n", "transient", "engine crashed"),
        (BEGUN + b"data: Error: CUDA out of memory\n\n", "transient", "CUDA out of memory"),
        (BEGUN + b'data: [ERROR] {"message": "no GPUs"}\n\n', "transient", "no GPUs"),
        (event({"choices": [{"error": {"message": "no GPUs left"}}]}), "transient", "no GPUs left"),
        (event({"id": "x", "error": {"message": "no GPUs left"}}), "transient", "no GPUs left"),
        (
            event({"choices": [{"delta": {"error": {"message": "hiccup"}}, "finish_reason": "error"}]}),
            "transient",
            "hic",
        ),
        (lines([{"status": "fail", "reason": "maintenance until five"}]), "transient", "maintenance until five"),
        (lines([{"header": {"code": 11200, "message": "AppIdNoAuth"}}]), "transient", "AppIdNoAuth"),
        (lines([{"id": "", "choices": None, "message": "model is asleep"}]), "transient", "model is asleep"),
        (lines([{"choices": [], "prompt_feedback": {"block_reason": "SAFETY"}}]), "refused", "SAFETY"),
        (lines([{"promptFeedback": {"blockReason": "OTHER"}}]), "refused", "OTHER"),
        (
            ANTHROPIC[:300] + typed({"type": "error", "error": {"type": "overloaded_error", "message": "Full"}}),
            "throttle",
            "Full",
        ),
        (
            typed({"type": "response.failed", "response": {"error": {"code": "x", "message": "died"}}}),
            "transient",
            "died",
        ),
        (event({"token": {"id": 1, "text": "So"}, "generated_text": None}), "transient", '"text": "So"'),
    ],
)
def test_what_is_no_reply_keeps_its_words(data: bytes, meaning: str, words: str) -> None:
    outcome = receive(data)
    assert isinstance(outcome, Failure), outcome
    assert outcome.meaning == meaning
    assert words in outcome.words


@pytest.mark.parametrize(
    ("status", "code", "message", "meaning", "kind"),
    [
        (429, "QuotaExceeded TooManyRequests", "Your account has exhausted its free inference quota", "fatal", "money"),
        (429, "TooManyRequests", "The set limit was reached and the service has been paused", "fatal", "money"),
        (429, "1304", "该API已达今日调用次数限额", "fatal", "money"),
        (403, "", "您的账户余额已不足，请及时充值", "fatal", "money"),
        (403, "", "Your account does not have enough credit", "fatal", "money"),
        (429, "", "Daily token limit reached for this key", "fatal", "money"),
        (403, "", "触发限流", "throttle", "throttle"),
        (400, "", "超过每分钟请求次数限制", "throttle", "throttle"),
        (400, "", "Slow down! You are sending requests too quickly.", "throttle", "throttle"),
        (503, "service_unavailable", "The request queue is full.", "throttle", "throttle"),
        (429, "", "You exceeded the free tier limit of 3 requests per minute", "throttle", "throttle"),
        (200, "RequestLimitExceeded.UinLimitExceeded", "您的调用频率过高", "throttle", "throttle"),
        (400, "SensitiveContentDetected", "The request failed", "refused", "content_filter"),
        (403, "", "Input was flagged for moderation", "refused", "content_filter"),
        (200, "1027", "output new_sensitive", "refused", "content_filter"),
        (400, "", "输入内容包含违规信息，请修改后重试", "refused", "content_filter"),
        (400, "20015", "length of prompt_tokens (70000) must be less than max_seq_len", "refused", "context_length"),
        (400, "", "Your request exceeded model token limit: 8192", "refused", "context_length"),
        (400, "", "输入的token数超过限制，最大为 8192", "refused", "context_length"),
        (400, "", "foo/bar is not a valid model ID", "fatal", "fatal"),
        (400, "model_decommissioned", "The model `m` has been decommissioned", "fatal", "fatal"),
        (400, "", "Organization has been restricted.", "fatal", "fatal"),
        (400, "", "该模型已下线", "fatal", "fatal"),
        (200, "1004", "login fail: Please carry the API secret key in the header", "fatal", "fatal"),
        (400, "", "服务器内部错误", "transient", "transient"),
        (500, "", "model runner has unexpectedly stopped", "transient", ""),
        (400, "", "账户可用额度为0", "fatal", "money"),
        (400, "", "当前排队人数过多", "throttle", "throttle"),
        (403, "", "Request blocked by guardrail", "refused", "content_filter"),
        (400, "", "Prompt tokens (5000) exceed the limit of 4096", "refused", "context_length"),
        (400, "", "apikey无效", "fatal", "fatal"),
        (400, "", "upstream timeout", "transient", "transient"),
        (400, "", "thinking budget exceeds 1000", "refused", ""),
        (400, "", "image input is disabled for this model", "refused", ""),
        (400, "", "user field too long", "refused", ""),
        (400, "", "max_tokens 超出限制", "refused", ""),
        (400, "", "enable_thinking is not supported for this model", "refused", ""),
        (400, "", "logprobs is not supported with reasoning models", "refused", ""),
        (400, "", "invalid token in prompt at position 5", "refused", ""),
        (400, "", "request exceeds maximum number of images", "refused", ""),
        (400, "", "该模型不支持 enable_thinking 参数", "refused", ""),
    ],
)
def test_words_of_nobodys_table_are_read_for_what_they_are_about(
    status: int, code: str, message: str, meaning: str, kind: str
) -> None:
    failure = classify({"code": code or None, "message": message}, GENERIC, status=status)
    assert (failure.meaning, failure.kind) == (meaning, kind)


def test_a_wait_beside_the_words_of_an_empty_account_makes_them_a_throttle() -> None:
    said = "You exceeded your current quota, please check your plan and billing details."
    asked = {"message": said, "details": [{"@type": "RetryInfo", "retryDelay": "32s"}]}
    assert (classify(asked, GENERIC, status=429).meaning, classify({"message": said}, GENERIC, status=429).kind) == (
        "throttle",
        "money",
    )


@pytest.mark.parametrize(
    ("message", "settings", "cure"),
    [
        ("This model only support stream mode, please enable the stream parameter.", {"stream": False}, "stream: true"),
        ("enable_thinking must be set to false for non-streaming calls", {"stream": False}, "stream: true"),
        ("Requests with max_tokens > 4096 must have stream=true", {"stream": False}, "stream: true"),
        ("Your organization must be verified to stream this model.", {"stream": True}, "stream: false"),
        ("Missing required query parameter: api-version", {}, "?api-version="),
        ("max_tokens: 100000 > 64000, which is the maximum", {"max_tokens": 100_000}, "lower teacher.max_tokens"),
        ("Unexpected endpoint or method. (POST /chat/completions)", {}, "teacher.base_url"),
    ],
)
def test_the_line_is_named_for_what_is_refused_for_how_it_was_asked(
    message: str, settings: dict[str, Any], cure: str
) -> None:
    dialect = Dialect(EndpointConfig(model="m", base_url="http://127.0.0.1:1/v1", key_env="MY_KEY", **settings))
    assert cure in find_cure(classify({"message": message}, GENERIC, status=400), dialect)


TOLD = {"input_tokens": 25, "output_tokens": 15}


@pytest.mark.parametrize(
    "last",
    [
        event({"choices": [{"delta": {"usage": TOLD}, "finish_reason": "stop"}]}),
        event({"choices": [{"delta": {}, "finish_reason": "stop"}], "x_groq": {"usage": TOLD}}),
        delta("stop") + event({"choices": [], "meta": {"tokens": TOLD, "billed_units": {}}}),
        delta("stop") + event({"choices": [], "usage": {"tokens": {"prompt": 25, "completion": 15}}}),
        delta("stop") + event({"choices": [], "usage": [TOLD]}),
        delta("stop") + event({"choices": [], "Usage": {"PromptTokens": "25", "CompletionTokens": 15.0}}),
        delta("stop") + b"event: usage\n" + event(TOLD),
        delta("stop") + usage_event({"input": 25, "output": 15, "total": 40}),
    ],
)
def test_counts_are_found_wherever_they_stand(last: bytes) -> None:
    reply = receive(DELTAS + last + DONE)
    assert isinstance(reply, Reply), reply
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (25, 15)


def told(thought: dict[str, Any], answer: dict[str, Any]) -> bytes:
    """Pieces of which each says what it is."""
    pieces_of = [(WHY, thought), (ANSWER, answer)]
    return b"".join(delta(content=piece, **beside) for text, beside in pieces_of for piece in pieces(text))


@pytest.mark.parametrize(
    "said",
    [
        told({"role": "reasoning"}, {"role": "assistant"}),
        told({"phase": "think"}, {"phase": "answer"}),
        told({"is_thinking": True}, {"is_thinking": False}),
        told({"type": "thinking"}, {"type": "text"}),
        told({"channel": "analysis"}, {"channel": "final"}),
        delta(content=[{"type": "thought", "thought": WHY}, {"type": "text", "text": {"value": ANSWER}}]),
        delta(content=[{"type": "reasoning", "reasoning_content": WHY}, {"type": "text", "text": ANSWER}]),
        delta(content=ANSWER, reasoning={"steps": [{"text": WHY}]}),
        delta(content=ANSWER, inner_monologue=WHY),
        event({"choices": [{"message": {"content": ANSWER}}], "reasoning_content": WHY, "reasoning_effort": "high"}),
        *(
            delta(content=f"{opening}{WHY}{closing}{ANSWER}{end}")
            for opening, closing, end in (
                ("<longcat_think>", "</longcat_think>", ""),
                ("<antThinking>", "</antThinking>", ""),
                ("<REASONING_SCRATCHPAD>", "</REASONING_SCRATCHPAD>", ""),
                ("<思考>", "</思考>", ""),
                ("【思考】", "【/思考】", ""),
                ("\\u003cthink\\u003e", "\\u003c/think\\u003e", ""),
                ("<think>", "</think><|begin_of_box|>", "<|end_of_box|>"),
                ("<seed:think>", "</seed:think>", "<seed:eos>"),
                ("<thought>", "</thought>", "[|endofturn|]"),
            )
        ),
    ],
)
def test_each_piece_that_says_what_it_is_goes_where_it_belongs(said: bytes) -> None:
    reply = receive(said + END)
    assert isinstance(reply, Reply), reply
    parts = split_completion(reply.content, reply.reasoning)
    assert (parts.reasoning, parts.answer, reply.finish_reason) == (WHY, ANSWER, "stop")


@pytest.mark.parametrize(
    "message",
    [
        "Your free trial has ended. Upgrade to continue.",
        "Your subscription has expired",
        "You have reached your usage limit for this month",
        "API credits exhausted",
        "You have no remaining credits.",
        "Please top up your account to continue using the API",
        "Your credit balance is too low to access the API.",
        "Token quota exceeded for this billing period",
        "账户已欠费,请充值后重试",
    ],
)
def test_money_that_is_gone_is_no_throttle_however_it_is_put(message: str) -> None:
    for status in (400, 403, 429):
        assert classify({"message": message}, GENERIC, status=status).kind == "money"
    assert classify({"message": "Quota exceeded: requests per minute"}, GENERIC, status=429).meaning == "throttle"


NOW = dt.datetime(2026, 11, 29, 8, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        ({"message": "Please try again in 7m12.5s."}, 432.5),
        ({"message": "请在30秒后重试"}, 30),
        ({"message": "请求过于频繁,请5分钟后再试"}, 300),
        ({"message": "Limit reached, resets at 2026-11-29T08:01:00Z"}, 60),
        ({"message": f"Limit reached, resets at {round(1000 * NOW.timestamp()) + 5000}"}, 5),
        ({"error": "Model m is currently loading", "estimated_time": 20.0}, 20),
        ({"message": "slow", "retryAfterMs": 1500}, 1.5),
        ({"message": "slow", "metadata": {"headers": {"Retry-After": "9"}}}, 9),
        ({"message": "slow: 30 requests in 60s"}, None),
        ({"message": "Try again in a minute"}, 60),
        ({"message": "请等待60秒"}, 60),
        ({"message": "Rate limit exceeded, retry after 5"}, 5),
        ({"error": {"message": "slow"}, "retry_after": 9}, 9),
    ],
)
def test_a_wait_is_read_from_words_in_any_form(
    error: dict[str, Any], seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", NOW.timestamp)
    assert classify(error, GENERIC, status=429).retry_after == seconds
