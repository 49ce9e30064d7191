"""One shard → everything that a report counts of it; only this module says what is counted."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from overproof.config import RunConfig
from overproof.config.endpoint import SamplingConfig
from overproof.estimators import PassRate
from overproof.hygiene.wrong_references import FEWEST_AGREEING
from overproof.report.counts import (
    ALL,
    CANDIDATES,
    FIRST_PROBLEMS,
    HALF_OCTAVES,
    MOST_LISTED,
    TENTHS,
    Chosen,
    Counts,
    Kind,
    Measure,
    Showable,
    Spent,
)
from overproof.report.shard import RIGHT, WRONG, Shard
from overproof.report.tables import COMPLETE, REFUSED, TRUNCATED, UNKNOWN, VERDICTS, bits_of
from overproof.selection.passrate import rate_problem

Rated = tuple[int, PassRate, int]
"""A problem's row, its estimated pass rate, and how many of its traces passed."""


def count_shard(
    config: RunConfig, shard: Shard, *, candidates: bool = True, rated: Sequence[Rated] | None = None
) -> Counts:
    """Count one shard; `candidates` says whether to note problems that can be chosen to be read in the report."""
    counts = Counts(shards=1, traces=len(shard.traces))
    counts.spending.add(shard.spending)
    counts.missing.update(shard.missing)
    for damage in shard.damage:
        counts.damage.add(damage)
    outcomes = shard.outcomes()
    _count_traces(counts, shard, outcomes)
    _count_selections(counts, shard)
    _count_problems(counts, shard, rate_shard(config, shard) if rated is None else rated, config.sampling)
    if config.selection.has_band or any(one.has_band for one in config.selections.values()):
        _count_draws(counts, shard, outcomes, config.sampling.most)
    _count_lengths(counts, shard, config.sampling.most)
    _count_language(counts, shard)
    _count_rewards(counts, shard)
    _note_first(counts, shard)
    _note_suspects(counts, shard)
    if candidates:
        _note_candidates(counts, shard)
    rows = np.flatnonzero(shard.problems.rows["contaminated"])[:MOST_LISTED]
    counts.contaminated = [shard.problem_of(int(row)) for row in rows]
    return counts


def _count_traces(counts: Counts, shard: Shard, outcomes: NDArray[np.int8]) -> None:
    counts.scored = int(np.count_nonzero(shard.scores["length"]))
    counts.uncounted = int(np.count_nonzero((outcomes == UNKNOWN) & (shard.scores["length"] > 0)))
    counts.endings.update(shard.traces["ending"].tolist())
    layers = shard.names.layers.names()
    pairs = Counter(zip(shard.scores["verdict"].tolist(), shard.scores["layer"].tolist(), strict=True))
    for (verdict, layer), count in pairs.items():
        if verdict:
            counts.verdicts[VERDICTS[verdict], layers[layer]] += count


def _count_selections(counts: Counts, shard: Shard) -> None:
    main = shard.decisions()["kept"]
    tokens = shard.traces["tokens"]
    for selection in shard.selections:
        decisions = shard.decisions(selection)
        kept = decisions["kept"]
        by_reason = np.bincount(decisions["reason"], minlength=1).tolist()
        reasons = shard.reasons(selection)
        counts.selections[selection] = Chosen(
            reasons=Counter({reasons[number]: count for number, count in enumerate(by_reason) if count}),
            kept=int(kept.sum()),
            problems=len(np.unique(shard.owners[kept])),
            shared=int((kept & main).sum()),
            tokens=int(tokens[kept & (tokens >= 0)].sum(dtype=np.int64)),
            tokens_known=int((kept & (tokens >= 0)).sum()),
            characters=int(shard.traces["characters"][kept].sum(dtype=np.int64)),
        )


def _count_problems(counts: Counts, shard: Shard, rated: Sequence[Rated], sampling: SamplingConfig) -> None:
    rows = shard.problems.rows
    number = np.bincount(shard.owners[shard.owners >= 0], minlength=len(rows))
    gradable = rows["has_reference"] & ~rows["unverifiable"]
    unfit = rows["duplicate"] | rows["contaminated"]
    counts.problems.update(
        total=len(rows),
        sampled=int(np.count_nonzero(number)),
        unasked=int(np.count_nonzero(unfit & (number == 0))),
        without_reference=int(np.count_nonzero(~rows["has_reference"])),
        unverifiable=int(rows["unverifiable"].sum()),
        duplicates=int(rows["duplicate"].sum()),
        clustered=int(rows["clustered"].sum()),
        contaminated=int(rows["contaminated"].sum()),
        gradable=int(np.count_nonzero(number[gradable])),
        gradable_traces=int(number[gradable].sum()),
        gone=len(np.unique(shard.traces["problem"][shard.owners < 0])),
    )
    counts.samples.update(number[number > 0].tolist())
    counts.unfinished = int(np.count_nonzero(~unfit & (number < sampling.least)))
    kept = np.bincount(shard.owners[shard.decisions()["kept"] & (shard.owners >= 0)], minlength=len(rows))
    names = [group_names(shard, row) for row in range(len(rows))]
    for row, rate, right in rated:
        counts.estimators[rate.estimator] += 1
        counts.unfinished += rate.estimator == "unfinished" and rate.value is not None
        counts.reached += right >= (sampling.want_correct or 1)
        for kind in names[row]:
            group = counts.groups[kind]
            if rate.value is not None:
                group.rates[rate.value] += 1
                group.samples += rate.draws
    for kinds, traces, keeps in zip(names, number.tolist(), kept.tolist(), strict=True):
        for kind in kinds:
            group = counts.groups[kind]
            group.problems += 1
            group.traces += traces
            group.kept += keeps


