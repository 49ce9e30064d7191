"""Saving a trained student so that any server loads it: whole, with its tokenizer, template and end tokens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from overproof.config.training import TrainConfig
from overproof.student.checkpoint import find_student

if TYPE_CHECKING:
    from trl.trainer.sft_trainer import SFTTrainer


def save_student(trainer: SFTTrainer, config: TrainConfig, output: Path) -> None:
    """Write what was trained to `output`. Called by every process of a training.

    Adapters are merged into the student as it lies on disk and not in memory, where the engine may have cut it up.
    """
    if config.lora is None or not config.lora.merge:
        trainer.save_model(str(output))
        return
    trainer.save_model(str(output / "adapter"))
    if trainer.is_world_process_zero():
        _merge(trainer, find_student(config.student), output)


def _merge(trainer: SFTTrainer, base: str, output: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    trained: Any = trainer.model
    student = AutoModelForCausalLM.from_pretrained(base, dtype=trained.dtype)
    student.config.eos_token_id = trained.config.eos_token_id
    student.config.pad_token_id = trained.config.pad_token_id
    student.generation_config = trained.generation_config
    merged: Any = PeftModel.from_pretrained(student, str(output / "adapter")).merge_and_unload()
    merged.save_pretrained(str(output))
    tokenizer: Any = trainer.processing_class
    tokenizer.save_pretrained(str(output))
