"""Texts in which a file keeps several replies are told from replies that begin with a bracket."""

from __future__ import annotations

import pprint
from collections.abc import Callable

import numpy as np
import orjson
import pytest

from overproof.importing.held import read_held

REASONED = "<think>Two and two.</think>\n\nSo it is \\boxed{4}.\n"
PLAIN = "I say that it is\n\\boxed{5}.\n"
LONG = "word " * 60 + "so \\boxed{4}"


def nested(said: list[str]) -> str:
    return repr([np.array(said, dtype=object)])


def in_an_array(said: list[str]) -> str:
    return repr(np.array(said, dtype=object))


def in_lines(said: list[str]) -> str:
    return str(np.array(said, dtype=object))


@pytest.mark.parametrize(
    "write",
    [lambda said: orjson.dumps(said).decode(), repr, lambda said: repr(tuple(said)), in_an_array, in_lines,
     pprint.pformat],
)  # fmt: skip
@pytest.mark.parametrize("said", [[REASONED, PLAIN], [REASONED], [PLAIN, PLAIN, LONG], ["It is 4.\n", "It is 5.\n"]])
def test_a_text_that_prints_a_list_of_replies_is_that_list(write: Callable[[list[str]], str], said: list[str]) -> None:
    assert read_held(write(said), "responses") == said


@pytest.mark.parametrize(
    ("text", "held"),
    [
        (repr([REASONED, None]), [REASONED, None]),
        (str([REASONED, float("nan")]), [REASONED, None]),
        (nested([REASONED, PLAIN]), [[REASONED, PLAIN]]),
        (repr([{"content": PLAIN}]), [{"content": PLAIN}]),
        (repr([[{"role": "assistant", "content": PLAIN}]]), [[{"role": "assistant", "content": PLAIN}]]),
        ("['It is so\\n'\n 'and so \\\\boxed{4}']", ["It is so\nand so \\boxed{4}"]),
        ("[None]", [None]),
        ("nan", None),
        ("None", None),
    ],
)
def test_gaps_and_nests_in_it_are_kept_and_nothing_is_none(text: str, held: object) -> None:
    assert read_held(text) == held


@pytest.mark.parametrize(
    "text",
    ["[2, 3] is the interval, so \\boxed{2}", '["x", "y"]', "['4', '5']", "[[1,2],[3,4]]", "(a, b) is \\boxed{(a, b)}",
     '["the first point", "the second"]', "[1] see above. So [2]", '{"answer": 4}', "(1, 2)"],
)  # fmt: skip
def test_a_reply_in_brackets_stays_one_text(text: str) -> None:
    assert read_held(text, "response") == text
