"""Records and run folders for tests: what sampling and scoring would have left, with only what a test cares about."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson

from overproof.config import RunConfig, parse_config
from overproof.journal import write_records
from overproof.records import (
    Grade,
    Message,
    PreparedProblem,
    Problem,
    Reward,
    Score,
    Trace,
    Usage,
    Verdict,
)
from overproof.runfolder import RunFolder, shard_of

OWN_REASONING = "Two and two make four."


def read_cases(name: str) -> list[dict[str, Any]]:
    """The table of cases `tests/cases/<name>.jsonl`."""
    path = Path(__file__).parent / "cases" / f"{name}.jsonl"
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def make_config(**tables: Any) -> RunConfig:
    """A config with these tables in place of the defaults."""
    tree = {"problems": {"path": "mine.jsonl"}, "teacher": {"model": "teacher-of-tests"}, **tables}
    return parse_config(tree, "test")


def make_problem(problem_id: str = "p", *, reference: str | None = "4", **findings: Any) -> PreparedProblem:
    problem = Problem(problem_id, f"What is two and two in problem {problem_id}?", reference, source="made")
    return PreparedProblem(problem, language="en", **findings)


def make_trace(
    problem: PreparedProblem | None = None,
    index: int = 0,
    *,
    reasoning: str | None = OWN_REASONING,
    answer: str = "The answer is \\boxed{4}.",
    **fields: Any,
) -> Trace:
    """A complete trace whose reply has its reasoning inline; `fields` replace any of the record's own.

    Unless given, the reasoning is of each index another, so that no two traces of a problem are identical.
    """
    if reasoning == OWN_REASONING and index:
        reasoning = f"{OWN_REASONING} Way {index} says so."
    item = (problem or make_problem()).problem
    content = answer if reasoning is None else f"<think>\n{reasoning}\n</think>\n\n{answer}"
    made: dict[str, Any] = {
        "problem": item,
        "index": index,
        "fingerprint": hashlib.sha256(item.id.encode()).hexdigest(),
        "teacher": "teacher-of-tests",
        "profile": "generic",
        "messages": [Message("user", item.question)],
        "parameters": {"temperature": 0.6, "seed": index},
        "content": content,
        "finish_reason": "stop",
        "usage": Usage(prompt_tokens=12, completion_tokens=30),
    }
    return Trace(**(made | fields))


def make_score(trace: Trace, verdict: str | None = "correct", extracted: str | None = "4", **rewards: Any) -> Score:
    """A score with the verdict's accuracy, and the rewards of a well-formed English reply unless given."""
    accuracy = {"correct": 1.0, "approximate": 1.0, "incorrect": 0.0}.get(verdict or "")
    values = {"accuracy": accuracy, "think_format": 1.0, "language_consistency": 1.0} | rewards
    grade = Grade(Verdict(verdict), extracted, "test", "as the test says") if verdict else None
    return Score(trace.id, grade, {name: Reward(value) for name, value in values.items()}, None)


def write_run(
    root: Path,
    problems: Sequence[PreparedProblem],
    traces: Iterable[Trace],
    scores: Iterable[Score],
    *,
    shards: int = 1,
) -> RunFolder:
    """A run folder with these records, each in its shard, traces in the order given."""
    folder = RunFolder(root)
    traces, scores = list(traces), list(scores)
    shard_of_trace = {trace.id: shard_of(trace.problem.id, shards) for trace in traces}
    for shard in range(shards):
        write_records(
            folder.problems(shard), [problem for problem in problems if shard_of(problem.problem.id, shards) == shard]
        )
        write_records(folder.traces(shard), [trace for trace in traces if shard_of_trace[trace.id] == shard])
        write_records(folder.scores(shard), [score for score in scores if shard_of_trace.get(score.trace_id) == shard])
    return folder
