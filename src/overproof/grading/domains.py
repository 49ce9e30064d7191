"""Where a parameter lives: k ∈ ℤ, for any constant c. What says no more than that may be left out of an answer."""

from __future__ import annotations

from overproof.grading.tree import Node
from overproof.grading.values import Collection, Condition, Named, Relation, Scalar

_DOMAINS = frozenset(
    {"Z", "N", "R", "Q", "C", "\\mathbb(Z)", "\\mathbb(N)", "\\mathbb(R)", "\\mathbb(Q)", "\\mathbb(C)"}
)
_DOMAIN_WORDS = frozenset({
    "any", "constant", "constants", "arbitrary", "integer", "integers", "is", "an", "a", "are", "real", "number",
    "numbers", "all", "some", "every", "for", "where", "k", "n", "m", "c", "t", "each", "the", "and", "being", "as",
    "parameter", "parameters", "value", "values", "of", "positive", "nonnegative", "non-negative", "natural",
    "rational", "为", "任意", "整数", "常数", "实数", "任意常数", "是",
})  # fmt: skip


def is_domain(node: Node) -> bool:
    """K ∈ Z and the like: where a parameter lives, not a part of the answer."""
    if node.op != "rel" or str(node.value) != "in":
        return False
    domain = node.args[-1]
    while domain.op in {"pow", "mul", "add"}:
        domain = domain.args[0]
    return domain.op == "sym" and str(domain.value).split("_")[0].rstrip("+*") in _DOMAINS


def is_domain_condition(condition: Condition) -> bool:
    """Whether a condition says no more than where a parameter lives: k ∈ Z, for any constant c."""
    words = set(condition.words.split())
    if not words <= _DOMAIN_WORDS:
        return False
    return all(
        (isinstance(part, Relation) and is_domain(part.node))
        or (isinstance(part, Scalar) and part.node.op == "sym" and bool(words))
        or (isinstance(part, Named) and isinstance(part.value, Scalar) and is_domain_name(part.value.node))
        or (
            isinstance(part, Collection)
            and bool(words)
            and all(isinstance(i, Scalar) and i.node.op == "sym" for i in part.items)
        )
        for part in condition.parts
    )


def is_domain_name(node: Node) -> bool:
    """Whether a tree is ℤ, ℝ and the like."""
    return node.op == "sym" and str(node.value).split("_")[0].rstrip("+*") in _DOMAINS
