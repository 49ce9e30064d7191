"""Will a training fit into the memory of a GPU, and what would instead? Predicted before the first step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from overproof.config.training import LoraConfig, TrainConfig
from overproof.student.adapters import build_adapter
from overproof.student.checkpoint import find_student
from overproof.train.memory import GIB, Memory, Shape, predict_memory

_SHORTEST = 1024
"""Rows shorter than this are not offered as a way out."""


def predict(config: TrainConfig, arguments: Any, tokens: int) -> Memory:
    """Memory of a training on a GPU whose longest row (or pack) has so many tokens. bfloat16 is taken for granted."""
    student = find_student(config.student)
    loading = arguments.model_init_kwargs if isinstance(arguments.model_init_kwargs, dict) else {}
    weights = str(loading.get("dtype", "float32")).removeprefix("torch.")
    old = getattr(arguments, "gradient_checkpointing", None)
    on_pairs = hasattr(arguments, "precompute_ref_log_probs")
    shape = Shape(
        tokens=tokens,
        batch=arguments.per_device_train_batch_size,
        weights="bfloat16" if weights == "auto" else weights,
        checkpointing=bool(getattr(arguments, "activation_checkpointing", old)),
        replies=2 if on_pairs else 1,
        reference=on_pairs and config.lora is None and not arguments.precompute_ref_log_probs,
        sharded_over=arguments.world_size if _is_sharded(arguments) else 1,
    )
    return predict_memory(student, shape, build_adapter(config.lora, student))


def _is_sharded(arguments: Any) -> bool:
    return bool(arguments.fsdp) or bool(arguments.deepspeed)


def describe_fit(config: TrainConfig, arguments: Any, tokens: int, room: int | None) -> list[str]:
    """The prediction, and for a GPU with `room` bytes whether it fits and what would."""
    memory = predict(config, arguments, tokens)
    lines = [f"{memory.line()} (rows of {tokens:,} tokens)"]
    if room is not None and memory.peak > room:
        lines.append(
            f"a GPU here has {room / GIB:.1f} GiB: this will not fit. {_offer(config, arguments, tokens, room)}"
        )
    return lines


def _offer(config: TrainConfig, arguments: Any, tokens: int, room: int) -> str:
    """The first change that is predicted to fit, or that none was found."""
    for setting, changed, batch, length in _changes(config, arguments, tokens):
        kept = arguments.per_device_train_batch_size
        arguments.per_device_train_batch_size = batch
        try:
            memory = predict(changed, arguments, length)
        finally:
            arguments.per_device_train_batch_size = kept
        if memory.peak <= room:
            return f"{setting} would, with {memory.peak / GIB:.1f} GiB"
    return "No shorter rows and no adapters would; take a smaller student, or share it over several GPUs (sft.fsdp)"


def _changes(config: TrainConfig, arguments: Any, tokens: int) -> Iterator[tuple[str, TrainConfig, int, int]]:
    """Changes to try, the smallest first: fewer rows at once, adapters, shorter rows."""
    batch = arguments.per_device_train_batch_size
    table = "dpo" if hasattr(arguments, "precompute_ref_log_probs") else "sft"
    if batch > 1:
        yield f"{table}.per_device_train_batch_size: 1", config, 1, tokens
    adapted = config
    if config.lora is None:
        adapted = config.model_copy(update={"lora": LoraConfig(r=32)})
        yield "lora: {r: 32}", adapted, 1, tokens
    length = tokens // 2
    while length >= _SHORTEST:
        yield f"{table}.max_length: {length}", config, 1, length
        if adapted is not config:
            yield f"lora: {{r: 32}} and {table}.max_length: {length}", adapted, 1, length
        length //= 2
