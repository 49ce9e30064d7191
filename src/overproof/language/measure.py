"""Text → how much of it is in one language; only this module knows how the parts of its sentences are added up.

R1's language reward is the share of target-language words in the reasoning (DeepSeek-R1, arXiv 2501.12948, section
2.3.2). What counts as a word of the target is decided for each sentence: by its script and by the letters and words
that only one of a script's languages has; in Latin script by common words; and by a statistical identifier where those
leave it open. Nothing is drawn at random, so a text has one score for ever.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator

import msgspec
import numpy as np

from overproof.language.ballots import MOST_WORDS, OPEN, SHORT, Sentences, find_switches, read_sentences
from overproof.language.latin import UNKNOWN, has_twins, identify, is_known, settle, tell_twin
from overproof.language.prose import to_prose
from overproof.language.quotations import set_aside_quotations
from overproof.language.scripts import count_stretches, is_latin, scripts_in
from overproof.language.sentences import LATIN_WORD, SentenceReader
from overproof.lettering import to_plain_letters

LEAST_UNITS = 5.0
"""A text with fewer words than this has no score."""
_LEAST_UNDECIDED = 8.0
"""Words in snippets too short to tell one by one that can be told together."""
_MOST_UNKNOWN = 0.2
"""Share of a text that may be in no known language for the rest to have a score."""
_EXCERPT_LENGTH = 80
_LEAST_SHARE = 0.9
"""Of a paragraph's words, so that a name or a quoted term does not make it mixed."""

# [.!?] followed by a space (after a bracket or a quotation mark, too), [。！？；]+, or a line break; a class in front
# is found several times as fast as a choice
SENTENCE_END = re.compile(r"[.!?。！？；\n](?:(?<=[.!?])[)\"]?+ |(?<=\n)|(?<=[。！？；])[。！？；]*+)")
_LATIN_END = re.compile(r"[.!?][)\"]? |\n")  # what `ballots` splits at


class Consistency(msgspec.Struct, frozen=True):
    """How much of a text is in one language."""

    score: float | None
    """Share of the words that are in the target language, in [0, 1]; None when there are fewer than LEAST_UNITS, or
    when a part of them is in no language that is known."""
    longest_foreign_run: float
    """Most words in a row that are in other languages."""
    units: dict[str, float]
    """Language → words in it. Where words are written without spaces a letter counts as part of a word."""
    excerpt: str
    """How the longest foreign run begins; empty when there is none."""
    paragraphs: int
    """Stretches without a line break that hold at least LEAST_UNITS."""
    mixed_paragraphs: int
    """Those of them where less than nine words in ten are in the target."""


def consistency(text: str, target: str) -> Consistency:
    """Measure how much of `text` is in the language `target` (ISO 639-1), sentence by sentence.

    Formulas, code, links and tags are left out; so are abbreviations, units and names of functions, and in a sentence
    of another script terms, names, glosses and quotations in Latin letters. The region of a target (zh-TW) is ignored.
    A target that cannot be told from other languages gives no score.
    """
    target = base_language(target)
    prose = to_prose(to_plain_letters(text))
    in_latin = is_latin(target)
    if not scripts_in(prose):
        sentences = read_sentences(prose, target, in_latin=in_latin)
        if in_latin and (wholly := _measure_wholly(sentences, target)) is not None:
            return wholly
        return _add_up(prose, _judge(sentences, target), _LATIN_END, target)
    prose = set_aside_quotations(prose, target)
    return _add_up(prose, _read_mixed(prose, target), SENTENCE_END, target)


def base_language(code: str) -> str:
    """A language code without its region: zh for zh-TW."""
    return re.split("[-_]", code)[0].lower()


_Part = tuple[str | None, float, int, bool]
"""Words in a row: their language (None: that of what came before), how many they are, the number of their sentence, and
whether a paragraph ends with them."""


def _measure_wholly(sentences: Sentences, target: str) -> Consistency | None:
    """The result for a text whose every sentence is in the target or too short to tell, the usual case; else None."""
    if target not in sentences.names or has_twins(target):
        return None
    is_own = sentences.leader == sentences.names.index(target)
    if not is_own.any() or not (is_own | (sentences.leader == SHORT)).all():
        return None
    if any(
        find_switches(sentences.words(index), target) for index in np.flatnonzero(sentences.strange & is_own).tolist()
    ):
        return None
    total = float(sentences.counted.sum())
    ends = np.flatnonzero(sentences.ends_paragraph)
    paragraphs = int((np.add.reduceat(sentences.counted, np.append(0, ends[:-1] + 1)) >= LEAST_UNITS).sum())
    return Consistency(1.0 if total >= LEAST_UNITS else None, 0.0, {target: total}, "", paragraphs, 0)


def _judge(sentences: Sentences, target: str) -> Iterator[_Part]:
    """The parts of a text in Latin letters: one a sentence."""
    in_latin = is_latin(target)
    leaders, counts = sentences.leader.tolist(), sentences.counted.tolist()
    numbers, ends = sentences.number.tolist(), sentences.ends_paragraph.tolist()
    is_strange = sentences.strange.tolist()
    for index, leader in enumerate(leaders):
        units: float = counts[index]
        if leader == OPEN:
            language = settle(sentences.words(index), counts[index], target)
        elif leader != SHORT:
            language = sentences.names[leader]
        elif in_latin:
            language = None
        else:
            language, units = "en", float(sentences.switched[index])
        if language == target and is_strange[index]:
            for _, other in find_switches(sentences.words(index), target):
                units -= 1
                yield other, 1.0, numbers[index], False
        yield language, units, numbers[index], ends[index]


