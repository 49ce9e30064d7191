r"""Server-sent events, from raw bytes: only this module knows how a streamed reply is cut into lines.

Written over bytes because the client library's event objects cost ten times as much per token. Lines end at `\n`
alone, so that U+2028 in a text does not split it; comments, blank lines and unknown fields are passed over; a bare
JSON line (some servers report errors so) counts as data.
"""

from __future__ import annotations

import msgspec

from overproof.teacher.profiles import REASONING_FIELDS
from overproof.teacher.reply import Draft, decode_tolerantly


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    thinking: str | None = None
    reasoning_details: msgspec.Raw = msgspec.Raw()
    refusal: msgspec.Raw = msgspec.Raw()


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: dict[str, object] | None = None
    id: str | None = None
    error: msgspec.Raw = msgspec.Raw()


_DECODER = msgspec.json.Decoder(_Chunk)
_NULL = (b"", b"null")


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
        line = b"".join(self._tail)
        self._tail = []
        was_broken = self.is_broken
        if line.strip():
            self._take(line)
        if self.draft.finish_reason is not None:
            self.is_broken = was_broken  # the reply had ended; half a line about its usage takes nothing from it

    def _take(self, line: bytes) -> bool:
        if line.startswith(b"data:"):
            payload = line[5:].strip()
        elif line.startswith(b"{"):
            payload = line.strip()
        else:
            return False  # a comment, a blank line, or a field that says nothing about the text
        if payload == b"[DONE]":
            self.is_done = True
            return False
        return bool(payload) and self._take_object(payload)

    def _take_object(self, payload: bytes) -> bool:
        try:
            chunk = _DECODER.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._take_odd_object(payload)
        choices = chunk.choices
        if not choices or bytes(chunk.error) not in _NULL:
            return self._take_odd_object(payload)
        draft = self.draft
        if chunk.id is not None:
            draft.request_id = chunk.id
        if chunk.usage is not None:
            draft.usage = chunk.usage
        draft.has_choices = True
        choice = choices[0]
        if choice.finish_reason:
            draft.finish_reason = choice.finish_reason
        delta = choice.delta
        if delta is None:
            return False
        if bytes(delta.reasoning_details) not in _NULL or bytes(delta.refusal) not in _NULL:
            return self._take_odd_object(payload)
        return self._take_delta(delta)

    def _take_delta(self, delta: _Delta) -> bool:
        found = False
        if delta.content:
            self.draft.content.append(delta.content)
            found = True
        for field in REASONING_FIELDS:
            text = getattr(delta, field)
            if text:
                self.draft.reasoning.setdefault(field, []).append(text)
                found = True
        return found

    def _take_odd_object(self, payload: bytes) -> bool:
        """The slow way, for anything that is not a plain chunk of text."""
        try:
            value, is_repaired = decode_tolerantly(payload)
        except ValueError:
            self.is_broken = True
            return False
        self.draft.is_repaired |= is_repaired
        return self.draft.add_object(value, "delta")
