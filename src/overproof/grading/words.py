"""Answers in words: when two of them say the same, and which ones no rule should judge.

Only spelling is compared (case, articles, punctuation, number words, a short table of set phrases). What two sentences
mean is not decided here: a reference longer than `SHORT_WORDS` is prose.

    >>> same_words("No solution.", "no solutions")
    True
    >>> same_words("twelve", "12")
    True
    >>> is_prose("Petya will receive the last token.")
    True
"""

from __future__ import annotations

import re

from overproof.grading.spelling import spell

SHORT_WORDS = 3
"""A reference of at most this many words (or twice as many Chinese characters) can be matched; more is prose."""

_NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_HAN_DIGITS = "零一二三四五六七八九"


def _number_words() -> dict[str, str]:
    """One word → digits: zero … ninety-nine, hundred; 零 … 九十九, 两, 百."""
    english = _NUMBER_WORDS.split()
    words = {word: value for value, word in enumerate(english)} | {"hundred": 100, "两": 2, "百": 100, "一百": 100}
    for tens, word in enumerate(_TENS.split(), 2):
        words[word] = 10 * tens
        words |= {f"{word}-{unit}": 10 * tens + value for value, unit in enumerate(english[1:10], 1)}
    for value in range(100):
        tens, ones = divmod(value, 10)
        head = "" if not tens else "十" if tens == 1 else f"{_HAN_DIGITS[tens]}十"
        words[head + (_HAN_DIGITS[ones] if ones or not tens else "")] = value
    return {word: str(value) for word, value in words.items()}


_NUMBERS = _number_words()
_PHRASES = {
    "nosolution": ("no solution", "no solutions", "no real solution", "no real solutions", "none", "no answer", "无解",
                   "has no solution", "there is no solution", "there are no solutions", "no such number", "\\emptyset",
                   "does not exist", "do not exist", "dne", "doesnt exist", "不存在", "undefined", "not exist",
                   "empty set", "空集"),
    "infinite": ("infinitely many", "infinite", "infinity", "infinitely many solutions", "infinite number of solutions",
                 "infinitely many times", "无穷多", "无数", "无数个", "无穷多个", "\\infty", "an infinite number"),
    "yes": ("yes", "true", "correct", "是", "对", "正确", "能", "可以", "√", "\\sqrt"),
    "no": ("no", "false", "incorrect", "否", "不是", "错", "错误", "不能", "不可以", "×", "\\times"),
    "reals": ("all real numbers", "all reals", "\\mathbb{r}", "all real x", "全体实数", "实数集", "r"),
}  # fmt: skip
_PHRASE_OF = {phrase: name for name, phrases in _PHRASES.items() for phrase in phrases}
DENIALS = frozenset(
    {
        "not",
        "no",
        "never",
        "wrong",
        "incorrect",
        "except",
        "maybe",
        "unless",
        "neither",
        "nor",
        "cannot",
        "isn't",
        "isnt",
    }
)
"""Words that turn what they stand with into something else than an answer."""
_TEXT_COMMAND = re.compile(r"\\text *\{([^{}]*)\}")
_BRACES = re.compile(r"[{}]")
_NOISE = re.compile(r"[.,;:!?\"'`*()\[\]]")
_ARROW = re.compile(r"\\(?:to|Rightarrow)(?![a-z])|-+>")
_ARTICLES = re.compile(r"\b(?:the|a|an)\b")
_SPACES = re.compile(r"\s+")
_HAN = re.compile("[\u4e00-\u9fff]")
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")


def plain_words(text: str) -> str:
    """The text in lower case without LaTeX wrapping, articles and punctuation."""
    text = _ARROW.sub(" ", _TEXT_COMMAND.sub(r" \1 ", spell(text)))
    text = _NOISE.sub(" ", _BRACES.sub(" ", text)).lower()
    text = _SPACES.sub(" ", _ARTICLES.sub(" ", text)).strip()
    return " ".join(_NUMBERS.get(word, word) for word in text.split(" "))


def same_words(reference: str, answer: str) -> bool:
    """Whether two texts are spelled the same or are the same set phrase."""
    one, other = plain_words(reference), plain_words(answer)
    if not one or not other:
        return False
    if one.replace(" ", "") == other.replace(" ", ""):
        return True
    phrase = phrase_of(reference)
    return phrase is not None and phrase == phrase_of(answer)


def number_in_words(text: str) -> str | None:
    """The digits of a number written as one word; None for anything else."""
    words, letters = plain_words(text), _TEXT_COMMAND.sub(r"\1", text).replace("-", "")
    return words if words.isdigit() and letters.isalpha() else None


def phrase_of(text: str) -> str | None:
    """Which set phrase (no solution, infinitely many, yes, no) a text is, if any."""
    words = spell(text).lower().strip(" .!")
    return _PHRASE_OF.get(words) or _PHRASE_OF.get(plain_words(text))


def is_words(text: str) -> bool:
    """Whether a text is made of words rather than of mathematics."""
    spelled = spell(text)
    bare = _TEXT_COMMAND.sub(r" \1 ", spelled)
    if _HAN.search(bare):
        return True
    letters = sum(len(word) for word in _WORD.findall(re.sub(r"\\[A-Za-z]+", " ", bare)) if len(word) > 2)
    return letters > 0 and letters * 2 >= len(re.sub(r"[\s{}]", "", bare))


def is_prose(text: str) -> bool:
    """Whether a text is a phrase longer than rules can match: a sentence, a proof, an explanation."""
    bare = _TEXT_COMMAND.sub(r" \1 ", spell(text))
    han = len(_HAN.findall(bare))
    return len(_WORD.findall(re.sub(r"\\[A-Za-z]+", " ", bare))) > SHORT_WORDS or han > 2 * SHORT_WORDS
