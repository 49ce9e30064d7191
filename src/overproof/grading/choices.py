r"""Multiple choice: the options as the question lists them, and the letters that an answer names.

>>> parse_options("Pick one.\nA. 3\nB. 4\nC. $\\frac{1}{2}$")
{'A': '3', 'B': '4', 'C': '$\\frac{1}{2}$'}
>>> letters_of("A、C、D")
'ACD'
>>> letters_of("(B) 4 apples")
'B'
>>> letters_of("D(2,3)") is None
True
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from overproof.grading.phrases import DENIED_BEHIND
from overproof.grading.spelling import spell

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
OTHER_RUN = "FGHJK"
"""Every second question of some American tests letters its options so."""
LETTERS = ALPHABET[:10]
"""The letters that name options where no question lists any; a later letter alone is more often a name."""
MAX_QUESTION_CHARS = 20_000
MAX_ANSWER_CHARS = 400
"""No answer that names options is longer."""

_LISTED = re.compile(r"(?:Choices|Options|选项) *[:：] *\[([^\n]*)\]")
_QUOTED = re.compile(r"'((?:[^'\\]|\\.|'(?! *[,\]]|$))*)'|\"((?:[^\"\\]|\\.)*)\"")
_MARKER = re.compile(
    r"(?:(?P<start>^[ \t>*•-]{0,9})|(?<=[\s,，;；。:：$）)(（\[{}]))"
    r"(?:\\(?:text|mathrm|mathbf|textbf|mathit|textrm) ?\{ ?)?\**[(（\[]?(?P<letter>[A-Z])"
    r"(?:\)|）|\]|[.．、:：](?!\w\.)|(?= *\$|\} *[)）.]))\**(?: ?\})?[)）.]?",
    re.MULTILINE,
)
_WRAPPER = re.compile(r"\\(?:text|mathrm|mathbf|textbf|boxed|rm|bf|mathit|textrm) ?(?=\{)|[{}$]|\*\*")
_GAP = re.compile(r"\\[,;! ]|\\q?quad\b|~")
_LEAD = re.compile(
    r"(?:(?:the )?(?:correct |right |final |best )?(?:answer|option|choice|letter|选项?|选择|故选|应选|答案|選|應選)s?"
    r"(?: selected)?(?: is| are|应?是|应?为| ?[:：])? *){0,2}",
    re.IGNORECASE,
)
_OPEN, _CLOSE = r"[(（\[【]?", r"[)）\]】]?"
_JOINT = r"(?:\s*(?:[,，、;；/&+和与及]|,?\s*\band\b|以及)\s*|\s+)"  # "A or B" chooses neither
_CLOSED = r"(?: *[)）\]】])?"
_BESIDE = r"(?<=[)）\]】])(?=[(（\[【])"
_RUN = re.compile(rf"{_OPEN} *([A-Z]){_CLOSED}(?:(?:\s*{_JOINT}|{_BESIDE}){_OPEN} *([A-Z])(?![A-Za-z]){_CLOSED})*")
_SPACED_LETTERS = re.compile(r"[A-Z](?: +[A-Z])+")
"""Letters side by side, which only a question's options tell from a product."""
_LETTERED = re.compile(r"([A-Z]) *(?:[,，] *(?=\S)|(?:\\left)? *(?=[(（]))[(（]?(.+?)(?:\\right)? *[)）]?", re.DOTALL)
_TEXT_COMMAND = re.compile(r"\\text *\{([^{}]*)\}")
_GLUED = re.compile(rf"{_OPEN} *([A-Z]{{2,26}}) *{_CLOSE}")
_REST = re.compile(
    r"\s*\Z|[.．。、:：,，;；!！](?!\w\.)|\s*[–—]|\s*-\s|\s*(?=[(（\u4e00-\u9fff])(?<=[\s)）\]】])|(?=[\u4e00-\u9fff])"
    r"|(?:\s+|(?<=\s))(?:because|since|as|which|so|for|(?:is|are)(?: the)? (?:correct|right|true|answers?))\b"
    r"|(?<=[)）\]】])\s+"
)
"""What may follow the letters of an answer: nothing, punctuation, a dash, a reason; `D(2,3)` is a point."""


