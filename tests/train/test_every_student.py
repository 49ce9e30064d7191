"""Five steps on each kind of student in every export format it keeps, the loss decoded without the code under test.

The students are stand-ins with small vocabularies. Real vocabularies can be tried by command: a folder with one folder
a student, in OVERPROOF_STUDENTS:

    OVERPROOF_STUDENTS=students python -m pytest tests/train/test_every_student.py -m slow
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from students import make_checkpoint, make_seeing_student, trl_template
from training import make_config, train

from overproof.student.matrix import FORMATS, Way, try_formats
from overproof.student.template import load_tokenizer

pytest.importorskip("trl", reason="trl comes with overproof[train]")
pytestmark = pytest.mark.slow

R1 = ("<｜begin▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>", "<｜end▁of▁sentence｜>")
STAND_INS: dict[str, dict[str, Any]] = {
    "qwen2.5-instruct": {"template": "qwen2_5", "architecture": "qwen2"},
    "qwen2.5-base": {"template": "qwen2_5", "architecture": "qwen2", "eos_token": "<|endoftext|>"},
    "qwen3-hybrid": {"template": "qwen3"},
    "qwen3-instruct-2507": {"template": "qwen3_instruct_2507"},
    "qwen3.5-think": {"template": "qwen3_5_think", "sees": True},
    "qwen3.5-nothink": {"template": "qwen3_5_nothink", "sees": True, "train": {"template": {"enable_thinking": True}}},
    "qwen3.6": {"template": "qwen3_6", "sees": True},
    "qwen3.8": {"template": "qwen3_8", "sees": True},
    "r1-distill-qwen": {
        "template": "deepseek_r1_distill",
        "architecture": "qwen2",
        "eos_token": R1[-1],
        "more_tokens": R1,
        "train": {"chat_template": "deepseek_r1_distill"},
    },
    "no-template-base": {"template": None, "eos_token": "<|endoftext|>", "train": {"chat_template": "chatml"}},
}
REAL = Path(os.environ["OVERPROOF_STUDENTS"]) if "OVERPROOF_STUDENTS" in os.environ else None
NAMES = [one.name for one in sorted(REAL.iterdir()) if (one / "config.json").is_file()] if REAL else [*STAND_INS]


def make(name: str, folder: Path) -> tuple[str, dict[str, Any]]:
    """The student's folder, and what the `train` table says for it."""
    keys = dict(STAND_INS.get(name, {}))
    table: dict[str, Any] = keys.pop("train", {})
    if REAL:
        return str(REAL / name), table
    template = keys.pop("template")
    text = trl_template(template) if template else None
    if keys.pop("sees", False):
        return make_seeing_student(folder, text), table
    return make_checkpoint(folder, text, **keys), table


def rows_of(name: str) -> Iterator[dict[str, Any]]:
    """Rows of a format, told apart by a number in the question and one in the reply."""
    for number in range(10):
        text = orjson.dumps(FORMATS[name]).decode()
        yield orjson.loads(text.replace("two and two", f"{number} and two").replace("boxed{4}", f"boxed{{{number}}}"))


def decode_loss(student: str, rows: Any) -> Iterator[str]:
    """The text under the loss of each row that the trainer was given, by the tokenizer as it lies on disk."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(Path(student) / "tokenizer.json"))
    for row in rows:
        yield tokenizer.decode([token for token in row["labels"] if token >= 0], skip_special_tokens=False)


@pytest.mark.parametrize("name", NAMES)
def test_five_steps_in_every_format_that_the_student_keeps(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    student, table = make(name, tmp_path / "student")
    monkeypatch.setattr(
        "overproof.train.supervised.check_labels",
        lambda trainer, _: seen.append([*decode_loss(student, trainer.train_dataset)]),
    )
    tokenizer = load_tokenizer(student, table.get("chat_template"), table.get("template"))
    end = "<｜end▁of▁sentence｜>" if name.startswith("r1") else "<|im_end|>"
    kept = [
        form
        for form, cell in try_formats(tokenizer, Way("", str(tokenizer.chat_template))).items()
        if cell.verdict == "kept" and form in FORMATS
    ]
    assert len(kept) >= 3
    for form in kept:
        (tmp_path / "rows.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows_of(form)))
        plain = form == "prompt_completion_text"
        keys = {
            "max_steps": 5,
            "per_device_train_batch_size": 2,
            "save_strategy": "no",
            "use_cpu": True,
            "eos_token": end,
        }
        config = make_config(tmp_path, student, **table, output=str(tmp_path / form), sft=keys)
        assert train(config, tmp_path).steps == 5
        assert len(seen[-1]) == 10
        for number, text in enumerate(seen[-1]):
            body = text.removeprefix("<think>\n").rstrip("\n")
            assert body == f"Two and two,\nthat is 四.\n</think>\n\nThe answer is \\boxed{{{number}}}.{end}", (
                form,
                plain,
            )
