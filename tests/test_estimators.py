"""Estimators against published formulas, against counting every case, and by simulation with a known truth."""

import itertools
import random
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overproof.estimators import (
    RESAMPLES,
    Estimate,
    Floats,
    ShareSums,
    _student_t,
    adjust_p_values,
    estimate_difference,
    estimate_mean,
    estimate_proportion,
    estimate_rate,
    estimate_ratio,
    estimate_share,
    majority_at_k,
    pass_at_k,
    permutation_test,
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


def test_the_majority_of_many_replies_is_that_of_the_largest_class() -> None:
    classes = ["a"] * 400 + ["b"] * 399 + ["c"] * 401
    assert majority_at_k(classes, [name == "c" for name in classes], len(classes)) == pytest.approx(1)
    assert majority_at_k(classes, [name == "a" for name in classes], len(classes)) == pytest.approx(0)


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


@pytest.mark.parametrize(("passes", "low", "high"), [(0, 0.0, 0.3085), (4, 0.6915, 1.0)])
def test_where_all_problems_agree_the_interval_is_the_exact_binomial_one(passes: int, low: float, high: float) -> None:
    # Clopper and Pearson's interval for 0 (or 10) of 10
    estimate = estimate_rate([(passes, 4)] * 10)
    assert estimate.value == passes / 4
    assert [estimate.low, estimate.high] == pytest.approx([low, high], abs=1e-4)


@pytest.mark.parametrize(
    ("passes", "draws", "low", "high"), [(81, 263, 0.2553, 0.3662), (0, 20, 0.0, 0.1611), (10, 10, 0.7225, 1.0)]
)
def test_a_proportion_has_wilsons_interval(passes: int, draws: int, low: float, high: float) -> None:
    # Newcombe 1998, Statistics in Medicine 17, table I; the last by the closed form draws / (draws + z²)
    found = estimate_proportion(passes, draws)
    assert (found.value, found.low, found.high) == pytest.approx((passes / draws, low, high), abs=1e-4)
    assert estimate_proportion(0, 0).value is None


def test_one_problem_alone_says_nothing_of_others() -> None:
    estimate = estimate_rate([(3, 4)])
    assert (estimate.value, estimate.low, estimate.high) == (0.75, 0.0, 1.0)


def test_the_same_outcomes_give_the_same_interval_and_more_problems_a_narrower_one() -> None:
    few, many = [(index % 5, 4) for index in range(40)], [(index % 5, 4) for index in range(4000)]
    assert estimate_rate(few) == estimate_rate(few)
    assert width(estimate_rate(many)) == pytest.approx(width(estimate_rate(few)) / 10, rel=0.2)


@pytest.mark.parametrize(("freedom", "quantile"), [(4, 2.776), (9, 2.262), (29, 2.045), (99, 1.984)])
def test_students_t_is_that_of_the_tables(freedom: int, quantile: float) -> None:
    assert _student_t(freedom) == pytest.approx(quantile, abs=2e-3)


def test_a_difference_is_paired_by_problem() -> None:
    generator = np.random.default_rng(0)
    first = generator.random(200)
    difference = estimate_difference(first, first + 0.01)
    assert difference.value == pytest.approx(0.01)
    assert [difference.low, difference.high] == pytest.approx([0.01, 0.01])
    assert difference.p_value == pytest.approx(1 / 10_001)
    shuffled = generator.permutation(first) + 0.01
    assert width(estimate_difference(first, shuffled)) > 0.05


def test_equal_systems_do_not_differ() -> None:
    same = estimate_difference([0.5, 1.0, 0.25], [0.5, 1.0, 0.25])
    assert (same.value, same.low, same.high, same.p_value) == (0, 0, 0, 1)


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


def draw_problems(generator: np.random.Generator, kind: str, problems: int) -> Floats:
    """Chances of success of some problems: middling, or mostly hard or easy as in a contest."""
    a, b = {"middling": (2.0, 1.5), "contest": (0.25, 0.4)}[kind]
    return generator.beta(a, b, problems)


SIMULATIONS = 2000
TRUTH = {"middling": 2 / 3.5, "contest": 0.25 / 0.65}


def coverage(holds: Callable[[np.random.Generator], bool], simulations: int = SIMULATIONS) -> float:
    generator = np.random.default_rng(12)
    return sum(holds(generator) for _ in range(simulations)) / simulations


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "problems", "samples"),
    [("middling", 100, 8), ("middling", 400, 1), ("contest", 30, 16), ("contest", 60, 8), ("contest", 200, 4)],
)
def test_the_interval_of_a_pass_rate_holds_the_truth_as_often_as_it_says(
    kind: str, problems: int, samples: int
) -> None:
    def holds(generator: np.random.Generator) -> bool:
        passes = generator.binomial(samples, draw_problems(generator, kind, problems))
        estimate = estimate_rate([(int(count), samples) for count in passes], seed=int(generator.integers(1 << 30)))
        assert estimate.low is not None
        assert estimate.high is not None
        return estimate.low <= TRUTH[kind] <= estimate.high

    assert 0.93 <= coverage(holds) <= 0.97


