r"""Typed values: what an answer is, read from text; where text is ambiguous there are several readings.

Only this module knows which tree is which kind of value. Nothing is dropped on the way: a condition, a modulus, a name,
a unit, a base or a relation is part of the value, and text that the grammar cannot place is `Unknown`.

>>> type(readings("x = 5")[0]).__name__, type(readings("(1,2)")[0]).__name__
('Named', 'Collection')
>>> readings("5 if n is even, 6 otherwise")[0].items[0].condition.words
'is even'
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache

import msgspec

from overproof.grading.evaluate import exact_value, real_value, same_value
from overproof.grading.grammar import parse
from overproof.grading.lexer import tokens_of
from overproof.grading.lexicon import CHANGING, is_prose, is_words
from overproof.grading.regions import Piece, is_region, region_of
from overproof.grading.regions import Region as Pieces
from overproof.grading.spelling import spell
from overproof.grading.tree import LISTS, PI, FalseStatementError, Node, UnreadableError, number, product, symbols, walk
from overproof.grading.units import DEGREE, PERCENT, Unit

MAX_SIGNS = 4
"""A ± b ± … with more signs than this is not written out."""
ROUGHLY = 0.02
"""Two sides of ≈ may differ by this share of their size."""


class Value(msgspec.Struct, frozen=True):
    """What an answer is."""


class Unknown(Value, frozen=True):
    """Text that cannot be placed; `prose` when words stand in it."""

    text: str
    why: str
    prose: bool = False
    false: bool = False
    """It contradicts itself: 5 = 7."""


class Words(Value, frozen=True):
    """Plain words: a name, a set phrase."""

    text: str


class Scalar(Value, frozen=True):
    """A number or an expression."""

    node: Node

    @property
    def exact(self) -> Fraction | None:
        """Its rational value, if it has one."""
        return exact_value(self.node)


class Quantity(Value, frozen=True):
    """A number with what it counts or measures: a unit, a percent or degree sign, a currency, a noun."""

    node: Node
    unit: Unit
    guessed: bool = False
    """The unit is a single letter that may as well be a variable."""


class Clock(Value, frozen=True):
    """A time of day in minutes; `half` when neither am nor pm nor 24 hours tell which half of the day."""

    minutes: int
    open_half: bool


class Date(Value, frozen=True):
    """A day of the year."""

    year: int | None
    month: int
    day: int


class Range(Value, frozen=True):
    """15-20: a class, a score, a span."""

    ends: tuple[Fraction, ...]


class Ratio(Value, frozen=True):
    """3 : 4 : 5."""

    terms: tuple[Node, ...]


class Based(Value, frozen=True):
    """A number written in a base."""

    digits: str
    base: int


class Named(Value, frozen=True):
    """A value with its name: x = 5, f(x) = 2x, area 32."""

    name: Node
    value: Value
    node: Node | None = None
    """The equation, where it is one."""


class Collection(Value, frozen=True):
    """Several values; `form` is list, or, and, tuple, square, set or arrow."""

    items: tuple[Value, ...]
    form: str


class Interval(Value, frozen=True):
    """A set of real numbers, of a name where one is given."""

    pieces: Pieces
    name: str = ""
    node: Node | None = None
    """The inequality, where it is one."""


class Relation(Value, frozen=True):
    """An equation to be solved, an inequality between several unknowns, a statement like AB ⊥ CD."""

    node: Node


class Matrix(Value, frozen=True):
    """Rows of cells."""

    rows: tuple[tuple[Node, ...], ...]


class Condition(Value, frozen=True):
    """What must hold: relations, and words."""

    parts: tuple[Value, ...]
    words: str


class Guarded(Value, frozen=True):
    """A value under a condition."""

    value: Value
    condition: Condition


class Piecewise(Value, frozen=True):
    """Values, each with its condition."""

    cases: tuple[Guarded, ...]


class Residue(Value, frozen=True):
    """Whole numbers in some classes modulo another: 1, 3 (mod 8), x ≡ 9 (mod 10)."""

    name: str
    residues: tuple[Fraction, ...]
    modulus: Fraction


# --- readings


_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?(?: ?(am|pm))?|(\d{1,2}) ?(am|pm)", re.IGNORECASE)
_RANGE = re.compile(r"(\d+(?:\.\d+)?) ?- ?(\d+(?:\.\d+)?)(?: ?- ?(\d+))?")
_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_DATE = re.compile(
    rf"(?:(?P<m>{'|'.join(_MONTHS)}) (?P<d>\d{{1,2}})(?:st|nd|rd|th)?"
    rf"|(?P<d2>\d{{1,2}})(?:st|nd|rd|th)? (?P<m2>{'|'.join(_MONTHS)}))"
    r"(?:,? (?P<y>\d{4}))?|(?:(?P<y3>\d{4})年)?(?P<m3>\d{1,2})月(?P<d3>\d{1,2})[日号]",
    re.IGNORECASE,
)
_SPACED_LIST = re.compile(r"-?\d+(?: -?\d+)+")
_DECIMAL_COMMA = re.compile(r"-?\d+,(?:\d{1,2}|\d{4,})")
_SHARE = re.compile(r"(\d+) (?:out of|in every|in) (\d+)")
_REMAINDER = re.compile(r"(\d+) *(?:r|R|remainder|余|\\ldots|\.\.\.|…)+ *(\d+)")
_GROUPED = re.compile(r"\d,\d{3}(?!\d)")
_TIGHT = re.compile(r"/ ?\d+ ?(?:\\pi|[a-z])")
_LETTER_UNIT = re.compile(r"[\d)}] ?[a-zA-Z](?![a-zA-Z])")
_TOKENS_TO_DROP = re.compile(r"\\text\{([^{}]*)\}")
_ORDINAL = re.compile(r"(\d) ?(?:\^ ?\{? ?)?(?:\\text\{ ?)?(?:st|nd|rd|th)(?: ?\})?(?: ?\})?(?= |$)")


@lru_cache(maxsize=8192)
def readings(text: str, alone: frozenset[str] = frozenset()) -> tuple[Value, ...]:
    """What a text may mean, the likeliest first; never empty. Text that cannot be placed is one `Unknown`.

    `alone` are letters known to stand for themselves, so that `RC` is a product of two of them.
    """
    spelled = spell(text)
    if spelled.isascii() and spelled.isdigit() and len(spelled) < 1000:
        return (Scalar(number(int(spelled))),)
    found: list[Value] = list(_special(spelled))
    try:
        plain = _ORDINAL.sub(r"\1", spelled) if "t" in spelled or "d" in spelled else spelled
        value = value_of(parse(plain, alone=alone))
        if isinstance(value, Collection) and _has_prose(value):
            return (Unknown(canonical(spelled), "prose", prose=True),)
        found.append(value)
    except FalseStatementError as error:
        return (Unknown(canonical(spelled), str(error), false=True),)
    except UnreadableError as error:
        if not found:
            found.append(_unknown(spelled, str(error)))
        return tuple(found)
    for options in _alternatives(spelled):
        try:
            other = value_of(parse(spelled, alone=alone, **options))
        except UnreadableError:
            continue
        if other not in found:
            if options.get("letters") and isinstance(other, Quantity):
                other = Quantity(other.node, other.unit, guessed=True)
            found.append(other)
    return tuple(found)


def _has_prose(value: Collection) -> bool:
    """Whether an item of a list is a sentence: then the commas are a sentence's too."""
    return any(isinstance(item, Words) and is_prose(item.text) for item in value.items)


