"""Serving a tiny model on loopback: `serve` starts the server as a child process and ends it.

    with serve(bundled("tiny-teacher")) as base_url: …
    python -m overproof.tiny.server --folder data/tiny-teacher --port 8000

The child ends with its parent however that ends: it watches a pipe that only the parent holds open.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import os
import select
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from overproof.errors import EndpointError, MissingExtraError, OverproofError

_START_SECONDS = 60.0
"""Longest wait for a server to come up, on a machine that is busy with other things."""
_STOP_SECONDS = 5.0


@contextmanager
def serve(folder: Path, name: str | None = None) -> Iterator[str]:
    """Run a server for the model in `folder` and yield its base URL, up to `/v1`. Any number may run at once.

    `name` is what requests call the model; None takes the name it was made with.
    Raises MissingExtraError before anything is started when onnxruntime or tokenizers are not installed, and
    EndpointError when the server does not come up.
    """
    check_installed()
    named = [] if name is None else ["--name", name]
    child = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "overproof.tiny.server", "--folder", str(folder), "--with-parent", *named],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=_environment(),
        start_new_session=True,  # Ctrl-C is the parent's to handle; the child ends when the parent has closed down
    )
    try:
        yield _read_base_url(child, folder)
    finally:
        _stop(child)


def _environment() -> dict[str, str]:
    """An environment in which the child finds this package even where it is not installed."""
    home = str(Path(__file__).parents[2])
    if home == sysconfig.get_path("purelib"):
        return dict(os.environ)
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))}


def check_installed() -> None:
    """Raise MissingExtraError when the libraries that run a tiny model are not installed."""
    if any(importlib.util.find_spec(name) is None for name in ("onnxruntime", "tokenizers")):
        raise MissingExtraError("The tiny teacher", "demo")


def _read_base_url(child: subprocess.Popen[bytes], folder: Path) -> str:
    """Wait for the line that the child prints once it listens, or once it knows that it cannot."""
    assert child.stdout is not None
    ready, _, _ = select.select([child.stdout], [], [], _START_SECONDS)
    line = child.stdout.readline() if ready else b""
    if not line:
        state = (
            f"ended with exit code {child.wait(_STOP_SECONDS)}" if ready else f"said nothing in {_START_SECONDS:.0f} s"
        )
        raise EndpointError(f"The tiny server for {folder} {state}; what it wrote to stderr says why")
    said = json.loads(line)
    if "error" in said:
        raise EndpointError(f"The tiny server did not start: {said['error']}")
    return str(said["base_url"])


def _stop(child: subprocess.Popen[bytes]) -> None:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.close()
    try:
        child.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    child.stdout.close()


def main() -> None:
    """Serve a model folder until the process is ended."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="a model folder, such as data/tiny-teacher")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--name", help="what requests call the model; default: the name it was made with")
    parser.add_argument("--with-parent", action="store_true", help="end when stdin closes or the parent process ends")
    arguments = parser.parse_args()
    if arguments.with_parent:
        threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    try:
        check_installed()
        asyncio.run(_serve_forever(arguments.folder, arguments.port, arguments.name))
    except (OverproofError, OSError) as error:  # a folder that is no model, a port in use
        print(json.dumps({"error": str(error)}), flush=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


async def _serve_forever(folder: Path, port: int, name: str | None) -> None:
    """Listen on loopback, say where on stdout, and serve."""
    from overproof.tiny.api import Api
    from overproof.tiny.engine import TinyEngine
    from overproof.tiny.model import is_repeatable

    engine = TinyEngine(folder)
    if not is_repeatable(engine.network, engine.encode("The self-test reads this.")):
        print(
            "The tiny model's arithmetic depends on the batch size on this processor: "
            "the same seed may give another reply when other requests run beside it",
            file=sys.stderr,
        )
    api = Api(engine, name or engine.network.architecture.name)
    async with api.listen(port) as base_url:
        print(json.dumps({"base_url": base_url, "model": api.model}), flush=True)
        await api.drive()


def _end_with_parent(parent: int) -> None:
    """End this process when the pipe to the parent closes, or when the parent is gone though a copy of it lives on."""
    while os.getppid() == parent:
        readable, _, _ = select.select([sys.stdin], [], [], 1.0)
        if readable and not os.read(sys.stdin.fileno(), 1):
            break
    os._exit(0)


if __name__ == "__main__":
    main()
