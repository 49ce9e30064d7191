"""Commands that bring traces in from elsewhere, look at runs in a browser, and send datasets out."""

from __future__ import annotations

from typing import Annotated

import typer

from overproof.cli.options import Config, Limit, RunDir, find_folder, local_folder


def import_traces(
    source: Annotated[str, typer.Argument(metavar="FILE", help="A trace file, or a dataset's id with --dataset.")],
    schema: Annotated[
        str, typer.Option(help="r1_distill_110k, openr1, openthoughts, seed, …; a wrong name lists all.")
    ],
    run_dir: Annotated[str, typer.Option(help="Folder of the run to make.")],
    dataset: Annotated[bool, typer.Option("--dataset", help="FILE is a Hub or local dataset.")] = False,
    name: Annotated[str | None, typer.Option(help="The dataset's configuration name.")] = None,
    split: Annotated[str | None, typer.Option(help="The dataset's split.")] = None,
    limit: Limit = None,
) -> None:
    """Turn a trace set that others made into a run, to be scored, selected and exported like one's own."""
    from overproof.cli.display import print_lines
    from overproof.importing import TraceSet, import_traces

    where = {"dataset": source} if dataset else {"path": source}
    folder = local_folder(run_dir)
    summary = import_traces(TraceSet(schema, **where, name=name, split=split, limit=limit), folder)
    print_lines(
        [
            f"{summary.traces:,} traces of {summary.problems:,} problems",
            *(f"! {count:,} rows skipped: {reason}" for reason, count in summary.skipped.items()),
            f"Go on with: overproof run {folder.config}",
        ]
    )


def push(
    config: Config,
    repository: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="Dataset repository on the Hub.")],
    run_dir: RunDir = None,
    selection: Annotated[str | None, typer.Option(help="Name of one of the config's selections.")] = None,
    public: Annotated[bool, typer.Option("--public", help="Make the repository public when it is new.")] = False,
) -> None:
    """Upload a run's dataset to the Hugging Face Hub. The token comes from HF_TOKEN or the Hub's own login."""
    from overproof.export.push import push

    folder = find_folder(config, run_dir)
    folder.fetch_under(folder.dataset(selection))
    typer.echo(push(folder.dataset(selection), repository, private=not public))


def view(
    runs: Annotated[list[str], typer.Argument(metavar="RUN…", help="Run folders, or folders of run folders.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    lang: Annotated[str | None, typer.Option(help="en or zh; else that of the locale.")] = None,
) -> None:
    """Browse runs in a local web app: every trace, with its mathematics; live while a run goes on."""
    from overproof.view import serve
    from overproof.wording import choose_language

    serve(runs, port=port, language=choose_language(lang), show=typer.echo)
