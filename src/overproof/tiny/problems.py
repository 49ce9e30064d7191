"""Procedural math problems in English and Chinese: the teacher's own test set, and the two splits of its world.

A question belongs to the held-out split when a hash of its text says so, for ever and for every seed. The corpus
that trains the model leaves those questions out (see `corpus`), so no held-out problem was ever learned from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Literal

from overproof.errors import InputError
from overproof.records import Problem
from overproof.tiny.dice import Dice
from overproof.tiny.drafts import LANGUAGES, Draft, Language
from overproof.tiny.kinds import FAMILIES

Split = Literal["train", "held_out"]

HELD_OUT_ONE_IN = 20
"""One question of so many is held out."""

_MOST_REPEATS = 5_000
"""So many draws in a row without a new question mean that a family has no more of them."""


def procedural_problems(count: int, *, seed: int, split: Split) -> Iterator[Problem]:
    """`count` different problems, half English and half Chinese, going round the families in turn.

    The first problems are the same for every count. References are LaTeX; metadata has `language`, `level` (the number
    of steps) and `answer` (number, percent, pair or interval). Raises InputError when a family has no more questions.
    """
    kinds: list[tuple[str, Language]] = [(family, language) for family in FAMILIES for language in LANGUAGES]
    streams = [_new_problems(family, language, seed, split) for family, language in kinds]
    for position in range(count):
        yield next(streams[position % len(streams)])


def is_held_out(question: str) -> bool:
    """Whether a question is kept from the corpus."""
    return int.from_bytes(_digest(question)[:4], "big") % HELD_OUT_ONE_IN == 0


def _new_problems(family: str, language: Language, seed: int, split: Split) -> Iterator[Problem]:
    """Problems of one family in one language, each question once."""
    dice = Dice("problems", seed, family, language)
    seen: set[str] = set()
    repeats = 0
    while repeats < _MOST_REPEATS:
        draft = FAMILIES[family](dice, language)
        if is_held_out(draft.question) != (split == "held_out"):
            continue
        problem = _to_problem(draft, family, language)
        if problem.id in seen:
            repeats += 1
            continue
        repeats = 0
        seen.add(problem.id)
        yield problem
    raise InputError(
        f"the procedural family {family} has only {len(seen):,} {split} questions in '{language}'. "
        "Ask for fewer problems (problems.limit)"
    )


def _to_problem(draft: Draft, family: str, language: Language) -> Problem:
    return Problem(
        id=f"{family}-{language}-{_digest(draft.question).hex()[:12]}",
        question=draft.question,
        reference=draft.reference,
        source=family,
        metadata={"language": language, "level": str(len(draft.steps)), "answer": draft.answer.kind},
    )


def _digest(question: str) -> bytes:
    return hashlib.blake2b(question.encode(), digest_size=16).digest()
