"""The twelve kinds of problem by name: each draws numbers, writes the working down, and words the question."""

from __future__ import annotations

from collections.abc import Callable

from overproof.tiny.algebra import expression, inequality, linear_equation, system_of_equations
from overproof.tiny.dice import Dice
from overproof.tiny.drafts import Draft, Language
from overproof.tiny.stories import (
    discount,
    journey,
    parts_of_a_whole,
    proportion,
    sharing,
    shopping,
    sum_and_difference,
    weighing,
)

Family = Callable[[Dice, Language], Draft]

FAMILIES: dict[str, Family] = {
    family.__name__: family
    for family in (
        shopping,
        sharing,
        expression,
        linear_equation,
        parts_of_a_whole,
        journey,
        discount,
        sum_and_difference,
        proportion,
        weighing,
        system_of_equations,
        inequality,
    )
}
"""In the order in which problems go round; another order would be another corpus."""