_CHANGED = re.compile(r" *(?:[(（] *mod\b|['’^+*/=]|[,，;；] *[-\d.]+ *\Z|以上|以下|以内|以外|或|和(?!.*正确))")
"""Behind a letter: it is part of something else, or another answer stands beside it."""


@lru_cache(maxsize=1024)
def _options(question: str) -> tuple[tuple[str, str], ...]:
    text = question[-MAX_QUESTION_CHARS:]
    if listed := _LISTED.search(text):
        texts = [(one or other).replace("\\\\", "\\") for one, other in _QUOTED.findall(listed[1])]
        if len(texts) > 1:
            return tuple(zip(ALPHABET, texts, strict=False))
    if not any(run[0] in text and run[1] in text for run in (ALPHABET, OTHER_RUN)):
        return ()
    markers = list(_MARKER.finditer(text))
    best = _longest_run(markers, ALPHABET) or _longest_run(markers, OTHER_RUN)
    if not best:
        return ()
    ends = [marker.start() for marker in best[1:]]
    texts = [text[marker.end() : end] for marker, end in zip(best, ends, strict=False)]
    texts.append(text[best[-1].end() :].lstrip().split("\n\n")[0])
    return tuple((marker["letter"], _trimmed(option)) for marker, option in zip(best, texts, strict=True))


def _trimmed(option: str) -> str:
    bare = option.lstrip(" \n;；,，。").rstrip(" \n;；,，。(（")
    return bare.removesuffix("\\qquad").removesuffix("\\quad").strip()


def _longest_run(markers: list[re.Match[str]], alphabet: str) -> list[re.Match[str]]:
    """The run A, B, C, … that is longest; of those as long, the one with most letters at line starts, then the last."""
    best: list[re.Match[str]] = []
    run: list[re.Match[str]] = []
    for marker in markers:
        letter = marker["letter"]
        if len(run) < len(alphabet) and letter == alphabet[len(run)]:
            run.append(marker)
        elif letter == alphabet[0]:
            best, run = _better(best, run), [marker]
    best = _better(best, run)
    return best if len(best) > 1 else []


def _better(one: list[re.Match[str]], other: list[re.Match[str]]) -> list[re.Match[str]]:
    return other if _rank(other) >= _rank(one) else one


def _rank(run: list[re.Match[str]]) -> tuple[int, int]:
    return len(run), sum(marker["start"] is not None for marker in run)


def parse_options(question: str | None) -> dict[str, str]:
    """Letter → option text, as the question lists them; empty where it lists none."""
    return dict(_options(question)) if question else {}


_CHOOSING = re.compile(
    r"多选|不定项|单选|选项|[说叙]法.{0,6}正确|正确的(?:是|有|为|选项)|错误的(?:是|有|为)|which of the following"
    r"|select all|\bchoose\b|\boptions?\b|all that apply",
    re.IGNORECASE,
)
"""What a question says that has options, also where it does not list them."""
_TRUE_OR_FALSE = re.compile(r"true[ /]*(?:or|/)[ /]*false|\bT ?/ ?F\b|\bT or F\b|判断(?!.*选)|对错", re.IGNORECASE)

"""Before answers of which F is one."""


def asks_to_choose(question: str | None) -> bool:
    """Whether a question asks which of several options hold, whether or not it lists them."""
    return question is not None and _CHOOSING.search(question) is not None


_NUMBER_MARKER = re.compile(r"[(（](\d)[)）]|([①-⑨])")
_NUMBERED = re.compile(
    r"(?P<named>(?:option|choice|选项?|第) ?)?(?P<bracket>[(（])?(?P<number>\d)[)）]?(?:个|项)?", re.IGNORECASE
)
_OPTION_END = re.compile(r"\n|[。；;]|\. ")


