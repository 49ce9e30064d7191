"""Kept trace → row of a dataset; only this module knows the columns of each format.

Every format but `input_reasoning_content`, whose three keys are fixed, begins with the trace's id, which leads back
to its scores, its decision and the problem.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from overproof.completion import Completion, read_completion
from overproof.config import RunConfig
from overproof.config.output import ExportConfig
from overproof.extensions import Extension
from overproof.records import Message, PreparedProblem, Problem, Score, Trace

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]


class KeptTrace(NamedTuple):
    """A trace that becomes a row, with what is known about it."""

    problem: PreparedProblem
    trace: Trace
    score: Score | None
    pass_rate: float | None
    """The teacher's estimated pass rate on this problem."""

    @property
    def completion(self) -> Completion:
        """The reply in its two parts."""
        return read_completion(self.trace)


@dataclass(frozen=True)
class RowForm:
    """What decides the columns of a dataset."""

    config: ExportConfig
    rewards: tuple[str, ...]
    """The rewards that were measured; each has a provenance column."""
    versions: dict[str, str]
    """Of the packages that made the run."""

    @cached_property
    def provenance(self) -> dict[str, type]:
        """The provenance columns and their types; `parameters` and `versions` are JSON. Any of them can be empty."""
        return {
            "problem_id": str,
            "source": str,
            "language": str,
            "reference": str,
            "verdict": str,
            "extracted": str,
            "pass_rate": float,
            "total": float,
            **{f"reward_{name}": float for name in self.rewards},
            "teacher": str,
            "profile": str,
            "parameters": str,
            "finish_reason": str,
            "prompt_tokens": int,
            "completion_tokens": int,
            "reasoning_tokens": int,
            "fingerprint": str,
            "versions": str,
        }


def form_of(config: RunConfig, versions: dict[str, str]) -> RowForm:
    """The form of a run's rows."""
    return RowForm(config.export, tuple(config.rewards.listed()), versions)


def build_row(kept: KeptTrace, form: RowForm) -> Row:
    """One row in the config's format, with the provenance columns when they are asked for."""
    config = form.config
    make = _COLUMNS[config.format].make if config.format in _COLUMNS else None
    columns = make(kept, _prompt_of(kept, form)) if make else _make_own(kept, form)
    if config.non_thinking:
        columns["chat_template_kwargs"] = {"enable_thinking": True}
    return _finish(kept, form, kept.trace.id, columns)


def build_answer_row(kept: KeptTrace, form: RowForm) -> Row:
    """The same without its reasoning, which says that it has none."""
    answer = {"role": "assistant", "content": read_completion(kept.trace).answer}
    prompt = _plain(_prompt_of(kept, form))
    pair = {"prompt": prompt, "completion": [answer]}
    columns: Row = {**pair} if form.config.format == "prompt_completion" else {"messages": [*prompt, answer]}
    columns["chat_template_kwargs"] = {"enable_thinking": False}
    return _finish(kept, form, f"{kept.trace.id}/answer", columns)


def build_preference_row(chosen: KeptTrace, rejected: KeptTrace, form: RowForm) -> Row:
    """TRL's prompt, chosen and rejected; provenance is that of the chosen one."""
    replies = [
        [{"role": "assistant", "content": render_reply(read_completion(one.trace))}] for one in (chosen, rejected)
    ]
    columns = {"prompt": _plain(_prompt_of(chosen, form)), "chosen": replies[0], "rejected": replies[1]}
    return _finish(chosen, form, f"{chosen.trace.id} {rejected.trace.id}", columns)


def build_label_row(kept: KeptTrace, form: RowForm, *, is_right: bool) -> Row:
    """TRL's prompt, completion and label."""
    columns = _to_prompt_completion(kept, _prompt_of(kept, form)) | {"label": is_right}
    return _finish(kept, form, kept.trace.id, columns)


def build_prompt_row(kept: KeptTrace, form: RowForm) -> Row:
    """A problem as its traces were asked for it, with what a reward needs to know."""
    problem = kept.problem
    columns = {
        "prompt": _plain(_prompt_of(kept, form)),
        "question": problem.problem.question,
        "reference": problem.problem.reference,
    }
    if not form.config.provenance:
        columns["language"] = problem.language
    return _finish(kept, form, problem.problem.id, columns)


def _prompt_of(kept: KeptTrace, form: RowForm) -> list[Message]:
    if form.config.prompt == "sent":
        return list(kept.trace.messages)
    return [Message("user", kept.problem.problem.question)]


def _finish(kept: KeptTrace, form: RowForm, row_id: str, columns: Row) -> Row:
    """A row with its id before its columns, and its provenance after them."""
    row = columns if form.config.format == "input_reasoning_content" else {"id": row_id, **columns}
    return row | _provenance(kept, form) if form.config.provenance else row


def render_reply(completion: Completion) -> str:
    """`<think>`, the reasoning, `</think>`, a blank line, the answer: the form that most chat templates keep.

    Which templates lose it is shown by `overproof check-student --matrix`.
    """
    return f"<think>\n{completion.reasoning}\n</think>\n\n{completion.answer}"


