"""Which stages of a run are up to date; only this module decides whether derived files must be made again.

For each stage the manifest holds a fingerprint of everything that its files were made from: the config tables it
reads, the sources of the functions of its own that those name, the fingerprint of the stage before it, the sizes of the
journals, the versions of what decides verdicts. A stage whose fingerprint is the same, and whose files are still there,
is left out.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import orjson
from pydantic import BaseModel

import overproof
from overproof.config import RunConfig
from overproof.config.own import extensions_in
from overproof.errors import RunFolderError
from overproof.extensions import digest_of
from overproof.runfolder import DamagedManifestError, Manifest, RunFolder

_COMMANDS = {"prepare": "run"}
"""The command of a stage that has none of its own name."""
_DECIDING_LIBRARIES = (
    *("math-verify", "sympy", "python-flint", "py3langid", "langdetect"),  # verdicts and rewards
    *("rensa", "pyarrow"),  # near duplicates, and bytes
)


Tell = Callable[[str], None]
"""Whoever is told, in words, what was found damaged and is made again."""


def begin(folder: RunFolder, config: RunConfig, shards: Callable[[], int], tell: Tell) -> Manifest:
    """The manifest of a run; a new run's is made here, with as many shards as `shards()` says, and not yet written.

    A manifest that cannot be read is made again where the prepared problems tell the number of shards.
    """
    try:
        manifest = folder.read_manifest()
    except DamagedManifestError as error:
        if folder.count_prepared() is None:
            raise RunFolderError(
                f"{error} How many shards the run has cannot be told without it: put back a copy, or give another "
                "--run-dir."
            ) from None
        tell(f"{error} It is made again from this config and the prepared problems.")
        manifest = None
    if manifest is None:
        number = folder.count_prepared() or shards()
        manifest = Manifest(config.model_dump(mode="json"), number, versions(), {})
    folder.check_shards(manifest.shards)
    return manifest


def manifest_of(folder: RunFolder) -> Manifest:
    """The manifest of a run that has begun. Raises RunFolderError when it has not."""
    manifest = folder.read_manifest()
    if manifest is None:
        raise RunFolderError(f"{folder} holds no run yet. Begin one with: overproof run CONFIG --run-dir DIR")
    return manifest


def record_config(folder: RunFolder, config: RunConfig, tables: Sequence[str]) -> None:
    """Write down that these tables of the config are now what the run was made with."""
    manifest = manifest_of(folder)
    updated = _made_with(manifest, config, tables)
    if updated != manifest:
        folder.write_manifest(updated)


def _made_with(manifest: Manifest, config: RunConfig, tables: Sequence[str]) -> Manifest:
    """The manifest with these tables of the config, and the versions of now."""
    tree = config.model_dump(mode="json", include=set(tables))
    return msgspec.structs.replace(manifest, config={**manifest.config, **tree}, versions=versions())


def derive(
    folder: RunFolder,
    stage: str,
    work: Callable[[Callable[[], None]], bool | None],
    *,
    config: RunConfig,
    tables: Sequence[str],
    tell: Tell,
    inputs: Sequence[Any] = (),
    after: str | None = None,
    outputs: Sequence[Path] = (),
    begun: Manifest | None = None,
) -> None:
    """Do a stage's work unless it was done with these very inputs and its files are still what was written.

    `work` is given a function that it calls before the first file changes: the mark that vouches for them is withdrawn
    by it, and set again after the last of them is on disk, so that a kill at any moment leaves files without a mark
    and never a mark without its files. Inputs are the config `tables` that the stage reads, plain values in `inputs`,
    the stage that it comes `after`, and the sources of the functions of its own that those tables name. `begun` is the
    manifest of a run that has none on disk yet.
    Work that returns False is done, but not as it would be on another day: later stages may use it, and the next run
    does it again.
    """
    manifest = begun or manifest_of(folder)
    if after is not None and after not in manifest.stages:
        command = _COMMANDS.get(after, after)
        raise RunFolderError(f"{folder}: '{stage}' needs '{after}' first. Run: overproof {command} {folder}")
    fingerprint = _mark(manifest, stage, config, tables, inputs, after)
    if manifest.stages.get(stage) == fingerprint:
        damage = folder.find_damage(outputs, manifest.seals)
        if damage is None:
            return
        tell(f"{damage}: it is made again.")

    def withdraw() -> None:
        others = {name: mark for name, mark in manifest.stages.items() if name != stage}
        folder.write_manifest(msgspec.structs.replace(manifest, stages=others))
        folder.unseal(outputs)

    stamp = f"{fingerprint}, to be done again" if work(withdraw) is False else fingerprint
    seals = folder.seal(outputs)
    manifest = _made_with(manifest_of(folder), config, tables)
    done = msgspec.structs.replace(
        manifest, stages={**manifest.stages, stage: stamp}, seals={**manifest.seals, **seals}
    )
    folder.write_manifest(done)


class Errand:
    """A stage that makes no file of its own and may leave some of its work to the next run, as asking a judge does."""

    def __init__(
        self, folder: RunFolder, stage: str, *, config: RunConfig, tables: Sequence[str], after: str | None = None
    ) -> None:
        """The arguments are those of `derive`."""
        self._folder = folder
        self._stage = stage
        self._config = config
        self._tables = tables
        self._after = after

    def is_done(self, inputs: Sequence[Any]) -> bool:
        """Whether nothing was left to do when things were as they are now."""
        manifest = manifest_of(self._folder)
        return manifest.stages.get(self._stage) == self._mark(manifest, inputs)

    def finish(self, inputs: Sequence[Any]) -> None:
        """Write down that nothing is left to do as things are now."""
        manifest = manifest_of(self._folder)
        stages = {**manifest.stages, self._stage: self._mark(manifest, inputs)}
        self._folder.write_manifest(msgspec.structs.replace(manifest, stages=stages))

    def _mark(self, manifest: Manifest, inputs: Sequence[Any]) -> str:
        return _mark(manifest, self._stage, self._config, self._tables, inputs, self._after)


def _mark(  # noqa: PLR0917 - each of another kind
    manifest: Manifest, stage: str, config: RunConfig, tables: Sequence[str], inputs: Sequence[Any], after: str | None
) -> str:
    """What stands in the manifest for a stage that was done with these inputs."""
    before = manifest.stages.get(after) if after else None
    own = {one.key: digest_of(one) for one in extensions_in(config) if one.key.partition(".")[0] in tables}
    return _fingerprint([stage, versions(), before, *inputs, own, *(getattr(config, name) for name in tables)])


@functools.cache
def versions() -> dict[str, str]:
    """Versions of what decides verdicts and bytes."""
    libraries = {name: importlib.metadata.version(name) for name in _DECIDING_LIBRARIES}
    return {"overproof": overproof.__version__, "python": platform.python_version(), **libraries}


def _fingerprint(parts: Sequence[Any]) -> str:
    text = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS, default=_to_plain)
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def _to_plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} cannot be part of a fingerprint")
