r"""Spelled text → tokens: numerals, names, words, commands and signs, with nothing left out.

A run of letters is a function, a name or a word: `AB` is one name, `xy` two, `km` a word. Text in `\text{}` is upright,
so that its letters are words and units before they are variables.

>>> [(token.kind, token.text) for token in tokens_of("2xy + \\text{ km}")][:-1]
[('num', '2'), ('name', 'x'), ('name', 'y'), ('sign', '+'), ('word', 'km')]
"""

from __future__ import annotations

import re
from fractions import Fraction

from overproof.grading.chinese import NO_NUMERAL, han_numeral
from overproof.grading.lexicon import (
    BOUNDS,
    EQUALS,
    GUARDS,
    JOINTS,
    MAGNITUDES,
    MINUS,
    NEARLY,
    is_word,
    number_of,
)
from overproof.grading.tree import FalseStatementError, Node, UnreadableError, number
from overproof.grading.units import UNITS

MAX_DIGITS = 20_000
MAX_PRODUCT = 4
"""A longer run of letters is no product."""

_TOKEN = re.compile(
    r"(?P<space> +)"
    r"|(?P<number>\d{1,3}(?:,\d{3})+(?![\d,]*\d)(?:\.\d+)?|\d{1,3}(?:\.\d{3})+,\d{1,2}(?!\d)"
    r"|\d+\.(?=\\(?:overline|dot)\b|\(\d)|\d+(?:\.\d+)?|\.\d+)"
    r"|(?P<text>\\text\{(?P<inner>(?:[^{}]|\{[^{}]*\})*)\})"
    r"|(?P<command>\\[A-Za-z]+)"
    r"|(?P<escape>\\[^A-Za-z])"
    r"|(?P<word>[A-Za-z]+(?:'s(?![A-Za-z])|(?<=[a-z]{3})-(?=[a-z]{3,}\b)[a-z]+)?)"
    r"|(?P<han>[\u4e00-\u9fff〇]+)"
    r"|(?P<sign>\*\*|->|:=|==|.)",
    re.DOTALL,
)
_SUBSCRIPT = re.compile(r" ?_ *(?:\{((?:[^{}]|\{[^{}]*\}){0,60})\}|([A-Za-z0-9])|(\\[A-Za-z]+))")
_PRIMES = re.compile(r"'+(?!\d)")
_RAISED = re.compile(r" *\^")
_INDEX = re.compile(r"\d+")
_JOINED_FUNCTIONS = re.compile(r"(?:(?:sin|cos|tan|cot|sec|csc|ln|log|exp|sqrt|pi)[a-zA-Z]{0,2})+")
# Short words that are as often a product of two letters: at^2, as + b.
_PRODUCTS = frozenset({"at", "as", "am", "an", "by", "do", "to", "if", "is", "in", "on", "no"})
_FOLLOWED = re.compile(r" *[A-Za-z0-9\\$(]|$")
_WORD_BESIDE = re.compile(r" [A-Za-z]{3,}")
_GLUED_FUNCTION = re.compile(r"([a-z]{1,2})(sqrt|sin|cos|tan|ln|log|exp)")
_GROUP_COMMANDS = re.compile(r"\\text|[{} ]")
_ACCENT = re.compile(r" *(?:\{((?:[^{}]|\{[^{}]*\}){0,40})\}|([A-Za-z]))")
_PLAIN_NAME = re.compile(r"(?:\\?[A-Za-z]+'*(?:_\w+)?)+")

