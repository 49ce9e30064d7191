r"""Replies of one problem that are the same word for word: only this module tells a server that repeats itself from a
model whose replies are short.

A server that is greedy whatever it is asked, that ignores the seed, or that answers from a cache gives one text many
times. Those are one observation: eight of eight right are then one right, and eight equal rows teach what one does. But
a model of short replies repeats itself too, and there each reply is a draw of its own, whose frequency is what a pass
rate is. One problem cannot tell the two apart; a run can:

- A server without chance says one text to *every* problem, or to nearly every one. Chance leaves a trail: for each
  problem whose replies all agree there are others in which all but one do, or two, or fewer, since some problems are
  easy to say and others are not. The run is judged by the problems that have several whole replies: it repeats itself
  where in at least half of them all agree, and these are many times those that differ by a single reply.
- Texts below `completion.LONG_ENOUGH` bytes (`\boxed{4}`) are no evidence, for any model may say them again.
- Below `FEWEST_PROBLEMS` such problems nothing is concluded.

In a run that repeats itself, a reply that says what an earlier one of its problem says counts for nothing: not in a
pass rate, not in the number of draws that an interval rests on, not in a band (its decision is `server_repeats`). In
any other run each reply counts in the rates. In no run are two of one text kept for one problem (`identical`): that is
a matter of the dataset, not of the rates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from overproof.completion import LONG_ENOUGH
from overproof.records import Trace
from overproof.selection.alone import find_incomplete

FEWEST_PROBLEMS = 5
"""Problems with several long replies before anything is concluded from them."""
LEAST_SHARE = 0.5
"""Share of these problems whose replies all agree, from which on the server repeats itself."""
LEAST_EXCESS = 5
"""How many problems agree in all replies for each that agrees in all but one. Where the chance of a problem's likeliest
text is spread evenly from 0 to 1 there is one for each. Of 40 problems with eight replies each the shipped teacher at
temperature 0.2 agrees with itself in all of one, and in all but one of another; at 0.6 and 1 in none, though 123 and 83
of its 320 replies repeat another."""


def find_repeats(traces: Sequence[Trace]) -> list[bool]:
    """For each trace of one problem whether an earlier one, whole like it, says the same word for word."""
    seen: set[tuple[str | None, str]] = set()
    repeats = []
    for trace in traces:
        text = (trace.reasoning, trace.content)
        is_whole = find_incomplete(trace) is None
        repeats.append(is_whole and text in seen)
        if is_whole:
            seen.add(text)
    return repeats


def take_census(traces: Sequence[Trace]) -> Counter[str]:
    """What one problem's traces tell of the server: whether they are `compared`, and `alike` in all or all but one.

    Censuses of many problems are added up.
    """
    texts = Counter((trace.reasoning, trace.content) for trace in traces if find_incomplete(trace) is None)
    count = texts.total()
    if count < 2:
        return Counter()
    (reasoning, content), most = texts.most_common(1)[0]
    if len(content.encode()) + len((reasoning or "").encode()) < LONG_ENOUGH:
        return Counter()
    return Counter({"compared": 1, "alike": int(most == count), "nearly": int(most == count - 1 and count > 2)})


def repeats_itself(census: Counter[str]) -> bool:
    """Whether a run's server gives one text for all seeds, by the census of its problems."""
    compared, alike = census["compared"], census["alike"]
    return compared >= FEWEST_PROBLEMS and alike >= LEAST_SHARE * compared and alike >= LEAST_EXCESS * census["nearly"]
