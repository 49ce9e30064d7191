"""Which of several columns is the reply and which its reasoning: by what they hold, then by what they are called.

The order of columns decides nothing. What holds reasoning outranks what does not; what is named as the truth (gold,
annotated, human) is never a model's; two columns of which either may be meant are refused with both names.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from overproof.errors import InputError
from overproof.importing.held import read_held
from overproof.importing.layouts import GENERAL, Layout, Names, find_written
from overproof.importing.rendered import are_rendered
from overproof.importing.truths import find_verdicts
from overproof.mending import mend
from overproof.problems.notes import SourceNotes
from overproof.records import clean_text
from overproof.rows.columns import MISSING, look_up
from overproof.rows.row import SourceRow

_REPLY_ENDS = ("response", "completion", "generation", "output", "solution", "attempt", "reply", "rollout")
"""Ends of names of columns that begin with a model's, whose reply they hold: `deepseek_solution`."""
_ANSWER_ENDS = ("answer", "prediction")
"""The same of columns that may hold no more than the reply's last line."""
_NUMBERED = re.compile(r"(.+?)[\s_.-]?(\d{1,2})")
_THOUGHT_ENDS = ("reasoning", "reasoning_content", "thinking", "thinking_trajectory", "thought", "cot", "think")
_NOT_A_MODELS = {
    # the truth, by whoever vouches for it
    *("gt", "gts", "ground", "groundtruth", "truth", "true", "gold", "golden", "reference", "references", "ref"),
    *("expected", "correct", "right", "target", "standard", "canonical", "official", "original", "source", "label"),
    *("human", "expert", "annotated", "annotation", "annotator", "author", "textbook", "editorial", "manual", "oracle"),
    *("verified", "labeled", "labelled", "student", "user"),
    # a part of a reply, or what was made of one
    *("final", "short", "predicted", "extracted", "parsed", "filtered", "has", "is", "num", "len", "sample"),
    # what nobody is to learn
    *("wrong", "incorrect", "rejected", "bad"),
}
"""Words in a column's name by which it is not a model's reply."""
_TRUTHS = {
    *("gt", "gts", "ground", "groundtruth", "truth", "true", "gold", "golden", "reference", "ref", "expected"),
    *("correct", "target", "standard", "canonical", "official", "human", "expert", "annotated", "annotator", "label"),
    *("verified", "textbook", "oracle"),
}
"""Those of them by which it may be the reference."""
_TRUTH_ENDS = ("answer", "solution", "response", "output", "result", "value", "label")
_WORDS = re.compile(r"[^\W_]+?(?=[A-Z][a-z]|[\W_]|\Z)")
_LOOSELY_NAMED = {
    *("content", "reply", "attempt", "assistant", "choices", "samples", "prediction", "predictions", "resps"),
    *("raw_response", "response_message", "解答"),
}
"""Columns of a layout's replies that often hold something else."""


class Traits(NamedTuple):
    """What the first rows of a set show of its columns."""

    rendered: frozenset[str] = frozenset()
    """Columns each of whose texts is a chat as a template writes it out."""
    thinking: frozenset[str] = frozenset()
    """Columns whose texts hold reasoning."""
    constant: frozenset[str] = frozenset()
    """Columns that say the same in every row."""
    verdicts: frozenset[str] = frozenset()
    """Columns that say of each reply whether it is right, and not what would be."""
    doubtful: frozenset[str] = frozenset()
    """Columns that may say either."""


def find_traits(first: Sequence[SourceRow]) -> Traits:
    """What these rows show of their columns."""
    columns: dict[str, list[Any]] = {}
    for row in first:
        for name, value in row.values.items():
            if value not in (None, "", []):
                columns.setdefault(str(name), []).append(value)
    texts = {name: held for name, held in columns.items() if all(isinstance(one, str) for one in held)}
    thinking = {name for name, held in columns.items() if sum(map(holds_reasoning, held)) * 2 > len(held)}
    constant = {name for name, held in texts.items() if len(held) > 1 and len(set(held)) == 1}
    rendered = {name for name, held in texts.items() if are_rendered(held)}
    nested = [path for path in GENERAL.reference if "." in path]
    named = [
        *filter(_may_be_reference, columns),
        *(path for path in nested if any(_has_path(row, path) for row in first)),
    ]
    judged = find_verdicts(named, first, _may_be_reference)
    verdicts = {name for name, found in judged.items() if found}
    doubtful = {name for name, found in judged.items() if found is None}
    return Traits(*map(frozenset, (rendered, thinking, constant, verdicts, doubtful)))


