"""Keys that name a thing of this package or a function of the user's own, `module:function`; only this module tells
which keys of a config those are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from overproof.errors import suggest
from overproof.extensions import PLACE, Extension, is_place


@dataclass(frozen=True)
class OneOf:
    """Marks such a key: `Annotated[str, Named("policy", ("all", "correct"), takes=("scored",))]`."""

    what: str
    """What it names, in a word."""
    names: tuple[str, ...]
    """Those of this package."""
    takes: tuple[str, ...]
    """What a function of the user's own is called with."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Text that is one of the names, or `module:function`."""
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The names, and the form of a function's place."""
        return {"anyOf": [{"enum": [*self.names]}, {"type": "string", "pattern": f"^{PLACE}$"}]}

    def check(self, name: str) -> str:
        """The name, if it is one. Raises ValueError."""
        if name in self.names or is_place(name):
            return name
        hint = suggest(name, self.names) + (f" There are {', '.join(self.names)}." if self.names else "")
        raise ValueError(f"there is no {self.what} '{name}'.{hint} One of your own is written module:function")


def extensions_in(config: BaseModel, prefix: str = "") -> Iterator[Extension]:
    """Every function of the user's own that a config names, in the order of its keys."""
    for key, field in type(config).model_fields.items():
        value, place = getattr(config, key), f"{prefix}{key}"
        named = next((mark for mark in field.metadata if isinstance(mark, OneOf)), None)
        if named is not None and isinstance(value, str) and is_place(value):
            yield Extension(place, value, named.takes, getattr(config, "options", {}))
        tables = value if isinstance(value, dict) else {"": value}
        for name, table in tables.items():
            if isinstance(table, BaseModel):
                yield from extensions_in(table, f"{place}.{name}." if name else f"{place}.")
