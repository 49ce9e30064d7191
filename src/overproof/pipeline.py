"""Read first: one function a stage, in the order in which a problem becomes a row to train on.

    prepare   file → problems, each with its language, typed reference and near-duplicates
    sample    problem × n → traces: the one stage that costs money
    score     trace → grade and rewards
    select    trace → kept or rejected, with one reason
    export    kept traces → a dataset to train on
    report    all of it → numbers, a page, a summary

`run_all` calls the six. Each reads what the one before it wrote, shard by shard, and is left out when nothing that it
depends on has changed since it last ran (`Manifest.stages`): another selection never scores again, another reward
never samples again.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from overproof import audit, freshness, hygiene, judge, prompts, report, rewards, sampling, selection, suspects
from overproof.config import RunConfig
from overproof.config.endpoint import JudgeConfig
from overproof.config.own import extensions_in
from overproof.config.source import PromptConfig
from overproof.engine import Engine, open_engine
from overproof.errors import ConfigError
from overproof.estimators import Prior, fit_prior, sum_sameness
from overproof.export import export_shard, finish_export
from overproof.extensions import digest_of
from overproof.grading.protocol import BACKSTOP, KILLED
from overproof.integrity import DamagedError
from overproof.journal import write_records, write_sharded
from overproof.language import Name, held_by, language_of, name_all, name_among
from overproof.problems import KnownIds, read_problems, stamp_source
from overproof.problems.notes import SourceNotes
from overproof.records import Grade, Message, PreparedProblem, Problem, Score, Trace
from overproof.rewards.grades import grade_traces
from overproof.runfolder import RunFolder, count_shards, shard_of
from overproof.sampling import batch, distributed, doctor, reuse
from overproof.sampling.batch import BatchIn, BatchOut
from overproof.sampling.doctor import Diagnosis
from overproof.sampling.forecast import Outlook
from overproof.sampling.progress import Notice, Progress
from overproof.sampling.settings import Settings
from overproof.selection.alone import find_fault
from overproof.stopping import GRACE_SECONDS
from overproof.teacher import Dialect, check_settings

_GRADED_AT_ONCE = 512
_KIND = "kind "
_SAMPLING_TABLES = ("teacher", "prompt", "sampling", "budget", "engine")

Result = TypeVar("Result")


class StepProgress(msgspec.Struct, frozen=True):
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
    reworded: int
    """Problems that may put a benchmark question in other words."""
    kinds: dict[str, int]
    """How many references are of each kind."""


class RunPlan(msgspec.Struct, frozen=True):
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


Event = StepProgress | RunPlan | Progress | Notice | judge.JudgeOutlook
Show = Callable[[Event], None]
"""Whoever watches a run. The pipeline tells, it never prints."""


def be_silent(event: Event) -> None:
    """Watch nothing."""


class Run(msgspec.Struct, frozen=True):
    """What every stage is given: the config, the folder the run lies in, and whoever watches."""

    config: RunConfig
    folder: RunFolder
    show: Show = be_silent
    grace: float = GRACE_SECONDS
    """From SIGTERM to the end of the process: what is paid for is waited for as long as that allows."""

    @property
    def shards(self) -> range:
        """The numbers of the run's shards. Raises RunFolderError before `prepare` has counted them."""
        return range(freshness.manifest_of(self.folder).shards)

    def tell(self, text: str) -> None:
        """Say something in words to whoever watches."""
        self.show(Notice(text))

    def open_engine(self) -> AbstractContextManager[Engine]:
        """What runs shards: processes here, or a cluster. The same one again while it is open."""
        return open_engine(self.config, self.folder, freshness.versions, self.tell)


def run_all(run: Run) -> Outcome:
    """All stages. Running again with the same config resumes: what was paid for is not paid for again."""
    if not run.config.teacher.is_imported:
        check_settings(run.config.teacher)
    judge.check_judge(run.config)
    with run.folder.lock(run.tell):
        prepare(run)
        with run.open_engine():
            sampled = None if run.config.teacher.is_imported else sample(run)
            score(run)
            select(run)
            export_dataset(run)
        return Outcome(sampled, make_report(run))


