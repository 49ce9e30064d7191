r"""Does one typed value say the same as another? One comparison a pair of types, a short table of coercions.

A pair that is in neither is undecided. `different` is only said with a proof: other numbers, a point where two
expressions differ, kinds that exclude each other, a name that the question tells from another.

>>> from overproof.grading.reading import readings
>>> equal(readings("5,1")[0], readings("1, 5")[0]).same
True
>>> equal(readings("x>1")[0], readings("y>1")[0]).same, equal(readings("5")[0], readings("5 or more")[0]).same
(False, False)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec

from overproof.grading.amounts import (
    based_beside,
    compare_based,
    compare_clocks,
    compare_dates,
    compare_quantities,
    compare_ranges,
    compare_ratios,
    compare_words,
)
from overproof.grading.beside import DOMAIN_MARKS, amount_and_other, compare_numbers, ratio_and_other
from overproof.grading.constants import compare_solutions
from overproof.grading.domains import is_domain_condition, is_domain_name
from overproof.grading.evaluate import exact_value, real_value
from overproof.grading.families import (
    compare_families,
    compare_residues,
    expressions_of,
    names_in,
    parameter_of,
    renamed,
)
from overproof.grading.finding import QUESTION, Finding, all_of, different, same, undecided
from overproof.grading.lexicon import (
    COMPASS,
    LOWERED,
    RAISED,
    TURN_OF_CHANGE,
    describes,
    han_place,
    phrase_of,
    place_of,
    same_words,
    says_none,
)
from overproof.grading.matching import MAX_UNORDERED, match, place_on_line, unordered
from overproof.grading.piecewise import compare_functions
from overproof.grading.real_sets import compare_intervals
from overproof.grading.regions import show_region, whole_numbers_in
from overproof.grading.relations import (
    compare_equations,
    compare_relations,
    is_free_name,
    unsolved,
)
from overproof.grading.scalars import compare_scalars
from overproof.grading.scope import ANYWHERE, Scope
from overproof.grading.statements import holds_number
from overproof.grading.tree import INFINITY, SET_OPERATIONS, Node, number, replaced, symbols, walk
from overproof.grading.values import (
    Based,
    Clock,
    Collection,
    Condition,
    Date,
    Guarded,
    Interval,
    Matrix,
    Named,
    Piecewise,
    Quantity,
    Range,
    Ratio,
    Relation,
    Residue,
    Scalar,
    Unknown,
    Value,
    Words,
    as_interval,
    both_signs,
    guess_of,
    written_out,
)

Comparison = Callable[..., Finding]


def same_reading(references: Sequence[Value], answers: Sequence[Value], scope: Scope) -> Finding:
    """Whether any reading of an answer says the same as a reading of the reference.

    What a question says beside the two answers proves no difference: where they are equal without it, and their kinds
    do not exclude each other, it raises a doubt at most.
    """
    finding = _same_reading(references, answers, scope)
    if (
        finding.same is False
        and scope.text
        and finding.layer not in _PROVEN
        and not (finding.layer == "parts" and scope.demands_order)
    ):
        plain = _same_reading(references, answers, scope.without_question)
        if plain.same and not plain.approximate:
            return undecided(QUESTION, finding.reason)
    return finding


_PROVEN = frozenset({"kind", "number", "numeric"})
"""Layers that no question has a part in: kinds that exclude each other, other numbers."""


def _same_reading(references: Sequence[Value], answers: Sequence[Value], scope: Scope) -> Finding:
    """The readings of both sides, pair by pair.

    Readings of one kind are compared before others: a score with a score, a time with a time; where the first reading
    of the reference has its like in the answer, that pair decides.
    """
    first = references[0]
    like = next((answer for answer in answers if type(answer) is type(first)), None)
    if (
        like is not None
        and isinstance(first, Range | Clock | Date | Unknown)
        and not (guess_of(first) or guess_of(like))
    ):
        return equal(first, like, scope)
    findings: list[Finding] = []
    for reference in references:
        for answer in answers:
            finding = equal(reference, answer, scope)
            guesses = [guess for guess in map(guess_of, (reference, answer)) if guess]
            open_ones = [guess for guess in guesses if not scope.bears_out(guess)]
            if finding.same and open_ones:
                finding = undecided(QUESTION, open_ones[0])
            if finding.same:
                return finding
            if not guesses or finding.layer == QUESTION:
                findings.append(finding)
    return next((finding for finding in findings if finding.same is None), findings[0])


def equal(reference: Value, answer: Value, scope: Scope = ANYWHERE) -> Finding:
    """Whether an answer says the same as the reference; equations, as solutions with constants too."""
    finding = _equal(reference, answer, scope)
    if finding.same is False and isinstance(reference, Named | Relation) and isinstance(answer, Named | Relation):
        nodes = reference.node, answer.node
        solved = None if nodes[0] is None or nodes[1] is None else compare_solutions(nodes[0], nodes[1], scope)
        return solved or finding
    if finding.same is None and isinstance(reference, Named | Relation) and isinstance(answer, Named | Relation):
        return _with_both_signs(reference, answer) or finding
    return finding


def _with_both_signs(reference: Named | Relation, answer: Named | Relation) -> Finding | None:
    """Equations with ±, each of which is two: y = ±2x and 2x ± y = 0; None where neither has one."""
    if reference.node is None or answer.node is None:
        return None
    one, other = both_signs(reference.node), both_signs(answer.node)
    if len(one) != len(other) or len(one) < 2:
        return None
    return match(one, other, compare_equations, "equation", "equation")


def _equal(reference: Value, answer: Value, scope: Scope) -> Finding:
    if reference == answer and not (isinstance(answer, Unknown) and answer.false):
        return same("text", "the same expression")
    pair = _PAIRS.get((type(reference), type(answer)))
    if pair is not None:
        return pair(reference, answer, scope)
    for kind, turned, coerce in _COERCIONS:
        if isinstance(reference, kind) and not isinstance(answer, kind) and turned >= 0:
            return coerce(reference, answer, scope, True)
        if isinstance(answer, kind) and not isinstance(reference, kind) and turned <= 0:
            return coerce(answer, reference, scope, False)
    kinds = {_kind(reference), _kind(answer)}
    if "" not in kinds and len(kinds) == 2:
        return different("kind", f"the reference is {_kind(reference)}, the answer {_kind(answer)}")
    return undecided("kind", f"{_kind(reference) or 'this'} and {_kind(answer) or 'this'} are not compared")


def _kind(value: Value) -> str:
    """What excludes being something else: a number is no set of two, a word is no number."""
    if isinstance(value, Scalar):
        return "an expression" if symbols(value.node) else "a number"
    if isinstance(value, Collection):
        return {"tuple": "a tuple", "square": "a tuple", "arrow": "a sequence"}.get(value.form, "several values")
    return _KINDS.get(type(value), "")


_KINDS: dict[type[Value], str] = {
    Quantity: "a quantity", Words: "words", Interval: "a set of numbers", Matrix: "a matrix", Ratio: "a ratio",
    Clock: "a time of day", Date: "a date", Range: "a range", Residue: "a residue class",
    Piecewise: "a definition by cases", Relation: "a relation",
}  # fmt: skip


# --- names


def _named(reference: Named, answer: Named, scope: Scope) -> Finding:
    if _same_name(reference.name, answer.name):
        finding = equal(reference.value, _with_argument(reference.name, answer.name, answer.value), scope)
        if finding.same or reference.node is None or answer.node is None:
            return finding
        solved = compare_equations(reference.node, answer.node) if _is_equation(reference) else finding
        return solved if solved.same else finding
    if (
        reference.node is not None
        and answer.node is not None
        and symbols(reference.node) == symbols(answer.node)
        and (_is_equation(reference) or _is_equation(answer))
    ):
        return compare_equations(reference.node, answer.node)
    one, other = reference.name, answer.name
    if one.op == "words" or other.op == "words":
        if {_show(one), _show(other)} == set(TURN_OF_CHANGE):
            return different("statement", f"{_show(other)} is not {_show(one)}")
        finding = equal(reference.value, answer.value, scope)
        return undecided("equation", "labels that may differ") if finding.same and one.op == other.op else finding
    if one.op == other.op == "call":
        return _of_functions(reference, answer, scope)
    if "call" in {one.op, other.op} and (one in other.args or other in one.args):
        return different("equation", "a function is not what it is a function of")
    if one.op == "paren" or other.op == "paren" or "call" in {one.op, other.op}:
        return equal(reference.value, answer.value, scope)
    if _one_is_indexed(one, other) and equal(reference.value, answer.value, scope).same:
        return undecided("equation", f"{_show(other)} may number {_show(one)}")
    return different("equation", f"{_show(other)} is not {_show(one)}")


def _one_is_indexed(one: Node, other: Node) -> bool:
    """Whether of two letters one is the other with an index: x_1 and x."""
    shown = sorted((_show(one), _show(other)), key=len)
    return shown[1].startswith(f"{shown[0]}_")


def _of_functions(reference: Named, answer: Named, scope: Scope) -> Finding:
    """f(2) = 3 against f(4) = 3 or g(2) = 3: another argument, or a name that only the question can tell to be free."""
    one, other = str(reference.name.value), str(answer.name.value)
    if one == other:
        return different("equation", f"{_show(answer.name)} is not {_show(reference.name)}")
    finding = equal(reference.value, _with_argument(reference.name, answer.name, answer.value), scope)
    if not finding.same or is_free_name(one, other, scope):
        return finding
    return undecided("equation", f"{other} may be another function than {one}")


def _is_equation(value: Named) -> bool:
    return value.node is not None and isinstance(value.value, Scalar) and bool(symbols(value.value.node))


def _same_name(one: Node, other: Node) -> bool:
    """Whether two names may name the same thing: equal, or f of another letter (f(x), f(t))."""
    if one == other:
        return True
    if one.op == other.op == "words":
        return same_words(str(one.value), str(other.value))
    if one.op == other.op == "call" and one.value == other.value and len(one.args) == len(other.args):
        return all(part.op == "sym" and str(part.value).islower() for part in (*one.args, *other.args))
    return False


def _with_argument(one: Node, other: Node, value: Value) -> Value:
    """The value of `f(t) = …` written in the letter of `f(x)`."""
    if one.op != "call" or other.op != "call" or len(one.args) != len(other.args) or not isinstance(value, Scalar):
        return value
    if any(part.op != "sym" for part in other.args):
        return value
    letters = {str(old.value): new for old, new in zip(other.args, one.args, strict=True)}
    return Scalar(replaced(value.node, letters))


def _named_and_other(named: Named, other: Value, scope: Scope, is_reference: bool) -> Finding:
    """A name with its value against a bare value, or against an equation to be solved."""
    if isinstance(other, Relation) and named.node is not None:
        if str(other.node.value) == "=":
            pair = (named.node, other.node) if is_reference else (other.node, named.node)
            finding = compare_equations(*pair)
            solved = isinstance(named.value, Scalar) and not symbols(named.value.node)
            return unsolved(other.node, scope) if finding.same and is_reference and solved else finding
        return undecided("equation", "a value against a relation")
    if isinstance(other, Interval) and other.name and named.name.op == "sym" and named.name.value != other.name:
        return different("relation", f"{other.name} is not {_show(named.name)}")
    label = _show_label(named.name)
    if named.name.op in SET_OPERATIONS and scope.text and not scope.asks_for(named.name):
        return undecided("statement", "of another set than the question asks for")
    if named.name.op == "words" and label in TURN_OF_CHANGE and isinstance(other, Scalar | Quantity):
        return _changes_by(label, named.value, other, scope, is_reference)
    if not is_reference and scope.asks_for_another(label):
        layer = "kind" if scope.demands_another(label) else QUESTION
        return different(layer, f"{label} is not what the question asks for")
    return equal(named.value, other, scope) if is_reference else equal(other, named.value, scope)


def _changes_by(label: str, amount: Value, other: Value, scope: Scope, is_reference: bool) -> Finding:
    """A change downwards or upwards against a bare amount: minus that much, or that much where the question says so."""
    minus = Node("neg", (amount.node,)) if isinstance(amount, Scalar | Quantity) else None
    plain = equal(amount, other, scope) if is_reference else equal(other, amount, scope)
    if plain.same:
        told = scope.turns_of_change
        known = label in told or (label == RAISED and LOWERED not in told)
        return plain if known else undecided(QUESTION, f"the question does not speak of a {label}")
    if label == LOWERED and minus is not None:
        down = msgspec.structs.replace(amount, node=minus)
        turned = equal(down, other, scope) if is_reference else equal(other, down, scope)
        if turned.same:
            return turned if scope.asks_for_change else undecided(QUESTION, "a decrease, with a minus sign")
    return plain


def _show_label(name: Node) -> str:
    """A name as a question writes it: x, (x,y)."""
    return f"({','.join(map(_show, name.args))})" if name.op == "paren" else _show(name)


def _show(name: Node) -> str:
    if name.args:
        return f"{name.value or name.op}({','.join(_show(part) for part in name.args)})"
    return str(name.value)


# --- conditions


def _guarded(reference: Guarded, answer: Guarded, scope: Scope) -> Finding:
    finding = _families_or(reference, answer, scope)
    if finding.same is False:
        return finding
    condition = _conditions(reference.condition, answer.condition, scope)
    if condition.same is False and finding.same:
        return different("condition", f"under another condition: {condition.reason}")
    return all_of([finding, condition], "condition", "part")


def _families_or(reference: Guarded, answer: Guarded, scope: Scope) -> Finding:
    if is_domain_condition(reference.condition) and is_domain_condition(answer.condition):
        return _as_families(reference.value, answer.value, scope, parameter_of(reference), parameter_of(answer))
    return equal(reference.value, answer.value, scope)


def _conditions(one: Condition, other: Condition, scope: Scope) -> Finding:
    if is_domain_condition(one) and is_domain_condition(other):
        return _domains(one, other)
    if {one.words, other.words} == {"forall", "exists"}:
        return different("condition", "another quantifier")
    if _condition_words(one) != _condition_words(other):
        return undecided("condition", "conditions in other words")
    if len(one.parts) != len(other.parts):
        return undecided("condition", "conditions of other parts")
    return all_of([equal(a, b, scope) for a, b in zip(one.parts, other.parts, strict=True)], "condition", "part")


def _domains(one: Condition, other: Condition) -> Finding:
    """Domains of parameters: ℤ is not ℝ, where both are named."""
    sets = [
        {DOMAIN_MARKS.sub("", str(part.node.args[-1].value)) for part in condition.parts if isinstance(part, Relation)}
        for condition in (one, other)
    ]
    if all(sets) and sets[0] != sets[1]:
        return undecided("condition", "other domains")
    return same("condition", "the same domain")


def _condition_words(condition: Condition) -> list[str]:
    ignored = {
        "all", "any", "every", "each", "is", "an", "a", "the", "are", "that", "if", "and", "when", "for", "where",
    }  # fmt: skip
    return sorted(word for word in condition.words.split() if word not in ignored)


def _guarded_and_other(guarded: Guarded, other: Value, scope: Scope, is_reference: bool) -> Finding:
    """A value under a condition against a bare one: only where a parameter lives may be left out.

    What a reference adds to a function or an equation may be left out too, unless the question asks for it.
    """
    if guarded.condition.words == "set":
        if isinstance(other, Collection | Named | Unknown):
            return undecided("condition", "a set-builder against something else")
        return _set_builder(guarded, other, scope, is_reference)
    letter = parameter_of(guarded)
    if is_domain_condition(guarded.condition):
        pair = (guarded.value, other) if is_reference else (other, guarded.value)
        return _as_families(*pair, scope, letter if is_reference else "", "" if is_reference else letter)
    finding = equal(guarded.value, other, scope) if is_reference else equal(other, guarded.value, scope)
    if not finding.same:
        return finding
    if is_reference and not scope.domain and _only_about_variables(guarded):
        return finding
    if isinstance(other, Scalar) and not symbols(other.node) and not is_reference:
        return different("condition", "the answer holds only under a condition")
    return undecided("condition", "a condition that only one side has")


def _set_builder(guarded: Guarded, other: Value, _scope: Scope, _is_reference: bool) -> Finding:
    return undecided("condition", f"a set-builder against {_kind(other) or 'something else'}")


def _only_about_variables(guarded: Guarded) -> bool:
    """Whether a condition only says for which variable values an equation or expression in them is meant."""
    value = guarded.value
    node = value.node if isinstance(value, Relation | Scalar) else value.node if isinstance(value, Named) else None
    return (
        node is not None
        and not guarded.condition.words.strip()
        and all(isinstance(part, Interval | Relation) for part in guarded.condition.parts)
        and bool(symbols(node))
    )


def _piecewise(reference: Piecewise, answer: Piecewise, scope: Scope) -> Finding:
    """Cases in any order; each must find its own. `otherwise` is what the others leave."""
    finding = undecided("cases", "other cases")
    if len(reference.cases) == len(answer.cases):
        pairs = list(reference.cases), list(answer.cases)
        finding = match(*pairs, lambda one, other: _cases_equal(one, other, scope), "cases", "case")
    values = None if finding.same else compare_functions(reference, answer)
    return values if values is not None and values.same is not None else finding


def _piecewise_and_other(pieces: Piecewise, other: Value, _scope: Scope, is_reference: bool) -> Finding:
    """A definition by cases against an expression, which may have the same values: |x|."""
    if isinstance(other, Scalar) and symbols(other.node):
        return compare_functions(*((pieces, other) if is_reference else (other, pieces))) or undecided(
            "cases", "cases that are not read"
        )
    kind = _kind(other)
    return different("kind", f"a definition by cases is not {kind}") if kind else undecided("cases", "not compared")


def _cases_equal(one: Guarded, other: Guarded, scope: Scope) -> Finding:
    condition = _conditions(one.condition, other.condition, scope)
    if "otherwise" in {one.condition.words, other.condition.words}:
        condition = same("cases", "the rest")
    value = equal(one.value, other.value, scope)
    if condition.same is False:
        return different("cases", "another condition")
    return all_of([value, condition], "cases", "part")


def _as_families(reference: Value, answer: Value, scope: Scope, one: str, other: str) -> Finding:
    """Values with a whole-number parameter, which any letter may stand for."""
    finding = compare_families(expressions_of(reference), expressions_of(answer), one, other, scope)
    if finding is not None and finding.same is not None:
        return finding
    if one and other and one != other:
        answer = renamed(answer, {other: one})
    elif (one or other) and not (one and other):
        answer, reference = _freed(reference, answer, scope, one, other)
    return equal(reference, answer, scope)


def _freed(reference: Value, answer: Value, scope: Scope, one: str, other: str) -> tuple[Value, Value]:
    """Both sides with the letter of a named parameter, where the other side has one letter of its own in its place."""
    here, there = names_in(reference), names_in(answer)
    if one and one not in there and len(there - here) == 1:
        return renamed(answer, {min(there - here): one}), reference
    if other and other not in here and len(here - there) == 1:
        return answer, renamed(reference, {min(here - there): other})
    return answer, reference


# --- residues


def _residue_and_other(residue: Residue, other: Value, scope: Scope, is_reference: bool) -> Finding:
    """X ≡ 5 (mod 12) against 12k + 5; a bare number is no class, unless it is the residue that was asked for."""
    nodes = expressions_of(other)
    if nodes and all(symbols(node) for node in nodes):
        family = [
            Node("add", (Node("mul", (number(residue.modulus), Node("sym", (), "k"))), number(value)))
            for value in residue.residues
        ]
        finding = compare_families(
            *((family, nodes) if is_reference else (nodes, family)),
            "k" if is_reference else "",
            "" if is_reference else "k",
        )
        if finding is not None:
            return finding
    if isinstance(other, Scalar) and other.exact is not None:
        if residue.residues == (other.exact,) and scope.residues:
            return same("residue", "the residue that is asked for")
        return different("residue", "a residue class is not a number")
    return undecided("residue", "a residue class against something else")


# --- collections


_UNORDERED = frozenset({"list", "or", "and", "set"})


def _collections(reference: Collection, answer: Collection, scope: Scope) -> Finding:
    """Several parts against several parts; a tuple keeps its order, a list and a set do not."""
    one, other = _items(reference, answer), _items(answer, reference)
    forms = {reference.form, answer.form}
    if forms == {"tuple", "square"} and not scope.vectors and _may_be_interval(reference) and _may_be_interval(answer):
        return different("kind", "one set of brackets is open, the other closed")
    if "arrow" in forms and forms != {"arrow"} and not forms & {"list", "tuple", "square"}:
        return different("kind", "a sequence in an order against values without one")
    if forms == {"and", "or"} and all(map(_is_name, (*one, *other))):
        return undecided("parts", "joined in one by 'and', in the other by 'or'")
    nested = [
        sum(isinstance(item, Collection) and item.form == "set" for item in value.items)
        for value in (reference, answer)
    ]
    if nested[0] != nested[1]:
        return different("kind", "a set inside the set")
    if _mixed_brackets(reference, answer):
        return different("kind", f"the reference is {_kind(reference)}, the answer {_kind(answer)}")
    bracketed = bool(forms & {"tuple", "square", "arrow"})
    ordered = bracketed or (scope.ordered and not _are_tuples(one, other))
    names, other_names = _names_of(one), _names_of(other)
    numbered = _number_one_thing([*map(_show, names), *map(_show, other_names)]) and "_" not in scope.text
    if _distinct(names) and _distinct(other_names) and not numbered:
        return _by_name(one, other, names, other_names, scope, ordered=ordered)
    if _distinct(names) or _distinct(other_names):
        # x = 2, y = 3 sets an order for bare values, in which the question may have named them otherwise
        finding = _named_places(one, other, names, other_names, scope)
        if finding is not None:
            return finding
        one, other = [_bare(item) for item in one], [_bare(item) for item in other]
    return _parts(reference, answer, one, other, scope, ordered=ordered)


def _parts(
    reference: Collection, answer: Collection, one: list[Value], other: list[Value], scope: Scope, *, ordered: bool
) -> Finding:
    """Part by part, in their order or in any."""
    forms = {reference.form, answer.form}
    if len(one) != len(other):
        one, other = _expanded(one), _expanded(other)
    if not ordered and not forms & {"set"} and len(one) != len(other):
        return _count(reference, answer, one, other, scope)
    if "set" in forms and not ordered:
        one, other = _distinct_values(one, scope), _distinct_values(other, scope)
    if len(one) != len(other):
        return _count(reference, answer, one, other, scope)
    in_order = all_of([equal(a, b, scope) for a, b in zip(one, other, strict=True)], "parts", "part")
    if ordered or in_order.same:
        return in_order
    finding = _in_any_order(one, other, scope)
    if finding.same and scope.asks_for_places and not _are_tuples(one, other):
        return undecided(QUESTION, "in another order, where each may have its own place")
    return finding


def _is_name(item: Value) -> bool:
    """Whether a part only names something: roots and other values may be joined by either word, names may not."""
    return isinstance(item, Words) or (isinstance(item, Scalar) and item.node.op == "sym")


_EXTREME = re.compile("max|min|larg|small|great|least|最", re.IGNORECASE)
_LARGEST = re.compile("max|larg|great|最[大高多长]", re.IGNORECASE)
_SMALLEST = re.compile("min|small|least|最[小低少短]", re.IGNORECASE)


def _number_one_thing(labels: list[str]) -> bool:
    """Whether names are one letter with several indices."""
    return len({label.partition("_")[0] for label in labels}) == 1 and all("_" in label for label in labels)


def _are_tuples(one: list[Value], other: list[Value]) -> bool:
    """Whether all parts are tuples: an ordered pair has its order inside, and the list of them has none."""
    return all(isinstance(item, Collection) and item.form in {"tuple", "square"} for item in (*one, *other))


def _named_places(
    one: list[Value], other: list[Value], names: list[Node], others: list[Node], scope: Scope
) -> Finding | None:
    """Named parts against bare ones: in their order, or in that in which the question names them; else a doubt.

    None where the names only number one thing (x_1, x_2), or say which is the largest.
    """
    labels = [_show(name) for name in names or others]
    if len(labels) == 2 and _belie([_bare(item) for item in (one if names else other)], labels):
        return different("parts", "a largest value that is smaller than the smallest")
    if len(one) != len(other) or _number_one_thing(labels) or all(_EXTREME.search(label) for label in labels):
        return None
    bare = [_bare(item) for item in one], [_bare(item) for item in other]
    asked = scope.order_of(labels)
    if asked is not None:
        named = bare[0] if names else bare[1]
        turned = [named[place] for place in asked]
        bare = (turned, bare[1]) if names else (bare[0], turned)
    finding = all_of([equal(a, b, scope) for a, b in zip(*bare, strict=True)], "parts", "part")
    if finding.same is False and asked is None and others and _in_any_order(*bare, scope).same:
        return undecided(QUESTION, "named in another order, which the question does not tell")
    return finding


def _belie(values: list[Value], labels: list[str]) -> bool:
    """Whether the one of two values that is called the largest is the smaller one."""
    ends = [place_on_line(value) for value in values]
    largest = [_LARGEST.search(label) is not None for label in labels]
    smallest = [_SMALLEST.search(label) is not None for label in labels]
    if len(ends) != 2 or ends[0] is None or ends[1] is None or largest[0] == largest[1] or smallest != largest[::-1]:
        return False
    return ends[0] < ends[1] if largest[0] else ends[1] < ends[0]


def _mixed_brackets(reference: Collection, answer: Collection) -> bool:
    """Whether one side is a closed interval or a tuple and the other a plain list or set of two."""
    for one, other in ((reference, answer), (answer, reference)):
        if one.form == "square" and other.form in {"list", "set", "or"} and len(one.items) == 2 and _rises(one):
            return True
        if one.form == "tuple" and other.form == "set":
            return True
    return False


def _may_be_interval(value: Collection) -> bool:
    return len(value.items) == 2 and _rises(value)


def _rises(value: Collection) -> bool:
    """Whether two numbers stand in rising order, as the ends of an interval do."""
    ends = [real_value(item.node) if isinstance(item, Scalar) else None for item in value.items]
    return len(ends) == 2 and (ends[0] is None or ends[1] is None or ends[0] < ends[1])


def _items(value: Collection, other: Collection) -> list[Value]:
    """The parts; a single tuple against a list of tuples is a list of one."""
    if (
        value.form in {"tuple", "square"}
        and other.form in _UNORDERED
        and any(isinstance(item, Collection) and item.form in {"tuple", "square"} for item in other.items)
    ):
        return list(written_out(value))
    return list(value.items)


def _count(reference: Collection, answer: Collection, one: list[Value], other: list[Value], scope: Scope) -> Finding:
    """Lists of different lengths: equal parts counted once, families put together."""
    if (
        len(one) != len(other)
        and reference.form != "tuple"
        and answer.form != "tuple"
        and "or" in {reference.form, answer.form}
    ):
        unique, others = _distinct_values(one, scope), _distinct_values(other, scope)
        if len(unique) == len(others):
            return _in_any_order(unique, others, scope)
    nodes = expressions_of(reference), expressions_of(answer)
    if nodes[0] and nodes[1] and (finding := compare_families(nodes[0], nodes[1], "", "")) is not None:
        return finding
    return different("parts", f"the reference has {len(one)} parts, the answer {len(other)}")


def _expanded(items: list[Value]) -> list[Value]:
    """Parts with ± written out, and with `x = 1 or 2` opened."""
    out: list[Value] = []
    for item in items:
        inner = item.value if isinstance(item, Named) else item
        if isinstance(inner, Collection) and inner.form in {"or", "list", "set", "and"} and isinstance(item, Named):
            out.extend(inner.items)
        else:
            out.extend(written_out(item))
    return out


def _distinct_values(items: list[Value], scope: Scope) -> list[Value]:
    """Parts of which no two are the same value."""
    if len(items) > MAX_UNORDERED:
        return list(dict.fromkeys(items))
    kept: list[Value] = []
    for item in items:
        if not any((found := equal(other, item, scope)).same and not found.approximate for other in kept):
            kept.append(item)
    return kept


def _names_of(items: list[Value]) -> list[Node]:
    """The names of parts that are all named; empty when one is not."""
    names = [item.name for item in items if isinstance(item, Named)]
    return names if len(names) == len(items) else []


def _distinct(names: list[Node]) -> bool:
    return len(names) > 1 and len(set(map(_show, names))) == len(names)


def _bare(item: Value) -> Value:
    return item.value if isinstance(item, Named) else item


def _by_name(
    one: list[Value], other: list[Value], names: list[Node], others: list[Node], scope: Scope, *, ordered: bool
) -> Finding:
    """Parts that are named on both sides are matched by name where the names are the same, else in their order."""
    if len(one) != len(other):
        return different("parts", f"the reference has {len(one)} parts, the answer {len(other)}")
    shown, other_shown = [_show(name).lower() for name in names], [_show(name).lower() for name in others]
    if sorted(shown) == sorted(other_shown):
        by_name = dict(zip(other_shown, other, strict=True))
        return all_of(
            [equal(part, by_name[name], scope) for name, part in zip(shown, one, strict=True)], "parts", "part"
        )
    if ordered or set(shown) & set(other_shown):
        return all_of([equal(a, b, scope) for a, b in zip(one, other, strict=True)], "parts", "part")
    return all_of([equal(_bare(a), _bare(b), scope) for a, b in zip(one, other, strict=True)], "parts", "part")


def _in_any_order(one: list[Value], other: list[Value], scope: Scope) -> Finding:
    """Each part of the reference finds a part of its own in the answer."""
    return unordered(one, other, lambda a, b: equal(a, b, scope))


def _collection_and_other(collection: Collection, other: Value, scope: Scope, is_reference: bool) -> Finding:
    """Several values against one: a list of one, a value with ±, a name with several values."""
    if isinstance(other, Interval):
        return _collection_and_interval(collection, other, scope, is_reference)
    if isinstance(other, Matrix):
        return _vector(collection, other, scope, is_reference)
    if isinstance(other, Words | Range | Ratio | Clock | Date | Residue | Relation):
        return _collection_and_rest(collection, other, scope, is_reference)
    items = list(written_out(other))
    own = _expanded(list(collection.items)) if collection.form in _UNORDERED else list(collection.items)
    if len(items) > 1 and collection.form in _UNORDERED:
        return _in_any_order(own, items, scope) if is_reference else _in_any_order(items, own, scope)
    if (
        collection.form in {"list", "and"}
        and not is_reference
        and (said := _said_of_one(collection, scope)) is not None
    ):
        return equal(other, said, scope)
    if (collection.form in {"set", "or"} or (collection.form == "square" and len(own) == 1)) and (
        len(distinct := _distinct_values(own, scope)) == 1
    ):
        return equal(distinct[0], other, scope) if is_reference else equal(other, distinct[0], scope)
    nodes = expressions_of(collection), expressions_of(other)
    if nodes[0] and nodes[1]:
        finding = compare_families(*(nodes if is_reference else nodes[::-1]), "", "")
        if finding is not None:
            return finding
    if isinstance(other, Scalar | Quantity):
        values = [item for item in collection.items if not isinstance(item, Words)]
        if len(values) == 1 and collection.form == "list" and equal(values[0], other, scope).same:
            return undecided("text", "words beside the value")
        return different("kind", "one value is not several")
    return undecided("parts", "one thing against several")


def _said_of_one(collection: Collection, scope: Scope) -> Value | None:
    """The value that all parts of a list give to one name, as the lines of a derivation do: x = 2 + 3, x = 5.

    Other names may have values among them where the question asks for the last one alone: y = x^2, x = 3, y = 9.
    """
    items = [item for item in collection.items if isinstance(item, Named)]
    last = items[-1] if items and len(items) == len(collection.items) else None
    if last is None or not (len({item.name for item in items}) == 1 or scope.asks_only_for(_show_label(last.name))):
        return None
    known = {
        str(item.name.value): item.value.node
        for item in items
        if item.name.op == "sym" and isinstance(item.value, Scalar) and not symbols(item.value.node)
    }
    said = [
        Scalar(replaced(item.value.node, known)) if isinstance(item.value, Scalar) else item.value
        for item in items
        if item.name == last.name
    ]
    return last if len(_distinct_values(list(said), scope)) == 1 else None


def _collection_and_rest(collection: Collection, other: Value, scope: Scope, is_reference: bool) -> Finding:
    if isinstance(other, Words) and not collection.items:
        empty = phrase_of(other.text) == "nosolution"
        return same("text", "there is none") if empty else different("text", "the empty set")
    if isinstance(other, Words) and describes(other.text):
        return undecided("text", "words that may describe them")
    if isinstance(other, Clock) and _is_said_in_parts(other, collection):
        return same("clock", "its hours and minutes") if scope.ordered else undecided(QUESTION, "hours and minutes")
    if isinstance(other, Range) and _are_ends(collection, other):
        return undecided("range", "a range, or its two ends")
    if isinstance(other, Relation) and collection.form in {"or", "list", "set"}:
        return _solutions(collection, other, scope, is_reference)
    if isinstance(other, Relation):
        return undecided("equation", "a list against an equation to be solved")
    return different("kind", f"several values against {_kind(other) or 'something else'}")


def _are_ends(collection: Collection, span: Range) -> bool:
    """Whether two numbers in brackets are the ends of a span."""
    ends = [exact_value(item.node) for item in collection.items if isinstance(item, Scalar | Quantity)]
    return collection.form in {"tuple", "square"} and tuple(ends) == span.ends


def _is_said_in_parts(clock: Clock, collection: Collection) -> bool:
    """Whether two numbers are the hours and the minutes of a time of day."""
    parts = [exact_value(item.node) for item in collection.items if isinstance(item, Scalar | Quantity)]
    if len(parts) != 2 or len(collection.items) != 2 or parts[0] is None or parts[1] is None:
        return False
    minutes = parts[0] * 60 + parts[1]
    return minutes == clock.minutes or (clock.open_half and abs(minutes - clock.minutes) == 720)


def _solutions(collection: Collection, equation: Relation, scope: Scope, is_reference: bool) -> Finding:
    """`a = 0 or x = y` against `ax = ay`: one of several equations holds where their product does."""
    parts = [item.node for item in collection.items if isinstance(item, Named | Relation) and item.node is not None]
    equations = [part for part in parts if part.op == "rel" and part.value == "="]
    if len(equations) == len(collection.items) and equation.node.op == "rel" and equation.node.value == "=":
        factors = [Node("add", (part.args[0], Node("neg", (part.args[1],)))) for part in equations]
        together = Node("rel", (Node("mul", tuple(factors)), number(0)), "=")
        if compare_equations(together, equation.node).same:
            return unsolved(equation.node, scope) if is_reference else same("equation", "all its solutions")
    return undecided("equation", "several equations against another")


def _collection_and_interval(collection: Collection, interval: Interval, scope: Scope, is_reference: bool) -> Finding:
    """(1, 2) and [1, 2] may be intervals; several relations may be one region."""
    if (pair := as_interval(collection)) is not None:
        return compare_intervals(pair, interval, scope) if is_reference else compare_intervals(interval, pair, scope)
    items = [_bare(item) for item in collection.items]
    if all(isinstance(item, Scalar | Quantity) for item in items):
        whole = whole_numbers_in(interval.pieces) if scope.integers and collection.form in _UNORDERED else None
        if whole and _in_any_order([Scalar(number(value)) for value in whole], items, scope).same:
            if scope.asks_for_integers:
                return same("relation", "the whole numbers of the set")
            return undecided(QUESTION, "the whole numbers of the set")
        return different("kind", "single values against a set of numbers")
    return undecided("relation", "several things against a set of numbers")


def _vector(collection: Collection, matrix: Matrix, scope: Scope, is_reference: bool) -> Finding:
    """A tuple against a row or a column, a tuple of rows against a matrix."""
    if collection.form not in {"tuple", "square", "list"}:
        return different("kind", "a matrix is no set")
    cells = [cell for row in matrix.rows for cell in row]
    if min(len(matrix.rows), len(matrix.rows[0]) if matrix.rows else 0) == 1 and len(cells) == len(collection.items):
        pairs = zip(collection.items, [Scalar(cell) for cell in cells], strict=True)
        return all_of([equal(a, b, scope) if is_reference else equal(b, a, scope) for a, b in pairs], "matrix", "entry")
    rows = [item for item in collection.items if isinstance(item, Collection)]
    if len(rows) == len(collection.items) and len(rows) == len(matrix.rows):
        if not all(isinstance(cell, Scalar) for row in rows for cell in row.items):
            return undecided("matrix", "entries that are no numbers")
        nodes = tuple(tuple(cell.node for cell in row.items if isinstance(cell, Scalar)) for row in rows)
        return _matrices(*((Matrix(nodes), matrix) if is_reference else (matrix, Matrix(nodes))), scope)
    return different("matrix", "other shapes")


def _matrices(reference: Matrix, answer: Matrix, scope: Scope) -> Finding:
    one, other = reference.rows, answer.rows
    if 1 in {len(one), len(other)} and len(one) != len(other):
        one, other = _column(one), _column(other)
    if [len(row) for row in one] != [len(row) for row in other]:
        return different("matrix", "the matrices have different shapes")
    cells = [
        compare_scalars(a, b, scope)
        for row, match in zip(one, other, strict=True)
        for a, b in zip(row, match, strict=True)
    ]
    return all_of(cells, "matrix", "entry")


def _column(rows: tuple[tuple[Node, ...], ...]) -> tuple[tuple[Node, ...], ...]:
    return tuple((cell,) for cell in rows[0]) if len(rows) == 1 else rows


# --- sets of numbers and relations


def _interval_and_other(interval: Interval, other: Value, scope: Scope, is_reference: bool) -> Finding:
    if isinstance(other, Scalar) and is_domain_name(other.node) and other.node.value in {"R", "\\mathbb(R)"}:
        whole = len(interval.pieces) == 1 and interval.pieces[0].low.op == "neg" and interval.pieces[0].high == INFINITY
        return same("relation", "all real numbers") if whole else different("relation", "not all real numbers")
    if isinstance(other, Words):
        if phrase_of(other.text) == "reals" and show_region(interval.pieces) == "(-inf, inf)":
            return same("relation", "all real numbers")
        if describes(other.text) and phrase_of(other.text) is None:
            return undecided("text", "words that may describe it")
        return different("kind", "words against a set of numbers")
    if isinstance(other, Scalar | Quantity):
        ends = [end for piece in interval.pieces for end in (piece.low, piece.high)]
        sign = interval.node.value if interval.node is not None and not interval.name else ""
        asked = {"<=": scope.asks_for_most, ">=": scope.asks_for_least}.get(sign, False)
        if asked and other.node in ends:
            return undecided(QUESTION, "a bound in words, which the question may ask for")
        return different("kind", "one value is not a set of numbers")
    if isinstance(other, Relation):
        return undecided("relation", "a relation in several unknowns")
    return undecided("relation", "a set of numbers against something else")


def _relation_and_other(relation: Relation, other: Value, scope: Scope, is_reference: bool) -> Finding:
    """An equation as an answer for a value: `expr = v`, whose expression in several unknowns is what was asked for."""
    node = relation.node
    if is_reference or node.op != "rel" or node.value != "=" or len(node.args) != 2:
        kind = _kind(other)
        if is_reference and isinstance(other, Scalar | Quantity) and _gives_what_is_asked(relation, other, scope):
            return same("statement", "the value that an expression is said to have")
        return (
            different("kind", f"a relation is not {kind}")
            if kind and not isinstance(other, Collection)
            else undecided("relation", "not compared")
        )
    head, value = node.args if len(symbols(node.args[0])) >= len(symbols(node.args[1])) else node.args[::-1]
    if isinstance(other, Scalar | Quantity):
        finding = equal(other, Scalar(value), scope)
        named = len(symbols(head)) > 1 or head.op in {"call", "sym"} or scope.asks_for(head)
        if finding.same and named:
            return same("statement", "the value that an expression is said to have")
        return (
            undecided("equation", "an equation against a value")
            if finding.same
            else different("equation", "an equation is not a value")
        )
    return undecided("relation", "an equation against something else")


def _gives_what_is_asked(relation: Relation, value: Scalar | Quantity, scope: Scope) -> bool:
    """Whether an equation says of the very expression that is asked for that it is a value."""
    node = relation.node
    if node.op != "rel" or node.value != "=" or len(node.args) != 2 or not scope.asks_for(node.args[0]):
        return False
    return bool(equal(Scalar(node.args[1]), value, scope).same)


def _words_and_other(words: Words, other: Value, scope: Scope, is_reference: bool) -> Finding:
    phrase = phrase_of(words.text)
    if isinstance(other, Interval):
        return _interval_and_other(other, words, scope, not is_reference)
    if isinstance(other, Scalar) and phrase == "infinite" and other.node == INFINITY:
        return same("text", "infinitely many")
    if phrase == "reals" and isinstance(other, Scalar) and is_domain_name(other.node) and "R" in str(other.node.value):
        return same("text", "all real numbers")
    if (
        isinstance(other, Scalar)
        and other.node.op in {"sym", "const"}
        and same_words(words.text, str(other.node.value))
    ):
        return same("text", "the same letter")
    if isinstance(other, Unknown | Named | Guarded | Relation):
        return undecided("text", "words against something that is not compared")
    return _words_and_value(words, other, scope) or different(
        "kind", "words against mathematics" if is_reference else "the answer is words"
    )


def _words_and_value(words: Words, other: Value, scope: Scope) -> Finding | None:
    """Words that may say what a value says: none for zero, the second quadrant for 2; None where they say nothing."""
    if isinstance(other, Scalar | Quantity) and (value := exact_value(other.node)) is not None:
        if says_none(words.text) and value == 0 and (scope.may_count or not scope.text):
            return same("text", "there is none") if scope.may_count else undecided("text", "none may be zero")
        places = {place_of(word) for word in words.text.lower().split()} | {han_place(words.text)}
        return undecided("text", "a number among words") if value in places else None
    if phrase_of(words.text) == "diverges" and isinstance(other, Scalar) and INFINITY in walk(other.node):
        return undecided("text", "what is infinite diverges")
    if isinstance(other, Scalar) and other.node.op == "sym" and _is_compass_letter(str(other.node.value), words.text):
        return same("text", "the same direction") if scope.asks_direction else undecided("text", "may be a direction")
    if isinstance(other, Scalar) and other.node.op == "sym" and not scope.text:
        return undecided("text", "a letter that may name an option")
    several = isinstance(other, Collection | Interval | Guarded) or (isinstance(other, Scalar) and symbols(other.node))
    return undecided("text", "words that may describe it") if several and describes(words.text) else None


def _is_compass_letter(letter: str, words: str) -> bool:
    """Whether a letter is that of a direction: N for north."""
    name = phrase_of(words)
    return name in COMPASS and COMPASS[name][0] == letter.lower()


def _unknowns(reference: Unknown, answer: Unknown, _scope: Scope) -> Finding:
    if reference.text == answer.text and not answer.false:
        return same("text", "the same text")
    return undecided("formula", f"not read: {answer.why}")


def _unknown_and_other(unknown: Unknown, other: Value, scope: Scope, is_reference: bool) -> Finding:
    """Text that was not read: false statements are wrong, prose is no number, the rest is open."""
    if is_reference:
        return undecided("formula", f"the reference is not read ({unknown.why})")
    if unknown.false:
        return different("equation", unknown.why)
    if unknown.prose and isinstance(
        other, Scalar | Quantity | Collection | Interval | Matrix | Ratio | Words | Clock | Range | Residue
    ):
        if isinstance(other, Words | Interval):
            return undecided("text", "prose")
        if isinstance(other, Scalar | Quantity) and holds_number(unknown.text, exact_value(other.node)):
            return undecided("text", "a statement in words that holds the number")
        if not isinstance(other, Collection):
            return different("text", "the answer is a statement in words")
    return undecided("formula", f"the answer is not read ({unknown.why})")


_PAIRS: dict[tuple[type[Value], type[Value]], Comparison] = {
    (Scalar, Scalar): compare_numbers,
    (Quantity, Quantity): compare_quantities,
    (Words, Words): compare_words,
    (Clock, Clock): compare_clocks,
    (Date, Date): compare_dates,
    (Range, Range): compare_ranges,
    (Ratio, Ratio): compare_ratios,
    (Based, Based): compare_based,
    (Named, Named): _named,
    (Guarded, Guarded): _guarded,
    (Piecewise, Piecewise): _piecewise,
    (Residue, Residue): compare_residues,
    (Collection, Collection): _collections,
    (Matrix, Matrix): _matrices,
    (Interval, Interval): compare_intervals,
    (Relation, Relation): compare_relations,
    (Unknown, Unknown): _unknowns,
}
# What a value of one type means beside any other, tried in this order; a named value is its value, and so on.
_COERCIONS: list[tuple[type[Value], int, Comparison]] = [
    (Unknown, 0, _unknown_and_other),
    (Guarded, 0, _guarded_and_other),
    (Named, 0, _named_and_other),
    (Residue, 0, _residue_and_other),
    (Collection, 0, _collection_and_other),
    (Words, 0, _words_and_other),
    (Based, 0, based_beside),
    (Interval, 0, _interval_and_other),
    (Relation, 0, _relation_and_other),
    (Quantity, 0, amount_and_other),
    (Ratio, 0, ratio_and_other),
    (Piecewise, 0, _piecewise_and_other),
]
