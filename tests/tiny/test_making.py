"""Training: what a batch teaches, how fast, and the whole command for a few steps."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from overproof.resources import bundled
from overproof.tiny import train
from overproof.tiny.chat import TURN_END, render_prompt
from overproof.tiny.corpus import TEACHER_NOISE, write_corpus
from overproof.tiny.engine import TinyEngine
from overproof.tiny.making import Recipe, make_batches, rate_factor
from overproof.tiny.vocabulary import train_tokenizer

RECIPE = Recipe(TEACHER_NOISE, steps=100, batch_size=8)


def test_the_rates_rise_stay_and_fall_to_zero() -> None:
    factors = [rate_factor(step, RECIPE) for step in range(101)]
    assert factors[:2] == [pytest.approx(1 / 30), pytest.approx(2 / 30)]
    assert factors[29:60] == [1.0] * 31
    assert all(before > after for before, after in itertools.pairwise(factors[60:]))
    assert factors[100] == 0


def test_only_the_reply_and_its_end_are_learned() -> None:
    pytest.importorskip("torch", reason="torch comes with overproof[train]")
    tokenizer = Tokenizer.from_file(str(bundled("tiny-teacher") / "tokenizer.json"))
    seen = 0
    inputs, targets = next(make_batches(RECIPE, tokenizer))
    texts = {
        render_prompt(example.messages) + example.reply + TURN_END: example.reply + TURN_END
        for example in itertools.islice(write_corpus(TEACHER_NOISE, seed=RECIPE.seed), 32 * RECIPE.batch_size)
    }
    for row, target in zip(inputs.tolist(), targets.tolist(), strict=True):
        whole = tokenizer.decode(row, skip_special_tokens=False).replace("<|endoftext|>", "")
        learned = tokenizer.decode([token for token in target if token >= 0], skip_special_tokens=False)
        assert texts[whole] == learned
        seen += 1
    assert seen == RECIPE.batch_size


@pytest.mark.slow
def test_the_tokenizer_comes_out_as_it_ships() -> None:
    shipped = Tokenizer.from_file(str(bundled("tiny-teacher") / "tokenizer.json"))
    assert train_tokenizer().get_vocab() == shipped.get_vocab()
    assert shipped.get_vocab_size() == 1024


@pytest.mark.parametrize(
    "text", ["12 + 7/8 = 3.5%", "小明有3个苹果。", "naïve \U0001f600\n\n  x", "<think>\n</think>\n\n\\boxed{(1, 2]}"]
)
def test_any_text_survives_the_tokenizer(text: str) -> None:
    tokenizer = Tokenizer.from_file(str(bundled("tiny-teacher") / "tokenizer.json"))
    tokens = tokenizer.encode(text)
    assert tokenizer.decode(tokens.ids, skip_special_tokens=True) == text
    assert all(not token.strip("Ġ").isdigit() or len(token) == 1 for token in tokens.tokens)


def run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A run of this Python that finds the package where this one found it."""
    environment = os.environ | {"PYTHONPATH": str(Path(train.__file__).parents[2])}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, env=environment)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["teacher", "student"])
def test_the_command_trains_exports_measures_and_writes_the_card(kind: str, tmp_path: Path) -> None:
    for library in ("torch", "transformers", "onnxruntime_genai"):
        pytest.importorskip(library, reason=f"{library} comes with overproof[train]")
    out = tmp_path / "made"
    result = run_python("-m", "overproof.tiny.train", kind, "--out", str(out), "--steps", "3", "--problems", "24")
    assert result.returncode == 0, result.stderr
    assert "of 24 held-out problems correct at temperature 1" in result.stdout
    assert f"tiny.train {kind} --out data/tiny-{kind} --steps 3" in (out / "README.md").read_text(encoding="utf-8")
    shipped = {file.name for file in bundled(f"tiny-{kind}").iterdir()}
    assert {file.name for file in out.iterdir()} == shipped
    if kind == "teacher":
        assert TinyEngine(out).network.architecture.name == "tiny-teacher"


def test_without_torch_the_command_names_the_extra(tmp_path: Path) -> None:
    without_torch = "import sys; sys.modules['torch'] = None; from overproof.tiny.train import main; main()"
    result = run_python("-c", without_torch, "teacher", "--out", str(tmp_path / "made"))
    assert result.returncode == 1
    assert "[train]" in result.stderr
    assert not (tmp_path / "made").exists()
