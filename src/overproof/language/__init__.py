"""Which language is a text in, sentence by sentence; only this module knows how that is measured.

R1's language reward is the share of target-language words in the reasoning (DeepSeek-R1, arXiv 2501.12948, section
2.3.2). What counts as a word of the target is decided here for each sentence: by its script; in Latin script by common
words; and by a statistical identifier where those leave it open. Nothing is drawn at random, so a text has one score
for ever.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence

import msgspec

from overproof.language.latin import identify, is_known, name_language, tell_sentence
from overproof.language.prose import blank_out, to_prose
from overproof.language.scripts import HAN, KANA, LATIN_LETTERS, Script, scripts_in
from overproof.language.words import MOST_WORDS, count_votes

LEAST_UNITS = 5.0
"""A text with fewer words than this has no score."""
_MOST_HAN_IN_PASSING = 6
"""So many Chinese characters without kana may be Japanese: a heading, a name."""
_LONGEST_SENTENCE = 60
"""Words; a longer stretch without an end is judged in pieces."""
_EXCERPT_LENGTH = 80
_LEAST_SHARE = 0.9
"""Of a paragraph's words, so that a name or a quoted term does not make it mixed."""

_SENTENCE_END = re.compile(r"[.!?]\s+|[。！？；]+")
_SENTENCE = re.compile(r"[.!?]\s+|[。！？；]+|\n+")  # an end of a sentence or a line
_LATIN_WORD = re.compile(f"[{LATIN_LETTERS}]{{2,}}")  # one letter is a variable, or too short to matter
_WHOLE = re.compile(r"\S(?:.*\S)?", re.DOTALL)
_LATIN_RUN = re.compile(f"(?<![{LATIN_LETTERS}])[{LATIN_LETTERS}]++(?:[ ,'’-]++[{LATIN_LETTERS}]++){{2,}}+")

Part = tuple[str | None, float]
"""A language (None: that of what came before) and words in it."""


class Consistency(msgspec.Struct, frozen=True):
    """How much of a text is in one language."""

    score: float | None
    """Share of the words that are in the target language, in [0, 1]; None when there are fewer than LEAST_UNITS."""
    longest_foreign_run: float
    """Most words in a row that are in other languages."""
    units: dict[str, float]
    """Language → words in it. Where words are written without spaces a letter counts as part of a word."""
    excerpt: str
    """How the longest foreign run begins; empty when there is none."""
    paragraphs: int
    """Stretches without a line break that hold at least LEAST_UNITS."""
    mixed_paragraphs: int
    """Those of them where less than nine words in ten are in one language."""


def consistency(text: str, target: str) -> Consistency:
    """Measure how much of `text` is in the language `target` (ISO 639-1), sentence by sentence.

    Formulas, code, links and tags are left out; so are abbreviations, units and names of functions, and one or two
    Latin words within a sentence of another script (a term, a name). The region of a target (zh-TW) is ignored. A
    target that cannot be told from other languages gives no score.
    """
    target = re.split("[-_]", target)[0].lower()
    prose = to_prose(text)
    scripts = scripts_in(prose)
    tally = _Tally(target)
    for paragraph in prose.splitlines():
        for sentence in _SENTENCE_END.split(paragraph):
            if scripts and not sentence.isascii():
                parts = _mixed_parts(sentence, scripts, target)
            else:
                parts = _latin_parts(_LATIN_WORD.findall(sentence), target)
            for language, units in parts:
                tally.add(language, units, sentence)
        tally.end_paragraph()
    if tally.undecided >= LEAST_UNITS:  # nothing but snippets too short to tell one by one
        tally.settle(identify(_LATIN_WORD.findall(prose)[:MOST_WORDS], target))
    return tally.result()


def language_of(question: str) -> str | None:
    """The language of a question as an ISO 639-1 code; None where there is too little text to tell.

    The script that most words are in decides; for Latin script see `latin.name_language`.
    """
    prose = to_prose(question)
    words = _LATIN_WORD.findall(prose)
    counts = {script: len(script.unit.findall(prose)) * script.weight for script in scripts_in(prose)}
    if max(counts.values(), default=0.0) <= count_votes(words[:MOST_WORDS]).counted:
        return name_language(words)
    names = {script.name for script in counts}
    script = max(counts, key=lambda script: counts[script])
    return "ja" if script.name == HAN and KANA in names else script.languages[0]


def find_foreign(text: str, target: str) -> list[tuple[int, int, str]]:
    """Where `text` is in other languages than `target`: (start, end, language) of each stretch, in order.

    The rules are those of `consistency`, so that what is marked is what was counted; a stretch is a sentence, or the
    foreign words within one.
    """
    target = re.split("[-_]", target)[0].lower()
    scripts = scripts_in(text)
    found: list[tuple[int, int, str]] = []
    start = 0
    prose = blank_out(text)
    for end in (*(match.end() for match in _SENTENCE.finditer(prose)), len(prose)):
        found += sorted(_foreign_parts(prose[start:end], start, scripts, target))
        start = end
    return found


