"""Commands about students: check one, train it, ask it, compare two, prove that it all helps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from overproof.cli.completing import name_runs
from overproof.cli.console import typed
from overproof.cli.options import Config, Limit, Overrides, RunDir, add_limit, find_local_folder

if TYPE_CHECKING:
    from overproof.config.training import TrainConfig

Sides = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN RUN…",
        help="Run folders; NAME=FOLDER,FOLDER joins runs of several seeds.",
        autocompletion=name_runs,
    ),
]
Matrix = Annotated[
    bool, typer.Option("--matrix", help="Show which export formats this student keeps, as it comes and otherwise.")
]
Measure = Annotated[str, typer.Option(metavar="pass@k|maj@k", help="What is compared.")]


def check_student(config: Config, set_: Overrides = None, run_dir: RunDir = None, matrix: Matrix = False) -> None:
    """Render the dataset through the student's own chat template and say what training would do to it."""
    from overproof.cli.console import print_lines, print_next
    from overproof.config import SftRun, load_table
    from overproof.student import check_student, describe_check, describe_matrix
    from overproof.student.checkpoint import find_student

    train = load_table(config, SftRun, set_ or ()).train
    if matrix:
        print_lines(describe_matrix(train.student))
        print_next(typed("check-student", config, *_as_given(set_, run_dir)))
        return
    named = [train.dataset] if isinstance(train.dataset, str) else train.dataset
    datasets = [Path(one) for one in named] if named else [find_local_folder(config, run_dir).dataset()]
    check = check_student(
        datasets,
        find_student(train.student),
        chat_template=train.chat_template,
        template=train.template,
        empty_block_in_loss=train.empty_block_in_loss,
        eos_token=train.sft.get("eos_token"),
        max_length=train.sft.get("max_length"),
    )
    print_lines([*describe_check(check), *_describe_fit(train, check.tokens[100])])
    if not check.passed:
        raise typer.Exit(1)
    print_next(typed("sft", config, *_as_given(set_, run_dir)))


def _as_given(set_: list[str] | None, run_dir: str | None) -> list[str]:
    """The options of a command as the next one takes them."""
    options = [word for one in set_ or () for word in ("--set", one)]
    return [*options, *(("--run-dir", run_dir) if run_dir else ())]


def _describe_fit(train: TrainConfig, longest: int) -> list[str]:
    """What memory the training needs, where the libraries that tell are installed."""
    from importlib.util import find_spec

    if find_spec("trl") is None:
        return []
    from overproof.train.arguments import build_arguments, find_room, look_at_machine
    from overproof.train.fit import describe_fit

    arguments = build_arguments(train, Path("student"), look_at_machine()._replace(has_accelerator=True))
    tokens = min(longest, train.sft.get("max_length") or longest)
    if arguments.packing:
        tokens = train.sft.get("max_length") or longest
    return [f"memory: {line}" for line in describe_fit(train, arguments, tokens, find_room())]


def sft(config: Config, set_: Overrides = None, run_dir: RunDir = None) -> None:
    """Fine-tune a student with TRL. On several GPUs: accelerate launch -m overproof.train CONFIG."""
    from overproof.cli.console import print_lines, print_next
    from overproof.config import SftRun, load_table
    from overproof.train import sft

    train = load_table(config, SftRun, set_ or ()).train
    folder = find_local_folder(config, run_dir)
    print_lines(sft(train, folder, lambda line: print_lines([line])).lines())
    student = train.output or folder.student
    print_next(_evaluating(student))


def dpo(config: Config, set_: Overrides = None, run_dir: RunDir = None) -> None:
    """Train a student on pairs of right and wrong replies (export.format: preference), with TRL."""
    from overproof.cli.console import print_lines, print_next
    from overproof.config import SftRun, load_table
    from overproof.train import dpo

    train = load_table(config, SftRun, set_ or ()).train
    folder = find_local_folder(config, run_dir)
    print_lines(dpo(train, folder, lambda line: print_lines([line])).lines())
    print_next(_evaluating(train.output or folder.preferred))


