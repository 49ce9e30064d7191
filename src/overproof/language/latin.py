"""Latin-script words → language: by common words, and where they leave it open by statistics; the only module that
knows py3langid and langdetect.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Collection, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from overproof.language.ballots import LEAST_WORDS, MOST_WORDS, count_votes
from overproof.language.common_words import COMMON_WORDS, FURTHER_WORDS
from overproof.language.scripts import is_latin

if TYPE_CHECKING:
    from langdetect.detector_factory import DetectorFactory
    from py3langid.langid import LanguageIdentifier

PLAUSIBLE = frozenset(
    ("en", "fr", "de", "es", "it", "pt", "nl", "sv", "da", "no", "fi", "pl", "cs", "hu", "ro", "tr", "id", "vi")
)
"""The Latin-script languages that a trace may slip into; its target joins them. The list is short because an
identifier that may answer anything finds Latin and Luxembourgish in formulas."""

_TWINS = ({"da", "no", "nn"}, {"cs", "sk"}, {"id", "ms"})
"""Languages too close to each other for one sentence to tell: a target's twins are looked for in a whole text only."""
_LEAST_TWIN_WORDS = 3
_LEAST_LETTERS = 20
"""Fewer letters than this are noise to langdetect."""
_LEAST_IDENTIFIED = 8
"""Fewer words than this are noise to a statistical identifier: only common words are asked."""
_LEAST_WORD_LENGTH = 3.0
"""Letters in a word on average; less have the indices and products of a formula that stands in no dollars (Ai, mq)."""
_LEAST_CERTAINTY = 0.9
_MARGIN = 4.0
"""Log-likelihood by which another language must beat the target."""
UNKNOWN = "und"
"""Words in Latin letters of no language that is known here, where the target is in another script: its own words in
Latin letters (pinyin, romanised Hindi, Serbian) as likely as not, so they count for nothing. ISO 639-2's code."""


def tell_sentence(words: Sequence[str], target: str) -> tuple[str | None, int]:
    """The language of one sentence's words (None: too few to tell), and how many of the words count.

    The rule is that of `ballots.read_sentences`; what that leaves open is put to `settle`.
    """
    further = (target,) if target in FURTHER_WORDS else ()
    ballot = count_votes(words, further)
    if ballot.counted < LEAST_WORDS:
        return None, ballot.counted
    if target in COMMON_WORDS or further or not is_latin(target):
        clear = ballot.lead >= 2 and ballot.votes * 4 >= ballot.counted
        if clear or (ballot.leader == target and ballot.votes * 3 >= ballot.counted):
            return ballot.leader, ballot.counted
    return settle(words, ballot.counted, target), ballot.counted


def settle(words: Sequence[str], counted: int, target: str) -> str | None:
    """The language of words that the usual ballot leaves open: UNKNOWN, or None for that of what came before.

    The further lists are asked, then, for a target in Latin letters and LEAST_IDENTIFIED words, statistics.
    """
    if is_latin(target) and target not in COMMON_WORDS and target not in FURTHER_WORDS:
        return identify(words, target) if counted >= _LEAST_IDENTIFIED else None
    ballot = count_votes(words, _rivals(target))
    if ballot.leader is not None and ballot.lead >= 2 and ballot.votes * 3 >= ballot.counted:
        return ballot.leader
    if not is_latin(target):
        return UNKNOWN
    is_prose = counted >= _LEAST_IDENTIFIED and sum(map(len, words)) >= _LEAST_WORD_LENGTH * len(words)
    return identify(words, target) if is_prose else None


def has_twins(target: str) -> bool:
    """Whether a language has a twin that `tell_twin` can tell it from."""
    return target in FURTHER_WORDS and any(
        language != target and _are_twins(language, target) for language in FURTHER_WORDS
    )


