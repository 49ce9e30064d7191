r"""Answer tree against reference tree: names, lists, tuples, sets, regions, equations, matrices, then single values.

Each kind of answer has one function here; they call each other for the parts. What none of them can decide comes back
undecided, for the deep layer.

    >>> from overproof.grading.reader import read
    >>> compare(read("5,1"), read("1, 5")).same
    True
    >>> compare(read("A=2,B=3"), read("3,2")).same
    False
"""

from __future__ import annotations

from collections.abc import Sequence

from overproof.grading.equations import (
    chain_value,
    compare_equations,
    compare_inequalities,
    is_equation,
    is_inequality,
    rename_argument,
    same_names,
    split_name,
)
from overproof.grading.finding import Finding, all_of, different, same, undecided
from overproof.grading.floating import real_value
from overproof.grading.regions import Region, is_region, is_region_like, region_of, show_region
from overproof.grading.scalars import compare_scalars
from overproof.grading.scope import ANYWHERE, Scope
from overproof.grading.shapes import MAX_SIGNS, is_composite, kind_of, rows_of, simplify, written_out
from overproof.grading.tree import LISTS, Node, symbols, walk

MAX_UNORDERED = 60
"""Longer lists are only compared in the order given."""


def compare(reference: Node, answer: Node, scope: Scope = ANYWHERE) -> Finding:
    """Whether an answer says the same as the reference."""
    reference, answer = simplify(reference), simplify(answer)
    if reference == answer:
        return same("text", "the same expression")
    for layer in _LAYERS:
        finding = layer(reference, answer, scope)
        if finding is not None:
            return finding
    if not is_composite(reference) and not is_composite(answer):
        return compare_scalars(reference, answer, scope)
    if is_composite(reference) and is_composite(answer):
        return undecided("relation", "neither form is known to be the other")
    return different("kind", f"the reference is {kind_of(reference)}, the answer {kind_of(answer)}")


# --- regions


def _compare_regions(reference: Node, answer: Node, scope: Scope) -> Finding | None:
    """Intervals, inequalities and set-builders in any of their forms, when at least one side can be nothing else."""
    if _bind_several(reference) and _bind_several(answer):
        finding = compare_inequalities(reference, answer)
        if finding.same is not None:
            return finding
    one, other = _set_part(reference), _set_part(answer)
    if is_region(one) != is_region(other) and all(_is_point(part) or is_region(part) for part in (one, other)):
        return _compare_pieces(region_of(one), region_of(other), scope)
    named = one is not reference or other is not answer
    if not (named or is_region(one) or is_region(other)) or not (is_region_like(one) and is_region_like(other)):
        return None
    return _compare_pieces(region_of(one), region_of(other), scope)


def _bind_several(node: Node) -> bool:
    """Whether a tree is one inequality between several unknowns, which is about no one of them more than another."""
    return is_inequality(node) and len(symbols(node)) > 1


def _is_point(node: Node) -> bool:
    """X = 5, which an inequality may describe too."""
    return node.op == "rel" and node.value == "=" and node.args[0].op == "sym" and not symbols(node.args[1])


def _compare_pieces(left: Region | None, right: Region | None, scope: Scope) -> Finding | None:
    if left is None or right is None:
        return None
    if len(left) != len(right):
        return different("relation", f"{show_region(left)} is not {show_region(right)}")
    findings: list[Finding] = []
    for piece, matching in zip(left, right, strict=True):
        if (piece.low_closed, piece.high_closed) != (matching.low_closed, matching.high_closed):
            return different("relation", f"an end is closed in one of {show_region(left)} and {show_region(right)}")
        findings += [_compare_ends(piece.low, matching.low, scope), _compare_ends(piece.high, matching.high, scope)]
    return all_of(findings, "relation", "end")


def _compare_ends(one: Node, other: Node, scope: Scope) -> Finding:
    infinite = [node.op == "const" or (node.op == "neg" and node.args[0].op == "const") for node in (one, other)]
    if one == other:
        return same("text", "the same end")
    if any(infinite) and {"inf"} & {str(part.value) for node in (one, other) for part in walk(node)}:
        return different("relation", "one end is infinite")
    return compare_scalars(one, other, scope)


def _set_part(node: Node) -> Node:
    """The set in `x ∈ S`, `D = S`."""
    if (
        node.op == "rel"
        and node.value in {"in", "="}
        and is_region_like(node.args[-1])
        and not is_region_like(node.args[0])
    ):
        return node.args[-1]
    return node


# --- statements


def _compare_quantified(reference: Node, answer: Node, scope: Scope) -> Finding | None:
    """∀ and ∃ statements: the same quantifier, domain and body, as written."""
    if reference.op != "quantified" or answer.op != "quantified":
        return None
    if reference.value != answer.value or len(reference.args) != len(answer.args):
        return different("relation", "the quantifiers differ")
    pairs = zip(reference.args, answer.args, strict=True)
    return all_of([compare(one, other, scope) for one, other in pairs], "relation", "clause")


