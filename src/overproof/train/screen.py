"""What a training is going to do, on one screen before its first step; and what must not begin at all."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

from overproof.config.training import TrainConfig
from overproof.errors import ConfigError
from overproof.train.training_rows import TrainingRows

if TYPE_CHECKING:
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer


def check_launch(world_size: int) -> None:
    """Raise ConfigError when a launcher was asked for several processes and only one has come to be.

    `accelerate launch --num_processes 2` does so, with a warning at most, where it finds one accelerator or none.
    """
    wanted = _wanted_processes(_command_of(os.getppid()))
    if wanted is not None and wanted > 1 and world_size == 1:
        raise ConfigError(
            f"accelerate was to launch {wanted} processes and has launched one, which would train on a batch {wanted} "
            f"times too small. Launch with torchrun --nproc_per_node {wanted} -m overproof.train, or run one process "
            "on purpose: overproof sft"
        )


def _command_of(process: int) -> list[str]:
    """The words of a process's command; none where that cannot be seen."""
    try:
        with open(f"/proc/{process}/cmdline", "rb") as file:  # noqa: PTH123 - a file of the kernel's
            return file.read().decode(errors="replace").split("\0")
    except OSError:
        return []


def _wanted_processes(command: list[str]) -> int | None:
    """How many processes a command asks accelerate for; None when it is no such command."""
    if not any("accelerate" in word for word in command):
        return None
    for word, after in zip(command, [*command[1:], ""], strict=True):
        name, _, value = word.replace("-", "_").partition("=")
        if name == "__num_processes" and (value or after).isdecimal():
            return int(value or after)
    return None


def describe_training(
    config: TrainConfig, rows: TrainingRows, arguments: SFTConfig, trainer: SFTTrainer, fit: list[str]
) -> list[str]:
    """Rows, batch, steps, template and mode, memory: a line each."""
    batch = arguments.per_device_train_batch_size * arguments.gradient_accumulation_steps * arguments.world_size
    processes = f"{arguments.world_size} process{'es' if arguments.world_size > 1 else ''}"
    parts = (
        f"{arguments.per_device_train_batch_size} × {arguments.gradient_accumulation_steps} accumulated × {processes}"
    )
    sequences = len(trainer.train_dataset)  # type: ignore[arg-type] # a set of rows, or of packs
    steps = (
        arguments.max_steps if arguments.max_steps > 0 else math.ceil(sequences / batch * arguments.num_train_epochs)
    )
    modes = ", ".join(f"{mode} {count:,}" for mode, count in rows.modes.items())
    packed = f" in {sequences:,} packs of up to {rows.limit:,} tokens" if arguments.packing else ""
    kind = f"adapters of rank {config.lora.r}" if config.lora else "every weight"
    template = config.chat_template or "the student's own"
    variables = "".join(f", {key}: {value}" for key, value in config.template.items())
    ordered = getattr(arguments, "train_sampling_strategy", "random") == "group_by_length"
    return [
        rows.line(),
        f"student      {config.student}, {kind}",
        f"rows         {rows.rows:,}{packed} ({modes}), {rows.dropped:,} left out",
        f"batch        {batch:,} rows: {parts}{', ordered by length' if ordered else ''}",
        f"steps        {steps:,}, {steps * batch / sequences:.3g} epochs; the time is told after five steps",
        f"template     {template}{variables}",
        *(f"memory       {line}" for line in fit),
    ]
