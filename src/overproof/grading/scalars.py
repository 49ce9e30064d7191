r"""One number or expression against another: exactly, as balls, as families of a whole parameter, after rounding.

>>> from overproof.grading.grammar import parse
>>> compare_scalars(parse("\\frac{1}{2}"), parse("0.5")).reason
'both are 1/2'
>>> compare_scalars(parse("180.67"), parse("\\frac{542}{3}")).approximate
True
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

import msgspec

from overproof.grading.constants import are_constants, compare_up_to_constants, renamed_alike
from overproof.grading.evaluate import ENOUGH, exact_value, is_immense, points, real_value, same_value, value_at
from overproof.grading.families import WHOLE_LETTERS, compare_families
from overproof.grading.finding import QUESTION, Finding, close, different, same, undecided
from overproof.grading.progressions import written_out
from overproof.grading.scope import ANYWHERE, Scope
from overproof.grading.tree import BINDERS, INFINITY, PI, Node, number, rename, replaced, substituted, symbols, walk
from overproof.grading.units import SINGLE

MIN_DIGITS = 3
"""A reference with fewer significant digits is taken as exact, unless the question asks for rounding."""
COUNTS = (6, 9, 14)
"""Numbers of terms at which sums of that many are compared."""
_SLACK = Fraction(1_000_001, 1_000_000)
MAX_DECIMALS = 4_000
MANY_DIGITS = 7
"""A decimal of so many digits is an exact reference worked out, rounded or cut off."""
MIN_COEFFICIENT_DIGITS = 4
"""An expression whose coefficients have fewer digits than this is taken as exact."""
_PARAMETERS = frozenset(["k", "n", "m", "l", "t", "p", "q", "j", "s", "r"]) | {"\\ell", "\\lambda"}
_GREEK_LETTER = re.compile(r"\\[A-Za-z]+")


def compare_scalars(
    reference: Node, answer: Node, scope: Scope = ANYWHERE, *, percent: bool = False, scaled: bool = False
) -> Finding:
    """Whether two trees are the same value. With `percent`, the reference's digits are digits of percent."""
    if reference == answer:
        return same("text", "the same expression")
    if {reference.op, answer.op} == {"max", "min"} and len(reference.args) == len(answer.args) == 1:
        return different("kind", "the greatest value is not the least")
    if INFINITY in {
        part for side in (reference, answer) for part in (side, *(() if side.op in BINDERS else side.args))
    }:
        infinite = all(node == INFINITY or node == Node("neg", (INFINITY,)) for node in (reference, answer))
        return (
            different("number", "one is infinite, or they go different ways")
            if infinite or not (symbols(reference) or symbols(answer))
            else undecided("numeric", "an expression with infinity")
        )
    one, other = exact_value(reference), exact_value(answer)
    if one is not None and other is not None:
        if one == other:
            return same("number", f"both are {_show(one)}")
        if scope.asks_for_percent and 100 in {one / other if other else 0, other / one if one else 0}:
            return undecided(QUESTION, "a number that may be in percent")
        return _rounded(reference, answer, scope, percent=percent, scaled=scaled) or different(
            "number", f"{_show(one)} is not {_show(other)}"
        )
    finding = _compare_inexact(reference, answer, scope, percent=percent)
    if not finding.same and (given := _with_given_pi(reference, answer, scope)) is not None:
        return given
    if finding.same is not True and (_has_bare_log(reference) or _has_bare_log(answer)):
        decimal = _compare_inexact(_decimal_logarithms(reference), _decimal_logarithms(answer), scope, percent=percent)
        if decimal.same:
            return msgspec.structs.replace(decimal, reason=f"{decimal.reason} (log to base 10)")
    return finding


def _with_given_pi(reference: Node, answer: Node, scope: Scope) -> Finding | None:
    """One side with π against a number, where the question says which number π is; None where they differ."""
    has_pi = [PI in walk_set(side) for side in (reference, answer)]
    if has_pi[0] == has_pi[1] or scope.pi is None:
        return None
    one, other = (exact_value(substituted(side, {PI: number(scope.pi)})) for side in (reference, answer))
    return same("number", f"both are {_show(one)}, with the question's π") if one is not None and one == other else None


