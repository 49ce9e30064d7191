"""Whether an answer has the form that its question asks for; only this module knows by which words a form is asked.

A value may be right and still be given as 0.5 where a common fraction is asked for. Nothing is said where no form is
asked for in plain words, where the question asks for two that differ, or where the reference has not that form either.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from overproof.records import Grade, Reward, Trace
from overproof.rewards.grades import find_answer

_LONGEST = 400
"""Characters of an answer that is looked at: forms are asked of values, not of texts."""
_EXCERPT_LENGTH = 80
_LOOK_BACK = 300
"""Characters before the words in which their sentence begins."""

_NUMBERS = {"no": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9}
_NUMBERS |= {"ten": 10, "eleven": 11, "twelve": 12, "sixteen": 16, "binary": 2, "octal": 8, "hexadecimal": 16}
_NUMBERS |= {
    "一": 1,
    "二": 2,
    "两": 2,
    "三": 3,
    "四": 4,
    "五": 5,
    "六": 6,
    "七": 7,
    "八": 8,
    "九": 9,
    "十": 10,
    "十六": 16,
}
_NUMBERS |= {"integer": 0, "whole number": 0, "tenth": 1, "hundredth": 2, "thousandth": 3}
_NUMBERS |= {"整数": 0, "个位": 0, "十分位": 1, "百分位": 2, "千分位": 3, "万分位": 4}

_SAY = r"\b(?:express|give|write|leave|state|report|convert|answer|round|simplif|reduc|comput|calculat)\w{0,5}\b"
_NEAR = r"[^.?!。？！\n]{0,80}?"
_COUNT = r"(?P<of>\d{1,2}|one|two|three|four|five|six|no)"


class _FormPattern(NamedTuple):
    """Words that ask for a form."""

    form: str
    words: re.Pattern[str]
    """Its group `of`, where it has one, says how many places or which base."""


_ASKINGS = [
    _FormPattern(form, re.compile(words, re.IGNORECASE | re.MULTILINE))
    for form, words in (
        ("decimal_places", rf"\bto \$?{_COUNT}\$? (?:decimal (?:place|digit)s?|d\.p\.)"),
        ("decimal_places", r"保留(?:到|至)?\s?\$?(?P<of>\d|[一二两三四五六])\$?\s?位小数"),
        ("rounded", r"\bto the (?:closest|nearest) (?P<of>integer|whole number|tenth|hundredth|thousandth)s?\b(?! of)"),
        (
            "rounded",
            (
                r"(?:精确到|四舍五入到|保留到?)(?:最接近的)?\$?(?P<of>整数|个位|十分位|百分位|千分位|万分位|0\.0{0,5}1)"
                r"(?!\s?[是得为约后])"
            ),
        ),
        ("simplified_fraction", rf"{_SAY}{_NEAR}\b(?:common|simplified|reduced|irreducible) fraction"),
        (
            "simplified_fraction",
            rf"{_SAY}{_NEAR}\bfraction (?:reduced )?(?:in|to) (?:its )?(?:lowest|simplest) (?:terms|form)",
        ),
        ("simplified_fraction", r"(?:用|写成|化成|化为|表示[为成])最简(?:真|假)?分数"),
        ("fraction", rf"{_SAY}{_NEAR}\bas (?:a|an exact) fraction\b(?! or)"),
        ("fraction", r"用分数表示|(?:写成|表示[为成])分数"),
        ("decimal", rf"{_SAY}{_NEAR}\b(?:as a (?:terminating )?decimal|in decimal form)\b(?! or)"),
        ("decimal", r"用小数表示|(?:写成|表示[为成])小数"),
        (
            "base",
            (
                rf"{_SAY}{_NEAR}\bin base[ -]\$?"
                r"(?P<of>\d{1,2}|two|three|four|five|six|seven|eight|nine|ten|twelve|sixteen)\b"
            ),
        ),
        ("base", rf"{_SAY}{_NEAR}\bin (?P<of>binary|octal|hexadecimal)\b"),
        (
            "base",
            r"(?:用|写成|化[为成]|转换[为成]|表示[为成])\s?\$?(?P<of>\d{1,2}|十六|[二三四五六七八九十])\$?\s?进制",
        ),
        ("factored", r"(?:^|[.?!:;] )(?:completely )?factor(?:i[sz]e)?(?: completely)?:? (?=[^.?!\n]{0,40}[\\$^()])"),
        ("factored", rf"{_SAY}{_NEAR}\bin (?:fully )?factored form\b"),
        ("factored", r"(?:^|[。；：，])\s?(?:请?[把将])?[^。？\n]{0,60}?(?:因式分解|分解因式)(?=[:：。，\s$]|\Z)"),
        (
            "expanded",
            r"(?:^|[.?!:;] )expand(?: and simplify| the product| the expression)?:? (?=[^.?!\n]{0,40}[\\$^()])",
        ),
        ("expanded", rf"{_SAY}{_NEAR}\bin expanded form\b"),
        ("expanded", r"(?:^|[。；：])\s?(?:请?[把将])?[^。？\n]{0,60}?展开(?=[:：。，\s$]|并|\Z)"),
    )
]
"""Only a whole instruction counts: "the common fraction form of .2" and "in base 7, how many" ask for no form."""
_SUPPOSED = re.compile(r"\b(?:when|if|suppose|whenever|where|such that)\b|如果|若|假如|当", re.IGNORECASE)
"""Before the words, in their sentence: the form is part of the story."""
_SENTENCE_START = re.compile(
    r"[.?!](?=\s)|[。？！\n]|[(（](?=\s?(?:express|give|write|round|answer|your|用|结果|得数|精确|保留|四舍))",
    re.IGNORECASE,
)
_PICTURE = re.compile(r"\[asy\].*?(?:\[/asy\]|\Z)", re.DOTALL)
_EXCLUDE = {"decimal_places", "rounded", "decimal"}, {"simplified_fraction", "fraction"}
"""A question that asks for one of each asks for a choice, or for several answers."""


class _AskedForm(NamedTuple):
    form: str
    of: int
    """Places or base; 0 for a form that has neither."""
    words: str


def asked_form(trace: Trace, grade: Grade | None) -> Reward:
    """1 when the answer has every form that the question asks for, 0 when it lacks one; English and Chinese.

    Evidence: the form, the words that ask for it, and the answer given. None where no form is asked for, the reply has
    no answer, or the answer (or the reference) does not show whether it has it.
    """
    problem = trace.problem
    wanted = list(_find_wanted(problem.question))
    if not wanted:
        return Reward(None, "no_form_asked")
    given = find_answer(trace, grade, "stated")
    if not given:
        return Reward(None, "no_answer")
    told = Reward(None, "form_not_told")
    reference = None if problem.reference is None else problem.reference[:_LONGEST]
    for form in wanted:
        if len(given) > _LONGEST or (reference is not None and _has_form(form, reference, reference) is False):
            continue
        has = _has_form(form, given, reference)
        if has is None:
            continue
        evidence = {"form": form.form, "asked_by": form.words[-_EXCERPT_LENGTH:], "given": given[:_EXCERPT_LENGTH]}
        if not has:
            return Reward(0.0, "other_form", evidence)
        told = Reward(1.0, "", evidence)
    return told


def _find_wanted(question: str) -> Iterator[_AskedForm]:
    """The forms that a question asks for; none of a kind that it asks for in two ways."""
    question = _PICTURE.sub(" ", question)
    found: dict[str, list[_AskedForm]] = {}
    for asking in _ASKINGS:
        for match in asking.words.finditer(question):
            start = max(0, match.start() - _LOOK_BACK)
            start = max(
                (end.end() for end in _SENTENCE_START.finditer(question, start, match.end() - 1)), default=start
            )
            if not _SUPPOSED.search(question, start, match.end()):
                of = match.groupdict().get("of")
                found.setdefault(asking.form, []).append(_AskedForm(asking.form, _read_number(of), match[0].strip()))
    if all(not kind.isdisjoint(found) for kind in _EXCLUDE):
        return
    for forms in found.values():
        if len({one.of for one in forms}) == 1:
            yield forms[0]


def _read_number(text: str | None) -> int:
    if text is None:
        return 0
    if text.startswith("0."):
        return len(text) - 2
    return int(text) if text.isdigit() else _NUMBERS[text.lower()]


# --- what an answer shows

_DRESS = re.compile(
    r"\\(?:text|mathrm|mbox|textbf|mathbf)\s?\{[^{}]*\}(?:\^\{?[23]\}?)?|(?:,|\{,\})(?:\\!)?(?=\d{3}(?!\d))"
    r"|\\[(\[)\],;:! ]|\^\{?\\circ\}?|[\s$°*]"
)
_UNIT = re.compile(r"(?<=[\d}])(?:[A-Za-z]{2,}|[mgLsh]|[\u4e00-\u9fff])[A-Za-z\u4e00-\u9fff]*(?:\^?\{?[23²³]\}?)?\Z")
_LEFT_SIDE = re.compile(r".*(?:=|≈|\\approx)", re.DOTALL)
_DECIMAL = re.compile(r"[-+−]?(?:\d+|(?=\.\d))(?:\.(?P<places>\d+))?")
_FRACTION = re.compile(r"[-+−]?(?P<whole>\d*)(?:\\[dt]?frac(?:\{(-?\d+)\}|(\d))(?:\{(\d+)\}|(\d))|(\d+)/(\d+))")
_EXACT = re.compile(r"[-+*/\d.(){}^]*\\(?:sqrt|pi|[dt]?frac)(?:[-+*/\d.(){}^]|\\(?:sqrt|pi|[dt]?frac|cdot|times))*")
_BASED = re.compile(r"\(?([0-9A-Za-z]+)\)?(?:_\{?\(?(\w+?)\)?\}?|\(?base-?(\w+?)\)?)?", re.IGNORECASE)
_FUNCTION = re.compile(r"\\(?!frac|dfrac|tfrac|cdot|times|left|right)[a-z]+|sin|cos|tan|log|ln|exp|sqrt|and|or")


def _undress(answer: str) -> str:
    """A value without delimiters, spaces, words, and the name it is given."""
    answer = answer.replace("\\$", "").replace("\\left", "").replace("\\right", "")
    return _LEFT_SIDE.sub("", _DRESS.sub("", answer)).rstrip(".。")


def _has_form(form: _AskedForm, answer: str, reference: str | None) -> bool | None:
    """Whether an answer has a form; None where it does not show."""
    if form.form == "base":
        return _is_in_base(form.of, answer, reference)
    value = _undress(answer)
    if form.form in _OF_POLYNOMIALS:
        return _OF_POLYNOMIALS[form.form](value)
    return _OF_NUMBERS[form.form](_UNIT.sub("", value), form.of)


def _has_places(value: str, places: int) -> bool | None:
    return _count_places(value, lambda count: count == places)


def _is_rounded(value: str, places: int) -> bool | None:
    return _count_places(value, lambda count: count <= places)


def _count_places(value: str, suits: Callable[[int], bool]) -> bool | None:
    if match := _DECIMAL.fullmatch(value.removesuffix("%").removesuffix("\\")):
        return suits(len(match["places"] or ""))
    return False if _FRACTION.fullmatch(value) or _EXACT.fullmatch(value) else None


def _is_fraction(value: str, _: int) -> bool | None:
    if match := _DECIMAL.fullmatch(value):
        return match["places"] is None
    return True if _FRACTION.fullmatch(value) else None


def _is_simplified(value: str, _: int) -> bool | None:
    match = _FRACTION.fullmatch(value)
    if match is None:
        return _is_fraction(value, 0)
    above, below = (int(one) for one in match.groups()[1:] if one is not None)
    is_mixed = bool(match["whole"]) and "frac" in value
    return not is_mixed and math.gcd(above, below) == 1 and below > 1


def _is_decimal(value: str, _: int) -> bool | None:
    if _DECIMAL.fullmatch(value):
        return True
    return False if _FRACTION.fullmatch(value) or _EXACT.fullmatch(value) else None


def _is_factored(value: str) -> bool | None:
    """Whether a polynomial is a product; a sum at its top is none."""
    return None if _is_no_polynomial(value) else not re.search(r"(?<=.)[-+−]", _hide_brackets(value))


def _is_expanded(value: str) -> bool | None:
    """Whether no bracket with a sum in it is multiplied out still."""
    if _is_no_polynomial(value):
        return None
    return not re.search(r"\([^()]+[-+−][^()]*\)[\w^(\\]|[\w)}]\([^()]+[-+−]", value)


def _is_no_polynomial(value: str) -> bool:
    return not re.search(r"[a-zA-Z]", value) or _FUNCTION.search(value) is not None or "," in value


def _hide_brackets(value: str) -> str:
    """The text outside all brackets."""
    depth, outside = 0, ""
    for letter in value:
        depth += letter in "({["
        outside += letter if depth == 0 else ""
        depth -= letter in ")}]"
    return outside


def _is_in_base(base: int, answer: str, reference: str | None) -> bool | None:
    """By the base that the answer names, or by its digits: the reference's own, or none that the base has."""
    digits, named = _read_based(answer)
    if digits is None:
        return None
    if named is not None:
        return named == base
    if base == 10 or not _are_digits(digits, base):
        return _are_digits(digits, base)
    wanted, _ = _read_based(reference or "")
    if wanted is None or not _are_digits(wanted, base):
        return None
    is_plain = digits.isdigit() and int(digits) == int(wanted, base)
    return True if wanted.lower() == digits.lower() else False if is_plain else None


def _are_digits(text: str, base: int) -> bool:
    return all(int(digit, 36) < base for digit in text)


def _read_based(text: str) -> tuple[str | None, int | None]:
    """The digits of a number and the base that it names."""
    text = re.sub(
        r"\\(?:text|mathrm|texttt|mbox)\s?\{([^{}]*)\}|[\s$,]|\\[()\[\],;! ]", r"\1", _LEFT_SIDE.sub("", text)
    )
    match = _BASED.fullmatch(text)
    if match is None or not re.search(r"\d", match[1]) or len(match[1]) > 64:
        return None, None
    name = match[2] or match[3]
    if name is None:
        return match[1], None
    named = int(name) if name.isdigit() else _NUMBERS.get(name.lower())
    return (None, None) if named is None else (match[1], named)


_OF_NUMBERS: dict[str, Callable[[str, int], bool | None]] = {
    "decimal_places": _has_places,
    "rounded": _is_rounded,
    "simplified_fraction": _is_simplified,
    "fraction": _is_fraction,
    "decimal": _is_decimal,
}
"""(a number without dress and unit, how many places) → whether it has the form."""
_OF_POLYNOMIALS: dict[str, Callable[[str], bool | None]] = {"factored": _is_factored, "expanded": _is_expanded}
