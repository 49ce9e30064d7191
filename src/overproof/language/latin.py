"""Latin-script words → language: by common words, and where they leave it open by statistics; the only module that
knows py3langid and langdetect.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from overproof.language.scripts import is_latin
from overproof.language.words import COMMON_WORDS, MOST_WORDS, count_votes

if TYPE_CHECKING:
    from langdetect.detector_factory import DetectorFactory
    from py3langid.langid import LanguageIdentifier

PLAUSIBLE = frozenset(
    ("en", "fr", "de", "es", "it", "pt", "nl", "sv", "da", "no", "fi", "pl", "cs", "hu", "ro", "tr", "id", "vi")
)
"""The Latin-script languages that a trace may slip into; its target joins them. The list is short because an
identifier that may answer anything finds Latin and Luxembourgish in formulas."""

_TWINS = ({"da", "no", "nn"}, {"cs", "sk"}, {"id", "ms"})
"""Languages too close to each other for one sentence to tell: a target's twins are not looked for."""
LEAST_WORDS = 4
"""Fewer words than this are too few to tell a language by themselves."""
_LEAST_LETTERS = 20
"""Fewer letters than this are noise to langdetect."""
_LEAST_CERTAINTY = 0.9
_MARGIN = 4.0
"""Log-likelihood by which another language must beat the target."""


def tell_sentence(words: Sequence[str], target: str) -> tuple[str | None, int]:
    """The language of one sentence's words (None: too few to tell), and how many of the words count.

    Common words settle it when a quarter of them vote for a language that is two votes ahead of any other; for the
    target a third of them and one vote ahead are enough. A target without a list cannot win such a vote, so there is
    none.
    """
    ballot = count_votes(words)
    if ballot.counted < LEAST_WORDS:
        return None, ballot.counted
    if target in COMMON_WORDS or not is_latin(target):
        clear = ballot.lead >= 2 and ballot.votes * 4 >= ballot.counted
        if clear or (ballot.leader == target and ballot.votes * 3 >= ballot.counted):
            return ballot.leader, ballot.counted
    return identify(words, target), ballot.counted


def identify(words: Sequence[str], target: str) -> str:
    """The most likely of the plausible languages: the target, unless another is clearly more likely."""
    ranking = _identifier(target).rank(" ".join(words).lower())
    likelihoods = dict(ranking)
    best: str = ranking[0][0]
    if likelihoods[best] - likelihoods.get(target, float("-inf")) <= _MARGIN:
        return target
    return best


def name_language(words: Sequence[str]) -> str | None:
    """The language of a whole text, of any that langdetect knows, or None where its words do not tell.

    langdetect's certain answer holds, except against common words that name another language (it takes
    "Let f(x) … explain why" for French). Below 20 letters only common words are asked.
    """
    words = words[:MOST_WORDS]
    ballot = count_votes(words)
    if len(words) < LEAST_WORDS or sum(map(len, words)) < _LEAST_LETTERS:
        return ballot.leader
    detector = _detectors().create()
    detector.append(" ".join(words))
    found = detector.get_probabilities()
    named = found[0].lang if found and found[0].prob >= _LEAST_CERTAINTY else None
    if named is None or (named in COMMON_WORDS and ballot.lead >= 2):
        return ballot.leader or named
    return str(named)


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
