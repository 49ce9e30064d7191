r"""Words that mean something in an answer: numbers in words, joints, conditions, comparisons, set phrases.

Only this module knows words. Each table says what a reader may conclude from the word; a word in none of them is a noun
or a name, and what it does to a value is for `grammar` to place.

>>> number_of("三分之二"), number_of("两千"), number_of("twenty-one")
(Fraction(2, 3), Fraction(2000, 1), Fraction(21, 1))
>>> phrase_of("No solution.")
'nosolution'
"""

from __future__ import annotations

import re
from fractions import Fraction

from overproof.grading.chinese import NUMERAL, han_fraction
from overproof.grading.spelling import spell

# Between two items of a list.
JOINTS = {
    ",": "list", ";": "list", "and": "and", "or": "or", "\\wedge": "and", "\\vee": "or", "或": "or", "或者": "or",
    "和": "and", "且": "and", "与": "and", "及": "and", "以及": "and", "\\\\": "list", "&": "and",
}  # fmt: skip
# What follows is a condition on what stands before.
GUARDS = frozenset({
    "where", "for", "if", "when", "with", "such", "provided", "given", "unless", "otherwise", "whenever", "as", "iff",
    "其中", "当", "若", "如果", "at", "mod", "modulo", "counting", "including", "excluding",
})  # fmt: skip
# Comparisons in words, before a value; the relation sign that they stand for.
BOUNDS = {
    ("at", "least"): ">=", ("no", "less", "than"): ">=", ("not", "less", "than"): ">=", ("at", "most"): "<=",
    ("no", "more", "than"): "<=", ("more", "than"): ">", ("greater", "than"): ">", ("over",): ">", ("above",): ">",
    ("less", "than"): "<", ("fewer", "than"): "<", ("below",): "<", ("under",): "<", ("至少",): ">=", ("至多",): "<=",
    ("大于",): ">", ("小于",): "<", ("最少",): ">=", ("最多",): "<=", ("超过",): ">", ("不少于",): ">=",
    ("不超过",): "<=", ("不到",): "<", ("不足",): "<", ("多于",): ">", ("少于",): "<", ("高于",): ">", ("低于",): "<",
    ("不多于",): "<=", ("不大于",): "<=", ("不高于",): "<=", ("不小于",): ">=", ("不低于",): ">=",
    ("不是",): "!=", ("不等于",): "!=", ("not",): "!=", ("大于等于",): ">=", ("小于等于",): "<=",
}  # fmt: skip
NEARLY = frozenset(
    {"about", "approximately", "approx", "roughly", "around", "nearly", "约", "约为", "大约", "约等于", "近似"}
)
EQUALS = frozenset({"is", "are", "equals", "equal", "was", "were", "为", "是", "等于", "即", "be"})
MINUS = frozenset({"minus", "negative", "负", "零下"})
# Labels that name nothing but the answer itself.
LEAD_INS = frozenset({
    "answer", "the answer", "final answer", "the final answer", "answers", "the answers", "result", "the result",
    "答案", "最终答案", "the value", "value", "答", "故答案", "solution", "the solution", "therefore", "so", "thus",
    "hence",
        "solution set", "the solution set", "solutions", "the solutions", "解集", "final answers", "the final answers",
})  # fmt: skip
# Words that change what a value says wherever they stand; a note with one of them is no mere noun.
CHANGING = frozenset({
    "not", "no", "never", "none", "neither", "nor", "or", "and", "but", "except", "unless", "wrong", "incorrect",
    "rejected", "reject", "extraneous", "discarded", "discard", "invalid",
    "maybe", "perhaps", "possibly", "if", "when", "where", "otherwise", "more", "less", "fewer", "greater", "least",
    "most", "than", "minimum", "maximum", "min", "max", "only", "between", "to", "from", "vs", "versus", "times",
    "twice", "half", "double", "triple", "dozen", "hundred", "thousand", "million", "billion", "trillion", "is", "are",
    "was", "were", "be", "per", "over", "under", "above", "below", "within", "without", "plus", "minus", "negative",
    "positive", "false", "true", "odd", "even", "remainder", "r", "mod", "modulo", "base", "squared", "cubed", "any",
    "every", "each", "all", "both", "some", "same", "other", "another", "bc", "ad", "until", "since", "with", "cannot",
    "isn't", "aren't", "rather", "instead", "about", "multiplicity", "either", "power", "root", "at", "on",
    "by", "percentage", "halves", "thirds", "fourths", "fifths", "sixths", "sevenths", "eighths", "ninths", "tenths",
    "hundredths", "thousandths", "millionths", "billionths", "tens", "hundreds", "thousands", "millions", "billions",
    "factorial", "doubled", "tripled", "quadrupled", "halved", "reciprocal", "inverse", "inverted", "opposite",
    "negated", "repeating", "recurring", "binary", "octal", "hexadecimal", "hex", "rounded", "truncated", "choose",
    "conjugate", "complement", "pair", "pairs", "couple", "couples",
}) - {"times"}  # fmt: skip
# Words that say which way a value goes: they may stand behind it where the question, or the other side, says them too.
DIRECTIONS = frozenset({
    "before", "after", "ago", "later", "early", "late", "increase", "decrease", "gain", "loss", "profit", "north",
    "south", "east", "west", "left", "right", "up", "down", "upward", "downward", "clockwise", "counterclockwise",
    "ahead", "behind", "out", "upwards", "downwards", "now", "new", "times",
})  # fmt: skip
# Before "of": what is computed from the value that follows ("the square root of 5").
COMPUTED = frozenset({
    "root", "roots", "square", "squares", "cube", "cubes", "reciprocal", "inverse", "opposite", "negative", "half",
    "third", "quarter", "double", "triple", "factorial", "log", "logarithm", "power", "powers", "multiple", "multiples",
    "percent", "percentage", "digit", "digits", "sum", "product", "difference", "ratio", "divisor", "divisors",
    "factor", "factors", "complement", "square-root",
})  # fmt: skip
DENYING_HAN = re.compile("[不非未没第倍约超]|[低高]于|[下降减]|^[近无]|[将接]近|至[少多]|元前")
"""In a Chinese label before a value: it is denied, bounded or an ordinal."""
CHANGING_HAN = re.compile(
    "[不非无没舍或和与且至到以上下超约第若当则是为之间约多少余倍半几共均除外东南西北左右前后增减亏盈的方根]"
    "|^成$|^[点分][零一二三四五六七八九十百]"
)