def _alternatives(spelled: str) -> Iterator[dict[str, bool]]:
    if _GROUPED.search(spelled):
        yield {"split": True}
    if _TIGHT.search(spelled):
        yield {"tight": True}
    if _LETTER_UNIT.search(spelled):
        yield {"letters": True}


def _unknown(spelled: str, why: str) -> Unknown:
    return Unknown(canonical(spelled), why, prose=is_words(spelled) or "?" in spelled or _has_words(spelled))


def _has_words(spelled: str) -> bool:
    try:
        return any(token.kind == "word" for token in tokens_of(spelled[:2000]))
    except UnreadableError:
        return False


@lru_cache(maxsize=4096)
def canonical(spelled: str) -> str:
    """A text that cannot be placed, in one spelling: without spaces and without braces around single tokens."""
    text = _TOKENS_TO_DROP.sub(r" \1 ", spelled)
    text = re.sub(r"\{ *([A-Za-z0-9]|\\[A-Za-z]+) *\}", r"\1 ", text)
    return re.sub(r"\s+", "", text).rstrip(".,;:。").lower()


_STRUCTURE = re.compile(r"\\(?:begin|end)\{[a-z*]+\}|&|\\(?:displaystyle|quad|qquad)(?![a-z])|\[\d+pt\]")
_CLAUSES = re.compile(
    r"\\(?:Rightarrow|implies|Longrightarrow|iff|Leftrightarrow|therefore)(?![a-z])|\\\\"
    r"|(?<!\d)[.;](?= |$)|(?<=\d)\.(?= )|, (?=[a-z\\])"
)
_TEXT_GROUP = re.compile(r"\\text\{([^{}]*)\}")
_LAST_STATEMENT = re.compile(
    r"\\text\{ ?(?:so|thus|therefore|hence)\b([^{}]*)\}([^{}=]{1,40})(?:\\text\{([^{}]*)\})?", re.IGNORECASE
)


