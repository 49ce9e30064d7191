"""All of a run → report.html for people, report.json for programs, and the Summary that a terminal prints.

tables       a shard's files as tables of numbers
shard        the tables of a shard joined: each trace with its problem, score and decisions
counts       what is counted of a shard; those of parts add up to the run's
summary      counts → numbers: estimates with intervals, the funnel, costs, what is missing
excerpts     which problems can be read in the report itself
reading      trace → pieces to be read: reasoning and answer, formulas, what is marked
mathematics  LaTeX → MathML that is safe to show
facts        what traces and problems can be filtered and sorted by
troubles     why a run kept nothing, and the way out
charts       numbers → shares of axes, which templates draw
page         all of it → HTML
unchanged    whether all this was done before, with the same result
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from overproof.config import RunConfig
from overproof.journal import write_bytes
from overproof.report.counting import count_shard, rate_shard, rates_of
from overproof.report.counts import Counts
from overproof.report.excerpts import pack_readings, read_chosen
from overproof.report.facts import Measure
from overproof.report.numbers import summarise
from overproof.report.page import render_overview, render_report
from overproof.report.shard import Shard, ShardReader
from overproof.report.stretches import ProblemReading
from overproof.report.summary import Summary
from overproof.report.unchanged import digest_sources, read_unchanged, sign
from overproof.runfolder import RunFolder
from overproof.wording import Wording, choose_language


def report(config: RunConfig, folder: RunFolder, shards: Sequence[int], say: Wording | None = None) -> Summary:
    """Write report.json and report.html of whatever the run holds so far; returns what report.json holds.

    Where nothing has changed since they were written, they are left as they are.
    Sentences are in the language of `say`, else of the locale. Holds some 200 bytes a trace, not its texts.
    """
    say = say or Wording(choose_language())
    sources = digest_sources(config, folder, shards, say)
    if (unchanged := read_unchanged(folder, sources)) is not None:
        return unchanged
    counts = Counts()
    read: dict[int, tuple[Shard, Measure]] = {}
    for number in shards:
        folder.fetch_shard(number, (None, *config.selections))
        shard = ShardReader(config, folder, number).read()
        rated = rate_shard(config, shard)
        read[number] = shard, rates_of(shard, rated)
        counts.add(count_shard(config, shard, rated=rated))
    folder.fetch(*(folder.dataset(name) / "README.md" for name in (None, *config.selections)))
    summary = summarise(config, folder, counts, say)
    problems = list(read_chosen(config, folder, counts, read))
    page = _render(config, folder, summary, problems, say).encode()
    summary = sign(summary, page, sources)
    write_bytes(folder.report_json, msgspec.json.format(msgspec.json.encode(summary)))
    write_bytes(folder.report_html, page)
    folder.push(folder.report_json, folder.report_html)
    return summary


def _render(
    config: RunConfig, folder: RunFolder, summary: Summary, problems: list[ProblemReading], say: Wording
) -> str:
    manifest = folder.read_manifest()
    versions = manifest.versions if manifest else {}
    held = sum(len(problem.traces) for problem in problems)
    told = say("All {n} traces of the run can be read here.", n=f"{held:,}")
    if held < summary.traces:
        told = say(
            "{n} of the run’s {m} traces can be read here, some of every kind, chosen by chance. To read all of them: "
            "overproof view {folder}",
            n=f"{held:,}",
            m=f"{summary.traces:,}",
            folder=folder.name if folder.root.is_absolute() else folder,
        )
    overview = render_overview(summary, config, versions, say)
    return render_report(summary, overview, versions, pack_readings(problems), told=told, say=say)


__all__ = ["Summary", "report"]
