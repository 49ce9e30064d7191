"""What is missing from a run, or wrong with it, each as one sentence with its way out."""

from __future__ import annotations

from collections.abc import Iterator

from overproof.config import RunConfig
from overproof.report.counts import Tally
from overproof.report.tables import UNDECIDED
from overproof.runfolder import RunFolder


def find_gaps(config: RunConfig, folder: RunFolder, tally: Tally) -> Iterator[str]:
    """Everything that keeps a run from being whole; nothing for a run that is."""
    total, sampled = tally.asked, tally.problems["sampled"]
    if not tally.problems["total"]:
        yield "There are no problems in this run folder yet."
    elif sampled < total:
        yield f"{total - sampled:,} of {total:,} problems have no trace yet: sampling has not finished."
    elif not config.sampling.is_adaptive and tally.traces < total * config.sampling.n:
        yield f"{tally.traces:,} of {total * config.sampling.n:,} traces are there: sampling has not finished."
    yield from _unfinished_stages(tally)
    if tally.traces and not (folder.dataset() / "README.md").exists():
        yield "There is no dataset yet. `overproof export` writes it."
    if tally.problems["gone"]:
        yield f"{tally.problems['gone']:,} problems of the traces are no longer in the problem file; they are left out."
    if tally.damage.lines:
        named = "; ".join(tally.damage.named[:3])
        yield f"{tally.damage.lines:,} lines are damaged and left out, the first of them: {named}"


def _unfinished_stages(tally: Tally) -> Iterator[str]:
    """What later stages have not done yet."""
    unscored = tally.traces - tally.scored
    if unscored:
        yield f"{unscored:,} of {tally.traces:,} traces have no score yet. `overproof score` gives them one."
    for selection, chosen in tally.selections.items():
        if undecided := chosen.reasons[UNDECIDED]:
            of = f" of selection {selection}" if selection else ""
            yield f"{undecided:,} of {tally.traces:,} traces have no decision{of} yet. `overproof select` makes it."
