"""The bytes of a successful response → a reply or a failure; what the client and batch files share."""

from __future__ import annotations

from typing import Any

import msgspec

from overproof.teacher.failures import classify, shorten
from overproof.teacher.profiles import Profile
from overproof.teacher.reply import (
    LONGEST_ODD,
    MAX_REPLY_BYTES,
    ArrivingReply,
    Failure,
    Reply,
    decode_tolerantly,
    judge_draft,
)
from overproof.teacher.stream import EventReader
from overproof.teacher.usage import read_usage


class Receiver:
    """One response while it arrives."""

    def __init__(self, profile: Profile, *, is_stream: bool) -> None:
        """The first byte that is no space tells events from one body; `is_stream`, which was asked for, only does where
        nothing comes at all.
        """
        self.size = 0
        """Bytes received so far."""
        self.is_whole = False
        """Whether the endpoint has marked the end."""
        self._draft = ArrivingReply(profile)
        self._profile = profile
        self._body: list[bytes] = []
        self._events: EventReader | None = None
        self._is_open = True
        self._is_stream = is_stream

    @property
    def has_reply(self) -> bool:
        """Whether the reply itself is all there, whatever becomes of the rest of the response."""
        if self._events is None and not self.is_whole:
            return isinstance(self.outcome(), Reply)  # a body that lacks its end is no JSON
        return self.is_whole or self._draft.has_ended

    @property
    def is_oversized(self) -> bool:
        """Whether more came than any reply can be; the rest is not worth reading."""
        return self.size > MAX_REPLY_BYTES

    @property
    def received(self) -> int:
        """Bytes of the reply's own text so far."""
        return self._draft.size

    def feed(self, data: bytes) -> bool:
        """Take the next bytes; True when they held text of the reply, or of a body."""
        self.size += len(data)
        if self._is_open:
            self._open(data)
        if self._events is None:
            self._body.append(data)
            return bool(data.strip())
        found = self._events.feed(data)
        self.is_whole = self._events.is_done
        return found

    def end(self) -> None:
        """The response has ended without an error."""
        if self._events is None:
            self.is_whole = True
        else:
            self._events.finish()
            self.is_whole = self._events.is_done

    def outcome(self) -> Reply | Failure:
        """What it amounts to."""
        if self.is_oversized:
            message = f"more than {MAX_REPLY_BYTES >> 20} MB"
            return Failure("oversized_reply", "refused", message, is_billed=True)
        if self._events is None and not (self._is_open and self._is_stream):
            return self._judge_body(b"".join(self._body))
        if self._events is not None and self._draft.holds_words:
            return self._judge_words("not JSON")
        if self._events is not None and self._events.is_broken and self._draft.error is None:
            return self._judge_words("a line of the stream is not JSON")
        return _judge(self._draft, is_done=self._events is not None and self.is_whole)

    def _open(self, data: bytes) -> None:
        first = data.lstrip(_BLANK)[:1]
        if first:
            self._is_open = False
            if first not in _FIRST_OF_A_BODY:
                self._events = EventReader(self._draft)

    def _judge_body(self, body: bytes) -> Reply | Failure:
        """One JSON value; or JSON lines, which are events without their names."""
        self._draft = ArrivingReply(self._profile)
        try:
            value, self._draft.is_repaired = decode_tolerantly(body)
        except ValueError:
            return self._judge_lines(body)
        self._draft.add_object(value)
        return _judge(self._draft, is_done=True)

    def _judge_lines(self, body: bytes) -> Reply | Failure:
        reader = EventReader(self._draft)
        reader.feed(body)
        reader.finish()
        if not reader.is_broken and (self._draft.has_choices or self._draft.error is not None):
            return _judge(self._draft, is_done=reader.is_done)
        self._draft.odd_words = body[:LONGEST_ODD].decode("utf-8", "replace")
        if body.lstrip().startswith(b"<"):
            return self._judge_words("a web page where JSON belongs")
        return self._judge_words("not JSON" if body.strip() else "an empty body")

    def _judge_words(self, what: str) -> Failure:
        """Words where a reply belongs: what they mean where they are known, else that they are no JSON."""
        known = classify(self._draft.odd_words, self._profile, status=200)
        is_torn = self._draft.odd_words.lstrip().startswith(("{", "["))  # a piece of a text, which may say anything
        if known.meaning != "transient" and not is_torn:
            return msgspec.structs.replace(known, received=self.received or None)
        said = shorten(self._draft.odd_words)
        message = f"{what}: '{said}'" if said else what
        return Failure("not_json", "transient", message, is_billed=True, received=self.received or None)


_BLANK = b" \t\r\n\0\xef\xbb\xbf"
"""What may stand before the first byte that says something: spaces (DeepSeek keeps connections alive with them), zeros
and a byte order mark."""
_FIRST_OF_A_BODY = (b"{", b"[", b"<", b'"')
"""JSON or a web page; everything else begins an event."""


def receive_object(value: Any, profile: Profile) -> Reply | Failure:
    """Judge a decoded body."""
    draft = ArrivingReply(profile)
    draft.add_object(value)
    return _judge(draft, is_done=True)


def _judge(draft: ArrivingReply, *, is_done: bool) -> Reply | Failure:
    outcome = judge_draft(draft, is_done=is_done)
    error = draft.error
    if error is None and isinstance(outcome, Failure):
        error = draft.aside
    if error is not None:
        failure = classify(error, draft.profile, status=200)
        return msgspec.structs.replace(failure, usage=read_usage(draft.usage), received=draft.size)
    if isinstance(outcome, Reply) and draft.aside is not None:
        said = classify(draft.aside, draft.profile, status=200).words
        return msgspec.structs.replace(outcome, aside=said, marks=[*outcome.marks, "error_aside"])
    if isinstance(outcome, Failure) and draft.odd_words and not draft.has_choices:
        message = shorten(f"{outcome.message}; what came: {draft.odd_words}")
        return msgspec.structs.replace(outcome, message=message)
    return outcome
