"""Row of a trace set → a problem and its replies, as a layout says; only this module knows the forms of a reply.

A reply of another's set says little about how it came to be. Where its finish reason is not kept, a reply whose
reasoning ends and is followed by an answer is taken to have ended by itself, and any other to have been cut.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from overproof.completion import OPENING_TAG, split_completion
from overproof.errors import InputError
from overproof.importing.candidates import (
    Traits,
    choose_question,
    choose_reasoning,
    choose_reply,
    choose_truth,
    holds_reasoning,
)
from overproof.importing.held import read_held, texts_in
from overproof.importing.layouts import GENERAL, Layout, Names, find_answer, find_written
from overproof.importing.rendered import read_rendered
from overproof.mending import MARKS, mend
from overproof.problems import build_problem
from overproof.problems.cells import (
    MESSAGE_KEYS,
    as_messages,
    is_message,
    is_thought,
    message_content,
    message_text,
    to_text,
)
from overproof.problems.notes import SourceNotes
from overproof.problems.outside import find_beside, is_place, missing_options, names_option
from overproof.problems.presets import Preset, last_boxed
from overproof.records import Message, Problem, Usage, clean_text
from overproof.rows import say_fault
from overproof.rows.columns import MISSING, list_paths, look_up, read_cell
from overproof.rows.escapes import DoubtfulError, mend_latex
from overproof.rows.printed import is_cut
from overproof.rows.row import SourceRow
from overproof.teacher.parts import read_parts
from overproof.teacher.reply import MARKS as REPLY_MARKS

_THOUGHT = re.compile(r"<\|begin_of_thought\|>(.*?)<\|end_of_thought\|>", re.DOTALL)
_SOLUTION = re.compile(r"<\|begin_of_solution\|>(.*?)(?:<\|end_of_solution\|>|$)", re.DOTALL)
_INSIDE = ("message", "delta", "body", "choices", "response", "output")
"""Keys that a reply lies under in what an API answered."""
_ROLES = {"human": "user", "gpt": "assistant", "model": "assistant", "bot": "assistant"}
_ANSWERS = ("answer", "final_answer", "solution", "答案", "最终答案", "解析")
"""Columns that reply where the reasoning has one of its own and nothing else replies."""
_SUMMARY = "summary"
"""The channel of a reasoning that is somebody's summary of one."""
_FACTS = {
    *("role", "from", "type", "id", "name", "model", "object", "created", "finish_reason", "stop_reason", "refusal"),
    *("signature", "encrypted_content", "status", "provider", "language", "index", "logprobs", "reasoning_details"),
}
"""Keys of a reply's record that say something about it, and hold no part of it."""
_COUNTS = ("prompt_tokens_len", "reasoning_content_tokens_len", "content_tokens_len")
"""Token counts of Chinese-DeepSeek-R1-Distill-data-110k."""


class ImportedReply(NamedTuple):
    """One reply as its set keeps it."""

    content: str
    reasoning: str | None = None
    channel: str | None = None
    """The field or tags that the reasoning came in, None when it is inside `content`."""
    finish_reason: str | None = None
    usage: Usage = Usage()
    unread: tuple[str, ...] = ()
    """Keys of its record whose texts are no part of this."""

    def how_it_ended(self) -> str:
        """The finish reason that is kept with it, or what its form suggests."""
        if self.finish_reason:
            return self.finish_reason
        parts = split_completion(self.content, self.reasoning)
        return "stop" if parts.answer else "length"

    @property
    def has_reasoning(self) -> bool:
        """Whether there is any reasoning, wherever it is."""
        return bool(split_completion(self.content, self.reasoning).reasoning)


class ImportedRow(NamedTuple):
    """What a row of a trace set holds."""

    problem: Problem
    """Its id is empty where the row has none."""
    prompt: list[Message]
    replies: list[ImportedReply]
    taken: dict[str, str]
    """Which part came from which column."""
    where: str = ""


