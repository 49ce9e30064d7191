"""One row: completion and reference → extraction → layers → verdict; only this module knows the order of the layers.

`exact_grade` runs everything that is linear-time and safe in the caller. What it leaves open is a `Pending`, which
`settle` turns into a grade once the deep layer has spoken.
"""

from __future__ import annotations

import re

import msgspec

from overproof.grading.choices import letters_of, parse_options
from overproof.grading.compare import compare, kind_of
from overproof.grading.extraction import extract, visible
from overproof.grading.finding import Finding, different, same, undecided
from overproof.grading.labels import labelled_parts
from overproof.grading.reader import read
from overproof.grading.references import Reference, type_reference
from overproof.grading.scanner import UnreadableError
from overproof.grading.scope import Scope, scope_of
from overproof.grading.spelling import has_substance, spell
from overproof.grading.tree import Node
from overproof.grading.units import Unit, split_unit
from overproof.grading.words import is_prose, is_words, number_in_words, phrase_of, same_words
from overproof.records import Grade, Verdict, clean_text

_FINAL_DOUBTS = frozenset({"text", "ellipsis", "limit"})
"""Layers whose doubt the deep layer could not settle: prose, left-out terms, a text beyond the limits."""
_TEXT_COMMAND = re.compile(r"\\text\{([^{}]*)\}")
_DECIMAL_COMMA = re.compile(r"-?\d+,(?:\d{1,2}|\d{4,})")
MAX_SHOWN = 500
"""`Grade.extracted` is cut to this many characters."""


class Pending(msgspec.Struct, frozen=True):
    """A row that only the deep layer can decide."""

    extracted: str
    reference: str
    answer: str
    question: str | None
    doubt: str


def exact_grade(
    completion: str | None, reference: str | None, question: str | None = None, *, answer_only: bool = False
) -> Grade | Pending:
    """The grade of one row by the layers that run in the caller, or what is left for the deep one."""
    completion, question = clean_text(completion or ""), None if question is None else clean_text(question)
    typed = type_reference(None if reference is None else clean_text(reference), question)
    if typed.kind == "none":
        return Grade(Verdict.UNVERIFIABLE, None, "reference", typed.issue or "no reference")
    options = parse_options(question)
    found = extract(completion, parts=typed.parts, choice=bool(typed.letters or options), answer_only=answer_only)
    if found is None:
        return Grade(Verdict.INCORRECT, None, "extraction", _why_nothing(completion))
    finding = judge(typed, found.answer, question)
    if finding.same is None and finding.layer not in _FINAL_DOUBTS and typed.issue is None:
        return Pending(found.answer, typed.value, split_unit(spell(found.answer))[0], question, finding.reason)
    return _grade(found.answer, finding)


def settle(pending: Pending, verdict: bool | None, reason: str) -> Grade:  # noqa: FBT001 - what the deep layer said
    """The grade of a pending row, given the deep layer's verdict."""
    return _grade(pending.extracted, Finding(verdict, "deep", reason))


def _grade(extracted: str, finding: Finding) -> Grade:
    shown = extracted if len(extracted) <= MAX_SHOWN else extracted[:MAX_SHOWN] + "…"
    if finding.same is None:
        verdict = Verdict.UNVERIFIABLE
    elif finding.same:
        verdict = Verdict.APPROXIMATE if finding.approximate else Verdict.CORRECT
    else:
        verdict = Verdict.INCORRECT
    return Grade(verdict, shown, finding.layer, finding.reason)


def _why_nothing(completion: str) -> str:
    if not completion.strip():
        return "the completion is empty"
    text = visible(completion)
    if text is None:
        return "the reasoning is never closed, so there is no answer"
    return "no answer is marked" if text else "nothing follows the reasoning"


def judge(reference: Reference, answer: str, question: str | None = None) -> Finding:
    """Whether an answer says the same as the reference, by the exact layers in their order."""
    if reference.letters is not None:
        return _judge_choice(reference, answer, question)
    spelled = spell(answer)
    if not has_substance(spelled):
        return different("extraction", "the answer is empty")
    if _bare(spelled) == _bare(reference.spelled):
        return same("text", "the same text")
    return (
        _judge_option(reference, answer, parse_options(question))
        or _judge_words(reference, spelled)
        or _judge_formula(reference, spelled, scope_of(question))
    )


def _bare(spelled: str) -> str:
    r"""A spelled text without spaces and without the wrapping of \text{}."""
    return _TEXT_COMMAND.sub(r"\1", spelled).replace(" ", "")


# --- choices


def _judge_choice(reference: Reference, answer: str, question: str | None) -> Finding:
    """Letters against letters; an option's text stands for its letter."""
    letters, options = letters_of(answer), parse_options(question)
    if letters is not None and (not options or all(letter in options for letter in letters)):
        if letters == reference.letters:
            return same("choice", f"option {letters}")
        return different("choice", f"option {letters} is not {reference.letters}")
    matching = [
        letter for letter, text in options.items() if judge(type_reference(text), answer, None).same and text.strip()
    ]
    if len(matching) == 1:
        verdict = same if matching[0] == reference.letters else different
        return verdict("choice", f"the answer is the text of option {matching[0]}")
    if _bare(spell(answer)) == _bare(reference.spelled):
        return same("text", "the same text")
    return different("choice", "the answer names no option" if not matching else "the answer fits several options")


