"""The web application: which address answers with what. Reads run folders and writes nothing.

/                         the runs, or the only run
/runs/N/                  the pages of run N; the script on them asks for the rest
/runs/N/api/state         whether anything has changed
/runs/N/api/overview      the numbers as HTML
/runs/N/api/traces        a stretch of the filtered list (verdict, reason, source, language, level, q, from)
/runs/N/api/problem       one problem with its traces (id, index)
/runs/N/api/neighbours    the problems beside it (id)
/compare?left=N&right=M   two runs side by side
/assets/NAME              style and script
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from overproof.errors import OverproofError
from overproof.report.page import Link, read_asset, render, render_page
from overproof.view.comparison import compare
from overproof.view.run import FILTERS, ROWS, Filters, Rows, Run, Snapshot, describe_row
from overproof.view.search import Search

REFRESH_SECONDS = 2.0
"""Least time between two looks at a run folder; five times what the last look took, when that is longer."""
_SEARCH_SECONDS = 0.1
"""How long an answer waits for a search."""
_SEARCHES = 4
_RUNS = web.AppKey("runs", list[Run])
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_log = logging.getLogger(__name__)

Result = TypeVar("Result")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Finder:
    """The latest searches, so that the next stretch of a list goes on with the same one."""

    def __init__(self) -> None:
        """Nothing is searched yet."""
        self._searches: dict[tuple[int, int, Filters, str], Search] = {}

    def search(self, number: int, snapshot: Snapshot, filters: Filters, text: str) -> Search:
        """The search for a text in run `number`, begun now when it is a new one."""
        key = (number, snapshot.stamp, filters, text)
        if key not in self._searches:
            while len(self._searches) >= _SEARCHES:
                self._searches.pop(next(iter(self._searches))).stop()
            self._searches[key] = Search(snapshot.shards, snapshot.matching(filters), text)
        return self._searches[key]

    def stop(self) -> None:
        """End all searches."""
        for search in self._searches.values():
            search.stop()


_FINDER = web.AppKey("finder", Finder)


def build_app(runs: list[Run]) -> web.Application:
    """An application over runs that have been read once."""
    app = web.Application(middlewares=[_guard])
    app[_RUNS] = runs
    app[_FINDER] = Finder()
    app.add_routes(
        [
            web.get("/", _home),
            web.get("/compare", _compare),
            web.get("/assets/{name}", _asset),
            web.get("/runs/{run}/", _pages),
            web.get("/runs/{run}/api/state", _state),
            web.get("/runs/{run}/api/overview", _overview),
            web.get("/runs/{run}/api/traces", _traces),
            web.get("/runs/{run}/api/problem", _problem),
            web.get("/runs/{run}/api/neighbours", _neighbours),
        ]
    )
    app.cleanup_ctx.append(_keep_fresh)
    return app


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer only to names of this machine, so that no other site's page can read a run through a name of its own."""
    if request.host.rsplit(":", 1)[0] not in {"127.0.0.1", "localhost", "[::1]"}:
        raise web.HTTPForbidden(text="overproof view answers on this machine only.")
    response = await handler(request)
    response.headers.update(_HEADERS)
    return response


async def _keep_fresh(app: web.Application) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(_refresh(run)) for run in app[_RUNS]]
    yield
    app[_FINDER].stop()
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _refresh(run: Run) -> None:
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


def _run_of(request: web.Request) -> tuple[int, Run]:
    runs = request.app[_RUNS]
    number = request.match_info["run"]
    if not number.isdecimal() or int(number) >= len(runs):
        raise web.HTTPNotFound(text=f"There is no run {number} here.")
    return int(number), runs[int(number)]


def _snapshot_of(run: Run) -> Snapshot:
    assert run.snapshot is not None, "runs are read before they are served"
    return run.snapshot


