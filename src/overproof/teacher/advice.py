"""What an endpoint refused → the line of config that mends it; only this module knows the ways out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from overproof.teacher.reply import Failure

if TYPE_CHECKING:
    from overproof.teacher import Dialect

_ONLY_VALUE = re.compile(
    r"only (?:the default \()?(\d+(?:\.\d+)?)\)? (?:is|are|value)"
    r"|must be (?:set to )?(\d+(?:\.\d+)?)\b"
    r"|default \((\d+(?:\.\d+)?)\)",
    re.IGNORECASE,
)
"""How servers say that they take one value alone."""
_RANGE = re.compile(
    r"[\[(]\s*(?P<low>\d[\d,.]*?)\s*,\s*(?P<high>\d[\d,.]*?)\s*[\])]"
    r"|(?<=\d) > (?P<top>\d[\d,]*)"
    r"|(?:at most|less than or equal to|no more than|not exceed|<=|maximum (?:of|is|value is))"
    r"\s*(?P<most>\d[\d,]*(?:\.\d+)?)",
    re.IGNORECASE,
)
"""How they say what range a value must lie in."""
_WINDOW = re.compile(
    r"(?:context (?:length|size|window)|n_ctx)\D{0,24}?(\d[\d,]{2,})|\((\d[\d,]{2,}) tokens\)", re.IGNORECASE
)
"""How they say how long their context is."""
_STREAM_ONLY = re.compile(
    r"only (?:support\w*|available|work\w*)[^.]{0,20}stream|non-?stream\w*"
    r"|stream\w*\s*(?:=|must be|should be|is required)"
    r"|(?:must|should|enable|set|use|with) (?:the )?stream|仅支持流式|只支持流式|非流式",
    re.IGNORECASE,
)
_NO_STREAM = re.compile(
    r"verified to stream|stream\w*[^.]{0,20}(?:not|n't|un)[ -]?(?:support|allow|avail|permit)"
    r"|(?:not|n't) (?:support|allow)\w* stream|不支持流式",
    re.IGNORECASE,
)
"""How servers say that they answer this request in a stream alone, and in none."""
_OTHER_PATH = re.compile(r"(/(?:chat/completions|completions|messages|responses|api/chat|api/generate))/?(?:\?|\Z)")
"""Pages of this and of other APIs, which some write at the end of an address."""
_NO_SUCH_PAGE = ("404", "405")
_OWN_KEYS = ("temperature", "top_p", "max_tokens", "thinking_budget")
"""Request keys that are keys of `teacher` too."""


def find_cure(failure: Failure, dialect: Dialect) -> str:
    """What to change, as a sentence or two; empty where nobody can tell."""
    if failure.kind == "money" or "402" in failure.code.split():
        return (
            "The account has no money left, or no quota: top it up, or wait until the quota begins anew. The same "
            "command then goes on where this one stopped."
        )
    if failure.kind == "context_length":
        return _cure_length(failure, dialect)
    if failure.meaning == "fatal":
        return _cure_fatal(failure, dialect)
    if failure.state == "content_filter":
        return "The provider's content filter refuses these questions; another provider may answer them."
    if failure.state == "not_json" and "web page" in failure.message:
        return (
            "Check teacher.base_url (it usually ends with /v1): what answers there is a page for people, of a login, a "
            "proxy or another service."
        )
    return _cure_refused(failure, dialect) if failure.meaning == "refused" else ""


def _cure_refused(failure: Failure, dialect: Dialect) -> str:
    if line := _cure_transport(failure, dialect):
        return line
    named = find_parameter(failure, dialect)
    return _cure_parameter(named, failure, dialect) if named else _LOOK_AROUND


_LOOK_AROUND = "Check teacher.model, teacher.max_tokens and teacher.extra."


def _cure_transport(failure: Failure, dialect: Dialect) -> str:
    """The line for a request that is refused for how its reply was asked for, or for its address."""
    if not dialect.is_stream and _STREAM_ONLY.search(failure.message):
        return "It answers such requests in a stream alone: set teacher.stream: true."
    if dialect.is_stream and _NO_STREAM.search(failure.message):
        return "It streams no reply to this model or account: set teacher.stream: false."
    if "api-version" in failure.message:
        return (
            "Azure wants its version in the address: end teacher.base_url with ?api-version=… (teacher.profile: azure)."
        )
    return ""


def close(text: str) -> str:
    """The text as a sentence that ends."""
    return text if text.endswith((".", "!", "?", "。", "！", "？", "…")) else f"{text}."


def find_parameter(failure: Failure, dialect: Dialect) -> str | None:
    """The request key that the endpoint names as the culprit, of those that were sent."""
    body = dialect.body(0)
    sent = [key for key in (*_nested_keys(body), *body) if key not in {"model", "messages", "stream"}]
    if failure.parameter in sent:
        return failure.parameter
    named = [key for key in sent if re.search(rf"\b{re.escape(key)}\b", failure.message, re.IGNORECASE)]
    if {"temperature", "top_p"} <= set(named):
        return "top_p"
    return max(named, key=len, default=None)


def _nested_keys(body: dict[str, object]) -> Iterable[str]:
    for value in body.values():
        if isinstance(value, dict):
            yield from value


def _cure_parameter(name: str, failure: Failure, dialect: Dialect) -> str:
    only = _ONLY_VALUE.search(failure.message)
    if only is not None and name in _OWN_KEYS and name != "max_tokens":
        value = next(group for group in only.groups() if group)
        return f"It takes no other {name}: set teacher.{name}: {value}."
    if bound := _find_bound(name, failure.message, dialect):
        return bound
    if name == dialect.profile.max_tokens_key and "max_completion_tokens" in failure.message != name:
        return "It wants max_completion_tokens: set teacher.profile: openai, or a profile with that max_tokens_key."
    if name in dialect.config.extra:
        return f"It does not take {name}: take it out of teacher.extra."
    left_out = [*dialect.config.unsent, name]
    return f"It does not take {name}. This line leaves it out: teacher.unsent: [{', '.join(left_out)}]."


def _find_bound(name: str, message: str, dialect: Dialect) -> str:
    """The line that brings a value into the range that the endpoint names; empty where it names none."""
    value = dialect.body(0).get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    places = {dialect.profile.max_tokens_key: "teacher.max_tokens", **{key: f"teacher.{key}" for key in _OWN_KEYS}}
    place = places.get(name, f"teacher.extra.{name}")
    for found in _RANGE.finditer(message):
        low, high = (
            float(part.replace(",", "")) if part else None
            for part in (found["low"], found["most"] or found["high"] or found["top"])
        )
        if high is not None and value > high:
            return f"It takes at most {high:g}: lower {place} (now {value:,})."
        if low is not None and value < low:
            return f"It takes no less than {low:g}: raise {place} (now {value:,})."
    return ""


def _cure_length(failure: Failure, dialect: Dialect) -> str:
    window = _WINDOW.search(failure.message)
    size = next((group for group in window.groups() if group), None) if window is not None else None
    if size and 2 * dialect.config.max_tokens < int(size.replace(",", "")):
        return (
            f"The prompts alone are too long, as teacher.max_tokens is {dialect.config.max_tokens:,} of {size}: leave "
            "long problems out, or give the server a longer context."
        )
    within = f" so that prompt and reply fit into {size} tokens" if size else ""
    return (
        f"teacher.max_tokens is {dialect.config.max_tokens:,}: lower it{within}, or give the server a longer context."
    )


def _cure_fatal(failure: Failure, dialect: Dialect) -> str:
    text = f"{failure.code} {failure.message}".casefold()
    status = failure.code.split()[:1] or [""]
    tail = _OTHER_PATH.search(dialect.config.base_url or "")
    if tail is not None and status[0] in _NO_SUCH_PAGE:
        return (
            f"teacher.base_url ends with {tail[1]}: leave that out. Requests go to /chat/completions below it, and "
            "to no other API."
        )
    is_elsewhere = status[0] in _NO_SUCH_PAGE or "unexpected endpoint" in text
    if is_elsewhere or ("model" in text and status not in (["401"], ["403"])):
        return "Check teacher.model, and that teacher.base_url ends where /chat/completions follows (usually /v1)."
    key_env = dialect.config.key_env or dialect.profile.key_env
    if status == ["403"]:
        return f"The key in {key_env} may not use this model."
    return f"Check the key in the environment variable {key_env}." if key_env else ""
