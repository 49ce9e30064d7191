"""What the Tab key offers: configs, runs, keys, pages, presets and profiles by their names; else the shell has files.

Each function is given the beginning of a word. Where none of its names begins so, the shell completes paths itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from overproof.resources import guide_pages, shipped_configs


def name_configs(incomplete: str) -> list[str]:
    """Shipped configs, the YAML files and the runs that lie here, and those in the folder that is being typed."""
    within = Path(incomplete if incomplete.endswith("/") else Path(incomplete).parent)
    runs = [str(file.parent) for place in {Path("runs"), within} for file in place.glob("*/config.yaml")]
    files = [str(file) for suffix in ("yaml", "yml") for file in within.glob(f"*.{suffix}")]
    return _beginning([*shipped_configs(), *files, *runs], incomplete)


def name_runs(incomplete: str) -> list[str]:
    """The runs that lie here, and those in the folder that is being typed."""
    return [name for name in name_configs(incomplete) if (Path(name) / "config.yaml").is_file()]


def name_keys(incomplete: str) -> list[str]:
    """Keys of a config as `--set` takes them: the tables, and where one is meant its keys."""
    from overproof.config.explaining import schema

    whole = schema()
    keys = [f"{key}=" for key in _keys_of(whole, whole["$defs"]) if key.startswith(incomplete)]
    tables = dict.fromkeys(key[: key.find(".", len(incomplete)) + 1] or key for key in keys)
    return list(tables) if len(tables) > 1 else keys


def name_pages(incomplete: str) -> list[str]:
    """The pages of the guide."""
    return _beginning(guide_pages("en"), incomplete)


def name_presets(incomplete: str) -> list[str]:
    """The known problem sets."""
    from overproof.problems.presets import PRESETS

    return _beginning(PRESETS, incomplete)


def name_profiles(incomplete: str) -> list[str]:
    """The providers that are known."""
    from overproof.teacher.profiles import profile_names

    return _beginning(profile_names(), incomplete)


def name_languages(incomplete: str) -> list[str]:
    """The languages that pages and summaries are in."""
    return _beginning(["en", "zh"], incomplete)


def _beginning(names: Any, incomplete: str) -> list[str]:
    return sorted({name for name in names if name.startswith(incomplete)})


def _keys_of(node: dict[str, Any], tables: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Every dotted key under a table of a JSON schema."""
    for name, part in node["properties"].items():
        either = [part, *part.get("anyOf", []), *part.get("allOf", [])]
        inner = [tables[one["$ref"].rpartition("/")[2]] for one in either if "$ref" in one]
        tables_in = [one for one in inner if "properties" in one]
        for one in tables_in:
            yield from _keys_of(one, tables, f"{prefix}{name}.")
        if not tables_in:
            yield f"{prefix}{name}"
