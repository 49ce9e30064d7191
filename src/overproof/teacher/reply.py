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
    tool_calls          calls a tool that nobody offered, and says nothing               kept at once
    content_filter      refused or cut off for its content                               permanent
    oversized_reply     more than MAX_REPLY_BYTES                                        permanent
    connection, stalled, deadline                                                        transient, see `client`

`MARKS` and `mending.MARKS` name the oddities that do not spoil a reply.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from overproof.mending import mend
from overproof.records import Usage, clean_text
from overproof.teacher.envelopes import error_in, error_or_none, is_only_said, is_warning, read_words
from overproof.teacher.foreign import as_completion, find_reason
from overproof.teacher.parts import Kind, read_kind, read_parts
from overproof.teacher.pieces import Pieces
from overproof.teacher.profiles import REASONING_FIELDS, Profile
from overproof.teacher.usage import find_usage, read_usage
from overproof.teacher.words import names_reasoning, read_finish_reason

MAX_REPLY_BYTES = 32 << 20
"""Longest response that is read, after decompression; some twenty times the longest reasoning any model emits."""
MOST_NESTING = 64
"""Levels of lists and objects that JSON may have; no reply needs ten, and each level takes part of the stack."""
LONGEST_ODD = 10_000
"""Characters of what is no reply that are looked at, to show what it says."""
LONGEST_NAME = 256
"""Characters that are kept of an id, a model's name or a finish reason."""
_LONGEST_SETTING = 40
"""Characters up to which what stands beside a reply is a word of its settings."""
MARKS = {
    "no_done": "a finish reason but no [DONE]",
    "zero_usage": "usage of nothing for a reply of something: unknown, not free",
    "usage_estimated": "no usage was reported; it is estimated from the text",
    "usage_completed": "the reported reply left tokens out that the total counts",
    "empty_content": "ended by itself without an answer, as often as it was asked",
    "tool_calls": "called a tool that nobody offered",
    "text_repaired": "bytes that were not UTF-8, or half of a surrogate pair",
    "running_totals": "each piece repeated the text before it",
    "summary": "the reasoning is somebody's summary, not the chain of thought",
    "encrypted": "reasoning was sent that nobody can read",
    "other_model": "the endpoint says that another model answered",
    "error_aside": "the endpoint told of an error, before or after a reply that came whole",
}
"""Oddities of a reply with their meaning, beside those that were mended."""
PARTS_CHANNEL = "content_parts"
"""Channel of reasoning that came as typed parts of the content."""
SUMMARY_FIELDS = ("reasoning_summary", "thinking_summary", "thought_summary")
"""Fields that hold a summary by their name; read where no other has reasoning."""

_ANSWER = "content"

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
    model: str | None = None
    """The model that the endpoint says has answered; None where it does not say."""
    sends: int = 1
    """How often the request was sent: again at once where a kept connection was lost with nothing received."""
    aside: str | None = None
    """What the endpoint said went wrong, beside this whole reply."""

    @property
    def size(self) -> int:
        """Bytes of text that came."""
        return len(self.content.encode()) + len((self.reasoning or "").encode())


class Failure(msgspec.Struct, frozen=True):
    """An attempt that brought no reply to keep. Data, never an exception."""

    state: str
    """Short name of what was wrong."""
    meaning: Meaning
    """transient: try again; throttle: try again later, more slowly; refused: never again; fatal: end the run."""
    message: str = ""
    """What the endpoint said, without secrets."""
    code: str = ""
    """The endpoint's own code for it, and its HTTP status where there is one."""
    kind: str = ""
    """Which of the profile's lists of errors it stands in: money, fatal, …; empty for none."""
    parameter: str | None = None
    """The request key that the endpoint names as the culprit."""
    retry_after: float | None = None
    """Seconds the endpoint asked to wait."""
    usage: Usage = Usage()
    """Tokens the endpoint reported all the same."""
    is_billed: bool = False
    """Whether the endpoint may have charged for tokens that it did not report."""
    received: int | None = None
    """Bytes of text that came before it went wrong; None where nobody can tell how much was made."""
    reply: Reply | None = None
    """What came anyway, for the states that are kept in the end (empty_content, content_filter)."""
    seconds: float = 0.0
    sends: int = 1
    """As of a `Reply`."""

    @property
    def words(self) -> str:
        """What the endpoint said: its code and its message."""
        return ": ".join(part for part in (self.code, self.message) if part) or self.state

    @property
    def explanation(self) -> str:
        """The state, and what the endpoint said where that is more."""
        more = " ".join(word for word in self.code.split() if word not in self.state)
        return f"{self.state}{f' ({more})' if more else ''}: {self.message or 'no message'}"


