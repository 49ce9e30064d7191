r"""Answers that are a derivation or a sentence: the value that one ends in, where its last sides agree.

>>> conclusion("\\text{So the total is }5")
'5'
>>> conclusion("x = 2+3 \\\\ x = 5"), conclusion("2+3 = 6")
('5', None)
"""

from __future__ import annotations

import re
from fractions import Fraction

from overproof.grading.evaluate import same_value
from overproof.grading.lexicon import CHANGING, CHANGING_HAN, COMPUTED, DENYING_HAN
from overproof.grading.reading import readings
from overproof.grading.tree import symbols
from overproof.grading.values import Quantity, Scalar, Unknown

MAX_CHARS = 4_000
"""A derivation is looked at from this far before its end."""
MAX_NOUN_CHARS = 90
MAX_LOOKED_AT = 2_000
"""Characters of a text that is not read in which a number is looked for."""

_STRUCTURE = re.compile(r"\\(?:begin|end)\{[a-z*]+\}|&|\\(?:displaystyle|quad|qquad)(?![a-z])|\[\d+pt\]")
_CLAUSES = re.compile(
    r"\\(?:Rightarrow|implies|Longrightarrow|iff|Leftrightarrow|therefore)(?![a-z])|\\\\"
    r"|(?<!\d)[.;](?= |$)|(?<=\d)\.(?= )|, (?=[a-z\\])"
)
_TEXT_GROUP = re.compile(r"\\text\{([^{}]*)\}")
# "So the total is" and the like before the value, with a noun behind it; or a label that says it is the answer.
_LAST_STATEMENT = re.compile(
    r"\\text\{ ?(?:(?:so|thus|therefore|hence)\b(?P<said>[^{}]*)|(?:the |final |my )*answer(?: is)? ?:? ?)\}"
    r"(?P<value>[^{}=]{1,40})(?:\\text\{(?P<noun>[^{}]*)\})?",
    re.IGNORECASE,
)
_RUN_TOGETHER = re.compile(r"[\w.,:;-]*")
"""Words and numbers without the spaces between them, and nothing else."""
_NUMBER = re.compile(r"(?<![\d.])-?\d{1,20}(?:\.\d{1,20})?(?![\d.]*\d)")
_CHANGING_INSIDE = frozenset(word for word in CHANGING if len(word) > 3) | {"not", "over", "off"}
"""Those long enough to be known where nothing parts them from the next."""
_BARE_WORD = re.compile(r"(?<![\\A-Za-z])[a-z]{2,}(?![A-Za-z])")
_IN_STATEMENTS = frozenset({"is", "are", "was", "at", "on", "by", "be", "must"})
_OPENS = re.compile(
    r"\\text\{ ?(?:given|since|from|let|as|because|we|first|note|by|using|if|for|the|then|hence|thus|so)\b",
    re.IGNORECASE,
)


_CONCLUDES = re.compile(r"[,;.] ?(?:\\text\{ ?)?(?:so|thus|hence|therefore|所以|因此|故)(?![a-z])", re.IGNORECASE)
_LEAD = re.compile(
    r" *(?:so|thus|hence|therefore|所以|因此|故)(?![a-z]),?(?: the [a-z]+(?: [a-z]+)? (?:is|are|equals))? *",
    re.IGNORECASE,
)


def is_derivation(spelled: str) -> bool:
    """Whether a text begins in words as a derivation does ("Given u = 6, x = …"), or concludes (", so 3+4 = 7")."""
    return _OPENS.match(spelled) is not None or _CONCLUDES.search(spelled) is not None


_REASON = re.compile(r"\b(?:since|because)\b|因为|由于", re.IGNORECASE)
_TAKEN_BACK = re.compile(
    r"\b(?:wrong|incorrect|maybe|perhaps|sure|or|if|unless|otherwise|but|not|no)\b|[错误或若非不]|可能|如果",
    re.IGNORECASE,
)


def without_reason(spelled: str) -> str | None:
    """The text before a reason that is given for it; None where there is none, or one that may take it back."""
    match = _REASON.search(spelled[:MAX_CHARS], 1)
    if match is None or _TAKEN_BACK.search(spelled, match.end()):
        return None
    return spelled[: match.start()].rstrip(" ,;(").removesuffix("\\text{").rstrip(" ,;(")