class _Cells:
    """The columns of one row, and what was taken from which."""

    def __init__(self, row: SourceRow) -> None:
        self.row = row
        self.taken: dict[str, str] = {}

    def take(self, part: str, names: Names) -> Any:
        """The first of these columns that holds anything; None where none does."""
        for name in find_written(self.row.values, names):
            value = look_up(self.row.values, name)
            if value is MISSING or value is None or value in ("", []):
                continue
            self.taken[part] = name
            if part in {"replies", "reasoning"}:
                return self._read_held(name, value)
            return read_cell(value) if isinstance(value, str) and value.startswith(("[{", "[ {")) else value
        return None

    def _read_held(self, name: str, value: Any) -> Any:
        held = read_held(value, name)
        if isinstance(held, str) and is_cut(held):
            raise InputError(f"{self.row.where}: '{name}' is a list that was printed with most of it left out (...)")
        return held

    def said_in(self) -> str:
        """The column that the replies were taken from."""
        return self.taken.get("replies") or self.taken.get("chat") or self.taken["question"]


def read_row(row: SourceRow, layout: Layout, notes: SourceNotes, traits: Traits | None = None) -> ImportedRow:
    """The problem and the replies in a row. Raises InputError naming the row where it holds none."""
    if row.fault is not None:
        raise InputError(say_fault(row))
    cells, traits = _Cells(row), traits or Traits()
    chat = cells.take("chat", layout.chat) or _find_rendered(cells, layout)
    if chat is not None:
        prompt, last = _split_chat(row, chat, cells.taken["chat"])
    else:
        prompt, last = _read_question(cells, layout, traits, notes)
    system = cells.take("system", layout.system)
    if isinstance(system, str) and system.strip() and prompt[0].role != "system":
        prompt = [Message("system", clean_text(system)), *prompt]
    replies = _read_replies(cells, layout, traits, last)
    _check_read(cells, replies, notes)
    problem = _without_circle(_build(cells, layout, prompt, notes, traits), cells, replies, notes)
    replies = [_mend_reply(row, reply, notes) for reply in replies]
    if cells.taken.get("append"):
        prompt = [*prompt[:-1], Message("user", problem.question)]
    return ImportedRow(problem, prompt, replies, cells.taken, row.where)


def _check_read(cells: _Cells, replies: Sequence[ImportedReply], notes: SourceNotes) -> None:
    """Name what was not read of the replies' records. Raises InputError where nothing was."""
    column = cells.said_in()
    left = dict.fromkeys(key for reply in replies for key in reply.unread)
    if not any(reply.content.strip() or reply.reasoning for reply in replies):
        held = f"; it holds {', '.join(left)}. {_say_within(cells.row, column, tuple(left))}" if left else ""
        raise InputError(f"{cells.row.where}: the reply in '{column}' is empty{held}")
    for key in left:
        notes.count(f"'{key}' within '{column}' was not read (--answer and --reasoning take paths)", cells.row.where)


def _say_within(row: SourceRow, column: str, left: Names) -> str:
    """The way out where the reply lies deeper within a column than is looked for: a path that holds one, if any."""
    held = look_up(row.values, column)
    held = read_cell(held) if isinstance(held, str) else held
    if isinstance(held, Sequence) and not isinstance(held, str):
        if len(held) > 1:
            return f"Call what each reply of '{column}' says content"
        column, held = f"{column}[0]", held[0]
    inside = {key: held[key] for key in left if isinstance(held, Mapping) and key in held}
    texts = {path: text for path in list_paths(inside) if isinstance(text := look_up(inside, path), str)}
    likely = [path for path, text in texts.items() if holds_reasoning(text) or last_boxed(text) is not None]
    path = max(likely, key=lambda path: (holds_reasoning(texts[path]), len(texts[path])), default=None)
    return f"Give --answer {column}.{path}" if path else f"Give --answer {column}.KEY if one of them is the reply"


def _read_question(
    cells: _Cells, layout: Layout, traits: Traits, notes: SourceNotes
) -> tuple[list[Message], Mapping[str, Any] | None]:
    """The messages that ask, and the one that replies where the same column holds it."""
    question = cells.take("question", choose_question(cells.row, layout, traits, notes)) or _asked_within(cells, layout)
    column = cells.taken.get("question")
    if question is None:
        has = ", ".join(map(str, cells.row.values))
        raise InputError(f"{cells.row.where}: no question. It has: {has}. Give --question COLUMN")
    if column in traits.rendered and isinstance(question, str) and (found := read_rendered(question)):
        question = found.messages
    if as_messages(question) is not None:
        return _split_chat(cells.row, question, column or "question")
    try:
        text = to_text(question)
    except TypeError as error:
        raise InputError(f"{cells.row.where}: '{column}' holds {error}, not a question") from None
    return [Message("user", clean_text(text or ""))], None


