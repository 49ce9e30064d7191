"""The web application: which address answers with what. Reads run folders; writes nothing but a person's decisions.

/                         the runs, or the only run
/runs/N/                  the pages of run N; the script on them asks for the rest
/runs/N/api/state         whether anything has changed, and how a run that goes on stands
/runs/N/api/overview      the numbers as HTML
/runs/N/api/traces        a stretch of the list of traces (filters, sort, q: see `query`; from)
/runs/N/api/problems      a stretch of the list of problems (the same; q in id and question)
/runs/N/api/problem       one problem with its traces (id, index)
/runs/N/api/raw           all records of one trace (id, index)
/runs/N/api/beside        what stands before and after a trace in a list (id, index, filters, sort, q)
/runs/N/api/decide         POST: a decision by a person, where the viewer was started to take any
/runs/N/labels.jsonl      the verdicts of people as labelled rows for `overproof grade`
/proofs/N/                a proof: one student trained on several sets
/compare?run=N&run=M…     two or more runs side by side, the first against each other one
/assets/NAME              style and scripts
"""

from __future__ import annotations

import asyncio
import functools
import hmac
import logging
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from aiohttp import web
from aiohttp.http import HttpProcessingError

from overproof.errors import InputError, OverproofError, RunFolderError, explain_os_error
from overproof.estimators import Estimate
from overproof.report.charts import draw_differences
from overproof.report.page import (
    LAYERS,
    SCRIPTS,
    Link,
    name_reason,
    read_asset,
    render,
    render_page,
    tell_reasons,
    to_script_json,
    words_of_script,
)
from overproof.runfolder import RunFolder
from overproof.view.decisions import check_token, label_rows, read_decision, write_decision
from overproof.view.folders import describe_folder
from overproof.view.proofs import draw_sides, read_proofs
from overproof.view.query import Ordered, Query, parse_query
from overproof.view.run import ROWS, Snapshot, ViewedRun
from overproof.view.search import Search
from overproof.view.side_by_side import RateDifference, compare
from overproof.wording import Wording

REFRESH_SECONDS = 2.0
"""Least time between two looks at a run folder; five times what the last look took, when that is longer."""
LOOK_SECONDS = 10.0
"""Between two looks for runs that began after the viewer."""
_SEARCH_SECONDS = 0.1
"""How long an answer waits for a search."""
_SEARCHES = 4
_NO_ROWS = np.empty(0, np.int64)
_RUNS = web.AppKey("runs", list[ViewedRun])
_SAY = web.AppKey("say", Wording)
_PROOFS = web.AppKey("proofs", list[Path])
_FIND: web.AppKey[Callable[[], list[RunFolder]]] = web.AppKey("find")
_TOKEN: web.AppKey[str | None] = web.AppKey("token")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_NAMES_THIS_MACHINE = re.compile(r"(?:127\.0\.0\.1|localhost\.?|\[::1\])(?::[0-9]{1,5})?", re.IGNORECASE)
_MOST_DIGITS = 9
"""Of a number in an address; more than there can be runs or traces of a problem."""
_log = logging.getLogger(__name__)

Result = TypeVar("Result")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Finder:
    """The latest searches, so that the next stretch of a list goes on with the same one."""

    def __init__(self) -> None:
        """Nothing is searched yet."""
        self._searches: dict[tuple[int, int, Query], Search] = {}

    def search(self, number: int, snapshot: Snapshot, query: Query) -> Search:
        """The search for a query's text in run `number`, begun now when it is a new one; its order does not matter."""
        query = query._replace(sort="")
        key = (number, snapshot.stamp, query)
        if key not in self._searches:
            while len(self._searches) >= _SEARCHES:
                self._searches.pop(next(iter(self._searches))).stop()
            self._searches[key] = Search(snapshot.shards, snapshot.matching(query), query.text)
        return self._searches[key]

    def stop(self) -> None:
        """End all searches."""
        for search in self._searches.values():
            search.stop()


_FINDER = web.AppKey("finder", Finder)


