r"""Which brace closes which; only this module knows that an escaped one is content, as in `\left\{1,2\right.`."""

from __future__ import annotations

import re

_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)


def close_brace(text: str, opened: int) -> int | None:
    """Where the brace that stands at `opened` is closed; None where it never is."""
    depth = 0
    for brace in _BRACE.finditer(text, opened):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if not depth:
            return brace.start()
    return None