def _json(value: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


def _html(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/html")


async def _home(request: web.Request) -> web.Response:
    runs = request.app[_RUNS]
    if len(runs) == 1:
        raise web.HTTPFound("/runs/0/")
    summaries = [_snapshot_of(run).summary for run in runs]
    return _html(render("home.html.jinja", summaries=summaries, title="Runs", assets="/assets"))


async def _pages(request: web.Request) -> web.Response:
    number, run = _run_of(request)
    snapshot = _snapshot_of(run)
    return _html(
        render_page(
            snapshot.summary,
            snapshot.overview,
            snapshot.manifest.versions,
            {"api": f"/runs/{number}/api", "stamp": str(snapshot.stamp), "told": _tell(run)},
            links=_links(number, len(request.app[_RUNS])),
            assets="/assets",
        )
    )


def _tell(run: Run) -> str:
    return f"All {_snapshot_of(run).summary.traces:,} traces of the run, read from {run.folder.root}."


def _links(number: int, runs: int) -> tuple[Link, ...]:
    if runs == 1:
        return ()
    others = [other for other in range(runs) if other != number]
    return Link("/", "All runs"), *(Link(f"/compare?left={number}&right={other}", "Compare") for other in others[:1])


async def _asset(request: web.Request) -> web.Response:
    kinds = {"page.css": "text/css", "page.js": "text/javascript", "shared.js": "text/javascript"}
    name = request.match_info["name"]
    if name not in kinds:
        raise web.HTTPNotFound
    return web.Response(text=read_asset(name), content_type=kinds[name])


async def _state(request: web.Request) -> web.Response:
    _, run = _run_of(request)
    return _json({"stamp": str(_snapshot_of(run).stamp)})


async def _overview(request: web.Request) -> web.Response:
    _, run = _run_of(request)
    return _html(f'<div id="overview">{_snapshot_of(run).overview}</div>')


async def _traces(request: web.Request) -> web.Response:
    number, run = _run_of(request)
    filters = tuple((name, request.query[name]) for name in FILTERS if request.query.get(name))
    text, first = request.query.get("q", "").strip(), _number(request, "from")
    finder = request.app[_FINDER]

    def read(snapshot: Snapshot) -> dict[str, object]:
        if not text:
            return _list_traces(snapshot, snapshot.matching(filters), first)
        search = finder.search(number, snapshot, filters, text)
        found = search.wait(first + ROWS, _SEARCH_SECONDS)
        return _list_traces(snapshot, found, first, len(found) / max(1, search.total))

    return _json(await _read_latest(run, read))


async def _read_latest(run: Run, read: Callable[[Snapshot], Result]) -> Result:
    """What is read of the run as it was last seen, or as it is now where its files were written anew since then."""
    try:
        return await asyncio.to_thread(read, _snapshot_of(run))
    except (ValueError, OSError):
        return await asyncio.to_thread(lambda: read(run.refresh()))


def _list_traces(snapshot: Snapshot, found: list[Rows], first: int, searched: float = 1.0) -> dict[str, object]:
    """A stretch of the list: its rows, how many there are in all when that is known, and where the next begins."""
    total = sum(map(len, found)) if searched == 1 else None
    stretch = itertools.islice(snapshot.list_rows(found, first), ROWS)
    rows = [describe_row(shard, row) for shard, row in stretch]
    end = first + len(rows)
    return {"total": total, "rows": rows, "next": None if end == total else end, "searched": searched}


async def _problem(request: web.Request) -> web.Response:
    _, run = _run_of(request)
    problem_id, index = request.query.get("id", ""), _number(request, "index")
    reading = await _read_latest(run, lambda snapshot: snapshot.problem(problem_id, index))
    if reading is None:
        raise web.HTTPNotFound(text="The run has no such problem.")
    return _json(reading)


async def _neighbours(request: web.Request) -> web.Response:
    _, run = _run_of(request)
    problem_id = request.query.get("id", "")
    return _json(await _read_latest(run, lambda snapshot: snapshot.neighbours(problem_id)))


async def _compare(request: web.Request) -> web.Response:
    runs = request.app[_RUNS]
    left, right = _number(request, "left"), _number(request, "right", default=1)
    if max(left, right) >= len(runs):
        raise web.HTTPNotFound(text="There are not so many runs here.")
    snapshots = _snapshot_of(runs[left]), _snapshot_of(runs[right])
    return _html(await asyncio.to_thread(_render_comparison, snapshots, (left, right), runs))


def _render_comparison(snapshots: tuple[Snapshot, Snapshot], numbers: tuple[int, int], runs: list[Run]) -> str:
    from overproof.report.charts import draw_differences

    made = compare(*snapshots)
    names = [_snapshot_of(run).summary.name for run in runs]
    return render(
        "compare.html.jinja",
        title=f"{snapshots[0].summary.name} and {snapshots[1].summary.name}",
        c=made,
        left=snapshots[0].summary,
        right=snapshots[1].summary,
        numbers=numbers,
        names=names,
        chart=draw_differences([(f"{one.what} {one.name}".strip(), one.difference) for one in made.differences]),
        assets="/assets",
    )


def _number(request: web.Request, name: str, *, default: int = 0) -> int:
    text = request.query.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else default
