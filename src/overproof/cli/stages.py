"""The commands of a run: the whole of it, each stage alone, and what to know before it begins."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from overproof.cli.options import Config, Limit, Overrides, RunDir, find_folder, read_config
from overproof.stopping import GRACE_SECONDS

if TYPE_CHECKING:
    from overproof.cli.display import Display
    from overproof.config import RunConfig
    from overproof.runfolder import RunFolder

BatchOut = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write the pending requests as a batch file instead of making them.")
]
BatchIn = Annotated[
    list[Path] | None, typer.Option(metavar="FILE", help="Take a batch's results into the journal; may be repeated.")
]
Retry = Annotated[
    list[str] | None, typer.Option(metavar="refused", help="Ask again what the endpoint refused in an earlier session.")
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
) -> None:
    """Do it all: prepare, sample, score, select, export, report. The same command again resumes."""
    from overproof import pipeline
    from overproof.cli.display import Display

    settings, folder = read_config(config, set_, limit), find_folder(config, run_dir)
    with Display() as display:
        if dry_run:
            _show_plan(settings, folder, display)
        else:
            display.finished(pipeline.run_all(pipeline.Run(settings, folder, display, grace)), folder)


def sample(
    config: Config,
    set_: Overrides = None,
    limit: Limit = None,
    run_dir: RunDir = None,
    dry_run: DryRun = False,
    batch_out: BatchOut = None,
    batch_in: BatchIn = None,
    retry: Retry = None,
    grace: Grace = GRACE_SECONDS,
) -> None:
    """Sample traces: the one stage that costs money. The same command again resumes."""
    from overproof import pipeline
    from overproof.cli.display import Display

    overrides = [*(set_ or []), *([f"sampling.retry=[{', '.join(retry)}]"] if retry else [])]
    settings, folder = read_config(config, overrides, limit), find_folder(config, run_dir)
    with Display() as display:
        if dry_run:
            _show_plan(settings, folder, display)
            return
        run = pipeline.Run(settings, folder, display, grace)
        with folder.lock():
            pipeline.prepare(run)
            if batch_in:
                display.batch_read(pipeline.read_batch(run, batch_in))
            if batch_out is not None:
                display.batch_written(pipeline.write_batch(run, batch_out))
            if not batch_in and batch_out is None:
                display.sampled(pipeline.sample(run))


def _show_plan(settings: RunConfig, folder: RunFolder, display: Display) -> None:
    """Prepare the problems, which costs nothing, and show what would be asked."""
    from overproof import pipeline

    run = pipeline.Run(settings, folder, display)
    with folder.lock():
        pipeline.prepare(run)
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
    from overproof.cli.display import Display

    settings, folder = read_config(config, set_, limit), find_folder(config, run_dir)
    with Display() as display, folder.lock():
        pipeline.score(pipeline.Run(settings, folder, display, grace))


def select(config: Config, set_: Overrides = None, limit: Limit = None, run_dir: RunDir = None) -> None:
    """Decide which traces are kept; scores nothing again."""
    from overproof import pipeline
    from overproof.cli.display import Display

    settings, folder = read_config(config, set_, limit), find_folder(config, run_dir)
    with Display() as display, folder.lock():
        pipeline.select(pipeline.Run(settings, folder, display))


def export(config: Config, set_: Overrides = None, limit: Limit = None, run_dir: RunDir = None) -> None:
    """Write the kept traces as a dataset to train on."""
    from overproof import pipeline
    from overproof.cli.display import Display

    settings, folder = read_config(config, set_, limit), find_folder(config, run_dir)
    with Display() as display, folder.lock():
        pipeline.export_dataset(pipeline.Run(settings, folder, display))


def report(config: Config, set_: Overrides = None, limit: Limit = None, run_dir: RunDir = None) -> None:
    """Write the report of whatever a run holds so far, and print its summary."""
    from overproof import pipeline
    from overproof.cli.display import Display

    settings, folder = read_config(config, set_, limit), find_folder(config, run_dir)
    with Display() as display:
        display.summary(pipeline.make_report(pipeline.Run(settings, folder)), folder)


def config(config: Config, set_: Overrides = None, limit: Limit = None) -> None:
    """Print the resolved config, each key with its meaning."""
    from overproof.cli.display import print_config

    print_config(read_config(config, set_, limit))


def doctor(config: Config, set_: Overrides = None, limit: Limit = None) -> None:
    """Make one real call and say what comes back, and what the whole run would cost."""
    from overproof import pipeline
    from overproof.cli.display import print_lines

    diagnoses = pipeline.diagnose(read_config(config, set_, limit))
    for diagnosis in diagnoses:
        print_lines(diagnosis.lines())
    if not all(diagnosis.is_well for diagnosis in diagnoses):
        raise typer.Exit(1)


def pilot(
    configs: Annotated[
        list[str], typer.Argument(metavar="CONFIG…", help="Configs to compare, or names of shipped ones.")
    ],
    problems: Annotated[int, typer.Option(min=1, help="How many problems each config is asked.")] = 40,
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
    if any(one.failed for one in figures):
        raise typer.Exit(1)
