"""Rates and how sure one can be of them; only this package holds statistics.

student      Student's t and the beta distribution
intervals    a mean over problems and its interval
passrate     pass@k, maj@k, and a problem's pass rate whatever rule ended its sampling
differences  two systems on the same problems, and whether it could be chance
sameness     whether a server that says the same again can say anything else
shrinkage    what few replies to a problem say of it, given all the others
planning     how many problems and samples it takes to see a difference
"""

from overproof.estimators.differences import (
    ALPHA,
    SMALLEST_P,
    Difference,
    adjust_p_values,
    estimate_difference,
    estimate_side,
    hold_together,
    permutation_test,
    show_p,
)
from overproof.estimators.intervals import (
    Estimate,
    Floats,
    ShareSums,
    estimate_mean,
    estimate_proportion,
    estimate_rate,
    estimate_ratio,
    estimate_share,
)
from overproof.estimators.planning import ComparisonPlan, plan_comparison
from overproof.estimators.rates import PassRate, fixed_pass_rate, majority_at_k, pass_at_k, stopped_pass_rate
from overproof.estimators.sameness import (
    EVIDENCE,
    TELLING_BYTES,
    Sameness,
    chance_again,
    compare_replies,
    is_beyond_chance,
    sum_sameness,
    surprise,
)
from overproof.estimators.shrinkage import Prior, fit_prior, share_inside
from overproof.estimators.students_t import t_quantile, two_sided_p

__all__ = [
    "ALPHA",
    "EVIDENCE",
    "SMALLEST_P",
    "TELLING_BYTES",
    "ComparisonPlan",
    "Difference",
    "Estimate",
    "Floats",
    "PassRate",
    "Prior",
    "Sameness",
    "ShareSums",
    "adjust_p_values",
    "chance_again",
    "compare_replies",
    "estimate_difference",
    "estimate_mean",
    "estimate_proportion",
    "estimate_rate",
    "estimate_ratio",
    "estimate_share",
    "estimate_side",
    "fit_prior",
    "fixed_pass_rate",
    "hold_together",
    "is_beyond_chance",
    "majority_at_k",
    "pass_at_k",
    "permutation_test",
    "plan_comparison",
    "share_inside",
    "show_p",
    "stopped_pass_rate",
    "sum_sameness",
    "surprise",
    "t_quantile",
    "two_sided_p",
]
