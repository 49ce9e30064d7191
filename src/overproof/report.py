"""All of a run → numbers: pass rates with intervals, what was kept, and why the rest was not."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

import msgspec

from overproof.config import RunConfig
from overproof.estimators import Estimate, estimate_rate
from overproof.journal import write_bytes
from overproof.records import PreparedProblem
from overproof.rewards import is_correct
from overproof.runfolder import RunFolder


class Summary(msgspec.Struct, frozen=True):
    """What a run came to."""

    traces: int
    kept: int
    reasons: dict[str, int]
    """Decisions by reason, kept and rejected."""
    pass_rates: dict[str, Estimate]
    """Pass rate over problems: `all`, and by `source:…` and `language:…`."""
    uncounted: int
    """Traces that are in no pass rate: unverifiable or refused."""


def report(config: RunConfig, folder: RunFolder, shards: Iterable[int]) -> Summary:
    """Gather the numbers of a run and write report.json."""
    passes: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    reasons: Counter[str] = Counter()
    kept = uncounted = 0
    for shard in shards:
        for decision in folder.read_decisions(shard):
            reasons[decision.reason] += 1
            kept += decision.kept
        for problem, outcomes in _outcomes(config, folder, shard):
            counted = [outcome for outcome in outcomes if outcome is not None]
            uncounted += len(outcomes) - len(counted)
            for group in ("all", f"source:{problem.problem.source}", f"language:{problem.language}"):
                passes[group].append((sum(counted), len(counted)))
    rates = {group: estimate_rate(outcomes) for group, outcomes in passes.items()}
    summary = Summary(reasons.total(), kept, dict(reasons), rates, uncounted)
    write_bytes(folder.report_json, msgspec.json.format(msgspec.json.encode(summary)))
    return summary


def _outcomes(config: RunConfig, folder: RunFolder, shard: int) -> Iterator[tuple[PreparedProblem, list[bool | None]]]:
    """Each problem with whether each of its traces is right."""
    right: defaultdict[str, list[bool | None]] = defaultdict(list)
    for score in folder.read_scores(shard):
        problem_id = score.trace_id.rsplit("/", 2)[0]
        right[problem_id].append(is_correct(score.grade, config.rewards.accuracy.approximate))
    for problem in folder.read_problems(shard):
        yield problem, right[problem.problem.id]
