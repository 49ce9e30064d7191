r"""Markers: the words and signs by which a completion says "this is the answer", and what stands behind them.

>>> marked_answer("So we sell 7. The answer is $9$.")
'$9$'
>>> marked_answer("72+3=75\n#### 75")
'75'
>>> marked_letters("综上所述，故选 B、C。")
'B、C'
"""

from __future__ import annotations

import re

MAX_SPAN = 2_000
"""How far behind a marker an answer is looked for, and how long a concluding sentence may be."""
SENTENCE_WORDS = 3
"""Behind a formula or number, this many words may be a unit; more of them are a sentence."""
TRIES = 6
"""How many of the last markers are tried, when nothing stands behind the last one."""

_KEYWORDS = ("####", "nswer", "NSWER", "答案", "结果", "olution", "A: ")
_LOOK_BACK = 60
_STOP = re.compile(r"<eoa>|<eoe>|<\|[a-z_]+\|>|</answer>|<eos>|</s>")
_VERB = (
    r",? (?:is|are|would be|should be|must be|equals|=|will be)(?: therefore| thus| then| simply| just)?\b:?"
    r"|:?(?=[ \t]{0,9}\n[ \t\n]{0,9}\$\$)|(?= (?:\$|\\[\[(]))"
)
MARKER = re.compile(
    r"<answer>"
    r"|####"
    r"|【 ?(?:最终)?(?:答案|正确答案) ?】 ?(?:[:：是为]|应为)?"
    r"|(?:最终|正确)?(?:答案|结果) ?(?:应该?)?[是为选][：:]? ?"
    r"|(?:最终|正确)?答案\*{0,3}[:：]\*{0,3}"
    r"|\*{0,3}(?:final |correct |my )?answers?(?: \(final\))?\*{0,3}(?: to (?:the|this) (?:question|problem))?"
    rf"\*{{0,3}}(?: {{0,9}}[:：]|{_VERB})\*{{0,3}}"
    r"|^\*{0,3}solution(?: is)?\*{0,3}[:：]\*{0,3}"
    r"|^ {0,9}A: ",
    re.IGNORECASE | re.MULTILINE,
)
_FINAL = re.compile(r"final answer\*{0,3}(?: is\b:?|:)(?! *(?:the )?final answer)", re.IGNORECASE)
_IS_OUR_ANSWER = re.compile(
    r"(?P<value>\$[^$\n]+\$|(?<!\S)\S{1,60}) (?:is|are) (?:our|the|my) (?:final |correct )?answer", re.IGNORECASE
)
_LETTERS = re.compile(
    r"(?:故选|应选|故本题选|所以选|因此选|选择|故答案选|选项?)[：: ]{0,9}(?:择|项)?[：: ]{0,9}(?:应?[是为])?[：: ]{0,9}"
    r"\*{0,3}[(（$]{0,3}(?P<zh>[A-J](?:[、,，和及 ]{0,3}[A-J]){0,9})(?![A-Za-z])"
    r"|(?<![A-Za-z])(?:option|choice|answer)s?(?: letter| that [^.\n(]{1,120}?)?(?: is| are)?:? {0,9}"
    r"\*{0,3}\$?[(（]?(?P<en>[A-J])(?![A-Za-z])"
    r"|\*{0,3}[(（]?(?P<is>[A-J])[)）]?\*{0,3} {0,3}(?:正确|is (?:the )?(?:correct|right)|is true)"
    r"|(?P<ok>[A-J](?:[、,，和及 ]{1,3}[A-J]){0,9}) {0,3}(?:是|为)?(?:正确|对)的?(?:答案|选项)?"
    r"|\*\*[(（]?(?P<bold>[A-J])[)）]?(?:[.:)] [^*\n]{0,200})?\*\*"
    r"|\bis:? \*{0,3}[(（](?P<con>[A-J])[)）]"
    r"|^[(（]?(?P<line>[A-J])[)）.]?$",
    re.IGNORECASE | re.MULTILINE,
)
SENTENCE_END = re.compile(r"(?<=[^\d\s])[.!?](?=\s+[A-Z*\"'(<]|\s*$)|(?<=\d)\.(?=\s+[A-Z*\"'(<]|\s*$)|[。！？]|\n\s*\n")
MATH = re.compile(r"\$\$([^$]+)\$\$|\$([^$\n]+)\$|\\\[([^$]+?)\\\]|\\\(([^\n]+?)\\\)")
_BOLD = re.compile(r"\*\*([^*\n]{1,200})\*\*")
_NUMBER = re.compile(r"(?<![\w.\\/^_])[-+]?\$?\d[\d,]*(?:\.\d+)?(?:/\d+)?%?(?![\w/^])")
_LEADING = re.compile(
    r"(\\?\$? ?-?\d[\d,]*(?:\.\d+)?%?)(?: +(?!(?:and|or|to|x|times|plus|minus|by|mod)\b)[A-Za-z(]| \d+ [a-z]{3}|[.,] )"
)
_PREPOSITION = re.compile(r" (?:in|per|from|for|on|at|each|every|when|after|before|with|left|of) ")
_WORD = re.compile(r"[A-Za-z]{2,}")
_CONJUNCTIONS = frozenset({"and", "or"})
_AFTER_COPULA = re.compile(r".*(?:\b(?:is|are|equals|be)\b|为|是) *", re.DOTALL)
_CONCLUDES = re.compile(
    r"\b(?:therefore|thus|hence|so|consequently|in conclusion|finally|final answer|solution|"
    r"we (?:get|have|find|obtain|conclude|see that|know that))\b|因此|所以|故|综上|于是|可得|得到|即",
    re.IGNORECASE,
)
_THEREFORE = re.compile(r"\b(?:therefore|thus|hence|in conclusion)\b|因此|所以|综上", re.IGNORECASE)
_COPULA = re.compile(r"(?:\b(?:is|are|be|equals?|was|were|in|that)\b|=|为|是|等于|得|[:：])[^=]*$", re.IGNORECASE)
HEDGE = re.compile(
    r"\b(?:maybe|perhaps|not sure|do(?:es)? not know|don't know|cannot|can't|impossible|unable|unclear|not possible|"
    r"no answer|give up|guess|i think it might)\b|无法|不确定|不知道|没有正确",
    re.IGNORECASE,
)
_COURTESY = re.compile(
    r"[ \n]*(?:I hope (?:it|this|that)|Let me know|Do you have|Hope this)[^\n]{0,200}$", re.IGNORECASE
)
_SUBSTANCE = re.compile(r"[\w\\∅∞√]")


