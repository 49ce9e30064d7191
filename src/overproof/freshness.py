"""Which stages of a run are up to date; only this module decides whether derived files must be made again.

For each stage the manifest holds a fingerprint of everything that its files were made from: the config tables it
reads, the fingerprint of the stage before it, the sizes of the journals, the versions of what decides verdicts. A
stage whose fingerprint is the same, and whose files are still there, is left out.
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
from overproof.errors import RunFolderError
from overproof.runfolder import Manifest, RunFolder

_DECIDING_LIBRARIES = ("math-verify", "sympy", "py3langid", "langdetect", "pyarrow")


def begin(folder: RunFolder, config: RunConfig, shards: Callable[[], int]) -> Manifest:
    """The manifest of a run; a new run's is made here, with as many shards as `shards()` says."""
    manifest = folder.read_manifest()
    if manifest is None:
        manifest = Manifest(config.model_dump(mode="json"), shards(), versions(), {})
        folder.write_manifest(manifest)
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
    tree = config.model_dump(mode="json", include=set(tables))
    updated = msgspec.structs.replace(manifest, config={**manifest.config, **tree}, versions=versions())
    if updated != manifest:
        folder.write_manifest(updated)


def derive(
    folder: RunFolder,
    stage: str,
    work: Callable[[], bool | None],
    *,
    config: RunConfig,
    tables: Sequence[str],
    inputs: Sequence[Any] = (),
    after: str | None = None,
    outputs: Sequence[Path] = (),
) -> None:
    """Do a stage's work unless it was done with these very inputs and its files are still there.

    Inputs are the config `tables` it reads, plain values in `inputs`, and the stage that it comes `after`. Work that
    returns False is done, but not as it would be on another day: later stages may use it, and the next run does it
    again.
    """
    manifest = manifest_of(folder)
    if after is not None and after not in manifest.stages:
        raise RunFolderError(f"{folder}: '{stage}' needs '{after}' first. Run: overproof {after} CONFIG")
    before = manifest.stages.get(after) if after else None
    fingerprint = _fingerprint([stage, versions(), before, *inputs, *(getattr(config, name) for name in tables)])
    if manifest.stages.get(stage) == fingerprint and folder.has(outputs):
        return
    stamp = f"{fingerprint}, to be done again" if work() is False else fingerprint
    record_config(folder, config, tables)
    manifest = manifest_of(folder)
    folder.write_manifest(msgspec.structs.replace(manifest, stages={**manifest.stages, stage: stamp}))


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
