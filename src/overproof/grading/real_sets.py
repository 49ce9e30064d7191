r"""Sets of real numbers against each other: their pieces, their ends, and whether whole numbers are meant.

>>> from overproof.grading.reading import readings
>>> from overproof.grading.scope import ANYWHERE
>>> compare_intervals(readings("x>1")[0], readings("x\\ge 1")[0], ANYWHERE).same
False
"""

from __future__ import annotations

from overproof.grading.beside import compare_numbers
from overproof.grading.finding import Finding, all_of, different, same, undecided
from overproof.grading.regions import at_whole_numbers, show_region
from overproof.grading.relations import compare_inequalities, is_free_name, unsolved
from overproof.grading.scope import Scope
from overproof.grading.tree import INFINITY, Node, symbols, walk
from overproof.grading.values import Interval, Scalar


def compare_intervals(reference: Interval, answer: Interval, scope: Scope) -> Finding:
    """Two sets of numbers by their pieces; their variables must be the same, or free."""
    if reference.name and answer.name and reference.name != answer.name:
        if reference.node is not None and answer.node is not None and len(symbols(reference.node)) > 1:
            return compare_inequalities(reference.node, answer.node)
        if not is_free_name(reference.name, answer.name, scope):
            return different("relation", f"{answer.name} is not {reference.name}")
    left, right = reference.pieces, answer.pieces
    in_words = not (reference.name or answer.name) and reference.node is not None and answer.node is not None
    if left != right and ((scope.integers and reference.name and answer.name) or (in_words and scope.counts)):
        left, right = at_whole_numbers(left), at_whole_numbers(right)
    if not left and not right:
        return undecided("relation", "both are empty")
    if len(left) != len(right):
        return different("relation", f"{show_region(left)} is not {show_region(right)}")
    findings: list[Finding] = []
    for piece, matching in zip(left, right, strict=True):
        if (piece.low_closed, piece.high_closed) != (matching.low_closed, matching.high_closed):
            return different("relation", f"an end is closed in one of {show_region(left)} and {show_region(right)}")
        findings += [_ends(piece.low, matching.low, scope), _ends(piece.high, matching.high, scope)]
    finding = all_of(findings, "relation", "end")
    if finding.same and answer.node is not None and _is_solved(reference) and not _is_solved(answer):
        return unsolved(answer.node, scope)
    return finding


def _is_solved(interval: Interval) -> bool:
    """Whether a set of numbers is given by its ends, or by an inequality with its variable alone."""
    node = interval.node
    return node is None or sum(part.op == "sym" for part in node.args) == sum(bool(symbols(part)) for part in node.args)


def _ends(one: Node, other: Node, scope: Scope) -> Finding:
    if one == other:
        return same("text", "the same end")
    if INFINITY in {*walk(one), *walk(other)}:
        return different("relation", "one end is infinite")
    return compare_numbers(Scalar(one), Scalar(other), scope)
