r"""What the question adds to a comparison: which variables it names, and whether it asks for its parts in order.

>>> sorted(scope_of("If $x>0$ and $\\sin\\theta = 1$, find $n$.").known)
['\\theta', 'n', 'x']
>>> scope_of("则 a = ____，b = ____。").ordered
True
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

import msgspec

from overproof.grading.tree import Node

MAX_QUESTION_CHARS = 20_000

_BLANK = re.compile(r"_{2,}|\\_\\_+|\\underline *\{ *(?:\\[a-z]+(?:\{[^{}]*\})? *)*\}")
_IN_ORDER = re.compile(r"respectively|in (?:that|this) order|分别|依次|ordered (?:pair|triple|tuple)", re.IGNORECASE)
_APPROXIMATE = re.compile(
    r"approximat|nearest|round|estimate|correct to|decimal place|significant (?:figure|digit)|about how|roughly|"
    r"近似|大约|约为|精确到|保留|四舍五入",
    re.IGNORECASE,
)
_VARIABLE = re.compile(
    r"(\\(?:alpha|beta|gamma|delta|theta|lambda|mu|omega|phi|psi|rho|sigma|tau|ell))|(?<![A-Za-z\\])([A-Za-z])(?![A-Za-z])"
)
_FORMULA = re.compile(r"\$([^$]*)\$|\\\((.*?)\\\)|\\\[(.*?)\\\]", re.DOTALL)
_COMMAND = re.compile(r"\\(?:[a-zA-Z]+)")


class Scope(msgspec.Struct, frozen=True):
    """What is known about a comparison beside the two answers."""

    known: frozenset[str] | None = None
    """Variables that the question names; None without a question."""
    ordered: bool = False
    """Whether the question asks for its parts in order (two blanks, "respectively")."""
    rounded: bool = False
    """Whether the question asks for a rounded or approximate answer."""
    settle: Callable[[Node, Node], bool | None] | None = None
    """Decides two scalar trees where floating point cannot; only worker processes have one."""


ANYWHERE = Scope()


@lru_cache(maxsize=2048)
def scope_of(question: str | None) -> Scope:
    """The scope that a question sets."""
    if not question:
        return ANYWHERE
    text = question[:MAX_QUESTION_CHARS]
    return Scope(
        known=frozenset(name or letter for name, letter in _VARIABLE.findall(_without_prose(text))),
        ordered=len(_BLANK.findall(text)) > 1 or _IN_ORDER.search(text) is not None,
        rounded=_APPROXIMATE.search(text) is not None,
    )


def _without_prose(text: str) -> str:
    """The formulas of a question; all of it when it has none. `a` and `I` in prose name no variable."""
    formulas = [next((part for part in match if part), "") for match in _FORMULA.findall(text)]
    if not formulas:
        return re.sub(r"(?<![\w\\])[aAI](?= [a-z])", " ", text)
    return " ".join(formulas)
