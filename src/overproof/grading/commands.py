r"""Commands of a formula: fractions, roots, functions, text, rounding brackets, quantifiers and environments.

Each function here reads one command's arguments with the reader that met it (`reader`), which knows the rest of the
grammar.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from overproof.grading.scanner import ALIASES, BRACED_TEXT, CLOSERS, FUNCTIONS, UnreadableError
from overproof.grading.tree import E, I, Node, number, product

if TYPE_CHECKING:
    from overproof.grading.reader import Reader

_ENVIRONMENT = re.compile(r" *\{([a-zA-Z]+)\*?\}(?: *\{[lcr| ]*\})?(?: *\[[a-z]\])?")
_ARGUMENT = re.compile(r" *([0-9A-Za-z])")
_OPTIONAL = re.compile(r" *\[([^\[\]]{1,20})\]")
_DIGITS = re.compile(r"[\d.,+\-/ ]+")
_MATRICES = frozenset({"matrix", "pmatrix", "bmatrix", "vmatrix", "Bmatrix", "Vmatrix", "smallmatrix", "array"})
_ROWS = frozenset({"cases", "aligned", "align", "gathered", "gather", "split"})
_INVERTIBLE = frozenset({"sin", "cos", "tan", "cot"})
_MINUS_ONE = Node("neg", (number(1),))


def two_argument_logarithm(reader: Reader) -> Node:
    """`lg(x)` and `lg(x, base)`."""
    reader.advance()
    operand = reader.factor()
    if operand.op == "paren" and len(operand.args) == 2:
        return Node("fn", operand.args, "log")
    return Node("fn", (operand, number(10)), "log")


def function(reader: Reader, name: str) -> Node:
    r"""A function with its power and its argument: sin^2 x, log_2 8, arctan(1/2), \max(1, a)."""
    name = ALIASES.get(name, name)
    base = power = None
    if name == "log" and reader.take("_"):
        base = argument(reader)
    if reader.token in {"^", "**"}:
        reader.advance()
        power = reader.exponent()
    operand = function_argument(reader)
    args = operand.args if operand.op == "paren" and len(operand.args) > 1 else (operand,)
    if power == _MINUS_ONE and name in _INVERTIBLE:
        return Node("fn", args, f"arc{name}")
    node = Node("fn", (*args, base) if base is not None else args, name)
    return node if power is None else Node("pow", (node, power))


def function_argument(reader: Reader) -> Node:
    """What a function takes: its bracket, or factors up to a sign or the next function."""
    if reader.token in {"(", "[", "|"}:
        node = reader.atom()
        return reader.postfix(node) if reader.token in {"°", "!"} else node
    factors = [reader.factor()]
    while True:
        if reader.take("/"):
            reader.limit(len(reader.text) - len(reader.text.replace("/", "")))
            factors = [Node("div", (product(factors), reader.factor()))]
        elif reader.starts_factor() and reader.token not in CLOSERS and reader.token.lstrip("\\") not in FUNCTIONS:
            factors.append(reader.factor())
        else:
            return product(factors)


def argument(reader: Reader) -> Node:
    """The argument of a command: a group in braces, or one digit, letter or command."""
    match = _ARGUMENT.match(reader.text, reader.start)
    if match is None:
        return reader.atom()
    character = match[1]
    reader.jump(match.end())
    if character.isdigit():
        return number(int(character))
    return {"e": E, "i": I}.get(character) or Node("sym", (), character)


def fraction(reader: Reader) -> Node:
    r"""\frac with its two arguments."""
    return Node("div", (argument(reader), argument(reader)))


def binomial(reader: Reader) -> Node:
    r"""\binom with its two arguments."""
    return Node("fn", (argument(reader), argument(reader)), "binom")


def root(reader: Reader) -> Node:
    r"""\sqrt with its degree, if it has one."""
    degree = number(2)
    if reader.token == "[" and (match := _OPTIONAL.match(reader.text, reader.start)):
        reader.jump(match.end())
        degree = type(reader)(match[1].strip()).sequence(())
    return Node("root", (reader.atom(), degree))


def words(reader: Reader) -> Node:
    r"""\text{…}: one letter is a variable, a number is a number, the rest are words."""
    match = BRACED_TEXT.match(reader.text, reader.start)
    if match is None:
        return reader.atom()
    content = match[1].strip()
    reader.jump(match.end())
    if len(content) == 1 and content.isalpha():
        return {"e": E, "i": I}.get(content) or Node("sym", (), content)
    if _DIGITS.fullmatch(content):
        return type(reader)(content).sequence(())
    return Node("text", (), content)


def decorated(reader: Reader) -> Node:
    r"""\overline{AB}, \hat{p}, \mathbb{R}: a name of its own, whatever stands under the decoration."""
    match = BRACED_TEXT.match(reader.text, reader.start)
    if match is None:
        return reader.atom()
    reader.jump(match.end())
    return Node("sym", (), f"dec:{match[1].strip()}")


def floor(reader: Reader) -> Node:
    r"""\lfloor … \rfloor."""
    inner = reader.sum()
    reader.expect("\\rfloor")
    return Node("fn", (inner,), "floor")


def ceil(reader: Reader) -> Node:
    r"""\lceil … \rceil."""
    inner = reader.sum()
    reader.expect("\\rceil")
    return Node("fn", (inner,), "ceil")


def quantified(reader: Reader) -> Node:
    r"""\forall x > 0, …: the domain and the statement."""
    sign = reader.text[: reader.start].rstrip().rpartition("\\")[2]
    domain = reader.relation()
    while reader.token in {",", ":", ";"} and reader.kind != "end":
        reader.advance()
    body = reader.relation() if reader.kind != "end" and reader.token not in {")", "]", "}"} else domain
    return Node("quantified", (domain, body), sign)


def environment(reader: Reader) -> Node:
    r"""\begin{pmatrix} … \end{pmatrix}, cases and aligned rows."""
    match = _ENVIRONMENT.match(reader.text, reader.start)
    name = match[1] if match else ""
    if match is None or name not in _MATRICES | _ROWS:
        raise UnreadableError(f"\\begin{{{name}}} is not read here")
    reader.jump(match.end())
    rows: list[Node] = []
    while reader.token != "\\end" and reader.kind != "end":
        rows.append(row(reader))
        if reader.token == "\\\\":
            reader.advance()
    if (match := _ENVIRONMENT.match(reader.text, reader.end)) is None or match[1] != name:
        raise UnreadableError(f"\\end{{{name}}} is missing")
    reader.jump(match.end())
    if name in _MATRICES:
        return Node("matrix", tuple(rows))
    return Node("and", tuple(row.args[0] if len(row.args) == 1 else Node("list", row.args) for row in rows))


def row(reader: Reader) -> Node:
    """The cells of one row."""
    cells: list[Node] = []
    while reader.kind != "end" and reader.token not in {"\\\\", "\\end"}:
        if reader.token in {"&", ",", "\\hline"}:
            reader.advance()
        else:
            cells.append(reader.relation())
    return Node("row", tuple(cells))


def prefixed(reader: Reader) -> Node:
    r"""\angle, \triangle: the sign says what is named, not what it is worth."""
    return reader.atom()


COMMANDS: dict[str, Callable[[Reader], Node]] = {
    "\\frac": fraction,
    "\\binom": binomial,
    "\\sqrt": root,
    "\\text": words,
    "\\lfloor": floor,
    "\\lceil": ceil,
    "\\begin": environment,
    "\\forall": quantified,
    "\\exists": quantified,
    **dict.fromkeys(["\\angle", "\\triangle"], prefixed),
    **dict.fromkeys(["\\overline", "\\hat", "\\widehat", "\\tilde", "\\bar", "\\underline", "\\mathbb"], decorated),
}
