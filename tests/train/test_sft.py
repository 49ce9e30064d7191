"""SFT with TRL on tiny random students: what the loss covers, what is refused before the first step, what is saved."""

import json
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from students import make_checkpoint, trl_template

from overproof.config import SftRun, load_table, parse_table
from overproof.config.training import TrainConfig
from overproof.errors import ConfigError, InputError, OverproofError, install_command
from overproof.runfolder import RunFolder
from overproof.train import sft
from overproof.train.arguments import Machine, settings_for
from overproof.train.inspection import check_labels, decode_labels
from overproof.train.resuming import TrainSummary
from overproof.train.telling import be_silent
from overproof.train.training_rows import digest

torch = pytest.importorskip("torch", reason="torch comes with overproof[train]")
pytest.importorskip("trl", reason="trl comes with overproof[train]")

CONFIGS = Path(__file__).parents[2] / "configs"
FAST = {"per_device_train_batch_size": 4, "num_train_epochs": 1, "learning_rate": 1e-3, "logging_steps": 1}


def make_reply(number: int, thought: str = "") -> str:
    return f"<think>\n{number} and {number}{thought}.\n</think>\n\nThe answer is \\boxed{{{2 * number}}}."


def make_row(number: int, thought: str = "") -> dict[str, Any]:
    question = {"role": "user", "content": f"What is {number} + {number}?"}
    return {"messages": [question, {"role": "assistant", "content": make_reply(number, thought)}]}


def write_rows(path: Path, *rows: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_checkpoint(tmp_path_factory.mktemp("student"), trl_template("qwen3"), positions=512)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "rows.jsonl", *(make_row(number) for number in range(24)))


def make_config(tmp_path: Path, student: str, **keys: Any) -> TrainConfig:
    tree = {"dataset": str(tmp_path / "rows.jsonl"), "student": student, "output": str(tmp_path / "out"), **keys}
    tree["sft"] = FAST | keys.get("sft", {})
    return parse_table({"train": tree}, "test", SftRun).train


def train(config: TrainConfig, tmp_path: Path) -> TrainSummary:
    return sft(config, RunFolder(tmp_path / "run"), be_silent)


