"""The command line: parse arguments, load the config, call one stage; prints, holds no logic."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from overproof.errors import OverproofError

if TYPE_CHECKING:
    from overproof.config import RunConfig
    from overproof.runfolder import RunFolder

app = typer.Typer(
    name="overproof",
    help="Distil verified mathematical reasoning: sample a teacher, grade every trace, keep what holds.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Config = Annotated[str, typer.Argument(metavar="CONFIG", help="A YAML file, or the name of a shipped config.")]
Set = Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Override a key: --set sampling.n=8")]
Limit = Annotated[int | None, typer.Option(min=1, help="Take only the first so many problems.")]
RunDir = Annotated[Path | None, typer.Option(help="Folder of the run; default runs/<config's name>.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be sampled and what it may cost, then stop.")]


def main() -> None:
    """Run the command line and exit with the code that `errors` gives the outcome."""
    try:
        app()
    except OverproofError as error:
        typer.echo(f"overproof: {error}", err=True)
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        typer.echo("\nInterrupted. Everything paid for is kept; go on with:", err=True)
        typer.echo(f"  {shlex.join(['overproof', *sys.argv[1:]])}", err=True)
        raise SystemExit(130) from None


@app.command()
def run(config: Config, set_: Set = [], limit: Limit = None, run_dir: RunDir = None, dry_run: DryRun = False) -> None:
    """Do it all: prepare, sample, score, select, export, report. The same command again resumes."""
    from overproof import pipeline
    from overproof.cli.display import Display

    settings, folder = _open(config, set_, limit, run_dir)
    with Display() as display:
        if dry_run:
            display.plan(pipeline.plan(settings, folder))
            return
        display.summary(pipeline.run(settings, folder, display))


def _open(config: str, overrides: list[str], limit: int | None, run_dir: Path | None) -> tuple[RunConfig, RunFolder]:
    """The resolved config and the run folder that a command line means."""
    from overproof.config import find_config, load_config
    from overproof.runfolder import RunFolder

    if limit is not None:
        overrides = [*overrides, f"problems.limit={limit}"]
    return load_config(config, overrides), RunFolder(run_dir or Path("runs") / find_config(config).stem)
