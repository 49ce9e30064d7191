"""What is missing from a run, or wrong with it, each as one sentence with its way out."""

from __future__ import annotations

from collections.abc import Iterator

from overproof.config import RunConfig
from overproof.report.counts import Counts
from overproof.report.tables import UNDECIDED
from overproof.runfolder import RunFolder
from overproof.wording import Wording


def find_gaps(config: RunConfig, folder: RunFolder, counts: Counts, say: Wording) -> Iterator[str]:
    """Everything that keeps a run from being whole; nothing for a run that is."""
    if not counts.problems["total"]:
        yield say("There are no problems in this run folder yet.")
    elif not counts.traces:
        yield say(
            "There is no trace yet: sampling has not begun, or no request was answered. Run it again; what went wrong "
            "is its last line."
        )
    else:
        yield from _unfinished_sampling(config, counts, say)
    is_evaluation = folder.evaluation_json.exists()
    if counts.traces and not counts.scored and counts.unfinished:
        yield say("Nothing is graded yet: `overproof run` goes on to that once it has sampled what is missing.")
    else:
        yield from _unfinished_stages(counts, say, is_evaluation=is_evaluation)
        if counts.traces and not is_evaluation and not (folder.dataset() / "README.md").exists():
            yield say("There is no dataset yet. `overproof export` writes it.")
    if counts.problems["gone"]:
        yield say(
            "{n} problems of the traces are no longer in the problem file; they are left out.",
            n=_n(counts.problems["gone"]),
        )
    if counts.damage.lines:
        named = "; ".join(counts.damage.named[:3])
        yield say(
            "{n} lines are damaged and left out, the first of them: {named}", n=_n(counts.damage.lines), named=named
        )


def _unfinished_sampling(config: RunConfig, counts: Counts, say: Wording) -> Iterator[str]:
    """How the traces that are there differ from those asked for, and what that does to the rates."""
    total, sampled = counts.asked, counts.problems["sampled"]
    wanted = counts.traces if config.sampling.is_adaptive else total * config.sampling.n
    if sampled < total:
        yield say(
            "{n} of {m} problems have no trace yet: sampling has not finished.", n=_n(total - sampled), m=_n(total)
        )
    elif counts.traces < wanted:
        yield say("{n} of {m} traces are there: sampling has not finished.", n=_n(counts.traces), m=_n(wanted))
    elif counts.traces > wanted:
        yield say(
            "{n} traces are there and {m} are asked for now: rates rest on the first {k} of each problem, the funnel "
            "and the dataset on all of them.",
            n=_n(counts.traces),
            m=_n(wanted),
            k=_n(config.sampling.n),
        )
    elif counts.unfinished:
        yield say("{n} problems lack traces: sampling has not finished.", n=_n(counts.unfinished))
    if counts.unfinished:
        yield say("Until then rates lean upwards: short replies come in first, and short replies are right more often.")


def _unfinished_stages(counts: Counts, say: Wording, *, is_evaluation: bool) -> Iterator[str]:
    """What later stages have not done yet; the traces of an evaluation are not decided on."""
    of = _n(counts.traces)
    if unscored := counts.traces - counts.scored:
        yield say("{n} of {m} traces have no score yet. `overproof score` gives them one.", n=_n(unscored), m=of)
    for selection, chosen in counts.selections.items():
        undecided = chosen.reasons[UNDECIDED]
        if undecided and not is_evaluation:
            name = f" ({selection})" if selection else ""
            yield say(
                "{n} of {m} traces have no decision yet{name}. `overproof select` makes it.",
                n=_n(undecided),
                m=of,
                name=name,
            )


def _n(count: int) -> str:
    return f"{count:,}"
