"""Saving a trained student so that any server loads it: whole, in its own precision, with all that belongs to it.

    write_trained   every process: what was trained, as the trainer has it, and how it answers
    finish_student  one process, needing no trainer: adapters merged and compared, precision, ends, missing files

The second can be done again at any time from what the first has left, so that a failure after the last step costs
nothing but itself.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from overproof.config.training import TrainConfig
from overproof.errors import OverproofError
from overproof.journal import new_path, remove_links, write_bytes
from overproof.student.checkpoint import find_student

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase
    from trl.trainer.sft_trainer import SFTTrainer

ADAPTER = "adapter"
_PROBE = "probe.safetensors"
_PROBED_TOKENS = 48
_PROBED_LOGITS = 4
"""Positions at the end of the probe whose logits are compared: 151,936 numbers each for a Qwen."""
_LARGEST_SHIFT = 0.05
"""How far the merged student's logits may lie from the trained one's, as a share of their spread. Rounding weights to
bfloat16 moves them by about a hundredth; adapters that are not there by as much as was learnt."""
_BESIDE = (
    "preprocessor_config.json",
    "processor_config.json",
    "video_preprocessor_config.json",
    "image_processor_config.json",
)
"""What servers ask of a student that also sees, and what no trainer of texts writes."""
_SAMPLING = {"do_sample": True, "temperature": 0.6, "top_p": 0.95}
"""R1's advice for reasoning (arXiv 2501.12948, section 3), where the student's own config is greedy: greedy reasoning
runs in circles."""
_CUTTING = (
    *("max_new_tokens", "max_length", "min_length", "min_new_tokens", "repetition_penalty", "no_repeat_ngram_size"),
    *("encoder_repetition_penalty", "diversity_penalty", "length_penalty", "exponential_decay_length_penalty"),
)
"""Keys of a generation config that cut long replies or punish what a proof must repeat."""


class _Ends(NamedTuple):
    """Tokens that end and fill."""

    end: int
    fill: int | None


def write_trained(trainer: SFTTrainer, config: TrainConfig, output: Path) -> str:
    """Write what was trained, and the logits that the merged student must give; returns the class that was trained.

    Called by every process of a training. Adapters go to a folder of their own, or to `output` where they are not to
    be merged.
    """
    remove_links(output, but="trainer_state.json")
    if config.lora is None or not config.lora.merge:
        trainer.save_model(str(output))
    else:
        trainer.save_model(str(output / ADAPTER))
        _write_probe(trainer, output / ADAPTER / _PROBE)
    model: Any = trainer.accelerator.unwrap_model(trainer.model)
    return type(model.get_base_model() if config.lora else model).__name__


def holds_trained(output: Path) -> bool:
    """Whether a folder holds what `write_trained` wrote."""
    return any(output.glob("model*.safetensors")) or (output / ADAPTER / "adapter_model.safetensors").is_file()


def finish_student(config: TrainConfig, model_class: str, tokenizer: PreTrainedTokenizerBase, output: Path) -> None:
    """Make of what was trained a student that loads anywhere; does it all again when it is called again.

    Raises OverproofError when the adapters do not fit the student, or the merged student is not the trained one; what
    was trained stays where it is.
    """
    base = find_student(config.student)
    remove_links(output, but="trainer_state.json")
    if config.lora is not None and config.lora.merge:
        _merge(base, model_class, output)
        tokenizer.save_pretrained(str(output))
    if config.lora is None or config.lora.merge:
        _convert(output, _precision_of(base))
        ends = _Ends(int(tokenizer.eos_token_id), tokenizer.pad_token_id)
        _settle_config(output / "config.json", ends)
        _settle_generation(base, output, ends)
        _bring(base, output)
    (output / ADAPTER / _PROBE).unlink(missing_ok=True)


def _write_probe(trainer: SFTTrainer, target: Path) -> None:
    """The beginning of the first row and the logits that the trained student gives to its end."""
    import torch
    from safetensors.torch import save_file

    rows: Any = trainer.train_dataset
    model: Any = trainer.model
    first = rows[0]["input_ids"] if "input_ids" in rows[0] else rows[0]["prompt_ids"] + rows[0]["chosen_ids"]
    ids = torch.tensor([first[:_PROBED_TOKENS]])
    model.eval()
    with torch.no_grad(), trainer.autocast_smart_context_manager():
        logits = model(input_ids=ids.to(model.device), use_cache=False).logits[0, -_PROBED_LOGITS:]
    if trainer.is_world_process_zero():
        save_file({"ids": ids, "logits": logits.float().cpu().contiguous()}, target)


def _merge(base: str, model_class: str, output: Path) -> None:
    """The student of the class that was trained, with its adapters merged in, compared and written."""
    import torch
    import transformers
    from peft import PeftConfig, get_peft_model, set_peft_model_state_dict
    from safetensors.torch import load_file

    adapter = output / ADAPTER
    student = getattr(transformers, model_class).from_pretrained(base, dtype="auto")
    model = get_peft_model(student, PeftConfig.from_pretrained(str(adapter)))
    weights = load_file(adapter / "adapter_model.safetensors")
    _check_keys(model, weights, adapter)
    set_peft_model_state_dict(model, weights)
    merged: Any = model.merge_and_unload()
    probe = load_file(adapter / _PROBE) if (adapter / _PROBE).is_file() else {}
    if probe:
        with torch.no_grad():
            logits = merged.eval()(input_ids=probe["ids"], use_cache=False).logits[0, -_PROBED_LOGITS:].float()
        _check_logits(logits, probe["logits"], adapter)
    merged.save_pretrained(str(output))


def _check_keys(model: Any, weights: dict[str, torch.Tensor], adapter: Path) -> None:
    """Raise OverproofError unless every weight of the adapters has its place, and every place its weight."""
    from peft import get_peft_model_state_dict

    wanted = set(get_peft_model_state_dict(model))
    missing, unused = wanted - set(weights), set(weights) - wanted
    if missing or unused:
        example = min(missing or unused)
        raise OverproofError(
            f"The adapters in {adapter} are not those of this student: {len(missing):,} weights are missing and "
            f"{len(unused):,} have no place, such as {example}. Nothing was merged, and the adapters are kept"
        )


def _check_logits(merged: torch.Tensor, trained: torch.Tensor, adapter: Path) -> None:
    shift = float((merged - trained).abs().mean() / trained.std())
    if not shift <= _LARGEST_SHIFT:
        raise OverproofError(
            f"The merged student is not the trained one: its logits lie {shift:.0%} of their spread apart. It was not "
            f"written; the adapters are kept in {adapter}, and can be served with the student they were trained on"
        )


def _precision_of(base: str) -> torch.dtype | None:
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(base)
    return getattr(config, "dtype", None) or getattr(config.get_text_config(), "dtype", None)


def _convert(output: Path, precision: torch.dtype | None) -> None:
    """Write the weights in the precision that the student came in; trainers keep them in float32."""
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    if precision is None:
        return
    total = 0
    for file in sorted(output.glob("model*.safetensors")):
        with safe_open(file, "pt") as opened:
            metadata = opened.metadata()
        weights = {name: one.to(precision) if one.is_floating_point() else one for name, one in load_file(file).items()}
        total += sum(one.numel() * one.element_size() for one in weights.values())
        with new_path(file) as temporary:
            save_file(weights, temporary, metadata)
    index = output / "model.safetensors.index.json"
    if index.is_file():
        tree = json.loads(index.read_text(encoding="utf-8"))
        tree["metadata"] = {**tree.get("metadata", {}), "total_size": total}
        _write_json(index, tree)
    config = output / "config.json"
    tree = json.loads(config.read_text(encoding="utf-8"))
    for table in (tree, *(value for value in tree.values() if isinstance(value, dict))):
        for key in {"dtype", "torch_dtype"} & table.keys():
            table[key] = str(precision).removeprefix("torch.")
    _write_json(config, tree)


def _settle_config(file: Path, ends: _Ends) -> None:
    """End and fill as the tokenizer has them, in the table that servers read, and a cache, which training turns off."""
    tree = json.loads(file.read_text(encoding="utf-8"))
    for table in (tree, tree.get("text_config")):
        if isinstance(table, dict):
            table.update({"eos_token_id": ends.end, "pad_token_id": ends.fill})
            if "use_cache" in table:
                table["use_cache"] = True
    _write_json(file, tree)


def _settle_generation(base: str, output: Path, ends: _Ends) -> None:
    """The student's own generation config, but for what would cut or punish reasoning, and with its new end."""
    file = output / "generation_config.json"
    own = _find_file(base, file.name)
    tree = json.loads(own.read_text(encoding="utf-8")) if own else {}
    given = tree.get("eos_token_id")
    others = given if isinstance(given, list) else [] if given is None else [given]
    tree = {key: value for key, value in tree.items() if key not in _CUTTING}
    if not tree.get("do_sample"):
        tree |= _SAMPLING
    tree |= {"eos_token_id": [ends.end, *(one for one in others if one != ends.end)], "pad_token_id": ends.fill}
    _write_json(file, tree)


def _bring(base: str, output: Path) -> None:
    """Copy what the student had beside its weights and no trainer writes."""
    for name in _BESIDE:
        if not (output / name).exists() and (found := _find_file(base, name)) is not None:
            write_bytes(output / name, found.read_bytes())


def _find_file(base: str, name: str) -> Path | None:
    """A file of the student: in its folder, or in the cache that it was loaded from."""
    if Path(base).is_dir():
        return Path(base) / name if (Path(base) / name).is_file() else None
    from transformers.utils.hub import cached_file

    found = cached_file(base, name, _raise_exceptions_for_missing_entries=False)
    return Path(found) if found else None


def _write_json(file: Path, tree: dict[str, Any]) -> None:
    write_bytes(file, json.dumps(tree, indent=2, ensure_ascii=False).encode() + b"\n")
