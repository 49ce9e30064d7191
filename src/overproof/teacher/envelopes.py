"""What an object says is wrong: only this module knows where servers put their errors, codes and words.

Errors come nested (`error`, `errors`, FastAPI's `detail`, MiniMax's `base_resp`) or flat, as objects, lists or texts,
under keys of every spelling.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from overproof.teacher.words import fold

_CODE_KEYS = (
    "code",
    "type",
    "status",
    "statuscode",
    "httpcode",
    "errorcode",
    "errcode",
    "errortype",
    "errorname",
    "reason",
    "faultcode",
    "level",
    "severity",
)
_MESSAGE_KEYS = (
    "message",
    "msg",
    "faultstring",
    "detail",
    "statusmsg",
    "errormsg",
    "errormessage",
    "errmsg",
    "errordescription",
    "description",
    "title",
    "error",
)
"""Where errors keep their codes and their words, likeliest first, as `words.fold` has them."""
_NOTHING = ("", 0, "None", "null")
"""What stands where there is no code and no parameter; LiteLLM writes Python's word."""
_ENVELOPES = ("error", "errors", "errormsg", "baseresp", "fault", "detail", "response")
"""Where the error itself lies within an object."""
_DEEPEST = 6
"""Envelopes within envelopes that are opened."""


class ErrorWords(NamedTuple):
    """What an error says."""

    codes: list[str]
    message: str
    parameter: str | None


def error_in(value: Mapping[str, Any]) -> Any:
    """The error that an object carries, nested or flat; None where it carries a reply or nothing.

    Flat are MiniMax's `base_resp`, and a message beside a code, beside `success: false` or all alone.
    """
    table = {fold(key): one for key, one in value.items()}
    found = error_or_none(table.get("error")) or error_or_none(table.get("errors"))
    if found is not None:
        return value if isinstance(found, str) and not value.get("choices") else found
    if isinstance(table.get("errormsg"), Mapping):  # Tencent Hunyuan, within a stream
        return table["errormsg"]
    base = table.get("baseresp")
    if isinstance(base, Mapping) and str(base.get("status_code") or 0) != "0":
        return base
    inner = table.get("response")  # Tencent Cloud
    if isinstance(inner, Mapping) and not value.get("choices"):
        found = error_in(inner)
    if value.get("choices") or found is not None:
        return found
    if not any(table.get(key) for key in _MESSAGE_KEYS):
        return None
    codes = [table[key] for key in _CODE_KEYS if table.get(key) and key != "type"]
    is_refused = any(error_or_none(code) for code in codes)
    is_said = (
        table.get("success") is False
        or "error" in (table.get("object"), table.get("type"))
        or sum(map(bool, table.values())) == 1
    )
    return value if is_refused or is_said else None


def is_only_said(value: Mapping[str, Any], error: Any) -> bool:
    """Whether an object was taken for an `error` by its words alone, and names none as such."""
    table = {fold(key): one for key, one in value.items()}
    is_named = table.get("error") or table.get("errors") or "error" in (table.get("object"), table.get("type"))
    return error is value and not is_named


def error_or_none(error: Any) -> Any:
    """What stands where an error belongs, unless it says that there is none."""
    if not error or (isinstance(error, Mapping) and not any(error.values())):
        return None
    code = error.get("code") if isinstance(error, Mapping) else error
    return None if code is not None and fold(str(code)) in _NO_ERRORS else error


def is_warning(error: Any) -> bool:
    """Whether what stands where an error belongs says of itself that it is none: a warning, a model soon to be gone."""
    words = read_words(error)
    return any(fold(code) in _WARNINGS for code in words.codes) or _WARNS.match(words.message) is not None


_WARNINGS = frozenset({"warning", "warn", "info", "notice", "deprecation", "deprecated", "deprecationwarning"})
_WARNS = re.compile(r"\W*(?:warning|notice|deprecat\w+|警告|提示)\b", re.IGNORECASE)
_NO_ERRORS = frozenset({"0", "200", "ok", "success", "null", "none", "completed"})


def read_words(error: Any) -> ErrorWords:
    """Codes, message and culprit of an error in whatever form; the message as it came."""
    error = open_envelopes(error)
    if not isinstance(error, Mapping):
        return ErrorWords([], "" if error is None else _as_text(error), None)
    table = {fold(key): value for key, value in error.items()}
    place = table.get("loc")  # FastAPI: ["body", "top_k"]
    parameter = table.get("param") or (place[-1] if isinstance(place, list) and place else None)
    return ErrorWords(
        list(dict.fromkeys(_read_codes(table))),
        _read_message(table),
        parameter if isinstance(parameter, str) and parameter not in _NOTHING else None,
    )


def open_envelopes(error: Any) -> Any:
    """The innermost thing that says what is wrong: a text or an object with words of its own."""
    for _ in range(_DEEPEST):
        if isinstance(error, Sequence) and not isinstance(error, str) and len(error) == 1:
            error = error[0]
            continue
        if not isinstance(error, Mapping):
            break
        table = {fold(key): value for key, value in error.items()}
        inner = next((table[key] for key in _ENVELOPES if _is_envelope(table.get(key), key, table)), None)
        if inner is None:
            break
        error = inner
    return error


def _is_envelope(value: Any, key: str, around: Mapping[str, Any]) -> bool:
    """Whether the words of an error lie within `value`; a list of several (pydantic's) is told as it is."""
    if isinstance(value, list):
        return len(value) == 1 and _is_envelope(value[0], key, around)
    if not isinstance(value, Mapping) or (key == "detail" and any(around.get(one) for one in _MESSAGE_KEYS[:2])):
        return False
    return any(fold(one) in _MESSAGE_KEYS or fold(one) in _ENVELOPES for one in value)


def _read_codes(table: Mapping[str, Any]) -> Iterator[str]:
    """The codes of an error by folded keys, with those of what lies within."""
    for key in _CODE_KEYS:
        value = table.get(key)
        if isinstance(value, str | int) and value not in _NOTHING and not isinstance(value, bool):
            yield str(value)
    if isinstance(table.get("error"), str) and " " not in table["error"]:  # {"error": "invalid_key", "message": …}
        yield table["error"]
    inner = table.get("innererror")
    if isinstance(inner, Mapping):
        yield from _read_codes({fold(key): value for key, value in inner.items()})
    for detail in table.get("details") or ():
        if isinstance(detail, Mapping) and isinstance(detail.get("reason"), str):
            yield detail["reason"]


def _read_message(table: Mapping[str, Any]) -> str:
    """The words, with those of the server behind a gateway."""
    value = next((table[key] for key in _MESSAGE_KEYS if table.get(key)), "")
    metadata = table.get("metadata")
    behind = metadata.get("raw") if isinstance(metadata, Mapping) else None
    place = table.get("loc")
    where = f"{place[-1]}: " if isinstance(place, list) and place else ""
    return where + _as_text(value) + (f" ({_as_text(behind)})" if behind else "")


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
