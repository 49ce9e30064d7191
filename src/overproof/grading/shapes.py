r"""Trees out of trees: what a sign, a unit, words, a matrix or the rows of an environment make of what they hold.

Only this module knows which combinations say something; what cannot be put together raises `UnreadableError`.
"""

from __future__ import annotations

import itertools

import msgspec

from overproof.grading.evaluate import exact_value
from overproof.grading.lexer import OVER
from overproof.grading.lexicon import CHANGING, CHANGING_HAN, DIRECTIONS, number_of
from overproof.grading.tree import LISTS, E, I, Node, UnreadableError, negative, number
from overproof.grading.units import PERCENT, PERMILLE, Unit, unit_named

MAX_NOUN_WORDS = 6
TEN = 10
MAX_HAN_NOUN = 5
"""A longer run of Chinese characters behind a number is a sentence."""
MATRICES = frozenset({"matrix", "pmatrix", "bmatrix", "Bmatrix", "smallmatrix", "array", "tabular"})
DETERMINANTS = frozenset({"vmatrix", "Vmatrix"})
ROWS = frozenset({"aligned", "align", "gathered", "gather", "split", "equation", "alignedat"})


def variable(text: str) -> Node:
    """A letter as a tree: e and i are constants."""
    return {"e": E, "i": I}.get(text) or Node("sym", (), text)


def signed(sign: str, node: Node) -> Node:
    """A tree behind a sign: +, -, ± or ∓."""
    if sign == "+":
        return node
    if sign == "-":
        return negative(node)
    return Node("plusminus", (node,), "+" if sign == "\\pm" else "-")


_SHARES = {"百": PERCENT, "千": PERMILLE}
"""How a share's denominator is written in Chinese."""


def han_fraction(left: Node, sign: str, written: str, right: Node) -> Node:
    """三分之二, 百分之三十 (a percentage) and 一又三分之二: the denominator before 分之, the whole number before 又."""
    if sign == OVER:
        unit = _SHARES.get(written)
        return Node("quantity", (right,), unit) if unit is not None else Node("div", (right, left))
    value = exact_value(right)
    if value is None or not 0 < value < 1 or left.op != "num" or left.value.denominator != 1:
        raise UnreadableError("a mixed number without its fraction")
    return Node("num", (), left.value + value)


def is_vector(node: Node) -> bool:
    """Whether a tree is a letter with an arrow."""
    return node.op == "sym" and str(node.value).startswith("\\vec")


def measured(value: Node, unit: Unit) -> Node:
    """A value with a unit; units of one value multiply."""
    if value.op == "quantity" and value.value is not None:
        earlier: Unit = value.value
        if earlier.dimension == () or unit.name.startswith("/"):
            return Node("quantity", value.args, earlier.times(unit))
        raise UnreadableError("two units side by side")
    if unit.name == "折" and value.op == "num" and value.value >= TEN:
        value = Node("div", (value, number(TEN)))  # 八五折 are 8.5 tenths
    return Node("quantity", (value,), unit)


def tenths_behind(amount: Node, digit: Node) -> Node | None:
    """三成五, 三成半: a digit behind tenths is tenths of them."""
    if amount.op != "quantity" or amount.value.name != "成" or digit.op != "num" or not 0 < digit.value < TEN:
        return None
    more = digit if digit.value < 1 else Node("div", (digit, number(TEN)))
    return Node("quantity", (Node("add", (amount.args[0], more)),), amount.value)


def with_noun(item: Node, words: list[str], *, noted: bool = False) -> Node:
    """A value with what is counted. Words that change the value cannot be placed."""
    low = [word.lower() for word in words]
    if len(low) > 2 and low[1] == "the" and low[2] in DIRECTIONS and low[0] in {"to", "towards", "toward"}:
        words, low = words[2:], low[2:]  # 5 m/s to the right
    text = " ".join(low)
    if not words or len(words) > MAX_NOUN_WORDS or item.op in {"rel", "named", "words", "guarded", "residue", *LISTS}:
        raise UnreadableError(f"words: {text}")
    if any(number_of(word) is not None for word in words):
        raise UnreadableError("a number in words behind a number")
    if len(words) == 1 and noted and (unit := unit_named(words[0])) is not None:
        return Node("quantity", (item,), unit)
    if any(word.strip("-") in CHANGING or any(part in CHANGING for part in word.split("-")) for word in low) or any(
        CHANGING_HAN.search(word) or (not word.isascii() and len(word) > MAX_HAN_NOUN) for word in words
    ):
        raise UnreadableError(f"words: {text}")
    if item.op == "quantity":
        if item.value.dimension is None or any(unit_named(word) is not None for word in words):
            raise UnreadableError(f"words: {text}")
        return Node("quantity", item.args, msgspec.structs.replace(item.value, note=text))
    return Node("quantity", (item,), Unit(text))


def grouped(items: list[Node], ors: list[int]) -> list[Node]:
    """`x=1, y=2 or x=3, y=4`: groups of named values, each with the same names, are the alternatives."""
    starts = [0, *ors, len(items)]
    groups = [items[low:high] for low, high in itertools.pairwise(starts)]
    names = {
        tuple(item.args[0] if item.op == "rel" and item.value == "=" else None for item in group) for group in groups
    }
    if len(names) == 1 and len(groups[0]) > 1 and None not in next(iter(names)):
        return [Node("list", tuple(group)) for group in groups]
    return items