def _find_rendered(cells: _Cells, layout: Layout) -> list[dict[str, str]] | None:
    """The messages in a text as a template writes them out; None where a row has a question by itself."""
    if any(_has(cells.row, name) for name in find_written(cells.row.values, layout.question)):
        return None
    text = cells.take("chat", layout.rendered)
    found = read_rendered(text) if isinstance(text, str) else None
    if found is None:
        cells.taken.pop("chat", None)
        return None
    return found.messages


def _without_circle(problem: Problem, cells: _Cells, replies: Sequence[ImportedReply], notes: SourceNotes) -> Problem:
    """The problem without a reference that was found in a solution which is the reply itself: it verifies nothing."""
    column = cells.taken.get("reference")
    kept = look_up(cells.row.values, column) if column is not None else None
    if not isinstance(kept, str) or clean_text(kept).strip() == problem.reference:
        return problem
    if clean_text(kept).strip() not in {reply.content.strip() for reply in replies}:
        return problem
    notes.count(f"'{column}' is the reply itself, and no reference to verify it by", cells.row.where)
    del cells.taken["reference"]
    return msgspec.structs.replace(problem, reference=None)


def _asked_within(cells: _Cells, layout: Layout) -> Any:
    """The messages before the reply in a column that holds a reply and what it replies to, as chosen ones do."""
    for name in layout.each:
        turns = look_up(cells.row.values, name)
        if as_messages(turns) is not None and len(turns) > 1:
            cells.taken["question"] = name
            return turns[:-1]
    return None


def _mend_reply(row: SourceRow, reply: ImportedReply, notes: SourceNotes) -> ImportedReply:
    """The reply in the one form that is scored, whatever markers and escapes it came with. Raises InputError."""
    try:
        content = mend_latex(reply.content)
        reasoning = mend_latex(reply.reasoning) if reply.reasoning is not None else None
    except DoubtfulError as error:
        raise InputError(f"{row.where}: a reply {error}") from None
    if commands := (*content.commands, *(reasoning.commands if reasoning else ())):
        notes.mend(commands, row.where)
    if reply.channel == _SUMMARY:
        notes.count(REPLY_MARKS["summary"], row.where)
    mended = mend(content.text, reasoning.text if reasoning else None)
    for mark in mended.marks:
        notes.count(MARKS[mark], row.where)
    return reply._replace(content=mended.content, reasoning=mended.reasoning)


def _split_chat(row: SourceRow, chat: Any, column: str) -> tuple[list[Message], Mapping[str, Any] | None]:
    """The messages that ask, and the one that replies where there is one."""
    turns = as_messages(chat)
    if turns is None:
        paths = [path for path in list_paths({column: chat}) if path != column]
        held = f". It has: {', '.join(paths[:6])}. Give --question PATH --answer PATH" if paths else ""
        raise InputError(f"{row.where}: '{column}' is not a list of messages with role and text{held}")
    messages = [Message(_ROLES.get(role, role), clean_text(text)) for role, text in turns]
    reply = chat[-1] if messages[-1].role == "assistant" else None
    prompt = messages[:-1] if reply is not None else messages
    asked = [message for message in prompt if message.role == "user"]
    if len(asked) != 1 or not asked[0].content.strip() or prompt[-1].role != "user":
        roles = ", ".join(role for role, _ in turns[:6]) + (", …" if len(turns) > 6 else "")
        raise InputError(
            f"{row.where}: not one question and one reply, but {roles}. To take one of each give --question "
            f"{column}[0].content --answer {column}[1].content"
        )
    return prompt, reply


def _find_reference(cells: _Cells, layout: Layout, notes: SourceNotes, traits: Traits) -> None:
    """Take the column of the reference, if any: never one that says of the reply whether it is right.

    Raises InputError where that cannot be told.
    """
    replied = cells.taken.values()
    listed = tuple(name for name in find_written(cells.row.values, layout.reference) if name not in replied)
    if layout.names_reference:
        cells.take("reference", listed)
        return
    for verdict in sorted(traits.verdicts):
        if look_up(cells.row.values, verdict) is MISSING:
            continue
        notes.count(f"'{verdict}' says whether the reply is right, and is no reference", cells.row.where)
    if cells.take("reference", tuple(name for name in listed if name not in traits.verdicts)) is None:
        named = choose_truth(cells.row, traits)
        cells.take("reference", tuple(name for name in named if name not in replied))
    if (column := cells.taken.get("reference")) in traits.doubtful:
        raise InputError(
            f"{cells.row.where}: '{column}' may be the reference, or say whether the reply is right. Give --reference "
            f"{column}, or --reference '' if there is none"
        )


