"""A run's config: YAML in, one frozen `RunConfig` out; only this module knows how a config is found and refused.

Defaults live in the tables (`source`, `endpoint`, `rewards`, `selection`, `output`, `execution`) and nowhere else. An
unknown key is an error that names the nearest known one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, PositiveInt, ValidationError, model_validator
from pydantic_core import ErrorDetails

from overproof.config.endpoint import BudgetConfig, EndpointConfig, JudgeConfig, SamplingConfig
from overproof.config.execution import Engine, RayConfig
from overproof.config.output import ExportConfig
from overproof.config.rewards import REWARDS, RewardsConfig
from overproof.config.selection import HygieneConfig, SelectionConfig, SelectionName, check_selection
from overproof.config.source import ProblemsConfig, PromptConfig
from overproof.config.table import Table
from overproof.config.training import EvaluationConfig, ProveConfig, TrainConfig
from overproof.errors import ConfigError, explain_os_error, suggest, suggest_folder
from overproof.keys import blot_lookalikes, environment_keys, find_keys
from overproof.resources import bundled, shipped_configs


class RunConfig(Table):
    """One run, from problems to report."""

    problems: ProblemsConfig
    """Where the problems come from."""
    teacher: EndpointConfig
    """The model whose reasoning is sampled."""
    hygiene: HygieneConfig = HygieneConfig()
    """What is looked for among the problems."""
    prompt: PromptConfig = PromptConfig()
    """How a question is put."""
    sampling: SamplingConfig = SamplingConfig()
    """How many traces a problem gets."""
    budget: BudgetConfig = BudgetConfig()
    """Prices and caps."""
    judge: JudgeConfig | None = None
    """Who is asked where the rules cannot tell whether an answer is right."""
    rewards: RewardsConfig = RewardsConfig()
    """What is measured of a trace."""
    selection: SelectionConfig = SelectionConfig()
    """What is kept."""
    selections: dict[SelectionName, SelectionConfig] = {}
    """Further selections from the same scores, each under a name of its own, to be compared."""
    export: ExportConfig = ExportConfig()
    """The form of the dataset."""
    engine: Engine = "local"
    """Where shards run: local, in processes of this machine; ray, on a cluster (`pip install 'overproof[ray]'`)."""
    workers: PositiveInt | None = None
    """Most processes that the local engine runs at once; None: one a core."""
    ray: RayConfig = RayConfig()
    """The cluster of `engine: ray`."""
    train: TrainConfig | None = None
    """How a student is trained on the dataset (`overproof sft`)."""
    student: EndpointConfig | None = None
    """The trained student as a model to be asked (`overproof evaluate`)."""
    evaluation: EvaluationConfig | None = None
    """What the student is asked."""

    @model_validator(mode="after")
    def _check_selections(self) -> RunConfig:
        for name, selection in (("selection", self.selection), *self.selections.items()):
            check_selection(name, selection, self.sampling, [*REWARDS, *self.rewards.custom])
        return self

    @model_validator(mode="before")
    @classmethod
    def _measure_what_is_required(cls, tree: Any) -> Any:
        """List every reward that a selection requires: one that is not measured would let everything pass."""
        if not isinstance(tree, dict):
            return tree
        rewards = tree.get("rewards") or {}
        listed = rewards.model_dump(exclude_none=True) if isinstance(rewards, RewardsConfig) else rewards
        selections = [tree.get("selection"), *_values_of(tree.get("selections"))]
        required = {name for selection in selections for name in _required_by(selection)}
        unmeasured = {name for name in REWARDS if RewardsConfig.model_fields[name].default is None}
        missing = sorted((required & unmeasured) - set(listed)) if isinstance(listed, dict) else []
        return {**tree, "rewards": {**listed, **{name: {"weight": 0} for name in missing}}} if missing else tree

    @model_validator(mode="after")
    def _check_judge(self) -> RunConfig:
        if self.judge is not None and self.budget.max_cost is not None and not self.judge.prices.has_prices:
            raise ValueError("budget.max_cost also bounds the judge: give judge.prices.input_price and output_price")
        return self


class SftRun(Table):
    """What `overproof sft` reads of a config."""

    train: TrainConfig
    """How a student is trained."""


class EvaluationRun(Table):
    """What `overproof evaluate` reads of a config."""

    student: EndpointConfig = EndpointConfig(profile="path")
    """The model to evaluate; without it the student that the config's own run has trained."""
    evaluation: EvaluationConfig
    """What it is asked."""
    prompt: PromptConfig = PromptConfig()
    """How a question is put."""
    rewards: RewardsConfig = RewardsConfig()
    """How answers are judged."""
    budget: BudgetConfig = BudgetConfig()
    """Prices and caps."""


class ProofRun(RunConfig):
    """What `overproof prove` reads of a config: a whole run, a training, an evaluation, and how they are compared."""

    train: TrainConfig
    """How each student is trained; dataset and output are the proof's own."""
    student: EndpointConfig = EndpointConfig(profile="path")
    """How each student is asked."""
    evaluation: EvaluationConfig
    """What the students are asked."""
    prove: ProveConfig = ProveConfig()
    """What is compared."""