FUNCTIONS = frozenset({
    "sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "coth", "sech", "csch", "arcsin", "arccos",
    "arctan", "arccot", "asin", "acos", "atan", "arcsinh", "arccosh", "arctanh", "asinh", "acosh", "atanh", "ln", "log",
    "exp", "abs", "floor", "ceil", "ceiling", "gcd", "lcm", "max", "min", "det", "Re", "Im", "arg", "sgn", "sign",
    "erf", "Gamma_function", "zeta_function", "cis",
})  # fmt: skip
GREEK = frozenset({
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
    "rho", "sigma", "tau", "phi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma",
    "Phi", "Psi", "Omega", "hbar", "ell", "aleph", "nabla", "partial",
})  # fmt: skip
ACCENTS = frozenset({
    "vec", "overline", "hat", "widehat", "tilde", "bar", "underline", "dot", "ddot", "mathbb", "overleftrightarrow",
    "mathscr",
})  # fmt: skip
# Commands that only say what kind of thing is named.
_PREFIXES = frozenset({"\\angle", "\\triangle", "\\odot", "\\square", "\\parallel", "\\perp", "\\cong"})
_SHORT_WORDS = frozenset({
    "the", "sum", "is", "are", "was", "of", "it", "we", "so", "no", "has", "not", "odd", "one", "two", "six", "ten",
    "yes", "all", "its", "his", "her", "day", "way", "men", "may", "can", "any", "our", "out", "per", "age", "who",
    "to", "he", "she", "be", "been", "do", "as", "at", "by", "an", "am", "pm", "a",
})  # fmt: skip
_NAMES_BY_LENGTH = sorted(FUNCTIONS | {"pi", "sqrt"}, key=len, reverse=True)
_SPECIAL_WORDS = (
    frozenset(word for words in BOUNDS for word in words)
    | GUARDS
    | EQUALS
    | NEARLY
    | MINUS
    | JOINTS.keys()
    | MAGNITUDES.keys()
)
# Chinese words that stand for themselves wherever they occur in a run of characters, longest first.
_HAN_WORDS = sorted(
    {
        word
        for word in _SPECIAL_WORDS | UNITS.keys() | {"到", "至", "以上", "以下", "个"}
        if "\u4e00" <= word[0] <= "\u9fff"
    },
    key=len,
    reverse=True,
)
_HAN_SPLIT = re.compile("(" + "|".join(_HAN_WORDS) + ")")
MAX_HAN_RUN = 40
"""A longer run of Chinese characters is prose, and one token."""


class Token:
    """One token of a text: its kind (num, name, func, word, cmd, sign, end) and its text."""

    __slots__ = ("flag", "kind", "node", "partner", "spaced", "text", "upright")

    def __init__(
        self, kind: str, text: str, *, node: Node | None = None, upright: bool = False, spaced: bool = False
    ) -> None:
        self.kind = kind
        self.text = text
        self.node = node
        self.upright = upright
        self.spaced = spaced
        self.partner = -1
        """For an opening bracket: the position of the one that closes it."""
        self.flag = ""
        """For an opening bracket: `relation` when a relation stands inside, `words` when nothing but words does."""

    def __repr__(self) -> str:
        """For messages."""
        return f"{self.kind}:{self.text}"


def tokens_of(text: str, alone: frozenset[str] = frozenset()) -> list[Token]:
    """The tokens of a spelled text, an `end` token behind the last. Raises UnreadableError on endless numerals.

    `alone` are letters that stand for themselves: a name made of them, like `RC`, is their product.
    """
    tokens: list[Token] = []
    _scan(text, tokens, alone, upright=False)
    tokens.append(Token("end", ""))
    _pair_brackets(tokens)
    return tokens


def _scan(text: str, tokens: list[Token], alone: frozenset[str], *, upright: bool) -> None:
    position, spaced = 0, False
    match = _TOKEN.match
    while (found := match(text, position)) is not None:
        kind, value, start = found.lastgroup, found[0], position
        position = found.end()
        before = len(tokens)
        if kind == "space":
            spaced = True
            continue
        if kind == "number":
            node, position = read_numeral(value, text, position)
            tokens.append(Token("num", value, node=node))
        elif kind == "word":
            position = _scan_word(value, text, position, tokens, alone, upright=upright)
        elif kind in {"text", "inner"}:
            _scan(found["inner"], tokens, alone, upright=True)
        elif kind == "command":
            position = _scan_command(value, text, position, tokens)
        elif kind == "han":
            _han_tokens(value, tokens)
        else:
            tokens.append(Token("sign", value))
        if len(tokens) > before:
            tokens[before].spaced = spaced or (kind in {"text", "inner"} and found["inner"][:1] == " ")
            spaced = kind in {"text", "inner"}
        if position <= start:
            raise UnreadableError("no progress")


