"""Whatever bytes an endpoint sends: a reply or a named failure, never an exception, and always storable."""

from __future__ import annotations

import json
from typing import Any

from endpoint import DONE, delta, usage_event
from hypothesis import given
from hypothesis import strategies as st

from overproof.records import encode
from overproof.teacher.profiles import load_profile
from overproof.teacher.receive import Receiver, receive_object
from overproof.teacher.reply import Failure, Reply

GENERIC = load_profile("generic")
GOOD = b"".join([delta(reasoning_content="so we"), delta(content="The answer"), delta("stop"), usage_event(), DONE])

KEYS = st.sampled_from(
    [
        *("choices", "message", "delta", "content", "reasoning", "reasoning_content", "reasoning_details"),
        *("finish_reason", "usage", "prompt_tokens", "completion_tokens", "completion_tokens_details", "id"),
        *("refusal", "error", "code", "text", "detail"),
    ]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.just("stop")
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5))


def receive(data: bytes, *cuts: int, is_stream: bool = True) -> Reply | Failure:
    receiver = Receiver(GENERIC, is_stream=is_stream)
    start = 0
    for cut in sorted(cuts):
        receiver.feed(data[start:cut])
        start = max(start, cut)
    receiver.feed(data[start:])
    receiver.end()
    return receiver.outcome()


def assert_can_be_stored(outcome: Reply | Failure) -> None:
    assert isinstance(outcome, Reply | Failure)
    assert encode(outcome)


@given(st.binary())
def test_any_bytes_at_all(data: bytes) -> None:
    assert_can_be_stored(receive(data))
    assert_can_be_stored(receive(data, is_stream=False))


@given(TREES)
def test_any_json_at_all(tree: Any) -> None:
    assert_can_be_stored(receive_object(tree, GENERIC))
    assert_can_be_stored(receive(b"data: " + json.dumps(tree).encode() + b"\n\n" + DONE))


@given(TREES, TREES, TREES)
def test_anything_where_a_choice_belongs(message: Any, finish: Any, usage: Any) -> None:
    for key in ("message", "delta"):
        tree = {"choices": [{key: message, "finish_reason": finish}], "usage": usage}
        assert_can_be_stored(receive_object(tree, GENERIC))
        assert_can_be_stored(receive(b"data: " + json.dumps(tree).encode() + b"\n\n" + DONE))


@given(st.lists(st.integers(0, len(GOOD)), max_size=12))
def test_a_stream_is_the_same_reply_however_it_is_cut(cuts: list[int]) -> None:
    assert receive(GOOD, *cuts) == receive(GOOD)


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_a_stream_with_one_wrong_byte_is_judged(place: int, byte: int) -> None:
    assert_can_be_stored(receive(GOOD[:place] + bytes([byte]) + GOOD[place + 1 :]))


@given(st.integers(0, len(GOOD)))
def test_a_stream_that_ends_early_is_never_taken_for_complete_before_its_finish_reason(end: int) -> None:
    outcome = receive(GOOD[:end])
    has_finish_reason = GOOD[:end].count(b'"finish_reason": "stop"}]}') > 0
    assert isinstance(outcome, Reply) == has_finish_reason
    if isinstance(outcome, Reply):
        assert outcome.content == "The answer"
