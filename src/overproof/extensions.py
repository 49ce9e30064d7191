"""Functions of a config's own, written `module:function`; only this module imports code that is not this package's.

A module is looked for in the folder that the command is run in, then on Python's path. What decides its verdicts is its
source: `digest_of` is part of the fingerprint of every stage that calls it, and `pack` takes the source along to other
machines.
"""

from __future__ import annotations

import atexit
import hashlib
import importlib
import importlib.util
import inspect
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from overproof.errors import ConfigError, ExtensionError

PLACE = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*"
"""How `module:function` is written."""
_MOST_PACKED = 4 << 20
"""Bytes of source that are taken along; a larger package is to be installed on every node."""

_digests: dict[str, str] = {}
"""Module → digest of the source that is loaded."""


def is_place(name: str) -> bool:
    """Whether a name is written `module:function`."""
    return re.fullmatch(PLACE, name) is not None


class Extension(msgspec.Struct, frozen=True):
    """One function of a config's own."""

    key: str
    """Where the config names it, such as `rewards.custom.brevity.function`."""
    place: str
    """`module:function`."""
    takes: tuple[str, ...]
    """What it is called with, by name and in order."""
    options: Mapping[str, Any] = {}
    """What it is called with besides, as keywords."""

    def load(self) -> Callable[..., Any]:
        """The function. Raises ConfigError naming the key, what was looked for, and the way out."""
        name, _, attribute = self.place.partition(":")
        module = _import(name, self)
        function: Any = getattr(module, attribute, None)
        if function is None:
            defined = [each for each, value in vars(module).items() if callable(value) and not each.startswith("_")]
            self.refuse(
                f"{module.__file__} defines no '{attribute}'. It defines: {', '.join(defined) or 'no function'}"
            )
        if not callable(function):
            self.refuse(f"'{attribute}' of {module.__file__} is no function but {type(function).__name__}")
        called: Callable[..., Any] = function
        self._check_signature(called)
        return called

    def call(self, *arguments: Any, about: str) -> Any:
        """What the function returns; `about` names what it is called for (a trace) when it raises."""
        function = self.load()
        try:
            return function(*arguments, **self.options)
        except Exception as error:  # whatever a stranger's code raises
            line = _line_of(error, function)
            raise ExtensionError(
                f"{self.key}: {self.place} failed on {about}: {type(error).__name__}: {error}{line}. Nothing that was "
                "paid for is lost: mend the function and run the same command again"
            ) from error

    def fail(self, about: str, returned: object, wanted: str) -> ExtensionError:
        """The error for a result that cannot be used."""
        shown = repr(returned)[:80]
        return ExtensionError(
            f"{self.key}: {self.place} returned {shown} for {about}, and must return {wanted}. Nothing that was paid "
            "for is lost: mend the function and run the same command again"
        )

    def refuse(self, why: str) -> None:
        """Raise the ConfigError that says why this cannot be called."""
        raise ConfigError(f"{self.key}: {self.place} cannot be used: {why}")

    def _check_signature(self, function: Callable[..., Any]) -> None:
        try:
            inspect.signature(function).bind(*self.takes, **self.options)
        except TypeError as error:
            options = f" and {', '.join(f'{name}=…' for name in self.options)}" if self.options else ""
            self.refuse(
                f"it is called with ({', '.join(self.takes)}){options}, but is written as "
                f"{self.place.partition(':')[2]}{inspect.signature(function)}: {error}"
            )
        except ValueError:  # a function of C without a signature
            return


def digest_of(extension: Extension) -> str:
    """The digest of an extension's source as it is on disk now; where it has changed it is loaded anew.

    It covers the module's file, or all of its package. Raises as `Extension.load` does.
    """
    name = extension.place.partition(":")[0]
    digest = _digest(_sources(name, extension))
    if _digests.get(name, "" if _is_of_this_folder(name) else digest) != digest:
        _forget(name)
    _digests[name] = digest
    extension.load()
    return digest


def pack(extensions: list[Extension]) -> dict[str, str]:
    """The sources of all the modules named, by their relative paths, for `unpack` on another machine."""
    packed: dict[str, str] = {}
    for extension in extensions:
        sources = _sources(extension.place.partition(":")[0], extension)
        if sum(map(len, sources.values())) <= _MOST_PACKED:
            packed |= {path: source.decode() for path, source in sources.items()}
    return packed


