"""Integrals: told apart and told equal by balls, left to SymPy where a pole or a branch stands in the way."""

import pytest

from overproof.grading.quadrature import same_integrals
from overproof.grading.reading import readings
from overproof.grading.values import Scalar


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (r"\int_0^1 x^3\,dx", r"\frac{1}{4}", True),
        (r"\int_0^{\pi} \sin t\,dt", "2", True),
        (r"2\int_2^5 \frac{1}{v}\,dv + 1", r"2\ln 5 - 2\ln 2 + 1", True),
        (r"\int_1^3 \frac{\cos u}{u^3}\,du", r"\int_1^3 \frac{\cos s}{s^3}\,ds", True),
        (r"\int_1^3 \frac{\cos u}{u^3}\,du", r"\int_1^3 \frac{\cos u}{u^2}\,du", False),
        (r"\int_0^1 3^{100000000}\,dx", "5", False),
        (r"\int_{-1}^1 \frac{1}{x}\,dx", "0", None),
        (r"\int_0^1 \ln x\,dx", "-1", None),
        (r"\sum_{k=1}^{9} k", "45", None),
    ],
)
def test_integrals_are_compared_by_their_values(one: str, other: str, *, expected: bool | None) -> None:
    left, right = readings(one)[0], readings(other)[0]
    assert isinstance(left, Scalar)
    assert isinstance(right, Scalar)
    assert same_integrals(left.node, right.node) is expected
