"""Whatever a message, a help text, a page of the guide or the README names exists: commands, options, keys, names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
import typer.main
from pydantic import BaseModel

from overproof.cli import app
from overproof.config import EvaluationRun, ProofRun, RunConfig, SftRun, find_config
from overproof.config.grpo import GrpoConfig
from overproof.importing.layouts import ALIASES, LAYOUTS
from overproof.problems.presets import PRESETS
from overproof.resources import guide_pages
from overproof.teacher.profiles import profile_names

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "overproof"
PAGES = [ROOT / "README.md", *guide_pages("en").values(), *guide_pages("zh").values()]
COMMANDS: dict[str, Any] = getattr(typer.main.get_command(app), "commands")  # noqa: B009 (typer's group is not typed)
OPTIONS_OF = {name: {option for one in command.params for option in one.opts} for name, command in COMMANDS.items()}


def models_in(kind: Any) -> Iterator[type[BaseModel]]:
    """The tables that a key of this type may hold."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for part in get_args(kind):
        yield from models_in(part)


def keys_of(model: type[BaseModel], place: str = "") -> Iterator[str]:
    """Every dotted key under a table; `*` stands for a name that the user gives."""
    for name, field in model.model_fields.items():
        here = f"{place}{name}"
        yield here
        open_ended = get_origin(field.annotation) is dict or any(
            get_origin(part) is dict for part in get_args(field.annotation)
        )
        inner = list(models_in(field.annotation))
        if open_ended and not inner:
            yield f"{here}.*"
        for one in inner:
            for prefix in (f"{here}.*.", f"{here}.") if open_ended else (f"{here}.",):
                yield from keys_of(one, prefix)


KEYS = {key for model in (RunConfig, EvaluationRun, ProofRun, SftRun) for key in keys_of(model)}
KEYS |= set(keys_of(GrpoConfig))
TABLES = {key for key in KEYS if "." not in key and any(other.startswith(f"{key}.") for other in KEYS)}
ENDINGS = {"json", "jsonl", "yaml", "md", "parquet", "html", "py", "csv", "toml", "txt", "safetensors", "arrow", "png"}


def texts_of(path: Path) -> Iterator[str]:
    """Every string of a module but its docstrings; of one with values in it the parts between, `{}` for each value."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    shown = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            pieces = (str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
            yield "".join(pieces)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (parts | shown):
            yield node.value


def helps_of(path: Path) -> Iterator[str]:
    """The docstrings of a module of the command line and of the tables of configs, which are shown to users."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value


SAID = [(path.relative_to(SOURCE), text) for path in sorted(SOURCE.rglob("*.py")) for text in texts_of(path)]
SAID += [
    (path.relative_to(SOURCE), text)
    for folder in ("cli", "config")
    for path in sorted((SOURCE / folder).glob("*.py"))
    for text in helps_of(path)
]
SAID += [(page.relative_to(ROOT), page.read_text(encoding="utf-8")) for page in PAGES]
SAID += [(path.relative_to(ROOT), path.read_text(encoding="utf-8")) for path in (ROOT / "configs").glob("*.yaml")]


NO_PROSE = {"__init__.py"}
"""Modules whose strings are names of modules."""


def is_key(name: str) -> bool:
    """Whether a dotted name is a key, with any word where the user gives the name."""
    parts = name.split(".")
    return any(
        len(known) >= len(parts) and all(k in {part, "*"} for k, part in zip(known, parts, strict=False))
        for known in (key.split(".") for key in KEYS)
    ) or any(key.endswith(".*") and name.startswith(key.removesuffix("*")) for key in KEYS)


def test_every_command_that_is_named_exists() -> None:
    wrong = [
        (str(where), name)
        for where, text in SAID
        for name in re.findall(
            r"(?<![\w/.-])(?<!another )overproof ([a-z][a-z-]+)(?= [A-Z{<\[-]|`|$|\n| runs/| configs/)", text
        )
        if name not in COMMANDS
    ]
    assert wrong == []


def test_every_option_that_is_named_beside_its_command_exists() -> None:
    wrong = [
        (str(where), name, option)
        for where, text in SAID
        for name, rest in re.findall(r"(?<![\w/.-])overproof ([a-z][a-z-]+)((?: [^#&|;`()\n]*)?)", text)
        for option in re.findall(r"(?<=\s)--[a-z][a-z-]*", rest)
        if name in COMMANDS and option not in {*OPTIONS_OF[name], "--help", "--quiet", "--verbose"}
    ]
    assert wrong == []


def test_every_key_that_is_named_exists() -> None:
    tables = "|".join(sorted(TABLES))
    wrong = [
        (str(where), name)
        for where, text in SAID
        for name in re.findall(rf"(?<![\w./@{{\"'-])(?:{tables})(?:\.[a-z_][a-z_0-9]*)+(?![\w/(])", text)
        if name.rpartition(".")[2] not in ENDINGS and not is_key(name) and str(where) not in NO_PROSE
    ]
    assert wrong == []


NAMES = {
    "preset": (r"\bpreset(?:: |=)['\"]?([a-z][a-z0-9_]+)\b(?! is)", {*PRESETS, "procedural"}),
    "profile": (
        r"(?:\bprofile(?:: |=)|--provider )['\"]?([a-z][a-z0-9_]+)\b(?!\.toml| is)",
        {*profile_names(), "path"},
    ),
    "schema": (r"import-traces .*--schema ([a-z][a-z0-9_]+)", {*LAYOUTS, *ALIASES}),
    "benchmark": (r"benchmarks: \[([a-z0-9_]+)", {*PRESETS}),
}


@pytest.mark.parametrize("kind", NAMES)
def test_every_name_of_a_kind_that_is_named_exists(kind: str) -> None:
    pattern, known = NAMES[kind]
    assert [(str(where), name) for where, text in SAID for name in re.findall(pattern, text) if name not in known] == []


def test_every_config_that_is_named_ships() -> None:
    names = {name for _, text in SAID for name in re.findall(r"configs/([a-z0-9_]+)\.yaml", text)}
    assert names
    assert all(find_config(name).is_file() for name in names)


def test_what_is_asked_for_here_would_be_noticed() -> None:
    assert is_key("teacher.base_url")
    assert is_key("selections.best.k_per_problem")
    assert not is_key("teacher.base_ulr")
    assert not is_key("rewards.accurracy.weight")
    assert len(SAID) > 3000
