"""The command that made the tiny models: `python -m overproof.tiny.train teacher --out data/tiny-teacher`.

It trains from scratch, writes what ships, measures it on held-out problems and writes the model card. About a quarter
of an hour on one core; needs the `train` extra.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from overproof.errors import MissingExtraError, OverproofError
from overproof.tiny.corpus import PROMPT_FORMS, STUDENT_NOISE, TEACHER_NOISE
from overproof.tiny.making import Recipe

RECIPES = {
    "teacher": Recipe(TEACHER_NOISE, steps=4600, seed=0),
    "student": Recipe(STUDENT_NOISE, steps=2600, seed=1),
}

MEASURED_PROBLEMS = 960


def make(
    kind: str, out: Path, *, steps: int | None = None, threads: int = 1, problems: int = MEASURED_PROBLEMS
) -> None:
    """Train the teacher or the student, write it to `out`, and print and write down how good it is.

    The teacher is written as the ONNX folder that the server runs, the student as a Hugging Face checkpoint.
    """
    check_installed()
    from overproof.tiny.export import export_onnx
    from overproof.tiny.making import save, train

    recipe = RECIPES[kind] if steps is None else replace(RECIPES[kind], steps=steps)
    start = time.process_time()
    model, tokenizer = train(recipe, threads=threads)
    core_minutes = (time.process_time() - start) / 60
    with tempfile.TemporaryDirectory(prefix="overproof-train-") as scratch:
        checkpoint = out if kind == "student" else Path(scratch) / "checkpoint"
        network = out if kind == "teacher" else Path(scratch) / "network"
        save(model, tokenizer, checkpoint)
        export_onnx(checkpoint, network, name=f"tiny-{kind}")
        card = _measure(kind, recipe, network, core_minutes, problems)
    (out / "README.md").write_text(card, encoding="utf-8")


def check_installed() -> None:
    """Raise MissingExtraError when the libraries for training are not installed."""
    if any(importlib.util.find_spec(name) is None for name in ("torch", "transformers", "onnxruntime_genai")):
        raise MissingExtraError("Training a tiny model", "train")


def _measure(kind: str, recipe: Recipe, network: Path, core_minutes: float, problems: int) -> str:
    """Measure the model in every prompt form, print the figures, and return its card."""
    from overproof.tiny.accuracy import measure
    from overproof.tiny.engine import TinyEngine
    from overproof.tiny.model_card import write_card
    from overproof.tiny.problems import procedural_problems

    engine = TinyEngine(network)
    held_out = list(procedural_problems(problems, seed=0, split="held_out"))
    at_one = {}
    for form in PROMPT_FORMS:
        at_one[form] = measure(engine, held_out, form=form)
        print(f"{form}: {100 * at_one[form].correct:.1f} % of {problems} held-out problems correct at temperature 1")
    greedy = measure(engine, held_out, temperature=0)
    print(f"plain: {100 * greedy.correct:.1f} % at temperature 0", flush=True)
    command = f"python -m overproof.tiny.train {kind} --out data/tiny-{kind}"
    if recipe != RECIPES[kind]:
        command += f" --steps {recipe.steps}"
    return write_card(kind, recipe, command=command, core_minutes=core_minutes, at_one=at_one, greedy=greedy)


def main() -> None:
    """Train one of the tiny models and write what ships."""
    parser = argparse.ArgumentParser(prog="python -m overproof.tiny.train", description=main.__doc__)
    parser.add_argument("kind", choices=RECIPES)
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--steps", type=int, help="another number of steps than the recipe's")
    parser.add_argument("--threads", type=int, default=1, help="processor cores to train on")
    parser.add_argument("--problems", type=int, default=MEASURED_PROBLEMS, help="held-out problems to measure on")
    arguments = parser.parse_args()
    try:
        make(**vars(arguments))
    except OverproofError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
