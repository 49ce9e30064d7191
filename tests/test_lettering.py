"""Letters as they are drawn and as they are typed."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overproof.lettering import find_places, to_plain_letters

PLAIN = [
    ("characters without width", "a\u200bn\u00add", "and"),
    ("marks of direction", "\u202bwait\u202c", "wait"),
    ("letters of two characters", unicodedata.normalize("NFD", "für Việt"), "für Việt"),
    ("syllables of two letters", unicodedata.normalize("NFD", "값"), "값"),
    ("full width", "Ｗｅ　ｇｏ", "We go"),
    ("a bold alphabet", "\U0001d430\U0001d41e", "we"),
    ("spaces that do not break", "a\u00a0b\u2009c", "a b c"),
    ("line separators", "a\u2028b\u000bc", "a\nb\nc"),
    ("Cyrillic in a Latin word", "th\u0435 \u0430nd", "the and"),
    ("Latin in a Cyrillic word", "пpoсто", "просто"),
    ("a Greek sign", "πr² and Δx", "πr² and Δx"),
    ("Greek in a Latin word", "f\u03bfr", "for"),
    ("a joiner in Persian", "می\u200cشود", "می\u200cشود"),
    ("Chinese", "面积，二十八。", "面积，二十八。"),
    ("digits in full width", "４２", "４２"),
]


@pytest.mark.parametrize(("text", "plain"), [case[1:] for case in PLAIN], ids=[case[0] for case in PLAIN])
def test_letters_are_read_as_a_reader_sees_them(text: str, plain: str) -> None:
    assert to_plain_letters(text) == plain


def test_a_place_in_the_plain_text_leads_to_its_place_in_the_text() -> None:
    text = "We\u200b go\u0308 o\u00adn"
    plain, places = to_plain_letters(text), find_places(text)
    assert plain == "We gö on"
    assert [text[places[i]] for i in range(len(plain))] == ["W", "e", " ", "g", "o", " ", "o", "n"]


@given(st.text())
def test_any_text_has_places_and_what_is_plain_stays(text: str) -> None:
    plain, places = to_plain_letters(text), find_places(text)
    assert len(places) == len(plain) + 1
    assert places[-1] == len(text)
    assert list(places) == sorted(places)
