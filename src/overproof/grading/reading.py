r"""Text → typed values: the one place that knows which tree is which kind of value; an ambiguous text has several.

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

from overproof.grading.domains import is_domain, is_domain_condition
from overproof.grading.evaluate import exact_value, real_value, same_value
from overproof.grading.everyday import everyday
from overproof.grading.grammar import parse
from overproof.grading.lexer import tokens_of
from overproof.grading.lexicon import CHANGE, LOWERED, RAISED, folded, is_prose, is_word, is_words
from overproof.grading.regions import Region as Pieces
from overproof.grading.regions import is_region, region_of, whole_numbers_in
from overproof.grading.spelling import spell, without_spaces
from overproof.grading.tree import (
    BRACKETS,
    LISTS,
    PI,
    SET_OPERATIONS,
    E,
    FalseStatementError,
    I,
    Node,
    UnreadableError,
    number,
    product,
    replaced,
    symbols,
    walk,
)
from overproof.grading.units import DEGREE, PERCENT, Unit, called_beside, unit_named
from overproof.grading.values import (
    GROUPED,
    LETTER_UNIT,
    STATEMENTS,
    Based,
    Clock,
    Collection,
    Condition,
    Date,
    Guarded,
    Interval,
    Matrix,
    Named,
    Piecewise,
    Quantity,
    Range,
    Ratio,
    Relation,
    Residue,
    Scalar,
    Unknown,
    Value,
    Words,
    as_interval,
    guess_of,
    written_out,
)

MAX_PLAIN_DIGITS = 1_000
MAX_CHANGE_CHARS = 60
ROUGHLY = 0.02
"""Two sides of ≈ may differ by this share of their size."""

_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?!\d)")
_TIGHT = re.compile(r"/ ?\d+ ?(?:\\pi|[a-z])")
_LETTER_UNIT = re.compile(r"[\d)}] ?/? ?[a-zA-Z](?![a-zA-Z])")
_TOKENS_TO_DROP = re.compile(r"\\text\{([^{}]*)\}")
_EXCEPT = re.compile(
    r"(?:\\text\{)?all (?:real )?(?:numbers|values|reals|x|real x)(?: \$?x\$?)?,? (?:except|other than|but|excluding)"
    r"(?: for)?\}? *(?:x ?= ?)?(-?[^a-z]{1,20})",
    re.IGNORECASE,
)
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\{\w+\*?\}")
_ORDINAL = re.compile(r"(\d) ?(?:\^ ?\{? ?)?(?:\\text\{ ?)?(?:st|nd|rd|th)(?: ?\})?(?: ?\})?(?= |$)")
_UNTAKEN = re.compile(
    r"\\frac *\{ *(?:d|\\partial)(?:\^\{?\d\}?)? *\} *\{ *(?:d|\\partial) *[a-z][^{}]*\} *(?=[^ =,.])"
)
"""The sign of a derivative before what it is taken of; d and x are no letters of a product there."""
# Parts behind their numbers, several names of one value, and amounts in a row: texts that are several values.
_STATEMENT_PAIR = re.compile(r"\((\d)\) ?\((\d)\)")
_PART_LABEL = re.compile(
    r"(?:^|(?<=[ ,;]))(?:\((?P<inside>\d|[a-hA-H]|i{1,3}|iv|v)\)|(?P<before>[1-9a-hA-H])(?:\)|: ))(?= |[^\s(])"
)
_ROMAN_LABELS = ["i", "ii", "iii", "iv", "v"]
_NAMES_OF_ONE = re.compile(r"((?:[A-Za-z](?:_\{?\w\}?)? ?= ?){2,6})([^=<>,;]+)")
_AMOUNT = r"(\d+(?:\.\d+)?) ?([\u4e00-\u9fff]{1,3}|[a-z]{1,8})"
_AMOUNTS = re.compile(rf"{_AMOUNT}(?: ?{_AMOUNT}){{1,2}}")


@lru_cache(maxsize=8192)
def readings(text: str, alone: frozenset[str] = frozenset()) -> tuple[Value, ...]:
    """What a text may mean, the likeliest first; never empty. Text that cannot be placed is one `Unknown`.

    `alone` are letters known to stand for themselves, so that `RC` is a product of two of them.
    """
    spelled = spell(text)
    if spelled.isascii() and spelled.isdigit() and len(spelled) < MAX_PLAIN_DIGITS:
        return (Scalar(number(int(spelled))),)
    forms = list(everyday(spelled))
    found = [value for value in forms if not guess_of(value)]
    guesses = [value for value in forms if guess_of(value)]
    if found and isinstance(found[0], Clock | Date) and not spelled[-1].isdigit():
        amounts = _amounts(spelled)  # 9:30 may be a ratio, 9:30 pm may not
        return tuple(found) if amounts is None else (*found, amounts)
    if found and isinstance(found[0], Based):
        return tuple(found)
    likeliest = _numbered(spelled, alone) or _changed(spelled, alone) or _whole(spelled, alone)
    if isinstance(likeliest, Unknown):
        whole = not likeliest.false and likeliest.why != "prose"
        amounts = _amounts(spelled)
        found += [] if amounts is None else [amounts]
        return (*found, *guesses) if whole and found else (likeliest, *(guesses if whole else ()))
    found.append(likeliest)
    found = _with_alternatives(spelled, alone, found)
    if (product_ := _STATEMENT_PAIR.fullmatch(text.strip())) is not None:
        guesses.append(Scalar(number(int(product_[1]) * int(product_[2])), guessed=STATEMENTS))
    found += [value for value in (_of_each_name(spelled, alone), _amounts(spelled)) if value is not None]
    return (*found, *guesses, *(_components(found[0]) if "j" in spelled else ()))


def _with_alternatives(spelled: str, alone: frozenset[str], found: list[Value]) -> list[Value]:
    """The readings found so far, the likeliest last, with those that another way of parsing gives."""
    for options in _alternatives(spelled):
        try:
            other = value_of(parse(spelled, alone=alone, **options))
        except UnreadableError:
            continue
        if options.get("split") and isinstance(found[-1], Scalar) and _GROUPED.fullmatch(spelled):
            found[-1] = Scalar(found[-1].node, guessed=GROUPED)
        if options.get("letters") and isinstance(other, Quantity) and other not in found:
            nothing = other.node == number(0) and isinstance(found[-1], Scalar)  # 0 K is no product, which were 0
            other = Quantity(other.node, other.unit, guessed="" if nothing else LETTER_UNIT)
            found = [*found[:-1], other] if nothing else found
        if other not in found:
            found.append(other)
    return found


def _numbered(spelled: str, alone: frozenset[str]) -> Value | None:
    """`(1) 3 (2) 4`, `b) 4 a) 3`: the parts of an answer in the order of their labels; None for any other text."""
    labels = [*_PART_LABEL.finditer(spelled)] if _PART_LABEL.match(spelled) else []
    if len(labels) < 2:
        return None
    ends = [label.start() for label in labels[1:]]
    parts = [spelled[label.end() : end].strip(" ,;") for label, end in zip(labels, [*ends, len(spelled)], strict=True)]
    places = _places_of_labels([label["inside"] or label["before"] for label in labels])
    if places is None or not all(parts):
        return None
    values = [readings(part, alone)[0] for part in parts]
    if any(isinstance(value, Unknown) for value in values):
        return None
    return Collection(tuple(values[places.index(place)] for place in range(len(places))), "tuple")


def _changed(spelled: str, alone: frozenset[str]) -> Value | None:
    """`decreased by 25%`: the amount, with the turn of the change as its name; None for any other text."""
    change = CHANGE.fullmatch(spelled) if len(spelled) < MAX_CHANGE_CHARS else None
    amount = None if change is None else readings(change["amount"], alone)[0]
    if change is None or not isinstance(amount, Scalar | Quantity):
        return None
    return Named(Node("words", (), LOWERED if change[LOWERED] else RAISED), amount)


def _places_of_labels(labels: list[str]) -> list[int] | None:
    """The place of each label among 1, 2, …, a, b, … or i, ii, …; None where they are not the first ones, each once."""
    roman = any(len(label) > 1 for label in labels)
    if roman:
        places = [_ROMAN_LABELS.index(label) if label in _ROMAN_LABELS else -1 for label in labels]
    else:
        first = "1" if labels[0].isdecimal() else "a" if labels[0].islower() else "A"
        places = [ord(label) - ord(first) for label in labels]
    return places if sorted(places) == list(range(len(places))) else None


def _of_each_name(spelled: str, alone: frozenset[str]) -> Value | None:
    """`a = b = c = 1` as the values of three names; None for any other text."""
    match = _NAMES_OF_ONE.fullmatch(spelled)
    if match is None:
        return None
    names = [readings(name.strip(), alone)[0] for name in match[1].split("=")[:-1]]
    value = readings(match[2].strip(), alone)[0]
    if not all(isinstance(name, Scalar) and name.node.op == "sym" for name in names) or isinstance(value, Unknown):
        return None
    return Collection(tuple(Named(name.node, value) for name in names if isinstance(name, Scalar)), "tuple")


def _amounts(spelled: str) -> Value | None:
    """3米5厘米 as the amounts for several blanks; None for any other text."""
    if not spelled[:1].isdecimal() or _AMOUNTS.fullmatch(spelled) is None:
        return None
    parts: list[Quantity] = []
    for count, name in re.findall(_AMOUNT, spelled):
        unit = unit_named(name)
        if unit is not None and parts:
            unit = called_beside(unit, parts[-1].unit) or unit  # 2时30分
        if unit is None:
            return None
        parts.append(Quantity(number(Fraction(count)), unit))
    return Collection(tuple(parts), "tuple")


def _whole(spelled: str, alone: frozenset[str]) -> Value:
    """The likeliest reading of a text as mathematics; Unknown where it has none."""
    if _UNTAKEN.search(spelled) is not None:
        return Unknown(canonical(spelled), "a derivative that is not taken")
    plain = _ORDINAL.sub(r"\1", spelled) if "t" in spelled or "d" in spelled else spelled
    if (match := _EXCEPT.fullmatch(plain)) is not None:
        plain = f"(-\\infty, \\infty) \\setminus \\{{{match[1]}\\}}"
    try:
        value = value_of(parse(plain, alone=alone))
    except FalseStatementError as error:
        return Unknown(canonical(spelled), str(error), false=True)
    except UnreadableError as error:
        return _measured(plain, alone) or _unknown(spelled, str(error))
    return Unknown(canonical(spelled), "prose", prose=True) if _is_sentence(value) else value


def _measured(spelled: str, alone: frozenset[str]) -> Value | None:
    """A text that can only be read with its letters as units: 8.31 J/(mol·K)."""
    if _LETTER_UNIT.search(spelled) is None:
        return None
    try:
        value = value_of(parse(spelled, alone=alone, letters=True))
    except UnreadableError:
        return None
    return value if isinstance(value, Quantity) else None


_DIRECTIONS = [
    {Node("sym", (), f"{mark}({letter})") for mark in ("\\vec", "\\hat", "\\overline")} | {Node("sym", (), letter)}
    for letter in "ijk"
]
_DIRECTIONS[0].add(I)


def _components(value: Value) -> Iterator[Value]:
    """3i - 2j as the vector (3, -2), or (3, -2, 0), that it is beside a tuple or a matrix."""
    if not isinstance(value, Scalar) or not _DIRECTIONS[1] & set(walk(value.node)):
        return
    nodes = [Scalar(_along(value.node, direction)) for direction in range(3)]
    along = [Node("mul", (Node("sym", (), letter), part.node)) for letter, part in zip("ijk", nodes, strict=True)]
    if same_value(_along(value.node, None), Node("add", tuple(along))):
        if not _DIRECTIONS[2] & set(walk(value.node)):
            yield Collection(tuple(nodes[:2]), "tuple")
        yield Collection(tuple(nodes), "tuple")


def _along(node: Node, direction: int | None) -> Node:
    """A tree with the unit vectors as numbers: one for a direction and zero for the others; as letters without one."""
    for place, names in enumerate(_DIRECTIONS):
        if node in names:
            return Node("sym", (), "ijk"[place]) if direction is None else number(int(place == direction))
    return Node(node.op, tuple(_along(part, direction) for part in node.args), node.value, node.decimals)


def _is_sentence(value: Value) -> bool:
    """Whether an item of a list is a sentence: then the commas are a sentence's too."""
    return isinstance(value, Collection) and any(
        isinstance(item, Words) and is_prose(item.text) for item in value.items
    )


