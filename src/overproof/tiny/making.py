"""One training run: a recipe → a tokenizer and a model of about a million parameters, learned from scratch.

Everything is counted in steps and seeded, so that the same recipe gives nearly the same model on another machine.
"""

from __future__ import annotations

import itertools
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from overproof.errors import OverproofError
from overproof.tiny.chat import CHAT_TEMPLATE, END_OF_TEXT, TURN_END, render_prompt
from overproof.tiny.corpus import Example, Noise, write_corpus
from overproof.tiny.dice import Dice

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast, Qwen3ForCausalLM

CONTEXT_LENGTH = 512
"""Tokens of prompt and reply together."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One training run."""

    noise: Noise
    steps: int
    seed: int = 0
    batch_size: int = 16
    matrix_rate: float = 0.02
    """Learning rate of Muon, which trains the layers' matrices."""
    other_rate: float = 3e-3
    """Learning rate of AdamW, which trains the embedding and the norms."""
    warmup_steps: int = 30
    decay_share: float = 0.4
    """Last part of the run over which both rates fall to zero."""


def train(
    recipe: Recipe, *, threads: int = 1, report: Callable[[str], None] = print
) -> tuple[Qwen3ForCausalLM, PreTrainedTokenizerFast]:
    """Train a tokenizer and a model by the recipe; `report` hears of every hundredth step."""
    import torch
    from torch.optim.lr_scheduler import LambdaLR

    from overproof.tiny.vocabulary import train_tokenizer

    torch.set_num_threads(threads)
    torch.manual_seed(recipe.seed)
    tokenizer = train_tokenizer()
    model = _new_model(tokenizer).train()
    optimizers = _optimizers(model, recipe)
    schedules = [LambdaLR(optimizer, partial(rate_factor, recipe=recipe)) for optimizer in optimizers]
    losses: list[float] = []
    tokens, start = 0, time.monotonic()
    for step, (inputs, targets) in enumerate(itertools.islice(make_batches(recipe, tokenizer), recipe.steps), 1):
        loss = _loss(model, inputs, targets)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer, schedule in zip(optimizers, schedules, strict=True):
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            schedule.step()
        losses.append(loss.item())
        tokens += inputs.numel()
        if step % 100 == 0:
            seconds = time.monotonic() - start
            recent = statistics.mean(losses[-100:])
            report(f"step {step} of {recipe.steps}: loss {recent:.4f}, {tokens:,} tokens in {seconds:.0f} s")
    return model, _wrap(tokenizer)


def rate_factor(step: int, recipe: Recipe) -> float:
    """What the learning rates are multiplied with: a short rise, a plateau, a straight fall to zero."""
    rise = min(1.0, (step + 1) / recipe.warmup_steps)
    left = 1 - step / recipe.steps
    return rise * min(1.0, left / recipe.decay_share)


def save(model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write a Hugging Face checkpoint: bfloat16 on disk (2 MB), float32 when loaded."""
    model.bfloat16().save_pretrained(folder)
    _edit(folder / "config.json", dtype="float32")
    tokenizer.save_pretrained(folder)
    # transformers 5 writes a class name that transformers 4 does not know; both know this one
    _edit(folder / "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")


def _edit(file: Path, **changes: str) -> None:
    values = json.loads(file.read_text(encoding="utf-8")) | changes
    file.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def _new_model(tokenizer: Tokenizer) -> Qwen3ForCausalLM:
    """A Qwen3 of about a million parameters with small random weights."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    config = Qwen3Config(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=128,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        head_dim=32,
        intermediate_size=384,
        max_position_embeddings=CONTEXT_LENGTH,
        tie_word_embeddings=True,
        attention_bias=False,
        bos_token_id=None,
        eos_token_id=tokenizer.token_to_id(TURN_END),
        pad_token_id=tokenizer.token_to_id(END_OF_TEXT),
    )
    model = Qwen3ForCausalLM(config)
    for parameter in model.parameters():
        if parameter.dim() == 2:
            torch.nn.init.normal_(parameter, std=0.02)
    return model


def _optimizers(model: Qwen3ForCausalLM, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Muon for the layers' matrices (it learns faster here than AdamW alone), AdamW for all else."""
    import torch

    if not hasattr(torch.optim, "Muon"):
        raise OverproofError(f"Training needs torch 2.9 or newer for its Muon optimizer; this is {torch.__version__}")
    matrices: list[torch.nn.Parameter] = []
    others: list[torch.nn.Parameter] = []
    for name, parameter in model.named_parameters():
        (matrices if parameter.dim() == 2 and "embed" not in name else others).append(parameter)
    return [
        torch.optim.Muon(matrices, lr=recipe.matrix_rate, weight_decay=0.0),
        torch.optim.AdamW(others, lr=recipe.other_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
    ]


def _loss(model: Qwen3ForCausalLM, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean cross entropy over the replies' tokens; only these positions are projected onto the vocabulary."""
    from torch.nn.functional import cross_entropy

    hidden = model.model(input_ids=inputs, use_cache=False).last_hidden_state[:, :-1]
    learned = targets[:, 1:] >= 0
    return cross_entropy(model.lm_head(hidden[learned]), targets[:, 1:][learned])


_CHUNK_BATCHES = 32
"""So many batches are drawn together and sorted by length, which wastes little on padding."""


def make_batches(recipe: Recipe, tokenizer: Tokenizer) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Batches without end: (B, T) token ids, and (B, T) targets with -1 outside the replies."""
    examples = write_corpus(recipe.noise, seed=recipe.seed)
    dice = Dice("batches", recipe.seed)
    while True:
        chunk = list(itertools.islice(examples, recipe.batch_size * _CHUNK_BATCHES))
        rows = sorted(encode(chunk, tokenizer), key=lambda row: len(row[0]) + len(row[1]))
        batches = [rows[start : start + recipe.batch_size] for start in range(0, len(rows), recipe.batch_size)]
        for batch in dice.shuffled(batches):
            yield _pad(batch)


def encode(examples: list[Example], tokenizer: Tokenizer) -> list[tuple[list[int], list[int]]]:
    """Token ids of each example's prompt, and of its reply with the end of turn."""
    prompts = tokenizer.encode_batch([render_prompt(example.messages) for example in examples])
    replies = tokenizer.encode_batch([example.reply + TURN_END for example in examples])
    return [(prompt.ids, reply.ids) for prompt, reply in zip(prompts, replies, strict=True)]


def _pad(rows: list[tuple[list[int], list[int]]]) -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    width = max(len(prompt) + len(reply) for prompt, reply in rows)
    inputs = torch.zeros(len(rows), width, dtype=torch.long)
    targets = torch.full((len(rows), width), -1)
    for row, (prompt, reply) in enumerate(rows):
        end = len(prompt) + len(reply)
        inputs[row, :end] = torch.tensor(prompt + reply)
        targets[row, len(prompt) : end] = torch.tensor(reply)
    return inputs, targets


def _wrap(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    """The tokenizer as transformers knows it, with its chat template."""
    from transformers import PreTrainedTokenizerFast

    wrapped: PreTrainedTokenizerFast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # transformers leaves it untyped
        tokenizer_object=tokenizer, eos_token=TURN_END, pad_token=END_OF_TEXT, model_max_length=CONTEXT_LENGTH
    )
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped
