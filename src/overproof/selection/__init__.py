"""Traces with their scores → one Decision with one reason for every trace; only this package rejects.

`decide` is a pure function of one problem's traces: it tests what concerns each trace alone, then what concerns its
problem, in the order of `reasons.REJECTED`, and then chooses among those that qualify. `select_shard` applies every
selection of a config to a shard in one pass over its traces. Nothing here grades or scores: choosing again costs no
token and no verdict.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from overproof.config import RunConfig
from overproof.config.endpoint import SamplingConfig
from overproof.config.selection import SelectionConfig
from overproof.estimators import Prior, Sameness
from overproof.extensions import Extension
from overproof.journal import write_records
from overproof.records import Decision, PreparedProblem, Score
from overproof.rewards.group import self_consistency
from overproof.runfolder import RunFolder
from overproof.selection.alone import find_incomplete, find_shortfall, is_summary
from overproof.selection.choice import Qualified, choose
from overproof.selection.passrate import Draws, count_draws, estimate_pass_rate, find_outside_band, has_passed
from overproof.selection.repeats import find_repeats, take_census
from overproof.selection.scored import ScoredProblem


def decide(
    scored: ScoredProblem,
    config: SelectionConfig,
    sampling: SamplingConfig,
    prior: Prior | None = None,
    *,
    summaries: bool = False,
    where: str = "selection",
) -> list[Decision]:
    """A Decision for each trace of one problem, in the order of the traces.

    `sampling` says how the traces came to be as many as they are; `prior` how pass rates spread over the run, which a
    band of them needs (None takes all rates for equally likely); `summaries` lets summaries of reasoning pass for
    reasoning (`export.summaries`); `where` is the selection's place in the config, for errors. The outcome for a trace
    depends on the other traces of its problem, and with a band on that spread.
    """
    reasons = [
        find_incomplete(trace)
        or ("server_repeats" if is_repeat else None)
        or ("not_scored" if score is None else None)
        or _find_unfit_problem(scored.problem)
        or find_shortfall(score, config)
        or ("summary" if is_summary(trace) and not summaries else None)
        or obstacle
        for trace, score, obstacle, is_repeat in zip(
            scored.traces, scored.scores, scored.obstacles, scored.repeats, strict=True
        )
    ]
    weighed = _weigh_answers(scored, config.policy, f"{where}.policy")
    outside = _find_outside_band(scored, reasons, config, sampling, prior or Prior()) if config.has_band else None
    reasons = [reason or answer.rejected or outside for reason, answer in zip(reasons, weighed, strict=True)]
    qualified = [number for number, reason in enumerate(reasons) if reason is None]
    candidates = [_as_candidate(scored, number, config) for number in qualified]
    for number, reason in zip(qualified, choose(candidates, config), strict=True):
        reasons[number] = reason
    return [
        Decision(trace.id, reason is None, reason or answer.kept)
        for trace, reason, answer in zip(scored.traces, reasons, weighed, strict=True)
    ]


class Selected(NamedTuple):
    """What selecting a shard has come to."""

    reasons: dict[str | None, Counter[str]]
    """How many traces were decided for each reason: of the unnamed selection under None, of `selections` by name."""
    census: Sameness
    """What the shard's traces tell of the server."""


def count_shard_draws(config: RunConfig, folder: RunFolder, shard: int, *, repeating: bool = False) -> Counter[Draws]:
    """How many problems of a shard have so many correct draws, from which a run's spread of pass rates is fitted."""
    scores = {score.trace_id: score for score in folder.read_scores(shard)}
    found: Counter[Draws] = Counter()
    for _, traces in folder.read_groups(shard):
        reasons = [
            find_incomplete(trace) or ("server_repeats" if is_repeat else None)
            for trace, is_repeat in zip(traces, find_repeats(traces, repeating=repeating), strict=True)
        ]
        outcomes = [has_passed(why, scores.get(trace.id)) for why, trace in zip(reasons, traces, strict=True)]
        found[count_draws(outcomes, config.sampling)] += 1
    return found


def select_shard(
    config: RunConfig, folder: RunFolder, shard: int, prior: Prior | None = None, *, repeating: bool = False
) -> Selected:
    """Write the decisions of a shard under every selection of the config.

    Decisions stand in the order of the shard's problems file, then by index, whatever the order in which traces
    arrived. `repeating` is that of `ScoredProblem`; nobody knows it before every shard's census is taken.
    """
    selections: dict[str | None, SelectionConfig] = {None: config.selection}
    selections.update(config.selections)
    scores = {score.trace_id: score for score in folder.read_scores(shard)}
    decisions: dict[str | None, list[Decision]] = {name: [] for name in selections}
    census = Sameness()
    for problem, traces in folder.read_groups(shard):
        scored = ScoredProblem(
            problem,
            traces,
            [scores.get(trace.id) for trace in traces],
            config.rewards.accuracy.extractor,
            repeating=repeating,
        )
        census += take_census(traces, scored.completions)
        for name, selection in selections.items():
            decisions[name] += decide(
                scored,
                selection,
                config.sampling,
                prior,
                summaries=config.export.summaries,
                where=f"selections.{name}" if name else "selection",
            )
    for name, made in decisions.items():
        write_records(folder.decisions(shard, name), made)
        folder.push(folder.decisions(shard, name))
    return Selected({name: Counter(one.reason for one in made) for name, made in decisions.items()}, census)


