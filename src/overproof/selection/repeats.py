r"""Replies of one problem that are the same word for word: what they are worth, and what they tell of the server.

A server that is greedy whatever it is asked, that ignores the seed, or that answers from a cache gives one text many
times. Those are one observation: eight of eight right are then one right, and eight equal rows teach what one does. But
a model of short replies repeats itself too, and there each reply is a draw of its own, whose frequency is what a pass
rate is. One problem cannot tell the two apart; a run can, by how many of its problems have one text alone and how long
those texts are (`estimators.sameness`).

In a run that repeats itself, a reply that says what an earlier one of its problem says counts for nothing: not in a
pass rate, not in the number of draws that an interval rests on, not in a band (its decision is `server_repeats`). In
any other run each reply counts in the rates, unless it is so long that nobody says it twice. Among the answers of one
problem each text has one vote, in every run (`rewards.group.self_consistency`), and in no run are two of one text kept
for one problem (`identical`).

Two replies are the same when reasoning and answer are, whether the reasoning came in a field of its own or inline.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from overproof.completion import Completion, read_completion
from overproof.estimators import Sameness, compare_replies, is_beyond_chance
from overproof.records import Trace
from overproof.selection.alone import find_incomplete


def find_repeats(
    traces: Sequence[Trace], completions: Sequence[Completion] | None = None, *, repeating: bool
) -> list[bool]:
    """For each trace of one problem whether it counts for nothing, since an earlier one says the same word for word.

    `completions` are those of the traces, where they were read before; `repeating` says that the run's server repeats
    itself.
    """
    seen: set[str] = set()
    repeats = []
    for trace, completion in zip(traces, completions or map(read_completion, traces), strict=True):
        is_whole = find_incomplete(trace) is None
        text = completion.text
        repeats.append(is_whole and text in seen and (repeating or is_beyond_chance(len(text.encode()))))
        if is_whole:
            seen.add(text)
    return repeats


def take_census(traces: Sequence[Trace], completions: Sequence[Completion] | None = None) -> Sameness:
    """What one problem's whole replies tell of the server; those of all problems are added up."""
    read = zip(traces, completions or map(read_completion, traces), strict=True)
    texts = Counter(completion.text for trace, completion in read if find_incomplete(trace) is None)
    if texts.total() < 2:
        return Sameness()
    return compare_replies([*texts.values()], len(texts.most_common(1)[0][0].encode()))