def _scan_word(
    word: str, text: str, position: int, tokens: list[Token], alone: frozenset[str], *, upright: bool
) -> int:
    """Tokens of one run of letters; returns where scanning goes on."""
    if upright and word not in FUNCTIONS and not (word in {"a", "A"} and _WORD_BESIDE.match(text, position)):
        if len(word) == 1 or (word.isupper() and word not in UNITS and len(word) <= 6):
            return _name(word, text, position, tokens, upright=True)
        tokens.append(Token("word", word, upright=True))
        return position
    if len(word) == 1 and not upright:
        return _name(word, text, position, tokens)
    if word in UNITS and tokens and (tokens[-1].kind == "num" or (upright and tokens[-1].text in {"}", ")"})):
        tokens.append(Token("word", word))
        return position
    if len(word) == 2 and word[1] == "e" and _RAISED.match(text, position):
        _name(word[0], " ", 0, tokens)
        return _name("e", text, position, tokens)
    if word in FUNCTIONS or word in {"lg", "sqrt"}:
        tokens.append(Token("func", word))
        return position
    if word in GREEK:
        return _name(f"\\{word}", text, position, tokens)
    if word in {"pi", "Pi", "inf", "infty", "infinity", "Infinity", "oo"}:
        tokens.append(Token("cmd", "\\pi" if word in {"pi", "Pi"} else "\\infty"))
        return position
    if word in _PRODUCTS and not _stands_as_word(text, position, tokens):
        for letter in word[:-1]:
            _name(letter, " ", 0, tokens)
        return _name(word[-1], text, position, tokens)
    if word.lower() in _SPECIAL_WORDS or word.lower() in _SHORT_WORDS or number_of(word) is not None:
        tokens.append(Token("word", word))
        return position
    if _JOINED_FUNCTIONS.fullmatch(word):
        head = next(name for name in _NAMES_BY_LENGTH if word.startswith(name))
        tokens.append(Token("cmd", "\\pi") if head == "pi" else Token("func", head))
        rest = word[len(head) :]
        return position - len(rest)
    return _scan_letters(word, text, position, tokens, alone)


def _scan_letters(word: str, text: str, position: int, tokens: list[Token], alone: frozenset[str]) -> int:
    """Tokens of letters that are no function and no word with a meaning: a unit, a name, a product or a noun."""
    if word in UNITS:
        tokens.append(Token("word", word))
        return position
    if word.isupper() and len(word) <= 6 and set(word) <= alone:
        for letter in word[:-1]:
            _name(letter, " ", 0, tokens)
        return _name(word[-1], text, position, tokens)
    if (word.isupper() and len(word) <= 6) or (len(word) == 2 and word[0].isupper() and word[-1] not in "xyztnk"):
        return _name(word, text, position, tokens)
    if len(word) == 3 and (_WORD_BESIDE.match(text, position) or (tokens and tokens[-1].kind == "word")):
        tokens.append(Token("word", word))
        return position
    if (glued := _GLUED_FUNCTION.fullmatch(word)) is not None:
        for letter in glued[1]:
            _name(letter, " ", 0, tokens)
        tokens.append(Token("func", glued[2]))
        return position
    if (len(word) <= 3 and (word.islower() or len(word) == 2)) or (len(word) <= MAX_PRODUCT and not is_word(word)):
        for letter in word[:-1]:
            _name(letter, " ", 0, tokens)
        return _name(word[-1], text, position, tokens)
    tokens.append(Token("word", word))
    return position


def _stands_as_word(text: str, position: int, tokens: list[Token]) -> bool:
    """Whether a short word is one: what stands beside it is no sign, and a word, a number or a command follows."""
    glued = text[position - 3 : position - 2].isalnum() or text[position - 3 : position - 2] in {")", "}"}
    signed = bool(tokens) and tokens[-1].kind == "sign" and tokens[-1].text in {"=", "+", "-", "*", "/"}
    return not glued and not signed and _FOLLOWED.match(text, position) is not None


def _name(name: str, text: str, position: int, tokens: list[Token], *, upright: bool = False) -> int:
    """A name with its primes and subscripts: x', v_0, R1, λ_{red}."""
    primes = _PRIMES.match(text, position)
    if primes:
        name, position = name + primes[0], primes.end()
    if subscript := _SUBSCRIPT.match(text, position):
        index = _GROUP_COMMANDS.sub("", subscript[1] or subscript[2] or subscript[3] or "")
        name, position = f"{name}_{index}", subscript.end()
        if primes := _PRIMES.match(text, position):
            name, position = name + primes[0], primes.end()
    elif (digits := _INDEX.match(text, position)) and len(name) == 1 and not upright:
        name, position = f"{name}_{digits[0]}", digits.end()
    tokens.append(Token("name", name, upright=upright))
    return position


def _scan_command(command: str, text: str, position: int, tokens: list[Token]) -> int:
    """A command: a Greek letter is a name, an accent belongs to the name under it."""
    name = command[1:]
    if name in GREEK:
        return _name(command, text, position, tokens)
    if name in ACCENTS and (match := _ACCENT.match(text, position)):
        inner = _GROUP_COMMANDS.sub("", match[1] or match[2] or "")
        if _PLAIN_NAME.fullmatch(inner):
            return _name(f"{command}({inner})", text, match.end(), tokens)
    if name in FUNCTIONS:
        tokens.append(Token("func", name))
        return position
    tokens.append(Token("cmd", command))
    return position