def _build(cells: _Cells, layout: Layout, prompt: list[Message], notes: SourceNotes, traits: Traits) -> Problem:
    _find_reference(cells, layout, notes, traits)
    replied = cells.taken.values()
    is_alpaca = cells.taken.get("question") == "instruction" and "input" not in replied
    append = ("input",) if is_alpaca and len(layout.question) > 1 else layout.append
    append = cells.take("append", tuple(name for name in append if name not in replied))
    asked = next(message.content for message in prompt if message.role == "user")
    options = () if isinstance(append, str) else _find_options(cells, asked, notes)
    if options:
        cells.taken["append"] = ", ".join(options)
    taken = {name.partition("[")[0].partition(".")[0] for name in cells.taken.values()}
    others = {name: value for name, value in cells.row.values.items() if name not in taken}
    for beside in find_beside(others, "\n".join(message.content for message in prompt)):
        notes.count(beside, cells.row.where)
    preset = Preset(
        question="\0question",
        append=cells.taken["append"] if isinstance(append, str) else None,
        follow=options,
        reference=cells.taken.get("reference"),
        extract=find_answer,
        id=layout.id,
        source=layout.source,
        level=layout.level,
    )
    row = cells.row
    return build_problem(SourceRow(row.where, {**row.values, "\0question": asked}), "", preset, notes)


def _find_options(cells: _Cells, asked: str, notes: SourceNotes) -> Names:
    """The columns with options that the answer names by their letters: only then had whoever replied seen them."""
    reference = _text_at(cells, "reference")
    found = find_answer(reference) if reference is not None else None
    values = {name: value for name, value in cells.row.values.items() if name not in cells.taken.values()}
    names = missing_options(values, asked, found)
    if not names or found is None:
        return ()
    shown = ", ".join(map(repr, names))
    if is_place(values, names, found):
        notes.count(
            f"'{cells.taken['reference']}' counts the options in {shown}, which the question lacks: they are left out, "
            "and no reply that gives a letter is right. Write the letters there",
            cells.row.where,
        )
        return ()
    if not names_option(values, names, found):
        notes.count(
            f"{shown} may hold options of the question; no answer names a letter of them: left out", cells.row.where
        )
        return ()
    notes.count(f"the options in {shown}, which the question lacks and the answer names, follow it", cells.row.where)
    return names


def _text_at(cells: _Cells, part: str) -> str | None:
    """What the column of a part says, as far as it is text."""
    try:
        return to_text(look_up(cells.row.values, cells.taken[part])) if part in cells.taken else None
    except TypeError:
        return None


def _read_replies(cells: _Cells, layout: Layout, traits: Traits, last: Mapping[str, Any] | None) -> list[ImportedReply]:
    """The replies of a row, each with its reasoning: those in columns, or the one that ends its chat.

    Of the two the chat's, unless only the other holds reasoning. Raises InputError where there is none.
    """
    said = _with_unread([_from_message(last)], last) if last is not None else []
    is_chat = bool(said) and "chat" in cells.taken
    names = () if is_chat and said[0].has_reasoning else _find_reply_columns(cells, layout, traits)
    if is_chat and not any(holds_reasoning(look_up(cells.row.values, name)) for name in names):
        return _add_reasoning(cells, layout, said)
    if layout.each:
        held = [look_up(cells.row.values, name) for name in names if _has(cells.row, name)]
        cells.taken["replies"] = ", ".join(names)
        replies = [reply for one in held for reply in _from_value(cells.row, one)]
    else:
        value = cells.take("replies", names)
        if value is None and names and _reasons(cells, layout):
            value = ""  # cut before it began to answer
        replies = _from_value(cells.row, value)
    if not replies and not said:
        raise InputError(f"{cells.row.where}: {_say_none(cells, names)}")
    return _add_usage(cells, _add_reasoning(cells, layout, _add_reasons(cells, layout, replies or said)))


