"""Counting the words of many stretches of a text at once."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overproof.language.scripts import LATIN_LETTERS, SCRIPTS, count_stretches, holds_script

LETTERS = "aé ß. \nωΣжЯ中文あア가ㄱไทยกаب1=ἀ𠀀"
"""Latin, Greek, Cyrillic, Han, Kana, Hangul, Thai, Arabic, and what is none of them."""


def stretches_of(text: str) -> tuple[list[int], list[int]]:
    """The lines of a text."""
    ends = [match.start() for match in re.finditer("\n", text)] + [len(text)]
    return [0, *(end + 1 for end in ends[:-1])], ends


@given(st.text(LETTERS, max_size=200))
def test_the_count_of_a_stretch_is_that_of_its_text_alone(text: str) -> None:
    starts, ends = stretches_of(text)
    counts = count_stretches(text, starts, ends, SCRIPTS)
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        part = text[start:end]
        assert counts.units[number] == pytest.approx([script.count(part) for script in SCRIPTS])
        assert counts.holds_script[number] == holds_script(part)
        assert counts.latin_words[number] == len(re.findall(f"[{LATIN_LETTERS}]{{2,}}", part))
        assert counts.has_latin[number] == bool(re.search(f"[{LATIN_LETTERS}]", part))
