"""The commands of a run: the whole of it, each stage alone, and what to know before it begins."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from overproof.cli.completing import name_configs
from overproof.cli.console import spoken, typed
from overproof.cli.options import Config, Lang, Limit, Overrides, RunDir, add_limit, find_folder, read_config
from overproof.stopping import GRACE_SECONDS

if TYPE_CHECKING:
    from overproof.cli.display import Display
    from overproof.pipeline import Run
    from overproof.report import Summary

BatchOut = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write the pending requests as a batch file instead of making them.")
]
BatchIn = Annotated[
    list[Path] | None, typer.Option(metavar="FILE", help="Take a batch's results into the journal; may be repeated.")
]
Retry = Annotated[
    list[str] | None, typer.Option(metavar="refused", help="Ask again what the endpoint refused in an earlier session.")
]
Suspects = Annotated[
    int, typer.Option(min=0, metavar="N", help="Also buy N traces more of each problem whose reference is suspect.")
]
Grace = Annotated[
    float, typer.Option(min=0, metavar="SECONDS", help="After SIGTERM: how long until the process has ended.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be asked and what it may cost, then stop.")]


def run(
    config: Config,
    set_: Overrides = None,
    limit: Limit = None,
    run_dir: RunDir = None,
    dry_run: DryRun = False,
    grace: Grace = GRACE_SECONDS,
    lang: Lang = None,
) -> None:
    """Do it all: prepare, sample, score, select, export, report.

    The same command again resumes: what was paid for is not paid for again. Ends with exit code 1 when nothing is kept.
    """
    from overproof import pipeline

    with _opened(config, set_, limit, run_dir, lang=lang, grace=grace) as (run, display):
        if dry_run:
            _show_plan(run, display)
            display.next(_again("run", "--dry-run"))
            return
        outcome = pipeline.run_all(run)
        display.finished(outcome, run.folder)
        _finish(outcome.report, run, display)


def sample(
    config: Config,
    set_: Overrides = None,
    limit: Limit = None,
    run_dir: RunDir = None,
    dry_run: DryRun = False,
    batch_out: BatchOut = None,
    batch_in: BatchIn = None,
    retry: Retry = None,
    suspects: Suspects = 0,
    grace: Grace = GRACE_SECONDS,
) -> None:
    """Sample traces: the one stage that costs money. The same command again resumes."""
    from overproof import pipeline

    overrides = [*(set_ or []), *([f"sampling.retry=[{', '.join(retry)}]"] if retry else [])]
    with _opened(config, overrides, limit, run_dir, grace=grace) as (run, display):
        if dry_run:
            _show_plan(run, display, suspects)
            display.next(_again("sample", "--dry-run"))
            return
        with run.folder.lock(run.tell):
            pipeline.prepare(run)
            if suspects:
                _say_suspects(pipeline.ask_suspects(run, suspects), suspects, run)
            if batch_in:
                display.batch_read(pipeline.read_batch(run, batch_in))
            if batch_out is not None:
                written = pipeline.write_batch(run, batch_out)
                display.batch_written(written)
                results = f"{typed('sample', run.folder)} --batch-in RESULTS   (what the provider gives back)"
                display.next(results if written.files else typed("score", run.folder))
                return
            if not batch_in:
                display.sampled(pipeline.sample(run))
        display.print(f"traces   {run.folder.traces(0).parent}")
        display.next(typed("score", run.folder))


def _say_suspects(found: int, samples: int, run: Run) -> None:
    run.tell(
        f"{found:,} more suspect references: {found * samples:,} traces beside those that every problem gets"
        if found
        else "no further reference is suspect by the traces there are"
    )


def _show_plan(run: Run, display: Display, suspects: int = 0) -> None:
    """Prepare the problems, which costs nothing, and show what would be asked."""
    from overproof import pipeline

    with run.folder.lock(run.tell):
        pipeline.prepare(run)
        if suspects:
            _say_suspects(pipeline.ask_suspects(run, suspects, is_rehearsal=True), suspects, run)
        display.plan(pipeline.plan(run), with_prompts=True)


def score(
    config: Config,
    set_: Overrides = None,
    limit: Limit = None,
    run_dir: RunDir = None,
    grace: Grace = GRACE_SECONDS,
) -> None:
    """Grade every trace of a run and measure its rewards."""
    from overproof import pipeline

    with _opened(config, set_, limit, run_dir, grace=grace) as (run, display):
        with run.folder.lock(run.tell):
            if run.config.teacher.is_imported:
                pipeline.prepare(run)  # which costs nothing, and no sampling came before that would have done it
            pipeline.score(run)
        display.print(f"scores   {run.folder.scores(0).parent}")
        display.next(typed("select", run.folder))


def select(config: Config, set_: Overrides = None, limit: Limit = None, run_dir: RunDir = None) -> None:
    """Decide which traces are kept; scores nothing again."""
    from overproof import pipeline

    with _opened(config, set_, limit, run_dir) as (run, display):
        with run.folder.lock(run.tell):
            pipeline.select(run)
        display.print(f"decisions  {run.folder.decisions(0).parent}")
        display.next(typed("export", run.folder))


def export(config: Config, set_: Overrides = None, limit: Limit = None, run_dir: RunDir = None) -> None:
    """Write the kept traces as a dataset to train on."""
    from overproof import pipeline

    with _opened(config, set_, limit, run_dir) as (run, display):
        with run.folder.lock(run.tell):
            pipeline.export_dataset(run)
        display.print(f"dataset  {run.folder.dataset()}")
        display.next(typed("report", run.folder))


def report(
    config: Config, set_: Overrides = None, limit: Limit = None, run_dir: RunDir = None, lang: Lang = None
) -> None:
    """Write the report of whatever a run holds so far, and print its summary."""
    from overproof import pipeline

    with _opened(config, set_, limit, run_dir, lang=lang) as (run, display):
        summary = pipeline.make_report(run)
        display.summary(summary, run.folder)
        _finish(summary, run, display)


@contextmanager
def _opened(
    config: str,
    set_: list[str] | None,
    limit: int | None,
    run_dir: str | None,
    *,
    lang: str | None = None,
    grace: float = GRACE_SECONDS,
) -> Iterator[tuple[Run, Display]]:
    """The run that a command line means, shown."""
    from overproof import pipeline
    from overproof.cli.display import Display
    from overproof.wording import Wording, choose_language

    settings, folder = read_config(config, set_, limit), find_folder(config, run_dir)
    with Display(folder, Wording(spoken(choose_language(lang)))) as display:
        yield pipeline.Run(settings, folder, display, grace), display


def _finish(summary: Summary, run: Run, display: Display) -> None:
    """Say what comes next; raises NothingKeptError where there is nothing that one could train on."""
    from overproof.cli.display import check_kept

    if summary.traces and not summary.kept:
        display.next(typed("view", run.folder))
    check_kept(summary)
    dataset = f"train.dataset={run.folder.dataset()}"
    trains = [typed("check-student", "sft_tiny", "--set", dataset)] if run.folder.storage is None else []
    display.next(typed("view", run.folder), *trains)


def _again(command: str, without: str) -> str:
    """The command line that was typed, without one of its options."""
    typed = sys.argv[sys.argv.index(command) :] if command in sys.argv else [command, "CONFIG"]
    return shlex.join(["overproof", *(word for word in typed if word != without)])


def config(
    config: Annotated[
        str | None,
        typer.Argument(
            metavar="CONFIG", help="A YAML file, a shipped config or a run's folder.", autocompletion=name_configs
        ),
    ] = None,
    set_: Overrides = None,
    limit: Limit = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print a JSON schema of configs for editors.")] = False,
) -> None:
    """Print a config with every key and its meaning, as YAML that can be pasted."""
    import json

    from overproof.cli.console import print_lines
    from overproof.config import explaining
    from overproof.errors import ConfigError
    from overproof.runfolder import config_here

    if schema:
        print_lines([json.dumps(explaining.schema(), indent=1)], verbatim=True)
    elif config is None:
        raise ConfigError("overproof config CONFIG explains a config; --schema prints the schema of all of them")
    else:
        print_lines(explaining.explain_config(config_here(config), add_limit(set_, limit)), verbatim=True)


def doctor(config: Config, set_: Overrides = None, limit: Limit = None, run_dir: RunDir = None) -> None:
    """Make two real calls and say what comes back, and what the whole run would cost."""
    from overproof import pipeline
    from overproof.cli.console import print_lines, print_next

    diagnoses = pipeline.diagnose(read_config(config, set_, limit), find_folder(config, run_dir))
    for diagnosis in diagnoses:
        print_lines(diagnosis.lines())
    if not all(diagnosis.is_well for diagnosis in diagnoses):
        raise typer.Exit(1)
    print_next(typed("run", config, "--dry-run"))


def pilot(
    configs: Annotated[
        list[str],
        typer.Argument(
            metavar="CONFIG…", help="Configs to compare, or names of shipped ones.", autocompletion=name_configs
        ),
    ],
    problems: Annotated[int, typer.Option(min=1, metavar="N", help="How many problems each config is asked.")] = 40,
    set_: Overrides = None,
) -> None:
    """Ask several configs the same problems: what each solves, and what a trace that is kept costs in each."""
    from overproof import pilot as comparing
    from overproof import pipeline
    from overproof.cli.display import Display
    from overproof.errors import ConfigError

    runs = []
    with Display() as display:
        for config in configs:
            folder = find_folder(config, None)
            runs.append((folder.root.name, pipeline.Run(read_config(config, set_, None), folder, display)))
        names = [name for name, _ in runs]
        if len(set(names)) < len(names):
            raise ConfigError(f"pilot: two configs share a run folder: {', '.join(names)}. Name their files apart.")
        figures, contrasts = comparing.pilot(runs, problems)
        display.piloted(figures, contrasts)
        asked = [config for config, one in zip(configs, figures, strict=True) if not one.failed]
        display.next(*(typed("run", config, "--dry-run") for config in asked))
    if any(one.failed for one in figures):
        raise typer.Exit(1)
