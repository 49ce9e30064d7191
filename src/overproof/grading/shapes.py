r"""Shapes of trees: what kind of answer one is, how many parts it has, and its plainest form before it is compared.

>>> from overproof.grading.reader import read
>>> kind_of(read("[0,1)")), part_count(read("1, 2, 3"))
('interval', 3)
>>> len(written_out([read("\\pm 3")]))
2
"""

from __future__ import annotations

import itertools

from overproof.grading.equations import chain_value, is_equation
from overproof.grading.regions import is_region
from overproof.grading.tree import BRACKETS, LISTS, Node, symbols, walk

MAX_SIGNS = 4
"""A ± b ± … with more signs than this is not written out."""

_DESCENDING = {">": "<", ">=": "<="}


def kind_of(node: Node) -> str:
    """The kind of answer that a tree is: number, percentage, list, interval, matrix, expression and so on."""
    node = simplify(node)
    if is_equation(node):
        return "equation" if chain_value(node) is None else "number"
    if is_region(node):
        return (
            "inequality" if node.op in {"rel", "and", "or", "list"} else "union" if node.op == "union" else "interval"
        )
    kinds = {
        "paren": "tuple", "square": "interval" if len(node.args) == 2 else "list", "brace": "set", "matrix": "matrix",
        "list": "list", "and": "list", "or": "list", "percent": "percentage", "degree": "angle", "ratio": "ratio",
        "text": "text", "union": "union", "builder": "set", "rel": "relation", "intersection": "set",
        "difference": "set",
    }  # fmt: skip
    if node.op in kinds:
        return kinds[node.op]
    return "expression" if symbols(node) else "number"


def part_count(node: Node) -> int:
    """How many boxes an answer to this reference may use: the parts of a list, else 1."""
    node = simplify(node)
    return len(node.args) if node.op in LISTS | {"brace"} and node.args else 1


def is_composite(node: Node) -> bool:
    """Whether a tree is more than one value: a list, something in brackets, a relation, a set, a matrix."""
    return node.op in LISTS | BRACKETS | {"rel", "union", "intersection", "difference", "builder", "matrix"}


def simplify(node: Node) -> Node:
    """The tree without conditions on parameters, its inequalities read from the smaller side to the larger."""
    if node.op == "where":
        return simplify(node.args[0])
    if node.op == "rel" and set(str(node.value).split()) <= _DESCENDING.keys():
        operators = reversed(str(node.value).split())
        return Node("rel", node.args[::-1], " ".join(_DESCENDING[operator] for operator in operators), node.decimals)
    if node.op in {"list", "and"}:
        kept = tuple(part for part in node.args if not _is_domain(part))
        if kept and len(kept) < len(node.args):
            return simplify(kept[0] if len(kept) == 1 else Node(node.op, kept))
    if node.op in LISTS and any(part.op == "where" for part in node.args):
        return Node(node.op, tuple(simplify(part) for part in node.args))
    return node


def _is_domain(node: Node) -> bool:
    """K ∈ Z and the like: a condition on a parameter, not a part of the answer."""
    node = node.args[0] if node.op == "where" else node
    if node.op != "rel" or "in" not in str(node.value).split():
        return False
    domain = node.args[-1]
    while domain.op in {"pow", "mul"}:
        domain = domain.args[0]
    return domain.op == "sym" and str(domain.value).split("_")[0] in {"Z", "N", "dec:Z", "dec:N", "dec:Z^", "N*"}


def written_out(items: list[Node]) -> list[Node]:
    """Items with their ± written out: ±2 is 2 and -2; in a tuple each sign is free, in a value they go together."""
    out: list[Node] = []
    for item in items:
        out.extend(_both_signs(item))
    return out


def _both_signs(item: Node) -> list[Node]:
    signs = [part for part in walk(item) if part.op == "plusminus"]
    if not signs or len(signs) > MAX_SIGNS:
        return [item]
    if item.op == "paren":
        choices = [
            [part] if not any(p.op == "plusminus" for p in walk(part)) else _both_signs(part) for part in item.args
        ]
        return [Node("paren", tuple(combination)) for combination in itertools.product(*choices)]
    return [_with_sign(item, plus=True), _with_sign(item, plus=False)]


def _with_sign(node: Node, *, plus: bool) -> Node:
    if node.op == "plusminus":
        inner = _with_sign(node.args[0], plus=plus)
        return inner if (node.value == "+") == plus else Node("neg", (inner,))
    return (
        Node(node.op, tuple(_with_sign(part, plus=plus) for part in node.args), node.value, node.decimals)
        if node.args
        else node
    )


def rows_of(node: Node) -> list[list[Node]] | None:
    """The rows of a matrix, a vector, a tuple of rows or a sum of matrices; None for anything else."""
    if node.op == "matrix":
        return [list(row.args) for row in node.args if row.args]
    if node.op in {"paren", "square", "list"} and len(node.args) > 1:
        rows = [list(part.args) if part.op in {"square", "paren"} and part.args else None for part in node.args]
        if all(row is not None for row in rows):
            return [row for row in rows if row is not None]
        return [[part] for part in node.args]
    if node.op == "add" and all(part.op == "matrix" for part in node.args):
        return _added(list(node.args))
    return [[node]] if node.op in {"num", "neg", "div"} else None


def _added(matrices: list[Node]) -> list[list[Node]] | None:
    """The sum of matrices of one shape, entry by entry."""
    tables = [[row.args for row in matrix.args if row.args] for matrix in matrices]
    if len({tuple(len(row) for row in table) for table in tables}) > 1:
        return None
    return [[Node("add", cells) for cells in zip(*rows, strict=True)] for rows in zip(*tables, strict=True)]