def _alternatives(spelled: str) -> Iterator[dict[str, bool]]:
    if _GROUPED.search(spelled):
        yield {"split": True}
    if _TIGHT.search(spelled):
        yield {"tight": True}
    if _LETTER_UNIT.search(spelled):
        yield {"letters": True}


def _unknown(spelled: str, why: str) -> Unknown:
    return Unknown(
        canonical(spelled), why, prose=is_words(_ENVIRONMENT.sub(" ", spelled)) or "?" in spelled or _has_words(spelled)
    )


def _has_words(spelled: str) -> bool:
    try:
        bare = _ENVIRONMENT.sub(" ", spelled[:2000])
        return any(token.kind == "word" and (token.upright or is_word(token.text)) for token in tokens_of(bare))
    except UnreadableError:
        return False


@lru_cache(maxsize=4096)
def canonical(spelled: str) -> str:
    """A text that cannot be placed, in one spelling: without idle spaces and without braces around single tokens."""
    text = _TOKENS_TO_DROP.sub(r" \1 ", spelled)
    text = re.sub(r"\{ *([A-Za-z0-9]|\\[A-Za-z]+) *\}", r"\1 ", text)
    return without_spaces(folded(text)).rstrip(".,;:。")


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
    if node.op == "and" and all(part.op in BRACKETS and len(part.args) == 2 for part in node.args):
        node = Node("list", node.args)  # (-∞, 0) 和 (2, +∞) are two intervals, no common part of them
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
    if node.op == "list" and (domain := _domain_of(items)) is not None:
        return Guarded(items[0], Condition(domain, ""))
    items = _with_shared_modulus(items, node.op)
    value = items[0] if len(items) == 1 else Collection(tuple(items), node.op)
    if isinstance(value, Interval) and (listed := _listed_whole(value, conditions)) is not None:
        return listed
    if isinstance(value, Collection) and isinstance(items[-1], Guarded) and is_domain_condition(items[-1].condition):
        value = Guarded(Collection((*items[:-1], items[-1].value), node.op), items[-1].condition)
    return Guarded(value, Condition(tuple(conditions), "")) if conditions else value


