r"""How a text gives an answer without a box: what stands behind a marker, which option it chooses, how it ends.

>>> marked_answer("So we sell 7. The answer is $9$.")
'$9$'
>>> marked_answer("72+3=75\n#### 75")
'75'
>>> chosen_letters("综上所述，故选 B、C。选项A不正确。")
'B、C'
>>> chosen_letters("Options A and C are too small.") is None
True
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from overproof.grading import phrases
from overproof.grading.phrases import CONCLUDES, COPULA, COURTESY, DENIED_BEFORE, DENIED_BEHIND, HEDGE, THEREFORE

MAX_SPAN = 2_000
"""How far behind a marker an answer is looked for, and how long a concluding sentence may be."""
SENTENCE_WORDS = 3
"""Behind a formula or number, this many words may be a unit; more of them are a sentence."""
TRIES = 6
"""How many of the last markers are tried, when nothing stands behind the last one."""
MAX_LETTER_SCAN = 20_000
"""Letters are looked for in this many characters at the end: a run of them costs much at each of its places."""
LETTER_TRIES = 30
"""How many of the last options named are looked at, when the text around them denies the last ones."""
MAX_JSON = 20_000
"""A longer object is no answer in JSON."""

_LOOK_BACK = 60
_BEFORE = 60
"""How much text before a phrase can deny it."""
_STOP = re.compile(r"<eoa>|<eoe>|<\|[a-z_]+\|>|</answer>|<eos>|</s>")
MARKER = re.compile("|".join(pattern for _, pattern in phrases.MARKED), re.IGNORECASE | re.MULTILINE)
_FINAL = re.compile(phrases.FINAL, re.IGNORECASE)
_IS_OUR_ANSWER = re.compile(phrases.IS_OUR_ANSWER, re.IGNORECASE)
_CHOSEN = re.compile("|".join(pattern for _, pattern in phrases.CHOSEN), re.IGNORECASE)
_CALLED_RIGHT = re.compile("|".join(pattern for _, pattern in phrases.CALLED_RIGHT), re.IGNORECASE)
_SHOWN = [re.compile(pattern, re.MULTILINE) for _, pattern in phrases.SHOWN]
SENTENCE_END = re.compile(r"(?<=[^\d\s])[.!?](?=\s+[A-Z*\"'(<]|\s*$)|(?<=\d)\.(?=\s+[A-Z*\"'(<]|\s*$)|[。！？]|\n\s*\n")
MATH = re.compile(
    r"(?<!\\)\$\$((?:[^$\\]|\\.|\\\n)+)\$\$|(?<!\\)\$((?:[^$\n\\]|\\.)+)\$"
    r"|\\\[((?:[^\\]|\\(?![\[\]]))+)\\\]|\\\(([^\n]+?)\\\)"
)
_BOLD = re.compile(r"\*\*([^*\n]{1,200})\*\*")
_NUMBER = re.compile(r"(?<![\w.\\/^_])[-+]?\$?\d[\d,]*(?:\.\d+)?(?:/\d+)?(?![A-Za-z\d_/^])")
_NUMBER_IN_CHINESE = re.compile(r"(?<![A-Za-z0-9.\\/^_])[-+]?\$?\d[\d,]*(?:\.\d+)?(?:/\d+)?(?![A-Za-z\d_/^])")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_LEADING = re.compile(
    r"(\\?\$? ?-?\d+(?:,\d{3})*(?:\.\d+)?%?)"
    r"(?: +(?!(?:and|or|to|x|times|plus|minus|by|mod|sqrt|pi|log|ln|sin|cos|tan)\b)[A-Za-z(]| \d+ [a-z]{3}|[.,] )"
)
_PREPOSITION = re.compile(r" (?:in|per|from|for|on|at|each|every|when|after|before|with|left|of) ")
_COMPOUND = re.compile(r"\d [A-Za-z]+,? and (?:[a-z]+ )?\d")
"""Two quantities that are one value: 4 dollars and 50 cents."""
_WORD = re.compile(r"\b(?!(?:sqrt|pi|log|ln|sin|cos|tan|exp|arctan|binom)\b)[A-Za-z]{2,}")
"""A word that is no name of a function: `3 + sqrt(2)` is a formula and no sentence."""
_GIVEN = re.compile(r"\b(?:the|these|those|all|both|his|her|their|its|other|first|last|every) +\Z", re.IGNORECASE)
"""Before a number: it is one that the sentence takes as known ("the 12 students share equally")."""
_CONJUNCTIONS = frozenset({"and", "or"})
_AFTER_COPULA = re.compile(r".*(?:\b(?:is|are|equals|be)\b|为|是) *", re.DOTALL)
_SUBSTANCE = re.compile(r"[\w\\<>\u2190-\u2bff]")
_ANSWER_LIKE = re.compile(
    r"[\s*$(\[{]*(?:[-+−±<>≤≥]?\s*[\d.√π∞½¼¾]|\\|\$|(?-i:[A-Z])(?![\w'])(?! [a-z])"
    r"|(?:yes|no|true|false|none|zero|one|two)\b|[是否对错])",
    re.IGNORECASE,
)
"""How a value begins, where prose behind "the answer is" does not ("the answer is consistent with …")."""
_JSON_OBJECT = re.compile(r"```(?:json)?\s*(\{.*\})\s*```\s*\Z|\A\s*(\{.*\})\s*\Z", re.DOTALL)
_JSON_KEYS = ("final_answer", "answer", "result", "最终答案", "答案")
_EXCLAMATION = re.compile(r"(?<=\d)!+$")


# --- markers


def marked_answer(text: str) -> str | None:
    """What stands behind the last marker that something stands behind, unless the marker is denied or supposed."""
    found = marked_sentence(text)
    return None if found is None else found[0]


def marked_sentence(text: str) -> tuple[str, str] | None:
    """As `marked_answer`, with the rest of the sentence that the answer was taken from."""
    last = max(text.rfind(keyword) for keyword in phrases.MARKED_KEYWORDS)
    if last < 0:
        return None
    return _marked_from(text, max(0, last - _LOOK_BACK)) or _marked_from(text, 0)


def _marked_from(text: str, start: int) -> tuple[str, str] | None:
    marked: list[tuple[int, int, str | None]] = [(m.start(), m.end(), None) for m in MARKER.finditer(text, start)]
    marked += [(m.start(), m.start(), m["value"]) for m in _IS_OUR_ANSWER.finditer(text, start)]
    for begin, end, value in sorted(marked, key=lambda found: found[1])[-TRIES:][::-1]:
        if DENIED_BEFORE.search(text, max(0, begin - _BEFORE), begin):
            continue
        sentence = value if value is not None else _span_after(text, end)
        answer = value if value is not None else clean_value(sentence)
        if answer and _SUBSTANCE.search(answer):
            return answer, sentence
    return None


def superseding_answer(tail: str) -> str | None:
    """What a marker behind the last box gives in its place; None where nothing does.

    A "final answer" may have any value, another marker one that looks like an answer and not like a sentence about it.
    """
    final = None
    for final in _FINAL.finditer(tail):  # noqa: B007 - the last match is what is wanted
        pass
    if final is not None:
        answer = clean_value(_span_after(tail, final.end()))
        if answer and _SUBSTANCE.search(answer):
            return answer
    if not any(keyword in tail for keyword in phrases.MARKED_KEYWORDS):
        return None
    for marker in [*MARKER.finditer(tail)][::-1][:TRIES]:
        if DENIED_BEFORE.search(tail, max(0, marker.start() - _BEFORE), marker.start()):
            continue
        span = _span_after(tail, marker.end())
        if _ANSWER_LIKE.match(span):
            return clean_value(span)
    return None


def tagged_text(text: str) -> str | None:
    """The content of the last <answer> tag, closed or not; None without one."""
    start = text.rfind("<answer>")
    if start < 0:
        return None
    content = text[start + len("<answer>") :].split("</answer>", 1)[0].strip()
    return content or None


def json_answer(text: str) -> str | None:
    """The answer in a completion that is, or ends in, one JSON object; None for any other."""
    if len(text) > MAX_JSON or "{" not in text or (match := _JSON_OBJECT.search(text)) is None:
        return None
    try:
        found = json.loads(match[1] or match[2])
    except (ValueError, RecursionError):
        return None
    values = {key.lower().replace(" ", "_"): value for key, value in found.items()} if isinstance(found, dict) else {}
    for key in _JSON_KEYS:
        if (value := values.get(key)) is not None:
            return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return None


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
    return _EXCLAMATION.sub("", line.strip()) if "$" not in line and "\\" not in line else line.strip()


def _one_line(text: str) -> str:
    return text.replace("\n", " ")


# --- the value within the words behind a marker


def clean_value(span: str) -> str:
    """The answer within the words behind a marker: the one formula, the bold text, or the number of the sentence.

    What qualifies the value (a sign, a bound, a magnitude, a condition) stays with it.
    """
    if (clause := phrases.CLAUSE.search(span)) and clause.start() > 0 and span[: clause.start()].count("$") % 2 == 0:
        span = span[: clause.start()]
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
    start = _qualified_from(span, match.start())
    if start < match.start() or phrases.QUALIFIES_BEHIND.match(span, match.end()):
        return span[start:]
    if before or len(words) > SENTENCE_WORDS:
        return content.rsplit("\\approx", 1)[0] if "\\approx" in content else content
    return span


def _one_number(span: str) -> str:
    """A span without formulas: the number that leads it, or the only number of a sentence."""
    words = _WORD.findall(span)
    if _CHINESE.search(span):
        numbers = list(_NUMBER_IN_CHINESE.finditer(span))
        return span[_qualified_from(span, numbers[0].start()) :] if len(numbers) == 1 else span
    if not set(words) - _CONJUNCTIONS:  # "3, 2 and 1" is a list, where "3, because …" is one number and a sentence
        return span
    leading = _LEADING.match(span)
    if leading and not _COMPOUND.match(span) and not phrases.QUALIFIES_BEHIND.match(span, leading.end(1)):
        if len(words) >= SENTENCE_WORDS or _PREPOSITION.search(span) or len(_NUMBER.findall(span)) > 1:
            return leading[1]
        return span
    if len(words) >= SENTENCE_WORDS:
        numbers = list(_NUMBER.finditer(span))
        if len(numbers) == 1:
            return _whole_value(span, numbers[0].start(), numbers[0].end())
    return span


def _qualified_from(text: str, start: int) -> int:
    """Where a value begins with the words before it that are part of it."""
    while found := phrases.QUALIFIES_BEFORE.search(text, max(0, start - _BEFORE), start):
        start = found.start()
    return start


def _whole_value(text: str, start: int, end: int) -> str:
    """A value in a sentence with what qualifies it on either side; behind it, all of the rest where anything does."""
    begin = _qualified_from(text, start)
    return text[begin:] if phrases.QUALIFIES_BEHIND.match(text, end) else text[begin:end]


# --- options


def chosen_letters(text: str) -> str | None:
    """The letters of the option that a text chooses, calls right, or shows alone; denied and supposed ones are none."""
    text = text[-MAX_LETTER_SCAN:]
    for pattern in (_CHOSEN, _CALLED_RIGHT):
        if (letters := _last_affirmed(pattern, text)) is not None:
            return letters
    for pattern in _SHOWN:
        found = list(pattern.finditer(text))
        if found and len({match[1] for match in found}) == 1 and not _is_denied(text, found[-1].span(1)):
            return str(found[-1][1])
    return None


def _last_affirmed(pattern: re.Pattern[str], text: str) -> str | None:
    """The letters of a pattern's last match that nothing around it denies."""
    for match in [*pattern.finditer(text)][-LETTER_TRIES:][::-1]:
        name = match.lastgroup or ""
        denied = DENIED_BEFORE.search(text, max(0, match.start() - _BEFORE), match.start(name))
        if not denied and not DENIED_BEHIND.match(text, match.end(name)):
            return match[name]
    return None


