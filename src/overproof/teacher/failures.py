"""Errors an endpoint reports → what they mean for the request and for the run, by the profile's table.

An error may be a status, an object inside a success, or words that a gateway has wrapped; all three are read alike,
and what the endpoint said is kept: its code and its message.
"""

from __future__ import annotations

import email.utils
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from overproof.keys import blot_lookalikes
from overproof.records import clean_text
from overproof.teacher.profiles import Profile
from overproof.teacher.reply import Failure, Meaning
from overproof.teacher.words import codes_within, fold, fold_code

LONGEST_MESSAGE = 500
"""Characters of an endpoint's message that are kept."""
LONGEST_CODE = 64
LONGEST_RETRY_AFTER_SECONDS = 3600.0
OWN_REFUSALS = frozenset({"oversized_reply", "key_in_reply"})
"""States of replies that came and that we refuse: the endpoint works, and they were paid for."""
NAMES_INPUT = frozenset({"content_filter", "context_length"}) | OWN_REFUSALS
"""States of refusals that are about this input; any other refusal may be about every request of the run."""

_MEANING_OF_KIND: dict[str, Meaning] = {
    "money": "fatal",
    "fatal": "fatal",
    "content_filter": "refused",
    "context_length": "refused",
    "throttle": "throttle",
    "transient": "transient",
}
_CODE_KEYS = ("code", "type", "status", "status_code", "http_code", "error_code", "err_code", "errcode", "reason")
_MESSAGE_KEYS = ("message", "msg", "detail", "status_msg", "error_msg", "error_message", "errmsg", "title", "error")
"""Where errors keep their codes and their words, likeliest first."""
_ENVELOPES = ("error", "base_resp")
_RETRY_HEADERS = {"retry-after-ms": 0.001, "retry-after": 1.0, "llm_provider-retry-after": 1.0}
"""Headers that say how long to wait, with the seconds of their unit; the last is LiteLLM's for the server behind it."""
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
"""What a terminal obeys; without its first character it would be left as letters."""
_STATUS = re.compile(r"[45][0-9]{2}")


class _Words(NamedTuple):
    """What an error says."""

    codes: list[str]
    message: str
    parameter: str | None


def classify(error: Any, profile: Profile, *, status: int, retry_after: float | None = None) -> Failure:
    """The failure that an error object (or text) means, under its HTTP status (200 for one inside a reply)."""
    words = _read_words(error)
    http = status
    if status < 400:  # an error inside a success; some providers repeat the status as the code
        http = next((int(code) for code in words.codes if _STATUS.fullmatch(code)), status)
    kind = _listed_kind(profile, words, http, retry_after)
    if kind == "fatal" and http >= 500:
        kind = "transient"  # a gateway that has no server for the model at this moment
    meaning = _meaning_of_status(http) if kind is None else _MEANING_OF_KIND[kind]
    return Failure(
        _state_name(kind, meaning, words.codes, http),
        meaning,
        words.message or "no message",
        code=_code_of(words.codes, http),
        kind=kind or "",
        parameter=words.parameter,
        retry_after=retry_after,
        is_billed=status < 400,
    )


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by the Retry-After headers (milliseconds, seconds or a date), within an hour; None without."""
    for name, scale in _RETRY_HEADERS.items():
        value = headers.get(name)
        if not value:
            continue
        try:
            seconds = float(value) * scale
        except ValueError:
            try:
                seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
            except (ValueError, OverflowError):
                continue
        if seconds > 0:
            return min(seconds, LONGEST_RETRY_AFTER_SECONDS)
    return None


def shorten(text: str) -> str:
    """What an endpoint said as one line of bounded length: no control characters, nothing that looks like a key."""
    text = _ESCAPES.sub(" ", clean_text(text))
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    text = blot_lookalikes(text)
    return text if len(text) <= LONGEST_MESSAGE else text[:LONGEST_MESSAGE].rstrip() + " …"


def _read_words(error: Any) -> _Words:
    while isinstance(error, Sequence) and not isinstance(error, str) and len(error) == 1:
        error = error[0]
    if isinstance(error, Mapping):
        inner = next((error[key] for key in _ENVELOPES if isinstance(error.get(key), Mapping)), None)
        if inner is not None:
            return _read_words(inner)
        parameter = error.get("param")
        return _Words(
            list(dict.fromkeys(_read_codes(error))),
            shorten(_read_message(error)),
            parameter if isinstance(parameter, str) and parameter else None,
        )
    return _Words([], shorten("" if error is None else _as_text(error)), None)


def _read_codes(error: Mapping[str, Any]) -> Iterator[str]:
    for key in _CODE_KEYS:
        value = error.get(key)
        if isinstance(value, str | int) and value not in ("", 0) and not isinstance(value, bool):
            yield str(value)
    inner = error.get("innererror")
    if isinstance(inner, Mapping):
        yield from _read_codes(inner)
    for detail in error.get("details") or ():
        if isinstance(detail, Mapping) and isinstance(detail.get("reason"), str):
            yield detail["reason"]


def _read_message(error: Mapping[str, Any]) -> str:
    """The words, with those of the server behind a gateway."""
    value = next((error[key] for key in _MESSAGE_KEYS if error.get(key)), "")
    metadata = error.get("metadata")
    behind = metadata.get("raw") if isinstance(metadata, Mapping) else None
    return _as_text(value) + (f" ({_as_text(behind)})" if behind else "")


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _listed_kind(profile: Profile, words: _Words, status: int, retry_after: float | None) -> str | None:
    """The kind whose list holds this error: the profile's own lists are asked first, then those of all."""
    codes = {fold_code(code) for code in words.codes}
    message = fold(words.message)
    within = codes_within(words.message)
    for lists in (profile.errors, profile.shared_errors):
        for kind in _MEANING_OF_KIND:
            for entry in getattr(lists, kind):
                if isinstance(entry, int):
                    is_listed = entry == status
                elif _is_phrase(entry):
                    # who says when to come back is throttling, whatever the words
                    is_listed = fold(entry) in message and not (kind == "money" and retry_after is not None)
                else:
                    is_listed = fold_code(entry) in codes or (not entry.isdigit() and fold_code(entry) in within)
                if is_listed:
                    return kind
    return None


def _is_phrase(entry: str) -> bool:
    """Whether an entry is looked for within messages: words of a language, and no code."""
    return " " in entry or not entry.isascii()


def _state_name(kind: str | None, meaning: Meaning, codes: Sequence[str], status: int) -> str:
    if meaning == "refused":
        return kind or "bad_request"
    name = next((code for code in codes if not code.isdigit()), None)
    if name is not None:
        return shorten(name)[:LONGEST_CODE]
    return f"http_{status}" if status >= 300 else "error_in_200"


def _code_of(codes: Sequence[str], status: int) -> str:
    """Status and codes in one, as they came."""
    parts = [str(status)] if status >= 300 else []
    parts += [code for code in codes if code not in parts]
    return shorten(" ".join(parts))[: 2 * LONGEST_CODE]


def _meaning_of_status(status: int) -> Meaning:
    """What a status means when no code of the profile's table says more (RFC 9110 and common usage)."""
    if status in {400, 413, 422}:
        return "refused"
    if status in {429, 503, 529}:
        return "throttle"
    if status in {408, 409, 425} or status < 300 or status >= 500:
        return "transient"
    return "fatal"