def prepare(run: Run) -> None:
    """Read the problems, find out all that costs nothing, and write them by shard.

    Reads the source three times, so that it need not fit in memory: to find out which languages the problems are in and
    how many shards a new run has, to compare problems with each other, and to write them. Nothing in the folder changes
    before every problem was found fit to go on with what was paid for.
    """
    config, folder = run.config, run.folder
    for own in extensions_in(config):
        digest_of(own)  # what cannot be called is said before anything is paid for
    settings = None if config.teacher.is_imported else Settings(config)
    named = functools.cache(lambda: _name_all(config, reuse.known_ids(folder)))
    begun = freshness.begin(folder, config, lambda: count_shards(len(named()), config.sampling.most), run.tell)
    outputs = [folder.problems(shard) for shard in range(begun.shards)]

    def work(withdraw: Callable[[], None]) -> None:
        notes = SourceNotes()
        prepared = _prepare_all(config, notes, reuse.known_ids(folder), named())
        if settings is not None:
            prepared = reuse.check_reuse(settings, folder, begun.shards, prepared)
        placed = ((shard_of(one.problem.id, begun.shards), one) for one in prepared)
        counts = write_sharded(outputs, placed, before=withdraw)
        write_records(folder.skipped, notes.skipped)
        folder.push(*outputs, folder.skipped)
        for line in notes.lines():
            run.tell(line)
        run.show(StepProgress("prepare", sum(counts), sum(counts)))

    if config.problems.overrides is not None and (taken := suspects.adopt(folder, config.problems.overrides)):
        run.show(Notice(f"{taken:,} decisions about references taken over from {config.problems.overrides}"))
    stamps = [stamp_source(source) for source in (config.problems, *config.hygiene.benchmarks)]
    tables = ("problems", "hygiene")
    freshness.derive(
        folder,
        "prepare",
        work,
        config=config,
        tables=tables,
        tell=run.tell,
        inputs=stamps,
        outputs=outputs,
        begun=begun,
    )


def _name_all(config: RunConfig, known: KnownIds) -> list[Name]:
    """What language each question of the source seems to be in by itself."""
    return name_all(problem.question for problem in read_problems(config.problems, known=known))


def _prepare_all(
    config: RunConfig, notes: SourceNotes, known: KnownIds, names: Sequence[Name]
) -> Iterator[PreparedProblem]:
    """Every problem with what is found out about it; `known` are the ids that rows without one have already."""
    findings = hygiene.examine(read_problems(config.problems, known=known), config.hygiene)
    held = config.problems.languages or held_by(names)
    for problem, name in zip(read_problems(config.problems, notes, known), names, strict=True):
        yield _prepare_problem(problem, findings, name_among(problem.question, name, held))


def plan(run: Run) -> RunPlan:
    """What sampling would ask for and what it may cost; makes no call. The problems must be prepared."""
    with run.open_engine() as engine:
        return _plan(run, engine, _look(run, engine).outlook)


def _look(run: Run, engine: Engine, only: Container[str] | None = None) -> sampling.Inventory:
    if engine.is_far:
        return distributed.inventory_there(engine, run.config, run.folder, run.shards)
    return sampling.look(run.config, run.folder, run.shards, only)


def _plan(run: Run, engine: Engine, outlook: Outlook) -> RunPlan:
    first = list(itertools.islice(_read_prepared(run), 3))
    counted = engine.run_shards if engine.is_far else map  # reading a file here is sooner done than asking for it
    return RunPlan(
        _sum_problems(counted(functools.partial(_count_problems, run.folder), run.shards)),
        doctor.expect_alike(run.config, run.folder, outlook),
        judge.bound(run.config, _read_prepared(run)),
        [_prompt_of(run.config.prompt, one) for one in first],
    )


def _prepare_problem(
    problem: Problem, findings: dict[str, hygiene.HygieneFinding], language: str | None
) -> PreparedProblem:
    found = findings.get(problem.id, hygiene.HygieneFinding())
    reference = audit.audit_reference(problem)
    return PreparedProblem(
        problem=problem,
        language=language,
        reference_kind=reference.kind,
        reference_issue=reference.issue,
        cluster=found.cluster,
        duplicate_of=found.duplicate_of,
        contamination=found.contamination,
        review=found.review,
    )