def _compare_relations(reference: Node, answer: Node, _scope: Scope) -> Finding | None:
    """Equations and inequalities that are not just names for values."""
    if is_equation(reference) and is_equation(answer):
        return compare_equations(reference, answer)
    if is_inequality(reference) and is_inequality(answer):
        return compare_inequalities(reference, answer)
    return None


# --- names


def _compare_named(reference: Node, answer: Node, scope: Scope) -> Finding | None:
    """`x = 5` against 5, against `x = 5`, or against another name."""
    one, other = split_name(reference), split_name(answer)
    if one is not None and other is not None:
        return _compare_two_named(one, other, reference, answer, scope)
    if one is not None and not is_equation(answer):
        return compare(one[1], answer, scope)
    if other is not None and not is_equation(reference):
        return compare(reference, other[1], scope)
    if is_equation(reference) == is_equation(answer):
        return None
    return _compare_with_chain(reference, answer, scope)


def _compare_with_chain(reference: Node, answer: Node, scope: Scope) -> Finding:
    """A chain of numbers, or an equation to be solved, against something that is no equation."""
    equation, side = (reference, answer) if is_equation(reference) else (answer, reference)
    value = chain_value(equation)
    if value is not None:
        return compare(value, side, scope) if equation is reference else compare(side, value, scope)
    if side.op in LISTS | {"brace"} and symbols(equation):
        return undecided("equation", "a list against an equation to be solved")
    return different("equation", "an equation is not a value")


def _compare_two_named(
    one: tuple[str, Node], other: tuple[str, Node], reference: Node, answer: Node, scope: Scope
) -> Finding | None:
    (name, value), (other_name, other_value) = one, other
    if same_names(name, other_name):
        return compare(value, rename_argument(name, other_name, other_value), scope)
    if symbols(reference) == symbols(answer) or (symbols(value) and symbols(other_value)):
        return compare_equations(reference, answer)
    if name.startswith("(") or other_name.startswith("("):
        return compare(value, other_value, scope)
    return different("equation", f"{other_name} is not {name}")


# --- lists, tuples and sets


def _compare_items(reference: Node, answer: Node, scope: Scope) -> Finding | None:
    """Several parts against several parts; a tuple keeps its order, a list and a set do not."""
    reference, answer = _wrapped(reference, answer), _wrapped(answer, reference)
    one, other = _items(reference), _items(answer)
    if one is None or other is None or (len(one) < 2 and len(other) < 2 and "brace" not in {reference.op, answer.op}):
        return None
    if {reference.op, answer.op} == {"paren", "square"} or _interval_against_list(reference, answer):
        return different("kind", f"the reference is {kind_of(reference)}, the answer {kind_of(answer)}")
    if len(one) != len(other):
        one, other = written_out(one), written_out(other)
    if len(one) != len(other):
        split = _regrouped(reference, answer, one, other)
        if split is None:
            return _count_difference(one, other)
        one, other = split
    names, other_names = _names(one), _names(other)
    if names and other_names:
        return _compare_by_name(one, other, scope)
    values, other_values = [_value(part) for part in one], [_value(part) for part in other]
    if (
        reference.op == "paren"
        or answer.op == "paren"
        or scope.ordered
        or _distinct(names)
        or (_distinct(other_names) and reference.op == "paren")
    ):
        return all_of([compare(a, b, scope) for a, b in zip(values, other_values, strict=True)], "parts", "part")
    return _compare_unordered(values, other_values, scope)


def _wrapped(node: Node, other: Node) -> Node:
    """A single tuple against a list of tuples is a list of one."""
    if node.op == "paren" and other.op in LISTS | {"brace"} and any(part.op == "paren" for part in other.args):
        return Node("list", (node,))
    return node


def _items(node: Node) -> list[Node] | None:
    """The parts of a list, tuple or set; a ± makes two parts of one. None for anything else."""
    if node.op in LISTS or node.op in {"paren", "brace", "square"}:
        return list(node.args)
    if any(part.op == "plusminus" for part in walk(node)):
        return [node]
    return (
        [node] if node.op not in {"union", "builder", "openleft", "openright", "intersection", "difference"} else None
    )


def _interval_against_list(reference: Node, answer: Node) -> bool:
    pair = {reference.op, answer.op}
    return "square" in pair and len(pair) > 1 and len(reference.args) == 2 == len(answer.args)


def _count_difference(one: Sequence[Node], other: Sequence[Node]) -> Finding:
    return different("parts", f"the reference has {len(one)} parts, the answer {len(other)}")