_ENGLISH = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
UNITS_IN_WORDS = {word: value for value, word in enumerate(_ENGLISH)} | {
    word: 10 * value for value, word in enumerate(_TENS, 2)
}
MAGNITUDES = {
    "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12, "score": 20,
    "万": 10**4, "亿": 10**8, "百万": 10**6, "千万": 10**7, "万亿": 10**12, "dozens": 12, "千": 1000, "百": 100,
    "打": 12,
}  # fmt: skip
LOWERED, RAISED = "decrease", "increase"
_TURNS = {
    LOWERED: ("decreas(?:e|ed|es)|reduc(?:ed|tion)|dropp?(?:ed|s)?|falls?|fell|fallen|declined?|loss|lost|down",
              "减少|下降|降低|下跌|亏损|[减降跌亏]"),
    RAISED: ("increas(?:e|ed|es)|r[io]sen?|rises|grew|growth|gain(?:ed)?|profit|up",
             "增加|上升|提高|增长|升高|上涨|盈利|[增升涨盈]"),
}  # fmt: skip
"""Words for a change downwards and upwards, which say what a sign says, in English and in Chinese."""
TURN_OF_CHANGE = {
    turn: re.compile(rf"\b(?:{words})\b|{characters}", re.IGNORECASE) for turn, (words, characters) in _TURNS.items()
}
CHANGE = re.compile(
    rf"(?:(?:an?|it|has) )?(?:{'|'.join(f'(?P<{turn}>{words}|{han})' for turn, (words, han) in _TURNS.items())})"
    r"(?: by| of|了)? ?(?P<amount>(?:[¤€£¥]|\d|\\frac).*)",
    re.IGNORECASE,
)
"""An amount behind a word for a change: decreased by 25%, 减少了3. To what it changed is another thing."""
COMPASS = {
    "north": ("n", "北"), "south": ("s", "南"), "east": ("e", "东"), "west": ("w", "西"), "north east": ("ne", "东北"),
    "north west": ("nw", "西北"), "south east": ("se", "东南"), "south west": ("sw", "西南"),
}  # fmt: skip
"""Directions, with their letters, of which a single one may as well be a name, and their Chinese names."""
_PHRASES = {
    "nosolution": ("no solution", "no solutions", "no real solution", "no real solutions", "none", "no answer", "无解",
                   "has no solution", "there is no solution", "there are no solutions", "no such number", "\\emptyset",
                   "does not exist", "do not exist", "dne", "doesnt exist", "不存在", "undefined", "not exist",
                   "empty set", "空集", "doesn't exist", "no limit", "limit does not exist", "极限不存在"),
    "impossible": ("impossible", "not possible", "cannot be done", "can't be done", "不可能", "无法做到", "做不到"),
    "possible": ("possible", "可能"),
    "infinite": ("infinitely many", "infinite", "infinity", "infinitely many solutions", "infinite number of solutions",
                 "infinitely many times", "无穷多", "无数", "无数个", "无穷多个", "\\infty", "an infinite number",
                 "diverges to infinity", "tends to infinity", "goes to infinity", "趋于无穷", "趋于无穷大"),
    "yes": ("yes", "true", "correct", "是", "对", "正确", "能", "可以", "√", "\\sqrt", "y", "t"),
    "no": ("no", "false", "incorrect", "否", "不是", "错", "错误", "不能", "不可以", "×", "\\times", "n", "f",
           "不正确"),
    **{
        name: (name, f"on {name}", *short.split(), *(f"{week}{day}" for week in ("星期", "周", "礼拜") for day in han))
        for name, short, han in zip(
            ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
            ("mon", "tue tues", "wed weds", "thu thur thurs", "fri", "sat", "sun"),
            ("一", "二", "三", "四", "五", "六", "日天"),
            strict=True,
        )
    },
    **{
        name: (name, f"in {name}", name[:3], f"{han}月", f"{place}月")
        for place, (name, han) in enumerate(
            zip(
                ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
                 "november", "december"),
                ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二"),
                strict=True,
            ),
            1,
        )
    },
    **{
        f"{turn}creasing": (f"{turn}creasing", f"{turn}creasing function", f"monotonically {turn}creasing",
                            f"monotone {turn}creasing", f"is {turn}creasing", f"{han}函数", f"单调递{han}",
                            f"单调{han}", f"递{han}", f"单调{han}函数", f"单调递{han}函数", f"是{han}函数")
        for turn, han in (("in", "增"), ("de", "减"))
    },
    "odd function": ("odd function", "奇函数", "是奇函数", "is odd function"),
    "even function": ("even function", "偶函数", "是偶函数", "is even function"),
    **{
        name: (name, name.replace(" ", ""), name.replace(" ", "-"), *(short,)[len(short) == 1 :],
               *(f"{han}{behind}" for behind in ("", "方", "方向", "面", "边")))
        for name, (short, han) in COMPASS.items()
    },
    "diverges": ("diverges", "divergent", "does not converge", "diverge", "it diverges", "is divergent", "发散"),
    "converges": ("converges", "convergent", "converge", "it converges", "is convergent", "收敛"),
    "reals": ("all real numbers", "all reals", "\\mathbb{r}", "all real x", "全体实数", "实数集", "实数"),
}  # fmt: skip
_PHRASE_OF = {phrase: name for name, phrases in _PHRASES.items() for phrase in phrases}
_STATED = re.compile(
    r"^(?:it|this|that|(?:the|this|that) (?:statement|claim|assertion|answer|proposition|sentence|equation)) is "
)
_TEXT_COMMAND = re.compile(r"\\text *\{([^{}]*)\}")
_NOISE = re.compile(r"[.,;:!?\"'`*()\[\]{}]")
_ARTICLES = re.compile(r"\b(?:the|a|an)\b")
_SPACES = re.compile(r"\s+")
_HAN = re.compile("[\u4e00-\u9fff]")
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")
_COMMAND = re.compile(r"\\[A-Za-z]+")
SHORT_WORDS = 3
"""A reference of at most this many words (or twice as many Chinese characters) can be matched; more is prose."""


