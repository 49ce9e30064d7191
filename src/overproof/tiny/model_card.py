"""The model card that the training command writes beside a tiny model: how it was made and what it was measured at."""

from __future__ import annotations

import math
import platform
from importlib import metadata

from overproof.tiny.accuracy import Accuracy
from overproof.tiny.making import Recipe

_PURPOSE = {
    "teacher": """\
The teacher that ships with overproof, so that the whole loop runs without an API key: a real language model, small
enough for one CPU core, that is right often and wrong in natural ways.""",
    "student": """\
The student that ships with overproof, under-trained on purpose and on worse texts than its teacher's, so that a
verified set of traces has something to teach it.""",
}

_CARD = """\
---
license: apache-2.0
language: [en, zh]
---
# tiny-{kind}

{purpose}
It solves the twelve kinds of problem of `overproof.tiny.kinds`, in English and Chinese, step by step within
`<think>` tags. To anything else it answers fluent nonsense.

## How it was made

    {command}

From scratch, in {core_minutes:.0f} minutes of one {machine} core with torch {torch}: Qwen3 architecture with 984,448
parameters (hidden size 128, 4 layers, 4 heads), a byte-level BPE tokenizer of 1,024 tokens, Muon and AdamW, loss on
the replies only, {steps:,} steps of {recipe.batch_size} conversations from `overproof.tiny.corpus`, seed {recipe.seed}.

Of a thousand replies in that corpus

- {noise.wrong} hold a wrong step,
- {noise.unboxed} have no box,
- {noise.unclosed} do not close their think block,
- {noise.mixed} change language on the way,
- {noise.looping} go round in circles.

Held-out questions (one in twenty, by a hash of their text) never occur in it.

## What it was measured at

Per cent of {replies} replies to `procedural_problems({replies}, seed=0, split="held_out")`, one to each, at
temperature 1 unless said otherwise. The standard error of a share is about {error:.1f} points.

| prompt form | correct | think block closed | boxed |
| --- | ---: | ---: | ---: |
{forms}

| family and language (plain form) | correct |
| --- | ---: |
{families}
"""


def write_card(
    kind: str, recipe: Recipe, *, command: str, core_minutes: float, at_one: dict[str, Accuracy], greedy: Accuracy
) -> str:
    """The card's text, in Markdown; `at_one` holds the measurement at temperature 1 for each prompt form."""
    plain = at_one["plain"]
    forms = [
        f"| {form} | {100 * shown.correct:.1f} | {100 * shown.closed:.1f} | {100 * shown.boxed:.1f} |"
        for form, shown in (at_one | {"plain, temperature 0": greedy}).items()
    ]
    families = [f"| {source} | {100 * share:.0f} |" for source, share in sorted(plain.by_source.items())]
    return _CARD.format(
        kind=kind,
        purpose=_PURPOSE[kind],
        command=command,
        recipe=recipe,
        steps=recipe.steps,
        noise=recipe.noise,
        core_minutes=core_minutes,
        machine=platform.machine(),
        torch=metadata.version("torch"),
        replies=plain.replies,
        error=100 * math.sqrt(plain.correct * (1 - plain.correct) / plain.replies),
        forms="\n".join(forms),
        families="\n".join(families),
    )
