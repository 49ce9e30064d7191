"""How much memory will a training need? One step of it is run without weights, and what would be held is counted.

The real configuration goes through the real code: the student's shapes from its config.json, TRL's loss, activation
checkpointing, adapters, the optimizer's states. Tensors are fake (torch's FakeTensorMode): they have shapes and a
place, and no contents.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from overproof.student.architecture import build_empty, read_architecture

if TYPE_CHECKING:
    from peft import LoraConfig
    from transformers import PreTrainedConfig

GIB = 2**30
_CONTEXT = 0.6 * GIB
"""What a process holds of a GPU before its first tensor: CUDA's context and its libraries' workspaces."""


class Shape(msgspec.Struct, frozen=True):
    """What of a training decides its memory."""

    tokens: int
    """Of a row, or of a pack."""
    batch: int = 1
    """Rows that go through at once."""
    weights: str = "float32"
    """Precision that the student is loaded in."""
    computes: str = "bfloat16"
    """Precision of the steps."""
    checkpointing: bool = True
    """Activations are not kept but made again."""
    replies: int = 1
    """Of each row that go through at once; a pair has two."""
    reference: bool = False
    """The student as it was is held beside the one that is trained, as preference optimisation needs it."""
    sharded_over: int = 1
    """GPUs that share weights, gradients and the optimizer's states (FSDP, DeepSpeed stage 3)."""


class Memory(msgspec.Struct, frozen=True):
    """Bytes on one GPU."""

    weights: int
    """Those of a reference included."""
    gradients: int
    optimizer: int
    activations: int
    """At the highest point of a step, beyond the three above."""

    @property
    def peak(self) -> int:
        """All of it at the highest point, with what a GPU needs for itself."""
        return self.weights + self.gradients + self.optimizer + self.activations + int(_CONTEXT)

    def line(self) -> str:
        """The prediction for a terminal."""
        return (
            f"{self.peak / GIB:.1f} GiB a GPU: weights {self.weights / GIB:.1f}, gradients {self.gradients / GIB:.1f}, "
            f"optimizer {self.optimizer / GIB:.1f}, activations {self.activations / GIB:.1f}"
        )


