"""What a training is going to do, on one screen before its first step; and what must not begin at all."""

from __future__ import annotations

import math
import os
from typing import Any

from overproof.config.training import TrainConfig
from overproof.errors import ConfigError
from overproof.train.training_rows import TrainingRows


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


def packs(arguments: Any) -> bool:
    """Whether TRL's arguments ask for several rows in one sequence; only those of supervised training can."""
    return bool(getattr(arguments, "packing", False))


def describe_training(
    config: TrainConfig, rows: TrainingRows, arguments: Any, sequences: int, fit: list[str], *, unit: str = "rows"
) -> list[str]:
    """Rows (or pairs), batch, steps, template and mode, memory: a line each. `sequences` go through in an epoch."""
    batch = arguments.per_device_train_batch_size * arguments.gradient_accumulation_steps * arguments.world_size
    processes = f"{arguments.world_size} process{'es' if arguments.world_size > 1 else ''}"
    parts = (
        f"{arguments.per_device_train_batch_size} × {arguments.gradient_accumulation_steps} accumulated × {processes}"
    )
    steps = arguments.max_steps
    if steps <= 0:  # an epoch ends with a step, however few rows are left for it
        batches = math.ceil(sequences / (arguments.per_device_train_batch_size * arguments.world_size))
        per_epoch = math.ceil(batches / arguments.gradient_accumulation_steps)
        steps = math.ceil(per_epoch * arguments.num_train_epochs)
    modes = ", ".join(f"{mode} {count:,}" for mode, count in rows.modes.items())
    packed = f" in {sequences:,} packs of up to {rows.limit:,} tokens" if packs(arguments) else ""
    kind = f"adapters of rank {config.lora.r}" if config.lora else "every weight"
    template = config.chat_template or "the student's own"
    variables = "".join(f", {key}: {value}" for key, value in config.template.items())
    ordered = getattr(arguments, "train_sampling_strategy", "random") == "group_by_length"
    return [
        rows.line(unit),
        f"student      {config.student}, {kind}",
        f"{unit:<13}{rows.rows:,}{packed} ({modes}), {rows.dropped:,} left out",
        f"batch        {batch:,} {unit}: {parts}{', ordered by length' if ordered else ''}",
        f"steps        {steps:,}, {steps * batch / sequences:.3g} epochs; the time is told after five steps",
        f"template     {template}{variables}",
        *(f"memory       {line}" for line in fit),
    ]
