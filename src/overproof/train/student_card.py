"""The model card of a trained student; only this module knows what it says.

It holds no date and no path of the machine, so that the same training writes the same card but for its speed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from overproof.config.training import TrainConfig
from overproof.train.resuming import Training
from overproof.train.training_rows import TrainingRows

_SHOWN = (
    "learning_rate",
    "lr_scheduler_type",
    "lr_scheduler_kwargs",
    "warmup_steps",
    "num_train_epochs",
    "max_steps",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "world_size",
    "packing",
    "beta",
    "loss_type",
    "optim",
    "weight_decay",
    "max_grad_norm",
    "bf16",
    "seed",
)


def render_card(config: TrainConfig, rows: TrainingRows, training: Training, arguments: Any) -> str:
    """README.md of a finished training."""
    header = {
        "base_model": _public_name(config.student),
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["reasoning", "distillation", "dpo" if _on_pairs(training) else "sft", "trl", "overproof"],
    }
    sections = [
        f"---\n{yaml.safe_dump(header, sort_keys=False)}---",
        f"# {_public_name(config.student)}, fine-tuned on reasoning traces",
        _say_what(config, rows, training),
        "## Settings\n\n" + _table(("key", "value"), _settings(config, arguments)),
        "## Versions\n\n" + _table(("package", "version"), training.versions),
        "## Use\n\n" + _say_use(arguments),
    ]
    return "\n\n".join(sections) + "\n"


def _on_pairs(training: Training) -> bool:
    return "dpo" in training.settings


def _public_name(student: str) -> str:
    """A Hub id as it is, a folder by its last part alone."""
    path = Path(student)
    return path.resolve().name if path.is_dir() else student


def _say_what(config: TrainConfig, rows: TrainingRows, training: Training) -> str:
    summary = training.summary
    assert summary is not None, "a card is written for a finished training"
    kind = "Low-rank adapters were trained" if config.lora else "Every weight was trained"
    first, last = summary.loss
    if _on_pairs(training):
        what = (
            f"{kind} by direct preference optimisation on {rows.rows:,} pairs of a right and a wrong reply to the same "
            f"problem ({rows.tokens:,} tokens, the longest side {rows.longest:,})."
        )
    else:
        what = (
            f"{kind} on {rows.rows:,} rows ({rows.tokens:,} tokens, the longest row {rows.longest:,}), with the loss "
            "on each reply alone: its reasoning, its answer and the end of the turn."
        )
    return (
        f"{what}\n\n"
        f"- Rows left out because they are longer than {rows.limit:,} tokens: {rows.dropped:,}\n"
        f"- Fingerprint of the rows: `{rows.fingerprint}`\n"
        f"- Steps: {summary.steps:,}; epochs: {summary.epochs:g}\n"
        f"- Loss: {first:.4f} at the first log, {last:.4f} at the last"
    )


def _settings(config: TrainConfig, arguments: Any) -> dict[str, Any]:
    shown: dict[str, Any] = {key: getattr(arguments, key) for key in _SHOWN if hasattr(arguments, key)}
    shown["effective batch size"] = (
        arguments.per_device_train_batch_size * arguments.gradient_accumulation_steps * arguments.world_size
    )
    if config.lora is not None:
        shown |= {f"lora.{key}": value for key, value in config.lora.model_dump().items()}
    return {key: getattr(value, "value", value) for key, value in shown.items() if value is not None}


def _table(headings: tuple[str, str], rows: dict[str, Any]) -> str:
    lines = [f"| {' | '.join(headings)} |", "| --- | --- |"]
    return "\n".join([*lines, *(f"| {key} | {value} |" for key, value in rows.items())])


def _say_use(arguments: Any) -> str:
    end = f" It stops at `{arguments.eos_token}`." if getattr(arguments, "eos_token", None) else ""
    return (
        "The tokenizer here carries the chat template that the student was trained with; ask it through that template."
        + end
        + " Measure it with `overproof evaluate`, on problems that are not in the training set."
    )