def _has_path(row: SourceRow, path: str) -> bool:
    return look_up(row.values, path) not in (MISSING, None, "")


def _may_be_reference(name: str) -> bool:
    return name.casefold() in GENERAL.reference or bool(_find_truths((name,)))


def holds_reasoning(value: Any) -> bool:
    """Whether there is reasoning within what may be a reply, or in the first of several."""
    value = read_held(value)
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        value = value[0]
    if isinstance(value, Mapping):
        beside = any(_says(value[name]) for name in find_written(value, GENERAL.reasoning))
        return beside or any(isinstance(one, str) and holds_reasoning(one) for one in value.values())
    return isinstance(value, str) and mend(value, None).has_inline_reasoning


def choose_question(row: SourceRow, layout: Layout, traits: Traits, notes: SourceNotes) -> Names:
    """The columns that may hold a row's question, those that say the same in every row after the others."""
    listed = find_written(row.values, layout.question)
    constant = [name for name in listed if name in traits.constant]
    asked = next((name for name in listed if name not in constant and _has(row, name)), None)
    if not constant or asked is None or (asked == "input" and "instruction" in constant):
        return layout.question
    notes.count(f"'{constant[0]}' says the same in every row: '{asked}' is taken for the question", row.where)
    return (asked,)


def choose_reply(row: SourceRow, layout: Layout, traits: Traits) -> Names:
    """The column of a row that holds its replies, or those that are empty; none where no column is called so.

    Raises InputError where two may be meant.
    """
    listed = find_written(row.values, layout.replies)
    if layout.is_settled:
        return tuple(name for name in listed if look_up(row.values, name) is not MISSING)
    of_its_own = 3 if layout.replies != GENERAL.replies else 2
    ranks = {name: 1 if name in _LOOSELY_NAMED and of_its_own == 2 else of_its_own for name in listed}
    ranks |= {name: 1 for name in _of_a_model(row, _ANSWER_ENDS) if name not in ranks}
    ranks |= {name: 2 for name in _of_a_model(row, _REPLY_ENDS) if name not in ranks}
    present = {name: rank for name, rank in ranks.items() if look_up(row.values, name) is not MISSING}
    betrayed = _find_betrayed(row, layout, traits, is_last_hope=not present)
    present |= {name: 0 for name in betrayed if name not in present}
    if meant := [name for name in present if name in traits.thinking]:
        present = {name: present[name] for name in meant}  # also in a row where it is empty: no other takes its place

    def rank(name: str) -> tuple[bool, bool, int]:
        value = look_up(row.values, name)
        return holds_reasoning(value), _find_beside(row, name) is not None, present[name]

    filled = [name for name in present if _is_reply(look_up(row.values, name), name)]
    return _choose(row, filled, rank, "the reply", "--answer") or tuple(present)


def find_numbered(first: Sequence[SourceRow]) -> Names:
    """The columns of several replies that are told apart by a number: `response_1`, `response_2`."""
    families: dict[str, dict[int, str]] = {}
    reasoned: set[str] = set()
    for row in first:
        for name, value in row.values.items():
            if (found := _NUMBERED.fullmatch(str(name))) and isinstance(value, str | list | Mapping) and value:
                families.setdefault(found[1].casefold(), {})[int(found[2])] = str(name)
                reasoned.update([found[1].casefold()] if holds_reasoning(value) else [])
    for stem, columns in families.items():
        is_called = {stem, f"{stem}s"}.intersection(GENERAL.replies) or _called_after_models((stem,), _REPLY_ENDS)
        is_reply = is_called or (stem in reasoned and _NOT_A_MODELS.isdisjoint(_words_of(stem)))
        if is_reply and len(columns) > 1 and max(columns) - min(columns) == len(columns) - 1:
            return tuple(name for _, name in sorted(columns.items()))
    return ()


def choose_reasoning(row: SourceRow, layout: Layout, reply: str | None) -> Names:
    """The column that holds the reasoning of the reply in another. Raises InputError where two may be meant."""
    listed = find_written(row.values, layout.reasoning)
    if layout.is_settled:
        return listed
    if reply is not None and (beside := _find_beside(row, reply)):
        return (beside,)
    found = [name for name in listed if _has(row, name)]
    found = found or [name for name in _of_a_model(row, _THOUGHT_ENDS) if _has(row, name)]
    return _choose(row, found, lambda _: 0, "the reasoning", "--reasoning")


