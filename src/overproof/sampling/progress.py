"""What sampling tells while it runs; how it is shown is the business of whoever listens."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec

from overproof.records import Usage
from overproof.teacher.budget import Amount


class Forecast(msgspec.Struct, frozen=True):
    """What the whole run will come to, from what its first problems took; bounds of a 95 % interval."""

    tokens: int
    tokens_low: int
    tokens_high: int
    cost: Decimal
    cost_low: Decimal
    cost_high: Decimal
    problems: int
    """How many problems it rests on."""


class Progress(msgspec.Struct, frozen=True):
    """Where sampling stands. Sent about twice a second."""

    problems: int
    """Problems in all."""
    problems_done: int
    """Problems with all the traces they want, those of earlier sessions included."""
    samples: int
    """Samples that are surely wanted; adaptive sampling may come to want more."""
    samples_done: int
    """Samples in the journal, those of earlier sessions included."""
    samples_new: int
    """Samples of this session."""
    in_flight: int
    """Requests under way."""
    window: int
    """Requests that may be under way now."""
    usage: Usage
    """Tokens of this session's traces, failed attempts included."""
    spent: Amount
    """Charged to the budget over all sessions, worst cases for what is unknown included."""
    seconds: float
    """Since this session began."""
    samples_per_second: float
    """Over the last ten seconds."""
    tokens_per_second: float
    """Prompt and reply tokens over the last ten seconds."""
    failures: dict[str, int]
    """Failed attempts of this session by state, throttles included."""
    correct: int = 0
    """Adaptive sampling: traces graded correct in this session."""
    graded: int = 0
    forecast: Forecast | None = None
    """None until enough problems are done."""


class Notice(msgspec.Struct, frozen=True):
    """Something a person should see as it happens: a pause, a lost endpoint, an alarm."""

    text: str


Listener = Callable[[Progress | Notice], None]
"""Gets every event, in the sampling thread; must return quickly."""