def _read_mixed(prose: str, target: str) -> Iterator[_Part]:
    """The parts of a text that holds several scripts; its sentences in Latin letters alone are judged all at once."""
    reader = SentenceReader(prose, target)
    ends = [match.span() for match in SENTENCE_END.finditer(prose)]
    starts, stops = [0, *(stop for _, stop in ends)], [*(start for start, _ in ends), len(prose)]
    counts = count_stretches(prose, starts, stops, reader.scripts)
    is_latin_alone = [has and not holds for has, holds in zip(counts.has_latin, counts.holds_script, strict=True)]
    spans = list(zip(starts, stops, strict=True))
    latin = "\n".join(prose[start:stop] for start, stop in itertools.compress(spans, is_latin_alone))
    judged = iter(_group(_judge(read_sentences(latin, target, in_latin=is_latin(target)), target)))
    for number, (start, stop) in enumerate(spans):
        if counts.holds_script[number]:
            if reader.fixed and not counts.latin_words[number]:
                for told, units in zip(reader.fixed, counts.units[number], strict=True):
                    yield told, units, number, False
            else:
                read = reader.read_counted(prose[start:stop], counts.units[number], counts.latin_words[number])
                for language, units, _ in read:
                    yield language, units, number, False
        elif is_latin_alone[number]:
            for language, units in next(judged):
                yield language, units, number, False
        if prose[stop : stop + 1] in {"\n", ""}:
            yield None, 0.0, number, True


def _group(parts: Iterable[_Part]) -> list[list[tuple[str | None, float]]]:
    """The parts of each line of a text, by line."""
    groups: list[list[tuple[str | None, float]]] = [[]]
    for language, units, _, ends in parts:
        groups[-1].append((language, units))
        if ends:
            groups.append([])
    return groups


def _add_up(prose: str, parts: Iterable[_Part], end: re.Pattern[str], target: str) -> Consistency:
    tally = _Tally(target)
    for language, units, number, ends_paragraph in parts:
        if units:
            tally.add(language, units, number)
        if ends_paragraph and tally.paragraph:
            tally.end_paragraph()
    if tally.undecided >= _LEAST_UNDECIDED and is_latin(target):
        tally.settle(identify(LATIN_WORD.findall(prose)[:MOST_WORDS], target))
        tally.end_paragraph()
    if tally.units.get(target) and has_twins(target):
        tally.rename(tell_twin(LATIN_WORD.findall(prose), target))
    excerpt = "" if tally.longest_start is None else _find_stretch(prose, end, tally.longest_start)
    return tally.result(excerpt.strip()[:_EXCERPT_LENGTH])


def _find_stretch(prose: str, end: re.Pattern[str], number: int) -> str:
    """What stands between an end and the next, counted from 0."""
    start = 0
    for match in itertools.islice(end.finditer(prose), number):
        start = match.end()
    following = end.search(prose, start)
    return prose[start : following.start() if following else len(prose)]


class _Tally:
    """Units by language and the longest foreign run so far, while sentences are read in order."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.units: dict[str, float] = {}
        self.undecided = self.unknown = 0.0
        self.language: str | None = None
        self.run = self.longest = 0.0
        self.run_start = 0
        self.longest_start: int | None = None
        self.paragraph: dict[str, float] = {}
        self.paragraphs = self.mixed_paragraphs = 0

    def add(self, language: str | None, units: float, number: int) -> None:
        """Count units of a language; None is the language of what came before, or of what comes first."""
        if language == UNKNOWN:
            self.unknown += units
            return
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
        if language == self.target:
            self.run = 0.0
            return
        if not self.run:
            self.run_start = number
        self.run += units
        if self.run > self.longest:
            self.longest, self.longest_start = self.run, self.run_start

    def settle(self, language: str) -> None:
        """Give what was read before any sentence was decided to a language."""
        if self.undecided:
            self.language = language
            units, self.undecided = self.undecided, 0.0
            self.add(language, units, 0)

    def end_paragraph(self) -> None:
        """Close the paragraph that the last sentences stood in."""
        total = sum(self.paragraph.values())
        if total >= LEAST_UNITS:
            self.paragraphs += 1
            self.mixed_paragraphs += self.paragraph.get(self.target, 0.0) < _LEAST_SHARE * total
        self.paragraph.clear()

    def rename(self, language: str) -> None:
        """Have what was taken for the target be in a twin of it."""
        if language != self.target:
            self.units[language] = self.units.get(language, 0.0) + self.units.pop(self.target)
            self.longest, self.longest_start = sum(self.units.values()), 0
            self.mixed_paragraphs = self.paragraphs

    def result(self, excerpt: str) -> Consistency:
        """What the whole text comes to."""
        total = sum(self.units.values())
        measurable = (
            total >= LEAST_UNITS and is_known(self.target) and self.unknown <= _MOST_UNKNOWN * (total + self.unknown)
        )
        score = min(self.units.get(self.target, 0.0) / total, 1.0) if measurable else None
        return Consistency(score, self.longest, self.units, excerpt, self.paragraphs, self.mixed_paragraphs)
