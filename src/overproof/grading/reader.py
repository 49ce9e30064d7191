r"""Formula text → tree: a recursive-descent reader of LaTeX and plain mathematics, linear in time and bounded in depth.

It reads what answers are made of (numbers, expressions, relations, tuples, sets, intervals, matrices) and refuses the
rest by raising `UnreadableError`: prose, integrals, sums. Nothing is simplified and nothing is evaluated.

    >>> read("2(x+1)").op
    'mul'
    >>> read("x<1 or x>3").op
    'or'
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from overproof.grading.commands import COMMANDS, function, root, two_argument_logarithm
from overproof.grading.numerals import TooManyDigitsError, read_numeral
from overproof.grading.scanner import (
    CLOSERS,
    CONDITIONS,
    FUNCTIONS,
    GREEK,
    MAX_DEPTH,
    RELATIONS,
    STATING,
    Scanner,
    UnreadableError,
    is_product,
    leading_function,
)
from overproof.grading.tree import EMPTY, INFINITY, LISTS, PI, E, I, Node, number, product, signed

MAX_CHARS = 20_000

_SUBSCRIPT = re.compile(r"_ *(?:\{([^{}]{0,40})\}|([A-Za-z0-9]|\\[A-Za-z]+))")
_MINUTES = re.compile(r" *(\d{1,2}) *'(?!') *(?:(\d{1,2}) *(?:''|\"))?")
_LAST_CONDITION = re.compile(
    r"[(\[][^()\[\]]*(?:[=<>]|\\in(?![a-z])|\\ne(?![a-z])|\\[lg]e(?![a-z]))[^()\[\]]*[)\]] *\.?$"
)
_BRACKETS = {"()": "paren", "[]": "square", "(]": "openleft", "[)": "openright"}
_WORDS = {"pi": PI, "Pi": PI, **dict.fromkeys(["inf", "infinity", "Infinity", "oo", "infty"], INFINITY)}
_CONSTANTS = {"\\pi": PI, "\\infty": INFINITY, "\\emptyset": EMPTY, "\\ldots": Node("sym", (), "…")}
_FACTOR_COMMANDS = frozenset({*_CONSTANTS, *COMMANDS} - {"\\text", "\\begin", "\\forall", "\\exists"})
_INTERVALS = frozenset({"paren", "square", "openleft", "openright", "union"})
_SIGNS = frozenset({"+", "-", "\\pm", "\\mp"})


@lru_cache(maxsize=8192)
def read(text: str) -> Node:
    """The tree of a formula in its one spelling (see `spelling.spell`). Raises UnreadableError."""
    if text.count("(") > MAX_DEPTH:
        text = collapse_parentheses(text)
    if len(text) > MAX_CHARS:
        raise UnreadableError(f"longer than {MAX_CHARS} characters")
    reader = Reader(text)
    tree = reader.sequence(())
    if reader.kind != "end":
        raise UnreadableError(f"unexpected {reader.token!r}")
    return tree


def collapse_parentheses(text: str) -> str:
    """The text with each doubled pair `((…))` written once, in one pass: `(((1)))` becomes `(1)`."""
    partner: dict[int, int] = {}
    stack: list[int] = []
    for position, character in enumerate(text):
        if character == "(":
            stack.append(position)
        elif character == ")" and stack:
            partner[stack.pop()] = position
    doubled = {opening for opening, closing in partner.items() if partner.get(opening + 1) == closing - 1}
    dropped = doubled | {partner[opening] for opening in doubled}
    return "".join(character for position, character in enumerate(text) if position not in dropped)


class Reader(Scanner):
    """Reads one text from left to right."""

    bars = 0
    """How many | are open: the next one closes instead of opening."""

    # --- sequences and relations

    def sequence(self, closers: tuple[str, ...]) -> Node:
        """Items up to a closer (not taken), joined by commas, `and` or `or`; one item stands for itself."""
        items: list[Node] = []
        joints: set[str] = set()
        while self.kind != "end" and self.token not in closers:
            if (joint := self.take_separator()) is not None:
                joints.add(joint)
                continue
            if items and not joints:
                raise UnreadableError(f"unexpected {self.token!r}")
            items.append(self.annotated(self.relation(), closers))
        if not items:
            raise UnreadableError("nothing between the brackets" if closers else "empty")
        if len(items) == 1:
            return items[0]
        return Node("or" if "or" in joints else "and" if "and" in joints else "list", tuple(items))

    def annotated(self, item: Node, closers: tuple[str, ...]) -> Node:
        r"""An item with the words behind it: a condition (`for all n`, dropped to the end) or a note in \text{}."""
        if self.kind == "end" or self.token in closers or self.separator() is not None:
            return item
        match = self.braced() if self.token == "\\text" else None
        words = match[1].strip(" ,(") if match else self.token
        if (self.token == "\\pmod" or words.split(" ")[0].lower() in CONDITIONS) and not closers:
            self.jump(len(self.text))
            return Node("where", (item,))
        if match and words[:1].isalpha() and not STATING & set(words.lower().split()):
            self.jump(match.end())
            return Node("where", (item, Node("text", (), words)))
        if self.token in CLOSERS and not closers and self.is_condition():
            return self.condition_in_brackets(item)
        raise UnreadableError(f"unexpected {self.token!r}")

    def condition_in_brackets(self, item: Node) -> Node:
        """`x = kπ (k ∈ Z)`: what stands in the brackets at the very end is a condition."""
        opening = self.token
        self.advance()
        self.sequence(CLOSERS[opening])
        self.advance()
        return Node("where", (item,))

    def relation(self) -> Node:
        """An expression, or several joined by = < > and the like."""
        if self.token in {"\\approx", "=", "\\sim", "\\to"}:
            self.advance()
        args, operators = [self.sets()], []
        while self.token in RELATIONS and self.kind != "end":
            operators.append(RELATIONS[self.token])
            self.advance()
            args.append(self.sets())
        return Node("rel", tuple(args), " ".join(operators)) if operators else args[0]

    def sets(self) -> Node:
        """Sums joined by union, intersection and difference of sets."""
        left = self.ratio()
        joined = 0
        while self.token in {"\\cup", "\\cap", "\\setminus"} or (self.token == "U" and left.op in _INTERVALS):
            op = {"\\cap": "intersection", "\\setminus": "difference"}.get(self.token, "union")
            joined += 1
            self.limit(joined)
            self.advance()
            left = Node(op, (left, self.ratio()))
        return left

    def ratio(self) -> Node:
        """Sums joined by colons."""
        terms = [self.sum()]
        while self.token == ":":
            self.advance()
            terms.append(self.sum())
        return terms[0] if len(terms) == 1 else Node("ratio", tuple(terms))

    # --- arithmetic

    def sum(self) -> Node:
        """Terms joined by + - ± ∓."""
        terms = [self.leading_term()]
        while self.token in _SIGNS:
            sign = self.token
            self.advance()
            terms.append(signed(sign, self.term()))
        return terms[0] if len(terms) == 1 else Node("add", tuple(terms))

    def leading_term(self) -> Node:
        """A term that may begin with a sign."""
        signs: list[str] = []
        while self.token in _SIGNS:
            signs.append(self.token)
            self.limit(len(signs))
            self.advance()
        node = self.term()
        for sign in reversed(signs):
            node = signed(sign, node)
        return node

    def term(self) -> Node:
        """Factors joined by multiplication signs, division signs or nothing."""
        factors = [self.factor()]
        divisions = 0
        while True:
            if self.token in {"*", "\\cdot", "\\times", "."} and self.kind != "end":
                self.advance()
                factors.append(self.factor())
            elif self.token in {"/", "\\bmod", "\\mod", "mod"}:
                op = "div" if self.token == "/" else "mod"
                divisions += 1
                self.limit(divisions)
                self.advance()
                factors = [Node(op, (product(factors), self.factor()))]
            elif self.starts_factor():
                factors.append(self.factor())
            else:
                return product(factors)

    def starts_factor(self) -> bool:
        """Whether a factor follows without a sign between."""
        if self.kind in {"number", "word"}:
            return self.separator() is None and self.token not in CONDITIONS and not self.is_union()
        if self.kind == "command":
            return self.token in _FACTOR_COMMANDS or self.token[1:] in FUNCTIONS or self.token[1:] in GREEK
        if self.token == "|":
            return not self.bars
        return self.token in {"(", "{", "["} and not self.is_condition()

    def is_union(self) -> bool:
        """A capital U behind a bracket is the sign for a union."""
        return self.token == "U" and self.text[: self.start].rstrip().endswith((")", "]"))

    def is_condition(self) -> bool:
        """A last bracket that holds a relation is a condition, not a factor."""
        return self.token != "{" and _LAST_CONDITION.match(self.text, self.start) is not None

    def factor(self) -> Node:
        """An atom with its signs, powers and what stands behind it."""
        if self.token in {"-", "+"}:
            sign = self.token
            self.nest()
            self.advance()
            node = signed(sign, self.factor())
            self.depth -= 1
            return node
        base = self.postfix(self.atom())
        if self.token in {"^", "**"}:
            self.advance()
            base = self.postfix(Node("pow", (base, self.exponent())))
        return base

    def exponent(self) -> Node:
        """What stands behind ^, to the right as far as it goes: 2^{3^4}, 2^3^4, e^-x."""
        self.nest()
        if self.token in {"-", "+"}:
            sign = self.token
            self.advance()
            result = signed(sign, self.exponent())
        elif self.kind == "word" and leading_function(self.token) is None and self.token not in GREEK:
            result = {"e": E, "i": I}.get(self.token[0]) or Node("sym", (), self.token[0])
            self.jump(self.start + 1)
        else:
            result = self.atom()
        if self.token in {"^", "**"}:
            self.advance()
            result = Node("pow", (result, self.exponent()))
        self.depth -= 1
        return result

    def postfix(self, node: Node) -> Node:
        """Factorials, percent and degree signs, primes."""
        for _ in range(MAX_DEPTH):
            if self.token == "!":
                node = Node("fact", (node,))
            elif self.token == "%":
                node = Node("percent", (node,))
            elif self.token == "°":
                node = Node("degree", (self.with_minutes(node),))
            elif self.token == "'" and node.op == "sym":
                node = Node("sym", (), f"{node.value}'")
            else:
                return node
            self.advance()
        raise UnreadableError(f"nested deeper than {MAX_DEPTH}")

    def with_minutes(self, degrees: Node) -> Node:
        """60° 42' 30'': minutes and seconds behind the degree sign, as parts of a degree. Stays on the last sign."""
        match = _MINUTES.match(self.text, self.end)
        if match is None:
            return degrees
        self.end = match.end()
        return Node("add", (degrees, number(Fraction(int(match[1]), 60) + Fraction(int(match[2] or 0), 3600))))

    # --- atoms

    def atom(self) -> Node:
        """A number, a name, a command, or something in brackets."""
        self.nest()
        if self.kind == "number":
            node = self.number()
        elif self.kind == "word":
            node = self.word()
        elif self.kind == "command":
            node = self.command()
        elif self.token in CLOSERS:
            node = self.bracket()
        elif self.token in {"\\{", "{"}:
            node = self.braces()
        elif self.token == "|":
            node = self.bar()
        else:
            raise UnreadableError(f"words: {self.token}" if self.kind == "han" else f"unexpected {self.token!r}")
        self.depth -= 1
        return node

    def number(self) -> Node:
        """A numeral, with what belongs to it behind its digits."""
        try:
            node, end = read_numeral(self.token, self.text, self.end)
        except TooManyDigitsError:
            raise UnreadableError("a number of too many digits") from None
        self.jump(end)
        return node

    def word(self) -> Node:
        """A function, the name of a Greek letter, or letters that multiply; longer words are prose."""
        token = self.token
        if token in _WORDS:
            self.advance()
            return _WORDS[token]
        if token == "lg":
            return two_argument_logarithm(self)
        if token in GREEK:
            self.advance()
            return self.symbol(f"\\{token}")
        if (name := leading_function(token)) is not None:
            self.jump(self.start + len(name))
            return PI if name == "pi" else root(self) if name == "sqrt" else function(self, name)
        if not is_product(token):
            raise UnreadableError(f"words: {token}")
        self.jump(self.start + 1)
        return self.symbol(token[0])

    def symbol(self, name: str) -> Node:
        """A variable with its index (x_1, x1); e and i are constants."""
        if match := _SUBSCRIPT.match(self.text, self.start):
            index = (match[1] if match[1] is not None else match[2]).replace(" ", "")
            self.jump(match.end())
            return Node("sym", (), f"{name}_{index}")
        if self.kind == "number" and self.token.isdigit() and self.text[self.start - 1 : self.start] == name[-1]:
            index = self.token
            self.advance()
            return Node("sym", (), f"{name}_{index}")
        return {"e": E, "i": I}.get(name) or Node("sym", (), name)

    def command(self) -> Node:
        """A command that is an atom or begins one."""
        name = self.token
        if name in _CONSTANTS:
            self.advance()
            return _CONSTANTS[name]
        if name in COMMANDS:
            self.advance()
            return COMMANDS[name](self)
        if name[1:] in FUNCTIONS:
            self.advance()
            return function(self, name[1:])
        if name[1:] in GREEK:
            self.advance()
            return self.symbol(name)
        raise UnreadableError(f"{name} is not read here")

    # --- brackets

    def bracket(self) -> Node:
        """( ) and [ ]: a group, a tuple or an interval, which the comparison tells apart."""
        opening = self.token
        self.advance()
        if _BRACKETS.get(opening + self.token) in {"paren", "square"} and self.kind != "end":
            self.advance()
            return Node("paren")
        bars, self.bars = self.bars, 0
        inner = self.sequence(CLOSERS[opening])
        self.bars = bars
        closing = self.token
        if closing not in CLOSERS[opening] or self.kind == "end":
            raise UnreadableError(f"{opening!r} is not closed")
        self.advance()
        if inner.op in {"and", "or"} and all(part.op in {"rel", "and", "or"} for part in inner.args):
            return inner
        if inner.op in LISTS:
            return Node(_BRACKETS[opening + closing], inner.args)
        if opening + closing not in {"()", "[]"}:
            raise UnreadableError("brackets that do not match")
        return inner

    def braces(self) -> Node:
        r"""\{ \} is a set; { } is a group unless it holds several items."""
        is_set = self.token == "\\{"
        closing = "\\}" if is_set else "}"
        self.advance()
        if self.take(closing):
            return EMPTY
        bars, self.bars = self.bars, int(is_set)
        inner = self.sequence((closing, "|", ":") if is_set else (closing,))
        if is_set and self.token in {"|", ":"}:
            self.advance()
            inner = Node("builder", (inner, self.sequence((closing,))))
        self.bars = bars
        if not (self.take(closing) or (is_set and self.take("}"))):
            raise UnreadableError("a brace is not closed")
        if inner.op in LISTS:
            return Node("brace", inner.args)
        return Node("brace", (inner,)) if is_set and inner.op != "builder" else inner

    def bar(self) -> Node:
        """|x|: an absolute value."""
        self.advance()
        self.bars += 1
        inner = self.sum()
        self.bars -= 1
        self.expect("|")
        return Node("fn", (inner,), "abs")
