"""A reply is complete or it is not: the one place that judges what an endpoint sent, whatever the client took it for.

An attempt ends in a `Reply` (text that was paid for and is kept, cut by length or not) or in a `Failure` whose
`state` names what was wrong:

    state               what came                                                        what it means
    rate_limit, …       an HTTP error, by its status and code                            see `failures`
    error_in_200        an error object inside a successful response or a stream         by its code, else transient
    not_json            a web page, an empty body, a broken line                         transient
    no_choices          `choices` missing, null or empty                                 transient
    truncated_stream    the stream ended with neither finish reason nor [DONE]           transient
    no_finish_reason    a whole body or stream without one (and the profile sends them)  transient
    aborted             the server says it gave up (insufficient_system_resource, …)     transient
    empty_content       ended by itself with no answer text (perhaps with reasoning)     tried a few times, then kept
    content_filter      refused or cut off for its content                               permanent
    oversized_reply     more than MAX_REPLY_BYTES                                        permanent
    connection, stalled, deadline                                                        transient, see `client`

Marks on a reply: `no_done` (finish reason but no [DONE]), `zero_usage` (usage of nothing for a reply of something:
unknown, not free), `empty_content`, `text_repaired` (bytes that were not UTF-8, or half of a surrogate pair).
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from overproof.records import Usage, clean_text
from overproof.teacher.profiles import REASONING_FIELDS

MAX_REPLY_BYTES = 32 << 20
"""Longest response that is read, after decompression; some twenty times the longest reasoning any model emits."""
MOST_NESTING = 64
"""Levels of lists and objects that JSON may have; no reply needs ten, and each level takes part of the stack."""
MOST_TOKENS = 2**53
"""More than any reply has: a count beyond it is not believed (and would not fit into a record)."""
LONGEST_NAME = 256
"""Characters that are kept of an id or a finish reason."""

FINISH_REASONS = {
    "end_turn": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "sensitive": "content_filter",
    "safety": "content_filter",
}
"""Other servers' words for stop, length and content_filter."""
ABORTED = frozenset({"abort", "aborted", "cancelled", "error", "insufficient_system_resource", "network_error"})
"""Finish reasons by which a server says that it gave up."""

Meaning = Literal["transient", "throttle", "refused", "fatal"]


class Reply(msgspec.Struct, frozen=True):
    """Text that came back and is kept: ended by itself, or cut by length."""

    content: str
    reasoning: str | None
    """Text of a field of its own, None when any reasoning is inside `content`."""
    channel: str | None
    """Name of that field."""
    finish_reason: str
    usage: Usage
    request_id: str | None = None
    seconds: float = 0.0
    marks: list[str] = []


class Failure(msgspec.Struct, frozen=True):
    """An attempt that brought no reply to keep. Data, never an exception."""

    state: str
    """Short name of what was wrong."""
    meaning: Meaning
    """transient: try again; throttle: try again later, more slowly; refused: never again; fatal: end the run."""
    message: str = ""
    """What the endpoint said, without secrets."""
    retry_after: float | None = None
    """Seconds the endpoint asked to wait."""
    usage: Usage = Usage()
    """Tokens the endpoint reported all the same."""
    is_billed: bool = False
    """Whether the endpoint may have charged for tokens that it did not report."""
    reply: Reply | None = None
    """What came anyway, for the states that are kept in the end (empty_content, content_filter)."""
    seconds: float = 0.0


def kept_of(failure: Failure) -> Reply:
    """What is written down for a refusal: what came of the reply, or nothing but its usage."""
    return failure.reply or Reply("", None, None, "", failure.usage, seconds=failure.seconds)


class Draft:
    """A reply while it arrives: the pieces of one choice and what was said around them."""

    def __init__(self, reasoning_fields: Sequence[str]) -> None:
        """Start with nothing received; `reasoning_fields` are read beside those known everywhere."""
        self._fields = tuple(dict.fromkeys((*reasoning_fields, *REASONING_FIELDS, "reasoning_details")))
        self.content: list[str] = []
        self.reasoning: dict[str, list[str]] = {}
        self.finish_reason: str | None = None
        self.usage: Mapping[str, Any] | None = None
        self.request_id: str | None = None
        self.error: Any = None
        self.has_choices = False
        self.is_repaired = False

    @property
    def channel(self) -> str | None:
        """The first field with reasoning in it, the profile's own first; servers that fill two fill them alike."""
        return next((field for field in self._fields if field in self.reasoning), None)

    def add_message(self, message: Any) -> bool:
        """Take a message or delta in whatever form it has; True when it held text."""
        if not isinstance(message, Mapping):
            return False
        text = _text_of(message.get("content")) or _text_of(message.get("refusal"))
        if text:
            self.content.append(text)
        found = bool(text)
        for field in self._fields:
            piece = _text_of(message.get(field))
            if piece:
                self.reasoning.setdefault(field, []).append(piece)
                found = True
        return found

    def add_choice(self, choice: Any, key: str) -> bool:
        """Take one choice whose text lies under `key` (`message` or `delta`); True when it held text."""
        if not isinstance(choice, Mapping):
            return False
        self.has_choices = True
        if choice.get("finish_reason"):
            self.finish_reason = str(choice["finish_reason"])[:LONGEST_NAME]
        return self.add_message(choice.get(key))

    def add_object(self, value: Any, key: str) -> bool:
        """Take a whole body (`key` message) or one streamed object (`key` delta); True when it held text."""
        if not isinstance(value, Mapping):
            self.error = self.error or {"message": f"a JSON {type(value).__name__} where an object belongs"}
            return False
        if isinstance(value.get("id"), str):
            self.request_id = value["id"]
        if isinstance(value.get("usage"), Mapping):
            self.usage = value["usage"]  # servers that send it with each chunk send running totals: the last one counts
        self.error = self.error or error_in(value)
        choices = value.get("choices")
        if isinstance(choices, Sequence) and choices and not isinstance(choices, str):
            return self.add_choice(choices[0], key)
        return False


