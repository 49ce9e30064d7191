"""Commands about where problems come from and whether their references are right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from overproof.cli.completing import name_configs, name_presets
from overproof.cli.options import RunDir, find_folder

if TYPE_CHECKING:
    from overproof.runfolder.overrides import Action

Ids = list[str] | None


def presets(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Show all that this preset sets.", autocompletion=name_presets)
    ] = None,
) -> None:
    """List the known problem sets: what each reads, from where, and under which licence."""
    from overproof.cli.console import print_lines, print_next, typed
    from overproof.problems.presets import PRESETS, describe_preset

    if name is not None:
        print_lines(describe_preset(name))
        print_next(typed("init", "--problems", name))
        return
    for preset, one in PRESETS.items():
        place = one.dataset or "a file of yours"
        print_lines([f"{preset:<18} {one.about}", f"{'':<18} {place} · answer: {one.answer_place} · {one.terms}"])
    print_lines(
        ["", "problems: {preset: NAME} reads one; hygiene: {benchmarks: [aime24, math500]} keeps clear of some."]
    )
    print_next("overproof presets NAME")


def suspects(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="The run's folder, or its config.", autocompletion=name_configs)
    ],
    run_dir: RunDir = None,
    keep: Annotated[Ids, typer.Option(metavar="ID", help="The reference is right; may be repeated.")] = None,
    drop: Annotated[Ids, typer.Option(metavar="ID", help="Train on nothing of this problem; may be repeated.")] = None,
    replace: Annotated[Ids, typer.Option(metavar="ID=REFERENCE", help="The right reference; may be repeated.")] = None,
    undo: Annotated[Ids, typer.Option(metavar="ID", help="Take a decision back; may be repeated.")] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="List all that most traces contradict, be they more probably right.")
    ] = False,
    why: Annotated[str, typer.Option(metavar="TEXT", help="The reason, kept with the decision.")] = "",
    who: Annotated[str | None, typer.Option(metavar="NAME", help="Who decides [default: the user's name].")] = None,
) -> None:
    """List references that are probably wrong as the traces have it, and decide about them. Scoring again is free."""
    from overproof import freshness
    from overproof import suspects as references
    from overproof.cli.console import print_lines, print_next, typed
    from overproof.errors import ConfigError

    folder = find_folder(run, run_dir)
    asked: list[tuple[Action, str, str | None]] = [("keep", one, None) for one in keep or []]
    asked += [("drop", one, None) for one in drop or []]
    asked += [("undo", one, None) for one in undo or []]
    for one in replace or []:
        problem_id, separator, right = one.partition("=")
        if not separator:
            raise ConfigError(f"--replace {one}: write it as ID=REFERENCE")
        asked.append(("replace", problem_id, right))
    for action, problem_id, reference in asked:
        references.decide(folder, problem_id, action, reference=reference, who=who, why=why)
    if asked:
        print_lines([f"{len(asked):,} decisions in {folder.overrides}"])
        print_next(typed("run", folder))
        return
    found = references.find_suspects(folder, range(freshness.manifest_of(folder).shards), least=0)
    listed = [one for one in found if all_ or one.found.is_suspect]
    for suspect in listed:
        print_lines(suspect.lines())
    how = ". Decide with --keep ID, --replace ID=REFERENCE or --drop ID" if listed else ""
    print_lines([f"{len(listed):,} suspect references{how}"])
    if len(listed) < len(found):
        print_lines(
            [f"{len(found) - len(listed):,} more are contradicted by most traces, as is common by chance here: --all"]
        )
    print_next(typed("view", folder, "--edit") if listed else typed("view", folder))


def rewordings(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="The run's folder, or its config.", autocompletion=name_configs)
    ],
    run_dir: RunDir = None,
) -> None:
    """List problems that may put a benchmark question in other words, both texts side by side."""
    from overproof import freshness
    from overproof.cli.console import print_lines, print_next, typed
    from overproof.hygiene.rewording import describe

    folder = find_folder(run, run_dir)
    count = 0
    for shard in range(freshness.manifest_of(folder).shards):
        for one in folder.read_problems(shard):
            count += bool(one.review)
            for match in one.review:
                print_lines([one.problem.id, *describe(match)])
    print_lines([f"{count:,} problems may put a benchmark question in other words"])
    all_of_them = f"{typed('run', folder, '--set', 'hygiene.review=drop')}   (all of them)"
    print_next(*([f"{typed('suspects', folder)} --drop ID", all_of_them] if count else [typed("view", folder)]))
