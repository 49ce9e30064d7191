"""What can only be said of one problem's traces together: whether they agree with the majority."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from overproof.records import Reward


def self_consistency(classes: Sequence[int | None]) -> list[Reward]:
    """Whether each trace's answer is the one that most of its problem's traces give: 1, 0 or None.

    `classes` holds for each trace of one problem the number of its answer's equivalence class, None where it gave no
    answer. This is agreement (Wang et al., arXiv 2203.11171), not accuracy: a majority can be wrong. None for all when
    two classes are level at the top, or fewer than two traces gave an answer.
    """
    counts = Counter(number for number in classes if number is not None)
    answered = counts.total()
    if answered < 2:
        return [Reward(None, "too_few_answers") for _ in classes]
    (top, votes), *rest = counts.most_common(2)
    if rest and rest[0][1] == votes:
        return [Reward(None, "no_majority") for _ in classes]
    rewards = []
    for number in classes:
        evidence = {"votes": counts[number] if number is not None else 0, "answered": answered}
        reason = "no_answer" if number is None else "" if number == top else "minority"
        rewards.append(Reward(float(number == top), reason, evidence))
    return rewards
