"""Every dialect comes to one reasoning, one answer and one meaning, however its server spells them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from endpoint import DONE, delta, event, usage_event

from overproof.completion import split_completion
from overproof.mending import mend
from overproof.teacher.failures import classify
from overproof.teacher.pieces import Pieces
from overproof.teacher.profiles import load_profile
from overproof.teacher.receive import Receiver, receive_object
from overproof.teacher.reply import Failure, Reply
from overproof.teacher.usage import read_usage
from overproof.teacher.words import read_finish_reason

WHY = "Seven and five make twelve, since five and five are ten."
ANSWER = "So it is $\\boxed{12}$."
GENERIC = load_profile("generic")


def receive(data: bytes, *, is_stream: bool = True, profile: str = "generic") -> Reply | Failure:
    receiver = Receiver(load_profile(profile), is_stream=is_stream)
    receiver.feed(data)
    receiver.end()
    return receiver.outcome()


def whole(message: dict[str, Any], finish: str = "stop", **more: Any) -> bytes:
    return json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": finish}], **more}).encode()


INLINE = json.loads(whole({"content": ANSWER, "reasoning": WHY}))
REPEATED = event(json.loads(whole({"content": ANSWER})))
TWO_CHOICES = event(
    {"choices": [{"index": 1, "delta": {"content": "No."}}, {"index": 0, "delta": {"content": ANSWER}}]}
)
USAGE_OF_CHOICE = {
    "index": 0,
    "delta": {},
    "finish_reason": "stop",
    "usage": {"prompt_tokens": 3, "completion_tokens": 4},
}
GOOGLES = [{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "slow down"}}]
SUMMARY = [{"type": "reasoning.summary", "summary": "In short."}]
HARMONY = f"<|channel|>analysis<|message|>{WHY}<|end|><|start|>assistant<|channel|>final<|message|>{ANSWER}<|return|>"


@pytest.mark.parametrize(
    ("content", "reasoning", "marks"),
    [
        (ANSWER, WHY, []),
        (f"<think>{WHY}</think>{ANSWER}", None, []),
        (HARMONY, None, ["other_markers"]),
        (f"analysis{WHY}assistantfinal{ANSWER}", None, ["other_markers"]),
        (f"<|channel|>final<|message|>{ANSWER}<|return|>", WHY, ["other_markers"]),
        (f"◁think▷{WHY}◁/think▷{ANSWER}", None, ["other_markers"]),
        (f"<seed:think>{WHY}</seed:think>{ANSWER}", None, ["other_markers"]),
        (f"[THINK]{WHY}[/THINK]{ANSWER}", None, ["other_markers"]),
        (f"{WHY}[/THINK]{ANSWER}", None, ["other_markers"]),
        (f"<THINK>{WHY}</THINK>{ANSWER}", None, ["other_markers"]),
        (f"<thought>{WHY}</thought>{ANSWER}", None, ["other_markers"]),
        (f"<reasoning>{WHY}</reasoning>{ANSWER}", None, ["other_markers"]),
        (f"<|channel>thought\n{WHY}<channel|>{ANSWER}", None, ["other_markers"]),
        (f"<|im_start|>assistant\n<think>{WHY}</think>{ANSWER}<|im_end|>", None, ["end_token"]),
        (f"<mm:think>{WHY}</mm:think>{ANSWER}", None, ["other_markers"]),
        (f'<think type="deep">{WHY}</think >{ANSWER}', None, ["other_markers"]),
        (f"{WHY}</THINK>{ANSWER}", None, ["other_markers"]),
        (f"<scratchpad>{WHY}</scratchpad>{ANSWER}", None, ["other_markers"]),
        (f"<think>\n<think>\n{WHY}\n</think>\n</think>{ANSWER}", None, ["stray_tag"]),
        (f"<think>{WHY}</think></think>{ANSWER}", None, ["stray_tag"]),
        (ANSWER, f"<think><think>{WHY}</think></think>", ["stray_tag"]),
        (f"analysis<|message|>{HARMONY[30:]}", None, ["other_markers"]),
        (HARMONY.replace("final<", "final <|constrain|>text<"), None, ["other_markers"]),
        (
            HARMONY.replace("|>", ">").title().replace(WHY.title(), WHY).replace(ANSWER.title(), ANSWER),
            None,
            ["other_markers"],
        ),
        (ANSWER, f"<|channel|>analysis<|message|>{WHY}<|end|>", ["stray_tag"]),
        ("", HARMONY, ["answer_in_reasoning"]),
        (f"<think>\n{WHY}\n</think>\n\n{ANSWER}", WHY, ["reasoning_twice"]),
        (f"</think>\n{ANSWER}", WHY, ["stray_tag"]),
        (f"<think></think>{ANSWER}", WHY, ["stray_tag"]),
        (ANSWER, f"<think>\n{WHY}\n</think>", ["stray_tag"]),
        (ANSWER, f"<think>{WHY}", ["stray_tag"]),
        ("", f"{WHY}</think>{ANSWER}", ["answer_in_reasoning"]),
        (f"{ANSWER}<|im_end|>", WHY, ["end_token"]),
        (f"{ANSWER}<｜end▁of▁sentence｜>\n", WHY, ["end_token"]),
    ],
)
def test_reasoning_is_found_wherever_it_is_and_the_mark_says_what_was_mended(
    content: str, reasoning: str | None, marks: list[str]
) -> None:
    mended = mend(content, reasoning)
    parts = split_completion(mended.content, mended.reasoning)
    assert (parts.reasoning, parts.answer) == (WHY, ANSWER)
    assert mended.marks == marks


def test_two_reasonings_that_contradict_and_tags_in_a_text_are_left_as_they_came() -> None:
    for content, reasoning in [
        (f"<think>Something else entirely.</think>{ANSWER}", WHY),
        ("The tag <think> opens a block, and </think> ends it.", WHY),
        ("A plain answer, in [THINK] mode.", None),
    ]:
        assert mend(content, reasoning) == (content, reasoning, [])


def test_a_profile_names_markers_of_its_own() -> None:
    assert mend(f"<<plan>>{WHY}<<say>>{ANSWER}", None, [("<<plan>>", "<<say>>")]).content == (
        f"<think>{WHY}</think>{ANSWER}"
    )


@pytest.mark.parametrize(
    "data",
    [
        whole({"content": ANSWER, "reasoning_content": WHY}),
        b"\xef\xbb\xbf \n" + whole({"content": ANSWER, "reasoning_text": WHY}),
        json.dumps(json.loads(whole({"content": ANSWER, "thinking": WHY})), indent=2).encode(),
        b"data: " + whole({"content": ANSWER, "reasoning": WHY}) + b"\n\n",
        b"".join(b"data: " + line + b"\n" for line in json.dumps(INLINE, indent=1).encode().split(b"\n"))
        + b"\n"
        + DONE,
        whole({"content": ANSWER, "reasoning": {"content": WHY, "type": "text"}}),
        whole({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": WHY}]}, {"text": ANSWER}]}),
        whole({"content": ANSWER, "reasoning_details": [{"type": "reasoning.text", "text": WHY}]}),
        delta(reasoning_content=WHY) + delta(content=ANSWER) + delta("stop") + REPEATED + DONE,
        delta(reasoning_content=WHY)
        + event({"choices": [{"index": 1, "delta": {"content": "No."}}, {"index": 0, "delta": {"content": ANSWER}}]})
        + delta("STOP")
        + DONE,
    ],
)
def test_whatever_was_asked_the_first_byte_tells_what_came(data: bytes) -> None:
    for is_stream in (True, False):
        reply = receive(data, is_stream=is_stream)
        assert isinstance(reply, Reply), reply
        assert (reply.content, reply.reasoning, reply.finish_reason) == (ANSWER, WHY, "stop")


STREAM = delta(role="assistant") + delta(reasoning_content=WHY) + delta(content=ANSWER) + delta("stop") + DONE


@pytest.mark.parametrize(
    "data",
    [
        STREAM.replace(b"data: ", b"data:"),
        STREAM.replace(b"data: ", b" Data:\t"),
        STREAM.replace(b"\n", b"\r\n"),
        STREAM.replace(b"\n", b"\r"),
        STREAM.replace(b"\n\n", b"\n"),
        STREAM.replace(b"[DONE]", b'"[done]"'),
        STREAM.replace(b"\n\n", b"\n\n: keep-alive\n\nevent: ping\ndata: ping\n\ndata:\n\ndata: {}\n\n"),
        b"\xef\xbb\xbf\n" + STREAM.replace(b"data: ", b"event: message\nid: 7\nretry: 10\ndata: "),
        json.dumps([json.loads(line[6:]) for line in STREAM.split(b"\n\n") if line.startswith(b"data: {")]).encode(),
        b"\n".join(line[6:] for line in STREAM.split(b"\n\n")),
        STREAM.removesuffix(DONE).rstrip(),
    ],
)
def test_events_are_read_however_they_are_written(data: bytes) -> None:
    for size in (3, len(data)):
        receiver = Receiver(GENERIC, is_stream=True)
        for at in range(0, len(data), size):
            receiver.feed(data[at : at + size])
        receiver.end()
        reply = receiver.outcome()
        assert isinstance(reply, Reply), reply
        assert (reply.content, reply.reasoning, reply.finish_reason) == (ANSWER, WHY, "stop")


def test_running_totals_are_recognised_and_small_repeats_are_not() -> None:
    def text(*parts: str) -> tuple[str, bool]:
        pieces = Pieces()
        for part in parts:
            pieces.add(part)
        return pieces.text(), pieces.held_totals

    totals = [WHY[:end] for end in range(7, len(WHY) + 7, 7)]
    assert text(*totals) == (WHY, True)
    assert text(*totals, WHY) == (WHY, True)
    assert text(*(WHY[at : at + 7] for at in range(0, len(WHY), 7)), WHY) == (WHY, True)
    assert text("1", "12") == ("112", False)
    assert text("ha", "ha", "ha") == ("hahaha", False)
    assert text("\n", "\n\n", "x") == ("\n\n\nx", False)


@pytest.mark.parametrize("finish", ["null", "stop", None])
def test_a_stream_that_breaks_off_is_incomplete_whatever_each_piece_says_of_the_end(finish: str | None) -> None:
    pieces = b"".join(delta(finish, reasoning_content=word) for word in WHY.split()) + delta(finish, content="So it")
    outcome = receive(pieces)
    assert isinstance(outcome, Failure)
    assert outcome.state == "truncated_stream"


@pytest.mark.parametrize(
    "body",
    [
        {
            "message": {"content": ANSWER, "thinking": WHY},
            "done_reason": "stop",
            "prompt_eval_count": 3,
            "eval_count": 7,
        },
        {
            "content": [{"type": "thinking", "thinking": WHY}, {"type": "text", "text": ANSWER}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 3, "output_tokens": 7},
        },
        {
            "message": {"content": [{"type": "thinking", "thinking": WHY}, {"type": "text", "text": ANSWER}]},
            "finish_reason": "COMPLETE",
            "usage": {"tokens": {"input_tokens": 3, "output_tokens": 7}},
        },
        {
            "output": {
                "message": {"content": [{"reasoningContent": {"reasoningText": {"text": WHY}}}, {"text": ANSWER}]}
            },
            "stopReason": "end_turn",
            "usage": {"inputTokens": 3, "outputTokens": 7},
        },
        {
            "output": [
                {"type": "reasoning", "content": [{"type": "reasoning_text", "text": WHY}]},
                {"type": "message", "content": [{"type": "output_text", "text": ANSWER}]},
            ],
            "status": "completed",
            "usage": {"input_tokens": 3, "output_tokens": 7},
        },
        {
            "choices": [{"message": {"content": ANSWER, "reasoningContent": WHY}, "finishReason": "stop"}],
            "usage": {"promptTokens": 3, "completionTokens": 7},
        },
        {
            "choices": [
                {"message": {"content": ANSWER, "chain_of_thought": WHY, "thought_id": "x"}, "finish_reason": "stop"}
            ],
            "usage": {"prompt_tokens": 3, "completion_tokens": 7},
        },
    ],
)
def test_a_reply_in_another_apis_form_or_under_other_names_is_read_all_the_same(body: dict[str, Any]) -> None:
    reply = receive_object(body, GENERIC)
    assert isinstance(reply, Reply)
    assert (reply.content, reply.reasoning, reply.finish_reason) == (ANSWER, WHY, "stop")
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (3, 7)


@pytest.mark.parametrize("field", ["think", "cot", "thinking_process", "reasoningContent", "internal-reasoning"])
def test_reasoning_is_read_from_a_stream_under_whatever_name(field: str) -> None:
    reply = receive(b"".join(delta(**{field: word}) for word in WHY.split(" ")) + delta("stop", content=ANSWER) + DONE)
    assert isinstance(reply, Reply)
    assert reply.reasoning == "".join(WHY.split(" "))


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        (
            (
                "STOP",
                "eos",
                "end_turn",
                "Completed",
                "FINISH_REASON_STOP",
                "FinishReason.STOP",
                "</s>",
                "<|im_end|>",
                "stop_words",
                "eos_token_id",
                "SUCCEEDED",
                "stopped_eos",
                "natural_stop",
                "model_end",
                "finished_normally",
                "harmony_stop",
                "end_of_block",
                "no_error",
                "completed_without_error",
                "max_tokens_not_reached",
            ),
            "stop",
        ),
        (
            (
                "MAX_TOKENS",
                "maxTokens",
                "max-output-tokens",
                "model_context_window_exceeded",
                "FINISH_REASON_MAX_TOKENS",
                "max_tokens_exceeded",
                "token_limit_exceeded",
                "output_limit",
                "max_model_len",
                "length_capped",
                "context_window_full",
                "out_of_tokens",
                "kv_cache_full",
                "budget_exhausted",
                "num_predict",
            ),
            "length",
        ),
        (
            (
                "SAFETY",
                "RECITATION",
                "prohibited content",
                "FINISH_REASON_SAFETY",
                "unsafe",
                "copyright",
                "risk_control",
            ),
            "content_filter",
        ),
        (("tool-calls", "MALFORMED_FUNCTION_CALL", "toolUse"), "tool_calls"),
        (
            (
                "CANCELLED",
                "insufficient_system_resource",
                "stopped_by_user",
                "preempted",
                "USER_CANCEL",
                "oom",
                "worker_lost",
            ),
            "aborted",
        ),
        (("null", "None", "FINISH_REASON_UNSPECIFIED", "", None, "in_progress"), None),
        (("a_word_nobody_knows",), "a_word_nobody_knows"),
    ],
)
def test_finish_reasons_are_one_word_in_every_spelling(words: tuple[str | None, ...], meaning: str | None) -> None:
    assert {read_finish_reason(word) for word in words} == {meaning}


@pytest.mark.parametrize(
    ("error", "status", "meaning", "kind"),
    [
        ({"code": "1113", "message": "余额不足"}, 429, "fatal", "money"),
        ({"type": "exceeded_current_quota_error", "message": "x"}, 429, "fatal", "money"),
        ({"message": "Provider said: InsufficientBalanceError"}, 500, "fatal", "money"),
        ({"code": "insufficient_user_quota"}, 403, "fatal", "money"),
        ({"type": "budget_exceeded", "message": "ExceededBudget: crossed budget"}, 429, "fatal", "money"),
        ({"code": "model_not_found", "message": "no channel"}, 503, "transient", "transient"),
        ({"code": "model_not_found", "message": "no such model"}, 404, "fatal", "fatal"),
        ({"type": "exceed_context_size_error", "message": "n_ctx"}, 400, "refused", "context_length"),
        (
            [{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "slow down"}}],
            429,
            "throttle",
            "throttle",
        ),
        ({"http_code": "429", "message": "busy"}, 200, "throttle", "throttle"),
        ({"message": {"detail": [{"loc": ["body", "seed"]}]}}, 422, "refused", ""),
        ({"code": 500, "reason": "NOT_ENOUGH_BALANCE", "message": "not enough balance"}, 500, "fatal", "money"),
        ({"code": 30011, "message": "Paid balance insufficient"}, 403, "fatal", "money"),
        ({"error_code": 19, "error_msg": "Open api total request limit reached"}, 200, "fatal", "money"),
        ({"error_code": 18, "error_msg": "Open api qps request limit reached"}, 200, "throttle", "throttle"),
        (
            {"Response": {"Error": {"Code": "LimitExceeded", "Message": "x"}, "RequestId": "y"}},
            200,
            "throttle",
            "throttle",
        ),
        ({"Response": {"Error": {"Code": "A.B", "Message": "资源包余量已用尽"}}}, 200, "fatal", "money"),
        ({"message": "The content is blocked.", "type": "censorship_blocked"}, 451, "refused", "content_filter"),
        ({"error": "`inputs` tokens + `max_new_tokens` must be <= 4096."}, 422, "refused", "context_length"),
        (
            {"message": "The input (9 tokens) is longer than the model's context length (8)."},
            400,
            "refused",
            "context_length",
        ),
        ({"detail": "Function id 'x': DEGRADED function cannot be invoked"}, 400, "transient", "transient"),
        ({"__type": "com.amazon#ThrottlingException", "message": "Rate exceeded"}, 400, "throttle", "throttle"),
    ],
)
def test_an_error_is_classed_by_its_words_and_keeps_them(error: Any, status: int, meaning: str, kind: str) -> None:
    failure = classify(error, GENERIC, status=status)
    assert (failure.meaning, failure.kind) == (meaning, kind)
    assert failure.words


def test_who_says_when_to_come_back_is_throttling_whatever_the_phrase() -> None:
    error = {"message": "You exceeded your current quota"}
    assert classify(error, GENERIC, status=429).meaning == "fatal"
    assert classify(error, GENERIC, status=429, retry_after=3).meaning == "throttle"


@pytest.mark.parametrize(
    "value",
    [
        {"error": {"code": 402, "message": "no credits"}, "choices": [{"message": {"content": ""}}]},
        {"choices": [{"finish_reason": "error", "message": {"content": ""}, "error": {"code": 402, "message": "no"}}]},
        {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}, "choices": None},
    ],
)
def test_an_error_inside_a_success_is_read_as_its_status(value: Any) -> None:
    for data in (json.dumps(value).encode(), event(value) + DONE):
        outcome = receive(data)
        assert isinstance(outcome, Failure)
        assert (outcome.meaning, outcome.kind) == ("fatal", "money")


def test_words_of_an_endpoint_hold_neither_keys_nor_escapes() -> None:
    failure = classify({"message": "bad key sk-abc123def456ghi \x1b[31mred\x1b[0m\x07"}, GENERIC, status=401)
    assert failure.words == "401: bad key *** red"


@pytest.mark.parametrize(
    ("usage", "reply"),
    [
        ({"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 3041}, 3009),
        ({"prompt_tokens": 32, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 30}}, 39),
        ({"prompt_tokens": 32.0, "completion_tokens": "9"}, 9),
        ({"input_tokens": 32, "output_tokens": 9}, 9),
        ({"inputTokens": "32", "outputTokens": 9.0, "totalTokens": 41}, 9),
        ({"input_tokens": 2, "cache_read_input_tokens": 30, "output_tokens": 9}, 9),
        ({"prompt_tokens": 32, "completion_tokens": 0, "total_tokens": 41}, 9),
        ({"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 0}, 9),
        ({"promptTokenCount": 32, "candidatesTokenCount": 9, "totalTokenCount": 141}, 109),
    ],
)
def test_usage_is_read_by_its_total_in_every_spelling(usage: dict[str, Any], reply: int) -> None:
    read = read_usage(usage)
    assert (read.prompt_tokens, read.completion_tokens) == (32, reply)


def test_usage_of_a_choice_is_usage() -> None:
    last = {
        "choices": [
            {"index": 0, "delta": {}, "finish_reason": "stop", "usage": {"prompt_tokens": 3, "completion_tokens": 4}}
        ]
    }
    reply = receive(delta(content=ANSWER) + event(last) + DONE)
    assert isinstance(reply, Reply)
    assert reply.usage.completion_tokens == 4


@pytest.mark.parametrize(
    ("pieces", "mark"),
    [
        (
            delta(reasoning="In short.", reasoning_details=SUMMARY),
            "summary",
        ),
        (delta(reasoning_summary="In short."), "summary"),
        (delta(content="<thought>In short.</thought>", extra_content={"google": {"thought": True}}), "summary"),
        (delta(reasoning_details=[{"type": "reasoning.encrypted", "data": "gAAA"}]), "encrypted"),
    ],
)
def test_a_summary_is_marked_and_so_is_what_nobody_can_read(pieces: bytes, mark: str) -> None:
    reply = receive(pieces + delta(content=ANSWER) + delta("stop") + usage_event() + DONE)
    assert isinstance(reply, Reply)
    assert mark in reply.marks
