"""A place in a list of tokens: going on, looking ahead, taking what must come; the units that stand behind values."""

from __future__ import annotations

from overproof.grading.lexer import Token
from overproof.grading.lexicon import JOINTS, MAGNITUDES
from overproof.grading.tree import Node, UnreadableError
from overproof.grading.units import NONE, POWER_WORDS, SINGLE, UNITS, Unit, unit_named

MAX_DEPTH = 60
MAX_UNIT_POWER = 9


class Cursor:
    """Reads one list of tokens from left to right."""

    def __init__(self, tokens: list[Token], *, letters: bool, split: bool, tight: bool) -> None:
        """Begin at the first token."""
        self.tokens = tokens
        self.place = 0
        self.token = tokens[0]
        self.letters = letters
        self.split = split
        self.tight = tight
        self.depth = 0
        self.bars = 0
        """How many | are open: the next one closes instead of opening."""
        self.differentials = 0
        """How many integrals wait for their dx."""
        self.builder = False
        """Whether a colon behind a name begins the condition of a set, and no ratio."""

    def advance(self, count: int = 1) -> Token:
        """The token here; go on to the next."""
        token = self.token
        self.place = min(self.place + count, len(self.tokens) - 1)
        self.token = self.tokens[self.place]
        return token

    def ahead(self, count: int = 1) -> Token:
        """The token that many places on."""
        return self.tokens[min(self.place + count, len(self.tokens) - 1)]

    def take(self, text: str) -> bool:
        """Take a token if it comes next."""
        if self.token.text == text and self.token.kind != "end":
            self.advance()
            return True
        return False

    def expect(self, text: str) -> None:
        """Take a token that must come next."""
        if not self.take(text):
            raise UnreadableError(f"{text!r} is missing")

    def nest(self) -> None:
        """Go one level deeper."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise UnreadableError(f"nested deeper than {MAX_DEPTH}")


class UnitReader(Cursor):
    """Reads units: products of names with their powers and divisions."""

    def exponent(self) -> Node:
        """What stands behind ^: the grammar's own."""
        raise NotImplementedError

    def is_unit(self) -> bool:
        """Whether a unit can begin here, behind a value."""
        token = self.token
        before = self.tokens[self.place - 1] if self.place else None
        if token.kind == "word":
            if self.differentials and token.text[0] == "d" and len(token.text) == 2:
                return False  # ds is no decisecond here
            if token.text.lower() in POWER_WORDS:
                return self.ahead().kind in {"word", "name"}
            if token.text == "in" and self.ahead().kind == "word":
                return False  # in total
            behind = before is not None and (before.kind != "word" or before.text.lower() in MAGNITUDES)
            return unit_named(token.text) is not None and behind
        if token.kind == "cmd":
            return token.text in {"\\Omega", "\\mu"}
        if token.kind != "name":
            return False
        if token.text in {"\\Omega", "\\mu"}:
            after = self.ahead()
            prefixed = after.kind in {"name", "word"} and f"µ{after.text}" in UNITS
            return token.text == "\\Omega" or (
                prefixed and (after.upright or (before is not None and before.kind == "num"))
            )
        if before is not None and before.text == "/" and self.place > 1:
            before = self.tokens[self.place - 2]  # 5/h
        behind = before is not None and (before.kind == "num" or before.text in {"}", ")"})
        return token.text in UNITS and (token.upright or (self.letters and token.text in SINGLE and behind))

    def unit(self) -> Unit | None:
        """The product of units that begins here, with its powers and divisions; None when none does."""
        if not self.is_unit():
            return None
        total, sign = NONE, 1
        while True:
            factor = self.one_unit()
            if factor is None:
                raise UnreadableError("a unit without a name")
            if sign < 0 and factor[0].name == "分":
                factor = UNITS["分钟"], factor[1]  # 千米/分: of cents nothing goes by
            # What follows a stroke stands under it: J/mol·K is J/(mol·K); a negative power says so itself.
            total = total.times(factor[0], factor[1] if factor[1] < 0 else sign * factor[1])
            if self.token.text == "/" or (self.token.kind == "word" and self.token.text in {"per", "每"}):
                after = self.ahead()
                if after.text == "(" and (divisor := self.units_in_brackets()) is not None:
                    return total.times(divisor, -1)
                if after.kind == "num" or after.text == "(":
                    return total
                self.advance()
                sign = -1
            elif (
                self.token.text in {"\\cdot", "*"}
                and (self.ahead().upright or ((self.letters or len(total.name) > 1) and self.ahead().text in UNITS))
            ) or (
                self.token.kind == "sign" and self.token.text == "-" and self.ahead().upright and not self.token.spaced
            ):
                self.advance()
            elif not ((self.token.upright or self.token.text == "°" or self._per_next()) and self.is_bare_unit()):
                return total

    def units_in_brackets(self) -> Unit | None:
        """The product of units in brackets behind a stroke: J/(mol·K); None, and nothing taken, for anything else."""
        start = self.place
        self.advance(2)
        total = NONE
        while self.token.text == "°" or (
            self.token.kind in {"word", "name"} and unit_named(self.token.text) is not None
        ):
            factor = self.one_unit()
            if factor is not None:
                total = total.times(*factor)
            if self.token.text in {"\\cdot", "*"}:
                self.advance()
        if total != NONE and self.token.text == ")":
            self.advance()
            return total
        self.place, self.token = start, self.tokens[start]
        return None

    def _per_next(self) -> bool:
        """Whether a letter with a negative power comes next: km h^{-1}."""
        signs = [self.ahead(offset).text for offset in (1, 2, 3)]
        return self.token.kind in {"name", "word"} and signs[0] == "^" and "-" in signs[1:]

    def is_bare_unit(self) -> bool:
        """Whether the token here is a unit that continues another one: J K^{-1}."""
        token = self.token
        if token.text == "°":
            return self.ahead().text in {"C", "F"}
        if token.kind == "word":
            return (
                unit_named(token.text) is not None
                and token.text not in {"in", "a"}
                and token.text.lower() not in JOINTS
            )
        return token.text in UNITS

    def one_unit(self) -> tuple[Unit, int] | None:
        """One unit with its power: square metres, cm^2, s^{-1}, cm squared."""
        scale = 1
        if self.token.text.lower() in POWER_WORDS:
            scale = POWER_WORDS[self.advance().text.lower()]
        name = self.advance().text
        if name == "\\mu":
            name = f"µ{self.advance().text}"
        if name == "°" and self.token.text in {"C", "F"}:
            name += self.advance().text
        unit = unit_named(name)
        if unit is None:
            return None
        if self.token.text in {"^", "**"}:
            self.advance()
            exponent = self.exponent()
            if exponent.op != "num" or exponent.value.denominator != 1 or abs(exponent.value) > MAX_UNIT_POWER:
                raise UnreadableError("a unit with an odd power")
            scale *= int(exponent.value)
        elif self.token.text == "squared":
            self.advance()
            scale *= 2
        elif self.token.text == "cubed":
            self.advance()
            scale *= 3
        return unit, scale