def _values_of(tables: object) -> list[object]:
    return list(tables.values()) if isinstance(tables, dict) else []


def _required_by(selection: object) -> list[str]:
    """The rewards that a selection requires or orders by, before it is known to be sound."""
    if isinstance(selection, SelectionConfig):
        selection = {"require": selection.require, "order": selection.order}
    if not isinstance(selection, dict):
        return []
    required = selection.get("require")
    names = [str(name) for name in required] if isinstance(required, dict) else []
    return [*names, "thought_share"] if selection.get("order") == "efficient" else names


_TABLES = frozenset(ProofRun.model_fields)
_LONGEST_NAME = 40
_RUNS_NAMED = 5
"""Runs of a folder that a message lists."""
"""Characters of a value that is told when it is none of the names that its key takes."""

Kind = TypeVar("Kind", bound=Table)


def load_config(name: str, overrides: Sequence[str] = ()) -> RunConfig:
    """A run's config: see `load_table`."""
    return load_table(name, RunConfig, overrides)


def load_table(name: str, kind: type[Kind], overrides: Sequence[str] = ()) -> Kind:
    """The config at path `name` (or the bundled config of that name), with `key.path=value` overrides applied.

    `kind` is the table that the whole file is. Override values are YAML (`sampling.n=8`,
    `teacher.extra={top_k: 20}`). Raises ConfigError naming the file, each wrong key, and for an unknown key the
    nearest known one.
    """
    tree, where = read_tree(name)
    return parse_table(tree, where, kind, overrides)


def read_tree(name: str) -> tuple[dict[str, Any], str]:
    """The config at a path or of a name as a tree of plain values, and what errors call it."""
    path = find_config(name)
    tree = _read_yaml(path)
    if tree.pop("run", None) is not None:  # a run's own config.yaml is a config too
        _find_imported(tree, path.parent)
    return tree, str(path)


def _find_imported(tree: dict[str, Any], folder: Path) -> None:
    """Let a run of imported traces read its problems where it lies now, wherever it was made."""
    problems = tree.get("problems")
    beside = folder / "imported.jsonl"
    if isinstance(problems, dict) and Path(str(problems.get("path"))).name == beside.name and beside.is_file():
        problems["path"] = str(beside.resolve())


def find_config(name: str) -> Path:
    """The file a config name means: a path, a run's folder, or the stem of a bundled config such as `quickstart`."""
    path = Path(name)
    if (path / "config.yaml").is_file():
        return path / "config.yaml"
    if path.is_file():
        return path
    if (candidate := bundled("configs") / f"{name}.yaml").is_file():
        return candidate
    names = shipped_configs()
    if path.is_dir():
        raise ConfigError(_explain_folder(path))
    here = [str(file) for file in Path().glob("*.yaml")]
    beside = suggest_folder(path) if path.parent.name and path.parent.is_dir() else ""
    hint = beside or suggest(path.stem, names) or suggest(name, here) or suggest_folder(path)
    raise ConfigError(
        f"There is no config and no run folder '{name}'."
        + (hint or f" Give a path, or one of those that ship with overproof: {', '.join(names)}")
    )


def _explain_folder(path: Path) -> str:
    """Why a folder that is there stands for no run."""
    runs = sorted(str(file.parent) for file in path.glob("*/config.yaml"))
    if not runs:
        return f"'{path}' is a folder without a run in it. Begin one with: overproof run CONFIG --run-dir FOLDER"
    more = f", and {len(runs) - _RUNS_NAMED:,} more" if len(runs) > _RUNS_NAMED else ""
    return f"'{path}' is a folder of runs and none itself. Name one of them: {', '.join(runs[:_RUNS_NAMED])}{more}"


def parse_config(tree: dict[str, Any], where: str, overrides: Sequence[str] = ()) -> RunConfig:
    """A run's config from its tree: see `parse_table`."""
    return parse_table(tree, where, RunConfig, overrides)


def parse_table(tree: dict[str, Any], where: str, kind: type[Kind], overrides: Sequence[str] = ()) -> Kind:
    """Validate a config tree of this kind with overrides applied to it; `where` names it in errors.

    One file may serve several commands: tables of a run that this kind does not read are left alone.
    """
    for override in overrides:
        _apply_override(tree, override)
    _refuse_keys(tree, where)
    others = _TABLES - set(kind.model_fields)
    tree = {key: value for key, value in tree.items() if key not in others and value is not None}
    try:
        return kind.model_validate(tree)
    except ValidationError as error:
        lines = _explain_all(error.errors(include_url=False), kind, tree)
        raise ConfigError(blot_lookalikes("\n".join(f"{where}: {line}" for line in lines))) from None