def _find_reply_columns(cells: _Cells, layout: Layout, traits: Traits) -> Names:
    """The column of the replies, or all that hold one each; none where no column does."""
    if layout.each:
        return layout.each
    names = choose_reply(cells.row, layout, traits)
    if not names and _reasons(cells, layout):
        both = _has(cells.row, "solution") and _has(cells.row, "answer")  # the longer then replies
        return (
            ("solution",)
            if both
            else tuple(name for name in find_written(cells.row.values, _ANSWERS) if _holds(cells.row, (name,)))
        )
    return names


def _reasons(cells: _Cells, layout: Layout) -> bool:
    return any(_has(cells.row, name) for name in find_written(cells.row.values, layout.reasoning))


def _say_none(cells: _Cells, names: Names) -> str:
    """Why a row has no reply."""
    if empty := next((name for name in names if _holds(cells.row, (name,))), None):
        return f"the reply in '{empty}' is empty"
    has = ", ".join(map(str, cells.row.values))
    return f"no reply. It has: {has}. Give --answer COLUMN (and --reasoning COLUMN)"


def _add_reasons(cells: _Cells, layout: Layout, replies: list[ImportedReply]) -> list[ImportedReply]:
    """The replies with what their set says of how they ended."""
    reasons = cells.take("finish_reason", layout.finish_reason)
    ended = [reasons] * len(replies) if isinstance(reasons, str) else list(reasons or [])
    ended += [None] * (len(replies) - len(ended))
    return [
        reply._replace(finish_reason=reason or reply.finish_reason)
        for reply, reason in zip(replies, ended, strict=False)
    ]


def _has(row: SourceRow, name: str) -> bool:
    value = look_up(row.values, name)
    return value is not MISSING and bool(value)


def _holds(row: SourceRow, names: Names) -> bool:
    """Whether a row has one of these columns, be it empty."""
    return any(look_up(row.values, name) is not MISSING for name in names)


def _from_value(row: SourceRow, value: Any) -> list[ImportedReply]:
    if isinstance(value, Mapping):
        return _with_unread(_from_record(row, value), value)
    messages = as_messages(value)
    if messages is not None:
        said = [one for one, (role, _) in zip(value, messages, strict=True) if _ROLES.get(role, role) == "assistant"]
        return [reply for one in said for reply in _with_unread([_from_message(one)], one)]
    if isinstance(value, Sequence) and not isinstance(value, str):
        if any(isinstance(one, Mapping) and one.get("type") == "reasoning" for one in value):
            return [_from_items(value)]
        return [reply for one in value for reply in _from_value(row, one)]
    try:
        text = to_text(value)
    except TypeError as error:
        raise InputError(f"{row.where}: a reply holds {error}, not text") from None
    return [] if text is None else [_from_text(text)]


def _from_record(row: SourceRow, record: Mapping[str, Any]) -> list[ImportedReply]:
    """The replies in what an API answered, in a message, or in a record, which is read by the law of a row."""
    if record and all(str(key).isdecimal() for key in record):  # a list that a data frame wrote by its index
        return _from_value(row, list(record.values()))
    inside = next((key for key in _INSIDE if isinstance(record.get(key), Mapping | list)), None)
    if inside is not None and message_text(record) in {"", None}:
        ended = record.get("finish_reason")
        found = _from_value(row, record[inside])
        return [reply._replace(finish_reason=reply.finish_reason or ended) for reply in found]
    if is_message(record):
        several = record.get("text")
        are_texts = isinstance(several, list) and all(isinstance(one, str) for one in several)
        return _from_value(row, several) if are_texts and several else [_from_message(record)]
    cells = _Cells(SourceRow(row.where, dict(record)))
    held = cells.take("replies", _find_reply_columns(cells, GENERAL, Traits()))
    replies = _from_value(cells.row, "" if held is None else held)
    return _add_reasoning(cells, GENERAL, _add_reasons(cells, GENERAL, replies))


def _with_unread(replies: list[ImportedReply], record: Mapping[str, Any]) -> list[ImportedReply]:
    """The replies of a record with the names of what is no part of them."""
    said = (f"{reply.content}\n{reply.reasoning or ''}" for reply in replies)
    read = " ".join("\n".join(said).split())
    others = {*_FACTS, *find_written(record, GENERAL.question)}
    others.update(key for key in MESSAGE_KEYS if isinstance(record.get(key), str))
    left = [
        str(key)
        for key, value in record.items()
        if key not in others
        and not all(" ".join(clean_text(text).split()) in read for text in texts_in(value, passed_over=_FACTS))
    ]
    return [reply._replace(unread=(*reply.unread, *left)) for reply in replies]


