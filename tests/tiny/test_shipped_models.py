"""What ships: small folders, a teacher about as good as its card says in every prompt form, a student to train."""

import json
import re
from pathlib import Path

import pytest

from overproof.records import Message
from overproof.resources import bundled
from overproof.tiny.accuracy import measure
from overproof.tiny.chat import CHAT_TEMPLATE, render_prompt
from overproof.tiny.corpus import PROMPT_FORMS
from overproof.tiny.engine import TinyEngine
from overproof.tiny.problems import procedural_problems


@pytest.fixture(scope="module")
def teacher() -> TinyEngine:
    return TinyEngine(bundled("tiny-teacher"))


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def test_the_shipped_folders_are_small() -> None:
    assert size(bundled("tiny-teacher")) <= 6_000_000
    assert size(bundled("tiny-student")) <= 3_000_000


@pytest.mark.parametrize("form", ["plain", "boxed_en", "boxed_zh", "r1_zero_en", "r1_zero_zh"])
@pytest.mark.slow
def test_the_teacher_is_often_right_and_sometimes_wrong_in_every_prompt_form(teacher: TinyEngine, form: str) -> None:
    accuracy = measure(teacher, procedural_problems(120, seed=0, split="held_out"), form=form)
    assert 0.45 < accuracy.correct < 0.85
    assert 0.85 < accuracy.closed < 1
    assert 0.85 < accuracy.boxed < 1


@pytest.mark.slow
def test_a_higher_temperature_makes_the_teacher_worse(teacher: TinyEngine) -> None:
    problems = list(procedural_problems(96, seed=0, split="held_out"))
    cold, warm, hot = (measure(teacher, problems, temperature=degrees).correct for degrees in (0, 1, 1.4))
    assert cold > warm > hot + 0.1


@pytest.mark.slow
def test_the_teacher_is_measured_as_its_card_says(teacher: TinyEngine) -> None:
    card = (bundled("tiny-teacher") / "README.md").read_text(encoding="utf-8")
    written = {form: float(share) for form, share in re.findall(r"\| (\w+) \| ([\d.]+) \|", card)}
    assert set(PROMPT_FORMS) <= set(written)
    measured = measure(teacher, procedural_problems(240, seed=0, split="held_out"), form="boxed_en").correct
    assert 100 * measured == pytest.approx(written["boxed_en"], abs=8)


@pytest.mark.parametrize("kind", ["teacher", "student"])
def test_the_card_names_the_command_that_made_the_model(kind: str) -> None:
    card = (bundled(f"tiny-{kind}") / "README.md").read_text(encoding="utf-8")
    assert f"python -m overproof.tiny.train {kind} --out data/tiny-{kind}\n" in card
    assert "seed" in card


def test_both_models_read_with_the_same_tokenizer() -> None:
    teacher, student = (bundled(f"tiny-{kind}") / "tokenizer.json" for kind in ("teacher", "student"))
    assert teacher.read_bytes() == student.read_bytes()


def test_the_student_loads_as_a_float32_model_with_its_chat_template() -> None:
    transformers = pytest.importorskip("transformers", reason="transformers comes with overproof[train]")
    pytest.importorskip("torch", reason="torch comes with overproof[train]")
    folder = bundled("tiny-student")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    assert str(model.dtype) == "torch.float32"
    assert tokenizer.eos_token == "<|im_end|>"
    assert tokenizer.convert_tokens_to_ids(tokenizer.eos_token) == model.config.eos_token_id
    assert (
        tokenizer.decode(tokenizer("<think>\n</think>")["input_ids"], skip_special_tokens=True) == "<think>\n</think>"
    )


def test_the_chat_template_renders_what_the_server_reads() -> None:
    transformers = pytest.importorskip("transformers", reason="transformers comes with overproof[train]")
    tokenizer = transformers.AutoTokenizer.from_pretrained(bundled("tiny-student"))
    turns = [
        ("system", "Be brief."),
        ("user", "1 + 1?"),
        ("assistant", "<think>\nx\n</think>\n\n2"),
        ("user", "算 2。"),
    ]
    messages = [Message(role, content) for role, content in turns]
    rendered = tokenizer.apply_chat_template(
        [{"role": role, "content": content} for role, content in turns], tokenize=False, add_generation_prompt=True
    )
    assert rendered == render_prompt(messages)
    for name in ("tiny-teacher", "tiny-student"):
        assert (bundled(name) / "chat_template.jinja").read_text(encoding="utf-8") == CHAT_TEMPLATE


def test_the_teachers_name_at_its_endpoint_is_tiny_teacher() -> None:
    architecture = json.loads((bundled("tiny-teacher") / "model.json").read_text(encoding="utf-8"))
    assert (architecture["name"], architecture["context_length"]) == ("tiny-teacher", 512)
