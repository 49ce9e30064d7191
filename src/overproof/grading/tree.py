"""What a text says, as a tree of frozen nodes: the one form between the grammar, the typed values and arithmetic.

A node is an operator, its arguments and, for leaves, a value.

    num sym const                            leaves: a Fraction, a variable's name, one of pi e i inf
    add mul neg div pow root fact mod        arithmetic; `root` has radicand and degree
    sin … floor gcd log binom                functions by their own name, see `evaluate.OPERATORS`
    call                                     an unknown function of its arguments: f(x), P(A|B); value: its name
    sum prod int lim                         body, variable, and the two ends (lim: the point)
    plusminus                                ± (value "+") or ∓ (value "-") of its argument
    quantity                                 a number with its unit; value: the unit
    ratio range clock date based residue     3:4, 15-20, 9:30, 5 May, 204_5, 3 (mod 7)
    words                                    value: plain words
    named guarded                            a label in words for a value, a value under a condition (value: defines)
    list or and                              items without brackets, joined by commas, `or`, `and`
    paren square brace openleft openright    items in ( ) [ ] { } ( ] [ )
    arrow                                    items joined by →
    rel                                      arguments joined by the operators in `value` (a space-separated chain)
    union intersection difference builder    of sets
    matrix row det cases                     rows of cells; a piecewise definition: (value, condition) by turns
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import msgspec


class Node(msgspec.Struct, frozen=True):
    """One operator of a formula."""

    op: str
    args: tuple[Node, ...] = ()
    value: Any = None
    decimals: int | None = None
    """Of a number: how many digits it was written with after its point; None for an integer."""


PI = Node("const", (), "pi")
E = Node("const", (), "e")
I = Node("const", (), "i")  # noqa: E741 - the imaginary unit's own name
INFINITY = Node("const", (), "inf")
EMPTY = Node("brace")

LISTS = frozenset({"list", "or", "and"})
SET_OPERATIONS = frozenset({"union", "intersection", "difference"})
BRACKETS = frozenset({"paren", "square", "brace", "openleft", "openright"})


class UnreadableError(ValueError):
    """The text is not one that the grammar can place whole; the message says what stopped it."""


class FalseStatementError(UnreadableError):
    """The text cannot be true: 5 = 7, digits that their base does not have."""


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


BINDERS = frozenset({"sum", "prod", "int", "lim"})


def symbols(node: Node) -> frozenset[str]:
    """Names of the free variables in a tree."""
    if node.op == "sym":
        return frozenset((str(node.value),))
    if not node.args:
        return frozenset()
    names = frozenset[str]().union(*map(symbols, node.args))
    if node.op in BINDERS:
        return names - {str(node.args[1].value)}
    return names


def replaced(node: Node, names: dict[str, Node]) -> Node:
    """The tree with variables replaced by trees."""
    if node.op == "sym":
        return names.get(str(node.value), node)
    if not node.args:
        return node
    return Node(node.op, tuple(replaced(part, names) for part in node.args), node.value, node.decimals)


def substituted(node: Node, known: Mapping[Node, Node]) -> Node:
    """The tree with any parts replaced by others, the largest first."""
    if node in known or not node.args:
        return known.get(node, node)
    return Node(node.op, tuple(substituted(part, known) for part in node.args), node.value, node.decimals)


def rename(node: Node, names: dict[str, str]) -> Node:
    """The tree with variables renamed."""
    return replaced(node, {old: Node("sym", (), new) for old, new in names.items()})


def product(factors: list[Node]) -> Node:
    """The product of factors; one factor stands for itself."""
    return factors[0] if len(factors) == 1 else Node("mul", tuple(factors))


def negative(node: Node) -> Node:
    """The tree with a minus sign; a number takes it in."""
    if node.op == "num":
        return Node("num", (), -node.value, node.decimals)
    return Node("neg", (node,))