def kept_of(failure: Failure) -> Reply:
    """What is written down for a refusal: what came of the reply, or nothing but its usage."""
    return failure.reply or Reply("", None, None, "", failure.usage, seconds=failure.seconds)


class ArrivingReply:
    """A reply while it arrives: the pieces of one choice and what was said around them."""

    def __init__(self, profile: Profile) -> None:
        """Start with nothing received."""
        self.profile = profile
        own = (*profile.reasoning_fields, *REASONING_FIELDS)
        self.fields = tuple(dict.fromkeys((*own, "reasoning_details", PARTS_CHANNEL, *SUMMARY_FIELDS)))
        """Where reasoning may lie, likeliest first; fields that are called alike join them when they come."""
        self.content = Pieces()
        self.reasoning: dict[str, Pieces] = {}
        """By field."""
        self.finish_reason: str | None = None
        """As it came last."""
        self.usage: Mapping[str, Any] | None = None
        self.request_id: str | None = None
        self.model: str | None = None
        self.aside: Any = None
        """The first error that came before the text or after its end, and takes nothing from it."""
        self._error: Any = None  # the first within the text
        self._flat_error: Any = None
        self.has_choices = False
        self.calls_tools = False
        """Whether a tool is called, whatever the finish reason says."""
        self.is_repaired = False
        self.went_on = False
        """Whether text came after a finish reason, which then says nothing about the end."""
        self.odd_words = ""
        """The first that came and was nothing of a reply."""
        self._comes_as_messages = False
        self._typed: set[Kind] = set()
        """Kinds of reasoning that the endpoint itself has named."""

    @property
    def channel(self) -> str | None:
        """The first field with reasoning in it, the profile's own first; servers that fill two fill them alike."""
        return next((field for field in self.fields if self.reasoning.get(field)), None)

    @property
    def error(self) -> Any:
        """The error that takes the reply, if any: one within its text, or any where no whole reply came.

        Words that name no error as such may tell of progress.
        """
        is_whole = self.has_text and self.has_ended
        return self._error or (None if is_whole else self.aside or self._flat_error)

    @property
    def has_ended(self) -> bool:
        """Whether the reply said why it ends, and nothing came after that."""
        return not self.went_on and read_finish_reason(self.finish_reason) is not None

    @property
    def has_text(self) -> bool:
        """Whether any text has come."""
        return bool(self.content) or any(self.reasoning.values())

    @property
    def size(self) -> int:
        """Bytes of text that came."""
        texts = [self.content, *self.reasoning.values()]
        return sum(len(text.text().encode("utf-8", "replace")) for text in texts)

    @property
    def holds_words(self) -> bool:
        """Whether nothing came but words that are no JSON."""
        is_nothing = not self.has_choices and self.error is None
        return is_nothing and bool(self.odd_words) and not self.odd_words.startswith("{")

    def note_error(self, error: Any, *, is_within: bool | None = None) -> None:
        """Take what is named an error; the first counts. `is_within` the text where it came beside a piece of it."""
        if is_within is None:
            is_within = self.has_text and not self.has_ended
        if is_within and not is_warning(error):
            self._error = self._error or error
        else:
            self.aside = self.aside or error

    def add_pieces(self, field: str, pieces: Sequence[str]) -> None:
        """Take the next pieces of the answer, or of what a field of reasoning holds; none is empty."""
        self.went_on |= self.finish_reason is not None
        self._pieces_of(field).extend(pieces)

    def add_text(self, text: str) -> None:
        """Take the next piece of the answer."""
        self.went_on |= self.finish_reason is not None
        self.content.add(text)

    def add_reasoning(self, field: str, text: str) -> None:
        """Take the next piece of what a field holds."""
        self.went_on |= self.finish_reason is not None
        self._pieces_of(field).add(text)

    def add_message(self, message: Any, *, is_whole: bool) -> bool:
        """Take a message or delta in whatever form it has; True when it held text.

        A whole message repeats what came as deltas. Servers that send nothing but messages send one, or pieces.
        """
        if not isinstance(message, Mapping):
            return False
        self.calls_tools |= bool(message.get("tool_calls") or message.get("function_call"))
        texts: dict[str, str] = {}
        for field, kind, text in self._read_parts(message):
            name = SUMMARY_FIELDS[0] if kind == "summary" and field not in SUMMARY_FIELDS else field
            texts[name] = texts.get(name, "") + text
        self._comes_as_messages |= is_whole and any(texts.values()) and not self.content and not self.reasoning
        for name, text in texts.items():
            if is_whole and not self._comes_as_messages:
                self.went_on |= self._pieces_of(name).add_whole(text) and self.finish_reason is not None
            elif name == _ANSWER:
                self.add_text(text)
            else:
                self.add_reasoning(name, text)
        return bool(texts)

    def add_choice(self, choice: Any, around: Mapping[str, Any] | None = None) -> bool:
        """Take one choice of what is `around` it, whether its text is a message or a delta; True when it held text."""
        if not isinstance(choice, Mapping):
            return False
        self.has_choices = True
        delta, message = choice.get("delta"), choice.get("message")
        for holder in (choice, delta, message):
            if isinstance(holder, Mapping):
                self.take_usage(holder)
        found = self.add_message(delta, is_whole=False)
        found = found or self.add_message(message, is_whole=True)  # beside a delta it holds the same once more
        beside = {key: text for key, text in choice.items() if isinstance(text, str) and names_reasoning(key)}
        beside = beside or {
            key: text for key, text in (around or {}).items() if _is_long(text) and names_reasoning(key)
        }
        if beside and not any(isinstance(one, Mapping) and beside.keys() & one.keys() for one in (delta, message)):
            found |= self.add_message(beside, is_whole=message is not None)
        if not found and isinstance(choice.get("text"), str) and choice["text"]:
            self.add_text(choice["text"])
            found = True
        told = (find_reason(one) for one in (choice, delta, message) if isinstance(one, Mapping))
        self.take_finish_reason(next((reason for reason in told if reason), None))
        return found

    def take_finish_reason(self, reason: Any) -> None:
        """Take what stands where a reason belongs, if it is one.

        Of several the last counts; but what was said to be cut or given up is not whole for a gateway's closing "stop".
        """
        meaning = read_finish_reason(str(reason)) if reason else None
        if meaning is None or (meaning == "stop" and self.has_ended and self.finish_reason):
            return
        self.finish_reason = str(reason)[:LONGEST_NAME]

    def add_object(self, value: Any) -> bool:
        """Take a whole body or one streamed object; True when it held text. Only choice 0 counts."""
        if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            # Google wraps its errors so, and its streams where nobody asked for events
            held = [self.add_object(one) for one in value]
            return any(held)
        value = _unwrap(value)
        if not isinstance(value, Mapping):
            words = (
                value if isinstance(value, str) and value else f"a JSON {type(value).__name__} where an object belongs"
            )
            self.note_error({"message": words})
            return False
        value = as_completion(value)
        if isinstance(value.get("id"), str):
            self.request_id = value["id"]
        if isinstance(value.get("model"), str) and value["model"]:
            self.model = value["model"]
        self.take_usage(value)
        errors = list(_errors_of(value))
        was_outside = bool(errors) and (self.has_ended or not self.has_text)
        held_text = False
        for choice in _first_choices(value):
            held_text |= self.add_choice(choice, value)
        if not self.has_choices:
            self.note_odd(value)
        self.take_finish_reason(None if self.finish_reason else find_reason(value))
        for error in errors:
            if is_only_said(value, error):
                self._note_words(error)
            else:
                self.note_error(error, is_within=held_text or not was_outside)
        return held_text

    def _note_words(self, error: Any) -> None:
        """Take what is called no error and may be one."""
        is_numbered = any(code.isdigit() for code in read_words(error).codes)
        if self.has_ended and is_numbered:
            self.aside = self.aside or error
        else:
            self._flat_error = self._flat_error or error

    def note_odd(self, words: Any) -> None:
        """Remember what came where a reply belongs, to be shown where none comes."""
        if words and not self.odd_words:
            text = words if isinstance(words, str) else json.dumps(words, ensure_ascii=False, default=str)
            self.odd_words = text[:LONGEST_ODD]

    def read_marks(self) -> list[str]:
        """What the pieces say of the whole."""
        is_summary = self.channel in SUMMARY_FIELDS or ("summary" in self._typed and "reasoning" not in self._typed)
        texts = (self.content, *self.reasoning.values())
        said = {
            "summary": is_summary,
            "encrypted": "encrypted" in self._typed,
            "running_totals": any(text.held_totals for text in texts),
            "text_repaired": self.is_repaired,
        }
        return [mark for mark, is_so in said.items() if is_so]

    def _read_parts(self, message: Mapping[str, Any]) -> Iterator[tuple[str, Kind, str]]:
        """Every text of a message with its field and kind; notes the kinds that the endpoint has named."""
        for kind, text in read_parts(message.get("content") or message.get("refusal"), read_kind(message, "text")):
            self._typed |= {kind} - {"text"}
            yield _ANSWER if kind == "text" else PARTS_CHANNEL, kind, text
        has_reasoning = False
        for field, kind, text in self._read_fields(message):
            has_reasoning = True
            yield field, kind, text
        inner = message.get("provider_specific_fields")  # LiteLLM
        if not has_reasoning and isinstance(inner, Mapping):
            yield from self._read_fields(inner)
        if _is_google_thought(message):
            self._typed.add("summary")

    def _read_fields(self, message: Mapping[str, Any]) -> Iterator[tuple[str, Kind, str]]:
        """The texts of the fields that are called as ones with reasoning."""
        self.fields += tuple(key for key in message if key not in self.fields and names_reasoning(key))
        for field in self.fields:
            if message.get(field):
                for kind, text in read_parts(message[field], "reasoning"):
                    self._typed |= {kind} if field == "reasoning_details" else {kind} - {"reasoning"}
                    yield field, kind, text

    def _pieces_of(self, name: str) -> Pieces:
        return self.content if name == _ANSWER else self.reasoning.setdefault(name, Pieces())

    def take_usage(self, value: Mapping[str, Any]) -> None:
        """Servers that send it with each chunk send running totals: the last that counts anything is believed.

        Anthropic counts the prompt at the beginning and the reply at the end.
        """
        table = find_usage(value)
        if table is None or (self.usage is not None and not read_usage(table).completion_tokens):
            return
        is_half = self.usage is not None and read_usage(table).prompt_tokens is None
        self.usage = {**(self.usage or {}), **table} if is_half else table