def _chosen_option(answer: str, options: dict[str, str]) -> str | None:
    """The text of the option that an answer names by its letter, unless the answer is some option's text itself."""
    letters = letters_of(answer)
    if letters is None or len(letters) != 1 or letters not in options:
        return None
    spelled = spell(answer)
    if any(spell(text) == spelled for text in options.values()):
        return None
    return options[letters]


def _judge_option(reference: Reference, answer: str, options: dict[str, str]) -> Finding | None:
    """The reference is an option's text, the answer its letter; None where the answer names no option."""
    chosen = _chosen_option(answer, options)
    if chosen is None:
        return None
    if spell(chosen) == reference.spelled or same_words(reference.text, chosen):
        return same("choice", f"the chosen option is {chosen[:80]}")
    finding = judge(reference, chosen, None)
    return finding if finding.same else different("choice", f"the chosen option is {chosen[:80]}")


# --- words


def _judge_words(reference: Reference, spelled: str) -> Finding | None:
    """Text against text; None where the answer or the reference is mathematics."""
    if number_in_words(spelled) == reference.spelled:
        return same("text", "the same number in words")
    phrase = phrase_of(reference.spelled)
    if phrase is not None and phrase == phrase_of(spelled):
        return same("text", "the same phrase")
    if reference.kind in {"text", "prose"} and same_words(reference.spelled, spelled):
        return same("text", "the same words")
    if phrase in {"yes", "no"} or (phrase is not None and reference.kind == "text"):
        return _judge_phrase(phrase, spelled)
    doubts = {
        "prose": undecided("text", "the reference is prose"),
        "text": different("text", "not the words of the reference"),
    }
    return doubts.get(reference.kind)


def _judge_phrase(phrase: str, spelled: str) -> Finding:
    """Yes/no and set phrases: the answer begins with the word that decides."""
    own = phrase_of(spelled)
    if own is not None:
        return different("text", f"{own} is not {phrase}")
    first = phrase_of(spelled.split(",", maxsplit=1)[0].split(" ", maxsplit=1)[0])
    if phrase in {"yes", "no"} and first in {"yes", "no"}:
        return (
            same("text", f"the answer says {first}")
            if first == phrase
            else different("text", f"{first} is not {phrase}")
        )
    return different("text", "not the words of the reference")


# --- formulas


def _judge_formula(reference: Reference, spelled: str, scope: Scope) -> Finding:
    """Units first, then tree against tree."""
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
    if (finding := _judge_units(reference, unit)) is not None:
        return finding
    finding = compare(*_in_one_unit(reference, tree, unit), scope)
    if finding.same is not True and reference.unit is not None and unit is None:
        bare = split_unit(spelled, letters=True)
        if bare[1] is not None and bare[1].dimension is not None:
            return _judge_formula(reference, f"{bare[0]} \\text{{{bare[1].name}}}", scope)
    if finding.same is False and reference.parts > 1 and (split := _as_list(value)) is not None:
        return compare(reference.tree, split, scope)
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


def _in_one_unit(reference: Reference, tree: Node, unit: Unit | None) -> tuple[Node, Node]:
    """Both values in the base unit, when their units differ in size."""
    assert reference.tree is not None
    if reference.unit is None or unit is None or reference.unit.dimension != unit.dimension or unit.dimension is None:
        return reference.tree, tree
    if reference.unit.factor == unit.factor:
        return reference.tree, tree
    ratio = unit.factor / reference.unit.factor
    return reference.tree, Node("mul", (Node("num", (), ratio), tree))


def _judge_labelled(reference: Reference, spelled: str, scope: Scope) -> Finding | None:
    """Parts labelled in words on both sides are matched by label, else part by part."""
    wanted, given = labelled_parts(reference.spelled), labelled_parts(spelled)
    if wanted is None:
        return None
    labels = dict(given) if given is not None else {}
    if given is not None and len(labels) == len(given) and set(labels) == {label for label, _ in wanted}:
        pairs = [(value, labels[label]) for label, value in wanted]
        findings = [judge(type_reference(value), answer) for value, answer in pairs]
        bad = next((finding for finding in findings if not finding.same), None)
        return bad or same("parts", f"all {len(pairs)} labelled parts agree")
    values = ", ".join(value for _, value in wanted)
    answers = ", ".join(value for _, value in given) if given is not None else spelled
    return _judge_formula(type_reference(values), answers, scope)


def _judge_unread(reference: Reference, spelled: str, error: str, scope: Scope) -> Finding:
    """An answer that is no formula: labelled parts, words, or mathematics beyond the reader."""
    given = labelled_parts(spelled)
    if given is not None and reference.tree is not None:
        values = ", ".join(value for _, value in given)
        if values != spelled:
            return _judge_formula(reference, values, scope)
    if is_words(spelled):
        kind = kind_of(reference.tree) if reference.tree is not None else reference.kind
        return different("text", f"the reference is {kind}, the answer is {'prose' if is_prose(spelled) else 'words'}")
    layer = "limit" if error.startswith(("nested", "longer", "a number of")) else "formula"
    return undecided(layer, f"the answer is not read exactly ({error})")
