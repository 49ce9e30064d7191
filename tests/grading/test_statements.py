"""What a derivation in an answer ends in."""

import pytest

from overproof.grading.spelling import spell
from overproof.grading.statements import conclusion


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"a = 4+5 = 9", "9"),
        (r"\text{So the sum is }9", "9"),
        (r"\text{We add. }4+5=9.\\ \textbf{Answer: }9", "9"),
        (r"\text{Given } b=3,\; c = 3b = 9", "9"),
        (r"4 + 5 = 8", None),
        (r"\text{So it is not }9", None),
        (r"9", None),
        (r"a = b", None),
    ],
)
def test_a_derivation_ends_in_its_last_value_unless_it_contradicts_itself(text: str, value: str | None) -> None:
    assert conclusion(spell(text)) == value
