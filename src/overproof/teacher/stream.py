r"""Server-sent events, from raw bytes: only this module knows how a streamed reply is cut into lines.

Written over bytes because the client library's event objects cost ten times as much per token. Lines end at `\n`, or at
`\r` where there is no other, so that U+2028 in a text does not split it; comments, blank lines, unknown fields and data
of a bare word (a heartbeat) are passed over; a bare JSON line (some servers report errors so) counts as data; data that
is spread over lines counts as one event; an event called error is one, whatever its data is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from overproof.teacher.envelopes import error_in
from overproof.teacher.profiles import REASONING_FIELDS
from overproof.teacher.reply import Draft, decode_tolerantly


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_text: str | None = None
    thinking: str | None = None
    thinking_content: str | None = None
    thoughts: str | None = None
    thought: str | None = None
    reasoning_details: Any = None
    reasoning_summary: Any = None
    refusal: Any = None
    extra_content: Any = None

    @property
    def is_odd(self) -> bool:
        """Whether it holds more than plain texts."""
        return not (
            self.reasoning_details is None
            and self.refusal is None
            and self.extra_content is None
            and self.reasoning_summary is None
        )


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None
    index: int | None = None
    message: Any = None
    error: Any = None
    usage: Any = None

    @property
    def is_odd(self) -> bool:
        """Whether it holds more than a delta of plain texts."""
        return self.delta is None or self.message is not None or self.error is not None or self.usage is not None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: dict[str, object] | None = None
    id: str | None = None
    model: str | None = None
    error: Any = None
    base_resp: Any = None

    @property
    def is_odd(self) -> bool:
        """Whether it is anything but one choice."""
        return not self.choices or len(self.choices) > 1 or self.error is not None or self.base_resp is not None


_LONGEST_WORD = 40
"""Bytes of data below which it may be a word and no JSON."""
_HEARTBEAT = re.compile(rb"[A-Za-z][A-Za-z \-_.]*")
"""Data that is no JSON and no part of any: ping, keep-alive."""
_DECODER = msgspec.json.Decoder(_Chunk)


class EventReader:
    """Feeds one response's bytes into a draft."""

    def __init__(self, draft: Draft) -> None:
        """Read into `draft`."""
        self.draft = draft
        self.is_done = False
        """Whether [DONE] came."""
        self.is_broken = False
        """Whether a data line was not JSON."""
        self._tail: list[bytes] = []
        self._begun: list[bytes] = []
        self._is_error = False  # whether the event that is being read is called an error
        self._is_plain = set(draft.profile.reasoning_fields) <= set(REASONING_FIELDS)

    def feed(self, data: bytes) -> bool:
        """Take the next bytes of the response; True when they held text of the reply."""
        if b"\n" not in data:
            self._tail.append(data)
            return False
        if self._tail:
            data = b"".join((*self._tail, data))
        *lines, rest = data.split(b"\n")
        self._tail = [rest] if rest else []
        found = False
        for line in lines:
            if self._take(line):
                found = True
        return found

    def finish(self) -> None:
        """Take what came after the last newline: a stream may end without one."""
        rest = b"".join(self._tail)
        self._tail = []
        was_broken = self.is_broken
        for line in rest.split(b"\r"):
            if line.strip():
                self._take(line)
        self._give_up_begun()
        if self.draft.has_ended:
            self.is_broken = was_broken  # the reply had ended; half a line about its usage takes nothing from it

    def _take(self, line: bytes) -> bool:
        if line.startswith(b"data:"):
            if len(line) > _LONGEST_WORD and not self._begun and not self._is_error:
                return self._take_object(line[5:])  # nearly every line of every reply
            return self._take_data(line[5:].strip())
        if line.startswith(b"{"):
            return self._take_data(line.strip())
        field, value = _split_field(line)
        if field in (b"event", b""):
            self._give_up_begun()
            self._is_error = field == b"event" and b"error" in value.lower()
        elif field == b"error":
            self._take_error(value)
        elif field == b"data":
            return self._take_data(value)
        return False  # a comment, or a field that says nothing about the text

    def _take_data(self, payload: bytes) -> bool:
        if len(payload) < _LONGEST_WORD:
            if payload.strip(b"\"'").upper() == b"[DONE]":
                self.is_done = True
                return False
            if not self._begun and not self._is_error and _HEARTBEAT.fullmatch(payload):
                return False
        if self._is_error:
            return self._take_error(payload)
        if self._begun:
            return self._take_more(payload)
        return bool(payload) and self._take_object(payload)

    def _take_error(self, payload: bytes) -> bool:
        """The data of an event that is called an error."""
        try:
            value, _ = decode_tolerantly(payload)
        except ValueError:
            value = payload.decode("utf-8", "replace")
        if isinstance(value, Mapping):
            value = error_in(value) or value
        self.draft.error = self.draft.error or value or {"message": "an error event without words"}
        return False

    def _take_more(self, payload: bytes) -> bool:
        """Another line of data whose first lines alone were no JSON."""
        self._begun.append(payload)
        try:
            value, is_repaired = decode_tolerantly(b"\n".join(self._begun))
        except ValueError:
            return False
        self._begun = []
        self.draft.is_repaired |= is_repaired
        return self.draft.add_object(value)

    def _give_up_begun(self) -> None:
        """An event has ended whose lines together are no JSON."""
        if self._begun:
            self._begun = []
            self.is_broken = True

    def _take_object(self, payload: bytes) -> bool:
        if not self._is_plain:  # a field that only this profile knows
            return self._take_odd_object(payload)
        try:
            chunk = _DECODER.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._take_odd_object(payload)
        if chunk.is_odd or chunk.choices is None:
            return self._take_odd_object(payload)
        choice = chunk.choices[0]
        delta = choice.delta
        if delta is None or choice.is_odd or delta.is_odd:
            return self._take_odd_object(payload)
        if choice.index:
            return False
        draft = self.draft
        if chunk.id is not None:
            draft.request_id = chunk.id
        if chunk.model:
            draft.model = chunk.model
        if chunk.usage is not None:
            draft.take_usage({"usage": chunk.usage})
        draft.has_choices = True
        found = self._take_delta(delta)
        draft.take_finish_reason(choice.finish_reason)
        return found

    def _take_delta(self, delta: _Delta) -> bool:
        found = False
        if delta.content:
            self.draft.add_text(delta.content)
            found = True
        for field in REASONING_FIELDS:
            text = getattr(delta, field)
            if text:
                self.draft.add_reasoning(field, text)
                found = True
        return found

    def _take_odd_object(self, payload: bytes) -> bool:
        """The slow way, for anything that is not a plain chunk of text."""
        try:
            value, is_repaired = decode_tolerantly(payload)
        except ValueError:
            self._begun = [payload]
            return False
        self.draft.is_repaired |= is_repaired
        return self.draft.add_object(value)


def _split_field(line: bytes) -> tuple[bytes, bytes]:
    """Name and value of a line that is not plain data; the name is empty for a blank line."""
    name, _, value = line.strip().partition(b":")
    if name.strip().startswith((b"{", b"[", b"<")):
        return b"other", line
    if not name and line.strip():
        return b"comment", value
    return name.strip().lower(), value.strip()
