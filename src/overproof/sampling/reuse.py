"""Whether what was paid for is still of use: a trace belongs to what was *sent*, and to nothing else of its problem.

Asked before anything in a run folder changes: a run that cannot go on as configured is refused as it was found. A
problem's reference, source, level and metadata may be corrected at any time; a question or a setting that would be
sent differently now may not, since traces of two askings are never mixed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from overproof.errors import RunFolderError
from overproof.journal import Span, locate_records, read_records, read_span
from overproof.problems import digest_question
from overproof.records import PreparedProblem, Trace
from overproof.runfolder import RunFolder, shard_number
from overproof.sampling.resume import check_home
from overproof.sampling.settings import Asking, Settings

_SPOKEN = ("zh", "en")
"""The languages in which prompts speak; `prompts` takes English for all others."""


class _ProblemAsked(msgspec.Struct):
    id: str
    question: str


class _AskedLine(msgspec.Struct):
    problem: _ProblemAsked
    fingerprint: str
    error: str | None = None


class _Prepared(msgspec.Struct):
    problem: _ProblemAsked


class Paid(msgspec.Struct):
    """What a run's journals hold of one problem."""

    fingerprint: str
    question: bytes
    """Digest of the question as it was sent."""
    path: Path
    span: Span
    """Where the first of its traces lies."""


def read_paid(folder: RunFolder, shards: int) -> dict[str, Paid]:
    """By problem id, what the journals hold. Reads them once, passing over the texts of replies.

    Raises RunFolderError naming the line that is damaged, or a changed number of shards.
    """
    paid: dict[str, Paid] = {}
    for path in folder.all_trace_parts():
        shard = shard_number(path)
        for span, line in locate_records(path, _AskedLine):
            if line.error is None and line.problem.id not in paid:  # a refusal is asked again under any settings
                check_home(path, shard, line.problem.id, shards)
                paid[line.problem.id] = Paid(line.fingerprint, digest_question(line.problem.question), path, span)
    return paid


def check_reuse(
    settings: Settings, folder: RunFolder, shards: int, problems: Iterable[PreparedProblem]
) -> Iterator[PreparedProblem]:
    """The problems of now as they come. Raises RunFolderError, at the latest after the last of them, naming what has
    changed so that traces which were paid for could not be used.
    """
    check = _ReuseCheck(settings, read_paid(folder, shards))
    for prepared in problems:
        yield check.look_at(prepared)
    check.finish()


class _ReuseCheck:
    """The problems of now beside what the journals hold."""

    def __init__(self, settings: Settings, paid: dict[str, Paid]) -> None:
        self._settings = settings
        self._paid = paid
        self._unseen = dict(paid)
        self._new: dict[bytes, str] = {}

    def look_at(self, prepared: PreparedProblem) -> PreparedProblem:
        """Refuse a problem whose traces were sent something else than would be sent now.

        The language of a short question is told by the others around it, and rows may have come and gone: it stays
        what it was when the question was asked, as the prompt speaks it.
        """
        problem = prepared.problem
        paid = self._paid.get(problem.id)
        if paid is None:
            self._new[digest_question(problem.question)] = problem.id
            return prepared
        del self._unseen[problem.id]
        for language in dict.fromkeys((prepared.language, *_SPOKEN)):
            as_asked = msgspec.structs.replace(prepared, language=language)
            if self._settings.ask(as_asked).fingerprint == paid.fingerprint:
                return as_asked
        raise refuse(self._settings, self._settings.ask(prepared), paid.path, paid.span)

    def finish(self) -> None:
        """Refuse problems that have only got other ids since their questions were asked."""
        for old, paid in self._unseen.items():
            new = self._new.get(paid.question)
            if new is not None:
                raise RunFolderError(
                    f"{_place(paid.path, paid.span)} holds traces of problem '{old}', and its question is now that of "
                    f"problem '{new}': problems.id gives other ids than when this run was sampled, so that every "
                    "question would be paid for again. Set problems.id back, or give another --run-dir."
                )


def refuse(settings: Settings, asking: Asking, path: Path, span: Span) -> RunFolderError:
    """Why a trace cannot stand beside those that would be sampled now, by what differs."""
    with path.open("rb") as file:
        trace = read_span(file, span, Trace)
    where = _place(path, span)
    problem = asking.prepared.problem
    if trace.problem.question != problem.question:
        return RunFolderError(
            f"{where} was asked another question as problem '{problem.id}': {_shorten(trace.problem.question)} is now "
            f"{_shorten(problem.question)}. What was sent cannot be changed. Give the new question an id of its own "
            "(problems.id names the column; row numbers move when rows do), set it back, or give another --run-dir."
        )
    changes = "; ".join(settings.identity.differences(trace, asking.messages))
    return RunFolderError(
        f"{where} was sampled with other settings: {changes}. Traces of two settings are never mixed: set them back, "
        "or give another --run-dir."
    )


def known_ids(folder: RunFolder) -> dict[bytes, list[str]]:
    """The ids that a run already has for each question (by its digest), in order: rows without an id keep theirs.

    Read from the prepared problems, and where those are gone from the traces.
    """
    ids: dict[bytes, dict[str, None]] = {}
    for problem in _known_problems(folder):
        ids.setdefault(digest_question(problem.question), {})[problem.id] = None
    return {question: list(found) for question, found in ids.items()}


def _known_problems(folder: RunFolder) -> Iterator[_ProblemAsked]:
    """Those of the traces first where the prepared problems are not what this run has written."""
    paths = [folder.problems(shard) for shard in range(folder.count_prepared() or 0)]
    folder.fetch(*paths)
    try:
        manifest = folder.read_manifest()
        damage = folder.find_damage(paths, manifest.seals if manifest else {})
        prepared = [one.problem for path in paths for one in read_records(path, _Prepared)]
    except RunFolderError:
        damage, prepared = "unreadable", []
    if not prepared or damage is not None:
        for path in folder.all_trace_parts():
            for line in read_records(path, _AskedLine):
                yield line.problem
    yield from prepared


def _place(path: Path, span: Span) -> str:
    """`file:line`, for people."""
    with path.open("rb") as file:
        number = file.read(span.offset).count(b"\n") + 1
    return f"{path}:{number}"


def _shorten(question: str) -> str:
    text = " ".join(question.split())
    return f"'{text}'" if len(text) <= 60 else f"'{text[:60]} …'"
