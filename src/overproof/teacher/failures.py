"""Errors an endpoint reports → what they mean for the request and for the run, by the profile's table.

An error may be a status, an object inside a success, or words that a gateway has wrapped; all three are read alike,
and what the endpoint said is kept: its code and its message.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any

from overproof.keys import blot_lookalikes
from overproof.records import clean_text
from overproof.teacher.envelopes import ErrorWords, open_envelopes, read_words
from overproof.teacher.profiles import Profile
from overproof.teacher.reply import Failure, Meaning
from overproof.teacher.topics import guess_kind
from overproof.teacher.waits import read_wait_of
from overproof.teacher.words import codes_within, fold, fold_code

LONGEST_MESSAGE = 500
"""Characters of an endpoint's message that are kept."""
LONGEST_CODE = 64
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
_VAGUE = {"throttle": ("money",), "transient": ("throttle",)}
"""Kinds whose codes often only repeat the status, and those that the sentence beside may tell of."""
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
"""What a terminal obeys; without its first character it would be left as letters."""
_LONGEST_GAP = 80
"""Letters that `*` in a phrase may stand for."""
_STATUS = re.compile(r"[45][0-9]{2}")
_LONGEST_PAGE = 10_000
_PAGE = re.compile(r"\s*<(?:!doctype|html|head|body)", re.IGNORECASE)
_UNSEEN = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->|<[^<>]*>", re.IGNORECASE | re.DOTALL)
"""What of a web page nobody reads; gateways answer with whole pages."""


def classify(error: Any, profile: Profile, *, status: int, retry_after: float | None = None) -> Failure:
    """The failure that an error object (or text) means, under its HTTP status (200 for one inside a reply)."""
    words = read_words(error)
    words = words._replace(message=shorten(words.message))
    http = status
    if status < 400:  # an error inside a success; some providers repeat the status as the code
        http = next((int(code) for code in words.codes if _STATUS.fullmatch(code)), status)
    told = retry_after or read_wait_of(open_envelopes(error), "") or read_wait_of(error, "")
    retry_after = told or read_wait_of(None, words.message)
    kind = _refine(_listed_kind(profile, words, http, told), words, http, retry_after)
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
        retry_after=retry_after if meaning in {"throttle", "transient"} else None,
        is_billed=status < 400,
    )


def shorten(text: str) -> str:
    """What an endpoint said as one line of bounded length: no control characters, nothing that looks like a key."""
    text = _ESCAPES.sub(" ", clean_text(text))
    if _PAGE.match(text):
        text = text[:_LONGEST_PAGE]
        text = html.unescape(_UNSEEN.sub(" ", text)) if _UNSEEN.sub("", text).strip() else text
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    text = blot_lookalikes(text)
    return text if len(text) <= LONGEST_MESSAGE else text[:LONGEST_MESSAGE].rstrip() + " …"


def _listed_kind(profile: Profile, words: ErrorWords, status: int, retry_after: float | None) -> str | None:
    """The kind whose list holds this error: the profile's own lists are asked first, then those of all."""
    codes = {fold_code(code.rpartition("#")[2]) for code in words.codes}  # com.amazon.coral#ThrottlingException
    message = fold(words.message)
    within = codes_within(words.message)
    for lists in (profile.errors, profile.shared_errors):
        for kind in _MEANING_OF_KIND:
            for entry in getattr(lists, kind):
                if isinstance(entry, int):
                    is_listed = entry == status
                elif _is_phrase(entry):
                    # who says when to come back is throttling, whatever the words
                    is_listed = _is_said(entry, message) and not (kind == "money" and retry_after is not None)
                else:
                    is_listed = fold_code(entry) in codes or (not entry.isdigit() and fold_code(entry) in within)
                if is_listed:
                    return kind
    return None


def _refine(listed: str | None, words: ErrorWords, status: int, retry_after: float | None) -> str | None:
    """The kind by lists, or by the sentence where that says more, as far as the status leaves it open."""
    if listed is not None and listed not in _VAGUE:
        return listed
    kind = guess_kind(tuple(words.codes) if listed is None else (), words.message)
    if kind == "money" and retry_after is not None:
        kind = "throttle"
    if listed is not None:
        return kind if kind in _VAGUE[listed] else listed
    told = _meaning_of_status(status)
    if status >= 400 and told == "throttle":
        return kind if kind in {"money", "throttle"} else None
    if status >= 400 and kind in {"fatal", "transient"} and told != "refused":
        return None
    return None if words.parameter not in {None, "model"} and kind == "fatal" else kind


def _is_said(entry: str, message: str) -> bool:
    """Whether a folded message holds a phrase; `*` in it stands for a few words."""
    at = 0
    for number, part in enumerate(entry.split("*")):
        folded = fold(part)
        found = message.find(folded, at)
        if found < 0 or (number and found - at > _LONGEST_GAP):
            return False
        at = found + len(folded)
    return True


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