def amounts_together(items: list[Node], joints: set[str]) -> list[Node]:
    """`1 hour and 45 minutes`: neighbouring amounts of one dimension, each of a smaller unit, are one amount."""
    if len(items) != 2 or joints - {"and", "list"} or "list" in joints:
        return items
    one, other = items
    if one.op == other.op == "quantity" and is_smaller(one, other):
        return [Node("add", (one, other))]
    return items


def last_amount(node: Node) -> Node:
    """The last amount of a sum of amounts."""
    return node.args[-1] if node.op == "add" else node


def is_smaller(one: Node, other: Node) -> bool:
    """Whether the second of two amounts is counted in a smaller unit of the same dimension."""
    first, second = one.value, other.value
    return first.dimension is not None and first.dimension == second.dimension and first.factor > second.factor


def ways(name: str, exponent: Node) -> Node | None:
    """C_5^2 and A_5^2: how many ways to choose or arrange, where the index is a number."""
    letter, _, index = name.partition("_")
    if (
        letter not in {"C", "A", "P"}
        or not index.isdecimal()
        or exponent.op != "num"
        or exponent.value.denominator != 1
    ):
        return None
    if len(index) > 4 or exponent.value > int(index):
        return None
    return Node("binom" if letter == "C" else "perm", (number(int(index)), exponent))


def with_numbers_apart(items: tuple[Node, ...]) -> tuple[Node, ...]:
    """Items with the numbers of a numeral with commas side by side: (12,102) is a pair."""
    out: list[Node] = []
    for item in items:
        out.extend(item.args if item.op == "list" else [item])
    return tuple(out)


def of_environment(name: str, rows: list[list[Node]]) -> Node:
    r"""What \begin{name} makes of its rows: a matrix, a determinant, cases, or relations that hold together."""
    if name in MATRICES or name in DETERMINANTS:
        if any(cell.op == "rel" for row in rows for cell in row):
            return Node("and", tuple(cell for row in rows for cell in row))
        if name == "array" and len(rows) == 1 and len(rows[0]) == 1:
            return rows[0][0]
        matrix = Node("matrix", tuple(Node("row", tuple(row)) for row in rows))
        return determinant([row.args for row in matrix.args]) if name in DETERMINANTS else matrix
    if name == "cases":
        return cases(rows)
    if name not in ROWS:
        raise UnreadableError(f"\\begin{{{name}}} is not read here")
    cells = [joined_row(row) for row in rows]
    return cells[0] if len(cells) == 1 else Node("and", tuple(cells))


MAX_ROWS = 5
"""Determinants of more rows are not written out."""


def determinant(rows: list[tuple[Node, ...]]) -> Node:
    """The determinant of a square of cells, written out along its first row."""
    if len(rows) > MAX_ROWS or any(len(row) != len(rows) for row in rows):
        raise UnreadableError("a determinant that is no small square")
    if len(rows) == 1:
        return rows[0][0]
    terms = [
        Node("mul", (cell, determinant([(*row[:place], *row[place + 1 :]) for row in rows[1:]])))
        for place, cell in enumerate(rows[0])
    ]
    return Node("add", tuple(Node("neg", (term,)) if place % 2 else term for place, term in enumerate(terms)))


def transposed(matrix: Node) -> Node:
    """A matrix with its rows as columns."""
    rows = [row.args for row in matrix.args]
    if len({len(row) for row in rows}) > 1:
        raise UnreadableError("a matrix with rows of several lengths")
    return Node("matrix", tuple(Node("row", cells) for cells in zip(*rows, strict=True)))


def joined_row(row: list[Node]) -> Node:
    """The cells of an aligned row as one relation: x & = 5."""
    if len(row) == 2 and row[1].op == "rel" and row[1].args[0].op == "blank":
        return Node("rel", (row[0], *row[1].args[1:]), row[1].value)
    if len(row) > 1:
        raise UnreadableError("aligned cells")
    return row[0]


def cases(rows: list[list[Node]]) -> Node:
    """A piecewise definition, or a system of equations."""
    flat: list[Node] = []
    for row in rows:
        cells = list(row[0].args) if len(row) == 1 and row[0].op == "list" else row
        if len(cells) == 1 and cells[0].op == "rel":
            flat.append(cells[0])
            continue
        if len(cells) == 1 and cells[0].op == "guarded":
            cells = list(cells[0].args)
        if len(cells) != 2:
            raise UnreadableError("a case without its condition")
        condition = cells[1] if cells[1].op == "condition" else Node("condition", (cells[1],), "")
        if cells[1].op == "words":
            condition = Node(
                "condition", (), "otherwise" if cells[1].value in {"otherwise", "else"} else cells[1].value
            )
        flat.extend((cells[0], condition))
    if all(node.op == "rel" for node in flat):
        return Node("and", tuple(flat)) if len(flat) > 1 else flat[0]
    return Node("cases", tuple(flat))