_LEAST_OF = {"Z": None, "\\mathbb(Z)": None, "N_+": 1, "\\mathbb(N)_+": 1}
"""Sets of whole numbers and their least: whether zero is in ℕ, nobody knows."""


def _listed_whole(interval: Interval, domains: list[Value]) -> Value | None:
    """5 < x < 9, x ∈ ℤ as 6, 7, 8; None where the set has no end."""
    numbers = _whole_numbers(interval.pieces, [part.node for part in domains if isinstance(part, Relation)])
    if not numbers or not interval.name:
        return None
    return Named(Node("sym", (), interval.name), Collection(tuple(Scalar(number(value)) for value in numbers), "set"))


def _whole_numbers(pieces: Pieces, domains: list[Node]) -> list[int] | None:
    """The whole numbers of a region that a domain leaves; None where it has no end, or the domain others."""
    name = str(domains[0].args[-1].value) if len(domains) == 1 else ""
    return whole_numbers_in(pieces, _LEAST_OF[name]) if name in _LEAST_OF else None


def _domain_of(items: list[Value]) -> tuple[Value, ...] | None:
    """The inequalities behind `f(x) = x², x ≥ 0`, where they are about its variable."""
    head, *rest = items
    if not rest or not isinstance(head, Named) or not isinstance(head.value, Scalar):
        return None
    names = symbols(head.value.node) - symbols(head.name) if head.name.op == "sym" else symbols(head.value.node)
    regions = [_as_inequality(item) for item in rest]
    about = all(isinstance(item, Interval) and item.name in names for item in regions)
    return tuple(regions) if about else None