def number_of(word: str) -> Fraction | None:
    """The number that one word is: seven, twenty-one, 三分之二, 两千, 百分之五十. None for any other word."""
    if word[0] >= "\u4e00" or word[0] == "〇":
        return han_fraction(word) if NUMERAL.match(word.removeprefix("负")) else None
    low = word.lower()
    head, _, tail = low.partition("-")
    if head in _TENS and tail in _ENGLISH[1:10]:
        return Fraction(UNITS_IN_WORDS[head] + UNITS_IN_WORDS[tail])
    value = UNITS_IN_WORDS.get(low)
    return None if value is None else Fraction(value)


_PARTS = {
    "half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "tenth": 10, "hundredth": 100,
}  # fmt: skip
_ORDINALS = {
    name: place
    for place, name in enumerate(
        ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"], 1
    )
}


_ROMAN_PLACES = {"i": 1, "ii": 2, "iii": 3, "iv": 4}
"""Roman numbers as they count quadrants and parts."""


def place_of(word: str) -> int | None:
    """The place that a word counts: second, 2nd, ii; None for any other word."""
    bare = re.sub(r"^(\d+)(?:st|nd|rd|th)$", r"\1", word)
    return int(bare) if bare.isdecimal() else _ORDINALS.get(word) or _ROMAN_PLACES.get(word)