def build_app(
    runs: list[ViewedRun],
    say: Wording | None = None,
    *,
    token: str | None = None,
    proofs: Sequence[Path] = (),
    find: Callable[[], list[RunFolder]] = list,
) -> web.Application:
    """An application over runs that have been read once, and folders of proofs.

    `token` is what decisions need; None takes none. Runs that `find` names later on are listed behind those of `runs`.
    """
    app = web.Application(middlewares=[_guard])
    app[_RUNS] = runs
    app[_SAY] = say or Wording()
    app[_TOKEN] = token
    app[_PROOFS] = list(proofs)
    app[_FIND] = find
    app[_FINDER] = Finder()
    app.add_routes(
        [
            web.get("/", _home),
            web.get("/compare", _compare),
            web.get("/proofs/{proof}/", _proof),
            web.get("/assets/{name}", _asset),
            web.get("/runs/{run}/", _pages),
            web.get("/runs/{run}/api/state", _state),
            web.get("/runs/{run}/api/overview", _overview),
            web.get("/runs/{run}/api/traces", _traces),
            web.get("/runs/{run}/api/problems", _problems),
            web.get("/runs/{run}/api/problem", _problem),
            web.get("/runs/{run}/api/raw", _raw),
            web.get("/runs/{run}/api/beside", _beside),
            web.post("/runs/{run}/api/decide", _decide),
            web.get("/runs/{run}/labels.jsonl", _labels),
        ]
    )
    app.cleanup_ctx.append(_keep_fresh)
    return app


def build_runner(app: web.Application) -> web.AppRunner:
    """What serves an application, and tells of no request that is none: whoever sent it is told."""
    logger = logging.getLogger(f"{__name__}.server")
    logger.addFilter(_is_own_fault)
    return web.AppRunner(app, access_log=None, logger=logger)