def _as_inequality(value: Value) -> Value:
    """X ∈ [0, 1] as 0 ≤ x ≤ 1."""
    if not isinstance(value, Named) or value.name.op != "sym":
        return value
    inner = value.value if isinstance(value.value, Interval) else as_interval(value.value)
    return value if inner is None else Interval(inner.pieces, str(value.name.value))


def _with_shared_modulus(items: list[Value], form: str) -> list[Value]:
    """`1, 3 (mod 8)`: the modulus is of all; several classes of one modulus are one set of classes."""
    last = items[-1]
    if len(items) < 2 or not isinstance(last, Residue) or form == "and":
        return items
    residues = list(last.residues)
    name = last.name
    for item in items[:-1]:
        own = _residue_item(item, last.modulus)
        if own is None or (own.name and name and own.name != name):
            return items
        name = name or own.name
        residues += own.residues
    return [_residue_class(name, residues, last.modulus)]


def _residue_item(item: Value, modulus: Fraction) -> Residue | None:
    """A part of a list of classes: one with the modulus, a bare number, or `n ≡ 1` before the modulus of all."""
    if isinstance(item, Residue):
        return item if item.modulus == modulus else None
    node = item.node if isinstance(item, Scalar | Relation) else None
    name = ""
    if node is not None and node.op == "rel" and node.value == "==" and node.args[0].op == "sym":
        name, node = str(node.args[0].value), node.args[1]
    value = None if node is None else exact_value(node)
    return None if value is None else Residue(name, (value,), modulus)


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
            return _listed(node) or _builder(node)
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


