r"""Tokens → tree: a Pratt grammar of answers, its binding powers in one table, linear in time and bounded in depth.

Every token must find its place; what cannot be placed raises `UnreadableError`. Nothing is simplified or evaluated.

>>> parse("2(x+1)").op, parse("x<1 or x>3").op
('mul', 'or')
>>> parse("9 (apples)").value.name
'apples'
"""

from __future__ import annotations

from collections.abc import Callable

from overproof.grading.cursor import MAX_DEPTH, UnitReader
from overproof.grading.lexer import OVER, RELATIONS, WITH_PART, Token, tokens_of
from overproof.grading.lexicon import (
    BOUNDS,
    CHANGING,
    COMPUTED,
    DENYING_HAN,
    EQUALS,
    GUARDS,
    JOINTS,
    LEAD_INS,
    MAGNITUDES,
    MINUS,
    NEARLY,
    folded,
    number_of_words,
)
from overproof.grading.shapes import (
    MATRICES,
    amounts_together,
    grouped,
    han_fraction,
    is_smaller,
    is_vector,
    last_amount,
    measured,
    of_environment,
    signed,
    tenths_behind,
    transposed,
    variable,
    ways,
    with_noun,
    with_numbers_apart,
)
from overproof.grading.tree import (
    EMPTY,
    INFINITY,
    LISTS,
    PI,
    FalseStatementError,
    I,
    Node,
    UnreadableError,
    negative,
    number,
    product,
)
from overproof.grading.units import DEGREE, NONE, PERCENT, PERMILLE, UNITS, called_beside, unit_named

MAX_CHARS = 20_000
MAX_LABEL_WORDS = 6
CURRENCIES = frozenset("¤€£¥₹")

# What binds how tightly: a sign takes operands that bind tighter than itself.
POWERS = {
    "relation": 10, "\\cup": 20, "\\cap": 20, "\\setminus": 20, "\\backslash": 20, ":": 25, "+": 30, "-": 30,
    "\\pm": 30, "\\mp": 30, "*": 40, "/": 40, "\\cdot": 40, "\\times": 40, "\\bmod": 40, "juxtaposed": 40, "sign": 45,
    WITH_PART: 48, OVER: 50, "^": 60, "**": 60,
}  # fmt: skip
_SUM, _PRODUCT, _SIGN, _POWER = POWERS["+"], POWERS["*"], POWERS["sign"], POWERS["^"]
_CLOSERS = {"(": (")", "]"), "[": ("]", ")")}
_DEFINING = frozenset({"where", "with", "其中"})
"""Behind a comma: what follows is about all that stands before."""
_INVERSE = ["^", "{", "-", "1", "}", "("]
"""Between a function's name and its argument."""
_CELL_ENDS = ("&", "\\\\", "\\end")
_BRACKETS = {"()": "paren", "[]": "square", "(]": "openleft", "[)": "openright"}
_SETS = {"\\cup": "union", "\\cap": "intersection", "\\setminus": "difference"}
_FRACTION_SIGNS = frozenset({OVER, WITH_PART})
_CONSTANTS = {
    "\\pi": PI, "\\infty": INFINITY, "\\emptyset": EMPTY, "\\ldots": Node("ellipsis"), "\\imath": I,
}  # fmt: skip
_ALIASES = {
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh",
    "ceiling": "ceil", "sgn": "sign",
}  # fmt: skip
_INVERTIBLE = frozenset({"sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh"})
_NAMED_FUNCTIONS = frozenset("fghFGHPpQRSTNΦ") | {"\\phi", "\\Phi", "\\varphi", "\\zeta", "\\Gamma", "\\psi"}
"""Letters that are functions before a bracket when they are called on a letter or a number."""
_TURNED = {"supset": "subset", "supseteq": "subseteq"}
"""Relations that are read from the right."""
_SCALES = frozenset({"celsius", "fahrenheit", "centigrade"})
_UNION_LETTER = frozenset({"paren", "square", "openleft", "openright", "union", "brace"})


def parse(
    text: str,
    *,
    letters: bool = False,
    split: bool = False,
    tight: bool = False,
    alone: frozenset[str] = frozenset(),
) -> Node:
    """The tree of a spelled text. Raises UnreadableError.

    With `letters`, a single letter behind a number is a unit where it can be one; with `split`, `1,234` is two numbers;
    with `tight`, factors side by side bind before a division sign. `alone`: see `lexer.tokens_of`.
    """
    if text.count("(") > MAX_DEPTH:
        text = collapsed(text)
    if len(text) > MAX_CHARS:
        raise UnreadableError(f"longer than {MAX_CHARS} characters")
    grammar = Grammar(tokens_of(text, alone), letters=letters, split=split, tight=tight)
    tree = grammar.sequence(())
    if grammar.token.kind != "end":
        raise UnreadableError(f"unexpected {grammar.token.text!r}")
    return tree


def collapsed(text: str) -> str:
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


