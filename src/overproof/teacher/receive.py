"""The bytes of a successful response → a reply or a failure; what the client and batch files share."""

from __future__ import annotations

from typing import Any

from overproof.teacher.failures import classify
from overproof.teacher.profiles import Profile
from overproof.teacher.reply import MAX_REPLY_BYTES, Draft, Failure, Reply, decode_tolerantly, judge_draft
from overproof.teacher.stream import EventReader

_SNIPPET_BYTES = 120


class Receiver:
    """One response while it arrives."""

    def __init__(self, profile: Profile, content_type: str, *, is_stream: bool) -> None:
        """Expect a stream when one was asked for, unless the response says that it is a page or one JSON body."""
        self.size = 0
        """Bytes received so far."""
        self.is_whole = False
        """Whether the endpoint has marked the end."""
        self._profile = profile
        self._draft = Draft(profile.reasoning_fields)
        self._body: list[bytes] = []
        as_body = not is_stream or "json" in content_type or "html" in content_type
        self._events = None if as_body else EventReader(self._draft)

    @property
    def has_reply(self) -> bool:
        """Whether the reply itself is all there, whatever becomes of the rest of the response."""
        return self.is_whole or self._draft.finish_reason is not None

    @property
    def is_oversized(self) -> bool:
        """Whether more came than any reply can be; the rest is not worth reading."""
        return self.size > MAX_REPLY_BYTES

    def feed(self, data: bytes) -> bool:
        """Take the next bytes; True when they held text of the reply."""
        self.size += len(data)
        if self._events is None:
            self._body.append(data)
            return False
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
        if self._events is None:
            return receive_body(b"".join(self._body), self._profile)
        if self._events.is_broken:
            return Failure("not_json", "transient", "a line of the stream is not JSON", is_billed=True)
        return _judge(self._draft, self._profile, is_done=self.is_whole)


def receive_body(body: bytes, profile: Profile) -> Reply | Failure:
    """Judge the body of a response that was not streamed."""
    try:
        value, is_repaired = decode_tolerantly(body)
    except ValueError:
        snippet = " ".join(body[:_SNIPPET_BYTES].decode("utf-8", "replace").split())
        message = f"not JSON: {snippet!r}" if snippet else "an empty body"
        return Failure("not_json", "transient", message, is_billed=True)
    return receive_object(value, profile, is_repaired=is_repaired)


def receive_object(value: Any, profile: Profile, *, is_repaired: bool = False) -> Reply | Failure:
    """Judge a decoded body."""
    draft = Draft(profile.reasoning_fields)
    draft.is_repaired = is_repaired
    draft.add_object(value, "message")
    return _judge(draft, profile, is_done=True)


def _judge(draft: Draft, profile: Profile, *, is_done: bool) -> Reply | Failure:
    if draft.error is not None:
        return classify(draft.error, profile, status=200)
    return judge_draft(draft, is_done=is_done, omits_finish_reason=profile.omits_finish_reason)
