"""Overproof as a library: a run as an object, and runs begun, read, exported and compared from Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from overproof import pipeline
from overproof.completion import read_completion
from overproof.config import EvaluationRun, RunConfig, parse_table, read_tree
from overproof.config.table import Table
from overproof.errors import ConfigError, RunFolderError, suggest_folder
from overproof.evaluation import evaluate as evaluate_student
from overproof.evaluation.comparison import Comparison, name_sides
from overproof.evaluation.comparison import compare as compare_sides
from overproof.evaluation.measures import Evaluation
from overproof.freshness import manifest_of
from overproof.records import Decision, PreparedProblem, Score, Trace
from overproof.report import Summary
from overproof.runfolder import RunFolder, config_here, find_run

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Config = RunConfig | Mapping[str, Any] | str | Path
"""A config in any form: an object, a tree of plain values, a YAML file, a run's folder, or a shipped config's name."""


Kind = TypeVar("Kind", bound=Table)


class RunResult:
    """A run that lies in a folder, read as it is asked for; nothing of it is held in memory until then."""

    def __init__(self, folder: RunFolder) -> None:
        """Take the run in a folder. Raises RunFolderError when there is none."""
        if not folder.holds_run():
            near = "" if folder.storage or folder.root.is_dir() else suggest_folder(folder.root)
            begin = near or f" Begin one with: overproof run CONFIG --run-dir {folder}"
            raise RunFolderError(f"{folder} holds no run yet.{begin}")
        self.folder = folder
        """Where everything lies: `.dataset()`, `.report_html`, `.traces(shard)` and the rest are paths."""

    def __repr__(self) -> str:
        """The folder, by which a run is known."""
        return f"RunResult({str(self.folder)!r})"

    @property
    def config(self) -> RunConfig:
        """The config that the run was made with."""
        return _config_of(str(self.folder), {})

    @property
    def problems(self) -> Iterator[PreparedProblem]:
        """Every problem with what was found out about it."""
        for shard in self._shards:
            yield from self.folder.read_problems(shard)

    @property
    def traces(self) -> Iterator[Trace]:
        """Every trace, in the order of problems, then by index; each carries its problem."""
        for shard in self._shards:
            for _, traces in self.folder.read_groups(shard):
                yield from traces

    @cached_property
    def summary(self) -> Summary:
        """What the run came to, as the report has it; the report is written anew."""
        return pipeline.make_report(pipeline.Run(self.config, self.folder))

    def rows(self, selection: str | None = None) -> Iterator[dict[str, Any]]:
        """A row a trace: problem, reply, grade, rewards (`reward.<name>`) and the decision of a selection.

        What a stage has not written yet is None. `trace_id` is the same in every file and at every reading.
        """
        for shard in self._shards:
            scores, decisions = self._scores(shard), self._decisions(shard, selection)
            for prepared, traces in self.folder.read_groups(shard):
                for trace in traces:
                    yield _row(prepared, trace, scores.get(trace.id), decisions.get(trace.id))

    def to_arrow(self, selection: str | None = None) -> pa.Table:
        """`rows` as a pyarrow table."""
        import pyarrow as pa

        rows = list(self.rows(selection))
        columns = list(dict.fromkeys(name for row in rows for name in row))
        return pa.table({name: [row.get(name) for row in rows] for name in columns})

    def to_pandas(self, selection: str | None = None) -> pd.DataFrame:
        """`rows` as a pandas data frame. Raises ConfigError without pandas."""
        try:
            import pandas as pd
        except ImportError:
            raise ConfigError("to_pandas needs pandas. Install it with: pip install pandas") from None
        return pd.DataFrame(list(self.rows(selection)))

    @property
    def _shards(self) -> range:
        return range(manifest_of(self.folder).shards)

    def _scores(self, shard: int) -> dict[str, Score]:
        there = self.folder.has([self.folder.scores(shard)])
        return {score.trace_id: score for score in self.folder.read_scores(shard)} if there else {}

    def _decisions(self, shard: int, selection: str | None) -> dict[str, Decision]:
        there = self.folder.has([self.folder.decisions(shard, selection)])
        return {one.trace_id: one for one in self.folder.read_decisions(shard, selection)} if there else {}


def run(
    config: Config, *, run_dir: str | Path | None = None, show: pipeline.Show = pipeline.be_silent, **overrides: Any
) -> RunResult:
    """Do it all, as `overproof run` does; the same call again resumes. Overrides are tables: `sampling={"n": 2}`.

    Without `run_dir` the run lies in runs/<name of the config>; a config that has no name needs one. `show` hears of
    every step: `show=Display()` tells what the command tells. Raises the errors of `overproof.errors`.
    """
    settings, folder = _config_of(config, overrides), _folder_of(config, run_dir)
    pipeline.run_all(pipeline.Run(settings, folder, show))
    return RunResult(folder)


def load_run(path: str | Path) -> RunResult:
    """The run in a folder (a path or a URL). Raises RunFolderError when there is none."""
    return RunResult(RunFolder(path if isinstance(path, str) and "://" in path else Path(path)))


def export_dataset(run: RunResult | str | Path, **overrides: Any) -> Path:
    """Write a run's kept traces anew, with keys of the `export` table overridden: `format="prompt_completion"`.

    Returns the dataset's folder. Raises RunFolderError when nothing was selected yet.
    """
    result = run if isinstance(run, RunResult) else load_run(run)
    config = _config_of(str(result.folder), {"export": overrides})
    with result.folder.lock():
        pipeline.export_dataset(pipeline.Run(config, result.folder))
    return result.folder.dataset()


def evaluate(
    config: Config, *, run_dir: str | Path | None = None, show: pipeline.Show = pipeline.be_silent, **overrides: Any
) -> Evaluation:
    """Ask a student what the config's `evaluation` table says, as `overproof evaluate` does."""
    settings = _table_of(config, EvaluationRun, overrides)
    return evaluate_student(settings, _folder_of(config, run_dir), show)


