r"""One value against another: exactly, in percent or degrees, at sample points, and after rounding.

>>> from overproof.grading.reader import read
>>> compare_scalars(read("\\frac{1}{2}"), read("0.5")).reason
'both are 1/2'
>>> compare_scalars(read("180.67"), read("\\frac{542}{3}")).approximate
True
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import msgspec

from overproof.grading.exact import exact_value, same_modulo_primes
from overproof.grading.finding import Finding, close, different, same, undecided
from overproof.grading.floating import log_size, real_value
from overproof.grading.numeric import same_value
from overproof.grading.scope import ANYWHERE, Scope
from overproof.grading.tree import PI, Node, number, rename, symbols, walk

MIN_DIGITS = 3
"""Where the question asks for a rounded answer, one with fewer significant digits still matches nothing else."""
MIN_COEFFICIENT_DIGITS = 4
"""An expression whose coefficients have fewer digits than this is taken as exact."""

_PARAMETERS = frozenset(["k", "n", "m", "l", "t", "p", "q", "j", "s", "r"]) | {"\\ell", "\\lambda"}


def compare_scalars(reference: Node, answer: Node, scope: Scope = ANYWHERE) -> Finding:
    """Whether two trees are the same value."""
    first: Finding | None = None
    for one, other, note in _readings(reference, answer):
        finding = _compare(one, other, scope)
        if finding.same:
            return finding if not note else msgspec.structs.replace(finding, reason=f"{finding.reason} ({note})")
        first = first or finding
    assert first is not None
    return first


def _readings(reference: Node, answer: Node) -> Iterator[tuple[Node, Node, str]]:
    """The pair as written, then without percent and degree signs that only one side has, then with log to base 10."""
    yield reference, answer, ""
    for op, note in (("percent", "in percent"), ("degree", "in degrees")):
        if (reference.op == op) != (answer.op == op):
            yield _without(reference, op), _without(answer, op), note
    if _has_bare_log(reference) or _has_bare_log(answer):
        yield _decimal_logarithms(reference), _decimal_logarithms(answer), "log to base 10"


def _without(node: Node, op: str) -> Node:
    return node.args[0] if node.op == op else node


def _has_bare_log(node: Node) -> bool:
    return any(part.op == "fn" and part.value == "log" and len(part.args) == 1 for part in walk(node))


def _decimal_logarithms(node: Node) -> Node:
    args = tuple(_decimal_logarithms(part) for part in node.args)
    if node.op == "fn" and node.value == "log" and len(args) == 1:
        args = (*args, number(10))
    return Node(node.op, args, node.value, node.decimals) if args else node


def _compare(reference: Node, answer: Node, scope: Scope) -> Finding:
    """One reading: the same tree, exact arithmetic, then sample points."""
    if reference == answer:
        return same("text", "the same expression")
    one, other = exact_value(reference), exact_value(answer)
    if one is None or other is None:
        return _compare_inexact(reference, answer, scope)
    if one == other:
        return same("number", f"both are {_show(one)}")
    return _rounded(reference, answer, scope) or different("number", f"{_show(one)} is not {_show(other)}")


def _compare_inexact(reference: Node, answer: Node, scope: Scope) -> Finding:
    if "…" in symbols(reference) | symbols(answer):
        return undecided("ellipsis", "an ellipsis leaves out terms")
    reference = _renamed(reference, answer, scope.known) or reference
    names, others = symbols(reference), symbols(answer)
    verdict = same_value(reference, answer)
    if verdict is None and not names and not others:
        verdict = _compare_huge(reference, answer)
    if verdict is None and scope.settle is not None:
        verdict = scope.settle(reference, answer)
    if verdict:
        return same("numeric", "equal at every sample point" if names else "equal in value")
    rounded = _rounded(reference, answer, scope) if not names and not others else None
    if rounded is not None:
        return rounded
    if verdict is False:
        return _with_rounded_coefficients(reference, answer) or different("numeric", _difference(reference, answer))
    if not names and others and scope.settle is not None:
        return different("numeric", f"the answer has a variable, {min(others)}, and the reference has none")
    return undecided("numeric", "floating point cannot decide")


def _compare_huge(reference: Node, answer: Node) -> bool | None:
    """Numbers that floating point cannot hold: by the size of their logarithms, then by their remainders."""
    one, other = log_size(reference), log_size(answer)
    if one is not None and other is not None and _far_apart(one, other):
        return False
    return same_modulo_primes(reference, answer)


def _far_apart(one: float, other: float) -> bool:
    """Whether two logarithms differ by more than their rough rules can be wrong."""
    return min(one, other) < math.inf and abs(one - other) > 1 + 1e-6 * min(abs(one), abs(other))


def _renamed(reference: Node, answer: Node, known: frozenset[str] | None) -> Node | None:
    """The reference in the answer's letter, where one letter is free on each side: kπ and nπ, 2^n and 2^k.

    Free is a letter that the question does not name; without the question, only the usual letters for parameters.
    """
    only, other = symbols(reference) - symbols(answer), symbols(answer) - symbols(reference)
    if len(only) != 1 or len(other) != 1:
        return None
    old, new = min(only), min(other)
    if _counts_turns(reference, old) and _counts_turns(answer, new):
        return rename(reference, {old: new})
    if known is not None:
        free = old not in known and new not in known
    else:
        free = old in _PARAMETERS and new in _PARAMETERS and any(part.op == "const" for part in walk(reference))
    return rename(reference, {old: new}) if free else None


def _counts_turns(node: Node, name: str) -> bool:
    """Whether a letter only multiplies π: the k of kπ, an integer whatever it is called."""
    with_pi = sum(
        1
        for part in walk(node)
        if part.op == "mul" and PI in part.args and any(factor.value == name for factor in part.args)
    )
    return with_pi > 0 and with_pi == sum(1 for part in walk(node) if part.op == "sym" and part.value == name)


# --- rounding


def _rounded(reference: Node, answer: Node, scope: Scope) -> Finding | None:
    """Equality after rounding to the reference's own digits; to the answer's where the question asks for rounding."""
    inner, outer = _plain(reference), _plain(answer)
    value, target = _decimal_value(answer), _decimal_value(reference)
    if value is None or target is None:
        return None
    if inner is not None and inner.decimals is not None:
        places = inner.decimals
        if outer is not None and (outer.decimals or 0) < places:
            if not scope.rounded or _significant(outer) < MIN_DIGITS:
                return None
            places = outer.decimals or 0
        scale = 100 if reference.op == "percent" else 1
        if abs(value - target) * scale <= Fraction(1, 2 * 10**places) * Fraction(1_000_001, 1_000_000):
            return close("rounding", f"equal when rounded to {places} decimals")
        return None
    if inner is None and scope.rounded and outer is not None and outer.decimals and _significant(outer) >= MIN_DIGITS:
        scale = 100 if answer.op == "percent" else 1
        if abs(value - target) * scale <= Fraction(1, 2 * 10**outer.decimals):
            return close("rounding", f"the exact reference rounds to it at {outer.decimals} decimals")
    return None


def _plain(node: Node) -> Node | None:
    """The number that a tree is, under signs and percent signs; None for anything composed."""
    while node.op in {"neg", "percent", "degree"}:
        node = node.args[0]
    return node if node.op == "num" and (node.decimals is not None or node.value.denominator == 1) else None  # type: ignore[union-attr] # a num holds a Fraction


def _significant(node: Node) -> int:
    digits = str(abs(node.value.numerator)).strip("0") if isinstance(node.value, Fraction) else ""
    value = abs(node.value) if isinstance(node.value, Fraction) else Fraction(0)
    return len(str(round(value * 10 ** (node.decimals or 0))).lstrip("0")) if digits else 0


def _decimal_value(node: Node) -> Fraction | None:
    exact = exact_value(node)
    if exact is not None:
        return exact
    value = real_value(node)
    return None if value is None else Fraction(value)


def _with_rounded_coefficients(reference: Node, answer: Node) -> Finding | None:
    """An expression whose reference has rounded coefficients: 2.718^{x} for e^x, -0.0185(x-5) for (5-x)/54."""
    digits = [_significant(part) for part in walk(reference) if part.op == "num" and part.decimals is not None]
    if reference.op == "num" or not digits or min(digits) < MIN_COEFFICIENT_DIGITS or not symbols(reference):
        return None
    if same_value(reference, answer, tolerance=5 * 10.0 ** -min(digits)):
        return close("rounding", f"equal to the {min(digits)} digits of the reference's coefficients")
    return None


def _show(value: Fraction) -> str:
    if value.numerator.bit_length() + value.denominator.bit_length() < 200:
        return str(value)
    return f"a number of about {int(value.numerator.bit_length() * math.log10(2))} digits"


def _difference(reference: Node, answer: Node) -> str:
    one, other = real_value(reference), real_value(answer)
    if one is not None and other is not None and f"{one:.6g}" != f"{other:.6g}":
        return f"{one:.6g} is not {other:.6g}"
    return "different at a sample point"
