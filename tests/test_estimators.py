"""Estimators against published formulas, against counting every case, and by simulation with a known truth."""

import itertools
import math
from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from simulated import SHAPES, grid

from overproof.estimators import (
    ALPHA,
    SMALLEST_P,
    Estimate,
    ShareSums,
    adjust_p_values,
    estimate_difference,
    estimate_mean,
    estimate_proportion,
    estimate_rate,
    estimate_ratio,
    estimate_share,
    estimate_side,
    fit_prior,
    hold_together,
    majority_at_k,
    pass_at_k,
    permutation_test,
    plan_comparison,
    share_inside,
    stopped_pass_rate,
    t_quantile,
    two_sided_p,
)

REPLIES = st.lists(st.sampled_from([None, "a", "b", "c"]), min_size=1, max_size=8)


@given(st.integers(1, 200), st.data())
def test_pass_at_k_equals_the_formula_of_its_paper(samples: int, data: st.DataObject) -> None:
    correct = data.draw(st.integers(0, samples))
    k = data.draw(st.integers(1, samples))
    # Chen et al. 2021, figure 3: the product form, which is stable in floating point
    published = 1.0 if samples - correct < k else 1 - np.prod(1 - k / np.arange(samples - correct + 1, samples + 1))
    assert pass_at_k(samples, correct, k) == pytest.approx(published, abs=1e-12)


@pytest.mark.parametrize("correct", range(6))
@pytest.mark.parametrize("k", range(1, 6))
def test_pass_at_k_is_the_share_of_choices_with_a_correct_one(correct: int, k: int) -> None:
    replies = [True] * correct + [False] * (5 - correct)
    choices = list(itertools.combinations(replies, k))
    assert pass_at_k(5, correct, k) == pytest.approx(sum(map(any, choices)) / len(choices))


def test_with_fewer_than_k_replies_there_is_no_estimate() -> None:
    assert pass_at_k(3, 2, 4) is None
    assert majority_at_k(["a", "a", "b"], [True, True, False], 4) is None


def count_majorities(classes: Sequence[str | None], correct: Sequence[bool], k: int) -> float:
    """maj@k by going through every choice of k replies."""
    share = {
        name: sum(passed for other, passed in zip(classes, correct, strict=True) if other == name) / count
        for name, count in Counter(classes).items()
    }
    results = []
    for chosen in itertools.combinations(classes, k):
        votes = Counter(name for name in chosen if name is not None)
        best = [name for name, count in votes.items() if count == max(votes.values())]
        results.append(sum(share[name] for name in best) / len(best) if best else 0.0)
    return sum(results) / len(results)


@given(REPLIES, st.data())
def test_the_majority_equals_that_of_counting_every_choice(classes: list[str | None], data: st.DataObject) -> None:
    correct = [name == "a" or (name == "b" and data.draw(st.booleans())) for name in classes]
    k = data.draw(st.integers(1, len(classes)))
    assert majority_at_k(classes, correct, k) == pytest.approx(count_majorities(classes, correct, k), abs=1e-9)


def test_the_majority_of_one_reply_is_the_pass_rate() -> None:
    assert majority_at_k(["a", "b", "a", None], [True, False, True, False], 1) == pytest.approx(0.5)


@pytest.mark.slow
def test_the_majority_of_many_replies_is_that_of_the_largest_class() -> None:
    classes = ["a"] * 160 + ["b"] * 159 + ["c"] * 161
    assert majority_at_k(classes, [name == "c" for name in classes], len(classes)) == pytest.approx(1)


def test_replies_without_an_answer_do_not_vote_and_do_not_pass() -> None:
    assert majority_at_k([None, None, "a"], [False, False, True], 3) == 1
    assert majority_at_k([None, None], [False, False], 2) == 0


def test_a_rate_is_the_mean_over_problems_and_not_over_rows() -> None:
    estimate = estimate_rate([(1, 1), (0, 9), (0, 0)])
    assert (estimate.value, estimate.problems, estimate.samples) == (0.5, 2, 10)


