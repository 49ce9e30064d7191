"""Training on pairs: both replies whole, the right one preferred, the same refusals, resume and saving as of sft."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from students import make_checkpoint, trl_template
from training import make_reply

from overproof.config import SftRun, parse_table
from overproof.config.training import TrainConfig
from overproof.errors import ConfigError, InputError
from overproof.runfolder import RunFolder
from overproof.student import check_student
from overproof.train import dpo, sft
from overproof.train.arguments import Machine, build_preference_arguments
from overproof.train.fit import predict
from overproof.train.inspection import check_pairs
from overproof.train.telling import be_silent

torch = pytest.importorskip("torch", reason="torch comes with overproof[train]")
pytest.importorskip("trl", reason="trl comes with overproof[train]")


def make_pair(number: int, **fields: Any) -> dict[str, Any]:
    wrong = make_reply(number).replace(f"boxed{{{2 * number}}}", f"boxed{{{2 * number + 1}}}")
    sides = {"chosen": make_reply(number), "rejected": wrong} | fields
    prompt = [{"role": "user", "content": f"What is {number} + {number}?"}]
    return {"prompt": prompt} | {side: [{"role": "assistant", "content": text}] for side, text in sides.items()}


def write(folder: Path, *rows: dict[str, Any]) -> None:
    (folder / "rows.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))


@pytest.fixture
def student(tmp_path: Path) -> str:
    write(tmp_path, *(make_pair(number) for number in range(12)))
    return make_checkpoint(tmp_path / "student", trl_template("qwen3"))


def make_config(folder: Path, student: str, **keys: Any) -> TrainConfig:
    tree = {"dataset": str(folder / "rows.jsonl"), "student": student, "output": str(folder / "out"), **keys}
    steps = {"per_device_train_batch_size": 4, "num_train_epochs": 2, "learning_rate": 1e-2, "logging_steps": 1}
    tree["dpo"] = steps | keys.get("dpo", {})
    return parse_table({"train": tree}, "test", SftRun).train


def likelihood(folder: str, pair: dict[str, Any]) -> float:
    """How much likelier the right reply is than the wrong one, told without the code under test."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype="float32")
    told = []
    for side in ("chosen", "rejected"):
        text = tokenizer.apply_chat_template(pair["prompt"] + pair[side], tokenize=False)
        asked = tokenizer.apply_chat_template(pair["prompt"], tokenize=False, add_generation_prompt=True)
        ids = torch.tensor([tokenizer(text)["input_ids"]])
        start = len(tokenizer(asked)["input_ids"])
        with torch.no_grad():
            log = model(input_ids=ids).logits.log_softmax(-1)[0, :-1].gather(1, ids[0, 1:, None])[:, 0]
        told.append(float(log[start - 1 :].sum()))
    return told[0] - told[1]


@pytest.mark.parametrize("lora", [None, {"r": 4, "alpha": 64.0}])
@pytest.mark.slow
def test_right_replies_become_likelier_than_wrong_ones_and_the_student_is_saved_whole(
    tmp_path: Path, student: str, lora: dict[str, Any] | None
) -> None:
    lines: list[str] = []
    config = make_config(tmp_path, student, lora=lora, dpo={"learning_rate": 0.05 if lora else 0.01})
    summary = dpo(config, RunFolder(tmp_path), lines.append)
    assert summary.told_apart is not None
    assert summary.told_apart[1] > 0.5
    pair = make_pair(3)
    assert likelihood(str(tmp_path / "out"), pair) > likelihood(student, pair) + 0.1
    said = "\n".join(lines)
    assert "12 pairs to train on" in said
    assert "pairs        12 (thinking 12), 0 left out" in said
    card = (tmp_path / "out" / "README.md").read_text()
    assert "direct preference optimisation on 12 pairs" in card
    generation = json.loads((tmp_path / "out" / "generation_config.json").read_text())
    assert generation["do_sample"] is True
    again: list[str] = []
    assert dpo(config, RunFolder(tmp_path), again.append) == summary
    assert "nothing to do" in again[-1]


