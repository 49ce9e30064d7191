"""What only runs in a worker process: SymPy itself, then Math-Verify, whose "equal" alone counts.

Only this module uses those libraries. It may take any time and any memory; the pool kills it when it takes too much.
Both are only asked about what our own grammar read whole, written out again from its tree.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from overproof.grading.evaluate import OPERATORS, real_value
from overproof.grading.quadrature import same_integrals
from overproof.grading.reading import readings
from overproof.grading.tree import BINDERS, Node, symbols, walk
from overproof.grading.values import Collection, Interval, Named, Relation, Scalar, Value

DIGITS = 40
PARSED = 2
"""What Math-Verify can read comes back as an expression and its text; what it cannot, as less."""
MAX_LATEX_CHARS = 4_000
"""Math-Verify is not asked about longer texts."""


class UnwritableError(ValueError):
    """A node that there is no notation for."""


def decide(reference: str, answer: str, _question: str | None = None) -> tuple[bool | None, str]:
    """Whether two answers are the same, and why; None when neither library can tell."""
    one, other = readings(reference)[0], readings(answer)[0]
    if isinstance(one, Named) and not isinstance(other, Named):
        one = one.value
    if isinstance(other, Named) and not isinstance(one, Named):
        other = other.value
    if isinstance(one, Scalar) and isinstance(other, Scalar):
        verdict = _by_sympy(one.node, other.node)
        if verdict is not None:
            return verdict, "equal by SymPy" if verdict else "not equal by SymPy"
    return _math_verify(one, other)


# --- SymPy


def to_sympy(node: Node) -> Any:
    """The tree as a SymPy expression. Raises UnwritableError."""
    import sympy

    if node.op == "num":
        return sympy.Rational(node.value.numerator, node.value.denominator)
    if node.op == "sym":
        return sympy.Symbol(str(node.value), real=True)
    if node.op == "const":
        return {"pi": sympy.pi, "e": sympy.E, "i": sympy.I, "inf": sympy.oo}[str(node.value)]
    if node.op in BINDERS:
        return _bound_to_sympy(node)
    args = [to_sympy(part) for part in node.args]
    if node.op in {"neg", "div"}:
        return -args[0] if node.op == "neg" else args[0] / args[1]
    row = OPERATORS.get(node.op)
    if row is None or row.sympy is None:
        raise UnwritableError(node.op)
    return getattr(sympy, row.sympy)(*args)


def _bound_to_sympy(node: Node) -> Any:
    import sympy

    body, variable, *ends = node.args
    symbol = sympy.Symbol(str(variable.value), real=True)
    expression, limits = to_sympy(body), [to_sympy(end) for end in ends]
    if node.op == "lim":
        return sympy.limit(expression, symbol, limits[0])
    operator = {"sum": sympy.Sum, "prod": sympy.Product, "int": sympy.Integral}[node.op]
    return operator(expression, (symbol, *limits))


def _by_sympy(one: Node, other: Node) -> bool | None:
    """Two expressions, sums, integrals and limits worked out; None where SymPy cannot tell."""
    import sympy

    if not any(part.op in BINDERS for part in (*walk(one), *walk(other))):
        return None
    if (verdict := same_integrals(one, other)) is not None:
        return verdict
    try:
        left, right = to_sympy(one).doit(), to_sympy(other).doit()
    except (UnwritableError, KeyError):
        return None
    difference = left - right
    if difference == 0 or difference.free_symbols:
        return True if sympy.simplify(difference) == 0 else None
    value = difference.evalf(DIGITS)
    if not value.is_number or value.has(sympy.nan, sympy.zoo):
        return None
    scale = max(abs(left.evalf(15)), abs(right.evalf(15)), sympy.Float(1))
    return bool(abs(value) <= scale * sympy.Float(10) ** -(DIGITS // 2))


# --- Math-Verify


def _math_verify(reference: Value, answer: Value) -> tuple[bool | None, str]:
    """Math-Verify's "equal" about two values read whole and of one size; its "not equal" decides nothing."""
    try:
        texts = [to_latex(value) for value in (reference, answer)]
    except UnwritableError as error:
        return None, f"no notation for {error}"
    if max(map(len, texts)) > MAX_LATEX_CHARS:
        return None, f"longer than {MAX_LATEX_CHARS} characters"
    if not _agree_in_size(reference, answer):
        return None, "not of one size"
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

    config = [LatexExtractionConfig(boxed_match_priority=0), ExprExtractionConfig()]
    parsed = [
        parse(f"\\boxed{{{text}}}", extraction_config=config, parsing_timeout=None, extraction_mode="any_match")
        for text in texts
    ]
    if any(len(found) < PARSED for found in parsed):
        return None, "Math-Verify cannot read it"
    if verify(parsed[0], parsed[1], timeout_seconds=None, allow_set_relation_comp=True):
        return True, "equal by Math-Verify"
    return None, "not known to be equal"


