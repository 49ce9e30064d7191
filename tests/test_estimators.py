from collections import Counter

import numpy as np
import pytest

from overproof.estimators import ShareSums, estimate_mean, estimate_rate, estimate_share


def test_a_mean_rests_on_problems_and_not_on_their_traces() -> None:
    few = estimate_rate([(8, 8), (0, 8)] * 10)
    many = estimate_rate([(800, 800), (0, 800)] * 10)
    assert few.value == many.value == 0.5
    assert (few.low, few.high) == (many.low, many.high)
    assert (few.samples, many.samples) == (160, 16_000)


def test_counting_equal_values_together_changes_nothing() -> None:
    outcomes = [(1, 8), (2, 8), (8, 8), (0, 4), (0, 8)] * 7
    values: Counter[float] = Counter(passes / samples for passes, samples in outcomes)
    assert estimate_mean(values, sum(samples for _, samples in outcomes)) == estimate_rate(outcomes)


def test_problems_without_samples_do_not_count() -> None:
    assert estimate_rate([(0, 0), (3, 4)]).problems == 1
    assert estimate_rate([(0, 0)]).value is None


@pytest.mark.parametrize(("value", "low", "high"), [(0.0, 0.0, 0.206), (1.0, 0.794, 1.0)])
def test_no_pass_in_a_few_problems_is_no_proof_of_none(value: float, low: float, high: float) -> None:
    estimate = estimate_mean({value: 16}, 128)
    assert estimate.low == pytest.approx(low, abs=0.001)
    assert estimate.high == pytest.approx(high, abs=0.001)


def test_the_interval_of_a_mean_covers_the_truth_as_often_as_it_says() -> None:
    generator = np.random.default_rng(1)
    covered = 0
    for _ in range(300):
        chances = generator.beta(0.6, 0.6, 60)
        estimate = estimate_rate([(int(passes), 8) for passes in generator.binomial(8, chances)])
        covered += estimate.low is not None and estimate.high is not None and estimate.low <= 0.5 <= estimate.high
    assert 0.91 <= covered / 300 <= 0.98


def share_of(pairs: list[tuple[int, int]]) -> ShareSums:
    passes, rows = np.array(pairs).T
    squares = int((passes**2).sum()), int((passes * rows).sum()), int((rows**2).sum())
    return ShareSums(len(pairs), int(passes.sum()), int(rows.sum()), squares)


def test_the_interval_of_a_share_covers_the_truth_where_problems_differ_in_size() -> None:
    generator = np.random.default_rng(2)
    covered = 0
    for _ in range(300):
        rows = generator.integers(1, 9, 80)
        estimate = estimate_share(
            share_of(list(zip(generator.binomial(rows, generator.beta(0.6, 0.6, 80)), rows, strict=True)))
        )
        covered += estimate.low is not None and estimate.high is not None and estimate.low <= 0.5 <= estimate.high
    assert 0.91 <= covered / 300 <= 0.98


def test_a_share_of_one_problem_says_next_to_nothing() -> None:
    estimate = estimate_share(share_of([(3, 4)]))
    assert (estimate.low, estimate.high) == (0.0, 1.0)


def test_a_share_of_nothing_is_none() -> None:
    assert estimate_share(ShareSums(0, 0, 0, (0, 0, 0))).value is None
