"""One row: completion and reference → extraction → layers → verdict; only this module knows the order of the layers.

`exact_grade` runs everything that is linear-time and safe in the caller. What it leaves open is a `Pending`, which
`settle` turns into a grade once the deep layer has spoken.
"""

from __future__ import annotations

import re

import msgspec

from overproof.grading.choices import letters_of, option_worded, parse_options
from overproof.grading.extraction import choose, extract, visible
from overproof.grading.finding import Finding, different, same, undecided
from overproof.grading.formulas import judge_formula
from overproof.grading.references import Reference, type_reference
from overproof.grading.scope import scope_of
from overproof.grading.spelling import has_substance, spell
from overproof.grading.units import split_unit
from overproof.grading.words import number_in_words, phrase_of, same_words
from overproof.records import Grade, Verdict, clean_text

_FINAL_DOUBTS = frozenset({"text", "ellipsis", "limit"})
"""Layers whose doubt the deep layer could not settle: prose, left-out terms, a text beyond the limits."""
_TEXT_COMMAND = re.compile(r"\\text\{([^{}]*)\}")
_PLAIN_NUMBER = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
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
    candidates = extract(completion, answer_only=answer_only)
    found = choose(candidates, letters=bool(typed.letters or options), parts=typed.parts)
    if found is None:
        return Grade(Verdict.INCORRECT, None, "extraction", _why_nothing(completion))
    finding = judge(typed, found.text, question)
    if finding.same is None and finding.layer not in _FINAL_DOUBTS and typed.issue is None:
        return Pending(found.text, typed.value, split_unit(spell(found.text))[0], question, finding.reason)
    return _grade(found.text, finding)


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
    if reference.kind == "number" and reference.unit is None and _PLAIN_NUMBER.fullmatch(spelled):
        return judge_formula(reference, spelled, scope_of(question))
    return (
        _judge_option(reference, answer, parse_options(question))
        or _judge_words(reference, spelled)
        or judge_formula(reference, spelled, scope_of(question))
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
    worded = option_worded(answer, options)
    matching = (
        [worded]
        if worded
        else [
            letter
            for letter, text in options.items()
            if judge(type_reference(text), answer, None).same and text.strip()
        ]
    )
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


_MOST_WORDS_OF_BOTH = 3
"""Of an answer that offers yes and no together: true or false. A longer one explains itself (yes, it is not false)."""


def _judge_phrase(phrase: str, spelled: str) -> Finding:
    """Yes/no and set phrases: the answer begins with the word that decides."""
    own = phrase_of(spelled)
    if own is not None:
        return different("text", f"{own} is not {phrase}")
    words = spelled.replace("/", " ").replace(",", " ").split()
    if len(words) <= _MOST_WORDS_OF_BOTH and {"yes", "no"} <= {phrase_of(word) for word in words}:
        return different("text", "the answer says both yes and no")
    first = phrase_of(spelled.split(",", maxsplit=1)[0].split(" ", maxsplit=1)[0])
    if phrase in {"yes", "no"} and first in {"yes", "no"}:
        return (
            same("text", f"the answer says {first}")
            if first == phrase
            else different("text", f"{first} is not {phrase}")
        )
    return different("text", "not the words of the reference")
