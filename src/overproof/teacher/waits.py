"""How long an endpoint asks to wait, wherever it says so: in a header, in an error's details or in its words."""

from __future__ import annotations

import datetime as dt
import email.utils
import math
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

from overproof.teacher.words import fold

LONGEST_WAIT_SECONDS = 3600.0

_HEADERS = {
    "retry-after-ms": 0.001,
    "x-ms-retry-after-ms": 0.001,  # Azure
    "llm_provider-retry-after-ms": 0.001,
    "retry-after": 1.0,
    "x-retry-after": 1.0,
    "llm_provider-retry-after": 1.0,  # LiteLLM, of the server behind it
    "x-ratelimit-reset-after": 1.0,
    "ratelimit-reset": 1.0,  # IETF draft: seconds
    "ratelimit": 1.0,  # later drafts: limit=10, remaining=0, reset=30, or "name";r=0;t=30
    "x-ratelimit-reset": 1.0,  # seconds, or a moment: OpenRouter's in milliseconds
}
"""Headers that say when to come back, surest first, with the seconds of the unit of a bare number."""
_OF_SEVERAL = re.compile(r"(?:\breset|[;,]\s*t)\s*=\s*([\d.]+)")
_SPENT_LIMITS = re.compile(r"x-ratelimit-remaining-(\w+)")
"""OpenAI's pairs of headers: the wait that belongs to a limit counts only where nothing remains of that limit."""
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NUMBER = r"\d+(?:\.\d+)?"
_UNIT = r"(?:ms|milliseconds?|s|sec|secs|seconds?|m|min|mins|minutes?|h|hrs?|hours?|d|days?)\b"
_PART = re.compile(rf"({_NUMBER})\s*({_UNIT})")
_DURATION = rf"(?:{_NUMBER}\s*{_UNIT}\s*)+"
_PARTS = re.compile(rf"\s*{_DURATION}\Z")
_RUN_TOGETHER = re.compile(r"(?<=[a-z])(?=\d)")
_COME_BACK = r"(?:\b(?:retry|try again|wait|come back|reset\w*|available|until)\b|等待|稍等)"
_IN_WORDS = re.compile(rf"{_COME_BACK}[^.\d]{{0,40}}?({_DURATION})|({_DURATION})(?:之后|以后|后)", re.IGNORECASE)
_BARE_IN_WORDS = re.compile(
    r"(?:\bretry|\btry again|\bwait)(?: again)?(?: after| in| for)?:? (\d{1,4})(?![\d.]*\s*[a-z%])", re.IGNORECASE
)
"""A number without a unit, which is of seconds."""
_ONE = re.compile(r"\b(?:a|an|one)(?= (?:second|minute|hour|day)\b)")
_MOMENT_IN_WORDS = re.compile(
    _COME_BACK + r"\D{0,40}?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d[\d:.]*(?:Z|[+-]\d\d:?\d\d)|1\d{9}(?:\d{3})?\b)", re.IGNORECASE
)
_CHINESE_UNITS = {"毫秒": "ms", "秒": "s", "分钟": "m", "分": "m", "小时": "h", "天": "d"}
_CHINESE_UNIT = re.compile("|".join(_CHINESE_UNITS))
_DETAILS = ("retrydelay", "retryafter", "retryafterseconds", "retryin", "waitseconds", "waittime", "estimatedtime")
_DETAILS_MS = ("retryafterms", "retrydelayms", "waitms")
"""Keys of an error that tell a wait, in seconds and in milliseconds, as `words.fold` has them."""
_MOMENT = 1e9
"""Numbers from here on are moments since 1970 and no waits: in seconds, from a thousand times this in milliseconds."""


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by the headers of a response, within an hour; None where they do not say.

    A moment is counted from the response's own date, so that a clock of this machine that is wrong, or is set while
    the run goes on, changes no wait.
    """
    date = _read_date(headers.get("date") or "")
    now = time.time() if date is None else date
    for name, unit in _HEADERS.items():
        seconds = _read_wait(headers.get(name), unit, now)
        if seconds is not None:
            return seconds
    spent = (match[1] for name, left in headers.items() if left.strip() == "0" and (match := _SPENT_LIMITS.match(name)))
    waits = (_read_wait(headers.get(f"x-ratelimit-reset-{limit}"), 1.0, now) for limit in spent)
    return max((wait for wait in waits if wait is not None), default=None)


def read_wait_of(error: Any, message: str) -> float | None:
    """Seconds to wait by an error's own details (Google's `retryDelay`), else by its words; None without."""
    return next((wait for wait in _details_of(error) if wait is not None), None) or _read_words(message)


def _details_of(error: Any) -> Iterator[float | None]:
    if not isinstance(error, Mapping):
        return
    table = {fold(key): value for key, value in error.items() if isinstance(key, str)}
    for keys, unit in ((_DETAILS, 1.0), (_DETAILS_MS, 0.001)):
        for value in (table.get(key) for key in keys):
            yield _read_wait(str(value) if isinstance(value, str | int | float) else None, unit, time.time())
    metadata = table.get("metadata")  # OpenRouter
    headers = metadata.get("headers") if isinstance(metadata, Mapping) else None
    if isinstance(headers, Mapping):
        yield read_retry_after({str(name).lower(): str(value) for name, value in headers.items()})
    details = table.get("details")
    for detail in details if isinstance(details, list) else ():
        yield from _details_of(detail)


def _read_words(message: str) -> float | None:
    text = _CHINESE_UNIT.sub(lambda unit: f"{_CHINESE_UNITS[unit[0]]} ", _RUN_TOGETHER.sub(" ", message.lower()))
    text = _ONE.sub("1", text)
    found = _IN_WORDS.search(text)
    if found is not None:
        return _bounded(_read_duration(found[1] or found[2]))
    if bare := _BARE_IN_WORDS.search(message):
        return _bounded(float(bare[1]))
    moment = _MOMENT_IN_WORDS.search(message)
    return _read_wait(moment[1], 1.0, time.time()) if moment is not None else None


def _read_wait(value: str | None, unit: float, now: float) -> float | None:
    """A number, a duration (1m30s) or a date → seconds from now; None for what is none, or has passed."""
    if not value:
        return None
    among = _OF_SEVERAL.search(value)
    try:
        number = float(among[1] if among is not None else value)
    except ValueError:
        moment = _read_date(value)
        return _bounded(_read_duration(value) or (None if moment is None else moment - now))
    if number >= _MOMENT:
        number = number / (1000 if number >= 1000 * _MOMENT else 1) - now
        unit = 1.0
    return _bounded(number * unit)


def _read_duration(text: str) -> float | None:
    text = _RUN_TOGETHER.sub(" ", text.strip().lower())
    if not _PARTS.match(text):
        return None
    return sum(
        float(part[1]) * _UNITS["ms" if part[2].startswith(("ms", "mil")) else part[2][0]]
        for part in _PART.finditer(text)
    )


def _read_date(text: str) -> float | None:
    """A date as of HTTP or ISO 8601 → seconds since 1970."""
    for read in (email.utils.parsedate_to_datetime, dt.datetime.fromisoformat):
        try:
            return read(text).timestamp()
        except (ValueError, OverflowError, OSError):
            continue
    return None


def _bounded(seconds: float | None) -> float | None:
    if seconds is None or math.isnan(seconds) or seconds <= 0:
        return None
    return min(seconds, LONGEST_WAIT_SECONDS)
