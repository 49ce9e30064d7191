"""What is measured of a trace: the `rewards` table."""

from typing import Literal

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


class RewardsConfig(Table):
    """R1's three rule rewards; rewards measure, they hold no thresholds."""

    accuracy: AccuracyConfig = AccuracyConfig()
    """Answer against reference."""
    think_format: RewardConfig = RewardConfig()
    """Exactly one reasoning block and an answer after it."""
    language_consistency: LanguageConfig = LanguageConfig()
    """Reasoning in the question's language."""