def _refuse_keys(tree: dict[str, Any], where: str) -> None:
    """Keep keys out of a config: it is copied into every run folder, and parts of it into every trace."""
    for place in find_keys(tree, environment_keys()):
        raise ConfigError(
            f"{where}: '{place}' holds a key, or what looks like one. Keys come from environment variables only: name "
            "the variable in teacher.key_env (in teacher.headers for a header of its own). Nothing was written."
        )


def describe(config: BaseModel, prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    """Each leaf of a config as (dotted key, value, one-line meaning), in declaration order."""
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        tables = _tables_in(f"{prefix}{name}", value)
        for place, table in tables.items():
            yield from describe(table, f"{place}.")
        if not tables:
            yield f"{prefix}{name}", value, " ".join((field.description or "").split())


def _tables_in(place: str, value: Any) -> dict[str, BaseModel]:
    """The tables that a key holds, by their dotted places: alone, under names, or in a list."""
    if isinstance(value, BaseModel):
        return {place: value}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {f"{place}.{key}": item for key, item in items if isinstance(item, BaseModel)}


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        said = ", ".join(part for part in (error.context, error.problem) if part)
        line = "" if error.problem_mark is None else f":{error.problem_mark.line + 1}"
        raise ConfigError(f"{path}{line} is not readable YAML: {blot_lookalikes(said)}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not readable YAML: {blot_lookalikes(str(error))}") from None
    except RecursionError:
        raise ConfigError(f"{path} is not readable YAML: it is nested without end") from None
    except OSError as error:
        raise ConfigError(explain_os_error(error, path, "read")) from None
    if not isinstance(tree, dict):
        told = f"{path} holds no tables; a config begins with 'problems:' and 'teacher:'"
        made = f". For a file of problems one is written by: overproof init --problems {path}"
        raise ConfigError(told if path.suffix in {".yaml", ".yml"} else told + made)
    return tree


def _apply_override(tree: dict[str, Any], override: str) -> None:
    key, separator, value = override.partition("=")
    shown = blot_lookalikes(override)
    if not separator or not key:
        raise ConfigError(f"--set {shown}: write it as key.path=value, for example --set sampling.n=8")
    *tables, leaf = key.strip().split(".")
    for table in tables:
        tree = tree.setdefault(table, {})
        if not isinstance(tree, dict):
            raise ConfigError(f"--set {shown}: '{table}' is not a table")
    try:
        tree[leaf] = yaml.safe_load(value)
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"--set {shown}: the value is not YAML ({blot_lookalikes(str(error))})") from None


def _explain_all(details: list[ErrorDetails], kind: type[BaseModel], tree: dict[str, Any]) -> list[str]:
    """Pydantic's errors in our words, one for each key: of a key that takes one kind or another all that it takes."""
    said: dict[str, str] = {}
    for number, detail in enumerate(details):
        place = _place_of(detail, tree)
        line, key = _explain(detail, place, kind), place or str(number)
        before, again = said.get(key), line.removeprefix(f"'{place}': ")
        said[key] = line if before is None else f"{before}; or: {again}"
    return list(said.values())


def _place_of(detail: ErrorDetails, tree: dict[str, Any]) -> str:
    """The dotted key of an error, without the alternatives that were tried for its value."""
    if detail["type"] in {"missing", "extra_forbidden"}:
        return ".".join(str(part) for part in detail["loc"])
    here: Any = tree
    place: list[str] = []
    for part in detail["loc"]:
        is_key = part in here if isinstance(here, dict) else isinstance(here, list) and isinstance(part, int)
        if is_key:
            here = here[part]
            place.append(str(part))
    return ".".join(place)


def _explain(detail: ErrorDetails, location: str, kind: type[BaseModel]) -> str:
    """One pydantic error in our words."""
    value = detail["input"]
    if detail["type"] == "literal_error" and isinstance(value, str) and len(value) <= _LONGEST_NAME:
        names = re.findall(r"'([^']*)'", detail.get("ctx", {}).get("expected", ""))
        return f"'{location}': there is no '{value}'.{suggest(value, names)} It takes {', '.join(names)}"
    if detail["type"] == "extra_forbidden":
        known = _known_keys(detail["loc"][:-1], kind)
        hint = suggest(str(detail["loc"][-1]), known) or f" Known keys: {', '.join(known)}."
        return f"unknown key '{location}'.{hint}"
    if detail["type"] == "missing":
        return f"'{location}' is missing"
    message = detail["msg"].removeprefix("Value error, ")
    return f"'{location}': {message}" if location else message


def _known_keys(location: Sequence[str | int], kind: type[BaseModel]) -> list[str]:
    """The keys of the table at a location of a config tree of this kind."""
    for part in location:
        field = kind.model_fields.get(str(part))
        kind = (table_in(field.annotation) if field is not None else None) or kind
    return list(kind.model_fields)


def table_in(annotation: Any) -> type[BaseModel] | None:
    """The table that a field holds: alone, optional, in a list, or under names."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((table for part in get_args(annotation) if (table := table_in(part)) is not None), None)
