r"""LaTeX in a text → where its formulas are, and MathML that is safe to show; the only user of latex2mathml.

A formula is shown as MathML only when that is sure to be right and harmless. The library leaves commands that it does
not know in its output as text, gets some environments wrong without a word, and lets markup through; so what it makes
is parsed, and everything but known elements with known attributes and without a backslash is refused. A refused
formula is shown as the TeX it is.

    >>> to_mathml(r"\frac12")
    '<math><mrow><mfrac><mn>1</mn><mn>2</mn></mfrac></mrow></math>'
    >>> to_mathml(r"\unknown{x}") is None
    True
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree import ElementTree as ET

from latex2mathml import exceptions as latex_errors
from latex2mathml.converter import convert

from overproof.grading.boxes import find_boxes

LONGEST = 2000
"""Characters of a formula that is still converted."""
_DEEPEST = 24
"""Braces within braces."""


class Formula(NamedTuple):
    """A formula in a text: where it stands with its delimiters, and the LaTeX between them."""

    start: int
    end: int
    latex: str
    is_display: bool


# Linear in the length of the text: the body of each span excludes its own opening delimiter, or ends with the line.
_FORMULA = re.compile(
    r"\\\\"  # a line break; passed over as a pair, so that no formula begins at its second half
    r"|(?<!\\)\$\$(?P<dollars>[^$]+)\$\$"
    r"|(?<![\\$])\$(?=[^\s$])(?P<dollar>[^$\n]*+)(?<=[^\s\\])\$(?![\d$])"  # Pandoc's rule: "$5 and $7" are prices
    r"|\\\[(?P<bracket>[^\\]*+(?:\\[^\[\]][^\\]*+)*+)\\\]"
    r"|\\\((?P<paren>[^\\]*+(?:\\[^()][^\\]*+)*+)\\\)"
    r"|(?P<environment>\\begin\{(?P<name>equation|align|gather|eqnarray|multline)(?P<star>\*?)\}"
    r"[^\\]*+(?:\\(?!begin\{(?P=name)|end\{(?P=name))[^\\]*+)*+\\end\{(?P=name)(?P=star)\})"
)
_KINDS = ("dollars", "dollar", "bracket", "paren", "environment")
_DISPLAY = {"dollars", "bracket", "environment"}


def find_formulas(text: str) -> Iterator[Formula]:
    r"""The formulas of a text in order: between delimiters, environments, and every `\boxed{…}` that stands alone."""
    boxes = iter([*find_boxes(text), (len(text) + 1, 0, "")])
    box = next(boxes)
    end = 0
    for match in _FORMULA.finditer(text):
        kind = next((name for name in _KINDS if match[name] is not None), None)
        if kind is None:
            continue
        while box[0] < match.start():
            if box[0] >= end and box[1] <= match.start():
                yield Formula(box[0], box[1], text[box[0] : box[1]], is_display=False)
            box = next(boxes)
        yield Formula(match.start(), match.end(), match[kind].strip(), kind in _DISPLAY)
        end = match.end()
    while box[0] < len(text):
        if box[0] >= end:
            yield Formula(box[0], box[1], text[box[0] : box[1]], is_display=False)
        box = next(boxes)


# What the library gets wrong but knows under another name.
_REWRITTEN = (
    (re.compile(r"\\(begin|end)\{aligned\}(?:\[[tbc]\])?"), r"\\\1{align*}"),
    (re.compile(r"\\begin\{(?:gathered|gather\*?)\}"), r"\\begin{array}{c}"),
    (re.compile(r"\\end\{(?:gathered|gather\*?)\}"), r"\\end{array}"),
    (re.compile(r"\\(begin|end)\{(?:equation\*?|eqnarray\*?|align)\}"), r"\\\1{align*}"),
    (re.compile(r"\\overarc\b"), r"\\overparen"),
    (re.compile(r"\\arg\b"), r"\\operatorname{arg}"),
    (re.compile(r"\\(?:label|tag)\*?\{[^{}]*\}|\\(?:nonumber|notag)\b"), ""),
)
_ENVIRONMENT = re.compile(r"\\begin\{([^{}]*)\}(?:\{([^{}]*)\})?")
_ENVIRONMENTS = {
    *("align*", "array", "cases", "split", "matrix", "pmatrix", "bmatrix", "Bmatrix", "vmatrix", "Vmatrix"),
    "smallmatrix",
}
_WRONG_COMMAND = re.compile(
    r"\\(?:hline|cline|multicolumn|multirow|xrightarrow|xleftarrow|xlongequal|href|url|class|style|id|unicode|enclose"
    r"|rule|cancel|bcancel|xcancel|begin|end)(?![A-Za-z*])"
)
# Signs that would be markup are carried through the library as private characters.
_HIDDEN = {"<": "\ue000", ">": "\ue001"}
_SHOWN = {hidden: sign for sign, hidden in _HIDDEN.items()}
# Fences and signs that the library leaves as commands where they are right.
_LEFT_OVER = {
    "\\{": "{",
    "\\}": "}",
    "\\lbrace": "{",
    "\\rbrace": "}",
    "\\lvert": "|",
    "\\rvert": "|",
    "\\vert": "|",
    "\\|": "‖",
    "\\lVert": "‖",
    "\\rVert": "‖",
    "\\langle": "⟨",
    "\\rangle": "⟩",
}
_OWN_ERRORS = (error for error in vars(latex_errors).values() if isinstance(error, type))
_ERRORS: tuple[type[Exception], ...] = (
    *(error for error in _OWN_ERRORS if issubclass(error, Exception)),
    *(AttributeError, LookupError, RecursionError, StopIteration, TypeError, ValueError, ET.ParseError),
)
"""What the library raises on what a model may write, by its source and by trying it on random input."""

_ELEMENTS = {
    *("math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mfrac", "msqrt", "mroot", "msub", "msup", "msubsup"),
    *("munder", "mover", "munderover", "mtable", "mtr", "mtd", "mstyle", "mpadded", "mphantom", "menclose"),
}
_ATTRIBUTES = {
    *("display", "displaystyle", "scriptlevel", "mathvariant", "stretchy", "fence", "form", "separator", "accent"),
    *("minsize", "maxsize", "movablelimits", "largeop", "symmetric", "lspace", "rspace", "width", "height", "depth"),
    *("voffset", "linethickness", "columnalign", "rowspacing", "columnspacing", "accentunder"),
}
_CHILDREN = {
    **dict.fromkeys(("mfrac", "mroot", "msub", "msup", "munder", "mover"), 2),
    **dict.fromkeys(("msubsup", "munderover"), 3),
}
"""How many children an element must have; the library leaves out what it does not find."""
_PLAIN_VALUE = re.compile(r"[\w .%+-]*")


@functools.lru_cache(maxsize=1 << 14)
def to_mathml(latex: str, *, is_display: bool = False) -> str | None:
    """A formula as one `<math>` element, or None when it is better shown as it is written."""
    if not latex or len(latex) > LONGEST or (not latex.isprintable() and not latex.replace("\n", "").isprintable()):
        return None
    if _deepest(latex) > _DEEPEST:
        return None
    for pattern, replacement in _REWRITTEN:
        latex = pattern.sub(replacement, latex)
    if not _is_understood(latex):
        return None
    for sign, hidden in _HIDDEN.items():
        latex = latex.replace(sign, hidden)
    try:
        made = convert(latex, display="block" if is_display else "inline")
        return _rebuild(ET.fromstring(made))  # noqa: S314 - no document type can be in it: every < was taken out
    except _ERRORS:
        return None


def _deepest(latex: str) -> int:
    r"""How many braces are open at once at most, with `\\left` and roots counted as if they were braces."""
    depth = deepest = 0
    for brace in re.finditer(r"\\left\b|\\right\b|\\.|[{}]", latex, re.DOTALL):
        depth += {"{": 1, "}": -1, "\\left": 1, "\\right": -1}.get(brace[0], 0)
        deepest = max(deepest, depth)
    return deepest


def _is_understood(latex: str) -> bool:
    r"""Whether all environments are ones that the library gets right, and no command is one that it gets wrong."""
    for environment in _ENVIRONMENT.finditer(latex):
        name, columns = environment.groups()
        if name not in _ENVIRONMENTS or (name == "array" and not re.fullmatch(r"[lcr\s]*", columns or "")):
            return False
    rest = _ENVIRONMENT.sub("", re.sub(r"\\end\{[^{}]*\}", "", latex))
    if "&" in rest.replace("\\&", "") and "\\begin" not in latex:
        return False
    return _WRONG_COMMAND.search(rest) is None


def _rebuild(element: ET.Element) -> str:
    """The library's tree written out anew, from known parts only. Raises ValueError for anything else."""
    name = element.tag.rpartition("}")[2]
    if name not in _ELEMENTS:
        raise ValueError(f"the element {name} is not known")
    if len(element) != _CHILDREN.get(name, len(element)):
        raise ValueError(f"{name} lacks a part")
    attributes = {key: value for key, value in element.attrib.items() if key in _ATTRIBUTES}
    if attributes.get("display") == "inline":
        del attributes["display"]
    if name == "menclose":  # browsers do not draw it
        name, attributes = "mrow", {"class": "boxed"}
        if element.get("notation") != "box":
            raise ValueError("only boxes can be drawn")
    if not all(_PLAIN_VALUE.fullmatch(value) for value in attributes.values()):
        raise ValueError("an attribute holds more than a plain value")
    text = element.text or ""
    if text in _SHOWN:
        name = "mo"
    inside = _show_text(text) + "".join(_rebuild(child) + _show_text(child.tail or "") for child in element)
    written = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f"<{name}{written}>{inside}</{name}>"


def _show_text(text: str) -> str:
    """Text of a formula in HTML. Raises ValueError where it holds a command that the library did not know."""
    text = _LEFT_OVER.get(text, text).replace("\\_", "_").replace("\\%", "%")
    if "\\" in text:
        raise ValueError("a command was left as it is")
    for hidden, sign in _SHOWN.items():
        text = text.replace(hidden, sign)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