def sample(run: Run, only: Container[str] | None = None) -> sampling.SamplingSummary:
    """Sample what is missing. The only stage that costs money; whoever watches hears the plan before the first call.

    `only` names the problems that are asked now, on this machine; None asks all.
    """
    config, folder = run.config, run.folder
    if config.teacher.is_imported:
        raise ConfigError("The traces of this run were imported: there is no teacher to ask. Run score, select, export")
    with run.open_engine() as engine:
        found = _look(run, engine, only)
        planned = _plan(run, engine, found.outlook)
        run.show(planned)
        if planned.outlook.requests_most:
            _check_gradable(config, planned.problems)
        once = config.model_copy(update={"sampling": config.sampling.model_copy(update={"retry": []})})
        freshness.record_config(folder, once, _SAMPLING_TABLES)
        inspect = functools.partial(find_fault, config)
        if engine.is_far:
            return distributed.sample_there(
                engine,
                config,
                folder,
                run.shards,
                found=found,
                progress=run.show,
                inspect=inspect,
                grace=run.grace,
            )
        return sampling.sample(
            config,
            folder,
            run.shards,
            found=found,
            only=only,
            progress=run.show,
            inspect=inspect,
            grace=run.grace,
        )


def ask_suspects(run: Run, samples: int, *, is_rehearsal: bool = False) -> int:
    """Have `sample` buy so many traces more of each problem whose reference is suspect by the traces there are.

    Scores them first, by the rules alone: that costs nothing. Which problems they are is written down, so that the same
    command goes on after an interrupt and buys nothing twice; `is_rehearsal` writes nothing. Returns how many are new.
    """
    if run.config.teacher.is_imported:
        raise ConfigError("The traces of this run were imported: there is no teacher to ask for more")
    _score_shards(run, run.shards)
    found = suspects.find_undecided(run.folder, run.shards, samples)
    if not is_rehearsal:
        suspects.ask_more(run.folder, found, samples)
    return len(found)


def _check_gradable(config: RunConfig, problems: Problems) -> None:
    """Raise ConfigError where no trace could be kept, whatever its answer: each would be paid for all the same."""
    ungradable = problems.without_reference + (0 if config.judge else problems.unverifiable)
    policies = {one.policy for one in (config.selection, *config.selections.values())}
    if ungradable == problems.problems and policies == {"correct"}:
        lacks = "a reference" if problems.without_reference == problems.problems else "a reference that can be read"
        raise ConfigError(
            f"None of the {problems.problems:,} problems has {lacks}, and selection.policy: correct keeps only answers "
            "that equal one: whatever was paid for, nothing could be kept. Set problems.reference to the column of the "
            "answers, or keep without verification: selection.policy: correct_or_majority, or all"
        )


def write_batch(run: Run, path: Path) -> BatchOut:
    """Write the requests that are wanted now as a batch file for the provider, instead of making them."""
    _check_gradable(run.config, _sum_problems(map(functools.partial(_count_problems, run.folder), run.shards)))
    written = batch.write_batch(run.config, run.folder, run.shards, path)
    freshness.record_config(run.folder, run.config, _SAMPLING_TABLES)
    return written


def read_batch(run: Run, paths: Sequence[Path]) -> BatchIn:
    """Take the results of a batch, or of any offline engine, into the journal."""
    return batch.read_batch(run.config, run.folder, run.shards, paths)


def diagnose(config: RunConfig, folder: RunFolder) -> list[Diagnosis]:
    """One real call to each of the teacher's endpoints with the first problem, and what the whole run would cost.

    What the replies came to is kept in the run folder, for the next plan.
    """
    check_settings(config.teacher)
    count = _count_source(config)
    first = next(read_problems(config.problems))
    language = language_of(first.question, config.problems.languages)
    inspect = functools.partial(find_fault, config)
    found = doctor.diagnose(config, count, _prepare_problem(first, {}, language), inspect)
    doctor.keep_calls(config, folder, found)
    return found


