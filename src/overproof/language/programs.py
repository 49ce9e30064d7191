r"""Question → what of it is asked in words; only this module knows which part is a program and what that says.

A question about a program is in the language of whoever asks, whatever comments, texts and keywords the program holds:
an English question about code with Chinese comments is answered in English.
"""

from __future__ import annotations

import functools
import re

from overproof.language.prose import is_code_line

_MAY_HOLD_ONE = re.compile(
    r"`|;\s*+[}\n]|//|#|\(['\"]|\n[ \t]*+(?:def|for|while|if|print|import|return)\b|\b(?:SELECT|INSERT)\b"
)
"""What a program has and hardly any other question."""
_SPAN = re.compile(
    r"```(?:[^`]|`(?!``))*+(?:```|\Z)"
    r"|`[^`\n]*+`"
    r"|/\*[^*]*+(?:\*(?!/)[^*]*+)*+\*/"
    r"|\b(?:SELECT|INSERT INTO|DELETE FROM|CREATE TABLE)\b[ -:<-~]*+;?"  # as far as it is ASCII
    r"|\#include\b[^\n]*+"
    r"|\{[^{};]*+;[^{}]*+\}"
    r"|(?<=\w\()(['\"])[^'\"\n]*+\1(?=\))"  # a text that a function is given
)
_BLOCKS_DEEP = 3
"""Blocks within blocks that are looked for, from the inside out."""
_COMMENT = re.compile(r"(?:^|(?<=\s))(?:#|//|--)(?=\s).*", re.MULTILINE)
_WORDS_WITHIN = re.compile(r"[^\W\d_](?:[^'\"#*/\n]*[^\W\d_])?")
_SHORTEST = 4
"""Characters of a quotation: less may be any word."""


@functools.lru_cache(maxsize=64)
def words_of_programs(question: str) -> tuple[str, ...]:
    """The comments and texts in the programs of a question, the longest first: to quote them is to say nothing."""
    asked = without_programs(question)
    if asked == question:
        return ()
    within = {words for words in _WORDS_WITHIN.findall(question) if words not in asked and not words.isascii()}
    within |= {comment[0].strip("#/- ") for comment in _COMMENT.finditer(question) if comment[0] not in asked}
    return tuple(sorted((words for words in within if len(words) >= _SHORTEST), key=len, reverse=True))


def without_programs(question: str) -> str:
    """The question but for the programs in it; the whole of it where nothing else says a word."""
    if not _MAY_HOLD_ONE.search(question):
        return question
    asked = question
    for _ in range(_BLOCKS_DEEP):
        asked, count = _SPAN.subn(" ", asked)
        if not count:
            break
    lines = asked.split("\n")
    code = [line for line in lines if is_code_line(_COMMENT.sub("", line))]
    if code:
        program = set(code)
        asked = "\n".join("" if line in program else _COMMENT.sub("", line) for line in lines)
    return asked if any(character.isalpha() for character in asked) else question