def marked_answer(text: str) -> str | None:
    """What stands behind the last marker that something stands behind."""
    last = max(text.rfind(keyword) for keyword in _KEYWORDS)
    if last < 0:
        return None
    return _marked_from(text, max(0, last - _LOOK_BACK)) or _marked_from(text, 0)


def _marked_from(text: str, start: int) -> str | None:
    marked: list[tuple[int, str | None]] = [(match.end(), None) for match in MARKER.finditer(text, start)]
    marked += [(match.start(), match["value"]) for match in _IS_OUR_ANSWER.finditer(text, start)]
    for end, value in sorted(marked, key=lambda found: found[0])[-TRIES:][::-1]:
        answer = value if value is not None else clean_value(_span_after(text, end))
        if answer and _SUBSTANCE.search(answer) and not HEDGE.search(answer):
            return answer
    return None


def final_answer(text: str) -> str | None:
    """What stands behind the last "final answer is" of a text, the marker that outranks an earlier box."""
    end = None
    for match in _FINAL.finditer(text):
        end = match.end()
    answer = None if end is None else clean_value(_span_after(text, end))
    return answer if answer and _SUBSTANCE.search(answer) and not HEDGE.search(answer) else None


def _span_after(text: str, start: int) -> str:
    """The text behind a marker, up to the end of its sentence, line or tag."""
    rest = text[start : start + 2 * MAX_SPAN].lstrip(" \n\r\t:：*")[:MAX_SPAN]
    if stop := _STOP.search(rest):
        rest = rest[: stop.start()]
    if rest.startswith(("$$", "\\[")):
        closing = rest.find("$$" if rest.startswith("$$") else "\\]", 2)
        return rest[: closing + 2] if closing > 0 else rest
    line = rest.split("\n", 1)[0]
    if (line.count("$") % 2 == 1 or line.count("\\(") > line.count("\\)")) and (match := MATH.match(_one_line(rest))):
        line = match[0]
    if end := SENTENCE_END.search(line):
        line = line[: end.start()]
    return line.strip()