_IN_STATEMENTS = frozenset({"is", "are", "was", "at", "on", "by", "be", "must"})


def conclusion(spelled: str) -> str | None:
    """The value that a derivation in an answer ends in, where its last sides agree; None where it ends in none."""
    text = _STRUCTURE.sub(" ", spelled[-4_000:]).rstrip(" .")
    match = _LAST_STATEMENT.fullmatch(text, max(0, text.lower().rfind("\\text{so")))
    if match and not (CHANGING - _IN_STATEMENTS) & set(f"{match[1]} {match[3] or ''}".lower().replace(".", "").split()):
        return match[2].strip(" ,")
    noun = ""
    group = next(
        (match for match in _TEXT_GROUP.finditer(text, max(0, len(text) - 90)) if match.end() == len(text)), None
    )
    if group is not None:
        if CHANGING & set(group[1].lower().replace(".", "").split()) or "=" in group[1]:
            return None
        noun, text = group[1].strip(" ."), text[: group.start()]
    clause = _TEXT_GROUP.split(_CLAUSES.split(text)[-1])[-1]
    sides = [side.strip(" ,.") for side in clause.split("=")]
    if len(sides) < 2 or not sides[-1]:
        return None
    last = readings(sides[-1])[0]
    if not isinstance(last, Scalar | Quantity) or symbols(last.node):
        return None
    if sides[-2] == sides[-1]:
        return None
    before = readings(sides[-2])[0] if sides[-2] else last
    if (
        isinstance(before, Scalar)
        and isinstance(last, Scalar)
        and not symbols(before.node)
        and same_value(before.node, last.node) is False
    ):
        return None
    unit = (
        f" \\text{{{noun}}}"
        if noun and isinstance(last, Scalar) and not isinstance(readings(f"{sides[-1]} \\text{{{noun}}}")[0], Unknown)
        else ""
    )
    return sides[-1] + unit


def _special(spelled: str) -> Iterator[Value]:
    """Readings of whole texts that are no mathematics: clock times, dates, ranges, decimal commas, shares."""
    if not spelled or len(spelled) > 40 or not any(character.isdigit() for character in spelled):
        return
    if match := _CLOCK.fullmatch(spelled):
        yield from _clock(match)
    if match := _DATE.fullmatch(spelled):
        parts = match.groupdict()
        month = parts["m3"] or str(_MONTHS.index((parts["m"] or parts["m2"]).lower()) + 1)
        year = parts["y"] or parts["y3"]
        yield Date(int(year) if year else None, int(month), int(parts["d"] or parts["d2"] or parts["d3"]))
    if match := _RANGE.fullmatch(spelled):
        yield Range(tuple(Fraction(group) for group in match.groups() if group))
    if (match := _SHARE.fullmatch(spelled)) and int(match[2]):
        yield Scalar(number(Fraction(int(match[1]), int(match[2]))))
    if match := _REMAINDER.fullmatch(spelled):
        yield Collection(
            (Scalar(number(int(match[1]))), Named(Node("words", (), "remainder"), Scalar(number(int(match[2]))))),
            "tuple",
        )
    if _SPACED_LIST.fullmatch(spelled):
        yield Collection(tuple(Scalar(number(int(piece))) for piece in spelled.split(" ")), "list")
    if _DECIMAL_COMMA.fullmatch(spelled):
        whole, _, decimals = spelled.partition(",")
        if len(decimals) < 1000:
            yield Collection((Scalar(number(int(whole))), Scalar(number(int(decimals)))), "list")
            yield Scalar(number(Fraction(f"{whole}.{decimals}"), len(decimals)))


def _clock(match: re.Match[str]) -> Iterator[Value]:
    hours, minutes = int(match[1] or match[5]), int(match[2] or 0)
    half = (match[4] or match[6] or "").lower()
    if hours > 24 or minutes > 59 or (half and not 0 < hours <= 12):
        return
    if half:
        hours = hours % 12 + (12 if half == "pm" else 0)
    yield Clock(hours * 60 + minutes, not half and 0 < hours <= 12)


# --- trees to values


