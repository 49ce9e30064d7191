"""The `train` table and this machine → TRL's own config; only this module knows which of its keys are not for users."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from overproof.config.passed_on import check_foreign_keys
from overproof.config.training import TrainConfig
from overproof.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.sft_config import SFTConfig

_REFUSED = {
    "output_dir": "set train.output instead",
    "chat_template_path": "set train.chat_template instead",
    "resume_from_checkpoint": "leave it out; the same command goes on from the last checkpoint by itself",
    **dict.fromkeys(
        ("assistant_only_loss", "completion_only_loss", "dataset_text_field"),
        "leave it out; the loss always covers the reply of a row, its end of turn included, and nothing else",
    ),
    **dict.fromkeys(
        ("truncation_mode", "packing_strategy"),
        "leave it out; rows are never cut, those longer than max_length are left out whole",
    ),
    **dict.fromkeys(("dataset_kwargs", "shuffle_dataset", "push_to_hub"), "not offered here"),
    # keys of older versions and of TRL's command line, with what became of them
    "warmup_ratio": "TRL has no such key any more; set warmup_steps, a number below 1 being a share of all steps",
    "max_seq_length": "TRL has no such key any more; set max_length",
    "no_cuda": "TRL has no such key any more; set use_cpu",
    "overwrite_output_dir": "TRL has no such key any more; give another train.output",
    "evaluation_strategy": "TRL has no such key any more; set eval_strategy",
    **dict.fromkeys(
        ("dtype", "torch_dtype", "attn_implementation"),
        "this belongs to how the model is loaded; set model_init_kwargs: {dtype: …, attn_implementation: …}",
    ),
}


_REPORTERS = {"tensorboard": "tensorboard", "wandb": "wandb", "trackio": "trackio", "mlflow": "mlflow"}
"""Where TRL can report to → the package that does it."""
_ATTENTION = {
    "flash_attention_2": ("flash_attn", "flash-attn --no-build-isolation"),
    "flash_attention_3": ("flash_attn_interface", "flash-attn-3"),
}
"""Attention kernels → their package, and how to install it."""


class Machine(NamedTuple):
    """What training can make use of here."""

    has_accelerator: bool
    bf16: bool = False
    """The accelerator computes in bfloat16."""
    flash_attention: bool = False
    """The FlashAttention 2 package is installed."""
    liger: bool = False
    """The Liger kernels are installed."""


def check_installed(keys: dict[str, Any] | None = None, table: str = "sft") -> None:
    """Raise MissingExtraError when the libraries for training are not installed, or ConfigError when one that TRL's
    `keys` in this table ask for is not: before a row is read.
    """
    if any(find_spec(name) is None for name in ("torch", "trl", "transformers")):
        raise MissingExtraError("Training a student", "train")
    for key, value, package, install in _wanted_packages(keys or {}):
        if find_spec(package) is None:
            raise ConfigError(
                f"train.{table}.{key}: {value} needs a package that is not installed: pip install {install}"
            )


def _wanted_packages(sft: dict[str, Any]) -> Iterator[tuple[str, Any, str, str]]:
    """Key, value, package and how to install it, for each optional package that the keys ask for."""
    reports = sft.get("report_to") or []
    for name in [reports] if isinstance(reports, str) else reports:
        if name in _REPORTERS:
            yield "report_to", name, _REPORTERS[name], _REPORTERS[name]
    if sft.get("deepspeed"):
        yield "deepspeed", sft["deepspeed"], "deepspeed", "deepspeed"
    if sft.get("use_liger_kernel"):
        yield "use_liger_kernel", True, "liger_kernel", "liger-kernel"
    kernel = (sft.get("model_init_kwargs") or {}).get("attn_implementation")
    if kernel in _ATTENTION:
        yield "model_init_kwargs.attn_implementation", kernel, *_ATTENTION[kernel]


def advise_packages(model_type: str, *, has_accelerator: bool) -> list[str]:
    """What would make this student's training faster here and is not installed, a line each."""
    if not has_accelerator or not model_type.startswith("qwen3_5"):
        return []
    wanted = {"fla": "flash-linear-attention", "causal_conv1d": "causal-conv1d"}
    return [
        f"without {install} the linear attention of this student runs on a slow path: pip install {install}"
        for package, install in wanted.items()
        if find_spec(package) is None
    ]


