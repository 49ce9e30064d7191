r"""Text → prose: what is left for a reader's language to show in; only this module knows what is not prose.

Formulas, code, links and tags are written alike in every language. Every pattern here is linear in the length of the
text: the body of a delimited span excludes its own opening delimiter, or ends with the line, so that a text full of
openings without an end costs no more than any other.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_CODE_OR_FORMULA = re.compile(
    r"```(?:[^`]|`(?!``))*+(?:```|\Z)"  # fenced code; a fence without an end runs to the end (CommonMark)
    r"|`[^`\n]*+`"
    r"|\\\\"  # a line break; passed over as a pair, so that no formula begins at its second half
    r"|\$\$[^$]*+\$\$"
    r"|\$(?=[^\s$])[^$\n]*+(?<=\S)\$(?!\d)"  # Pandoc's rule: "$5 and $7" are prices
    r"|\\\[[^\\]*+(?:\\[^\[\]][^\\]*+)*+\\\]"
    r"|\\\([^\\]*+(?:\\[^()][^\\]*+)*+\\\)"
    r"|https?://[!-~]++|www\.[!-~]++"
    r"|</?[A-Za-z][\w-]{0,20}(?:\s[^<>\n=]{0,20}=[^<>\n]{0,80})?\s?/?>"
)
_ENVIRONMENT = re.compile(r"\\begin\{[^{}\n]{1,20}\}[^\\]*+(?:\\(?!begin\{|end\{)[^\\]*+)*+\\end\{[^{}\n]{1,20}\}")
_COMMAND = re.compile(r"\\(?:boxed|text|textbf|mathrm|mathbf|operatorname|label|tag)\*?\s?\{[^{}]*+\}|\\[A-Za-z]++\*?")
_ENVIRONMENT_DEPTH = 3


def to_prose(text: str) -> str:
    """The text with code, formulas, links and tags replaced by a space each."""
    return _replace(text, " ")


def blank_out(text: str) -> str:
    """`to_prose` with every place kept: what is no prose is replaced by as many spaces."""
    return _replace(text, lambda match: " " * len(match[0]))


def _replace(text: str, filling: str | Callable[[re.Match[str]], str]) -> str:
    text = _CODE_OR_FORMULA.sub(filling, text)
    if "\\" not in text:
        return text
    for _ in range(_ENVIRONMENT_DEPTH):  # from the inside out
        text, count = _ENVIRONMENT.subn(filling, text)
        if not count:
            break
    return _COMMAND.sub(filling, text)
