"""What is measured of a trace: the `rewards` table."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from overproof.config.own import OneOf
from overproof.config.table import Table

EXTRACTORS = ("stated", "last_box")


class RewardConfig(Table):
    """One reward's share in the total."""

    weight: float = 1.0
    """Factor in the weighted total; 0 measures without counting."""


class AccuracyConfig(RewardConfig):
    """Does the answer equal the reference?"""

    approximate: Literal["correct", "incorrect"] = "correct"
    """How an answer counts that is equal only after rounding to the reference's own digits."""
    extractor: Annotated[str, OneOf("extractor", EXTRACTORS, takes=("reply", "question"))] = "stated"
    """Where the answer of a reply is looked for. stated: wherever the reply states it; last_box: in its last \\boxed
    only; or a function of your own, `module:function`."""


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


class FormConfig(RewardConfig):
    """A reward that most questions give no value, since they ask for no form."""

    weight: float = 0.0
    """Factor in the weighted total; with any but 0 a trace without a value has no total."""


class LongParagraphsConfig(RewardConfig):
    """What counts as a long paragraph."""

    max_characters: PositiveInt = 2000
    """Longest stretch without a line break."""


class CustomRewardConfig(RewardConfig):
    """A reward of the user's own."""

    function: Annotated[str, OneOf("reward", (), takes=("subject",))]
    """`module:function`: called with a `rewards.Subject`, it returns a number, a Reward, or None where there is nothing
    to measure."""
    options: dict[str, Any] = {}
    """What the function is called with besides, as keywords."""


def _check_reward_name(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", name):
        raise ValueError("a reward's name is of a-z, 0-9 and _")
    return name


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
    asked_form: FormConfig | None = None
    """Answer in the form that the question asks for: a base, factored or expanded, decimal places, a fraction."""
    thought_share: CountedConfig | None = None
    """Share of the reasoning that neither says the question or a sentence again nor follows the right answer."""
    custom: dict[Annotated[str, AfterValidator(_check_reward_name)], CustomRewardConfig] = {}
    """Rewards of your own, each under its name, which selections may require as any other."""

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        if taken := sorted(set(self.custom) & set(type(self).model_fields)):
            raise ValueError(f"custom.{taken[0]}: there is a reward of that name; take another")
        return self

    def listed(self) -> dict[str, Any]:
        """The rewards that are measured, by name, each with its table."""
        own = [name for name in type(self).model_fields if name != "custom"]
        return {name: table for name in own if (table := getattr(self, name)) is not None} | self.custom


REWARDS = tuple(name for name in RewardsConfig.model_fields if name != "custom")
"""The names of this package's own rewards."""
