"""Errors an endpoint reports → what they mean for the request and for the run, by the profile's table."""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from overproof.records import clean_text
from overproof.teacher.profiles import Profile
from overproof.teacher.reply import Failure, Meaning

LONGEST_MESSAGE = 500
"""Characters of an endpoint's message that are kept."""
LONGEST_RETRY_AFTER_SECONDS = 3600.0

_STATUS = re.compile(r"[45][0-9]{2}")

_MEANING_OF_KIND: dict[str, Meaning] = {
    "fatal": "fatal",
    "content_filter": "refused",
    "context_length": "refused",
    "throttle": "throttle",
    "transient": "transient",
}
_HINTS = {
    401: "Check the key in the environment variable {key_env}.",
    402: "The account has no money left; top it up.",
    403: "The key in {key_env} may not use this model.",
    404: "Check teacher.model, and that teacher.base_url ends where /chat/completions follows (usually /v1).",
}


def classify(error: Any, profile: Profile, *, status: int, retry_after: float | None = None) -> Failure:
    """The failure that an error object (or text) means, under its HTTP status (200 for one inside a reply)."""
    codes, message = _codes_and_message(error)
    if status < 400:  # an error inside a success; some providers repeat the status as the code
        status = next((int(code) for code in codes if _STATUS.fullmatch(code)), status)
    kind = _listed_kind(profile, codes, message, status)
    if kind is not None:
        meaning = _MEANING_OF_KIND[kind]
        state = kind if meaning == "refused" else _state_name(codes, status)
    else:
        meaning, state = _meaning_of_status(status), _state_name(codes, status)
        if meaning == "refused":
            state = "bad_request"
    hint = _HINTS.get(status, "").format(key_env=profile.key_env) if meaning == "fatal" else ""
    text = f"{message or 'no message'}{'' if not hint else ' ' + hint}"
    return Failure(state, meaning, text, retry_after=retry_after, is_billed=status < 400)


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by the Retry-After headers (milliseconds, seconds or a date), within an hour; None without."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
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


def _codes_and_message(error: Any) -> tuple[list[str], str]:
    if isinstance(error, Mapping):
        codes = [str(error[key]) for key in ("code", "type") if error.get(key) not in (None, "")]
        message = error.get("message") or error.get("msg") or error.get("detail") or ""
        return codes, shorten(message if isinstance(message, str) else str(message))
    if isinstance(error, Sequence) and not isinstance(error, str):  # FastAPI's list of what does not validate
        return [], shorten(str(error))
    return [], shorten(str(error or ""))


def shorten(text: str) -> str:
    """What an endpoint said as one line of bounded length, without the control characters that a terminal obeys."""
    text = " ".join("".join(c if c.isprintable() else " " for c in clean_text(text)).split())
    return text if len(text) <= LONGEST_MESSAGE else text[:LONGEST_MESSAGE] + " …"


def _listed_kind(profile: Profile, codes: Sequence[str], message: str, status: int) -> str | None:
    folded = {code.casefold() for code in codes}
    for kind in _MEANING_OF_KIND:
        for entry in getattr(profile.errors, kind):
            if isinstance(entry, int):
                matches = entry == status
            elif " " in entry:
                matches = entry.casefold() in message.casefold()
            else:
                matches = entry.casefold() in folded
            if matches:
                return kind
    return None


def _state_name(codes: Sequence[str], status: int) -> str:
    if codes and not codes[0].isdigit():
        return shorten(codes[0])[:64]
    return f"http_{status}" if status >= 300 else "error_in_200"


def _meaning_of_status(status: int) -> Meaning:
    """What a status means when no code of the profile's table says more (RFC 9110 and common usage)."""
    if status in {400, 413, 422}:
        return "refused"
    if status in {429, 503, 529}:
        return "throttle"
    if status in {408, 409, 425} or status < 300 or status >= 500:
        return "transient"
    return "fatal"
