"""Run folders with problems, and sampling them from a scripted endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from building import make_config
from endpoint import Ask, Endpoint, Wire, message, object_reply

from overproof.config import RunConfig
from overproof.journal import write_records
from overproof.records import PreparedProblem, Problem, Trace
from overproof.runfolder import RunFolder, shard_of
from overproof.sampling import Notice, Progress, SamplingSummary, sample


def numbered(count: int) -> list[PreparedProblem]:
    """Problems p0, p1, … whose questions and references hold their number."""
    return [
        PreparedProblem(Problem(f"p{number}", f"What is {number} and 1?", str(number + 1)), language="en")
        for number in range(count)
    ]


def make_folder(root: Path, problems: Sequence[PreparedProblem], shards: int = 1) -> RunFolder:
    """A run folder as it is before sampling; writing it again replaces the problems and leaves the traces."""
    folder = RunFolder(root)
    for shard in range(shards):
        write_records(folder.problems(shard), [one for one in problems if shard_of(one.problem.id, shards) == shard])
    return folder


def config_for(endpoint: Endpoint, sampling: dict[str, Any] | None = None, **tables: Any) -> RunConfig:
    """A config for a scripted endpoint; tables lie over quick defaults."""
    teacher = {"model": "m", "base_url": endpoint.base_url, "stream": False} | tables.pop("teacher", {})
    return make_config(teacher=teacher, sampling=sampling or {"n": 2}, **tables)


def answer(ask: Ask) -> Wire:
    """A reply of its own for each prompt and seed, right in three of four."""
    return object_reply(answer_to(ask.body))


def answer_to(body: dict[str, Any]) -> dict[str, Any]:
    """`answer` as the object of a whole reply."""
    ask = Ask(body, {}, "", 1, 1)
    number = int(ask.prompt.split()[2])
    final = number + 1 if ask.chance() < 0.75 else -1
    return message(f"<think>\nSeed {ask.seed} says so.\n</think>\n\n\\boxed{{{final}}}")


def is_right(trace: Trace) -> bool | None:
    """What is right among replies of `answer`."""
    return f"boxed{{{trace.problem.reference}}}" in trace.content


def sample_all(
    config: RunConfig, folder: RunFolder, shards: int = 1, **options: Any
) -> tuple[SamplingSummary, list[Progress | Notice]]:
    """Sample every shard and collect what was told."""
    told: list[Progress | Notice] = []
    options = {"progress": told.append, **options}
    if config.sampling.is_adaptive:
        options.setdefault("correctness", is_right)
    return sample(config, folder, range(shards), **options), told


def read_all(folder: RunFolder, shards: int = 1) -> list[Trace]:
    """Every trace, by problem and index."""
    traces = [trace for shard in range(shards) for trace in folder.read_traces(shard)]
    return sorted(traces, key=lambda trace: (int(trace.problem.id[1:]), trace.index))


def asked_for(endpoint: Endpoint) -> int:
    """How many different samples were asked for."""
    return len({(ask.prompt, ask.seed) for ask in endpoint.asked})


def notices(told: Iterable[Progress | Notice]) -> list[str]:
    """The texts that a person would have seen."""
    return [event.text for event in told if isinstance(event, Notice)]
