r"""Families: the values that an expression takes as a letter runs through the whole numbers, and classes of residues.

>>> from overproof.grading.grammar import parse
>>> compare_families([parse("k\\pi+\\pi/2")], [parse("n\\pi-\\pi/2")], "", "").same
True
"""

from __future__ import annotations

import math
from fractions import Fraction

from overproof.grading.domains import is_domain_condition
from overproof.grading.evaluate import exact_value, same_value
from overproof.grading.finding import Finding, different, same
from overproof.grading.regions import Piece
from overproof.grading.scope import ANYWHERE, Scope
from overproof.grading.tree import PI, Node, number, rename, replaced, substituted, symbols
from overproof.grading.values import (
    Collection,
    Guarded,
    Interval,
    Named,
    Quantity,
    Relation,
    Residue,
    Scalar,
    Value,
    written_out,
)

MAX_CLASSES = 400
"""Families with more classes in a common period are not compared."""
WHOLE_LETTERS = frozenset({"k", "n", "m", "l", "j", "\\ell"})
"""Letters that are whole numbers where nothing says otherwise."""


def parameter_of(guarded: Guarded) -> str:
    """The letter whose domain a condition names."""
    for part in guarded.condition.parts:
        node = part.node if isinstance(part, Relation) else part.node if isinstance(part, Scalar) else None
        if node is not None and node.op == "rel" and node.args[0].op == "sym":
            return str(node.args[0].value)
        if node is not None and node.op == "sym":
            return str(node.value)
        if isinstance(part, Named) and part.name.op == "sym":
            return str(part.name.value)
    return ""


def compare_families(
    reference: list[Node] | None, answer: list[Node] | None, one: str, other: str, scope: Scope = ANYWHERE
) -> Finding | None:
    """Whether a·k + b and the like run through the same values as k runs through the whole numbers.

    `one` and `other` name the parameters; empty where only a letter that is usually one tells. None where the trees are
    no such families, and where the question makes of them terms that depend on their number.
    """
    classes = _classes(reference, one, scope) if reference else None
    others = _classes(answer, other, scope) if answer else None
    if classes is None or others is None:
        return None
    (unit, left), (other_unit, right) = classes, others
    if unit != other_unit and not same_value(unit, other_unit):
        return None
    period = _common_period([step for step, _ in left + right])
    if period is None:
        return None
    spread = [_spread(table, period) for table in (left, right)]
    if spread[0] is None or spread[1] is None:
        return None
    if spread[0] == spread[1]:
        return same("family", "the same values for all whole numbers")
    return different("family", "other values for whole numbers")


def _classes(nodes: list[Node], name: str, scope: Scope) -> tuple[Node, list[tuple[Fraction, Fraction]]] | None:
    """Step and start of each family, counted in π or in 1."""
    names = frozenset[str]().union(*map(symbols, nodes))
    if len(names) != 1 or (name and name not in names):
        return None
    letter = min(names)
    if not name and (letter not in WHOLE_LETTERS or letter in (scope.known or ()) or scope.asks_for_terms):
        return None
    for unit in (number(1), PI):
        table = [_linear(node, letter, unit) for node in nodes]
        if all(entry is not None for entry in table):
            return unit, [entry for entry in table if entry is not None]
    return None


def _linear(node: Node, letter: str, unit: Node) -> tuple[Fraction, Fraction] | None:
    values: list[Fraction] = []
    for place in (0, 1, 2, 5):
        inner = replaced(node, {letter: number(place), **({"": PI} if unit != PI else {})})
        if unit == PI:
            inner = substituted(inner, {PI: number(1)})  # what multiplies π, where it is linear in it
        value = exact_value(inner)
        if value is None:
            return None
        values.append(value)
    step = values[1] - values[0]
    if not step or values[2] != values[0] + 2 * step or values[3] != values[0] + 5 * step:
        return None
    if unit == PI and exact_value(replaced(node, {letter: number(1)})) is not None:
        return None
    return abs(step), values[0] % abs(step)


def _common_period(steps: list[Fraction]) -> Fraction | None:
    period = steps[0]
    for step in steps[1:]:
        top = math.lcm(period.numerator * step.denominator, step.numerator * period.denominator)
        period = Fraction(top, period.denominator * step.denominator)
        if period / min(steps) > MAX_CLASSES:
            return None
    return period


def _spread(table: list[tuple[Fraction, Fraction]], period: Fraction) -> set[Fraction] | None:
    return {(start + turn * step) % period for step, start in table for turn in range(int(period / step))}


def names_in(value: Value) -> frozenset[str]:
    """The free variables of a value, names of values left aside."""
    if isinstance(value, Scalar | Quantity | Relation):
        return symbols(value.node)
    if isinstance(value, Named):
        return names_in(value.value)
    if isinstance(value, Collection):
        return frozenset[str]().union(*map(names_in, value.items))
    if isinstance(value, Interval):
        ends = [end for piece in value.pieces for end in (piece.low, piece.high)]
        return frozenset[str]().union(*map(symbols, ends))
    return frozenset()


def renamed(value: Value, names: dict[str, str]) -> Value:
    """The value with its variables renamed."""
    if isinstance(value, Scalar):
        return Scalar(rename(value.node, names))
    if isinstance(value, Named):
        return Named(value.name, renamed(value.value, names), None if value.node is None else rename(value.node, names))
    if isinstance(value, Collection):
        return Collection(tuple(renamed(item, names) for item in value.items), value.form)
    if isinstance(value, Interval):
        pieces = tuple(
            Piece(rename(p.low, names), rename(p.high, names), p.low_closed, p.high_closed) for p in value.pieces
        )
        return Interval(pieces, value.name)
    return value


def expressions_of(value: Value) -> list[Node] | None:
    """The expressions of a value or a list of values, names left aside; None for anything else."""
    if isinstance(value, Scalar):
        return [one.node for one in written_out(value) if isinstance(one, Scalar)]
    if isinstance(value, Named) and value.name.op == "sym":
        return expressions_of(value.value)
    if isinstance(value, Guarded) and is_domain_condition(value.condition):
        return expressions_of(value.value)
    if isinstance(value, Collection) and value.form in {"list", "or", "and", "set"}:
        parts = [expressions_of(item) for item in value.items]
        return None if any(part is None for part in parts) else [node for part in parts if part for node in part]
    return None


def compare_residues(reference: Residue, answer: Residue, _scope: Scope) -> Finding:
    """Classes of whole numbers, counted in a common modulus."""
    if reference.name and answer.name and reference.name != answer.name:
        return different("residue", f"{answer.name} is not {reference.name}")
    one, other = set(reference.residues), set(answer.residues)
    period = _common(reference.modulus, answer.modulus)
    if {r + k * reference.modulus for r in one for k in range(int(period / reference.modulus))} == {
        r + k * answer.modulus for r in other for k in range(int(period / answer.modulus))
    }:
        return same("residue", "the same classes")
    return different("residue", "other classes")


def _common(one: Fraction, other: Fraction) -> Fraction:
    product = one * other
    first, second = one, other
    while second:
        first, second = second, first % second
    period = product / first
    return period if period / min(one, other) < 10_000 else max(one, other)