def says_none(text: str) -> bool:
    """Whether words say that there is none of something: none, no real roots, 没有实数根."""
    return phrase_of(text) == "nosolution" or _NONE.match(text) is not None


def han_place(text: str) -> int | None:
    """The place that a Chinese text begins with: 2 of 第二象限."""
    found = _HAN_PLACE.match(text)
    value = None if found is None else number_of(found[1])
    return None if value is None else int(value)


def describes(text: str) -> bool:
    """Whether words may describe several values: all of them, powers of two, 所有奇数."""
    return len(text.split()) > 1 or len(_HAN.findall(text)) > 2


_HAN_PLACE = re.compile(r"第([一二三四五六七八九十]{1,3})")
_NONE = re.compile(r"(?:no|zero|none of|not any) [a-z ]+$|nobody$|nothing$|没有|无(?!穷|数|限)|零个", re.IGNORECASE)


def fraction_of_words(text: str) -> Fraction | None:
    """The number that a whole text of English words is, parts of one included: three fourths, two and a half, first."""
    words = text.lower().replace("-", " ").split()
    if len(words) == 1 and words[0] in _ORDINALS:
        return Fraction(_ORDINALS[words[0]])
    if words[:2] == ["half", "a"] and words[2:] and (whole := number_of_words(["one", *words[2:]])) is not None:
        return whole / 2
    if "point" in words[1:-1]:
        return _decimal_of_words(words)
    part = _PARTS.get(words[-1].removesuffix("s") if words[-1] != "halves" else "half") if words else None
    if part is None:
        return number_of_words(text.lower().split()) if words else None
    *before, _ = words
    if before and before[-1] in {"a", "an"}:
        before[-1] = "one"
    entire, _, top = " ".join(before).rpartition(" and ")
    values = [
        number_of_words(piece.split()) if piece else default
        for piece, default in ((entire, Fraction(0)), (top, Fraction(1)))
    ]
    if values[0] is None or values[1] is None or (not before and part > 2):
        return None
    return values[0] + values[1] / part


def _decimal_of_words(words: list[str]) -> Fraction | None:
    """Five point two, zero point zero five: a whole number and the digits behind its point."""
    place = words.index("point")
    whole, digits = number_of_words(words[:place]), [number_of(word) for word in words[place + 1 :]]
    if whole is None or any(digit is None or digit >= 10 for digit in digits):
        return None
    return whole + sum((digit / 10**at for at, digit in enumerate(digits, 1) if digit is not None), Fraction(0))


