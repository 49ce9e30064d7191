"""R1's readability filters as measures, and the count of its self-reflection; only this module knows them.

DeepSeek-R1 (arXiv 2501.12948, section 2.3.3) dropped reasoning with mixed languages, long paragraphs and code blocks,
without figures for what that brought. OpenThoughts3 (arXiv 2506.04178, table 7) tried two of the three on 31,600 math
rows with a 7B student: against 64.8 on math for a random choice, removing other languages gave 63.1 and removing long
paragraphs 64.5. So nothing here is measured unless a config lists it.
"""

from __future__ import annotations

import re

from overproof.completion import read_completion
from overproof.config.rewards import LongParagraphsConfig
from overproof.records import Reward, Trace
from overproof.rewards.languages import measure_language

_NO_REASONING = Reward(None, "no_reasoning")
_FENCE = re.compile(r"^[ \t]*```", re.MULTILINE)
_MARKERS = {
    "reflection": ("wait", "hmm", "hold on", "actually", "等等", "等一下", "不对", "慢着"),
    "verification": ("check", "verify", "confirm", "make sure", "检查", "验证", "验算", "核对"),
    "alternative": ("alternatively", "another way", "another approach", "instead", "另一种", "换一种", "换个"),
    "uncertainty": ("perhaps", "maybe", "might", "not sure", "也许", "可能", "或许", "不确定"),
}
"""Kind of turn in a train of thought → the words that announce it, in English and Chinese."""


def _compile(marker: str) -> re.Pattern[str]:
    # The word comes first and its left boundary is looked up behind it: a pattern that begins with letters is searched
    # for many times as fast as one that begins with a boundary.
    return re.compile(rf"{marker}(?<![a-z]{marker})(?![a-z])" if marker.isascii() else marker)


_PATTERNS = {kind: [_compile(marker) for marker in markers] for kind, markers in _MARKERS.items()}


def reasoning_markers(trace: Trace) -> Reward:
    """How many words of self-reflection the reasoning holds (wait, let me check, 等等, 验算); by kind in the evidence.

    A count, not a reward: models that reflect more are not right more often for it, so its weight is always 0.
    """
    reasoning = read_completion(trace).reasoning
    if reasoning is None:
        return _NO_REASONING
    lowered = reasoning.lower()
    counts = {kind: sum(len(pattern.findall(lowered)) for pattern in patterns) for kind, patterns in _PATTERNS.items()}
    return Reward(float(sum(counts.values())), "", counts)


def mixed_paragraphs(trace: Trace, target: str | None) -> Reward:
    """The share of the reasoning's paragraphs that are in the language `target` (nine words in ten).

    None when no paragraph is long enough to tell, or no target is known. A paragraph is a stretch without a line break.
    """
    found = measure_language(trace, target)
    if isinstance(found, Reward):
        return found
    if not found.paragraphs:
        return Reward(None, "too_little_text")
    if not found.mixed_paragraphs:
        return Reward(1.0)
    evidence = {"paragraphs": found.paragraphs, "mixed": found.mixed_paragraphs}
    return Reward(round(1 - found.mixed_paragraphs / found.paragraphs, 4), "mixed", evidence)


def code_blocks(trace: Trace) -> Reward:
    """1 when the reasoning holds no fenced code block, else 0."""
    reasoning = read_completion(trace).reasoning
    if reasoning is None:
        return _NO_REASONING
    fences = len(_FENCE.findall(reasoning))
    return Reward(0.0, "code", {"fences": fences}) if fences else Reward(1.0)


def long_paragraphs(trace: Trace, config: LongParagraphsConfig) -> Reward:
    """The share of the reasoning's characters that stand in paragraphs of at most `config.max_characters`.

    A paragraph is a stretch without a line break. None when there is no text.
    """
    reasoning = read_completion(trace).reasoning
    if reasoning is None:
        return _NO_REASONING
    lengths = [len(paragraph) for paragraph in reasoning.splitlines()]
    total = sum(lengths)
    if not total:
        return Reward(None, "too_little_text")
    excess = sum(length for length in lengths if length > config.max_characters)
    if not excess:
        return Reward(1.0)
    return Reward(round(1 - excess / total, 4), "long", {"longest": max(lengths)})
