"""What belongs to a question and stands outside it, as options do; only this module knows how sets keep them.

A question without its options cannot be answered: what replies to it is paid for in vain, and a set made of it teaches
guessing letters. Columns are taken for options only where the answer names one of them and the question lacks them.
"""

from __future__ import annotations

import re
import string
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from overproof.rows.columns import Columns, read_cell

_LIST = re.compile(
    r".*(?:options|choices|alternatives|candidates|selections|(?:option|choice)(?:list|s?texts?)|possibleanswers)(?:list|texts?|en|zh|cn)?"
    r"|.*(?:选项|選項|备选项?|备选答案|候选项|候选答案)(?:列表|内容)?"
)
"""What columns with all options are called, by their letters alone."""
_CALLED = r"(?:option|opt|op|choice|选项|選項)"
_ONE = re.compile(
    rf"(?P<word>{_CALLED}|answer|ans)?[\s_.-]*(?P<letter>[A-J])|{_CALLED}[\s_.-]*(?P<digit>\d)", re.IGNORECASE
)
"""What a column with one option is called; a letter alone may also be a coefficient, a side, a point."""
_FEWEST = 2
_FEWEST_BARE = 4
"""Numbers under A, B, C, D that are hardly what letters in the question stand for."""
_NUMBER = re.compile(r"[-+−]?\d[\d.,/]*")
_BESIDE = {"input", "context", "passage", "body", "background", "premise", "材料", "背景", "阅读材料"}
"""What columns are called with what a question is about."""
_PICTURES = {"image", "images", "figure", "picture", "pictures", "decodedimage", "图片", "图像"}
_NO_LETTERS = re.compile(r"[\W_]+")
_OWN = re.compile(r"\W{0,3}([A-Za-z])\s*(?:[.)．、，）]|[:：](?!\s*[A-Za-z]\b))\s*(.*)", re.DOTALL)
"""How an option begins that says its own letter; `a:b` is a ratio, and `(a, b)` a point."""

_WRAPPER = re.compile(r"\\(?:boxed|text|mathrm|textbf|mathbf|textit)\b|[{}$*]")
_LEAD = re.compile(rf"(?:the )?(?:(?:correct |right )?(?:answer|{_CALLED})s?(?: is|[\s_.:：-])*)+", re.IGNORECASE)
"""What stands before the letter in an answer: Option B, choice_B, 选项B."""
_JOINT = r"(?:[\s,，、;；/&()（）\[\].。和与及]|\band\b|\bor\b)*"
_SEVERAL = re.compile(rf"{_JOINT}(?:[A-Z]{_JOINT})+|{_JOINT}(?:[a-z](?![a-z]){_JOINT})+")
"""An answer that names options: C, (c), A and D, ACD."""
_WITH_TEXT = re.compile(r"[(（]?([A-Z])\s*[.):．、：）]\s*\S.*", re.DOTALL)
"""An answer that names an option with what it says: B. 7."""

_SHORT = 8
"""Characters below which a text stands in a question by chance, unless the other options stand right beside it."""
_BETWEEN = r"(?:[^\w\\]|\\[A-Za-z]+|\\[^A-Za-z]|[A-Za-z0-9]{1,3}(?![A-Za-z0-9])|[或和与及]){0,24}?"
"""What may stand between two options of a list: marks, commands of LaTeX, a letter, `or`."""
_TO_ASCII = {ord(full): ord(letter) for full, letter in zip("ＡＢＣＤＥＦＧＨＩＪ", "ABCDEFGHIJ", strict=True)}
_BEHIND_LABEL = r"(?:[^\w\\]|\\[A-Za-z]+|\\[^A-Za-z]){1,8}?"


class Option(NamedTuple):
    """One option of a multiple choice."""

    label: str
    """The letter, or what its set has in place of one."""
    text: str
    """What it says, without its label."""
    line: str
    """As it stands on a line of its own behind a question."""


