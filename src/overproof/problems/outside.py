"""What belongs to a question and stands outside it, as options do; only this module knows how sets keep them.

A question without its options cannot be answered: what replies to it is paid for in vain, and a set made of it teaches
guessing letters. Columns are taken for options only where the answer names one of them and the question lacks them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from overproof.rows.columns import Columns, read_cell

_LISTS = {
    *("options", "choices", "optionlist", "answeroptionlist", "candidates", "answerchoices", "multiplechoiceoptions"),
    *("选项", "候选项", "選項", "optionslist"),
}
"""What columns with all options are called, by their letters alone."""
_LETTERED = re.compile(r"(?:opt(?:ion)?|op|choice|answer|ans|选项|選項)?[\s_.-]*([A-J])", re.IGNORECASE)
"""What a column with one option is called."""
_BESIDE = {"input", "context", "passage", "body", "background", "premise", "材料", "背景", "阅读材料"}
"""What columns are called with what a question is about."""
_PICTURES = {"image", "images", "figure", "picture", "pictures", "decodedimage", "图片", "图像"}
_NO_LETTERS = re.compile(r"[\W_]+")
_LETTERS = "ABCDEFGHIJ"
_NAMED = re.compile(r"\W*(?:[A-J]\W*)+", re.IGNORECASE)
"""An answer that names options: C, (c), A and D."""
_FEWEST = 2


def find_options(values: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns of a row that hold options: one with all of them, or one for each letter; else none."""
    whole = next((name for name in values if _letters_of(name) in _LISTS), None)
    if whole is not None and (isinstance(values[whole], Sequence | Mapping) and values[whole]):
        return (whole,)
    by_letter = {found[1].upper(): str(name) for name in values if (found := _LETTERED.fullmatch(str(name)))}
    names: list[str] = []
    for letter in _LETTERS:
        if letter not in by_letter or values[by_letter[letter]] in (None, ""):
            break
        names.append(by_letter[letter])
    return tuple(names) if len(names) >= _FEWEST else ()


def missing_options(values: Mapping[str, Any], question: str, reference: str | None) -> tuple[str, ...]:
    """The columns with options that the answer names, or is one of, and that the question does not list."""
    names = find_options(values) if reference else ()
    if not names or reference is None:
        return ()
    texts = [text for name in names for text in _texts_of(values[name])]
    asked = "".join(question.split())
    if texts and all("".join(text.split()) in asked for text in texts):
        return ()
    said = reference.strip()
    is_place = said.isdecimal() and int(said) <= len(texts)
    return names if _NAMED.fullmatch(said) or is_place or said in texts else ()


def find_beside(values: Mapping[str, Any], question: str) -> Iterator[str]:
    """In words, what a row may have that belongs to its question and is not asked with it."""
    asked = "".join(question.split())
    for name, value in values.items():
        called = _letters_of(name)
        if called in _BESIDE and isinstance(value, str) and "".join(value.split()) not in asked:
            yield f"'{name}' may belong to the question and is not read (problems.append: {name} has it follow)"
        elif called in _PICTURES and value not in (None, "", []):
            yield f"the picture in '{name}' is not sent"


def _letters_of(name: object) -> str:
    return _NO_LETTERS.sub("", str(name).casefold())


def is_place(values: Mapping[str, Any], reference: str | None) -> bool:
    """Whether a reference is the number of an option and none of them itself."""
    names = find_options(values) if reference is not None and reference.isdecimal() else ()
    texts = [text for name in names for text in _texts_of(values[name])]
    return bool(texts) and reference not in texts and int(reference or 0) <= len(texts)


def letter_of(column: str) -> str | None:
    """The letter of the option that a column is called after."""
    found = _LETTERED.fullmatch(column)
    return found[1].upper() if found else None


def say_columns(names: Columns) -> str:
    """Columns as a config names them."""
    return names if isinstance(names, str) else names[0] if len(names) == 1 else f"[{', '.join(names)}]"


def _texts_of(value: Any) -> list[str]:
    value = read_cell(value) if isinstance(value, str) else value
    if isinstance(value, Mapping):
        return _texts_of(value["text"]) if isinstance(value.get("text"), list) else [str(one) for one in value.values()]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [text for one in value for text in (_texts_of(one)[-1:] if isinstance(one, Mapping) else _texts_of(one))]
    return [] if value is None else [str(value).strip()]
