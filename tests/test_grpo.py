"""GRPO on a tiny random model: real steps of TRL with our prompts and rewards, and every refusal before them."""

import json
from pathlib import Path
from typing import Any

import pytest

from overproof.config import load_table, parse_table
from overproof.config.grpo import GrpoConfig
from overproof.errors import ConfigError, InputError
from overproof.grpo import build_rows, describe_log, to_text, train_grpo
from overproof.prompts import build_messages
from overproof.records import Problem

pytest.importorskip("trl", reason="needs the train extra")

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen3 model of a few thousand random weights, with a byte-level tokenizer and a chat template."""
    return make_student(tmp_path_factory.mktemp("student"))


def make_student(folder: Path, *, special: tuple[str, ...] = (), template: str | None = TEMPLATE) -> Path:
    import torch
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(letters)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tags = ["<think>", "</think>"]
    tokenizer.add_tokens([AddedToken(tag, special=tag in special) for tag in tags])
    ends = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **ends)  # type: ignore[no-untyped-call] # it has no types
    fast.chat_template = template
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=len(fast),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        eos_token_id=fast.eos_token_id,
        pad_token_id=fast.pad_token_id,
        bos_token_id=None,
    )
    Qwen3ForCausalLM(config).save_pretrained(folder)
    return folder


def make_config(tmp_path: Path, student: Path | str, **tables: Any) -> GrpoConfig:
    problems = tmp_path / "problems.jsonl"
    if not problems.exists():
        rows = [{"question": f"What is {n} + {n}?", "reference": str(2 * n)} for n in range(8)]
        problems.write_text("".join(json.dumps(row) + "\n" for row in rows))
    steps = {"max_steps": 2, "per_device_train_batch_size": 4, "num_generations": 4, "max_completion_length": 8}
    tree: dict[str, Any] = {
        "student": str(student),
        "output": str(tmp_path / "out"),
        "problems": {"path": str(problems)},
        "prompt": {"template": "r1_zero"},
        "grpo": steps | {"logging_steps": 1} | tables.pop("grpo", {}),
    }
    return parse_table(tree | tables, "test", GrpoConfig)


@pytest.mark.slow
def test_a_few_steps_train_save_and_log_every_reward(tmp_path: Path, student: Path) -> None:
    from transformers import AutoModelForCausalLM

    # A random model earns nothing for answers. It ends a reply by chance, so a reward for length differs within a group
    # and gives a gradient.
    rewards = {"overlong": {"max_tokens": 64, "cache_tokens": 64}}
    lengths = {"max_completion_length": 64, "num_generations": 8, "per_device_train_batch_size": 8}
    config = make_config(
        tmp_path, student, rewards=rewards, grpo=lengths | {"learning_rate": 1e-2, "save_steps": 1, "seed": 1}
    )
    lines: list[str] = []
    summary = train_grpo(config, lines.append)
    assert summary.steps == 2
    steps = [line for line in lines if line.partition(" · ")[0] in {"step 1 of 2", "step 2 of 2"}]
    assert len(steps) == 2
    assert all(
        "accuracy 0.000 · think_format 0.000 · language_consistency 0.000 · overlong -0." in line for line in steps
    )
    assert set(summary.rewards) == {"reward", "accuracy", "think_format", "language_consistency", "overlong"}
    assert -1 < summary.rewards["overlong"][0] < 0
    assert summary.rewards["think_format"] == (0.0, 0.0)
    before = AutoModelForCausalLM.from_pretrained(student).state_dict()
    after = AutoModelForCausalLM.from_pretrained(config.output).state_dict()
    assert any(not before[name].equal(after[name]) for name in before)
    others = tmp_path / "others"
    others.mkdir()
    (others / "file").write_text("not ours")
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        (tmp_path / "out" / name).unlink()
        (tmp_path / "out" / name).symlink_to(others / "file")
    (tmp_path / "out" / "checkpoint-3").symlink_to(others)
    further = lengths | {"max_steps": 3, "resume_from_checkpoint": True}
    assert train_grpo(make_config(tmp_path, student, rewards=rewards, grpo=further)).steps == 3
    held = {path.name: path.read_text() for path in others.iterdir()}
    assert held == {"file": "not ours"}, "written through a link"


def test_a_log_is_told_as_a_line_and_what_was_not_measured_is_no_number() -> None:
    logs = {
        "loss": 0.0,
        "grad_norm": 0.25,
        "completions/mean_length": 61.6,
        "completions/clipped_ratio": 0.125,
        "rewards/accuracy/mean": 0.3125,
        "rewards/accuracy/std": 0.4,
        "rewards/language_consistency/mean": None,
        "reward": 0.9,
        "frac_reward_zero_std": 0.5,
    }
    assert describe_log(logs, 5, 1200) == (
        "step 5 of 1,200 · reward 0.900 · accuracy 0.312 · language_consistency – · 62 tokens a reply, 12% cut · "
        "50% of groups alike · gradient 0.250"
    )


def test_rows_hold_r1_zeros_prompt_and_what_the_rewards_read(tmp_path: Path) -> None:
    problems = [Problem("a", "What is the sum of 2 and 2?", "4"), Problem("b", "二加二等于多少？请算出结果。", None)]
    english, chinese = build_rows(problems, make_config(tmp_path, "any"), is_chat=True)
    assert [message["role"] for message in english["prompt"]] == ["system", "user"]
    assert "<answer>" in english["prompt"][0]["content"]
    assert (english["question"], english["reference"], english["language"]) == (
        "What is the sum of 2 and 2?",
        "4",
        "en",
    )
    assert "思考" in chinese["prompt"][0]["content"]
    assert (chinese["reference"], chinese["language"]) == (None, "zh")


def test_a_student_without_a_chat_template_gets_plain_text(tmp_path: Path) -> None:
    (row,) = build_rows([Problem("a", "What is 2 + 2?", "4")], make_config(tmp_path, "any"), is_chat=False)
    assert row["prompt"].endswith("User: What is 2 + 2?\n\nAssistant:")
    assert row["prompt"] == to_text(build_messages("What is 2 + 2?", template="r1_zero", language="en"))


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"grpo": {"learning_rat": 1e-5}}, r"grpo\.learning_rat: TRL has no such key. Did you mean 'learning_rate'"),
        ({"grpo": {"output_dir": "x"}}, r"grpo\.output_dir: set output instead"),
        ({"grpo": {"num_generations": 3}}, r"grpo: TRL refuses this: .*divisible"),
        ({"grpo": {"resume_from_checkpoint": True}}, r"holds no checkpoint to go on from"),
    ],
)
def test_keys_that_trl_would_not_take_are_refused_first(
    tmp_path: Path, student: Path, tables: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        train_grpo(make_config(tmp_path, student, **tables))


def test_a_folder_in_use_is_refused_with_the_way_out(tmp_path: Path, student: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "model.safetensors").touch()
    with pytest.raises(ConfigError, match=r"is in use\. Name another folder, or go on with"):
        train_grpo(make_config(tmp_path, student))


def test_a_student_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="is no checkpoint that transformers can read"):
        train_grpo(make_config(tmp_path, tmp_path / "empty"))


@pytest.mark.parametrize("name", ["missing", "/no/such/student", "tests/no-such-student", "a/b/c"])
def test_a_folder_that_is_not_there_is_not_looked_for_on_the_hub(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="there is no folder"):
        train_grpo(make_config(tmp_path, name))


def test_reasoning_tags_that_decoding_would_drop_are_refused(tmp_path: Path) -> None:
    hiding = make_student(tmp_path / "hiding", special=("<think>", "</think>"))
    with pytest.raises(ConfigError, match="marks <think> and </think> as special tokens"):
        train_grpo(make_config(tmp_path, hiding))


def test_the_shipped_config_loads() -> None:
    config = load_table("grpo_tiny", GrpoConfig)
    assert (config.student, config.prompt.template) == ("tiny-student", "r1_zero")


def test_adapters_are_trained_and_merged_and_one_screen_says_what_is_done(tmp_path: Path, student: Path) -> None:
    lines: list[str] = []
    config = make_config(tmp_path, student, lora={"r": 2}, eos_token="<|im_end|>", chat_template="chatml")
    train_grpo(config, lines.append)
    output = tmp_path / "out"
    assert (output / "adapter" / "adapter_model.safetensors").is_file()
    assert (output / "model.safetensors").is_file()
    assert lines[0].startswith("student      ")
    assert "adapters of rank 2, template chatml" in lines[0]
    assert [line.split()[0] for line in lines[:4]] == ["student", "problems", "step", "rewards"]


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"eos_token": "<|done|>"}, "is no token of"),
        ({"chat_template": "qwen33"}, "there is no template 'qwen33'"),
        ({"grpo": {"use_vllm": True}}, "vLLM is not installed here"),
    ],
)
def test_what_the_student_or_the_machine_lacks_is_said_first(
    tmp_path: Path, student: Path, tables: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        train_grpo(make_config(tmp_path, student, **tables))


def test_no_problems_is_an_error(tmp_path: Path, student: Path) -> None:
    (tmp_path / "problems.jsonl").write_text("")
    with pytest.raises(InputError):
        train_grpo(make_config(tmp_path, student))