def test_a_ratio_is_taken_over_all_replies() -> None:
    estimate = estimate_ratio([(100, 1), (100, 3), (0, 0)])
    assert (estimate.value, estimate.problems, estimate.samples) == (50, 2, 4)
    assert estimate_ratio([(100, 4)]) == Estimate(25, None, None, 1, 4)


def test_where_nothing_was_measured_there_is_a_reason_and_no_number() -> None:
    for nothing in (estimate_rate([]), estimate_rate([(0, 0)]), estimate_mean({}, 0), estimate_ratio([(0, 0)])):
        assert (nothing.value, nothing.low, nothing.high, nothing.reason) == (None, None, None, "no sample counts")


@pytest.mark.parametrize("passes", [0, 32, 64])
def test_problems_that_all_agree_leave_a_doubt_that_one_more_reply_does_not_remove(passes: int) -> None:
    agreeing = estimate_rate([(passes, 64)] * 30)
    other = estimate_rate([(passes, 64)] * 29 + [(abs(passes - 1), 64)])
    assert agreeing.value == passes / 64
    assert width(agreeing) > 0.05
    assert width(other) == pytest.approx(width(agreeing), rel=0.02)


def test_problems_without_enough_replies_are_told_with_the_value_if_they_failed() -> None:
    estimate = estimate_mean({1.0: 14}, 56, asked=30)
    assert (estimate.value, estimate.problems, estimate.asked, estimate.least) == (1.0, 14, 30, 14 / 30)
    assert estimate_mean({1.0: 14}, 56, asked=14).asked is None


@pytest.mark.parametrize("value", [math.nan, -0.1, 1.1, math.inf])
def test_what_is_no_rate_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="a rate is a number from 0 to 1"):
        estimate_mean({value: 3, 0.5: 1}, 4)
    with pytest.raises(ValueError, match="needs numbers"):
        estimate_difference([0.5, 0.5], [math.nan, 0.5])
    with pytest.raises(ValueError, match="needs numbers"):
        permutation_test([0.1, math.nan])


@pytest.mark.parametrize(("passes", "draws"), [(81, 263), (0, 20), (10, 10), (1, 2), (299, 300)])
def test_a_proportion_has_the_exact_interval_that_scipy_gives(passes: int, draws: int) -> None:
    found, expected = estimate_proportion(passes, draws), stats.binomtest(passes, draws).proportion_ci(0.95, "exact")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert estimate_proportion(0, 0).value is None


def test_one_problem_alone_says_nothing_of_others() -> None:
    estimate = estimate_rate([(3, 4)])
    assert (estimate.value, estimate.high) == (0.75, 1.0)
    assert width(estimate) > 0.95


def test_the_same_outcomes_give_the_same_interval_and_more_problems_a_narrower_one() -> None:
    few, many = [(index % 5, 4) for index in range(40)], [(index % 5, 4) for index in range(4000)]
    assert estimate_rate(few) == estimate_rate(few)
    assert width(estimate_rate(many)) == pytest.approx(width(estimate_rate(few)) / 10, rel=0.2)


@pytest.mark.parametrize("freedom", [1, 1.5, 2, 3.7, 9, 29, 99.5, 4000, 49_000, 1e6])
@pytest.mark.parametrize("level", [0.6, 0.95, 0.9983, 0.99995])
def test_students_t_is_scipys(freedom: float, level: float) -> None:
    assert t_quantile(level, freedom) == pytest.approx(stats.t.ppf(0.5 + level / 2, freedom), rel=1e-4)
    assert two_sided_p(t_quantile(level, freedom), freedom) == pytest.approx(1 - level, rel=1e-6)


def test_a_difference_is_paired_by_problem() -> None:
    generator = np.random.default_rng(0)
    first = generator.random(200)
    difference = estimate_difference(first, first + 0.01)
    assert difference.value == pytest.approx(0.01)
    assert difference.low < 0.01 < difference.high
    assert width(difference) < 0.02
    shuffled = generator.permutation(first) + 0.01
    assert width(estimate_difference(first, shuffled)) > 0.05