def _count_draws(counts: Counts, shard: Shard, outcomes: NDArray[np.int8], most: int) -> None:
    """Problems by what was drawn of them, all and those that each selection keeps a trace of."""
    counted = (shard.owners >= 0) & (shard.scores["length"] > 0) & (outcomes != UNKNOWN)
    counted &= shard.traces["index"] < most
    problems = len(shard.problems.rows)
    draws = np.bincount(shard.owners[counted], minlength=problems)
    correct = np.bincount(shard.owners[counted & (outcomes == 1)], minlength=problems)
    pairs = list(zip(correct.tolist(), draws.tolist(), strict=True))
    counts.draws.update(pair for pair in pairs if pair[1])
    for selection in shard.selections:
        kept = np.unique(shard.owners[shard.decisions(selection)["kept"] & (shard.owners >= 0)])
        counts.selections[selection].draws.update(pairs[row] for row in kept.tolist())


def group_names(shard: Shard, row: int) -> list[Kind]:
    """The groups that a problem is counted in."""
    problems = shard.problems
    names = {
        "source": problems.sources.names()[problems.rows["source"][row]],
        "language": problems.languages.names()[problems.rows["language"][row]] or "unknown",
        "level": problems.levels.names()[problems.rows["level"][row]],
    }
    return [ALL, *(Kind(what, name) for what, name in names.items() if name)]


def pass_rates(shard: Shard, outcomes: NDArray[np.int8], sampling: SamplingConfig) -> Iterator[Rated]:
    """Each problem that has scored traces: its row, its estimated pass rate, and how many of its traces passed."""
    counted = (shard.owners >= 0) & (shard.scores["length"] > 0)
    pairs = zip(shard.owners[counted].tolist(), outcomes[counted].tolist(), strict=True)
    for row, found in itertools.groupby(pairs, key=lambda pair: pair[0]):
        verdicts = [None if outcome == UNKNOWN else outcome == 1 for _, outcome in found]
        rate = rate_problem(verdicts, sampling)
        yield row, rate, verdicts[: sampling.most].count(True)


def rate_shard(config: RunConfig, shard: Shard) -> list[Rated]:
    """Every problem of a shard that has scored traces, with its estimated pass rate."""
    return list(pass_rates(shard, shard.outcomes(), config.sampling))


def rates_of(shard: Shard, rated: Iterable[Rated]) -> NDArray[np.float64]:
    """The estimated pass rate of each problem of a shard, NaN where there is none."""
    rates = np.full(len(shard.problems.rows), np.nan)
    for row, rate, _ in rated:
        if rate.value is not None:
            rates[row] = rate.value
    return rates


def _count_lengths(counts: Counts, shard: Shard, most: int) -> None:
    fates = shard.fates()
    for lengths, column in ((counts.by_tokens, "tokens"), (counts.by_characters, "characters")):
        known = (shard.traces[column] > 0) & (shard.traces["ending"] != REFUSED) & (shard.scores["length"] > 0)
        known &= shard.owners >= 0
        bins = np.minimum(2 * np.log2(shard.traces[column][known]), HALF_OCTAVES - 1).astype(np.int64)
        cells = np.bincount(bins * 4 + fates[known], minlength=HALF_OCTAVES * 4)
        lengths.counts += cells.reshape(HALF_OCTAVES, 4)
        counted = np.isin(fates[known], (RIGHT, WRONG)) & (shard.traces["index"][known] < most)
        lengths.sums += _share_sums(shard.owners[known][counted], bins[counted], fates[known][counted] == RIGHT)