def look_at_machine() -> Machine:
    """What this machine has."""
    import torch

    if not torch.cuda.is_available():
        return Machine(has_accelerator=torch.accelerator.is_available())
    return Machine(
        has_accelerator=True,
        bf16=torch.cuda.is_bf16_supported(),
        flash_attention=find_spec("flash_attn") is not None,
        liger=find_spec("liger_kernel") is not None,
    )


def find_room() -> int | None:
    """Bytes of memory of a GPU here; None where there is none."""
    import torch

    return torch.cuda.get_device_properties(0).total_memory if torch.cuda.is_available() else None


def read_peak() -> int | None:
    """The most bytes that tensors have held of this process's GPU; None without one."""
    import torch

    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None


def settings_for(machine: Machine) -> dict[str, Any]:
    """What a config that says nothing of hardware gets; every key can be set otherwise in `sft`."""
    if not machine.has_accelerator:
        return {
            "use_cpu": True,
            "bf16": False,
            "activation_checkpointing": False,
            "dataloader_pin_memory": False,
            "model_init_kwargs": {"dtype": "float32"},
        }
    settings: dict[str, Any] = {"bf16": machine.bf16, "activation_checkpointing": True}
    if machine.liger:
        settings["use_liger_kernel"] = True
    if machine.flash_attention and machine.bf16:
        settings["model_init_kwargs"] = {"attn_implementation": "flash_attention_2"}
    return settings


def build_preference_arguments(config: TrainConfig, output: Path, machine: Machine) -> DPOConfig:
    """TRL's config for pairs: see `build_arguments`."""
    from trl.trainer.dpo_config import DPOConfig

    arguments: DPOConfig = _build(DPOConfig, "dpo", config.dpo, output, machine)
    return arguments


def build_arguments(config: TrainConfig, output: Path, machine: Machine) -> SFTConfig:
    """TRL's config: its keys as given, the rest as this machine allows.

    `max_length` is what the config gives, or None; the data decides later. Raises ConfigError for a key that TRL does
    not know or that is not for users, and for values that TRL refuses.
    """
    from trl.trainer.sft_config import SFTConfig

    arguments: SFTConfig = _build(SFTConfig, "sft", config.sft, output, machine)
    return arguments


def _build(kind: Any, table: str, keys: dict[str, Any], output: Path, machine: Machine) -> Any:
    """A config of TRL's of this kind from the keys of a table."""
    known = {field.name for field in dataclasses.fields(kind)}
    keys = _name_checkpointing(keys, known)
    given = check_foreign_keys(f"train.{table}", keys, known, _REFUSED, library="TRL")
    settings = settings_for(machine) | {"max_length": None, "report_to": "none", "disable_tqdm": True}
    if table == "dpo":
        settings.pop("use_liger_kernel", None)  # TRL gives it up there
    else:
        settings["packing_strategy"] = "bfd"
    settings["save_total_limit"] = 2  # the newest, and one that is whole while the newest is being written
    if given.get("use_cpu"):
        settings |= settings_for(Machine(has_accelerator=False))
    settings = _name_checkpointing(settings, known)
    loading = {**settings.pop("model_init_kwargs", {}), **(given.pop("model_init_kwargs", None) or {})}
    try:
        return kind(**(settings | given), model_init_kwargs=loading, output_dir=str(output))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"train.{table}: TRL refuses this: {error}") from None


def _name_checkpointing(table: dict[str, Any], known: Collection[str]) -> dict[str, Any]:
    """Keys with the name that this version of transformers has for not keeping activations."""
    old, new = "gradient_checkpointing", "activation_checkpointing"
    wrong, right = (old, new) if new in known else (new, old)
    return {(right + key.removeprefix(wrong) if key.startswith(wrong) else key): value for key, value in table.items()}
