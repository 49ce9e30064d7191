"""The table of the guide is what the templates do, and its memory figures are those of the shipped configs."""

import re
from pathlib import Path

import pytest
from students import make_student, trl_template

from overproof.student.matrix import Way, try_formats
from overproof.student.template import load_tokenizer

pytest.importorskip("transformers", reason="comes with overproof[train]")

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "src" / "overproof" / "guide" / "training.md").read_text(encoding="utf-8")
R1 = ("<｜begin▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>", "<｜end▁of▁sentence｜>")
TEMPLATES = {
    "Qwen2.5": "qwen2_5",
    "Qwen3 (hybrid, base)": "qwen3",
    "Qwen3-Instruct-2507": "qwen3_instruct_2507",
    "Qwen3.5 that thinks": "qwen3_5_think",
    "Qwen3.5-0.8B, 2B": "qwen3_5_nothink",
    "Qwen3.6": "qwen3_6",
    "Qwen3.8": "qwen3_8",
    "DeepSeek-R1-Distill-Qwen": "deepseek_r1_distill",
}
LINES = re.findall(r"^\| ([^|`]+) \| ([^|]*)\| (kept|lost|refused) \| (\w+) \| (\w+) \|$", GUIDE, re.MULTILINE)


def test_every_student_of_the_table_is_looked_at() -> None:
    assert {line[0] for line in LINES} - {*TEMPLATES} == {"Qwen3-Thinking-2507"}  # TRL ships no template of it


@pytest.mark.parametrize("line", [line for line in LINES if line[0] in TEMPLATES], ids=lambda line: "".join(line[:2]))
def test_a_line_of_the_table_is_what_the_template_does(tmp_path: Path, line: tuple[str, ...]) -> None:
    name, setting, *verdicts = line
    template = TEMPLATES[name]
    keys = {"eos_token": R1[-1], "more_tokens": R1} if template.startswith("deepseek") else {}
    student = make_student(tmp_path, trl_template(template), **keys)  # type: ignore[arg-type] # two kinds of keys
    chat_template = template if "chat_template" in setting else None
    variables = {"enable_thinking": True} if "enable_thinking: true" in setting else None
    tokenizer = load_tokenizer(student, chat_template, variables)
    cells = try_formats(tokenizer, Way("", str(tokenizer.chat_template)))
    found = [cells[one].verdict for one in ("messages", "messages_reasoning_content", "no_thinking")]
    assert found == verdicts
    assert [cells[one].verdict for one in ("prompt_completion", "sharegpt")] == [verdicts[0]] * 2
    assert cells["input_reasoning_content"].verdict == verdicts[1]


@pytest.mark.parametrize(
    ("config", "figure"), re.findall(r"^\| `(sft_[\w.]+)` \|.*\| ([\d.]+) GiB", GUIDE, re.MULTILINE)
)
def test_a_config_claims_what_the_guide_says(config: str, figure: str) -> None:
    assert f"{figure} GiB predicted" in (ROOT / "configs" / f"{config}.yaml").read_text(encoding="utf-8")