def _listed(node: Node) -> Value | None:
    """{x² | x = 1, 2, 3}, {2k | k ∈ {1, 2}}, {x ∈ ℤ | 0 < x < 4}: the values one by one; None without an end."""
    expression, body = node.args
    parts = list(body.args) if body.op in LISTS else [body]
    if is_domain(expression):
        parts, expression = [expression, *parts], expression.args[0]
    head = parts[0]
    if head.op != "rel" or head.value not in {"=", "in"} or head.args[0].op != "sym":
        return None
    name, values = str(head.args[0].value), [head.args[1], *parts[1:]]
    if is_domain(head):
        region = region_of(Node("and", tuple(parts[1:]))) if parts[1:] else None
        whole = None if region is None or region_name(parts[1]) != name else _whole_numbers(region, [head])
        values = [] if whole is None else list(map(number, whole))
    elif head.value == "in":
        values = list(head.args[1].args) if head.args[1].op == "brace" and len(parts) == 1 else []
    if not values or any(symbols(value) or value.op in _COMPOSITE for value in values):
        return None
    return Collection(tuple(value_of(replaced(expression, {name: value})) for value in values), "set")


def _builder(node: Node) -> Value:
    """{x | …} with a condition that is no region of numbers: the condition is what is said."""
    try:
        body = value_of(node.args[1])
    except UnreadableError as error:
        raise UnreadableError(f"a set-builder: {error}") from None
    if isinstance(body, Guarded) and isinstance(body.value, Named) and body.value.name == node.args[0]:
        return body  # {x | x = kπ, k ∈ ℤ} is x = kπ, k ∈ ℤ
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


# --- relations


_COMPARISONS = frozenset({"<", ">", "<=", ">=", "!="})


