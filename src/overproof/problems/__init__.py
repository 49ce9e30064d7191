"""File or Hub → `Problem`; only this package knows the shapes in which people keep problems.

`read_problems` streams: `rows` reads any kind of file, `presets` says how a known schema is read, `cells` makes text of
a cell, and every problem is checked here before anything is paid for. A question that is empty, an id that occurs
twice, a column that is not there: each is an error that names file, line and the key to set.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from overproof.config.source import ProblemsConfig
from overproof.errors import ConfigError, InputError, suggest
from overproof.problems.cells import as_messages, read_after, read_question, read_text
from overproof.problems.notes import SourceNotes
from overproof.problems.outside import (
    find_beside,
    is_place,
    missing_options,
    names_none,
    options_in,
    say_columns,
    strip_lead,
)
from overproof.problems.presets import EXTRACTORS, PRESETS, Preset, preset_named
from overproof.problems.usual import REFERENCE, ReferenceTally, find_usual, stands_for_none
from overproof.records import Problem
from overproof.rows import Source, list_files, say_fault, scan_rows
from overproof.rows.columns import Columns, find_column, list_paths, nearest
from overproof.rows.row import SourceRow


def read_problems(
    config: ProblemsConfig, notes: SourceNotes | None = None, known: KnownIds | None = None
) -> Iterator[Problem]:
    """The problems a config names, in the order of their source.

    A row without an id gets one from its question, so that rows may be added, removed and moved; `known` are the ids
    that a run has given to questions before.

    Raises ConfigError for a source or column that does not exist and InputError, naming file and line, for an
    empty question, an id that occurs twice, or a value of no use; with `on_bad_row: skip` such rows are left out.
    What is worth telling goes to `notes`.
    """
    if config.preset == "procedural":
        return _make_problems(config)
    preset = find_preset(config)
    notes = notes or SourceNotes()
    rows = scan_rows(source_of(config, preset), notes.tell)
    return _ProblemReader(config, preset, notes, known or {}).read(rows)


def source_of(config: ProblemsConfig, preset: Preset) -> Source:
    """Where the rows of a config are. Raises ConfigError where it names none, or two."""
    if (config.path is None) == (preset.dataset is None):
        raise ConfigError(f"{config.table}: give one of path and dataset (or a preset that names a dataset)")
    return Source(config.path, preset.dataset, preset.name, preset.split, config.encoding, preset.under, config.table)


def stamp_source(config: ProblemsConfig) -> list[list[Any]]:
    """What changes when a file of the source does: name and digest of each; nothing for what is not on disk.

    A correction may leave size and time as they were, and a copy on another machine has another time.
    """
    if config.preset == "procedural":
        return []
    files = list_files(source_of(config, find_preset(config)))
    return [[file.name, _digest_file(file)] for file in files]


def _digest_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


KnownIds = Mapping[bytes, Sequence[str]]
"""The ids that questions have already, by `digest_question`; of a question that stands more than once, in order."""


def digest_question(question: str) -> bytes:
    """What two rows with the same question share, and what the id of a row without one is made of."""
    return hashlib.blake2b(question.encode(), digest_size=8).digest()


class _DefaultIds:
    """Ids for rows that have none: a digest of the question, with a count from its second occurrence on."""

    def __init__(self, known: KnownIds) -> None:
        self._known = known
        self._seen: Counter[bytes] = Counter()

    def next_for(self, question: str) -> str:
        digest = digest_question(question)
        name = digest.hex()
        # Older versions took the number of the row; an id of any other look was given by a column, and is no default.
        known = [one for one in self._known.get(digest, ()) if one.isdecimal() or one.startswith(name)]
        self._seen[digest] += 1
        times = self._seen[digest]
        if times <= len(known):
            return known[times - 1]
        return name if times == 1 else f"{name}-{times}"


def _make_problems(config: ProblemsConfig) -> Iterator[Problem]:
    from overproof.tiny.problems import Split, procedural_problems

    if config.limit is None:
        raise ConfigError(f"{config.table}.preset: procedural makes problems without end; set {config.table}.limit")
    if config.split not in {None, "train", "held_out"}:
        raise ConfigError(f"{config.table}.split: the procedural preset has train and held_out, not '{config.split}'")
    split: Split = "held_out" if config.split == "held_out" else "train"
    return procedural_problems(config.limit, seed=config.seed, split=split)


def find_preset(config: ProblemsConfig) -> Preset:
    """The schema to read with: the preset's, with the config's own keys in place of its.

    Raises ConfigError naming the nearest preset where there is none of that name.
    """
    preset = preset_named(config.preset) if config.preset else Preset()
    if preset is None:
        known = ["procedural", *PRESETS]
        hint = suggest(str(config.preset), known) or " `overproof presets` lists them"
        raise ConfigError(f"{config.table}.preset: there is no preset '{config.preset}'.{hint}")
    given: dict[str, Any] = {
        key: value
        for key in ("question", "reference", "id", "source", "level", "name", "dataset", "split")
        if (value := getattr(config, key)) is not None
    }
    if config.extract is not None:
        given["extract"] = EXTRACTORS[config.extract]
    if config.append is not None:
        follow = (config.append,) if isinstance(config.append, str) else tuple(config.append)
        given |= {"append": None, "follow": tuple(filter(None, follow))}
    if config.path is not None:
        given["dataset"] = None
        given.setdefault("name", None)  # that of the preset's dataset names nothing in a file
    if config.reference == "":
        given["reference"] = None
    return dataclasses.replace(preset, **given)


class _ProblemReader:
    """Reads one source; holds what has to be known across its rows."""

    def __init__(self, config: ProblemsConfig, preset: Preset, notes: SourceNotes, known: KnownIds) -> None:
        self._config = config
        self._preset = preset
        self._notes = notes
        self._seen: dict[str, str] = {}
        self._ids = _DefaultIds(known)
        self._references: dict[bytes, str] = {}
        self._tally = ReferenceTally(config)

    def read(self, rows: Iterator[SourceRow]) -> Iterator[Problem]:
        """The problems of the rows, as many as the config takes.

        What is wrong with a row is raised, or taken down where rows may be skipped; what is wrong with most of their
        references is raised when they have all been read.
        """
        built = self._build_all(_check_columns(rows, self._config, self._preset))
        yield from itertools.islice(built, self._config.limit)
        if self._tally.is_misled and self._tally.unread is not None:
            raise _say_missing(self._tally.unread, {REFERENCE: REFERENCE}, self._config, is_guessed=True)

    def _build_all(self, rows: Iterator[SourceRow]) -> Iterator[Problem]:
        for row in rows:
            try:
                yield self._build(row)
            except InputError as error:
                if self._config.on_bad_row == "stop":
                    raise InputError(_say_skip(str(error), self._config.table)) from None
                self._notes.skip(row.where, str(error))
        if self._notes.skipped and not self._seen:
            first = self._notes.skipped[0]
            raise InputError(f"no row can be used, as in {first.where}: {first.reason}")
        if not self._seen:
            place = self._config.path or self._config.dataset or self._preset.dataset
            raise InputError(f"{self._config.table}: {place} holds no problems")

    def _build(self, row: SourceRow) -> Problem:
        if row.fault is not None:
            raise InputError(say_fault(row))
        problem = build_problem(row, "", self._preset, self._notes)
        self._check_options(row, problem)
        if not problem.id:
            problem = msgspec.structs.replace(problem, id=self._ids.next_for(problem.question))
        if problem.id in self._seen:
            used = self._seen[problem.id]
            raise InputError(f"{row.where}: the id '{problem.id}' was used before, at {used}. Make ids unique")
        self._seen[problem.id] = row.where
        if elsewhere := self._tally.look_at(row, problem.reference):
            self._notes.count(f"have nothing in '{REFERENCE}', but in '{elsewhere}', which is not read", row.where)
        if problem.reference is not None:
            digest = digest_question(problem.question)
            if self._references.setdefault(digest, problem.reference) != problem.reference:
                self._notes.count("have the question of an earlier row, and another reference", row.where)
        return problem

    def _check_options(self, row: SourceRow, problem: Problem) -> None:
        """Raise ConfigError for the options of a multiple choice that nothing has said belong to the question."""
        if self._config.append is not None or self._preset.append is not None:
            return
        if names := missing_options(row.values, problem.question, problem.reference):
            table = self._config.table
            raise ConfigError(
                f"{row.where}: the answer is one of the options in {', '.join(map(repr, names))}, which are no part of "
                f"the question. Set {table}.append: {say_columns(names)}, or {table}.append: '' to ask without them"
            )
        way_out = f" ({self._config.table}.append: {{name}} has it follow)"
        for beside in find_beside(row.values, problem.question, way_out):
            self._notes.count(beside, row.where)


def _say_skip(message: str, table: str) -> str:
    return f"{message.rstrip('.')}. To leave such rows out and have them listed, set {table}.on_bad_row: skip"


_LOOKED_AT = 64
"""Rows among which a column may first occur, where each names its own."""


def _check_columns(rows: Iterator[SourceRow], config: ProblemsConfig, preset: Preset) -> Iterator[SourceRow]:
    """The rows, after the first of them were seen to have the columns that are needed; raises ConfigError.

    A reference is not needed, but a source that seems to have its answers elsewhere is refused too: without them every
    trace would be paid for and none verified.
    """
    needed: dict[str, Columns] = {"question": preset.question}
    if config.preset is not None and preset.reference is not None:
        needed["reference"] = preset.reference
    needed |= {key: column for key in ("reference", "id", "source", "level") if (column := getattr(config, key))}
    tally = ReferenceTally(config)
    taken: list[SourceRow] = []
    sound: list[SourceRow] = []
    for row in itertools.islice(rows, _LOOKED_AT):
        taken.append(row)
        if row.fault is not None:
            continue
        sound.append(row)
        needed = {key: columns for key, columns in needed.items() if find_column(row.values, columns) is None}
        tally.look_at(row, row.values.get(REFERENCE))
        if row.header and needed:
            break
        if not needed and (tally.has_references or not tally.is_guessing):
            break
    if tally.is_misled:
        needed[REFERENCE] = REFERENCE
    if sound and needed:
        raise _say_missing(tally.unread or sound[0], needed, config, is_guessed=tally.is_misled)
    return itertools.chain(taken, rows)


def _say_missing(
    row: SourceRow, missing: Mapping[str, Columns], config: ProblemsConfig, *, is_guessed: bool
) -> ConfigError:
    """Which columns a row lacks, and the key to set for each."""
    wanted = {key: _first(columns) for key, columns in missing.items()}
    ways = [way for key, name in wanted.items() if (way := _say_way_out(row, key, name, config.table))]
    if is_guessed:
        ways[-1] += f", or {config.table}.reference: '' to go without references (nothing is verified then)"
    names = " and ".join(f"{'nothing in' if name in row.values else 'no'} '{name}'" for name in wanted.values())
    ways[0] = ways[0][0].upper() + ways[0][1:]
    is_headless = row.header and not all(name in row.values for name in wanted.values())
    header = f". Its columns are named in {row.header}: if that is no header, write one above it" if is_headless else ""
    return ConfigError(f"{row.where} has {names}; it has: {_say_all(row)}. " + " and ".join(ways) + header)


def _first(columns: Columns) -> str:
    return columns if isinstance(columns, str) else columns[0]


def _say_all(row: SourceRow) -> str:
    return ", ".join(_say_columns(row)) or "nothing"


def _say_way_out(row: SourceRow, key: str, wanted: str, table: str) -> str:
    """The key to set, with the column that is likely meant."""
    near = nearest(wanted, row.values) if wanted not in {REFERENCE, "question"} else None
    near = near or find_usual(row, key) or nearest(wanted, row.values)
    return f"set {table}.{key}" + (f": {near}" if near else "")


def _say_columns(row: SourceRow) -> list[str]:
    """The columns of a row, nested ones as they would be named; a list of many is cut."""
    flat = {name: "" if as_messages(value) else value for name, value in row.values.items()}
    paths = list(list_paths(flat))
    parents = {path.rpartition(".")[0].removesuffix("[0]") for path in paths if "." in path}
    shown = [path for path in paths if path not in parents]
    return [*shown[:20], *(["…"] if len(shown) > 20 else [])]


_BY_SPREADSHEET = re.compile(
    r"\d(?:\.\d{1,9})?E\+\d\d|[A-Z][a-z]{2}-\d\d|\d{1,2}-[A-Z][a-z]{2}|\d{1,2}月\d{1,2}日"
    r"|\d{4}([-/])\d{1,2}\1\d{1,2}(?: 0?0:00(?::00)?)?"
)
"""What a spreadsheet makes of a long number (1.23457E+11) and of a fraction that it takes for a date (24-Mar)."""


def _read_reference(row: SourceRow, text: str | None, preset: Preset, notes: SourceNotes) -> str | None:
    """The reference in the text of its column; None where it stands for none."""
    if text is None:
        return None
    column = find_column(row.values, preset.reference)
    if stands_for_none(text):
        notes.count(f"'{column}' says '{text}', which is read as no answer", row.where)
        return None
    if _BY_SPREADSHEET.fullmatch(text):
        notes.count(f"'{column}' looks like what a spreadsheet makes of a long number or a fraction", row.where)
    found = preset.extract(text) if preset.extract else text
    if found is None:
        notes.count(f"no answer found in '{column}'", row.where)
    return found


_NO_OPTION = (
    "which is none of the options. If it is the place of one, counted from 0, set extract: index; else write its letter"
)


def build_problem(row: SourceRow, default_id: str, preset: Preset, notes: SourceNotes | None = None) -> Problem:
    """The problem in a row. Raises InputError, naming file and line, for an empty question or a value of no use."""
    notes = notes or SourceNotes()
    asked = read_question(row, preset.question)
    if asked.text is None:
        column = find_column(row.values, preset.question) or _first(preset.question)
        lacks = "is empty" if find_column(row.values, preset.question) else f"is missing; it has: {_say_all(row)}"
        raise InputError(f"{row.where}: '{column}' {lacks}. Remove the row or name another column")
    known = read_text(row, preset.reference, is_formula=preset.extract is None)
    reference = _read_reference(row, known.text, preset, notes)
    more = read_after(row, preset.append, preset.follow, reference)
    level = read_text(row, preset.level).text
    cells = [asked, known, *([more] if more else [])]
    for note in dict.fromkeys(note for cell in cells for note in cell.notes):
        notes.count(note, row.where)
    if commands := (*row.mended, *(command for cell in cells for command in cell.mended)):
        notes.mend(commands, row.where)
    if more and reference is not None:
        reference = _match_options(row, reference, preset, notes)
    return Problem(
        id=read_text(row, preset.id).text or default_id,
        question=f"{asked.text}\n{more.text}" if more and more.text else asked.text,
        reference=reference,
        source=read_text(row, preset.source).text or preset.source_name,
        metadata={"level": level} if level else {},
    )


def _match_options(row: SourceRow, reference: str, preset: Preset, notes: SourceNotes) -> str:
    """The reference as the options that follow the question are called. Raises InputError for the number of one."""
    appended = preset.follow or tuple(filter(None, [find_column(row.values, preset.append)]))
    options = options_in(row.values, appended, reference)
    reference = strip_lead(reference, options)
    place = find_column(row.values, preset.reference)
    if is_place(row.values, appended, reference):
        raise InputError(f"{row.where}: '{place}' says {reference}, {_NO_OPTION}")
    if options and names_none(reference, options):
        notes.count(f"'{place}' names an option that does not follow the question", row.where)
    return reference
