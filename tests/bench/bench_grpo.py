"""Does GRPO on our rewards make the tiny student better, or only better rewarded?

    python tests/bench/bench_grpo.py [FOLDER]

Trains `configs/grpo_tiny.yaml` for 60 steps of 8 problems (half of what the config has, to fit into a quarter of an
hour of one core) with every further reward that needs no limit measured beside R1's three, evaluates the student before
and after on 400 held-out problems, and prints for each reward whether it rose while the held-out pass rate fell. That
would be a reward that is earned without the work.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

STEPS = 60
REPLIES = 64
"""Of a step: to 8 problems, 8 to each."""
WATCHED = ("repetition", "foreign_run", "mixed_paragraphs", "long_paragraphs", "code_blocks")
"""Rewards that are measured with no weight: they say what the training does to them."""
_MEANS = re.compile(r"^(\w+) +(-?\d+\.\d+) → (-?\d+\.\d+)$", re.MULTILINE)


def main() -> None:
    """Print the training's lines, both evaluations, and the verdict on each reward."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="bench_grpo_"))
    trained = folder / "student"
    watched = [f"rewards.{name}={{weight: 0}}" for name in WATCHED]
    size = (f"grpo.max_steps={STEPS}", f"grpo.per_device_train_batch_size={REPLIES}")
    log = overproof("grpo", "grpo_tiny", *sets(f"output={trained}", *size, *watched))
    before = evaluate(folder / "before", "tiny-student")
    after = evaluate(folder / "after", str(trained))
    overproof("compare", f"before={folder / 'before'}", f"grpo={folder / 'after'}")
    print(f"\nheld-out pass@1 {before:.1%} → {after:.1%}")
    means = {name: (float(first), float(last)) for name, first, last in _MEANS.findall(log)}
    hacked = [name for name, (first, last) in means.items() if last > first and after < before]
    for name, (first, last) in means.items():
        print(
            f"  {name:<24}{first:.3f} → {last:.3f}  {'rose while pass@1 fell' if name in hacked else 'as it should be'}"
        )
    sys.exit(f"earned without the work: {', '.join(hacked)}" if hacked else 0)


def sets(*overrides: str) -> list[str]:
    """Overrides as arguments of the command."""
    return [argument for override in overrides for argument in ("--set", override)]


def evaluate(folder: Path, student: str) -> float:
    """The share of replies to held-out problems that are right, asked as the training asked."""
    overproof(
        *("evaluate", "evaluate_tiny", "--run-dir", str(folder)),
        *sets("prompt.template=r1_zero", f"student.model={student}"),
    )
    figures = json.loads((folder / "evaluation" / "evaluation.json").read_text("utf-8"))["groups"]["all"]
    return float(figures["pass_at"]["1"]["value"])


def overproof(*arguments: str) -> str:
    """Run a command of the package, print what it says while it says it, and return that."""
    print(f"\noverproof {' '.join(arguments)}", flush=True)
    command = [sys.executable, "-m", "overproof", *arguments]
    said = []
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as running:
        for line in running.stdout or ():
            print(line, end="", flush=True)
            said.append(line)
    if running.returncode:
        sys.exit(running.returncode)
    return "".join(said)


if __name__ == "__main__":
    main()
