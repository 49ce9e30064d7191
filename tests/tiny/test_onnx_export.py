"""Exporting a checkpoint: the network that is served says what the checkpoint says, and other kinds are refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from overproof.errors import InputError, OverproofError
from overproof.records import Message
from overproof.resources import bundled
from overproof.tiny.chat import render_prompt
from overproof.tiny.engine import TinyEngine
from overproof.tiny.export import export_onnx

for _library in ("torch", "transformers", "onnx", "onnx_ir", "onnxruntime_genai"):
    pytest.importorskip(_library, reason=f"{_library} comes with overproof[train]")


@pytest.mark.slow
def test_the_exported_network_says_what_the_checkpoint_says(tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    export_onnx(bundled("tiny-student"), tmp_path / "served")
    engine = TinyEngine(tmp_path / "served")
    assert engine.network.architecture.name == "served"
    tokens = engine.encode(render_prompt([Message("user", "Compute 7 * (13 + 5) - 22.")]))
    with torch.no_grad():
        expected = AutoModelForCausalLM.from_pretrained(bundled("tiny-student"))(torch.tensor([tokens])).logits[0, -1]
    assert np.abs(engine.network.read_prompt(3, tokens) - expected.numpy()).max() < 1e-3


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundled("tiny-student"), tmp_path / "checkpoint"))


def test_a_checkpoint_with_another_template_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    (checkpoint / "chat_template.jinja").write_text("{{ messages }}", encoding="utf-8")
    with pytest.raises(InputError, match="not the tiny models' template"):
        export_onnx(checkpoint, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_of_another_architecture_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    (checkpoint / "config.json").write_text(json.dumps(config | {"model_type": "llama"}), encoding="utf-8")
    with pytest.raises(InputError, match="is a llama model"):
        export_onnx(checkpoint, tmp_path / "out")


def test_a_checkpoint_without_its_tokenizer_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    (checkpoint / "tokenizer.json").unlink()
    with pytest.raises(InputError, match=r"has no tokenizer\.json"):
        export_onnx(checkpoint, tmp_path / "out")


@pytest.mark.slow
def test_a_checkpoint_without_weights_fails_with_the_builders_words(checkpoint: Path, tmp_path: Path) -> None:
    (checkpoint / "model.safetensors").unlink()
    with pytest.raises(OverproofError, match="could not build a network"):
        export_onnx(checkpoint, tmp_path / "out")
    assert not (tmp_path / "out").exists()
