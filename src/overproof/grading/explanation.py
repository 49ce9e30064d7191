"""One judgement explained in plain text, for `overproof verify`: what was typed, extracted and compared, and why."""

from __future__ import annotations

from overproof.grading import grade, type_reference
from overproof.grading.spelling import spell
from overproof.grading.values import Quantity
from overproof.records import Grade

WIDTH = 200
"""Longer texts are cut to this many characters."""


def explain(completion: str, reference: str, *, question: str | None = None) -> tuple[Grade, str]:
    """The grade of a completion and the lines that explain it, one `name  value` a line."""
    typed = type_reference(reference, question)
    result = grade(completion, reference, question=question)
    lines = [("verdict", result.verdict.value), ("reason", result.reason), ("layer", result.layer)]
    lines.append(("extracted", "nothing" if result.extracted is None else result.extracted))
    if result.extracted is not None and (spelled := spell(result.extracted)) != result.extracted:
        lines.append(("read as", spelled))
    lines.append(("reference", reference.strip() or "nothing"))
    lines.append(("kind", typed.kind + (f" with {typed.parts} parts" if typed.parts > 1 else "")))
    if typed.letters is not None:
        lines.append(("letters", typed.letters))
    if typed.values and isinstance(typed.values[0], Quantity):
        lines.append(("unit", typed.values[0].unit.name))
    if typed.issue is not None:
        lines.append(("issue", typed.issue))
    width = max(len(name) for name, _ in lines)
    return result, "\n".join(f"{name:<{width}}  {_cut(value)}" for name, value in lines)


def _cut(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= WIDTH else f"{one_line[:WIDTH]}…"
