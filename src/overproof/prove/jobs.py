"""One student of a proof: trained on a set, then asked. Several run side by side, a process and a thread each."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

import msgspec
import orjson

from overproof.config import EvaluationRun, ProofRun
from overproof.config.endpoint import EndpointConfig
from overproof.errors import OverproofError
from overproof.evaluation import evaluate_endpoint
from overproof.evaluation.measures import Evaluation
from overproof.evaluation.serving import hash_weights, serve_student
from overproof.journal import open_log, write_bytes
from overproof.records import decode, encode
from overproof.runfolder import RunFolder
from overproof.student.checkpoint import find_student
from overproof.train import dpo, sft
from overproof.train.resuming import TrainSummary

_THREADS = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


class Job(msgspec.Struct, frozen=True):
    """What is to be done for one student."""

    name: str
    """Its set, or `before` for the student as it was."""
    seed: int
    dataset: Path | None
    """The rows to train on; None trains nothing."""
    folder: Path
    """Where its student, its answers and its log go."""
    base: Path | None = None
    """The trained student to go on from, where the rows are pairs; None begins with the proof's own."""

    def answers(self, *, greedy: bool = False) -> RunFolder:
        """The run folder that holds the student's answers."""
        return RunFolder(self.folder / ("greedy" if greedy else "sampled"))


class JobOutcome(msgspec.Struct, frozen=True):
    """What came of a job."""

    done: str
    """Digest of the rows, of how the student was trained and asked, and of its weights."""
    training: TrainSummary | None
    sampled: Evaluation
    greedy: Evaluation | None
    processor_seconds: float
    """Of the call that finished it, server and verifier included."""


def run_jobs(config: ProofRun, jobs: Sequence[Job]) -> Iterator[tuple[Job, JobOutcome]]:
    """The outcome of every job as they end, `prove.jobs` at a time. A job that was done before is not done again.

    Raises OverproofError when a process of one is killed, as where memory lacks.
    """
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    with ProcessPoolExecutor(config.prove.jobs, context, initializer=_settle_in) as pool:
        waiting = {pool.submit(_run_job, config, job): job for job in jobs}
        try:
            for done in as_completed(waiting):
                yield waiting[done], done.result()
        except BrokenProcessPool:
            raise OverproofError(
                "A process that trains or asks a student was killed, perhaps for want of memory; "
                f"{jobs[0].folder.parent} has its log. The same command goes on with what is missing; with --set "
                "prove.jobs=1 it takes less memory"
            ) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _settle_in() -> None:
    """Set what numerical libraries read when they are loaded."""
    os.environ.update(_THREADS)


def _run_job(config: ProofRun, job: Job) -> JobOutcome:
    began = sum(os.times()[:4])  # of this process and of its children that have ended
    job.folder.mkdir(parents=True, exist_ok=True)
    with _output_to(job.folder / "log.txt"):
        student = job.folder / "student" if job.dataset else Path(find_student(config.train.student))
        result = job.folder / "outcome.json"
        if result.exists() and (earlier := decode(result.read_bytes(), JobOutcome)).done == _digest(
            config, job, student
        ):
            return earlier
        training = _train(config, job)
        with serve_student(config.student.model_copy(update={"model": str(student)}), student) as endpoint:
            sampled = _ask(config, endpoint, job)
            greedy = _ask(config, endpoint, job, greedy=True) if config.prove.greedy else None
        outcome = JobOutcome(_digest(config, job, student), training, sampled, greedy, sum(os.times()[:4]) - began)
        write_bytes(result, encode(outcome))
        return outcome


def _train(config: ProofRun, job: Job) -> TrainSummary | None:
    if job.dataset is None:
        return None
    changed = {
        "dataset": str(job.dataset),
        "output": str(job.folder / "student"),
        "sft": config.train.sft | {"seed": job.seed},
    }
    if job.base is not None:
        changed |= {"student": str(job.base), "dpo": config.train.dpo | {"seed": job.seed}}
        return dpo(config.train.model_copy(update=changed), RunFolder(job.folder))
    return sft(config.train.model_copy(update=changed), RunFolder(job.folder))


def _ask(config: ProofRun, endpoint: EndpointConfig, job: Job, *, greedy: bool = False) -> Evaluation:
    evaluation = config.evaluation
    if greedy:
        endpoint = endpoint.model_copy(update={"temperature": 0.0})
        evaluation = evaluation.model_copy(update={"n": 1, "ks": [1]})
    asking = EvaluationRun(
        student=endpoint, evaluation=evaluation, prompt=config.prompt, rewards=config.rewards, budget=config.budget
    )
    return evaluate_endpoint(asking, job.answers(greedy=greedy))


def _digest(config: ProofRun, job: Job, student: Path) -> str:
    """What tells whether a job has been done before, without loading what trains."""
    tables = [config.train, config.student, config.evaluation, config.prompt, config.rewards]
    text = orjson.dumps([[table.model_dump(mode="json") for table in tables], config.prove.greedy])
    rows = job.dataset.read_bytes() if job.dataset else b""
    base = hash_weights(job.base).encode() if job.base else b""
    return hashlib.blake2b(text + hash_weights(student).encode() + rows + base, digest_size=8).hexdigest()


@contextmanager
def _output_to(path: Path) -> Iterator[None]:
    """Have all that this process and its children write go to a file, which is added to."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    with open_log(path) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor, stream in zip(kept, (1, 2), strict=True):
            os.dup2(descriptor, stream)
            os.close(descriptor)
