"""Does verification make a better student? The proof as one command, on any student, teacher and problems.

    sets     one run's named selections → training sets of equal size
    jobs     each set and seed → a trained student and its answers to held-out problems
    proof    the answers, compared → what the proof came to

Everything is seeded; on one machine the same config gives the same table. What was done is not done again.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from overproof import pipeline
from overproof.config import ProofRun
from overproof.errors import ConfigError, suggest
from overproof.evaluation.comparison import Comparison, Side, compare
from overproof.journal import write_bytes
from overproof.prove.jobs import Job, JobOutcome, run_jobs
from overproof.prove.proof import Proof
from overproof.prove.sets import TrainingSet, draw_pairs, draw_sets
from overproof.runfolder import RunFolder
from overproof.train.arguments import check_installed

BEFORE = "before"
"""The side of the student that was not trained."""


def prove(config: ProofRun, folder: RunFolder, show: pipeline.Show = pipeline.be_silent) -> list[Proof]:
    """Sample, select, train, evaluate and compare; one Proof for each teacher temperature, also in `proof.json`.

    Raises ConfigError when the config's selections cannot be compared, MissingExtraError without the train extra, and
    as `pipeline.run_all`, `train.sft` and `evaluation.evaluate` do.
    """
    if config.prove.baseline not in config.selections:
        names = ", ".join(config.selections) or "none"
        raise ConfigError(f"prove.baseline: there is no selection '{config.prove.baseline}'; selections has: {names}")
    if BEFORE in config.selections:
        raise ConfigError(f"selections: '{BEFORE}' is the untrained student; give the selection another name")
    after = config.prove.pairs_after
    if after is not None and after not in config.selections:
        raise ConfigError(f"prove.pairs_after: there is no selection '{after}'.{suggest(after, config.selections)}")
    check_installed()
    proofs = []
    for temperature in config.prove.temperatures or [config.teacher.temperature]:
        proofs.append(_prove_at(temperature, config, folder, show))
        write_bytes(folder.root / "proof.json", msgspec.json.format(msgspec.json.encode(proofs)) + b"\n")
    return proofs


def _prove_at(temperature: float, config: ProofRun, folder: RunFolder, show: pipeline.Show) -> Proof:
    teacher = config.teacher.model_copy(update={"temperature": temperature})
    place = folder.root / f"teacher-{temperature:g}"
    run = RunFolder(place)
    pipeline.run_all(pipeline.Run(config.model_copy(update={"teacher": teacher}), run, show))
    sets = draw_sets(config, run, place / "sets")
    jobs = [*_plan_jobs(config, folder.root, place, sets)]
    later: list[Job] = []
    if config.prove.pairs_after is not None:
        pairs = draw_pairs(config, run, config.prove.pairs_after, place / "sets")
        sets.append(pairs)
        later = [_after(job, pairs, place) for job in jobs if job.name == config.prove.pairs_after]
    outcomes: dict[str, list[JobOutcome]] = {}
    done = itertools.chain(run_jobs(config, jobs), run_jobs(config, later) if later else ())
    for number, (job, outcome) in enumerate(done, start=1):
        outcomes.setdefault(job.name, []).append(outcome)
        show(pipeline.StepProgress("prove", number, len(jobs) + len(later), _describe(job, outcome)))
    jobs += later
    return Proof(
        temperature=temperature,
        seeds=config.prove.seeds,
        sets=sets,
        sampled=_compare(config, jobs),
        greedy=_compare(config, jobs, greedy=True) if config.prove.greedy else None,
        broken={name: _mean_breaks(made) for name, made in outcomes.items()},
        preferred=_compare_pairs(config, jobs),
        student_temperature=config.student.temperature,
        processor_minutes=sum(one.processor_seconds for made in outcomes.values() for one in made) / 60,
    )


def _plan_jobs(config: ProofRun, root: Path, place: Path, sets: Sequence[TrainingSet]) -> Iterator[Job]:
    """The untrained student, then every set with every seed."""
    yield Job(BEFORE, 0, None, root / BEFORE)
    for seed in config.prove.seeds:
        for one in sets:
            yield Job(one.name, seed, Path(one.path), place / "students" / f"{one.name}-{seed}")


def _after(job: Job, pairs: TrainingSet, place: Path) -> Job:
    """The training on pairs of a student that a job has trained."""
    folder = place / "students" / f"{pairs.name}-{job.seed}"
    return Job(pairs.name, job.seed, Path(pairs.path), folder, job.folder / "student")


def _compare_pairs(config: ProofRun, jobs: Sequence[Job]) -> Comparison | None:
    """The students that were also trained on pairs with themselves before that."""
    names = [config.prove.pairs_after, f"{config.prove.pairs_after}+dpo"]
    if config.prove.pairs_after is None:
        return None
    sides = [Side(str(name), [job.answers() for job in jobs if job.name == name]) for name in names]
    return compare(sides, approximate=config.rewards.accuracy.approximate)


def _compare(config: ProofRun, jobs: Sequence[Job], *, greedy: bool = False) -> Comparison:
    """Every side with the baseline."""
    names = [config.prove.baseline, *dict.fromkeys(job.name for job in jobs if job.name != config.prove.baseline)]
    sides = [Side(name, [job.answers(greedy=greedy) for job in jobs if job.name == name]) for name in names]
    return compare(sides, approximate=config.rewards.accuracy.approximate)


def _describe(job: Job, outcome: JobOutcome) -> str:
    value = outcome.sampled.groups["all"].pass_at[1].value
    shown = "no reply counts" if value is None else f"pass@1 {value:.1%}"
    return f"{job.name}: {shown}" if job.dataset is None else f"{job.name}, seed {job.seed}: {shown}"


def _mean_breaks(outcomes: Sequence[JobOutcome]) -> float:
    shares = [outcome.sampled.groups["all"].format_breaks.value or 0.0 for outcome in outcomes]
    return sum(shares) / len(shares)
