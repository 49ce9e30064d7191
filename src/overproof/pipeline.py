"""Read first: one function a stage, in the order in which a problem becomes a row to train on.

    prepare   file → problems, each with its language, typed reference and near-duplicates
    sample    problem × n → traces: the one stage that costs money
    score     trace → grade and rewards
    select    trace → kept or rejected, with one reason
    export    kept traces → a dataset to train on
    report    all of it → numbers, a page, a summary

`run` calls the six. Each reads what the one before it wrote, shard by shard, and is left out when nothing that it
depends on has changed since it last ran (`Manifest.stages`): another selection never scores again, another reward
never samples again.
"""

from __future__ import annotations

import functools
import itertools
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

import msgspec

from overproof import audit, freshness, hygiene, judge, prompts, report, rewards, sampling, selection
from overproof.config import RunConfig
from overproof.config.source import PromptConfig
from overproof.engine import Engine, open_engine
from overproof.errors import ConfigError, InputError
from overproof.export import export_shard, finish_export
from overproof.grading import answer_classes
from overproof.journal import write_records, write_sharded
from overproof.language import language_of
from overproof.problems import read_problems
from overproof.records import Message, PreparedProblem, Problem, Score
from overproof.rewards.grades import grade_traces
from overproof.runfolder import RunFolder, count_shards, shard_of
from overproof.sampling import batch, distributed, doctor
from overproof.sampling.batch import BatchIn, BatchOut
from overproof.sampling.doctor import Diagnosis
from overproof.sampling.forecast import Outlook
from overproof.sampling.progress import Notice, Progress
from overproof.teacher import Dialect, check_settings

_GRADED_AT_ONCE = 512
_SAMPLING_TABLES = ("teacher", "prompt", "sampling", "budget", "engine")

Result = TypeVar("Result")


class Step(msgspec.Struct, frozen=True):
    """How far a stage that costs nothing has come."""

    stage: str
    done: int
    total: int
    detail: str = ""


class Problems(msgspec.Struct, frozen=True):
    """What `prepare` found out about the problems of a run."""

    problems: int
    without_reference: int
    unverifiable: int
    """Problems with a reference that no answer can be graded against."""
    duplicates: int
    clustered: int
    """Problems that share a cluster of near-duplicates with another."""
    contaminated: int


class Plan(msgspec.Struct, frozen=True):
    """What a run is going to do, before a token is paid for."""

    problems: Problems
    outlook: Outlook
    judge: judge.JudgeOutlook | None
    """What the judge can come to cost; None without one."""
    prompts: list[list[Message]]
    """The first three problems as they are put to the teacher."""


class Outcome(msgspec.Struct, frozen=True):
    """What a run has come to."""

    sampling: sampling.SamplingSummary | None
    """None when the traces were imported."""
    report: report.Summary


Event = Step | Plan | Progress | Notice | judge.JudgeOutlook
Show = Callable[[Event], None]
"""Whoever watches a run. The pipeline tells, it never prints."""


def be_silent(event: Event) -> None:
    """Watch nothing."""


def run(config: RunConfig, folder: RunFolder, show: Show = be_silent) -> Outcome:
    """All stages. Running again with the same config resumes: what was paid for is not paid for again."""
    if not config.teacher.is_imported:
        check_settings(config.teacher)
    judge.check_judge(config)
    with folder.lock():
        prepare(config, folder, show)
        with _engine(config, folder):
            sampled = None if config.teacher.is_imported else sample(config, folder, show)
            score(config, folder, show)
            select(config, folder, show)
            export_dataset(config, folder, show)
        return Outcome(sampled, make_report(config, folder))


def prepare(config: RunConfig, folder: RunFolder, show: Show = be_silent) -> None:
    """Read the problems, find out all that costs nothing, and write them by shard.

    Reads the source twice, so that it need not fit in memory: once to compare problems with each other, once to write
    them. A new run's shards are counted before that.
    """
    most = config.sampling.most
    shards = freshness.begin(folder, config, lambda: count_shards(_count_source(config), most)).shards
    outputs = [folder.problems(shard) for shard in range(shards)]

    def work() -> None:
        findings = hygiene.examine(read_problems(config.problems), config.hygiene)
        prepared = (_prepare_problem(problem, findings) for problem in read_problems(config.problems))
        counts = write_sharded(outputs, ((shard_of(one.problem.id, shards), one) for one in prepared))
        folder.push(*outputs)
        show(Step("prepare", sum(counts), sum(counts)))

    stamps = [freshness.file_stamp(source.path) for source in (config.problems, *config.hygiene.benchmarks)]
    tables = ("problems", "hygiene")
    freshness.derive(folder, "prepare", work, config=config, tables=tables, inputs=stamps, outputs=outputs)