def _regrouped(
    reference: Node, answer: Node, one: list[Node], other: list[Node]
) -> tuple[list[Node], list[Node]] | None:
    """Other readings of the two sides that have as many parts: `x = 1 or 2` opened, equal parts counted once."""
    if "paren" in {reference.op, answer.op}:
        return None
    flat, other_flat = _flat(one), _flat(other)
    if len(flat) == len(other_flat):
        return flat, other_flat
    unique, other_unique = _without_repeats(one), _without_repeats(other)
    return (unique, other_unique) if len(unique) == len(other_unique) else None


def _without_repeats(items: list[Node]) -> list[Node]:
    """Items of which no two are the same value: 1/2 or 0.5 is one answer."""
    if len(items) > MAX_SIGNS:
        return list(dict.fromkeys(items))
    kept: list[Node] = []
    for item in items:
        if not any(compare(other, item).same for other in kept):
            kept.append(item)
    return kept


def _flat(items: list[Node]) -> list[Node]:
    """Items with the lists and sets among them, or in their values, opened: `x = 1 or 2`, `a = {1, 2}`."""
    out: list[Node] = []
    for item in items:
        named = split_name(item) if is_equation(item) else None
        inner = named[1] if named else item
        out.extend(inner.args if inner.op in LISTS or inner.op == "brace" else [item])
    return out


def _names(items: list[Node]) -> list[str]:
    """The names of parts that are all named; empty when one is not."""
    names = [named[0] if (named := split_name(item)) is not None else "" for item in items]
    return names if all(names) else []


def _distinct(names: list[str]) -> bool:
    return len(names) > 1 and len(set(names)) == len(names)


def _value(item: Node) -> Node:
    named = split_name(item) if is_equation(item) else None
    return named[1] if named is not None else item


def _compare_by_name(one: list[Node], other: list[Node], scope: Scope) -> Finding:
    """Parts that are named on both sides are matched by name where the names are the same, else in any order."""
    names, other_names = _names(one), _names(other)
    if _distinct(names) and sorted(names) == sorted(other_names):
        by_name = dict(zip(other_names, other, strict=True))
        return all_of(
            [compare(part, by_name[name], scope) for name, part in zip(names, one, strict=True)], "parts", "part"
        )
    return _compare_unordered(one, other, scope)


def _compare_unordered(one: list[Node], other: list[Node], scope: Scope) -> Finding:
    """Each part of the reference finds a part of its own in the answer."""
    in_order = [compare(a, b, scope) for a, b in zip(one, other, strict=True)]
    if all(finding.same for finding in in_order) or len(one) > MAX_UNORDERED:
        return all_of(in_order, "parts", "part")
    left, findings = list(range(len(other))), []
    doubt: Finding | None = None
    for number_, part in enumerate(one, 1):
        match, finding = _find(part, other, left, scope)
        if match is None:
            if finding is None:
                return different("parts", f"part {number_} of the reference is not in the answer")
            doubt = finding
            continue
        left.remove(match)
        assert finding is not None
        findings.append(finding)
    return doubt or all_of(findings, "parts", "part")


def _find(part: Node, other: list[Node], left: list[int], scope: Scope) -> tuple[int | None, Finding | None]:
    """The first unused part that is the same; else the first doubt, if any."""
    doubt = None
    key = real_value(part)
    order = sorted(left, key=lambda index: _distance(key, real_value(other[index])))
    for index in order:
        finding = compare(part, other[index], scope)
        if finding.same:
            return index, finding
        doubt = doubt or (finding if finding.same is None else None)
    return None, doubt


def _distance(one: float | None, other: float | None) -> float:
    return abs(one - other) if one is not None and other is not None else 0.0


# --- matrices


def _compare_matrices(reference: Node, answer: Node, scope: Scope) -> Finding | None:
    """Matrices entry by entry; a vector may stand as a column, a row or a tuple."""
    if "matrix" not in {reference.op, answer.op} or reference.op == "rel" or answer.op == "rel":
        return None
    one, other = rows_of(reference), rows_of(answer)
    if one is None or other is None:
        return None
    if len(one) == 1 and len(other) != 1:
        one = [[cell] for cell in one[0]]
    if len(other) == 1 and len(one) != 1:
        other = [[cell] for cell in other[0]]
    if [len(row) for row in one] != [len(row) for row in other]:
        return different("matrix", "the matrices have different shapes")
    cells = [
        compare(a, b, scope) for row, match in zip(one, other, strict=True) for a, b in zip(row, match, strict=True)
    ]
    return all_of(cells, "matrix", "entry")


_LAYERS = (
    _compare_quantified,
    _compare_regions,
    _compare_named,
    _compare_matrices,
    _compare_items,
    _compare_relations,
)
