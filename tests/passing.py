"""Scored runs of which only the numbers of passes matter."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from building import make_problem, make_score, make_trace, write_run

from overproof.records import PreparedProblem
from overproof.runfolder import Manifest, RunFolder


def write_passes(
    root: Path,
    passes: Sequence[int],
    n: int = 4,
    first: int = 0,
    config: dict[str, Any] | None = None,
    **problem: str,
) -> RunFolder:
    """A scored run whose problem number `first` + i passes `passes[i]` times of n."""
    problems: list[PreparedProblem] = [make_problem(f"p{first + number}", **problem) for number in range(len(passes))]
    traces = [make_trace(one, index) for one in problems for index in range(n)]
    verdicts = ["correct" if index < count else "incorrect" for count in passes for index in range(n)]
    scores = [make_score(trace, verdict) for trace, verdict in zip(traces, verdicts, strict=True)]
    folder = write_run(root, problems, traces, scores)
    folder.write_manifest(Manifest({"sampling": {"n": n}} if config is None else config, 1, {}, {}))
    return folder
