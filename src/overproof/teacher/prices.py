"""What a provider's list says a model costs, with the date of the list; a config's own prices always win."""

from __future__ import annotations

import datetime as dt
import tomllib
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from overproof.config.endpoint import PricesConfig


class ListPrice(msgspec.Struct, frozen=True):
    """The list price of a million tokens of one model."""

    model: str
    """The model as the list names it."""
    currency: str
    prices: PricesConfig
    as_of: dt.date

    @property
    def note(self) -> str:
        """Where the figure comes from, and that it may be stale."""
        return f"by the list price of {self.model} as of {self.as_of}, which may be stale"


def find_list_price(profile: str, model: str) -> ListPrice | None:
    """The list price of a model at a provider, by its name or the longest listed one that it prolongs; else None."""
    tables = _tables()
    table = tables.get(profile)
    if not isinstance(table, dict):
        return None
    asked = model.casefold()
    names = [
        name
        for name, price in table.items()
        if isinstance(price, list)
        and (asked == name.casefold() or asked.startswith((f"{name}-".casefold(), f"{name}:".casefold())))
    ]
    if not names:
        return None
    name = max(names, key=len)
    given, generated, *cached = (Decimal(str(price)) for price in table[name])
    prices = PricesConfig(input_price=given, output_price=generated, cached_price=cached[0] if cached else None)
    return ListPrice(name, table["currency"], prices, table.get("as_of", tables["as_of"]))


@cache
def _tables() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("prices.toml").read_text(encoding="utf-8"))
