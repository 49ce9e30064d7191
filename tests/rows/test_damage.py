"""Damaged text is restored where nothing else can have been meant, noted where it may matter, refused where lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overproof.rows.damage import mend_damage
from overproof.rows.escapes import DoubtfulError


@pytest.mark.parametrize(
    ("text", "meant", "note"),
    [
        ("Élise".encode().decode("latin-1") + " a 90°", "Élise a 90°", "UTF-8 read as another"),
        ("90Â° and 3 â‚¬", "90° and 3 €", "UTF-8 read as another"),
        ("计算 1+1".encode().decode("latin-1"), "计算 1+1", "UTF-8 read as another"),
        ("x &lt; 3 &amp;&amp; y&sup2; &#62; 2&nbsp;m", "x < 3 && y² > 2 m", "HTML's names"),
        ("a\x00b \x1b[31mred\x1b[0m", "ab red", "control characters"),
        ("计算\ufffd\ufffd", "计算\ufffd\ufffd", "lost before"),
        ("<p>2<sup>3</sup></p>", "<p>2<sup>3</sup></p>", "HTML tags"),
        ("see ![](fig.png)", "see ![](fig.png)", "a picture, which is not sent"),
    ],
)
def test_what_was_meant_is_restored_and_told(text: str, meant: str, note: str) -> None:
    seen = mend_damage(text)
    assert seen.text == meant
    assert note in " ".join(seen.notes)


@pytest.mark.parametrize(
    "text",
    [
        "AT&T has 3 & 4; x &lt 3",
        r"\begin{array}{c} a &b; c \end{array}",
        "NÃO É 90° à côté",
        "Is a<b>c?",
        "the index of <g> in S_5",
        "What?? Really???",
        "Fill in: 3 + ? = 5",
        "a\tb\nc",
    ],
)
def test_sound_text_is_left_alone_without_a_note(text: str) -> None:
    assert mend_damage(text) == (text, ())


def test_a_text_of_question_marks_is_refused() -> None:
    with pytest.raises(DoubtfulError, match="could not write its characters"):
        mend_damage("?? 1 ? 1 ?????")


@given(st.text(alphabet="Ã©Â°&lt;amp\x00\x1b[0m?<p>x", max_size=40))
def test_mending_again_loses_nothing_more(text: str) -> None:
    try:
        once = mend_damage(text).text
        mend_damage(once)
    except DoubtfulError:
        return