def error_in(value: Mapping[str, Any]) -> Any:
    """The error that an object carries, nested (`error`) or flat (`code` and `message`); None when it has none."""
    if value.get("error"):
        return value["error"]
    if "choices" in value:
        return None
    if "message" in value and ("code" in value or value.get("object") == "error"):
        return value
    return value.get("detail")


def judge_draft(draft: Draft, *, is_done: bool, omits_finish_reason: bool = False) -> Reply | Failure:
    """What a received reply is worth; `is_done` says that the endpoint marked its end (a body, or [DONE])."""
    finish = FINISH_REASONS.get(draft.finish_reason or "", draft.finish_reason)
    reply = _assemble(draft, finish or "stop", is_done=is_done)
    state, message = _what_is_wrong(draft, reply, finish, is_done=is_done, omits_finish_reason=omits_finish_reason)
    if not state:
        return reply
    return Failure(
        state,
        "refused" if state == "content_filter" else "transient",
        message,
        usage=reply.usage,
        is_billed=reply.usage.completion_tokens is None,
        reply=reply if state in {"content_filter", "empty_content"} else None,
    )


def _what_is_wrong(
    draft: Draft, reply: Reply, finish: str | None, *, is_done: bool, omits_finish_reason: bool
) -> tuple[str, str]:
    """State and message of what keeps a reply from counting; empty when nothing does."""
    is_empty = finish != "length" and not reply.content.strip()
    wrongs = (
        (finish is None and not is_done, "truncated_stream", "the stream ended with neither finish reason nor [DONE]"),
        (not draft.has_choices, "no_choices", "the reply holds no choices"),
        (finish is None and not omits_finish_reason, "no_finish_reason", "the reply does not say why it ended"),
        (finish in ABORTED, "aborted", f"the server gave up: finish_reason {finish}"),
        (finish == "content_filter", "content_filter", "cut off by the provider's content filter"),
        (is_empty, "empty_content", "the reply ended by itself without an answer"),
    )
    return next(((state, message) for is_wrong, state, message in wrongs if is_wrong), ("", ""))


def read_usage(usage: Mapping[str, Any] | None) -> Usage:
    """Token counts as the endpoint gave them, wherever it puts the finer ones."""
    if not usage:
        return Usage()
    prompt_details = usage.get("prompt_tokens_details")
    completion_details = usage.get("completion_tokens_details")
    return Usage(
        prompt_tokens=_count(usage, "prompt_tokens"),
        completion_tokens=_count(usage, "completion_tokens"),
        reasoning_tokens=_count(completion_details, "reasoning_tokens"),
        cached_tokens=_count(prompt_details, "cached_tokens") or _count(usage, "prompt_cache_hit_tokens"),
    )


def decode_tolerantly(data: bytes) -> tuple[Any, bool]:
    """JSON from bytes that need not be clean: (value, whether bytes had to be replaced).

    A byte order mark is passed over. Raises ValueError for what is no JSON, and for what is nested deeper than
    MOST_NESTING, so that whatever looks through the value may do so by recursion.
    """
    data = data.removeprefix(codecs.BOM_UTF8)
    is_repaired = False
    try:
        try:
            value = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            text = data.decode("utf-8", "replace")
            is_repaired = "\ufffd" in text
            value = json.loads(text, strict=False)
    except RecursionError:
        raise ValueError("JSON nested without end") from None
    _check_nesting(value)
    return value, is_repaired


def _check_nesting(value: Any) -> None:
    """Raise ValueError when lists and objects lie deeper in each other than MOST_NESTING."""
    level = [value]
    for _ in range(MOST_NESTING):
        level = [
            item
            for one in level
            if isinstance(one, dict | list)
            for item in (one.values() if isinstance(one, dict) else one)
            if isinstance(item, dict | list)
        ]
        if not level:
            return
    raise ValueError(f"JSON nested more than {MOST_NESTING} deep")


def _assemble(draft: Draft, finish: str, *, is_done: bool) -> Reply:
    content = "".join(draft.content)
    channel = draft.channel
    reasoning = "".join(draft.reasoning[channel]) if channel else None
    cleaned, cleaned_reasoning = clean_text(content), clean_text(reasoning) if reasoning is not None else None
    usage = read_usage(draft.usage)
    marks = []
    if not is_done:
        marks.append("no_done")
    if usage.completion_tokens == 0 and (content or reasoning):
        marks.append("zero_usage")
        usage = Usage()
    if draft.is_repaired or ("\ufffd" in cleaned and "\ufffd" not in content):
        marks.append("text_repaired")
    finish = clean_text(finish)[:LONGEST_NAME]
    request_id = None if draft.request_id is None else clean_text(draft.request_id)[:LONGEST_NAME]
    return Reply(cleaned, cleaned_reasoning, channel, finish, usage, request_id, marks=marks)


def _text_of(value: Any) -> str:
    """Text that came as a string, as a list of parts, or as an object with a text."""
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence):
        return "".join(_text_of(part) for part in value)
    if isinstance(value, Mapping):
        return _text_of(value.get("text") or value.get("content") or "")
    return ""


def _count(usage: Any, key: str) -> int | None:
    value = usage.get(key) if isinstance(usage, Mapping) else None
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS
    return value if is_count else None
