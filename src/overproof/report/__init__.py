"""All of a run → report.html for people, report.json for programs, and the Summary that a terminal prints.

tables       a shard's files as tables of numbers
shard        the tables of a shard joined: each trace with its problem, score and decisions
tally        what is counted of a shard; tallies add up to the run's
summary      counts → numbers: estimates with intervals, the funnel, costs, what is missing
chosen       which problems can be read in the report itself
reading      trace → pieces to be read: reasoning and answer, formulas, what is marked
mathematics  LaTeX → MathML that is safe to show
charts       numbers → SVG
page         all of it → HTML
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from overproof.config import RunConfig
from overproof.journal import write_bytes
from overproof.report.shard import ShardReader
from overproof.report.summary import Summary, summarise
from overproof.report.tally import Tally, tally_shard
from overproof.runfolder import RunFolder


def report(config: RunConfig, folder: RunFolder, shards: Iterable[int]) -> Summary:
    """Write report.json and report.html of whatever the run holds so far; returns what report.json holds."""
    tally = Tally()
    for shard in shards:
        tally.add(tally_shard(config, ShardReader(config, folder, shard).read()))
    summary = summarise(config, folder, tally)
    write_bytes(folder.report_json, msgspec.json.format(msgspec.json.encode(summary)))
    return summary
