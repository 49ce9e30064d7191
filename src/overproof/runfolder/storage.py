"""A run folder on shared storage such as S3: the truth lies there, and a copy of what is in use on this machine.

The only user of fsspec. Everything else works on files of the copy: what is read is fetched first where it has
changed, what was written is pushed. Storage that fails for a while is waited for.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from overproof.errors import ConfigError, MissingExtraError, RunFolderError
from overproof.journal import new_path, write_bytes
from overproof.places import call

Result = TypeVar("Result")

PATIENCE_SECONDS = 120.0
"""How long storage may fail before the run gives up."""
PROBE_SECONDS = 15.0
"""The same at the first word, where nothing has been begun that could be lost."""
FIRST_WAIT_SECONDS = 0.25
LONGEST_WAIT_SECONDS = 5.0
CACHE_VARIABLE = "OVERPROOF_CACHE"
"""Environment variable that names the folder of the copies; by default ~/.cache/overproof."""
_FIRST_ADVICE = "Look at the network, and at the address: s3:// takes it from AWS_ENDPOINT_URL where that is set."
_LATER_ADVICE = "Everything written there is safe; run the same command again when it is back."
_VERSIONS = ".versions"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_ON_THIS_MACHINE = "is a folder of this machine: give its path, without the scheme"
_READ_ONLY = "cannot be written to. Give a folder of this machine, or shared storage such as s3://BUCKET/FOLDER"
_NO_PLACES = {
    "file": _ON_THIS_MACHINE,
    "local": _ON_THIS_MACHINE,
    "memory": "lasts no longer than this process. Give a folder of this machine",
    "http": _READ_ONLY,
    "https": _READ_ONLY,
    "data": _READ_ONLY,
}
"""What fsspec knows by these schemes, and why no run can lie there."""


class Storage:
    """A folder at an fsspec URL, and its copy."""

    def __init__(self, url: str) -> None:
        """Name the folder; nothing is opened before it is used."""
        self.url = url.rstrip("/")
        self.copy = _cache_folder() / f"{_readable(self.url)}-{_digest(self.url)}"
        call(self.copy, self.url)

    def greet(self) -> None:
        """Raise RunFolderError where nobody answers within seconds, as nothing has been begun that could be lost."""
        self._patiently(lambda: self._system.exists(self._at(_VERSIONS)), PROBE_SECONDS)

    def probe(self) -> None:
        """Write a file and delete it. Raises ConfigError where that cannot be, before anything is paid for."""
        place = self._at(f".{os.getpid()}.probe")
        try:
            self._patiently(lambda: self._system.pipe_file(place, b"?"), PROBE_SECONDS)
            self._patiently(lambda: self._system.rm_file(place), PROBE_SECONDS)
        except FileNotFoundError as error:
            bucket = self.url.partition("://")[2].partition("/")[0]
            raise ConfigError(
                f"{self.url} cannot be written to ({error}). Make the bucket '{bucket}', or give another --run-dir"
            ) from None

    def sizes(self, under: str = "") -> dict[str, int]:
        """Size in bytes of every file whose name begins with `under`."""
        return {name: int(info["size"]) for name, info in self._find(under).items()}

    def versions(self, under: str = "") -> dict[str, str]:
        """For every file whose name begins with `under` what changes whenever it is written again."""
        return {name: _version(info) for name, info in self._find(under).items()}

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        return bool(self._patiently(lambda: self._system.exists(self._at(name))))

    def fetch(self, names: Iterable[str]) -> None:
        """Make the copies of these files what they are; a file that is not there has no copy afterwards."""
        for name in names:
            info = self._info(name)
            if info is None:
                (self.copy / name).unlink(missing_ok=True)
            else:
                self._fetch(name, info)

    def fetch_under(self, under: str) -> list[str]:
        """Make the copies of all files whose name begins with `under` what they are; returns the names in order."""
        found = self._find(under)
        for name, info in found.items():
            self._fetch(name, info)
        return sorted(found)

    def push(self, names: Iterable[str]) -> None:
        """Put these files there as they are here; what was fetched or pushed as it is stays."""
        for name in names:
            path = self.copy / name
            if self._known(name)[1:] != _stamp(path):
                self._patiently(functools.partial(self._system.put_file, str(path), self._at(name)))
                self._remember(name, self._info(name))

    def create(self, name: str, content: bytes) -> bool:
        """Write a file that nobody has written; False when somebody has."""
        place = self._at(name)
        try:
            self._patiently(functools.partial(self._system.pipe_file, place, content, mode="create"))
        except FileExistsError:
            # A write whose answer was lost is tried again, and then finds itself.
            return bool(self._patiently(lambda: self._system.cat_file(place)) == content)
        return True

    def write(self, name: str, content: bytes) -> None:
        """Write a file, whatever was there."""
        self._patiently(functools.partial(self._system.pipe_file, self._at(name), content))

    def read(self, name: str) -> bytes | None:
        """A file's content; None where there is none."""
        try:
            return bytes(self._patiently(lambda: self._system.cat_file(self._at(name))))
        except FileNotFoundError:
            return None

    def remove(self, names: Iterable[str]) -> None:
        """Delete files, here and there; those that are not there are no error."""
        for name in names:
            (self.copy / name).unlink(missing_ok=True)
            try:
                self._patiently(functools.partial(self._system.rm_file, self._at(name)))
            except FileNotFoundError:
                continue

    @functools.cached_property
    def _opened(self) -> tuple[Any, str]:
        try:
            import fsspec

            system, root = fsspec.core.url_to_fs(self.url, use_listings_cache=False)
        except ImportError as error:
            raise _missing_package(self.url, error) from None
        except ValueError as error:
            raise ConfigError(f"{self.url} is no address that fsspec knows: {error}") from None
        except OSError as error:
            raise ConfigError(f"{self.url} cannot be opened here: {str(error).partition(chr(10))[0]}") from None
        return system, str(root).rstrip("/")

    @property
    def _system(self) -> Any:
        return self._opened[0]

    def _at(self, name: str) -> str:
        return f"{self._opened[1]}/{name}"

    def _find(self, under: str) -> dict[str, dict[str, Any]]:
        """What is told of each file whose name begins with `under`."""
        folder, _, prefix = under.rpartition("/")
        place = self._at(folder).rstrip("/")
        try:
            found = self._patiently(lambda: self._system.find(place, detail=True))
        except FileNotFoundError:
            return {}
        start = len(self._opened[1]) + 1
        named = {path[start:]: info for path, info in found.items() if info.get("type", "file") == "file"}
        return {name: info for name, info in named.items() if name.startswith(f"{folder}/{prefix}".lstrip("/"))}

    def _info(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._patiently(lambda: self._system.info(self._at(name)))
        except FileNotFoundError:
            return None
        return found

    def _fetch(self, name: str, info: dict[str, Any]) -> None:
        path = self.copy / name
        version, *stamp = self._known(name)
        if version == _version(info) and stamp == _stamp(path):
            return
        with new_path(path, owner=_me()) as temporary:
            self._patiently(functools.partial(self._system.get_file, self._at(name), str(temporary)))
        self._remember(name, info)

    def _known(self, name: str) -> list[str]:
        """Version, size and time of a copy when it was last the same as the file; empty when it never was."""
        try:
            return (self.copy / _VERSIONS / name).read_text().split("\n")
        except FileNotFoundError:
            return [""]

    def _remember(self, name: str, info: dict[str, Any] | None) -> None:
        text = "\n".join([_version(info or {}), *_stamp(self.copy / name)])
        write_bytes(self.copy / _VERSIONS / name, text.encode(), owner=_me())

    def _patiently(self, operation: Callable[[], Result], patience: float | None = None) -> Result:
        """Do it, again and again while the storage fails as if it might come back (by default PATIENCE_SECONDS).

        Raises ConfigError where it refuses, which no waiting changes.
        """
        advice = _FIRST_ADVICE if patience else _LATER_ADVICE
        patience = patience or PATIENCE_SECONDS
        began = time.monotonic()
        for wait in _waits():
            try:
                return operation()
            except (FileNotFoundError, FileExistsError, IsADirectoryError):
                raise
            except PermissionError as error:
                raise self._refused(error) from None
            except _passing_errors() as error:
                if time.monotonic() + wait - began > patience:
                    seconds = time.monotonic() - began
                    raise RunFolderError(
                        f"{self.url} has not answered for {seconds:.0f} s ({error}). {advice}"
                    ) from error
            except _lasting_errors() as error:
                raise self._refused(error) from None
            time.sleep(wait)
        raise AssertionError("waits never end")

    def _refused(self, error: Exception) -> ConfigError:
        return ConfigError(
            f"{self.url}: the storage refuses ({error}). Look at its keys, which come from the environment (AWS_… for "
            "s3://), and at what they may do there"
        )


def check_place(place: str) -> None:
    """Raise ConfigError for the address of a run folder that can hold no run, as it is written."""
    scheme, colon, rest = place.partition(":")
    if not colon or len(scheme) < 2 or not rest.startswith("/") or not _SCHEME.fullmatch(scheme):
        return
    if not rest.startswith("//"):
        raise ConfigError(f"{place} has one slash where an address has two. Write it as {scheme}://{rest[1:]}")
    if (why := _NO_PLACES.get(scheme.lower())) is not None:
        raise ConfigError(f"{place} {why}")
    if not rest.strip("/").strip() or rest.startswith("///"):
        raise ConfigError(f"{place} names no bucket. Write it as {scheme}://BUCKET/FOLDER")


def create_file(path: Path, content: bytes) -> bool:
    """Write a file that nobody has written, in a folder that several machines share; False when somebody has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        return False
    except OSError as error:
        path.unlink(missing_ok=True)
        raise RunFolderError(
            f"{path} cannot be written ({error.strerror}). Make room and run the same command again; nothing that "
            "was finished is lost."
        ) from error
    return True


def _me() -> str:
    """What tells processes and threads apart that keep the same copy."""
    return f"{os.getpid()}-{threading.get_ident()}"


def _waits() -> Iterator[float]:
    wait = FIRST_WAIT_SECONDS
    while True:
        yield wait
        wait = min(LONGEST_WAIT_SECONDS, 2 * wait)


@functools.cache
def _passing_errors() -> tuple[type[Exception], ...]:
    """What storage raises that may be over in a minute; botocore's own errors belong to no common family."""
    try:
        from botocore.exceptions import ConnectionError as LostConnection
        from botocore.exceptions import HTTPClientError
    except ImportError:
        return (OSError, asyncio.TimeoutError)
    return (OSError, asyncio.TimeoutError, LostConnection, HTTPClientError)


@functools.cache
def _lasting_errors() -> tuple[type[Exception], ...]:
    """What it raises otherwise: no keys, half a key, a name that no bucket can have."""
    try:
        from botocore.exceptions import BotoCoreError
    except ImportError:
        return ()
    return (BotoCoreError,)


def _missing_package(url: str, error: ImportError) -> Exception:
    """What to install for a scheme, by what fsspec knows of it."""
    scheme = url.partition("://")[0]
    try:
        from fsspec.registry import known_implementations
    except ImportError:
        return MissingExtraError(url, "ray")
    known = known_implementations.get(scheme, {})
    package = str(known.get("class", "")).partition(".")[0]
    if package == "s3fs" or not known:
        return MissingExtraError(f"{url} ({error.name or error})", "ray")
    if package == "fsspec":
        return ConfigError(f"{url} needs what is not installed here: {known.get('err', error)}")
    return ConfigError(
        f"{url} needs the package {package}, which is not installed here. Install it on every machine of the run: "
        f"pip install {package}"
    )


def _version(info: dict[str, Any]) -> str:
    """What changes whenever a file is written again."""
    marks = [info.get(key) for key in ("size", "ETag", "etag", "mtime", "LastModified", "created")]
    return " ".join(str(mark) for mark in marks if mark is not None)


def _stamp(path: Path) -> list[str]:
    """What changes whenever a copy is written again; empty when there is none."""
    if not path.exists():
        return []
    state = path.stat()
    return [str(state.st_size), str(state.st_mtime_ns)]


def _cache_folder() -> Path:
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named) if named else Path.home() / ".cache" / "overproof"


def _readable(url: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", url)[-60:].strip("-")


def _digest(url: str) -> str:
    return hashlib.blake2b(url.encode(), digest_size=6).hexdigest()