def build_schema(form: RowForm) -> pa.Schema:
    """The Arrow types of the columns that `build_row` fills."""
    import pyarrow as pa

    config = form.config
    text = pa.string()
    message = [("role", text), ("content", text)]
    kinds = {
        "text": text,
        "label": pa.bool_(),
        "messages": pa.list_(pa.struct(message)),
        "reasoned": pa.list_(pa.struct([*message, ("reasoning_content", text)])),
        "turns": pa.list_(pa.struct([("from", text), ("value", text)])),
    }
    known = _COLUMNS.get(config.format)
    fields = [(name, kinds[kind]) for name, kind in known.types.items()] if known else _infer_fields(form)
    if config.format == "prompts" and not config.provenance:
        fields = [*fields, ("language", text)]
    if config.non_thinking:
        fields = [*fields, ("chat_template_kwargs", pa.struct([("enable_thinking", pa.bool_())]))]
    if config.format != "input_reasoning_content":
        fields = [("id", text), *fields]
    if config.provenance:
        types = {str: text, float: pa.float64(), int: pa.int64()}
        fields = [*fields, *((name, types[kind]) for name, kind in form.provenance.items())]
    return pa.schema(fields)


_EXAMPLE = KeptTrace(
    PreparedProblem(Problem("example", "What is 2 + 2?", "4"), "en"),
    Trace(
        Problem("example", "What is 2 + 2?", "4"),
        *(0, "f" * 64, "example", "generic", [Message("user", "What is 2 + 2?")], {}),
        *("\\boxed{4}", "Two and two is four."),
        finish_reason="stop",
    ),
    None,
    1.0,
)
"""What a format of the config's own is tried on, to find out its columns and their types."""


def _make_own(kept: KeptTrace, form: RowForm) -> Row:
    """The columns that a function of the config's own makes of a trace; they must be those of the example."""
    import pyarrow as pa

    own = Extension("export.format", form.config.format, ("kept", "prompt"))
    about = f"trace {kept.trace.id}"
    row = own.call(kept, _prompt_of(kept, form), about=about)
    fields = _fields_of_own(form.config.format)
    if not isinstance(row, dict) or {*row} != {*fields.names}:
        raise own.fail(about, row, f"a dict with the columns of every row: {', '.join(fields.names)}")
    try:
        pa.RecordBatch.from_pylist([row], schema=fields)
    except (pa.ArrowException, TypeError) as error:
        raise own.fail(about, row, f"the types of every row ({error})") from error
    return row


def _infer_fields(form: RowForm) -> list[tuple[str, pa.DataType]]:
    schema = _fields_of_own(form.config.format)
    taken = {"id", *(form.provenance if form.config.provenance else ())} & {*schema.names}
    if taken:
        own = Extension("export.format", form.config.format, ("kept", "prompt"))
        own.refuse(f"every row has a column '{min(taken)}' already; give yours another name")
    return [(field.name, field.type) for field in schema]


@functools.cache
def _fields_of_own(place: str) -> pa.Schema:
    """The columns of a format of the config's own, from the row that it makes of an example."""
    import pyarrow as pa

    own = Extension("export.format", place, ("kept", "prompt"))
    row = own.call(_EXAMPLE, list(_EXAMPLE.trace.messages), about="the example that tells the types of its columns")
    if not isinstance(row, dict) or not row or not all(isinstance(name, str) for name in row):
        raise own.fail("the example", row, "a dict of columns")
    try:
        return pa.Table.from_pylist([row]).schema
    except (pa.ArrowException, TypeError) as error:
        raise own.fail("the example", row, f"values that a table can hold ({error})") from error


def describe_schema(schema: pa.Schema) -> list[Row]:
    """The columns as a dataset card's header lists them, so that readers need not guess types from the first rows."""
    names = {"double": "float64"}

    def describe(field: pa.Field) -> Row:
        if hasattr(field.type, "value_type"):
            return {"name": field.name, "list": [describe(part) for part in field.type.value_type]}
        return {"name": field.name, "dtype": names.get(str(field.type), str(field.type))}

    return [describe(field) for field in schema]


def _to_messages(kept: KeptTrace, prompt: list[Message]) -> Row:
    return {"messages": [*_plain(prompt), {"role": "assistant", "content": render_reply(kept.completion)}]}


def _to_reasoned_messages(kept: KeptTrace, prompt: list[Message]) -> Row:
    reply = {"role": "assistant", "content": kept.completion.answer, "reasoning_content": kept.completion.reasoning}
    return {"messages": [*_plain(prompt), reply]}


def _to_prompt_completion(kept: KeptTrace, prompt: list[Message]) -> Row:
    reply = {"role": "assistant", "content": render_reply(kept.completion)}
    return {"prompt": _plain(prompt), "completion": [reply]}


