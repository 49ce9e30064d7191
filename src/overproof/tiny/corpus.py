"""What the model learns from: questions in every prompt form with worked replies, some of them naturally flawed.

Flaws are what real teachers show: a slip that carries through, no box, a think block that never ends, a change of
language on the way, a check that goes round in circles. `Noise` says how often each occurs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from overproof.prompts import BOXED_DIRECTIVE, build_messages, contract_of
from overproof.records import Message
from overproof.tiny.dice import Dice
from overproof.tiny.drafts import LANGUAGES, Calculation, Draft, Language, calculate, plain, resolve
from overproof.tiny.kinds import FAMILIES
from overproof.tiny.problems import is_held_out


@dataclass(frozen=True, slots=True)
class Noise:
    """How many of a thousand replies have each flaw."""

    wrong: int = 0
    """A step comes out wrong, and all that builds on it."""
    unboxed: int = 0
    """The answer stands without its box."""
    unclosed: int = 0
    """The reasoning's closing tag is missing."""
    mixed: int = 0
    """The reasoning goes on in the other language."""
    looping: int = 0
    """The last step is checked over and over."""


TEACHER_NOISE = Noise(wrong=60, unboxed=30, unclosed=20, mixed=40, looping=10)
STUDENT_NOISE = Noise(wrong=250, unboxed=250, unclosed=100, mixed=100, looping=20)
"""A student learns from worse texts, so that a verified set has something to teach it."""
CLEAN = Noise()


@dataclass(frozen=True, slots=True)
class PromptForm:
    """One way to put a question, as arguments of `prompts.build_messages`; `share` is how many lots it has."""

    share: int
    template: str
    language: Language = "en"
    """Of the directive; the question's own language is another matter."""
    system: str | None = None


_ASSISTANT = {"en": "You are a helpful assistant.", "zh": "你是一个乐于助人的助手。"}
_ADVICE = {
    "en": "Please reason step by step, and put your final answer within \\boxed{}.",
    "zh": "请逐步推理，并把最终答案放在 \\boxed{} 中。",
}
"""The usual wording of model cards for math, which users write as templates of their own."""

PROMPT_FORMS = {
    "plain": PromptForm(6, "plain"),
    "boxed_en": PromptForm(4, "boxed", "en"),
    "boxed_zh": PromptForm(4, "boxed", "zh"),
    "advice_en": PromptForm(1, "{question}\n" + _ADVICE["en"]),
    "advice_zh": PromptForm(1, "{question}\n" + _ADVICE["zh"]),
    "system_en": PromptForm(1, "plain", system=_ASSISTANT["en"]),
    "system_zh": PromptForm(1, "plain", system=_ASSISTANT["zh"]),
    "system_boxed": PromptForm(1, "boxed", "en", system=_ASSISTANT["en"]),
    "directive_first_en": PromptForm(1, "plain", system=BOXED_DIRECTIVE["en"]),
    "directive_first_zh": PromptForm(1, "plain", system=BOXED_DIRECTIVE["zh"]),
    "r1_zero_en": PromptForm(2, "r1_zero", "en"),
    "r1_zero_zh": PromptForm(2, "r1_zero", "zh"),
}
_LOTS = [form for form in PROMPT_FORMS.values() for _ in range(form.share)]


class Example(NamedTuple):
    """One conversation of the corpus."""

    messages: list[Message]
    reply: str


def write_corpus(noise: Noise, *, seed: int) -> Iterator[Example]:
    """Examples without end, never with a held-out question; the same ones for the same seed on every machine."""
    dice = Dice("corpus", seed)
    families = list(FAMILIES.values())
    while True:
        language = dice.choose(LANGUAGES)
        draft = dice.choose(families)(dice, language)
        if not is_held_out(draft.question):
            form = dice.choose(_LOTS)
            reply = write_reply(draft, language, dice, noise, contract=contract_of(form.template))
            yield Example(put_question(draft.question, form), reply)


def put_question(question: str, form: PromptForm) -> list[Message]:
    """The messages that put a question in one of the forms."""
    return build_messages(question, template=form.template, system=form.system, language=form.language)


