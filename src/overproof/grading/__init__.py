r"""Does an answer equal the reference? Only this package uses Math-Verify and SymPy.

    from overproof.grading import grade

    grade(r"<think>…</think>So it is $\boxed{\tfrac12}$.", "0.5")
    # Grade(verdict='correct', extracted='\\tfrac12', layer='number', reason='both are 1/2')

An answer goes through these layers, cheapest first, until one decides (`Grade.layer` names it):

| layer       | module              | decides                                                                        |
| ----------- | ------------------- | ------------------------------------------------------------------------------ |
| reference   | references          | there is no reference, or none that can be graded against                      |
| extraction  | extraction          | the completion gives no answer                                                 |
| choice      | choices             | option letters, an option's text, a letter before its text                     |
| text        | spelling, words     | the same text in one spelling; words and set phrases                           |
| unit        | units               | units of different dimension (units of one dimension are converted)            |
| relation    | regions             | intervals, inequalities, set-builders as sets of reals                         |
| equation    | equations           | names for values, equations with the same solutions                            |
| parts       | compare             | lists, tuples and sets, part by part, by name or by label                      |
| matrix      | compare             | matrices and vectors, entry by entry                                           |
| kind        | compare             | kinds that can never be equal (an interval and a number)                       |
| number      | exact               | exact rational arithmetic                                                      |
| rounding    | scalars             | equal after rounding to the reference's digits: verdict `approximate`          |
| numeric     | numeric             | values at fixed sample points, in floating point with a running error bound    |
| deep        | deep, in a worker   | mpmath with 50 digits, then Math-Verify and SymPy                              |
| backstop    | pool                | the wall clock ran out: grade again                                            |
| judge       | (none here)         | left for a judge model's verdicts, which another module adds                   |

All but the last but one run in the caller, in time linear in the text, with limits on length, depth and the size of
numbers. The deep layer runs in worker processes (`pool`) with limits on processor time and memory for each answer, so
that a verdict does not depend on the machine's load.
`spelling` brings a text into its one spelling, `reader` makes a `tree` of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from overproof.grading.grader import Pending, exact_grade, judge, settle
from overproof.grading.pool import POOL, TIMEOUT_SECONDS
from overproof.grading.protocol import BACKSTOP, Answer, Task
from overproof.grading.references import type_reference
from overproof.records import Grade, Verdict, clean_text

WINDOW = 256
"""How many rows `grade_many` holds at a time when it grades in the caller."""


class Row(msgspec.Struct, frozen=True):
    """One answer to be graded."""

    completion: str | None
    """The reply's text, a think block included where it came inline."""
    reference: str | None
    question: str | None = None
    answer_only: bool = False
    """The completion is known to be an answer and nothing else."""


def grade(
    completion: str | None,
    reference: str | None,
    *,
    question: str | None = None,
    answer_only: bool = False,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Grade:
    """The verdict on one completion, with its evidence. Never raises on what a model or a file may hold.

    `completion` is the reply's text; only what follows its last `</think>` counts. `question` gives the options of a
    multiple choice, the variables it names, and whether its parts have an order. `timeout_seconds` is the
    processor time for the deep layer, should it be needed; it starts a worker process on first use.
    """
    found = exact_grade(completion, reference, question, answer_only=answer_only)
    if isinstance(found, Grade):
        return found
    return _settled(found, POOL.run(_deep_task(found), timeout_seconds))


def grade_many(
    rows: Iterable[Row], *, workers: int | None = None, timeout_seconds: float = TIMEOUT_SECONDS
) -> Iterator[Grade]:
    """The verdicts on many rows, in their order, as they are asked for.

    With `workers=None` rows are graded in the caller and only the deep layer runs in (two) worker processes; with a
    number, that many processes grade whole rows. Verdicts are the same either way.
    """
    if workers is not None:
        yield from _grade_there(rows, workers, timeout_seconds)
        return
    remaining = iter(rows)
    while window := list(itertools.islice(remaining, WINDOW)):
        yield from _grade_here(window, timeout_seconds)


def equivalent(one: str, other: str, *, question: str | None = None) -> bool | None:
    """Whether two answers (as `Grade.extracted` holds them) say the same; None where that cannot be told."""
    if one == other:
        return True
    verdict = grade(other, one, question=question, answer_only=True).verdict
    if verdict is Verdict.UNVERIFIABLE:
        return None
    return verdict is not Verdict.INCORRECT


def answer_classes(answers: Sequence[str | None], *, question: str | None = None) -> list[int | None]:
    """For each answer the number of its class of equivalent answers, in order of appearance; None for no answer.

    An answer joins the first class whose first member it is equivalent to. Used for maj@k and self-consistency.
    """
    members: list[str] = []
    seen: dict[str, int] = {}
    classes: list[int | None] = []
    for answer in answers:
        if answer is None or not answer.strip():
            classes.append(None)
            continue
        if answer not in seen:
            found = (number for number, first in enumerate(members) if equivalent(first, answer, question=question))
            seen[answer] = next(found, len(members))
            if seen[answer] == len(members):
                members.append(answer)
        classes.append(seen[answer])
    return classes


def _deep_task(pending: Pending) -> Task:
    return Task(pending.answer, pending.reference, pending.question, deep=True)


def _grade_here(window: list[Row], timeout_seconds: float) -> list[Grade]:
    """A window of rows, graded in the caller, the deep layer in two workers."""
    found = [exact_grade(row.completion, row.reference, row.question, answer_only=row.answer_only) for row in window]
    pending = [(number, grade) for number, grade in enumerate(found) if isinstance(grade, Pending)]
    tasks = [_deep_task(grade) for _, grade in pending]
    settled: dict[int, Grade] = {}
    if tasks:
        for task, answer in POOL.run_many(tasks, workers=min(2, len(tasks)), timeout_seconds=timeout_seconds):
            number, open_grade = pending[task]
            settled[number] = _settled(open_grade, answer)
    return [settled[number] if isinstance(grade, Pending) else grade for number, grade in enumerate(found)]


def _settled(pending: Pending, answer: Answer) -> Grade:
    """The grade of a pending row, given what came back from a worker; marked where the wall clock ended it."""
    result = settle(pending, answer.same, answer.reason)
    return msgspec.structs.replace(result, layer=BACKSTOP) if answer.late else result


def _grade_there(rows: Iterable[Row], workers: int, timeout_seconds: float) -> Iterator[Grade]:
    """Rows graded whole in worker processes; what comes early waits for its turn."""
    sent: dict[int, Row] = {}

    def tasks() -> Iterator[Task]:
        for number, row in enumerate(rows):
            sent[number] = row
            yield Task(_cleaned(row.completion), _cleaned(row.reference), _cleaned(row.question), row.answer_only)

    early: dict[int, Grade] = {}
    turn = 0
    for number, answer in POOL.run_many(tasks(), workers=workers, timeout_seconds=timeout_seconds):
        row = sent.pop(number)
        early[number] = answer.grade or _given_up(row, answer)
        while turn in early:
            yield early.pop(turn)
            turn += 1


def _cleaned(text: str | None) -> str | None:
    return None if text is None else clean_text(text)


def _given_up(row: Row, answer: Answer) -> Grade:
    """The grade of a row over which a worker gave up or ended: the same as if only its deep layer had run there."""
    found = exact_grade(row.completion, row.reference, row.question, answer_only=row.answer_only)
    return found if isinstance(found, Grade) else _settled(found, answer)


__all__ = ["Row", "answer_classes", "equivalent", "grade", "grade_many", "judge", "type_reference"]
