"""Rewards for the length of a reply in tokens; only this module knows their formulas.

Each has been proposed for reinforcement learning. For distillation they only measure: dropping long traces has cost
accuracy where it was tried (OpenThoughts, arXiv 2506.04178, appendix H.3). Lengths are the endpoint's own count of
generated tokens, reasoning included; without it the value is None.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from overproof.config.rewards import CosineLengthConfig, OverlongConfig
from overproof.records import Reward, Trace

_UNKNOWN_LENGTH = Reward(None, "unknown_length")
_UNKNOWN_ANSWER = Reward(None, "not_graded")


def kimi_length(traces: Sequence[Trace], right: Sequence[bool | None]) -> list[Reward]:
    """The length reward of Kimi k1.5 (arXiv 2501.12599, section 2.3.3) for all traces of one problem.

    `right` says of each trace whether its answer is right (None: not known). The shortest gets 0.5 and the longest
    -0.5, in a straight line between; a wrong answer gets at most 0. All get 0 when all are of one length.
    """
    lengths = [trace.usage.completion_tokens for trace in traces]
    known = [length for length in lengths if length is not None]
    shortest, longest = min(known, default=0), max(known, default=0)
    rewards = []
    for length, correct in zip(lengths, right, strict=True):
        if length is None or correct is None:
            rewards.append(_UNKNOWN_LENGTH if length is None else _UNKNOWN_ANSWER)
            continue
        value = 0.5 - (length - shortest) / (longest - shortest) if longest > shortest else 0.0
        rewards.append(Reward(value if correct else min(0.0, value), "", {"tokens": length}))
    return rewards


def cosine_length(trace: Trace, config: CosineLengthConfig, *, right: bool | None) -> Reward:
    """The cosine reward of Yeo et al. (arXiv 2502.03373, section 4.1): more for short right and for long wrong answers.

    The value runs along half a cosine from its first to its second bound as the length goes from 0 to
    `config.max_tokens`; from there on it is `config.exceeded`.
    """
    length = trace.usage.completion_tokens
    if length is None:
        return _UNKNOWN_LENGTH
    if right is None:
        return _UNKNOWN_ANSWER
    if length >= config.max_tokens:
        return Reward(config.exceeded, "too_long", {"tokens": length})
    start, end = config.right if right else config.wrong
    value = end + 0.5 * (start - end) * (1 + math.cos(math.pi * length / config.max_tokens))
    return Reward(value, "", {"tokens": length})


def overlong(trace: Trace, config: OverlongConfig) -> Reward:
    """The soft overlong punishment of DAPO (arXiv 2503.14476, equation 13), in [-1, 0].

    0 up to `max_tokens - cache_tokens`, then down in a straight line to -1 at `max_tokens`.
    """
    length = trace.usage.completion_tokens
    if length is None:
        return _UNKNOWN_LENGTH
    over = length - (config.max_tokens - config.cache_tokens)
    if over <= 0:
        return Reward(0.0, "", {"tokens": length})
    return Reward(max(-1.0, -over / config.cache_tokens), "too_long", {"tokens": length})
