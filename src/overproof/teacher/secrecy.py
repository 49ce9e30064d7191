"""Nothing that an endpoint says repeats a key: every text of an outcome is looked through, whichever field it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from overproof.keys import SHORTEST_KEY, blot_keys
from overproof.teacher.reply import Failure, Reply

Record = TypeVar("Record", bound=msgspec.Struct)


def keep_secret(outcome: Reply | Failure, secrets: Iterable[str]) -> Reply | Failure:
    """The outcome with every key blotted out of it; a reply with one in its text is refused."""
    known = [secret for secret in secrets if len(secret) >= SHORTEST_KEY]
    if not known:
        return outcome
    if isinstance(outcome, Reply):
        if any(secret in text for secret in known for text in (outcome.content, outcome.reasoning or "")):
            return Failure("key_in_reply", "refused", "the reply repeats the key", usage=outcome.usage)
        return _blot_texts(outcome, known)
    reply = None if outcome.reply is None else keep_secret(outcome.reply, known)
    return reply if isinstance(reply, Failure) else _blot_texts(msgspec.structs.replace(outcome, reply=reply), known)


def blot_tree(tree: Any, secrets: Iterable[str]) -> Any:
    """A tree of plain values with every key blotted out of its texts and names."""
    if isinstance(tree, str):
        return blot_keys(tree, secrets)
    if isinstance(tree, Mapping):
        return {blot_tree(name, secrets): blot_tree(value, secrets) for name, value in tree.items()}
    return [blot_tree(value, secrets) for value in tree] if isinstance(tree, list) else tree


def _blot_texts(record: Record, known: list[str]) -> Record:
    values = {name: getattr(record, name) for name in record.__struct_fields__}
    blotted = {name: blot_tree(value, known) for name, value in values.items() if isinstance(value, str | list)}
    return msgspec.structs.replace(record, **{name: one for name, one in blotted.items() if one != values[name]})
