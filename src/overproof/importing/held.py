"""What a cell of a trace set holds: one text, or replies that a file kept as a text; only this module knows which.

CSV and Parquet have lists and records printed into cells. A reply may begin with a bracket too, so a text is split only
where what it prints can be nothing but replies.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from typing import Any

from overproof.importing.layouts import GENERAL, find_written
from overproof.rows.columns import read_cell

_NOTHING = {"nan", "none", "null", "<na>"}
"""What programs write for a missing value."""
_SEVERAL = re.compile(
    r"(?i)(?:generation|completion|response|output|sample|prediction|attempt|rollout|solution|replie)s$|^resps$"
)
"""How a column is called that holds several replies."""
_SAID = re.compile(r"\\boxed|<think|\n|[.!?。!?]\s*$")
"""What a whole reply has, and a value that a model lists hardly."""
_LONG = 80
"""Characters from which a text is hardly a value in a list."""


def read_held(value: Any, name: str = "") -> Any:
    """The replies in a text that is a list of several, or a record, as CSV and Parquet keep them; any other as it is.

    A list of single words is an answer, and no list of replies; a record is one only with its reasoning or role: models
    answer in JSON too. `name` is what its column is called. None stands for a text that says that there is nothing.
    """
    if not isinstance(value, str):
        return value
    if value.strip().casefold() in _NOTHING:
        return None
    if value.rstrip()[-1:] not in {"]", "}", ")"}:
        return value
    found = read_cell(value)
    if isinstance(found, Mapping):
        return found if "role" in found or find_written(found, GENERAL.reasoning) else value
    return (
        found
        if isinstance(found, list) and _are_replies(found, is_several=_SEVERAL.search(name) is not None)
        else value
    )


def _are_replies(found: list[Any], *, is_several: bool) -> bool:
    """Whether a list that was printed can be nothing but replies, or holds nothing."""
    given = [one for one in found if one is not None and one == one]  # noqa: PLR0124 - NaN
    if not given or all(isinstance(one, Mapping) for one in given):
        return True
    if all(isinstance(one, list) for one in given):
        return all(_are_replies(one, is_several=is_several) for one in given)
    texts = [one.strip() for one in given if isinstance(one, str)]
    if len(texts) < len(given) or not any(" " in text or "\n" in text for text in texts):
        return False
    return is_several or any(_SAID.search(text) or len(text) >= _LONG for text in texts)


def texts_in(value: Any, passed_over: Container[str] = frozenset()) -> Iterator[str]:
    """Every text in a value, but for what some keys hold."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            if key not in passed_over:
                yield from texts_in(one, passed_over)
    elif isinstance(value, list):
        for one in value:
            yield from texts_in(one, passed_over)
