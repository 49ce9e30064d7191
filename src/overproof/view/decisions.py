"""What a person decides in the browser → the run's overrides, and labelled rows that `overproof grade` measures.

Only this module writes through the viewer. A decision needs the token that `overproof view --edit` puts in the address,
from a page of this very server: another site's page knows neither, and a form of its own cannot send either.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import Any, Literal

import msgspec
from aiohttp import web

from overproof import suspects
from overproof.errors import InputError, OverproofError
from overproof.runfolder import RunFolder
from overproof.view.run import Snapshot, ViewedRun

TOKEN_HEADER = "X-Overproof-Token"  # noqa: S105 - a header's name
_MOST_BYTES = 100_000
"""Of one decision; a reference and a reason are far shorter."""


class SentDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One decision as the page sends it."""

    problem: str
    action: Literal["keep", "replace", "drop", "verdict", "undo"]
    who: str = ""
    why: str = ""
    reference: str | None = None
    index: int | None = None
    """Which trace a verdict is about, or whose verdict alone is taken back."""
    verdict: Literal["correct", "incorrect"] | None = None


def check_token(request: web.Request, token: str | None) -> None:
    """Refuse what does not come from a page of this server that was opened with the token."""
    if token is None:
        raise web.HTTPForbidden(text="This viewer only reads. Start it with: overproof view --edit RUN")
    origin = request.headers.get("Origin", "")
    if origin != f"http://{request.host}" or request.content_type != "application/json":
        raise web.HTTPForbidden(text="A decision is taken from a page of this server alone.")
    if not hmac.compare_digest(request.headers.get(TOKEN_HEADER, "").encode(), token.encode()):
        raise web.HTTPForbidden(
            text="Open the address that overproof view --edit printed: it holds the token to write."
        )


async def read_decision(request: web.Request) -> SentDecision:
    """The decision in a request. Raises InputError when it is none."""
    if (request.content_length or 0) > _MOST_BYTES:
        raise InputError("That is too long for a decision.")
    try:
        return msgspec.json.decode(await request.read(), type=SentDecision)
    except msgspec.DecodeError as error:
        raise InputError(f"That is no decision: {error}") from None


def write_decision(run: ViewedRun, snapshot: Snapshot, decision: SentDecision) -> dict[str, Any]:
    """Add a decision to the run's overrides; returns all that count for its problem, and the file.

    Raises InputError for a problem or trace that is not there, and for a reference nothing can be graded against.
    """
    trace_id = None
    if decision.action == "verdict" or (decision.action == "undo" and decision.index is not None):
        records = snapshot.raw(decision.problem, -1 if decision.index is None else decision.index)
        if records is None:
            raise InputError("The run has no such trace.")
        trace_id = records["trace"].id
    try:
        suspects.decide(
            run.folder,
            decision.problem,
            decision.action,
            reference=decision.reference,
            trace_id=trace_id,
            verdict=decision.verdict,
            who=decision.who,
            why=decision.why,
        )
    except OverproofError as error:
        raise InputError(str(error)) from None
    counted = run.folder.read_overrides().about(decision.problem)
    return {"decisions": counted, "file": str(run.folder.overrides)}


def label_rows(folder: RunFolder, snapshot: Snapshot) -> Iterator[dict[str, Any]]:
    """Every verdict of a person as a row for `overproof grade`: reply, reference of now, and whether it is right."""
    overrides = folder.read_overrides()
    for one in overrides.verdicts.values():
        problem_id, index, _ = str(one.trace_id).rsplit("/", 2)
        records, prepared = snapshot.raw(problem_id, int(index)), snapshot.find_problem(problem_id)
        if records is None or prepared is None:
            continue
        problem = overrides.apply(prepared).problem
        if problem.reference is not None:
            yield {
                "id": one.trace_id,
                "problem": problem.question,
                "reference": problem.reference,
                "output": records["trace"].content,
                "label": one.verdict == "correct",
                "who": one.who,
                "why": one.why,
            }
