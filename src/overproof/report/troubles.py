"""Why a run kept nothing, or lost a large part of its traces: the reason, the endpoint's own words, and the way out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from overproof.config import RunConfig
from overproof.report.counts import Chosen, Counts
from overproof.report.summary import Trouble
from overproof.selection.reasons import KEPT, REASONS
from overproof.wording import Wording

_LARGE = 0.3
"""A share of all traces that is worth a word though others were kept; below it a loss is what sampling is for."""
_SYSTEMATIC = ("refused", "truncated", "incomplete", "no_reasoning", "below_think_format", "not_scored")
"""Reasons for which a large share means that something is set wrong, whatever else was kept."""
_MOST_TROUBLES = 3
_MOST_WORDS = 3

_REMEDIES = {
    "truncated": "Raise teacher.max_tokens (it is {max_tokens}); a model that reasons at length needs 16,000 and more.",
    "incomplete": "The endpoint ended the replies before the model did. Ask its provider, or try teacher.stream: "
    "false.",
    "server_repeats": "It takes neither the seed nor the temperature, or answers from a cache, so that each text "
    "counts once, in the dataset and in all rates. overproof doctor asks it twice and says what cures that; then begin "
    "a new run.",
    "not_scored": "Run overproof score, select and report.",
    "problem_gone": "The problems were taken out of the problem file. Put them back, or begin a new run.",
    "problem_duplicate": "Every problem repeats an earlier one. Look at problems.question, or set "
    "hygiene.duplicates: false.",
    "problem_contaminated": "Every problem stands in a benchmark of hygiene.benchmarks. Take other problems.",
    "problem_dropped": "Every problem was dropped by a person. overproof suspects RUN --undo ID takes that back.",
    "below_think_format": "The replies lack the form that is required. Is teacher.profile the right one for this "
    "endpoint? "
    "Else take think_format out of selection.require.",
    "below_language_consistency": "The reasoning is in another language than the questions. Set prompt.language, or"
    " take "
    "language_consistency out of selection.require.",
    "no_reasoning": "The replies hold no reasoning. Is this a reasoning model, and teacher.profile the right one "
    "for it?",
    "no_answer": "Nothing follows the reasoning. Raise teacher.max_tokens, or look at what the replies are.",
    "no_reference": "Give references (problems.reference), or keep without them: selection.policy: "
    "correct_or_majority, or all.",
    "unverifiable": "overproof audit tells which references cannot be read, and why.",
    "incorrect": "Read some of them: a reference from the wrong column (problems.reference) looks just like a weak "
    "teacher.",
    "minority": "The traces of a problem agree too little. Sample more of each (sampling.n).",
    "no_majority": "The traces of a problem agree too little. Sample more of each (sampling.n).",
    "too_hard": "Lower selection.min_pass_rate.",
    "too_easy": "Raise selection.max_pass_rate.",
    "pass_rate_unknown": "Sample more of each problem (sampling.n), or take the band of pass rates away.",
}
"""The way out of what costs most or all traces, by the reason of their decisions."""
_REFUSALS = {
    "content_filter": "The provider’s filter turned these requests away. Ask another provider, or take these "
    "problems out.",
    "context_length": "The prompts, with teacher.max_tokens ({max_tokens}), are longer than the model takes. Lower "
    "max_tokens.",
    "bad_request": "The endpoint does not accept the request. Look at teacher.model, max_tokens and extra; "
    "overproof doctor "
    "asks it once.",
}
_ANY_REFUSAL = "The endpoint turned these requests away for good. overproof doctor asks it once and says what is wrong."


def explain(config: RunConfig, counts: Counts, say: Wording) -> Iterator[Trouble]:
    """The reasons that cost a run all of its traces, or a large part by a fault; the largest first."""
    main = counts.selections.get(None, Chosen())
    lost = Counter(
        {reason: count for reason, count in main.reasons.items() if reason not in KEPT and reason in REASONS}
    )
    if not counts.traces:
        return
    for reason, count in lost.most_common(_MOST_TROUBLES):
        share = count / counts.traces
        is_large = share >= _LARGE and reason in _SYSTEMATIC
        if (main.kept and not is_large and reason != "server_repeats") or share < 1 / 20:
            continue
        what = say(
            "{n} of {m} traces: {meaning}.", n=f"{count:,}", m=f"{counts.traces:,}", meaning=say(REASONS[reason])
        )
        words = _words_of(counts) if reason == "refused" else {}
        yield Trouble(what, count, words, _remedy(reason, config, counts, say), {"reason": reason})


def _words_of(counts: Counts) -> dict[str, int]:
    """What the endpoint said when it refused; the name of the refusal where it said nothing more."""
    said: Counter[str] = Counter()
    for (error, words), count in counts.spending.said.items():
        said[f"{error}: {words}" if words else error] += count
    return dict(said.most_common(_MOST_WORDS))


def _remedy(reason: str, config: RunConfig, counts: Counts, say: Wording) -> str:
    remedies: Mapping[str, str] = _REMEDIES
    text = remedies.get(reason, "")
    if reason == "refused":
        error = counts.spending.refused.most_common(1)[0][0] if counts.spending.refused else ""
        text = _REFUSALS.get(error, _ANY_REFUSAL)
    return say(text, max_tokens=config.teacher.max_tokens or say("not set")) if text else ""
