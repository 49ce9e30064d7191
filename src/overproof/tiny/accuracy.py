"""How often a tiny model answers rightly, by prompt form and temperature: the figures of its model card.

The comparison is exact and knows only the forms of answer that procedural problems have; runs are graded by
`overproof.grading`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from overproof.records import Problem
from overproof.tiny.chat import render_prompt
from overproof.tiny.corpus import PROMPT_FORMS, PromptForm, put_question
from overproof.tiny.engine import Generated, Sampling, TinyEngine

LONGEST_REPLY = 320
"""Tokens; the longest clean reply has about 150."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Shares of all replies."""

    replies: int
    correct: float
    """The boxed answer after the reasoning equals the reference."""
    closed: float
    """The reasoning block ends."""
    boxed: float
    """There is a boxed answer."""
    by_source: dict[str, float]
    """Share correct of each problem family and language."""


def measure(
    engine: TinyEngine, problems: Iterable[Problem], *, form: str = "plain", temperature: float = 1.0, samples: int = 1
) -> Accuracy:
    """Ask each problem `samples` times in one of `corpus.PROMPT_FORMS`; the seeds are fixed."""
    asked = [(problem, index) for problem in problems for index in range(samples)]
    replies = [_submit(engine, problem, index, PROMPT_FORMS[form], temperature) for problem, index in asked]
    while engine.is_busy:
        engine.advance()
    total, correct = Counter[str](), Counter[str]()
    for (problem, _), reply in zip(asked, replies, strict=True):
        kind = f"{problem.source} {problem.metadata['language']}"
        total[kind] += 1
        correct[kind] += problem.reference is not None and is_correct(reply.text, problem.reference)
    return Accuracy(
        replies=len(replies),
        correct=correct.total() / len(replies),
        closed=sum("</think>" in reply.text for reply in replies) / len(replies),
        boxed=sum(last_box(reply.text) is not None for reply in replies) / len(replies),
        by_source={kind: correct[kind] / count for kind, count in total.items()},
    )


def is_correct(text: str, reference: str) -> bool:
    """Whether the last box after a closed reasoning block holds the reference's value."""
    box = last_box(text.rpartition("</think>")[2]) if "</think>" in text else None
    return box is not None and _canonical(box) == _canonical(reference)


_BOX = re.compile(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}")
_FRACTION = re.compile(r"\\frac\{(-?\d+)\}\{(-?\d+)\}")
_NUMBER = re.compile(r"-?\d+(?:\.\d+|/-?\d+)?")


def last_box(text: str) -> str | None:
    r"""Content of the last `\boxed{…}`."""
    boxes = _BOX.findall(text)
    return boxes[-1] if boxes else None


def _canonical(answer: str) -> str:
    """The answer with every number as a reduced fraction and without spaces."""
    flat = _FRACTION.sub(r"\1/\2", answer).replace(" ", "").replace("\\%", "%")
    return _NUMBER.sub(_reduce, flat)


def _reduce(number: re.Match[str]) -> str:
    numerator, _, denominator = number[0].partition("/")
    return str(Fraction(numerator) / Fraction(denominator or 1)) if denominator.strip("-0") or not denominator else "?"


def _submit(engine: TinyEngine, problem: Problem, index: int, form: PromptForm, temperature: float) -> Generated:
    prompt = engine.encode(render_prompt(put_question(problem.question, form)))
    seed = int.from_bytes(problem.id.encode()[-8:], "big")
    reply = Generated(prompt, Sampling(temperature=temperature, max_tokens=LONGEST_REPLY), (seed, index))
    engine.submit(reply)
    return reply