class Grammar(UnitReader):
    """Reads one list of tokens from left to right."""

    # --- lists

    def joint(self) -> str | None:
        """How the token here joins two items of a list, if it does."""
        token = self.token
        if token.kind == "end" or (token.text == "&" and not self.depth):
            return None
        joint = JOINTS.get(token.text.lower() if token.kind == "word" else token.text)
        if joint == "and" and token.text == "&":
            return None
        return joint

    def sequence(self, closers: tuple[str, ...]) -> Node:
        """Items up to a closer (not taken), joined by commas, `and`, `or` or arrows; one item stands for itself."""
        items: list[Node] = []
        joints: set[str] = set()
        ors: list[int] = []
        waiting = True
        while self.token.kind != "end" and self.token.text not in closers:
            if (joint := self.joint()) is not None:
                self.advance()
                if joint == "list" and items and self._guard_follows():
                    return self._under_condition(items, joints, closers)
                joints.add(joint)
                if joint == "or":
                    ors.append(len(items))
                waiting = True
            elif self.token.text in {"\\to", "->", "\\Rightarrow", "\\rightarrow"} and self.token.kind != "end":
                self.advance()
                joints.add("arrow")
                waiting = True
            elif not waiting:
                raise UnreadableError(f"unexpected {self.token.text!r}")
            else:
                items.append(self.item(closers))
                waiting = False
        if not items:
            raise UnreadableError("nothing between the brackets" if closers else "empty")
        if "arrow" in joints:
            if joints != {"arrow"} or len(items) < 2:
                raise UnreadableError("an arrow among other joints")
            return Node("arrow", tuple(items))
        if joints == {"or", "list"}:
            items = grouped(items, ors)
        items = amounts_together(items, joints)
        if len(items) == 1:
            return items[0]
        return Node("or" if "or" in joints else "and" if "and" in joints else "list", tuple(items))

    def _guard_follows(self) -> bool:
        return self.token.kind == "word" and self.token.text.lower() in _DEFINING

    def _under_condition(self, items: list[Node], joints: set[str], closers: tuple[str, ...]) -> Node:
        """`5φ, where φ = …`: what stands before the comma, all of it, under the condition behind it."""
        form = "or" if "or" in joints else "and" if "and" in joints else "list"
        value = items[0] if len(items) == 1 else Node(form, tuple(items))
        condition = self.condition(closers)
        parts = list(condition.args)
        while self.joint() is not None:
            self.advance()
            parts.append(self.expression(0))
        if self.token.kind != "end" and self.token.text not in closers:
            raise UnreadableError(f"unexpected {self.token.text!r}")
        return Node("guarded", (value, Node("condition", tuple(parts), condition.value)), "defines")

    def item(self, closers: tuple[str, ...]) -> Node:
        """One item with the words around it: a label before, a condition or a note behind."""
        token = self.token
        if token.kind == "word" and token.text not in NEARLY:
            labelled = self.words_first(closers)
            if labelled is not None:
                return self.annotated(labelled, closers)
        return self.annotated(self.expression(0), closers)

    def words_first(self, closers: tuple[str, ...]) -> Node | None:
        """An item that begins with words: all words, a label for a value, or a number or comparison in words (None)."""
        words: list[str] = []
        place = self.place
        while (token := self.tokens[place]).kind == "word" or (
            words and token.text in {"-", "/", "(", ")"} and self.tokens[place + 1].kind == "word"
        ):
            if token.kind == "word" and token.text.lower() in JOINTS and not self._names_number(words):
                break
            words.append(token.text)
            place += 1
        value = number_of_words([word.lower() for word in words if word != "-"])
        while value is None and words and (value := number_of_words([w.lower() for w in words[:-1]])) is None:
            words.pop()
            place -= 1
            if not words or len(words) > MAX_LABEL_WORDS:
                break
        if value is not None:
            return None
        return self._words_or_label(closers)

    def _names_number(self, words: list[str]) -> bool:
        return bool(words) and number_of_words([word.lower() for word in words]) is not None

    def _words_or_label(self, closers: tuple[str, ...]) -> Node | None:
        start = self.place
        if self.token.text.lower() in MINUS or self._bound() is not None or self._is_unit_first():
            return None
        words = self._label_words()
        label = " ".join(words).strip(" -")
        if self.token.kind == "num" and self.ahead().text in {":", "="} and words:
            label += f" {self.advance().text}"
        if self.token.kind == "end" or self.token.text in closers or self.joint() is not None:
            return Node("words", (), label)
        if len(words) > MAX_LABEL_WORDS:
            raise UnreadableError("words")
        sign = self.token.text.lower()
        titled = sign == ":"
        if sign in EQUALS or sign in {":", "="}:
            self.advance()
            self.take(":")
            if self.token.kind == "end":
                raise UnreadableError("a label without a value")
        elif self.token.kind not in {"num", "cmd", "func"} and sign not in {"(", "[", "\\{", "-", "+", "¤"}:
            self.place, self.token = start, self.tokens[start]
            raise UnreadableError(f"words: {label}")
        if any(word in CHANGING and word not in (_TITLES if titled else _LABELS) for word in words) or any(
            DENYING_HAN.search(word) for word in (*words, "".join(words))
        ):
            raise UnreadableError(f"words: {label}")
        if words[-1] == "of" and COMPUTED & set(words[-3:]):
            raise UnreadableError(f"words: {label}")
        value = self.item(closers)
        return value if label in LEAD_INS else Node("named", (value,), label)

    def _label_words(self) -> list[str]:
        """The words here, up to a sign of equality, a joint or the sign of what is labelled."""
        words: list[str] = []
        while self.token.kind in {"word", "name"} or (words and self.token.text in {"-", "'", ":"}):
            token = self.token
            text = folded(token.text) if token.kind == "word" else token.text
            if words and (text in EQUALS or text == ":" or (token.kind == "word" and self.joint() is not None)):
                break
            if (
                token.kind == "name"
                and not token.upright
                and self.ahead().kind not in {"word", "end"}
                and self.ahead().text not in {"=", ",", ";", ")", "\\in", ":"}
            ):
                break
            if text == "-" and self.ahead().kind != "word" and not (token.spaced and self.ahead().spaced):
                break  # 最小值-1: the sign of what is labelled
            words.append(text)
            self.advance()
        return words

    def _is_unit_first(self) -> bool:
        return self.token.text in CURRENCIES

    def annotated(self, item: Node, closers: tuple[str, ...]) -> Node:
        """An item with what stands behind it: a condition, a noun, a note in brackets."""
        while self.token.kind != "end" and self.token.text not in closers and self.joint() is None:
            token = self.token
            if token.text in {"\\to", "->", "\\Rightarrow", "\\rightarrow"}:
                return item
            if token.text == "(" and token.flag:
                item = self.note_in_brackets(item)
            elif token.text in {"\\pmod", "\\mod"} or (
                token.kind == "word" and token.text.lower() in {"mod", "modulo"}
            ):
                item = self.modulus(item)
            elif token.text == "." and self.ahead().kind == "end":
                self.advance()
            elif token.kind == "word" and token.text.lower() in EQUALS and item.op in {"sym", "call"}:
                self.advance()  # N is 7
                item = Node("rel", (item, self.expression(0)), "=")
            elif token.kind == "num" and last_amount(item).op == "quantity":
                item = self.further_amount(item)
            elif token.kind == "word" and token.text.lower() in GUARDS:
                form = "defines" if self._guard_follows() else None
                item = Node("guarded", (item, self.condition(closers)), form)
            elif token.kind == "word" or (token.kind == "name" and token.upright):
                item = self.noun(item)
            else:
                raise UnreadableError(f"unexpected {token.text!r}")
        return item

    def condition(self, closers: tuple[str, ...]) -> Node:
        """The words and relations of a condition, to the next joint that is followed by another item."""
        word = self.advance().text.lower()
        parts: list[Node] = []
        words: list[str] = []
        while self.token.kind != "end" and self.token.text not in closers and self.token.text not in {",", ";", "\\\\"}:
            token = self.token
            if token.kind == "word":
                words.append(token.text.lower())
                self.advance()
            else:
                parts.append(self.expression(0))
        label = " ".join(words)
        if word == "otherwise":
            label = "otherwise"
        if not parts and not label:
            raise UnreadableError("a condition without content")
        return Node("condition", tuple(parts), f"{'' if word in _PLAIN_GUARDS else word} {label}".strip())

    def note_in_brackets(self, item: Node) -> Node:
        """`9 (apples)`, `x = kπ (k ∈ Z)`, `5 (maximum)`: a noun, a condition, or words that change nothing known."""
        flag = self.token.flag
        if flag == "relation":
            self.advance()
            inner = self.sequence((")",))
            self.expect(")")
            return Node("guarded", (item, Node("condition", (inner,), "")))
        self.advance()
        words: list[str] = []
        while self.token.text != ")":
            words.append(self.advance().text)
        self.advance()
        said = number_of_words([word.lower() for word in words if word != "-"])
        if said is not None:  # 120 (one hundred and twenty)
            if item.op != "num" or item.value != said:
                raise FalseStatementError("a number and another one in words")
            return item
        return with_noun(item, words, noted=True)

    def further_amount(self, item: Node) -> Node:
        """`1 hour 45 minutes`: a second amount in a smaller unit of the same dimension."""
        other = self.expression(0)
        if (tenths := tenths_behind(item, other)) is not None:
            return tenths
        if item.op == other.op == "quantity" and (meant := called_beside(item.value, other.value)) is not None:
            item = Node("quantity", item.args, meant)  # 3 pounds 20 pence
        if other.op != "quantity" or not is_smaller(last_amount(item), other):
            raise UnreadableError("numbers side by side")
        return Node("add", (*(item.args if item.op == "add" else (item,)), other))

    def modulus(self, item: Node) -> Node:
        r"""`3 \pmod 7`: the residue, with its modulus."""
        self.advance()
        grouped = self.take("{") or self.take("(")
        modulus = self.expression(_SUM - 1)
        if grouped:
            self.advance()
        return Node("residue", (item, modulus))

    def noun(self, item: Node) -> Node:
        """What stands behind a value in plain words: a unit that was not read as one, or what is counted."""
        words: list[str] = []
        while (
            self.token.kind == "word" or (self.token.kind == "name" and self.token.upright)
        ) and self.joint() is None:
            if self.token.text.lower() in GUARDS:
                break
            words.append(self.advance().text)
            if self.token.text == "-" and self.ahead().kind == "word":
                self.advance()
        return with_noun(item, words)

    # --- expressions

    def expression(self, floor: int) -> Node:
        """The operand here with the operators behind it that bind tighter than `floor`."""
        self.nest()
        left = self.operand(floor)
        while True:
            token = self.token
            if token.kind == "end":
                break
            if token.text == "U" and left.op in _UNION_LETTER and POWERS["\\cup"] > floor:
                self.advance()
                left = Node("union", (left, self.expression(POWERS["\\cup"])))
                continue
            if token.kind != "num" and token.text in RELATIONS and not (token.text == "\\mid" and self.bars):
                if POWERS["relation"] <= floor:
                    break
                left = self.relation(left)
                continue
            power = POWERS.get(token.text) if token.kind in {"sign", "cmd"} else None
            if power is None:
                power = self.implicit(left)
                if power is None or power <= floor:
                    break
                left = self.juxtaposed(left)
            elif power <= floor or (token.text == ":" and self.builder and left.op != "num"):
                break
            else:
                left = self.operator(left, token.text, power)
        self.depth -= 1
        return left

    def operator(self, left: Node, sign: str, power: int) -> Node:
        """What an infix sign makes of its operands; chains of one kind become one node."""
        if sign in {"+", "-", "\\pm", "\\mp"}:
            return self.sum(left)
        if power == _PRODUCT:
            return self.term(left)
        before = self.tokens[self.place - 1].text
        self.advance()
        if power == _POWER:
            return self.power(left)
        if sign in _FRACTION_SIGNS:
            right = self.expression(POWERS[WITH_PART] - (sign == OVER))
            if sign == WITH_PART and self.take("/"):
                right = Node("div", (right, self.expression(power)))
            return han_fraction(left, sign, before, right)
        if sign == ":":
            terms = [left, self.expression(power)]
            while self.take(":"):
                terms.append(self.expression(power))
            return Node("ratio", tuple(terms))
        return Node(_SETS[sign], (left, self.expression(power)))

    def sum(self, first: Node) -> Node:
        """Terms joined by + - ± ∓."""
        terms = [first]
        while self.token.text in {"+", "-", "\\pm", "\\mp"} and self.token.kind != "num":
            sign = self.advance().text
            term = self.expression(_SUM)
            terms.append(signed(sign, term))
        return Node("add", tuple(terms))

    def term(self, first: Node) -> Node:
        """Factors joined by multiplication and division signs, or standing side by side."""
        factors = [first]
        divisions = 0
        while True:
            sign = self.token.text if self.token.kind != "num" else ""
            if sign in {"*", "\\cdot", "\\times"}:
                self.advance()
                right = self.expression(_PRODUCT)
                if sign == "\\times" and (is_vector(factors[-1]) or is_vector(right)):
                    factors = [Node("call", (product(factors), right), "cross")]
                else:
                    factors.append(right)
            elif sign in {"/", "\\bmod"}:
                self.advance()
                divisions += 1
                if divisions > MAX_DEPTH:
                    raise UnreadableError(f"nested deeper than {MAX_DEPTH}")
                if sign == "/" and (unit := self.unit()) is not None:
                    factors = [measured(product(factors), NONE.times(unit, -1))]
                else:
                    right = self.expression(_PRODUCT)
                    while self.tight and self.implicit(right) == _PRODUCT:
                        right = product(self._beside([right]))
                    factors = [Node("div" if sign == "/" else "mod", (product(factors), right))]
            elif self.implicit(factors[-1]) == _PRODUCT:
                factors = self._beside(factors)
            else:
                return product(factors)

    def juxtaposed(self, left: Node) -> Node:
        """A product without a sign, or a value with its unit."""
        factors = self._beside([left])
        return self.term(product(factors))

    def _beside(self, factors: list[Node]) -> list[Node]:
        unit = self.unit()
        if unit is not None:
            return [measured(product(factors), unit)]
        if self._per_follows():
            self.advance(2 if self.token.text == "times" else 1)
            per = self.one_unit()
            if per is None:
                raise UnreadableError("words: per")
            return [measured(product(factors), NONE.times(per[0], -per[1]))]
        if self.token.kind == "word" and (magnitude := MAGNITUDES.get(self.token.text.lower())) is not None:
            self.advance()
            return [self._rest_of_count(Node("mul", (product(factors), number(magnitude))), magnitude)]
        return [*factors, self.expression(_PRODUCT)]

    def _per_follows(self) -> bool:
        """Whether `per hour` or `times per hour` stands behind a number."""
        times = int(self.token.text == "times")
        return self.ahead(times).text == "per" and unit_named(self.ahead(times + 1).text) is not None

    def _rest_of_count(self, count: Node, magnitude: int) -> Node:
        """3万5千, 1亿2000万: what a smaller magnitude adds."""
        terms = [count]
        while (
            self.token.kind == "num" and (smaller := MAGNITUDES.get(self.ahead().text.lower(), magnitude)) < magnitude
        ):
            terms.append(Node("mul", (self.advance().node or number(0), number(smaller))))
            self.advance()
            magnitude = smaller
        return Node("add", tuple(terms)) if len(terms) > 1 else count

    def implicit(self, left: Node) -> int | None:
        """The power of the operator that no sign stands for, if something is joined here without one."""
        token = self.token
        kind, text = token.kind, token.text
        if kind == "num":
            before = self.tokens[self.place - 1]
            after = self.ahead().text
            if before.kind == "num":
                return _PRODUCT if text == "10" and after in {"^", "**"} else None
            if left.op == "pow" or (left.op == "mul" and left.args[-1].op == "pow"):
                return _PRODUCT if after in {"^", "**"} else None
            return _PRODUCT if before.text in {")", "\\pi", "!"} else None
        if kind == "name":
            if self.differentials and text == "d" and self.ahead().kind == "name":
                return None
            if text == "U" and left.op in _UNION_LETTER:
                return None
            return _PRODUCT if not token.upright or self.is_unit() or len(text) == 1 else None
        if kind == "func" or text in _ATOM_COMMANDS:
            return _PRODUCT
        if kind == "word":
            return _PRODUCT if self.is_unit() or text.lower() in MAGNITUDES or self._per_follows() else None
        if text in {"(", "[", "{"}:
            return None if token.flag and text != "{" else _PRODUCT
        if text == "\\begin":
            return _PRODUCT if self.ahead(2).text in MATRICES else None
        if text in {"%", "‰", "°"}:
            return _PRODUCT
        return _PRODUCT if text == "|" and not self.bars else None

    def relation(self, left: Node | None) -> Node:
        """A chain of relations; what is missing before the first one is a blank."""
        args, operators = [Node("blank") if left is None else left], []
        while (
            self.token.text in RELATIONS
            and self.token.kind not in {"num", "end"}
            and not (self.token.text == "\\mid" and self.bars)
        ):
            operators.append(RELATIONS[self.advance().text])
            if self.token.text == "{" and self.token.partner == self.place + 1:
                self.advance(2)
            args.append(self.expression(POWERS["relation"]))
        if len(operators) == 1 and operators[0] in _TURNED:
            return Node("rel", tuple(args[::-1]), _TURNED[operators[0]])
        return Node("rel", tuple(args), " ".join(operators))

    def power(self, base: Node) -> Node:
        """A power; `C_5^2` with numbers is a binomial, `sin^2 x` belongs to `function`."""
        exponent = self.exponent()
        if base.op == "sym" and exponent.op in {"num", "sym"} and (counted := ways(str(base.value), exponent)):
            return counted
        if exponent.op == "sym" and exponent.value == "T" and base.op == "matrix":
            return transposed(base)
        if exponent.op == "sym" and exponent.value == "T" and base.op == "paren" and len(base.args) > 1:
            return base  # a row that is meant as a column
        return self.postfix(Node("pow", (base, exponent)))

    def exponent(self) -> Node:
        """What stands behind ^, to the right as far as it goes: 2^{3^4}, 2^3^4, e^-x."""
        if self.token.text in {"+", "-"}:
            return signed(self.advance().text, self.exponent())
        if self.token.text in {"'", "*", "\\prime", "\\ldots", "+", ")"}:
            raise UnreadableError("a decorated name")
        self.nest()
        base = self.atom()
        if self.token.text in {"^", "**"}:
            self.advance()
            base = Node("pow", (base, self.exponent()))
        self.depth -= 1
        return base

    def operand(self, floor: int) -> Node:
        """An atom with its signs before and its marks behind."""
        token = self.token
        if token.text in {"-", "+", "\\pm", "\\mp"} and token.kind != "num":
            self.advance()
            return signed(token.text, self.expression(_SIGN if token.text in {"-", "+"} else _SUM))
        if token.kind == "word":
            return self.word(floor)
        if (
            token.text in RELATIONS
            and token.kind != "num"
            and token.text not in {"\\perp", "\\parallel", "\\mid", "\\sim"}
        ):
            if floor > POWERS["relation"]:
                raise UnreadableError(f"unexpected {token.text!r}")
            if token.text in {"=", "\\approx"}:
                self.advance()
                return self.expression(floor)
            return self.relation(None)
        return self.postfix(self.atom())

    def word(self, floor: int) -> Node:
        """A word where a value must stand: a number in words, a sign in words, a comparison in words."""
        low = self.token.text.lower()
        if low in NEARLY:
            self.advance()
            if self.token.kind == "word" and self.token.text.lower() not in UNITS:
                return self.word(floor)
            return self.expression(floor)
        if low in MINUS:
            self.advance()
            return negative(self.expression(_SIGN))
        if (bound := self._bound()) is not None:
            if floor >= POWERS["relation"]:
                raise UnreadableError(f"unexpected {low!r}")
            self.advance(bound[0])
            return Node("rel", (Node("blank"), self.expression(POWERS["relation"])), bound[1])
        words: list[str] = []
        while self.token.kind == "word":
            words.append(self.token.text.lower())
            if number_of_words(words) is None and words[-1] != "and":
                words.pop()
                break
            self.advance()
        if words and words[-1] == "and":
            words.pop()
            self.place -= 1
            self.token = self.tokens[self.place]
        value = number_of_words(words) if words else None
        if value is None:
            text = self.token.text
            if text in UNITS and text.isalpha() and text.islower() and len(text) <= 3 and not self.token.upright:
                self.advance()
                return product([variable(letter) for letter in text])
            raise UnreadableError(f"words: {text}")
        return number(value)

    def _bound(self) -> tuple[int, str] | None:
        for length in (3, 2, 1):
            words = tuple(self.ahead(offset).text.lower() for offset in range(length))
            if (sign := BOUNDS.get(words)) is not None:
                return length, sign
        return None

    def postfix(self, node: Node) -> Node:
        """Factorials, percent and degree signs."""
        for _ in range(MAX_DEPTH):
            text = self.token.text
            if self.token.kind != "sign":
                return node
            if text == "!":
                self.advance()
                doubled = self.token.text == "!" and not self.token.spaced
                if doubled:
                    self.advance()
                node = Node("fact2" if doubled else "fact", (node,))
            elif text == "%":
                self.advance()
                node = Node("quantity", (node,), PERCENT)
            elif text == "‰":
                self.advance()
                node = Node("quantity", (node,), PERMILLE)
            elif text == "°":
                self.advance()
                if self.token.kind == "name" and self.token.text in {"C", "F"}:
                    node = Node("quantity", (node,), UNITS[f"°{self.advance().text}"])
                elif self.token.text.lower() in _SCALES:
                    node = Node("quantity", (node,), UNITS[self.advance().text.lower()])
                else:
                    node = Node("quantity", (self.minutes(node),), DEGREE)
            else:
                return node
        raise UnreadableError(f"nested deeper than {MAX_DEPTH}")

    def minutes(self, degrees: Node) -> Node:
        """60° 42' 30'': minutes and seconds behind the degree sign, as parts of a degree."""
        for scale in (60, 3600):
            mark = self.ahead()
            if self.token.kind != "num" or mark.text not in {"'", '"'}:
                return degrees
            value = self.advance().node
            while self.token.text in {"'", '"'}:
                self.advance()
            degrees = Node("add", (degrees, Node("div", (value or number(0), number(scale)))))
        return degrees

    # --- atoms

    def atom(self) -> Node:
        """A number, a name, a command, or something in brackets."""
        self.nest()
        token = self.token
        if token.kind == "num":
            node = self.numeral()
        elif token.kind == "name":
            node = self.name()
        elif token.kind == "func":
            self.advance()
            node = self.function(token.text)
        elif token.kind == "cmd":
            node = self.command()
        elif token.kind == "word":
            node = self.word(POWERS["relation"])
        elif token.text in _CLOSERS:
            node = self.bracket()
        elif token.text in {"\\{", "{"}:
            node = self.braces()
        elif token.text == "|":
            node = self.bar()
        elif token.text in CURRENCIES:
            node = self.money()
        else:
            raise UnreadableError(f"unexpected {token.text or 'end'!r}")
        self.depth -= 1
        return node

    def numeral(self) -> Node:
        """A numeral; one with commas is several numbers where lists are read."""
        token = self.advance()
        node = token.node
        assert node is not None
        if "," in token.text and self.split and "." not in token.text:
            parts = [piece.lstrip("0") or "0" for piece in token.text.split(",")]
            return Node("list", tuple(number(int(piece)) for piece in parts))
        return node

    def money(self) -> Node:
        """¤5, €5: an amount of money."""
        sign = self.advance().text
        value = self.expression(_SUM)
        if value.op == "quantity":
            return value
        return Node("quantity", (value,), UNITS[sign])

    def name(self) -> Node:
        """A variable; a function when it is called; e and i are constants."""
        token = self.advance()
        text = token.text
        if text in _NAMED_FUNCTIONS and [self.ahead(offset).text for offset in range(6)] == _INVERSE:
            self.advance(5)
            return Node("call", self.arguments(), f"{text}^-1")
        if self.token.text == "[" and text in {"E", "\\mathbb(E)"}:
            return Node("call", self.bracket().args or (Node("blank"),), text)
        if self.token.text == "(" and not self.token.spaced and self.token.flag != "words":
            if text in {"C", "P", "A"} and _is_numeric_pair(self.tokens, self.place):
                args = self.arguments()
                return Node("binom" if text == "C" else "perm", args)
            if (
                text in _NAMED_FUNCTIONS
                or (text in {"E", "D"} and self.ahead().text.isupper() and self.ahead(2).text == ")")
                or text[:1] in "fg"
                or text.endswith("'")
                or (len(text) > 1 and text.isalpha() and text.isupper())
            ):
                return Node("call", self.arguments(), text)
            if self.ahead().kind == "num" and self.ahead(2).text == ")" and (text.isupper() or self._begins(text)):
                return Node("call", self.arguments(), text)
        return variable(text)

    def _begins(self, name: str) -> bool:
        """Whether a letter that was just taken begins a term: y(0) is no product, where 2y(0) may be one."""
        before = self.tokens[self.place - 2] if self.place > 1 else None
        return name not in {"e", "i", "k", "n"} and (before is None or before.text in {"=", ",", "+", "-"})

    def arguments(self) -> tuple[Node, ...]:
        """The arguments of a call, in brackets; a bar or a relation inside belongs to them."""
        self.expect("(")
        bars, self.bars = self.bars, 1
        args = [self.sequence((")", "|", "\\mid"))]
        while self.token.text in {"|", "\\mid"}:
            self.advance()
            args.append(Node("given", (self.sequence((")", "|", "\\mid")),)))
        self.bars = bars
        self.expect(")")
        return args[0].args if len(args) == 1 and args[0].op == "list" else tuple(args)

    def function(self, name: str) -> Node:
        r"""A function with its power and its argument: sin^2 x, log_2 8, arctan(1/2), \max(1, a), sqrt(2)."""
        if name == "sqrt":
            return self.root()
        name = _ALIASES.get(name, name)
        base = power = None
        if self.take("_"):
            base = self.atom()
        if self.token.text in {"^", "**"}:
            self.advance()
            power = self.exponent()
        operand = self.function_argument()
        args = operand.args if operand.op == "paren" and len(operand.args) > 1 else (operand,)
        if name == "lg":
            name, base = "log", base or (number(10) if len(args) == 1 else None)
        if base is not None:
            if name not in {"log", "ln"}:
                return Node("call", args, f"{name}_{base.value}")
            name, args = "log", (*args, base)
        if power is not None and power.op == "num" and power.value == -1 and name in _INVERTIBLE:
            return Node(f"arc{name}", args)
        node = Node(name, args)
        return node if power is None else Node("pow", (node, power))

    def function_argument(self) -> Node:
        """What a function takes: its bracket, or factors up to a sign or the next function."""
        if self.token.text in {"(", "["}:
            return self.postfix(self.bracket(tuples=True))
        if self.token.text == "|":
            return self.bar()
        if self.token.text in {"-", "+"}:
            return signed(self.advance().text, self.function_argument())
        factors = [self.expression(_SIGN)]
        while True:
            if self.token.text == "/" and self.token.kind == "sign":
                self.advance()
                factors = [Node("div", (product(factors), self.expression(_PRODUCT)))]
            elif (
                self.token.kind not in {"func", "word"}
                and self.token.text not in {"(", "[", "|", "%", "\\lim"}
                and self.implicit(factors[-1]) == _PRODUCT
            ):
                factors = self._beside(factors)
            else:
                return product(factors)

    def command(self) -> Node:
        """A command that is an atom or begins one."""
        token = self.advance()
        if token.text in _CONSTANTS:
            return _CONSTANTS[token.text]
        read = _COMMANDS.get(token.text)
        if read is None:
            raise UnreadableError(f"{token.text} is not read here")
        return read(self)

    def argument(self) -> Node:
        r"""The argument of a command: a group in braces, or one digit, letter or command."""
        token = self.token
        if token.kind == "num" and len(token.text) > 1 and token.text.isdigit():
            rest = token.text[1:]
            self.tokens[self.place] = self.token = Token("num", rest, node=number(int(rest)))
            return number(int(token.text[0]))
        return self.atom()

    def fraction(self) -> Node:
        r"""\frac with its two arguments."""
        return Node("div", (self.argument(), self.argument()))

    def binomial(self) -> Node:
        r"""\binom with its two arguments."""
        return Node("binom", (self.argument(), self.argument()))

    def root(self) -> Node:
        r"""\sqrt with its degree, if it has one."""
        degree = number(2)
        if self.token.text == "[" and self.token.partner > 0:
            self.advance()
            degree = self.expression(0)
            self.expect("]")
        if self.token.text in {"(", "{"}:
            return Node("root", (self.atom(), degree))
        return Node("root", (self.argument(), degree))

    def floor(self) -> Node:
        r"""\lfloor … \rfloor."""
        return self._between("\\rfloor", "floor")

    def ceil(self) -> Node:
        r"""\lceil … \rceil."""
        return self._between("\\rceil", "ceil")

    def _between(self, closer: str, op: str) -> Node:
        bars, self.bars = self.bars, 0
        inner = self.expression(POWERS["relation"])
        self.bars = bars
        self.expect(closer)
        return Node(op, (inner,))

    def vector(self) -> Node:
        r"""\langle … \rangle."""
        inner = self.sequence(("\\rangle",))
        self.expect("\\rangle")
        return Node("paren", inner.args if inner.op in LISTS else (inner,))

    def overlined(self) -> Node:
        r"""\overline over something that is no name: a number of digits that are letters, or nothing known."""
        raise UnreadableError("a decorated expression")

    def prefixed(self) -> Node:
        r"""\angle, \triangle: what is named, as a name of its kind."""
        kind = self.tokens[self.place - 1].text
        inner = self.atom()
        if inner.op != "sym" and not (inner.op == "num"):
            raise UnreadableError(f"{kind} of an expression")
        name = str(inner.value)
        if kind == "\\angle" and len(name) == 3 and name[0] > name[2]:
            name = name[::-1]  # the vertex stands between the two sides, in either order
        return Node("sym", (), f"{kind} {name}")

    def bound_sum(self) -> Node:
        r"""\sum_{k=1}^{n} body and \prod."""
        op = "sum" if self.tokens[self.place - 1].text == "\\sum" else "prod"
        self.expect("_")
        lower = self.atom()
        self.expect("^")
        upper = self.exponent()
        body = self.expression(_SUM)
        if lower.op != "rel" or lower.value != "=" or lower.args[0].op not in {"sym", "const"}:
            raise UnreadableError("a sum over something else than k = a")
        variable = lower.args[0]
        name = Node("sym", (), str(variable.value))
        if variable.op == "const":
            raise UnreadableError("a sum over a constant")
        return Node(op, (body, name, lower.args[1], upper))

    def integral(self) -> Node:
        r"""\int_a^b body dx; an indefinite one has no value."""
        ends: list[Node] = []
        if self.take("_"):
            ends.append(self.atom())
            self.expect("^")
            ends.append(self.exponent())
        if len(ends) != 2:
            raise UnreadableError("an indefinite integral")
        self.differentials += 1
        body = self.expression(_SUM - 1)
        self.differentials -= 1
        if self.token.kind == "word" and self.token.text[0] == "d" and len(self.token.text) == 2:
            name = self.advance().text[1]
        elif self.take("d") and self.token.kind == "name":
            name = self.advance().text
        else:
            raise UnreadableError("an integral without dx")
        return Node("int", (body, Node("sym", (), name), *ends))

    def limit(self) -> Node:
        r"""\lim_{x \to a} body."""
        self.expect("_")
        self.expect("{")
        variable = self.advance()
        self.expect("\\to")
        point = self.expression(0)
        self.expect("}")
        return Node("lim", (self.expression(_SUM), Node("sym", (), variable.text), point))

    def quantified(self) -> Node:
        r"""\forall x > 0, …: the domain and the statement."""
        sign = "forall" if self.tokens[self.place - 1].text == "\\forall" else "exists"
        domain = self.expression(0)
        if not (self.take(",") or self.take(":") or self.take(";")):
            raise UnreadableError("a quantifier without a statement")
        return Node("quantified", (domain, self.expression(0)), sign)

    def environment(self) -> Node:
        r"""\begin{pmatrix} … \end{pmatrix}, cases and aligned rows."""
        name = self._environment_name()
        while self.token.text in {"{", "["} and name in {"array", "tabular", "alignedat"}:
            self.advance(self.token.partner - self.place + 1)
        rows: list[list[Node]] = [[]]
        self.nest()
        while self.token.text != "\\end" and self.token.kind != "end":
            if self.token.text == "\\\\":
                self.advance()
                rows.append([])
            elif self.token.text in {"&", "\\hline"}:
                self.advance()
            else:
                rows[-1].append(self.case_cell(first=not rows[-1]) if name == "cases" else self.cell())
        self.depth -= 1
        self.expect("\\end")
        if self._environment_name() != name:
            raise UnreadableError(f"\\end{{{name}}} is missing")
        return of_environment(name, [row for row in rows if row])

    def case_cell(self, *, first: bool) -> Node:
        """A value of a piecewise definition, or behind it the condition in relations and words."""
        if first or self.token.text in RELATIONS:
            return self.sequence(_CELL_ENDS)
        guard = self.token.text.lower() if self.token.kind == "word" else ""
        if guard in _PLAIN_GUARDS:
            self.advance()
        parts: list[Node] = []
        words: list[str] = []
        while self.token.kind != "end" and self.token.text not in _CELL_ENDS:
            if self.token.kind == "word" and number_of_words([self.token.text.lower()]) is None:
                words.append(self.advance().text.lower())
            elif not self.take(",") and not self.take("."):
                parts.append(self.expression(0))
        return Node("condition", tuple(parts), "otherwise" if words in (["otherwise"], ["else"]) else " ".join(words))

    def cell(self) -> Node:
        """One cell of a matrix or of aligned rows."""
        if self.token.text in {",", "."}:
            self.advance()
        return self.expression(0)

    def _environment_name(self) -> str:
        self.expect("{")
        name = "".join(self.advance().text for _ in iter(lambda: self.token.text in {"}", ""}, True))
        self.expect("}")
        return name.rstrip("*")

    # --- brackets

    def bracket(self, *, tuples: bool = False) -> Node:
        """( ) and [ ]: a group, a tuple or an interval, which the comparison tells apart."""
        opening = self.advance().text
        if _BRACKETS.get(opening + self.token.text) in {"paren", "square"}:
            self.advance()
            return Node("paren")
        bars, split, builder = self.bars, self.split, self.builder
        self.bars, self.split, self.builder = 0, not split, False
        inner = self.sequence(_CLOSERS[opening])
        self.bars, self.split, self.builder = bars, split, builder
        closing = self.advance().text
        if closing not in _CLOSERS[opening]:
            raise UnreadableError(f"{opening!r} is not closed")
        if inner.op in {"and", "or"} and all(part.op in {"rel", "and", "or"} for part in inner.args):
            return inner
        if inner.op in LISTS:
            return Node(_BRACKETS[opening + closing], with_numbers_apart(inner.args))
        if inner.op == "matrix":
            return inner
        if opening + closing not in {"()", "[]"}:
            raise UnreadableError("brackets that do not match")
        if opening == "[" and not tuples and self._stands_alone():
            return Node("square", (inner,))
        return inner

    def _stands_alone(self) -> bool:
        return self.token.kind == "end" and self.tokens[0].text == "["

    def braces(self) -> Node:
        r"""\{ \} is a set; { } is a group unless it holds several items."""
        is_set = self.token.text == "\\{"
        closing = "\\}" if is_set else "}"
        self.advance()
        if self.take(closing):
            return EMPTY
        bars, split, builder = self.bars, self.split, self.builder
        self.bars, self.split, self.builder = int(is_set), split != is_set, is_set
        inner = self.sequence((closing, "|", "\\mid", ":", "}") if is_set else (closing, "\\over"))
        if is_set and self.token.text in {"|", "\\mid", ":"}:
            self.advance()
            self.builder = False
            inner = Node("builder", (inner, self.sequence((closing, "}"))))
        elif self.take("\\over"):
            inner = Node("div", (inner, self.sequence((closing,))))
        self.bars, self.split, self.builder = bars, split, builder
        if not (self.take(closing) or (is_set and self.take("}"))):
            raise UnreadableError("a brace is not closed")
        if inner.op in LISTS:
            return Node("brace", with_numbers_apart(inner.args))
        return Node("brace", (inner,)) if is_set and inner.op != "builder" else inner

    def bar(self) -> Node:
        """|x|: an absolute value; |AB| the length of a line."""
        self.advance()
        self.bars += 1
        inner = self.expression(POWERS["relation"])
        self.bars -= 1
        self.expect("|")
        return Node("abs", (inner,))