def _to_text(kept: KeptTrace, prompt: list[Message]) -> Row:
    """Plain texts that are trained on one after the other, so the prompt ends with a blank line."""
    return {"prompt": _joined(prompt) + "\n\n", "completion": render_reply(kept.completion)}


def _to_sharegpt(kept: KeptTrace, prompt: list[Message]) -> Row:
    names = {"user": "human", "assistant": "gpt"}
    turns = [{"from": names.get(message.role, message.role), "value": message.content} for message in prompt]
    return {"conversations": [*turns, {"from": "gpt", "value": render_reply(kept.completion)}]}


def _to_three_keys(kept: KeptTrace, prompt: list[Message]) -> Row:
    return {"input": _joined(prompt), "reasoning_content": kept.completion.reasoning, "content": kept.completion.answer}


class RowColumns(NamedTuple):
    """What the rows of a format hold beside their id and provenance."""

    types: dict[str, str]
    """Column → what it holds: `text`, `label`, or a list of `messages`, `reasoned` messages or `turns`."""
    about: str
    """What a dataset's card says of them."""
    make: Callable[[KeptTrace, list[Message]], Row] | None = None
    """(kept trace, prompt) → columns; None where a row is not made of one trace alone (`export._build_rows`)."""


_INLINE = "as `<think>`, the reasoning, `</think>`, a blank line and the answer"
_COLUMNS: dict[str, RowColumns] = {
    "messages": RowColumns(
        {"messages": "messages"}, f"`messages`: the chat, its last message the reply {_INLINE}", _to_messages
    ),
    "messages_reasoning_content": RowColumns(
        {"messages": "reasoned"},
        "`messages`: the chat, its last message the answer as `content` and the reasoning as `reasoning_content`, "
        "which the templates of Qwen2.5 and Qwen3-2507 drop",
        _to_reasoned_messages,
    ),
    "prompt_completion": RowColumns(
        {"prompt": "messages", "completion": "messages"},
        f"`prompt` and `completion`: lists of messages, the completion {_INLINE}",
        _to_prompt_completion,
    ),
    "prompt_completion_text": RowColumns(
        {"prompt": "text", "completion": "text"},
        f"`prompt` and `completion`: plain texts, the completion {_INLINE}",
        _to_text,
    ),
    "sharegpt": RowColumns(
        {"conversations": "turns"},
        f"`conversations`: turns of `human` and `gpt`, the last one {_INLINE}",
        _to_sharegpt,
    ),
    "input_reasoning_content": RowColumns(
        {"input": "text", "reasoning_content": "text", "content": "text"},
        "`input`, `reasoning_content` and `content`: the prompt, the reasoning and the answer",
        _to_three_keys,
    ),
    "preference": RowColumns(
        {"prompt": "messages", "chosen": "messages", "rejected": "messages"},
        "`prompt`, `chosen` and `rejected`: lists of messages; the chosen reply was found right and the rejected one "
        "proved wrong, on the same problem and of like length",
    ),
    "kto": RowColumns(
        {"prompt": "messages", "completion": "messages", "label": "label"},
        "`prompt` and `completion`: lists of messages; `label`: whether the completion was found right (it was proved "
        "wrong otherwise)",
    ),
    "prompts": RowColumns(
        {"prompt": "messages", "question": "text", "reference": "text"},
        "`prompt`: a list of messages; `question` and `reference`: what a reward needs to grade a reply",
    ),
}
"""`export.format`."""


def describe_columns(name: str) -> str:
    """What the columns of a format are, for the dataset's card."""
    return _COLUMNS[name].about if name in _COLUMNS else f"those that `{name}` makes"


def _plain(messages: list[Message]) -> list[Row]:
    return [{"role": message.role, "content": message.content} for message in messages]


def _joined(messages: list[Message]) -> str:
    return "\n\n".join(message.content for message in messages)


def _provenance(kept: KeptTrace, form: RowForm) -> Row:
    trace, problem, score = kept.trace, kept.problem, kept.score
    grade = score.grade if score else None
    known = {
        "problem_id": problem.problem.id,
        "source": problem.problem.source,
        "language": problem.language,
        "reference": problem.problem.reference,
        "verdict": str(grade.verdict) if grade is not None else None,
        "extracted": grade.extracted if grade is not None else None,
        "pass_rate": kept.pass_rate,
        "total": score.total if score else None,
        "teacher": trace.teacher,
        "profile": trace.profile,
        "parameters": _to_json(trace.parameters),
        "finish_reason": trace.finish_reason,
        "prompt_tokens": trace.usage.prompt_tokens,
        "completion_tokens": trace.usage.completion_tokens,
        "reasoning_tokens": trace.usage.reasoning_tokens,
        "fingerprint": trace.fingerprint,
        "versions": _to_json(form.versions),
    }
    rewards = score.rewards if score else {}
    known |= {f"reward_{name}": reward.value for name, reward in rewards.items()}
    return {name: known.get(name) for name in form.provenance}


def _to_json(value: object) -> str:
    return msgspec.json.encode(value, order="sorted").decode()
