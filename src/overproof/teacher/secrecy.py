"""Nothing that an endpoint says repeats a key: every text of an outcome is looked through, whichever field it is.

A field may decide (the model's name, a finish reason, the text itself), so that only what is a secret without doubt is
blotted everywhere; a key made of words is blotted where it is only shown, in what the endpoint says went wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec

from overproof.keys import SHORTEST_KEY, blot_keys, blot_words, is_random, is_telling
from overproof.teacher.reply import Failure, Reply

Record = TypeVar("Record", bound=msgspec.Struct)

_PARTS = re.compile(r"[\s;,]+|(?<=[A-Za-z0-9_])=(?=[^=])")
"""Between the parts of a header's value: `Bearer KEY`, `session=KEY; theme=dark`."""


class Secrets(NamedTuple):
    """What must not come back from an endpoint."""

    keys: tuple[str, ...] = ()
    """Said by nobody by chance: they stand nowhere."""
    words: tuple[str, ...] = ()
    """Keys that are words or numbers, as any text may say: they do not stand in messages."""


NO_SECRETS = Secrets()


def gather_secrets(named: Iterable[str], others: Iterable[str] = (), said: Iterable[str] = ()) -> Secrets:
    """The secrets among values that were sent.

    `named` are those that are called keys; of `others` only what nobody can have chosen is one. What stands in `said`,
    the open names of the config (a model, an address), is none.
    """
    names = list(said)
    parts = [(part, True) for value in named for part in _parts_of(value)]
    parts += [(part, False) for value in others for part in _parts_of(value)]
    open_ = {part for part, _ in parts if any(part in name for name in names)}
    found = {part: is_named for part, is_named in reversed(parts) if len(part) >= SHORTEST_KEY and part not in open_}
    keys = tuple(part for part, is_named in found.items() if is_random(part) or (is_named and is_telling(part)))
    return Secrets(keys, tuple(part for part, is_named in found.items() if is_named and part not in keys))


def _parts_of(value: str) -> Iterator[str]:
    """A header's value, and what stands in it beside its scheme or under its names."""
    yield value
    yield from (part for part in _PARTS.split(value) if part != value)


def keep_secret(outcome: Reply | Failure, secrets: Secrets) -> Reply | Failure:
    """The outcome with every key blotted out of it; a reply with one in its text is refused."""
    if secrets == NO_SECRETS:
        return outcome
    if isinstance(outcome, Reply):
        if any(secret in text for secret in secrets.keys for text in (outcome.content, outcome.reasoning or "")):
            return Failure("key_in_reply", "refused", "the reply repeats the key", usage=outcome.usage)
        aside = outcome.aside and blot_words(outcome.aside, secrets.words)
        return _blot_texts(msgspec.structs.replace(outcome, aside=aside), secrets)
    reply = None if outcome.reply is None else keep_secret(outcome.reply, secrets)
    if isinstance(reply, Failure):
        return reply
    said = blot_words(outcome.message, secrets.words)
    return _blot_texts(msgspec.structs.replace(outcome, reply=reply, message=said), secrets)


def blot_tree(tree: Any, secrets: Secrets) -> Any:
    """A tree of plain values with every key blotted out of its texts and names."""
    if isinstance(tree, str):
        return blot_keys(tree, secrets.keys)
    if isinstance(tree, Mapping):
        return {blot_tree(name, secrets): blot_tree(value, secrets) for name, value in tree.items()}
    return [blot_tree(value, secrets) for value in tree] if isinstance(tree, list) else tree


def _blot_texts(record: Record, secrets: Secrets) -> Record:
    values = {name: getattr(record, name) for name in record.__struct_fields__}
    blotted = {name: blot_tree(value, secrets) for name, value in values.items() if isinstance(value, str | list)}
    return msgspec.structs.replace(record, **{name: one for name, one in blotted.items() if one != values[name]})
