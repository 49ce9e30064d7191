"""The command line: parse arguments, load the config, call one stage; prints, holds no logic.

`options` holds what commands share, `beginning` what one types first, `stages` the commands of a run, `checking` those
that look at answers and references without a run, `sources` those about problem sets, `exchange` those that bring
traces in and send datasets out, `students` those about them, `help` how all of it explains itself, `completing`
what the Tab key offers, `console` and `display` what the terminal shows. Everything heavy is imported by the command
that needs it.
"""

from __future__ import annotations

import functools
import shlex
import sys
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import typer

from overproof.cli import beginning, checking, exchange, sources, stages, students
from overproof.cli.console import open_console, prepare_streams, print_folded
from overproof.cli.help import OurCommand, OurGroup, example_of
from overproof.errors import ConfigError, OverproofError, Terminated, explain_os_error
from overproof.keys import blot_lookalikes
from overproof.stopping import raise_when_terminated

app = typer.Typer(
    name="overproof",
    cls=OurGroup,
    help="Distil verified mathematical reasoning: sample a teacher, grade every trace, keep what holds.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_RESUMABLE = (stages.run, stages.sample, stages.score, students.evaluate, students.prove)
"""Commands that pay for something."""
_NO_MEMORY = "There is not enough memory. Allow the process more (ulimit -v) and run the same command again."
_UNLOADABLE = ("failed to map segment", "cannot allocate memory")
"""What the loader of shared libraries says for want of memory."""


def _ending_by_signals(command: Callable[..., None]) -> Callable[..., None]:
    """A command that ends with the status of the signal that ended it, and with the command that goes on."""

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        raise_when_terminated()
        try:
            command(*arguments, **options)
        except KeyboardInterrupt as error:
            how, status = ("Terminated", 143) if isinstance(error, Terminated) else ("Interrupted", 130)
            if command in _RESUMABLE:
                typer.echo(f"\n{how}. What was paid for is kept. To go on, run:", err=True)
                typer.echo(f"  {blot_lookalikes(shlex.join(['overproof', *sys.argv[1:]]))}", err=True)
            raise typer.Exit(status) from None

    return run


GROUPS: dict[str, tuple[Callable[..., None], ...]] = {
    "Begin": (
        beginning.init,
        beginning.guide,
        stages.config,
        stages.doctor,
        stages.pilot,
        sources.presets,
        checking.audit,
    ),
    "Run": (stages.run, stages.sample, stages.score, stages.select, stages.export, stages.report),
    "Look": (exchange.view, sources.suspects, sources.rewordings, checking.verify, checking.grade),
    "Exchange": (exchange.import_traces, exchange.push),
    "Train": (
        students.check_student,
        students.sft,
        students.dpo,
        students.grpo,
        students.evaluate,
        students.compare,
        students.plan,
        students.prove,
    ),
}
"""The commands by what they are for, in the order in which they are listed."""
for group, commands in GROUPS.items():
    for command in commands:
        name = getattr(command, "__name__", "").replace("_", "-")
        app.command(name, cls=OurCommand, rich_help_panel=group, epilog=example_of(name))(_ending_by_signals(command))


def _show_version(asked: bool) -> None:
    if asked:
        from overproof import __version__

        typer.echo(f"overproof {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version


def main() -> None:
    """Run the command line and exit with the code that `errors` gives the outcome."""
    prepare_streams()
    if sys.platform == "win32":
        typer.echo(
            "overproof runs on Linux, macOS and WSL. On Windows: wsl --install, then the same commands.", err=True
        )
        raise SystemExit(1)
    try:
        _check_arguments(sys.argv[1:])
        app(prog_name="overproof")
    except OverproofError as error:
        _end(str(error), error.exit_code)
    except BrokenPipeError:  # whoever read our output has gone
        sys.stdout = None
        raise SystemExit(1) from None
    except OSError as error:
        _end(explain_os_error(error), 1)
    except MemoryError:
        _end(_NO_MEMORY, 1)
    except ImportError as error:
        if not any(words in str(error) for words in _UNLOADABLE):
            raise
        _end(_NO_MEMORY, 1)


def _check_arguments(arguments: list[str]) -> None:
    """Raise ConfigError for what is no text: a file's name may be any bytes, but configs and run folders hold text."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            shown = argument.encode(errors="surrogateescape").decode(errors="backslashreplace")
            raise ConfigError(
                f"'{shown}' is not UTF-8, in which configs and run folders name files. Rename the file, or give it a "
                "second name: ln -s"
            ) from None


def _end(text: str, code: int) -> NoReturn:
    """Say what went wrong, without keys and without what a terminal would obey, and exit."""
    said = "".join(c for c in blot_lookalikes(text) if c.isprintable() or c in "\n\t")
    print_folded(open_console(stderr=True), f"overproof: {said}")
    raise SystemExit(code) from None
