r"""Answers whose parts are labelled in words: `Maximum = 2, minimum = 1`, `Paolo: 18, Anna: 7`, `Sequence 1: …`.

>>> labelled_parts("Maximum = 2, Minimum = 1")
(('maximum', '2'), ('minimum', '1'))
>>> labelled_parts("x = 2") is None
True
"""

from __future__ import annotations

import re

from overproof.grading.words import DENIALS, is_words

MAX_CHARS = 1_000

_WORD = r"(?:\\text\{ *[A-Za-z\u4e00-\u9fff][^{}]{1,40}\}|[A-Za-z][A-Za-z'-]{2,40}|[\u4e00-\u9fff]{1,20})"
_LABEL = re.compile(rf"({_WORD}(?: +{_WORD}){{0,4}} *(?:\d{{1,2}})?) *(?:=|:|\bis\b|\bare\b|为|是) *(?=[^ ])")
_JOINT = re.compile(r"[,; ]*(?:\b(?:and|or|while|but)\b|和|以及|\\text\{ *(?:and|or) *\})?[ ,;]*$")
_LEADING_JOINT = re.compile(r"^(?:and|or|while|but|the) +")
_COMMAND = re.compile(r"\\text\{ *([^{}]*)\}")


def labelled_parts(spelled: str) -> tuple[tuple[str, str], ...] | None:
    """Label and value of each part; None when the text does not begin with a label in words, or a value is words."""
    if len(spelled) > MAX_CHARS:
        return None
    labels = list(_LABEL.finditer(spelled))
    if not labels or labels[0].start() > 0:
        return None
    parts: list[tuple[str, str]] = []
    ends = [label.start() for label in labels[1:]] + [len(spelled)]
    for label, end in zip(labels, ends, strict=True):
        value = _JOINT.sub("", spelled[label.end() : end])
        if not value or is_words(value) or DENIALS & set(label[1].lower().split()):
            return None
        parts.append((_plain(label[1]), value))
    return tuple(parts)


def _plain(label: str) -> str:
    words = " ".join(_COMMAND.sub(r"\1", label).lower().split())
    return _LEADING_JOINT.sub("", words).rstrip(".")