def plan(config: RunConfig, folder: RunFolder) -> Plan:
    """What sampling would ask for and what it may cost; makes no call. The problems must be prepared."""
    shards = range(freshness.manifest_of(folder).shards)
    with _engine(config, folder) as engine:
        return _plan(config, folder, engine, _look(config, folder, engine, shards).outlook)


def _look(config: RunConfig, folder: RunFolder, engine: Engine, shards: Sequence[int]) -> sampling.Inventory:
    if engine.is_far:
        return distributed.inventory_there(engine, config, folder, shards)
    return sampling.look(config, folder, shards)


def _plan(config: RunConfig, folder: RunFolder, engine: Engine, outlook: Outlook) -> Plan:
    shards = range(freshness.manifest_of(folder).shards)
    first = list(itertools.islice(_read_prepared(folder), 3))
    counted = engine.run_shards if engine.is_far else map  # reading a file here is sooner done than asking for it
    counts = sum(counted(functools.partial(_count_problems, folder), shards), Counter())
    return Plan(
        Problems(**{name: counts[name] for name in Problems.__struct_fields__}),
        outlook,
        judge.bound(config, _read_prepared(folder)),
        [_prompt_of(config.prompt, one) for one in first],
    )


def _prepare_problem(problem: Problem, findings: dict[str, hygiene.HygieneFinding]) -> PreparedProblem:
    found = findings.get(problem.id, hygiene.HygieneFinding())
    reference = audit.audit_reference(problem)
    return PreparedProblem(
        problem=problem,
        language=language_of(problem.question),
        reference_kind=reference.kind,
        reference_issue=reference.issue,
        cluster=found.cluster,
        duplicate_of=found.duplicate_of,
        contamination=found.contamination,
    )


def sample(config: RunConfig, folder: RunFolder, show: Show = be_silent) -> sampling.SamplingSummary:
    """Sample what is missing. The only stage that costs money; `show` is told the plan before the first call."""
    if config.teacher.is_imported:
        raise ConfigError("The traces of this run were imported: there is no teacher to ask. Run score, select, export")
    shards = range(freshness.manifest_of(folder).shards)
    with _engine(config, folder) as engine:
        found = _look(config, folder, engine, shards)
        show(_plan(config, folder, engine, found.outlook))
        freshness.record_config(folder, config, _SAMPLING_TABLES)
        if engine.is_far:
            return distributed.sample_there(engine, config, folder, shards, found=found, progress=show)
        return sampling.sample(config, folder, shards, found=found, progress=show)


def write_batch(config: RunConfig, folder: RunFolder, path: Path) -> BatchOut:
    """Write the requests that are wanted now as a batch file for the provider, instead of making them."""
    freshness.record_config(folder, config, _SAMPLING_TABLES)
    return batch.write_batch(config, folder, range(freshness.manifest_of(folder).shards), path)


def read_batch(config: RunConfig, folder: RunFolder, paths: Sequence[Path]) -> BatchIn:
    """Take the results of a batch, or of any offline engine, into the journal."""
    return batch.read_batch(config, folder, range(freshness.manifest_of(folder).shards), paths)


def diagnose(config: RunConfig) -> list[Diagnosis]:
    """One real call to each of the teacher's endpoints with the first problem, and what the whole run would cost."""
    check_settings(config.teacher)
    count = _count_source(config)
    return doctor.diagnose(config, count, _prepare_problem(next(read_problems(config.problems)), {}))


def score(config: RunConfig, folder: RunFolder, show: Show = be_silent) -> None:
    """Grade every trace and measure its rewards. What the rules leave open is put to the judge, if there is one."""
    shards = range(freshness.manifest_of(folder).shards)
    _score_shards(config, folder, shards, shards, show)
    if config.judge is not None:
        freshness.record_config(folder, config, ("judge",))
        spent = sampling.read_spent(config, folder, shards)
        try:
            settled = judge.consult(config, folder, shards, spent=spent, tell=functools.partial(_tell_judge, show))
        finally:
            folder.push_judgements()
        _score_shards(config, folder, shards, settled, show)


def _tell_judge(show: Show, event: judge.JudgeOutlook | judge.Asked | str) -> None:
    if isinstance(event, judge.Asked):
        show(Step("judge", event.done, event.total))
    else:
        show(Notice(event) if isinstance(event, str) else event)


def _score_shards(config: RunConfig, folder: RunFolder, shards: range, stale: Sequence[int], show: Show) -> None:
    """Score the shards that are out of date by what is known now; does nothing when none of it has changed."""

    def work() -> None:
        _exhaust(
            _run_stage("score", functools.partial(score_shard, config, folder), config, folder, show, shards=stale)
        )

    judged = [config.judge.model, *(path.stat().st_size for path in folder.judgement_parts())] if config.judge else []
    freshness.derive(
        folder,
        "score",
        work,
        config=config,
        tables=("rewards",),
        inputs=[_contract(config.prompt), *folder.journal_sizes(), *judged],
        after="prepare",
        outputs=[folder.scores(shard) for shard in shards],
    )