def _one_line(text: str) -> str:
    return text.replace("\n", " ")


def clean_value(span: str) -> str:
    """The answer within the words behind a marker: the one formula, the bold text, or the number of the sentence."""
    bold = _BOLD.findall(span)
    span = span.strip().strip("*").strip()
    formulas = list(MATH.finditer(span))
    if len(formulas) == 1:
        return _one_formula(span, formulas[0])
    if formulas or len(bold) != 1:
        return span if formulas else _one_number(span)
    return str(bold[0])


def _one_formula(span: str, match: re.Match[str]) -> str:
    """A span with one formula: the formula with a unit behind it, or what stands behind the verb (n is 34)."""
    before, after = span[: match.start()].strip(), span[match.end() :].strip(" .*")
    content = next(group for group in match.groups() if group is not None)
    words = after.split()
    if words and words[0] in {"is", "are", "equals", "为", "是"}:
        return _AFTER_COPULA.sub("", span)
    if before or len(words) > SENTENCE_WORDS:
        return content.rsplit("\\approx", 1)[0] if "\\approx" in content else content
    return span


def _one_number(span: str) -> str:
    """A span without formulas: the number that leads it, or the only number of a sentence."""
    words = _WORD.findall(span)
    if not set(words) - _CONJUNCTIONS:  # "3, 2 and 1" is a list, where "3, because …" is one number and a sentence
        return span
    leading = _LEADING.match(span)
    if leading and (len(words) >= SENTENCE_WORDS or _PREPOSITION.search(span) or len(_NUMBER.findall(span)) > 1):
        return leading[1]
    if len(words) >= SENTENCE_WORDS:
        numbers = _NUMBER.findall(span)
        if len(numbers) == 1:
            return str(numbers[0])
    return span


def marked_letters(text: str) -> str | None:
    """The letters that the last sentence about options names."""
    found = None
    for found in _LETTERS.finditer(text):  # noqa: B007 - the last match is what is wanted
        pass
    if found is None:
        return None
    letters = next(group for group in found.groups() if group)
    return str(letters) if letters.isupper() or not letters.isalpha() else None


def concluded_answer(text: str) -> str | None:
    """The formula or bold text that ends the last sentence, if that sentence concludes or is the only one."""
    text = _COURTESY.sub("", text[-MAX_SPAN:])
    sentences = [part for part in SENTENCE_END.split(text) if part and part.strip(" \n*.<>/")]
    last = sentences[-1].strip() if sentences else ""
    if not last or HEDGE.search(last) or not (_CONCLUDES.search(last) or len(sentences) == 1):
        return None
    pieces = [*MATH.finditer(last), *_BOLD.finditer(last)]
    if not pieces:
        numbers = _NUMBER.findall(last)
        return str(numbers[0]) if len(numbers) == 1 and _THEREFORE.search(last) else None
    piece = max(pieces, key=lambda match: match.end())
    if len(last[piece.end() :].split()) > SENTENCE_WORDS or not _COPULA.search(last[: piece.start()]):
        return None
    return next(str(group) for group in piece.groups() if group is not None)
