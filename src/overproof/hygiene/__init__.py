"""What is wrong with problems before anything is paid for: repeats, near-duplicates, passages from benchmarks.

`examine` is one pass over all problems; its findings are stored beside each problem and decide which split the
problem's rows go to and whether they may be trained on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from overproof.config.selection import HygieneConfig
from overproof.hygiene.clusters import ClusterFinder
from overproof.hygiene.contamination import BenchmarkIndex, Rewordings, read_benchmarks
from overproof.records import Problem

_BATCH = 4096


class HygieneFinding(msgspec.Struct, frozen=True):
    """What was found about one problem, as `PreparedProblem` stores it."""

    cluster: str | None = None
    duplicate_of: str | None = None
    contamination: list[dict[str, Any]] = []
    review: list[dict[str, Any]] = []


class Matches(NamedTuple):
    """Benchmark questions that problems match, by the number of the problem."""

    certain: dict[int, list[dict[str, Any]]]
    likely: dict[int, list[dict[str, Any]]]
    """In other words, for a person to look at."""


def examine(problems: Iterable[Problem], config: HygieneConfig) -> dict[str, HygieneFinding]:
    """Findings by problem id; a problem about which nothing was found has none.

    Streams: of each problem only its id, a signature and hashes of its words are held (some 1.5 kB for a question of
    200 characters). The findings depend on the order of the problems in one thing only: the first of a cluster or of
    a set of equal questions is the one that the others point to. Where nothing is looked for nothing is read.
    """
    if not config.duplicates and config.near_duplicates is None and not config.benchmarks:
        return {}
    items = read_benchmarks(config.benchmarks)
    index = BenchmarkIndex(items, config) if items else None
    rewordings: Rewordings | None = None
    finder = ClusterFinder()
    ids: list[str] = []
    matches = Matches({}, {})
    for batch in _batches(problems):
        questions = [problem.question for problem in batch]
        if index is not None:
            found = enumerate(index.find(questions), start=len(ids))
            matches.certain.update((number, those) for number, those in found if those)
        if items and config.review != "keep":
            rewordings = rewordings or Rewordings(items, questions)
            likely = enumerate(rewordings.find(questions), start=len(ids))
            matches.likely.update((number, those) for number, those in likely if those)
        finder.add(questions)
        ids += [problem.id for problem in batch]
    return _to_findings(ids, finder, matches, config)


def _to_findings(
    ids: list[str], finder: ClusterFinder, matches: Matches, config: HygieneConfig
) -> dict[str, HygieneFinding]:
    clusters = finder.clusters(config.near_duplicates)
    peopled = {first for number, first in enumerate(clusters) if number != first}
    findings = {}
    for number, (first, same) in enumerate(zip(clusters, finder.same_as(), strict=True)):
        certain = matches.certain.get(number, [])
        likely = [] if certain else matches.likely.get(number, [])
        finding = HygieneFinding(
            cluster=ids[first] if first in peopled else None,
            duplicate_of=ids[same] if config.duplicates and same != number else None,
            contamination=certain or (likely if config.review == "drop" else []),
            review=likely if config.review == "list" else [],
        )
        if finding != HygieneFinding():
            findings[ids[number]] = finding
    return findings


def _batches(problems: Iterable[Problem]) -> Iterator[list[Problem]]:
    batch: list[Problem] = []
    for problem in problems:
        batch.append(problem)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
