"""TRL's SFTTrainer takes every format as it is exported and learns reasoning, answer and end of turn."""

import re
from pathlib import Path
from typing import Any

import datasets
import pytest
from building import make_config, make_problem, make_score, make_trace, write_run
from students import make_student, trl_template

from overproof.export import export
from overproof.selection import select_shard
from overproof.student.conversation import read_conversation

pytestmark = pytest.mark.slow


def load_rows(root: Path, form: str) -> Any:
    """Four exported rows, as `datasets` loads them."""
    config = make_config(export={"format": form, "validation": 0})
    problem = make_problem()
    traces = [make_trace(problem, index) for index in range(4)]
    folder = write_run(root / "run", [problem], traces, [make_score(trace) for trace in traces])
    select_shard(config, folder, 0)
    return datasets.load_dataset(str(export(config, folder, [0]).folder), split="train", cache_dir=str(root / "cache"))


def to_prompt_completion(row: dict[str, Any]) -> dict[str, Any]:
    """A row as TRL takes it, by the function that training uses."""
    conversation = read_conversation(row, "row")
    return {"prompt": conversation.prompt, "completion": [conversation.reply]}


@pytest.mark.parametrize("name", ["qwen2_5", "qwen3", "qwen3_instruct_2507"])
@pytest.mark.parametrize(
    "form", ["messages", "prompt_completion", "prompt_completion_text", "sharegpt", "input_reasoning_content"]
)
def test_the_trainer_takes_a_step_on_every_format_under_every_template(tmp_path: Path, name: str, form: str) -> None:
    trl = pytest.importorskip("trl")
    transformers = pytest.importorskip("transformers")
    student = make_student(tmp_path / "student", trl_template(name))
    tokenizer = transformers.AutoTokenizer.from_pretrained(student)
    model = transformers.Qwen3ForCausalLM(
        transformers.Qwen3Config(
            vocab_size=len(tokenizer),
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=2,
            head_dim=8,
        )
    )
    rows = load_rows(tmp_path, form)
    if form in {"sharegpt", "input_reasoning_content"}:  # TRL would render their turns as nothing
        rows = rows.map(to_prompt_completion, remove_columns=rows.column_names)
    settings = trl.SFTConfig(
        output_dir=str(tmp_path / "out"),
        use_cpu=True,
        bf16=False,
        max_length=None,
        max_steps=1,
        per_device_train_batch_size=2,
        report_to="none",
        save_strategy="no",
    )
    trainer = trl.SFTTrainer(model=model, args=settings, train_dataset=rows, processing_class=tokenizer)
    batch = next(iter(trainer.get_train_dataloader()))
    learnt = tokenizer.decode([token for token in batch["labels"][0].tolist() if token >= 0])
    if form == "input_reasoning_content":  # these templates drop reasoning_content, except qwen3's
        assert ("Two and two make four." in learnt) is (name == "qwen3")
    else:
        assert re.search(r"<think>\nTwo and two make four\.( Way \d says so\.)?\n</think>\n\nThe answer is", learnt)
    assert "The answer is \\boxed{4}.<|im_end|>" in learnt
    assert trainer.train().global_step == 1
