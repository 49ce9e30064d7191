"""Row of a dataset → the conversation that a student is trained on; reads every format that `export` writes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from overproof.completion import Completion, split_completion
from overproof.errors import InputError
from overproof.rows import Source, read_rows
from overproof.rows.row import SourceRow

Message = dict[str, Any]

_NAMES = {"human": "user", "gpt": "assistant"}
_SCHEMAS = "messages, prompt and completion, conversations, or input with reasoning_content and content"


class Conversation(NamedTuple):
    """A prompt and the reply that the loss is taken on."""

    prompt: list[Message]
    """Messages with role and content; empty for a plain-text row, whose prompt is `text`."""
    reply: Message
    """The assistant's message; `reasoning_content` only where the row holds the reasoning apart."""
    text: str | None = None
    """The prompt of a plain-text row, which no chat template touches."""
    variables: Mapping[str, Any] = MappingProxyType({})
    """What the row gives the chat template (its column `chat_template_kwargs`), such as enable_thinking."""

    @property
    def expected(self) -> Completion:
        """The reply in its parts, as the student should learn it."""
        return split_completion(self.reply["content"], self.reply.get("reasoning_content"))

    @property
    def asks_no_thinking(self) -> bool:
        """The row says of itself that it is a reply without reasoning."""
        return self.variables.get("enable_thinking") is False


def read_conversation(values: dict[str, Any], where: str) -> Conversation:
    """The conversation in a row. Raises InputError naming the row (`where`) when it has none of the known schemas."""
    return _read_turns(values, where)._replace(variables=_read_variables(values, where))


def read_pair(values: dict[str, Any], where: str) -> tuple[Conversation, Conversation]:
    """The right and the wrong reply to the prompt of a preference row, as two conversations.

    A row without a prompt of its own holds two whole conversations, as some published sets do. Raises InputError
    naming the row when it is none of these, or when its two prompts differ.
    """
    if not is_pair(values):
        raise InputError(
            f"{where} has the columns {', '.join(map(str, values))}; a pair to train on has prompt, chosen and "
            "rejected (export.format: preference)"
        )
    rest = {key: value for key, value in values.items() if key in {"prompt", "chat_template_kwargs"}}
    own = isinstance(values.get("prompt"), str | list)
    chosen, rejected = (
        read_conversation(
            rest | {"completion": values[side]} if own else rest | {"messages": values[side]}, f"{where}, {side}"
        )
        for side in ("chosen", "rejected")
    )
    if chosen.prompt != rejected.prompt:
        raise InputError(f"{where}: chosen and rejected do not reply to the same prompt")
    return chosen, rejected


def is_pair(values: dict[str, Any]) -> bool:
    """Whether a row is a preference row."""
    return "chosen" in values and "rejected" in values


def _read_variables(values: dict[str, Any], where: str) -> dict[str, Any]:
    """TRL's column `chat_template_kwargs`: a table, in JSON or not; Parquet fills what a row lacks with None."""
    given = values.get("chat_template_kwargs")
    if isinstance(given, str):
        try:
            given = orjson.loads(given)
        except orjson.JSONDecodeError:
            given = given or None
    if given is not None and not isinstance(given, dict):
        raise InputError(f"{where}: chat_template_kwargs is no table such as {{enable_thinking: false}}")
    return {key: value for key, value in (given or {}).items() if value is not None}


def _read_turns(values: dict[str, Any], where: str) -> Conversation:
    if is_pair(values):
        raise InputError(
            f"{where} is a pair of replies; train on pairs with overproof dpo, or export messages (export.format)"
        )
    if "prompt" in values and "completion" in values:
        prompt, completion = values["prompt"], values["completion"]
        if isinstance(prompt, str) and isinstance(completion, str):
            return Conversation([], {"role": "assistant", "content": completion}, prompt)
        return _split([*_as_messages(prompt, where), *_as_messages(completion, where)], where)
    if "messages" in values:
        return _split(_as_messages(values["messages"], where), where)
    if "conversations" in values:
        turns = _as_list(values["conversations"], where)
        return _split(
            [{"role": _NAMES.get(turn.get("from"), turn.get("from")), "content": turn.get("value")} for turn in turns],
            where,
        )
    if {"input", "reasoning_content", "content"} <= values.keys():
        reply = {"role": "assistant", "content": values["content"], "reasoning_content": values["reasoning_content"]}
        return _split([{"role": "user", "content": values["input"]}, reply], where)
    raise InputError(f"{where} has the columns {', '.join(map(str, values))}; a row to train on has {_SCHEMAS}")


def read_dataset_rows(dataset: Path, split: str = "train") -> Iterator[SourceRow]:
    """Rows of a split of an exported dataset folder, or of a single JSONL or Parquet file.

    A file has train rows alone. Raises InputError when there are no such files, and naming the first row that cannot
    be read.
    """
    if dataset.is_file():
        if split != "train":
            raise InputError(
                f"{dataset} is a single file and has no {split} split; name a folder that overproof export wrote, or "
                "set eval_strategy: no"
            )
        return read_rows(Source(path=str(dataset)))
    if not dataset.exists():
        raise InputError(f"{dataset} does not exist. Name a folder that overproof export wrote, or a file of rows")
    files = sorted(dataset.glob(f"jsonl/{split}-*.jsonl")) or sorted(dataset.glob(f"parquet/{split}-*.parquet"))
    if not files:
        raise InputError(
            f"{dataset} holds no {split} rows (jsonl/{split}-*.jsonl or parquet/{split}-*.parquet). Name a folder that "
            "overproof export wrote, or a file of rows itself"
        )
    return (row for file in files for row in read_rows(Source(path=str(file))))


def sample_rows(rows: Iterator[SourceRow], most: int | None, seed: int = 0) -> tuple[list[SourceRow], int]:
    """At most so many rows, drawn evenly by a seeded reservoir and in their order, and how many there were."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    chosen: list[tuple[int, SourceRow]] = []
    total = 0
    for number, row in enumerate(rows):
        total += 1
        if most is None or len(chosen) < most:
            chosen.append((number, row))
        elif (place := chance.randrange(total)) < most:
            chosen[place] = (number, row)
    return [row for _, row in sorted(chosen, key=lambda item: item[0])], total


def _split(messages: list[Message], where: str) -> Conversation:
    """The last message is the reply; everything before it is the prompt."""
    texts = [message.get("content") for message in messages]
    if len(messages) < 2 or messages[-1].get("role") != "assistant" or not all(isinstance(t, str) for t in texts):
        raise InputError(f"{where} does not hold a prompt followed by an assistant's message, each with a text")
    reply = {key: value for key, value in messages[-1].items() if value is not None}
    return Conversation([{"role": m["role"], "content": m["content"]} for m in messages[:-1]], reply)


def _as_messages(value: Any, where: str) -> list[Message]:
    return [message for message in _as_list(value, where) if isinstance(message, dict)]


def _as_list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(f"{where} holds {type(value).__name__} where a list of messages belongs")
    return value