def score(run: Run) -> None:
    """Grade every trace and measure its rewards. What the rules leave open is put to the judge, if there is one."""
    config, folder = run.config, run.folder
    whole = _score_shards(run, run.shards)
    if config.judge is None:
        return
    freshness.record_config(folder, config, ("judge",))
    errand = freshness.Errand(folder, "judge", config=config, tables=("judge",), after="score")
    if whole and folder.judge_summary.is_file() and errand.is_done(_judged(run, config.judge)):
        return
    tell = functools.partial(_tell_judge, run.show)
    spent = sampling.read_spent(config, folder, run.shards)
    try:
        heard = judge.consult(config, folder, run.shards, spent=spent, tell=tell, grace=run.grace)
    finally:
        folder.push_judgements()
    whole = _score_shards(run, heard.unsettled if whole else run.shards)
    is_over = heard.is_over
    if config.judge.doubts:
        weighed = _weigh_references(run, config.judge, tell)
        is_over = is_over and weighed.is_over
        if weighed.asked:
            whole = _score_shards(run, [] if whole else run.shards)
    if is_over and whole:
        errand.finish(_judged(run, config.judge))


def _judged(run: Run, asked: JudgeConfig) -> list[Any]:
    """What changes when a judge has said something, or another is asked."""
    return [asked.model, *(path.stat().st_size for path in run.folder.judgement_parts())]


def _weigh_references(run: Run, asked: JudgeConfig, tell: judge.Listener) -> judge.Heard:
    """Ask the judge about the references that traces contradict."""
    config, folder = run.config, run.folder
    wanted = suspects.find_doubts(folder, run.shards, asked)
    spent = sampling.read_spent(config, folder, run.shards)
    try:
        return judge.weigh(config, folder, wanted, spent=spent, tell=tell, grace=run.grace)
    finally:
        folder.push_judgements()


def _tell_judge(show: Show, event: judge.JudgeOutlook | judge.Asked | str) -> None:
    if isinstance(event, judge.Asked):
        show(StepProgress("judge", event.done, event.total))
    else:
        show(Notice(event) if isinstance(event, str) else event)


def _score_shards(run: Run, stale: Sequence[int]) -> bool:
    """Score the shards that are out of date by what is known now; does nothing when none of it has changed.

    False when the machine was too busy to decide some verdict, or verifiers were killed: the scores stand, and the
    next run makes them again.
    """
    config, folder = run.config, run.folder
    cut = 0

    def work(withdraw: Callable[[], None]) -> bool:
        nonlocal cut
        withdraw()
        cut = sum(_run_stage("score", functools.partial(score_shard, config, folder), run, shards=stale))
        if cut:
            cause = "the machine was too busy, or verifiers were killed"
            run.show(Notice(f"{cut} verdicts were left open as {cause}; the next run decides them"))
        return cut == 0

    judged = _judged(run, config.judge) if config.judge else []
    freshness.derive(
        folder,
        "score",
        work,
        config=config,
        tables=("rewards",),
        tell=run.tell,
        inputs=[_contract(config.prompt), *folder.journal_sizes(), *judged, folder.read_overrides().digest()],
        after="prepare",
        outputs=[folder.scores(shard) for shard in run.shards],
    )
    return cut == 0


def score_shard(config: RunConfig, folder: RunFolder, shard: int) -> int:
    """Score the traces of one shard, in the order of its problems, then by index.

    Returns how many verdicts the wall clock or a kill ended, which say something of the machine and nothing of the
    answer.
    """
    cut = 0

    def counted() -> Iterator[Score]:
        nonlocal cut
        for score in _score_traces(config, folder, shard):
            cut += score.grade is not None and score.grade.layer == BACKSTOP
            yield score

    write_records(folder.scores(shard), counted())
    folder.push(folder.scores(shard))
    return cut


def _settle_killed(folder: RunFolder, shard: int) -> Callable[[Trace, Grade | None], Grade | None]:
    """Lets an answer stand as undecided over which verifiers were killed in the run before too, as far as is known.

    Else an answer that brings the kill about would have every run score its shard again, and none would be the last.
    """
    before: set[str] = set()
    with contextlib.suppress(DamagedError):
        before.update(score.trace_id for score in folder.read_scores(shard) if _is_killed(score.grade))

    def settle(trace: Trace, grade: Grade | None) -> Grade | None:
        if grade is None or trace.id not in before or not _is_killed(grade):
            return grade
        return msgspec.structs.replace(grade, layer="deep", reason="verifiers were killed over it in two runs")

    return settle


def _is_killed(grade: Grade | None) -> bool:
    return grade is not None and (grade.layer, grade.reason) == (BACKSTOP, KILLED)