def unpack(packed: Mapping[str, str]) -> None:
    """Have the modules of `pack` found in this process before any other of their names.

    They lie in a folder that only this user can write to, and that goes with the process.
    """
    digest = _digest({path: source.encode() for path, source in packed.items()})
    if not packed or digest == _unpacked.get("digest"):
        return
    folder = tempfile.mkdtemp(prefix="overproof-extensions-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for path, source in packed.items():
        target = Path(folder) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(source, encoding="utf-8")
    for name in {path.partition("/")[0].removesuffix(".py") for path in packed}:
        _forget(name)
    sys.path[:] = [folder, *(path for path in sys.path if path != _unpacked.get("folder"))]
    _unpacked.update(folder=folder, digest=digest)


_unpacked: dict[str, str] = {}
"""The folder that was unpacked last, and the digest of what lies in it."""


def _import(name: str, extension: Extension) -> ModuleType:
    if name in _digests and name in sys.modules:
        return sys.modules[name]
    _sources(name, extension)
    try:
        with _here():
            module = importlib.import_module(name)
    except Exception as error:  # whatever a stranger's code raises
        where = _line_of(error, None)
        raise ConfigError(
            f"{extension.key}: {extension.place} cannot be used: importing {name} failed: "
            f"{type(error).__name__}: {error}{where}"
        ) from error
    _digests.setdefault(name, _digest(_sources(name, extension)))
    return module


def _sources(name: str, extension: Extension) -> dict[str, bytes]:
    """The source files of a module's package, or its one file, by their paths below the folder it lies in."""
    top = name.partition(".")[0]
    with _here():
        importlib.invalidate_caches()
        try:
            spec = importlib.util.find_spec(top)
        except (ImportError, ValueError):
            spec = None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        found = f"it has no source file ({spec.origin})" if spec and spec.origin else "there is no such module"
        extension.refuse(
            f"{found}. Looked for {name.replace('.', '/')}.py in {Path.cwd()} and on Python's path; run the command in "
            "the folder that holds it, or name that folder in PYTHONPATH"
        )
    assert spec is not None
    assert spec.origin is not None
    origin = Path(spec.origin)
    if not spec.submodule_search_locations:
        return {origin.name: origin.read_bytes()}
    folder = origin.parent
    return {str(path.relative_to(folder.parent)): path.read_bytes() for path in sorted(folder.rglob("*.py"))}


@contextmanager
def _here() -> Iterator[None]:
    """Let modules of the current folder be found, before any other unless some were unpacked.

    No compiled form of them is kept: Python takes one for the source's when both are of one second and one length.
    """
    here = str(Path.cwd())
    keeps_none, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    first = 1 if sys.path[:1] == [_unpacked.get("folder")] else 0
    sys.path.insert(first, here)
    try:
        yield
    finally:
        sys.dont_write_bytecode = keeps_none
        sys.path.remove(here)
        if here not in sys.path:
            sys.path.append(here)  # for what a function imports when it is called


def _forget(name: str) -> None:
    """Have a module, its package and all of that imported anew."""
    top = name.partition(".")[0]
    for loaded in [each for each in sys.modules if each == top or each.startswith(f"{top}.")]:
        del sys.modules[loaded]
    for loaded in [each for each in _digests if each.partition(".")[0] == top]:
        del _digests[loaded]


def _is_of_this_folder(name: str) -> bool:
    """Whether a module that somebody else has imported lies in the current folder: it may have been changed since."""
    file = getattr(sys.modules.get(name), "__file__", None)
    return file is not None and Path(file).is_relative_to(Path.cwd()) and "site-packages" not in file


def _digest(sources: Mapping[str, bytes]) -> str:
    state = hashlib.blake2b(digest_size=16)
    for path, source in sorted(sources.items()):
        state.update(f"{path}\0{len(source)}\0".encode() + source)
    return state.hexdigest()


def _line_of(error: BaseException, function: Callable[..., Any] | None) -> str:
    """Where in a stranger's code an error was raised."""
    own = inspect.getsourcefile(function) if function is not None and inspect.isfunction(function) else None
    place = ""
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file == own or (own is None and "importlib" not in file and file != __file__):
            place = f" ({file}, line {trace.tb_lineno})"
        trace = trace.tb_next
    return place