# Words that change a value behind it and may stand in its label; in a title with a colon more of them may.
_LABELS = frozenset({"minimum", "maximum", "min", "max", "both", "all", "only"})
_TITLES = _LABELS | {
    "with",
    "to",
    "from",
    "at",
    "on",
    "by",
    "for",
    "and",
    "positive",
    "odd",
    "even",
    "remainder",
    "total",
}
_PLAIN_GUARDS = frozenset(
    {"if", "when", "where", "for", "with", "whenever", "其中", "当", "若", "如果", "provided", "as", "given", "such"}
)


def _is_numeric_pair(tokens: list[Token], place: int) -> bool:
    """Whether (n, k) with two whole numbers stands at a place."""
    kinds = [token.kind for token in tokens[place + 1 : place + 5]]
    texts = [token.text for token in tokens[place + 1 : place + 5]]
    return len(kinds) == 4 and kinds[0] == kinds[2] == "num" and texts[1] == "," and texts[3] == ")"


_COMMANDS: dict[str, Callable[[Grammar], Node]] = {
    "\\frac": Grammar.fraction,
    "\\binom": Grammar.binomial,
    "\\sqrt": Grammar.root,
    "\\lfloor": Grammar.floor,
    "\\lceil": Grammar.ceil,
    "\\langle": Grammar.vector,
    "\\begin": Grammar.environment,
    "\\sum": Grammar.bound_sum,
    "\\prod": Grammar.bound_sum,
    "\\int": Grammar.integral,
    "\\lim": Grammar.limit,
    "\\forall": Grammar.quantified,
    "\\exists": Grammar.quantified,
    "\\overline": Grammar.overlined,
    **dict.fromkeys(["\\angle", "\\triangle", "\\odot"], Grammar.prefixed),
}
_ATOM_COMMANDS = frozenset({*_CONSTANTS, *_COMMANDS} - {"\\begin"})
