"""Kept trace → row of a dataset; only this module knows the columns of each format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from overproof.completion import Completion, read_completion
from overproof.records import Trace

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]


def build_row(trace: Trace) -> Row:
    """One row: the messages as they were sent, then the reply with its reasoning inline."""
    prompt = [{"role": message.role, "content": message.content} for message in trace.messages]
    reply = {"role": "assistant", "content": render_reply(read_completion(trace))}
    return {"id": trace.id, "messages": [*prompt, reply]}


def render_reply(completion: Completion) -> str:
    """`<think>`, the reasoning, `</think>`, a blank line, the answer: the one form that every Qwen template keeps."""
    return f"<think>\n{completion.reasoning}\n</think>\n\n{completion.answer}"


def build_schema() -> pa.Schema:
    """The Arrow types of the columns that `build_row` fills."""
    import pyarrow as pa

    message = pa.struct([("role", pa.string()), ("content", pa.string())])
    return pa.schema([("id", pa.string()), ("messages", pa.list_(message))])
