r"""Server-sent events, from raw bytes: only this module knows how a streamed reply is cut into lines.

Written over bytes because the client library's event objects cost ten times as much per token. Lines end at `\n`, or at
`\r` where there is no other, so that U+2028 in a text does not split it; comments, blank lines, unknown fields and data
of a bare word (a heartbeat) are passed over; a bare JSON line (some servers report errors so) counts as data; data that
is spread over lines counts as one event; an event called error is one, whatever its data is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from overproof.teacher.envelopes import error_in
from overproof.teacher.profiles import REASONING_FIELDS
from overproof.teacher.reply import ArrivingReply, decode_tolerantly

# Nearly every event of a stream is one choice with one plain text. These types fit that and nothing else, so that the
# decoder itself turns away what is odd; a field that must be None is read the slow way when it holds something, and so
# is a delta with a field that stands nowhere here. All whole events of what arrived are decoded at once: the calls cost
# as much as the decoding.


class _Delta(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    role: Literal["assistant", ""] | None = None
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_text: None = None
    reasoning_details: None = None
    thinking: None = None
    refusal: None = None
    tool_calls: None = None
    function_call: None = None
    audio: None = None
    annotations: None = None
    extra_content: None = None
    provider_specific_fields: None = None


class _Choice(msgspec.Struct, gc=False):
    delta: _Delta
    finish_reason: Literal["", "null"] | None = None  # the last piece may say more, and in other places
    index: Literal[0] | None = None
    message: None = None
    stop_reason: None = None
    native_finish_reason: None = None
    finish_details: None = None
    error: None = None
    usage: None = None
    reasoning_content: None = None
    reasoning: None = None


class _Chunk(msgspec.Struct, gc=False):
    choices: tuple[_Choice]
    usage: dict[str, object] | None = None
    id: str | None = None
    model: str | None = None
    error: None = None
    errors: None = None
    base_resp: None = None


_PLAIN_FIELDS = ("content", "reasoning_content", "reasoning")
"""Fields whose pieces are read the fast way."""
_BETWEEN = b"\n\ndata: "
"""What divides two plain events; no JSON holds it."""
_LONGEST_WORD = 40
"""Bytes of data below which it may be a word and no JSON."""
_HEARTBEAT = re.compile(rb"[A-Za-z][A-Za-z \-_.]*")
"""Data that is no JSON and no part of any: ping, keep-alive."""
_SILENT_FIELDS = (b"comment", b"id", b"retry")
"""Fields that say nothing about the text."""
_ERROR_WORD = re.compile(
    rb"\W*(?:data:\s*)?\W*(?:internal |server |fatal )?(?:error|exception|traceback)\b", re.IGNORECASE
)
"""How words begin that stand in place of a piece of the text, to say what went wrong."""
_DECODER = msgspec.json.Decoder(list[_Chunk])


class EventReader:
    """Feeds one response's bytes into a draft."""

    def __init__(self, draft: ArrivingReply) -> None:
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
        found = False
        if data.startswith(_BETWEEN[2:]) and not (self._begun or self._is_error or self.is_done):
            end = data.rfind(b"}\n\n") + 1
            if end and self._take_plain(data[len(_BETWEEN) - 2 : end].replace(_BETWEEN, b",")):
                found, data = True, data[end + 2 :]
        *lines, rest = data.split(b"\n") if data else (b"",)
        self._tail = [rest] if rest else []
        for line in lines:
            if line:
                found |= self._take(line)
            else:
                self._end_event()
        return found

    def finish(self) -> None:
        """Take what came after the last newline: a stream may end without one."""
        rest = b"".join(self._tail)
        self._tail = []
        for line in rest.split(b"\r"):
            if line.strip():
                self._take(line)
        self._end_event()

    def _take(self, line: bytes) -> bool:
        if self.is_done and self.draft.has_ended:
            return self._take_afterwards(line)
        if line.startswith(b"data:"):
            if len(line) > _LONGEST_WORD and not self._begun and not self._is_error:
                return self._take_object(line[5:])  # nearly every line of every reply
            return self._take_data(line[5:].strip())
        field, value = _split_field(line)
        if not field:
            self._end_event()
        elif field == b"event":
            self._end_event()
            self._is_error = b"error" in value.lower()
        elif field == b"error":
            self._take_error(value)
        elif field == b"data":
            return self._take_data(value)
        elif field not in _SILENT_FIELDS:
            return self._take_odd_line(line)
        return False

    def _take_afterwards(self, line: bytes) -> bool:
        """What follows the end holds no text: some count there, or tell of an error."""
        try:
            value, _ = decode_tolerantly(line[line.find(b"{") :])
        except ValueError:
            return False
        if isinstance(value, Mapping):
            self.draft.take_usage(value)
            self.draft.note_error(error_in(value))
        return False

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
        self.draft.note_error(value or {"message": "an error event without words"})
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

    def _end_event(self) -> None:
        """Whatever comes next belongs to another event; lines of this one that are no JSON together never will be."""
        self._is_error = False
        if self._begun:
            self.draft.note_odd(self._begun[0].decode("utf-8", "replace"))
            self._begun = []
            self.is_broken |= not self.draft.has_ended  # from a reply that is whole it takes nothing

    def _take_object(self, payload: bytes) -> bool:
        return self._take_plain(payload) or self._take_odd_object(payload)

    def _take_plain(self, payload: bytes) -> bool:
        """Take objects with commas between them where each is a plain piece of text; else nothing.

        One without text may hold some under names that are known nowhere.
        """
        if not self._is_plain:  # the profile knows fields of its own
            return False
        try:
            chunks = _DECODER.decode(b"[%b]" % payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        deltas = [chunk.choices[0].delta for chunk in chunks]
        if not all(delta.content or delta.reasoning_content or delta.reasoning for delta in deltas):
            return False
        draft = self.draft
        draft.has_choices = True
        draft.request_id = chunks[-1].id or draft.request_id
        draft.model = chunks[-1].model or draft.model
        for chunk in chunks:
            if chunk.usage is not None:
                draft.take_usage({"usage": chunk.usage})
        for field in _PLAIN_FIELDS:
            if pieces := [piece for delta in deltas if (piece := getattr(delta, field))]:
                draft.add_pieces(field, pieces)
        return True

    def _take_odd_object(self, payload: bytes) -> bool:
        """The slow way, for anything that is not a plain chunk of text."""
        try:
            value, is_repaired = decode_tolerantly(payload)
        except ValueError:
            if (found := self._take_within(payload)) is not None:
                return found
            if _ERROR_WORD.match(payload):
                return self._take_error(payload)
            self._begun = [payload]
            return False
        self.draft.is_repaired |= is_repaired
        return self.draft.add_object(value)

    def _take_odd_line(self, line: bytes) -> bool:
        """A line that is none of an event: an event behind something, or words of somebody in between."""
        found = self._take_within(line)
        if found is None:
            self.draft.note_odd(line.decode("utf-8", "replace").strip())
        return bool(found)

    def _take_within(self, line: bytes) -> bool | None:
        """Take the object that a line ends with, whatever stands before it (`data: data: {`); None without one."""
        start = line.find(b"{")
        try:
            value, _ = decode_tolerantly(line[start:]) if start > 0 else (None, False)
        except ValueError:
            return None
        if not isinstance(value, Mapping):
            return None
        if _ERROR_WORD.match(line) and not value.get("choices"):
            return self._take_error(line[start:])
        return self.draft.add_object(value)


def _split_field(line: bytes) -> tuple[bytes, bytes]:
    """Name and value of a line that is not plain data; the name is empty for a blank line."""
    name, _, value = line.strip().partition(b":")
    if name.startswith(b"{"):
        return b"data", line.strip()
    if name.startswith((b"[", b"<")):
        return b"other", line
    if not name and line.strip():
        return b"comment", value
    return name.strip().lower(), value.strip()