def value_of(node: Node) -> Value:
    """The typed value of a tree. Raises UnreadableError where its parts do not make one."""
    read = _TYPES.get(node.op)
    return read(node) if read is not None else _scalar(node)


def _scalar(node: Node) -> Value:
    return Scalar(_plain(node))


def _plain(node: Node) -> Node:
    """A tree that is one number or expression: degree and percent signs inside it are factors."""
    if not node.args:
        if node.op in {"words", "blank"}:
            raise UnreadableError(f"words: {node.value}" if node.op == "words" else "a relation without its side")
        return node
    if node.op == "quantity":
        unit: Unit = node.value
        if unit == PERCENT:
            return Node("div", (_plain(node.args[0]), number(100)))
        if unit == DEGREE:
            return Node("mul", (_plain(node.args[0]), Node("div", (PI, number(180)))))
        raise UnreadableError(f"a unit inside an expression: {unit.name}")
    if node.op == "paren" and len(node.args) == 1:
        return _plain(node.args[0])
    if node.op in _COMPOSITE and node.op != "ratio":
        raise UnreadableError(f"a {node.op} inside an expression")
    if node.op == "ratio" and len(node.args) == 2:
        return Node("div", (_plain(node.args[0]), _plain(node.args[1])))
    if node.op in {"call", "given"}:
        return Node(node.op, tuple(_argument(part) for part in node.args), node.value)
    return Node(node.op, tuple(_plain(part) for part in node.args), node.value, node.decimals)


def _argument(node: Node) -> Node:
    """An argument of an unknown function may be anything."""
    return node if node.op in _COMPOSITE or node.op == "given" else _plain(node)


def _quantity(node: Node) -> Value:
    inner = value_of(node.args[0])
    unit: Unit = node.value
    if isinstance(inner, Scalar):
        return Quantity(inner.node, unit)
    if isinstance(inner, Ratio | Clock | Range) and unit.dimension is None:
        return inner
    raise UnreadableError(f"{unit.name} of a {type(inner).__name__}")


def _sum(node: Node) -> Value:
    if all(part.op == "quantity" for part in node.args) and len(node.args) > 1:
        return _total(list(node.args))
    if any(part.op == "matrix" or (part.op == "neg" and part.args[0].op == "matrix") for part in node.args):
        return Matrix(_added(node.args))
    if is_region(node):
        return _region(node)
    if len(node.args) == 2 and node.args[0].op != "quantity" and _inner_quantity(node.args[1]):
        last = node.args[1]  # 20 ± 0.5 cm: the unit is of both
        bare = replaced_quantity(last)
        unit = _unit_in(last)
        if unit not in {PERCENT, DEGREE}:
            return Quantity(_plain(Node("add", (node.args[0], bare))), unit)
    return _scalar(node)


def _inner_quantity(node: Node) -> bool:
    return node.op == "quantity" or (node.op in {"neg", "plusminus"} and node.args[0].op == "quantity")


def replaced_quantity(node: Node) -> Node:
    """A signed quantity without its unit."""
    return node.args[0] if node.op == "quantity" else Node(node.op, (node.args[0].args[0],), node.value)


def _unit_in(node: Node) -> Unit:
    unit: Unit = node.value if node.op == "quantity" else node.args[0].value
    return unit


def _negated(node: Node) -> Value:
    inner = value_of(node.args[0])
    if isinstance(inner, Quantity):
        return Quantity(Node("neg", (inner.node,)), inner.unit)
    if isinstance(inner, Matrix):
        return Matrix(tuple(tuple(Node("neg", (cell,)) for cell in row) for row in inner.rows))
    return _scalar(node)


def _product(node: Node) -> Value:
    """A product; a number times a matrix, a quantity times a number."""
    matrices = [part for part in node.args if part.op == "matrix"]
    if len(matrices) == 1:
        factors = [_plain(part) for part in node.args if part.op != "matrix"]
        rows = _rows(matrices[0])
        return Matrix(tuple(tuple(product([*factors, cell]) for cell in row) for row in rows))
    measured = [part for part in node.args if part.op == "quantity" and part.value not in {PERCENT, DEGREE}]
    if len(measured) == 1:
        rest = [part.args[0] if part is measured[0] else part for part in node.args]
        return Quantity(_plain(product(rest)), measured[0].value)
    return _scalar(node)