def _find_unfit_problem(problem: PreparedProblem | None) -> str | None:
    """Why no trace of the problem may be trained on."""
    if problem is None:
        return "problem_gone"
    if problem.duplicate_of is not None:
        return "problem_duplicate"
    if problem.contamination:
        return "problem_contaminated"
    return "problem_dropped" if problem.override == "drop" else None


class _Weighed(NamedTuple):
    """What an answer is worth under a policy."""

    rejected: str | None
    """Why it is rejected, None when it is not."""
    kept: str
    """The reason of the decision when nothing else rejects the trace."""


_DISAGREEMENT: dict[float | None, str | None] = {1.0: None, 0.0: "minority", None: "no_majority"}
"""Why a trace is rejected for what its agreement with the majority is."""


Policy = Callable[[ScoredProblem], list[_Weighed]]
"""What the answers of one problem's traces are worth, in the order of the traces."""


def _weigh_answers(scored: ScoredProblem, policy: str, key: str) -> list[_Weighed]:
    """By one of _POLICIES, or by a function of the config's own at `key`, which says of each trace whether it stays."""
    if policy in _POLICIES:
        return _POLICIES[policy](scored)
    own = Extension(key, policy, ("scored",))
    about = f"problem {scored.traces[0].problem.id}" if scored.traces else "a problem without traces"
    found = own.call(scored, about=about)
    if not isinstance(found, list | tuple) or [*map(type, found)] != [bool] * len(scored.traces):
        raise own.fail(about, found, f"a list of {len(scored.traces)} times True or False, one for each trace")
    weighed = zip(found, _take_all(scored), strict=True)
    return [answer if stays else answer._replace(rejected="refused_by_policy") for stays, answer in weighed]


def _take_all(scored: ScoredProblem) -> list[_Weighed]:
    reasons = {None: "correct", "incorrect": "any_answer"}
    return [_Weighed(None, reasons.get(_find_unproved(score), "unverified")) for score in scored.scores]


def _take_correct(scored: ScoredProblem) -> list[_Weighed]:
    return [_Weighed(_find_unproved(score), "correct") for score in scored.scores]


def _take_correct_or_majority(scored: ScoredProblem) -> list[_Weighed]:
    weighed = []
    agreements = self_consistency(scored.answer_classes, scored.voices)
    for score, agreement in zip(scored.scores, agreements, strict=True):
        why = _find_unproved(score)
        if why in {None, "incorrect"}:
            weighed.append(_Weighed(why, "correct"))
        else:
            weighed.append(_Weighed(_DISAGREEMENT[agreement.value], "majority"))
    return weighed


_POLICIES: dict[str, Policy] = {
    "all": _take_all,
    "correct": _take_correct,
    "correct_or_majority": _take_correct_or_majority,
}


def _find_unproved(score: Score | None) -> str | None:
    """Why the answer is not known to be right. The accuracy reward decides, so that its policy is applied once."""
    if score is None or score.grade is None:
        return "no_reference"
    accuracy = score.rewards["accuracy"].value if "accuracy" in score.rewards else None
    if accuracy is None:
        return "unverifiable"
    return None if accuracy == 1 else "incorrect"


def _find_outside_band(
    scored: ScoredProblem,
    reasons: Sequence[str | None],
    config: SelectionConfig,
    sampling: SamplingConfig,
    prior: Prior,
) -> str | None:
    """Why the problem is outside the band of pass rates."""
    outcomes = [has_passed(reason, score) for reason, score in zip(reasons, scored.scores, strict=True)]
    if estimate_pass_rate(outcomes, sampling) is None:
        return "pass_rate_unknown"
    return find_outside_band(count_draws(outcomes, sampling), config, prior)


def _as_candidate(scored: ScoredProblem, number: int, config: SelectionConfig) -> Qualified:
    completion, trace = scored.completions[number], scored.traces[number]
    answer_class = scored.answer_classes[number] if config.one_per_answer_class else None
    return Qualified(trace.id, completion.text, answer_class, _count_spare(scored.scores[number]), trace.index)


def _count_spare(score: Score | None) -> float:
    """Characters of a right trace's reasoning that are not thought; infinite for any other, or where none counted."""
    measured = score.rewards.get("thought_share") if score else None
    if measured is None or measured.value is None or _find_unproved(score) is not None:
        return math.inf
    return float((measured.evidence or {}).get("spare", 0))