def tell_twin(words: Sequence[str], target: str) -> str:
    """Which of a target and its twins a whole text is in: the target, unless clearly more words are another's alone."""
    if not has_twins(target):
        return target
    rivals = [language for language in FURTHER_WORDS if language != target and _are_twins(language, target)]
    own, counts = _vocabulary(target), Counter(word.lower() for word in words)
    mine = {language: sum(map(counts.__getitem__, own - _vocabulary(language))) for language in rivals}
    theirs = {language: sum(map(counts.__getitem__, _vocabulary(language) - own)) for language in rivals}
    best = max(rivals, key=lambda language: theirs[language] - mine[language])
    return best if theirs[best] >= _LEAST_TWIN_WORDS and theirs[best] >= 2 * mine[best] else target


@cache
def _rivals(target: str) -> tuple[str, ...]:
    """The further languages that a sentence may be in: all but the target's twins."""
    return tuple(language for language in FURTHER_WORDS if language == target or not _are_twins(language, target))


def _are_twins(language: str, target: str) -> bool:
    return any({language, target} <= twins for twins in _TWINS)


@cache
def _vocabulary(language: str) -> frozenset[str]:
    return frozenset(FURTHER_WORDS[language].split())


def identify(words: Sequence[str], target: str) -> str:
    """The most likely of the plausible languages: the target, unless another is clearly more likely."""
    ranking = _identifier(target).rank(" ".join(words).lower())
    likelihoods = dict(ranking)
    best: str = ranking[0][0]
    if likelihoods[best] - likelihoods.get(target, float("-inf")) <= _MARGIN:
        return target
    return best


class Name(NamedTuple):
    """The language of a text in Latin letters."""

    language: str | None
    """None where its words do not tell."""
    is_sure: bool
    """Whether common words named it, or two identifiers with one voice."""


def name_language(words: Sequence[str], among: Collection[str] = ()) -> Name:
    """The language of a whole text, of any that is known or of those given.

    Common words that are clear need no second opinion, and where py3langid says the same as words that are not, no
    third. Else langdetect is asked, a hundred times as slow, and its answer holds against words that name another
    language only where py3langid gives the same.
    """
    words = words[:MOST_WORDS]
    further = [language for language in among if language in FURTHER_WORDS]
    ballot = count_votes(words, further)
    leader = ballot.leader if not among or ballot.leader in among else None
    if leader is not None and ballot.lead >= 2 and ballot.votes * 4 >= ballot.counted:
        return Name(leader, is_sure=True)
    if ballot.counted < LEAST_WORDS or sum(map(len, words)) < _LEAST_LETTERS:
        return Name(leader, is_sure=False)
    likeliest = _likeliest(words)
    if likeliest == leader:
        return Name(leader, is_sure=True)
    named = _detect(words)
    if named is None or named == leader or (among and named not in among):
        return Name(leader, is_sure=named is not None and named == leader)
    agreed = likeliest == named
    if leader is None or ballot.lead < 2:
        return Name(named if agreed or leader is None else leader, is_sure=agreed)
    return Name(named if agreed and ballot.votes * 6 < ballot.counted else leader, is_sure=False)


def _detect(words: Sequence[str]) -> str | None:
    """Langdetect's answer where it is certain."""
    detector = _detectors().create()
    detector.append(" ".join(words))
    found = detector.get_probabilities()
    return str(found[0].lang) if found and found[0].prob >= _LEAST_CERTAINTY else None


def _likeliest(words: Sequence[str]) -> str:
    return str(_model().classify(" ".join(words).lower())[0])


def is_known(language: str) -> bool:
    """Whether text in a language can be told from other text: by its script, or by py3langid."""
    return not is_latin(language) or language in _model().labels


@cache
def _identifier(target: str) -> LanguageIdentifier:
    """py3langid restricted to the plausible languages and a target in Latin script."""
    identifier = copy.copy(_model())
    languages = PLAUSIBLE.difference(*(twins for twins in _TWINS if target in twins))
    joins = is_latin(target) and target in identifier.labels
    identifier.set_languages(languages | {target} if joins else languages)
    return identifier


@cache
def _model() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE)


@cache
def _detectors() -> DetectorFactory:
    """Langdetect with a seed of its own, so that a process that uses it elsewhere is not changed."""
    from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory

    factory = DetectorFactory()
    factory.load_profile(PROFILES_DIRECTORY)
    factory.set_seed(0)
    return factory
