"""What people have decided about references and verdicts: `overrides.jsonl`, applied wherever problems are read.

Every decision is a line that is only ever added; of several on one problem the last counts, and `undo` takes it back.
Lines may be written by hand: `{"problem_id": "p7", "action": "drop", "who": "Ann", "why": "two answers"}`. A person's
editor decides then how lines end, whether the last one does, and whether others are blank.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from overproof.errors import RunFolderError, reading
from overproof.journal import check_line, write_bytes
from overproof.records import PreparedProblem, decode, encode

_MARK = b"\xef\xbb\xbf"
"""What some editors begin a file with."""
Action = Literal["keep", "replace", "drop", "undo", "verdict"]
"""What a person may decide."""


class Override(msgspec.Struct, frozen=True, omit_defaults=True):
    """One person's decision."""

    problem_id: str
    action: Action | Literal["more"]
    """keep: the reference is right; replace: `reference` is; drop: nothing of the problem is trained on; undo: as if
    nothing had been decided, or with `trace_id` nothing about that trace; verdict: the rules are wrong about the trace
    `trace_id`, `verdict` is right; more: the reference is suspect, and until something is decided the problem is to
    have `samples` traces beside its own."""
    reference: str | None = None
    """The reference to grade against from now on (replace)."""
    reference_kind: str | None = None
    """How it was typed, as `PreparedProblem` has it."""
    was: str | None = None
    """The reference of the source when this was decided."""
    trace_id: str | None = None
    verdict: Literal["correct", "incorrect"] | None = None
    samples: int = 0
    """Traces that are wanted beside those that every problem gets (more)."""
    who: str = ""
    why: str = ""
    at: str = ""
    """When, as ISO 8601 with the time zone."""


def read_overrides(path: Path) -> Iterator[Override]:
    """The decisions in a file, in the order in which they were made; none when it does not exist.

    Raises RunFolderError naming the line that is none.
    """
    if not os.path.lexists(path):
        return
    with reading(path):
        lines = path.read_bytes().removeprefix(_MARK).split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        decision = _read_line(line)
        if isinstance(decision, Override):
            yield decision
        else:
            raise RunFolderError(
                f"{path}:{number} is no decision ({decision}). Mend or delete that line; one that was changed by hand "
                "needs no 'crc'."
            )


def _read_line(line: bytes) -> Override | str:
    """The decision of a line, or in words why it is none."""
    if check_line(line) is False:
        return "its checksum does not fit: it was changed after it was written"
    try:
        return decode(line, Override)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return str(error)


def finish_last_line(path: Path) -> None:
    """End the last line of a file where a person's editor has not, so that the next decision stands in one of its own.

    Raises RunFolderError naming a line that is no decision.
    """
    decisions = list(read_overrides(path))
    if decisions and not (content := path.read_bytes()).endswith(b"\n"):
        last = content.rpartition(b"\n")[2]
        if isinstance(_read_line(last.removeprefix(_MARK)), Override):
            write_bytes(path, content + b"\n")


class Overrides:
    """The decisions that count."""

    def __init__(self, lines: Iterable[Override] = ()) -> None:
        """Take the decisions in the order in which they were made."""
        self.by_problem: dict[str, Override] = {}
        self.verdicts: dict[str, Override] = {}
        """Decisions about one trace, by its id."""
        self.more: dict[str, int] = {}
        """Traces that problems whose reference is suspect are to have beside their own."""
        for one in lines:
            if one.action == "more":
                self.more[one.problem_id] = max(one.samples, self.more.get(one.problem_id, 0))
            elif one.action == "undo" and one.trace_id is not None:
                self.verdicts.pop(one.trace_id, None)
            elif one.action == "undo":
                self.by_problem.pop(one.problem_id, None)
                self.more.pop(one.problem_id, None)
                self.verdicts = {key: kept for key, kept in self.verdicts.items() if kept.problem_id != one.problem_id}
            elif one.action == "verdict" and one.trace_id is not None:
                self.verdicts[one.trace_id] = one
            else:
                self.by_problem[one.problem_id] = one

    def about(self, problem_id: str) -> list[Override]:
        """The decisions that count for a problem: the one about it, then those about its traces."""
        whole = [self.by_problem[problem_id]] if problem_id in self.by_problem else []
        return whole + [one for one in self.verdicts.values() if one.problem_id == problem_id]

    def apply(self, prepared: PreparedProblem) -> PreparedProblem:
        """The problem as it is after what was decided about it."""
        decided = self.by_problem.get(prepared.problem.id)
        if decided is None:
            more = self.more.get(prepared.problem.id)
            return msgspec.structs.replace(prepared, more=more) if more else prepared
        if decided.action != "replace":
            return msgspec.structs.replace(prepared, override=decided.action)
        problem = msgspec.structs.replace(prepared.problem, reference=decided.reference)
        return msgspec.structs.replace(
            prepared, problem=problem, override="replace", reference_kind=decided.reference_kind, reference_issue=None
        )

    def digest(self) -> str:
        """What changes when a decision that counts does; empty without any."""
        made = [*self.by_problem.values(), *self.verdicts.values()]
        lines = sorted(encode(one) for one in made)
        return hashlib.blake2b(b"\n".join(lines), digest_size=8).hexdigest() if lines else ""
