"""What can only be said of one problem's traces together: whether they agree with the majority."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from overproof.estimators import TELLING_BYTES
from overproof.records import Reward


def find_voices(texts: Sequence[str]) -> list[bool]:
    """For each reply to one problem whether its answer is a vote of its own, by what it says.

    A majority is evidence as far as many ways lead to one answer, so that of replies that are the same word for word
    the first alone has a vote; those of few bytes, which any model says again, have one each.
    """
    seen: set[str] = set()
    voices = []
    for text in texts:
        voices.append(text not in seen or len(text.encode()) < TELLING_BYTES)
        seen.add(text)
    return voices


def self_consistency(classes: Sequence[int | None], voices: Sequence[bool] | None = None) -> list[Reward]:
    """Whether each trace's answer is the one that most of its problem's traces give: 1, 0 or None.

    `classes` holds for each trace of one problem the number of its answer's equivalence class, None where it gave no
    answer; `voices` says which of them vote (`find_voices`), None that all do. This is agreement (Wang et al., arXiv
    2203.11171), not accuracy: a majority can be wrong. None for all when two classes are level at the top, or fewer
    than two traces that vote gave an answer.
    """
    votes = zip(classes, voices if voices is not None else [True] * len(classes), strict=True)
    counts = Counter(number for number, has_vote in votes if has_vote and number is not None)
    answered = counts.total()
    if answered < 2:
        return [Reward(None, "too_few_answers") for _ in classes]
    (top, most), *rest = counts.most_common(2)
    if rest and rest[0][1] == most:
        return [Reward(None, "no_majority") for _ in classes]
    rewards = []
    for number in classes:
        evidence = {"votes": counts[number] if number is not None else 0, "answered": answered}
        reason = "no_answer" if number is None else "" if number == top else "minority"
        rewards.append(Reward(float(number == top), reason, evidence))
    return rewards