def _compare_inexact(reference: Node, answer: Node, scope: Scope, *, percent: bool) -> Finding:
    parts = [*walk(reference), *walk(answer)]
    if any(part.op == "ellipsis" for part in parts):
        return _with_ellipsis(reference, answer)
    only, others = symbols(reference) - symbols(answer), symbols(answer) - symbols(reference)
    if len(only) == len(others) == 1 and free_letter(min(only), min(others), reference, answer, scope):
        answer = rename(answer, {min(others): min(only)})
    elif (constants := _other_constants(only, others, reference, answer, scope)) is not None:
        answer = constants
    if _has_no_value(answer) and not names_of_call(answer):
        return different("numeric", "the answer divides by zero")
    if answer.op == "call" and reference.op != "call" and not symbols(reference):
        return different("kind", "a name, not its value")
    if not symbols(reference) and not symbols(answer) and is_immense(reference) != is_immense(answer):
        return different("numeric", "one is immense")
    verdict = same_value(reference, answer, whole=_counts(reference) and _counts(answer) and scope.integers)
    names = symbols(reference) | symbols(answer)
    if verdict:
        return same("numeric", "equal at every sample point" if names else "equal in value")
    rounded = _rounded(reference, answer, scope, percent=percent, scaled=False) if not names else None
    if rounded is not None:
        return rounded
    if verdict is False:
        opaque = any(part.op == "call" for part in parts)
        family = compare_families([reference], [answer], "", "", scope) if names else None
        if family is not None and family.same:
            return family
        if opaque:
            return undecided("numeric", "an unknown function")
        counts = scope.integers or names <= WHOLE_LETTERS
        if counts and any(part.op in {"floor", "ceil"} for part in parts) and same_value(reference, answer, whole=True):
            return (
                same("numeric", "equal at whole numbers") if scope.integers else undecided(QUESTION, "at whole numbers")
            )
        if (family := compare_up_to_constants(reference, answer, scope)) is not None:
            return family
        return _with_rounded_coefficients(reference, answer) or different("numeric", _difference(reference, answer))
    return undecided("numeric", "no value that can be told")


def _with_ellipsis(reference: Node, answer: Node) -> Finding:
    """1 + 2 + … + 100 against its value; undecided where its terms leave a doubt of those between them."""
    if {"add", "num"} == {reference.op, answer.op} and len(reference.args) + len(answer.args) == 2:
        return different("ellipsis", "terms that are left out")  # 21 + …
    one, other = written_out(reference) or [reference], written_out(answer) or [answer]
    open_ones = any(part.op == "ellipsis" for side in (*one, *other) for part in walk(side))
    found = [None] if open_ones else [_same_for_counts(left, right) for left in one for right in other]
    if len(found) == 1 and found[0]:
        return same("ellipsis", "the same with all its terms")
    if any(verdict is not False for verdict in found):
        return undecided("ellipsis", "an ellipsis leaves out terms")
    return different("ellipsis", "another value with all its terms")


def _same_for_counts(one: Node, other: Node) -> bool | None:
    """Whether two trees are equal for some numbers of terms, where a letter says how many there are."""
    names = symbols(one) | symbols(other)
    if not names:
        return same_value(one, other)
    if len(names) > 1:
        return None
    counts = [{min(names): number(count)} for count in COUNTS]
    found = [same_value(replaced(one, known), replaced(other, known)) for known in counts]
    return None if None in found else all(found)


def _other_constants(
    only: frozenset[str], others: frozenset[str], reference: Node, answer: Node, scope: Scope
) -> Node | None:
    """The answer with the reference's arbitrary constants, C_1 and C_2 for its A and B; None where it is another."""
    names, known = only | others, scope.known
    if len(only) != len(others) or not 1 < len(only) < 4 or known is None or names & known:
        return None
    return renamed_alike(reference, answer) if are_constants(names) and symbols(reference) & symbols(answer) else None


def names_of_call(node: Node) -> bool:
    """Whether unknown functions stand in a tree."""
    return any(part.op == "call" for part in walk(node))


def _has_no_value(node: Node) -> bool:
    """Whether something in a tree is divided by exactly zero."""
    return any(part.op == "div" and exact_value(part.args[1]) == 0 for part in walk(node))


