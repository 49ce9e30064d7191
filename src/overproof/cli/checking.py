"""Commands that judge answers and references without a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from overproof.cli.console import print_lines, print_next, typed
from overproof.cli.options import Limit, Overrides, read_problems_table

if TYPE_CHECKING:
    from overproof.audit import AuditSummary, ReferenceAudit


def verify(
    reference: Annotated[str, typer.Option(metavar="TEXT", help="The known answer.")],
    answer: Annotated[
        str, typer.Option(metavar="TEXT", help="What a model answered: a whole reply, or an answer alone.")
    ],
    question: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The question, for multiple choice and named parts.")
    ] = None,
) -> None:
    """Judge one answer and explain the judgement."""
    from overproof.grading.explanation import explain

    _, text = explain(answer, reference, question=question)
    print_lines([text])
    print_next("overproof grade ROWS.jsonl   (a whole file of answers)")


def grade(
    rows: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="JSONL with reference and output, optionally problem, output_kind and label."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where each row goes with verdict, extracted, layer and reason added."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Processes [default: grade here, two for deep ones].")
    ] = None,
    question: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column with the question.")] = None,
    answer: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column with the reply, or a path.")] = None,
    reference: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column with the known answer.")] = None,
) -> None:
    """Grade a file of answers, row by row; where rows have a label (true or false), say how well the verdicts agree."""
    from overproof.grading.labelled_rows import grade_rows

    given = {"reference": reference, "output": answer, "problem": question}
    columns = {name: column for name, column in given.items() if column is not None}
    graded = grade_rows(rows, out, columns=columns, workers=workers)
    total = sum(graded.verdicts.values())
    lines = [
        f"{verdict:<14}{count:>10,}{count / total:>9.1%}"
        for verdict, count in sorted(graded.verdicts.items(), key=lambda item: -item[1])
    ]
    lines.append(f"{'rows':<14}{total:>10,}{'' if out is None else f'  in {out}'}")
    if (agreement := graded.agreement) is not None:
        for name, share, told in (
            ("precision", agreement.precision, f"{agreement.accepted_wrong} accepted against their label"),
            ("recall", agreement.recall, f"{agreement.refused_right} right ones not accepted"),
        ):
            lines.append(f"{name:<14}{'none' if share is None else f'{share:.3f}':>10}  {told}")
    print_lines(lines)
    every = [] if out is not None else [f"{typed('grade', rows)} --out GRADED.jsonl   (each row with its verdict)"]
    print_next(*every, "overproof verify --reference … --answer …   (explains one verdict)")


def _say_audits(summary: AuditSummary) -> str:
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in summary.kinds.items())
    share = summary.unverifiable / summary.references if summary.references else 0.0
    return (
        f"{summary.references:,} problems: {summary.unverifiable:,} unverifiable ({share:.1%}), {summary.doubtful:,} "
        f"doubtful, {summary.without_reference:,} without a reference; of the rest: {kinds or 'none'}"
    )


def audit(
    problems: Annotated[str, typer.Argument(metavar="FILE", help="A problem file, or a config that names one.")],
    set_: Overrides = None,
    limit: Limit = None,
) -> None:
    """Say which references no answer could be graded against, and why, before a token is paid for."""
    from overproof.audit import audit_reference, summarise
    from overproof.problems import read_problems
    from overproof.problems.notes import SourceNotes

    notes = SourceNotes()
    by_source: dict[str, list[ReferenceAudit]] = {}
    for problem in read_problems(read_problems_table(problems, set_, limit), notes):
        one = audit_reference(problem)
        by_source.setdefault(problem.source, []).append(one)
        if one.issue is not None:
            print_lines([f"{one.problem_id}: {one.reference!r}: {one.issue}"])
        elif one.doubt is not None:
            print_lines([f"{one.problem_id}: {one.reference!r}: doubtful: {one.doubt}"])
    print_lines([f"! {line}" for line in notes.lines()])
    for source, audits in sorted(by_source.items()) if len(by_source) > 1 else ():
        print_lines([f"    {source or 'no source'}: {_say_audits(summarise(audits))}"])
    print_lines([_say_audits(summarise(one for audits in by_source.values() for one in audits))])
    if problems.endswith((".yaml", ".yml")):
        print_next(typed("doctor", problems), typed("run", problems, "--dry-run"))
    else:
        print_next(typed("init", "--problems", problems))