def write_reply(draft: Draft, language: Language, dice: Dice, noise: Noise, *, contract: str) -> str:
    """A worked reply in the form that `contract` (think_boxed or think_answer) asks for."""
    values = _slip(draft, dice) if dice.chance(noise.wrong) else list(draft.values)
    switch = dice.below(len(values)) if dice.chance(noise.mixed) else len(values)
    lines = _write_steps(draft, values, language, switch, dice)
    if dice.chance(noise.looping):
        doubt = {"en": "Wait, let me check again. ", "zh": "等等，再检查一遍。"}[language]
        lines += [doubt + lines[-1]] * dice.between(3, 9)
    answer = draft.answer.latex(values, decimal=draft.decimal)
    shown = answer if dice.chance(noise.unboxed) else f"\\boxed{{{answer}}}"
    closing = "" if dice.chance(noise.unclosed) else "</think>\n"
    return "<think>\n" + "\n".join(lines) + f"\n{closing}\n" + _conclude(shown, language, dice, contract)


def _slip(draft: Draft, dice: Dice) -> list[Fraction]:
    """What the steps come to when one of them goes wrong by a little and the others build on it."""
    wrong = dice.below(len(draft.steps))
    amount = dice.choose((1, -1, 2, -2, 10, -10))
    values: list[Fraction] = []
    try:
        for position, step in enumerate(draft.steps):
            value = calculate(step.operator, resolve(step.left, values), resolve(step.right, values))
            values.append(value + Fraction(amount, value.denominator) if position == wrong else value)
    except ZeroDivisionError:  # the slip made a divisor vanish; such a reply is written without it
        return list(draft.values)
    return values


_LEADS: dict[Language, tuple[str, ...]] = {
    "en": ("First, ", "Next, ", "Then, ", "After that, ", "Finally, "),
    "zh": ("首先，", "接着，", "然后，", "再算，", "最后，"),
}


def _write_steps(draft: Draft, values: list[Fraction], language: Language, switch: int, dice: Dice) -> list[str]:
    """One line a step; from step `switch` on in the other language."""
    other: Language = "zh" if language == "en" else "en"
    lines = []
    for position, step in enumerate(draft.steps):
        spoken = language if position < switch else other
        first, *middle, last = _LEADS[spoken]
        lead = first if position == 0 else last if position == len(draft.steps) - 1 else dice.choose(middle)
        sum_ = _write_calculation(step, values, position, decimal=draft.decimal)
        lines.append(f"{lead}{step.label['en']} {sum_}." if spoken == "en" else f"{lead}{step.label['zh']}{sum_}。")
    return lines


def _write_calculation(step: Calculation, values: list[Fraction], position: int, *, decimal: bool) -> str:
    """The calculation with its result: `3 * 4 = 12`; fractions are first brought to one denominator."""
    left, right = resolve(step.left, values), resolve(step.right, values)
    sides = [_as_operands(plain(left, decimal=decimal), step.operator, plain(right, decimal=decimal))]
    common = math.lcm(left.denominator, right.denominator)
    if step.operator in {"+", "-"} and not decimal and left.denominator != right.denominator:
        numerators = [value.numerator * common // value.denominator for value in (left, right)]
        sides.append(_as_operands(f"{numerators[0]}/{common}", step.operator, f"{numerators[1]}/{common}"))
    return " = ".join([*sides, plain(values[position], decimal=decimal)])


def _as_operands(left: str, operator: str, right: str) -> str:
    return f"{left} {operator} ({right})" if right.startswith("-") else f"{left} {operator} {right}"


_CONCLUSIONS: dict[Language, tuple[str, ...]] = {
    "en": ("The answer is {}.", "So the answer is {}."),
    "zh": ("答案是{}。", "所以答案是{}。"),
}


def _conclude(shown: str, language: Language, dice: Dice, contract: str) -> str:
    if contract == "think_answer":
        return f"<answer>{shown}</answer>"
    return dice.choose(_CONCLUSIONS[language]).replace("{}", shown, 1)