def _score_traces(config: RunConfig, folder: RunFolder, shard: int) -> Iterator[Score]:
    contract = _contract(config.prompt)
    groups = folder.read_groups(shard)
    by_kills = _settle_killed(folder, shard)
    by_person = suspects.settle_by_person(folder)
    settle = judge.settle_by_judge(folder, Dialect(config.judge).model) if config.judge else None
    while batch := list(itertools.islice(groups, _GRADED_AT_ONCE // config.sampling.most or 1)):
        asked = [trace for _, traces in batch for trace in traces]
        grades = map(by_kills, asked, grade_traces(asked, config.rewards.accuracy.extractor))
        if settle is not None:
            grades = map(settle, asked, grades)
        grades = map(by_person, asked, grades)
        for problem, traces in batch:
            graded = list(itertools.islice(grades, len(traces)))
            yield from rewards.score_problem(
                traces,
                graded,
                config.rewards,
                language=problem.language if problem else None,
                contract=contract,
            )


def select(run: Run) -> None:
    """Decide which traces are kept, under every selection of the config."""
    config, folder = run.config, run.folder

    def work(withdraw: Callable[[], None]) -> None:
        withdraw()
        for repeating in (False, True):  # what the server is like is known once every shard has been read
            prior = _fit_prior(run, repeating=repeating)
            one = functools.partial(selection.select_shard, config, folder, prior=prior, repeating=repeating)
            if not sum_sameness(done.census for done in _run_stage("select", one, run)).is_repeating:
                break

    outputs = [folder.decisions(shard, name) for name in (None, *config.selections) for shard in run.shards]
    tables = ("selection", "selections", "sampling")  # a pass-rate band rests on how many samples there are
    freshness.derive(
        folder,
        "select",
        work,
        config=config,
        tables=tables,
        inputs=[config.export.summaries],
        tell=run.tell,
        after="score",
        outputs=outputs,
    )


def _fit_prior(run: Run, *, repeating: bool) -> Prior | None:
    """How the teacher's pass rates spread over the run's problems; None where no selection asks for a band of them."""
    if not any(one.has_band for one in (run.config.selection, *run.config.selections.values())):
        return None
    one = functools.partial(selection.count_shard_draws, run.config, run.folder, repeating=repeating)
    with run.open_engine() as engine:
        return fit_prior(sum(engine.run_shards(one, run.shards), Counter()))


def export_dataset(run: Run) -> None:
    """Write the dataset of every selection."""
    config, folder = run.config, run.folder

    def work(withdraw: Callable[[], None]) -> None:
        withdraw()
        for name in (None, *config.selections):
            one = functools.partial(export_shard, config, folder, name=name)
            finish_export(config, folder, _run_stage("export", one, run), name)

    outputs = [folder.dataset(name) for name in (None, *config.selections)]
    tables = ("export",)
    freshness.derive(
        folder, "export", work, config=config, tables=tables, tell=run.tell, after="select", outputs=outputs
    )


def make_report(run: Run) -> report.Summary:
    """Write the report of whatever the run holds so far."""
    return report.report(run.config, run.folder, run.shards)


def _read_prepared(run: Run) -> Iterator[PreparedProblem]:
    """The prepared problems of all shards."""
    for shard in run.shards:
        yield from run.folder.read_problems(shard)


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
        counts["reworded"] += bool(one.review)
        if one.reference_kind is not None:
            counts[_KIND + one.reference_kind] += 1
    return counts


def _sum_problems(counted: Iterable[Counter[str]]) -> Problems:
    """What the shards' counts come to."""
    counts = sum(counted, Counter())
    return Problems(
        **{name: counts[name] for name in Problems.__struct_fields__ if name != "kinds"},
        kinds={name.removeprefix(_KIND): count for name, count in counts.items() if name.startswith(_KIND)},
    )


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
    return sum(1 for _ in read_problems(config.problems))


def _run_stage(
    stage: str, work: Callable[[int], Result], run: Run, *, shards: Sequence[int] | None = None
) -> Iterator[Result]:
    """The result of `work` for each shard, told as they come. All shards, unless told which."""
    shards = run.shards if shards is None else shards
    with run.open_engine() as engine:
        for number, result in enumerate(engine.run_shards(work, shards), start=1):
            yield result
            run.show(StepProgress(stage, number, len(shards)))
