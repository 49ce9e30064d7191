"""Lists and dicts as Python and NumPy print them."""

from __future__ import annotations

import pprint
from typing import Any

import numpy as np
import pytest

from overproof.rows.columns import read_cell

LONG = "the quick brown fox jumps " * 8
TURNS = [{"role": "user", "content": "Is [1, 2] a list?"}, {"role": "assistant", "content": 'It\'s "one".'}]


def printed(value: Any) -> str:
    return str(np.array(value, dtype=object))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (printed(["a", "b"]), ["a", "b"]),
        (printed([f"<think>\n{LONG}</think>\\boxed{{2}}", 'it\'s "b"']),
         [f"<think>\n{LONG}</think>\\boxed{{2}}", 'it\'s "b"']),
        ("['a '\n 'b']", ["a b"]),
        (f"['{LONG}'\n 'b']", [LONG, "b"]),
        (printed(TURNS), TURNS),
        (str({"said": np.array(["a", "b"], dtype=object), "ended": np.array([True, False])}),
         {"said": ["a", "b"], "ended": [True, False]}),
        (str([np.float64(3.5), np.str_("a"), float("nan")]), [3.5, "a", None]),
        (pprint.pformat([LONG]), [LONG]),
        (pprint.pformat([LONG, "b"]), [LONG, "b"]),
        (pprint.pformat([{"said": LONG}]), [{"said": LONG}]),
        ('["two\nlines", "b"]', ["two\nlines", "b"]),
        ("{'a': [1, (2, 3)]}", {"a": [1, [2, 3]]}),
    ],
)  # fmt: skip
def test_what_a_data_frame_printed_is_read_as_what_it_was(text: str, value: Any) -> None:
    assert read_cell(text) == value


@pytest.mark.parametrize(
    "text",
    ["['a' 'b' ... 'y' 'z']", "['a', 'b'", "[x, 2)", "[__import__('os')]", "{1, 2}", "[\\frac{1}{2}, 3]", "[" * 99_999],
)
def test_what_is_not_whole_or_not_printed_stays_a_text(text: str) -> None:
    assert read_cell(text) == text