def _counts(node: Node) -> bool:
    """Whether a tree only makes sense at whole numbers: factorials, binomials, (-1)^n."""
    return any(
        part.op in {"fact", "binom", "perm", "mod", "gcd"}
        or (part.op == "pow" and bool(symbols(part.args[1])) and (real_value(part.args[0]) or 0) < 0)
        for part in walk(node)
    ) or any(part.op in {"cos", "sin"} and PI in walk_set(part) and bool(symbols(part)) for part in walk(node))


def walk_set(node: Node) -> set[Node]:
    """All nodes of a tree."""
    return set(walk(node))


def free_letter(old: str, new: str, reference: Node, answer: Node, scope: Scope) -> bool:
    """Whether one letter may stand for another: neither the question nor the other side tells the two apart."""
    if "sym" in {reference.op, answer.op}:
        return False
    if not all(len(name) == 1 or _GREEK_LETTER.fullmatch(name) for name in (old, new)):
        return False  # v_0 is not v_1, and a name of several letters is nobody's parameter
    if SINGLE & {old, new} and (_may_be_amount(reference, old) or _may_be_amount(answer, new)):
        return False
    if scope.known is not None:
        return old not in scope.known and new not in scope.known
    return _counts_turns(reference, old) and _counts_turns(answer, new)


def _may_be_amount(node: Node, name: str) -> bool:
    """Whether a letter stands behind a number alone, as a unit does: 5 m is not 5 s."""
    return (
        node.op == "mul"
        and len(node.args) > 1
        and node.args[-1].value == name
        and not any(symbols(part) for part in node.args[:-1])
    )


def _counts_turns(node: Node, name: str) -> bool:
    """Whether a letter only multiplies π: the k of kπ, an integer whatever it is called."""
    if name not in _PARAMETERS:
        return False
    with_pi = sum(
        1
        for part in walk(node)
        if part.op == "mul" and PI in part.args and any(factor.value == name for factor in part.args)
    )
    return with_pi > 0 and with_pi == sum(1 for part in walk(node) if part.op == "sym" and part.value == name)


def _has_bare_log(node: Node) -> bool:
    return any(part.op == "log" and len(part.args) == 1 for part in walk(node))


def _decimal_logarithms(node: Node) -> Node:
    args = tuple(_decimal_logarithms(part) for part in node.args)
    if node.op == "log" and len(args) == 1:
        args = (*args, number(10))
    return Node(node.op, args, node.value, node.decimals) if args else node


# --- rounding


def _rounded(reference: Node, answer: Node, scope: Scope, *, percent: bool, scaled: bool) -> Finding | None:
    """Equality after rounding to the reference's own digits; to the answer's where the question asks for rounding."""
    if scope.exact and not scope.rounded:
        return None
    inner, outer = _numeral(reference), _numeral(answer)
    value, target = _decimal(answer), _decimal(reference)
    if value is None or target is None:
        return None
    if inner is not None and (inner.decimals is not None or scaled or _is_scientific(reference)):
        return _rounds_to(reference, answer, inner, outer, value, target, scope, percent=percent)
    digits = _significant(outer) if outer is not None else 0
    places = 0 if outer is None else outer.decimals or 0
    if inner is not None or outer is None or not (places or scope.decimals == 0):
        return None
    half = Fraction(1, 2 * 10**places)
    asked = digits >= MIN_DIGITS or places == scope.decimals
    if scope.rounded and asked and abs(value - target) <= half:
        return close("rounding", f"the exact reference rounds to it at {places} decimals")
    if digits >= MANY_DIGITS and abs(value - target) <= 2 * half:
        return close("rounding", f"the exact reference to {digits} digits")
    return None


