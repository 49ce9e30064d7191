"""How good is a model? Its answers are traces like a teacher's, so it is asked, journalled and graded by the pipeline.

serving       a local checkpoint → an endpoint
outcomes      a scored run → what came of each sample
measures      outcomes → pass@k, maj@k, breaks and lengths, with intervals
comparison    two or more runs on the same problems → paired differences
"""

from __future__ import annotations

import msgspec

from overproof import pipeline
from overproof.config import EvaluationRun, RunConfig
from overproof.config.endpoint import SamplingConfig
from overproof.config.selection import HygieneConfig
from overproof.evaluation.measures import Evaluation, count_uncounted, measure
from overproof.evaluation.outcomes import read_outcomes
from overproof.evaluation.serving import serve_student
from overproof.journal import write_bytes
from overproof.runfolder import RunFolder
from overproof.teacher import Dialect


def evaluate(config: EvaluationRun, folder: RunFolder, show: pipeline.Show = pipeline.be_silent) -> Evaluation:
    """Ask the student every problem, grade its answers, and write the figures to `evaluation.json`, and a report.

    `folder` is that of the config's run: the answers are journalled in a run of their own within it, and a student
    without a name is the one trained there. The same call resumes; a larger `evaluation.n` asks only for what is
    missing. Raises as `pipeline.sample` does, and as `serving.serve_student` for a local checkpoint.
    """
    with serve_student(config.student, folder.student) as student:
        return evaluate_endpoint(config.model_copy(update={"student": student}), folder.evaluation, show)


def evaluate_modes(
    config: EvaluationRun, folder: RunFolder, show: pipeline.Show = pipeline.be_silent
) -> dict[str, Evaluation]:
    """`evaluate` in each of `evaluation.modes`, by mode: one student that thinks or answers at once, as it is asked.

    A reply that was to have no reasoning breaks its form when it has some. Raises as `evaluate` does.
    """
    found: dict[str, Evaluation] = {}
    with serve_student(config.student, folder.student) as student:
        for mode in config.evaluation.modes:
            asked = student.model_copy(update={"thinking": mode == "thinking"})
            asking = config.model_copy(update={"student": asked})
            found[mode] = evaluate_endpoint(asking, folder.evaluation_in(mode), show)
    return found


def evaluate_endpoint(
    config: EvaluationRun, answers: RunFolder, show: pipeline.Show = pipeline.be_silent
) -> Evaluation:
    """`evaluate` for an endpoint that runs already, with the answers in the run folder `answers`."""
    run = pipeline.Run(_as_run(config), answers, show)
    with answers.lock():
        pipeline.prepare(run)
        pipeline.sample(run)
        pipeline.score(run)
        evaluation = _measure(config, answers)
        write_bytes(answers.evaluation_json, msgspec.json.format(msgspec.json.encode(evaluation)) + b"\n")
        pipeline.make_report(run)
    return evaluation


def _as_run(config: EvaluationRun) -> RunConfig:
    """The run that asks the student: every problem is asked, whatever it has in common with another."""
    return RunConfig(
        problems=config.evaluation.problems,
        teacher=config.student,
        hygiene=HygieneConfig(duplicates=False, near_duplicates=None),
        prompt=config.prompt,
        sampling=SamplingConfig(n=config.evaluation.n, seed=config.evaluation.seed, require_reasoning=False),
        budget=config.budget,
        rewards=config.rewards,
    )


def _measure(config: EvaluationRun, answers: RunFolder) -> Evaluation:
    dialect = Dialect(config.student)
    policy, n = config.rewards.accuracy.approximate, config.evaluation.n
    outcomes = list(read_outcomes(answers, approximate=policy, most=n))
    samples = sum(len(outcome.samples) for outcome in outcomes)
    uncounted = count_uncounted(outcomes)
    missing = len(outcomes) * n - samples - sum(uncounted.values())
    return Evaluation(
        model=dialect.model,
        profile=dialect.profile.name,
        parameters=dialect.parameters,
        problems=len(outcomes),
        samples=samples,
        uncounted=uncounted,
        missing=missing,
        groups=measure(outcomes, config.evaluation.ks, are_all_there=not missing),
    )