def numbered_options(question: str | None) -> dict[str, str]:
    """Number → text of the things that a question lists as (1), (2), …; empty where it lists none."""
    if not question:
        return {}
    text = question[-MAX_QUESTION_CHARS:]
    markers = [*_NUMBER_MARKER.finditer(text)]
    numbers = [marker[1] or str("①②③④⑤⑥⑦⑧⑨".index(marker[2]) + 1) for marker in markers]
    if len(numbers) < 2 or numbers != [str(place) for place in range(1, len(numbers) + 1)]:
        return {}
    ends = [marker.start() for marker in markers[1:]]
    texts = [text[marker.end() : end] for marker, end in zip(markers, [*ends, len(text)], strict=True)]
    return {number: _trimmed(_OPTION_END.split(option)[0]) for number, option in zip(numbers, texts, strict=True)}


def number_named(answer: str) -> tuple[str, bool] | None:
    """The number of the one option that an answer names, and whether it can be nothing else: (3) is one, 3 may be."""
    match = _NUMBERED.fullmatch(_plain(answer))
    return (match["number"], bool(match["named"] or match["bracket"])) if match else None


def option_worded(answer: str, options: dict[str, str]) -> str | None:
    """The letter of the one option whose text an answer gives word for word; None where none or several fit."""
    spelled = _worded(answer)
    fitting = [letter for letter, text in options.items() if text.strip() and _worded(text) == spelled]
    return fitting[0] if len(fitting) == 1 else None


@lru_cache(maxsize=4096)
def _worded(text: str) -> str:
    r"""A text in its one spelling, without the wrapping of \text{}; letters keep their case."""
    return _TEXT_COMMAND.sub(r"\1", spell(text)).strip(". ")


def lettered_text(answer: str) -> tuple[str, str] | None:
    r"""A letter and the text in brackets behind it: `D(\frac{3}{2})`, a point or an option with its text."""
    match = _LETTERED.fullmatch(_plain_spaced(answer))
    return (match[1], match[2]) if match else None


def is_choice(reference: str, question: str | None = None) -> bool:
    """Whether a reference names options: letters, and not plainly something else.

    Those in another order than the alphabet's are options only where the question asks to choose.
    """
    letters = letters_of(reference)
    options = parse_options(question)
    if letters is None or (letters == "F" and not options and _TRUE_OR_FALSE.search(question or "")):
        return False
    if options:
        return all(letter in options for letter in letters)
    if any(letter not in LETTERS for letter in letters) or _SPACED_LETTERS.fullmatch(_plain(reference)):
        return False
    told = re.sub(r"\band\b|[^A-Za-z]", "", _plain(reference))
    if told != letters and not (sorted(told) == list(letters) and asks_to_choose(question)):
        return len(letters) == 1 and bool(re.match(r"[(（]?[A-J][)）.．、] *\S", reference.strip()))
    return True


def letters_of(answer: str) -> str | None:
    """The option letters that an answer names, sorted; None when it does not name options.

    Understood are a letter, several (`ACD`, `A、C、D`, `A, B and C`), either before a text or a reason (`C. 12`).
    """
    if len(answer) > MAX_ANSWER_CHARS:
        return None
    text = _plain(answer)
    start = _LEAD.match(text).end()  # type: ignore[union-attr] # it matches nothing, too
    for pattern in (_GLUED, _RUN):
        match = pattern.match(text, start)
        if match is None or not _REST.match(text, match.end()):
            continue
        if DENIED_BEHIND.match(text, match.end()) or _CHANGED.match(text, match.end()):
            return None
        letters = re.findall("[A-Z]", match[0])
        if len(set(letters)) < len(letters) or (pattern is _GLUED and text[match.end() :].strip(" .。")):
            continue
        return "".join(sorted(set(letters)))
    alone = text[start:].strip(" ()")
    return alone.upper() if len(alone) == 1 and alone.upper() in LETTERS[:5] and (start or len(text) == 1) else None


def _plain_spaced(answer: str) -> str:
    """An answer without dollars and stars at its ends."""
    return answer.strip(" *_`$\n.。")


def _plain(answer: str) -> str:
    """An answer without the commands, dollars and stars that wrap its letters, full-width letters made plain."""
    return _GAP.sub(" ", _WRAPPER.sub("", unicodedata.normalize("NFKC", answer))).strip(' *_`\n"')
