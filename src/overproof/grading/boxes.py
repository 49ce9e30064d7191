r"""Boxes: every `\boxed{…}` of a text, brace-balanced, and which of the last ones share one answer.

>>> [content for _, _, content in find_boxes(r"\boxed{1} then \boxed{\frac{1}{2}}")]
['1', '\\frac{1}{2}']
>>> boxed_answer(r"$\boxed{7}$ wait, no: $\boxed{5}$")
'5'
>>> boxed_answer(r"$\boxed{-2}$ and $\boxed{1}$")
'-2, 1'
"""

from __future__ import annotations

import itertools
import re

GROUP_GAP = 40
"""How many characters may stand between two boxes that share one answer."""
PARTS_GAP = 240
"""The same, when the reference is known to have several parts."""

Box = tuple[int, int, str]
"""Start, end and content of a box."""

_TOKEN = re.compile(r"(?<!\\)\\+f?boxed {0,9}\{|\\[{}\\]|[{}]|\\f?boxed {1,9}([A-Za-z0-9.]{1,40})|\\f?boxed(\d)")
_JOINTS = r"[\s$,;.、，；。()\[\]\\]*"
_CONNECTOR = re.compile(
    _JOINTS
    + r"(?:(?:\\?(?:text *\{ *)?(?:and|or|和|或|与|及|以及|或者|且)|\\?q?quad) *\}?"
    + _JOINTS
    + r"(?:q?quad[\s$]*)?)*"
)
_CORRECTION = re.compile(r"\b(?:no|wait|not|actually|instead|correct(?:ion|ed))\b|不对|错|更正", re.IGNORECASE)
_UNCLOSED = re.compile(r"\s*\$*\\+f?boxed *\{")
_SIGN_BEHIND = re.compile(r"[ $]*(\\?%|percent\b|pct\b|\^\{?\\circ\}?|°)")
_ITEM_JOINT = re.compile(r",(?!\d{3}(?!\d))|;|，|；|、|\band\b|\bor\b")


def find_boxes(text: str) -> list[Box]:
    r"""Every closed \boxed{…} that lies in no other, in order. One pass."""
    first = text.find("boxed")
    if first < 0:
        return []
    boxes: list[Box] = []
    stack: list[tuple[int, int] | None] = []
    for token in _TOKEN.finditer(text, max(0, first - 2)):
        found = token[0]
        if "boxed" in found and found.endswith("{"):
            stack.append((token.start(), token.end()))
        elif "boxed" in found:
            boxes.append((token.start(), token.end(), token[1] or token[2]))
        elif found == "{":
            stack.append(None)
        elif found == "}" and stack and (opened := stack.pop()) is not None:
            while boxes and boxes[-1][0] > opened[0]:
                boxes.pop()
            boxes.append((opened[0], token.end(), text[opened[1] : token.start()]))
    return boxes


def boxed_answer(text: str, parts: int = 1) -> str | None:
    """The last box, or the last boxes together where they share one answer (of `parts` parts); None without one."""
    boxes = [(start, end, _unwrapped(content)) for start, end, content in find_boxes(text)]
    if not boxes:
        return None
    group = _joined_boxes(text, boxes)
    if parts > 1 and len(group) == 1 and len(_ITEM_JOINT.findall(group[0][2])) + 1 < parts:
        group = _boxes_for_parts(text, boxes, parts)
    contents = list(dict.fromkeys(content.strip(" \n") for _, _, content in group))
    if len(contents) > 1:
        return ", ".join(contents)
    sign = _SIGN_BEHIND.match(text, group[-1][1])
    return contents[0] + (sign[1] if sign else "")


def boxes_in_reference(text: str) -> str | None:
    """The boxes of a reference, all that stand near the last one; an unclosed box runs to the end. None without one."""
    boxes = find_boxes(text)
    if not boxes:
        opened = _UNCLOSED.match(text)
        return text[opened.end() :] if opened else None
    near = boxes[-1:]
    for box in reversed(boxes[:-1]):
        gap = text[box[1] : near[0][0]]
        if len(gap) > GROUP_GAP or _CORRECTION.search(gap):
            break
        near.insert(0, box)
    return ", ".join(_unwrapped(content) for _, _, content in near)


def _unwrapped(content: str) -> str:
    """The content of a box without a box inside it that holds all of it."""
    inner = find_boxes(content)
    return inner[0][2] if len(inner) == 1 and content.strip().startswith("\\boxed") else content


def _joined_boxes(text: str, boxes: list[Box]) -> list[Box]:
    """The last box with those before it that only a comma, an "and" or an "or" separates."""
    group = boxes[-1:]
    for box in reversed(boxes[:-1]):
        gap = text[box[1] : group[0][0]]
        if len(gap) > GROUP_GAP or not _CONNECTOR.fullmatch(gap):
            break
        group.insert(0, box)
    return group


def _boxes_for_parts(text: str, boxes: list[Box], parts: int) -> list[Box]:
    """The last boxes, one for each part of the reference, when they stand near each other and none corrects another."""
    chosen = boxes[-parts:]
    near = all(
        later[0] - earlier[1] <= PARTS_GAP and not _CORRECTION.search(text[earlier[1] : later[0]])
        for earlier, later in itertools.pairwise(chosen)
    )
    return chosen if len(chosen) == parts and near else boxes[-1:]
