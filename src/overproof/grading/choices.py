r"""Multiple choice: the options as the question lists them, and the letters that an answer names.

>>> parse_options("Pick one.\nA. 3\nB. 4\nC. $\\frac{1}{2}$")
{'A': '3', 'B': '4', 'C': '$\\frac{1}{2}$'}
>>> letters_of("A、C、D")
'ACD'
>>> letters_of("(B) 4 apples")
'B'
"""

from __future__ import annotations

import re
from functools import lru_cache

from overproof.grading.spelling import spell

LETTERS = "ABCDEFGHIJ"
MAX_QUESTION_CHARS = 20_000
MAX_ANSWER_CHARS = 400
"""No answer that names options is longer."""

_LISTED = re.compile(r"(?:Choices|Options|选项) *[:：] *\[([^\n]*)\]")
_QUOTED = re.compile(r"'((?:[^'\\]|\\.|'(?! *[,\]]|$))*)'|\"((?:[^\"\\]|\\.)*)\"")
_MARKER = re.compile(
    r"(?:(?<=^)|(?<=[\s,，;；。:：$）)(（\[{]))\**[(（\[]?([A-J])(?:\)|）|\]|[.．、:：](?!\w\.)|(?= *\$))\**",
    re.MULTILINE,
)
_TEXT = re.compile(r"\\text *\{ *([^{}]*)\}")
_SINGLE = re.compile(
    r"(?:(?:the )?(?:correct )?(?:answer|option|choice|选项?|选择|故选|答案)(?: is| 是|是|为|[:：])? *)?"
    r"[(（\[{]? *([A-J]) *(?:[)）\]}]|[.．、:：,，]|$|(?= ?[(（])|\b(?= *[\u4e00-\u9fff]))",
    re.IGNORECASE,
)
_SEVERAL = re.compile(
    r"[(（\[{]?([A-J])[)）\]}]?(?:\s*(?:[,，、;；/&+和与及]|and|以及|\s)\s*[(（\[{]?([A-J])[)）\]}]?)+\.?"
)
_GLUED = re.compile(r"[(（\[{]?([A-J]{1,8})[)）\]}]?[.。]?")


@lru_cache(maxsize=1024)
def _options(question: str) -> tuple[tuple[str, str], ...]:
    text = question[-MAX_QUESTION_CHARS:]
    if listed := _LISTED.search(text):
        texts = [(one or other).replace("\\\\", "\\") for one, other in _QUOTED.findall(listed[1])]
        if len(texts) > 1:
            return tuple(zip(LETTERS, texts, strict=False))
    markers = list(_MARKER.finditer(text))
    best: list[re.Match[str]] = []
    for position, marker in enumerate(markers):
        if marker[1] != "A":
            continue
        run = [marker]
        for later in markers[position + 1 :]:
            if later[1] == LETTERS[len(run)]:
                run.append(later)
            elif later[1] == "A":
                break
        if len(run) > 1:
            best = run
    if not best:
        return ()
    ends = [marker.start() for marker in best[1:]]
    texts = [text[marker.end() : end] for marker, end in zip(best, ends, strict=False)]
    texts.append(text[best[-1].end() :].lstrip().split("\n\n")[0])
    return tuple((marker[1], option.strip(" \n;；,，。(（")) for marker, option in zip(best, texts, strict=True))


def parse_options(question: str | None) -> dict[str, str]:
    """Letter → option text, as the question lists them; empty where it lists none."""
    return dict(_options(question)) if question else {}


def is_choice(reference: str, question: str | None = None) -> bool:
    """Whether a reference names options: letters in alphabetical order, and not plainly something else."""
    letters = letters_of(reference)
    if letters is None or "".join(sorted(set(letters))) != letters:
        return False
    bare = re.sub(r"[^A-Za-z]", "", spell(reference))
    if bare != letters and not parse_options(question):
        return len(letters) == 1 and bool(re.match(r"[(（]?[A-J][)）.．、] *\S", reference.strip()))
    options = parse_options(question)
    return all(letter in options for letter in letters) if options else True


def letters_of(answer: str) -> str | None:
    """The option letters that an answer names, sorted; None when it does not name options.

    Understood are a letter, several (`ACD`, `A、C、D`, `A and C`), and a letter before its option's text (`C. 12`).
    """
    if len(answer) > MAX_ANSWER_CHARS:
        return None
    text = _TEXT.sub(r"\1", spell(answer)).strip(" *_`\n")
    if match := _GLUED.fullmatch(text):
        letters = match[1]
        return "".join(sorted(letters)) if len(set(letters)) == len(letters) else None
    if len(text) == 1 and text.upper() in LETTERS[:5]:
        return text.upper()
    if _SEVERAL.fullmatch(text):
        return "".join(sorted(set(re.findall("[A-J]", re.sub("and", "", text)))))
    if (match := _SINGLE.match(text)) and match[1].isupper():
        return match[1]
    return None