# Behind a value: brackets that reject others, and the place where an extreme is attained.
_REJECTED = re.compile(
    r" *[(（](?P<said>[^()]*(?:舍|不合题意|不符合|extraneous|reject|discard|invalid|not valid)[^()]*)[)）]$",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"-?\d+(?:\.\d+)?")
_ATTAINED = re.compile(
    r"[ ,;(（]*(?:\\text\{ ?)?"
    r"(?:\b(?:when|at|where|for)\b|此时|当)[ }]*(?:\\text\{ ?)?[A-Za-z](?:_\w)?[ }]*=[^=<>]{1,40}$"
)


def without_rejected(spelled: str) -> str | None:
    """The text before brackets that reject other values: 3 (reject -1); None where there are none such."""
    match = _REJECTED.search(spelled[:MAX_CHARS])
    rejected = set(_DIGITS.findall(match["said"])) if match else set()
    if match is None or not rejected or rejected & set(_DIGITS.findall(spelled[: match.start()])):
        return None
    return spelled[: match.start()]


def without_place(spelled: str) -> str | None:
    """The text before the place where an extreme is attained: 5 when x = 1, 最小值为-2,此时x=1; None where none is."""
    match = _ATTAINED.search(spelled[:MAX_CHARS], 1)
    return None if match is None else spelled[: match.start()]


def conclusion(spelled: str) -> str | None:
    """The value that a derivation in an answer ends in, where its last sides agree; None where it ends in none."""
    text = _STRUCTURE.sub(" ", spelled[-MAX_CHARS:]).rstrip(" .")
    match = _LAST_STATEMENT.fullmatch(text, max(0, text.rfind("\\text{", 0, max(0, text.rfind("\\text{")))))
    match = match or _LAST_STATEMENT.fullmatch(text, max(0, text.rfind("\\text{")))
    if match and not _changes(f"{match['said'] or ''} {match['noun'] or ''}", _IN_STATEMENTS):
        return match["value"].strip(" ,")
    noun, text = _without_noun(text)
    if noun is None:
        return None
    clause = _LEAD.sub("", _TEXT_GROUP.split(_CLAUSES.split(text)[-1])[-1], count=1)
    if (
        (CHANGING | COMPUTED) & set(_BARE_WORD.findall(clause))
        or DENYING_HAN.search(clause)
        or CHANGING_HAN.search(clause)
    ):
        return None
    sides = [side.strip(" ,.") for side in clause.split("=")]
    if len(sides) < 2 or not sides[-1] or sides[-2] == sides[-1] or not _agree(sides[-2], sides[-1]):
        return None
    return sides[-1] + _unit(sides[-1], noun)


def holds_number(text: str, value: Fraction | None) -> bool:
    """Whether the one number in a text without spaces is a value, and no word beside it changes what it says."""
    if value is None or not _RUN_TOGETHER.fullmatch(text):
        return False
    if CHANGING_HAN.search(text) or DENYING_HAN.search(text) or any(word in text for word in _CHANGING_INSIDE):
        return False
    return [Fraction(found) for found in _NUMBER.findall(text, 0, MAX_LOOKED_AT)] == [value]


def _without_noun(text: str) -> tuple[str | None, str]:
    """The words that a text ends in and what stands before them; None for words that change what it says."""
    found = _TEXT_GROUP.finditer(text, max(0, len(text) - MAX_NOUN_CHARS))
    group = next((match for match in found if match.end() == len(text)), None)
    if group is None:
        return "", text
    return None if _changes(group[1]) or "=" in group[1] else group[1].strip(" ."), text[: group.start()]


def _changes(words: str, allowed: frozenset[str] = frozenset()) -> bool:
    return bool((CHANGING - allowed) & set(words.lower().replace(".", "").split()))


def _agree(before: str, last: str) -> bool:
    """Whether the last side of a chain is a value that the side before it does not contradict."""
    value = readings(last)[0]
    if not isinstance(value, Scalar | Quantity) or symbols(value.node):
        return False
    earlier = readings(before)[0] if before else value
    if not isinstance(earlier, Scalar) or not isinstance(value, Scalar) or symbols(earlier.node):
        return True
    return same_value(earlier.node, value.node) is not False


def _unit(side: str, noun: str) -> str:
    """The noun behind a value, where it is one that can be read."""
    with_noun = f"{side} \\text{{{noun}}}"
    if not noun or not isinstance(readings(side)[0], Scalar) or isinstance(readings(with_noun)[0], Unknown):
        return ""
    return f" \\text{{{noun}}}"
