"""What is measured of a trace: the `rewards` table."""

from typing import Literal

from pydantic import Field, PositiveInt

from overproof.config.table import Table


class RewardConfig(Table):
    """One reward's share in the total."""

    weight: float = 1.0
    """Factor in the weighted total; 0 measures without counting."""


class AccuracyConfig(RewardConfig):
    """Does the answer equal the reference?"""

    approximate: Literal["correct", "incorrect"] = "correct"
    """How an answer counts that is equal only after rounding to the reference's own digits."""


class LanguageConfig(RewardConfig):
    """Share of the reasoning that is in the target language."""

    target: str | None = None
    """Language code; None takes the question's language."""


class CountedConfig(Table):
    """A measure that never counts in the total."""

    weight: Literal[0] = 0
    """Always 0."""


class CosineLengthConfig(RewardConfig):
    """Bounds of the cosine length reward; each pair is the value at length 0 and at `max_tokens`."""

    max_tokens: PositiveInt
    """Length in tokens at which the reply counts as too long."""
    right: tuple[float, float] = (1.0, 0.5)
    """Bounds for a right answer."""
    wrong: tuple[float, float] = (-1.0, -0.5)
    """Bounds for a wrong answer."""
    exceeded: float = -1.0
    """Value of a reply that is too long."""


class OverlongConfig(RewardConfig):
    """Where the punishment of long replies begins and ends."""

    max_tokens: PositiveInt
    """Length in tokens from which the value is -1."""
    cache_tokens: PositiveInt
    """How many tokens before that the value begins to fall from 0."""


class ForeignRunConfig(RewardConfig):
    """What counts as a stretch in another language."""

    weight: float = 0.0
    """Factor in the weighted total; 0 measures without counting."""
    most_words: float = Field(default=6.0, gt=0)
    """Longest stretch in other languages that is passed over, in words (1.6 Chinese characters are one)."""


class LongParagraphsConfig(RewardConfig):
    """What counts as a long paragraph."""

    max_characters: PositiveInt = 2000
    """Longest stretch without a line break."""


class RewardsConfig(Table):
    """R1's three rule rewards, and further measures that are taken only when listed (`repetition: {}`).

    Rewards measure; they hold no thresholds.
    """

    accuracy: AccuracyConfig = AccuracyConfig()
    """Answer against reference."""
    think_format: RewardConfig = RewardConfig()
    """Exactly one reasoning block and an answer after it."""
    language_consistency: LanguageConfig = LanguageConfig()
    """Reasoning in the question's language."""
    foreign_run: ForeignRunConfig | None = None
    """No long stretch of the reasoning in another language: R1 dropped what has one."""
    self_consistency: RewardConfig | None = None
    """Agreement with the majority of the problem's traces; not accuracy."""
    repetition: RewardConfig | None = None
    """Share of the reply that does not repeat itself."""
    kimi_length: RewardConfig | None = None
    """Short among the problem's traces, in [-0.5, 0.5]."""
    cosine_length: CosineLengthConfig | None = None
    """Short when right, long when wrong; needs max_tokens."""
    overlong: OverlongConfig | None = None
    """Punishment near the length limit, in [-1, 0]; needs max_tokens and cache_tokens."""
    reasoning_markers: CountedConfig | None = None
    """Count of words of self-reflection (wait, let me check, 等等)."""
    mixed_paragraphs: RewardConfig | None = None
    """Share of the paragraphs in the target language."""
    code_blocks: RewardConfig | None = None
    """No fenced code in the reasoning."""
    long_paragraphs: LongParagraphsConfig | None = None
    """Share of the text in paragraphs of reasonable length."""
