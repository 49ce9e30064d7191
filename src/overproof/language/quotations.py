"""What a text quotes in another script or heads its parts with; only this module knows how that is recognised.

A quotation is no switch of language, but neither may a text hide in one: what is quoted is set aside only while it is
less than half as much as what is said.
"""

from __future__ import annotations

import re

from overproof.language.common_words import SWITCH_WORDS
from overproof.language.scripts import LATIN_LETTERS, SCRIPT_LETTERS, holds_script, is_latin, script_for

_QUOTED = re.compile('[“"「『《«]([^“”"「」『』《》«»\\n]{2,1200})[”"」』》»]')
_LABELS = (
    *("题目", "題目", "问题", "問題", "原题", "题干", "原文", "题意", "문제"),
    *("Задача", "задача", "Условие", "условие", "Problem", "Question"),
)
_LABELLED = re.compile(f"(?:{'|'.join(_LABELS)})[^\\n:：]{{0,6}}[:：]\\s*([^{SCRIPT_LETTERS}]{{8,1200}})")
"""The question, put again before it is thought about."""
_HEADING = re.compile(
    f"^[ \\t]*(?:#{{1,6}}[ \\t]|[-*]?[ \\t]*\\*\\*|Step[ \\t]\\d)[^\\n{SCRIPT_LETTERS}]{{0,60}}$", re.MULTILINE
)
_LATIN_WORD = re.compile(f"[{LATIN_LETTERS}]{{2,}}")
_MOST_SMALL_WORDS = 3
"""Small words of English (the, of, it) in a title."""


def set_aside_quotations(prose: str, target: str) -> str:
    """The prose with spaces in the place of quotations and headings in letters that are not the target's."""
    own = script_for(target)
    spans = [match.span(1) for match in _QUOTED.finditer(prose) if holds_script(match[1]) == is_latin(target)]
    if own is not None:
        if any(label in prose for label in _LABELS):
            spans += [match.span(1) for match in _LABELLED.finditer(prose)]
        if "#" in prose or "**" in prose or "Step" in prose:
            spans += [match.span() for match in _HEADING.finditer(prose) if _is_title(match[0])]
    if not spans:
        return prose
    said = own.count(prose) if own else float(len(_LATIN_WORD.findall(prose)))
    pieces, end, quoted = [], 0, 0.0
    for start, stop in sorted(spans):
        if start < end:
            continue
        quoted += _count(prose[start:stop], target)
        if quoted * 2 > said:
            return prose
        pieces += [prose[end:start], " " * (stop - start)]
        end = stop
    return "".join([*pieces, prose[end:]])


def _is_title(line: str) -> bool:
    """Whether a line over a part is a title ("Find the value of x") and not a sentence that is set like one."""
    return sum(word.lower() in SWITCH_WORDS for word in _LATIN_WORD.findall(line)) <= _MOST_SMALL_WORDS


def _count(quotation: str, target: str) -> float:
    """About how many words a quotation has that are not in the target's letters."""
    if is_latin(target):
        return 0.6 * len(re.findall(f"[{SCRIPT_LETTERS}]", quotation))
    return float(len(_LATIN_WORD.findall(quotation)))
