"""What the traces of one problem answer, and which answer most of them give."""

from __future__ import annotations

from collections.abc import Sequence

from overproof.completion import Completion
from overproof.grading import answer_classes
from overproof.grading.extraction import extract
from overproof.records import Score, Trace
from overproof.rewards.group import self_consistency


def classify_answers(
    traces: Sequence[Trace], scores: Sequence[Score | None], completions: Sequence[Completion]
) -> list[int | None]:
    """For each trace of one problem the number of its class of equivalent answers; None where it gives no answer.

    The answer is the one that was graded; where nothing was, because there is no reference, it is looked for here.
    """
    answers = [_find_answer(*item) for item in zip(traces, scores, completions, strict=True)]
    return answer_classes(answers, question=traces[0].problem.question if traces else None)


def _find_answer(trace: Trace, score: Score | None, completion: Completion) -> str | None:
    if not trace.is_complete:
        return None
    if score is not None and score.grade is not None:
        return score.grade.extracted
    found = extract(completion.answer)
    return found.answer if found else None


def agree_with_majority(classes: Sequence[int | None]) -> list[bool | None]:
    """Whether each trace gives the answer that most traces of its problem give; None for all when there is no such."""
    return [None if reward.value is None else reward.value == 1 for reward in self_consistency(classes)]
