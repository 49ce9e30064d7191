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
from decimal import Decimal
from typing import Any

from overproof.config.source import ProblemsConfig
from overproof.errors import ConfigError, InputError
from overproof.problems.files import SourceRow, read_rows
from overproof.problems.presets import PRESETS, Columns, Preset
from overproof.records import Problem, clean_text


def read_problems(config: ProblemsConfig) -> Iterator[Problem]:
    """The problems a config names, in the order of their source.

    Raises ConfigError for a source or column that does not exist and InputError, naming file and line, for an
    empty question, an id that occurs twice, or a value that is neither text nor a number.
    """
    if config.preset == "procedural":
        return _make_problems(config)
    preset = find_preset(config)
    if (config.path is None) == (preset.dataset is None):
        raise ConfigError("problems: give one of path and dataset (or a preset that names a dataset)")
    rows = read_rows(config.path, preset.dataset, preset.name, preset.split, under=preset.under)
    return _refuse_duplicates(_build_problems(itertools.islice(rows, config.limit), config, preset))


def _make_problems(config: ProblemsConfig) -> Iterator[Problem]:
    from overproof.tiny.problems import Split, procedural_problems

    if config.limit is None:
        raise ConfigError("problems.preset: procedural makes problems without end; set problems.limit")
    if config.split not in {None, "train", "held_out"}:
        raise ConfigError(f"problems.split: the procedural preset has train and held_out, not '{config.split}'")
    split: Split = "held_out" if config.split == "held_out" else "train"
    return procedural_problems(config.limit, seed=config.seed, split=split)


def find_preset(config: ProblemsConfig) -> Preset:
    """The schema to read with: the preset's, with the config's own keys in place of its.

    Raises ConfigError naming the nearest preset where there is none of that name.
    """
    if config.preset is not None and config.preset not in PRESETS:
        known = ["procedural", *sorted(PRESETS)]
        near = difflib.get_close_matches(config.preset, known, n=1)
        hint = f"Did you mean '{near[0]}'?" if near else f"Known presets: {', '.join(known)}"
        raise ConfigError(f"problems.preset: there is no preset '{config.preset}'. {hint}")
    preset = PRESETS[config.preset] if config.preset else Preset()
    given: dict[str, Any] = {
        key: value
        for key in ("question", "reference", "id", "source", "level", "name", "dataset", "split")
        if (value := getattr(config, key)) is not None
    }
    if config.path is not None:
        given["dataset"] = None
    if config.reference == "":
        given["reference"] = None
    return dataclasses.replace(preset, **given)


def _build_problems(rows: Iterator[SourceRow], config: ProblemsConfig, preset: Preset) -> Iterator[tuple[str, Problem]]:
    """(where it stands, problem) for each row."""
    for number, row in enumerate(rows):
        if number == 0:
            _check_columns(row, config, preset)
        yield row.where, build_problem(row, str(number), preset)


_USUAL_QUESTIONS = ("problem", "question", "prompt", "instruction", "query", "题目", "问题")
_USUAL_REFERENCES = ("answer", "expected_answer", "final_answer", "golden", "gold", "答案")


def _check_columns(row: SourceRow, config: ProblemsConfig, preset: Preset) -> None:
    """Refuse a source without the columns that are needed, before its second row is read.

    A reference is not needed, but a source that seems to have one under another name is refused too: without it
    every trace would be paid for and none verified.
    """
    needed: dict[str, Columns] = {"question": preset.question}
    if config.preset is not None and preset.reference is not None:
        needed["reference"] = preset.reference
    needed |= {key: column for key in ("reference", "id", "source", "level") if (column := getattr(config, key))}
    for key, columns in needed.items():
        if find_column(row, columns) is None:
            wanted = columns if isinstance(columns, str) else columns[0]
            usual = next((name for name in _USUAL_QUESTIONS if key == "question" and name in row.values), None)
            near = usual or next(iter(difflib.get_close_matches(wanted, map(str, row.values), n=1)), None)
            raise ConfigError(_say_missing(row, wanted) + f". Set problems.{key}" + (f": {near}" if near else ""))
    if config.preset is None and config.reference is None and "reference" not in row.values:
        likely = next((name for name in _USUAL_REFERENCES if name in row.values), None)
        if likely is not None:
            raise ConfigError(
                _say_missing(row, "reference") + f". Set problems.reference: {likely}, "
                "or problems.reference: '' to go without references (nothing is verified then)"
            )


def _say_missing(row: SourceRow, column: str) -> str:
    return f"{row.where} has no '{column}'; it has: {', '.join(map(str, row.values))}"


def find_column(row: SourceRow, columns: Columns | None) -> str | None:
    """The first of these columns that a row has; None when it has none of them."""
    names = (columns,) if isinstance(columns, str) else columns or ()
    return next((name for name in names if name in row.values), None)


def build_problem(row: SourceRow, default_id: str, preset: Preset) -> Problem:
    """The problem in a row. Raises InputError, naming file and line, for an empty question or a value of no use."""
    question = _as_text(row, preset.question)
    if question is None:
        column = find_column(row, preset.question) or preset.question
        raise InputError(f"{row.where}: '{column}' is empty. Remove the row or name another column")
    if more := _as_text(row, preset.append, joint="\n"):
        question = f"{question}\n{more}"
    reference = _as_text(row, preset.reference)
    if reference is not None and preset.extract:
        reference = preset.extract(reference)
    return Problem(
        id=_as_text(row, preset.id) or default_id,
        question=question,
        reference=reference,
        source=_as_text(row, preset.source) or preset.source_name,
        metadata={"level": level} if (level := _as_text(row, preset.level)) else {},
    )


def _as_text(row: SourceRow, columns: Columns | None, joint: str = ", ") -> str | None:
    """The first of these columns as text; missing and blank cells, and NaN, as None.

    Numbers read as they are written, a list of texts (options, the answers of a multiple choice) is joined.
    """
    column = find_column(row, columns)
    value: Any = row.values[column] if column is not None else None
    if value is None or value != value:  # noqa: PLR0124 - NaN is how data frames write a missing value
        return None
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = joint.join(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise InputError(f"{row.where}: '{column}' holds {type(value).__name__}, not text or a number")
    return clean_text(str(value)).strip() or None


def _refuse_duplicates(problems: Iterator[tuple[str, Problem]]) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for where, problem in problems:
        if problem.id in seen:
            raise InputError(f"{where}: the id '{problem.id}' was used before, at {seen[problem.id]}. Make ids unique")
        seen[problem.id] = where
        yield problem
