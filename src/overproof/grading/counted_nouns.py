r"""A number with the words behind it that the question itself asks for: `8 four leaf clovers`, 5个百分点.

What would change the number anywhere else (`6 ten dollar bills`, `5 dozen`, `12 even integers`) changes nothing there.

>>> counted("6 \\text{ ten dollar bills}", "How many ten dollar bills does he get?")
'6'
>>> counted("5 \\text{ dozen}", "How many eggs are there?") is None
True
"""

from __future__ import annotations

import re

from overproof.grading.chinese import han_numeral
from overproof.grading.lexicon import CHANGING_HAN, MAGNITUDES

MAX_CHARS = 120
MAX_QUESTION_CHARS = 20_000
_COUNT = re.compile(r"[-+]? ?(?:\d[\d,]*(?:\.\d+)?|\\frac ?\{\d+\} ?\{\d+\})(?: ?/ ?\d+)?")
_WORDS = re.compile(r" ?(?:[A-Za-z\u4e00-\u9fff].*|\( ?[A-Za-z\u4e00-\u9fff][^()]*\))", re.DOTALL)
_TEXT_COMMAND = re.compile(r"\\text ?\{([^{}]*)\}")
_SPACES = re.compile(r"[\s~]+|(?<=[a-z])-(?=[a-z])")
_ASKED = re.compile(
    r"\bhow (?:many|much) |\b(?:the |what |in )(?:total )?number of |(?:多少|几)[个张条只位名本棵支道种次]?",
    re.IGNORECASE,
)
"""Before the words for what is counted."""
# Behind a number, these prove that something else is said; other words that are not understood raise a doubt.
_PROVING = frozenset({
    "or", "not", "no", "never", "none", "neither", "nor", "and", "but", "except", "unless", "wrong", "incorrect",
    "maybe", "perhaps", "possibly", "if", "when", "otherwise", "more", "less", "fewer", "greater", "least", "most",
    "than", "between", "to", "from", "vs", "versus", "times", "twice", "half", "double", "triple", "false", "true",
    "squared", "cubed", "factorial", "root", "power", "mod", "modulo", "base", "pi", "percent", "degrees", "negative",
    "doubled", "tripled", "halved", "reciprocal", "inverse", "opposite", "repeating", "recurring", "choose",
    *(word for word in MAGNITUDES if word.isascii()),
})  # fmt: skip


def counted(spelled: str, question: str) -> str | None:
    """The number before the words that the question counts or measures in; None where other words stand there."""
    found = _split(spelled)
    if found is None or not found[1]:
        return None
    count, words = found
    text = _SPACES.sub(" ", _TEXT_COMMAND.sub(r"\1", question[-MAX_QUESTION_CHARS:]).replace("$", "")).lower()
    asked = (text[match.end() : match.end() + MAX_CHARS] for match in _ASKED.finditer(text))
    return count if any(_begins(phrase, words) for phrase in asked) else None


def _begins(phrase: str, words: str) -> bool:
    """Whether a phrase begins with words, as whole ones: singular or plural, with a measure word or without."""
    for start in (words, words.lstrip("个张条只位名本棵支道种次")):
        if start and phrase.startswith(start):
            return (
                not (phrase[len(start) :][:1].isascii() and phrase[len(start) :][:1].isalpha())
                or words.isascii() is False
            )
        if start and start.isascii() and phrase.startswith(f"{start}s"):
            return True
    return False


def leading_count(spelled: str) -> str | None:
    """The number that a text begins with, where no digit and no word behind it proves that another value is meant."""
    found = _split(spelled)
    if found is None:
        return None
    count, words = found
    proves = any(character.isdigit() for character in words) or CHANGING_HAN.search(words) or "?" in words
    return None if proves or _PROVING & set(re.split(r"[^a-z]+", words)) else count


def _split(spelled: str) -> tuple[str, str] | None:
    """A number, in digits or in characters, and the words behind it, in lower case."""
    if len(spelled) > MAX_CHARS:
        return None
    text = _SPACES.sub(" ", _TEXT_COMMAND.sub(r" \1 ", spelled)).strip(" .,")
    digits = _COUNT.match(text)
    characters = None if digits else han_numeral(text)
    end = digits.end() if digits else characters[1] if characters else 0
    if not end or not _WORDS.fullmatch(text, end):
        return None
    return text[:end], text[end:].strip(" .()").lower()
