"""Before the first step: one screen, a launch that is what it was meant to be, packages that are there, memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from students import make_checkpoint, make_seeing_student, trl_template
from training import make_config, write_dataset

from overproof.errors import ConfigError
from overproof.runfolder import RunFolder
from overproof.student.adapters import build_adapter
from overproof.student.architecture import build_empty, read_architecture
from overproof.train import sft
from overproof.train.arguments import Machine, advise_packages, build_arguments, check_installed
from overproof.train.fit import describe_fit
from overproof.train.memory import Shape, predict_memory
from overproof.train.screen import _wanted_processes

torch = pytest.importorskip("torch", reason="torch comes with overproof[train]")
pytest.importorskip("trl", reason="trl comes with overproof[train]")


@pytest.fixture
def student(tmp_path: Path) -> str:
    write_dataset(tmp_path)
    return make_checkpoint(tmp_path / "student", trl_template("qwen3"))


def test_one_screen_says_what_is_going_to_be_done(tmp_path: Path, student: str) -> None:
    lines: list[str] = []
    config = make_config(tmp_path, student, sft={"gradient_accumulation_steps": 2, "save_strategy": False})
    done = sft(config, RunFolder(tmp_path), lines.append)
    assert done.steps == 3
    said = "\n".join(lines)
    assert "rows         24 (thinking 24), 0 left out" in said
    assert "batch        8 rows: 4 × 2 accumulated × 1 process" in said
    assert "steps        3, 1 epochs" in said
    assert "a thinking row (24 of 24), the loss between ⟦ and ⟧:" in said
    assert not any((tmp_path / "out").glob("checkpoint-*")), "YAML reads save_strategy: no as false"


def test_rows_of_two_modes_are_not_sorted_by_length_which_would_sort_them_by_mode(tmp_path: Path, student: str) -> None:
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    for row in rows[::2]:
        row["messages"][-1]["content"] = row["messages"][-1]["content"].replace("and", "and so on and" * 9)
    said = []
    for name in ("one", "two"):
        (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        lines: list[str] = []
        config = make_config(tmp_path, student, output=str(tmp_path / name), sft={"max_steps": 1})
        sft(config, RunFolder(tmp_path), lines.append)
        said.append("ordered by length" in "\n".join(lines))
        for row in rows[1::2]:
            row["messages"][-1]["content"] = "The answer is 4."
            row["chat_template_kwargs"] = {"enable_thinking": False}
    assert said == [True, False]


def test_steps_are_counted_as_epochs_end_with_a_step(tmp_path: Path, student: str) -> None:
    lines: list[str] = []
    keys = {"per_device_train_batch_size": 5, "gradient_accumulation_steps": 2, "num_train_epochs": 2}
    done = sft(make_config(tmp_path, student, sft=keys), RunFolder(tmp_path), lines.append)
    assert f"steps        {done.steps}, " in "\n".join(lines)
    assert done.steps == 6


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        (["python", "/bin/accelerate", "launch", "--num_processes", "2", "-m", "overproof.train"], 2),
        (["python", "/bin/accelerate", "launch", "--num-processes=4", "-m", "overproof.train"], 4),
        (["python", "/bin/accelerate", "launch", "-m", "overproof.train"], None),
        (["bash", "-c", "overproof sft --num_processes 2"], None),
    ],
)
def test_what_a_launcher_was_asked_for_is_read_from_its_command(command: list[str], wanted: int | None) -> None:
    assert _wanted_processes(command) == wanted


def test_linear_attention_without_its_kernels_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("overproof.train.arguments.find_spec", lambda name: None if name == "causal_conv1d" else name)
    (line,) = advise_packages("qwen3_5_text", has_accelerator=True)
    assert line.endswith("pip install causal-conv1d")
    assert not advise_packages("qwen3", has_accelerator=True)


@pytest.mark.slow
def test_a_launch_of_two_processes_that_became_one_is_refused(tmp_path: Path, student: str) -> None:
    config = tmp_path / "mine.yaml"
    table = {"student": student, "dataset": str(tmp_path / "rows.jsonl"), "output": str(tmp_path / "out")}
    config.write_text(json.dumps({"train": table}))
    launch = [
        sys.executable,
        "-c",
        "from accelerate.commands.accelerate_cli import main; main()  # accelerate",
        "launch",
    ]
    command = [*launch, "--num_processes", "2", "-m", "overproof.train", str(config)]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert said.returncode != 0
    assert "was to launch 2 processes and has launched one" in said.stderr


@pytest.mark.parametrize(
    ("keys", "install"),
    [
        ({"report_to": ["tensorboard"]}, "pip install tensorboard"),
        ({"report_to": "wandb"}, "pip install wandb"),
        ({"deepspeed": "zero3.json"}, "pip install deepspeed"),
        ({"use_liger_kernel": True}, "pip install liger-kernel"),
        ({"model_init_kwargs": {"attn_implementation": "flash_attention_2"}}, "pip install flash-attn"),
    ],
)
def test_a_package_that_is_asked_for_and_missing_is_one_line(
    keys: dict[str, object], install: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    present = ("torch", "trl", "transformers")
    monkeypatch.setattr("overproof.train.arguments.find_spec", lambda name: name if name in present else None)
    with pytest.raises(ConfigError, match=rf"train\.sft\..* is not installed: {install}"):
        check_installed(keys)


def test_what_the_user_says_of_checkpointing_is_obeyed_under_either_name(tmp_path: Path, student: str) -> None:
    for name in ("gradient_checkpointing", "activation_checkpointing"):
        config = make_config(tmp_path, student, sft={name: False, "use_cpu": True})
        arguments = build_arguments(config, tmp_path / "out", Machine(has_accelerator=True))
        assert not arguments.gradient_checkpointing


@pytest.mark.slow
def test_memory_is_predicted_from_the_shapes_alone(student: str) -> None:
    (Path(student) / "model.safetensors").unlink()
    model = build_empty(read_architecture(student))
    weights = 4 * sum(one.numel() for one in model.parameters())
    short, long = (predict_memory(student, Shape(tokens=tokens)) for tokens in (256, 512))
    assert (short.weights, short.gradients, short.optimizer) == (weights, weights, 2 * weights)
    assert short.activations < long.activations < 4 * short.activations
    kept = predict_memory(student, Shape(tokens=512, checkpointing=False))
    assert kept.activations > long.activations
    assert predict_memory(student, Shape(tokens=512, sharded_over=2)).weights == weights // 2


def test_the_loss_is_counted_as_a_gpu_holds_it(tmp_path: Path) -> None:
    """A tile of logits is folded where it lies: no float32 copies of it, which a CPU would make."""
    student = Path(make_checkpoint(tmp_path / "student", trl_template("qwen3")))
    config = json.loads((student / "config.json").read_text())
    (student / "config.json").write_text(json.dumps(config | {"vocab_size": 32_768}))
    tile = 4096 * 32_768 * 2
    assert tile < predict_memory(str(student), Shape(tokens=4096)).activations < 2 * tile


@pytest.mark.slow
def test_adapters_need_memory_for_themselves_alone_and_none_for_a_tower(tmp_path: Path) -> None:
    config = make_config(
        tmp_path, make_seeing_student(tmp_path / "student", trl_template("qwen3_5_think")), lora={"r": 4}
    )
    memory = predict_memory(config.student, Shape(tokens=128), build_adapter(config.lora, config.student))
    assert 0 < memory.gradients < memory.weights / 2
    assert memory.optimizer == 2 * memory.gradients


def test_what_would_fit_instead_is_said(tmp_path: Path, student: str) -> None:
    config = make_config(tmp_path, student)
    arguments = build_arguments(config, tmp_path / "out", Machine(has_accelerator=False))
    roomy = describe_fit(config, arguments, 512, 2**40)
    assert len(roomy) == 1
    peak = predict_memory(student, Shape(tokens=512, batch=4, checkpointing=False)).peak
    assert "sft.per_device_train_batch_size: 1 would" in describe_fit(config, arguments, 512, peak - 1)[1]
