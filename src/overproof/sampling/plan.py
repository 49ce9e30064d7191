"""How many samples a problem gets: the stopping rule as a pure function of the verdicts so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from overproof.config.endpoint import SamplingConfig
from overproof.records import PreparedProblem

CAUTION = 8
"""One more sample at a time is drawn for so many failures: hard problems, whose next sample will hardly succeed
either, take fewer rounds, at a cost of about one sample in a hundred."""


def wanted_samples(verdicts: Mapping[int, bool | None], config: SamplingConfig) -> int:
    """How many samples (indices 0 … result − 1) a problem should have, as far as can be known now.

    `verdicts` maps the indices that are final to their verdict: correct, not correct, or None for those that no
    answer can be told of. The problem is finished when all wanted indices are in it. The result depends on the
    verdicts alone, never on the order in which they came, so that an interrupted run goes on exactly where an
    uninterrupted one would be.
    """
    if not config.is_adaptive:
        return config.n
    want, most = config.want_correct or 0, config.most
    wanted = config.least
    correct = seen = 0
    while True:
        while seen < wanted:
            if seen not in verdicts:
                return wanted
            correct += verdicts[seen] is True
            seen += 1
        if correct >= want or wanted >= most:
            return wanted
        missing, failures = want - correct, seen - correct
        wanted = min(most, wanted + max(1, missing, failures // CAUTION))


def has_all_samples(prepared: PreparedProblem, verdicts: Sequence[bool | None], config: SamplingConfig) -> bool:
    """Whether a problem has as many samples as it wants; `verdicts` are those of its samples, by index."""
    if prepared.is_unfit:
        return True
    is_gradable = prepared.problem.reference is not None and prepared.reference_issue is None
    wanted = wanted_samples(dict(enumerate(verdicts)), config) if is_gradable else config.least
    return len(verdicts) >= wanted