def _foreign_parts(
    sentence: str, offset: int, scripts: Sequence[Script], target: str
) -> Iterator[tuple[int, int, str]]:
    """The stretches of one sentence that are in other languages, script by script."""
    counts = {script.name: len(script.unit.findall(sentence)) for script in scripts}
    for script in scripts:
        if counts[script.name] and (language := _language_in(script, counts, target)) != target:
            for run in _runs_of(script).finditer(sentence):
                yield offset + run.start(), offset + run.end(), language
    # A sentence in Latin letters alone is judged whole, within another script only runs of three words and more are.
    whole = _LATIN_RUN if any(counts.values()) else _WHOLE
    for run in whole.finditer(sentence):
        told, _ = tell_sentence(_LATIN_WORD.findall(run[0])[:_LONGEST_SENTENCE], target)
        if told is not None and told != target:
            yield offset + run.start(), offset + run.end(), told


@functools.cache
def _runs_of(script: Script) -> re.Pattern[str]:
    """Letters of a script with what stands between them in a sentence."""
    unit = script.unit.pattern
    return re.compile(f"{unit}(?:[^A-Za-z\\n]{{0,12}}?{unit})*")


class _Tally:
    """Units by language and the longest foreign run so far, while sentences are read in order."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.units: dict[str, float] = {}
        self.undecided = 0.0
        self.language: str | None = None
        self.run = self.longest = 0.0
        self.run_start = self.excerpt = ""
        self.paragraph: dict[str, float] = {}
        self.paragraphs = self.mixed_paragraphs = 0

    def add(self, language: str | None, units: float, sentence: str) -> None:
        """Count units of a language; None is the language of what came before, or of what comes first."""
        if language is None:
            if self.language is None:
                self.undecided += units
                return
            language = self.language
        elif self.language is None:
            self.settle(language)
        self.language = language
        self.units[language] = self.units.get(language, 0.0) + units
        self.paragraph[language] = self.paragraph.get(language, 0.0) + units
        if language != self.target:
            if not self.run:
                self.run_start = sentence
            self.run += units
            if self.run > self.longest:
                self.longest, self.excerpt = self.run, self.run_start
        elif units:
            self.run = 0.0

    def settle(self, language: str) -> None:
        """Give what was read before any sentence was decided to a language."""
        if self.undecided:
            self.language = language
            units, self.undecided = self.undecided, 0.0
            self.add(language, units, "")

    def end_paragraph(self) -> None:
        """Close the paragraph that the last sentences stood in."""
        total = sum(self.paragraph.values())
        if total >= LEAST_UNITS:
            self.paragraphs += 1
            self.mixed_paragraphs += max(self.paragraph.values()) < _LEAST_SHARE * total
        self.paragraph.clear()

    def result(self) -> Consistency:
        """What the whole text comes to."""
        total = sum(self.units.values())
        measurable = total >= LEAST_UNITS and is_known(self.target)
        score = min(self.units.get(self.target, 0.0) / total, 1.0) if measurable else None
        excerpt = self.excerpt.strip()[:_EXCERPT_LENGTH]
        return Consistency(score, self.longest, self.units, excerpt, self.paragraphs, self.mixed_paragraphs)


def _latin_parts(words: Sequence[str], target: str) -> Iterator[Part]:
    """The parts of a sentence in Latin letters: one, but for a sentence of unreasonable length."""
    for start in range(0, len(words), _LONGEST_SENTENCE):
        yield tell_sentence(words[start : start + _LONGEST_SENTENCE], target)


def _mixed_parts(sentence: str, scripts: Sequence[Script], target: str) -> Iterator[Part]:
    """The parts of a sentence that may hold several scripts: each script's words, then the Latin ones.

    Latin words in a sentence that is mostly in another script count only in runs of three and more.
    """
    counts = {script.name: len(script.unit.findall(sentence)) for script in scripts}
    others = 0.0
    for script in scripts:
        if count := counts[script.name]:
            others += count * script.weight
            yield _language_in(script, counts, target), count * script.weight
    words = _LATIN_WORD.findall(sentence)
    if len(words) > others:
        yield from _latin_parts(words, target)
    elif len(words) > 2:
        for run in _LATIN_RUN.findall(sentence):
            yield from _latin_parts(_LATIN_WORD.findall(run), target)


def _language_in(script: Script, counts: dict[str, int], target: str) -> str:
    """The language of one script's words in a sentence; a script's languages are not told apart."""
    if script.name == HAN:
        in_passing = counts[HAN] <= _MOST_HAN_IN_PASSING
        if counts.get(KANA) or (target == "ja" and in_passing):
            return "ja"
    return target if target in script.languages else script.languages[0]
