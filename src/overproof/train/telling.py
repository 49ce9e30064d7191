"""What a training tells of itself: one line for every log of TRL's, with the speed and what is left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trl.trainer.sft_trainer import SFTTrainer

_TIMED_STEPS = 5
"""Steps after which the time of all of them is told; the first are slower."""

Tell = Callable[[str], None]
"""Hears of a training, a line at a time; under several processes, that of the first one only."""


def be_silent(line: str) -> None:
    """Hear nothing."""


@contextmanager
def bars_on_terminals_only() -> Iterator[None]:
    """Keep the bars of transformers and datasets out of logs."""
    import datasets
    from transformers.utils import logging

    if sys.stderr.isatty() or not logging.is_progress_bar_enabled():
        yield
        return
    logging.disable_progress_bar()  # type: ignore[no-untyped-call] # transformers leaves it untyped
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        logging.enable_progress_bar()  # type: ignore[no-untyped-call] # transformers leaves it untyped
        datasets.enable_progress_bars()


def listen(trainer: SFTTrainer, tell: Tell) -> None:
    """Have the trainer tell each log as a line, in place of printing it as a dict."""
    from transformers import PrinterCallback, TrainerCallback

    class Teller(TrainerCallback):
        """Turns logs into lines."""

        def __init__(self) -> None:
            self.began = time.monotonic()
            self.first_step = 0

        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002 - theirs
            self.began, self.first_step = time.monotonic(), state.global_step

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002 - theirs
            steps = state.global_step - self.first_step
            if steps == _TIMED_STEPS and state.is_world_process_zero and state.max_steps > state.global_step:
                seconds = (time.monotonic() - self.began) / steps * (state.max_steps - state.global_step)
                tell(
                    f"{_TIMED_STEPS} steps done; the other {state.max_steps - state.global_step:,} take about "
                    f"{_clock(seconds)}"
                )

        def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002 - their signature
            logs: dict[str, Any] = kwargs["logs"]
            steps = state.global_step - self.first_step
            seconds = time.monotonic() - self.began
            if "loss" in logs and steps > 0:
                tell(describe_log(logs, state.global_step, state.max_steps, seconds / steps))
            elif "eval_loss" in logs:
                tell(f"step {state.global_step:,}: validation loss {float(logs['eval_loss']):.4f}")

    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(Teller())


def describe_log(logs: dict[str, Any], step: int, steps: int, seconds_per_step: float) -> str:
    """One log as a line; numbers may come as texts, as newer versions of transformers write them."""
    parts = [f"step {step:,} of {steps:,}", f"loss {float(logs['loss']):.4f}"]
    if "mean_token_accuracy" in logs:
        parts.append(f"token accuracy {float(logs['mean_token_accuracy']):.1%}")
    if "rewards/accuracies" in logs:
        told_apart, margin = float(logs["rewards/accuracies"]), float(logs.get("rewards/margins", 0.0))
        parts.append(f"pairs told apart {told_apart:.0%}, margin {margin:.3f}")
    if "learning_rate" in logs:
        parts.append(f"rate {float(logs['learning_rate']):.2e}")
    left = _clock((steps - step) * seconds_per_step)
    parts.append(f"{1 / seconds_per_step:.2f} steps/s, {left} left")
    return " · ".join(parts)


def _clock(seconds: float) -> str:
    """Hours, minutes and seconds."""
    left = round(seconds)
    return f"{left // 3600}:{left // 60 % 60:02d}:{left % 60:02d}"
