"""A last look at what TRL has made of the rows, before the first step: what the loss covers, and what packing mixes.

TRL renders, tokenises, masks and packs by itself, and each of these has changed between its versions without a word.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from overproof.errors import ConfigError, OverproofError
from overproof.train.training_rows import digest

if TYPE_CHECKING:
    from trl.trainer.sft_trainer import SFTTrainer

_LOOKED_AT = 32
"""Rows of the training set, or packs of rows, whose labels are decoded."""
_LARGEST_LEAK = 0.02
"""How far a row's logits may move in a pack, as a share of their own spread; rounding in bfloat16 moves them by less
than a hundredth, attention across rows by a quarter or more."""
_PROBED_TOKENS = 24


def decode_labels(trainer: SFTTrainer, packs: int = _LOOKED_AT) -> Iterator[str]:
    """The text under the loss of each row in the first `packs` rows of the set as TRL made it, packs taken apart."""
    tokenizer: Any = trainer.processing_class
    rows: Any = trainer.train_dataset
    for made in itertools.islice(rows, packs):
        ends = np.cumsum(made.get("seq_lengths") or [len(made["labels"])])
        for row in np.split(np.array(made["labels"]), ends[:-1]):
            yield tokenizer.decode(row[row >= 0], skip_special_tokens=False, clean_up_tokenization_spaces=False)


def check_labels(trainer: SFTTrainer, digests: npt.NDArray[np.uint64]) -> None:
    """Raise OverproofError when the loss would cover anything but the reply of a row, whole and with its end of turn.

    `digests` are those of what the loss should cover, of every row.
    """
    expected = set(digests.tolist())
    for text in decode_labels(trainer):
        if digest(text) not in expected:
            raise OverproofError(
                "TRL would train on another text than the reply of a row. Under the loss stands: "
                f"{text[:200]!r}. Nothing was trained; please report this with the versions of trl and transformers"
            )


def check_pairs(trainer: Any, digests: npt.NDArray[np.uint64]) -> None:
    """Raise OverproofError when the trainer would compare anything but the two whole replies of a pair.

    `digests` holds those of every pair, of the right reply and then of the wrong one.
    """
    tokenizer: Any = trainer.processing_class
    rows: Any = trainer.train_dataset
    looked_at = [rows[number] for number in range(min(_LOOKED_AT, len(rows)))]
    batch = trainer.data_collator(looked_at)
    texts = [
        tokenizer.decode(ids[mask.bool()], skip_special_tokens=False, clean_up_tokenization_spaces=False)
        for ids, mask in zip(batch["input_ids"], batch["completion_mask"], strict=True)
    ]
    expected = {tuple(pair) for pair in digests.reshape(-1, 2).tolist()}
    for chosen, rejected in zip(texts[: len(looked_at)], texts[len(looked_at) :], strict=True):
        if (digest(chosen), digest(rejected)) not in expected:
            raise OverproofError(
                "TRL would compare other texts than the two replies of a pair. As the right one stands: "
                f"{chosen[:200]!r}. Nothing was trained; please report this with the versions of trl and transformers"
            )


def check_isolation(trainer: SFTTrainer) -> None:
    """Raise ConfigError when rows that are packed together would attend to each other.

    The model is asked: two rows are sent through it packed and alone, and the second one's logits compared.
    """
    import torch

    model: Any = trainer.model
    vocabulary = model.get_input_embeddings().num_embeddings
    pieces = [[(start + step) % vocabulary for step in range(_PROBED_TOKENS)] for start in (3, 74)]
    joined = _collate(trainer, pieces[0] + pieces[1], [_PROBED_TOKENS] * 2)
    alone = _collate(trainer, pieces[1], [_PROBED_TOKENS])
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad(), trainer.autocast_smart_context_manager():
            in_pack, by_itself = (model(**inputs, use_cache=False).logits.float() for inputs in (joined, alone))
    finally:
        model.train(was_training)
    moved = (in_pack[0, _PROBED_TOKENS:] - by_itself[0]).abs().mean()
    leak = float(moved / by_itself.std())
    if not leak <= _LARGEST_LEAK:
        kernel = getattr(model.config, "_attn_implementation", "this")
        raise ConfigError(
            f"train.sft.packing: under the attention kernel '{kernel}' packed rows see each other (their logits move "
            f"by {leak:.0%} of their spread). Set packing: false, or model_init_kwargs: "
            "{attn_implementation: flash_attention_2}"
        )


def _collate(trainer: SFTTrainer, pack: list[int], lengths: list[int]) -> dict[str, Any]:
    """A pack of rows as the trainer's own collator makes it, on the model's device and without labels."""
    collator: Any = trainer.data_collator
    model: Any = trainer.model
    batch = collator([{"input_ids": pack, "labels": pack, "seq_lengths": lengths}])
    batch.pop("labels")
    return {key: value.to(model.device) if hasattr(value, "to") else value for key, value in batch.items()}
