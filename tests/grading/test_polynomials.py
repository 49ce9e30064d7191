"""Where polynomials with rational coefficients are zero."""

import pytest

from overproof.grading.evaluate import real_value
from overproof.grading.grammar import parse
from overproof.grading.polynomials import real_roots


@pytest.mark.parametrize(
    ("text", "roots"),
    [
        ("3x - 12", [4.0]),
        ("x^2 - 7x + 10", [2.0, 5.0]),
        ("x^2 + 1", []),
        ("x^2 - 2", [-(2**0.5), 2**0.5]),
        ("(x-1)^2(x+3)", [-3.0, 1.0]),
        (r"\frac{x^3 - 9x}{2}", [-3.0, 0.0, 3.0]),
    ],
)
def test_the_zeros_come_in_order_and_once(text: str, roots: list[float]) -> None:
    found = real_roots(parse(text), "x")
    assert found is not None
    assert [real_value(root) for root in found] == pytest.approx(roots)


@pytest.mark.parametrize("text", [r"\sqrt{x} - 2", "x^3 - 2", "x^{40} - 1", "xy - 1", "5", "2^x - 8"])
def test_what_is_no_polynomial_or_has_other_zeros_is_left_alone(text: str) -> None:
    assert real_roots(parse(text), "x") is None