def _agree_in_size(reference: Value, answer: Value) -> bool:
    """Whether two values have the same variables and, where they are numbers, the same size."""
    if not (isinstance(reference, Scalar) and isinstance(answer, Scalar)):
        return type(reference) is type(answer) is not Relation
    if symbols(reference.node) != symbols(answer.node):
        return False
    one, other = real_value(reference.node), real_value(answer.node)
    return one is None or other is None or abs(one - other) <= 1e-9 * max(abs(one), abs(other))


def to_latex(value: Value) -> str:
    """A value as LaTeX. Raises UnwritableError for words and unknown functions."""
    if isinstance(value, Scalar | Relation):
        return _latex(value.node)
    if isinstance(value, Named) and value.node is not None:
        return _latex(value.node)
    if isinstance(value, Collection):
        opening, closing = {"tuple": ("(", ")"), "square": ("[", "]"), "set": ("\\{", "\\}")}.get(value.form, ("", ""))
        return opening + ", ".join(map(to_latex, value.items)) + closing
    if isinstance(value, Interval):
        raise UnwritableError("a region")
    raise UnwritableError(type(value).__name__)


def _latex(node: Node) -> str:
    if node.op == "num":
        return _latex_number(node.value)
    if node.op in {"sym", "const"}:
        return _latex_name(node)
    args = [_latex(part) for part in node.args]
    if node.op in _TEMPLATES:
        return _TEMPLATES[node.op].format(*(f"{{{arg}}}" for arg in args))
    if node.op in {"add", "mul"}:
        return (" + " if node.op == "add" else " \\cdot ").join(f"({arg})" for arg in args)
    if node.op == "rel":
        return args[0] + "".join(
            f" {_SIGNS[sign]} {arg}" for sign, arg in zip(str(node.value).split(), args[1:], strict=True)
        )
    if node.op in _FUNCTIONS and len(args) == 1:
        return f"\\{node.op}({args[0]})"
    raise UnwritableError(node.op)


def _latex_number(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value) if value >= 0 else f"({value})"
    sign = "-" if value < 0 else ""
    return f"{sign}\\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def _latex_name(node: Node) -> str:
    text = str(node.value)
    if node.op == "const":
        return {"pi": "\\pi", "e": "e", "i": "i", "inf": "\\infty"}[text]
    if not text.isascii() or "(" in text or " " in text:
        raise UnwritableError(text)
    name, _, index = text.partition("_")
    return f"{name}_{{{index}}}" if index else name


_TEMPLATES = {
    "neg": "-({0})", "div": "\\frac{0}{1}", "pow": "({0})^{1}", "root": "\\sqrt[{1}]{0}", "fact": "({0})!",
    "abs": "|{0}|", "binom": "\\binom{0}{1}",
}  # fmt: skip
_SIGNS = {"=": "=", "<": "<", ">": ">", "<=": "\\le", ">=": "\\ge", "!=": "\\ne", "in": "\\in"}
_FUNCTIONS = frozenset({"sin", "cos", "tan", "cot", "sec", "csc", "ln", "log", "exp", "arcsin", "arccos", "arctan"})

_WARM_UP = ((r"\int_0^1 2x\,dx", "1"), (r"\sum_{k=1}^{300} k", "45150"), ("x^2+y^2=(x+y)^2-3xy", "x=y"))


def warm_up() -> None:
    """Load what Math-Verify and SymPy would else load in the middle of the first comparisons."""
    for reference, answer in _WARM_UP:
        decide(reference, answer)
