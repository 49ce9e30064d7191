"""The output folder of a training: what lies in it, and whether this training may go on there.

training.json       what this training is (fingerprints, settings, versions) and, once finished, what it came to
checkpoint-<step>/  TRL's checkpoints, from which the same command resumes
model.safetensors … the trained student, its tokenizer and its chat template
adapter/            the low-rank adapters, where they were merged into the student
README.md           the model card
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from overproof.errors import ConfigError
from overproof.journal import write_bytes
from overproof.train.training_rows import TrainingRows

ROWS = ".rows"
"""Folder where the rows lie while training goes on; one that was killed leaves it."""
_FILE = "training.json"
_WATCHING = ("logging_", "save_", "report_to", "run_name", "dataloader_", "disable_tqdm", "eval_", "dataset_num_proc")
"""Keys of TRL that change how a training is watched or fed and not what it learns; they may differ on resuming."""


def rows_folder(output: Path) -> Path:
    """Where the rows of this machine lie; torchrun numbers machines, which may share the output folder."""
    return output / ROWS / os.environ.get("GROUP_RANK", "0")


class TrainSummary(msgspec.Struct, frozen=True):
    """What a training came to."""

    output: str
    rows: int
    dropped: int
    """Rows left out because they are longer than `limit`."""
    limit: int
    """Most tokens of a row."""
    steps: int
    epochs: float
    tokens: int
    """Tokens seen in this session, prompts included."""
    seconds: float
    """Of this session's steps."""
    loss: tuple[float, float]
    """First and last loss that was logged."""
    resumed_from: int | None = None
    """Step that this session went on from."""
    told_apart: tuple[float, float] | None = None
    """Of pairs alone: share of those whose right reply has gained more than the wrong one, first and last logged."""

    def lines(self) -> list[str]:
        """The summary for a terminal."""
        speed = f", {self.steps / self.seconds:.2f} steps/s, {self.tokens / self.seconds:,.0f} tokens/s"
        resumed = f" (resumed at step {self.resumed_from})" if self.resumed_from else ""
        return [
            f"{self.rows:,} rows, {self.steps:,} steps{resumed}, {self.epochs:g} epochs in {self.seconds:,.0f} s"
            + (speed if self.seconds and not self.resumed_from else ""),
            f"loss {self.loss[0]:.3f} → {self.loss[1]:.3f}"
            + (f", pairs told apart {self.told_apart[0]:.0%} → {self.told_apart[1]:.0%}" if self.told_apart else ""),
            f"student  {self.output}",
        ]


class Training(msgspec.Struct, frozen=True):
    """What makes a training the one that it is."""

    settings: dict[str, Any]
    """The `train` table without its output, and without keys that change nothing of what is learned."""
    data: str
    """Fingerprint of the rows."""
    versions: dict[str, str]
    summary: TrainSummary | None = None
    """None while it is not finished."""
    trained: TrainSummary | None = None
    """What the steps came to, once the last is done: what is left is to make of it a student that loads anywhere."""
    model_class: str = ""
    """The class of transformers that was trained."""
    rows: TrainingRows | None = None
    """What it was trained on; None before version 2."""
    form: int = 1
    """Version of how `data` is computed."""


FORM = 2


def settings_of(tree: dict[str, Any], method: str = "sft") -> dict[str, Any]:
    """What of a `train` table, as plain values, decides what is learned by a method (sft, dpo)."""
    keys = {key: value for key, value in tree[method].items() if not key.startswith(_WATCHING)}
    others = {key: value for key, value in tree.items() if key not in {"output", "dataset", "sft", "dpo"}}
    return others | {method: keys}


def read_training(output: Path) -> Training | None:
    """What was begun in a folder; None when it is empty or missing. Raises ConfigError when it holds something else."""
    if not output.exists() or not any(path.name != ROWS for path in output.iterdir()):
        return None
    if not (output / _FILE).is_file():
        held = "checkpoints of another training" if any(output.glob("checkpoint-*")) else "other files"
        raise ConfigError(f"train.output: {output} holds {held}. Name an empty folder")
    try:
        return msgspec.json.decode((output / _FILE).read_bytes(), type=Training)
    except msgspec.DecodeError as error:
        raise ConfigError(f"train.output: {output / _FILE} is damaged ({error}). Name another folder") from None


def check_same(output: Path, earlier: Training, now: Training) -> None:
    """Raise ConfigError when `output` holds a training on other rows or with other settings, naming what differs."""
    changes = compare_settings(earlier, now.settings)
    if earlier.form != FORM and earlier.summary is None:
        version = earlier.versions.get("overproof", "an earlier one")
        raise ConfigError(
            f"train.output: {output} holds a training that version {version} of this package began, whose rows cannot "
            "be compared with those of now. Finish it with that version, or name another folder"
        )
    if earlier.form == FORM and earlier.data != now.data:
        changes.append("the rows of the dataset")
    refuse_changes(output, changes)


def compare_settings(earlier: Training, settings: dict[str, Any]) -> list[str]:
    """What of the settings differs, in words."""
    return _differences(earlier.settings, settings, "train.")


def refuse_changes(output: Path, changes: list[str]) -> None:
    """Raise ConfigError naming what differs from the training in `output`, if anything does."""
    if changes:
        raise ConfigError(
            f"train.output: {output} holds another training; what differs: {'; '.join(changes)}. "
            "Name another folder, or set them back to go on with that one"
        )


def write_training(output: Path, training: Training) -> None:
    """Write down what is trained here."""
    write_bytes(output / _FILE, msgspec.json.format(msgspec.json.encode(training), indent=2) + b"\n")


def last_checkpoint(output: Path) -> Path | None:
    """The newest whole checkpoint of a folder, None when there is none. Its trainer_state.json is written last."""
    whole = [path.parent for path in output.glob("checkpoint-*/trainer_state.json") if _is_json(path)]
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def _is_json(path: Path) -> bool:
    try:
        msgspec.json.decode(path.read_bytes())
    except msgspec.DecodeError:
        return False
    return True


def _differences(earlier: dict[str, Any], now: dict[str, Any], prefix: str) -> list[str]:
    found = []
    for key in sorted({*earlier, *now}):
        was, is_ = earlier.get(key), now.get(key)
        if key not in earlier and not is_:  # a key that there was not, at its default
            continue
        if isinstance(was, dict) and isinstance(is_, dict):
            found += _differences(was, is_, f"{prefix}{key}.")
        elif was != is_:
            found.append(f"{prefix}{key} was {was} and is {is_}")
    return found
