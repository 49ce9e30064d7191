"""The network itself, run by onnxruntime: 16 slots that hold one reply each, stepped together on one thread.

A reply must not depend on what else is in the batch. Therefore every prompt is read alone, every step uses key and
value buffers of one fixed length, and `is_repeatable` compares each batch size with a batch of one, bit for bit.
Measured to hold on current x86 processors; equality across kinds of processor is not promised.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from overproof.errors import InputError

if TYPE_CHECKING:  # a base install lacks it and reads architectures all the same
    import onnxruntime as ort

SLOTS = 16
MODEL_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"
TEMPLATE_FILE = "chat_template.jinja"
ARCHITECTURE_FILE = "model.json"
MODEL_FILES = (MODEL_FILE, TOKENIZER_FILE, ARCHITECTURE_FILE)
"""What a folder must hold to be served."""

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Architecture:
    """What must be known to run a network, as `model.json` says it."""

    name: str
    """The model's name at the endpoint."""
    context_length: int
    """Tokens of prompt and reply together."""
    layers: int
    key_value_heads: int
    head_size: int
    vocabulary_size: int
    end_tokens: tuple[int, ...]
    """Tokens that end a reply."""

    def write(self, folder: Path) -> None:
        """Write `model.json` into the folder."""
        (folder / ARCHITECTURE_FILE).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def read_architecture(folder: Path) -> Architecture:
    """Read a model folder's `model.json`. Raises InputError naming the files that the folder lacks."""
    if missing := [name for name in MODEL_FILES if not (folder / name).is_file()]:
        raise InputError(
            f"{folder} is not a model that the tiny server can run: it lacks {', '.join(missing)}. "
            "A checkpoint becomes one through overproof.tiny.export.export_onnx"
        )
    values = json.loads((folder / ARCHITECTURE_FILE).read_text(encoding="utf-8"))
    return Architecture(**values | {"end_tokens": tuple(values["end_tokens"])})


_REMEMBERED_PROMPTS = 64


class _ReadPrompt(NamedTuple):
    """What reading a prompt gave: the (V,) logits after it, and each cache's part of it."""

    logits: Logits
    presents: list[npt.NDArray[np.float32]]


class Network:
    """One loaded network with the keys and values of every slot. Slots 0 … B-1 are the active ones."""

    def __init__(self, folder: Path) -> None:
        """Load the network of a model folder."""
        import onnxruntime as ort

        self.architecture = read_architecture(folder)
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = ort.InferenceSession(folder / MODEL_FILE, options, providers=["CPUExecutionProvider"])
        shape = self.architecture
        rows = (SLOTS, shape.key_value_heads, shape.context_length, shape.head_size)
        self._caches = {
            f"{layer}.{part}": np.zeros(rows, np.float32) for layer in range(shape.layers) for part in ("key", "value")
        }
        self._lengths = [0] * SLOTS
        self._tokens = np.zeros((SLOTS, 1), np.int64)
        self._mask = np.zeros((SLOTS, shape.context_length), np.int64)
        self._logits = np.zeros((SLOTS, 1, shape.vocabulary_size), np.float32)
        self._read = lru_cache(_REMEMBERED_PROMPTS)(self._run_prompt)
        self._bindings = [self._bind(count) for count in range(1, SLOTS + 1)]

    def read_prompt(self, slot: int, tokens: Sequence[int]) -> Logits:
        """Fill a slot with a prompt; returns the (V,) logits of the token that follows.

        Each prompt is read alone. The latest ones are remembered, for a problem is sampled many times over.
        """
        read = self._read(tuple(tokens))
        for cache, present in zip(self._caches.values(), read.presents, strict=True):
            cache[slot, :, : len(tokens)] = present
        self._lengths[slot] = len(tokens)
        self._mask[slot] = np.arange(self.architecture.context_length) < len(tokens)
        return read.logits

    def _run_prompt(self, tokens: tuple[int, ...]) -> _ReadPrompt:
        feed: dict[str, npt.NDArray[np.generic]] = {
            "input_ids": np.array([tokens], np.int64),
            "attention_mask": np.ones((1, len(tokens)), np.int64),
        }
        feed |= {f"past_key_values.{name}": cache[:1, :, :0] for name, cache in self._caches.items()}
        logits, *presents = self._session.run(["logits", *(f"present.{name}" for name in self._caches)], feed)
        return _ReadPrompt(logits[0, -1].copy(), [present[0] for present in presents])

    def step(self, tokens: Sequence[int]) -> Logits:
        """Append one token to each of the first B slots; returns the (B, V) logits of the tokens that follow.

        The array is valid until the next step.
        """
        count = len(tokens)
        self._tokens[:count, 0] = tokens
        for slot in range(count):
            self._mask[slot, self._lengths[slot]] = 1
            self._lengths[slot] += 1
        self._session.run_with_iobinding(self._bindings[count - 1])
        return self._logits[:count, 0]

    def move(self, source: int, target: int) -> None:
        """Copy a slot onto another, whose reply is over."""
        length = self._lengths[source]
        for cache in self._caches.values():
            cache[target, :, :length] = cache[source, :, :length]
        self._lengths[target] = length
        self._mask[target] = self._mask[source]

    def _bind(self, count: int) -> ort.IOBinding:
        """Inputs and outputs of a step of the first `count` slots; keys and values are updated in place."""
        from onnxruntime import OrtValue

        binding = self._session.io_binding()
        in_place = {
            f"{side}.{name}": cache for name, cache in self._caches.items() for side in ("past_key_values", "present")
        }
        arrays: dict[str, npt.NDArray[Any]] = {
            "input_ids": self._tokens,
            "attention_mask": self._mask,
            "logits": self._logits,
            **in_place,
        }
        for name, array in arrays.items():
            value = OrtValue.ortvalue_from_numpy(array[:count])  # shares the array's memory
            if name.startswith(("logits", "present")):
                binding.bind_ortvalue_output(name, value)
            else:
                binding.bind_ortvalue_input(name, value)
        return binding


def is_repeatable(network: Network, tokens: Sequence[int]) -> bool:
    """Whether a step's logits are the same, bit for bit, in every slot of every batch size. Uses all slots."""
    expected = None
    for count in range(1, SLOTS + 1):
        for slot in range(count):
            network.read_prompt(slot, tokens)
        logits = network.step([tokens[-1]] * count)
        expected = logits[0].copy() if expected is None else expected
        if any(row.tobytes() != expected.tobytes() for row in logits):
            return False
    return True
