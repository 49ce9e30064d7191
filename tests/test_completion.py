"""Splitting replies: every place where reasoning may lie, and every way in which its tags may be missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overproof.completion import Completion, split_completion


@pytest.mark.parametrize(
    ("content", "reasoning", "expected"),
    [
        ("<think>\nTwo and two.\n</think>\n\n4", None, Completion("Two and two.", "4")),
        ("<thinking>a</thinking>4", None, Completion("a", "4")),
        ("Two and two.</think>4", None, Completion("Two and two.", "4")),
        ("<think>cut in mid-tho", None, Completion("cut in mid-tho", "")),
        ("4", None, Completion(None, "4")),
        ("4", "Two and two.", Completion("Two and two.", "4")),
        ("<think>the tag </think> ends it</think>4", None, Completion("the tag </think> ends it", "4")),
        ("", None, Completion(None, "")),
        ("</think>", None, Completion("", "")),
    ],
)
def test_a_reply_is_split_into_reasoning_and_answer(content: str, reasoning: str | None, expected: Completion) -> None:
    assert split_completion(content, reasoning) == expected


@given(st.lists(st.sampled_from(["<think>", "</think>", "<thinking>", "</thinking>", "\\boxed{1}", " ", "x"])))
def test_no_tag_order_breaks_the_split_and_the_answer_never_precedes_a_closing_tag(pieces: list[str]) -> None:
    content = "".join(pieces)
    answer = split_completion(content).answer
    assert "</think>" not in answer
    assert content.rstrip().endswith(answer)