def compare(*runs: str | Path | RunResult, measure: str = "pass@1") -> Comparison:
    """Compare runs or evaluations, paired by problem, with the first; as `overproof compare` does."""
    named = [str(one.folder) if isinstance(one, RunResult) else str(one) for one in runs]
    return compare_sides(name_sides(named), measure=measure)


def _config_of(config: Config, overrides: Mapping[str, Any]) -> RunConfig:
    return _table_of(config, RunConfig, overrides)


def _table_of(config: Any, kind: type[Kind], overrides: Mapping[str, Any]) -> Kind:
    if isinstance(config, Table):
        tree, where = config.model_dump(mode="json"), type(config).__name__
    elif isinstance(config, Mapping):
        tree, where = dict(config), "the config"
    else:
        tree, where = read_tree(config_here(str(config)))
    return parse_table(_merged(tree, overrides), where, kind)


def _merged(tree: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The tree with tables laid over its own, key by key."""
    merged = dict(tree)
    for key, value in overrides.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def _folder_of(config: Any, run_dir: str | Path | None) -> RunFolder:
    if isinstance(config, str | Path):
        return find_run(str(config), run_dir)
    if run_dir is None:
        raise ConfigError("a config that is no file has no name: give run_dir, the folder of the run")
    return RunFolder(run_dir)


def _row(
    prepared: PreparedProblem | None, trace: Trace, score: Score | None, decision: Decision | None
) -> dict[str, Any]:
    completion = read_completion(trace)
    grade = score.grade if score else None
    row: dict[str, Any] = {
        "trace_id": trace.id,
        "problem_id": trace.problem.id,
        "index": trace.index,
        "question": trace.problem.question,
        "reference": trace.problem.reference,
        "source": trace.problem.source,
        "language": prepared.language if prepared else None,
        "teacher": trace.teacher,
        "reasoning": completion.reasoning,
        "answer": completion.answer,
        "finish_reason": trace.finish_reason,
        "error": trace.error,
        "prompt_tokens": trace.usage.prompt_tokens,
        "completion_tokens": trace.usage.completion_tokens,
        "verdict": str(grade.verdict) if grade is not None else None,
        "extracted": grade.extracted if grade is not None else None,
        "layer": grade.layer if grade is not None else None,
        "grade_reason": grade.reason if grade is not None else None,
        "total": score.total if score else None,
        "kept": decision.kept if decision else None,
        "decision": decision.reason if decision else None,
    }
    return row | {f"reward.{name}": reward.value for name, reward in (score.rewards if score else {}).items()}
