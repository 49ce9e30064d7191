r"""A list or dict as Python and NumPy print it → its value; only this module knows how the two differ from JSON.

Data frames leave such texts in CSV files. NumPy sets no commas: `['a'\n 'b']` is two texts, which Python itself would
read as one. Nothing is evaluated: what is no literal is no value.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

_TOKEN = re.compile(
    r"""(?P<text>[bu]?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))"""
    r"""|(?P<call>(?:(?:np|numpy)\.)?(?:array|str_|float\d*|int\d*|uint\d+|bool_?|Decimal)\()"""
    r"""|(?P<mark>[\[\]{}(),:])|(?P<space>\s+)|(?P<atom>[^\s,:\[\]{}()'"]+)""",
    re.DOTALL,
)
_CLOSES = {"[": "]", "(": ")", "{": "}"}
_ATOMS = {"nan": None, "None": None, "True": True, "False": False, "null": None, "true": True, "false": False}
_LEFT_OUT = "..."
"""What NumPy prints in place of most of a long list."""
_CUT = re.compile(
    r"""\s*(?:\w+\.)?(?:array\()?\[\s*['"{\[].*['"}\]][\s,]*\.\.\.[\s,]*['"{\[].*\](?:[^\[\]]*\))?\s*""", re.DOTALL
)
_WRAPPED_AT = 80
"""Characters of a line, beyond which Python's pretty printer goes on in a literal of its own; it breaks at spaces."""
_ENDS_A_REPLY = "\\boxed"
"""What stands in every reply of several, and hardly in every line of one."""


class _Literal(NamedTuple):
    """A value within a list or dict, as it was printed."""

    value: Any
    is_text: bool
    begins_line: bool = False


def is_cut(text: str) -> bool:
    """Whether a text prints a list of which NumPy has left out most."""
    return _CUT.fullmatch(text) is not None


def read_printed(text: str) -> list[Any] | dict[Any, Any] | None:
    """The list or dict that a text prints; None where it prints none, or another thing in it."""
    try:
        reader = _Reader(text)
        found = reader.read_value(next(reader.tokens))
        is_whole = next(reader.tokens, None) is None
    except (ValueError, SyntaxError, StopIteration, RecursionError, MemoryError):
        return None
    return found if is_whole and isinstance(found, list | dict) else None


class _Reader:
    """Reads one text from its beginning. Raises ValueError where it prints no value."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _take_tokens(text)

    def read_value(self, token: re.Match[str]) -> Any:
        said = token[0]
        if token.lastgroup == "text":
            return ast.literal_eval(said)
        if token.lastgroup == "call":
            return self._read_call()
        if token.lastgroup == "atom" and said != _LEFT_OUT:
            return _ATOMS[said] if said in _ATOMS else ast.literal_eval(said)
        if said == "{":
            return self._read_dict()
        if said in _CLOSES:
            return self._read_list(_CLOSES[said])
        raise ValueError(said)

    def _read_list(self, end: str) -> list[Any]:
        """The elements up to a bracket; texts that follow one another are one where commas part others."""
        items: list[list[_Literal]] = [[]]
        behind = 0
        while (token := next(self.tokens))[0] != end:
            if token[0] == "," and token.lastgroup == "mark":
                items.append([])
            else:
                begins_line = "\n" in self.text[behind : token.start()]
                items[-1].append(_Literal(self.read_value(token), token.lastgroup == "text", begins_line))
            behind = token.end()
        if len(items) == 1 and not _is_wrapped(items[0]):
            return [one.value for one in items[0]]
        return [_join(item) for item in items if item]

    def _read_dict(self) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        while (token := next(self.tokens))[0] != "}":
            if token[0] == ",":
                continue
            key = self.read_value(token)
            if next(self.tokens)[0] != ":":
                raise ValueError(key)
            token = next(self.tokens)
            value = [_Literal(self.read_value(token), token.lastgroup == "text")]
            while (token := next(self.tokens))[0] not in {",", "}"} or token.lastgroup != "mark":
                value.append(_Literal(self.read_value(token), token.lastgroup == "text"))
            found[key] = _join(value)
            if token[0] == "}":
                break
        return found

    def _read_call(self) -> Any:
        """The first argument of a call, whose others say of what type it is."""
        value = self.read_value(next(self.tokens))
        while next(self.tokens)[0] != ")":
            pass
        return value


def _take_tokens(text: str) -> Iterator[re.Match[str]]:
    start = 0
    for token in _TOKEN.finditer(text):
        if token.start() != start:
            raise ValueError(text[start : start + 1])
        start = token.end()
        if token.lastgroup != "space":
            yield token
    if start != len(text):
        raise ValueError(text[start : start + 1])


def _is_wrapped(item: Sequence[_Literal]) -> bool:
    """Whether several literals are one text, as the pretty printer writes a long one: a literal a line.

    NumPy puts elements on one line while there is room, and leaves the line breaks within them.
    """
    texts = [one.value for one in item if one.is_text and isinstance(one.value, str)]
    if len(texts) < len(item) or len(texts) < 2 or not all(one.begins_line for one in item[1:]):
        return False
    are_lines = all(text[-1:].isspace() and "\n" not in text[:-1] and len(text) <= _WRAPPED_AT for text in texts[:-1])
    return are_lines and len(texts[-1]) <= _WRAPPED_AT and not all(_ENDS_A_REPLY in text for text in texts)


def _join(item: Sequence[_Literal]) -> Any:
    """The value of literals between two commas: texts are one, as Python reads them."""
    if len(item) == 1:
        return item[0].value
    if not all(one.is_text for one in item):
        raise ValueError(item)
    return "".join(one.value for one in item)
