"""Sentence → parts, each in one language; only this module knows how scripts and languages are told within a sentence.

A part is a stretch of the sentence with the words that count in it. Words of another script than the sentence's own
count too, but not terms, names, units, glosses in brackets and quotations.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from overproof.language.ballots import LEAST_WORDS, LONGEST_SENTENCE, find_switches
from overproof.language.common_words import SWITCH_WORDS
from overproof.language.latin import tell_sentence
from overproof.language.scripts import HAN, HANGUL, KANA, LATIN_LETTERS, Script, holds_script, is_latin, scripts_in
from overproof.language.siblings import has_form_of, tell_han, tell_sibling, tells

LATIN_WORD = re.compile(f"[{LATIN_LETTERS}]{{2,}}")  # one letter is a variable, or too short to matter
_LATIN_RUN = re.compile(f"(?<![{LATIN_LETTERS}])[{LATIN_LETTERS}]++(?:[ ,'’-]++[{LATIN_LETTERS}]++)*+")
_MOST_TOLD_AT_ONCE = 2000
"""Words of a script that are asked for its language over a whole text."""
_WHOLE = re.compile(r"\S(?:.*\S)?", re.DOTALL)
_WITHIN = re.compile(f"[{LATIN_LETTERS}](?:.*[{LATIN_LETTERS}])?", re.DOTALL)


class Stretch(NamedTuple):
    """Words of a sentence in one language."""

    language: str | None
    """None: that of what came before."""
    units: float
    """Words in it."""
    place: Script | tuple[int, int]
    """Where they stand: wherever the script does, or from a start to an end."""


class SentenceReader:
    """Reads the sentences of one text: what its scripts are written in is found out once, for the text as a whole."""

    def __init__(self, prose: str, target: str) -> None:
        self.target = target
        self.in_latin = is_latin(target)
        self.scripts = scripts_in(prose)
        self._names = {script.name for script in self.scripts}
        letters = set(prose) if HAN in self._names else set()
        self._han_is_plain = KANA not in self._names and not has_form_of("ja", letters)
        self._languages = {script.name: self._tell(script, prose, letters) for script in self.scripts}
        self.fixed = None if any(map(self._varies, self.scripts)) else [*self._languages.values()]
        """The language of each script, where no sentence can say otherwise."""

    def _varies(self, script: Script) -> bool:
        """Whether a sentence may be in another language of its script than the text as a whole."""
        if script.name == HAN:
            return not self._han_is_plain or self._languages[HAN] != "zh"
        return tells(script)

    def _tell(self, script: Script, prose: str, letters: set[str]) -> str:
        """The language of a script in the text as a whole."""
        own = self.target if self.target in script.languages else None
        if script.name == HAN:
            return self._tell_han(prose, script, letters)
        words = script.unit.findall(prose)[:_MOST_TOLD_AT_ONCE] if tells(script) else []
        return (tell_sibling(words, script, own) if words else None) or own or script.languages[0]

    def _tell_han(self, prose: str, script: Script, letters: set[str]) -> str:
        """What the Chinese characters of the text are, where a sentence of them does not say."""
        is_japanese = KANA in self._names or (not self._han_is_plain and not has_form_of("zh", letters))
        if self.target == "ko" and HANGUL in self._names:
            return "ko"
        in_passing = self.target == "ja" and script.count(prose) <= _MOST_HAN_IN_PASSING
        return "ja" if self.target != "zh" and (is_japanese or in_passing) else "zh"

    def read(self, sentence: str) -> list[Stretch]:
        """The parts of one sentence: those of each script, then those in Latin letters."""
        counts = [script.count(sentence) for script in self.scripts]
        return self.read_counted(sentence, counts, len(LATIN_WORD.findall(sentence)))

    def read_counted(self, sentence: str, counts: Sequence[float], latin_words: int) -> list[Stretch]:
        """The parts of one sentence of which it is known how many words it has of each of `scripts`, and of Latin."""
        parts = [
            Stretch(self._language_in(sentence, script, counts), units, script)
            for script, units in zip(self.scripts, counts, strict=True)
            if units
        ]
        if latin_words:
            words = LATIN_WORD.findall(sentence)
            if latin_words > sum(counts):
                parts += self._read_whole(sentence, words)
            elif len(words) >= LEAST_WORDS or _count_switches(words):
                parts += self._read_runs(sentence)
        return parts

    def _language_in(self, sentence: str, script: Script, counts: Sequence[float]) -> str:
        """The language of one script's words in a sentence: that of the whole text, unless they say otherwise."""
        usual = self._languages[script.name]
        if not self._varies(script):
            return usual
        if script.name == HAN:
            units = {script.name: count for script, count in zip(self.scripts, counts, strict=True)}
            return tell_han(sentence, units.get(KANA, 0.0), units[HAN], usual) or usual
        return tell_sibling(script.unit.findall(sentence), script, usual) or usual

    def _read_whole(self, sentence: str, words: Sequence[str]) -> Iterator[Stretch]:
        """A sentence that is mostly in Latin letters."""
        start, end = self._place_of(sentence)
        for first in range(0, len(words), LONGEST_SENTENCE):
            piece = words[first : first + LONGEST_SENTENCE]
            language, counted = tell_sentence(piece, self.target)
            if language is None and not self.in_latin:
                yield Stretch("en", _count_switches(piece), (start, end))
                continue
            switches = find_switches(piece, self.target) if language == self.target else []
            if switches:
                spans = [match.span() for match in LATIN_WORD.finditer(sentence)]
                yield from (Stretch(other, 1, spans[first + place]) for place, other in switches)
            yield Stretch(language, counted - len(switches), (start, end))

    def _place_of(self, sentence: str) -> tuple[int, int]:
        """Where the Latin part of a sentence stands: all of it, or from its first word to its last."""
        whole = (_WITHIN if holds_script(sentence) else _WHOLE).search(sentence)
        return whole.span() if whole else (0, len(sentence))

    def _read_runs(self, sentence: str) -> Iterator[Stretch]:
        """Words in Latin letters within a sentence of another script: runs that are prose, and single switches."""
        for run in _LATIN_RUN.finditer(sentence):
            words = LATIN_WORD.findall(run[0])
            switched = _count_switches(words)
            if not (switched or len(words) >= LEAST_WORDS) or _is_gloss(sentence, run) or _is_name(words):
                continue
            language, counted = tell_sentence(words, self.target)
            if language is not None:
                yield Stretch(language, counted, run.span())
            elif switched:
                yield Stretch("en", switched, run.span())


def _count_switches(words: Sequence[str]) -> int:
    """How many words are English and no terms."""
    return sum(word.lower() in SWITCH_WORDS for word in words)


_MOST_HAN_IN_PASSING = 3.6
"""Words; so much Chinese without kana (six characters) may be Japanese: a heading, a name."""
_OPENING = "（([【「『《“\"'‘"
_MOST_WORDS_IN_GLOSS = 12


def _is_gloss(sentence: str, run: re.Match[str]) -> bool:
    """Whether a run stands in brackets or quotation marks: the name of a thing in another language."""
    before = sentence[: run.start()].rstrip()
    return before[-1:] in _OPENING and before != "" and len(run[0].split()) <= _MOST_WORDS_IN_GLOSS


def _is_name(words: Sequence[str]) -> bool:
    """Whether words are a name of several: Law of Large Numbers, Inclusion-Exclusion Principle."""
    capitals = [word[0].isupper() for word in words]
    return (
        len(words) > 1
        and capitals[0]
        and capitals[-1]
        and all(capital or word in _WITHIN_NAMES for word, capital in zip(words, capitals, strict=True))
    )


_WITHIN_NAMES = frozenset(["of", "the", "and", "for", "in", "on", "to", "by", "with", "from"])