def test_equal_systems_do_not_differ() -> None:
    same = estimate_difference([0.5, 1.0, 0.25], [0.5, 1.0, 0.25])
    assert (same.value, same.p_value) == (0, 1)
    assert same.low < 0 < same.high


def test_runs_that_scatter_beyond_chance_widen_the_interval() -> None:
    generator = np.random.default_rng(0)
    base = generator.random((3, 300))
    steady = estimate_difference(base, base + 0.1)
    shaken = estimate_difference(base, base + 0.1 + np.array([[-0.2], [0.0], [0.2]]))
    assert shaken.value == pytest.approx(steady.value)
    assert width(shaken) > width(steady) + 0.2


def test_sides_with_other_problems_are_refused() -> None:
    with pytest.raises(ValueError, match="the same problems, not 2 and 1"):
        estimate_difference([0, 1], [1])
    with pytest.raises(ValueError, match="the same problems, not 0 and 0"):
        estimate_difference([], [])


def test_a_permutation_test_tries_every_exchange_where_there_are_few() -> None:
    # of the 8 choices of signs of 1, 2, 3 only +++ and --- reach a sum of 6
    assert permutation_test([1, 2, 3]) == pytest.approx(2 / 8)
    assert permutation_test([0.0, 1, 2, 3]) == pytest.approx(2 / 8)
    assert permutation_test([]) == 1


@pytest.mark.parametrize(("wins", "losses", "p_value"), [(5, 0, 0.03125), (1, 1, 0.75), (9, 3, 0.0923), (3, 9, 0.0923)])
def test_single_samples_are_compared_by_mcnemars_mid_p(wins: int, losses: int, p_value: float) -> None:
    # twice the binomial tail, less the chance of what was seen
    assert permutation_test([1] * wins + [-1] * losses + [0] * 7) == pytest.approx(p_value, abs=1e-4)


def test_a_million_problems_are_compared_alike_whether_their_gaps_are_few_or_many_sizes() -> None:
    generator = np.random.default_rng(0)
    few = generator.integers(-8, 9, 20_000) / 8 + 0.002
    many = few + generator.normal(0, 1e-9, 20_000)
    assert permutation_test(few) == pytest.approx(permutation_test(many), abs=0.02)
    assert permutation_test(np.abs(few)) == SMALLEST_P


def test_a_verdict_and_its_interval_never_say_two_things() -> None:
    generator = np.random.default_rng(7)
    for _ in range(60):
        first = generator.binomial(4, 0.5, 40) / 4
        sides = [generator.binomial(4, 0.5 + shift, 40) / 4 for shift in (0.0, 0.1, 0.2, 0.3)]
        for held, p_value in hold_together([estimate_difference(first, side) for side in sides]):
            assert (p_value <= ALPHA) == (not held.low <= 0 <= held.high)


def test_few_problems_and_seeds_give_an_interval_within_what_is_possible() -> None:
    generator = np.random.default_rng(1)
    found = estimate_difference(generator.random((2, 3)), generator.random((1, 3)))
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert found.covers_training
    assert not estimate_difference([0.5, 0.4], [0.3, 0.2]).covers_training


def test_a_side_that_is_always_wrong_is_not_known_to_be_hopeless() -> None:
    value, low, high = estimate_side(np.zeros((3, 50)))
    assert (value, low) == (0.0, 0.0)
    assert high > 0.02


def test_two_of_two_right_is_not_a_pass_rate_of_one() -> None:
    counts = {(0, 2): 40, (1, 2): 40, (2, 2): 20}
    prior = fit_prior(counts)
    assert 0.4 < prior.a / (prior.a + prior.b) < 0.42
    assert prior.rate(2, 2) < 0.8
    assert prior.chance_inside(2, 2, 0.8, 1.0) < 0.5
    assert prior.chance_inside(64, 64, 0.8, 1.0) > 0.95
    assert share_inside(prior, {(2, 2): 20}, 0.0, 1.0) == pytest.approx(1)
    assert fit_prior({}).rate(0, 0) == 0.5