class Looker:
    """Stands where labels are checked, and keeps what the loss covers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[str] = []

        def look(trainer: Any, digests: Any) -> None:
            self.seen += decode_labels(trainer)
            check_labels(trainer, digests)

        monkeypatch.setattr("overproof.train.supervised.check_labels", look)


@pytest.mark.parametrize(
    ("template", "keys"),
    [
        ("qwen2_5", {}),
        ("qwen3", {}),
        ("qwen3_instruct_2507", {}),
        (None, {"chat_template": "chatml"}),
        ("qwen3", {"sft": {"packing": True}}),
    ],
)
@pytest.mark.slow
def test_the_loss_covers_reasoning_answer_and_end_of_turn_and_nothing_else(
    tmp_path: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch, template: str | None, keys: dict[str, Any]
) -> None:
    looker = Looker(monkeypatch)
    made = make_checkpoint(tmp_path / "student", template and trl_template(template))
    train(make_config(tmp_path, made, **keys), tmp_path)
    assert dataset.exists()
    assert sorted(looker.seen) == sorted(make_reply(number) + "<|im_end|>\n" for number in range(24))


@pytest.mark.slow
def test_a_template_that_opens_the_think_block_leaves_its_tag_out_of_the_loss(
    tmp_path: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looker = Looker(monkeypatch)
    train(make_config(tmp_path, make_checkpoint(tmp_path / "student", trl_template("qwen3_5_think"))), tmp_path)
    assert dataset.exists()
    opened = [make_reply(number).removeprefix("<think>\n") + "<|im_end|>\n" for number in range(24)]
    assert sorted(looker.seen) == sorted(opened)


def test_labels_that_are_not_the_replies_stop_everything(
    tmp_path: Path, dataset: Path, student: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("overproof.train.inspection.digest", lambda text: digest("Human: " + text))
    with pytest.raises(Exception, match=r"TRL would train on another text than the reply.*\\boxed"):
        train(make_config(tmp_path, student), tmp_path)
    assert dataset.exists()
    assert not (tmp_path / "out" / "training.json").exists()


SHIPPED = {
    "sft_qwen3_0.6b": ("qwen3", "qwen3", "<|im_end|>"),
    "sft_qwen3_1.7b": ("qwen3", "qwen3", "<|im_end|>"),
    "sft_qwen2.5_1.5b_instruct": ("qwen2", "qwen2_5", "<|im_end|>"),
    "sft_qwen3_4b_lora": ("qwen3", "qwen3", "<|im_end|>"),
    "sft_qwen2.5_math_7b_lora": ("qwen2", None, "<|endoftext|>"),
    "sft_tiny": ("qwen3", "qwen3", "<|im_end|>"),
}


def test_every_shipped_training_is_tried_on_a_stand_in() -> None:
    assert {path.stem for path in CONFIGS.glob("sft_*.yaml")} == set(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.slow
def test_a_shipped_training_runs_on_a_stand_in_of_its_architecture(tmp_path: Path, dataset: Path, name: str) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    architecture, template, eos_token = SHIPPED[name]
    made = make_checkpoint(
        tmp_path / "student",
        template and trl_template(template),
        architecture=architecture,
        eos_token=eos_token,
        positions=32768,
    )
    output = tmp_path / "out"
    overrides = {"dataset": dataset, "student": made, "output": output, "sft.max_steps": 2, "sft.logging_steps": 1}
    config = load_table(
        str(CONFIGS / f"{name}.yaml"), SftRun, [f"train.{key}={value}" for key, value in overrides.items()]
    ).train
    summary = train(config, tmp_path)
    assert (summary.steps, summary.rows, summary.dropped) == (2, 24, 0)
    trained, tokenizer = AutoModelForCausalLM.from_pretrained(output), AutoTokenizer.from_pretrained(output)
    before = AutoModelForCausalLM.from_pretrained(made).state_dict()
    assert any(not torch.equal(weights, before[key]) for key, weights in trained.state_dict().items())
    assert tokenizer.eos_token == "<|im_end|>"
    ends = trained.generation_config.eos_token_id
    assert tokenizer.eos_token_id in (ends if isinstance(ends, list) else [ends])
    assert trained.config.eos_token_id == tokenizer.eos_token_id
    assert tokenizer.pad_token == "<|endoftext|>"
    assert tokenizer.chat_template
    assert (output / "adapter").exists() == (config.lora is not None)
    assert not (output / ".rows").exists()
    card = (output / "README.md").read_text(encoding="utf-8")
    assert f"{config.sft['learning_rate']}" in card
    assert "| seed |" in card
    assert str(tmp_path) not in card


@pytest.mark.slow
def test_adapters_alone_are_written_where_they_are_not_to_be_merged(
    tmp_path: Path, dataset: Path, student: str
) -> None:
    train(make_config(tmp_path, student, lora={"r": 4, "merge": False}), tmp_path)
    assert dataset.exists()
    assert (tmp_path / "out" / "adapter_model.safetensors").is_file()
    assert not (tmp_path / "out" / "model.safetensors").exists()


def test_rows_that_are_too_long_are_left_out_whole_and_counted(
    tmp_path: Path, student: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [make_row(number, " xyzzy" * (40 if number == 3 else 0)) for number in range(8)]
    write_rows(tmp_path / "rows.jsonl", *rows)
    looker = Looker(monkeypatch)
    summary = train(make_config(tmp_path, student, sft={"max_length": 150}), tmp_path)
    assert (summary.rows, summary.dropped, summary.limit) == (7, 1, 150)
    assert sorted(looker.seen) == sorted(make_reply(number) + "<|im_end|>\n" for number in range(8) if number != 3)


@pytest.mark.slow
def test_the_length_limit_comes_from_the_percentile_and_never_exceeds_the_positions(
    tmp_path: Path, student: str
) -> None:
    rows = [make_row(number, " xyzzy" * number) for number in range(40)]
    write_rows(tmp_path / "rows.jsonl", *rows)
    half = train(make_config(tmp_path, student, length_percentile=50, output=str(tmp_path / "half")), tmp_path)
    assert (half.rows, half.dropped) == (21, 19)
    short = make_checkpoint(tmp_path / "short", trl_template("qwen3"), positions=200)
    bounded = train(make_config(tmp_path, short), tmp_path)
    assert bounded.limit == 200
    assert bounded.dropped > 0


def read_weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return dict(load_file(folder / "model.safetensors"))


@pytest.mark.slow
def test_a_training_that_was_killed_goes_on_and_ends_as_if_it_had_not_been(
    tmp_path: Path, dataset: Path, student: str
) -> None:
    saving = {"save_steps": 3, "max_steps": 6}
    whole = make_config(tmp_path, student, sft=saving, output=str(tmp_path / "whole"))
    train(whole, tmp_path)
    assert dataset.exists()
    cut = tmp_path / "cut"
    shutil.copytree(tmp_path / "whole", cut)
    begun = json.loads((cut / "training.json").read_text())
    (cut / "training.json").write_text(json.dumps(begun | {"summary": None, "trained": None}))
    (cut / "model.safetensors").unlink()
    (cut / "checkpoint-6" / "trainer_state.json").write_text('{"torn')
    lines: list[str] = []
    resumed = sft(make_config(tmp_path, student, sft=saving, output=str(cut)), RunFolder(tmp_path), lines.append)
    assert resumed.resumed_from == 3
    assert any("going on from" in line for line in lines)
    first, second = read_weights(tmp_path / "whole"), read_weights(cut)
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_a_finished_training_is_not_done_again(tmp_path: Path, dataset: Path, student: str) -> None:
    first = train(make_config(tmp_path, student), tmp_path)
    stamp = (tmp_path / "out" / "model.safetensors").stat().st_mtime_ns
    assert dataset.exists()
    assert train(make_config(tmp_path, student, sft={"logging_steps": 7}), tmp_path) == first
    assert (tmp_path / "out" / "model.safetensors").stat().st_mtime_ns == stamp


def test_another_training_in_the_output_folder_is_refused_naming_what_differs(
    tmp_path: Path, dataset: Path, student: str
) -> None:
    train(make_config(tmp_path, student), tmp_path)
    with pytest.raises(ConfigError, match=r"train\.sft\.learning_rate was 0\.001 and is 0\.5"):
        train(make_config(tmp_path, student, sft={"learning_rate": 0.5}), tmp_path)
    write_rows(dataset, make_row(1))
    with pytest.raises(ConfigError, match="what differs: the rows of the dataset"):
        train(make_config(tmp_path, student), tmp_path)


@pytest.mark.parametrize(
    ("held", "message"), [("checkpoint-5/x", "checkpoints of another training"), ("thesis.txt", "other files")]
)
def test_a_folder_that_holds_something_else_is_refused(
    tmp_path: Path, dataset: Path, student: str, held: str, message: str
) -> None:
    (tmp_path / "out" / held).parent.mkdir(parents=True)
    (tmp_path / "out" / held).touch()
    with pytest.raises(ConfigError, match=message):
        train(make_config(tmp_path, student), tmp_path)
    assert dataset.exists()


@pytest.mark.parametrize(
    ("sft_keys", "message"),
    [
        ({"learning_rat": 1e-5}, r"train\.sft\.learning_rat: TRL has no such key\. Did you mean 'learning_rate'"),
        ({"output_dir": "x"}, r"set train\.output instead"),
        ({"assistant_only_loss": True}, "the loss always covers the reply"),
        ({"truncation_mode": "keep_end"}, "rows are never cut"),
        ({"warmup_ratio": 0.1}, "set warmup_steps"),
        ({"dtype": "bfloat16"}, "set model_init_kwargs"),
        ({"lr_scheduler_type": "zigzag"}, "TRL refuses this"),
        ({"eos_token": "<|done|>"}, r"'<\|done\|>' is no token of"),
        ({"max_length": 100_000}, "more than the student's 512 positions"),
        ({"model_init_kwargs": {"dtype": "float7"}}, "TRL cannot train"),
    ],
)
def test_keys_that_cannot_be_trained_with_are_refused_before_anything_is_written(
    tmp_path: Path, dataset: Path, student: str, sft_keys: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        train(make_config(tmp_path, student, sft=sft_keys), tmp_path)
    assert dataset.exists()
    assert not any((tmp_path / "out").glob("*"))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no rows to train on"),
        ([{"text": "hello"}], r"rows\.jsonl:1 has the columns text"),
        ([make_row(1, " xyzzy" * 100)], "every row of .* is longer than 512 tokens"),
        ([{"messages": [*make_row(1)["messages"][:1], {"role": "assistant", "content": "2"}]}], "without reasoning"),
    ],
)
def test_rows_that_cannot_be_trained_on_are_named_before_the_first_step(
    tmp_path: Path, student: str, rows: list[dict[str, Any]], message: str
) -> None:
    write_rows(tmp_path / "rows.jsonl", *rows)
    with pytest.raises(InputError, match=message):
        train(make_config(tmp_path, student), tmp_path)
    assert not any((tmp_path / "out").glob("*"))


def test_a_student_without_a_chat_template_or_weights_is_named(tmp_path: Path, dataset: Path) -> None:
    bare = make_checkpoint(tmp_path / "bare", None)
    assert dataset.exists()
    with pytest.raises(ConfigError, match="has no chat template"):
        train(make_config(tmp_path, bare), tmp_path)
    with pytest.raises(ConfigError, match="there is no folder nowhere"):
        train(make_config(tmp_path, "nowhere"), tmp_path)
    hollow = make_checkpoint(tmp_path / "hollow", trl_template("qwen3"))
    (tmp_path / "hollow" / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match="TRL cannot train"):
        train(make_config(tmp_path, hollow), tmp_path)


@pytest.mark.slow
def test_reasoning_that_the_template_would_drop_is_refused(tmp_path: Path) -> None:
    reply = {"role": "assistant", "content": "The answer is 4.", "reasoning_content": "Two and two."}
    write_rows(tmp_path / "rows.jsonl", {"messages": [{"role": "user", "content": "Two and two?"}, reply]})
    made = make_checkpoint(tmp_path / "student", trl_template("qwen2_5"))
    with pytest.raises(InputError, match=r"drops reasoning_content.*export\.format: messages"):
        train(make_config(tmp_path, made), tmp_path)
    whole = make_checkpoint(tmp_path / "other", trl_template("qwen3"))
    assert train(make_config(tmp_path, whole), tmp_path).rows == 1


@pytest.mark.parametrize("kernel", ["sdpa", "eager"])
def test_packed_rows_do_not_see_each_other(tmp_path: Path, dataset: Path, student: str, kernel: str) -> None:
    loading = {"attn_implementation": kernel, "dtype": "float32"}
    packed = make_config(tmp_path, student, sft={"packing": True, "max_length": 256, "model_init_kwargs": loading})
    assert dataset.exists()
    assert train(packed, tmp_path).steps < 24 / 4


def test_packing_is_refused_where_rows_would_see_each_other(
    tmp_path: Path, dataset: Path, student: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    honest = DataCollatorForLanguageModeling.torch_call

    def forgetful(self: Any, examples: list[dict[str, Any]]) -> dict[str, Any]:
        """A pack as an attention kernel sees it that knows nothing of positions that begin anew."""
        batch = honest(self, examples)
        return {key: batch[key] for key in ("input_ids", "labels")}

    monkeypatch.setattr(DataCollatorForLanguageModeling, "torch_call", forgetful)
    with pytest.raises(ConfigError, match=r"packed rows see each other .* Set packing: false"):
        train(make_config(tmp_path, student, sft={"packing": True}), tmp_path)
    assert dataset.exists()


def test_what_a_machine_has_is_used_and_a_plain_processor_is_enough() -> None:
    assert settings_for(Machine(has_accelerator=False)) == {
        "use_cpu": True,
        "bf16": False,
        "activation_checkpointing": False,
        "dataloader_pin_memory": False,
        "model_init_kwargs": {"dtype": "float32"},
    }
    card = settings_for(Machine(has_accelerator=True, bf16=True, flash_attention=True, liger=True))
    assert card["bf16"]
    assert card["use_liger_kernel"]
    assert card["model_init_kwargs"] == {"attn_implementation": "flash_attention_2"}
    old = settings_for(Machine(has_accelerator=True, flash_attention=True))
    assert not old["bf16"]
    assert "model_init_kwargs" not in old


def test_without_the_train_extra_the_line_that_installs_it_is_shown(tmp_path: Path) -> None:
    blocked = (
        "import sys; sys.modules['trl'] = None; sys.argv[1:] = {!r}\nfrom overproof.train.__main__ import main; main()"
    ).format([str(CONFIGS / "sft_tiny.yaml"), "--run-dir", str(tmp_path)])
    said = subprocess.run([sys.executable, "-c", blocked], capture_output=True, text=True, check=False)
    assert said.returncode == 1
    assert f"Training a student needs an optional part. Install it with: {install_command('train')}" in said.stderr


@pytest.mark.slow
def test_several_processes_train_one_student_together(tmp_path: Path, dataset: Path, student: str) -> None:
    config = tmp_path / "mine.yaml"
    keys = FAST | {"ddp_backend": "gloo"}
    table = {"student": student, "dataset": str(dataset), "output": str(tmp_path / "out"), "sft": keys}
    config.write_text(json.dumps({"train": table}))
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [*launch, "-m", "overproof.train", str(config)]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert said.returncode == 0, said.stderr
    lines = said.stdout.splitlines()
    assert lines.count(f"student  {tmp_path / 'out'}") == 1, "the summary is told once, by the first process"
    assert sum(line.startswith("steps        ") for line in lines) == 1, "and so is the screen before the first step"
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "| world_size | 2 |" in card
    assert "| effective batch size | 8 |" in card
    assert json.loads((tmp_path / "out" / "training.json").read_text())["summary"]["steps"] == 3


@pytest.mark.slow
def test_the_command_trains_and_validates_on_a_run_and_resumes_nothing(tmp_path: Path, student: str) -> None:
    rows = [make_row(number) for number in range(12)]
    write_rows(tmp_path / "run" / "dataset" / "jsonl" / "train-00000.jsonl", *rows[:8])
    write_rows(tmp_path / "run" / "dataset" / "jsonl" / "validation-00000.jsonl", *rows[8:])
    config = tmp_path / "mine.yaml"
    keys = FAST | {"eval_strategy": "epoch", "learning_rate": "1e-3"}
    config.write_text(json.dumps({"train": {"student": student, "sft": keys}}))
    command = [sys.executable, "-m", "overproof.train", str(config), "--run-dir", str(tmp_path / "run")]
    said = [subprocess.run(command, capture_output=True, text=True, check=False, timeout=300) for _ in range(2)]
    assert [one.returncode for one in said] == [0, 0], said[0].stderr
    assert "validation loss" in said[0].stdout
    assert f"student  {tmp_path / 'run' / 'student'}" in said[0].stdout
    assert "nothing to do" in said[1].stdout
    refused = subprocess.run([*command, "--set", "train.sft.seed=7"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "overproof: train.output" in refused.stderr


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"dataset": "nowhere"}, "nowhere does not exist. Name a folder that overproof export wrote"),
        ({"sft": {"eval_strategy": "epoch"}}, "is a single file and has no validation split"),
    ],
)
def test_a_dataset_that_is_not_there_is_said_before_anything_is_done(
    tmp_path: Path, dataset: Path, student: str, keys: dict[str, Any], message: str
) -> None:
    assert dataset.exists()
    with pytest.raises(InputError, match=message):
        train(make_config(tmp_path, student, **keys), tmp_path)


def test_rows_that_are_there_twice_are_counted(tmp_path: Path, student: str) -> None:
    write_rows(tmp_path / "rows.jsonl", *(make_row(number % 6) for number in range(8)))
    lines: list[str] = []
    sft(make_config(tmp_path, student, sft={"max_steps": 1}), RunFolder(tmp_path), lines.append)
    assert any("8 rows to train on" in line and "2 are the same as an earlier one" in line for line in lines)


def test_a_token_that_the_student_has_no_embedding_for_is_refused(tmp_path: Path, dataset: Path) -> None:
    """Another model's tokenizer beside the weights: on a GPU that would be an assertion without a word."""
    made = Path(make_checkpoint(tmp_path / "student", trl_template("qwen3")))
    config = json.loads((made / "config.json").read_text())
    (made / "config.json").write_text(json.dumps(config | {"vocab_size": 64}))
    assert dataset.exists()
    with pytest.raises(ConfigError, match=r"the rows hold the token .* and .* has embeddings for 64 tokens alone"):
        train(make_config(tmp_path, str(made)), tmp_path)


@pytest.mark.slow
def test_a_disk_that_is_full_at_a_checkpoint_is_said_and_the_same_command_goes_on(
    tmp_path: Path, dataset: Path, student: str
) -> None:
    """Files may grow to 20 kB only, as on a disk with so much room, until there is room again."""
    assert dataset.exists()
    config = make_config(tmp_path, student, sft={"save_strategy": "steps", "save_steps": 2})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def tell(line: str) -> None:
        if line.startswith("step 3 of"):
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))

    try:
        with pytest.raises(OverproofError, match=r"could not be written.*goes on from .*checkpoint-2"):
            sft(config, RunFolder(tmp_path), tell)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert train(config, tmp_path).resumed_from == 2