def judge_draft(draft: ArrivingReply, *, is_done: bool) -> Reply | Failure:
    """What a received reply is worth; `is_done` says that the endpoint marked its end (a body, or [DONE])."""
    finish = read_finish_reason(draft.finish_reason) if is_done or not draft.went_on else None
    reply = _assemble(draft, finish or "stop", is_done=is_done)
    state, message = _what_is_wrong(draft, reply, finish, is_done=is_done)
    if not state:
        return reply
    if state == "tool_calls":
        reply = msgspec.structs.replace(reply, finish_reason=state)
    return Failure(
        state,
        "refused" if state == "content_filter" else "transient",
        message,
        usage=reply.usage,
        is_billed=reply.usage.completion_tokens is None,
        received=reply.size,
        reply=reply if state in {"content_filter", "empty_content", "tool_calls"} else None,
    )


def _what_is_wrong(draft: ArrivingReply, reply: Reply, finish: str | None, *, is_done: bool) -> tuple[str, str]:
    """State and message of what keeps a reply from counting; empty when nothing does."""
    is_empty = not reply.content.strip()
    omits_finish_reason = draft.profile.omits_finish_reason
    said = draft.finish_reason
    wrongs = (
        (finish is None and not is_done, "truncated_stream", "the stream ended with neither finish reason nor [DONE]"),
        (not draft.has_choices, "no_choices", "the reply holds no choices"),
        (finish is None and not omits_finish_reason, "no_finish_reason", "the reply does not say why it ended"),
        (finish == "aborted", "aborted", f"the server gave up: finish_reason {said}"),
        (
            finish == "content_filter",
            "content_filter",
            f"cut off by the content filter: finish_reason {said}",
        ),
        (
            is_empty and (finish == "tool_calls" or draft.calls_tools),
            "tool_calls",
            "the reply calls a tool that nobody offered",
        ),
        (finish != "length" and is_empty, "empty_content", "the reply ended by itself without an answer"),
    )
    return next(((state, message) for is_wrong, state, message in wrongs if is_wrong), ("", ""))


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