def _is_denied(text: str, span: tuple[int, int]) -> bool:
    return DENIED_BEHIND.match(text, span[1]) is not None


# --- the end of a text that marks nothing


def concluded_answer(text: str) -> str | None:
    """The formula or bold text that ends the last sentence, if that sentence concludes or is the only one."""
    text = COURTESY.sub("", text[-MAX_SPAN:])
    sentences = [part for part in SENTENCE_END.split(text) if part and part.strip(" \n*.<>/")]
    last = sentences[-1].strip() if sentences else ""
    concludes = CONCLUDES.search(last)
    if not last or HEDGE.search(last) or not (concludes or len(sentences) == 1):
        return None
    pieces = [*MATH.finditer(last), *_BOLD.finditer(last)]
    if not pieces:
        return _concluded_number(last)
    piece = max(pieces, key=lambda match: match.end())
    content = next(str(group) for group in piece.groups() if group is not None)
    if len(last[piece.end() :].split()) > SENTENCE_WORDS:
        return None
    is_named = concludes is not None and len(pieces) == 1 and "=" in content  # "Therefore $x = 42$"
    if not is_named and not COPULA.search(last[: piece.start()]):
        return None
    start = _qualified_from(last, piece.start())
    if start < piece.start() or phrases.QUALIFIES_BEHIND.match(last, piece.end()):
        return last[start:].replace("**", "")
    return content


def _concluded_number(sentence: str) -> str | None:
    """The only number of a sentence that concludes: anywhere behind "therefore", behind a verb after "so"."""
    numbers = list(_numbers(sentence))
    if len(numbers) != 1:
        return None
    number = numbers[0]
    if _GIVEN.search(sentence, max(0, number.start() - 10), number.start()):
        return None
    opens = re.match(r"\s*(?:so|the (?:total|sum|result|value)|综上|所以|因此)\b|综上|所以", sentence, re.IGNORECASE)
    if THEREFORE.search(sentence) or (opens and COPULA.search(sentence[max(0, number.start() - 24) : number.start()])):
        return _whole_value(sentence, number.start(), number.end())
    return None


def _numbers(sentence: str) -> Iterator[re.Match[str]]:
    pattern = _NUMBER_IN_CHINESE if _CHINESE.search(sentence) else _NUMBER
    return pattern.finditer(sentence)
