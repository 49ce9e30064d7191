"""List prices are found by the model's name, bear a date, and say that they may be stale."""

from __future__ import annotations

import datetime as dt

import pytest
from building import make_config

from overproof.sampling.settings import Settings
from overproof.teacher.prices import ListPrice, find_list_price
from overproof.teacher.profiles import load_profile


@pytest.mark.parametrize(
    ("profile", "model", "found"),
    [
        ("deepseek", "deepseek-v4-pro", "deepseek-v4-pro"),
        ("deepseek", "DeepSeek-V4-Pro-0813", "deepseek-v4-pro"),
        ("zhipu", "glm-4.5-air", "glm-4.5-air"),
        ("zhipu", "glm-4.55", None),
        ("deepseek", "currency", None),
        ("generic", "deepseek-v4-pro", None),
    ],
)
def test_a_price_is_that_of_the_longest_name_the_model_prolongs(profile: str, model: str, found: str | None) -> None:
    price = find_list_price(profile, model)
    assert (price.model if price else None) == found


def test_the_list_counts_where_the_config_gives_no_price_of_its_own() -> None:
    def list_price(**own: int) -> ListPrice | None:
        config = make_config(teacher={"profile": "deepseek", "model": "deepseek-v4-pro"}, budget=own)
        return Settings(config).list_price

    found = list_price()
    assert found is not None
    assert found == find_list_price("deepseek", "deepseek-v4-pro")
    assert list_price(input_price=0, output_price=1) is None


def test_every_price_is_money_with_a_date_and_belongs_to_a_profile() -> None:
    from overproof.teacher.prices import _tables

    for name, table in _tables().items():
        if not isinstance(table, dict):
            continue
        assert load_profile(name).name == name
        for model in table.keys() - {"currency", "as_of"}:
            price = find_list_price(name, model)
            assert price is not None
            given, generated, cached = price.prices.input_price, price.prices.output_price, price.prices.cached_price
            assert given is not None
            assert generated is not None
            assert cached is None or cached < given <= generated, (name, model)  # a discount in the place of a price
            assert dt.date(2026, 1, 1) < price.as_of < dt.date(2027, 1, 1)
            assert str(price.as_of) in price.note