def _total(parts: list[Node]) -> Value:
    """Amounts in units of one dimension, as one amount in the first unit."""
    unit: Unit = parts[0].value
    terms: list[Node] = []
    for part in parts:
        other: Unit = part.value
        if other.dimension is None or other.dimension != unit.dimension:
            raise UnreadableError("amounts of different kinds")
        scale = other.factor / unit.factor
        value = _plain(part.args[0])
        terms.append(value if scale == 1 else Node("mul", (value, number(scale))))
    return Quantity(Node("add", tuple(terms)), unit)


def _rows(node: Node) -> tuple[tuple[Node, ...], ...]:
    return tuple(tuple(_plain(cell) for cell in row.args) for row in node.args if row.args)


def _added(parts: tuple[Node, ...]) -> tuple[tuple[Node, ...], ...]:
    """The sum of matrices of one shape, entry by entry."""
    values = [value_of(part) for part in parts]
    tables = [value.rows for value in values if isinstance(value, Matrix)]
    if len(tables) < len(values) or len({tuple(len(row) for row in table) for table in tables}) > 1:
        raise UnreadableError("matrices that do not add up")
    return tuple(tuple(Node("add", cells) for cells in zip(*rows, strict=True)) for rows in zip(*tables, strict=True))


# --- collections


def _collection(node: Node) -> Value:
    """Items without brackets; what only says where a parameter lives is a condition on the rest."""
    if is_region(node) and _variables_of_region(node) <= 1 and (pieces := region_of(_without_marks(node))) is not None:
        return _with_pieces(pieces, node)
    items: list[Value] = []
    conditions: list[Value] = []
    for part in node.args:
        if is_domain(part):
            conditions.append(Relation(part))
        else:
            items.append(value_of(part))
    if not items:
        raise UnreadableError("nothing but domains")
    items = _with_shared_modulus(items)
    value = items[0] if len(items) == 1 else Collection(tuple(items), node.op)
    if isinstance(value, Collection) and isinstance(items[-1], Guarded) and is_domain_condition(items[-1].condition):
        value = Guarded(Collection((*items[:-1], items[-1].value), node.op), items[-1].condition)
    return Guarded(value, Condition(tuple(conditions), "")) if conditions else value


def _with_shared_modulus(items: list[Value]) -> list[Value]:
    """`1, 3 (mod 8)`: the modulus is of all."""
    last = items[-1]
    if (
        len(items) > 1
        and isinstance(last, Residue)
        and all(isinstance(item, Scalar) and item.exact is not None for item in items[:-1])
    ):
        residues = [item.exact for item in items[:-1] if isinstance(item, Scalar) and item.exact is not None]
        return [_residue_class(last.name, [*residues, *last.residues], last.modulus)]
    return items


def _bracketed(node: Node) -> Value:
    form = {"paren": "tuple", "square": "square", "brace": "set"}[node.op]
    if form == "set" and not node.args:
        return Collection((), "set")
    if form != "set" and len(node.args) == 2 and is_region(node):
        return _region(node)
    return Collection(tuple(value_of(part) for part in node.args), form)


def _arrow(node: Node) -> Value:
    return Collection(tuple(value_of(part) for part in node.args), "arrow")


def _region(node: Node) -> Value:
    pieces = region_of(_without_marks(node)) if _variables_of_region(node) <= 1 else None
    if pieces is None:
        if node.op == "builder":
            return _builder(node)
        if node.op in {"union", "intersection", "difference"}:
            return Relation(node)
        raise UnreadableError("a set that is no region")
    return _with_pieces(pieces, node)


def _without_marks(node: Node) -> Node:
    """A region whose ends carry degree and percent signs as factors; another unit cannot be placed."""
    if node.op == "quantity":
        return _plain(node)
    if not node.args:
        return node
    return Node(node.op, tuple(map(_without_marks, node.args)), node.value, node.decimals)


def _with_pieces(pieces: Pieces, node: Node) -> Value:
    name = region_name(node)
    if pieces and all(piece.low == piece.high for piece in pieces):
        values = tuple(Scalar(piece.low) for piece in pieces)
        collection = Collection(values, "set")
        return Named(Node("sym", (), name), collection) if name else collection
    return Interval(pieces, name)


def _builder(node: Node) -> Value:
    """{x | …} with a condition that is no region of numbers: the condition is what is said."""
    try:
        body = value_of(node.args[1])
    except UnreadableError as error:
        raise UnreadableError(f"a set-builder: {error}") from None
    return Guarded(value_of(node.args[0]), Condition((body,), "set"))


