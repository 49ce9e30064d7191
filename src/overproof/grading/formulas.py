r"""Formula against formula: units brought together, labels matched, then tree against tree.

>>> from overproof.grading.references import type_reference
>>> judge_formula(type_reference("1500 m"), "1.5 km").reason
'both are 1500'
>>> judge_formula(type_reference("5\\text{ m}"), "5 \\text{s}").layer
'unit'
"""

from __future__ import annotations

import re

import msgspec

from overproof.grading.compare import compare
from overproof.grading.finding import Finding, different, same, undecided
from overproof.grading.labels import labelled_parts
from overproof.grading.reader import read
from overproof.grading.references import Reference, type_reference
from overproof.grading.scalars import compare_scalars
from overproof.grading.scanner import UnreadableError
from overproof.grading.scope import ANYWHERE, Scope
from overproof.grading.shapes import kind_of
from overproof.grading.spelling import spell
from overproof.grading.tree import Node, number
from overproof.grading.units import Unit, split_unit
from overproof.grading.words import is_prose, is_words

_DECIMAL_COMMA = re.compile(r"-?\d+,(?:\d{1,2}|\d{4,})")


def judge_formula(reference: Reference, spelled: str, scope: Scope = ANYWHERE) -> Finding:
    """Whether a spelled answer has the value of a reference that is no option and no prose."""
    value, unit = split_unit(spelled)
    if _DECIMAL_COMMA.fullmatch(value) and _has_decimals(reference, len(value.partition(",")[2])):
        value = value.replace(",", ".")
    if unit is not None and unit.dimension is not None and reference.unit is None:
        reference = _with_letter_unit(reference)
    if reference.tree is None:
        return _judge_labelled(reference, spelled, scope) or undecided("formula", "the reference is not read exactly")
    try:
        tree = read(value)
    except UnreadableError as error:
        return _judge_unread(reference, spelled, str(error), scope)
    if tree.op == reference.tree.op == "num" and reference.unit is None:
        return compare_scalars(reference.tree, tree, scope)
    return _judge_units(reference, unit) or _judge_tree(
        reference, spelled, _in_one_unit(reference.unit, tree, unit), has_unit=unit is not None, scope=scope
    )


def _judge_tree(reference: Reference, spelled: str, tree: Node, *, has_unit: bool, scope: Scope) -> Finding:
    """An answer that was read, tree against tree; where it differs, by its other readings."""
    wanted = reference.tree
    assert wanted is not None
    finding = compare(wanted, tree, scope)
    if finding.same is not True and reference.unit is not None and not has_unit:
        value, letter = split_unit(spelled, letters=True)
        if letter is not None and letter.dimension is not None:
            return judge_formula(reference, f"{value} \\text{{{letter.name}}}", scope)
    if finding.same is False and reference.parts > 1 and (items := _as_list(spelled)) is not None:
        return compare(wanted, items, scope)
    return finding


def _has_decimals(reference: Reference, places: int) -> bool:
    """Whether a reference is a number written with so many decimals: then 2,74 is 2.74."""
    return reference.tree is not None and reference.tree.op == "num" and reference.tree.decimals == places


def _with_letter_unit(reference: Reference) -> Reference:
    """A reference that ends in a bare letter, taken as a unit since the answer has one: 1000 m against 1 km."""
    value, unit = split_unit(reference.spelled, letters=True)
    if unit is None or unit.dimension is None or reference.tree is None:
        return reference
    try:
        return msgspec.structs.replace(reference, value=value, tree=read(value), unit=unit)
    except UnreadableError:
        return reference


def _as_list(value: str) -> Node | None:
    """`1,234` read as two numbers."""
    pieces = value.split(",")
    if len(pieces) < 2 or not all(piece.strip().isdigit() for piece in pieces):
        return None
    return Node("list", tuple(read(piece.strip()) for piece in pieces))


def _judge_units(reference: Reference, unit: Unit | None) -> Finding | None:
    """A difference that the units alone make: of dimension, where both are known, or of a telling word (north, pm)."""
    if reference.unit is None or unit is None:
        return None
    if reference.unit.telling != unit.telling:
        return different("unit", f"{unit.name} is not {reference.unit.name}")
    if reference.unit.dimension is None or unit.dimension is None:
        return None
    generic = any("?" in name for name, _ in reference.unit.dimension + unit.dimension)
    if reference.unit.dimension != unit.dimension and not generic:
        return different("unit", f"{unit.name} does not measure what {reference.unit.name} measures")
    return None


def _in_one_unit(wanted: Unit | None, tree: Node, unit: Unit | None) -> Node:
    """The answer in the reference's unit, when the two units measure the same and differ in size."""
    if wanted is None or unit is None or wanted.dimension != unit.dimension or wanted.factor == unit.factor:
        return tree
    return Node("mul", (number(unit.factor / wanted.factor), tree))


def _judge_labelled(reference: Reference, spelled: str, scope: Scope) -> Finding | None:
    """Parts labelled in words on both sides are matched by label, else part by part."""
    wanted, given = labelled_parts(reference.spelled), labelled_parts(spelled)
    if wanted is None:
        return None
    labels = dict(given) if given is not None else {}
    if given is not None and len(labels) == len(given) and set(labels) == {label for label, _ in wanted}:
        pairs = [(value, labels[label]) for label, value in wanted]
        findings = [judge_formula(type_reference(value), spell(answer), scope) for value, answer in pairs]
        bad = next((finding for finding in findings if not finding.same), None)
        return bad or same("parts", f"all {len(pairs)} labelled parts agree")
    values = ", ".join(value for _, value in wanted)
    answers = ", ".join(value for _, value in given) if given is not None else spelled
    return judge_formula(type_reference(values), answers, scope)


def _judge_unread(reference: Reference, spelled: str, error: str, scope: Scope) -> Finding:
    """An answer that is no formula: labelled parts, words, or mathematics beyond the reader."""
    given = labelled_parts(spelled)
    if given is not None and reference.tree is not None:
        values = ", ".join(value for _, value in given)
        if values != spelled:
            return judge_formula(reference, values, scope)
    if is_words(spelled):
        kind = kind_of(reference.tree) if reference.tree is not None else reference.kind
        return different("text", f"the reference is {kind}, the answer is {'prose' if is_prose(spelled) else 'words'}")
    layer = "limit" if error.startswith(("nested", "longer", "a number of")) else "formula"
    return undecided(layer, f"the answer is not read exactly ({error})")
