"""The fixed list of reasons; only this module holds their names and meanings.

Reasons stand in the order in which they are tested: a trace gets the first that applies, so that the counts read as
a funnel from what was sampled to what is kept.
"""

from overproof.config.rewards import REWARDS

KEPT = {
    "correct": "its answer equals the reference",
    "majority": "nothing to grade against; its answer is the one that most traces of its problem give",
    "unverified": "kept without a verdict: there is no reference, or none that can be graded against",
    "any_answer": "kept although its answer is wrong: the policy asks for no right answer",
}
"""Reasons of kept traces, with their meaning."""

REJECTED = {
    # of the reply itself
    "refused": "the endpoint refused the request for good",
    "truncated": "the reply was cut at the token limit",
    "incomplete": "the reply did not end by itself",
    "server_repeats": "the server repeats itself: it says word for word what an earlier trace of its problem says",
    "not_scored": "it has no scores; run score again",
    # of its problem
    "problem_gone": "its problem is no longer among the run's problems",
    "problem_duplicate": "its problem asks the same question as an earlier one",
    "problem_contaminated": "its problem stands in a benchmark",
    "problem_dropped": "a person dropped its problem",
    # of its form
    **{f"below_{name}": f"its {name} is below what is required" for name in REWARDS},
    "below_custom_reward": "a reward of the config's own is below what is required",
    "summary": "its reasoning is a summary or partly encrypted, and no chain of thought",
    "no_reasoning": "the reply has no reasoning block, or an empty one",
    "no_answer": "nothing follows the reasoning",
    "stray_think_tag": "a think tag stands within the reasoning or the answer",
    "control_token": "the text holds what some tokenizer reads as a control token, such as <|im_end|>",
    "damaged_text": "the text holds control characters, or marks of bytes that could not be decoded",
    # of its answer
    "no_reference": "its problem has no reference to grade against",
    "unverifiable": "its answer could not be graded",
    "incorrect": "its answer differs from the reference",
    "no_majority": "nothing to grade against, and no answer of its problem has a majority",
    "refused_by_policy": "the selection's own policy does not keep it",
    "minority": "nothing to grade against; most traces of its problem give another answer",
    # of its problem's difficulty
    "pass_rate_unknown": "too few traces of its problem count for a pass rate",
    "too_hard": "its problem is solved less often than min_pass_rate",
    "too_easy": "its problem is solved more often than max_pass_rate",
    # beside the others of its problem
    "identical": "a kept trace of its problem says the same word for word",
    "same_answer": "a kept trace of its problem gives an equivalent answer",
    "near_identical": "it overlaps too much with a kept trace of its problem",
    "over_k": "enough traces of its problem are kept already",
}
"""Reasons of rejected traces, in the order they are tested."""

REASONS = {**KEPT, **REJECTED}
"""Every reason a decision can have, with its meaning."""
