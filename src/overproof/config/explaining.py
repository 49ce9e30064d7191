"""A config with every key told: as YAML that can be pasted, and as a JSON schema for editors."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from overproof.config import EvaluationRun, ProofRun, RunConfig, SftRun, parse_table, read_tree, table_in
from overproof.config.grpo import GrpoConfig
from overproof.config.table import Table

_WIDTH = 78
"""Columns of a comment: what the narrowest usual terminal shows whole."""
_CHANGED = "  # not the default"


def explain_config(name: str, overrides: Sequence[str] = ()) -> Iterator[str]:
    """Every key that the commands read of a config, with its meaning above it, as the lines of a YAML file.

    A key whose value is not the default says so; a table that is not given stands as comments. Raises ConfigError as
    `load_table` does.
    """
    tree, where = read_tree(name)
    told: set[str] = set()
    for config in [parse_table(dict(tree), where, kind, overrides) for kind in _kinds_of(tree)]:
        for key, field in type(config).model_fields.items():
            if key not in told:
                told.add(key)
                yield from _explain(key, field, getattr(config, key), 0)
                yield ""


def schema() -> dict[str, Any]:
    """JSON schema of a config file: every table that any command reads, none of them demanded."""
    whole = ProofRun.model_json_schema()
    grpo = GrpoConfig.model_json_schema()
    student = {"anyOf": [whole["properties"]["student"], grpo["properties"]["student"]]}
    properties = grpo["properties"] | whole["properties"] | {"student": student}
    properties["run"] = {"type": "object", "description": "How a run was made; in a run's own config.yaml only."}
    whole |= {"title": "Overproof config", "properties": properties, "$defs": grpo["$defs"] | whole["$defs"]}
    whole.pop("required", None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **whole}


def _kinds_of(tree: dict[str, Any]) -> list[type[Table]]:
    """What a file is the config of, by the tables that it holds; a run's own names those without a value too."""
    given = {key for key, value in tree.items() if value is not None}
    if "grpo" in given:
        return [GrpoConfig]
    if "prove" in given:
        return [ProofRun]
    kinds: list[type[Table]] = []
    if "teacher" in given or not {"train", "evaluation"} & given:
        kinds.append(RunConfig)
    if "train" in given:
        kinds.append(SftRun)
    if "evaluation" in given and "teacher" not in given:
        kinds.append(EvaluationRun)
    return kinds


def _explain(key: str, field: FieldInfo, value: Any, depth: int) -> Iterator[str]:
    """One key: its meaning as a comment, then itself, or its table below it."""
    indent = "  " * depth
    yield from _comment(field.description or "", indent)
    if isinstance(value, BaseModel):
        yield f"{indent}{key}:"
        yield from _explain_table(value, depth + 1)
        return
    table = table_in(field.annotation)
    if value is None and table is not None:
        yield f"{indent}{key}: null"
        yield from (f"{indent}# {line}" for line in _sketch(key, table))
        return
    changed = "" if _is_default(field, value) else _CHANGED
    plain = _to_plain(value)
    style = '"' if isinstance(plain, str) and "\n" in plain else None
    yield f"{indent}{key}: {_dump(plain, style)}{changed}"


def _dump(value: Any, style: str | None = None) -> str:
    """A value as YAML in one line."""
    text = yaml.safe_dump(value, allow_unicode=True, default_flow_style=True, default_style=style, width=10_000)
    return text.removesuffix("\n").removesuffix("\n...").strip()


def _explain_table(table: BaseModel, depth: int) -> Iterator[str]:
    for key, field in type(table).model_fields.items():
        yield from _explain(key, field, getattr(table, key), depth)


def _sketch(key: str, table: type[BaseModel]) -> Iterator[str]:
    """A table that is not given, as it would stand: its defaults, and what has none left open."""
    yield f"{key}:"
    for name, field in table.model_fields.items():
        default = field.get_default(call_default_factory=True)
        value = "…" if default is PydanticUndefined else _to_plain(default)
        yield from _comment(field.description or "", "  ")
        yield f"  {name}: {_dump(value)}"


def _comment(text: str, indent: str) -> Iterator[str]:
    for line in textwrap.wrap(" ".join(text.split()), _WIDTH - len(indent)):
        yield f"{indent}# {line}"


def _is_default(field: FieldInfo, value: Any) -> bool:
    return bool(field.get_default(call_default_factory=True) == value)


def _to_plain(value: Any) -> Any:
    """A value as YAML knows it."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {key: _to_plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_to_plain(one) for one in value]
    return value if value is None or isinstance(value, str | int | float | bool) else float(value)
