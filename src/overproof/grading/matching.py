"""Several things against several others: which one of one side each one of the other is.

>>> from overproof.grading.finding import different, same
>>> match([1, 2], [2, 1], lambda a, b: same("", "") if a == b else different("", ""), "parts", "part").same
True
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from overproof.grading.evaluate import real_value
from overproof.grading.families import compare_families, expressions_of
from overproof.grading.finding import Finding, all_of, different
from overproof.grading.values import Collection, Quantity, Scalar, Value

MAX_UNORDERED = 60
"""Longer lists are only compared in the order given."""
T = TypeVar("T")


def unordered(one: list[Value], other: list[Value], compare: Callable[[Value, Value], Finding]) -> Finding:
    """Each part of the reference finds a part of its own in the answer."""
    if len(one) != len(other):
        return different("parts", f"the reference has {len(one)} parts, the answer {len(other)}")
    finding = match(one, other, compare, "parts", "part")
    if finding.same:
        return finding
    nodes = [expressions_of(Collection(tuple(items), "list")) for items in (one, other)]
    family = compare_families(nodes[0], nodes[1], "", "")
    return family if family is not None and family.same else finding


def match(one: list[T], other: list[T], compare: Callable[[T, T], Finding], layer: str, what: str) -> Finding:
    """Each of one side finds its own on the other: what is nearest in size is tried first."""
    in_order = [compare(a, b) for a, b in zip(one, other, strict=True)]
    if all(finding.same for finding in in_order) or len(one) > MAX_UNORDERED:
        return all_of(in_order, layer, what)
    left, findings = list(range(len(other))), []
    doubt: Finding | None = None
    for place, part in enumerate(one, 1):
        matched = _find(part, other, left, compare)
        if isinstance(matched, Finding):
            doubt = matched
        elif matched is None:
            return different(layer, f"{what} {place} of the reference is not in the answer")
        else:
            left.remove(matched[0])
            findings.append(matched[1])
    return doubt or all_of(findings, layer, what)


def _find(
    part: T, other: list[T], left: list[int], compare: Callable[[T, T], Finding]
) -> tuple[int, Finding] | Finding | None:
    """The first unused part that is the same; else the first doubt, if any."""
    doubt = None
    key = place_on_line(part)
    for index in sorted(left, key=lambda index: _distance(key, place_on_line(other[index]))):
        finding = compare(part, other[index])
        if finding.same:
            return index, finding
        doubt = doubt or (finding if finding.same is None else None)
    return doubt


def place_on_line(value: object) -> float | None:
    """Where a number or an amount lies on the line; None for anything else."""
    return real_value(value.node) if isinstance(value, Scalar | Quantity) else None


def _distance(one: float | None, other: float | None) -> float:
    return abs(one - other) if one is not None and other is not None else 0.0
