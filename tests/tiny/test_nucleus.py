"""Choosing tokens: the distribution is the one asked for, and no row depends on its neighbours."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overproof.tiny.nucleus import Floats, choose_tokens

ROWS = 16
WIDTH = 200


def some_logits(seed: int, rows: int = ROWS) -> Floats:
    return np.random.default_rng(seed).normal(scale=4, size=(rows, WIDTH)).astype(np.float32)


def choose(logits: Floats, temperature: float, top_p: float, draws: Floats) -> list[int]:
    rows = len(logits)
    tokens: list[int] = choose_tokens(logits, np.full(rows, temperature), np.full(rows, top_p), draws).tolist()
    return tokens


def test_temperature_zero_takes_the_likeliest_token() -> None:
    logits = some_logits(0)
    for temperature in (0, 1e-300, 1e-5):
        assert choose(logits, temperature, 0.5, np.full(ROWS, 0.99)) == logits.argmax(axis=1).tolist()


@given(st.integers(0, 10_000), st.floats(0.05, 2), st.floats(0.05, 1))
def test_a_row_is_chosen_alike_in_any_company(seed: int, temperature: float, top_p: float) -> None:
    random = np.random.default_rng(seed)
    logits, draws = some_logits(seed), random.random(ROWS)
    temperatures = np.where(random.random(ROWS) < 0.2, 0, temperature)
    top_ps = np.where(random.random(ROWS) < 0.3, 1, top_p)
    together = choose_tokens(logits, temperatures, top_ps, draws).tolist()
    for row in range(ROWS):
        one = slice(row, row + 1)
        assert choose_tokens(logits[one], temperatures[one], top_ps[one], draws[one])[0] == together[row]


@given(st.integers(0, 10_000), st.floats(0.05, 0.999), st.floats(0, 1, exclude_max=True))
def test_the_nucleus_is_the_fewest_tokens_that_hold_its_mass(seed: int, top_p: float, draw: float) -> None:
    logits = some_logits(seed, rows=1)
    weights = np.exp((logits[0] - logits[0].max()).astype(np.float64))
    order = np.argsort(-weights, kind="stable")
    size = int((weights[order].cumsum() < top_p * weights.sum()).sum()) + 1
    [token] = choose(logits, 1, top_p, np.array([draw]))
    assert token in order[: size + 1]  # one more where rounding decides
    inside = weights[order[:size]].cumsum() / weights[order[:size]].sum()
    place = int(np.flatnonzero(order == token)[0])
    assert inside[place - 1] - 1e-6 <= draw if place else True
    assert draw <= inside[min(place, size - 1)] + 1e-6


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7])
def test_tokens_come_as_often_as_the_softmax_says(temperature: float) -> None:
    logits = np.tile(np.array([[2.0, 1.0, 0.0, -1.0]], np.float32), (20_000, 1))
    draws = np.random.default_rng(0).random(20_000)
    counts = np.bincount(choose(logits, temperature, 1, draws), minlength=4) / 20_000
    expected = np.exp(logits[0] / temperature)
    assert counts == pytest.approx(expected / expected.sum(), abs=0.015)
