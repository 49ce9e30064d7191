"""What a key looks like, where none may stand, and how one is blotted out of a text.

Keys come from the environment. Whatever else holds text (a config, an address, an endpoint's reply) is looked
through here before it is written or shown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

SHORTEST_KEY = 8
"""Keys shorter than this (EMPTY, none, …) are placeholders and may stand in texts."""
BLOT = "***"

# How providers' keys begin (OpenAI and most who follow it, Hugging Face, Groq, xAI, NVIDIA, Google, Amazon, GitHub,
# GitLab, Slack, Replicate, Perplexity, Together, ModelScope, Baidu), a JSON web token, and a header of credentials.
_KEY = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:sk|rk|pk|ak)[-_](?=[A-Za-z0-9_-]*[0-9])[A-Za-z0-9_-]{12,}"
    r"|(?:hf|gsk|r8|csk)_[A-Za-z0-9]{16,}"
    r"|(?:xai|nvapi|pplx|glpat|fw)-[A-Za-z0-9_-]{16,}"
    r"|tgp_v1_[A-Za-z0-9_-]{16,}"
    r"|AIza[A-Za-z0-9_-]{30,}"
    r"|AKIA[A-Z0-9]{16}"
    r"|gh[opsu]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}"
    r"|xox[abp]-[A-Za-z0-9-]{16,}"
    r"|ms-[0-9a-f]{8}-[0-9a-f-]{20,}"
    r"|bce-v3/[A-Za-z0-9/-]{16,}"
    r"|[0-9a-f]{32}\.[A-Za-z0-9]{16}"
    r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
    r"|(?:Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{12,}"
    r")"
)
_KEY_NAME = re.compile(
    r"api[-_]?key|authorization|secret|passw(?:or)?d|credential|cookie|private[-_]?key"
    r"|(?:access|auth|bearer|session)[-_]?token|bearer",
    re.IGNORECASE,
)
_KEY_VARIABLE = re.compile(r"(?:KEY|TOKEN|SECRET|PASSW(?:OR)?D)S?$", re.IGNORECASE)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# A name of a variable is words; twenty characters of small letters and digits without a break are a key.
_RANDOM = re.compile(r"(?=[^_]*[0-9][^_]*[0-9][^_]*[0-9])(?=[^_]*[a-z])[A-Za-z0-9]{20,}")


def looks_like_key(text: str) -> bool:
    """Whether a text holds what no other text but a provider's key looks like."""
    return _KEY.search(text) is not None


def names_key(name: str) -> bool:
    """Whether what stands under this name would be a key or a password."""
    return _KEY_NAME.search(name) is not None


def is_variable(name: str) -> bool:
    """Whether this can be the name of an environment variable, and is not the key itself."""
    return _VARIABLE.fullmatch(name) is not None and not looks_like_key(name) and _RANDOM.search(name) is None


def find_keys(tree: Any, keys: Iterable[str] = (), place: str = "") -> Iterator[str]:
    """The dotted places of a tree of plain values where a key stands: one of `keys`, or what looks like one."""
    known = [key for key in keys if len(key) >= SHORTEST_KEY]
    if isinstance(tree, Mapping):
        for name, value in tree.items():
            if isinstance(name, str) and _holds(name, known):
                yield place or "the config"
            yield from find_keys(value, known, f"{place}.{name}" if place else str(name))
    elif isinstance(tree, list | tuple):
        for number, value in enumerate(tree):
            yield from find_keys(value, known, f"{place}.{number}")
    elif isinstance(tree, str) and _holds(tree, known):
        yield place


def find_key_names(tree: Any, place: str = "") -> Iterator[str]:
    """The dotted places of a tree of plain values whose own name says that a key stands there."""
    items = tree.items() if isinstance(tree, Mapping) else enumerate(tree) if isinstance(tree, list | tuple) else ()
    for name, value in items:
        here = f"{place}.{name}" if place else str(name)
        if names_key(str(name)):
            yield here
        yield from find_key_names(value, here)


def environment_keys() -> list[str]:
    """The values of all environment variables whose names say that they hold a key or a password."""
    return [value for name, value in os.environ.items() if _KEY_VARIABLE.search(name) and len(value) > SHORTEST_KEY]


def find_odd_character(key: str) -> str | None:
    """The first character that no key can hold and no header can carry, as its number and place; None without one."""
    for place, character in enumerate(key, start=1):
        if not "!" <= character <= "~":
            return f"U+{ord(character):04X} at place {place} of {len(key)}"
    return None


def _holds(text: str, known: list[str]) -> bool:
    return looks_like_key(text) or any(key in text for key in known)


def blot_keys(text: str, keys: Iterable[str]) -> str:
    """The text without these keys, and without the beginning of one at which the text was cut."""
    for key in keys:
        if len(key) >= SHORTEST_KEY and key[:SHORTEST_KEY] in text:
            text = _blot(text, key)
    return text


def _blot(text: str, key: str) -> str:
    pieces = []
    start = 0
    while (place := text.find(key[:SHORTEST_KEY], start)) >= 0:
        end = place + SHORTEST_KEY
        while end < len(text) and end - place < len(key) and text[end] == key[end - place]:
            end += 1
        pieces += [text[start:place], BLOT]
        start = end
    return "".join([*pieces, text[start:]])


def blot_lookalikes(text: str) -> str:
    """The text without anything that looks like a key, for what is shown and was never looked through."""
    return _KEY.sub(BLOT, text)
