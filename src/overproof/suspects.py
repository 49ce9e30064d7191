"""References that the traces speak against, and what a person decides about them; the one way in which that is written.

A decision changes no file of the source and no trace: it is a line in the run's `overrides.jsonl`, which scoring,
selecting and exporting obey. Scoring again costs nothing.
"""

from __future__ import annotations

import datetime as dt
import getpass
import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from overproof import freshness, judge
from overproof.audit import audit_reference
from overproof.config.endpoint import JudgeConfig
from overproof.errors import ConfigError, suggest
from overproof.hygiene.wrong_references import Agreement, SuspectReference, find_candidate, find_lone_answer
from overproof.records import Grade, PreparedProblem, Trace, Verdict
from overproof.runfolder import RunFolder, shard_of
from overproof.runfolder.overrides import Action, Override, Overrides, read_overrides

_LOOKED_THROUGH = 20_000
"""Problems among whose ids a near one is looked for, which takes a second."""
_JUDGED = {1: "the judge holds with them; ", -1: "the judge holds with the reference; ", 0: ""}
LAYER = "person"
"""The layer of a grade that a person gave."""


class Suspect(msgspec.Struct, frozen=True):
    """One suspect reference, for a person to decide about."""

    found: SuspectReference
    question: str
    source: str
    trace_ids: list[str]
    """The problem's traces."""
    decided: str | None
    """What was decided about it before; None when nothing was."""

    def lines(self) -> Iterator[str]:
        """What to look at, for a terminal."""
        said = f" ({self.decided} already)" if self.decided else ""
        counted = f"{self.found.agreeing} of {self.found.answered} answers agree on another"
        given = f", {self.found.supporting} give the reference" if self.found.supporting else ""
        probability = f"wrong with probability {self.found.probability or 0:.2f}"
        probability = f"{_JUDGED[self.found.judged]}{probability}"
        yield f"{self.found.problem_id}{said}: {counted}{given}; {probability}"
        yield f"    question   {_shorten(self.question)}"
        yield f"    reference  {_shorten(self.found.reference)}"
        yield f"    answer     {_shorten(self.found.answer)}"


def find_suspects(folder: RunFolder, shards: Iterable[int], least: float | None = None) -> list[Suspect]:
    """The suspect references of a run that is scored, those already decided about among them, the surest first.

    Which are suspect is told by how often traces of this run reach the reference and how often its wrong answers agree;
    `shards` have to be all of them for that. With `least` all that are wrong with that probability are given.
    """
    agreement = Agreement()
    opinions = judge.read_opinions(folder)
    agreement.checked = opinions.right, opinions.asked
    found: dict[str, Suspect] = {}
    for shard in shards:
        here = Agreement()
        scores = {score.trace_id: score for score in folder.read_scores(shard)}
        for prepared, traces in folder.read_groups(shard):
            if prepared is None or not traces:
                continue
            of_complete = [scores[trace.id] for trace in traces if trace.is_complete and trace.id in scores]
            here.note([score.grade for score in of_complete if score.grade is not None])
            candidate = find_candidate(traces, scores)
            if candidate is not None:
                problem = prepared.problem
                ids = [trace.id for trace in traces]
                said = opinions.on(problem.question, candidate.reference, candidate.answer)
                candidate = msgspec.structs.replace(candidate, judged=said)
                found[problem.id] = Suspect(candidate, problem.question, problem.source, ids, prepared.override)
        agreement.add(here)
    candidates = [one.found for one in found.values()]
    suspect = agreement.find_suspects(candidates, Counter(one.tally for one in candidates), least)
    return [msgspec.structs.replace(found[one.problem_id], found=one) for one in suspect]


def find_doubts(folder: RunFolder, shards: Iterable[int], judge_config: JudgeConfig) -> dict[judge.Case, bool]:
    """What a judge is to be asked about references, and whether it is a check.

    Of each problem whose reference most traces contradict, nothing being decided about it, which of the two answers is
    right; and the same of as many problems as `check` whose reference most traces give and some do not, drawn by a
    seeded hash.
    """
    wanted: dict[judge.Case, bool] = {}
    drawn: list[tuple[bytes, judge.Case]] = []
    for shard in shards:
        scores = {score.trace_id: score for score in folder.read_scores(shard)}
        for prepared, traces in folder.read_groups(shard):
            if prepared is None or prepared.override is not None or not traces:
                continue
            question = prepared.problem.question
            if (candidate := find_candidate(traces, scores)) is not None:
                if judge.is_whole(candidate.answer):
                    wanted[judge.Case(question, candidate.reference, candidate.answer, "right")] = False
            elif (other := find_lone_answer(traces, scores)) is not None and judge.is_whole(other):
                case = judge.Case(question, prepared.problem.reference or "", other, "right")
                drawn.append((judge.draw(judge_config.seed, prepared.problem.id), case))
        drawn = heapq.nsmallest(judge_config.check, drawn, key=lambda one: one[0])
    return wanted | {case: True for _, case in drawn if case not in wanted}