@pytest.mark.slow
def test_rows_taken_for_independent_would_hold_the_truth_far_too_seldom() -> None:
    def holds(generator: np.random.Generator) -> bool:
        passes = generator.binomial(8, draw_problems(generator, "contest", 100))
        rows = estimate_rate([(1, 1)] * int(passes.sum()) + [(0, 1)] * int((8 - passes).sum()))
        assert rows.low is not None
        assert rows.high is not None
        return rows.low <= TRUTH["contest"] <= rows.high

    assert coverage(holds, 300) < 0.75


@pytest.mark.slow
def test_the_interval_of_pass_at_k_holds_the_truth_as_often_as_it_says() -> None:
    # the chance that one of 4 replies passes, over problems with p from Beta(2, 1.5): 1 - E[(1 - p)^4]
    truth = 1 - np.prod([(1.5 + step) / (3.5 + step) for step in range(4)])

    def holds(generator: np.random.Generator) -> bool:
        passes = generator.binomial(8, draw_problems(generator, "middling", 100))
        values = [pass_at_k(8, int(count), 4) or 0.0 for count in passes]
        estimate = estimate_mean(Counter(values), 800, seed=int(generator.integers(1 << 30)))
        assert estimate.low is not None
        assert estimate.high is not None
        return bool(estimate.low <= truth <= estimate.high)

    assert 0.93 <= coverage(holds) <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize(("spread", "runs"), [(0.0, 1), (0.0, 3), (0.01, 3), (0.03, 5)])
def test_the_interval_of_a_difference_holds_the_truth_as_often_as_it_says(spread: float, runs: int) -> None:
    """`spread` is the standard deviation of what a training's seed adds to each run's rate, clipping aside."""

    def simulate(generator: np.random.Generator, chances: Floats, shift: float) -> Floats:
        effects = generator.normal(shift, spread, (runs, 1)) if spread else np.full((runs, 1), shift)
        return generator.binomial(4, chances + effects) / 4

    def holds(generator: np.random.Generator) -> bool:
        chances = 0.2 + 0.5 * draw_problems(generator, "middling", 200)
        found = estimate_difference(simulate(generator, chances, 0), simulate(generator, chances, 0.1))
        return found.low <= 0.1 <= found.high

    # where the runs do not differ at all, what looks like it by chance makes the interval a little too wide
    assert 0.93 <= coverage(holds, 1000) <= (0.98 if runs > 1 else 0.97)


@pytest.mark.slow
def test_equal_systems_are_told_apart_no_more_often_than_the_p_value_says() -> None:
    def alarms(generator: np.random.Generator) -> bool:
        chances = draw_problems(generator, "contest", 60)
        first, second = generator.binomial(4, chances) / 4, generator.binomial(4, chances) / 4
        return permutation_test(second - first, seed=int(generator.integers(1 << 30))) < 0.05

    assert coverage(alarms, 1000) == pytest.approx(0.05, abs=0.015)


def test_resamples_are_enough_for_the_second_digit() -> None:
    chance = random.Random(0)
    outcomes = [(chance.randrange(9), 8) for _ in range(100)]
    lows = [estimate_rate(outcomes, seed=seed).low or 0.0 for seed in range(20)]
    assert RESAMPLES >= 1000
    assert max(lows) - min(lows) < 0.015


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