def _is_own_fault(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer only to names of this machine, so that no other site's page can read a run through a name of its own.

    Whatever is answered, an error too, carries the headers that keep a page to itself.
    """
    try:
        if not _NAMES_THIS_MACHINE.fullmatch(request.host):
            raise web.HTTPForbidden(text="overproof view answers on this machine only.")
        response = await handler(request)
    except web.HTTPException as error:
        error.headers.update(_HEADERS)
        raise
    except (InputError, RunFolderError) as error:
        raise web.HTTPBadRequest(text=str(error), headers=_HEADERS) from None
    except OSError as error:  # the run's folder is gone, or may not be read
        raise web.HTTPServiceUnavailable(text=explain_os_error(error, verb="read"), headers=_HEADERS) from None
    response.headers.update(_HEADERS)
    return response


async def _keep_fresh(app: web.Application) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(_refresh(run)) for run in app[_RUNS]]
    tasks.append(asyncio.create_task(_look_for_runs(app, tasks)))
    yield
    app[_FINDER].stop()
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _look_for_runs(app: web.Application, tasks: list[asyncio.Task[None]]) -> None:
    """Take up runs that begin while the viewer is open; none is given another's number."""
    runs = app[_RUNS]
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            for folder in await asyncio.to_thread(app[_FIND]):
                if str(folder) not in {str(run.folder) for run in runs}:
                    run = ViewedRun(folder, app[_SAY])
                    await asyncio.to_thread(run.refresh)
                    runs.append(run)
                    tasks.append(asyncio.create_task(_refresh(run)))
        except (OverproofError, OSError, ValueError) as error:  # a folder is being made, or has gone: look again
            _log.warning("%s", error)


async def _refresh(run: ViewedRun) -> None:
    """Look at a run folder for ever."""
    clock = asyncio.get_running_loop().time
    took = 0.0
    while True:
        await asyncio.sleep(max(REFRESH_SECONDS, 5 * took))
        began = clock()
        try:
            await asyncio.to_thread(run.refresh)
        except (OverproofError, OSError, ValueError) as error:  # a file was replaced while it was read: look again
            _log.warning("%s: %s", run.folder.root, error)
        took = clock() - began


def _run_of(request: web.Request) -> tuple[int, ViewedRun]:
    runs = request.app[_RUNS]
    number = request.match_info["run"]
    if not (number.isascii() and number.isdecimal()) or len(number) > _MOST_DIGITS or int(number) >= len(runs):
        raise web.HTTPNotFound(text="There is no such run here.")
    return int(number), runs[int(number)]


def _json(value: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


def _html(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/html")


async def _home(request: web.Request) -> web.Response:
    runs, say = request.app[_RUNS], request.app[_SAY]
    if len(runs) == 1 and not request.app[_PROOFS]:
        raise web.HTTPFound(f"/runs/0/{_keep_token(request)}")
    lines = [describe_folder(run) for run in runs]
    told = to_script_json({"words": words_of_script(say)})
    return _html(
        render(
            "home.html.jinja",
            say,
            runs=lines,
            title=say("Runs"),
            run_json=told,
            assets="/assets",
            token=_keep_token(request),
            proofs=request.app[_PROOFS],
        )
    )


async def _pages(request: web.Request) -> web.Response:
    number, run = _run_of(request)
    snapshot = run.latest
    return _html(
        render_page(
            snapshot.summary,
            snapshot.overview,
            snapshot.manifest.versions,
            {
                "api": f"/runs/{number}/api",
                "stamp": str(snapshot.stamp),
                "told": _tell(run),
                "token": _token_of(request),
            },
            request.app[_SAY],
            links=(Link(f"/{_keep_token(request)}", request.app[_SAY]("All runs")),)
            if len(request.app[_RUNS]) > 1 or request.app[_PROOFS]
            else (),
            assets="/assets",
        )
    )


def _tell(run: ViewedRun) -> str:
    n = f"{run.latest.summary.traces:,}"
    return run.say("All {n} traces of the run, read from {folder}.", n=n, folder=run.folder)


async def _asset(request: web.Request) -> web.Response:
    kinds = {"page.css": "text/css"} | dict.fromkeys([*SCRIPTS, "compare.js"], "text/javascript")
    name = request.match_info["name"]
    if name not in kinds:
        raise web.HTTPNotFound
    return web.Response(text=read_asset(name), content_type=kinds[name])


async def _state(request: web.Request) -> web.Response:
    _, run = _run_of(request)
    progress = await asyncio.to_thread(run.progress)
    return _json({"stamp": str(run.latest.stamp), "progress": progress})


async def _overview(request: web.Request) -> web.Response:
    _, run = _run_of(request)
    return _html(f'<div id="overview">{run.latest.overview}</div>')


async def _traces(request: web.Request) -> web.Response:
    number, run = _run_of(request)
    query, first = parse_query(request.query.items()), _number(request, "from")
    finder = request.app[_FINDER]

    def read(snapshot: Snapshot) -> dict[str, Any]:
        found, searched = _find(finder, number, snapshot, query, first + ROWS)
        return _stretch(found, snapshot.describe_traces(found, first), first, searched)

    return _json(await _read_latest(run, read))


def _find(finder: Finder, number: int, snapshot: Snapshot, query: Query, rows: int) -> tuple[Ordered, float]:
    """The traces of a query, as many as are found so far, and which share of the run was searched for its text."""
    if not query.text:
        return snapshot.traces(query), 1.0
    search = finder.search(number, snapshot, query)
    found = search.wait(rows, _SEARCH_SECONDS)
    every = [*found, *([_NO_ROWS] * (search.total - len(found)))]
    return snapshot.traces(query, among=every), len(found) / max(1, search.total)


def _stretch(found: Ordered, rows: list[dict[str, Any]], first: int, searched: float = 1.0) -> dict[str, Any]:
    """A stretch of a list: its rows, how many there are in all when that is known, and where the next begins."""
    total = len(found.rows) if searched == 1 else None
    end = first + len(rows)
    return {"total": total, "rows": rows, "next": None if end == total else end, "searched": searched}


async def _problems(request: web.Request) -> web.Response:
    _, run = _run_of(request)
    query, first = parse_query(request.query.items()), _number(request, "from")

    def read(snapshot: Snapshot) -> dict[str, Any]:
        found = snapshot.problems(query)
        return _stretch(found, snapshot.describe_problems(found, first), first)

    return _json(await _read_latest(run, read))


async def _read_latest(run: ViewedRun, read: Callable[[Snapshot], Result]) -> Result:
    """What is read of the run as it was last seen, or as it is now where its files were written anew since then."""
    try:
        return await asyncio.to_thread(read, run.latest)
    except (ValueError, OSError):
        return await asyncio.to_thread(lambda: read(run.refresh()))


async def _problem(request: web.Request) -> web.Response:
    _, run = _run_of(request)
    problem_id, index = request.query.get("id", ""), _number(request, "index")
    reading = await _read_latest(run, lambda snapshot: snapshot.problem(problem_id, index))
    if reading is None:
        raise web.HTTPNotFound(text="The run has no such problem.")
    return _json(reading)


async def _raw(request: web.Request) -> web.Response:
    _, run = _run_of(request)
    problem_id, index = request.query.get("id", ""), _number(request, "index")
    records = await _read_latest(run, lambda snapshot: snapshot.raw(problem_id, index))
    if records is None:
        raise web.HTTPNotFound(text="The run has no such trace.")
    return _json(records)


async def _beside(request: web.Request) -> web.Response:
    number, run = _run_of(request)
    problem_id, query = request.query.get("id", ""), parse_query(request.query.items())
    index = _number(request, "index") if "index" in request.query else None
    finder = request.app[_FINDER]

    def read(snapshot: Snapshot) -> Any:
        found, searched = _find(finder, number, snapshot, query, sys.maxsize)
        around = msgspec.to_builtins(snapshot.beside(found, problem_id, index))
        return around if searched == 1 else around | {"total": None}

    return _json(await _read_latest(run, read))


async def _proof(request: web.Request) -> web.Response:
    say, number = request.app[_SAY], _number(request, "proof", text=request.match_info["proof"])
    if number >= len(request.app[_PROOFS]):
        raise web.HTTPNotFound(text="There is no such proof here.")
    folder = request.app[_PROOFS][number]
    return _html(
        render(
            "proof.html.jinja",
            say,
            title=say("Proof: {name}", name=folder.resolve().name),
            place=str(folder),
            proofs=await asyncio.to_thread(read_proofs, folder),
            draw_sides=draw_sides,
            run_json=to_script_json({"words": {}}),
            assets="/assets",
        )
    )


async def _decide(request: web.Request) -> web.Response:
    check_token(request, request.app[_TOKEN])
    _, run = _run_of(request)
    decision = await read_decision(request)
    return _json(await _read_latest(run, lambda snapshot: write_decision(run, snapshot, decision)))


async def _labels(request: web.Request) -> web.Response:
    _, run = _run_of(request)
    rows = await _read_latest(run, lambda snapshot: list(label_rows(run.folder, snapshot)))
    body = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    name = f'attachment; filename="{re.sub(r"[^0-9A-Za-z_-]", "-", run.folder.name)}-labels.jsonl"'
    return web.Response(body=body, content_type="application/jsonl", headers={"Content-Disposition": name})


def _token_of(request: web.Request) -> str | None:
    """The token to write, for a page that was opened with it."""
    token = request.app[_TOKEN]
    given = request.query.get("token", "")
    return token if token is not None and hmac.compare_digest(given.encode(), token.encode()) else None


def _keep_token(request: web.Request) -> str:
    """What a link to another page of this server carries on."""
    token = _token_of(request)
    return f"?token={token}" if token else ""


async def _compare(request: web.Request) -> web.Response:
    runs, say = request.app[_RUNS], request.app[_SAY]
    asked = [_number(request, "run", text=text) for text in request.query.getall("run", [])]
    numbers = list(dict.fromkeys(asked))
    if len(numbers) < 2 or max(numbers) >= len(runs):
        raise web.HTTPNotFound(text="Name two runs or more that are here: /compare?run=0&run=1")
    chosen = [runs[number] for number in numbers]
    return _html(await asyncio.to_thread(_render_comparison, chosen, numbers, say))


def _render_comparison(runs: list[ViewedRun], numbers: list[int], say: Wording) -> str:
    first, *others = [run.latest for run in runs]
    made = [compare(first, other) for other in others]
    names = [run.latest.summary.name for run in runs]
    told = {
        "words": words_of_script(say),
        "layers": LAYERS,
        "reasons": tell_reasons(say),
        "runs": [{"name": name, "api": f"/runs/{number}/api"} for name, number in zip(names, numbers, strict=True)],
    }
    return render(
        "compare.html.jinja",
        say,
        title=say("{other} against {first}", other=", ".join(names[1:]), first=names[0]),
        pairs=[
            (other.summary, number, c, draw_differences(_label(c.differences, say), say))
            for other, number, c in zip(others, numbers[1:], made, strict=True)
        ],
        summaries=[run.latest.summary for run in runs],
        first=first.summary,
        name_reason=functools.partial(name_reason, say=say),
        name_group=functools.partial(name_group, say=say),
        numbers=numbers,
        run_json=to_script_json(told),
        assets="/assets",
    )


def name_group(one: RateDifference, say: Wording) -> str:
    """What the problems of a difference have in common: a level or a language is no name by itself."""
    if one.what == "level":
        return say("level {name}", name=one.name)
    if one.what == "language":
        return say("language {name}", name=one.name)
    return one.name or say("all")


def _label(differences: list[RateDifference], say: Wording) -> list[tuple[str, Estimate]]:
    return [(name_group(one, say), one.difference) for one in differences]


def _number(request: web.Request, name: str, *, text: str | None = None) -> int:
    text = request.query.get(name, "") if text is None else text
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else 0
