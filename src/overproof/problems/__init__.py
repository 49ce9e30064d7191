"""File or Hub → `Problem`; only this package knows the shapes in which people keep problems.

`read_problems` streams: `rows` has one reader for each kind of file, `presets` says how a known schema is read, and
every problem is checked here before anything is paid for. A question that is empty, an id that occurs twice, a column
that is not there: each is an error that names file, line and the key to set.
"""

from __future__ import annotations

import dataclasses
import difflib
import itertools
from collections.abc import Iterator
from typing import Any

from overproof.config.source import ProblemsConfig
from overproof.errors import ConfigError, InputError
from overproof.problems.presets import PRESETS, Preset
from overproof.problems.rows import Row, read_rows
from overproof.records import Problem, clean_text


def read_problems(config: ProblemsConfig) -> Iterator[Problem]:
    """The problems a config names, in the order of their source.

    Raises ConfigError for a source or column that does not exist and InputError, naming file and line, for an
    empty question, an id that occurs twice, or a value that is neither text nor a number.
    """
    if config.preset == "procedural":
        return _make_problems(config)
    preset = _find_preset(config)
    if (config.path is None) == (preset.dataset is None):
        raise ConfigError("problems: give one of path and dataset (or a preset that names a dataset)")
    rows = itertools.islice(read_rows(config.path, preset.dataset, preset.name, config.split), config.limit)
    return _refuse_duplicates(_build_problems(rows, config, preset))


def _make_problems(config: ProblemsConfig) -> Iterator[Problem]:
    from overproof.tiny.problems import Split, procedural_problems

    if config.limit is None:
        raise ConfigError("problems.preset: procedural makes problems without end; set problems.limit")
    if config.split not in {None, "train", "held_out"}:
        raise ConfigError(f"problems.split: the procedural preset has train and held_out, not '{config.split}'")
    split: Split = "held_out" if config.split == "held_out" else "train"
    return procedural_problems(config.limit, seed=config.seed, split=split)


def _find_preset(config: ProblemsConfig) -> Preset:
    """The schema to read with: the preset's, with the config's own keys in place of its."""
    if config.preset is not None and config.preset not in PRESETS:
        known = ["procedural", *sorted(PRESETS)]
        near = difflib.get_close_matches(config.preset, known, n=1)
        hint = f"Did you mean '{near[0]}'?" if near else f"Known presets: {', '.join(known)}"
        raise ConfigError(f"problems.preset: there is no preset '{config.preset}'. {hint}")
    preset = PRESETS[config.preset] if config.preset else Preset()
    given = {
        key: value
        for key in ("question", "reference", "id", "source", "level", "name", "dataset")
        if (value := getattr(config, key)) is not None
    }
    if config.path is not None:
        given["dataset"] = None
    return dataclasses.replace(preset, **given)


def _build_problems(rows: Iterator[Row], config: ProblemsConfig, preset: Preset) -> Iterator[tuple[str, Problem]]:
    """(where it stands, problem) for each row."""
    for number, row in enumerate(rows):
        if number == 0:
            _check_columns(row, config, preset)
        yield row.where, _build_problem(row, number, preset)


def _check_columns(row: Row, config: ProblemsConfig, preset: Preset) -> None:
    """Refuse a source without the columns that are needed, before its second row is read."""
    needed = {"question": preset.question}
    needed |= {key: column for key in ("reference", "id", "source", "level") if (column := getattr(config, key))}
    for key, column in needed.items():
        if column not in row.values:
            near = difflib.get_close_matches(column, row.values, n=1) or [_likely(key, row)]
            hint = f". Set problems.{key}: {near[0]}" if near[0] else f". Set problems.{key}"
            raise ConfigError(f"{row.where} has no '{column}'; it has: {', '.join(map(str, row.values))}{hint}")


_USUAL_NAMES = {
    "question": ("problem", "question", "prompt", "instruction", "query", "题目", "问题"),
    "reference": ("answer", "reference", "expected_answer", "final_answer", "solution", "答案"),
}


def _likely(key: str, row: Row) -> str | None:
    """The column of this row that people usually call so."""
    return next((name for name in _USUAL_NAMES.get(key, ()) if name in row.values), None)


def _build_problem(row: Row, number: int, preset: Preset) -> Problem:
    question = _as_text(row, preset.question)
    if question is None:
        raise InputError(f"{row.where}: '{preset.question}' is empty. Remove the row or name another column")
    if preset.append and (more := _as_text(row, preset.append)):
        question = f"{question}\n{more}"
    reference = _as_text(row, preset.reference) if preset.has_reference else None
    if reference is not None and preset.extract:
        reference = preset.extract(reference)
    return Problem(
        id=_as_text(row, preset.id) or str(number),
        question=question,
        reference=reference,
        source=_as_text(row, preset.source) or preset.source_name,
        metadata={"level": level} if (level := _as_text(row, preset.level)) else {},
    )


def _as_text(row: Row, column: str) -> str | None:
    """A cell as text: numbers as they are written, missing and blank cells as None."""
    value: Any = row.values.get(column)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InputError(f"{row.where}: '{column}' holds {type(value).__name__}, not text or a number")
    return clean_text(str(value)).strip() or None


def _refuse_duplicates(problems: Iterator[tuple[str, Problem]]) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for where, problem in problems:
        if problem.id in seen:
            raise InputError(f"{where}: the id '{problem.id}' was used before, at {seen[problem.id]}. Make ids unique")
        seen[problem.id] = where
        yield problem
