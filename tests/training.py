"""Trainings for tests: a few rows, a config that a CPU is done with in seconds, and the call."""

from pathlib import Path
from typing import Any

import orjson

from overproof.config import SftRun, parse_table
from overproof.config.training import TrainConfig
from overproof.runfolder import RunFolder
from overproof.train import sft
from overproof.train.resuming import TrainSummary
from overproof.train.telling import be_silent

FAST = {"per_device_train_batch_size": 4, "num_train_epochs": 1, "learning_rate": 1e-3, "logging_steps": 1}


def make_reply(number: int) -> str:
    return f"<think>\n{number} and {number}.\n</think>\n\nThe answer is \\boxed{{{2 * number}}}."


def write_dataset(folder: Path, rows: int = 24) -> Path:
    """Write `rows.jsonl`, which `make_config` trains on."""
    path = folder / "rows.jsonl"
    made = [
        {
            "messages": [
                {"role": "user", "content": f"What is {number} + {number}?"},
                {"role": "assistant", "content": make_reply(number)},
            ]
        }
        for number in range(rows)
    ]
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in made))
    return path


def make_config(folder: Path, student: str, **keys: Any) -> TrainConfig:
    tree = {"dataset": str(folder / "rows.jsonl"), "student": student, "output": str(folder / "out"), **keys}
    tree["sft"] = FAST | keys.get("sft", {})
    return parse_table({"train": tree}, "test", SftRun).train


def train(config: TrainConfig, folder: Path) -> TrainSummary:
    return sft(config, RunFolder(folder / "run"), be_silent)