def predict_memory(student: str, shape: Shape, adapter: LoraConfig | None = None) -> Memory:
    """Peak memory of a training with AdamW. Raises ConfigError for a student that cannot be read.

    Two models of few layers are run, and what a layer adds is multiplied: layers of one kind are alike.
    """
    import torch

    config = read_architecture(student)
    with torch.device("meta"):
        whole = _prepare(build_empty(config, dtype=getattr(torch, shape.weights)), shape, adapter)
    weights = sum(_size(one) for one in whole.parameters())
    learnt = sum(_size(one) for one in whole.parameters() if one.requires_grad)
    text = config.get_text_config()
    layers = int(text.num_hidden_layers)
    period = _count_kinds(getattr(text, "layer_types", None) or [])
    if 2 * period >= layers:
        activations = _measure_step(config, layers, shape, adapter)
    else:
        few, more = (_measure_step(config, count, shape, adapter) for count in (period, 2 * period))
        activations = few + (more - few) * (layers - period) // period
    share = shape.sharded_over
    weights *= 2 if shape.reference else 1
    return Memory(weights // share, learnt // share, 2 * learnt // share, activations)


def _size(tensor: Any) -> int:
    return int(tensor.numel() * tensor.element_size())


def _count_kinds(kinds: list[str]) -> int:
    """The fewest layers from the first on that show every kind there is."""
    return max((kinds.index(kind) for kind in set(kinds)), default=0) + 1


def _prepare(model: Any, shape: Shape, adapter: LoraConfig | None) -> Any:
    """The model as TRL prepares it."""
    from trl.trainer.utils import add_fused_lm_head

    if shape.checkpointing:
        enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
        enable({"use_reentrant": False})
    add_fused_lm_head(model, outputs=("log_probs", "entropy", "is_top1"))
    model.train()
    if adapter is None:
        return model
    from peft import get_peft_model

    model.enable_input_require_grads()
    fitted: Any = get_peft_model(model, adapter)
    return fitted


def _measure_step(config: PreTrainedConfig, layers: int, shape: Shape, adapter: LoraConfig | None) -> int:
    """Most bytes that one step holds beyond weights, gradients and optimizer, with so many of the student's layers."""
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    short = copy.deepcopy(config)
    text = short.get_text_config()
    text.num_hidden_layers = layers
    if getattr(text, "layer_types", None):
        text.layer_types = text.layer_types[:layers]
    with torch.device("meta"):
        model = _prepare(build_empty(short, dtype=getattr(torch, shape.weights)), shape, adapter)
    with _fold_as_on_a_gpu(), FakeTensorMode(allow_non_fake_inputs=True), torch.device("cpu"):
        _place(model)
        ids = torch.zeros(shape.batch * shape.replies, shape.tokens, dtype=torch.long)
        with _count_storage() as held:
            with torch.autocast("cpu", dtype=getattr(torch, shape.computes), enabled=shape.computes != "float32"):
                told = model(input_ids=ids, labels=ids, fused_lm_head=True)
                loss = -told.log_probs.sum()
            loss.backward()
        return held.peak


@contextlib.contextmanager
def _fold_as_on_a_gpu() -> Iterator[None]:
    """Have TRL's loss take the memory that its GPU kernels take, which fold each tile of logits where it lies.

    What stands in for them elsewhere makes several float32 copies of a tile, 0.5 GiB each. Where a version of TRL has
    no such functions nothing is changed, and the prediction errs upwards.
    """
    try:
        from trl.kernels import chunked_logprob as kernels
    except ImportError:
        yield
        return
    names = [name for name in ("_forward_tile", "_backward_tile", "_addmm_fp32") if hasattr(kernels, name)]
    kept = {name: getattr(kernels, name) for name in names}
    for name in names:
        setattr(kernels, name, lambda *_, **__: None)  # they write into what they are given; nothing here is read
    try:
        yield
    finally:
        for name, function in kept.items():
            setattr(kernels, name, function)


def _place(model: Any) -> None:
    """Give every weight of a model without any a fake one, and its gradient, on the device that is the default."""
    import torch

    placed: dict[int, Any] = {}
    for module in model.modules():
        for name, one in module._parameters.items():  # noqa: SLF001 - weights that are tied stay so
            if one is not None:
                if id(one) not in placed:
                    made = torch.nn.Parameter(torch.empty(one.shape, dtype=one.dtype), one.requires_grad)
                    made.grad = torch.empty_like(made) if one.requires_grad else None
                    placed[id(one)] = made
                module._parameters[name] = placed[id(one)]  # noqa: SLF001
        for name, one in module._buffers.items():  # noqa: SLF001
            if one is not None:
                module._buffers[name] = torch.empty(one.shape, dtype=one.dtype)  # noqa: SLF001


class _Held:
    """Bytes of storage that live now, and at most."""

    def __init__(self) -> None:
        self.now = self.peak = 0

    def add(self, size: int) -> None:
        self.now += size
        self.peak = max(self.peak, self.now)

    def release(self, size: int) -> None:
        self.now -= size


@contextlib.contextmanager
def _count_storage() -> Iterator[_Held]:
    """Count the storage of every tensor that is made, until its last tensor is gone."""
    import weakref

    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    held = _Held()
    seen: weakref.WeakSet[Any] = weakref.WeakSet()

    class Counter(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch leaves it untyped
        """Looks at what each operation gives."""

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            given = func(*args, **(kwargs or {}))
            known = {
                id(one.untyped_storage()) for one in tree_leaves((args, kwargs)) if hasattr(one, "untyped_storage")
            }
            for one in tree_leaves(given):
                if hasattr(one, "untyped_storage"):
                    storage = one.untyped_storage()
                    if id(storage) not in known and storage not in seen:
                        seen.add(storage)
                        size = storage.nbytes()
                        held.add(size)
                        weakref.finalize(storage, held.release, size)
            return given

    with Counter():  # type: ignore[no-untyped-call] # so does this
        yield held