OVER, WITH_PART = "分之", "又"
"""The signs of Chinese fractions: the denominator comes first, and a whole number before its part."""


def _han_tokens(run: str, tokens: list[Token]) -> None:
    """A run of Chinese characters, split where a joint, a unit, a comparison, a numeral or a fraction's sign stands."""
    if len(run) > MAX_HAN_RUN:
        tokens.append(Token("word", run, upright=True))
        return
    place = 0
    while place < len(run):
        rest = run[place:]
        if (sign := _fraction_sign(rest, tokens)) is not None:
            tokens.append(Token("sign", sign))
            place += len(sign)
        elif rest in _SPECIAL_WORDS or rest in UNITS:
            tokens.append(Token("word", rest, upright=True))
            return
        elif (found := _han_numeral(rest)) is not None and (place == 0 or not _is_noun(tokens)):
            tokens.append(Token("num", rest[: found[1]], node=number(found[0])))
            place += found[1]
        else:
            name = NO_NUMERAL.match(rest)
            piece = name[0] if name else next(piece for piece in _HAN_SPLIT.split(rest, maxsplit=1) if piece)
            tokens.append(Token("word", piece, upright=True))
            place += len(piece)


def _fraction_sign(rest: str, tokens: list[Token]) -> str | None:
    """The sign of a fraction or mixed number that stands here behind a value."""
    if not rest.startswith((OVER, WITH_PART)) or not tokens:
        return None
    behind = tokens[-1].kind in {"num", "name", "cmd"} or tokens[-1].text in {"}", ")"}
    return (OVER if rest.startswith(OVER) else WITH_PART) if behind else None


def _han_numeral(rest: str) -> tuple[Fraction, int] | None:
    """A numeral at the beginning of a run; a magnitude alone belongs to the digits before it."""
    found = han_numeral(rest)
    if found is None or (rest[0] in "万亿千" and not rest.startswith(OVER, 1)):
        return None
    return found


def _is_noun(tokens: list[Token]) -> bool:
    """Whether the word before is one behind which digits in characters are none; behind 三元, 五角 is an amount."""
    if tokens[-1].kind in {"num", "sign"} or tokens[-1].text in MINUS:
        return False
    return not (tokens[-1].text in UNITS and len(tokens) > 1 and tokens[-2].kind == "num")


def _pair_brackets(tokens: list[Token]) -> None:
    """Note for each opening bracket where it closes and what it holds, in one pass."""
    stack: list[tuple[int, str]] = []
    for position, token in enumerate(tokens):
        if token.text in {"(", "[", "{", "\\{"} and token.kind == "sign":
            stack.append((position, "words"))
        elif token.text in {")", "]", "}", "\\}"} and token.kind == "sign":
            if stack:
                opening, flag = stack.pop()
                tokens[opening].partner, tokens[opening].flag = position, flag
                if stack and flag != "words":
                    stack[-1] = (stack[-1][0], flag)
        elif stack:
            opening, flag = stack[-1]
            if token.text in RELATIONS or token.text == "\\pmod":
                stack[-1] = (opening, "relation")
            elif token.kind != "word" and token.text not in {"-", ","} and flag == "words":
                stack[-1] = (opening, "")


RELATIONS = {
    "=": "=", "<": "<", ">": ">", "\\le": "<=", "\\ge": ">=", "\\ne": "!=", "\\in": "in", "==": "=", ":=": "=",
    "\\notin": "notin", "\\approx": "~", "\\equiv": "==", "\\sim": "sim", "\\cong": "cong", "\\subset": "subset",
    "\\subseteq": "subseteq", "\\supset": "supset", "\\supseteq": "supseteq", "\\perp": "perp",
    "\\parallel": "parallel", "\\propto": "propto", "\\mid": "|",
}  # fmt: skip


# --- numerals

_EXPONENT = re.compile(r"[eE]([+-]?\d{1,5})(?![\d.A-Za-z])")
_FRACTION = re.compile(r" +(\d+) */ *(\d+)(?![\d.!^])| *\\frac *(?:\{ *(\d+) *\}|(\d))(?: *\{ *(\d+) *\}|(\d))")
_REPEATING = re.compile(r"\\overline *\{(\d+)\}|\\dot *\{?(\d)\}?(?:(\d*)\\dot *\{?(\d)\}?)?|\((\d+)\)(?=$|[ ,%])")
_ELLIPSIS = re.compile(r" *(?:\.\.\.|\\ldots)")
_BASE = re.compile(r"_(?:\{ *(?:\\text\{ *)?(\d{1,2}|[a-z]{2,7})(?: *\})? *\}|(\d))(?!\d)")


