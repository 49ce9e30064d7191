r"""Tree → LaTeX that Math-Verify reads: every product, power and function spelled out.

>>> from overproof.grading.reader import read
>>> to_latex(read("sin(pi*x/5)"))
'\\sin\\left(\\frac{\\pi \\cdot x}{5}\\right)'
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from overproof.grading.tree import Node

_CONSTANTS = {"pi": "\\pi", "e": "e", "i": "i", "inf": "\\infty"}
_BRACKETS = {"paren": "()", "square": "[]", "openleft": "(]", "openright": "[)"}
_RELATIONS = {"<=": "\\le", ">=": "\\ge", "!=": "\\ne", "in": "\\in", "notin": "\\notin", "~": "\\approx"}
_NAMED = {"abs": ("|", "|"), "floor": ("\\lfloor ", "\\rfloor"), "ceil": ("\\lceil ", "\\rceil")}


class UnwritableError(ValueError):
    """A node that Math-Verify has no notation for."""


def to_latex(node: Node) -> str:
    """The tree as LaTeX. Raises UnwritableError for words and decorated names."""
    write = _WRITERS.get(node.op)
    if write is None:
        raise UnwritableError(node.op)
    return write(node, [to_latex(part) for part in node.args])


def _leaf(node: Node, _args: list[str]) -> str:
    text = str(node.value)
    if node.op == "const":
        return _CONSTANTS[text]
    if not text.isascii() or ":" in text:
        raise UnwritableError(text)
    name, _, index = text.partition("_")
    return f"{name}_{{{index}}}" if index else name


def _number(node: Node, _args: list[str]) -> str:
    value = node.value
    assert isinstance(value, Fraction)
    sign = "-" if value < 0 else ""
    return str(value) if value.denominator == 1 else f"{sign}\\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def _grouped(node: Node, text: str) -> str:
    """Brackets around what binds weaker than multiplication."""
    return f"\\left({text}\\right)" if node.op in {"add", "neg", "plusminus", "rel", "mod"} else text


def _sum(node: Node, args: list[str]) -> str:
    out = args[0]
    for part, text in zip(node.args[1:], args[1:], strict=True):
        out += text if part.op in {"neg", "plusminus"} else f" + {text}"
    return out


def _product(node: Node, args: list[str]) -> str:
    return " \\cdot ".join(_grouped(part, text) for part, text in zip(node.args, args, strict=True))


def _power(node: Node, args: list[str]) -> str:
    base = node.args[0]
    plain = base.op in {"sym", "const", "num"} and "frac" not in args[0] and not args[0].startswith("-")
    return f"{args[0] if plain else f'({args[0]})'}^{{{args[1]}}}"


def _sign(node: Node, args: list[str]) -> str:
    sign = "\\pm" if node.value == "+" else "\\mp"
    return f"{sign} {_grouped(node.args[0], args[0])}"


def _function(node: Node, args: list[str]) -> str:
    name = str(node.value)
    if name in _NAMED:
        before, after = _NAMED[name]
        return f"{before}{args[0]}{after}"
    if name == "binom":
        return f"\\binom{{{args[0]}}}{{{args[1]}}}"
    if name == "log" and len(args) > 1:
        return f"\\log_{{{args[1]}}}\\left({args[0]}\\right)"
    return f"\\{name}\\left({', '.join(args)}\\right)"


def _relation(node: Node, args: list[str]) -> str:
    out = args[0]
    for operator, text in zip(str(node.value).split(), args[1:], strict=True):
        out += f" {_RELATIONS.get(operator, operator)} {text}"
    return out


def _matrix(_node: Node, args: list[str]) -> str:
    return "\\begin{pmatrix}" + " \\\\ ".join(args) + "\\end{pmatrix}"


_WRITERS: dict[str, Callable[[Node, list[str]], str]] = {
    "num": _number,
    "sym": _leaf,
    "const": _leaf,
    "add": _sum,
    "mul": _product,
    "neg": lambda node, args: f"-{_grouped(node.args[0], args[0])}",
    "plusminus": _sign,
    "div": lambda _node, args: f"\\frac{{{args[0]}}}{{{args[1]}}}",
    "pow": _power,
    "root": lambda _node, args: f"\\sqrt[{args[1]}]{{{args[0]}}}" if args[1] != "2" else f"\\sqrt{{{args[0]}}}",
    "fact": lambda _node, args: f"({args[0]})!",
    "fn": _function,
    "percent": lambda _node, args: f"\\frac{{{args[0]}}}{{100}}",
    "degree": lambda _node, args: f"{args[0]}^\\circ",
    "rel": _relation,
    "list": lambda _node, args: ", ".join(args),
    "and": lambda _node, args: ", ".join(args),
    "or": lambda _node, args: ", ".join(args),
    "brace": lambda _node, args: "\\{" + ", ".join(args) + "\\}" if args else "\\emptyset",
    **dict.fromkeys(
        _BRACKETS, lambda node, args: f"\\left{_BRACKETS[node.op][0]}{', '.join(args)}\\right{_BRACKETS[node.op][1]}"
    ),
    "union": lambda _node, args: " \\cup ".join(args),
    "intersection": lambda _node, args: " \\cap ".join(args),
    "difference": lambda _node, args: " \\setminus ".join(args),
    "row": lambda _node, args: " & ".join(args),
    "matrix": _matrix,
    "where": lambda _node, args: args[0],
    "ratio": lambda _node, args: f"\\frac{{{args[0]}}}{{{args[1]}}}",
}
