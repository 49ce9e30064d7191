"""A cell of a row → text; only this module knows what a question or an answer may be kept as.

A question may be text or a chat with one question in it; an answer may be text, a number, yes or no, or a list of
values. Whatever it is, LaTeX that lost its backslashes on the way is restored, or refused where that cannot be done.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from overproof.errors import InputError
from overproof.problems.outside import label_of, letter_options, list_options
from overproof.records import clean_text
from overproof.rows.columns import Columns, find_column, look_up, read_cell
from overproof.rows.damage import mend_damage
from overproof.rows.escapes import DoubtfulError, mend_latex
from overproof.rows.row import SourceRow

_ASKED_BY = {"user", "human"}
_NOT_ASKED = {"system"}
MESSAGE_KEYS = ("content", "value", "text", "parts", "prompt")
"""Keys that a message's text is kept under: OpenAI's, ShareGPT's, Gemini's, OpenCompass's."""


_WRITTEN_LIST = re.compile(r"""\s*(?:[\[(]\s*(['"]).*\1\s*,?\s*[\])]|(?:np\.|numpy\.)?array\(.*\))\s*""", re.DOTALL)
"""A list of texts as Python, NumPy or JSON writes it; without quotes `[2, 3]` is mathematics."""
_KEPT_DIGITS = 15
"""Digits that a floating number keeps; those beyond come of binary arithmetic (0.30000000000000004)."""
_FEWEST_SAVED = 4
"""Characters by which a number has to be shorter without them to be taken for one of these."""

_THOUGHT = ("think", "reason", "thought")
"""What the types of those parts of a message have in them that are no part of what it says."""


class Cell(NamedTuple):
    """What a cell says."""

    text: str | None
    """None where it is missing, blank or NaN."""
    mended: tuple[str, ...] = ()
    """LaTeX commands that were restored in it."""
    notes: tuple[str, ...] = ()
    """What its reader should know of."""


def read_text(row: SourceRow, columns: Columns | None, joint: str = ", ", *, is_formula: bool = False) -> Cell:
    """The first of these columns as text. Raises InputError, naming the row and column, for a value of no use.

    Numbers read as they are written; a list of values, or of texts that was written as text, is joined by `joint`.
    `is_formula` says that all of it is mathematics.
    """
    column = find_column(row.values, columns)
    value = look_up(row.values, column) if column is not None else None
    if isinstance(value, str) and _WRITTEN_LIST.fullmatch(value):
        value = read_cell(value)
    try:
        text = to_text(value, joint)
    except TypeError as error:
        raise InputError(f"{row.where}: '{column}' holds {error}{_say_inside(column, value)}") from None
    return _mend(row, column, text, is_formula=is_formula)


def read_question(row: SourceRow, columns: Columns) -> Cell:
    """The question in the first of these columns: its text, or the one that a chat asks. Raises InputError."""
    column = find_column(row.values, columns)
    value = look_up(row.values, column) if column is not None else None
    if isinstance(value, str) and value.lstrip().startswith(("[{", "[ {")):
        value = read_cell(value)
    messages = as_messages(value)
    if messages is None:
        if isinstance(value, list | bool):
            raise InputError(
                f"{row.where}: '{column}' holds {_kind(value)}, not one question as text. Name the part that is one, "
                f"such as {column}[0], or write it as one text"
            )
        return read_text(row, columns)
    asked = [text for role, text in messages if role in _ASKED_BY]
    if len(asked) != 1 or any(role not in {*_ASKED_BY, *_NOT_ASKED} for role, _ in messages):
        roles = ", ".join(role for role, _ in messages)
        raise InputError(
            f"{row.where}: '{column}' is a chat of {roles}, not one question. Name the column, or the message such as "
            f"{column}[0].content"
        )
    cell = _mend(row, column, asked[0])
    if any(role in _NOT_ASKED for role, _ in messages):
        note = f"'{column}' holds a system message, which is not part of the question. Set prompt.system to send one"
        return cell._replace(notes=(*cell.notes, note))
    return cell


def read_after(
    row: SourceRow, columns: Columns | None, follow: Sequence[str] = (), reference: str | None = None
) -> Cell | None:
    """What follows a question: the first of `columns`, or all of `follow`; None where nothing is. Raises InputError.

    Options get the labels that `reference` goes by.
    """
    if not follow:
        return read_options(row, columns, reference) if columns else None
    cells = {column: read_options(row, column, reference) for column in follow}
    texts = {column: cell.text for column, cell in cells.items() if cell.text}
    single = [(column, label) for column in texts if (label := label_of(column)) is not None]
    options = letter_options([(label, texts[column]) for column, label in single], reference)
    texts |= {column: option.line for (column, _), option in zip(single, options, strict=True)}
    mended = tuple(command for cell in cells.values() for command in cell.mended)
    return Cell(
        "\n".join(texts.values()) or None, mended, tuple(note for cell in cells.values() for note in cell.notes)
    )


