"""Arguments that several commands share, and what they mean together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from overproof.cli.completing import name_configs, name_keys, name_languages

if TYPE_CHECKING:
    from overproof.config import RunConfig
    from overproof.config.source import ProblemsConfig
    from overproof.runfolder import RunFolder

Config = Annotated[
    str,
    typer.Argument(
        metavar="CONFIG",
        help="A YAML file, the name of a shipped config, or a run's folder or URL.",
        autocompletion=name_configs,
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a key: --set sampling.n=8", autocompletion=name_keys),
]
Lang = Annotated[
    str | None,
    typer.Option(
        metavar="en|zh", help="Language of what is said [default: that of the locale].", autocompletion=name_languages
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Take only the first so many problems; without it the next run goes on with the rest."
    ),
]
RunDir = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER", help="Folder of the run, or its URL such as s3://… [default: runs/<name of the config>]."
    ),
]


def read_config(name: str, overrides: list[str] | None, limit: int | None) -> RunConfig:
    """The resolved config that a command line means."""
    from overproof.config import load_config
    from overproof.runfolder import config_here

    return load_config(config_here(name), add_limit(overrides, limit))


def read_problems_table(name: str, overrides: list[str] | None, limit: int | None) -> ProblemsConfig:
    """The problems that a command line means: those of a config, or a problem file by itself."""
    from overproof.config import parse_config
    from overproof.starting import guess_source

    if name.endswith((".yaml", ".yml")):
        return read_config(name, overrides, limit).problems
    tree: dict[str, Any] = {"problems": guess_source(name), "teacher": {}}
    return parse_config(tree, name, add_limit(overrides, limit)).problems


def add_limit(overrides: list[str] | None, limit: int | None, key: str = "problems.limit") -> list[str]:
    """Overrides with `--limit` among them."""
    return [*(overrides or []), *([] if limit is None else [f"{key}={limit}"])]


def find_folder(name: str, run_dir: str | None) -> RunFolder:
    """The run folder that a command line means."""
    from overproof.runfolder import find_run

    return find_run(name, run_dir)


def find_local_folder(name: str, run_dir: str | None) -> RunFolder:
    """`find_folder` for what works on files of this machine."""
    return local_folder(name if run_dir is None else run_dir) if run_dir or "://" in name else find_folder(name, None)


def local_folder(run_dir: str) -> RunFolder:
    """The run folder at a path. Raises ConfigError for a URL."""
    from overproof.errors import ConfigError
    from overproof.runfolder import RunFolder

    if "://" in run_dir:
        raise ConfigError(
            f"{run_dir} is on shared storage, and this command works on files of this machine. Give a path as "
            "--run-dir; to train on a run's dataset copy it here and set train.dataset"
        )
    return RunFolder(run_dir)