def find_undecided(folder: RunFolder, shards: Iterable[int], samples: int) -> list[Suspect]:
    """The suspect references that nothing is decided about and whose problems are not to have so many traces yet."""
    more = folder.read_overrides().more
    return [
        one
        for one in find_suspects(folder, shards)
        if one.decided is None and more.get(one.found.problem_id, 0) < samples
    ]


def ask_more(folder: RunFolder, found: Iterable[Suspect], samples: int) -> None:
    """Have the next sampling buy so many traces of each of these problems beside those that every problem gets."""
    for one in found:
        counted = f"{one.found.agreeing} of {one.found.answered} answers agree on another than the reference"
        at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        line = Override(one.found.problem_id, "more", samples=samples, who=getpass.getuser(), why=counted, at=at)
        folder.write_override(line)


def decide(
    folder: RunFolder,
    problem_id: str,
    action: Action,
    *,
    reference: str | None = None,
    trace_id: str | None = None,
    verdict: str | None = None,
    who: str | None = None,
    why: str = "",
) -> Override:
    """Write what a person decided about a problem of this run, and return it.

    Raises ConfigError for a problem that the run does not have and for a reference that no answer could be graded
    against.
    """
    prepared = _find_problem(folder, problem_id)
    kind = None
    if action == "replace":
        if reference is None or not reference.strip():
            raise ConfigError(f"{problem_id}: give the reference that is right")
        corrected = msgspec.structs.replace(prepared.problem, reference=reference)
        audited = audit_reference(corrected)
        if audited.issue is not None:
            raise ConfigError(f"{problem_id}: no answer can be graded against '{reference}': {audited.issue}")
        kind = audited.kind
    if action == "verdict" and (trace_id is None or verdict not in {"correct", "incorrect"}):
        raise ConfigError(f"{problem_id}: give the trace and the verdict (correct or incorrect)")
    override = Override(
        problem_id,
        action,
        reference=reference if action == "replace" else None,
        reference_kind=kind,
        was=prepared.problem.reference,
        trace_id=trace_id if action in {"verdict", "undo"} else None,
        verdict="correct" if verdict == "correct" else "incorrect" if action == "verdict" else None,
        who=who or getpass.getuser(),
        why=why,
        at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    )
    folder.write_override(override)
    return override


def adopt(folder: RunFolder, path: str) -> int:
    """Take over the decisions of another run's overrides file on problems that nothing is decided about here.

    Returns how many were taken over. Raises ConfigError when there is no such file.
    """
    place = Path(path).expanduser()
    if not place.is_file():
        raise ConfigError(f"problems.overrides: there is no file '{path}'")
    known, theirs = folder.read_overrides(), Overrides(read_overrides(place))
    new = [one for key, one in theirs.by_problem.items() if key not in known.by_problem]
    new += [one for key, one in theirs.verdicts.items() if key not in known.verdicts]
    for one in new:
        folder.write_override(one)
    return len(new)


def settle_by_person(folder: RunFolder) -> Callable[[Trace, Grade | None], Grade | None]:
    """A function from a trace and its grade to its grade with what a person has said about that trace."""
    verdicts = folder.read_overrides().verdicts

    def settle(trace: Trace, grade: Grade | None) -> Grade | None:
        decided = verdicts.get(trace.id)
        if decided is None or decided.verdict is None:
            return grade
        extracted = grade.extracted if grade is not None else None
        rules = f"; the rules: {grade.verdict}, {grade.reason}" if grade is not None else ""
        return Grade(Verdict(decided.verdict), extracted, LAYER, f"{decided.who or 'a person'} says so{rules}")

    return settle


def _find_problem(folder: RunFolder, problem_id: str) -> PreparedProblem:
    shards = freshness.manifest_of(folder).shards
    for prepared in folder.read_problems(shard_of(problem_id, shards)):
        if prepared.problem.id == problem_id:
            return prepared
    every = (prepared.problem.id for shard in range(shards) for prepared in folder.read_problems(shard))
    hint = suggest(problem_id, itertools.islice(every, _LOOKED_THROUGH))
    raise ConfigError(f"this run has no problem '{problem_id}'.{hint} `overproof suspects RUN` lists those in doubt")


def _shorten(text: str, most: int = 160) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= most else plain[: most - 1] + "…"