def list_options(value: Any, reference: str | None = None) -> list[Option]:
    """The options in a list or mapping, or a text that prints one; none in any other. Raises ValueError for odd ones.

    Options are texts, (letter, text) pairs under any two keys, or texts by letter; texts without a letter get one, and
    numbered ones too where `reference` names a letter.
    """
    value = read_cell(value) if isinstance(value, str) else value
    if isinstance(value, Mapping):
        labels, texts = value.get("label"), value.get("text")
        are_apart = isinstance(labels, Sequence) and isinstance(texts, Sequence) and not isinstance(texts, str)
        pairs = zip(labels, texts, strict=False) if are_apart else value.items()  # type: ignore[arg-type]
        found = [(str(label), "" if _is_empty(text) else str(text).strip()) for label, text in pairs]
        return letter_options(found, reference)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return letter_options([_read_option(one) for one in value], reference)
    return []


def letter_options(found: Sequence[tuple[str | None, str]], reference: str | None = None) -> list[Option]:
    """Options of these labels and texts: their own letters are kept where they run A, B, C, and others get letters.

    Of an empty one nothing but its letter is used up.
    """
    alphabet = string.ascii_uppercase if len(found) <= len(string.ascii_uppercase) else map(str, range(1, 10_000))
    labels = [label or letter for (label, _), letter in zip(found, alphabet, strict=False)]
    letters = _letters_for(labels) if reference else []
    if reference and letters and _is_named(reference, letters) and not _is_named(reference, labels):
        labels = letters
    given = [(label, text) for label, (_, text) in zip(labels, found, strict=True) if text]
    own = [_OWN.fullmatch(text) for _, text in given]
    if all(match and match[1].upper() == label.upper() for match, (label, _) in zip(own, given, strict=True)):
        return [Option(match[1].upper(), match[2].strip(), match[0].strip()) for match in own if match]
    return [Option(label, text, f"{label}. {text}") for label, text in given]


def _letters_for(labels: Sequence[str]) -> list[str]:
    """The letters in place of numbers, the lowest of which is A; none where they are no numbers, or too high."""
    if not labels or not all(label.isdecimal() for label in labels):
        return []
    places = [int(label) - (0 if "0" in labels else 1) for label in labels]
    return [string.ascii_uppercase[place] for place in places] if max(places) < len(string.ascii_uppercase) else []


def _read_option(option: Any) -> tuple[str | None, str]:
    """The label, if it has any, and the text of an option. Raises ValueError for what is none."""
    if isinstance(option, list) and len(option) == 1:
        option = option[0]
    if isinstance(option, Mapping) and len(option) == 2:
        label, text = map(str, option.values())
        return label, text.strip()
    if _is_empty(option):
        return None, ""
    if isinstance(option, str | int | float | Decimal):
        return None, str(option).strip()
    raise ValueError("options of an unknown form. Write each as text")