def test_a_beta_distribution_between_two_bounds_is_scipys() -> None:
    for a, b in ((0.3, 0.4), (2, 5), (1, 1), (40, 3)):
        prior = fit_prior({})
        expected = stats.beta.cdf(0.8, a, b) - stats.beta.cdf(0.2, a, b)
        found = msgspec.structs.replace(prior, a=a, b=b).chance_inside(0, 0, 0.2, 0.8)
        assert found == pytest.approx(expected, abs=1e-9)


def test_more_samples_a_problem_take_fewer_problems_and_impossible_plans_are_refused() -> None:
    plans = [plan_comparison(0.02, n).problems for n in (1, 8, 64)]
    assert 6_000 < plans[0] < 7_000, "7.85 · 2 · E[p(1 − p)] / .02², with p evenly spread"
    assert plans[0] > 7 * plans[1] > 7 * 6 * plans[2]
    with pytest.raises(ValueError, match="between 0 and 1"):
        plan_comparison(0, 4)


def test_a_probe_is_as_long_as_what_counts_of_it() -> None:
    # the first of two replies was refused: going on had nothing to do with what the others say
    rate = stopped_pass_rate([None, True, False, True], probe=2, want_correct=2, most=8)
    assert (rate.value, rate.estimator, rate.draws) == (0.5, "inverse", 3)
    assert stopped_pass_rate([None, None], probe=2, want_correct=1, most=8).value is None


def test_random_exchanges_agree_with_all_of_them() -> None:
    gaps = np.random.default_rng(3).normal(0.6, 1, 14)
    signs = np.array(list(itertools.product([-1, 1], repeat=len(gaps))))
    exact = (np.abs(signs @ gaps) >= abs(gaps.sum()) - 1e-9).mean()
    assert 0.01 < exact < 0.5
    assert permutation_test(gaps) == pytest.approx(exact, abs=0.02)


def test_holms_adjustment_is_that_of_r() -> None:
    # R's own p.adjust with method "holm" says so of these
    assert adjust_p_values([0.01, 0.02, 0.03, 0.04, 0.005]) == pytest.approx([0.04, 0.06, 0.06, 0.06, 0.025])
    assert adjust_p_values([0.9, 0.8]) == [1.0, 1.0]
    assert adjust_p_values([]) == []


def width(interval: object) -> float:
    low, high = getattr(interval, "low", None), getattr(interval, "high", None)
    assert isinstance(low, float)
    assert isinstance(high, float)
    return high - low


def test_coverage_bias_false_alarms_and_power_of_every_statistic_meet_their_targets() -> None:
    """A shortened grid, in which only gross faults show; `tests/bench/bench_statistics.py` runs the whole one."""
    cells = list(grid(np.random.default_rng(11), 60, (3, 30), (1, 8)))
    assert len({cell.statistic for cell in cells}) == 18
    # forecasts lean a few per cent low early in a run, as the guide says
    assert not [cell for cell in cells if cell.misses() and cell.statistic != "forecast"]


def test_rows_taken_for_independent_would_hold_the_truth_far_too_seldom() -> None:
    generator = np.random.default_rng(12)
    held = 0
    for _ in range(200):
        passes = int(generator.binomial(8, generator.beta(*SHAPES["even"], 100)).sum())
        rows = estimate_rate([(1, 1)] * passes + [(0, 1)] * (800 - passes))
        assert rows.low is not None
        assert rows.high is not None
        held += rows.low <= 0.5 <= rows.high
    assert held / 200 < 0.75


def share_of(pairs: list[tuple[int, int]]) -> ShareSums:
    passes, rows = np.array(pairs).T
    squares = int((passes**2).sum()), int((passes * rows).sum()), int((rows**2).sum())
    return ShareSums(len(pairs), int(passes.sum()), int(rows.sum()), squares)


def test_a_share_of_one_problem_says_next_to_nothing() -> None:
    estimate = estimate_share(share_of([(3, 4)]))
    assert width(estimate) > 0.95


def test_a_share_of_nothing_is_none() -> None:
    assert estimate_share(ShareSums(0, 0, 0, (0, 0, 0))).value is None