def _from_items(items: Sequence[Any]) -> ImportedReply:
    """The reply in the output of OpenAI's Responses: items of reasoning, and messages."""
    kept = [one for one in items if isinstance(one, Mapping)]
    thoughts = [one for one in kept if one.get("type") == "reasoning"]
    said = "".join(message_text(one) or "" for one in kept if one.get("type") != "reasoning")
    return _from_message({"role": "assistant", "content": said, "reasoning_details": thoughts})


def _from_message(message: Mapping[str, Any]) -> ImportedReply:
    """The reply in a message, whose reasoning may stand in the text, in a key beside it, or in a part of its own."""
    content = clean_text(message_text(message) or "")
    for key in find_written(message, GENERAL.reasoning):
        if isinstance(message.get(key), str) and message[key].strip() and not OPENING_TAG.search(content):
            return ImportedReply(content, clean_text(message[key]), key)
    if OPENING_TAG.search(content):
        return _from_text(content)
    held = message_content(message)
    parts = [] if isinstance(held, str) else [part for part in held if isinstance(part, Mapping) and is_thought(part)]
    for channel, value in (("reasoning_details", message.get("reasoning_details")), ("thinking", parts)):
        thoughts: dict[str, list[str]] = {"reasoning": [], "summary": []}
        for kind, text in read_parts(value, "reasoning"):
            thoughts.setdefault(kind, []).append(text)
        if said := "".join(thoughts["reasoning"]):
            return ImportedReply(content, clean_text(said), channel)
        if said := "\n\n".join(thoughts["summary"]):
            return ImportedReply(content, clean_text(said), _SUMMARY)
    return _from_text(content)


def _from_text(text: str) -> ImportedReply:
    text = clean_text(text)
    if thought := _THOUGHT.search(text):
        solution = _SOLUTION.search(text, thought.end())
        content = solution.group(1) if solution else text[thought.end() :]
        return ImportedReply(content.strip(), thought.group(1).strip(), "begin_of_thought")
    return ImportedReply(text)


def _add_reasoning(cells: _Cells, layout: Layout, replies: list[ImportedReply]) -> list[ImportedReply]:
    """The replies with the reasoning that stands in a column of its own. Raises InputError where the two do not fit."""
    if any(reply.has_reasoning for reply in replies):
        channel = next((reply.channel for reply in replies if reply.channel), "inside the reply")
        cells.taken["reasoning"] = f"{cells.said_in()}, {channel}"
        return replies
    value = cells.take("reasoning", choose_reasoning(cells.row, layout, cells.taken.get("replies")))
    if value is None:
        return replies
    thoughts = _read_thoughts(value, len(replies))
    if len(thoughts) != len(replies):
        column = cells.taken["reasoning"]
        raise InputError(f"{cells.row.where}: {len(replies)} replies and {len(thoughts)} reasonings in '{column}'")
    channel = cells.taken["reasoning"].rpartition(".")[2]
    return [
        reply._replace(reasoning=clean_text(thought), channel=channel)
        for reply, thought in zip(replies, thoughts, strict=True)
    ]


def _read_thoughts(value: Any, replies: int) -> list[str]:
    """The reasonings in a column: a text, a record or its parts for one reply, or one of these for each."""
    is_several = isinstance(value, Sequence) and not isinstance(value, str)
    are_parts = is_several and len(value) != replies and all(isinstance(one, Mapping) for one in value)
    each = value if is_several and not are_parts else [value]
    return ["\n\n".join(text for _, text in read_parts(one, "reasoning")) for one in each]


def _add_usage(cells: _Cells, replies: list[ImportedReply]) -> list[ImportedReply]:
    prompt, thought, said = (look_up(cells.row.values, name) for name in _COUNTS)
    if len(replies) != 1 or not all(isinstance(count, int) for count in (prompt, thought, said)):
        return replies
    usage = Usage(prompt_tokens=prompt, completion_tokens=thought + said, reasoning_tokens=thought)
    return [replies[0]._replace(usage=usage)]