def find_options(values: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns of a row that may hold options: one with all of them, or one for each letter; else none."""
    whole = next((name for name in values if _LIST.fullmatch(_letters_of(name))), None)
    if whole is not None and isinstance(values[whole], Sequence | Mapping) and values[whole]:
        return (whole,)
    kinds: dict[object, dict[str, str]] = {}
    for name in map(str, values):
        if (label := label_of(name)) is not None:
            kinds.setdefault(_kind_of(name), {}).setdefault(label, name)
    for columns in kinds.values():
        run = (string.ascii_uppercase if "A" in columns else string.digits).lstrip("" if "0" in columns else "0")
        names = [columns[label] for label in run[: _first_gap(run, columns)]]
        if sum(not _is_empty(values[name]) for name in names) >= _FEWEST:
            return tuple(names)
    return ()


def _first_gap(run: str, columns: Container[str]) -> int:
    return next((place for place, label in enumerate(run) if label not in columns), len(run))


def _kind_of(column: str) -> object:
    """What columns with the options of one question have in common: the word before the letter, and its case."""
    found = _ONE.fullmatch(column)
    if found is None or found["digit"]:
        return "numbered"
    return found["word"].casefold() if found["word"] else found["letter"].isupper()


def missing_options(values: Mapping[str, Any], question: str, reference: str | None) -> tuple[str, ...]:
    """The columns with options that the answer names, or is one of, and that the question does not list."""
    names = find_options(values) if reference else ()
    if not names or reference is None:
        return ()
    options = options_in(values, names, reference)
    by_letter = names_option(values, names, reference)
    are_meant = by_letter or (
        _is_place_of(reference, options) or _is_text_of(reference, options)
        if len(names) == 1
        else _is_text_of(reference, options) and _are_plainly_options(names, options)
    )
    return names if are_meant and not _are_listed(question, values, names, options, by_letter=by_letter) else ()


def options_in(values: Mapping[str, Any], names: Sequence[str], reference: str | None = None) -> list[Option]:
    """The options that these columns hold; texts that are none are passed over."""
    found: list[Option] = []
    single: list[tuple[str | None, str]] = []
    for name in names:
        value, label = values.get(name), label_of(name)
        try:
            inside = list_options(value, reference) if _letters_of(name) not in _BESIDE else []
        except ValueError:
            inside = []
        found += inside
        if not inside and label is not None and not _is_empty(value):
            single.append((label, str(value).strip()))
    return found + letter_options(single, reference)


def names_option(values: Mapping[str, Any], names: Sequence[str], reference: str) -> bool:
    """Whether an answer names options of these columns by their letters, or by whatever their set has in place of any.

    Numbers under a, b, c in small letters are never options: so equations keep their coefficients.
    """
    options = options_in(values, names, reference)
    is_text = len(names) == 1 and not options
    if _are_coefficients(names, options):
        return False
    labels = {option.label for option in options} if not is_text else set(string.ascii_uppercase[:10])
    labels |= {label for name in names if (label := label_of(name)) is not None and label.isalpha()}
    return _is_named(reference, labels)


def _is_named(reference: str, labels: Collection[str]) -> bool:
    """Whether an answer names one or several of these labels."""
    said = _bare(reference)
    if said in labels or said.upper() in labels:
        return True
    if _SEVERAL.fullmatch(said):
        letters = re.sub(r"\band\b|\bor\b", "", said)
        return {letter.upper() for letter in letters if letter.isascii() and letter.isalpha()} <= set(labels)
    found = _WITH_TEXT.fullmatch(said)
    return found is not None and found[1] in labels


def names_none(reference: str, options: Sequence[Option]) -> bool:
    """Whether an answer is a letter by which none of these options is called."""
    said = _bare(reference)
    is_letter = len(said) == 1 and said.isascii() and said.isalpha()
    labels = [option.label for option in options]
    return is_letter and not _is_named(reference, labels) and not _is_text_of(reference, options)


def _bare(reference: str) -> str:
    """An answer without what stands around the letter in it."""
    return _LEAD.sub("", _WRAPPER.sub("", reference).strip(), count=1).strip(" \n.。()（）")


def strip_lead(reference: str, options: Sequence[Option]) -> str:
    """The label of the option that an answer such as `option_b` names; any other answer as it is."""
    said = _bare(reference)
    label = next((option.label for option in options if option.label.casefold() == said.casefold()), None)
    return label if label is not None and _LEAD.match(reference.strip()) else reference


def _are_coefficients(names: Sequence[str], options: Sequence[Option]) -> bool:
    bare = len(names) > 1 and all(len(name) == 1 and name.islower() for name in names)
    return bare and any(_NUMBER.fullmatch(option.text) for option in options)


def _are_plainly_options(names: Sequence[str], options: Sequence[Option]) -> bool:
    """Whether columns are called options, or have letters in capitals and no few numbers under them."""
    if len(names[0]) > 1:
        return True
    numbers = any(_NUMBER.fullmatch(option.text) for option in options)
    return names[0].isupper() and (not numbers or len(options) >= _FEWEST_BARE)


def _is_text_of(reference: str, options: Sequence[Option]) -> bool:
    return reference.strip() in {option.text for option in options}


def _is_place_of(reference: str, options: Sequence[Option]) -> bool:
    """Whether an answer is the number of an option, and none of them itself."""
    said = _bare(reference)
    if not options or not said.isdecimal() or _is_text_of(reference, options):
        return False
    return said not in {option.label for option in options} and int(said) <= len(options)


def is_place(values: Mapping[str, Any], names: Sequence[str], reference: str | None) -> bool:
    """Whether a reference is the number of an option in these columns and none of them itself."""
    options = options_in(values, names, reference) if reference else []
    return not _are_coefficients(names, options) and reference is not None and _is_place_of(reference, options)


def _are_listed(
    question: str, values: Mapping[str, Any], names: Sequence[str], options: Sequence[Option], *, by_letter: bool
) -> bool:
    """Whether a question lists these options already: each with its letter, or all side by side in their order.

    Where the answer is a letter, only the former: nobody could give it else. Short ones such as x and 2 occur in most
    questions by chance.
    """
    if not options:  # a text with all of them
        return "".join(str(values[names[0]]).split()) in "".join(question.split())
    asked = question.translate(_TO_ASCII).replace("$", "")
    texts = [_pattern_of(option.text) for option in options]
    labelled = [
        rf"(?<![A-Za-z0-9])(?i:{re.escape(option.label)}){_BEHIND_LABEL}{text}"
        for option, text in zip(options, texts, strict=True)
    ]
    are_long = all(len(option.text) >= _SHORT for option in options)
    is_side_by_side = not by_letter and _stand_in_order(asked, texts if are_long else [_BETWEEN.join(texts)])
    return is_side_by_side or _stand_in_order(asked, labelled)


def _pattern_of(text: str) -> str:
    """A text as whole words and numbers, whatever its spaces and dollars."""
    bare = text.replace("$", "").rstrip(".。;；").strip()
    spelled = r"\s*".join(re.escape(word) for word in bare.split())
    before = r"(?<![A-Za-z0-9])" if bare[:1].isascii() and bare[:1].isalnum() else ""
    behind = r"(?![A-Za-z0-9]|\.\d)" if bare[-1:].isascii() and bare[-1:].isalnum() else ""
    return f"{before}{spelled}{behind}"


def _stand_in_order(asked: str, patterns: Sequence[str]) -> bool:
    start = 0
    for pattern in patterns:
        found = re.compile(pattern).search(asked, start)
        if found is None:
            return False
        start = found.end()
    return True


def find_beside(values: Mapping[str, Any], question: str, way_out: str = "") -> Iterator[str]:
    """In words, what a row may have that belongs to its question and is not asked with it.

    `way_out` says how it would be, with `{name}` where the column is to stand.
    """
    asked = "".join(question.split())
    for name, value in values.items():
        called = _letters_of(name)
        if called in _BESIDE and isinstance(value, str) and "".join(value.split()) not in asked:
            yield f"'{name}' may belong to the question and is not read{way_out.format(name=name)}"
        elif called in _PICTURES and value not in (None, "", []):
            yield f"the picture in '{name}' is not sent"


def _letters_of(name: object) -> str:
    return _NO_LETTERS.sub("", str(name).casefold())


def label_of(column: str) -> str | None:
    """The letter, or number, of the option that a column is called after."""
    found = _ONE.fullmatch(column)
    return (found["letter"] or found["digit"]).upper() if found else None


def _is_empty(value: Any) -> bool:
    return value is None or value != value or (isinstance(value, str) and not value.strip())  # noqa: PLR0124 - NaN


def say_columns(names: Columns) -> str:
    """Columns as a config names them."""
    return names if isinstance(names, str) else names[0] if len(names) == 1 else f"[{', '.join(names)}]"
