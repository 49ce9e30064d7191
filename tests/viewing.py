"""A running `overproof view` for tests: the real application on a real loopback socket, in a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from aiohttp import web

from overproof.runfolder import RunFolder
from overproof.view.app import build_app, build_runner
from overproof.view.run import ViewedRun
from overproof.wording import Language, Wording


@contextmanager
def serving(
    run_dirs: Sequence[Path],
    *,
    language: Language = "en",
    token: str | None = None,
    proofs: Sequence[Path] = (),
    find: Callable[[], list[RunFolder]] = list,
) -> Iterator[str]:
    """The address of an application over these runs."""
    say = Wording(language)
    runs = [ViewedRun(RunFolder(path), say) for path in run_dirs]
    for run in runs:
        run.refresh()
    loop = asyncio.new_event_loop()
    runner = build_runner(build_app(runs, say, token=token, proofs=proofs, find=find))
    started = threading.Event()

    async def start() -> None:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        started.set()

    def work() -> None:
        loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert started.wait(30)
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
