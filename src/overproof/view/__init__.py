"""`overproof view RUN…`: the pages of a report over run folders themselves, live while a run goes on, of any size.

folders      the runs and proofs in the folders that were named
proofs       the tables of a proof
run          a run as it is now, kept up to date
query        the filters and the order of a list
search       a text in its traces
comparison   two runs side by side
decisions    what a person decides, written to the run's overrides
app          which address answers with what

Bound to this machine's loopback, for its user to read. Nothing can be written through it unless it was started to edit;
then it takes decisions about references and verdicts from who has the token in its address.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from aiohttp import web

from overproof.errors import ConfigError
from overproof.language.latin import is_known
from overproof.view.app import build_app, build_runner
from overproof.view.folders import find_proofs, find_runs
from overproof.view.run import ViewedRun
from overproof.wording import Language, Wording

HOST = "127.0.0.1"


def serve(
    run_dirs: Sequence[Path | str],
    *,
    port: int = 0,
    language: Language = "en",
    edit: bool = False,
    show: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve the pages of one or several runs, or of all runs in a folder, until interrupted.

    `show` is told in a line each what is being read and, once it answers, the address. Port 0 takes a free one.
    With `edit` people can decide about references and verdicts in the browser.
    Raises RunFolderError when a folder holds no run, ConfigError when the port is taken.
    """
    say = Wording(language)
    runs = [ViewedRun(folder, say) for folder in find_runs(run_dirs)]
    is_known("en")  # loads what tells languages apart, so that the first problem is not the slow one
    for run in runs:
        show(f"Reading {run.folder} …")
        run.refresh()
    local = [place for place in run_dirs if "://" not in str(place)]
    token = secrets.token_urlsafe(16) if edit else None
    asyncio.run(
        _serve(
            build_app(runs, say, token=token, proofs=find_proofs(run_dirs), find=lambda: find_runs(local)),
            port,
            f"?token={token}" if token else "",
            show,
        )
    )


async def _serve(app: web.Application, port: int, query: str, show: Callable[[str], None]) -> None:
    runner = build_runner(app)
    await runner.setup()
    site = web.TCPSite(runner, HOST, port)
    try:
        await site.start()
    except OSError as error:
        await runner.cleanup()
        raise ConfigError(f"Port {port} cannot be used ({error.strerror}). Give another one with --port.") from None
    try:
        show(f"Open {site.name if port else _address(runner)}/{query} in a browser; Ctrl-C ends it.")
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def _address(runner: web.AppRunner) -> str:
    """Where the server answers, with the port that it was given."""
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"