def number_of_words(words: list[str]) -> Fraction | None:
    """The number that several English words are together: two hundred and five, seven hundred thousand."""
    total = current = Fraction(0)
    seen = False
    if len(words) > 1 and words[0] in {"a", "an"} and words[1] in MAGNITUDES:
        words = ["one", *words[1:]]
    for word in words:
        if word == "and" and seen:
            continue
        value, magnitude = number_of(word), MAGNITUDES.get(word)
        if magnitude is not None and word.isascii() and (seen or word == "hundred"):
            current = (current or Fraction(1)) * magnitude
            if magnitude > 100:
                total, current = total + current, Fraction(0)
        elif value is not None:
            current += value
        else:
            return None
        seen = True
    return total + current if seen else None


def folded(text: str) -> str:
    """A text with its words in lower case; letters that may stand for quantities (Mg, kT, AaBb) keep their case."""
    return _LETTERS.sub(lambda run: run[0].lower() if is_word(run[0]) else run[0], text)


_LETTERS = re.compile(r"(?<![\\A-Za-z])[A-Za-z]+")
_FEW_LETTERS = frozenset({
    "no", "ok", "am", "pm", "of", "or", "is", "if", "in", "on", "at", "to", "by", "it", "he", "we", "an", "as", "be",
    "so", "and", "the", "not", "for", "yes", "all", "any", "but", "are", "was",
})  # fmt: skip
_VOWEL = re.compile("[aeiouy]", re.IGNORECASE)


def is_word(run: str) -> bool:
    """Whether a run of letters is a word of a language, and no product of variables."""
    if run.lower() in _FEW_LETTERS:
        return True
    return len(run) > 2 and (run.islower() or run.istitle() or run.isupper()) and _VOWEL.search(run) is not None


def plain_words(text: str) -> str:
    """The text in lower case without LaTeX wrapping, articles and punctuation; numbers in words as digits."""
    text = _TEXT_COMMAND.sub(r" \1 ", spell(text))
    text = folded(_NOISE.sub(" ", text)).replace("\\to", " ").replace("\\rightarrow", " ").replace("->", " ")
    text = _SPACES.sub(" ", _ARTICLES.sub(" ", text)).strip()
    return " ".join(_as_digits(word) for word in text.split(" "))


def _as_digits(word: str) -> str:
    value = number_of(word) if word else None
    return word if value is None else str(value)


def same_words(reference: str, answer: str) -> bool:
    """Whether two texts are spelled the same or are the same set phrase."""
    one, other = plain_words(reference), plain_words(answer)
    if not one or not other:
        return False
    if one.replace(" ", "") == other.replace(" ", ""):
        return True
    phrase = phrase_of(reference)
    return phrase is not None and phrase == phrase_of(answer)


def phrase_of(text: str) -> str | None:
    """Which set phrase (no solution, infinitely many, yes, no) a text is, if any."""
    words = _STATED.sub("", spell(text).lower().strip(" .!"))
    return _PHRASE_OF.get(words) or _PHRASE_OF.get(plain_words(text))


def is_words(text: str) -> bool:
    """Whether a spelled text is made of words rather than of mathematics."""
    bare = _COMMAND.sub(" ", _TEXT_COMMAND.sub(r" \1 ", text))
    if _HAN.search(bare):
        return True
    letters = sum(len(word) for word in _WORD.findall(bare) if len(word) > 2)
    return letters > 0 and letters * 2 >= len(re.sub(r"[\s{}]", "", bare))


def is_prose(text: str) -> bool:
    """Whether a spelled text is a phrase longer than rules can match: a sentence, a proof, an explanation."""
    bare = _COMMAND.sub(" ", _TEXT_COMMAND.sub(r" \1 ", text))
    han = len(_HAN.findall(bare))
    return len(_WORD.findall(bare)) > SHORT_WORDS or han > 2 * SHORT_WORDS