def region_name(node: Node) -> str:
    """The variable that an inequality is about; empty for an interval."""
    for part in walk(node):
        if part.op == "rel":
            names = sorted(
                name for side in part.args for name in ([str(side.value)] if side.op == "sym" else symbols(side))
            )
            own = [str(side.value) for side in part.args if side.op == "sym" and str(side.value) != "∅"]
            return own[0] if own else names[0] if names else ""
    return ""


def _variables_of_region(node: Node) -> int:
    """How many variables the relations in a region are about."""
    heads: set[str] = set()
    for part in walk(node):
        if part.op == "rel" and "in" not in str(part.value).split():
            sides = [side for side in part.args if side.op != "blank"]
            own = {str(side.value) for side in sides if side.op == "sym"}
            names = own if len(own) == 1 else frozenset().union(*map(symbols, sides))
            heads |= names
    return len(heads)


_DOMAINS = frozenset(
    {"Z", "N", "R", "Q", "C", "\\mathbb(Z)", "\\mathbb(N)", "\\mathbb(R)", "\\mathbb(Q)", "\\mathbb(C)"}
)
_DOMAIN_WORDS = frozenset(
    [
        "any",
        "constant",
        "constants",
        "arbitrary",
        "integer",
        "integers",
        "is",
        "an",
        "a",
        "are",
        "real",
        "number",
        "numbers",
        "all",
        "some",
        "every",
        "for",
        "where",
        "k",
        "n",
        "m",
        "c",
        "t",
        "each",
        "the",
        "and",
        "being",
        "as",
        "parameter",
        "parameters",
        "value",
        "values",
        "of",
        "positive",
        "nonnegative",
        "non-negative",
        "natural",
        "rational",
        "为",
        "任意",
        "整数",
        "常数",
        "实数",
        "任意常数",
        "是",
    ]
)


def is_domain(node: Node) -> bool:
    """K ∈ Z and the like: where a parameter lives, not a part of the answer."""
    if node.op != "rel" or str(node.value) != "in":
        return False
    domain = node.args[-1]
    while domain.op in {"pow", "mul", "add"}:
        domain = domain.args[0]
    return domain.op == "sym" and str(domain.value).split("_")[0].rstrip("+*") in _DOMAINS


def is_domain_condition(condition: Condition) -> bool:
    """Whether a condition says no more than where a parameter lives: k ∈ Z, for any constant c."""
    words = set(condition.words.split())
    if not words <= _DOMAIN_WORDS:
        return False
    return all(
        (isinstance(part, Relation) and is_domain(part.node))
        or (isinstance(part, Scalar) and part.node.op == "sym" and bool(words))
        or (isinstance(part, Named) and isinstance(part.value, Scalar) and is_domain_name(part.value.node))
        or (
            isinstance(part, Collection)
            and bool(words)
            and all(isinstance(i, Scalar) and i.node.op == "sym" for i in part.items)
        )
        for part in condition.parts
    )


def is_domain_name(node: Node) -> bool:
    """Whether a tree is ℤ, ℝ and the like."""
    return node.op == "sym" and str(node.value).split("_")[0].rstrip("+*") in _DOMAINS


# --- relations


_COMPARISONS = frozenset({"<", ">", "<=", ">=", "!="})


def _relation(node: Node) -> Value:
    operators = str(node.value).split()
    if set(operators) <= {"=", "~"}:
        return _equation(node, operators)
    if operators == ["in"] and not is_domain(node):
        return Named(node.args[0], value_of(node.args[1]))
    if set(operators) <= _COMPARISONS:
        if any(part.op in _COMPOSITE and part.op != "quantity" for part in node.args):
            return Relation(node)
        bare = Node("rel", tuple(part if part.op == "blank" else _plain_side(part) for part in node.args), node.value)
        if node.args[0].op == "blank":
            bare = Node("rel", (Node("sym", (), ""), *bare.args[1:]), node.value)
        if _variables_of_region(bare) <= 1 and (pieces := region_of(bare)) is not None:
            return Interval(pieces, region_name(bare), bare)
        return Relation(bare)
    return Relation(node)


def _plain_side(node: Node) -> Node:
    """A side of an inequality; units on it stay out of the comparison of numbers and are refused."""
    return _plain(node)


