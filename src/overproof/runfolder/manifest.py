"""What `config.yaml` of a run holds beside the config itself, as bytes and back."""

from __future__ import annotations

import functools
from typing import Any

import msgspec
import yaml

from overproof.errors import RunFolderError

_YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The one in C, which PyYAML has where it was built with libyaml, is ten times as fast."""


class Manifest(msgspec.Struct, frozen=True):
    """What `config.yaml` of a run holds: the resolved config and, under `run`, how the run was made."""

    config: dict[str, Any]
    """The resolved config as a tree of plain values; holds no secret, keys come from the environment."""
    shards: int
    """Fixed when the run is made and never computed again."""
    versions: dict[str, str]
    """Versions of this package and of those that decide verdicts."""
    stages: dict[str, str]
    """For each derived stage the fingerprint of the inputs that its files were made from."""
    seals: dict[str, str] = {}
    """For each folder of derived files, by name, what it was closed with; runs of older versions have none."""


class DamagedManifestError(RunFolderError):
    """A run's config.yaml that cannot be read; what has no other copy in it is the number of shards."""


def parse_manifest(text: str, name: str) -> Manifest:
    """What the text of a run's config.yaml says, `name` in errors. Raises DamagedManifestError when it is none."""
    try:
        return _parse(text)
    except (yaml.YAMLError, msgspec.ValidationError, AttributeError, TypeError, KeyError, RecursionError) as error:
        raise DamagedManifestError(f"{name} is not the config of a run ({error!r}).") from None


@functools.lru_cache(maxsize=4)
def _parse(text: str) -> Manifest:
    """Kept by its text, as every stage reads it several times."""
    tree = yaml.load(text, _YAML)  # noqa: S506 - both are safe
    return msgspec.convert({**tree.pop("run"), "config": tree}, Manifest)


def show_manifest(manifest: Manifest) -> bytes:
    """The file; the config's own tables come first, so that it serves as a config again."""
    made = {
        "shards": manifest.shards,
        "versions": manifest.versions,
        "stages": dict(sorted(manifest.stages.items())),
        "seals": dict(sorted(manifest.seals.items())),
    }
    tree = {**manifest.config, "run": made}
    return yaml.safe_dump(tree, allow_unicode=True, sort_keys=False, width=1000).encode()
