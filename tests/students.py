"""Student folders for tests: a real byte-level tokenizer with Qwen's control tokens, and TRL's chat templates."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import pytest

CONTROL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
THINK_TOKENS = ["<think>", "</think>"]


def trl_template(name: str) -> str:
    """A chat template as TRL ships it; skips the test where TRL is not installed."""
    spec = importlib.util.find_spec("trl")
    if spec is None or spec.origin is None:
        pytest.skip("trl is not installed, which holds the chat templates")
    return (Path(spec.origin).parent / "chat_templates" / f"{name}.jinja").read_text(encoding="utf-8")


def make_student(
    folder: Path, template: str | None, *, eos_token: str = "<|im_end|>", more_tokens: Sequence[str] = ()
) -> str:
    """Save a tokenizer with this template and name its folder; skips the test where transformers is not installed."""
    transformers = pytest.importorskip("transformers")
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, special_tokens=CONTROL_TOKENS)
    tokenizer.train_from_iterator(["two and two make four"], trainer)
    tokenizer.add_tokens(
        [AddedToken(token, special=False, normalized=False) for token in (*THINK_TOKENS, *more_tokens)]
    )
    saved = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=eos_token, pad_token="<|endoftext|>"
    )
    saved.chat_template = template
    saved.save_pretrained(folder)
    return str(folder)


ARCHITECTURES = {"qwen2": "Qwen2", "qwen3": "Qwen3"}


def make_checkpoint(
    folder: Path,
    template: str | None,
    *,
    architecture: str = "qwen3",
    eos_token: str = "<|im_end|>",
    positions: int = 4096,
    dtype: str = "float32",
    more_tokens: Sequence[str] = (),
) -> str:
    """Save a student of this architecture with a few thousand random weights; skips where torch is not installed."""
    torch = pytest.importorskip("torch")
    name = make_student(folder, template, eos_token=eos_token, more_tokens=more_tokens)
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(name)
    family = ARCHITECTURES[architecture]
    config = getattr(transformers, f"{family}Config")(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=positions,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(0)
    getattr(transformers, f"{family}ForCausalLM")(config).to(getattr(torch, dtype)).save_pretrained(folder)
    return name


def make_tiny_student(folder: Path, *, seed: int = 0) -> Path:
    """Save a checkpoint of the tiny models' kind with random weights, which the tiny server can run once exported."""
    torch = pytest.importorskip("torch")
    from tokenizers import Tokenizer

    from overproof.resources import bundled
    from overproof.tiny.making import _new_model, _wrap, save

    torch.manual_seed(seed)
    tokenizer = Tokenizer.from_file(str(bundled("tiny-teacher") / "tokenizer.json"))
    save(_new_model(tokenizer), _wrap(tokenizer), folder)
    return folder


def make_seeing_student(folder: Path, template: str | None, *, dtype: str = "float32") -> str:
    """Save a student that also sees (Qwen3_5ForConditionalGeneration) with a few thousand random weights."""
    torch = pytest.importorskip("torch")
    name = make_student(folder, template)
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(name)
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 4,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 8,
        "linear_num_key_heads": 1,
        "linear_num_value_heads": 2,
        "linear_key_head_dim": 8,
        "linear_value_head_dim": 8,
        "eos_token_id": tokenizer.eos_token_id,
        "bos_token_id": None,
        "max_position_embeddings": 4096,
    }
    vision = {
        "depth": 1,
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_heads": 2,
        "out_hidden_size": 16,
        "patch_size": 4,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "num_position_embeddings": 16,
    }
    config = transformers.Qwen3_5Config(text_config=text, vision_config=vision, tie_word_embeddings=True)
    torch.manual_seed(0)
    model = transformers.Qwen3_5ForConditionalGeneration(config).to(getattr(torch, dtype))
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text('{"size": 1}')
    return name