def _relation(node: Node) -> Value:
    operators = str(node.value).split()
    if operators == ["=="] and node.args[0].op == "call":
        node, operators = Node("rel", node.args, "="), ["="]  # f(x) ≡ x, for all x
    if set(operators) <= {"=", "~"}:
        return _equation(node, operators)
    if operators == ["in"] and not is_domain(node):
        return Named(node.args[0], value_of(node.args[1]))
    if set(operators) <= _COMPARISONS:
        node = _about_letter(node)
        if any(part.op in _COMPOSITE and part.op != "quantity" for part in node.args):
            return Relation(node)
        bare = Node("rel", tuple(part if part.op == "blank" else _plain_side(part) for part in node.args), node.value)
        if node.args[0].op == "blank":
            bare = Node("rel", (Node("sym", (), ""), *bare.args[1:]), node.value)
        if _variables_of_region(bare) <= 1 and (pieces := region_of(bare)) is not None:
            return Interval(pieces, region_name(bare), bare)
        return Relation(bare)
    return Relation(node)


def _about_letter(node: Node) -> Node:
    """1 < e < √2: where nothing else is unknown, a constant's letter alone on a side is a name."""
    letters = [side for side in node.args if side in {E, I}]
    if len(letters) != 1 or symbols(node):
        return node
    name = Node("sym", (), str(letters[0].value))
    return Node("rel", tuple(name if side in {E, I} else side for side in node.args), node.value)


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
    if _is_known(values[0], tail):
        if isinstance(tail, Scalar) and all(value == tail for value in values) and "~" not in operators:
            raise UnreadableError("a statement that says nothing")
        return values[0] if "~" in operators else tail
    if is_name(head) and not (isinstance(tail, Scalar) and _mentions(head, tail.node)):
        return Named(head, tail, Node("rel", (args[0], args[last]), "=") if len(args) == 2 else None)
    if all(isinstance(value, Scalar) for value in values) and _is_identity(values):
        return tail
    if len(args) > 2 and isinstance(tail, Scalar) and not symbols(tail.node):
        return Named(head, tail)
    if len(args) != 2 or "~" in operators:
        raise UnreadableError("a chain that is no value")
    composed = [isinstance(value, Collection | Matrix | Words) for value in values]
    sides = [part if whole else _plain(part) for part, whole in zip(args, composed, strict=True)]
    return Relation(Node("rel", tuple(sides), "="))


def _is_known(head: Value, tail: Value) -> bool:
    """Whether both ends of a chain are numbers, or amounts, and none names anything."""
    if isinstance(head, Quantity) and isinstance(tail, Quantity):
        return True
    known = isinstance(head, Scalar) and isinstance(tail, Scalar) and not symbols(head.node) and not symbols(tail.node)
    return known and isinstance(head, Scalar) and not _is_head(head.node, 0)


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
    if node.op in {"paren", "list"} | SET_OPERATIONS:
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
    values = [exact_value(part.node) for part in written_out(Scalar(inner)) if isinstance(part, Scalar)]
    residues = [value for value in values if value is not None]
    if len(residues) < len(values) or modulus is None or modulus <= 0:
        return Relation(node)
    return _residue_class(name, residues, modulus)


def _residue_class(name: str, residues: list[Fraction], modulus: Fraction) -> Residue:
    return Residue(name, tuple(sorted({residue % modulus for residue in residues})), modulus)


def _guarded(node: Node) -> Value:
    condition = node.args[1]
    names = {str(part.args[0].value): part.args[1] for part in condition.args if _defines(part)}
    plain = node.value == "defines" and set(str(condition.value).split()) <= _DEFINING_WORDS
    if names and plain and len(names) == len(condition.args) and set(names) <= symbols(node.args[0]):
        return value_of(replaced(node.args[0], names))  # ⌊φn⌋, where φ = …
    return Guarded(value_of(node.args[0]), _condition(condition))


_DEFINING_WORDS = frozenset({"where", "with", "and"})


def _defines(node: Node) -> bool:
    """Whether a relation gives a name its value in terms of others."""
    named = node.op == "rel" and node.value == "=" and node.args[0].op == "sym"
    return named and str(node.args[0].value) not in symbols(node.args[1])


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
