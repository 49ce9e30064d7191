"""Work grows with the length of a text and no faster: calls are counted, not timed, for a text and for two of it."""

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from overproof.grading.grader import exact_grade

PIECES = [
    *(
        "1, ",
        "x + ",
        "(1,2), ",
        "x=1 or ",
        r"\frac{1}{2} + ",
        r"\text{ cm }",
        "中文",
        "三万",
        "the answer is 5. ",
        "$x$ ",
    ),
    *("A. 3 ", "x < 1, ", r"\{1\}\cup", "a_1 ", "5 cm ", "1:", "if x>0, ", r"\boxed{5} ", "选A ", "2^", "9"),
]
MOST = 2.4
"""Two of a text may take so many times the calls of one; what is square in the length takes four times."""


def calls(work: Callable[[], object]) -> int:
    count = 0

    def profile(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("piece", PIECES)
def test_two_of_a_text_take_twice_the_calls_of_one(piece: str) -> None:
    text = piece * (1_200 // len(piece))
    for wrap in (r"\boxed{%s}", "%s"):
        once = calls(lambda wrap=wrap: exact_grade(wrap % text, text))  # type: ignore[misc]
        twice = calls(lambda wrap=wrap: exact_grade(wrap % (text + text), text + text))  # type: ignore[misc]
        assert twice <= MOST * once + 500, (once, twice)
