"""A checkpoint → a folder that the tiny server runs: ONNX network, tokenizer, `model.json`, chat template.

The network is built by onnxruntime-genai's model builder in a process of its own; running it needs onnxruntime only.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from overproof.errors import InputError, MissingExtraError, OverproofError
from overproof.tiny.chat import CHAT_TEMPLATE, PLAIN_TEMPLATE
from overproof.tiny.model import MODEL_FILE, TEMPLATE_FILE, TOKENIZER_FILE, Architecture

_CONFIG_FILE = "config.json"


def export_onnx(checkpoint: Path, out: Path, *, name: str | None = None) -> None:
    """Export a Hugging Face checkpoint of the tiny models' kind (Qwen3, our chat template, weights merged) to `out`.

    The server offers it as `name`, by default the name of the folder `out`. Existing files of `out` are replaced.
    Raises MissingExtraError without the train extra, InputError when the checkpoint is of another kind, and
    OverproofError with the builder's last words when it fails.
    """
    for module in ("onnxruntime_genai", "onnx", "onnx_ir", "torch", "transformers"):
        if importlib.util.find_spec(module) is None:
            raise MissingExtraError(f"Exporting {checkpoint} to ONNX", "train")
    architecture = _read_architecture(checkpoint, name or out.resolve().name)
    with tempfile.TemporaryDirectory(prefix="overproof-export-") as scratch:
        built = Path(scratch) / "built"
        _build(checkpoint, built, Path(scratch) / "cache")
        out.mkdir(parents=True, exist_ok=True)
        _write_one_file(built / MODEL_FILE, out / MODEL_FILE)
    for file in (TOKENIZER_FILE, TEMPLATE_FILE):
        shutil.copyfile(checkpoint / file, out / file)
    architecture.write(out)


def is_tiny(checkpoint: Path) -> bool:
    """Whether a folder is a checkpoint of the tiny models' kind, which the tiny server can run once exported."""
    try:
        _read_architecture(checkpoint, checkpoint.name)
    except (InputError, ValueError, KeyError):
        return False
    return True


def _read_architecture(checkpoint: Path, name: str) -> Architecture:
    """The checkpoint's architecture, after checking that it is of the kind that can be served."""
    for file in (_CONFIG_FILE, TOKENIZER_FILE, TEMPLATE_FILE):
        if not (checkpoint / file).is_file():
            raise InputError(f"{checkpoint} has no {file}; a checkpoint saved with its tokenizer has one")
    config: dict[str, Any] = json.loads((checkpoint / _CONFIG_FILE).read_text(encoding="utf-8"))
    if config.get("model_type") != "qwen3":
        raise InputError(f"{checkpoint} is a {config.get('model_type')} model; the tiny server runs qwen3 only")
    if (checkpoint / TEMPLATE_FILE).read_text(encoding="utf-8").strip() not in {CHAT_TEMPLATE, PLAIN_TEMPLATE}:
        raise InputError(
            f"{checkpoint / TEMPLATE_FILE} is not the tiny models' template, the only one that the tiny server speaks. "
            "Serve this checkpoint with another server and give its base_url"
        )
    ends = config["eos_token_id"]
    return Architecture(
        name=name,
        context_length=config["max_position_embeddings"],
        layers=config["num_hidden_layers"],
        key_value_heads=config["num_key_value_heads"],
        head_size=config["head_dim"],
        vocabulary_size=config["vocab_size"],
        end_tokens=tuple(sorted({*(ends if isinstance(ends, list) else [ends]), config["pad_token_id"]})),
    )


def _build(checkpoint: Path, built: Path, cache: Path) -> None:
    command = [sys.executable, "-m", "onnxruntime_genai.models.builder"]
    command += ["-m", str(checkpoint), "-o", str(built), "-c", str(cache), "-p", "fp32", "-e", "cpu"]
    offline = os.environ | {"HF_HUB_OFFLINE": "1"}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=offline)  # noqa: S603 - our own
    if result.returncode != 0 or not (built / MODEL_FILE).is_file():
        last_words = "\n".join(result.stderr.splitlines()[-5:])
        raise OverproofError(f"onnxruntime-genai could not build a network from {checkpoint}:\n{last_words}")


def _write_one_file(source: Path, target: Path) -> None:
    """The network with its weights inside, instead of in a second file."""
    import onnx

    onnx.save(onnx.load(source), target)
