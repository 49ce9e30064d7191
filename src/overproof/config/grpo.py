"""Reinforcement learning with the rule rewards: the whole config of `overproof grpo`."""

from typing import Any

from overproof.config.rewards import RewardsConfig
from overproof.config.source import ProblemsConfig, PromptConfig
from overproof.config.table import Table
from overproof.config.training import LoraConfig


class GrpoConfig(Table):
    """One GRPO training of a student on problems, with the same rewards that score traces."""

    student: str
    """The checkpoint to train: a folder, a Hugging Face id, or `tiny-student`, which ships with the package."""
    output: str
    """Folder of the trained student and its checkpoints; it must not hold another training's."""
    chat_template: str | None = None
    """As train.chat_template; None takes the student's own, and plain text for a student without one."""
    template: dict[str, Any] = {}
    """As train.template: variables of the chat template."""
    eos_token: str | None = None
    """The token that ends a reply; None takes the tokenizer's own. Base models end a turn of ChatML with another."""
    lora: LoraConfig | None = None
    """Train low-rank adapters, as train.lora; None trains every weight."""
    problems: ProblemsConfig
    """Where the problems come from."""
    prompt: PromptConfig = PromptConfig()
    """How a question is put; `template: r1_zero` is R1-Zero's."""
    rewards: RewardsConfig = RewardsConfig()
    """What is rewarded, and with which weights."""
    grpo: dict[str, Any] = {}
    """TRL's own GRPOConfig keys (learning_rate, num_generations, max_steps, …), passed through and checked by TRL;
    `resume_from_checkpoint: true` goes on from the last checkpoint in `output`."""
