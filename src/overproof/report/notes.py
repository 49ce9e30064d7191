"""What is missing from a run, or wrong with it, each as one sentence with its way out."""

from __future__ import annotations

from collections.abc import Iterator

from overproof.config import RunConfig
from overproof.report.counts import Counts
from overproof.report.tables import UNDECIDED
from overproof.runfolder import RunFolder


def find_gaps(config: RunConfig, folder: RunFolder, counts: Counts) -> Iterator[str]:
    """Everything that keeps a run from being whole; nothing for a run that is."""
    total, sampled = counts.asked, counts.problems["sampled"]
    if not counts.problems["total"]:
        yield "There are no problems in this run folder yet."
    elif sampled < total:
        yield f"{total - sampled:,} of {total:,} problems have no trace yet: sampling has not finished."
    elif not config.sampling.is_adaptive and counts.traces < total * config.sampling.n:
        yield f"{counts.traces:,} of {total * config.sampling.n:,} traces are there: sampling has not finished."
    yield from _unfinished_stages(counts)
    if counts.traces and not (folder.dataset() / "README.md").exists():
        yield "There is no dataset yet. `overproof export` writes it."
    if counts.problems["gone"]:
        gone = f"{counts.problems['gone']:,}"
        yield f"{gone} problems of the traces are no longer in the problem file; they are left out."
    if counts.damage.lines:
        named = "; ".join(counts.damage.named[:3])
        yield f"{counts.damage.lines:,} lines are damaged and left out, the first of them: {named}"


def _unfinished_stages(counts: Counts) -> Iterator[str]:
    """What later stages have not done yet."""
    unscored = counts.traces - counts.scored
    if unscored:
        yield f"{unscored:,} of {counts.traces:,} traces have no score yet. `overproof score` gives them one."
    for selection, chosen in counts.selections.items():
        if undecided := chosen.reasons[UNDECIDED]:
            of = f" of selection {selection}" if selection else ""
            yield f"{undecided:,} of {counts.traces:,} traces have no decision{of} yet. `overproof select` makes it."