def _equation(node: Node, operators: list[str]) -> Value:
    """`expr = v` and chains: a name with a value, an agreeing chain's value, or an equation to be solved."""
    args = list(node.args)
    if args[0].op == "blank":
        args = args[1:]
        operators = operators[1:]
    if len(args) == 1:
        return value_of(args[0])
    if len(args) == 2 and is_name(args[1]) and not is_name(args[0]):
        args = args[::-1]
    values = [_side(part) for part in args]
    if _contradict(values, operators):
        raise FalseStatementError("its own sides differ")
    exact_until = operators.index("~") if "~" in operators else len(args) - 1
    last = max(exact_until, 1) if is_name(args[0]) else exact_until
    head, tail = args[0], values[last]
    if (
        isinstance(tail, Scalar)
        and isinstance(values[0], Scalar)
        and not symbols(values[0].node)
        and not symbols(tail.node)
        and not _is_head(values[0].node, 0)
    ):
        if all(value == tail for value in values) and "~" not in operators:
            raise UnreadableError("a statement that says nothing")
        return values[0] if "~" in operators else tail
    if isinstance(values[0], Quantity) and isinstance(tail, Quantity):
        return values[0] if "~" in operators else tail
    if is_name(head) and not (isinstance(tail, Scalar) and _mentions(head, tail.node)):
        return Named(head, tail, Node("rel", (args[0], args[last]), "=") if len(args) == 2 else None)
    if all(isinstance(value, Scalar) for value in values) and _is_identity(values):
        return tail
    if len(args) > 2 and isinstance(tail, Scalar) and not symbols(tail.node):
        return Named(head, tail)
    if len(args) != 2 or "~" in operators:
        raise UnreadableError("a chain that is no value")
    return Relation(
        Node(
            "rel",
            tuple(
                part if isinstance(v, Collection | Matrix | Words) else _plain(part)
                for part, v in zip(args, values, strict=True)
            ),
            "=",
        )
    )


def _mentions(head: Node, value: Node) -> bool:
    return head.op == "sym" and str(head.value) in symbols(value)


def _side(node: Node) -> Value:
    return value_of(node)


def _contradict(values: list[Value], operators: list[str]) -> bool:
    """Whether two sides without variables differ: 5 = 7, 63 ≈ 763."""
    known = [
        (place, value.node)
        for place, value in enumerate(values)
        if isinstance(value, Scalar) and not symbols(value.node) and not _is_head(value.node, place)
    ]
    for (place, one), (later, other) in itertools.pairwise(known):
        if "~" in operators[place:later]:
            left, right = real_value(one), real_value(other)
            if (
                left is not None
                and right is not None
                and abs(left - right) > ROUGHLY * max(abs(left), abs(right)) + 0.005
            ):
                return True
        elif same_value(one, other) is False and not _rounds(one, other):
            return True
    return False


def _is_head(node: Node, place: int) -> bool:
    """Whether a side names something: f(2), or e at the head of e = c/a."""
    return any(part.op == "call" for part in walk(node)) or (
        place == 0 and node.op == "const" and node.value in {"e", "i"}
    )


def _rounds(one: Node, other: Node) -> bool:
    """Whether one of two numbers is the other one rounded to the digits it is written with."""
    for short, long in ((one, other), (other, one)):
        plain = short.args[0] if short.op == "neg" else short
        if plain.op == "num" and plain.decimals:
            left, right = real_value(short), real_value(long)
            if left is not None and right is not None and abs(left - right) <= 0.51 * 10.0**-plain.decimals:
                return True
    return False


def _is_identity(values: list[Value]) -> bool:
    nodes = [value.node for value in values if isinstance(value, Scalar)]
    return bool(symbols(nodes[-1])) and all(node == nodes[-1] or same_value(node, nodes[-1]) for node in nodes[:-1])


def is_name(node: Node) -> bool:
    """Whether a tree names a quantity: x, x_1, f(x), P(A), |AB|, sin A, (x, y), a : b, S = …."""
    if node.op in {"sym", "words"}:
        return True
    if node.op == "call":
        return all(part.op not in {"num", "add"} or True for part in node.args)
    if node.op == "const":
        return node.value in {"e", "i"}
    if node.op in {"paren", "list"}:
        return bool(node.args) and all(is_name(part) for part in node.args)
    if node.op == "abs" and node.args[0].op == "mul":
        return all(part.op == "sym" for part in node.args[0].args)
    if node.op in {"abs", "ratio", "sin", "cos", "tan", "min", "max", "quantity"}:
        return bool(symbols(node)) and all(is_name(part) or part.op == "num" for part in node.args)
    return False


def _residue(node: Node) -> Value:
    inner, modulus_node = node.args
    modulus = exact_value(modulus_node)
    name = ""
    if inner.op == "rel" and str(inner.value) in {"==", "="}:
        if len(inner.args) == 2 and inner.args[0].op == "sym":
            name, inner = str(inner.args[0].value), inner.args[1]
        else:
            return Relation(node)
    residue = exact_value(inner)
    if residue is None or modulus is None or modulus <= 0:
        return Relation(node)
    return _residue_class(name, [residue], modulus)