def test_the_trainer_compares_both_replies_whole_with_their_ends_of_turn(
    tmp_path: Path, student: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tokenizers import Tokenizer

    seen: list[str] = []

    def look(trainer: Any, _: Any) -> None:
        tokenizer = Tokenizer.from_file(str(Path(student) / "tokenizer.json"))
        row = trainer.train_dataset[5]
        seen.extend(tokenizer.decode(row[side], skip_special_tokens=False) for side in ("chosen_ids", "rejected_ids"))

    monkeypatch.setattr("overproof.train.preference.check_pairs", look)
    dpo(make_config(tmp_path, student, dpo={"max_steps": 1}), RunFolder(tmp_path), be_silent)
    pair = make_pair(5)
    assert seen == [pair[side][0]["content"] + "<|im_end|>\n" for side in ("chosen", "rejected")]


def test_replies_that_the_trainer_would_swap_stop_everything(
    tmp_path: Path, student: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "overproof.train.preference.check_pairs",
        lambda trainer, digests: check_pairs(trainer, digests.reshape(-1, 2)[:, ::-1]),
    )
    with pytest.raises(Exception, match="TRL would compare other texts"):
        dpo(make_config(tmp_path, student), RunFolder(tmp_path), be_silent)
    assert not (tmp_path / "out" / "training.json").exists()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"messages": make_pair(1)["prompt"] + make_pair(1)["chosen"]}, "a pair to train on has prompt, chosen and"),
        (make_pair(1, rejected="It is 4."), "rows without reasoning"),
        (make_pair(1, chosen="<think>\nTwo.\n</think>\n\n"), "rows without an answer"),
        (
            {
                side: [{"role": "user", "content": side}, {"role": "assistant", "content": make_reply(1)}]
                for side in ("chosen", "rejected")
            },
            "do not reply to the same prompt",
        ),
    ],
)
def test_a_row_that_is_no_sound_pair_is_named(tmp_path: Path, student: str, row: dict[str, Any], message: str) -> None:
    write(tmp_path, make_pair(0), row)
    with pytest.raises(InputError, match=message):
        dpo(make_config(tmp_path, student), RunFolder(tmp_path), be_silent)


def test_pairs_are_not_for_sft_and_what_is_no_pair_is_not_for_dpo(tmp_path: Path, student: str) -> None:
    with pytest.raises(InputError, match="train on pairs with overproof dpo"):
        sft(make_config(tmp_path, student), RunFolder(tmp_path), be_silent)
    found = check_student(tmp_path / "rows.jsonl", student)
    assert found.passed
    assert found.modes == {"thinking": 12}
    assert "boxed{0}" in found.shown["thinking"]


def test_pairs_of_whole_conversations_are_read_too(tmp_path: Path, student: str) -> None:
    rows = [{side: pair["prompt"] + pair[side] for side in ("chosen", "rejected")} for pair in map(make_pair, range(8))]
    write(tmp_path, *rows)
    assert dpo(make_config(tmp_path, student, dpo={"max_steps": 1}), RunFolder(tmp_path), be_silent).rows == 8


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"bata": 0.1}, r"train\.dpo\.bata: TRL has no such key. Did you mean 'beta'"),
        ({"truncation_mode": "keep_start"}, "rows are never cut"),
        ({"loss_type": ["sigmoidal"]}, "TRL refuses the first step: Unknown loss type"),
        ({"max_length": 9000}, r"train\.dpo\.max_length: 9,000 is more than the student's"),
    ],
)
def test_keys_that_trl_would_not_take_are_refused_first(
    tmp_path: Path, student: str, keys: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        dpo(make_config(tmp_path, student, dpo=keys), RunFolder(tmp_path), be_silent)


def test_a_training_on_pairs_does_not_go_on_in_the_folder_of_another(tmp_path: Path, student: str) -> None:
    dpo(make_config(tmp_path, student, dpo={"max_steps": 1}), RunFolder(tmp_path), be_silent)
    with pytest.raises(ConfigError, match=r"holds another training; what differs: train\.dpo\.beta"):
        dpo(make_config(tmp_path, student, dpo={"max_steps": 1, "beta": 0.5}), RunFolder(tmp_path), be_silent)


@pytest.mark.slow
def test_memory_counts_both_replies_and_the_reference(tmp_path: Path, student: str) -> None:
    def peak(**keys: Any) -> tuple[int, int]:
        config = make_config(tmp_path, student, **keys)
        arguments = build_preference_arguments(config, tmp_path / "out", Machine(has_accelerator=False))
        memory = predict(config, arguments, 256)
        return memory.weights, memory.activations

    weights, activations = peak()
    alone, _ = peak(dpo={"precompute_ref_log_probs": True})
    assert weights == 2 * alone
    assert activations > peak(dpo={"per_device_train_batch_size": 2})[1]
