r"""Boxes: every `\boxed{…}` of a text, brace-balanced, and which of the last ones share one answer.

>>> [content for _, _, content in find_boxes(r"\boxed{1} then \boxed{\frac{1}{2}}")]
['1', '\\frac{1}{2}']
>>> text = r"$\boxed{-2}$ and $\boxed{1}$"
>>> text_of_boxes(text, joined_boxes(text, find_boxes(text)))
'-2, 1'
"""

from __future__ import annotations

import re

GROUP_GAP = 40
"""How many characters may stand between two boxes that share one answer."""
PARTS_GAP = 240
"""How many may stand between boxes that give one part each."""
MAX_NEAR = 50
"""No answer has more parts in boxes of their own."""

Box = tuple[int, int, str]
"""Start, end and content of a box."""

_TOKEN = re.compile(r"(?<!\\)\\+f?boxed {0,9}\{|\\[{}\\]|[{}]|\\f?boxed {1,9}([A-Za-z0-9.]{1,40})|\\f?boxed(\d+)")
_JOINTS = r"[\s$,;.、，；。()\[\]\\]*"
_CONNECTOR = re.compile(
    _JOINTS
    + r"(?:(?:\\?(?:text *\{ *)?(?:and|or|和|或|与|及|以及|或者|且)|\\?q?quad) *\}?"
    + _JOINTS
    + r"(?:q?quad[\s$]*)?)*"
)
_CORRECTION = re.compile(r"\b(?:no|wait|not|actually|instead|correct(?:ion|ed))\b|不对|错|更正", re.IGNORECASE)
_UNCLOSED = re.compile(r"\s*\$*\\+f?boxed *\{")
_PROSE = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,} [a-z]{2,}")
"""Two words side by side: a box that holds a solution, not an answer."""
_SIGN_BEHIND = re.compile(
    r"[ $]*(\\?%|percent\b|pct\b|\^\{?\\circ\}?|°|(?:\\text\{ ?)?(?:hundred|thousand|million|billion"
    r"|trillion|dozen)\b\}?|[万亿])"
)
_SIGN_BEFORE = re.compile(r"(?:^|[=$(\[≈:]) *(-|−|\\pm ?|±|\\mp ?)\Z")
_SAID_IN_BOX = re.compile(
    r" *\\text *\{ *(?:the |my )?(?:final |correct )?answer(?: is|:| is:) *(?:(?P<whole>[^{}]+)\}|\} *(?P<rest>.+))",
    re.IGNORECASE,
)


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


def text_of_boxes(text: str, group: list[Box]) -> str:
    """The answer of boxes that share one, with the sign before a single box and the percent or magnitude behind it."""
    contents = list(dict.fromkeys(content.strip(" \n") for _, _, content in group))
    if len(contents) > 1:
        return ", ".join(contents)
    before = _SIGN_BEFORE.search(text, max(0, group[0][0] - 20), group[0][0])
    behind = _SIGN_BEHIND.match(text, group[-1][1])
    return (before[1] if before else "") + contents[0] + (behind[0].replace("$", "") if behind else "")


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
    """The content of a box, of the last box inside it, or of the words in it that say it is the answer."""
    inner = find_boxes(content)
    if inner and (content.strip().startswith("\\boxed") or _PROSE.search(content)):
        return inner[-1][2]
    if said := _SAID_IN_BOX.fullmatch(content):
        return said["whole"] or said["rest"]
    return content


def joined_boxes(text: str, boxes: list[Box]) -> list[Box]:
    """The last box with those before it that only a comma, an "and" or an "or" separates."""
    group = [_unwrap(boxes[-1])]
    for box in reversed(boxes[:-1]):
        gap = text[box[1] : group[0][0]]
        if len(gap) > GROUP_GAP or not _CONNECTOR.fullmatch(gap):
            break
        group.insert(0, _unwrap(box))
    return group


def near_boxes(text: str, boxes: list[Box]) -> list[Box]:
    """The last boxes that stand near each other with nothing between them that corrects one: one a part, perhaps."""
    near = [_unwrap(boxes[-1])]
    for box in reversed(boxes[-MAX_NEAR:-1]):
        if near[0][0] - box[1] > PARTS_GAP or _CORRECTION.search(text[box[1] : near[0][0]]):
            break
        near.insert(0, _unwrap(box))
    return near


def _unwrap(box: Box) -> Box:
    return box[0], box[1], _unwrapped(box[2])