def _assemble(draft: ArrivingReply, finish: str, *, is_done: bool) -> Reply:
    marks = [] if is_done else ["no_done"]
    marks += draft.read_marks()
    channel = draft.channel
    content, reasoning = draft.content.text(), draft.reasoning[channel].text() if channel else None
    mended = mend(clean_text(content), clean_text(reasoning) if reasoning else None, draft.profile.reasoning_markers)
    if "\ufffd" in mended.content and "\ufffd" not in content:
        marks.append("text_repaired")
    if draft.profile.summarises and (mended.reasoning is not None or mended.has_inline_reasoning):
        marks.append("summary")
    usage = read_usage(draft.usage)
    if usage.completion_tokens == 0 and (content or reasoning):
        marks.append("zero_usage")
        usage = Usage()
    return Reply(
        mended.content,
        mended.reasoning,
        channel if mended.reasoning is not None else None,
        clean_text(finish),
        usage,
        _name(draft.request_id),
        marks=list(dict.fromkeys((*marks, *mended.marks))),
        model=_name(draft.model),
    )


def _first_choices(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What is said of choice 0; without numbers the first is meant."""
    choices = value.get("choices")
    if isinstance(choices, Mapping):  # one of them, or all by their numbers
        choices = [choices] if {"message", "delta"} & choices.keys() else list(choices.values())
    if isinstance(choices, Sequence) and not isinstance(choices, str):
        for place, choice in enumerate(choices):
            if isinstance(choice, Mapping):
                index = choice.get("index")
                is_alone = len(choices) == 1 and "message" in choice  # some count from 1
                if is_alone or (place if index is None else index) in (0, "0"):
                    yield choice


def _errors_of(value: Mapping[str, Any]) -> Iterator[Any]:
    """What an object says is wrong: of all, of its first choice, or where the text belongs."""
    if (found := error_in(value)) is not None:
        yield found
    for choice in _first_choices(value):
        for holder in (choice, choice.get("delta"), choice.get("message")):
            found = error_or_none(holder.get("error")) if isinstance(holder, Mapping) else None
            if found is not None:
                yield found


def _is_long(text: Any) -> bool:
    """Whether it is a text and no word, as settings that are echoed beside a reply are."""
    return isinstance(text, str) and len(text) > _LONGEST_SETTING


def _name(name: str | None) -> str | None:
    return None if name is None else clean_text(name)[:LONGEST_NAME]


def _unwrap(value: Any) -> Any:
    """The reply within a gateway's own envelope ({"code": 0, "data": {"choices": …}}), or written as a text of JSON.

    Anything else as it is.
    """
    value = _as_object(value)
    if isinstance(value, Mapping) and not value.get("choices"):
        for key in _WRAPPERS:
            inner = _as_object(value.get(key))
            if isinstance(inner, Mapping) and inner.get("choices"):
                return {"usage": value.get("usage"), **inner}
    return value


def _as_object(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("{"):
        try:
            return decode_tolerantly(value.encode("utf-8", "replace"))[0]
        except ValueError:
            return value
    return value


_WRAPPERS = ("data", "result", "output", "response", "body")


def _is_google_thought(message: Mapping[str, Any]) -> bool:
    """Gemini's compatible API marks thoughts so; what it shows of them are summaries (ai.google.dev, thinking)."""
    extra = message.get("extra_content")
    google = extra.get("google") if isinstance(extra, Mapping) else None
    return isinstance(google, Mapping) and bool(google.get("thought"))
