"""Where a text is in other languages than its target, for a reader to see; the rules are those of `measure`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from overproof.language.latin import UNKNOWN
from overproof.language.measure import base_language
from overproof.language.prose import to_prose
from overproof.language.quotations import set_aside_quotations
from overproof.language.scripts import Script
from overproof.language.sentences import SentenceReader
from overproof.lettering import find_places, to_plain_letters

_SENTENCE = re.compile(r"[.!?][)\"]? |[。！？；]+|\n+")  # an end of a sentence or a line


def find_foreign(text: str, target: str) -> list[tuple[int, int, str]]:
    """Where `text` is in other languages than `target`: (start, end, language) of each stretch, in order.

    What is marked is what `consistency` counts; a stretch is a sentence, or the foreign words within one.
    """
    target = base_language(target)
    prose = set_aside_quotations(to_prose(to_plain_letters(text)), target)
    reader = SentenceReader(prose, target)
    found: list[tuple[int, int, str]] = []
    start = 0
    for end in (*(match.end() for match in _SENTENCE.finditer(prose)), len(prose)):
        found += sorted(_foreign_parts(reader, prose[start:end], start))
        start = end
    places = find_places(text)
    return [(places[start], places[end], language) for start, end, language in found]


def _foreign_parts(reader: SentenceReader, sentence: str, offset: int) -> Iterator[tuple[int, int, str]]:
    """The stretches of one sentence that are in other languages."""
    for part in reader.read(sentence):
        if part.language is None or part.language in {UNKNOWN, reader.target} or not part.units:
            continue
        spans = (
            [run.span() for run in _runs_of(part.place).finditer(sentence)]
            if isinstance(part.place, Script)
            else [part.place]
        )
        for start, end in spans:
            yield offset + start, offset + end, part.language or ""


@cache
def _runs_of(script: Script) -> re.Pattern[str]:
    """Letters of a script with what stands between them in a sentence."""
    unit = script.unit.pattern
    return re.compile(f"{unit}(?:[^A-Za-z\\n]{{0,12}}?{unit})*")
