"""Commands that bring traces in from elsewhere, look at runs in a browser, and send datasets out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from overproof.cli.completing import name_runs
from overproof.cli.console import typed
from overproof.cli.options import Config, Lang, Limit, RunDir, find_folder, local_folder


def import_traces(
    source: Annotated[
        str, typer.Argument(metavar="FILE", help="A trace file, a folder or pattern of them, or a dataset's id.")
    ],
    run_dir: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Folder of the run to make [default: runs/<name of the file>]."),
    ] = None,
    schema: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of a layout [default: recognised]; a wrong name lists all.")
    ] = None,
    question: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column with the question.")] = None,
    reasoning: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column with the reasoning.")] = None,
    answer: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column with the reply, or replies.")] = None,
    reference: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column with the known answer.")] = None,
    id_: Annotated[str | None, typer.Option("--id", metavar="COLUMN", help="Column with the problem's id.")] = None,
    origin: Annotated[str | None, typer.Option("--source", metavar="COLUMN", help="Column with its source.")] = None,
    dataset: Annotated[bool, typer.Option("--dataset", help="FILE is a Hub or local dataset.")] = False,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="The dataset's configuration name.")] = None,
    split: Annotated[str | None, typer.Option(metavar="NAME", help="The dataset's split.")] = None,
    encoding: Annotated[
        str | None, typer.Option(metavar="NAME", help="Encoding of a text file [default: found out].")
    ] = None,
    limit: Limit = None,
) -> None:
    """Turn a trace set that others made into a run, to be scored, selected and exported like one's own.

    Columns may be paths: --reference reward_model.ground_truth, --answer messages[1].content.
    """
    from overproof.cli.console import print_lines, print_next
    from overproof.cli.display import Display
    from overproof.importing import TraceSet, import_traces
    from overproof.pipeline import StepProgress

    given = {"question": question, "reasoning": reasoning, "answer": answer, "reference": reference}
    given |= {"id": id_, "source": origin}
    columns = {part: path for part, path in given.items() if path is not None}
    where = {"dataset": source} if dataset else {"path": source}
    folder = local_folder(run_dir or str(Path("runs") / (Path(source).name.partition(".")[0] or "imported")))
    traces = TraceSet(schema, **where, name=name, split=split, encoding=encoding, limit=limit, columns=columns)
    with Display() as display:
        summary = import_traces(traces, folder, lambda done, total: display(StepProgress("import", done, total)))
    print_lines([*summary.lines(), f"traces   {folder.traces(0).parent}"])
    print_next(typed("run", folder))


def push(
    config: Config,
    repository: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="Dataset repository on the Hub.")],
    run_dir: RunDir = None,
    selection: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of one of the config's selections.")
    ] = None,
    public: Annotated[bool, typer.Option("--public", help="Make the repository public when it is new.")] = False,
) -> None:
    """Upload a run's dataset to the Hugging Face Hub. The token comes from HF_TOKEN or the Hub's own login."""
    from overproof.cli.console import print_lines, print_next
    from overproof.export.push import push

    folder = find_folder(config, run_dir)
    folder.fetch_under(folder.dataset(selection))
    print_lines([f"pushed   {push(folder.dataset(selection), repository, private=not public)}"])
    print_next(f"{typed('sft', 'CONFIG', '--run-dir', folder)}   (trains on the same rows)")


def view(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN…", help="Run folders, or folders of run folders.", autocompletion=name_runs),
    ],
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="N", help="Where the page is served; 0 takes a free one.")
    ] = 8000,
    lang: Lang = None,
    edit: Annotated[
        bool, typer.Option("--edit", help="Take decisions about references and verdicts into overrides.jsonl.")
    ] = False,
) -> None:
    """Browse runs in a local web app: every trace, with its mathematics; live while a run goes on."""
    from overproof.cli.console import print_lines
    from overproof.view import serve
    from overproof.wording import choose_language

    serve(runs, port=port, language=choose_language(lang), edit=edit, show=lambda line: print_lines([line]))
