"""What a key looks like, where none may stand, and how one is blotted out of a text.

Keys come from the environment. Whatever else holds text (a config, an address, an endpoint's reply) is looked
through here before it is written or shown. A value from the environment is a secret only where no text says it by
chance (`is_telling`): a placeholder, a route or a model's name stands in texts that have nothing to hide, and blotting
it there makes another text of them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

SHORTEST_KEY = 8
"""Keys shorter than this (EMPTY, none, …) are placeholders and may stand in texts."""
_LONGEST_SAID = 24
"""Characters from which on words, or digits, are said by nobody who does not repeat them."""
_LONGEST_SHOWN = 12
"""Characters of a key's beginning that tell nothing; keys begin with their provider's name."""
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
"""Ends of such names."""
# Letters and digits, a capital after a small letter, a sign that no name has.
_MIXED = re.compile(r"(?=.*[A-Za-z])(?=.*[0-9])|[a-z][A-Z]|[^\w .-]")
# Sixteen letters and digits without a break, with three numbers among them or five capitals after a small letter; the
# numbers of a UUID. `Qwen25Math72BInstruct` has two of the one and three of the other.
_DRAWN = re.compile(
    r"(?<![A-Za-z0-9])(?=(?:[A-Za-z]*[0-9]+[A-Za-z]+){2}[0-9]"
    r"|(?:[A-Za-z0-9]*?[a-z][A-Z]){5})[A-Za-z0-9]{16,}"
    r"|(?<![0-9a-f])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}",
)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# A name of a variable is words; twenty characters of small letters and digits without a break are a key.
_RANDOM = re.compile(r"(?=[^_]*[0-9][^_]*[0-9][^_]*[0-9])(?=[^_]*[a-z])[A-Za-z0-9]{20,}")


def looks_like_key(text: str) -> bool:
    """Whether a text holds what no other text but a provider's key looks like."""
    return _KEY.search(text) is not None


def names_key(name: str) -> bool:
    """Whether what stands under this name would be a key or a password."""
    return _KEY_NAME.search(name) is not None


def holds_key(variable: str) -> bool:
    """Whether the name of an environment variable, or of a header, says that it holds a key or a password."""
    return names_key(variable) or _KEY_VARIABLE.search(variable) is not None


def is_telling(value: str) -> bool:
    """Whether a value that is named as a key is one, and no word that a text may say by chance.

    Words alone (not-needed, lm-studio, anything) and numbers are not, unless they are long; letters with digits, with
    capitals within, or with odd signs are.
    """
    if len(value) < SHORTEST_KEY:
        return False
    return len(value) >= _LONGEST_SAID or looks_like_key(value) or _MIXED.search(value) is not None


def is_random(value: str) -> bool:
    """Whether a value is a secret whatever its name: nobody chose these characters."""
    return looks_like_key(value) or _DRAWN.search(value) is not None


def is_variable(name: str) -> bool:
    """Whether this can be the name of an environment variable, and is not the key itself."""
    return _VARIABLE.fullmatch(name) is not None and not looks_like_key(name) and _RANDOM.search(name) is None


def find_keys(tree: Any, keys: Iterable[str] = (), place: str = "") -> Iterator[str]:
    """The dotted places of a tree of plain values where a key stands: one of `keys`, or what looks like one."""
    known = list(keys)
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
    return [value for name, value in os.environ.items() if _KEY_VARIABLE.search(name) and len(value) >= SHORTEST_KEY]


def find_odd_character(key: str) -> str | None:
    """The first character that no key can hold and no header can carry, as its number and place; None without one."""
    for place, character in enumerate(key, start=1):
        if not "!" <= character <= "~":
            return f"U+{ord(character):04X} at place {place} of {len(key)}"
    return None


def _holds(text: str, known: list[str]) -> bool:
    """Whether a text is a key, or has one within it."""
    within = (key in text if is_telling(key) else key == text for key in known if len(key) >= SHORTEST_KEY)
    return looks_like_key(text) or any(within)


def blot_keys(text: str, keys: Iterable[str]) -> str:
    """The text without these keys, and without the beginning of one at which the text was cut."""
    for key in keys:
        if len(key) >= SHORTEST_KEY and key[:SHORTEST_KEY] in text:
            text = _blot(text, key)
    return text


def _blot(text: str, key: str) -> str:
    pieces = []
    start = place = 0
    while (place := text.find(key[:SHORTEST_KEY], place)) >= 0:
        end = place + SHORTEST_KEY
        while end < len(text) and end - place < len(key) and text[end] == key[end - place]:
            end += 1
        if end - place == len(key) or (_CUT.match(text, end) and _tells_part(text[place:end])):
            pieces += [text[start:place], BLOT]
            start = end
        place = end
    return "".join([*pieces, text[start:]])


_CUT = re.compile(r"\Z|\s?(?:…|\.\.|\*)")
"""What follows where a text, or a key within it, was cut."""


def _tells_part(beginning: str) -> bool:
    """Whether the beginning of a key is more than the name of its provider."""
    return len(beginning) >= _LONGEST_SHOWN or is_telling(beginning)


def blot_words(text: str, keys: Iterable[str]) -> str:
    """The text without keys that are words, where they stand as such: for what is only shown."""
    for key in keys:
        if key in text:
            text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(key)}(?![A-Za-z0-9])", BLOT, text)
    return text


def blot_lookalikes(text: str) -> str:
    """The text without anything that looks like a key, for what is shown and was never looked through."""
    return _KEY.sub(BLOT, text)
