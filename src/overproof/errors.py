"""What can go wrong, as exceptions that say where, what, and the way out; only this module knows the exit codes.

    OverproofError              exit 1: the world was not as hoped
    ├── ConfigError             exit 2: wrong usage or config
    ├── InputError              a problem file or an imported row cannot be used
    ├── EndpointError           the endpoint cannot serve this run at all (wrong key, no money, unknown model)
    ├── ExtensionError          a function of the config's own failed on a trace
    ├── NothingKeptError        a run went through and nothing of it is of use
    ├── RunFolderError          the run folder is in use, belongs to other settings, or is damaged
    └── MissingExtraError       an optional package is needed; carries the line that installs it

An interrupt (Ctrl-C) ends a run with 130, `Terminated` with 143; neither is an error.

A failed request is data (a `Trace` with an `error`), never an exception that leaves a stage.
"""

from __future__ import annotations

import difflib
import errno
import json
import shlex
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit


class OverproofError(Exception):
    """Something a user can act on; the text is shown without a traceback."""

    exit_code = 1


class ConfigError(OverproofError):
    """A command line or config that cannot be run as written."""

    exit_code = 2


class InputError(OverproofError):
    """A file of problems, traces or rows that cannot be read as what it should be."""


class EndpointError(OverproofError):
    """A model endpoint that cannot serve this run: wrong key, no money, unknown model, unreachable."""


class RunFolderError(OverproofError):
    """A run folder that is in use, was made with other settings, or is damaged."""


class ExtensionError(OverproofError):
    """A function that a config names failed, or gave what cannot be used."""


class NothingKeptError(OverproofError):
    """A run that went through and of which no trace was kept."""


class MissingExtraError(OverproofError):
    """An optional part that is not installed; the text ends with the command that installs it."""

    def __init__(self, purpose: str, extra: str) -> None:
        """Name what was asked for (`purpose`) and the extra of this package that brings it."""
        super().__init__(f"{purpose} needs an optional part. Install it with: {install_command(extra)}")
        self.extra = extra
        self._purpose = purpose

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        """Travel between processes."""
        return type(self), (self._purpose, self.extra)


def install_command(extra: str) -> str:
    """The command that adds an extra to this very installation: to its Python, from the clone or wheel that it is of.

    A name alone would be looked for on an index, and what stands there under our name may be a stranger's.
    """
    from importlib.metadata import PackageNotFoundError, distribution

    origin, flags = "overproof", []
    try:
        told = json.loads(distribution("overproof").read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        told = {}
    if str(told.get("url", "")).startswith("file:"):
        origin = unquote(urlsplit(told["url"]).path)
        flags = ["-e"] if told.get("dir_info", {}).get("editable") else []
    return shlex.join([sys.executable, "-m", "pip", "install", *flags, f"{origin}[{extra}]"])


class Terminated(KeyboardInterrupt):
    """SIGTERM has asked the process to end (Slurm, Kubernetes, a preempted machine), which ends it as Ctrl-C does."""


def suggest(name: str, known: Iterable[str]) -> str:
    """The question whether the nearest of the known names was meant, after a space; empty where none is near."""
    return _ask_for(difflib.get_close_matches(name, list(known), n=1))


def suggest_folder(path: Path) -> str:
    """`suggest` among the folders that lie where this one should."""
    if not path.parent.is_dir():
        return suggest_folder(path.parent) if path.parent.name else ""
    beside = {one.name: str(one) for one in path.parent.iterdir() if one.is_dir() and not one.name.startswith(".")}
    return _ask_for([beside[near] for near in difflib.get_close_matches(path.name, list(beside), n=1)])


def _ask_for(near: list[str]) -> str:
    return f" Did you mean '{near[0]}'?" if near else ""


_FULL = "Make room and run the same command again; nothing that was finished is lost."
_FORBIDDEN = "Name another place (--run-dir, --out), or give the right to this one."
_IN_THE_WAY = "A file stands where a folder belongs, or the other way round: name another place (--run-dir, --out)."
_TOO_MANY_FILES = "Allow the process more open files (ulimit -n) and run the same command again."
_WAYS_OUT = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: "Allow larger files (ulimit -f) and run the same command again.",
    errno.EROFS: _FORBIDDEN,
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.ENOTDIR: _IN_THE_WAY,
    errno.EISDIR: _IN_THE_WAY,
    errno.EEXIST: _IN_THE_WAY,
    errno.ENOENT: "It was deleted or renamed while it was in use.",
    errno.EMFILE: _TOO_MANY_FILES,
    errno.ENFILE: _TOO_MANY_FILES,
    errno.ENOMEM: "Allow the process more memory (ulimit -v) and run the same command again.",
    errno.ELOOP: "A symbolic link stands where a file belongs: remove it, or name another place (--run-dir, --out).",
}
"""What to do about the errors that a file system gives."""


def explain_os_error(error: OSError, path: Path | str = "", verb: str = "used") -> str:
    """What the operating system refused, in one line: the file (`path` where the error names none), why, way out."""
    where = error.filename or path or "a file"
    why = error.strerror or str(error) or type(error).__name__
    way_out = _WAYS_OUT.get(error.errno or 0, "Run the same command again once that is mended.")
    return f"{where} cannot be {verb} ({why}). {way_out}"


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Within it, what the file system refuses is a RunFolderError about `path` with the way out."""
    try:
        yield
    except OSError as error:
        raise RunFolderError(explain_os_error(error, path, "written")) from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Within it, what the file system refuses is a RunFolderError that says why `path` cannot be read."""
    try:
        yield
    except OSError as error:
        raise RunFolderError(explain_os_error(error, path, "read")) from error