def read_options(row: SourceRow, columns: Columns, reference: str | None = None) -> Cell:
    """What follows a question on lines of its own: text, or the options of a multiple choice. Raises InputError."""
    column = find_column(row.values, columns)
    value = look_up(row.values, column) if column is not None else None
    try:
        options = list_options(value, reference)
    except ValueError as error:
        raise InputError(f"{row.where}: '{column}' holds {error}") from None
    if not options and not isinstance(value, list | Mapping):
        return read_text(row, columns)
    return _mend(row, column, "\n".join(option.line for option in options) or None)


def as_messages(value: Any) -> list[tuple[str, str]] | None:
    """(role, text) of each message of a chat; None where a value is no chat of texts."""
    if not isinstance(value, Sequence) or isinstance(value, str | bytes) or not value:
        return None
    messages = []
    for one in value:
        role = one.get("role") or one.get("from") if isinstance(one, Mapping) else None
        text = message_text(one) if isinstance(role, str) else None
        if not isinstance(role, str) or text is None:
            return None
        messages.append((role.lower(), text))
    return messages


def message_text(message: Mapping[str, Any]) -> str | None:
    """The text of a message, its parts joined; empty where it has none, None where a part of it is no text."""
    content = message_content(message)
    if isinstance(content, str):
        return content
    if not isinstance(content, Sequence):
        return None
    spoken = [part for part in content if not (isinstance(part, Mapping) and is_thought(part))]
    texts = [part.get("text") if isinstance(part, Mapping) else part for part in spoken]
    return "".join(map(str, texts)) if all(isinstance(text, str) for text in texts) else None


def is_message(record: Mapping[str, Any]) -> bool:
    """Whether a record is a message, by its role or by the key that it keeps its text under."""
    return bool({"role", "from", *MESSAGE_KEYS[:-1]}.intersection(record))


def message_content(message: Mapping[str, Any]) -> Any:
    """What a message holds, under whichever key: a text or parts; empty where it has nothing."""
    return next((message[key] for key in MESSAGE_KEYS if message.get(key) is not None), "")


def is_thought(part: Mapping[str, Any]) -> bool:
    """Whether a part of a message is reasoning, by its type or by Gemini's mark."""
    kind = part.get("type")
    return part.get("thought") is True or (isinstance(kind, str) and any(word in kind.lower() for word in _THOUGHT))


def to_text(value: Any, joint: str = ", ") -> str | None:
    """A plain value as text, None for one that is missing. Raises TypeError, saying what it is, for any other."""
    if value is None or value != value:  # noqa: PLR0124 - NaN is how data frames write a missing value
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int):
        return str(value)
    if isinstance(value, Decimal | float):
        return _number_text(value)
    if isinstance(value, bytes):
        return _decode(value)
    if isinstance(value, list) and not any(isinstance(item, list | dict) for item in value):
        return joint.join(text for item in value if (text := to_text(item)) is not None) or None
    raise TypeError(_kind(value))


def _decode(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise TypeError("bytes that are no text") from None


def _number_text(value: Decimal | float) -> str:
    """A number as it was before it became a floating one."""
    if isinstance(value, Decimal):
        return _without_residue(str(value))
    if not value.is_integer():
        return _without_residue(repr(value))
    if abs(value) < 10**_KEPT_DIGITS:
        return str(int(value))  # a column of whole numbers with a gap becomes floats in a data frame
    if len(repr(value).partition("e")[0].strip("-0.").replace(".", "")) >= _KEPT_DIGITS:
        raise TypeError(f"a number of more digits than the {_KEPT_DIGITS} that its file keeps; write it as text")
    return str(int(value))


def _without_residue(text: str) -> str:
    if len(text) <= _KEPT_DIGITS or "e" in text.lower():
        return text
    short = format(float(text), f".{_KEPT_DIGITS}g")
    return short if len(short) + _FEWEST_SAVED <= len(text) and float(short) != 0 and _is_double(text) else text


def _is_double(text: str) -> bool:
    """Whether a number is written as programs write a double, so that its last digits may be residue."""
    return repr(float(text)) == text


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "dict"
    if isinstance(value, list):
        return f"list of {type(value[0]).__name__}" if value else "an empty list"
    if isinstance(value, dt.date | dt.time | dt.timedelta):
        return f"a date ({value}), as spreadsheets make of fractions such as 3/24; write it as text"
    return type(value).__name__


def _say_inside(column: str | None, value: Any) -> str:
    """How to name what lies within a value."""
    if isinstance(value, dict) and value:
        return f", not text. It has: {', '.join(map(str, value))}. Name one, such as {column}.{next(iter(value))}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return f", not text. Name one, such as {column}[0].{next(iter(value[0]), '')}"
    return "" if isinstance(value, dt.date | dt.time | dt.timedelta | float) else ", not text or a number"


def _mend(row: SourceRow, column: str | None, text: str | None, *, is_formula: bool = False) -> Cell:
    if text is None:
        return Cell(None)
    try:
        mended = mend_latex(text, is_formula=is_formula)
        seen = mend_damage(clean_text(mended.text))
    except DoubtfulError as error:
        raise InputError(f"{row.where}: '{column}' {error}") from None
    notes = tuple(f"'{column}' {note}" for note in seen.notes)
    return Cell(seen.text.strip() or None, mended.commands, notes)