def read_numeral(token: str, text: str, end: int) -> tuple[Node, int]:
    """The number that begins with a token of digits which ends at `end`, and where the whole numeral ends."""
    if "," in token and token.rfind(",") > token.rfind(".") > 0:
        token = token.replace(".", "").replace(",", ".")  # 1.234,5
    digits = token.replace(",", "")
    if len(digits) > MAX_DIGITS:
        raise UnreadableError("a number of too many digits")
    whole, point, decimals = digits.partition(".")
    value = Fraction(_integer(whole or "0"))
    if decimals:
        value += Fraction(_integer(decimals), 10 ** len(decimals))
    if match := _EXPONENT.match(text, end):
        power = int(match[1])
        if abs(power) > MAX_DIGITS:
            raise UnreadableError("a number of too many digits")
        return number(value * Fraction(10) ** power, max(0, len(decimals) - power)), match.end()
    if point:
        if match := _BASE.match(text, end):
            return number(_fraction_in_base(whole + decimals, len(decimals), _base_of(match))), match.end()
        return _repeating(value, decimals, text, end) or (number(value, len(decimals)), end)
    return _mixed(value, text, end) or _based(digits, text, end) or (number(value), end)


def _integer(digits: str) -> int:
    """A run of digits as an integer, whatever limit the interpreter sets on such conversions."""
    if len(digits) <= 4000:
        return int(digits)
    tail = len(digits) // 2
    return _integer(digits[:-tail]) * int(10**tail) + _integer(digits[-tail:])


def _mixed(value: Fraction, text: str, end: int) -> tuple[Node, int] | None:
    r"""`11 5/6`, `1\frac12`: a whole number and a proper fraction."""
    match = _FRACTION.match(text, end)
    if match is None:
        return None
    top, bottom = (_integer(group) for group in match.groups() if group is not None)
    return (number(value + Fraction(top, bottom)), match.end()) if 0 < top < bottom else None


def _based(digits: str, text: str, end: int) -> tuple[Node, int] | None:
    """`204_5`: a number in a base, where its digits belong to the base."""
    match = _BASE.match(text, end)
    if match is None:
        return None
    base = _base_of(match)
    if not base:
        return None
    if any(int(digit) >= base for digit in digits):
        raise FalseStatementError(f"no number in base {base}")
    if len(digits) > 1000:
        raise UnreadableError("a number of too many digits")
    return Node("based", (), (digits.lstrip("0") or "0", base)), match.end()


def _base_of(match: re.Match[str]) -> int:
    """The base that an index names in digits or in words; zero where it names none."""
    word = match[1] or match[2]
    base = int(word) if word.isdecimal() else int(number_of(word) or 0)
    if base and not 2 <= base <= 36:
        raise FalseStatementError(f"no number in base {base}")
    return base


def _fraction_in_base(digits: str, places: int, base: int) -> Fraction:
    """60.23_7: its digits, of which the last ones stand behind the point."""
    if not base or len(digits) > 1000:
        raise UnreadableError("an index behind a decimal")
    if any(int(digit) >= base for digit in digits):
        raise FalseStatementError(f"no number in base {base}")
    return Fraction(int(digits, base), base**places)


def _repeating(value: Fraction, decimals: str, text: str, end: int) -> tuple[Node, int] | None:
    r"""`0.1\overline{6}`, `0.\dot{3}`, `0.(3)`, `0.333…`: the fraction that the decimal stands for."""
    shift = 10 ** len(decimals)
    if match := _REPEATING.match(text, end):
        period = match[1] or match[5] or f"{match[2]}{match[3] or ''}{match[4] or ''}"
        if len(period) > 1000:
            raise UnreadableError("a number of too many digits")
        return number(value + Fraction(int(period), (10 ** len(period) - 1) * shift)), match.end()
    match = _ELLIPSIS.match(text, end)
    for length in range(1, min(len(decimals) // 2, 40) + 1) if match else ():
        period = decimals[-length:]
        if match and decimals.endswith(period * (3 if length == 1 else 2)):
            return number(value + Fraction(int(period), (10**length - 1) * shift)), match.end()
    return None