def _share_sums(owners: NDArray[np.int64], bins: NDArray[np.int64], right: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The fields of `ShareSums` for each bin of lengths."""
    cells, which = np.unique(owners * HALF_OCTAVES + bins, return_inverse=True)
    rows = np.bincount(which, minlength=len(cells))
    passes = np.bincount(which, weights=right, minlength=len(cells)).astype(np.int64)
    columns = (np.ones_like(rows), passes, rows, passes**2, passes * rows, rows**2)
    sums = [np.bincount(cells % HALF_OCTAVES, weights=column, minlength=HALF_OCTAVES) for column in columns]
    return np.stack(sums, axis=1).astype(np.int64)


def _count_language(counts: Counts, shard: Shard) -> None:
    values = shard.values().get("language_consistency")
    if values is None:
        return
    there = (shard.owners >= 0) & (shard.scores["length"] > 0)
    languages = shard.problems.rows["language"][shard.owners[there]]
    share = values[there]
    bins = np.where(np.isnan(share), TENTHS - 1, np.nan_to_num(share) * 10 + 1e-6).astype(np.int64)
    foreign = shard.scores["foreign"][there]
    for number, name in enumerate(shard.problems.languages.names()):
        mine = languages == number
        if mine.any():
            counts.consistency[name or "unknown"] += np.bincount(bins[mine], minlength=TENTHS)
            for other, count in Counter(foreign[mine & (foreign > 0)].tolist()).items():
                counts.foreign[name or "unknown", shard.names.foreign.names()[other]] += count


def _count_rewards(counts: Counts, shard: Shard) -> None:
    scored = shard.scores["length"] > 0
    for name, column in shard.values().items():
        values = column[scored]
        known = values[~np.isnan(values)].astype(np.float64)
        measure = Measure(len(known), len(values) - len(known))
        if len(known):
            measure.total, measure.low, measure.high = float(known.sum()), float(known.min()), float(known.max())
        counts.rewards[name].add(measure)
    forms = shard.names.forms.names()
    for number, count in Counter(shard.scores["form"][scored].tolist()).items():
        if number:
            counts.forms[forms[number]] += count


def _note_first(counts: Counts, shard: Shard) -> None:
    """What the first problems cost, up to the first that has no traces yet."""
    for row in range(min(FIRST_PROBLEMS, len(shard.problems.rows))):
        rows = shard.traces_of(row)
        if not rows:
            return
        traces = shard.traces[rows]
        tokens, cost = int(traces["charged_tokens"].sum()), float(traces["charged_cost"].sum())
        counts.first.append(Spent(shard.number, row, len(rows), tokens, cost))


def _note_suspects(counts: Counts, shard: Shard) -> None:
    """References that most traces disagree with while they agree with each other."""
    wrong = (shard.scores["verdict"] == VERDICTS.index("incorrect")) & (shard.traces["ending"] == COMPLETE)
    right = np.isin(shard.scores["verdict"], (VERDICTS.index("correct"), VERDICTS.index("approximate")))
    right &= shard.traces["ending"] == COMPLETE
    there = shard.owners >= 0
    counts.agreement.checked = shard.opinions.right, shard.opinions.asked
    count = len(shard.problems.rows)
    against = np.bincount(shard.owners[wrong & there], minlength=count)
    agreeing = np.bincount(shard.owners[right & there], minlength=count)
    for (right_ones, wrong_ones), number in zip(
        *np.unique(np.stack([agreeing, against], axis=1), axis=0, return_counts=True), strict=True
    ):
        counts.agreement.note_counts(int(right_ones), int(wrong_ones), int(number))
    for row in np.flatnonzero((agreeing > 0) & (against > 1)).tolist():
        if not counts.agreement.wants_wrong(int(agreeing[row]), int(against[row])):
            break
        found = (shard.score_of(one) for one in shard.traces_of(row) if wrong[one])
        counts.agreement.note_wrong([score.grade.extracted for score in found if score and score.grade is not None])
    for row in np.flatnonzero((against >= FEWEST_AGREEING) & (against > agreeing)).tolist():
        candidate = shard.find_doubt(row)
        if candidate is not None:
            counts.contradicted[candidate.tally] += 1
            if len(counts.suspects) < MOST_LISTED:
                counts.suspects.append(candidate)


def _note_candidates(counts: Counts, shard: Shard) -> None:
    """For each reason, verdict, source and language some problems that show it."""
    there = shard.owners >= 0
    owners = shard.owners[there]
    reasons = shard.decisions()["reason"][there]
    for number in np.unique(reasons).tolist():
        _offer(counts, shard, Kind("reason", shard.reasons()[number]), owners[reasons == number])
    cut = np.isin(shard.traces["ending"][there], (TRUNCATED, REFUSED))
    _offer(counts, shard, Kind("ending", "cut"), owners[cut])
    for what, names in (("source", shard.problems.sources), ("language", shard.problems.languages)):
        numbers = shard.problems.rows[what][owners]
        for number in np.unique(numbers).tolist():
            _offer(counts, shard, Kind(what, names.names()[number]), owners[numbers == number])


def _offer(counts: Counts, shard: Shard, kind: Kind, owners: Iterable[int]) -> None:
    rows = np.unique(np.asarray(owners, dtype=np.int64))
    keys = shard.problems.rows["key"][rows] ^ np.uint64(bits_of(":".join(kind)))  # another order for each kind
    best = np.argsort(keys)[:CANDIDATES]
    if len(best):
        counts.candidates[kind] = [Showable(int(keys[one]), shard.number, int(rows[one])) for one in best]
