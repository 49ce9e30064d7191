"""Which way of training a student keeps which export format? Tried out, never remembered: templates change.

A way is the student's own template, the same with a variable set, or another template by name. Formats are rows as
`export` writes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from overproof.errors import ConfigError, InputError
from overproof.student.conversation import read_conversation
from overproof.student.structure import FAULTS, compare, tokenise
from overproof.student.template import (
    Rendered,
    find_end_of_turn,
    find_template,
    read_variables,
    render,
    set_defaults,
    template_files,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_MOST_WAYS = 7
_CONTROL = re.compile(r"<[|｜][^<>|｜]+[|｜]>")
_QUESTION = [{"role": "user", "content": "What is two and two? 二加二？"}]
_REASONING, _ANSWER = "Two and two,\nthat is 四.", "The answer is \\boxed{4}."
_INLINE = f"<think>\n{_REASONING}\n</think>\n\n{_ANSWER}"
_PLAIN, _FIELD = {"role": "assistant", "content": _INLINE}, {"role": "assistant", "content": _ANSWER}
FORMATS: dict[str, dict[str, Any]] = {
    "messages": {"messages": [*_QUESTION, _PLAIN]},
    "messages_reasoning_content": {"messages": [*_QUESTION, _FIELD | {"reasoning_content": _REASONING}]},
    "prompt_completion": {"prompt": _QUESTION, "completion": [_PLAIN]},
    "prompt_completion_text": {"prompt": f"{_QUESTION[0]['content']}\n\n", "completion": _INLINE},
    "sharegpt": {
        "conversations": [
            {"from": "human", "value": _QUESTION[0]["content"]},
            {"from": "gpt", "value": _INLINE},
        ]
    },
    "input_reasoning_content": {
        "input": _QUESTION[0]["content"],
        "reasoning_content": _REASONING,
        "content": _ANSWER,
    },
}
"""A row of every format that `export` writes for supervised training."""
_CHATS = [name for name in FORMATS if name != "prompt_completion_text"]
NO_THINKING = {"messages": [*_QUESTION, _FIELD], "chat_template_kwargs": {"enable_thinking": False}}
"""A row of a reply without reasoning, which says so."""


class Way(NamedTuple):
    """One way to put rows to a student."""

    setting: str
    """What to write under `train`; empty for the student as it comes."""
    template: str


class Fate(NamedTuple):
    """What becomes of a format in a way."""

    verdict: Literal["kept", "lost", "refused"]
    """lost: rendered without a word, and spoilt; refused: cannot be trained on at all."""
    fault: str | None


def find_ways(tokenizer: PreTrainedTokenizerBase) -> list[Way]:
    """The ways that the student's vocabulary allows and that differ in what they write: its own ones first.

    The others stand by how much of the student's own template they share.
    """
    own = tokenizer.chat_template or ""
    ways = [Way("", own)] if own else []
    if "enable_thinking" in read_variables(own):
        for value in (True, False):
            setting = f"template: {{enable_thinking: {str(value).lower()}}}"
            ways.append(Way(setting, set_defaults(own, {"enable_thinking": value})))
    lines = set(own.splitlines())
    named = [
        Way(f"chat_template: {name}", text)
        for name in template_files()
        if name != "plain" and (text := _fitting(tokenizer, name))
    ]
    named.sort(key=lambda way: len(lines ^ set(way.template.splitlines())) if lines else 0)
    distinct: dict[tuple[Rendered, ...], Way] = {}
    for way in (*ways, *named):
        distinct.setdefault(_write_all(tokenizer, way), way)
    return [*distinct.values()][:_MOST_WAYS]


def try_formats(tokenizer: PreTrainedTokenizerBase, way: Way) -> dict[str, Fate]:
    """Format → what becomes of it; `no_thinking` is a reply without reasoning that says so."""
    rows = {**FORMATS, "no_thinking": NO_THINKING}
    with _wearing(tokenizer, way.template):
        return {name: _try(tokenizer, row) for name, row in rows.items()}


def draw_matrix(tokenizer: PreTrainedTokenizerBase, student: str) -> list[str]:
    """The matrix as a Markdown table."""
    columns = [*FORMATS, "no_thinking"]
    rows = [["under train", *columns], ["---"] * (len(columns) + 1)]
    for way in find_ways(tokenizer):
        cells = try_formats(tokenizer, way)
        rows.append([f"`{way.setting}`" if way.setting else "as it comes", *(cells[name].verdict for name in columns)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(columns) + 1)]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return [f"{student}", "", *(f"| {line} |" for line in lines)]


def suggest(tokenizer: PreTrainedTokenizerBase, most: int = 3) -> list[str]:
    """Settings under which inline reasoning is kept, or else the formats that the student keeps as it comes."""
    ways = find_ways(tokenizer)
    kept = [way.setting for way in ways if way.setting and try_formats(tokenizer, way)["messages"].verdict == "kept"]
    own = try_formats(tokenizer, Way("", tokenizer.chat_template)) if tokenizer.chat_template else {}
    formats = [name for name, cell in own.items() if cell.verdict == "kept" and name in _CHATS]
    return [*(f"export.format: {name}" for name in formats[:1]), *(f"train.{setting}" for setting in kept[:most])]


def _try(tokenizer: PreTrainedTokenizerBase, row: dict[str, Any]) -> Fate:
    try:
        conversation = read_conversation(row, "the probe")
        rendered = render(tokenizer, conversation)
    except InputError:
        return Fate("refused", None)
    end = str(tokenizer.eos_token or "") if conversation.text is not None else find_end_of_turn(tokenizer)
    faults = [*compare(conversation, rendered, end), *tokenise(tokenizer, [rendered])[0].faults]
    if not faults:
        return Fate("kept", None)
    fault = min(faults, key=list(FAULTS).index)
    return Fate(
        "lost" if fault in {"reasoning_lost", "answer_lost", "block_repeated", "reply_changed"} else "refused", fault
    )


def _fitting(tokenizer: PreTrainedTokenizerBase, name: str) -> str | None:
    """The template of that name where the tokenizer knows its control tokens and inline reasoning comes through."""
    try:
        text = find_template(name)
        with _wearing(tokenizer, text):
            rendered = render(tokenizer, read_conversation(FORMATS["messages"], "the probe"))
            end = find_end_of_turn(tokenizer).strip()
    except (ConfigError, InputError):
        return None
    added = tokenizer.get_added_vocab()
    if end not in added or not rendered.trained:
        return None
    return text if all(token in added for token in _CONTROL.findall(rendered.prompt + rendered.trained)) else None


def _write_all(tokenizer: PreTrainedTokenizerBase, way: Way) -> tuple[Rendered, ...]:
    """What a way makes of reasoning in the content, in a field of its own, and of none."""
    rows = (FORMATS["messages"], FORMATS["messages_reasoning_content"], NO_THINKING)
    with _wearing(tokenizer, way.template):
        return tuple(render(tokenizer, read_conversation(row, "the probe")) for row in rows)


@contextmanager
def _wearing(tokenizer: PreTrainedTokenizerBase, template: str) -> Iterator[None]:
    """The tokenizer with another template for a while."""
    own = tokenizer.chat_template
    tokenizer.chat_template = template
    try:
        yield
    finally:
        tokenizer.chat_template = own
