"""Row of a public trace set → a problem and its replies; only this module knows the shapes in which they are kept.

A reply of another's set says little about how it came to be. Where its finish reason is not kept, a reply whose
reasoning ends and is followed by an answer is taken to have ended by itself, and any other to have been cut.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import msgspec

from overproof.completion import split_completion
from overproof.errors import InputError
from overproof.problems import build_problem
from overproof.problems.presets import PRESETS, Preset
from overproof.records import Message, Problem, Usage, clean_text
from overproof.rows.row import SourceRow

_THOUGHT = re.compile(r"<\|begin_of_thought\|>(.*?)<\|end_of_thought\|>", re.DOTALL)
_SOLUTION = re.compile(r"<\|begin_of_solution\|>(.*?)(?:<\|end_of_solution\|>|$)", re.DOTALL)
_ROLES = {"human": "user", "gpt": "assistant"}


class ImportedReply(NamedTuple):
    """One reply as its set keeps it."""

    content: str
    reasoning: str | None = None
    channel: str | None = None
    """The field or tags that the reasoning came in, None when it is inside `content`."""
    finish_reason: str | None = None
    usage: Usage = Usage()

    def how_it_ended(self) -> str:
        """The finish reason that is kept with it, or what its form suggests."""
        if self.finish_reason:
            return self.finish_reason
        parts = split_completion(self.content, self.reasoning)
        return "stop" if parts.answer else "length"


class ImportedRow(NamedTuple):
    """What a row of a trace set holds."""

    problem: Problem
    """Its id is empty where the row has none."""
    prompt: list[Message]
    replies: list[ImportedReply]


class _ThreeKeys(msgspec.Struct):
    reasoning_content: str
    content: str
    prompt_tokens_len: int | None = None
    reasoning_content_tokens_len: int | None = None
    content_tokens_len: int | None = None


def read_three_keys(row: SourceRow) -> ImportedRow:
    """`input`, `reasoning_content`, `content`, with the counts and sources of Chinese-DeepSeek-R1-Distill-data-110k."""
    columns = _convert(row, _ThreeKeys)
    problem = build_problem(row, "", Preset(question="input", source=("repo_name", "source")))
    thought, said = columns.reasoning_content_tokens_len, columns.content_tokens_len
    spent = None if thought is None or said is None else thought + said
    usage = Usage(prompt_tokens=columns.prompt_tokens_len, completion_tokens=spent, reasoning_tokens=thought)
    reasoning = clean_text(columns.reasoning_content)
    reply = ImportedReply(clean_text(columns.content), reasoning, "reasoning_content", usage=usage)
    return ImportedRow(problem, _ask(problem), [reply])


class _OpenR1(msgspec.Struct):
    generations: list[str]
    finish_reasons: list[str | None] | None = None


def read_openr1(row: SourceRow) -> ImportedRow:
    """OpenR1-Math: several `generations` of one problem, with their `finish_reasons` where they were kept."""
    columns = _convert(row, _OpenR1)
    problem = build_problem(row, "", PRESETS["openr1"])
    reasons = columns.finish_reasons or [None] * len(columns.generations)
    replies = [
        ImportedReply(clean_text(content), finish_reason=reason)
        for content, reason in zip(columns.generations, reasons, strict=False)
    ]
    return ImportedRow(problem, _ask(problem), replies)


class _OpenThoughtsMetadata(msgspec.Struct):
    deepseek_reasoning: str
    deepseek_solution: str


def read_openthoughts_metadata(row: SourceRow) -> ImportedRow:
    """OpenThoughts-114k's `metadata` configuration: problem, reasoning, solution and reference in columns."""
    columns = _convert(row, _OpenThoughtsMetadata)
    preset = Preset(question="problem", reference="ground_truth_solution", extract=PRESETS["math"].extract)
    problem = build_problem(row, "", preset)
    reply = ImportedReply(
        clean_text(columns.deepseek_solution), clean_text(columns.deepseek_reasoning), "deepseek_reasoning"
    )
    return ImportedRow(problem, _ask(problem), [reply])


class _Turn(msgspec.Struct, rename={"speaker": "from"}):
    speaker: str
    value: str


class _Conversation(msgspec.Struct):
    conversations: list[_Turn]
    system: str | None = None


def read_conversations(row: SourceRow) -> ImportedRow:
    """ShareGPT and OpenThoughts: `conversations` of human and gpt, a `system` text beside them."""
    columns = _convert(row, _Conversation)
    messages = [
        Message(_ROLES.get(turn.speaker, turn.speaker), clean_text(turn.value)) for turn in columns.conversations
    ]
    if columns.system and columns.system.strip():
        messages.insert(0, Message("system", clean_text(columns.system)))
    return _from_chat(row, messages)


class _ChatMessage(msgspec.Struct):
    role: str
    content: str | None = None
    reasoning_content: str | None = None


class _Chat(msgspec.Struct):
    messages: list[_ChatMessage]


def read_messages(row: SourceRow) -> ImportedRow:
    """Chat as this package and many others write it: `messages` with role and content, reasoning inline or apart."""
    turns = _convert(row, _Chat).messages
    messages = [Message(turn.role, clean_text(turn.content or "")) for turn in turns]
    return _from_chat(row, messages, turns[-1].reasoning_content if turns else None)


SCHEMAS: dict[str, Callable[[SourceRow], ImportedRow]] = {
    "input_reasoning_content": read_three_keys,
    "r1_distill_110k": read_three_keys,
    "openr1_math": read_openr1,
    "openthoughts": read_conversations,
    "openthoughts_metadata": read_openthoughts_metadata,
    "sharegpt": read_conversations,
    "messages": read_messages,
}
"""Known trace sets by name."""


def _from_chat(row: SourceRow, messages: list[Message], reasoning: str | None = None) -> ImportedRow:
    """One question and one reply out of a chat; the reference may stand in a column of its own."""
    questions = [message.content for message in messages[:-1] if message.role == "user"]
    if len(questions) != 1 or messages[-1].role != "assistant":
        raise InputError(f"{row.where}: not one question and one reply")
    preset = Preset(reference=("reference", "answer"), id=("problem_id", "id", "uuid"))
    problem = build_problem(SourceRow(row.where, {**row.values, "question": questions[0]}), "", preset)
    last = messages[-1].content
    if reasoning is not None:
        reply = ImportedReply(last, clean_text(reasoning), "reasoning_content")
    elif thought := _THOUGHT.search(last):
        solution = _SOLUTION.search(last, thought.end())
        content = solution.group(1) if solution else last[thought.end() :]
        reply = ImportedReply(content.strip(), thought.group(1).strip(), "begin_of_thought")
    else:
        reply = ImportedReply(last)
    return ImportedRow(problem, messages[:-1], [reply])


def _ask(problem: Problem) -> list[Message]:
    return [Message("user", problem.question)]


Columns = TypeVar("Columns", bound=msgspec.Struct)


def _convert(row: SourceRow, kind: type[Columns]) -> Columns:
    """The columns of a row as what they should be. Raises InputError naming the row and the column that is not."""
    try:
        return msgspec.convert(row.values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise InputError(f"{row.where}: {error}") from None
