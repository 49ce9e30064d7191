"""Question → its language, alone and among those that a whole set of problems is in; only this module decides that.

A wrong name rejects every trace of a problem, so where the words leave it open there is no name rather than a guess.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from overproof.language.ballots import MOST_WORDS, count_votes
from overproof.language.latin import Name, name_language
from overproof.language.programs import without_programs
from overproof.language.prose import to_prose
from overproof.language.scripts import HAN, KANA, scripts_in
from overproof.language.sentences import LATIN_WORD
from overproof.language.siblings import tell_sibling, tells
from overproof.lettering import to_plain_letters

_LEAST_SHARE = 0.01
"""Of the named questions, from which a language counts as one of the set's own."""


def language_of(question: str, among: Collection[str] = ()) -> str | None:
    """The language of a question as an ISO 639-1 code; None where there is too little text to tell.

    The script that most words are in decides, then the letters and words that only one of its languages has. `among`
    are the languages that the set of problems is known to be in: another name is decided again within them, and no name
    is given where none of them is likely. Empty, any language may be.
    """
    return name_among(question, name_question(question), among)


def name_question(question: str, among: Collection[str] = ()) -> Name:
    """`language_of` with whether the name is sure."""
    prose = to_prose(without_programs(to_plain_letters(question)))
    words = LATIN_WORD.findall(prose)
    counts = {script: script.count(prose) for script in scripts_in(prose)}
    if not counts or max(counts.values()) <= count_votes(words[:MOST_WORDS]).counted:
        return name_language(words, among)
    names = {script.name for script in counts}
    script = max(counts, key=lambda script: counts[script])
    if script.name == HAN:
        named = "ja" if KANA in names else "zh"
    else:
        named = (tell_sibling(script.unit.findall(prose), script, None) if tells(script) else None) or script.languages[
            0
        ]
    if among and named not in among:
        named = next((language for language in script.languages if language in among), named)
    return Name(named, is_sure=True)


def held_languages(counts: Mapping[str, int]) -> frozenset[str]:
    """The languages of a set of problems, from how many of them each was surely given: those of one in a hundred."""
    total = sum(counts.values())
    return frozenset(language for language, count in counts.items() if count >= _LEAST_SHARE * total)


def name_all(questions: Iterable[str]) -> list[Name]:
    """The name of each question by itself, in order; equal names are one object, so that millions take little room."""
    names: dict[Name, Name] = {}
    return [names.setdefault(name, name) for name in map(name_question, questions)]


def held_by(names: Iterable[Name]) -> frozenset[str]:
    """The languages that a set of questions holds."""
    return held_languages(Counter(name.language for name in names if name.language is not None and name.is_sure))


def name_among(question: str, name: Name, held: Collection[str]) -> str | None:
    """The language of a question that bears a name by itself, in a set of questions that holds certain languages."""
    return name.language if not held or name.language in held else name_question(question, held).language
