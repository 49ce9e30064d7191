"""Provider profiles: what each provider does differently, read from `profiles.toml` beside this file.

A profile is data. It says how thinking is switched on, how long a reply may become, which parameters are sent
because the server's hidden defaults differ, which field carries the reasoning, and what its error codes mean.
"""

from __future__ import annotations

import fnmatch
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from overproof.errors import ConfigError, suggest

REASONING_FIELDS = (
    "reasoning_content",
    "reasoning",
    "reasoning_text",
    "thinking",
    "thinking_content",
    "thoughts",
    "thought",
)
"""Every field that is known to carry reasoning as text; a profile's own come first, the others are read too."""


class ErrorCodes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a provider's error codes mean.

    An entry is an HTTP status (a number), a code or type, or, when it holds a space or letters of another script, a
    part of the message. Case, punctuation and a last `_error` do not count. A code is also looked for among the words
    of the message, where gateways leave it. The lists are asked in the order of the fields.
    """

    money: list[str | int] = []
    """Nothing is left to pay with; some say so as 429 or 500. A phrase does not count where a wait is asked for too."""
    fatal: list[str | int] = []
    """No request of this run can succeed: wrong key, no money, unknown model."""
    content_filter: list[str | int] = []
    """This input or its reply was refused for its content; asking again changes nothing."""
    context_length: list[str | int] = []
    """This input is too long for the model."""
    throttle: list[str | int] = []
    """Too fast: the same request succeeds later."""
    transient: list[str | int] = []
    """An accident on the server's side."""


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One provider's dialect of the chat API."""

    name: str
    about: str
    base_url: str | None = None
    """Address that is used when the config names none."""
    model: str | None = None
    """Model that is used when the config names none."""
    key_env: str | None = None
    """Environment variable that holds the key; None: no key is sent."""
    key_header: str | None = None
    """Header that takes the key beside the usual Authorization."""
    key_required: bool = False
    """Whether the provider turns requests without a key away, so that a run need not start."""
    stream: Literal["always", "prefer", "never"] = "prefer"
    """Whether replies are asked for as streams; `always` means that plain calls fail or lose text."""
    thinking_on: dict[str, Any] = {}
    """Request keys that switch thinking on."""
    thinking_off: dict[str, Any] = {}
    """Request keys that switch thinking off."""
    thinking_budget_key: str | None = None
    """Dotted request key that bounds the reasoning apart from the answer; None: there is none."""
    thinking_budget: int | None = None
    """Bound on the reasoning that is sent when the config gives none; None leaves the server's own, unknown one."""
    max_tokens_key: str = "max_tokens"
    """Request key that carries the config's max_tokens."""
    max_tokens_covers: Literal["reply", "answer"] = "reply"
    """Whether max_tokens bounds the whole reply or only what follows the reasoning."""
    parameters: dict[str, Any] = {}
    """Sent explicitly because the server's hidden defaults differ from plain sampling."""
    unsent: list[str] = []
    """Parameters that the provider refuses or ignores: neither sent nor recorded."""
    reasoning_fields: tuple[str, ...] = REASONING_FIELDS
    """Fields of a message that carry reasoning, likeliest first."""
    reasoning_markers: list[tuple[str, str]] = []
    """Opening and closing marker that the model puts around its reasoning, beside those that are known everywhere."""
    summarises: bool = False
    """Whether what the provider shows as reasoning is a summary, and never the chain of thought itself."""
    renames_models: bool = False
    """Whether replies bear another model's name than was asked for (deployments, aliases)."""
    omits_finish_reason: bool = False
    """Whether complete replies may come without a finish reason."""
    stall_seconds: float = 600.0
    """Longest wait for the next token of a stream."""
    batch_requests: int = 50_000
    """Most requests of one batch file."""
    batch_bytes: int = 200_000_000
    """Most bytes of one batch file."""
    errors: ErrorCodes = ErrorCodes()
    """What the provider's own codes mean."""
    shared_errors: ErrorCodes = ErrorCodes()
    """What codes mean nearly everywhere, as far as the provider gives them no meaning of its own."""


def load_profile(name: str, model: str | None = None) -> Profile:
    """The profile called `name`, or the one in the .toml file of that path, as it is for `model`.

    Raises ConfigError naming the profiles there are, or the key of a profile file that does not fit.
    """
    tables = _shipped()
    if name.endswith(".toml"):
        tables = {**tables, name: _read_file(Path(name))}
    if name not in tables:
        raise ConfigError(
            f"teacher.profile: there is no profile '{name}'.{suggest(name, tables)} Known: {', '.join(tables)}; "
            "or give the path of a .toml file with a profile of your own."
        )
    table = _with_shared_errors(tables[name], tables["generic"])
    for rule in table.pop("models", []):
        if model is not None and fnmatch.fnmatchcase(model.lower(), rule["match"].lower()):
            table |= {key: _merged(table.get(key), value) for key, value in rule.items() if key != "match"}
    try:
        return msgspec.convert({"about": name, **table, "name": Path(name).stem}, Profile)
    except msgspec.ValidationError as error:
        raise ConfigError(f"teacher.profile: '{name}' does not fit: {error}") from None


def profile_names() -> list[str]:
    """The profiles that ship with the package."""
    return list(_shipped())


@cache
def _shipped() -> dict[str, dict[str, Any]]:
    return tomllib.loads(Path(__file__).with_name("profiles.toml").read_text(encoding="utf-8"))


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"teacher.profile: {path} is not readable TOML: {error}") from None


def _with_shared_errors(table: dict[str, Any], generic: dict[str, Any]) -> dict[str, Any]:
    """The profile with what codes mean nearly everywhere; that table stands in the generic profile."""
    own = {} if table is generic else table.get("errors", {})
    return {**table, "errors": own, "shared_errors": generic["errors"]}


def _merged(old: Any, new: Any) -> Any:
    """A model rule's value laid over the profile's: tables and lists are added to, anything else is replaced."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **new}
    if isinstance(old, list) and isinstance(new, list):
        return [*old, *new]
    return new