def choose_truth(row: SourceRow, traits: Traits) -> Names:
    """The column that is named as the truth, where a row has one whose name is none of those that people agree on."""
    found = [name for name in _find_truths(tuple(row.values)) if _has(row, name) and name not in traits.verdicts]
    return _choose(row, found, lambda name: _words_of(name)[-1] == "answer", "the reference", "--reference")


@functools.lru_cache(maxsize=4096)
def _find_truths(keys: Names) -> Names:
    words = {str(key): _words_of(str(key)) for key in keys}
    return tuple(
        name
        for name, said in words.items()
        if len(said) > 1 and said[-1] in _TRUTH_ENDS and not _TRUTHS.isdisjoint(said[:-1])
    )


def _choose(row: SourceRow, names: Sequence[str], rank: Callable[[str], Any], part: str, option: str) -> Names:
    """The one of highest rank, if any; of several whose texts lie within each other the whole.

    Raises InputError where two are left.
    """
    if len(names) < 2:
        return tuple(names)
    ranks = {name: rank(name) for name in names}
    equal = [name for name in names if ranks[name] == max(ranks.values())]
    said = {name: _said(look_up(row.values, name)) for name in equal}
    whole = max(equal, key=lambda name: len(said[name]))
    other = next((name for name in equal if said[name] not in said[whole]), None)
    if other is not None:
        one, two = sorted((whole, other), key=equal.index)
        raise InputError(f"{row.where}: '{one}' and '{two}' may both be {part}. Give {option} {one} or {option} {two}")
    return (whole,)


def _of_a_model(row: SourceRow, ends: Names) -> Names:
    """The columns that are called after a model and one of these."""
    return _called_after_models(tuple(row.values), ends)


@functools.lru_cache(maxsize=4096)
def _called_after_models(keys: Names, ends: Names) -> Names:
    names = map(str, keys)
    return tuple(
        name for name in names if (before := _before(name, ends)) and _NOT_A_MODELS.isdisjoint(_words_of(before))
    )


def _before(name: str, ends: Iterable[str]) -> str:
    """What a name begins with before one of these words; nothing where it ends in none."""
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return next((plain[: -len(end) - 1] for end in ends if plain.endswith((f"_{end}", f"-{end}", f" {end}"))), "")


def is_truth(name: str) -> bool:
    """Whether a column is named as the truth."""
    return not _TRUTHS.isdisjoint(_words_of(name))


def _words_of(name: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(name)]


def _find_betrayed(row: SourceRow, layout: Layout, traits: Traits, *, is_last_hope: bool) -> list[str]:
    """The columns that are replies, whatever they are called, by the reasoning that they hold."""
    if not is_last_hope and not traits.thinking:
        return []
    others = {*layout.question, *layout.reasoning, *layout.chat, *layout.rendered}
    return [
        str(name)
        for name, value in row.values.items()
        if name not in others
        and _NOT_A_MODELS.isdisjoint(_words_of(str(name)))
        and (name in traits.thinking or (is_last_hope and isinstance(value, str) and holds_reasoning(value)))
    ]


def _find_beside(row: SourceRow, reply: str) -> str | None:
    """The column of the same model's reasoning."""
    before = _before(reply, (*_REPLY_ENDS, *_ANSWER_ENDS))
    mine = [name for name in _of_a_model(row, _THOUGHT_ENDS) if _before(name, _THOUGHT_ENDS) == before and before]
    return next((name for name in mine if _has(row, name)), None)


def _is_reply(value: Any, name: str) -> bool:
    """Whether there is anything in a column, and not the options of a question."""
    if name == "choices" and isinstance(value, Sequence) and value and isinstance(value[0], str):
        return False
    return value is not MISSING and value not in (None, "", [])


def _has(row: SourceRow, name: str) -> bool:
    return _says(look_up(row.values, name))


def _says(value: Any) -> bool:
    return isinstance(value, str | list | Mapping) and bool(value)


def _said(value: Any) -> str:
    """Everything that a value says, to be compared with another."""
    if isinstance(value, Mapping):
        return "\n".join(_said(one) for one in value.values())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "\n".join(map(_said, value))
    return " ".join(clean_text(str(value)).split())
