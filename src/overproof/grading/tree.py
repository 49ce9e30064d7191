"""What a formula says, as a tree of frozen nodes; only this module knows which operators there are.

A node is an operator, its arguments and, for leaves, a value. The reader builds trees, the arithmetic modules evaluate
them, the comparison takes them apart.

    num       value: Fraction; `digits` of the writing are kept in `Number`
    sym       value: name of a variable or of a constant that is not evaluated
    const     value: pi, e, i, inf
    text      value: words
    add mul   any number of arguments        neg div pow mod    one or two arguments
    root      radicand, degree               fn   value: name (sin, log, gcd, floor, …)
    fact      factorial                      plusminus  one argument: ± (value "+") or ∓ (value "-") of it
    percent degree                           one argument each, as written: 50% is percent(50)
    ratio     terms of a : b : c             based   digits read in a base, already a number
    list or and                              items without brackets, joined by commas, `or`, `and`
    paren square brace openleft openright    items in ( ) [ ] { } ( ] [ )
    rel       arguments joined by the operators in `value` (a space-separated chain of = < > <= >= != in notin ~)
    union intersection difference            of sets
    builder   variable part, condition       {x | …}
    matrix    rows as `row` nodes            where   expression, whose condition was dropped
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import msgspec


class Node(msgspec.Struct, frozen=True):
    """One operator of a formula."""

    op: str
    args: tuple[Node, ...] = ()
    value: Fraction | str | None = None
    decimals: int | None = None
    """Of a number: how many digits it was written with after its point; None for an integer."""


PI = Node("const", (), "pi")
E = Node("const", (), "e")
I = Node("const", (), "i")  # noqa: E741 - the imaginary unit's own name
INFINITY = Node("const", (), "inf")
EMPTY = Node("brace")

LISTS = frozenset({"list", "or", "and"})
BRACKETS = frozenset({"paren", "square", "brace", "openleft", "openright"})
SETS = frozenset({"union", "intersection", "difference", "builder", "openleft", "openright"})


def number(value: int | Fraction, decimals: int | None = None) -> Node:
    """A leaf for a number."""
    return Node("num", (), Fraction(value), decimals)


def walk(node: Node) -> Iterator[Node]:
    """Every node of a tree, without recursion."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(current.args)


def symbols(node: Node) -> frozenset[str]:
    """Names of the variables in a tree."""
    return frozenset(str(part.value) for part in walk(node) if part.op == "sym")


def rename(node: Node, names: dict[str, str]) -> Node:
    """The tree with variables renamed."""
    if node.op == "sym":
        return Node("sym", (), names.get(str(node.value), node.value))
    if not node.args:
        return node
    return Node(node.op, tuple(rename(part, names) for part in node.args), node.value, node.decimals)


def product(factors: list[Node]) -> Node:
    """The product of factors; one factor stands for itself."""
    return factors[0] if len(factors) == 1 else Node("mul", tuple(factors))


def signed(sign: str, node: Node) -> Node:
    r"""A tree with a sign before it: +, -, \pm or \mp."""
    if sign == "+":
        return node
    if sign == "-":
        return Node("neg", (node,))
    return Node("plusminus", (node,), "+" if sign == "\\pm" else "-")
