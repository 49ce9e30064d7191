"""A problem while it is being made: its question, the steps that solve it, and how values are written.

A step names its operands by number or by an earlier step's result, so that a slip in one step carries through to
the answer exactly as it would on paper.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, Language] = ("en", "zh")

Operator = Literal["+", "-", "*", "/"]


@dataclass(frozen=True, slots=True)
class Result:
    """The result of an earlier step, by its position."""

    step: int


Operand = int | Fraction | Result


@dataclass(frozen=True, slots=True)
class Calculation:
    """One calculation with the words that say what it finds, in both languages."""

    label: dict[Language, str]
    left: Operand
    operator: Operator
    right: Operand


class Working:
    """The steps of one solution as a family writes them down, each calculated at once."""

    def __init__(self) -> None:
        """An empty sheet."""
        self.steps: list[Calculation] = []
        self.values: list[Fraction] = []

    def step(self, en: str, zh: str, left: Operand, operator: Operator, right: Operand) -> Result:
        """Write a step down and return its result, to be used in later ones."""
        self.steps.append(Calculation({"en": en, "zh": zh}, left, operator, right))
        self.values.append(calculate(operator, resolve(left, self.values), resolve(right, self.values)))
        return Result(len(self.steps) - 1)

    def value(self, result: Result) -> Fraction:
        """What a step came to."""
        return self.values[result.step]


@dataclass(frozen=True, slots=True)
class DraftAnswer:
    """What is asked for: one number or percentage, or two numbers as a pair or an interval."""

    kind: Literal["number", "percent", "pair", "interval"]
    parts: tuple[Operand, ...]
    brackets: str = "()"
    """Opening and closing bracket of a pair or an interval."""

    def latex(self, values: list[Fraction], *, decimal: bool) -> str:
        """The answer as it stands in a box, given what each step came to."""
        parts = [latex(resolve(part, values), decimal=decimal) for part in self.parts]
        if self.kind == "number":
            return parts[0]
        if self.kind == "percent":
            return parts[0] + "\\%"
        return f"{self.brackets[0]}{', '.join(parts)}{self.brackets[1]}"


@dataclass(frozen=True, slots=True)
class Draft:
    """A problem in one language with its whole solution."""

    question: str
    steps: tuple[Calculation, ...]
    answer: DraftAnswer
    decimal: bool = False
    """Values are written as decimals where they end (0.25), else as fractions (1/4)."""
    values: tuple[Fraction, ...] = field(default=())
    """What each step comes to when no slip is made."""

    @property
    def reference(self) -> str:
        """The right answer, in LaTeX."""
        return self.answer.latex(list(self.values), decimal=self.decimal)


def finish(question: str, working: Working, answer: DraftAnswer | Result, *, decimal: bool = False) -> Draft:
    """The draft of a finished working; a bare result is the number asked for."""
    if isinstance(answer, Result):
        answer = DraftAnswer("number", (answer,))
    return Draft(question, tuple(working.steps), answer, decimal, tuple(working.values))


def resolve(operand: Operand, values: list[Fraction]) -> Fraction:
    """The operand's value, given the results so far."""
    return values[operand.step] if isinstance(operand, Result) else Fraction(operand)


def calculate(operator: Operator, left: Fraction, right: Fraction) -> Fraction:
    """One exact operation. Raises ZeroDivisionError."""
    if operator == "+":
        return left + right
    if operator == "-":
        return left - right
    if operator == "*":
        return left * right
    return left / right


def plain(value: Fraction, *, decimal: bool) -> str:
    """The value within a calculation: 12, -3/4, 0.25."""
    return (decimal and ended_decimal(value)) or str(value)


def latex(value: Fraction, *, decimal: bool) -> str:
    r"""The value as an answer: 12, -\frac{3}{4}, 0.25."""
    if value.denominator == 1 or (decimal and ended_decimal(value)):
        return plain(value, decimal=decimal)
    sign = "-" if value < 0 else ""
    return f"{sign}\\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def ended_decimal(value: Fraction) -> str | None:
    """The value in decimal digits, or None when they would not end within six places."""
    digits, rest = divmod(abs(value.numerator) * 10**6, value.denominator)
    if rest:
        return None
    whole, places = divmod(digits, 10**6)
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}.{places:06d}".rstrip("0").rstrip(".")
