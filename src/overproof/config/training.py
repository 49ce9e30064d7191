"""How a student is trained, evaluated and put to the proof: the `train`, `evaluation` and `prove` tables."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from overproof.config.source import ProblemsConfig
from overproof.config.table import Table


class LoraConfig(Table):
    """Low-rank adapters (Hu et al. 2021, arXiv 2106.09685) in place of training every weight."""

    r: PositiveInt = 16
    """Rank of the adapters."""
    alpha: PositiveFloat = 32.0
    """Scale of the adapters; what they add is multiplied by alpha / r."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of an adapter's inputs dropped while training."""
    target_modules: str | list[str] = "all-linear"
    """Which layers get adapters, as peft names them; all-linear takes every linear one but the output layer."""
    merge: bool = True
    """Write the whole student with the adapters merged in, which any server loads, and the adapters beside it; false
    writes the adapters alone."""


class TrainConfig(Table):
    """Supervised fine-tuning of a student with TRL. The loss covers the reply of each row and nothing else."""

    dataset: str | list[str] | None = None
    """The set to train on: a folder that `export` wrote, or a JSONL or Parquet file, or a list of those, one after the
    other; None takes the run's own."""
    student: str
    """The checkpoint to begin with: a folder, a Hugging Face id, or `tiny-student`, which ships with the package."""
    output: str | None = None
    """Folder of the trained student and its checkpoints; None takes `student` in the run folder, and `preferred` for
    `overproof dpo`."""
    chat_template: str | None = None
    """`chatml`, `plain` (texts without any template), the name of a template that TRL ships (qwen3,
    deepseek_r1_distill, …), or the path of a Jinja file; None takes the student's own, which base models lack. It is
    saved with the student. `overproof check-student --matrix` shows what each makes of each export format."""
    template: dict[str, Any] = {}
    """Variables of the chat template, such as {enable_thinking: true}. They are saved as its defaults, so that whoever
    serves the student asks it in the mode that it was trained in."""
    empty_block_in_loss: bool = False
    """Rows without reasoning: whether the student also learns to write the empty think block before the answer; if
    not, it is part of the prompt, as templates render it when they are told not to think."""
    length_percentile: float = Field(default=100.0, gt=0, le=100)
    """Rows longer than this percentile of the set's lengths are left out, so that a few giants do not set the memory
    that is needed. sft.max_length bounds the length in tokens instead. Rows are never cut."""
    lora: LoraConfig | None = None
    """Train low-rank adapters; None trains every weight."""
    sft: dict[str, Any] = {}
    """TRL's own SFTConfig keys (learning_rate, num_train_epochs, per_device_train_batch_size, packing, …), passed
    through and checked by TRL."""
    dpo: dict[str, Any] = {}
    """TRL's own DPOConfig keys (beta, loss_type, learning_rate, …), for `overproof dpo`: training on pairs of a right
    and a wrong reply (export.format: preference). `sft` is not read then."""


class EvaluationConfig(Table):
    """What a student is asked, and how often."""

    problems: ProblemsConfig
    """Where the problems come from; none of them may be in the training set."""
    n: PositiveInt = 8
    """Samples of each problem."""
    ks: list[PositiveInt] = [1, 8]
    """For which k pass@k and maj@k are estimated; those above n have no value."""
    modes: list[Literal["thinking", "non_thinking"]] = []
    """Ask in each of these modes, each into a run of its own; empty asks once, as student.thinking says."""
    seed: NonNegativeInt = 0
    """Base of the seeds sent, as sampling.seed is for a teacher."""

    @model_validator(mode="after")
    def _call_problems(self) -> Self:
        self.problems.call("evaluation.problems")
        return self


class ProveConfig(Table):
    """The proof: the same student trained on several selections of one run, equally large, and compared."""

    rows: PositiveInt = 1500
    """Rows of every set; drawn by a seeded chance from each selection."""
    seeds: list[NonNegativeInt] = Field(default=[0, 1, 2], min_length=1)
    """Trainings on each set, and the seeds of their row order."""
    temperatures: list[float] = []
    """Teacher temperatures, each a table of its own; empty takes teacher.temperature alone."""
    baseline: str = "unverified"
    """The named selection that the others are compared with."""
    pairs_after: str | None = None
    """A named selection whose students are also trained on pairs of right and wrong replies to the same problems
    (train.dpo), and compared with themselves before that; None leaves it out."""
    greedy: bool = True
    """Also evaluate every student at temperature 0, one sample a problem."""
    jobs: PositiveInt = 2
    """Trainings at once, one thread each."""