def _rounds_to(  # noqa: PLR0917 - two numbers, each as it is written and as it is worth
    reference: Node, answer: Node, inner: Node, outer: Node | None, value: Fraction, target: Fraction, scope: Scope,
    *, percent: bool,
) -> Finding | None:  # fmt: skip
    """A decimal reference: the answer must have more digits and round to it, or fewer where the question allows."""
    places = inner.decimals or 0
    unit = _last_place(reference, places) / (100 if percent else 1)
    own = _significant(inner)
    if (
        outer is not None
        and (outer.decimals or 0) <= places
        and answer.op in {"num", "neg"}
        and not _is_scientific(reference)
    ):
        short = _significant(outer) < MIN_DIGITS and (outer.decimals or 0) != scope.decimals
        if not scope.rounded or (outer.decimals or 0) == places or short:
            return None
        unit = Fraction(1, 10 ** (outer.decimals or 0))
    elif own < MIN_DIGITS and not scope.rounded:
        return None
    elif _has_one_digit_more(outer, answer, places) and not scope.rounded:
        return None  # with one digit more it is another number as likely as the same one before rounding
    beyond = (value - target) * (1 if target >= 0 else -1)
    truncated = own >= 5 and 0 <= beyond < unit
    if -unit / 2 * _SLACK <= beyond < unit / 2 or truncated:  # halves are rounded away from zero
        return close("rounding", f"equal when rounded to {places} decimals")
    return None


def _has_one_digit_more(numeral: Node | None, answer: Node, places: int) -> bool:
    return numeral is not None and (numeral.decimals or 0) == places + 1 and answer.op in {"num", "neg"}


def _is_scientific(node: Node) -> bool:
    """1.6 × 10^{-19}."""
    node = node.args[0] if node.op == "neg" else node
    return node.op == "mul" and len(node.args) == 2 and node.args[1].op == "pow" and node.args[1].args[0] == number(10)


def _last_place(node: Node, places: int) -> Fraction:
    """What one unit of the last written digit is worth."""
    if _is_scientific(node):
        inner = node.args[0] if node.op == "neg" else node
        power = exact_value(inner.args[1])
        return (power if power is not None else Fraction(1)) / Fraction(10) ** places
    return Fraction(1, 10**places)


def _numeral(node: Node) -> Node | None:
    """The numeral that a tree is, under signs and powers of ten; None for anything composed."""
    while node.op == "neg" or _is_scientific(node):
        node = node.args[0]
    if node.op == "div" and node.args[1] == number(100):
        node = node.args[0]
    return node if node.op == "num" and (node.decimals is not None or node.value.denominator == 1) else None


def _significant(node: Node) -> int:
    value = abs(node.value)
    if not value or (node.decimals or 0) > MAX_DECIMALS:
        return 0
    digits = round(value * 10 ** (node.decimals or 0))
    return len(str(digits)) if digits.bit_length() < 10_000 else int(digits.bit_length() * math.log10(2))


def _decimal(node: Node) -> Fraction | None:
    exact = exact_value(node)
    if exact is not None:
        return exact
    value = real_value(node)
    return None if value is None else Fraction(value)


def _with_rounded_coefficients(reference: Node, answer: Node) -> Finding | None:
    """An expression whose reference has rounded coefficients: 2.718^{x} for e^x, -0.0185(x-5) for (5-x)/54."""
    shared = {part for part in walk(answer) if part.op == "num"}
    digits = [
        _significant(part)
        for part in walk(reference)
        if part.op == "num" and part.decimals is not None and part not in shared
    ]
    if reference.op == "num" or not digits or min(digits) < MIN_COEFFICIENT_DIGITS or not symbols(reference):
        return None
    if _close_everywhere(reference, answer, 5 * 10.0 ** -min(digits)):
        return close("rounding", f"equal to the {min(digits)} digits of the reference's coefficients")
    return None


def _close_everywhere(one: Node, other: Node, tolerance: float) -> bool:
    agreed = 0
    for point, _ in points(sorted(symbols(one) | symbols(other))):
        left, right = value_at(one, point), value_at(other, point)
        if left is None or right is None:
            continue
        size = max(float(abs(left).mid()), float(abs(right).mid()))
        if float(abs(left - right).mid()) > tolerance * size:
            return False
        agreed += 1
    return agreed >= ENOUGH


def _show(value: Fraction) -> str:
    if value.numerator.bit_length() + value.denominator.bit_length() < 200:
        return str(value)
    return f"a number of about {int(value.numerator.bit_length() * math.log10(2))} digits"


def _difference(reference: Node, answer: Node) -> str:
    one, other = real_value(reference), real_value(answer)
    if one is not None and other is not None and f"{one:.6g}" != f"{other:.6g}":
        return f"{one:.6g} is not {other:.6g}"
    return "different at a sample point"
