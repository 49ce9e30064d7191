"""What a comparison finds: the same, approximately the same, different, or undecided, by which layer and why."""

from __future__ import annotations

import msgspec

QUESTION = "question"
"""The layer of a doubt that only the question raises: the answer's value is the reference's."""


class Finding(msgspec.Struct, frozen=True):
    """The outcome of comparing two answers. `same` is None where this layer cannot decide."""

    same: bool | None
    layer: str
    reason: str
    approximate: bool = False
    """With `same`: equal only after rounding to the reference's own digits."""


def same(layer: str, reason: str) -> Finding:
    """The answers say the same."""
    return Finding(same=True, layer=layer, reason=reason)


def close(layer: str, reason: str) -> Finding:
    """The answers are equal after rounding."""
    return Finding(same=True, layer=layer, reason=reason, approximate=True)


def different(layer: str, reason: str) -> Finding:
    """The answers say different things."""
    return Finding(same=False, layer=layer, reason=reason)


def undecided(layer: str, reason: str) -> Finding:
    """This layer cannot tell."""
    return Finding(None, layer, reason)


def all_of(findings: list[Finding], layer: str, what: str) -> Finding:
    """One finding for parts that must all be the same: the first difference, else the first doubt."""
    for number, finding in enumerate(findings, 1):
        if finding.same is False:
            return different(layer, f"{what} {number}: {finding.reason}")
    for finding in findings:
        if finding.same is None:
            return undecided(layer, finding.reason)
    if any(finding.approximate for finding in findings):
        return close(layer, f"all {len(findings)} {what}s agree, some after rounding")
    return same(layer, f"all {len(findings)} {what}s agree")
