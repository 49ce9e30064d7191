"""Reinforcement learning with the rule rewards: the whole config of `overproof grpo`."""

from typing import Any

from overproof.config.rewards import RewardsConfig
from overproof.config.source import ProblemsConfig, PromptConfig
from overproof.config.table import Table


class GrpoConfig(Table):
    """One GRPO training of a student on problems, with the same rewards that score traces."""

    student: str
    """The checkpoint to train: a folder, a Hugging Face id, or `tiny-student`, which ships with the package."""
    output: str
    """Folder of the trained student and its checkpoints; it must not hold another training's."""
    problems: ProblemsConfig
    """Where the problems come from."""
    prompt: PromptConfig = PromptConfig()
    """How a question is put; `template: r1_zero` is R1-Zero's."""
    rewards: RewardsConfig = RewardsConfig()
    """What is rewarded, and with which weights."""
    grpo: dict[str, Any] = {}
    """TRL's own GRPOConfig keys (learning_rate, num_generations, max_steps, …), passed through and checked by TRL;
    `resume_from_checkpoint: true` goes on from the last checkpoint in `output`."""
