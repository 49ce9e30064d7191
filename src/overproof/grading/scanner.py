r"""Tokens of a formula, and the words that mean something in one.

>>> scanner = Scanner("2\\pi r")
>>> scanner.kind, scanner.token
('number', '2')
"""

from __future__ import annotations

import re

from overproof.grading.words import DENIALS

MAX_DEPTH = 60

_TOKEN = re.compile(
    r" *(?:"
    r"(?P<number>\d{1,3}(?:,\d{3})+(?![\d,]*\d)(?:\.\d+)?|\d+\.(?=\\(?:overline|dot)\b)|\d+(?:\.\d+)?|\.\d+)"
    r"|(?P<command>\\[A-Za-z]+)"
    r"|(?P<escape>\\[^A-Za-z])"
    r"|(?P<word>[A-Za-z]+)"
    r"|(?P<han>[\u4e00-\u9fff]+)"
    r"|(?P<sign>\*\*|->|:=|==|.)"
    r")",
    re.DOTALL,
)
BRACED_TEXT = re.compile(r" *\{([^{}]*)\}")
_JOINED_FUNCTIONS = re.compile(r"(?:(?:sin|cos|tan|cot|sec|csc|ln|log|exp|sqrt|pi)[a-zA-Z]{0,2})+")

_FUNCTION_NAMES = (
    "sin cos tan cot sec csc sinh cosh tanh coth arcsin arccos arctan arccot asin acos atan arcsinh arccosh arctanh "
    "asinh acosh atanh ln log exp abs floor ceil ceiling gcd lcm max min det re im arg sgn sign"
)
FUNCTIONS = frozenset(_FUNCTION_NAMES.split())
ALIASES = {
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh",
    "ceiling": "ceil", "sgn": "sign",
}  # fmt: skip
_GREEK_NAMES = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau phi chi psi omega Gamma "
    "Delta Theta Lambda Xi Pi Sigma Phi Psi Omega hbar ell"
)
GREEK = frozenset(_GREEK_NAMES.split())
RELATIONS = {
    "=": "=", "<": "<", ">": ">", "\\le": "<=", "\\ge": ">=", "\\ne": "!=", "\\in": "in", "==": "=", ":=": "=",
    "\\notin": "notin", "\\approx": "~", "\\equiv": "=", "\\sim": "~",
}  # fmt: skip
SEPARATORS = {
    ",": "list", ";": "list", "and": "and", "or": "or", "\\wedge": "and", "\\vee": "or", "或": "or", "或者": "or",
    "和": "and", "且": "and", "与": "and", "及": "and", "以及": "and",
}  # fmt: skip
CONDITIONS = frozenset({"where", "for", "if", "when", "with", "as", "such", "provided", "ie", "given", "any"})
STATING = DENIALS | {"is", "are", "was", "or"}
"""Words that make a note behind a formula a statement about it."""
_SHORT_WORDS = frozenset({
    "the", "sum", "is", "are", "was", "of", "it", "we", "so", "no", "has", "not", "odd", "one", "two", "six", "ten",
    "yes", "all", "its", "his", "her", "day", "way", "men", "may", "can", "any", "our", "out", "per", "age", "who",
})  # fmt: skip
_NAMES_BY_LENGTH = sorted(FUNCTIONS | {"pi", "sqrt"}, key=len, reverse=True)


CLOSERS = {"(": (")", "]"), "[": ("]", ")")}
"""What may close a bracket; unlike ones make a half-open interval."""


class UnreadableError(ValueError):
    """The text is not a formula that the reader knows; the message says what stopped it."""


class Scanner:
    """A text and a place in it; `token` is the next token and `kind` what it is (`end` behind the last)."""

    def __init__(self, text: str) -> None:
        """Begin at the first token."""
        self.text = text
        self.start = self.end = 0
        self.kind = self.token = ""
        self.depth = 0
        self.advance()

    def advance(self) -> None:
        """Go on to the next token."""
        match = _TOKEN.match(self.text, self.end)
        if match is None or match.lastgroup is None:
            self.kind, self.token, self.start = "end", "", len(self.text)
            return
        self.kind = match.lastgroup
        self.token = match[match.lastgroup]
        self.start, self.end = match.start(match.lastgroup), match.end()
        if self.token in {"\\{", "\\}"}:
            self.kind = "sign"

    def jump(self, position: int) -> None:
        """Go on reading at a position of the text."""
        self.end = position
        self.advance()

    def take(self, token: str) -> bool:
        """Take a token if it comes next."""
        if self.token == token and self.kind != "end":
            self.advance()
            return True
        return False

    def expect(self, token: str) -> None:
        """Take a token that must come next."""
        if not self.take(token):
            raise UnreadableError(f"{token!r} is missing before {self.token!r}")

    def nest(self) -> None:
        """Note that one more level is open; the reader notes the end of it by itself."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise UnreadableError(f"nested deeper than {MAX_DEPTH}")

    def limit(self, count: int) -> None:
        """Refuse a chain of operators that would nest as deep as it is long."""
        if count > MAX_DEPTH:
            raise UnreadableError(f"nested deeper than {MAX_DEPTH}")

    def braced(self) -> re.Match[str] | None:
        """The group in braces, without braces inside, that follows the token."""
        return BRACED_TEXT.match(self.text, self.end)

    def separator(self) -> str | None:
        """How the next token joins the items of a list, if it does."""
        name = self.token
        if name == "\\text":
            match = self.braced()
            name = match[1].strip(" ,").lower() if match else ""
        elif name == "\\\\":
            name = ";"
        return SEPARATORS.get(name)

    def take_separator(self) -> str | None:
        """Take a separator, if one comes next."""
        joint = self.separator()
        if joint is not None:
            match = self.braced() if self.token == "\\text" else None
            self.jump(match.end() if match else self.end)
        return joint


def leading_function(word: str) -> str | None:
    """The function that a word begins with (`sin` in `sinxcosx`); None when it is not made of functions."""
    if word in FUNCTIONS or _JOINED_FUNCTIONS.fullmatch(word):
        return next(name for name in _NAMES_BY_LENGTH if word.startswith(name))
    return None


def is_product(word: str) -> bool:
    """Whether a word is letters that multiply (`xy`, `ABCD`) rather than prose."""
    if word.lower() in _SHORT_WORDS:
        return False
    return len(word) <= 3 or (word.isupper() and len(word) <= 6)