def _residue_class(name: str, residues: list[Fraction], modulus: Fraction) -> Residue:
    return Residue(name, tuple(sorted({residue % modulus for residue in residues})), modulus)


def _guarded(node: Node) -> Value:
    value = value_of(node.args[0])
    return Guarded(value, _condition(node.args[1]))


def _condition(node: Node) -> Condition:
    pieces = [piece for part in node.args for piece in (part.args if part.op in LISTS else (part,))]
    return Condition(
        tuple(Relation(piece) if is_domain(piece) else value_of(piece) for piece in pieces), str(node.value)
    )


def _cases(node: Node) -> Value:
    pairs = list(zip(node.args[::2], node.args[1::2], strict=True))
    return Piecewise(tuple(Guarded(value_of(value), _condition(condition)) for value, condition in pairs))


def _named(node: Node) -> Value:
    value = value_of(node.args[0])
    if isinstance(value, Words):
        return Words(f"{node.value} {value.text}")
    return Named(Node("words", (), str(node.value)), value)


def _ratio(node: Node) -> Value:
    return Ratio(tuple(_plain(part) for part in node.args))


_COMPOSITE = frozenset({
    "rel", "list", "or", "and", "paren", "square", "brace", "openleft", "openright", "union", "intersection",
    "difference", "builder", "matrix", "cases", "arrow", "words", "named", "guarded", "residue", "ratio", "quantity",
    "condition",
})  # fmt: skip
_TYPES: dict[str, Callable[[Node], Value]] = {
    "quantity": _quantity,
    "add": _sum,
    "neg": _negated,
    "mul": _product,
    "matrix": lambda node: Matrix(_rows(node)),
    **dict.fromkeys(LISTS, _collection),
    "quantified": lambda node: Guarded(value_of(node.args[1]), Condition((value_of(node.args[0]),), node.value)),
    **dict.fromkeys(["paren", "square", "brace"], _bracketed),
    **dict.fromkeys(["openleft", "openright", "union", "intersection", "difference", "builder"], _region),
    "arrow": _arrow,
    "rel": _relation,
    "residue": _residue,
    "guarded": _guarded,
    "cases": _cases,
    "named": _named,
    "ratio": _ratio,
    "words": lambda node: Words(str(node.value)),
    "based": lambda node: Based(*node.value),
}


def as_interval(value: Value) -> Interval | None:
    """A pair in brackets as an interval; None for anything else."""
    if not isinstance(value, Collection) or value.form not in {"tuple", "square"} or len(value.items) != 2:
        return None
    low, high = value.items
    if not isinstance(low, Scalar) or not isinstance(high, Scalar):
        return None
    closed = value.form == "square"
    return Interval((Piece(low.node, high.node, low_closed=closed, high_closed=closed),))


def written_out(value: Value) -> tuple[Value, ...]:
    """A value with its ± written out: ±2 is 2 and -2; in a tuple each sign is free, in a value they go together."""
    if isinstance(value, Scalar):
        return tuple(Scalar(node) for node in _both_signs(value.node))
    if isinstance(value, Quantity):
        return tuple(Quantity(node, value.unit, value.guessed) for node in _both_signs(value.node))
    if isinstance(value, Named):
        return tuple(Named(value.name, inner) for inner in written_out(value.value))
    if isinstance(value, Guarded):
        return tuple(Guarded(inner, value.condition) for inner in written_out(value.value))
    if isinstance(value, Collection) and value.form in {"tuple", "square"}:
        choices: list[tuple[Value, ...]] = [()]
        for item in value.items:
            choices = [(*start, one) for start in choices for one in written_out(item)]
            if len(choices) > 2**MAX_SIGNS:
                return (value,)
        return tuple(Collection(items, value.form) for items in choices)
    return (value,)


def _both_signs(node: Node) -> list[Node]:
    signs = sum(1 for part in walk(node) if part.op == "plusminus")
    if not signs or signs > MAX_SIGNS:
        return [node]
    return [_with_sign(node, plus=True), _with_sign(node, plus=False)]


def _with_sign(node: Node, *, plus: bool) -> Node:
    if node.op == "plusminus":
        inner = _with_sign(node.args[0], plus=plus)
        return inner if (node.value == "+") == plus else Node("neg", (inner,))
    if not node.args:
        return node
    return Node(node.op, tuple(_with_sign(part, plus=plus) for part in node.args), node.value, node.decimals)
