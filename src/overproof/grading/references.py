r"""References typed once: what kind of answer one is, how many parts it has, why none can be graded against it.

>>> type_reference("15\\mbox{ cm}^2").kind
'quantity'
>>> type_reference("(-\\infty,-4)\\cup(0,+\\infty)").kind
'union'
>>> type_reference("Petya will receive the last token.").issue
'prose: only the same words would match it'
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from overproof.grading.boxes import boxes_in_reference
from overproof.grading.choices import is_choice, letters_of
from overproof.grading.labels import labelled_parts
from overproof.grading.reader import MAX_CHARS, read
from overproof.grading.scanner import UnreadableError
from overproof.grading.shapes import kind_of, part_count
from overproof.grading.spelling import has_substance, spell
from overproof.grading.tree import Node
from overproof.grading.units import Unit, split_unit
from overproof.grading.words import is_prose, is_words


class Reference(msgspec.Struct, frozen=True):
    """A reference as it is graded against."""

    text: str
    kind: str
    """number, percentage, angle, ratio, quantity, choice, list, set, tuple, interval, union, inequality, relation,
    matrix, expression, equation, text, prose, formula (mathematics only the deep layer may read), none."""
    spelled: str = ""
    value: str = ""
    """The spelled reference without its unit."""
    tree: Node | None = None
    unit: Unit | None = None
    letters: str | None = None
    parts: int = 1
    issue: str | None = None
    """Why no answer can be graded against it, or None."""


@lru_cache(maxsize=16_384)
def type_reference(text: str | None, question: str | None = None) -> Reference:
    """The typed reference. Never raises; what is wrong with it stands in `issue`."""
    if text is None or not text.strip():
        return Reference(text or "", "none", issue="the reference is empty")
    if len(text) > MAX_CHARS:
        return Reference(text, "none", issue=f"the reference is longer than {MAX_CHARS} characters")
    answer = _answer_of(text)
    if is_choice(answer, question):
        return Reference(text, "choice", spell(answer), letters=letters_of(answer))
    spelled = spell(answer)
    return (
        _typed(text, spelled)
        if has_substance(spelled)
        else Reference(text, "none", issue="the reference holds no text")
    )


def _typed(text: str, spelled: str) -> Reference:
    """A reference that names no option."""
    value, unit = split_unit(spelled)
    try:
        tree = read(value)
    except UnreadableError as error:
        return _unread(text, spelled, str(error))
    if tree.op == "text":
        return _unread(text, spelled, "words")
    kind = "quantity" if unit is not None and unit.dimension is not None else kind_of(tree)
    return Reference(text, kind, spelled, value, tree, unit, parts=part_count(tree))


def _answer_of(text: str) -> str:
    """The reference itself, or its boxes, or what stands behind #### where it is a whole solution."""
    if (boxed := boxes_in_reference(text)) is not None:
        return boxed
    if "####" in text:
        return text.rsplit("####", 1)[1].strip() or text
    return text


def _unread(text: str, spelled: str, reason: str) -> Reference:
    """A reference that is no formula: words, prose, or mathematics beyond the reader."""
    labelled = labelled_parts(spelled)
    if is_words(spelled) and labelled is None:
        if is_prose(spelled):
            return Reference(text, "prose", spelled, spelled, issue="prose: only the same words would match it")
        return Reference(text, "text", spelled, spelled)
    if labelled is not None:
        return Reference(text, "list" if len(labelled) > 1 else "text", spelled, spelled, parts=len(labelled))
    return Reference(text, "formula", spelled, spelled, issue=None if _balanced(spelled) else f"unreadable: {reason}")


def _balanced(spelled: str) -> bool:
    """Whether braces are balanced and the text ends in no dangling operator, so that the deep layer may read it."""
    return spelled.count("{") == spelled.count("}") and not spelled.rstrip().endswith(
        ("^", "_", "\\", "=", "+", "\\cdot")
    )