def score_shard(config: RunConfig, folder: RunFolder, shard: int) -> int:
    """Score the traces of one shard, in the order of its problems, then by index; returns how many there are."""
    count = write_records(folder.scores(shard), _score_traces(config, folder, shard))
    folder.push(folder.scores(shard))
    return count


def _score_traces(config: RunConfig, folder: RunFolder, shard: int) -> Iterator[Score]:
    contract = _contract(config.prompt)
    groups = folder.read_groups(shard)
    settle = judge.settle_by_judge(folder, Dialect(config.judge).model) if config.judge else None
    while batch := list(itertools.islice(groups, _GRADED_AT_ONCE // config.sampling.most or 1)):
        asked = [trace for _, traces in batch for trace in traces]
        grades = iter(grade_traces(asked))
        if settle is not None:
            grades = map(settle, asked, grades)
        for problem, traces in batch:
            graded = list(itertools.islice(grades, len(traces)))
            answers = [grade.extracted if grade else None for grade in graded]
            yield from rewards.score_problem(
                traces,
                graded,
                answer_classes(answers) if config.rewards.self_consistency else [None] * len(answers),
                config.rewards,
                language=problem.language if problem else None,
                contract=contract,
            )


def select(config: RunConfig, folder: RunFolder, show: Show = be_silent) -> None:
    """Decide which traces are kept, under every selection of the config."""
    shards = range(freshness.manifest_of(folder).shards)

    def work() -> None:
        _exhaust(_run_stage("select", functools.partial(selection.select_shard, config, folder), config, folder, show))

    outputs = [folder.decisions(shard, name) for name in (None, *config.selections) for shard in shards]
    tables = ("selection", "selections", "sampling")  # a pass-rate band rests on how many samples there are
    freshness.derive(folder, "select", work, config=config, tables=tables, after="score", outputs=outputs)


def export_dataset(config: RunConfig, folder: RunFolder, show: Show = be_silent) -> None:
    """Write the dataset of every selection."""

    def work() -> None:
        for name in (None, *config.selections):
            one = functools.partial(export_shard, config, folder, name=name)
            finish_export(config, folder, _run_stage("export", one, config, folder, show), name)

    outputs = [folder.dataset(name) for name in (None, *config.selections)]
    freshness.derive(folder, "export", work, config=config, tables=("export",), after="select", outputs=outputs)


def make_report(config: RunConfig, folder: RunFolder) -> report.Summary:
    """Write the report of whatever the run holds so far."""
    return report.report(config, folder, range(freshness.manifest_of(folder).shards))


def _read_prepared(folder: RunFolder) -> Iterator[PreparedProblem]:
    """The prepared problems of all shards."""
    for shard in range(freshness.manifest_of(folder).shards):
        yield from folder.read_problems(shard)


def _count_problems(folder: RunFolder, shard: int) -> Counter[str]:
    """What was found out about the problems of a shard, by the names of `Problems`."""
    counts: Counter[str] = Counter()
    for one in folder.read_problems(shard):
        counts["problems"] += 1
        counts["without_reference"] += one.problem.reference is None
        counts["unverifiable"] += one.reference_issue is not None
        counts["duplicates"] += one.duplicate_of is not None
        counts["clustered"] += one.cluster is not None
        counts["contaminated"] += bool(one.contamination)
    return counts


def _prompt_of(config: PromptConfig, problem: PreparedProblem) -> list[Message]:
    return prompts.build_messages(
        problem.problem.question,
        template=config.template,
        system=config.system,
        language=config.language or problem.language,
    )


def _contract(config: PromptConfig) -> str:
    """What the format reward expects of a reply."""
    return config.contract or prompts.contract_of(config.template)


def _count_source(config: RunConfig) -> int:
    """How many problems the source holds. Raises InputError when it holds none, and whatever is wrong with one."""
    count = sum(1 for _ in read_problems(config.problems))
    if not count:
        raise InputError(f"{config.problems.path or config.problems.dataset} holds no problems")
    return count


def _run_stage(
    stage: str,
    work: Callable[[int], Result],
    config: RunConfig,
    folder: RunFolder,
    show: Show,
    *,
    shards: Sequence[int] | None = None,
) -> Iterator[Result]:
    """The result of `work` for each shard, told as they come. All shards, unless told which."""
    shards = range(freshness.manifest_of(folder).shards) if shards is None else shards
    with _engine(config, folder) as engine:
        for number, result in enumerate(engine.run_shards(work, shards), start=1):
            yield result
            show(Step(stage, number, len(shards)))


def _engine(config: RunConfig, folder: RunFolder) -> AbstractContextManager[Engine]:
    return open_engine(config, folder, freshness.versions)


def _exhaust(results: Iterator[object]) -> None:
    """Have everything done, and keep nothing of it."""
    deque(results, maxlen=0)