def grpo(config: Config, set_: Overrides = None) -> None:
    """Train a student by reinforcement with the same rewards, R1-Zero's way, with TRL."""
    from overproof.cli.console import print_lines, print_next
    from overproof.config import load_table
    from overproof.config.grpo import GrpoConfig
    from overproof.grpo import train_grpo

    summary = train_grpo(load_table(config, GrpoConfig, set_ or ()), lambda line: print_lines([line]))
    print_lines(
        [
            f"{summary.steps:,} steps; mean reward over the first and the last tenth of the log:",
            *(f"{name:<24}{first:>7.3f} → {last:.3f}" for name, (first, last) in summary.rewards.items()),
            f"student  {summary.output}",
        ]
    )
    print_next(_evaluating(summary.output))


def _evaluating(student: object) -> str:
    """The command that asks a trained student; the config says which problems."""
    command = typed("evaluate", "CONFIG", "--set", "student.profile=path", "--set", f"student.model={student}")
    return f"{command}   (CONFIG names the problems, such as evaluate_tiny; overproof guide evaluating)"


def evaluate(config: Config, set_: Overrides = None, limit: Limit = None, run_dir: RunDir = None) -> None:
    """Ask a student problems it has not seen: pass@k, maj@k and what breaks, with intervals."""
    from overproof.cli.console import print_lines, print_next
    from overproof.cli.display import Display
    from overproof.config import EvaluationRun, load_table
    from overproof.evaluation import evaluate, evaluate_modes

    settings = load_table(config, EvaluationRun, add_limit(set_, limit, "evaluation.problems.limit"))
    folder = find_local_folder(config, run_dir)
    if settings.evaluation.modes:
        with Display() as display:
            found = evaluate_modes(settings, folder, display)
        for mode, one in found.items():
            answers = folder.evaluation_in(mode).root
            print_lines(["", f"asked for {mode.replace('_', '-')} replies:", *one.lines(), f"answers  {answers}"])
        print_next(typed("view", *(folder.evaluation_in(mode).root for mode in found)))
        return
    with Display() as display:
        evaluation = evaluate(settings, folder, display)
    print_lines([*evaluation.lines(), f"answers  {folder.evaluation.root}"])
    print_next(
        f"{typed('compare', f'before={folder}', 'after=ANOTHER_RUN')}   (the same problems asked of another student)",
        typed("view", folder.evaluation),
    )


def compare(runs: Sides, measure: Measure = "pass@1") -> None:
    """Compare evaluations or runs on the problems they share, paired, and say when a difference is noise."""
    from overproof.cli.console import print_lines, print_next
    from overproof.evaluation.comparison import compare, name_sides

    print_lines(compare(name_sides(runs), measure=measure).lines())
    print_next(typed("view", *(path for run in runs for path in run.rpartition("=")[2].split(","))))


def plan(
    detect: Annotated[float, typer.Option(metavar="POINTS", help="The difference to be seen, in percentage points.")],
    run: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN", help="An earlier run, for its difficulty, lengths and prices.", autocompletion=name_runs
        ),
    ] = None,
    samples: Annotated[list[int] | None, typer.Option(metavar="N", help="Samples a problem; may be repeated.")] = None,
    pass_rate: Annotated[
        float | None, typer.Option(metavar="PERCENT", help="Without a run: the mean pass rate that is expected.")
    ] = None,
) -> None:
    """Say how many problems and samples a comparison needs to see a difference, and what they cost."""
    from overproof.cli.console import print_lines, print_next
    from overproof.evaluation.power import difficulty_of, plan_lines, read_difficulty
    from overproof.runfolder import RunFolder

    difficulty = difficulty_of(pass_rate) if run is None else read_difficulty(RunFolder(run))
    print_lines(plan_lines(detect, samples or [1, 8, 64], difficulty))
    print_next("overproof evaluate CONFIG --limit PROBLEMS --set evaluation.n=SAMPLES   (of each student)")


def prove(config: Config, set_: Overrides = None, limit: Limit = None, run_dir: RunDir = None) -> None:
    """Train the same student on verified and unverified sets of equal size, and print the table."""
    from overproof.cli.console import print_lines, print_next
    from overproof.cli.display import Display
    from overproof.config import ProofRun, load_table
    from overproof.prove import prove

    settings = load_table(config, ProofRun, add_limit(set_, limit))
    with Display() as display:
        proofs = prove(settings, find_local_folder(config, run_dir), display)
    for proof in proofs:
        print_lines(["", *proof.lines()])
    print_next(typed("view", find_local_folder(config, run_dir)))
